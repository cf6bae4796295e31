"""Opens the database at a URL, and translates the errors of its driver.

Each kind of database has a module. It is imported, with its driver, only if a URL needs it.
"""

import abc
import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

from mastersctl._peewee import peewee
from mastersctl.config.url import DatabaseURL
from mastersctl.errors import DatabaseUnavailableError, MastersctlError, NotBuildbotDatabaseError

Mode = Literal["read", "write", "create"]
Row = tuple[Any, ...]
"""A row as the driver returns it; on SQLite, its values may be of any type."""
OnQuery = Callable[[peewee.QueryEvent], None]
T = TypeVar("T")

_RETRY_INTERVAL = 0.05  # seconds
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql"}  # the extra to install for a driver


class Reference(NamedTuple):
    """A column of a foreign key, and the column of the other table that it refers to.

    Attributes:
        schema: the schema of the table; None if the name of the table is enough to find it.
        target: the column of the other table.
    """

    schema: str | None
    table: str
    column: str
    target: str


class LateSequence(NamedTuple):
    """A sequence that is behind: its next number is already in its column.

    Attributes:
        mend: the statement that sets the sequence.
    """

    table: str
    column: str
    mend: str


class Database(abc.ABC, peewee.Database):
    """A Peewee database, with the methods that mastersctl needs beyond Peewee.

    Parameters:
        url, mode, timeout: as for `opened`.
    """

    wait_timeout: float
    """How long to wait for a connection, a lock or an answer, in seconds."""
    server_time: ClassVar[peewee.SQL]
    """The SQL expression for the server's time, in epoch seconds; NULL if there is no server."""
    driver_error: ClassVar[type[Exception]]
    """The base class of the driver's errors, which Peewee does not always wrap."""

    @abc.abstractmethod
    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        """Return the SQL expression for a column of text that compares by code point."""

    @abc.abstractmethod
    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        """Return the SQL expression for "`column` contains `text`", which is case-sensitive.

        Parameters:
            column: an expression that `by_code_point` returned.
        """

    def transact(
        self, change: Callable[[], T], lock_table: str | None = None, *, shared: bool = False
    ) -> T:
        """Return the result of `change`, called in a transaction; retry it after a rollback.

        Parameters:
            change: makes the whole change, including the reads that it relies on.
            lock_table: the table whose rows no other process may change meanwhile.
            shared: protect only those of its rows that `change` locks itself.

        Raises:
            InterruptedUpgradeError: as for `check_upgrade`.
        """

        def attempt() -> T:
            with self.atomic(lock_table=lock_table, shared=shared):
                self.check_upgrade()
                return change()

        return self.retried(attempt)

    def retried(self, attempt: Callable[[], T]) -> T:
        """Return the result of `attempt`; retry until the timeout if the server rolls it back."""
        deadline = time.monotonic() + self.wait_timeout
        while True:
            try:
                return attempt()
            except (peewee.PeeweeException, self.driver_error) as error:
                if not self.is_rolled_back(original(error)) or time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_INTERVAL)

    def is_rolled_back(self, error: Exception) -> bool:
        """Return whether the server rolled back the whole change, for example after a deadlock."""
        return False

    def create(self, model: type[peewee.Model]) -> None:
        """Create the missing table of a model, and its indexes, in one transaction."""
        with self.atomic():
            peewee.SchemaManager(model, self).create_all(safe=False)

    def insert_new(
        self, model: type[peewee.Model], row: Mapping[str, object], unique: peewee.Field
    ) -> int | None:
        """Insert a row and return its ID; return None if a row has the same value of `unique`."""
        conflict = model.insert(row).on_conflict(action="nothing", conflict_target=[unique])
        insert = conflict.returning(model._meta.primary_key)
        ids = self.transact(lambda: [id_ for (id_,) in insert.tuples().execute(self)])
        return ids[0] if ids else None

    def delete_unreferenced(self, model: type[peewee.Model], ids: Sequence[int]) -> None:
        """Delete the rows `ids`, to which no row refers that this user can see.

        Raises:
            RefusedError: a row that this user cannot see refers to one of them.
        """
        key: Any = model._meta.primary_key
        model.delete().where(key.in_(ids)).execute(self)

    def existing_tables(self, names: Sequence[str]) -> set[str]:
        """Return those of the tables `names` that exist.

        Raises:
            MastersctlError, peewee.PeeweeException: a table exists, or may exist, but is not
                readable; or a table, or that of masters, is a view, which may leave rows out.
        """
        found = self._relations({*names, "masters"})
        views = sorted(name for name, is_table in found.items() if not is_table)
        if views:
            raise DatabaseUnavailableError(
                f"In this database {views[0]} is a view, which may leave rows out; name the "
                "database or the schema of the table itself."
            )
        return set(names) & found.keys()

    @abc.abstractmethod
    def _relations(self, names: set[str]) -> dict[str, bool]:
        """Return those of `names` that exist, each with whether it is a table and not a view.

        Raises:
            MastersctlError, peewee.PeeweeException: as for `existing_tables`.
        """

    def has_unique_index(self, table: str, column: str) -> bool:
        """Return whether `table` has a unique index over `column` alone, which covers all rows."""
        return any(index.unique and index.columns == [column] for index in self.get_indexes(table))

    def replication_lag(self) -> float:
        """Return how far the server is behind its primary, in seconds; 0 if it is not a standby.

        The lag is infinite if it is unknown. MariaDB and MySQL report it only to some users.
        """
        return 0.0

    def check_upgrade(self) -> None:
        """Raise InterruptedUpgradeError if an upgrade left a table with the rows of another one.

        Only upgrades on SQLite move rows in that way.
        """

    @abc.abstractmethod
    def references(self, table: str) -> list[Reference]:
        """Return all foreign keys that refer to `table`."""

    def late_sequences(self, tables: Sequence[str]) -> list[LateSequence]:
        """Return the sequences of the tables that are behind. Only PostgreSQL has sequences."""
        return []

    @abc.abstractmethod
    def rows(self, query: peewee.BaseQuery) -> Iterator[Row]:
        """Yield the rows of a SELECT as the driver returns them.

        On MariaDB and MySQL, all rows are read into memory first; elsewhere they never are.
        """

    def update_all(self, model: type[peewee.Model], values: Mapping[str, int]) -> int:
        """Set `values` in each row of a table, in the caller's transaction; return their number.

        An error ends the transaction.
        """
        rows: int = model.update(values).execute(self)
        return rows

    def warning(self) -> str | None:
        """Return a warning to show before a change; None if there is none."""
        return None

    @abc.abstractmethod
    def translate(self, error: Exception) -> MastersctlError:
        """Return the error to show for an error of the driver."""

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
        on_query: a function to call with each statement after it ran.

    Raises:
        InvalidValueError: the URL has a part that the driver does not understand.
        DatabaseUnavailableError: the database is unreachable, locked or read-only, or its driver
            is not installed.
        NotBuildbotDatabaseError: it is not a database, or not Buildbot's.
        MastersctlError: it failed otherwise. Statements inside the ``with`` raise these, too.
    """
    database = database_class(url)(url, mode, timeout)
    if on_query:
        database.query_hooks.append(on_query)
    try:
        database.connect()
        try:
            yield database
        except (peewee.PeeweeException, database.driver_error) as error:
            raise database.translate(original(error)) from error  # this may query the database
        finally:
            database.close()
    except (peewee.PeeweeException, database.driver_error) as error:
        raise database.translate(original(error)) from error


def original(error: Exception) -> Exception:
    """Return the driver's error that Peewee wrapped in `error`."""
    return getattr(error, "orig", error)


def database_class(url: DatabaseURL) -> Callable[[DatabaseURL, Mode, float], Database]:
    """Return the class of the database at `url`; this imports its driver.

    Raises:
        DatabaseUnavailableError: the driver is not installed.
    """
    try:
        module = importlib.import_module(f"{__name__}.{url.backend}")
    except ImportError as error:
        raise DatabaseUnavailableError(
            f"The driver for {url.backend} cannot be imported ({error}); install it with "
            f"\"pip install 'mastersctl[{_EXTRAS[url.backend]}]'\"."
        ) from error
    found: Callable[[DatabaseURL, Mode, float], Database]
    found = getattr(module, f"{url.backend.capitalize()}Database")
    return found
