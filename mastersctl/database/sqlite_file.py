"""The file of an SQLite database: what can be said of it without opening it as one."""

import os
import stat

from mastersctl.database import Mode
from mastersctl.errors import DatabaseUnavailableError

_WAL_HEADER = b"\2\2"  # bytes 18 and 19 of a file in WAL mode


class SqliteFile:
    """A file, and those beside it.

    Attributes:
        path: an absolute one.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def uri(self, query: str) -> bytes:
        """Return how SQLite is told to open it."""
        path = os.fsencode(self.path)
        for character in (b"%", b"?", b"#"):
            path = path.replace(character, b"%%%02x" % ord(character))
        return b"file://%b?%b" % (path, query.encode())

    def status(self) -> os.stat_result | None:
        """Return what the system says of it; None if there is none, or it is out of reach.

        Raises:
            DatabaseUnavailableError: it is a pipe, or one is beside it: SQLite would wait for ever.
        """
        for suffix in ("-journal", "-wal"):
            _status(f"{self.path}{suffix}")
        return _status(self.path)

    def is_unchanged_since(self, earlier: os.stat_result) -> bool:
        """Return whether nobody has changed it since its status was that, or is about to."""
        status = self.status()
        if status is None or self.has_wal():
            return False
        return (status.st_mtime_ns, status.st_size) == (earlier.st_mtime_ns, earlier.st_size)

    def is_readable(self) -> bool:
        return os.access(self.path, os.R_OK)

    def is_writable(self) -> bool:
        """Return whether this user may change it, for which a file is made beside it."""
        return os.access(self.path, os.W_OK) and os.access(os.path.dirname(self.path), os.W_OK)

    def is_wal(self) -> bool:
        """Return whether it is in WAL mode; ask only if `has_wal` says no.

        To close the file ends the locks of this process on it, which may be another connection's.
        """
        try:
            with open(self.path, "rb") as file:
                return file.read(20)[18:] == _WAL_HEADER
        except OSError:
            return False  # opening it as a database says what is wrong

    def has_wal(self) -> bool:
        """Return whether it is open, if it is in WAL mode, or was when SQLite was killed."""
        return os.path.exists(f"{self.path}-wal")

    def read_only(self, mode: Mode) -> DatabaseUnavailableError:
        """Return the error to show when SQLite says that this user may not write to it."""
        problem = "is read-only for this user"
        if mode == "read":
            problem = f"has changes in {self.path + '-wal'!r} that only its owner can read now"
        return DatabaseUnavailableError(
            f"The database {self.path!r} {problem}; run the command as the master's user."
        )

    def unopened(self, mode: Mode, error: Exception) -> DatabaseUnavailableError:
        """Return the error to show when SQLite could not open it, or a file beside it."""
        directory = os.path.dirname(self.path)
        if os.path.isdir(self.path):
            problem = f"There is a directory at {self.path!r}; name the file in it."
        elif not os.path.isdir(directory):
            problem = f"There is no directory {directory!r} to look for a database in."
        elif os.path.exists(self.path) and not self.is_readable():
            problem = (
                f"The database {self.path!r} is not readable for this user, whose permissions do "
                "not allow it; run the command as the master's user."
            )
        elif self._is_for_its_owner(mode):
            return self.read_only(mode)
        elif os.path.exists(self.path):
            problem = f"The database {self.path!r} fails ({error}); check permissions and disk."
        elif mode == "create":
            problem = f"No database can be made at {self.path!r}; check the permissions there."
        else:
            problem = (
                f"There is no database at {self.path!r}; pass --db-url or --basedir, go to a "
                "buildmaster's directory, or make one with 'mastersctl init'."
            )
        return DatabaseUnavailableError(problem)

    def _is_for_its_owner(self, mode: Mode) -> bool:
        """Return whether a user who may write to it could open it."""
        exists = self.has_wal() if mode == "read" else os.path.exists(self.path)
        return exists and not self.is_writable()


def _status(path: str) -> os.stat_result | None:
    """Return the status of what is at `path`; raise an error if it is a pipe, for example."""
    try:
        status = os.stat(path)
    except OSError:
        return None  # opening it as a database says what is wrong
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise DatabaseUnavailableError(f"The path {path!r} is not that of a file.")
    return status
