"""A database URL into an open Peewee database, and its driver's errors into ours.

A module a kind of database; each is imported only when a URL asks for it, and its driver with it.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from mastersctl._peewee import peewee
from mastersctl.errors import DatabaseUnavailableError, MastersctlError
from mastersctl.url import DatabaseURL

Mode = Literal["read", "write", "create"]
OnQuery = Callable[[peewee.QueryEvent], None]


class Database(Protocol):
    """What is asked of a database beyond what Peewee's own `peewee.Database` does."""

    binary_collation: str
    """What comes after COLLATE for text to compare by code point."""
    driver_error: type[Exception]
    """The base of the errors that the driver raises where Peewee does not wrap them."""
    query_hooks: list[OnQuery]

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        """Return the SQL expression for "`column` contains `text`", case and all."""

    def existing_tables(self, names: Sequence[str]) -> set[str]:
        """Return those of the tables `names` that are there."""

    def stream(self, query: "peewee.ModelSelect[Any]") -> Iterator[tuple[Any, ...]]:
        """Yield the rows of `query` as the database delivers them; they are never all in memory."""

    def translate(self, error: Exception) -> MastersctlError:
        """Return the error to show for one that the driver or Peewee raised."""


@contextmanager
def opened(
    url: DatabaseURL, mode: Mode, timeout: float, on_query: OnQuery | None = None
) -> Iterator[Any]:
    """Open the database at `url`, and close it at the end.

    Parameters:
        mode: ``read`` opens it read-only; ``write`` changes, and ``create`` makes, an SQLite file.
        timeout: how long to wait for a connection, a lock or an answer, in seconds.
        on_query: called with each statement, after it ran.

    Yields:
        A `peewee.Database` that is a `Database` too.

    Raises:
        DatabaseUnavailableError: it cannot be reached, is locked or read-only, or lacks a driver.
        NotBuildbotDatabaseError: it is no database, or not Buildbot's.
        MastersctlError: it failed otherwise. So do the statements inside the ``with``.
    """
    database = _database_class(url)(url, mode, timeout)
    if on_query:
        database.query_hooks.append(on_query)
    try:
        with database.connection_context():
            yield database
    except (peewee.PeeweeException, database.driver_error) as error:
        raise database.translate(error) from error


def _database_class(url: DatabaseURL) -> Callable[[DatabaseURL, Mode, float], Any]:
    try:
        module = importlib.import_module(f"{__name__}.{url.backend}")
    except ImportError as error:
        raise DatabaseUnavailableError(
            f"The driver for {url.backend} cannot be imported ({error}); install it with "
            "\"pip install 'mastersctl[postgres]'\"."
        ) from error
    return module.Database  # type: ignore[no-any-return]
