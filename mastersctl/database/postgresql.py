"""PostgreSQL, by psycopg 3: unlike psycopg2, it can stream a result and be interrupted."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from mastersctl._peewee import peewee
from mastersctl.config.url import DatabaseURL
from mastersctl.database import (
    LateSequence,
    Mode,
    Reference,
    Row,
    original,
    postgresql_errors,
    server,
)
from mastersctl.database.postgresql_connection import (
    Adapter,
    libpq_parameters,
    milliseconds,
    session_options,
)
from mastersctl.database.postgresql_errors import (
    DUPLICATE,
    NO_SUCH_TABLE,
    sqlstate,
    understanding,
)
from mastersctl.database.postgresql_sequences import find_late, find_sequences
from mastersctl.database.server import Server
from mastersctl.errors import (
    DatabaseUnavailableError,
    InvalidValueError,
    MastersctlError,
    RefusedError,
)

_ROWS_AT_ONCE = 1000
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
# A standby that streams and has replayed all lacks nothing, however old the last change is.
_REPLICATION_LAG = """
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN 0
    WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()
        AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
END
"""


class PostgresqlDatabase(Server, peewee.PostgresqlDatabase):
    """A PostgreSQL database: no statement waits for a lock longer than the timeout."""

    psycopg2_adapter = psycopg3_adapter = Adapter
    # The time at which the statement arrived, however long it runs.
    server_time = peewee.SQL("CAST(extract(epoch FROM statement_timestamp()) AS BIGINT)")
    driver_error = psycopg.Error

    def __init__(self, url: DatabaseURL, mode: Mode, timeout: float) -> None:
        self.url = url
        self._mode = mode
        self.wait_timeout = timeout
        try:
            parameters = libpq_parameters(url, timeout)
            given = parameters.pop("options", "")
            if "service" in parameters or "PGSERVICE" in os.environ:
                self.options = given  # ours would replace the options of the service
            else:
                given = given or os.environ.get("PGOPTIONS", "")
                self.options = session_options(given, mode, timeout)
            self.given_options = given
            if "conninfo" in parameters:  # make_conninfo has a parameter of this name
                raise psycopg.ProgrammingError('invalid connection option "conninfo"')
            self.conninfo = make_conninfo("", **parameters)
        except (psycopg.Error, TypeError) as error:
            raise InvalidValueError(
                f"The database URL for {url} has a wrong part: {self.reason(error)}."
            ) from error
        super().__init__(str(url))  # a name for Peewee; connections use `conninfo`

    def begin(
        self,
        isolation_level: str | None = None,
        lock_table: str | None = None,
        *,
        shared: bool = False,
    ) -> None:
        # One round trip, which repeats options that a pool may have dropped. A change takes its
        # table lock at once: to lock a row first and the table later could deadlock.
        access = " READ ONLY" if self._mode == "read" else ""
        mode = "ROW EXCLUSIVE" if shared else "SHARE ROW EXCLUSIVE"
        lock = f"; LOCK TABLE {lock_table} IN {mode} MODE" if lock_table else ""
        try:
            self.execute_sql(
                f"BEGIN ISOLATION LEVEL {isolation_level or 'READ COMMITTED'}{access}; "
                f"SET LOCAL row_security = off; "
                f"SET LOCAL lock_timeout = {milliseconds(self.wait_timeout)}{lock}"
            )
        except BaseException:
            self.rollback()  # the first of the statements began a transaction
            raise

    def rollback(self) -> None:
        if not self.connection().closed:  # a missing answer closes it
            super().rollback()

    def rows(self, query: peewee.BaseQuery) -> Iterator[Row]:
        is_set_up = self.connection().has_settings or self.in_transaction()
        with nullcontext() if is_set_up else self.atomic():
            yield from self._stream(query)

    def _stream(self, query: peewee.BaseQuery) -> Iterator[Row]:
        sql, parameters = self.get_sql_context().sql(query).query()
        at_once = _ROWS_AT_ONCE if psycopg.capabilities.has_stream_chunked() else 1
        for hook in self.query_hooks:
            hook(peewee.QueryEvent(sql, parameters, 0.0, None))
        with self.cursor() as cursor, understanding():
            yield from cursor.stream(sql, parameters, size=at_once)

    def execute_sql(self, sql: str, params: object = None) -> Any:
        with understanding():
            return super().execute_sql(sql, params)

    def insert_new(
        self, model: type[peewee.Model], row: Mapping[str, object], unique: peewee.Field
    ) -> int | None:
        try:
            with understanding():  # also the ID, which is fetched after the statement
                return super().insert_new(model, row, unique)
        except peewee.IntegrityError as error:
            if sqlstate(original(error)) != DUPLICATE:
                raise
            sequences = find_sequences(self, ["masters"])
            if not sequences:
                raise
            raise MastersctlError(
                f"The database {self.url} gives a new master an ID that another one has "
                f"({self.reason(original(error))}), as its sequence is behind; run "
                f'"{sequences[0].mend}" in it.'
            ) from error

    def replication_lag(self) -> float:
        if self.connection().pgconn.parameter_status(b"in_hot_standby") == b"off":
            return 0.0  # as the server reported on connection
        ((lag,),) = self.execute_sql(_REPLICATION_LAG)
        return math.inf if lag is None else float(lag)

    def late_sequences(self, tables: Sequence[str]) -> list[LateSequence]:
        return find_late(self, tables)

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
        """Raise an error if a table is in a schema of the path that this user may not use."""
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
        # Peewee leaves % in names as it is, but psycopg takes it for a parameter.
        return [Reference(*(part and part.replace("%", "%%") for part in row)) for row in found]

    def translate(self, error: Exception) -> MastersctlError:
        if sqlstate(error) == NO_SUCH_TABLE:
            with suppress(peewee.PeeweeException, psycopg.Error):
                try:
                    self._check_hidden(["masters"])
                except DatabaseUnavailableError as hidden:
                    return hidden
        return super().translate(error)

    def kind(self, error: Exception) -> server.Kind:
        return postgresql_errors.kind(error)

    def message(self, error: Exception) -> str:
        return getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
