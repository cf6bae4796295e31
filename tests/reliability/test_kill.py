"""Killed with SIGKILL at many points, a change leaves each master whole: old or new."""

import itertools
import random
import signal
import time
from collections import Counter

import pytest

from mastersctl.operations.dead import MAX_BATCH
from tests.support.crowd import Crowd
from tests.support.databases import RealDatabase, copy
from tests.support.outcome import by_master, settle
from tests.support.rows import add_belongings, add_master, contents, without_times
from tests.support.sizes import KILLS, STATEMENTS

MASTERS = 3


@pytest.fixture
def database(buildbot_database: RealDatabase) -> RealDatabase:
    """A database with some dead masters that have everything, and one that is alive."""
    for number in range(MASTERS):
        id_ = add_master(buildbot_database, f"dead{number}", active=1, last_active=5)
        add_belongings(buildbot_database, id_)
    add_belongings(buildbot_database, add_master(buildbot_database, "heir", active=1))
    return buildbot_database


def killed(crowd: Crowd, database: RealDatabase, statements: int, *arguments: str) -> bool:
    """Run a command that kills itself after so many statements; return whether it came to that."""
    (result,) = crowd.run([database.on("-v", *arguments)], statements=statements)
    assert result.code in (0, -signal.SIGKILL), result
    return result.code != 0


def test_housekeep_does_a_batch_wholly_or_not_at_all(database: RealDatabase, crowd: Crowd) -> None:
    for number in range(MAX_BATCH):
        add_master(database, f"idle{number}", active=1, last_active=5)
    old = by_master(without_times(contents(database)))
    finished = copy(database)
    assert finished.run("housekeep").code == 0
    new = by_master(without_times(contents(finished)))
    done = set()
    for statements in itertools.count(1, STATEMENTS.now):
        target = copy(database)
        running = killed(crowd, target, statements, "housekeep")
        found = by_master(without_times(contents(target)))
        for master in old:
            assert found[master] in (old[master], new[master]), (statements, master)
        done.add(sum(found[master] == new[master] != old[master] for master in old))
        assert target.run("housekeep").code == 0
        assert by_master(without_times(contents(target))) == new, statements
        if not running:
            break
    batches = {0, MAX_BATCH, MAX_BATCH + MASTERS}
    assert done == batches  # it was met before, between and after them


def test_remove_removes_all_masters_or_none(database: RealDatabase, crowd: Crowd) -> None:
    arguments = ("remove", "1", "2", "3", "--reassign-to", "heir", "--yes")
    old = without_times(contents(database))
    finished = copy(database)
    assert finished.run(*arguments).code == 0
    new = without_times(contents(finished))
    for statements in itertools.count(1, STATEMENTS.now):
        target = copy(database)
        running = killed(crowd, target, statements, *arguments)
        found = without_times(contents(target))
        assert found in (old, new), statements
        if not running:
            break
        if found == old:
            assert target.run(*arguments).code == 0
            assert without_times(contents(target)) == new
    assert found == new


CHANGES = [
    "find new",
    "set-state 1 active",
    "set-state 1 inactive",
    "expire-all",
    "housekeep",
    "rename 1 new:/",
    "remove 1 2 3 --reassign-to heir --yes",
]


@pytest.mark.parametrize("command", CHANGES)
def test_killed_at_random_moments_a_change_leaves_each_master_whole(
    database: RealDatabase, crowd: Crowd, command: str
) -> None:
    moments = random.Random(command)
    old = by_master(without_times(contents(database)))
    restore = database.snapshot()
    arguments = database.on(*command.split())
    longest = duration(crowd, arguments)
    new = by_master(without_times(contents(database)))
    outcomes = Counter[str]()
    while outcomes.total() < 2 * KILLS.now or not outcomes["changed"]:
        assert longest < 10, outcomes
        longest *= 1 if outcomes["changed"] else 1.03  # for a machine that has slowed down
        restore()
        (result,) = crowd.run([arguments], kill_after=moments.uniform(0, longest))
        assert result.code in (0, -signal.SIGKILL), result
        settle(database)
        found = by_master(without_times(contents(database)))
        changed = {master for master in old | new if found.get(master) != old.get(master)}
        assert all(found.get(master) == new.get(master) for master in changed)
        assert found in (old, new)
        outcomes["changed" if changed else "as it was"] += 1
        outcomes["killed" if result.code else "finished"] += 1
    assert min(outcomes[word] for word in ("as it was", "killed")) > 0, outcomes


def duration(crowd: Crowd, arguments: list[str]) -> float:
    """Run a command, and return how long it takes, with some more for good measure, in seconds."""
    started = time.monotonic()
    (result,) = crowd.run([arguments])
    assert result.code == 0, result
    return 1.2 * (time.monotonic() - started)
