"""Fixtures: databases of every kind, and the command line."""

import collections
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mastersctl.connector import MastersConnector
from mastersctl.database import opened
from mastersctl.url import DatabaseURL
from tests.support import buildbots, sizes
from tests.support.databases import (
    DATABASES,
    PostgresDatabase,
    PostgresServer,
    RealDatabase,
    ServerDatabase,
    SqliteFile,
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

_SERVERS = {"postgresql": "postgres", "mariadb": "mariadb", "mysql": "mysql"}  # their fixtures
_PARAMETERS = {
    "empty_database": [*DATABASES, "mysql"],
    "buildbot_database": [*DATABASES, "mysql"],
    "new_database": [*DATABASES, "mysql"],
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
    sizes.Run.thorough = config.getoption("thorough")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that needs one of these fixtures on all databases, or those of the option."""
    chosen = _chosen(metafunc.config)
    for fixture in _PARAMETERS.keys() & set(metafunc.fixturenames):
        databases = [one for one in _PARAMETERS[fixture] if one in chosen]
        metafunc.parametrize(fixture, databases, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about databases that were not chosen; MySQL is by --thorough alone."""
    chosen = _chosen(config)
    others = {_SERVERS[one] for one in _SERVERS if one not in chosen}
    others |= {fixture for fixture, databases in _PARAMETERS.items() if not chosen & {*databases}}
    items[:] = [item for item in items if not others & {*getattr(item, "fixturenames", ())}]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was skipped: each reason once, with what would have to be installed."""
    reports = terminalreporter.getreports("skipped")
    reasons = collections.Counter(one.longrepr[2].removeprefix("Skipped: ") for one in reports)
    if reasons:
        terminalreporter.section("skipped")
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number:4}  {reason}")


def _chosen(config: pytest.Config) -> set[str]:
    """Return the databases that this run is about."""
    every = [*DATABASES, "mysql"] if config.getoption("thorough") else DATABASES
    return {*(config.getoption("database") or every)}


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let what the tests start hear SIGINT, which a job in the background of a script ignores."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in list(os.environ):
        if variable.startswith(("COLUMNS", "LINES", "MASTERSCTL_", "PG", "PYTHON")):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not below pytest's own directory, which another session may close to the server's user.
    with tempfile.TemporaryDirectory(prefix="mastersctl-postgres-") as directory:
        server = PostgresServer(Path(directory))
        yield server
        server.stop("immediate")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    program = require("mariadbd")
    with tempfile.TemporaryDirectory(prefix="mastersctl-mariadb-") as directory:
        server = MariadbServer(program, Path(directory), free_port())
        yield server
        server.stop()


@pytest.fixture(scope="session")
def mysql() -> Iterator[MysqlServer]:
    program = mysqld()
    if program is None:
        pytest.skip("mysqld is not installed, and $MYSQLD does not name it: .ci/mysql .mysql")
    with tempfile.TemporaryDirectory(prefix="mastersctl-mysql-") as directory:
        server = MysqlServer(program, Path(directory), free_port())
        yield server
        server.stop()


@pytest.fixture
def mysql_server(request: pytest.FixtureRequest) -> Server:
    """A server of MariaDB or MySQL."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory below which every user gets."""
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
    """A database with the table of masters alone."""
    assert empty_database.run("init").code == 0
    return empty_database


@pytest.fixture(scope="session")
def template_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that Buildbot made, to be copied."""
    basedir = tmp_path_factory.mktemp("buildbot") / "master"
    buildbots.make_basedir(basedir, "sqlite:///state.sqlite")
    return basedir / "state.sqlite"


@pytest.fixture(scope="session")
def template_postgresql(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that Buildbot made, to be used as a template."""
    name = postgres.create()
    buildbots.make_basedir(tmp_path_factory.mktemp("buildbot") / "master", postgres.url(name))
    return name


@pytest.fixture(scope="session")
def template_mariadb(mariadb: MariadbServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that Buildbot made, to be copied."""
    return _made_by_buildbot(mariadb, tmp_path_factory)


@pytest.fixture(scope="session")
def template_mysql(mysql: MysqlServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that Buildbot made, to be copied."""
    return _made_by_buildbot(mysql, tmp_path_factory)


def _made_by_buildbot(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = server.create()
    buildbots.make_basedir(tmp_path_factory.mktemp("buildbot") / "master", server.url(name))
    return name


@pytest.fixture
def buildbot_database(request: pytest.FixtureRequest, tmp_path: Path) -> RealDatabase:
    """A database that Buildbot made."""
    if request.param == "sqlite":
        path = tmp_path / "buildbot.sqlite"
        copy_sqlite(request.getfixturevalue("template_sqlite"), path)
        return SqliteFile(path)
    return _on_server(request)


@pytest.fixture
def server_database(request: pytest.FixtureRequest) -> ServerDatabase:
    """A database that Buildbot made, on each server: it has users, and locks single rows."""
    return _on_server(request)


def _on_server(request: pytest.FixtureRequest) -> ServerDatabase:
    if request.param == "postgresql":
        template = request.getfixturevalue("template_postgresql")
        return PostgresDatabase(request.getfixturevalue("postgres"), template)
    template = request.getfixturevalue(f"template_{request.param}")
    return MysqlDatabase(request.getfixturevalue(request.param), template)


@pytest.fixture
def buildbot_postgresql(postgres: PostgresServer, template_postgresql: str) -> PostgresDatabase:
    """A database that Buildbot made, on a server."""
    return PostgresDatabase(postgres, template_postgresql)


@pytest.fixture
def connector(database: RealDatabase) -> Iterator[MastersConnector]:
    """The operations on `database`, at the time `NOW`."""
    with opened(DatabaseURL(database.url, "/"), "write", 10) as peewee_database:
        yield MastersConnector(peewee_database, clock=lambda: NOW)
