"""SQLite: files that Buildbot keeps in WAL mode, beside masters that write to them."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from mastersctl._peewee import peewee
from mastersctl.errors import DatabaseUnavailableError, MastersctlError, NotBuildbotDatabaseError
from mastersctl.url import DatabaseURL

_MODES = {"read": "ro", "write": "rw", "create": "rwc"}
_WAL_HEADER = b"\2\2"  # bytes 18 and 19 of a file in WAL mode


class Database(peewee.SqliteDatabase):
    """A file, opened so that a change begins with the write lock, and a look leaves no trace."""

    binary_collation = "BINARY"
    driver_error = sqlite3.Error

    def __init__(self, url: DatabaseURL, mode: str, timeout: float) -> None:
        self._path = url.database
        self._mode = mode
        self._frozen: os.stat_result | None = None
        # Read, then write, under one lock: IMMEDIATE takes the write lock with BEGIN.
        super().__init__(self._path, timeout=timeout, uri=True, lock_type="IMMEDIATE")

    def _connect(self) -> sqlite3.Connection:
        query = f"mode={_MODES[self._mode]}"
        if self._mode == "read" and _is_idle_wal(self._path):
            # Nobody has it open. Even a reader would make the -wal and -shm files, and leave them.
            query += "&immutable=1"
            self._frozen = os.stat(self._path)
        self.database = f"file:{quote(os.fsencode(self._path))}?{query}"
        connection: sqlite3.Connection = super()._connect()  # type: ignore[misc]  # its stubs omit it
        connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        return connection

    def close(self) -> bool:
        self._check_frozen()
        return bool(super().close())

    def _check_frozen(self) -> None:
        frozen, self._frozen = self._frozen, None
        if frozen is None:
            return
        now = os.stat(self._path)
        if (now.st_mtime_ns, now.st_size) != (frozen.st_mtime_ns, frozen.st_size):
            raise DatabaseUnavailableError(
                f"The database {self._path!r} was changed while it was read; run the command again."
            )

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.instr(column, text) > 0

    def existing_tables(self, names: Sequence[str]) -> set[str]:
        return set(names) & set(self.get_tables())

    def stream(self, query: "peewee.ModelSelect[Any]") -> Iterator[tuple[Any, ...]]:
        yield from query.tuples().iterator(self)
        self._check_frozen()

    def translate(self, error: Exception) -> MastersctlError:
        error = getattr(error, "orig", error)
        code = getattr(error, "sqlite_errorname", "")
        database = f"The database {self._path!r}"
        match code.split("_")[1:2]:
            case ["BUSY"] | ["LOCKED"]:
                return DatabaseUnavailableError(
                    f"{database} is locked by another process; wait, or give a longer --timeout."
                )
            case ["READONLY"]:
                return DatabaseUnavailableError(
                    f"{database} is read-only for this user; run the command as the master's user."
                )
            case ["CANTOPEN"] | ["IOERR"]:
                return self._cannot_open(error)
            case ["NOTADB"]:
                return NotBuildbotDatabaseError(
                    f"The file {self._path!r} is not an SQLite database; check the path."
                )
        if str(error).startswith(("no such table", "no such column", "ON CONFLICT clause")):
            return NotBuildbotDatabaseError(
                f"{database} is not a Buildbot database ({error}); check the path, or run "
                "'buildbot upgrade-master' or 'mastersctl init'."
            )
        return MastersctlError(f"{database} failed: {error}.")

    def _cannot_open(self, error: Exception) -> DatabaseUnavailableError:
        directory = os.path.dirname(self._path)
        if os.path.isdir(self._path):
            problem = f"There is a directory at {self._path!r}; name the file in it."
        elif not os.path.isdir(directory):
            problem = f"There is no directory {directory!r} to look for a database in."
        elif not os.path.exists(self._path):
            problem = (
                f"There is no database at {self._path!r}; pass --db-url or --basedir, go to a "
                "buildmaster's directory, or make one with 'mastersctl init'."
            )
        else:
            problem = (
                f"The database {self._path!r} fails ({error}); check its permissions and disk."
            )
        return DatabaseUnavailableError(problem)


def _is_idle_wal(path: str) -> bool:
    if os.path.exists(f"{path}-wal"):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(20)[18:] == _WAL_HEADER
    except OSError:
        return False  # opening it as a database says what is wrong
