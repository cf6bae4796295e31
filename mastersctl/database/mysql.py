"""MariaDB and MySQL, by PyMySQL, which needs no system library."""

import configparser
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.constants import CLIENT, CR, ER
from pymysql.cursors import Cursor

from mastersctl._peewee import peewee
from mastersctl.config.mysql_parameters import to_pymysql
from mastersctl.config.url import DatabaseURL
from mastersctl.database import Mode, Reference, Row, mysql_errors, original, server
from mastersctl.database.server import Server
from mastersctl.errors import RefusedError
from mastersctl.text import counted

_REPORT_TIMEOUT = 2  # seconds for the server to report that a lock timed out
_MAX_KEY_BYTES = 65536  # bytes of a name to sort by; TEXT has no more
_REFERRED_TO = (ER.ROW_IS_REFERENCED, ER.ROW_IS_REFERENCED_2)  # without and with the table's name
_SORT_BUFFER = 4 * 1024 * 1024  # bytes; MariaDB requires room for 15 sort keys
_SETTINGS = (  # the statements rely on these, whatever the settings of server or user
    "autocommit = 1, completion_type = 'NO_CHAIN', "
    "sql_mode = 'STRICT_ALL_TABLES', "  # or the server changes a name that it cannot store
    "foreign_key_checks = 1, unique_checks = 1, "
    "sql_select_limit = 18446744073709551615, sql_big_selects = 1, "
    "sql_safe_updates = 0, sql_auto_is_null = 0, "
    f"max_sort_length = {_MAX_KEY_BYTES}, "
    f"sort_buffer_size = {_SORT_BUFFER}, "
    "wait_timeout = 28800, lc_messages = 'en_US'"
    "/*M!100101 , max_statement_time = 0 */"  # read by MariaDB alone
    "/*!50708 , max_execution_time = 0 */"  # read by MySQL alone
)


class _Connection(pymysql.Connection):
    """A connection that is encrypted if the server offers it.

    An answer that PyMySQL cannot parse closes the connection, and raises a driver's error.
    """

    def _create_ssl_ctx(self, parameters: object) -> ssl.SSLContext:
        if parameters:
            return super()._create_ssl_ctx(parameters)  # type: ignore[misc,no-any-return]
        # Like PyMySQL's, which verifies no server, but without reading the system's certificates.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def connect(self, sock: Any = None) -> None:
        with self._understanding():
            super().connect(sock)

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:
        with self._understanding():
            return super().query(sql, unbuffered)

    def commit(self) -> None:
        with self._understanding():
            super().commit()

    def rollback(self) -> None:
        with self._understanding():
            super().rollback()

    @contextmanager
    def _understanding(self) -> Iterator[None]:
        try:
            yield
        except pymysql.Error:
            raise
        except Exception as error:
            self._force_close()  # type: ignore[attr-defined]
            raise pymysql.OperationalError(*mysql_errors.misunderstanding(error)) from error


class MysqlDatabase(Server, peewee.MySQLDatabase):
    """A MariaDB or MySQL database: no statement waits for a lock longer than the timeout."""

    server_time = peewee.SQL("UNIX_TIMESTAMP()")
    driver_error = pymysql.Error

    def __init__(self, url: DatabaseURL, mode: Mode, timeout: float) -> None:
        self.url = url
        self._mode = mode
        self.wait_timeout = timeout
        super().__init__(str(url))  # a name for Peewee; `_connect` connects

    # Connections

    def _connect(self) -> "pymysql.Connection[Any]":
        seconds = max(1, round(self.wait_timeout))  # the server takes whole seconds
        timeouts = f"innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
        parameters = to_pymysql(self.url.parts)
        try:
            connection = _Connection(
                **parameters,
                charset="utf8mb4",
                autocommit=None,  # `_SETTINGS` sets it; MySQL may report it wrongly
                client_flag=CLIENT.FOUND_ROWS,  # count unchanged rows, too, as other databases do
                init_command=f"SET SESSION {timeouts}, {_SETTINGS}",
                connect_timeout=max(self.wait_timeout, 0.1),
                read_timeout=self.wait_timeout + _REPORT_TIMEOUT,
                write_timeout=self.wait_timeout + _REPORT_TIMEOUT,
                program_name="mastersctl",
            )
        except configparser.Error as error:  # its text may show a password
            problem = f"{parameters['read_default_file']!r} is not an option file"
            raise pymysql.OperationalError(CR.CR_CONNECTION_ERROR, problem) from error
        except (OSError, ValueError) as error:  # from a file or another parameter
            raise pymysql.OperationalError(CR.CR_CONNECTION_ERROR, str(error)) from error
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION TRANSACTION {self._characteristics(cursor)}")
        return connection

    def _characteristics(self, cursor: Cursor) -> str:
        """Return the characteristics of the session's transactions."""
        if self._mode == "read":
            return "ISOLATION LEVEL READ COMMITTED, READ ONLY"
        cursor.execute("SHOW VARIABLES WHERE variable_name = 'binlog_format'")
        if "STATEMENT" not in dict(cursor.fetchall()).values():
            return "ISOLATION LEVEL READ COMMITTED, READ WRITE"
        # This format of the binary log refuses READ COMMITTED. Each change locks before it reads,
        # so it sees no old rows.
        return "ISOLATION LEVEL REPEATABLE READ, READ WRITE"

    def begin(
        self,
        isolation_level: str | None = None,
        lock_table: str | None = None,
        *,
        shared: bool = False,
    ) -> None:
        if lock_table is None or shared:
            super().begin(isolation_level)
            return
        # At this level, the lock covers the gaps between the rows, too, so none can be added.
        super().begin("REPEATABLE READ")
        try:
            self.execute_sql(f"SELECT COUNT(*) FROM {lock_table} FOR UPDATE")  # noqa: S608  # our own
        except BaseException:
            self.rollback()
            raise

    def rollback(self) -> None:
        if self.connection().open:  # a missing answer closes it
            super().rollback()

    def rows(self, query: peewee.BaseQuery) -> Iterator[Row]:
        # Read all rows at once: a MyISAM table is locked for masters while its rows are read.
        cursor = self.execute(query)
        if cursor.description is None:
            problem = mysql_errors.misunderstanding(ValueError("it has no rows"))
            raise pymysql.OperationalError(*problem)
        yield from cursor

    # SQL

    def by_code_point(self, column: peewee.ColumnBase) -> peewee.ColumnBase:
        # Not by a collation: the binary one of UTF-8 ignores spaces at the end.
        in_utf8 = peewee.fn.CONVERT(peewee.NodeList((column, peewee.SQL("USING utf8mb4"))))
        return in_utf8.cast("BINARY")

    def contains(self, column: peewee.ColumnBase, text: str) -> peewee.ColumnBase:
        return peewee.fn.LOCATE(text, column) > 0

    def create(self, model: type[peewee.Model]) -> None:
        """Create the table of masters, in one statement: here each CREATE commits on its own.

        The table has Buildbot's character set, and the engine that the URL names. The default is
        InnoDB, whereas Buildbot's is MyISAM.
        """
        engine = dict(self.url.parameters).get("storage_engine", "InnoDB")
        self.execute_sql(
            "CREATE TABLE masters (id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, "
            "name TEXT NOT NULL, name_hash VARCHAR(40) NOT NULL, active INTEGER NOT NULL, "
            "last_active INTEGER NOT NULL, UNIQUE KEY master_name_hashes (name_hash)) "
            f"ENGINE = {engine} CHARACTER SET utf8"
        )

    def insert_new(
        self, model: type[peewee.Model], row: Mapping[str, object], unique: peewee.Field
    ) -> int | None:
        table, column = model._meta.table_name, unique.column_name
        if not self.has_unique_index(table, column):  # the index detects the conflict
            missing = f"the table {table} has no unique index over {column}"
            raise self.error(server.NOT_BUILDBOTS, missing)
        try:
            id_: int = self.retried(lambda: model.insert(row).execute(self))
        except peewee.IntegrityError as error:
            if _code(original(error)) != ER.DUP_ENTRY:
                raise
            return None
        return id_

    def _relations(self, names: set[str]) -> dict[str, bool]:
        # Query the tables themselves: the catalogue leaves out tables that this user may not read.
        found = names
        if not self._is_selectable(", ".join(sorted(names))):
            found = {name for name in names if self._is_selectable(name)}
        query = (
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
        )
        tables = {name for (name,) in self.execute_sql(query)}
        return {name: name in tables for name in found}

    def _is_selectable(self, tables: str) -> bool:
        try:
            self.execute_sql(f"SELECT 1 FROM {tables} LIMIT 0")  # noqa: S608  # our own names
        except peewee.PeeweeException as error:
            if _code(original(error)) != ER.NO_SUCH_TABLE:
                raise
            return False
        return True

    def delete_unreferenced(self, model: type[peewee.Model], ids: Sequence[int]) -> None:
        if not self._may_be_referred_to(model._meta.table_name):
            super().delete_unreferenced(model, ids)
            return
        key: Any = model._meta.primary_key
        # The catalogue leaves out foreign keys of tables that this user has no right on. But the
        # server lets no ID change that such a foreign key refers to.
        moved = [-1 - id_ for id_ in ids]
        for current in (ids, moved):
            try:
                model.update({key: -1 - key}).where(key.in_(current)).execute(self)
            except peewee.IntegrityError as error:
                if _code(original(error)) not in _REFERRED_TO:
                    raise
                raise RefusedError(
                    "Nothing was removed, because rows that this user cannot see refer to one of "
                    f"these masters ({self.reason(original(error))}); use a user who can see them."
                ) from error
        # Rows with ON UPDATE CASCADE pass unnoticed; without checks, the DELETE spares them.
        self.execute_sql("SET SESSION foreign_key_checks = 0")
        try:
            super().delete_unreferenced(model, ids)
        finally:
            self.execute_sql("SET SESSION foreign_key_checks = 1")

    def _may_be_referred_to(self, table: str) -> bool:
        query = (
            "SELECT 1 FROM information_schema.tables "
            "JOIN information_schema.engines USING (engine) "
            "WHERE table_schema = DATABASE() AND table_name = %s AND transactions = 'YES'"
        )
        return bool(self.execute_sql(query, (table,)).fetchall())

    def references(self, table: str) -> list[Reference]:
        found = self.execute_sql(
            "SELECT NULLIF(table_schema, DATABASE()), table_name, column_name, "
            "referenced_column_name FROM information_schema.key_column_usage "
            "WHERE referenced_table_schema = DATABASE() AND referenced_table_name = %s",
            (table,),
        )
        # Peewee leaves % in names as it is, but PyMySQL takes it for a parameter.
        return [Reference(*(part and part.replace("%", "%%") for part in row)) for row in found]

    def warning(self) -> str | None:
        ((tables, engine),) = self.execute_sql(
            "SELECT COUNT(*), MIN(engine) FROM information_schema.tables "
            "JOIN information_schema.engines USING (engine) "
            "WHERE table_schema = DATABASE() AND transactions = 'NO'"
        )
        if not tables:
            return None
        verb = "is" if tables == 1 else "are"
        return (
            f"In the database {self.url} {counted(tables, 'table')} {verb} stored by {engine}, "
            "which has no transactions: a change that is interrupted stays half done."
        )

    # Errors

    def kind(self, error: Exception) -> server.Kind:
        sqlstate = getattr(error, "sqlstate", None)
        return mysql_errors.kind(_code(error), self.message(error), sqlstate)

    def message(self, error: Exception) -> str:
        return str(error.args[1] if len(error.args) > 1 else error)


def _code(error: Exception) -> int | None:
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None
