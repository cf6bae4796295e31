"""Killed with SIGKILL at many points, a change leaves each master whole: old or new."""

import itertools
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import Command, Contents, add_belongings, add_master, contents
from tests.databases import RealDatabase, copy

MASTERS = 3


@pytest.fixture
def database(buildbot_database: RealDatabase) -> RealDatabase:
    """A database with some dead masters that have everything, and one that is alive."""
    for number in range(MASTERS):
        id_ = add_master(buildbot_database, f"dead{number}", active=1, last_active=5)
        add_belongings(buildbot_database, id_)
    add_belongings(buildbot_database, add_master(buildbot_database, "heir", active=1))
    return buildbot_database


KILLED = """
import os, signal, sys
from mastersctl.cli import options, run

def kill(event):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

left = int(sys.argv[1])
options._tell_query = kill
sys.exit(run(["-v", *sys.argv[2:]]))
"""


def killed(database: RealDatabase, statements: int, *arguments: str) -> bool:
    """Run a command that kills itself after so many statements; return whether it came to that."""
    child = subprocess.run(
        [sys.executable, "-c", KILLED, f"{statements}", *arguments, "--db-url", database.url],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    return child.returncode != 0


def without_times(found: Contents) -> Contents:
    """Return the contents with a word for the times at which something ended just now."""
    for row in itertools.chain(*found.values()):
        if (row.get("complete_at") or 0) > 1_000_000:
            row["complete_at"] = "now"
    return found


def by_master(found: Contents) -> dict[int, list[tuple[str, Any]]]:
    """Return what each master has; `add_belongings` lets the IDs begin with that of the master."""
    parts: dict[int, list[tuple[str, Any]]] = {}
    for table, rows in found.items():
        for row in rows:
            if table == "masters":
                owner = row["id"]
            elif "stepid" in row:
                owner = row["stepid"] // 1000
            elif "buildid" in row:
                owner = row["buildid"] // 100
            elif "buildermasterid" in row:
                owner = row["buildermasterid"] // 100
            else:
                owner = row.get("masterid", 0)
            parts.setdefault(owner, []).append((table, row))
    return parts


def test_housekeep_does_a_master_wholly_or_not_at_all(
    database: RealDatabase, mastersctl: Command
) -> None:
    old = by_master(without_times(contents(database)))
    finished = copy(database)
    assert mastersctl("housekeep", "--db-url", finished.url).code == 0
    new = by_master(without_times(contents(finished)))
    done = set()
    for statements in itertools.count(1):
        target = copy(database)
        running = killed(target, statements, "housekeep")
        found = by_master(without_times(contents(target)))
        for master in old:
            assert found[master] in (old[master], new[master]), (statements, master)
        done.add(sum(found[master] == new[master] != old[master] for master in old))
        assert mastersctl("housekeep", "--db-url", target.url).code == 0
        assert by_master(without_times(contents(target))) == new, statements
        if not running:
            break
    assert done == set(range(MASTERS + 1))  # it was met before, between and after them


def test_remove_removes_all_masters_or_none(database: RealDatabase, mastersctl: Command) -> None:
    arguments = ("remove", "1", "2", "3", "--reassign-to", "heir", "--yes")
    old = without_times(contents(database))
    finished = copy(database)
    assert mastersctl(*arguments, "--db-url", finished.url).code == 0
    new = without_times(contents(finished))
    for statements in itertools.count(1):
        target = copy(database)
        running = killed(target, statements, *arguments)
        found = without_times(contents(target))
        assert found in (old, new), statements
        if not running:
            break
        if found == old:
            assert mastersctl(*arguments, "--db-url", target.url).code == 0
            assert without_times(contents(target)) == new
    assert found == new
