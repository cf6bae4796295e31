"""The common part of databases on a server: confirmation of a change, and error messages."""

import abc

from mastersctl._peewee import peewee
from mastersctl.config.url import DatabaseURL
from mastersctl.database import Database, original
from mastersctl.errors import DatabaseUnavailableError, MastersctlError, NotBuildbotDatabaseError

Kind = tuple[type[MastersctlError], str]
"""The class of the error to show, and its message after the name of the database."""

NOT_BUILDBOTS: Kind = (
    NotBuildbotDatabaseError,
    "is not a Buildbot database ({reason}); check the URL, or make it one with 'buildbot "
    "upgrade-master'.",
)
LOCKED: Kind = (
    DatabaseUnavailableError,
    "is locked by another process ({reason}); wait, or give a longer --timeout.",
)
ROLLED_BACK: Kind = (
    DatabaseUnavailableError,
    "rolled back the change ({reason}); run the command again.",
)
GAVE_UP: Kind = (DatabaseUnavailableError, "gave up ({reason}); run the command again.")
FORBIDDEN: Kind = (
    DatabaseUnavailableError,
    "does not permit it ({reason}); use another server or user.",
)
DISK_FULL: Kind = (
    MastersctlError,
    "has no space left ({reason}); free some on the server's disk, and run the command again.",
)
SILENT: Kind = (
    DatabaseUnavailableError,
    "does not answer within {timeout:g} s; check the server, or allow more time with --timeout.",
)
UNREACHABLE: Kind = (
    DatabaseUnavailableError,
    "cannot be reached ({reason}); check the URL and the server.",
)
LOGIN_REFUSED: Kind = (
    DatabaseUnavailableError,
    "refuses the login of this user ({reason}); check the user, the password and TLS.",
)
NOT_STORABLE: Kind = (
    MastersctlError,
    "cannot store this text ({reason}); use characters that Buildbot's tables accept.",
)
FAILED: Kind = (MastersctlError, "failed: {reason}.")


class Server(Database):
    """A database on a server.

    Attributes:
        url: the URL of the database.
    """

    url: DatabaseURL

    def commit(self) -> None:
        try:
            super().commit()
        except peewee.OperationalError as error:
            if self.is_rolled_back(original(error)):
                raise
            raise DatabaseUnavailableError(
                f"The database {self.url} did not confirm the change "
                f"({self.reason(original(error))}); 'mastersctl list' shows whether it was made."
            ) from error

    def is_rolled_back(self, error: Exception) -> bool:
        return self.kind(error) is ROLLED_BACK

    def translate(self, error: Exception) -> MastersctlError:
        return self.error(self.kind(error), self.reason(error))

    def error(self, kind: Kind, reason: str) -> MastersctlError:
        """Return the error of this kind to show; the reason must not hold a password."""
        error_class, says = kind
        says = says.format(reason=reason, timeout=self.wait_timeout)
        return error_class(f"The database {self.url} {says}")

    @abc.abstractmethod
    def kind(self, error: Exception) -> Kind:
        """Return the kind, of those above, of an error of the driver."""

    @abc.abstractmethod
    def message(self, error: Exception) -> str:
        """Return the message of an error of the driver."""

    def reason(self, error: Exception) -> str:
        """Return the message of an error of the driver, on one line and without a password."""
        return " ".join(self.url.scrub(self.message(error)).split()).rstrip(".")
