"""SQLite: files that Buildbot keeps in WAL mode, beside masters that write to them."""

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
_LOCK_TIMEOUT = 0.1  # seconds that SQLite waits for one at a time: it cannot be interrupted then
_MAX_KEPT_ROWS = 10_000  # that are read before any is passed on
# The tables to which Alembic, and sqlalchemy-migrate before it, move the rows of others
_UPGRADING = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND (name GLOB '_alembic_tmp_*' OR name = 'migration_tmp')
"""


class _ChangedError(DatabaseUnavailableError):
    """The file was changed while it was read without locks."""


class SqliteDatabase(Database, peewee.SqliteDatabase):
    """A file, opened so that a change begins with the write lock, and a look leaves no trace.

    To lock a file in WAL mode, SQLite makes the files ``-wal`` and ``-shm``, where they are not
    there yet. A full disk has no room for them. They stay if SQLite is killed. A master cannot
    write to those of another user. So as long as nobody else has the file open, it is read without
    locks (``immutable``), and anew if it was changed meanwhile. Then, and for many rows, its owner
    and root make locks.
    """

    server_time = peewee.SQL("NULL")
    driver_error = sqlite3.Error

    def __init__(self, url: DatabaseURL, mode: Mode, timeout: float) -> None:
        self._file = SqliteFile(url.database)
        self._mode = mode
        self.wait_timeout = timeout
        self._makes_locks = False
        self._unlocked: os.stat_result | None = None  # of the file, if it is read without locks
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        # Read, then write, under one lock: IMMEDIATE takes the write lock with BEGIN.
        super().__init__(
            url.database, timeout=min(_LOCK_TIMEOUT, timeout), uri=True, lock_type="IMMEDIATE"
        )

    # Connections

    def _connect(self) -> sqlite3.Connection:
        status = self._file.status()
        self._unlocked = None
        mode = _MODES[self._mode]
        if self._mode == "write" and not self._file.is_writable():
            mode = _MODES["read"]  # to fail where it is written to, and leave no file behind
        if mode == _MODES["read"]:
            if self._makes_locks or self._file.has_wal():
                if self._may_make_locks(status):
                    mode = "rw"  # or else the files stay, if it is the last to close this one
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
            cursor.close()  # or else SQLite closes the file only after its last row
        super()._close(connection)  # type: ignore[misc]  # its stubs omit it

    def _may_make_locks(self, status: os.stat_result | None) -> bool:
        """Return whether locks on the file of that status would harm no master."""
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
        """Yield the rows, and raise an error if they may be wrong."""
        try:
            yield from self._read(query)
        except (peewee.PeeweeException, sqlite3.Error):
            self._check_unchanged()  # or else that is why it failed
            raise
        self._check_unchanged()

    def _read(self, query: peewee.BaseQuery) -> Iterator[Row]:
        """Yield the rows; text is taken for UTF-8, which is faster, until one is not."""
        connection = self.connection()
        connection.text_factory = str
        try:
            rows = self.execute(query)
            self._cursors.add(rows)
            while True:
                try:
                    # Not "yield from", which would close the cursor when the database is closed.
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
        """Call `function` until it meets no lock; an interrupt is heard in between."""
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
        """Return whether the files beside the database may be about to come, or to go.

        A user who may not make them cannot read it for as long as ``-wal`` is there without
        ``-shm``: while another process opens or closes it, or after a crash.
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
        self._retried(super().begin, lock_type)  # which locks every table

    def commit(self) -> None:
        self._retried(super().commit)

    def rollback(self) -> None:
        if self.connection().in_transaction:  # SQLite itself rolls back when the disk is full
            super().rollback()

    # SQL

    def update_all(self, model: type[peewee.Model], values: Mapping[str, int]) -> int:
        # OR ROLLBACK: or else each page that changes is copied, to undo this statement alone. It
        # is also what triggers then do in a conflict, of which Buildbot has none.
        sql, parameters = self.get_sql_context().sql(model.update(values)).query()
        sql = sql.replace("UPDATE", "UPDATE OR ROLLBACK", 1)
        rows: int = self.execute_sql(sql, parameters).rowcount
        return rows

    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        return column.collate("BINARY")

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.instr(column, text) > peewee.SQL("0")  # or its planner is quadratic

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
                    f"{database} has no room left ({error}); make some on its disk, and run the "
                    "command again."
                )
            case "CORRUPT":
                return MastersctlError(
                    f"{database} is damaged ({error}); restore it from a backup, or look at it "
                    "with 'PRAGMA integrity_check'."
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
    """Return whether only a user who may write could do what `error` says is to be done first."""
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY_")
