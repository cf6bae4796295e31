"""Rows of the databases of tests: what is put into them, and what is there afterwards."""

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from mastersctl.models.master import name_hash
from tests.support.databases import RealDatabase

NOW = 1_700_000_000


MINUTE = 60


def add_master(
    database: RealDatabase, name: str, *, active: int = 0, last_active: float | None = None
) -> int:
    """Add a master as Buildbot would have; `last_active` is epoch seconds, by default now."""
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
    """Return the contents with a word for the times at which something happened just now."""
    for row in itertools.chain(*found.values()):
        for column in ("complete_at", "last_active"):
            if (row.get(column) or 0) > 1_000_000:
                row[column] = "now"
    return found


def add_belongings(database: RealDatabase, masterid: int) -> None:
    """Give the master one or more of everything, in a database that Buildbot made."""
    base = masterid * 100  # IDs differ by table, too: a test that mixes them up fails
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
    rows += _builds_with_steps(base)
    for table, row in rows:
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        database.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))


def _builds_with_steps(base: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield steps and logs in every state, of the unfinished build and of the finished one."""
    states: list[dict[str, Any]] = [
        {"started_at": 2000, "complete_at": 2500, "results": 0},  # finished
        {"started_at": 2500, "hidden": 1},  # running
        {"started_at": None},  # not begun
    ]
    for build in (base + 11, base + 12):
        for number, state in enumerate(states):
            step = {"id": 10 * build + number, "number": number, "name": f"step{number}"}
            step |= {"buildid": build, "state_string": "", "urls_json": "[]", "hidden": 0} | state
            yield "steps", step
            for complete in (0, 1):
                yield (
                    "logs",
                    {
                        "name": f"log{complete}",
                        "slug": f"log{complete}",
                        "stepid": step["id"],
                        "complete": complete,
                        "num_lines": 1,
                        "type": "s",
                    },
                )


LINK_TABLES = (
    "scheduler_masters",
    "changesource_masters",
    "builder_masters",
    "configured_workers",
    "connected_workers",
)
