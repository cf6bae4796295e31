"""Connections to PostgreSQL: how to make them, set them up, and give them up."""

import logging
import math
import time
from contextlib import suppress
from typing import Any, Protocol

import psycopg
from psycopg.abc import PQGen

from mastersctl._peewee import peewee
from mastersctl.config.url import DatabaseURL
from mastersctl.database import Mode
from mastersctl.database.postgresql_errors import NO_ANSWER

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # or its warnings go to stderr

_REPORT_TIMEOUT = 1.0  # seconds for the server to report that a lock timed out
# A setting without effect here, but reported by the server: pools may silently drop options.
_PROOF = ("IntervalStyle", "sql_standard")


class Connection(psycopg.Connection[Any]):
    """A connection that gives up when the server does not answer.

    Attributes:
        has_settings: whether the settings of `session_options` hold in its session.
    """

    wait_timeout = 0.0
    has_settings = False

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        deadline = time.monotonic() + self.wait_timeout
        try:
            return super().wait(gen, interval, self.wait_timeout)
        except psycopg.OperationalError:
            if time.monotonic() < deadline:
                raise
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_REPORT_TIMEOUT)
            self.close()  # useless now, and nothing must wait for it again
            raise psycopg.OperationalError(NO_ANSWER) from None


class _Target(Protocol):
    """The part of `mastersctl.database.postgresql.PostgresqlDatabase` that a connection needs."""

    conninfo: str
    options: str
    given_options: str
    wait_timeout: float


class Adapter(peewee.Psycopg3Adapter):
    """Peewee's adapter, for a Peewee that was imported without psycopg."""

    def check_driver(self) -> None:
        pass

    def connect(self, db: _Target, **params: object) -> Connection:
        try:
            connection = _connect(db.conninfo, db.options)
        except psycopg.OperationalError as error:
            if "startup parameter" not in str(error) or db.given_options:
                raise
            connection = _connect(db.conninfo, "")  # PgBouncer refuses options
        connection.wait_timeout = db.wait_timeout + _REPORT_TIMEOUT
        reported = connection.pgconn.parameter_status(_PROOF[0].encode())
        connection.has_settings = reported == _PROOF[1].encode()
        return connection


def _connect(conninfo: str, options: str) -> Connection:
    # Prepare no statements: behind a pool, the next one may run in another session.
    parameters: dict[str, Any] = {"options": options} if options else {}
    try:
        return Connection.connect(conninfo, autocommit=True, prepare_threshold=None, **parameters)
    except UnicodeError as error:  # Python resolves names for psycopg, and wants IDNA
        raise psycopg.OperationalError("no host can have such a name") from error


def libpq_parameters(url: DatabaseURL, timeout: float) -> dict[str, str]:
    """Return the parameters for libpq: those of the URL, and mastersctl's own."""
    parameters = {**url.parts}
    hosts = parameters.get("host", "").count(",") + 1  # libpq waits this long for each
    parameters.setdefault("connect_timeout", str(max(1, math.ceil(timeout / hosts))))
    parameters.setdefault("application_name", "mastersctl")
    parameters["client_encoding"] = "utf8"
    return parameters


def session_options(given: str, mode: Mode, timeout: float) -> str:
    """Return the session's settings as options, which take no round trip.

    Parameters:
        given: the user's options, which come first.
    """
    # Row security silently leaves rows out. With it off, the server refuses such queries instead.
    options = [
        given,
        f"-c lock_timeout={milliseconds(timeout)}",
        "-c row_security=off",
        f"-c {'='.join(_PROOF)}",
    ]
    if mode == "read":
        options.append("-c default_transaction_read_only=on")
    return " ".join(filter(None, options))


def milliseconds(seconds: float) -> int:
    """Return seconds as milliseconds, the unit of the server's timeouts."""
    return max(1, round(seconds * 1000))  # 0 would mean to wait for ever
