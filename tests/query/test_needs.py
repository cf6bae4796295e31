"""Which masters need housekeeping: who is not active, and holds what a stopped one does not."""

import time

import pytest

from tests.support.commands import Result
from tests.support.databases import PostgresDatabase, RealDatabase
from tests.support.rows import LINK_TABLES, MINUTE, add_belongings, add_cluster, add_master

HOLDING = {
    "schedulers": ["scheduler_masters"],
    "change_sources": ["changesource_masters"],
    "builders": ["builder_masters"],
    "unfinished_builds": ["builds"],
    "claims": ["buildrequest_claims"],
    "connected_workers": ["connected_workers"],
    "configured_workers": ["configured_workers", "builder_masters"],
    "nothing": [],
}
"""The tables in which a master has rows, by what it is called here."""


def add_holding(database: RealDatabase, name: str, active: int, last_active: float) -> None:
    """Add a master that has something in its tables of `HOLDING` alone."""
    id_ = add_master(database, name, active=active, last_active=last_active)
    add_belongings(database, id_)
    conditions = {
        "configured_workers": f"buildermasterid = {id_ * 100 + 4}",
        "builds": f"masterid = {id_} AND complete_at IS NULL",
        "buildrequest_claims": f"masterid = {id_} AND brid = {id_ * 100 + 9}",  # of no finished one
    }
    for table in (*conditions, *(table for table in LINK_TABLES if table not in conditions)):
        if table not in HOLDING[name.removesuffix(":")]:
            condition = conditions.get(table, f"masterid = {id_}")
            database.execute(f"DELETE FROM {table} WHERE {condition}")


def names(result: Result) -> list[str]:
    assert (result.code, result.err) == (0, "")
    return result.out.splitlines()[1:]


LISTED = ("list", "--needs-housekeeping", "--field", "name", "-o", "tsv")


@pytest.mark.parametrize(
    ("active", "age", "needs"),
    [(0, 0, True), (0, 60, True), (1, 11, True), (1, None, True), (1, 0, False), (1, 9, False)],
    ids=["just inactive", "inactive", "stale", "expired", "active", "still active"],
)
def test_a_master_that_is_not_active_needs_it_for_each_thing_that_it_holds(
    buildbot_database: RealDatabase, active: int, age: int | None, needs: bool
) -> None:
    last_active = 0 if age is None else time.time() - age * MINUTE
    for what in HOLDING:
        add_holding(buildbot_database, what, active, last_active)
    found = set(HOLDING) - {"connected_workers", "nothing"} if needs else set()
    assert {*names(buildbot_database.run(*LISTED))} == found


def test_what_housekeep_cleaned_up_needs_it_no_more(buildbot_database: RealDatabase) -> None:
    add_cluster(buildbot_database)
    assert names(buildbot_database.run(*LISTED)) == ["dead", "stopped"]
    assert buildbot_database.run("housekeep").code == 0
    assert names(buildbot_database.run(*LISTED)) == []


def test_it_is_a_field_that_selects_sorts_and_is_written(buildbot_database: RealDatabase) -> None:
    add_cluster(buildbot_database)
    fields = ("--field", "name", "--field", "needs_housekeeping")
    run = buildbot_database.run
    assert names(run("list", *fields, "--order", "-needs_housekeeping", "-o", "csv")) == [
        "dead,true", "stopped,true", "heir,false", "bystander,false",
    ]  # fmt: skip
    found = run("list", *fields, "--filter", "needs_housekeeping__ne=true", "-o", "json").json
    assert found == [{"name": n, "needs_housekeeping": False} for n in ("heir", "bystander")]
    table = run("list", *fields).out.splitlines()
    assert table[0].split() == ["NAME", "NEEDS", "HOUSEKEEPING"]
    assert table[1].split() == ["dead", "true"]


@pytest.mark.parametrize(
    "what", ["schedulers", "change_sources", "builders", "unfinished_builds", "claims"]
)
def test_a_table_that_is_missing_holds_nothing_and_the_others_are_asked(
    buildbot_database: RealDatabase, what: str
) -> None:
    """As in the databases of old versions of Buildbot."""
    add_master(buildbot_database, "alive", active=1)
    add_holding(buildbot_database, what, 0, 5)
    other = "claims:" if what == "schedulers" else "schedulers:"
    add_holding(buildbot_database, other, 0, 5)
    (table,) = HOLDING[what]
    buildbot_database.execute(f"ALTER TABLE {table} RENAME TO {table}_of_another_version")
    assert names(buildbot_database.run(*LISTED)) == [other]
    marked = [row for row in buildbot_database.run("list").out.splitlines() if " !" in row]
    assert [row.split()[1] for row in marked] == [other]
    assert "1 inactive master holds 1 " in buildbot_database.run("check").out


def test_a_database_with_masters_alone_has_none_that_needs_it(database: RealDatabase) -> None:
    add_master(database, "dead", active=1, last_active=5)
    assert names(database.run(*LISTED)) == []
    assert "!" not in database.run("list").out
    assert "needing_housekeeping=0;0" in database.run("check").out


def test_tables_of_several_clusters_are_not_taken_for_tables_that_are_invisible(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_cluster(buildbot_postgresql)
    for sql in (
        "CREATE SCHEMA other",
        "ALTER TABLE builds SET SCHEMA other",
        "DROP TABLE changesource_masters",
        f"ALTER DATABASE {buildbot_postgresql.name} SET search_path = public, other",
    ):
        buildbot_postgresql.execute(sql)
    for arguments, code in ((LISTED, 1), (("check",), 3)):
        result = buildbot_postgresql.run(*arguments)
        assert result.code == code
        assert "in several schemas" in result.out + result.err


def test_json_sends_no_statement_more_and_the_table_one(buildbot_database: RealDatabase) -> None:
    add_cluster(buildbot_database)

    def statements(*arguments: str) -> int:
        return buildbot_database.run("list", "-v", *arguments).err.count("SQL: ")

    assert statements("-o", "json") == 1
    assert statements("--field", "name") == 1
    assert statements() == statements("--needs-housekeeping") == 2
    assert statements("--order", "needs_housekeeping") == 2
