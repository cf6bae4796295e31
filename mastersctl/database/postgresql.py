"""PostgreSQL, by psycopg 3: unlike psycopg2, it streams a result and can be interrupted."""

import logging
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from mastersctl._peewee import peewee
from mastersctl.database import Mode, Reference, server
from mastersctl.database.server import Server
from mastersctl.errors import InvalidValueError
from mastersctl.url import DatabaseURL

_ROWS_AT_ONCE = 1000
logging.getLogger("psycopg").addHandler(logging.NullHandler())  # its warnings go to stderr else
_NO_ANSWER = "the server does not answer"
_GRACE = 1.0  # seconds that the server gets to say itself that it waited too long for a lock

_KINDS: dict[str, server.Kind] = {  # by SQLSTATE
    **dict.fromkeys(  # tables, columns, index, types
        ("42P01", "42703", "42P10", "42883", "42804"), server.NOT_BUILDBOTS
    ),
    "55P03": server.LOCKED,
    **dict.fromkeys(  # cancelled, deadlock, serialization failure
        ("57014", "40P01", "40001"), server.GAVE_UP
    ),
    **dict.fromkeys(("25006", "42501"), server.FORBIDDEN),  # read-only transaction, privileges
    "53100": server.DISK_FULL,
}
# The first two characters of others: connection, login, database, resources, shutdown
_UNREACHABLE = ("", "08", "28", "3D", "53", "57")


class _Connection(psycopg.Connection[Any]):
    """A connection that gives up when the server does not answer."""

    patience = 0.0

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        deadline = time.monotonic() + self.patience
        try:
            return super().wait(gen, interval, self.patience)
        except psycopg.OperationalError:
            if time.monotonic() < deadline:
                raise
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_GRACE)
            self.close()  # it is of no use any more, and must not be waited for again
            raise psycopg.OperationalError(_NO_ANSWER) from None


class _Adapter(peewee.Psycopg3Adapter):
    """Peewee's, for a Peewee that was imported without psycopg."""

    def check_driver(self) -> None:
        pass

    def connect(self, db: Any, **params: Any) -> _Connection:
        try:
            connection = _connect(db.conninfo, db.options)
        except psycopg.OperationalError as error:
            if "startup parameter" not in str(error) or db.needs_options:
                raise
            connection = _connect(db.conninfo, "")  # PgBouncer knows no options
        connection.patience = db.patience + _GRACE
        return connection


class PostgresqlDatabase(Server, peewee.PostgresqlDatabase):
    """A database on a server, on which no statement waits longer for a lock than it was told to."""

    psycopg2_adapter = psycopg3_adapter = _Adapter
    # When the statement arrived, however long it takes
    server_time = peewee.SQL("CAST(extract(epoch FROM statement_timestamp()) AS BIGINT)")
    driver_error = psycopg.Error

    def __init__(self, url: DatabaseURL, mode: Mode, timeout: float) -> None:
        self.url = url
        self.patience = timeout
        try:
            parameters = _parameters(url, timeout)
            given = parameters.pop("options", "") or os.environ.get("PGOPTIONS", "")
            self.needs_options = bool(given)
            self.options = _options(given, mode, timeout)
            if "service" in parameters or "PGSERVICE" in os.environ:
                self.options = given  # the service may have options, which ours would replace
            self.conninfo = make_conninfo("", **parameters)
        except (psycopg.Error, TypeError) as error:
            raise InvalidValueError(
                f"The database URL for {url} has a wrong part: {self.reason(error)}."
            ) from error
        super().__init__(str(url))  # a name for Peewee; `conninfo` is what is connected to

    def begin(
        self,
        isolation_level: str | None = None,
        lock_table: str | None = None,
        *,
        shared: bool = False,
    ) -> None:
        # In one round trip; the option for the timeout may not have got through. Who changes rows
        # says so at once: to lock a row first and ask for that lock later could be a deadlock.
        mode = "ROW EXCLUSIVE" if shared else "SHARE ROW EXCLUSIVE"
        lock = f"; LOCK TABLE {lock_table} IN {mode} MODE" if lock_table else ""
        self.execute_sql(
            f"BEGIN ISOLATION LEVEL {isolation_level or 'READ COMMITTED'}; "
            f"SET LOCAL lock_timeout = {_milliseconds(self.patience)}{lock}"
        )

    def rollback(self) -> None:
        if not self.connection().closed:  # by an answer that did not come
            super().rollback()

    def rows(self, query: Any) -> Iterator[tuple[Any, ...]]:
        sql, parameters = self.get_sql_context().sql(query).query()
        at_once = _ROWS_AT_ONCE if psycopg.capabilities.has_stream_chunked() else 1
        for hook in self.query_hooks:
            hook(peewee.QueryEvent(sql, parameters, 0.0, None))
        with self.cursor() as cursor:
            yield from cursor.stream(sql, parameters, size=at_once)

    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        return column.collate('"C"')

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.strpos(column, text) > 0

    def existing_tables(self, names: Sequence[str]) -> set[str]:
        tables = self.execute_sql(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
            (list(names),),
        )
        return {name for (name,) in tables}

    def has_unique_index(self, table: str, column: str) -> bool:
        found = self.execute_sql(
            "SELECT 1 FROM pg_index "
            "JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] "
            "WHERE indrelid = to_regclass(%s) AND indisunique AND indnkeyatts = 1 AND attname = %s",
            (table, column),
        )
        return found.fetchone() is not None

    def references(self, table: str) -> list[Reference]:
        found = self.execute_sql(
            "SELECT CASE WHEN pg_table_is_visible(referring.oid) THEN NULL ELSE nspname END, "
            "relname, own.attname, other.attname FROM pg_constraint "
            "JOIN pg_class AS referring ON referring.oid = conrelid "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "CROSS JOIN unnest(conkey, confkey) AS key(own, other) "
            "JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = key.own "
            "JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = key.other "
            "WHERE contype = 'f' AND conparentid = 0 AND confrelid = to_regclass(%s)",
            (table,),
        )
        # Peewee leaves it in a name, where psycopg would look for a parameter
        return [Reference(*(part and part.replace("%", "%%") for part in row)) for row in found]

    def kind(self, error: Exception) -> server.Kind:
        code = getattr(error, "sqlstate", None) or ""
        if str(error) == _NO_ANSWER:
            return server.SILENT
        if code not in _KINDS and code[:2] in _UNREACHABLE:
            is_its_own = isinstance(error, psycopg.OperationalError)
            return server.UNREACHABLE if is_its_own else server.FAILED
        return _KINDS.get(code, server.FAILED)

    def message(self, error: Exception) -> str:
        return getattr(getattr(error, "diag", None), "message_primary", None) or str(error)


def _connect(conninfo: str, options: str) -> _Connection:
    # Nothing is prepared: behind a pool, the next statement may meet another session.
    parameters: dict[str, Any] = {"options": options} if options else {}
    try:
        return _Connection.connect(conninfo, autocommit=True, prepare_threshold=None, **parameters)
    except UnicodeError as error:  # psycopg lets Python resolve names, which must be IDNA
        raise psycopg.OperationalError("no host can have such a name") from error


def _parameters(url: DatabaseURL, timeout: float) -> dict[str, str]:
    parameters = url.libpq_parameters()
    hosts = parameters.get("host", "").count(",") + 1  # libpq waits so long for each of them
    parameters.setdefault("connect_timeout", str(max(1, math.ceil(timeout / hosts))))
    parameters.setdefault("application_name", "mastersctl")
    parameters["client_encoding"] = "utf8"
    return parameters


def _options(given: str, mode: Mode, timeout: float) -> str:
    """Return the settings of the session, which so take no round trip."""
    options = [given, f"-c lock_timeout={_milliseconds(timeout)}"]
    if mode == "read":
        options.append("-c default_transaction_read_only=on")
    return " ".join(filter(None, options))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would mean: for ever
