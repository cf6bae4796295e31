"""How much each master has, as fields of a list."""

import pytest

from mastersctl.query.fields import COUNTS
from tests.support.databases import RealDatabase
from tests.support.mysql import MysqlDatabase
from tests.support.rows import add_belongings, add_cluster, add_master


@pytest.fixture
def busy(buildbot_database: RealDatabase) -> RealDatabase:
    """A database with an idle master, one that has everything, and one that has it and more."""
    add_master(buildbot_database, "idle")
    for name in ("busy", "busier"):
        add_belongings(buildbot_database, add_master(buildbot_database, name))
    columns = "number, builderid, buildrequestid, masterid, started_at, state_string"
    buildbot_database.execute(
        f"INSERT INTO builds (id, {columns}, locks_duration_s) VALUES (1, 1, 303, 309, 3, 5, '', 0)"
    )
    return buildbot_database


def test_each_count_is_what_show_shows(buildbot_database: RealDatabase) -> None:
    ids = add_cluster(buildbot_database)
    idle = add_master(buildbot_database, "idle")
    fields = [argument for field in COUNTS for argument in ("--field", field)]
    listed = buildbot_database.run("list", *fields, "-o", "json").json
    for id_, counts in zip((*ids, idle), listed, strict=True):
        shown = buildbot_database.run("show", id_, "-o", "json").json
        shown |= shown["links"]
        assert counts == {field: len(shown[field]) for field in COUNTS}
    assert listed[0] == {
        "schedulers": 3, "change_sources": 2, "builders": 2, "connected_workers": 2,
        "unfinished_builds": 3, "claims": 3,
    }  # fmt: skip
    assert listed[-1] == dict.fromkeys(COUNTS, 0)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--order", "-unfinished_builds"], [3, 2, 1]),
        (["--order", "claims", "--order", "-id"], [1, 3, 2]),
        (["--filter", "unfinished_builds__gt=1"], [3]),
        (["--filter", "claims=0"], [1]),
        (["--filter", "builders__in=1", "--filter", "builders__in=7", "--limit", "1"], [2]),
    ],
)
def test_counts_sort_and_select_like_other_fields(
    busy: RealDatabase, arguments: list[str], ids: list[int]
) -> None:
    result = busy.run("list", *arguments, "-o", "id")
    assert [int(id_) for id_ in result.out.split()] == ids


def test_wide_is_the_table_with_all_counts(busy: RealDatabase) -> None:
    header, *rows = busy.run("list", "-o", "wide").out.splitlines()
    assert header.split("  ")[0] == "ID"
    assert header.endswith("SCHED  SOURCES  BUILDERS  WORKERS  BUILDS  CLAIMS")
    assert [row.split()[-6:] for row in rows] == [["0"] * 6, ["1"] * 6, [*"111121"]]


@pytest.mark.parametrize("masters", [1, 30])
def test_one_statement_counts_for_all_masters(
    buildbot_database: RealDatabase, masters: int
) -> None:
    for number in range(masters):
        add_master(buildbot_database, f"{number}")
    arguments = ("list", "-o", "wide", "-v")
    asking = 2 if isinstance(buildbot_database, MysqlDatabase) else 1  # which tables are there
    marking = 1  # which masters need housekeeping
    assert buildbot_database.run(*arguments).err.count("SQL: ") == asking + marking + 1


def test_what_is_in_tables_that_are_missing_is_none(database: RealDatabase) -> None:
    add_master(database, "m")
    result = database.run("list", "--field", "claims", "--order", "claims", "-o", "json")
    assert result.json == [{"claims": 0}]
