"""Housekeeping: what it does to each table, and what it leaves alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine

from mastersctl.config.url import DatabaseURL
from mastersctl.database import Mode, OnQuery, opened
from mastersctl.errors import ClockError, RefusedError
from mastersctl.operations import housekeeping
from mastersctl.operations.connector import MastersConnector
from mastersctl.operations.dead import Dead, find_dead_masters
from mastersctl.operations.housekeeping import RETRY, Cleaned, Housekept, clean
from mastersctl.operations.lookup import Lookup
from tests.support.databases import (
    IS_LOCKED,
    PostgresDatabase,
    RealDatabase,
    ServerDatabase,
    SqliteFile,
    copy_sqlite,
)
from tests.support.outcome import by_master
from tests.support.rows import (
    LINK_TABLES,
    MINUTE,
    Contents,
    add_belongings,
    add_cluster,
    add_master,
    add_masters,
    contents,
    masters,
)


@contextmanager
def connected(
    database: RealDatabase, *, read: bool = False, on_query: OnQuery | None = None
) -> Iterator[MastersConnector]:
    mode: Mode = "read" if read else "write"
    with opened(DatabaseURL(database.url, "/"), mode, 10, on_query) as peewee_database:
        yield MastersConnector(peewee_database)


def housekeep(database: RealDatabase, *, dry_run: bool = False) -> list[Housekept]:
    with connected(database, read=dry_run) as connector:
        dead = find_dead_masters(connector)
        return list(housekeeping.housekeep(connector, dead, dry_run=dry_run))


def add_dead(database: RealDatabase, name: str, *, active: int = 1) -> int:
    return add_master(database, name, active=active, last_active=time.time() - 11 * MINUTE)


def changed(before: Contents, after: Contents) -> dict[str, tuple[list[Any], list[Any]]]:
    """Return, by table, the rows that went and the rows that came."""
    return {
        table: (
            [row for row in before[table] if row not in after[table]],
            [row for row in after[table] if row not in before[table]],
        )
        for table in before
        if before[table] != after[table]
    }


def test_a_dead_master_is_cleaned_up_after(buildbot_database: RealDatabase) -> None:
    id_ = add_dead(buildbot_database, "dead")
    add_belongings(buildbot_database, id_)
    assert housekeep(buildbot_database) == [
        Housekept(id_, "dead", deactivated=True, links=5, builds=1, steps=2, logs=2, claims=1)
    ]
    assert masters(buildbot_database)[0][2] == 0
    for table in LINK_TABLES:
        assert buildbot_database.execute(f"SELECT * FROM {table}") == [], table
    base = id_ * 100
    now = pytest.approx(time.time(), abs=30)
    builds = "SELECT id, complete_at, results FROM builds ORDER BY id"
    assert buildbot_database.execute(builds) == [(base + 11, now, RETRY), (base + 12, 3000, 0)]
    steps = "SELECT complete_at, results, hidden FROM steps WHERE buildid = ? ORDER BY id"
    assert buildbot_database.execute(steps, [base + 11]) == [
        (2500, 0, 0),
        (now, RETRY, 0),
        (now, RETRY, 0),
    ]
    claims = "SELECT brid FROM buildrequest_claims"
    assert buildbot_database.execute(claims) == [(base + 10,)]


def test_steps_and_logs_that_are_none_of_its_business_are_left_alone(
    buildbot_database: RealDatabase,
) -> None:
    id_ = add_dead(buildbot_database, "dead")
    add_belongings(buildbot_database, id_)
    before = contents(buildbot_database)
    housekeep(buildbot_database)
    changes = changed(before, contents(buildbot_database))
    (running, _), (logs, _) = changes["steps"], changes["logs"]
    assert {step["buildid"] for step in running} == {id_ * 100 + 11}
    assert {step["results"] for step in running} == {None}
    assert {log["stepid"] for log in logs} == {step["id"] for step in running}


def test_a_master_that_is_not_old_enough_is_left_alone(buildbot_database: RealDatabase) -> None:
    for number, active in enumerate((0, 1)):
        id_ = add_master(
            buildbot_database, f"{number}", active=active, last_active=time.time() - 9 * MINUTE
        )
        add_belongings(buildbot_database, id_)
    before = contents(buildbot_database)
    assert housekeep(buildbot_database) == []
    assert contents(buildbot_database) == before


@pytest.mark.parametrize(("active", "last_active"), [(0, 5), (1, 0)], ids=["inactive", "expired"])
def test_inactive_and_expired_masters_are_cleaned_up_after_too(
    buildbot_database: RealDatabase, active: int, last_active: int
) -> None:
    id_ = add_master(buildbot_database, "m", active=active, last_active=last_active)
    add_belongings(buildbot_database, id_)
    (result,) = housekeep(buildbot_database)
    assert result.deactivated == bool(active)
    assert result.claims == result.builds == 1
    assert [row[2:] for row in masters(buildbot_database)] == [(0, last_active)]


def test_only_the_dead_are_changed(buildbot_database: RealDatabase) -> None:
    dead, stopped, *alive = add_cluster(buildbot_database)
    before = by_master(contents(buildbot_database))
    counts = {"links": 12, "builds": 3, "steps": 3, "logs": 2, "claims": 3}
    assert housekeep(buildbot_database) == [
        Housekept(dead, "dead", True, **counts),
        Housekept(stopped, "stopped", False, **counts),
    ]
    after = by_master(contents(buildbot_database))
    for id_ in (0, *alive):
        assert after[id_] == before[id_]


def test_steps_without_results_are_unfinished_whenever_they_ended(
    buildbot_database: RealDatabase,
) -> None:
    id_, *_ = add_cluster(buildbot_database)
    housekeep(buildbot_database)
    steps = "SELECT complete_at, results FROM steps WHERE name IN ('odd0', 'odd1') AND buildid = ?"
    assert buildbot_database.execute(f"{steps} ORDER BY number", [id_ * 100 + 30]) == [
        (pytest.approx(time.time(), abs=30), RETRY),
        (None, 0),
    ]


def test_a_second_run_finds_nothing_to_do(buildbot_database: RealDatabase) -> None:
    for number in range(3):
        add_belongings(buildbot_database, add_dead(buildbot_database, f"dead{number}"))
    assert len(housekeep(buildbot_database)) == 3
    before = contents(buildbot_database)
    with connected(buildbot_database, read=True) as connector:
        assert find_dead_masters(connector).ids == []
    assert housekeep(buildbot_database) == []
    assert contents(buildbot_database) == before


def test_a_dry_run_counts_the_same_and_changes_nothing(buildbot_database: RealDatabase) -> None:
    for number in range(3):
        id_ = add_dead(buildbot_database, f"dead{number}", active=number % 2)
        add_belongings(buildbot_database, id_)
    add_dead(buildbot_database, "idle")
    before = contents(buildbot_database)
    planned = housekeep(buildbot_database, dry_run=True)
    assert contents(buildbot_database) == before
    assert planned == housekeep(buildbot_database)
    assert len(planned) == 4


def test_a_master_that_checks_in_meanwhile_is_left_alone(buildbot_database: RealDatabase) -> None:
    id_ = add_dead(buildbot_database, "late")
    add_belongings(buildbot_database, id_)
    with connected(buildbot_database) as connector:
        dead = find_dead_masters(connector)
        buildbot_database.execute("UPDATE masters SET last_active = ?", [int(time.time())])
        before = contents(buildbot_database)
        assert list(housekeeping.housekeep(connector, dead)) == []
    assert contents(buildbot_database) == before


def test_no_master_checks_in_between_the_look_and_the_change(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_dead(server_database, "dead")

    def check_in(*arguments: Any, **options: Any) -> dict[int, Cleaned]:
        with pytest.raises(IS_LOCKED):
            server_database.execute("SELECT * FROM masters FOR UPDATE NOWAIT")
        return clean(*arguments, **options)

    monkeypatch.setattr("mastersctl.operations.housekeeping.clean", check_in)
    assert len(housekeep(server_database)) == 1


def test_what_has_been_done_meanwhile_is_not_done_again(buildbot_database: RealDatabase) -> None:
    add_belongings(buildbot_database, add_dead(buildbot_database, "dead"))
    with connected(buildbot_database) as connector:
        dead = find_dead_masters(connector)
        housekeep(buildbot_database)
        assert list(housekeeping.housekeep(connector, dead)) == []


def test_what_a_living_master_took_over_meanwhile_stays_its(
    buildbot_database: RealDatabase,
) -> None:
    id_ = add_dead(buildbot_database, "dead")
    add_belongings(buildbot_database, id_)
    alive = add_master(buildbot_database, "alive", active=1)
    with connected(buildbot_database) as connector:
        dead = find_dead_masters(connector)
        for table in {*LINK_TABLES, "buildrequest_claims", "builds"} - {"configured_workers"}:
            buildbot_database.execute(f"UPDATE {table} SET masterid = ?", [alive])
        before = contents(buildbot_database)
        (result,) = housekeeping.housekeep(connector, dead)
    assert result == Housekept(id_, "dead", True, 0, 0, 0, 0, 0)
    (went, came), *others = changed(before, contents(buildbot_database)).values()
    assert (others, [row["id"] for row in went + came]) == ([], [id_, id_])


def test_a_build_that_finishes_meanwhile_keeps_its_results(
    server_database: ServerDatabase,
) -> None:  # SQLite locks all tables
    id_ = add_dead(server_database, "dead")
    add_belongings(server_database, id_)

    def finish(sql: str) -> None:
        if dead and "SELECT" in sql and "steps" in sql:  # the builds have been looked for
            server_database.execute_at_once("UPDATE builds SET complete_at = 7, results = 0")

    dead: list[Dead] = []
    with connected(server_database, on_query=lambda event: finish(event.sql)) as connector:
        dead.append(find_dead_masters(connector))
        (result,) = housekeeping.housekeep(connector, *dead)
    assert result.builds == 0
    assert {*server_database.execute("SELECT complete_at, results FROM builds")} == {(7, 0)}


def test_a_batch_in_which_somebody_changes_something_meanwhile_is_done_master_by_master(
    server_database: ServerDatabase,
) -> None:  # SQLite locks all tables
    first, second = (add_dead(server_database, name) for name in ("first", "second"))
    for id_ in (first, second):
        add_belongings(server_database, id_)
    taken: list[str] = []
    dead: list[Dead] = []

    def take_over(sql: str) -> None:
        if dead and "scheduler_masters" in sql and not taken:  # what there is has been found
            taken.append(sql)
            server_database.execute_at_once(
                f"DELETE FROM scheduler_masters WHERE masterid = {first}"
            )

    with connected(server_database, on_query=lambda event: take_over(event.sql)) as connector:
        dead.append(find_dead_masters(connector))
        done = list(housekeeping.housekeep(connector, *dead))
    counts = {"builds": 1, "steps": 2, "logs": 2, "claims": 1}
    assert done == [
        Housekept(first, "first", True, links=4, **counts),
        Housekept(second, "second", True, links=5, **counts),
    ]


def test_what_was_done_master_by_master_is_known_when_the_next_one_fails(
    database: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (add_dead(database, name) for name in ("first", "second"))
    housekeep_batch = housekeeping._housekeep

    def fail(lookup: Lookup, dead: Dead, dry_run: bool) -> list[Housekept]:
        if len(dead.ids) > 1:
            raise housekeeping._ChangedMeanwhileError
        if dead.ids == [second]:
            raise RefusedError("It fails.")
        return housekeep_batch(lookup, dead, dry_run)

    monkeypatch.setattr(housekeeping, "_housekeep", fail)
    result = database.run("housekeep", "-o", "id")
    assert (result.code, result.out) == (1, f"{first}\n")
    assert "The command ended early, after 1 master." in result.err
    assert [row[2] for row in masters(database)] == [0, 1]


def test_a_master_that_is_there_twice_is_done_once(
    tmp_path: Path, template_sqlite: Path
) -> None:  # by hand, in a table without its key
    database = SqliteFile(tmp_path / "state.sqlite")
    copy_sqlite(template_sqlite, database.path)
    add_belongings(database, add_dead(database, "dead"))
    database.execute("ALTER TABLE masters RENAME TO once")
    database.execute("CREATE TABLE masters AS SELECT * FROM once UNION ALL SELECT * FROM once")
    planned = housekeep(database, dry_run=True)
    assert planned == [Housekept(1, "dead", True, links=5, builds=1, steps=2, logs=2, claims=1)]
    assert housekeep(database) == planned
    assert housekeep(database) == []


def test_a_claim_on_a_request_that_was_completed_meanwhile_stays(
    buildbot_database: RealDatabase,
) -> None:
    add_belongings(buildbot_database, add_dead(buildbot_database, "dead"))
    with connected(buildbot_database) as connector:
        dead = find_dead_masters(connector)
        buildbot_database.execute("UPDATE buildrequests SET complete = 1")
        (result,) = housekeeping.housekeep(connector, dead)
    assert result.claims == 0
    assert len(buildbot_database.execute("SELECT * FROM buildrequest_claims")) == 2


def test_more_than_a_statement_has_room_for_is_done_by_several(
    buildbot_database: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mastersctl.operations.housekeeping.MAX_KEYS", 20)
    id_ = add_dead(buildbot_database, "dead")
    add_belongings(buildbot_database, id_)
    add_unfinished_builds(buildbot_database, id_, 49)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1048)"
    for insert, values in (
        ("workers (id, name, info)", "i, i, '{}'"),
        ("connected_workers (id, masterid, workerid)", f"i, {id_}, i"),
        ("steps (id, number, name, buildid, state_string, urls_json, hidden)",
         f"i + 9000, i, i, {id_ * 100 + 11}, '', '[]', 0"),
        ("logs (name, slug, stepid, complete, num_lines, type)",
         "'log', 'log', i + 9000, 0, 1, 's'"),
    ):  # fmt: skip
        buildbot_database.execute(f"INSERT INTO {insert} {numbers} SELECT {values} FROM n")
    parameters: list[int] = []
    with connected(
        buildbot_database, on_query=lambda event: parameters.append(len(event.params or ()))
    ) as connector:
        dead = find_dead_masters(connector)
        (result,) = housekeeping.housekeep(connector, dead)
    assert result == Housekept(id_, "dead", True, links=54, builds=50, steps=51, logs=51, claims=50)
    assert max(parameters) < 20 + 10
    assert buildbot_database.execute("SELECT id FROM steps WHERE results IS NULL") == [
        (id_ * 1000 + 121,),
        (id_ * 1000 + 122,),  # of a build that has finished
    ]
    assert housekeep(buildbot_database) == []


def test_a_database_without_the_other_tables_has_only_masters_to_deactivate(
    database: RealDatabase,
) -> None:
    id_ = add_dead(database, "dead")
    assert housekeep(database) == [Housekept(id_, "dead", True, 0, 0, 0, 0, 0)]
    assert housekeep(database) == []


@pytest.mark.parametrize("fast", [True, False])
def test_a_clock_that_differs_from_the_servers_is_refused(
    buildbot_postgresql: PostgresDatabase, fast: bool
) -> None:
    add_belongings(buildbot_postgresql, add_master(buildbot_postgresql, "alive", active=1))
    before = contents(buildbot_postgresql)
    here = time.time() + (690 if fast else -690)  # half a minute of play for a slow machine
    with (
        time_machine.travel(here, tick=True),
        connected(buildbot_postgresql) as connector,
        pytest.raises(ClockError, match=f"11 minutes and .* {'ahead of' if fast else 'behind'} "),
    ):
        find_dead_masters(connector)
    assert contents(buildbot_postgresql) == before


def test_a_clock_that_differs_by_less_than_a_minute_is_accepted(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    for seconds in (-45, 45):
        with (
            time_machine.travel(time.time() + seconds, tick=True),
            connected(buildbot_postgresql) as connector,
        ):
            assert find_dead_masters(connector).ids == []


def statements(database: RealDatabase) -> list[str]:
    """Do the housekeeping, and return the statements for it."""
    sent: list[str] = []
    with connected(database, on_query=lambda event: sent.append(event.sql)) as connector:
        for dead in find_dead_masters(connector).batches():
            list(housekeeping.housekeep(connector, dead))
    return sent


def add_unfinished_builds(database: RealDatabase, masterid: int, number: int) -> None:
    """Add unfinished builds to those that `add_belongings` made, with their requests and claims."""
    buildset, builder = masterid * 100 + 8, masterid * 100 + 3
    for insert, values in (
        ("buildrequests (id, buildsetid, builderid, submitted_at, complete)",
         f"i, {buildset}, {builder}, 1, 0"),
        ("buildrequest_claims (brid, masterid, claimed_at)", f"i, {masterid}, 1"),
        ("builds (id, number, builderid, buildrequestid, masterid, started_at, state_string, "
         "locks_duration_s)", f"i, i, {builder}, i, {masterid}, 1, '', 0"),
    ):  # fmt: skip
        database.execute(
            f"INSERT INTO {insert} WITH RECURSIVE n(i) AS "
            f"(SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT {values} FROM n",
            [999 + number],
        )


def test_statements_grow_with_dead_masters_and_not_with_builds(
    buildbot_database: RealDatabase,
) -> None:
    add_belongings(buildbot_database, add_dead(buildbot_database, "few"))
    few = statements(buildbot_database)
    id_ = add_dead(buildbot_database, "many")
    add_belongings(buildbot_database, id_)
    add_unfinished_builds(buildbot_database, id_, 500)
    assert len(statements(buildbot_database)) == len(few)
    assert buildbot_database.execute("SELECT * FROM builds WHERE complete_at IS NULL") == []
    assert len(buildbot_database.execute("SELECT * FROM buildrequest_claims")) == 2


def test_a_thousand_dead_masters_take_few_statements(buildbot_database: RealDatabase) -> None:
    add_belongings(buildbot_database, add_dead(buildbot_database, "first"))
    few = len(statements(buildbot_database))
    for number in range(10):
        names = [f"{number}-{name}" for name in range(100)]
        add_masters(buildbot_database, names)
        add_belongings(buildbot_database, 100 * number + 2)
    buildbot_database.execute("UPDATE masters SET active = 1, last_active = 5")
    sent = statements(buildbot_database)
    assert len(sent) < 10 * few
    assert len(sent) <= 300
    assert buildbot_database.execute("SELECT * FROM masters WHERE active <> 0") == []
    assert buildbot_database.execute("SELECT * FROM builds WHERE complete_at IS NULL") == []


def test_nothing_is_sent_for_a_dead_master_that_left_nothing(
    buildbot_database: RealDatabase,
) -> None:
    none = len(statements(buildbot_database))
    for number in range(20):
        add_master(buildbot_database, f"{number}", last_active=5)
    assert len(statements(buildbot_database)) == none


def test_a_worker_that_is_configured_meanwhile_is_not_left_without_its_link(
    buildbot_database: RealDatabase,
) -> None:
    id_ = add_dead(buildbot_database, "dead")
    add_belongings(buildbot_database, id_)
    with connected(buildbot_database) as connector:
        dead = find_dead_masters(connector)
        buildbot_database.execute("INSERT INTO workers (id, name, info) VALUES (1, 'w', '{}')")
        buildbot_database.execute(
            "INSERT INTO configured_workers (id, buildermasterid, workerid) VALUES (1, ?, 1)",
            [id_ * 100 + 4],
        )
        (result,) = housekeeping.housekeep(connector, dead)
    assert result.links == 6
    assert buildbot_database.execute("SELECT * FROM configured_workers") == []
