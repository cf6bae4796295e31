"""A standby of PostgreSQL, which may be far behind its primary."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Result, mastersctl, process
from tests.support.databases import PostgresDatabase, PostgresServer, Standby, copied
from tests.support.rows import add_master
from tests.support.terminal import Terminal

TOLERANCE = 60  # seconds that a standby may be behind


@pytest.fixture
def primary(made_postgres: Path) -> Iterator[PostgresServer]:
    """A server that is small, to be copied."""
    with copied(made_postgres) as server:
        yield server


@pytest.fixture
def database(primary: PostgresServer) -> PostgresDatabase:
    """A database on the primary, with a master that is alive."""
    database = PostgresDatabase(primary)
    assert database.run("init").code == 0
    add_master(database, "alive", active=1)
    return database


@pytest.fixture
def standby(database: PostgresDatabase) -> Iterator[Standby]:
    with tempfile.TemporaryDirectory(prefix="mastersctl-postgres-") as directory:
        standby = Standby(database.server, Path(directory))
        yield standby
        standby.stop()


def test_a_standby_that_has_replayed_all_is_as_good_as_its_primary(
    database: PostgresDatabase, standby: Standby
) -> None:
    add_master(database, "new")
    standby.wait_for_replay()
    url = ("--db-url", standby.url(database.name))
    assert mastersctl("list", "-o", "id", *url) == (0, "1\n2\n", "")
    assert mastersctl("check", *url).code == 0
    assert mastersctl("housekeep", "--dry-run", *url).out.startswith("nothing to do")
    result = mastersctl("set-state", "alive", "inactive", *url)
    assert (result.code, result.out) == (4, "")


def assert_behind(url: str, how: str) -> None:
    def run(command: str) -> Result:
        return process(*command.split(), "--db-url", url)

    for command in ("check", "check alive", "check -o json"):
        result = run(command)
        assert result.code == 3
        assert how in result.out
    for command in ("housekeep --dry-run", "remove alive --dry-run"):
        result = run(command)
        assert (result.code, result.out) == (1, "")
        assert how in result.err
        assert "it is unknown which masters are dead; use the primary" in result.err
    for command in ("list", "list --stale -o json", "show alive"):
        result = run(command)
        assert result.code == 0
        assert result.err.startswith("Warning: The database is a standby")
        assert how in result.err
    terminal = Terminal("list", "--watch", "--db-url", url, columns=200)
    terminal.wait_for(how)
    terminal.child.sendintr()
    terminal.end()


def test_a_standby_that_may_be_behind_by_any_time_is_reported(
    database: PostgresDatabase, standby: Standby
) -> None:
    standby.disconnect()
    assert_behind(standby.url(database.name), "it is unknown how far it is behind")


def test_a_standby_that_is_behind_is_reported(
    request: pytest.FixtureRequest, database: PostgresDatabase, standby: Standby
) -> None:
    if not request.config.getoption("thorough"):
        pytest.skip("it takes a minute: only with --thorough")
    standby.wait_for_replay()
    standby.execute("SELECT pg_wal_replay_pause()")
    database.execute("UPDATE masters SET last_active = last_active + 1")
    time.sleep(TOLERANCE + 2)
    assert_behind(standby.url(database.name), "behind its primary")
