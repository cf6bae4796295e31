"""Real servers of MariaDB and MySQL, which the session starts, and databases on them."""

import abc
import os
import pwd
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import DictCursor

from tests.support import programs
from tests.support.commands import Bound
from tests.support.shared import copy_directory

_CONFIG = """
[mysqld]
bind-address = 127.0.0.1
port = {port}
datadir = {directory}/data
tmpdir = {directory}/tmp
socket = {directory}/data/socket
pid-file = {directory}/data/pid
log-error = {directory}/data/log
general-log-file = {directory}/data/statements
general-log = on
skip-name-resolve
max-connections = 200
innodb-flush-log-at-trx-commit = 0
innodb-doublewrite = off
innodb-flush-method = nosync
innodb-file-per-table = off
innodb-buffer-pool-size = 64M
log-bin = binary
server-id = 1
sync-binlog = 0
"""
_LONGEST_START = 30  # seconds


def mysqld() -> str | None:
    """Return the path of MySQL's server: ``$MYSQLD``, or an installed one that is not MariaDB's."""
    if "MYSQLD" in os.environ:
        return os.environ["MYSQLD"]
    path = programs.find("mysqld")
    if path is None or "MariaDB" in subprocess.check_output([path, "--version"], text=True):
        return None
    return path


class Server(abc.ABC):
    """A server in its own directory, on a free port of the loopback interface.

    Parameters:
        made: the directory of a stopped server, to copy.
    """

    kind: ClassVar[str]
    """Its kind, as in the parameters of tests."""

    settings: ClassVar[str]
    """Its own part of the configuration."""

    def __init__(self, program: str, directory: Path, port: int, made: Path | None = None) -> None:
        self.port = port
        self.data = directory / "data"
        self.log = self.data / "statements"
        self._databases = 0
        self._config = directory / "config"
        self._config.write_text(_CONFIG.format(port=port, directory=directory) + self.settings)
        directory.chmod(0o755)
        # Not shared: a server that starts removes all temporary tables in its directory.
        (directory / "tmp").mkdir()
        (directory / "tmp").chmod(0o1777)
        self._command = [program, f"--defaults-file={self._config}", f"--user={self._user()}"]
        if made is None:
            self._install()
        else:
            copy_directory(made / "data", self.data)
        self.start()

    @abc.abstractmethod
    def _install(self) -> None:
        """Make the directory with its data."""

    def _user(self) -> str:
        """Return the name of the user that runs the server."""
        return pwd.getpwuid(os.geteuid()).pw_name

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()  # or it would run for ever, without its directory
            raise

    def _wait(self) -> None:
        """Wait until the server is ready."""
        deadline = time.monotonic() + _LONGEST_START
        while True:
            try:
                return self.execute("SELECT 1")
            except pymysql.OperationalError:
                assert time.monotonic() < deadline
                assert self._process.poll() is None
                time.sleep(0.1)

    def stop(self) -> None:
        """Kill the server, without saving its data."""
        self._process.kill()
        self._process.wait()

    def shut_down(self) -> None:
        """Shut the server down, and let it save its data."""
        self._process.terminate()
        assert self._process.wait(60) == 0

    def url(self, database: str) -> str:
        """Return a URL as in a ``master.cfg``, for tables with transactions."""
        server = f"mysql+pymysql://root@127.0.0.1:{self.port}"
        return f"{server}/{database}?storage_engine=InnoDB"

    def execute(self, sql: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql)

    @contextmanager
    def set_to(self, *settings: str) -> Iterator[None]:
        """Set variables of the server, each as ``name = value``, and restore them in the end."""
        names = [setting.partition("=")[0].strip() for setting in settings]
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(f'@@GLOBAL.{name}' for name in names)}")
            before = cursor.fetchone()
            try:
                for setting in settings:
                    cursor.execute(f"SET GLOBAL {setting}")
                yield
            finally:
                for name, value in zip(names, before, strict=True):
                    cursor.execute(f"SET GLOBAL {name} = %s", (value,))

    def connect(self, database: str | None = None, **options: Any) -> Any:
        """Return a connection for standard SQL, and for several statements at once."""
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            charset="utf8mb4",
            ssl_disabled=True,  # TLS would read all certificates each time
            sql_mode="ANSI,NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES",
            client_flag=CLIENT.MULTI_STATEMENTS,
            **options,
        )
        return closing(connection)

    def create(self, template: str | None = None, name: str | None = None) -> str:
        """Create a database, empty or as a copy of a template, and return its name."""
        self._databases += 1
        name = name or f"test{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        if template is not None:
            self._copy(template, name)
        return name

    def _copy(self, source: str, target: str) -> None:
        """Copy the tables of one database, with their rows, to an empty one."""
        with self.connect(source) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW TABLES")
            tables = [table for (table,) in cursor.fetchall()]
            creates = []
            cursor.execute("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")  # or the result lacks charsets
            for table in tables:
                cursor.execute(f"SHOW CREATE TABLE {table}")
                creates.append(cursor.fetchone()[1])
            fill = [f"INSERT INTO {table} SELECT * FROM {source}.{table}" for table in tables]
            run(cursor, [f"USE {target}", "SET foreign_key_checks = 0", *creates, *fill])


class MariadbServer(Server):
    kind = "mariadb"
    settings = """
max-recursive-iterations = 4294967295
sync-frm = off
"""

    def _install(self) -> None:
        install = ["mariadb-install-db", *self._command[1:]]
        subprocess.run(
            [*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True
        )

    def _user(self) -> str:
        return "mysql" if os.geteuid() == 0 else super()._user()


class MysqlServer(Server):
    kind = "mysql"
    settings = """
cte-max-recursion-depth = 4294967295
mysqlx = off
secure-file-priv = NULL
innodb-redo-log-capacity = 16M
"""

    def _install(self) -> None:
        accounts = self._config.with_name("accounts")
        accounts.write_text(
            "CREATE USER root@127.0.0.1;\nGRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION;\n"
        )
        subprocess.run(
            [*self._command, "--initialize-insecure", f"--init-file={accounts}"],
            check=True,
            capture_output=True,
        )


def run(cursor: Any, statements: list[str]) -> None:
    """Execute several statements in one round trip."""
    cursor.execute("; ".join(statements))
    while cursor.nextset():
        pass


class MysqlDatabase(Bound):
    """A database on a server of MariaDB or MySQL, accessed without the tested code."""

    key = "INTEGER PRIMARY KEY AUTO_INCREMENT"

    def __init__(self, server: Server, template: str | None = None) -> None:
        self.server = server
        self.kind = server.kind
        self.name = server.create(template)
        self.url = server.url(self.name)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for parameters, commit, and return its rows."""
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), parameters)
            return list(cursor.fetchall())

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return all rows of each table, by column."""
        found = {}
        with (
            self.server.connect(self.name, cursorclass=DictCursor) as connection,
            connection.cursor() as cursor,
        ):
            tables = self._tables()
            cursor.execute("; ".join(f"SELECT * FROM {table}" for table in tables))
            for table in tables:
                found[table] = list(cursor.fetchall())
                cursor.nextset()
        return found

    def _tables(self) -> list[str]:
        return [table for (table,) in self.execute("SHOW TABLES")]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that a change to the first master needs."""
        with self.server.connect(self.name) as connection:
            connection.begin()
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM masters WHERE id = 1 FOR UPDATE")
            yield
            connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[Callable[[str], object]]:
        """Yield a function that executes statements in a transaction, and commit it."""
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            connection.begin()
            yield cursor.execute
            connection.commit()

    def execute_at_once(self, sql: str) -> None:
        """Execute a statement that fails instead of waiting for a lock.

        MySQL still waits for a second.
        """
        no_time = "SET SESSION innodb_lock_wait_timeout = 0, lock_wait_timeout = 1"
        with self.server.connect(self.name, init_command=no_time) as connection:
            connection.cursor().execute(sql)

    def is_waiting(self) -> bool:
        """Return whether a statement in this database waits for a lock."""
        query = "SELECT info FROM information_schema.processlist WHERE db = ? AND info LIKE ?"
        return bool(self.execute(query, [self.name, "%masters%FOR UPDATE"]))

    def waiting_session(self) -> int:
        """Wait until a session waits for the row of a master, and return its ID."""
        deadline = time.monotonic() + 30
        sessions = "SELECT id FROM information_schema.processlist WHERE info LIKE ? AND db = ?"
        while not (found := self.execute(sessions, ["%name_hash%FOR UPDATE", self.name])):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        ((session,),) = found
        return int(session)

    def snapshot(self) -> Callable[[], None]:
        """Save all rows, and return a function that restores them."""
        saved = self.server.create(self.name)
        tables = [table for table, rows in self.rows().items() if rows]
        delete = [f"DELETE FROM {table}" for table in tables]
        insert = [f"INSERT INTO {table} SELECT * FROM {saved}.{table}" for table in tables]
        next_id = "ALTER TABLE masters AUTO_INCREMENT = 1"  # the server takes the next free ID

        def restore() -> None:
            with self.server.connect(self.name) as connection, connection.cursor() as cursor:
                run(
                    cursor,
                    ["SET foreign_key_checks = 0", "BEGIN", *delete, *insert, "COMMIT", next_id],
                )

        return restore

    def drop(self) -> None:
        self.server.execute(f"DROP DATABASE {self.name}")
