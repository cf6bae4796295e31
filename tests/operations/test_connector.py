"""The operations of the seed document, on every database."""

from datetime import UTC, datetime

import pytest

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.errors import NoSuchMasterError
from mastersctl.operations.connector import MastersConnector
from mastersctl.query.resultspec import Order, ResultSpec
from tests.support.databases import RealDatabase
from tests.support.rows import LINK_TABLES, MINUTE, NOW, add_belongings, add_master, masters


def test_find_adds_an_unknown_master_inactive_and_last_active_now(
    connector: MastersConnector, database: RealDatabase
) -> None:
    found = connector.find_master_id("host:/basedir")
    assert found.created
    assert masters(database) == [(found.id, "host:/basedir", 0, NOW)]


def test_find_returns_the_id_of_a_known_master_and_changes_nothing(
    connector: MastersConnector, database: RealDatabase
) -> None:
    id_ = add_master(database, "host:/basedir", active=1, last_active=7)
    assert connector.find_master_id("host:/basedir") == (id_, False)
    assert masters(database) == [(id_, "host:/basedir", 1, 7)]


def test_find_without_create_raises_and_adds_nothing(
    connector: MastersConnector, database: RealDatabase
) -> None:
    with pytest.raises(NoSuchMasterError, match="ghost"):
        connector.find_master_id("ghost", create=False)
    assert masters(database) == []


@pytest.mark.parametrize("name", ["ö", "a'b\"; DROP TABLE masters; --", "%s ?", " ", "n\nl", "７"])
def test_find_stores_a_name_exactly(
    connector: MastersConnector, database: RealDatabase, name: str
) -> None:
    found = connector.find_master_id(name)
    assert database.execute("SELECT name FROM masters") == [(name,)]
    assert connector.find_master_id(name) == (found.id, False)


def test_names_that_differ_in_case_or_trailing_space_are_different_masters(
    connector: MastersConnector,
) -> None:
    assert len({connector.find_master_id(name).id for name in ("a", "A", "a ")}) == 3


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("was_active", [True, False])
def test_set_state_tells_whether_the_state_changed(
    connector: MastersConnector, database: RealDatabase, was_active: bool, active: bool
) -> None:
    id_ = add_master(database, "m", active=int(was_active), last_active=5)
    assert connector.set_master_state(id_, active).changed is (was_active != active)
    assert masters(database) == [(id_, "m", int(active), NOW if active else 5)]


def test_set_state_finds_the_master_by_name_too(
    connector: MastersConnector, database: RealDatabase
) -> None:
    add_master(database, "other")
    id_ = add_master(database, "m")
    assert connector.set_master_state("m", True).id == id_
    assert [row[2] for row in masters(database)] == [0, 1]


@pytest.mark.parametrize("master", [999, "ghost"])
def test_set_state_of_an_unknown_master_raises(
    connector: MastersConnector, master: int | str
) -> None:
    with pytest.raises(NoSuchMasterError):
        connector.set_master_state(master, True)


def test_set_state_dry_run_tells_the_same_and_changes_nothing(
    connector: MastersConnector, database: RealDatabase
) -> None:
    id_ = add_master(database, "m", active=0, last_active=5)
    assert connector.set_master_state(id_, True, dry_run=True).changed
    assert masters(database) == [(id_, "m", 0, 5)]


@pytest.mark.parametrize("was_active", [1, 0])
def test_inactive_deletes_the_links_of_this_master_alone(
    buildbot_database: RealDatabase, was_active: int
) -> None:
    dead, other = (
        add_master(buildbot_database, name, active=was_active) for name in ("dead", "other")
    )
    add_belongings(buildbot_database, dead)
    add_belongings(buildbot_database, other)
    with opened(DatabaseURL(buildbot_database.url, "/"), "write", 10) as peewee_database:
        MastersConnector(peewee_database).set_master_state(dead, False)
    for table in LINK_TABLES:
        assert len(buildbot_database.execute(f"SELECT * FROM {table}")) == 1, table
    assert len(buildbot_database.execute("SELECT * FROM builds")) == 4
    assert len(buildbot_database.execute("SELECT * FROM buildrequest_claims")) == 4


def test_active_leaves_the_links(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m")
    add_belongings(buildbot_database, id_)
    with opened(DatabaseURL(buildbot_database.url, "/"), "write", 10) as peewee_database:
        MastersConnector(peewee_database).set_master_state(id_, True)
    for table in LINK_TABLES:
        assert len(buildbot_database.execute(f"SELECT * FROM {table}")) == 1, table


@pytest.mark.parametrize(
    ("active", "last_active", "state"),
    [
        (1, NOW, "active"),
        (1, NOW - 10 * MINUTE, "active"),
        (1, NOW - 10 * MINUTE - 1, "stale"),
        (1, 1, "stale"),
        (1, 0, "expired"),
        (1, NOW + 10**6, "active"),
        (7, NOW, "active"),
        (0, NOW, "inactive"),
        (0, 0, "inactive"),
    ],
)
def test_state_is_derived_from_the_row_and_the_time(
    connector: MastersConnector, database: RealDatabase, active: int, last_active: int, state: str
) -> None:
    id_ = add_master(database, "m", active=active, last_active=last_active)
    moment = datetime.fromtimestamp(last_active, UTC)
    assert connector.get_master(id_) == (id_, "m", bool(active), moment, state)
    assert list(connector.get_masters(ResultSpec(fields=["state"]))) == [(state,)]


def test_get_master_of_an_unknown_one_is_none(connector: MastersConnector) -> None:
    assert connector.get_master(5) is None
    assert connector.get_master("ghost") is None


def test_get_masters_lists_all_by_id(connector: MastersConnector, database: RealDatabase) -> None:
    ids = [add_master(database, name, last_active=0) for name in ("b", "a", "c")]
    assert list(connector.get_masters()) == [
        (id_, name, 0, 0) for id_, name in zip(ids, ("b", "a", "c"), strict=True)
    ]


def test_get_masters_has_the_fields_that_are_asked_for_in_that_order(
    connector: MastersConnector, database: RealDatabase
) -> None:
    id_ = add_master(database, "m", active=1, last_active=NOW)
    spec = ResultSpec(fields=["state", "name", "id"], order=[Order("last_active", True)])
    assert list(connector.get_masters(spec)) == [("active", "m", id_)]


def test_expire_all_resets_every_master(
    connector: MastersConnector, database: RealDatabase
) -> None:
    add_master(database, "dead", active=0, last_active=NOW)
    add_master(database, "alive", active=1, last_active=NOW)
    assert connector.set_all_masters_active_long_time_ago() == (2, ["alive"], False)
    assert [row[2:] for row in masters(database)] == [(1, 0), (1, 0)]


def test_expire_all_unless_alive_refuses_and_changes_nothing(
    connector: MastersConnector, database: RealDatabase
) -> None:
    add_master(database, "alive", active=1, last_active=NOW)
    before = masters(database)
    assert connector.set_all_masters_active_long_time_ago(unless_alive=True).refused
    assert masters(database) == before


def test_expire_all_dry_run_counts_and_changes_nothing(
    connector: MastersConnector, database: RealDatabase
) -> None:
    add_master(database, "stale", active=1, last_active=5)
    before = masters(database)
    assert connector.set_all_masters_active_long_time_ago(dry_run=True) == (1, [], False)
    assert masters(database) == before
