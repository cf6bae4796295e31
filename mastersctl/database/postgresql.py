"""PostgreSQL, by psycopg 3: unlike psycopg2, it streams a result and can be interrupted."""

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from mastersctl._peewee import peewee
from mastersctl.config.url import DatabaseURL
from mastersctl.database import Mode, Reference, original, server
from mastersctl.database.server import Server
from mastersctl.errors import (
    DatabaseUnavailableError,
    InvalidValueError,
    MastersctlError,
    RefusedError,
)

_ROWS_AT_ONCE = 1000
logging.getLogger("psycopg").addHandler(logging.NullHandler())  # its warnings go to stderr else
_NO_ANSWER = "the server does not answer"
_REPORT_TIMEOUT = 1.0  # seconds for the server to say itself that it waited too long for a lock

_KINDS: dict[str, server.Kind] = {  # by SQLSTATE
    **dict.fromkeys(  # tables, columns, index, types
        ("42P01", "42703", "42P10", "42883", "42804"), server.NOT_BUILDBOTS
    ),
    "55P03": server.LOCKED,
    "57014": server.GAVE_UP,  # cancelled
    **dict.fromkeys(("40P01", "40001"), server.ROLLED_BACK),  # deadlock, serialization failure
    **dict.fromkeys(("25P03", "25P04"), server.UNREACHABLE),  # ended: its transaction took too long
    **dict.fromkeys(("25006", "42501"), server.FORBIDDEN),  # read-only transaction, privileges
    "53100": server.DISK_FULL,
}
# Which nothing here depends on, and the server reports: a pool may drop all options in silence.
_PROOF = ("IntervalStyle", "sql_standard")
_NO_SUCH_TABLE, _DUPLICATE = "42P01", "23505"
_SEQUENCE = r"""
SELECT substring(pg_get_expr(adbin, adrelid) FROM '^nextval\((.*)\)$')
FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
WHERE adrelid = to_regclass('masters') AND attname = 'id'
"""
_IDENTITY = "pg_get_serial_sequence('masters', 'id')"  # which has no default
_RELATIONS = """
SELECT name, relkind::text, relnamespace::regnamespace::text
FROM unnest(%s::text[]) AS name JOIN pg_class ON pg_class.oid = to_regclass(name)
"""
_HIDDEN_TABLES = """
SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relname = ANY(%s) AND NOT has_schema_privilege(pg_namespace.oid, 'USAGE') AND nspname IN (
    SELECT replace(trim(name, ' "'), '$user', current_user)
    FROM unnest(string_to_array(current_setting('search_path'), ',')) AS name
)
"""
# Nothing is missing while it streams and has replayed all: the last change may be long ago.
_REPLICATION_LAG = """
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN 0
    WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()
        AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
END
"""
# The first two characters of others: connection, login, database, resources, shutdown
_UNREACHABLE = ("", "08", "28", "3D", "53", "57")


class _Connection(psycopg.Connection[Any]):
    """A connection that gives up when the server does not answer.

    Attributes:
        has_settings: whether the settings of `_options` hold in its session.
    """

    wait_timeout = 0.0
    has_settings = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        deadline = time.monotonic() + self.wait_timeout
        try:
            return super().wait(gen, interval, self.wait_timeout)
        except psycopg.OperationalError:
            if time.monotonic() < deadline:
                raise
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_REPORT_TIMEOUT)
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
            if "startup parameter" not in str(error) or db.given_options:
                raise
            connection = _connect(db.conninfo, "")  # PgBouncer knows no options
        connection.wait_timeout = db.wait_timeout + _REPORT_TIMEOUT
        reported = connection.pgconn.parameter_status(_PROOF[0].encode())
        connection.has_settings = reported == _PROOF[1].encode()
        return connection


class PostgresqlDatabase(Server, peewee.PostgresqlDatabase):
    """A database on a server, on which no statement waits longer for a lock than it was told to."""

    psycopg2_adapter = psycopg3_adapter = _Adapter
    # When the statement arrived, however long it takes
    server_time = peewee.SQL("CAST(extract(epoch FROM statement_timestamp()) AS BIGINT)")
    driver_error = psycopg.Error

    def __init__(self, url: DatabaseURL, mode: Mode, timeout: float) -> None:
        self.url = url
        self._mode = mode
        self.wait_timeout = timeout
        try:
            parameters = _parameters(url, timeout)
            given = parameters.pop("options", "")
            if "service" in parameters or "PGSERVICE" in os.environ:
                self.options = given  # the service may have options, which ours would replace
            else:
                given = given or os.environ.get("PGOPTIONS", "")
                self.options = _options(given, mode, timeout)
            self.given_options = given
            if "conninfo" in parameters:  # which is also a parameter of the function
                raise psycopg.ProgrammingError('invalid connection option "conninfo"')
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
        # In one round trip; the options may not have got through. Who changes rows says so at
        # once: to lock a row first and ask for that lock later could be a deadlock.
        access = " READ ONLY" if self._mode == "read" else ""
        mode = "ROW EXCLUSIVE" if shared else "SHARE ROW EXCLUSIVE"
        lock = f"; LOCK TABLE {lock_table} IN {mode} MODE" if lock_table else ""
        try:
            self.execute_sql(
                f"BEGIN ISOLATION LEVEL {isolation_level or 'READ COMMITTED'}{access}; "
                f"SET LOCAL row_security = off; "
                f"SET LOCAL lock_timeout = {_milliseconds(self.wait_timeout)}{lock}"
            )
        except BaseException:
            self.rollback()  # of what the first of these began
            raise

    def rollback(self) -> None:
        if not self.connection().closed:  # by an answer that did not come
            super().rollback()

    def rows(self, query: Any) -> Iterator[tuple[Any, ...]]:
        is_set_up = self.connection().has_settings or self.in_transaction()
        with nullcontext() if is_set_up else self.atomic():
            yield from self._stream(query)

    def _stream(self, query: Any) -> Iterator[tuple[Any, ...]]:
        sql, parameters = self.get_sql_context().sql(query).query()
        at_once = _ROWS_AT_ONCE if psycopg.capabilities.has_stream_chunked() else 1
        for hook in self.query_hooks:
            hook(peewee.QueryEvent(sql, parameters, 0.0, None))
        with self.cursor() as cursor, _understanding():
            yield from cursor.stream(sql, parameters, size=at_once)

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        with _understanding():
            return super().execute_sql(sql, params)

    def insert_new(self, model: Any, row: dict[str, Any], unique: peewee.Field) -> int | None:
        try:
            with _understanding():  # of the ID, which is fetched after the statement
                return super().insert_new(model, row, unique)
        except peewee.IntegrityError as error:
            if getattr(original(error), "sqlstate", "") != _DUPLICATE:
                raise
            (sequence,) = self.execute_sql(_SEQUENCE).fetchone() or (None,)
            mend = f"SELECT setval({sequence or _IDENTITY}, max(id)) FROM masters"  # noqa: S608  # shown
            raise MastersctlError(
                f"The database {self.url} gives a new master an ID that another one has "
                f'({self.reason(original(error))}), as its sequence is behind; run "{mend}" in it.'
            ) from error

    def replication_lag(self) -> float:
        if self.connection().pgconn.parameter_status(b"in_hot_standby") == b"off":
            return 0.0  # as the server said when it was connected to
        ((lag,),) = self.execute_sql(_REPLICATION_LAG)
        return math.inf if lag is None else float(lag)

    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        return column.collate('"C"')

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.strpos(column, text) > 0

    def _relations(self, names: set[str]) -> dict[str, bool]:
        rows = self.execute_sql(_RELATIONS, ([*names],)).fetchall()
        found = {name: kind in ("r", "p") for name, kind, _ in rows}
        if found.keys() < names:
            self._check_hidden([*names - found.keys()])
        schemas = {schema: name for name, _, schema in rows}
        if "masters" in found and len(schemas) > 1:
            where = ", ".join(f"{name} in {schema}" for schema, name in sorted(schemas.items()))
            raise RefusedError(
                f"The tables of the database {self.url} are in several schemas ({where}), so they "
                "may be those of several clusters; name one schema in the search_path."
            )
        return found

    def _check_hidden(self, names: list[str]) -> None:
        """Raise an error if one of the tables is in a schema of the path that is not usable."""
        for schema, table in self.execute_sql(_HIDDEN_TABLES, (names,)):
            hidden = f"the table {table} is in the schema {schema}, which this user may not use"
            raise self.error(server.FORBIDDEN, hidden)

    def has_unique_index(self, table: str, column: str) -> bool:
        found = self.execute_sql(
            "SELECT 1 FROM pg_index "
            "JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] "
            "WHERE indrelid = to_regclass(%s) AND indisunique AND indisvalid AND indimmediate "
            "AND indpred IS NULL AND indnkeyatts = 1 AND attname = %s",
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

    def translate(self, error: Exception) -> MastersctlError:
        if getattr(error, "sqlstate", "") == _NO_SUCH_TABLE:
            with suppress(peewee.PeeweeException, psycopg.Error):
                try:
                    self._check_hidden(["masters"])
                except DatabaseUnavailableError as hidden:
                    return hidden
        return super().translate(error)

    def kind(self, error: Exception) -> server.Kind:
        code = getattr(error, "sqlstate", None) or ""
        if str(error) == _NO_ANSWER:
            return server.SILENT
        if code not in _KINDS and code[:2] in _UNREACHABLE:
            is_ours = isinstance(error, psycopg.ProgrammingError | psycopg.DataError)
            return server.FAILED if is_ours else server.UNREACHABLE
        return _KINDS.get(code, server.FAILED)

    def message(self, error: Exception) -> str:
        return getattr(getattr(error, "diag", None), "message_primary", None) or str(error)


@contextmanager
def _understanding() -> Iterator[None]:
    """Make an error of the driver of what Python raises for an answer that makes no sense."""
    try:
        yield
    except (psycopg.Error, peewee.PeeweeException, MastersctlError):
        raise
    except Exception as error:
        raise psycopg.OperationalError(f"the server answers nonsense: {error}") from error


def _connect(conninfo: str, options: str) -> _Connection:
    # Nothing is prepared: behind a pool, the next statement may meet another session.
    parameters: dict[str, Any] = {"options": options} if options else {}
    try:
        return _Connection.connect(conninfo, autocommit=True, prepare_threshold=None, **parameters)
    except UnicodeError as error:  # psycopg lets Python resolve names, which must be IDNA
        raise psycopg.OperationalError("no host can have such a name") from error


def _parameters(url: DatabaseURL, timeout: float) -> dict[str, str]:
    parameters = {**url.parts}
    hosts = parameters.get("host", "").count(",") + 1  # libpq waits so long for each of them
    parameters.setdefault("connect_timeout", str(max(1, math.ceil(timeout / hosts))))
    parameters.setdefault("application_name", "mastersctl")
    parameters["client_encoding"] = "utf8"
    return parameters


def _options(given: str, mode: Mode, timeout: float) -> str:
    """Return the settings of the session, which so take no round trip."""
    # Row security would leave rows out in silence: without it, the server refuses instead.
    options = [
        given,
        f"-c lock_timeout={_milliseconds(timeout)}",
        "-c row_security=off",
        f"-c {'='.join(_PROOF)}",
    ]
    if mode == "read":
        options.append("-c default_transaction_read_only=on")
    return " ".join(filter(None, options))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would mean: for ever
