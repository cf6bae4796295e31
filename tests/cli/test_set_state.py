"""``mastersctl set-state``"""

import time

import pytest

from tests.support.commands import mastersctl
from tests.support.databases import RealDatabase
from tests.support.rows import LINK_TABLES, add_belongings, add_master, masters


@pytest.mark.parametrize("by", ["id", "name"])
def test_it_prints_whether_the_state_changed(database: RealDatabase, by: str) -> None:
    master = {"id": add_master(database, "m", last_active=5), "name": "m"}[by]
    assert database.run("set-state", master, "active") == (0, "changed\n", "")
    assert database.run("set-state", master, "active") == (0, "unchanged\n", "")
    assert masters(database)[0][3] == pytest.approx(time.time(), abs=60)


def test_json_has_id_active_and_changed(database: RealDatabase) -> None:
    add_master(database, "m")
    arguments = ("set-state", "m", "active", "-o", "json")
    assert database.run(*arguments).json == {"id": 1, "active": True, "changed": True}
    assert database.run(*arguments).json == {"id": 1, "active": True, "changed": False}


def test_a_master_that_looks_alive_is_made_inactive_with_a_warning(database: RealDatabase) -> None:
    add_master(database, "m\x1b[2J", active=1)
    result = database.run("set-state", 1, "inactive")
    assert result[:2] == (0, "changed\n")
    assert "looks alive" in result.err
    assert "\x1b" not in result.err
    assert masters(database)[0][2] == 0


@pytest.mark.parametrize(("active", "last_active"), [(1, 5), (1, 0), (0, None)])
def test_a_dead_master_is_made_inactive_without_a_warning(
    database: RealDatabase, active: int, last_active: int | None
) -> None:
    add_master(database, "m", active=active, last_active=last_active)
    assert database.run("set-state", 1, "inactive").err == ""


LEFT = " behind 1 unfinished build and 1 claim on unfinished build requests. No other"


def test_inactive_deletes_the_links_and_says_how_many_and_what_stays(
    buildbot_database: RealDatabase,
) -> None:
    id_ = add_master(buildbot_database, "m\x1b[2J", active=0, last_active=5)
    add_belongings(buildbot_database, id_)
    add_belongings(buildbot_database, add_master(buildbot_database, "other"))
    arguments = ("set-state", id_, "inactive", "-o", "json")
    dry_run = buildbot_database.run(*arguments, "--dry-run")
    assert dry_run.json == {"id": 1, "active": False, "changed": False, "links_deleted": 5}
    assert (
        "5 links of schedulers, change sources, builders and workers would be deleted."
        in dry_run.err
    )
    result = buildbot_database.run(*arguments)
    assert (result.code, result.json) == (dry_run.code, dry_run.json)
    assert "5 links of schedulers, change sources, builders and workers were deleted." in result.err
    for err in (dry_run.err, result.err):
        assert LEFT in err
        assert "\x1b" not in err
    assert "would leave behind" in dry_run.err
    assert "leaves behind" in result.err
    for table in LINK_TABLES:
        assert len(buildbot_database.execute(f"SELECT * FROM {table}")) == 1, table
    again = buildbot_database.run(*arguments)
    assert again.json == {"id": 1, "active": False, "changed": False, "links_deleted": 0}
    assert "deleted" not in again.err
    assert LEFT in again.err
    assert buildbot_database.run("housekeep").code == 0
    assert buildbot_database.run(*arguments).err == ""


def test_active_says_nothing_of_what_is_left(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m")
    add_belongings(buildbot_database, id_)
    result = buildbot_database.run("set-state", "m", "active")
    assert result == (0, "changed\n", "")


@pytest.mark.parametrize("state", ["active", "inactive"])
def test_dry_run_says_what_would_be_done_and_changes_nothing(
    buildbot_database: RealDatabase, state: str
) -> None:
    id_ = add_master(buildbot_database, "m", active=int(state == "inactive"), last_active=5)
    add_belongings(buildbot_database, id_)
    before = masters(buildbot_database)
    result = buildbot_database.run("set-state", "m", state, "--dry-run")
    assert result[:2] == (0, "would change\n")
    assert result.err.endswith("Dry run: nothing was changed.\n")
    assert masters(buildbot_database) == before
    for table in LINK_TABLES:
        assert len(buildbot_database.execute(f"SELECT * FROM {table}")) == 1, table


@pytest.mark.parametrize("master", ["ghost", "999", "0", "9223372036854775807"])
def test_an_unknown_master_is_exit_code_3(database: RealDatabase, master: str) -> None:
    result = database.run("set-state", master, "active")
    assert (result.code, result.out) == (3, "")
    assert master in result.err


@pytest.mark.parametrize(
    ("master", "problem"),
    [
        ("9223372036854775808", "does not fit into 64 bits"),
        ("9" * 5000, f"The number '{'9' * 1000}"),
        ("", "A name cannot be empty"),
    ],
    ids=["a bit too large", "very long", "empty"],
)
def test_an_impossible_master_is_a_usage_error(master: str, problem: str) -> None:
    result = mastersctl("set-state", master, "active")
    assert (result.code, result.out) == (2, "")
    assert problem in result.err


def test_another_state_is_a_usage_error() -> None:
    result = mastersctl("set-state", 1, "stale")
    assert (result.code, result.out) == (2, "")
    assert "'stale' is not one of 'active', 'inactive'" in result.err
