"""``mastersctl check``"""

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mastersctl.cli.messages import complain, harmless
from mastersctl.cli.options import (
    Settings,
    age_option,
    database_options,
    masters_argument,
    output_option,
    pass_settings,
)
from mastersctl.errors import MastersctlError, listed
from mastersctl.state import ACTIVE, EXPIRE_SECONDS, EXPIRED, STALE

if TYPE_CHECKING:
    from mastersctl.connector import Health, MastersConnector

OK, WARNING, CRITICAL, UNKNOWN = range(4)  # as the monitoring plugins' guidelines have them
_NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class _Check(click.Command):
    """A command each failure of which, a wrong option included, is UNKNOWN."""

    def make_context(self, *arguments: Any, **keywords: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **keywords)
        except (click.UsageError, MastersctlError) as error:
            _fail(error, "text")

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.UsageError, MastersctlError, KeyboardInterrupt) as error:
            _fail(error, context.params["format_"])


@click.command(cls=_Check)
@masters_argument
@age_option("--max-age", default=f"{EXPIRE_SECONDS // 60}m",
            help="For how long a master is not stale after it checked in.")  # fmt: skip
@click.option("--min-active", type=click.IntRange(min=0), default=1, show_default=True,
              metavar="N", help="How many masters must be active.")  # fmt: skip
@click.option("--write", "path", metavar="FILE",
              help="Replace this file, at once, instead of printing.")  # fmt: skip
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
    """Say in a line, and by exit code, how the masters are.

    \b
    Exit codes, as the guidelines for monitoring plugins have them:
      0  OK
      1  WARNING: a master is stale or expired
      2  CRITICAL: fewer than N masters are active, or a MASTER is not
      3  UNKNOWN: the database cannot be asked, or the command line is wrong

    MASTER is an ID or an exact name; where there are any, the others do not matter. Beside masters
    that run, one that dies is stale only until they mark it inactive, ten minutes later: name those
    that should run, or say how many.

    With -o prometheus, for which the extra 'prometheus' must be installed, metrics are written, and
    the exit code is 0 whatever they say.

    \b
    Examples:
      mastersctl check --min-active 2
      mastersctl check build1:/srv/buildbot build2:/srv/buildbot --max-age 5m
      mastersctl check -o prometheus --write /var/lib/node_exporter/buildbot.prom
    """
    with settings.connect("read") as connector:
        health = connector.check(masters, max_age)
        code = _judge(health, named=bool(masters), min_active=min_active)
        if format_ == "prometheus":
            code, text = OK, _metrics(connector, health, max_age)
        elif format_ == "json":
            text = json.dumps({"status": _NAMES[code]} | _to_json(health)) + "\n"
        else:
            text = _line(code, _describe(health), _performance(health, min_active))
    _put(text, path)
    raise click.exceptions.Exit(code)


def _judge(health: "Health", *, named: bool, min_active: int) -> int:
    if health.counts[ACTIVE] < min_active or (named and (health.unhealthy or health.missing)):
        return CRITICAL
    return WARNING if health.counts[STALE] or health.counts[EXPIRED] else OK


def _describe(health: "Health") -> str:
    parts = [", ".join(f"{count} {state}" for state, count in health.counts.items())]
    names: dict[str, list[str]] = {}
    for master in health.unhealthy:
        names.setdefault(master.state, []).append(master.name)
    if health.missing:
        names["not there"] = [str(master) for master in health.missing]
    return "; ".join(parts + [f"{what}: {listed(those)}" for what, those in names.items()])


def _performance(health: "Health", min_active: int) -> str:
    thresholds = {ACTIVE: f";;{min_active}:", STALE: ";0", EXPIRED: ";0"}
    return " ".join(
        f"{state}={count}{thresholds.get(state, '')}" for state, count in health.counts.items()
    )


def _line(code: int, text: str, performance: str | None = None) -> str:
    text = f"MASTERS {_NAMES[code]} - {harmless(text)}".replace("|", r"\x7c")
    return f"{text}\n" if performance is None else f"{text} | {performance}\n"


def _to_json(health: "Health") -> dict[str, Any]:
    unhealthy = [
        {"id": row.id, "name": row.name, "state": row.state,
         "last_active": row.last_active and row.last_active.isoformat()}
        for row in health.unhealthy
    ]  # fmt: skip
    return health.counts | {"unhealthy": unhealthy, "missing": health.missing}


def _metrics(connector: "MastersConnector", health: "Health", max_age: float) -> str:
    try:
        from mastersctl.output.prometheus import FIELDS, render
    except ImportError as error:
        raise MastersctlError(
            f'The library for -o prometheus cannot be imported ({error}); install it with "pip '
            "install 'mastersctl[prometheus]'\"."
        ) from error
    from mastersctl.resultspec import Filter, ResultSpec

    filters = [] if health.ids is None else [Filter("id", "in", tuple(health.ids))]
    spec = ResultSpec(filters, fields=FIELDS)
    return render(health.counts, connector.get_masters(spec, max_age=max_age))


def _put(text: str, path: str | None) -> None:
    """Print the text, or put it in the place of a file, which is never seen half written."""
    if path is None:
        click.echo(text, nl=False)
        return
    try:
        directory, name = os.path.split(path)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="surrogateescape", dir=directory or ".",
            prefix=f".{name}.", delete=False,
        ) as file:  # fmt: skip
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, 0o644)  # others read it
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise MastersctlError(
            f"The file {path!r} cannot be written ({error.strerror}); check its directory."
        ) from error


def _fail(error: BaseException, format_: str) -> NoReturn:
    """Say that nothing is known, where whoever reads the format looks for it, and end."""
    text = error.format_message() if isinstance(error, click.UsageError) else str(error)
    text = text or "interrupted"
    if format_ == "prometheus":
        complain(text)
    elif format_ == "json":
        click.echo(json.dumps({"status": _NAMES[UNKNOWN], "message": text}))
    else:
        click.echo(_line(UNKNOWN, text), nl=False)
    raise click.exceptions.Exit(UNKNOWN)
