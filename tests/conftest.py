"""Fixtures: databases of every kind, and the command line."""

import collections
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.operations.connector import MastersConnector
from tests.support import buildbots, sizes
from tests.support.crowd import Crowd, crowd
from tests.support.damage import add_sound_cluster
from tests.support.databases import (
    DATABASES,
    MADE_BY_BUILDBOT,
    PostgresDatabase,
    PostgresServer,
    RealDatabase,
    ServerDatabase,
    SqliteFile,
    copied,
    copy_sqlite,
    free_port,
)
from tests.support.mysql import (
    MariadbServer,
    MysqlDatabase,
    MysqlServer,
    Server,
    mysqld,
)
from tests.support.programs import require
from tests.support.rows import NOW
from tests.support.shared import Shared, made_once

_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30  # bytes
_SERVERS = {"postgresql": "postgres", "mariadb": "mariadb", "mysql": "mysql"}  # to fixtures
_WAITING = {
    "test_beside_masters.py", "test_kill.py", "test_locks.py", "test_races.py", "test_server.py",
    "test_watch.py",
}  # fmt: skip
_PARAMETERS = {
    "empty_database": [*DATABASES, "mysql"],
    "buildbot_database": [*DATABASES, "mysql"],
    "new_database": [*DATABASES, "mysql"],
    "masters_database": [*DATABASES, "mysql"],
    "server_database": ["postgresql", "mariadb", "mysql"],
    "mysql_server": ["mariadb", "mysql"],
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="repeat what is repeated often, and run what runs on MariaDB on MySQL, too",
    )
    parser.addoption(
        "--database",
        action="append",
        choices=[*DATABASES, "mysql"],
        help="run on this database alone; repeatable",
    )


def pytest_configure(config: pytest.Config) -> None:
    _use_memory()
    sizes.Run.thorough = config.getoption("thorough")
    inherited = getattr(config, "workerinput", {}).get("shared")
    Shared.directory = Path(inherited or tempfile.mkdtemp(prefix="mastersctl-shared-"))
    Shared.directory.chmod(0o755)


def _use_memory() -> None:
    """Keep temporary files in memory if it has room: servers make many small ones."""
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    found = os.statvfs(_MEMORY)
    if found.f_bavail * found.f_frsize >= _ROOM and not found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # or the tempfile module would keep its old value


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return 1.5 workers for each processor, as some tests wait for servers and terminals."""
    return 3 * (os.cpu_count() or 1) // 2


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the path of the shared directory to a process of pytest-xdist."""
    node.workerinput["shared"] = str(Shared.directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(Shared.directory)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses one of these fixtures on all chosen databases."""
    chosen = _chosen(metafunc.config)
    for fixture in _PARAMETERS.keys() & set(metafunc.fixturenames):
        databases = [one for one in _PARAMETERS[fixture] if one in chosen]
        metafunc.parametrize(fixture, databases, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of databases that were not chosen; only --thorough chooses MySQL."""
    chosen = _chosen(config)
    others = {_SERVERS[one] for one in _SERVERS if one not in chosen}
    others |= {fixture for fixture, databases in _PARAMETERS.items() if not chosen & {*databases}}
    items[:] = [item for item in items if not others & {*getattr(item, "fixturenames", ())}]
    if hasattr(config, "workerinput"):
        _spread(items)


def _spread(items: list[pytest.Item]) -> None:
    """Spread the tests that mostly wait among the others, to keep the processors busy."""
    waiting = [item for item in items if item.path.name in _WAITING]
    working = [item for item in items if item.path.name not in _WAITING]
    places = {
        item: number / len(some) for some in (waiting, working) for number, item in enumerate(some)
    }
    items.sort(key=places.__getitem__)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the reasons of skipped tests, with the programs to install."""
    reports = terminalreporter.getreports("skipped")
    reasons = collections.Counter(one.longrepr[2].removeprefix("Skipped: ") for one in reports)
    if reasons:
        terminalreporter.section("skipped")
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number:4}  {reason}")


def _chosen(config: pytest.Config) -> set[str]:
    """Return the kinds of database that this run tests."""
    every = [*DATABASES, "mysql"] if config.getoption("thorough") else DATABASES
    return {*(config.getoption("database") or every)}


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let child processes react to SIGINT, which the background jobs of a script ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in list(os.environ):
        if variable.startswith(("COLUMNS", "LINES", "MASTERSCTL_", "PG", "PYTHON")):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def made_postgres() -> Path:
    """The directory of a stopped server, with a database that Buildbot made."""

    def make(directory: Path) -> None:
        server = PostgresServer(directory)
        _add_buildbots(server)
        server.stop("fast")

    return made_once("postgresql", make)


@pytest.fixture(scope="session")
def postgres(made_postgres: Path) -> Iterator[PostgresServer]:
    with copied(made_postgres) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    program = require("mariadbd")
    with _copied(MariadbServer, program) as server:
        yield server


@pytest.fixture(scope="session")
def mysql() -> Iterator[Server]:
    program = mysqld()
    if program is None:
        pytest.skip("mysqld is not installed, and $MYSQLD does not name it: .ci/mysql .mysql")
    with _copied(MysqlServer, program) as server:
        yield server


@contextmanager
def _copied(kind: type[Server], program: str) -> Iterator[Server]:
    """Start a copy of a server with a database that Buildbot made."""

    def make(directory: Path) -> None:
        server = kind(program, directory, free_port())
        _add_buildbots(server)
        server.shut_down()

    made = made_once(kind.kind, make)
    with tempfile.TemporaryDirectory(prefix=f"mastersctl-{kind.kind}-") as directory:
        server = kind(program, Path(directory), free_port(), made)
        yield server
        server.stop()


def _add_buildbots(server: PostgresServer | Server) -> None:
    server.create(name=MADE_BY_BUILDBOT)
    with tempfile.TemporaryDirectory() as directory:
        url = server.url(MADE_BY_BUILDBOT)
        buildbots.upgrade(buildbots.make_basedir(Path(directory) / "master", url))


@pytest.fixture
def mysql_server(request: pytest.FixtureRequest) -> Server:
    """A server of MariaDB or MySQL."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session", name="crowd")
def _crowd() -> Iterator[Crowd]:
    with crowd() as one:
        yield one


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that every user may enter."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> RealDatabase:
    """A database without any table."""
    if request.param == "sqlite":
        path = tmp_path / "empty.sqlite"
        path.touch()
        return SqliteFile(path)
    if request.param == "postgresql":
        return PostgresDatabase(request.getfixturevalue("postgres"))
    return MysqlDatabase(request.getfixturevalue(request.param))


@pytest.fixture
def database(empty_database: RealDatabase) -> RealDatabase:
    """A database with only the table of masters."""
    assert empty_database.run("init").code == 0
    return empty_database


@pytest.fixture
def sqlite_database(tmp_path: Path) -> SqliteFile:
    """An SQLite file with only the table of masters, for tests that need one kind of database."""
    database = SqliteFile(tmp_path / "masters.sqlite")
    assert database.run("init").code == 0
    return database


@pytest.fixture(scope="session")
def template_sqlite() -> Path:
    """An SQLite file that Buildbot made, to copy."""
    return buildbots.made_by_buildbot() / "state.sqlite"


@pytest.fixture
def buildbot_database(request: pytest.FixtureRequest, tmp_path: Path) -> RealDatabase:
    """A database that Buildbot made."""
    if request.param == "sqlite":
        path = tmp_path / "buildbot.sqlite"
        copy_sqlite(request.getfixturevalue("template_sqlite"), path)
        return SqliteFile(path)
    return _on_server(request)


@pytest.fixture
def sound_cluster(buildbot_database: RealDatabase) -> RealDatabase:
    """A sound cluster: two active masters with builds, and a stopped one."""
    add_sound_cluster(buildbot_database)
    return buildbot_database


@pytest.fixture
def sound_sqlite(template_sqlite: Path, tmp_path: Path) -> SqliteFile:
    """A sound cluster in an SQLite file."""
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    add_sound_cluster(database)
    return database


@pytest.fixture
def server_database(request: pytest.FixtureRequest) -> ServerDatabase:
    """A database that Buildbot made on a server, which has users and locks single rows."""
    return _on_server(request)


def _on_server(request: pytest.FixtureRequest) -> ServerDatabase:
    if request.param == "postgresql":
        return PostgresDatabase(request.getfixturevalue("postgres"), MADE_BY_BUILDBOT)
    return MysqlDatabase(request.getfixturevalue(request.param), MADE_BY_BUILDBOT)


@pytest.fixture
def buildbot_postgresql(postgres: PostgresServer) -> PostgresDatabase:
    """A database that Buildbot made, on PostgreSQL."""
    return PostgresDatabase(postgres, MADE_BY_BUILDBOT)


@pytest.fixture
def connector(database: RealDatabase) -> Iterator[MastersConnector]:
    """The operations on `database`, at the time `NOW`."""
    with opened(DatabaseURL(database.url, "/"), "write", 10) as peewee_database:
        yield MastersConnector(peewee_database, clock=lambda: NOW)
