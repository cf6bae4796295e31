"""Adds rows to the databases of tests, and reads them back."""

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from mastersctl.schema.master import name_hash
from tests.support.databases import RealDatabase

NOW = 1_700_000_000


MINUTE = 60


def add_master(
    database: RealDatabase, name: str, *, active: int = 0, last_active: float | None = None
) -> int:
    """Add a master as Buildbot would; `last_active` is in epoch seconds, by default now."""
    database.execute(
        "INSERT INTO masters (name, name_hash, active, last_active) VALUES (?, ?, ?, ?)",
        (name, name_hash(name), active, int(time.time() if last_active is None else last_active)),
    )
    ((id_,),) = database.execute("SELECT id FROM masters WHERE name_hash = ?", (name_hash(name),))
    return int(id_)


def add_masters(database: RealDatabase, names: Iterable[str]) -> None:
    """Add inactive masters, in one statement."""
    rows = [(name, name_hash(name), int(time.time())) for name in names]
    database.execute(
        "INSERT INTO masters (name, name_hash, active, last_active) VALUES "
        + ", ".join(["(?, ?, 0, ?)"] * len(rows)),
        [*itertools.chain(*rows)],
    )


def masters(database: RealDatabase) -> list[tuple[Any, ...]]:
    """Return all rows of the table of masters."""
    return database.execute("SELECT id, name, active, last_active FROM masters ORDER BY id")


Contents = dict[str, list[dict[str, Any]]]


def contents(database: RealDatabase) -> Contents:
    """Return every row of every table, sorted."""
    return {
        table: sorted(rows, key=lambda row: json.dumps(row, default=str))
        for table, rows in database.rows().items()
    }


def without_times(found: Contents) -> Contents:
    """Replace the times of recent events in the contents by the word ``now``."""
    for row in itertools.chain(*found.values()):
        for column in ("complete_at", "last_active"):
            if (row.get(column) or 0) > 1_000_000:
                row[column] = "now"
    return found


def add_belongings(database: RealDatabase, masterid: int) -> None:
    """Add one or more rows of each kind for a master, in a database that Buildbot made."""
    base = masterid * 100  # IDs also differ by table: a test that mixes them up fails
    master = {"masterid": masterid}
    request = {"buildsetid": base + 8, "builderid": base + 3, "submitted_at": 1000}
    build = {"builderid": base + 3, "started_at": 2000, "state_string": "", "locks_duration_s": 0}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("schedulers", {"id": base + 1, "name": "nightly", "name_hash": base, "enabled": 1}),
        ("scheduler_masters", {"schedulerid": base + 1} | master),
        ("changesources", {"id": base + 2, "name": "poller", "name_hash": base}),
        ("changesource_masters", {"changesourceid": base + 2} | master),
        ("builders", {"id": base + 3, "name": "runtests", "name_hash": base}),
        ("builder_masters", {"id": base + 4, "builderid": base + 3} | master),
        ("workers", {"id": base + 5, "name": f"worker{base}", "info": "{}"}),
        ("configured_workers",
         {"id": base + 6, "buildermasterid": base + 4, "workerid": base + 5}),
        ("connected_workers", {"id": base + 7, "workerid": base + 5} | master),
        ("buildsets", {"id": base + 8, "submitted_at": 1000, "complete": 0}),
        ("buildrequests", {"id": base + 9, "complete": 0} | request),
        ("buildrequests", {"id": base + 10, "complete": 1} | request),
        ("buildrequest_claims", {"brid": base + 9, "claimed_at": 1000} | master),
        ("buildrequest_claims", {"brid": base + 10, "claimed_at": 1000} | master),
        ("builds", {"id": base + 11, "number": 7, "buildrequestid": base + 9} | build | master),
        ("builds", {"id": base + 12, "number": 6, "buildrequestid": base + 10,
                    "complete_at": 3000, "results": 0} | build | master),
    ]  # fmt: skip
    rows += _steps(base + 11, base + 12)
    _insert(database, rows)


SHARED_BUILDER, SHARED_WORKER = 20, 21  # their IDs


def add_cluster(database: RealDatabase) -> tuple[int, int, int, int]:
    """Add masters with rows of each kind, some of them shared, in a database that Buildbot made.

    Each master has:

    - three schedulers and two change sources
    - two builders, one of them shared by all masters
    - three configured workers: two for one worker on both builders, and one for a shared worker
    - two connected workers, one of them shared by all masters
    - claimed build requests and their builds: three are unfinished, and two are finished
    - a step with an end time and no results, and a step with results and no end time; the results
      decide

    Returns:
        the IDs of two dead masters, the second one inactive, and of two live ones.
    """
    ids = (
        add_master(database, "dead", active=1, last_active=5),
        add_master(database, "stopped", active=0, last_active=6),
        add_master(database, "heir", active=1),
        add_master(database, "bystander", active=1),
    )
    builder, worker = {"builderid": SHARED_BUILDER}, {"workerid": SHARED_WORKER}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("builders", {"id": SHARED_BUILDER, "name": "shared", "name_hash": "shared"}),
        ("workers", {"id": SHARED_WORKER, "name": "shared", "info": "{}"}),
    ]
    for id_ in ids:
        add_belongings(database, id_)
        base, master = id_ * 100, {"masterid": id_}
        for more in (base + 20, base + 21):
            rows.append(("schedulers", {"id": more, "name": f"s{more}", "name_hash": more}))
            rows.append(("scheduler_masters", {"schedulerid": more} | master))
        rows += [
            ("changesources", {"id": base + 22, "name": "more", "name_hash": base + 22}),
            ("changesource_masters", {"changesourceid": base + 22} | master),
            ("builder_masters", {"id": base + 23} | builder | master),
            ("configured_workers",
             {"id": base + 24, "buildermasterid": base + 23, "workerid": base + 5}),
            ("configured_workers", {"id": base + 25, "buildermasterid": base + 23} | worker),
            ("connected_workers", {"id": base + 26} | worker | master),
        ]  # fmt: skip
        for more, complete in ((base + 30, 0), (base + 31, 0), (base + 32, 1)):
            request = {"buildsetid": base + 8, "submitted_at": 1000, "complete": complete}
            build: dict[str, Any] = {"number": more, "buildrequestid": more, "started_at": 2000}
            build |= {"complete_at": 3000, "results": 2} if complete else {}
            build |= {"state_string": "", "locks_duration_s": 0}
            rows += [
                ("buildrequests", {"id": more} | request | builder),
                ("buildrequest_claims", {"brid": more, "claimed_at": 1000} | master),
                ("builds", {"id": more} | build | builder | master),
            ]
        for number, (complete_at, results) in enumerate(((2500, None), (None, 0))):
            step = {"id": base * 10 + 300 + number, "number": number, "name": f"odd{number}"}
            step |= {"buildid": base + 30, "complete_at": complete_at, "results": results}
            rows.append(("steps", step | {"state_string": "", "urls_json": "[]", "hidden": 0}))
    _insert(database, rows)
    return ids


def _insert(database: RealDatabase, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Insert rows, with one statement for all rows with the same table and columns."""
    statements: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for table, row in rows:
        statements.setdefault((table, *row), []).append(row)
    for (table, *columns), those in statements.items():
        marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(those))
        values = [*itertools.chain.from_iterable(row.values() for row in those)]
        database.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks}", values)


def _steps(*builds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield steps of these builds in every state, and the logs of each step."""
    states: list[dict[str, Any]] = [
        {"started_at": 2000, "complete_at": 2500, "results": 0},  # finished
        {"started_at": 2500, "hidden": 1},  # running
        {"started_at": None},  # not begun
    ]
    steps = [
        {"id": 10 * build + number, "number": number, "name": f"step{number}"}
        | {"buildid": build, "state_string": "", "urls_json": "[]", "hidden": 0}
        | {"complete_at": None, "results": None}
        | state
        for build in builds
        for number, state in enumerate(states)
    ]
    yield from (("steps", step) for step in steps)
    for step, complete in itertools.product(steps, (0, 1)):
        log = {"name": f"log{complete}", "slug": f"log{complete}", "complete": complete}
        yield "logs", {"stepid": step["id"], "num_lines": 1, "type": "s"} | log


LINK_TABLES = (
    "scheduler_masters",
    "changesource_masters",
    "builder_masters",
    "configured_workers",
    "connected_workers",
)
