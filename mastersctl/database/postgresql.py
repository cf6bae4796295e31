"""PostgreSQL, by psycopg 3: unlike psycopg2, it streams a result and can be interrupted."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from mastersctl._peewee import peewee
from mastersctl.errors import (
    DatabaseUnavailableError,
    InvalidValueError,
    MastersctlError,
    NotBuildbotDatabaseError,
)
from mastersctl.url import DatabaseURL

_ROWS_AT_ONCE = 1000
_GRACE = 1.0  # seconds that the server gets to say itself that it waited too long for a lock

_NOT_BUILDBOTS = ("42P01", "42703", "42P10", "42883", "42804")  # tables, columns, index, types
_LOCKED = ("55P03", "57014", "40P01", "40001")  # timeout, cancel, deadlock, serialization


class _Connection(psycopg.Connection[Any]):
    """A connection that gives up when the server does not answer."""

    patience: float

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()  # it is of no use any more, and must not be waited for again
            raise psycopg.OperationalError("the server does not answer") from None


class _Adapter(peewee.Psycopg3Adapter):
    """Peewee's, for a Peewee that was imported without psycopg."""

    def check_driver(self) -> None:
        pass

    def connect(self, db: Any, **params: Any) -> _Connection:
        connection = _Connection.connect(autocommit=True, client_encoding="utf8", **params)
        connection.patience = db.patience + _GRACE
        return connection


class Database(peewee.PostgresqlDatabase):
    """A database on a server; a transaction waits no longer for a lock than it was told to."""

    psycopg2_adapter = psycopg3_adapter = _Adapter
    binary_collation = '"C"'
    driver_error = psycopg.Error

    def __init__(self, url: DatabaseURL, mode: str, timeout: float) -> None:
        self._url = url
        self.patience = timeout
        parameters: dict[str, Any] = dict(url.libpq_parameters())
        parameters.setdefault("connect_timeout", str(max(1, math.ceil(timeout))))
        parameters.setdefault("application_name", "mastersctl")
        super().__init__(str(url), **parameters)  # of the two, only the parameters are connected to

    def begin(self, isolation_level: str | None = None) -> None:
        milliseconds = max(1, round(self.patience * 1000))  # 0 would mean: wait for ever
        self.execute_sql(
            "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE; "
            f"SET LOCAL lock_timeout = {milliseconds}"
        )

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.strpos(column, text) > 0

    def existing_tables(self, names: Sequence[str]) -> set[str]:
        tables = self.execute_sql(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
            (list(names),),
        )
        return {name for (name,) in tables}

    def stream(self, query: "peewee.ModelSelect[Any]") -> Iterator[tuple[Any, ...]]:
        sql, parameters = self.get_sql_context().sql(query).query()
        at_once = _ROWS_AT_ONCE if psycopg.capabilities.has_stream_chunked() else 1
        for hook in self.query_hooks:
            hook(peewee.QueryEvent(sql, parameters, 0.0, None))
        with self.cursor() as cursor:
            yield from cursor.stream(sql, parameters, size=at_once)

    def translate(self, error: Exception) -> MastersctlError:
        error = getattr(error, "orig", error)
        code = getattr(error, "sqlstate", None) or ""
        reason = self._url.scrub(" ".join(str(error).split()))
        database = f"The database {self._url}"
        if code in _NOT_BUILDBOTS:
            return NotBuildbotDatabaseError(
                f"{database} is not a Buildbot database ({reason}); check the URL, or run "
                "'buildbot upgrade-master' or 'mastersctl init'."
            )
        if code in _LOCKED:
            return DatabaseUnavailableError(
                f"{database} is locked by another process ({reason}); wait, or give a longer "
                "--timeout."
            )
        if code in ("25006", "42501"):  # read-only, insufficient privilege
            return DatabaseUnavailableError(
                f"{database} is read-only for this user ({reason}); use another server or user."
            )
        if isinstance(error, psycopg.ProgrammingError) and not code:
            return InvalidValueError(f"The URL of {database[4:]} has a wrong part: {reason}.")
        if isinstance(error, psycopg.OperationalError):
            return DatabaseUnavailableError(
                f"{database} cannot be reached ({reason}); check the URL and the server."
            )
        return MastersctlError(f"{database} failed: {reason}.")
