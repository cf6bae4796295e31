"""``mastersctl list``"""

import json
import re
import time

import pytest
import time_machine

from tests.support.commands import mastersctl
from tests.support.databases import RealDatabase
from tests.support.rows import NOW, add_cluster, add_master

NAMES = ["active", "stale", "expired", "inactive"]


@pytest.fixture
def states(database: RealDatabase) -> None:
    """A master in each state, called after it."""
    hour_ago = time.time() - 3600
    add_master(database, "active", active=1)
    add_master(database, "stale", active=1, last_active=hour_ago)
    add_master(database, "expired", active=1, last_active=0)
    add_master(database, "inactive", active=0, last_active=hour_ago)


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], NAMES),
        (["--active"], ["active"]),
        (["--stale"], ["stale"]),
        (["--inactive"], ["inactive"]),
        (["--stale", "--inactive"], ["stale", "inactive"]),
        (["--stale", "--filter", "state=expired"], ["stale", "expired"]),
        (["--stale", "--filter", "name=active"], []),
        (["--filter", "active=true"], NAMES[:3]),
        (["--filter", "last_active__lt=10m"], NAMES[1:]),
        (["--filter", "name__contains=act", "--filter", "id__gt=1"], ["inactive"]),
        (["--older-than", "30m"], NAMES[1:]),
        (["--newer-than", "30m"], NAMES[:1]),
        (["--older-than", "30m", "--newer-than", "1w"], ["stale", "inactive"]),
        (["--inactive", "--older-than", "1h30m"], []),
        (["--order", "-id"], NAMES[::-1]),
        (["--order", "state", "--order", "-id"], ["active", "expired", "inactive", "stale"]),
        (["--order", "-last_active", "--limit", "2"], ["active", "stale"]),
        (["--offset", "3"], ["inactive"]),
        (["--limit", "0"], []),
        (["--offset", "99", "--limit", "9223372036854775807"], []),
    ],
)
def test_the_query_options_select_sort_and_page(
    database: RealDatabase, arguments: list[str], names: list[str]
) -> None:
    result = database.run("list", *arguments, "-o", "json")
    assert [row["name"] for row in result.json] == names


@pytest.mark.usefixtures("states")
def test_the_table_says_in_which_state_each_master_is(database: RealDatabase) -> None:
    header, *rows = database.run("list").out.splitlines()
    assert header.split() == ["ID", "NAME", "STATE", "LAST", "SEEN"]
    assert [row.split()[1] for row in rows] == [row.split()[2] for row in rows] == NAMES


@pytest.mark.parametrize(
    "arguments",
    [
        ["--filter", "nonsense"],
        ["--filter", "name__like=a"],
        ["--filter", "last_active=soon"],
        ["--filter", "id=99999999999999999999"],
        ["--order", "age"],
        ["--field", "age"],
        ["--older-than", "2026-01-31"],
        ["--newer-than", "soon"],
        ["--limit", "-1"],
        ["--limit", "9223372036854775808"],
        ["--offset", "many"],
        ["-o", "yaml"],
        ["--field", "name", "-o", "id"],
        ["surplus"],
        ["--nonsense"],
    ],
)
def test_a_mistake_is_a_usage_error(database: RealDatabase, arguments: list[str]) -> None:
    result = database.run("list", *arguments)
    assert (result.code, result.out) == (2, "")
    assert arguments[-1].split("=")[-1].split("__")[-1] in result.err


def test_a_mistake_is_found_before_the_database_is_opened() -> None:
    result = mastersctl("list", "--order", "age", "--db-url", "sqlite:///missing")
    assert (result.code, result.out) == (2, "")
    assert "There is no field 'age'" in result.err


def test_one_statement_is_sent(database: RealDatabase) -> None:
    add_master(database, "m")
    for format_ in ("csv", "json", "id"):
        result = database.process("list", "-v", "-o", format_)
        assert result.err.count("SQL: ") == 1, format_


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize("format_", ["json", "jsonl", "csv", "tsv"])
def test_the_state_is_the_fifth_in_each_format_for_programs(
    database: RealDatabase, format_: str
) -> None:
    out = database.run("list", "-o", format_).out
    fields = ["id", "name", "active", "last_active", "state"]
    if format_.startswith("json"):
        rows = json.loads(out if format_ == "json" else f"[{','.join(out.splitlines())}]")
        assert [[*row] for row in rows] == [fields] * len(NAMES)
        assert [row["state"] for row in rows] == NAMES
    else:
        header, *lines = [re.split("[,\t]", line) for line in out.splitlines()]
        assert header == fields
        assert [line[4] for line in lines] == NAMES


def test_every_master_is_either_older_or_newer_than_an_age(database: RealDatabase) -> None:
    with time_machine.travel(NOW + 0.5, tick=False):
        for seconds in (59, 60, 61):
            add_master(database, f"{seconds}", last_active=NOW - seconds)
        older, newer = (
            database.run("list", option, "1m", "--field", "name", "-o", "tsv").out.split()[1:]
            for option in ("--older-than", "--newer-than")
        )
    assert (older, newer) == (["61"], ["59", "60"])


def test_a_master_that_needs_housekeeping_is_marked_by_its_state(
    buildbot_database: RealDatabase,
) -> None:
    add_cluster(buildbot_database)
    for table in ((), ("-o", "wide")):
        _, *rows = buildbot_database.run("list", *table).out.splitlines()
        states = [re.split("  +", row.strip())[2] for row in rows]
        assert states == ["stale !", "inactive !", "active", "active"]
    assert " !" not in buildbot_database.run("list", "-o", "csv").out
    assert " !" not in buildbot_database.run("list", "--field", "name").out
