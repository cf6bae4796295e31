"""What the doctor finds, by the operation."""

import time

import pytest
from buildbot.db.model import Model

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.operations.doctor import Problem, find_problems
from mastersctl.operations.lookup import Lookup
from mastersctl.schema.master import name_hash
from mastersctl.schema.references import FOREIGN_KEYS, MAY_DANGLE, ForeignKey
from tests.support.damage import add_sound_cluster, catch_up, damage
from tests.support.databases import PostgresDatabase, RealDatabase, SqliteFile
from tests.support.rows import add_cluster, add_master

HOUR = 3600


def problems(database: RealDatabase, pending_age: float = HOUR) -> dict[str, Problem]:
    """Return what is found, by kind; of several of a kind the last."""
    with opened(DatabaseURL(database.url, "/"), "read", 10) as peewee_database:
        return {one.kind: one for one in find_problems(Lookup(peewee_database), pending_age)}


def test_a_sound_cluster_has_no_problem(sound_cluster: RealDatabase) -> None:
    assert problems(sound_cluster) == {}


def test_a_database_with_masters_alone_has_no_problem(database: RealDatabase) -> None:
    add_master(database, "a", active=1)
    assert problems(database) == {}


def test_it_takes_a_handful_of_statements(sound_cluster: RealDatabase) -> None:
    seen: list[str] = []
    url = DatabaseURL(sound_cluster.url, "/")
    with opened(url, "read", 10, lambda event: seen.append(event.sql)) as peewee_database:
        assert find_problems(Lookup(peewee_database)) == []
    assert len([sql for sql in seen if not sql.startswith(("BEGIN", "COMMIT"))]) <= 10, seen


def test_every_foreign_key_of_buildbot_is_known() -> None:
    keys = {
        ForeignKey(table.name, column.name, key.column.table.name, key.column.name)
        for table in Model.metadata.sorted_tables
        for column in table.columns
        for key in column.foreign_keys
    }
    assert {key for key in keys if (key.table, key.column) not in MAY_DANGLE} == {
        *FOREIGN_KEYS,
        ForeignKey("logchunks", "logid", "logs"),
    }


def test_rows_of_masters_that_do_not_exist_are_found(sound_cluster: RealDatabase) -> None:
    damage(sound_cluster, "DELETE FROM masters WHERE id = 1")
    found = problems(sound_cluster)["missing_masters"]
    assert (found.number, found.fixable) == (1, True)
    (example,) = found.examples
    assert example.startswith("master 1 (")
    for table, rows in (
        ("scheduler_masters", 1), ("changesource_masters", 1), ("builder_masters", 1),
        ("connected_workers", 1), ("buildrequest_claims", 2), ("builds", 2),
    ):  # fmt: skip
        assert f"{table}: {rows}" in example


def test_foreign_keys_that_point_nowhere_are_found(sound_cluster: RealDatabase) -> None:
    damage(sound_cluster, "DELETE FROM steps WHERE id = 1110", "DELETE FROM workers WHERE id = 205")
    with opened(DatabaseURL(sound_cluster.url, "/"), "read", 10) as peewee_database:
        found = [
            (one.kind, one.number, one.examples, one.fixable)
            for one in find_problems(Lookup(peewee_database))
        ]
    kind = "dangling_rows"
    assert sorted(found) == [
        (kind, 1, ["configured_workers.workerid = 205"], False),
        (kind, 1, ["connected_workers.workerid = 205"], False),
        (kind, 2, ["logs.stepid = 1110"], False),
    ]


@pytest.mark.parametrize("missing", [1, 3, 5])
def test_a_missing_row_is_found_at_either_end_of_the_ids_and_between_them(
    sound_cluster: RealDatabase, missing: int
) -> None:
    ((builder,),) = sound_cluster.execute("SELECT MIN(id) FROM builders")
    for tag in range(1, 6):
        row = [tag, f"tag{tag}", f"hash{tag}"]
        sound_cluster.execute("INSERT INTO tags (id, name, name_hash) VALUES (?, ?, ?)", row)
        sound_cluster.execute(
            "INSERT INTO builders_tags (builderid, tagid) VALUES (?, ?)", [builder, tag]
        )
    catch_up(sound_cluster)
    assert problems(sound_cluster) == {}
    damage(sound_cluster, f"DELETE FROM tags WHERE id = {missing}")
    found = problems(sound_cluster)["dangling_rows"]
    assert (found.number, found.examples) == (1, [f"builders_tags.tagid = {missing}"])


def test_tables_and_columns_that_another_buildbot_has_are_not_missed(
    sound_cluster: RealDatabase,
) -> None:
    damage(
        sound_cluster,
        "ALTER TABLE buildsets DROP COLUMN rebuilt_buildid"
        if sound_cluster.kind == "postgresql"
        else "DROP TABLE build_data",
        "DROP TABLE test_results",
        "DELETE FROM steps WHERE id = 1110",
    )
    assert problems(sound_cluster)["dangling_rows"].examples == ["logs.stepid = 1110"]


def test_foreign_keys_that_were_not_declared_are_checked_too(sound_sqlite: SqliteFile) -> None:
    sound_cluster = sound_sqlite
    sound_cluster.execute("ALTER TABLE logs RENAME TO old")
    sound_cluster.execute("CREATE TABLE logs AS SELECT * FROM old")
    sound_cluster.execute("DROP TABLE old")
    assert problems(sound_cluster) == {}
    sound_cluster.execute("DELETE FROM steps WHERE id = 1110")
    assert problems(sound_cluster)["dangling_rows"].examples == ["logs.stepid = 1110"]


def test_a_hash_of_another_name_is_found(sound_cluster: RealDatabase) -> None:
    sound_cluster.execute("UPDATE masters SET name = 'renamed' WHERE id = 2")
    found = problems(sound_cluster)
    assert set(found) == {"name_hashes"}
    assert found["name_hashes"].examples == ["master 2 'renamed'"]
    sound_cluster.execute("UPDATE masters SET name = 'stopped' WHERE id = 2")
    found = problems(sound_cluster)
    assert set(found) == {"namesakes"}
    assert not found["namesakes"].fixable
    assert "'mastersctl remove 2 --reassign-to 3'" in found["namesakes"].remedy


def test_a_namesake_is_found_without_the_unique_index_too(sound_cluster: RealDatabase) -> None:
    of_table = " ON masters" if sound_cluster.kind == "mariadb" else ""
    sound_cluster.execute(f"DROP INDEX master_name_hashes{of_table}")
    sound_cluster.execute(
        "UPDATE masters SET name = 'b', name_hash = ? WHERE id = 3", [name_hash("b")]
    )
    found = problems(sound_cluster)
    assert set(found) == {"namesakes"}
    assert "'mastersctl remove 3 --reassign-to 2'" in found["namesakes"].remedy


def test_a_check_in_in_the_future_is_found(sound_cluster: RealDatabase) -> None:
    sound_cluster.execute(
        "UPDATE masters SET last_active = ? WHERE id = 1", [int(time.time()) + 30]
    )
    assert problems(sound_cluster) == {}
    sound_cluster.execute(
        "UPDATE masters SET last_active = ? WHERE id = 3", [int(time.time()) + 120]
    )
    found = problems(sound_cluster)
    assert set(found) == {"last_active_in_future"}
    assert found["last_active_in_future"].examples == ["master 3 'stopped'"]


def test_a_sequence_that_is_behind_is_found(buildbot_postgresql: PostgresDatabase) -> None:
    sound_cluster = buildbot_postgresql
    add_sound_cluster(sound_cluster)
    sound_cluster.execute("SELECT setval('masters_id_seq', 2)")
    sound_cluster.execute("SELECT setval('steps_id_seq', 1, false)")
    found = problems(sound_cluster)
    assert set(found) == {"sequences_behind"}
    assert found["sequences_behind"].examples == ["masters.id", "steps.id"]
    assert "\"SELECT setval('masters_id_seq', max(id)) FROM masters\"" in (
        found["sequences_behind"].remedy
    )


def test_a_sequence_that_an_old_dump_names_is_checked_too(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_sound_cluster(buildbot_postgresql)
    for sql in (
        "ALTER SEQUENCE masters_id_seq OWNED BY NONE",
        "ALTER TABLE masters ALTER id SET DEFAULT nextval('masters_id_seq'::text)",
        "ALTER TABLE steps ALTER id SET DEFAULT nextval(concat('steps_id_seq'))",  # not to be known
        "ALTER SEQUENCE steps_id_seq OWNED BY NONE",
    ):
        buildbot_postgresql.execute(sql)
    assert problems(buildbot_postgresql) == {}
    buildbot_postgresql.execute("SELECT setval('masters_id_seq', 2)")
    assert problems(buildbot_postgresql)["sequences_behind"].examples == ["masters.id"]


def test_masters_that_need_housekeeping_are_found(buildbot_database: RealDatabase) -> None:
    add_cluster(buildbot_database)
    found = problems(buildbot_database)
    assert found["needs_housekeeping"].examples == ["master 1 'dead'", "master 2 'stopped'"]
    assert found["needs_housekeeping"].fixable
    assert found["requests_of_inactive_masters"].number == 6
    assert found["requests_of_inactive_masters"].examples == [
        "master 1 'dead', stale: 3",
        "master 2 'stopped', inactive: 3",
    ]


def test_one_that_checked_in_lately_does_not_count_as_dead(sound_cluster: RealDatabase) -> None:
    sound_cluster.execute("UPDATE masters SET active = 0 WHERE id = 1")
    found = problems(sound_cluster)["needs_housekeeping"]
    assert not found.fixable
    assert "1 master checked in within the last ten minutes" in found.remedy


def test_requests_without_a_master_that_can_build_them_are_found(
    sound_cluster: RealDatabase,
) -> None:
    sound_cluster.execute("DELETE FROM buildrequest_claims WHERE masterid = 1")
    assert problems(sound_cluster) == {}  # its builder has an active master
    sound_cluster.execute("DELETE FROM configured_workers WHERE buildermasterid = 104")
    sound_cluster.execute("DELETE FROM builder_masters WHERE masterid = 1")
    found = problems(sound_cluster)
    assert set(found) == {"requests_without_master"}
    assert found["requests_without_master"].examples == ["builder 103 'runtests': 1"]
    minute_ago = int(time.time()) - 60
    sound_cluster.execute("UPDATE buildrequests SET submitted_at = ?", [minute_ago])
    assert problems(sound_cluster) == {}
    assert set(problems(sound_cluster, pending_age=30)) == {"requests_without_master"}


def test_requests_that_a_missing_master_claimed_are_found(sound_cluster: RealDatabase) -> None:
    damage(sound_cluster, "DELETE FROM masters WHERE id = 1")
    found = problems(sound_cluster)["requests_of_inactive_masters"]
    assert found.examples == ["master 1, missing: 1"]


@pytest.mark.parametrize("table", ["_alembic_tmp_builds", "migration_tmp"])
def test_an_interrupted_upgrade_is_found(sound_sqlite: SqliteFile, table: str) -> None:
    sound_sqlite.execute(f"ALTER TABLE builds RENAME TO {table}")
    found = problems(sound_sqlite)
    assert set(found) == {"interrupted_upgrade"}
    assert f"{table!r}" in found["interrupted_upgrade"].examples[0]
