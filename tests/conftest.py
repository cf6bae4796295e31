"""Fixtures: databases of every kind, and the command line."""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mastersctl.cli import run
from mastersctl.connector import MastersConnector
from mastersctl.database import opened
from mastersctl.models.master import name_hash
from mastersctl.url import DatabaseURL
from tests import buildbots
from tests.databases import (
    PostgresDatabase,
    PostgresServer,
    RealDatabase,
    ServerDatabase,
    SqliteFile,
    copy_sqlite,
    free_port,
)
from tests.mariadb import MARIADBD, MariadbDatabase, MariadbServer, MysqlServer, Server, mysqld

DATABASES = ["sqlite", "postgresql", "mariadb"]
_PARAMETERS = {
    "empty_database": DATABASES,
    "buildbot_database": DATABASES,
    "new_database": DATABASES,
    "server_database": ["postgresql", "mariadb"],
    "mysql_server": ["mariadb"],
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="run what runs on MariaDB on MySQL, too"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that needs one of these fixtures on all databases."""
    more = ["mysql"] if metafunc.config.getoption("thorough") else []
    for fixture in _PARAMETERS.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(fixture, _PARAMETERS[fixture] + more, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about MySQL alone."""
    if not config.getoption("thorough"):
        items[:] = [item for item in items if "mysql" not in getattr(item, "fixturenames", ())]


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


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
    if MARIADBD is None:
        pytest.skip("mariadbd, MariaDB's server, is not installed")
    with tempfile.TemporaryDirectory(prefix="mastersctl-mariadb-") as directory:
        server = MariadbServer(MARIADBD, Path(directory), free_port())
        yield server
        server.stop()


@pytest.fixture(scope="session")
def mysql() -> Iterator[MysqlServer]:
    program = mysqld()
    if program is None:
        pytest.skip("mysqld, MySQL's server, is not installed, and $MYSQLD does not name it")
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
    return MariadbDatabase(request.getfixturevalue(request.param))


@pytest.fixture
def database(empty_database: RealDatabase, mastersctl: Command) -> RealDatabase:
    """A database with the table of masters alone."""
    assert mastersctl("init", "--db-url", empty_database.url).code == 0
    return empty_database


@pytest.fixture(scope="session")
def buildbot_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that Buildbot made, to be copied."""
    basedir = tmp_path_factory.mktemp("buildbot") / "master"
    buildbots.make_basedir(basedir, "sqlite:///state.sqlite")
    return basedir / "state.sqlite"


@pytest.fixture(scope="session")
def buildbot_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that Buildbot made, to be used as a template."""
    name = postgres.create()
    buildbots.make_basedir(tmp_path_factory.mktemp("buildbot") / "master", postgres.url(name))
    return name


@pytest.fixture(scope="session")
def buildbot_mariadb(mariadb: MariadbServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that Buildbot made, to be copied."""
    return _made_by_buildbot(mariadb, tmp_path_factory)


@pytest.fixture(scope="session")
def buildbot_mysql(mysql: MysqlServer, tmp_path_factory: pytest.TempPathFactory) -> str:
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
        copy_sqlite(request.getfixturevalue("buildbot_sqlite"), path)
        return SqliteFile(path)
    return _on_server(request)


@pytest.fixture
def server_database(request: pytest.FixtureRequest) -> ServerDatabase:
    """A database that Buildbot made, on each server: it has users, and locks single rows."""
    return _on_server(request)


def _on_server(request: pytest.FixtureRequest) -> ServerDatabase:
    if request.param == "postgresql":
        template = request.getfixturevalue("buildbot_postgres")
        return PostgresDatabase(request.getfixturevalue("postgres"), template)
    template = request.getfixturevalue(f"buildbot_{request.param}")
    return MariadbDatabase(request.getfixturevalue(request.param), template)


@pytest.fixture
def buildbot_server(postgres: PostgresServer, buildbot_postgres: str) -> PostgresDatabase:
    """A database that Buildbot made, on a server."""
    return PostgresDatabase(postgres, buildbot_postgres)


@pytest.fixture
def mastersctl(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, by the function that the console script calls."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


def process(
    *arguments: object, environment: dict[str, str] | None = None, **keywords: Any
) -> Result:
    """Run a command in a process of its own, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "mastersctl", *map(os.fsencode, map(str, arguments))],
        env=os.environ | (environment or {}),
        capture_output=True,
        timeout=60,
        check=False,
        **keywords,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def connector(database: RealDatabase) -> Iterator[MastersConnector]:
    """The operations on `database`, at the time `NOW`."""
    with opened(DatabaseURL(database.url, "/"), "write", 10) as peewee_database:
        yield MastersConnector(peewee_database, clock=lambda: NOW)


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
