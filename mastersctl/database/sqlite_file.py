"""The file of an SQLite database: its properties, read without opening it as a database."""

import os
import stat

from mastersctl.database import Mode
from mastersctl.errors import DatabaseUnavailableError

_WAL_HEADER = b"\2\2"  # bytes 18 and 19 of a file in WAL mode


class SqliteFile:
    """The file of a database, and the files beside it.

    Attributes:
        path: an absolute path.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def uri(self, query: str) -> bytes:
        """Return the URI by which SQLite opens the file."""
        path = os.fsencode(self.path)
        for character in (b"%", b"?", b"#"):
            path = path.replace(character, b"%%%02x" % ord(character))
        return b"file://%b?%b" % (path, query.encode())

    def status(self) -> os.stat_result | None:
        """Return the status of the file; None if it does not exist, or is not accessible.

        Raises:
            DatabaseUnavailableError: the file or one beside it is a pipe, for example: SQLite would
                wait for ever.
        """
        for suffix in ("-journal", "-wal"):
            _status(f"{self.path}{suffix}")
        return _status(self.path)

    def is_unchanged_since(self, earlier: os.stat_result) -> bool:
        """Return whether the file is unchanged since that status, and not open in WAL mode."""
        status = self.status()
        if status is None or self.has_wal():
            return False
        return (status.st_mtime_ns, status.st_size) == (earlier.st_mtime_ns, earlier.st_size)

    def is_readable(self) -> bool:
        return os.access(self.path, os.R_OK)

    def is_writable(self) -> bool:
        """Return whether this user may change the file; a change makes another file beside it."""
        return os.access(self.path, os.W_OK) and os.access(os.path.dirname(self.path), os.W_OK)

    def is_wal(self) -> bool:
        """Return whether the file is in WAL mode; call this only if `has_wal` is false.

        Closing the file ends all locks of this process on it, also those of other connections.
        """
        try:
            with open(self.path, "rb") as file:
                return file.read(20)[18:] == _WAL_HEADER
        except OSError:
            return False  # opening it as a database reports the problem

    def has_wal(self) -> bool:
        """Return whether a file in WAL mode is open, or was open when SQLite was killed."""
        return os.path.exists(f"{self.path}-wal")

    def read_only(self, mode: Mode) -> DatabaseUnavailableError:
        """Return the error to show if SQLite reports that this user may not write to the file."""
        problem = "is read-only for this user"
        if mode == "read":
            problem = f"has changes in {self.path + '-wal'!r} that only its owner can read now"
        return DatabaseUnavailableError(
            f"The database {self.path!r} {problem}; run the command as the master's user."
        )

    def unopened(self, mode: Mode, error: Exception) -> DatabaseUnavailableError:
        """Return the error to show if SQLite cannot open the file, or a file beside it."""
        directory = os.path.dirname(self.path)
        if os.path.isdir(self.path):
            problem = f"There is a directory at {self.path!r}; name the file in it."
        elif not os.path.isdir(directory):
            problem = f"There is no directory {directory!r} for a database; check the path."
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
            problem = f"No database can be created at {self.path!r}; check the permissions there."
        else:
            problem = (
                f"There is no database at {self.path!r}; pass --db-url or --basedir, change to a "
                "buildmaster's directory, or create one with 'mastersctl init'."
            )
        return DatabaseUnavailableError(problem)

    def _is_for_its_owner(self, mode: Mode) -> bool:
        """Return whether a user with write permission could open the file."""
        exists = self.has_wal() if mode == "read" else os.path.exists(self.path)
        return exists and not self.is_writable()


def _status(path: str) -> os.stat_result | None:
    """Return the status of the file at `path`; raise an error if it is a pipe, for example."""
    try:
        status = os.stat(path)
    except OSError:
        return None  # opening it as a database reports the problem
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise DatabaseUnavailableError(f"The path {path!r} is not that of a file.")
    return status
