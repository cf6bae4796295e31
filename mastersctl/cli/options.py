"""Options and arguments that several commands share, each defined once."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mastersctl.cli.messages import tell, warn
from mastersctl.errors import (
    DatabaseUnavailableError,
    InvalidValueError,
    NotBuildbotDatabaseError,
    did_you_mean,
)
from mastersctl.values import check_text, parse_integer

if TYPE_CHECKING:
    from mastersctl._peewee import peewee
    from mastersctl.connector import MastersConnector
    from mastersctl.database import Mode
    from mastersctl.location import Location
    from mastersctl.output.progress import Progress

F = TypeVar("F", bound=Callable[..., Any])

COMPLETE_VARIABLE = "_MASTERSCTL_COMPLETE"
"""By which a shell asks how a command line goes on; see `mastersctl.cli.completion`."""
_DEFAULT_TIMEOUT = 10.0  # seconds
_LONGEST_TIMEOUT = 86400.0


class Choice(click.Choice[str]):
    """One of several words; of one that is none of them, the error asks what was meant."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        message = super().get_invalid_choice_message(value, ctx)
        return message + did_you_mean(str(value), self.choices)


class Settings:
    """What the options of `database_options` say, wherever on the command line they stand."""

    def __init__(self) -> None:
        self.db_url: str | None = None
        self.basedir: str | None = None
        self.timeout = _DEFAULT_TIMEOUT
        self.verbose = False
        self._told: set[str] = set()

    def locate(self) -> "Location":
        """Return where the database is; say once what it depends on."""
        from mastersctl.location import locate

        location = locate(self.db_url, self.basedir, os.environ)
        if not os.environ.get(COMPLETE_VARIABLE):  # who presses a key has asked for no message
            for note in location.notes:
                if note not in self._told:
                    warn(note)
        self._told.update(location.notes)
        return location

    def prepare(self) -> None:
        """Import all that `connect` needs, down to the driver of the database."""
        import mastersctl.connector  # noqa: F401  # late: with it comes Peewee
        from mastersctl.database import database_class

        database_class(self.locate().url)

    def progress(self, title: str) -> "AbstractContextManager[Progress]":
        """Show how far long work has come, on a terminal; with -v, its statements show that."""
        from mastersctl.output.progress import progress

        return progress(title, None if self.verbose else sys.stderr)

    @contextmanager
    def connect(self, mode: "Mode") -> "Iterator[MastersConnector]":
        """Open the database, and yield the operations on its masters."""
        location = self.locate()
        if self.verbose:
            tell(f"Using {location.url} (from {location.source})")

        from mastersctl.connector import MastersConnector  # late: with it comes Peewee
        from mastersctl.database import opened

        on_query = _tell_query if self.verbose else None
        try:
            with opened(location.url, mode, self.timeout, on_query) as database:
                danger = database.danger() if mode != "read" else None
                if danger is not None:
                    warn(danger)
                yield MastersConnector(database, time.time)
        except (DatabaseUnavailableError, NotBuildbotDatabaseError) as error:
            if self.db_url is not None:
                raise
            raise type(error)(f"{error} The URL comes from {location.source}.") from error


def _tell_query(event: "peewee.QueryEvent") -> None:
    if event.exception is None:
        parameters = ", ".join(map(repr, event.params or ()))
        tell(f"SQL: {' '.join(event.sql.split())} [{parameters}]")


def completed_by(name: str) -> Callable[..., list[Any]]:
    """Return the function `name` of `mastersctl.cli.candidates`, imported when a shell asks it."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
        from mastersctl.cli import candidates

        found: list[Any] = getattr(candidates, name)(context, parameter, incomplete)
        return found

    return complete


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    settings = context.ensure_object(Settings)
    if value is not None and parameter.name is not None:
        setattr(settings, parameter.name, value)


def _store_timeout(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and not 0 <= value <= _LONGEST_TIMEOUT:  # which NaN is not, either
        raise click.BadParameter(f"{value} is not between 0 and {_LONGEST_TIMEOUT:.0f}.")
    _store(context, parameter, value)


def database_options(function: F) -> F:
    """Add the options that say where the database is and how to treat it."""
    for option in (
        click.option(
            "-v", "--verbose", is_flag=True, default=None, expose_value=False, callback=_store,
            help="Say which database is used, and each statement.",
        ),
        click.option(
            "--timeout", type=float, metavar="SECONDS", expose_value=False,
            callback=_store_timeout,
            help="How long to wait for a connection, a lock or an answer.  "
            f"[default: {_DEFAULT_TIMEOUT:.0f}]",
        ),
        click.option(
            "--basedir", metavar="DIR", expose_value=False, callback=_store,
            shell_complete=completed_by("directories"),
            help="A buildmaster's directory, whose configuration is read.",
        ),
        click.option(
            "--db-url", metavar="URL", expose_value=False, callback=_store,
            help="The database, written as in master.cfg.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def output_option(*formats: str) -> Callable[[F], F]:
    """Add ``-o``; the first of `formats` is the default."""
    return click.option(
        "-o", "--output", "format_", type=Choice(formats), default=formats[0],
        show_default=True, help="How the result is written.",
    )  # fmt: skip


def age_option(*names: str, minutes: int, help: str) -> Callable[[F], F]:  # noqa: A002  # Click's
    """Add an option whose value is an age, by default `minutes`; the command gets it in seconds."""

    def parse(context: click.Context, parameter: click.Parameter, value: str | None) -> float:
        if value is None:
            return 60 * minutes
        from mastersctl.resultspec import parse_age

        return parse_age(value)

    return click.option(
        *names, metavar="AGE", callback=parse, help=f"{help}  [default: {minutes}m]"
    )


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and change nothing."
)


def _name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value:
        raise InvalidValueError("A name cannot be empty.")
    check_text(value)
    return value


def _id_or_name(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is None or isinstance(value, tuple):  # an option that is not given; several values
        return value and tuple(_id_or_name(context, parameter, one) for one in value)
    if value.isascii() and value.isdigit():
        return parse_integer(value)
    return _name(context, parameter, value)


name_argument = click.argument("name", callback=_name)
master_argument = click.argument(
    "master", callback=_id_or_name, shell_complete=completed_by("masters")
)
masters_argument = click.argument(
    "masters",
    metavar="[MASTER]...",
    nargs=-1,
    callback=_id_or_name,
    shell_complete=completed_by("masters"),
)
builder_option = click.option(
    "--builder",
    metavar="BUILDER",
    callback=_id_or_name,
    shell_complete=completed_by("builders"),
    help="Only masters to which this builder, an ID or an exact name, is linked.",
)
heir_option = click.option(
    "--reassign-to",
    "heir",
    metavar="MASTER",
    callback=_id_or_name,
    shell_complete=completed_by("masters"),
    help="Who inherits builds, and claims on finished build requests.",
)
pass_settings = click.make_pass_decorator(Settings)


def warn_of_future(name: str) -> None:
    """Say that a master is active by a last check-in that is yet to come."""
    warn(
        f"The last check-in of the master {name!r} is in the future, so it stays active until "
        "then; 'mastersctl set-state MASTER active' makes it now."
    )


def warn_of_lag(connector: "MastersConnector") -> None:
    """Say that the database is a standby, if that is so far behind that what it shows is old."""
    from mastersctl.clock import describe_lag

    behind = describe_lag(connector.replication_lag())
    if behind:
        warn(f"{behind}; what it shows may be as old.")


def print_result(format_: str, result: dict[str, Any], text: object) -> None:
    """Print what a command did: `result` as JSON on one line, or `text`."""
    if format_ == "json":
        from mastersctl.output.jsonl import write_object

        write_object(result, sys.stdout)
    else:
        click.echo(text)
