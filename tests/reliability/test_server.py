"""A server that is away, goes away, or does not answer; a connection that is cut anywhere."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.support.commands import Result, at_most, mastersctl, wait_for
from tests.support.crowd import Crowd
from tests.support.databases import PostgresDatabase, PostgresServer, ServerDatabase, copied
from tests.support.outcome import by_master, settle
from tests.support.proxy import Proxy, proxy
from tests.support.rows import add_belongings, add_master, contents, masters, without_times
from tests.support.sizes import CUTS, LIES, SILENCES

READS = [
    "list",
    "list -o wide",
    "list -o json",
    "list -o jsonl",
    "list -o csv",
    "list -o tsv",
    "list -o id",
    "show 1",
    "show 1 -o json",
    "find m1 --no-create",
    "check",
    "check -o json",
    "check -o prometheus",
    "housekeep --dry-run -o json",
]
CHANGES = [
    "init",
    "find new",
    "find new -o json",
    "set-state 1 active",
    "set-state 1 inactive -o json",
    "expire-all -o json",
    "housekeep",
    "housekeep -o json",
    "rename 1 new:/",
    "remove 1 2 --reassign-to m3 --yes -o json",
]
MASTERS = 40
TIMEOUT = 1
SLACK = 6  # seconds, of which libpq takes one, as it waits for two at least, and a cancel one


def unreachable(command: str) -> int:
    """Return the exit code of a command whose database is not reached."""
    return 3 if command.startswith("check") else 4


def assert_told(result: Result, command: str) -> None:
    """Check that the command failed with a sentence, and printed nothing that looks whole."""
    assert result.code == unreachable(command), result
    if result.out.startswith("MASTERS UNKNOWN - The database") or '"UNKNOWN"' in result.out:
        return
    *_, error = result.err.splitlines()
    assert error.startswith("Error: The database postgresql://postgres@127.0.0.1:")
    assert error.endswith(".")
    if command == "housekeep -o json" and result.out:  # what was done remains done
        assert set(json.loads(result.out)) == {"masters"}
    elif command.endswith("json"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(result.out)


@pytest.fixture
def database(buildbot_postgresql: PostgresDatabase) -> PostgresDatabase:
    """A database with masters, some of which have everything."""
    for number in range(1, MASTERS + 1):
        last_active = 5 if number < 3 else None
        add_master(buildbot_postgresql, f"m{number}", active=1, last_active=last_active)
    for id_ in (1, 2, 3):
        add_belongings(buildbot_postgresql, id_)
    return buildbot_postgresql


@pytest.fixture
def before(database: PostgresDatabase) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxy(database.server.port) as one:
        yield one


def behind(before: Proxy, database: PostgresDatabase) -> str:
    return f"postgresql://postgres@127.0.0.1:{before.port}/{database.name}"


@pytest.mark.parametrize("command", READS + CHANGES)
def test_a_connection_that_is_cut_anywhere_is_reported_and_nothing_is_half_done(
    before: Proxy, database: PostgresDatabase, command: str
) -> None:
    restore = database.snapshot()
    arguments = [*command.split(), "--timeout", TIMEOUT, "--db-url", behind(before, database)]
    old = by_master(without_times(contents(database)))
    whole = mastersctl(*arguments)
    new = by_master(without_times(contents(database)))
    total = before.answered
    assert total > CUTS.now
    told = 0
    for left in range(0, total, total // CUTS.now):
        restore()
        before.left = left
        with at_most(TIMEOUT + SLACK):
            result = mastersctl(*arguments)
        if result.code != whole.code:
            assert_told(result, command)
            told += 1
        else:
            assert result.out == whole.out
        settle(database)
        found = by_master(without_times(contents(database)))
        assert found in (old, new)
    assert told > CUTS.now / 2


@pytest.mark.parametrize("command", ["set-state 1 inactive", "expire-all", "rename 1 new:/"])
def test_a_change_whose_confirmation_is_lost_is_reported_as_uncertain(
    server_database: ServerDatabase, command: str
) -> None:
    add_master(server_database, "m1", active=1, last_active=5)
    restore = server_database.snapshot()
    before = masters(server_database)
    port = server_database.server.port
    with proxy(port) as one:
        url = server_database.url.replace(f":{port}/", f":{one.port}/")
        arguments = [*command.split(), "--timeout", TIMEOUT, "--db-url", url]
        assert mastersctl(*arguments).code == 0
        restore()
        one.left, one.answered = one.answered - 1, 0  # the last answer is that to COMMIT
        result = mastersctl(*arguments)
    assert (result.code, result.out) == (4, "")
    assert "did not confirm the change (" in result.err
    assert "'mastersctl list' shows whether it was made" in result.err
    assert masters(server_database) != before


@pytest.mark.parametrize("command", ["list -o json", "find new", "set-state 1 inactive"])
def test_a_server_that_falls_silent_anywhere_is_given_up_in_time(
    before: Proxy, database: PostgresDatabase, command: str
) -> None:
    arguments = [*command.split(), "--timeout", TIMEOUT, "--db-url", behind(before, database)]
    restore = database.snapshot()
    assert mastersctl(*arguments).code == 0
    total = before.answered
    before.cuts = False
    for left in range(0, total, total // SILENCES.now):
        restore()
        before.left = left
        with at_most(TIMEOUT + SLACK):
            result = mastersctl(*arguments)
        assert_told(result, command)


def noise(answer: bytes) -> bytes:
    return random.Random(answer).randbytes(len(answer))


def other_digits(answer: bytes) -> bytes:
    """Return an answer whose form may be right, but whose numbers are none."""
    return re.sub(rb"\d", b"x", answer)


@pytest.mark.parametrize("garble", [noise, other_digits])
@pytest.mark.parametrize(
    "command", ["list", "list -o json", "show 1", "check", "find new", "set-state 1 inactive"]
)
def test_a_server_that_answers_nonsense_is_reported(
    before: Proxy,
    database: PostgresDatabase,
    command: str,
    garble: Callable[[bytes], bytes],
) -> None:
    arguments = [*command.split(), "--timeout", TIMEOUT, "--db-url", behind(before, database)]
    restore = database.snapshot()
    whole = mastersctl(*arguments)
    total = before.answered
    before.garbles = garble
    told = 0
    for left in range(0, total, total // LIES.now):
        restore()
        before.left = left
        result = mastersctl(*arguments)
        if result.code != whole.code:
            assert_told(result, command)
            told += 1
    assert told > LIES.now / 4


def test_a_server_that_accepts_and_never_answers_is_given_up_in_time(crowd: Crowd) -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=100)) as server:
        url = f"postgresql://postgres@127.0.0.1:{server.getsockname()[1]}/d"
        commands = READS + CHANGES
        started = time.monotonic()
        results = crowd.run(
            [*command.split(), "--timeout", TIMEOUT, "--db-url", url] for command in commands
        )
        assert TIMEOUT < time.monotonic() - started < TIMEOUT + SLACK
    for command, result in zip(commands, results, strict=True):
        assert_told(result, command)


# A server of our own, to be stopped


@pytest.fixture(scope="module")
def own_server(made_postgres: Path) -> Iterator[PostgresServer]:
    with copied(made_postgres) as server:
        server.execute("ALTER SYSTEM SET synchronous_commit = on")  # as every server that is real
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def own_database(own_server: PostgresServer) -> PostgresDatabase:
    """A database with a master, on a server that may be stopped."""
    database = PostgresDatabase(own_server)
    assert database.run("init").code == 0
    add_master(database, "m1", active=1, last_active=5)
    return database


def kill(server: PostgresServer) -> None:
    """Kill the server as the kernel does when memory runs out."""
    os.kill(server.pid, signal.SIGKILL)


ENDS: list[Callable[[PostgresServer], None]] = [
    lambda server: server.stop("fast"),
    lambda server: server.stop("immediate"),
    kill,
]
NAMES_OF_ENDS = ["stopped", "stopped at once", "killed"]


def start_again(server: PostgresServer) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            return server.start()
        except subprocess.CalledProcessError:  # what is left of a killed one has not ended yet
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.mark.parametrize("end", ENDS, ids=NAMES_OF_ENDS)
def test_a_server_that_is_unavailable_is_reported_and_one_that_is_back_is_used(
    own_database: PostgresDatabase, crowd: Crowd, end: Callable[[PostgresServer], None]
) -> None:
    before = masters(own_database)
    end(own_database.server)
    commands = READS + CHANGES
    started = time.monotonic()
    results = crowd.run(
        own_database.on(*command.split(), "--timeout", TIMEOUT) for command in commands
    )
    took = time.monotonic() - started
    start_again(own_database.server)
    assert took < TIMEOUT + SLACK
    for command, result in zip(commands, results, strict=True):
        assert_told(result, command)
    assert masters(own_database) == before
    (result,) = crowd.run([own_database.on("set-state", "1", "inactive")])
    assert (result.code, result.out) == (0, "changed\n")


@pytest.mark.parametrize("end", ENDS, ids=NAMES_OF_ENDS)
def test_a_server_that_ends_while_a_change_waits_is_reported_and_nothing_was_changed(
    own_database: PostgresDatabase, end: Callable[[PostgresServer], None]
) -> None:
    before = masters(own_database)
    command = [sys.executable, "-m", "mastersctl", "set-state", "1", "active", "--timeout", "60"]
    with closing(psycopg.connect(own_database.url)) as connection:
        connection.execute("SELECT * FROM masters FOR UPDATE")
        waiting = subprocess.Popen(
            [*command, "--db-url", own_database.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(own_database.is_waiting)
        end(own_database.server)
        # The lock is kept till then: the processes of a server that was killed notice one by one.
        out, err = waiting.communicate(timeout=SLACK)
    start_again(own_database.server)
    assert_told(Result(waiting.returncode, out, err), "set-state")
    assert masters(own_database) == before


def test_what_was_confirmed_while_a_server_restarts_again_and_again_is_there(
    own_database: PostgresDatabase, crowd: Crowd
) -> None:
    results: dict[str, Result] = {}
    stop = threading.Event()

    def find() -> None:
        while not stop.is_set():
            name = f"new{len(results)}"
            (results[name],) = crowd.run([own_database.on("find", name, "--timeout", TIMEOUT)])

    finding = threading.Thread(target=find)
    finding.start()
    for mode in ("fast", "immediate", "fast", "immediate"):
        time.sleep(0.5)
        own_database.server.stop(mode)
        time.sleep(0.2)
        start_again(own_database.server)
    stop.set()
    finding.join()
    there = {name: f"{id_}\n" for id_, name, *_ in masters(own_database)}
    assert {result.code for result in results.values()} == {0, 4}
    for name, result in results.items():
        if result.code:
            assert_told(result, "find")
        else:
            assert there[name] == result.out


def test_a_server_that_takes_no_more_connections_is_reported(
    own_database: PostgresDatabase,
) -> None:
    own_database.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    url = own_database.url.replace("postgres@", "crowded@")
    result = mastersctl("list", "--db-url", url)
    assert result.code == 4
    assert "cannot be reached (connection failed: " in result.err
    assert 'too many connections for role "crowded"' in result.err
