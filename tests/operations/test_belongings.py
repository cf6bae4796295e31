"""What a master has in other tables."""

from datetime import UTC, datetime
from pathlib import Path

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.operations.belongings import Belongings, find_belongings
from tests.support.databases import RealDatabase, SqliteFile, copy_sqlite
from tests.support.rows import (
    SHARED_BUILDER,
    SHARED_WORKER,
    add_belongings,
    add_cluster,
    add_master,
)


def belongings(database: RealDatabase, masterid: int) -> Belongings:
    with opened(DatabaseURL(database.url, "/"), "read", 10) as peewee_database:
        return find_belongings(peewee_database, masterid)


def test_belongings_are_those_of_this_master(buildbot_database: RealDatabase) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "other"))
    id_ = add_master(buildbot_database, "m")
    add_belongings(buildbot_database, id_)
    base = id_ * 100
    worker = (base + 5, f"worker{base}", None, None)
    assert belongings(buildbot_database, id_) == {
        "schedulers": [(base + 1, "nightly", None, None)],
        "change_sources": [(base + 2, "poller", None, None)],
        "builders": [(base + 3, "runtests", None, None)],
        "configured_workers": [worker],
        "connected_workers": [worker],
        "unfinished_builds": [(base + 11, "runtests", 7, datetime.fromtimestamp(2000, UTC))],
        "claims": [(base + 9, "runtests", None, datetime.fromtimestamp(1000, UTC))],
    }


def test_what_masters_share_is_of_each_and_a_worker_of_two_builders_is_one(
    buildbot_database: RealDatabase,
) -> None:
    for id_ in add_cluster(buildbot_database):
        base = id_ * 100
        found = {
            kind: [item.id - base if item.id > base else item.id for item in items]
            for kind, items in belongings(buildbot_database, id_).items()
        }
        assert found == {
            "schedulers": [1, 20, 21],
            "change_sources": [2, 22],
            "builders": [SHARED_BUILDER, 3],
            "configured_workers": [SHARED_WORKER, 5],
            "connected_workers": [SHARED_WORKER, 5],
            "unfinished_builds": [11, 30, 31],
            "claims": [9, 30, 31],
        }


def test_a_build_and_a_claim_whose_builder_was_deleted_are_shown_all_the_same(
    tmp_path: Path, template_sqlite: Path
) -> None:  # by hand: elsewhere they would go with it
    database = SqliteFile(tmp_path / "state.sqlite")
    copy_sqlite(template_sqlite, database.path)
    id_, *_ = add_cluster(database)
    database.execute("DELETE FROM builders WHERE id = ?", [SHARED_BUILDER])
    found = belongings(database, id_)
    assert [item.name for item in found["unfinished_builds"]] == ["runtests", None, None]
    assert [item.name for item in found["claims"]] == ["runtests", None, None]


def test_a_master_that_has_nothing_has_empty_lists(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m")
    assert set(map(len, belongings(buildbot_database, id_).values())) == {0}


def test_tables_that_are_missing_hold_nothing(database: RealDatabase) -> None:
    id_ = add_master(database, "m")
    database.execute("CREATE TABLE workers (id INTEGER, name TEXT)")
    columns = "id INTEGER, masterid INTEGER, workerid INTEGER"
    database.execute(f"CREATE TABLE connected_workers ({columns})")
    database.execute(f"INSERT INTO connected_workers VALUES (1, {id_}, 8)")
    found = belongings(database, id_)
    assert found.pop("connected_workers") == [(8, None, None, None)]
    assert set(map(len, found.values())) == {0}


def test_ids_that_are_no_numbers_are_shown_all_the_same(
    tmp_path: Path, template_sqlite: Path
) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    copy_sqlite(template_sqlite, database.path)
    id_ = add_master(database, "m")
    for worker in ("x'ff'", "'a'", "7"):
        database.execute(
            f"INSERT INTO connected_workers (masterid, workerid) VALUES ({id_}, {worker})"
        )
    for format_ in ("table", "json"):
        result = database.run("show", id_, "-o", format_)
        assert result.code == 0
        assert result.out.count("deleted" if format_ == "table" else "null") >= 3
