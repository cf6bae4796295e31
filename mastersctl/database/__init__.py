"""A database URL into an open database, and its driver's errors into ours.

A module a kind of database; each is imported only when a URL asks for it, and its driver with it.
"""

import abc
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.errors import DatabaseUnavailableError, MastersctlError, NotBuildbotDatabaseError
from mastersctl.url import DatabaseURL

Mode = Literal["read", "write", "create"]
OnQuery = Callable[[peewee.QueryEvent], None]

_EXTRAS = {"postgresql": "postgres", "mysql": "mysql"}  # what to install for a driver


class Reference(NamedTuple):
    """A column of a foreign key, and the column of the other table that it refers to.

    Attributes:
        schema: of the table, where its name alone does not lead to it; else None.
    """

    schema: str | None
    table: str
    column: str
    target: str


class Database(abc.ABC, peewee.Database):
    """A Peewee database, and what mastersctl asks of it beyond Peewee.

    Parameters:
        url, mode, timeout: as for `opened`.
    """

    server_time: ClassVar[peewee.SQL]
    """The SQL expression for what the server's clock says, in epoch seconds; NULL if there is no
    server."""
    driver_error: ClassVar[type[Exception]]
    """The base of the errors that the driver raises where Peewee does not wrap them."""

    @abc.abstractmethod
    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        """Return the SQL expression for a column of text that compares by code point."""

    @abc.abstractmethod
    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        """Return the SQL expression for "`column` contains `text`", case and all.

        Parameters:
            column: what `by_code_point` returned.
        """

    def create(self, model: Any) -> None:
        """Create the table of a model, which is not there, and its indexes, in one transaction."""
        with self.atomic():
            peewee.SchemaManager(model, self).create_all(safe=False)

    def insert_new(self, model: Any, row: dict[str, Any], unique: peewee.Field) -> int | None:
        """Insert a row, and return its ID; None if there is one with the same value of `unique`."""
        conflict = model.insert(row).on_conflict(action="nothing", conflict_target=[unique])
        insert = conflict.returning(model.id)
        with self.atomic():
            ids = [id_ for (id_,) in insert.tuples().execute(self)]
        return ids[0] if ids else None

    def existing_tables(self, names: Sequence[str]) -> set[str]:
        """Return those of the tables `names` that are there."""
        return set(names) & set(self.get_tables())

    def has_unique_index(self, table: str, column: str) -> bool:
        """Return whether `table` has a unique index over `column` alone."""
        return any(index.unique and index.columns == [column] for index in self.get_indexes(table))

    @abc.abstractmethod
    def references(self, table: str) -> list[Reference]:
        """Return the foreign keys, of whatever tables, that refer to `table`."""

    @abc.abstractmethod
    def rows(self, query: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT as the driver delivers them.

        On MariaDB and MySQL they are all in memory first, elsewhere never.
        """

    def update_all(self, model: Any, values: dict[str, int]) -> int:
        """Set `values` in each row of a table, in the transaction of the caller; return how many.

        An error ends the transaction.
        """
        rows: int = model.update(values).execute(self)
        return rows

    def danger(self) -> str | None:
        """Return what whoever changes something here should be warned of, if there is anything."""
        return None

    @abc.abstractmethod
    def translate(self, error: Exception) -> MastersctlError:
        """Return the error to show for one that the driver raised."""

    def is_not_buildbots(self, error: Exception) -> bool:
        """Return whether `error`, Peewee's or the driver's, says that a table is missing."""
        return isinstance(self.translate(original(error)), NotBuildbotDatabaseError)


@contextmanager
def opened(
    url: DatabaseURL, mode: Mode, timeout: float, on_query: OnQuery | None = None
) -> Iterator[Database]:
    """Open the database at `url`, and close it at the end.

    Parameters:
        mode: ``read`` opens it read-only; ``write`` changes, and ``create`` makes, an SQLite file.
        timeout: how long to wait for a connection, a lock or an answer, in seconds.
        on_query: called with each statement, after it ran.

    Raises:
        InvalidValueError: the URL has a part that the driver does not understand.
        DatabaseUnavailableError: it cannot be reached, is locked or read-only, or lacks a driver.
        NotBuildbotDatabaseError: it is no database, or not Buildbot's.
        MastersctlError: it failed otherwise. So do the statements inside the ``with``.
    """
    database = _database_class(url)(url, mode, timeout)
    if on_query:
        database.query_hooks.append(on_query)
    try:
        database.connect()
        try:
            yield database
        finally:
            database.close()
    except (peewee.PeeweeException, database.driver_error) as error:
        raise database.translate(original(error)) from error


def original(error: Exception) -> Exception:
    """Return the driver's error that Peewee made `error` of."""
    return getattr(error, "orig", error)


def _database_class(url: DatabaseURL) -> Callable[[DatabaseURL, Mode, float], Database]:
    try:
        module = importlib.import_module(f"{__name__}.{url.backend}")
    except ImportError as error:
        raise DatabaseUnavailableError(
            f"The driver for {url.backend} cannot be imported ({error}); install it with "
            f"\"pip install 'mastersctl[{_EXTRAS[url.backend]}]'\"."
        ) from error
    database_class: Callable[[DatabaseURL, Mode, float], Database]
    database_class = getattr(module, f"{url.backend.capitalize()}Database")
    return database_class
