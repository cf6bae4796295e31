"""``mastersctl rename``"""

import subprocess
import sys
import time

import psycopg
import pytest
import time_machine

from mastersctl.schema.master import name_hash
from tests.support.databases import IS_LOCKED, PostgresDatabase, RealDatabase, ServerDatabase
from tests.support.rows import MINUTE, add_belongings, add_master, contents, masters


def test_the_row_keeps_its_id_and_all_that_refers_to_it(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "old:/srv/bb", active=1, last_active=5)
    add_belongings(buildbot_database, id_)
    before = contents(buildbot_database)
    result = buildbot_database.run("rename", "old:/srv/bb", "new é:/srv")
    assert result == (0, "renamed\n", "")
    after = contents(buildbot_database)
    (master,) = after.pop("masters")
    (old,) = before.pop("masters")
    assert master == old | {"name": "new é:/srv", "name_hash": name_hash("new é:/srv")}
    assert after == before
    found = buildbot_database.run("find", "new é:/srv", "--no-create")
    assert found.out == f"{id_}\n"


def test_it_is_undone_by_another(buildbot_database: RealDatabase) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "old:/srv/bb"))
    before = contents(buildbot_database)
    for name in ("new:/srv/bb", "old:/srv/bb"):
        assert buildbot_database.run("rename", "1", name).code == 0
    assert contents(buildbot_database) == before


def test_json_says_what_changed(database: RealDatabase) -> None:
    add_master(database, "old")
    arguments = ("rename", "1", "new:/", "-o", "json")
    assert database.run(*arguments).json == {"id": 1, "name": "new:/", "changed": True}
    assert database.run(*arguments).json == {"id": 1, "name": "new:/", "changed": False}


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    buildbot_database: RealDatabase,
) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "old:/"))
    before = contents(buildbot_database)
    arguments = ("rename", "old:/", "new:/", "--dry-run")
    told = "Dry run: nothing was changed.\n"
    assert buildbot_database.run(*arguments) == (0, "would rename\n", told)
    as_json = buildbot_database.run(*arguments, "-o", "json")
    assert as_json.json == {"id": 1, "name": "new:/", "changed": True}
    assert buildbot_database.run("rename", "1", "old:/", "--dry-run").out == "unchanged\n"
    assert "is not HOSTNAME:BASEDIR" in buildbot_database.run("rename", "1", "x", "--dry-run").err
    assert contents(buildbot_database) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("ghost new:/", 3), ("alive new:/", 1), ("old taken", 1), ("old 99", 2), ("old new:/", 0),
     ("alive new:/ --force", 0)],
)  # fmt: skip
def test_a_dry_run_refuses_and_warns_of_the_same(
    database: RealDatabase, arguments: str, code: int
) -> None:
    for name in ("old", "taken", "alive"):
        add_master(database, name, active=int(name == "alive"))
    before = masters(database)
    planned = database.run("rename", *arguments.split(), "--dry-run")
    assert masters(database) == before
    done = database.run("rename", *arguments.split())
    assert planned.code == done.code == code
    told = "" if code else "Dry run: nothing was changed.\n"
    assert planned.err == done.err + told
    assert planned.out == ("" if code else "would rename\n")


def test_an_active_master_is_renamed_only_by_force(database: RealDatabase) -> None:
    add_master(database, "alive", active=1)
    before = masters(database)
    arguments = ("rename", "alive", "new")
    result = database.run(*arguments)
    assert (result.code, result.out) == (1, "")
    assert "'alive' is active" in result.err
    assert masters(database) == before
    forced = database.run(*arguments, "--force")
    assert (forced.code, forced.out) == (0, "renamed\n")
    assert "registers itself under that name again" in forced.err
    assert masters(database)[0][1] == "new"
    add_master(database, "stopped")
    assert database.run("rename", "stopped", "new:/", "--force") == (0, "renamed\n", "")


@pytest.mark.parametrize("name", ["taken", "Taken"])
def test_a_name_that_another_master_has_is_refused(database: RealDatabase, name: str) -> None:
    add_master(database, "old")
    add_master(database, name)
    before = masters(database)
    result = database.run("rename", "old", name, "--force")
    assert (result.code, result.out) == (1, "")
    assert "'mastersctl remove 1 --reassign-to 2'" in result.err
    assert masters(database) == before


def test_an_unknown_master_has_a_code_of_its_own(database: RealDatabase) -> None:
    add_master(database, "new")
    result = database.run("rename", "ghost", "new")
    assert (result.code, result.out) == (3, "")
    assert "ghost" in result.err


def test_a_name_that_is_taken_for_an_id_is_a_usage_error(database: RealDatabase) -> None:
    add_master(database, "old")
    result = database.run("rename", "old", "99")
    assert result.code == 2
    assert "looks like an ID" in result.err


def test_a_name_that_no_master_has_is_worth_a_warning(database: RealDatabase) -> None:
    add_master(database, "old")
    assert "HOSTNAME:BASEDIR" in database.run("rename", "old", "new").err


def test_an_empty_name_is_a_usage_error(database: RealDatabase) -> None:
    add_master(database, "old")
    result = database.run("rename", "old", "")
    assert (result.code, result.out) == (2, "")
    assert "A name cannot be empty" in result.err


def test_a_clock_that_is_fast_cannot_make_a_master_look_dead(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_master(buildbot_postgresql, "alive", active=1)
    with time_machine.travel(time.time() + 11 * MINUTE, tick=True):
        result = buildbot_postgresql.run("rename", "alive", "new")
    assert result.code == 1
    assert "clock" in result.err
    assert masters(buildbot_postgresql)[0][1] == "alive"


def test_the_name_that_a_master_has_changes_nothing_even_if_it_is_active(
    database: RealDatabase,
) -> None:
    add_master(database, "alive:/", active=1)
    for force in ([], ["--force"]):
        assert database.run("rename", "1", "alive:/", *force) == (0, "unchanged\n", "")


def test_force_does_not_ask_for_the_clock(buildbot_postgresql: PostgresDatabase) -> None:
    add_master(buildbot_postgresql, "m", active=1)
    with time_machine.travel(time.time() + 11 * MINUTE, tick=True):
        arguments = ("rename", "m", "new:/", "--force")
        assert buildbot_postgresql.run(*arguments).out == "renamed\n"


def test_a_constraint_that_the_name_violates_is_an_error(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_master(buildbot_postgresql, "m")
    buildbot_postgresql.execute("ALTER TABLE masters ADD CHECK (length(name) < 10)")
    result = buildbot_postgresql.run("rename", "m", "a-longer-name:/")
    assert (result.code, result.out) == (1, "")
    assert "violates check constraint" in result.err


def test_a_name_that_is_added_meanwhile_is_refused(buildbot_postgresql: PostgresDatabase) -> None:
    add_master(buildbot_postgresql, "m")
    start = [sys.executable, "-m", "mastersctl", "--db-url", buildbot_postgresql.url]
    with psycopg.connect(buildbot_postgresql.url) as connection:
        connection.execute(
            "INSERT INTO masters (name, name_hash, active, last_active) VALUES ('new:/', %s, 0, 1)",
            (name_hash("new:/"),),
        )
        renaming = subprocess.Popen([*start, "rename", "m", "new:/"], stderr=subprocess.PIPE)
        time.sleep(1)
        connection.commit()
    _, err = renaming.communicate(timeout=20)
    assert renaming.returncode == 1
    assert b"--reassign-to 2" in err


def test_no_master_checks_in_between_the_look_and_the_change(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_master(server_database, "m")

    def check_in(*_: object) -> None:
        with pytest.raises(IS_LOCKED):
            server_database.execute("SELECT * FROM masters FOR UPDATE NOWAIT")

    monkeypatch.setattr("mastersctl.operations.renaming._check_owner", check_in)
    assert server_database.run("rename", "m", "new:/").code == 0
    assert masters(server_database)[0][1] == "new:/"
