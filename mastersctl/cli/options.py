"""Options and arguments that several commands share, each defined once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mastersctl.cli.context import DEFAULT_TIMEOUT, Settings
from mastersctl.cli.messages import report, warn
from mastersctl.cli.types import Builder, Choice, Directory, File, Master, Name

if TYPE_CHECKING:
    from mastersctl.operations.connector import MastersConnector

F = TypeVar("F", bound=Callable[..., Any])

MAX_TIMEOUT = 86400.0  # seconds
SHARED = """
\b
Options of every command (see 'mastersctl --help'):
  --db-url, --basedir, --config, --config-python, --timeout, -v
"""
"""The end of each command's help."""


def _store_verbose(context: click.Context, _: click.Parameter, value: bool | None) -> None:
    if value is not None:
        context.ensure_object(Settings).verbose = value


def _store_timeout(context: click.Context, _: click.Parameter, value: float | None) -> None:
    if value is None:
        return
    if not 0 <= value <= MAX_TIMEOUT:  # NaN is out of range, too
        raise click.BadParameter(f"{value} is not between 0 and {MAX_TIMEOUT:.0f}.")
    context.ensure_object(Settings).timeout = value


def _store_basedir(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Settings).basedir = value


def _store_config(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Settings).config = value


def _store_config_python(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Settings).config_python = value


def _store_db_url(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Settings).db_url = value


class SharedOption(click.Option):
    """An option of every command; only the help of ``mastersctl`` itself lists it."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if isinstance(ctx.command, click.Group) else None


def database_options(function: F) -> F:
    """Add the options of every command: the location of the database, the timeout and -v."""
    for option in (
        click.option(
            "-v", "--verbose", cls=SharedOption, is_flag=True, default=None, expose_value=False,
            callback=_store_verbose,
            help="Report which database is used, and each SQL statement.",
        ),
        click.option(
            "--timeout", cls=SharedOption, type=float, metavar="SECONDS", expose_value=False,
            callback=_store_timeout,
            help="Wait at most SECONDS for a connection, lock or answer.  "
            f"[default: {DEFAULT_TIMEOUT:.0f}]",
        ),
        click.option(
            "--config-python", cls=SharedOption, metavar="PYTHON", type=File(), expose_value=False,
            callback=_store_config_python,
            help="Execute the configuration with Buildbot's PYTHON, if reading is not enough.",
        ),
        click.option(
            "--config", cls=SharedOption, metavar="FILE", type=File(), expose_value=False,
            callback=_store_config,
            help="Read the configuration FILE instead of the one that buildbot.tac names.",
        ),
        click.option(
            "--basedir", cls=SharedOption, metavar="DIR", type=Directory(), expose_value=False,
            callback=_store_basedir,
            help="Use the database of the buildmaster in the directory DIR.",
        ),
        click.option(
            "--db-url", cls=SharedOption, metavar="URL", expose_value=False, callback=_store_db_url,
            help="Use the database at URL, written as in master.cfg.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def output_option(*formats: str) -> Callable[[F], F]:
    """Add ``-o``; the first of `formats` is the default."""
    return click.option(
        "-o", "--output", "format_", type=Choice(formats), default=formats[0],
        show_default=True, help="Write the result in this format.",
    )  # fmt: skip


def age_option(*names: str, minutes: int, help: str) -> Callable[[F], F]:  # noqa: A002  # Click's
    """Add an option whose value is an age, by default `minutes`; the command gets it in seconds."""

    def parse(context: click.Context, parameter: click.Parameter, value: str | None) -> float:
        if value is None:
            return 60 * minutes
        from mastersctl.query.resultspec import parse_age

        return parse_age(value)

    return click.option(
        *names, metavar="AGE", callback=parse, help=f"{help}  [default: {minutes}m]"
    )


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Report what the command would do, and change nothing."
)


def report_dry_run() -> None:
    """Report, after the result of a dry run, that nothing was changed."""
    report("Dry run: nothing was changed.")


name_argument = click.argument("name", type=Name())
master_argument = click.argument("master", type=Master())
masters_argument = click.argument("masters", metavar="[MASTER]...", nargs=-1, type=Master())
builder_option = click.option(
    "--builder",
    metavar="BUILDER",
    type=Builder(),
    help="List only masters to which this builder (ID or exact name) is linked.",
)
reassign_option = click.option(
    "--reassign-to",
    "reassign_to",
    metavar="MASTER",
    type=Master(),
    help="Reassign builds, and claims on finished build requests, to MASTER.",
)


def warn_of_odd_name(name: str) -> None:
    """Warn of a name that does not have the form of Buildbot's names."""
    if not all(name.partition(":")):
        warn(f"The name {name!r} is not HOSTNAME:BASEDIR, so no master starts under it.")


def warn_of_future(name: str) -> None:
    """Warn of a master whose last check-in is in the future."""
    warn(
        f"The last check-in of the master {name!r} is in the future, so the master looks active "
        "until then; 'mastersctl set-state MASTER active' sets it to now."
    )


def warn_of_lag(connector: MastersConnector) -> None:
    """Warn of a database that is a standby and behind its primary."""
    from mastersctl.clock import describe_lag

    behind = describe_lag(connector.database.replication_lag())
    if behind:
        warn(f"{behind}; its data may be out of date.")


def print_result(format_: str, result: dict[str, Any], text: object) -> None:
    """Print the result of a command: `result` as JSON on one line, or `text`."""
    if format_ == "json":
        from mastersctl.output.jsonl import write_object

        write_object(result, sys.stdout)
    else:
        click.echo(text)
