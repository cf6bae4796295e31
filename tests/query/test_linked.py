"""From the other side: the masters that a builder is linked to, or a worker, and so on."""

import pytest

from mastersctl.schema.master import name_hash
from tests.support.commands import mastersctl
from tests.support.databases import RealDatabase
from tests.support.rows import (
    SHARED_BUILDER,
    SHARED_WORKER,
    add_belongings,
    add_cluster,
    add_master,
)

OPTIONS = {
    "--builder": ("builders", 3),
    "--worker": ("workers", 5),
    "--scheduler": ("schedulers", 1),
    "--change-source": ("changesources", 2),
}
"""The table with the names, and what the ID there of what `add_belongings` adds ends with."""
every_option = pytest.mark.parametrize("option", OPTIONS)


@pytest.fixture
def cluster(buildbot_database: RealDatabase) -> RealDatabase:
    """Two masters that are active, each of which has one of everything."""
    for name in ("a", "b"):
        add_belongings(buildbot_database, add_master(buildbot_database, name, active=1))
    return buildbot_database


def name_them(database: RealDatabase, option: str, name: str) -> int:
    """Let what the second master has be called `name`, and return its ID."""
    table, end = OPTIONS[option]
    digest = "" if table == "workers" else f", name_hash = '{name_hash(name)}'"
    database.execute(f"UPDATE {table} SET name = ?{digest} WHERE id = ?", [name, 200 + end])
    return 200 + end


@every_option
def test_the_masters_of_one_are_those_that_it_is_linked_to(
    cluster: RealDatabase, option: str
) -> None:
    id_ = name_them(cluster, option, "nightly-tests")
    for given in ("nightly-tests", id_):
        assert cluster.run("list", option, given, "-o", "id") == (0, "2\n", "")
        assert cluster.run("list", option, given, "--filter", "id=1", "-o", "id") == (0, "", "")
        assert cluster.run("list", option, given).out.splitlines()[1].split()[:2] == ["2", "b"]


@every_option
def test_a_name_is_found_by_all_of_it_and_in_its_case(cluster: RealDatabase, option: str) -> None:
    name_them(cluster, option, "Docs")
    for given in ("docs", "Doc", "Docs "):
        assert cluster.run("list", option, given).code == 1
    assert cluster.run("list", option, "Docs", "-o", "id").out == "2\n"


@every_option
@pytest.mark.parametrize("given", ["99", "ghost"])
def test_one_that_is_not_there_is_an_error(cluster: RealDatabase, option: str, given: str) -> None:
    result = cluster.run("list", option, given)
    assert (result.code, result.out) == (1, "")
    what = option.removeprefix("--").replace("-", " ")
    shown = "ID 99" if given == "99" else "the name 'ghost'"
    assert result.err.startswith(f"Error: No {what} has {shown}; ")


def test_one_of_several_masters_has_them_all(buildbot_database: RealDatabase) -> None:
    ids = add_cluster(buildbot_database)
    for option, id_ in (("--builder", SHARED_BUILDER), ("--worker", SHARED_WORKER)):
        result = buildbot_database.run("list", option, id_, "-o", "json")
        assert [master["id"] for master in result.json] == [*ids]


def test_several_options_are_about_the_masters_that_have_all_of_it(cluster: RealDatabase) -> None:
    assert cluster.run("list", "--builder", 203, "--worker", 205, "-o", "id").out == "2\n"
    result = cluster.run("list", "--builder", 203, "--scheduler", 101, "-o", "id")
    assert result == (0, "", "")  # as each of them is on an active master


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--builder", "No active master has the builder {}: its requests wait.\n"),
        ("--worker", "No active master has the worker {}: it builds nothing.\n"),
        ("--scheduler", "No active master has the scheduler {}: it requests no builds.\n"),
        ("--change-source", "No active master has the change source {}: it finds no changes.\n"),
    ],
)
def test_it_says_what_follows_when_no_active_master_has_it(
    cluster: RealDatabase, option: str, said: str
) -> None:
    id_ = name_them(cluster, option, "docs")
    cluster.execute("UPDATE masters SET active = 0 WHERE id = 2")
    for given, called in (("docs", "'docs'"), (id_, f"with ID {id_}")):
        result = cluster.run("list", option, given, "-o", "id")
        assert result == (0, "2\n", said.format(called))  # of one that is dead, it is no help
    assert cluster.run("housekeep", 2, "--force").code == 0
    result = cluster.run("list", option, "docs", "-o", "json")
    assert (result.json, result.err) == ([], said.format("'docs'"))
    assert cluster.run("list", option, 100 + OPTIONS[option][1]).err == ""


@every_option
def test_a_database_without_its_table_is_not_buildbots(database: RealDatabase, option: str) -> None:
    assert database.run("list", option, "1").code == 5


def test_a_builder_that_was_renamed_by_hand_is_found_by_its_name(
    cluster: RealDatabase,
) -> None:
    cluster.execute("UPDATE builders SET name = 'renamed' WHERE id = 203")
    assert cluster.run("list", "--builder", "renamed", "-o", "id").out == "2\n"


def test_an_empty_name_is_a_usage_error() -> None:
    for option in OPTIONS:
        result = mastersctl("list", option, "")
        assert (result.code, result.out) == (2, "")
        assert "empty" in result.err
