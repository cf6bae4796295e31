"""``mastersctl check``"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import report_error, sanitized
from mastersctl.cli.needs import held, warning
from mastersctl.cli.options import age_option, database_options, masters_argument, output_option
from mastersctl.cli.types import File
from mastersctl.errors import MastersctlError, listed
from mastersctl.states import ACTIVE, EXPIRE_SECONDS, EXPIRED, STALE
from mastersctl.text import visible

if TYPE_CHECKING:
    from mastersctl.operations.connector import MastersConnector
    from mastersctl.operations.health import Health
    from mastersctl.schema.master import MasterRow

OK, WARNING, CRITICAL, UNKNOWN = range(4)  # as in the guidelines for monitoring plugins
_NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class _Check(click.Command):
    """A command that exits with UNKNOWN when it fails, even on a wrong option."""

    def make_context(
        self, info_name: str | None, args: list[str], *arguments: Any, **keywords: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, [*args], *arguments, **keywords)
        except (click.UsageError, MastersctlError) as error:
            _fail(error, asked_format(args))

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.UsageError, MastersctlError, KeyboardInterrupt) as error:
            _fail(error, context.params["format_"])


@click.command(cls=_Check)
@masters_argument
@age_option("--max-age", minutes=EXPIRE_SECONDS // 60,
            help="Treat masters silent for AGE as stale.")  # fmt: skip
@click.option("--min-active", type=click.IntRange(min=0), default=1, show_default=True,
              metavar="N",
              help="Report CRITICAL when fewer than N masters are active.")  # fmt: skip
@click.option("--write", "path", metavar="FILE", type=File(),
              help="Replace FILE, atomically, with the output of -o prometheus.")  # fmt: skip
@output_option("text", "json", "prometheus")
@database_options
@pass_settings
def check(
    settings: Settings,
    masters: tuple[int | str, ...],
    max_age: float,
    min_active: int,
    path: str | None,
    format_: str,
) -> None:
    """Check the masters for a monitoring system.

    \b
    Examples:
      mastersctl check --min-active 2
      mastersctl check build1:/srv/bb build2:/srv/bb --max-age 5m
      mastersctl check -o prometheus --write /var/lib/node_exporter/bb.prom

    \b
    Exit codes, as in the guidelines for monitoring plugins:
      0  OK
      1  WARNING: a master is stale or expired, needs housekeeping, or has a
         last check-in in the future
      2  CRITICAL: fewer than N masters are active, or a MASTER is not active
      3  UNKNOWN: the database is unavailable, or the command line is wrong

    The command checks all masters, or only each MASTER that is given: an ID or an exact name. Name
    the masters that should run, or set --min-active. Otherwise check cannot distinguish a dead
    master from a stopped one: other masters mark a dead master inactive within a minute after it
    becomes stale. 'mastersctl list --help' explains when a master needs housekeeping.

    -o prometheus writes metrics for the textfile collector of node_exporter. The exit code is 0,
    whatever the metrics are. This format needs the extra 'prometheus'.

    --write prints nothing, and keeps the mode of FILE. As root, --write also keeps the owner, but
    follows no symbolic link in a directory that other users can write to: name the file itself.
    """
    if path is not None and format_ != "prometheus":
        raise click.UsageError("--write needs -o prometheus; redirect the output of other formats.")
    from mastersctl.operations.health import find_health

    with settings.connect("read") as connector:
        health = find_health(connector, masters, max_age)
        code = _judge(health, named=bool(masters), min_active=min_active)
        if format_ == "prometheus":
            code, text = OK, _metrics(connector, health, max_age)
        elif format_ == "json":
            text = _json({"status": _NAMES[code]} | _to_json(health))
        else:
            text = _line(code, _describe(health), _performance(health, bool(masters), min_active))
    if path is None:
        on_terminal = sys.stdout.isatty()
        sys.stdout.write("\n".join(map(visible, text.split("\n"))) if on_terminal else text)
    else:
        from mastersctl.output.replacing import replace  # late: only --write needs it

        replace(path, text)
    raise click.exceptions.Exit(code)


def _judge(health: Health, *, named: bool, min_active: int) -> int:
    if health.counts[ACTIVE] < min_active or (named and (health.unhealthy or health.missing)):
        return CRITICAL
    is_unsure = health.counts[STALE] or health.counts[EXPIRED] or health.in_future
    return WARNING if is_unsure or health.needing.masters else OK


def _describe(health: Health) -> str:
    parts = [", ".join(f"{count} {state}" for state, count in health.counts.items())]
    names: dict[str, list[str]] = {}
    for master in health.unhealthy:
        names.setdefault(master.state, []).append(master.name)
    if health.in_future:
        names["last active in the future"] = [master.name for master in health.in_future]
    if health.missing:
        names["no such master"] = [str(master) for master in health.missing]
    parts += [f"{what}: {listed(those)}" for what, those in names.items()]
    return "; ".join([*parts, *health.hints, *filter(None, [warning(health.needing)])])


def _performance(health: Health, named: bool, min_active: int) -> str:
    unhealthy = ";;0" if named else ";0"  # thresholds: CRITICAL above 0, or WARNING
    thresholds = {ACTIVE: f";;{min_active}:", STALE: unhealthy, EXPIRED: unhealthy}
    values = [
        f"{state}={count}{thresholds.get(state, '')}" for state, count in health.counts.items()
    ]
    needing = "U" if health.needing.unknown else len(health.needing.masters)  # U: unknown
    return " ".join([*values, f"needing_housekeeping={needing};0"])


def _line(code: int, text: str, performance: str | None = None) -> str:
    text = f"MASTERS {_NAMES[code]} - {sanitized(text)}".replace("|", r"\x7c")
    return f"{text}\n" if performance is None else f"{text} | {performance}\n"


def _json(status: dict[str, Any]) -> str:
    from json import dumps  # late: only this format needs it

    from mastersctl.output.texts import to_json

    return f"{dumps(to_json(status))}\n"


def _to_json(health: Health) -> dict[str, Any]:
    masters = {
        key: [_row_to_json(row) for row in rows]
        for key, rows in (("unhealthy", health.unhealthy), ("in_future", health.in_future))
    }
    needing = health.needing
    needy = [_row_to_json(row) | held(needing, row.id) for row in needing.masters]
    found = {"missing": health.missing, "needing_housekeeping": None if needing.unknown else needy}
    return health.counts | masters | found


def _row_to_json(row: MasterRow) -> dict[str, Any]:
    when = row.last_active and row.last_active.isoformat()
    return {"id": row.id, "name": row.name, "state": row.state, "last_active": when}


def _metrics(connector: MastersConnector, health: Health, max_age: float) -> str:
    try:
        from mastersctl.output.prometheus import FIELDS, render
    except ImportError as error:
        raise MastersctlError(
            f'The library for -o prometheus cannot be imported ({error}); install it with "pip '
            "install 'mastersctl[prometheus]'\"."
        ) from error
    from mastersctl.query.resultspec import Filter, ResultSpec

    filters = [] if health.ids is None else [Filter("id", "in", tuple(health.ids))]
    spec = ResultSpec(filters, fields=FIELDS)
    masters = connector.get_masters(spec, max_age=max_age)
    needing = None if health.needing.unknown else len(health.needing.masters)
    return render(health.counts, masters, health.missing, needing)


def asked_format(arguments: Sequence[str]) -> str:
    """Return the value of -o in a command line that is wrong, or that Click did not parse."""
    for option, value in pairwise([*arguments, ""]):
        if option in ("-o", "--output"):
            return value
        if option.startswith(("-o", "--output=")):
            return option.removeprefix("--output=").removeprefix("-o")
    return "text"


def _fail(error: BaseException, format_: str) -> NoReturn:
    text = str(error)
    if isinstance(error, click.UsageError):
        from mastersctl.cli.words import answered  # late: only a mistake needs it

        text = answered(error).format_message()
    report_unknown(text or "interrupted", format_)
    raise click.exceptions.Exit(UNKNOWN)


def report_unknown(text: str, format_: str) -> None:
    """Report UNKNOWN and its cause, in the output format of the command."""
    if format_ == "prometheus":
        report_error(text)
    elif format_ == "json":
        click.echo(_json({"status": _NAMES[UNKNOWN], "message": sanitized(text)}), nl=False)
    else:
        click.echo(_line(UNKNOWN, text), nl=False)
