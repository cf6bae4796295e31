"""The meanings of the errors of PostgreSQL and psycopg."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from mastersctl._peewee import peewee
from mastersctl.database import server
from mastersctl.errors import MastersctlError

NO_ANSWER = "the server does not answer"
NO_SUCH_TABLE, DUPLICATE = "42P01", "23505"

_KINDS: dict[str, server.Kind] = {  # by SQLSTATE
    **dict.fromkeys(  # tables, columns, index, types
        (NO_SUCH_TABLE, "42703", "42P10", "42883", "42804"), server.NOT_BUILDBOTS
    ),
    "55P03": server.LOCKED,
    "57014": server.GAVE_UP,  # cancelled
    **dict.fromkeys(("40P01", "40001"), server.ROLLED_BACK),  # deadlock, serialization failure
    **dict.fromkeys(("25P03", "25P04"), server.UNREACHABLE),  # a transaction took too long
    **dict.fromkeys(("25006", "42501"), server.FORBIDDEN),  # read-only transaction, privileges
    "53100": server.DISK_FULL,
}
# By the first two characters of SQLSTATE: connection, login, database, resources, shutdown
_UNREACHABLE = ("", "08", "28", "3D", "53", "57")


def sqlstate(error: Exception) -> str:
    """Return the code that the server gave an error; an empty text if it has none."""
    return getattr(error, "sqlstate", None) or ""


def kind(error: Exception) -> server.Kind:
    """Return the kind, of those in `mastersctl.database.server`, of an error of psycopg."""
    if str(error) == NO_ANSWER:
        return server.SILENT
    code = sqlstate(error)
    if code not in _KINDS and code[:2] in _UNREACHABLE:
        is_ours = isinstance(error, psycopg.ProgrammingError | psycopg.DataError)
        return server.FAILED if is_ours else server.UNREACHABLE
    return _KINDS.get(code, server.FAILED)


@contextmanager
def understanding() -> Iterator[None]:
    """Turn exceptions that a malformed answer causes into errors of the driver."""
    try:
        yield
    except (psycopg.Error, peewee.PeeweeException, MastersctlError):
        raise
    except Exception as error:
        raise psycopg.OperationalError(f"the server answers nonsense: {error}") from error
