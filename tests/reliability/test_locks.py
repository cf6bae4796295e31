"""Whoever meets a lock waits for it for as long as --timeout says, and not longer."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from mastersctl.schema.master import name_hash
from tests.support.commands import at_most, mastersctl
from tests.support.databases import PostgresDatabase, RealDatabase
from tests.support.rows import add_belongings, add_master, contents, masters

CHANGES = [
    "set-state 1 active",
    "set-state 1 inactive",
    "expire-all",
    "housekeep",
    "housekeep 1 --force",
    "rename 1 other:/",
    "remove 1 --reassign-to heir:/ --yes",
]
SLACK = 4  # seconds, for a machine that does other things too


@pytest.fixture
def database(buildbot_database: RealDatabase) -> RealDatabase:
    """A database with a dead master that has everything, and one that is alive."""
    for name, last_active in (("dead:/", 5), ("heir:/", None)):
        id_ = add_master(buildbot_database, name, active=1, last_active=last_active)
        add_belongings(buildbot_database, id_)
    return buildbot_database


@contextmanager
def locked_for(database: RealDatabase, seconds: float) -> Iterator[None]:
    """Hold the lock on master 1, and release it so many seconds after the block begins."""
    held = threading.Event()

    def hold() -> None:
        with database.locked():
            held.set()
            time.sleep(seconds)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(timeout=10)
    yield
    holder.join()


@pytest.mark.parametrize("command", CHANGES)
def test_a_change_that_meets_a_lock_for_too_long_gives_up_in_time_and_changes_nothing(
    database: RealDatabase, command: str
) -> None:
    before = contents(database)
    with database.locked():
        for timeout in (0, 0.7):
            started = time.monotonic()
            arguments = [*command.split(), "--timeout", timeout]
            with at_most(timeout + SLACK):
                result = database.run(*arguments)
            assert time.monotonic() - started >= timeout
            assert (result.code, result.out) == (4, "")
            assert "is locked by another process" in result.err
            assert result.err.count("\n") == 1
    assert contents(database) == before


@pytest.mark.parametrize("command", CHANGES)
def test_a_change_waits_for_a_lock_that_is_released_in_time(
    database: RealDatabase, command: str
) -> None:
    with locked_for(database, 0.7):
        started = time.monotonic()
        result = database.run(*command.split(), "--timeout", 20)
        assert 0.3 < time.monotonic() - started < 0.7 + SLACK
    assert result.code == 0, result


def test_find_waits_for_another_that_adds_the_name_and_gives_up_in_time(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    arguments = buildbot_postgresql.on("find", "m")
    with psycopg.connect(buildbot_postgresql.url) as connection:
        connection.execute(
            "INSERT INTO masters (name, name_hash, active, last_active) VALUES ('m', %s, 0, 0)",
            [name_hash("m")],
        )
        started = time.monotonic()
        with at_most(0.7 + SLACK):
            result = mastersctl(*arguments, "--timeout", 0.7)
        assert time.monotonic() - started >= 0.7
        assert (result.code, result.out) == (4, "")
        assert "is locked by another process" in result.err
        waiting = subprocess.Popen(
            [sys.executable, "-m", "mastersctl", *arguments], stdout=subprocess.PIPE, text=True
        )
        time.sleep(1)
        assert waiting.poll() is None
        connection.commit()
    out, _ = waiting.communicate(timeout=20)
    assert out == f"{masters(buildbot_postgresql)[0][0]}\n"
    assert len(masters(buildbot_postgresql)) == 1


def test_readers_do_not_wait_for_a_writer(database: RealDatabase) -> None:
    with database.locked():
        for command in ("list", "list -o wide", "show 1", "find dead:/", "check --min-active 1 2"):
            with at_most(SLACK):
                result = database.run(*command.split(), "--timeout", 0)
            assert result.code == 0, result


def test_an_interrupt_while_waiting_is_heard_and_changes_nothing(database: RealDatabase) -> None:
    before = contents(database)
    command = [sys.executable, "-m", "mastersctl", "set-state", "1", "active"]
    with database.locked():
        waiting = subprocess.Popen(
            [*command, "--timeout", "60", "--db-url", database.url], stderr=subprocess.PIPE
        )
        time.sleep(2)
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=10)
    assert waiting.returncode == 1
    assert b"Aborted." in err
    assert contents(database) == before


@pytest.mark.parametrize("command", ["list", "show 1", "find dead:/", "check"])
def test_a_reader_that_waits_for_the_lock_of_a_whole_table_is_reported(
    buildbot_postgresql: PostgresDatabase, command: str
) -> None:
    with psycopg.connect(buildbot_postgresql.url) as connection:
        connection.execute("LOCK TABLE masters IN ACCESS EXCLUSIVE MODE")
        with at_most(0.2 + SLACK):
            result = buildbot_postgresql.run(*command.split(), "--timeout", 0.2)
    code = 3 if command == "check" else 4
    assert (result.code, "locked" in result.out + result.err) == (code, True)
