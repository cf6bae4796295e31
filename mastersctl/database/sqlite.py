"""SQLite: files that Buildbot keeps in WAL mode, while masters write to them."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar
from weakref import WeakSet

from mastersctl._peewee import peewee
from mastersctl.config.url import DatabaseURL
from mastersctl.database import Database, Mode, Reference, Row, original
from mastersctl.database.sqlite_file import SqliteFile
from mastersctl.errors import (
    DatabaseUnavailableError,
    InterruptedUpgradeError,
    MastersctlError,
    NotBuildbotDatabaseError,
)

T = TypeVar("T")

_MODES: dict[Mode, str] = {"read": "ro", "write": "rw", "create": "rwc"}
_LOCK_TIMEOUT = 0.1  # seconds that SQLite waits at a time: it cannot be interrupted meanwhile
_MAX_KEPT_ROWS = 10_000  # rows to read before the first is passed on
# The tables to which Alembic, and formerly sqlalchemy-migrate, move rows during an upgrade.
_UPGRADING = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND (name GLOB '_alembic_tmp_*' OR name = 'migration_tmp')
"""


class _ChangedError(DatabaseUnavailableError):
    """The file was changed while it was read without locks."""


class SqliteDatabase(Database, peewee.SqliteDatabase):
    """A file, opened so that a change begins with the write lock, and a read leaves no trace.

    To lock a file in WAL mode, SQLite makes the files ``-wal`` and ``-shm`` if they are missing.
    A full disk has no room for them, and they stay if SQLite is killed. A master cannot write to
    such files of another user. So while no other process has the file open, it is read without
    locks (``immutable``). If it was changed meanwhile, it is read again. Then, and for many rows,
    the file's owner and root use locks.
    """

    server_time = peewee.SQL("NULL")
    driver_error = sqlite3.Error

    def __init__(self, url: DatabaseURL, mode: Mode, timeout: float) -> None:
        self._file = SqliteFile(url.database)
        self._mode = mode
        self.wait_timeout = timeout
        self._makes_locks = False
        self._unlocked: os.stat_result | None = None  # its status, if it is read without locks
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        # IMMEDIATE takes the write lock with BEGIN, so one lock covers reads and writes.
        super().__init__(
            url.database, timeout=min(_LOCK_TIMEOUT, timeout), uri=True, lock_type="IMMEDIATE"
        )

    # Connections

    def _connect(self) -> sqlite3.Connection:
        status = self._file.status()
        self._unlocked = None
        mode = _MODES[self._mode]
        if self._mode == "write" and not self._file.is_writable():
            mode = _MODES["read"]  # so that a write fails, and leaves no file behind
        if mode == _MODES["read"]:
            if self._makes_locks or self._file.has_wal():
                if self._may_make_locks(status):
                    mode = "rw"  # or the files stay if this is the last to close it
            elif status and self._file.is_wal():
                mode = "ro&immutable=1"
                self._unlocked = status
        self.database = self._file.uri(f"mode={mode}")
        connection: sqlite3.Connection = super()._connect()  # type: ignore[misc]  # its stubs omit it
        if self._mode == "read":
            connection.execute("PRAGMA query_only = ON")
        connection.text_factory = _decoded
        return connection

    def _close(self, connection: sqlite3.Connection) -> None:
        for cursor in list(self._cursors):
            cursor.close()  # or SQLite keeps the file open until the last row
        super()._close(connection)  # type: ignore[misc]  # its stubs omit it

    def _may_make_locks(self, status: os.stat_result | None) -> bool:
        """Return whether locks on the file with this status cannot harm a master."""
        is_owner = status is not None and os.geteuid() in (0, status.st_uid)
        return is_owner and self._file.is_writable()

    def _check_unchanged(self) -> None:
        if self._unlocked and not self._file.is_unchanged_since(self._unlocked):
            raise _ChangedError(
                f"The database {self._file.path!r} was changed while it was read; run the command "
                "again."
            )

    # Rows

    def rows(self, query: peewee.BaseQuery) -> Iterator[Row]:
        deadline = time.monotonic() + self.wait_timeout
        while True:
            rows = self._checked(query)
            try:
                first = list(islice(rows, _MAX_KEPT_ROWS))
                self._check_unchanged()
                if len(first) < _MAX_KEPT_ROWS or not self._may_make_locks(self._unlocked):
                    break
            except _ChangedError:
                if self.in_transaction() or (
                    time.monotonic() >= deadline and not self._may_make_locks(self._unlocked)
                ):
                    raise
            self._makes_locks = self._may_make_locks(self._unlocked)
            self.close()
            self.connect()
        yield from first
        yield from rows

    def _checked(self, query: peewee.BaseQuery) -> Iterator[Row]:
        """Yield the rows; raise an error if they may be wrong."""
        try:
            yield from self._read(query)
        except (peewee.PeeweeException, sqlite3.Error):
            self._check_unchanged()  # a change may be why it failed
            raise
        self._check_unchanged()

    def _read(self, query: peewee.BaseQuery) -> Iterator[Row]:
        """Yield the rows; decode text as strict UTF-8, which is faster, until that fails."""
        connection = self.connection()
        connection.text_factory = str
        try:
            rows = self.execute(query)
            self._cursors.add(rows)
            while True:
                try:
                    # "yield from" would close the cursor when the database is closed.
                    for row in rows:
                        yield row
                    return
                except sqlite3.OperationalError as error:
                    if not str(error).startswith("Could not decode to UTF-8"):
                        raise
                    connection.text_factory = _decoded  # Python's cursor is still at that row
        finally:
            connection.text_factory = _decoded

    # Locks

    def _retried(self, function: Callable[..., T], *arguments: object) -> T:
        """Call `function` until it meets no lock; an interrupt can end the wait between calls."""
        deadline = time.monotonic() + self.wait_timeout
        while True:
            try:
                return function(*arguments)
            except peewee.OperationalError as error:
                is_busy = _reason(original(error)) == "BUSY"
                may_end = is_busy or self._is_between_writers(original(error))
                if not may_end or time.monotonic() >= deadline:
                    raise
            if not is_busy:
                self.close()
                time.sleep(_LOCK_TIMEOUT / 10)
                self.connect()

    def _is_between_writers(self, error: Exception) -> bool:
        """Return whether another process may be adding or deleting the files beside the database.

        While ``-wal`` exists without ``-shm``, only a user with write permission can read the
        database. This is so while another process opens or closes the database, or after a crash.
        """
        return (
            self._mode == "read"
            and not self.in_transaction()
            and self._file.is_readable()
            and (_is_for_another_user(error) or _reason(error) == "CANTOPEN")
        )

    def execute_sql(self, sql: str, params: object = None) -> Any:
        return self._retried(super().execute_sql, sql, params)

    def begin(
        self, lock_type: str | None = None, lock_table: str | None = None, *, shared: bool = False
    ) -> None:
        self._retried(super().begin, lock_type)  # this locks every table

    def commit(self) -> None:
        self._retried(super().commit)

    def rollback(self) -> None:
        if self.connection().in_transaction:  # SQLite rolls back itself if the disk is full
            super().rollback()

    # SQL

    def update_all(self, model: type[peewee.Model], values: Mapping[str, int]) -> int:
        # Without OR ROLLBACK, SQLite copies each changed page, to undo this statement alone. The
        # clause also applies to conflicts in triggers, but Buildbot has no triggers.
        sql, parameters = self.get_sql_context().sql(model.update(values)).query()
        sql = sql.replace("UPDATE", "UPDATE OR ROLLBACK", 1)
        rows: int = self.execute_sql(sql, parameters).rowcount
        return rows

    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        return column.collate("BINARY")

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.instr(column, text) > peewee.SQL("0")  # a parameter is quadratic to plan

    def _relations(self, names: set[str]) -> dict[str, bool]:
        query = "SELECT name, type = 'table' FROM sqlite_master WHERE type IN ('table', 'view')"
        rows = self.execute_sql(query).fetchall()
        found = {name: bool(is_table) for name, is_table in rows if name in names}
        if len(found) < len(names):
            self.check_upgrade()
        return found

    def check_upgrade(self) -> None:
        for (table,) in self.execute_sql(_UPGRADING):
            raise InterruptedUpgradeError(
                f"An upgrade of the database {self._file.path!r} was interrupted, and its table "
                f"{table!r} may hold the only copy of the rows; restore the backup, or finish the "
                "upgrade, before anything else."
            )

    def has_unique_index(self, table: str, column: str) -> bool:
        found = self.execute_sql(
            """SELECT 1 FROM pragma_index_list(?) AS list WHERE "unique" AND NOT partial """
            "AND (SELECT count(*) || min(name) FROM pragma_index_info(list.name)) = '1' || ?",
            (table, column),
        )
        return found.fetchone() is not None

    def references(self, table: str) -> list[Reference]:
        found = self.execute_sql(
            """SELECT NULL, name, key."from", coalesce(key."to", 'id') """
            "FROM sqlite_master JOIN pragma_foreign_key_list(name) AS key "
            """WHERE type = 'table' AND key."table" = ? COLLATE NOCASE""",
            (table,),
        )
        return [Reference(*row) for row in found]

    # Errors

    def translate(self, error: Exception) -> MastersctlError:
        database = f"The database {self._file.path!r}"
        match _reason(error):
            case "BUSY" | "LOCKED":
                return DatabaseUnavailableError(
                    f"{database} is locked by another process; wait, or give a longer --timeout."
                )
            case "READONLY":
                return self._file.read_only(self._mode)
            case "CANTOPEN" | "IOERR":
                return self._file.unopened(self._mode, error)
            case "NOTADB":
                return NotBuildbotDatabaseError(
                    f"The file {self._file.path!r} is not an SQLite database; check the path."
                )
            case "FULL":
                return MastersctlError(
                    f"{database} has no space left ({error}); free some on its disk, and run the "
                    "command again."
                )
            case "CORRUPT":
                return MastersctlError(
                    f"{database} is damaged ({error}); restore it from a backup, or check it with "
                    "'PRAGMA integrity_check'."
                )
        if str(error).startswith(("no such table", "no such column", "ON CONFLICT clause")):
            try:
                self.check_upgrade()
            except InterruptedUpgradeError as interrupted:
                return interrupted
            return NotBuildbotDatabaseError(
                f"{database} is not a Buildbot database ({error}); check the path, or "
                "make it one with 'buildbot upgrade-master'."
            )
        return MastersctlError(f"{database} failed: {error}.")


def _decoded(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _reason(error: Exception) -> str:
    """Return the name of SQLite's primary result code, without its prefix."""
    name: str = getattr(error, "sqlite_errorname", "")
    return name.removeprefix("SQLITE_").partition("_")[0]


def _is_for_another_user(error: Exception) -> bool:
    """Return whether only a user with write permission can do what `error` requires first."""
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY_")
