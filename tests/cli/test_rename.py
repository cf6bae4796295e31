"""``mastersctl rename``"""

import subprocess
import sys
import time

import psycopg
import pytest
import time_machine

from mastersctl.models.master import name_hash
from tests.support.commands import Command
from tests.support.databases import PostgresDatabase, RealDatabase
from tests.support.rows import MINUTE, add_belongings, add_master, contents, masters


def test_the_row_keeps_its_id_and_all_that_refers_to_it(
    buildbot_database: RealDatabase, mastersctl: Command
) -> None:
    id_ = add_master(buildbot_database, "old:/srv/bb", active=1, last_active=5)
    add_belongings(buildbot_database, id_)
    before = contents(buildbot_database)
    result = mastersctl("rename", "old:/srv/bb", "new é:/srv", "--db-url", buildbot_database.url)
    assert result == (0, "renamed\n", "")
    after = contents(buildbot_database)
    (master,) = after.pop("masters")
    (old,) = before.pop("masters")
    assert master == old | {"name": "new é:/srv", "name_hash": name_hash("new é:/srv")}
    assert after == before
    found = mastersctl("find", "new é:/srv", "--no-create", "--db-url", buildbot_database.url)
    assert found.out == f"{id_}\n"


def test_it_is_undone_by_another(buildbot_database: RealDatabase, mastersctl: Command) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "old:/srv/bb"))
    before = contents(buildbot_database)
    for name in ("new:/srv/bb", "old:/srv/bb"):
        assert mastersctl("rename", "1", name, "--db-url", buildbot_database.url).code == 0
    assert contents(buildbot_database) == before


def test_json_says_what_changed(database: RealDatabase, mastersctl: Command) -> None:
    add_master(database, "old")
    arguments = ("rename", "1", "new:/", "-o", "json", "--db-url", database.url)
    assert mastersctl(*arguments).json == {"id": 1, "name": "new:/", "changed": True}
    assert mastersctl(*arguments).json == {"id": 1, "name": "new:/", "changed": False}


def test_an_active_master_is_renamed_only_by_force(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "alive", active=1)
    before = masters(database)
    arguments = ("rename", "alive", "new", "--db-url", database.url)
    result = mastersctl(*arguments)
    assert (result.code, result.out) == (1, "")
    assert "'alive' is active" in result.err
    assert masters(database) == before
    forced = mastersctl(*arguments, "--force")
    assert (forced.code, forced.out) == (0, "renamed\n")
    assert "register itself under that name again" in forced.err
    assert masters(database)[0][1] == "new"


@pytest.mark.parametrize("name", ["taken", "Taken"])
def test_a_name_that_another_master_has_is_refused(
    database: RealDatabase, mastersctl: Command, name: str
) -> None:
    add_master(database, "old")
    add_master(database, name)
    before = masters(database)
    result = mastersctl("rename", "old", name, "--force", "--db-url", database.url)
    assert (result.code, result.out) == (1, "")
    assert "'mastersctl remove 1 --reassign-to 2'" in result.err
    assert masters(database) == before


def test_an_unknown_master_has_a_code_of_its_own(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "new")
    result = mastersctl("rename", "ghost", "new", "--db-url", database.url)
    assert (result.code, result.out) == (3, "")
    assert "ghost" in result.err


def test_a_name_that_is_taken_for_an_id_is_a_usage_error(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "old")
    result = mastersctl("rename", "old", "99", "--db-url", database.url)
    assert result.code == 2
    assert "taken for an ID" in result.err


def test_a_name_that_no_master_has_is_worth_a_warning(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "old")
    assert "HOSTNAME:BASEDIR" in mastersctl("rename", "old", "new", "--db-url", database.url).err


def test_an_empty_name_is_a_usage_error(database: RealDatabase, mastersctl: Command) -> None:
    add_master(database, "old")
    assert mastersctl("rename", "old", "", "--db-url", database.url).code == 2


def test_a_clock_that_is_fast_cannot_make_a_master_look_dead(
    buildbot_server: PostgresDatabase, mastersctl: Command
) -> None:
    add_master(buildbot_server, "alive", active=1)
    with time_machine.travel(time.time() + 11 * MINUTE, tick=True):
        result = mastersctl("rename", "alive", "new", "--db-url", buildbot_server.url)
    assert result.code == 1
    assert "clock" in result.err
    assert masters(buildbot_server)[0][1] == "alive"


def test_the_name_that_a_master_has_changes_nothing_even_if_it_is_active(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "alive:/", active=1)
    result = mastersctl("rename", "1", "alive:/", "--db-url", database.url)
    assert result == (0, "unchanged\n", "")


def test_force_does_not_ask_for_the_clock(
    buildbot_server: PostgresDatabase, mastersctl: Command
) -> None:
    add_master(buildbot_server, "m", active=1)
    with time_machine.travel(time.time() + 11 * MINUTE, tick=True):
        arguments = ("rename", "m", "new:/", "--force", "--db-url", buildbot_server.url)
        assert mastersctl(*arguments).out == "renamed\n"


def test_a_constraint_that_the_name_violates_is_an_error(
    buildbot_server: PostgresDatabase, mastersctl: Command
) -> None:
    add_master(buildbot_server, "m")
    buildbot_server.execute("ALTER TABLE masters ADD CHECK (length(name) < 10)")
    result = mastersctl("rename", "m", "a-longer-name:/", "--db-url", buildbot_server.url)
    assert (result.code, result.out) == (1, "")
    assert "violates check constraint" in result.err


def test_a_name_that_is_added_meanwhile_is_refused(
    buildbot_server: PostgresDatabase, mastersctl: Command
) -> None:
    add_master(buildbot_server, "m")
    start = [sys.executable, "-m", "mastersctl", "--db-url", buildbot_server.url]
    with psycopg.connect(buildbot_server.url) as connection:
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


def test_nobody_checks_in_between_the_look_and_the_change(
    buildbot_server: PostgresDatabase, mastersctl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_master(buildbot_server, "m")

    def check_in(*_: object) -> None:
        with (
            psycopg.connect(buildbot_server.url, options="-c lock_timeout=200") as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute("UPDATE masters SET active = 1")

    monkeypatch.setattr("mastersctl.connector._check_owner", check_in)
    assert mastersctl("rename", "m", "new:/", "--db-url", buildbot_server.url).code == 0
    assert masters(buildbot_server)[0][1] == "new:/"
