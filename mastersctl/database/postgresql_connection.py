"""Connections to PostgreSQL: how they are made, set up, and given up."""

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

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # its warnings go to stderr else

_REPORT_TIMEOUT = 1.0  # seconds for the server to say itself that it waited too long for a lock
# Which nothing here depends on, and the server reports: a pool may drop all options in silence.
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
            self.close()  # it is of no use any more, and must not be waited for again
            raise psycopg.OperationalError(NO_ANSWER) from None


class _Target(Protocol):
    """What is connected to, of a `mastersctl.database.postgresql.PostgresqlDatabase`."""

    conninfo: str
    options: str
    given_options: str
    wait_timeout: float


class Adapter(peewee.Psycopg3Adapter):
    """Peewee's, for a Peewee that was imported without psycopg."""

    def check_driver(self) -> None:
        pass

    def connect(self, db: _Target, **params: object) -> Connection:
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


def _connect(conninfo: str, options: str) -> Connection:
    # Nothing is prepared: behind a pool, the next statement may meet another session.
    parameters: dict[str, Any] = {"options": options} if options else {}
    try:
        return Connection.connect(conninfo, autocommit=True, prepare_threshold=None, **parameters)
    except UnicodeError as error:  # psycopg lets Python resolve names, which must be IDNA
        raise psycopg.OperationalError("no host can have such a name") from error


def libpq_parameters(url: DatabaseURL, timeout: float) -> dict[str, str]:
    """Return what libpq is told of a URL, and beside it."""
    parameters = {**url.parts}
    hosts = parameters.get("host", "").count(",") + 1  # libpq waits so long for each of them
    parameters.setdefault("connect_timeout", str(max(1, math.ceil(timeout / hosts))))
    parameters.setdefault("application_name", "mastersctl")
    parameters["client_encoding"] = "utf8"
    return parameters


def session_options(given: str, mode: Mode, timeout: float) -> str:
    """Return the settings of the session, which so take no round trip.

    Parameters:
        given: those of the user, which come first.
    """
    # Row security would leave rows out in silence: without it, the server refuses instead.
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
    """Return how long to wait, as the server has it."""
    return max(1, round(seconds * 1000))  # 0 would mean: for ever
