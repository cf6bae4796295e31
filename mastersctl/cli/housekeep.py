"""``mastersctl housekeep``"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.master_table import left_out
from mastersctl.cli.messages import note_released, report, warn
from mastersctl.cli.options import (
    age_option,
    database_options,
    dry_run_option,
    masters_argument,
    output_option,
    report_dry_run,
)
from mastersctl.errors import MastersctlError
from mastersctl.states import ACTIVE, EXPIRE_SECONDS
from mastersctl.text import counted, enumerated

if TYPE_CHECKING:
    from mastersctl.database import Mode
    from mastersctl.operations.connector import MastersConnector
    from mastersctl.operations.dead import Dead
    from mastersctl.operations.housekeeping import Housekept

_DONE = {
    "links": ("deleted", "delete"),
    "builds": ("ended", "end"),
    "steps": ("ended", "end"),
    "logs": ("closed", "close"),
    "claims": ("released", "release"),
}
"""The verbs for what is counted: for what was done, and for a dry run."""
_DETAILS = ("steps", "logs")
"""What a narrow terminal leaves out."""
# A running master checks in every minute, and the clocks may differ by another one.
_SAFE_SECONDS = 3 * 60


@click.command()
@masters_argument
@age_option("--older-than", minutes=EXPIRE_SECONDS // 60,
            help="Treat masters silent for AGE, such as 1h or 30d, as dead.")  # fmt: skip
@click.option(
    "--force", is_flag=True, help="Treat each MASTER as dead, however recently it checked in."
)
@dry_run_option
@output_option("table", "json", "id")
@database_options
@pass_settings
def housekeep(
    settings: Settings,
    masters: tuple[int | str, ...],
    older_than: float,
    force: bool,
    dry_run: bool,
    format_: str,
) -> None:
    """Clean up after dead masters.

    \b
    Examples:
      mastersctl housekeep --dry-run
      mastersctl housekeep --older-than 1h -o json
      mastersctl housekeep oldhost:/srv/bb --force  # after it was killed

    A master is dead when it has not checked in for ten minutes, even if it is marked inactive. Do
    not run housekeep while a master is starting: a starting master looks dead.

    \b
    For each dead master, the command:
      - marks the master inactive
      - deletes the links of schedulers, change sources, builders and workers
      - ends its unfinished builds and their steps with the result RETRY
      - closes the logs of these steps
      - releases its claims, so that other masters can build the requests

    Then run 'buildbot reconfig' for a running master, so that it builds the released requests. A
    new request or a worker that connects has the same effect. A master that starts also does
    housekeeping, but Buildbot 4.3.0 leaves claims and connected workers behind.

    MASTER is an ID or an exact name. With MASTER, the command cleans up after the given masters
    only. If one of them is not dead, the command refuses, and changes nothing.

    --force treats each MASTER as dead: use it when the host is gone or the process was killed. A
    master that still runs loses its builds, and lacks its links until it restarts.

    The table counts what the command did for each master, and in total. A row of zeros means that
    it only marked the master inactive. The command prints 'nothing to do' when no master is dead,
    and reports which masters are not dead yet.

    The command can be interrupted and run again: it cleans up after a master completely or not at
    all. One transaction cleans up after up to a hundred masters, if they are still dead. Without
    --force, the command refuses when the clocks of this host and the database server differ by over
    a minute.
    """
    from mastersctl.operations.dead import why_none
    from mastersctl.operations.housekeeping import housekeep as clean_up

    if force and not masters:
        raise click.UsageError(
            "--force needs at least one MASTER; name the masters that you know to be dead."
        )
    if older_than < _SAFE_SECONDS and not force:
        warn("An age below 3m makes running masters look dead; give --older-than 3m or more.")
    done: list[Housekept] = []
    why = ""
    mode: Mode = "read" if dry_run else "write"
    with (
        _ended_early(done, format_, dry_run),
        settings.progress("Housekeeping") as bar,
        settings.connect(mode) as connector,
    ):
        every = _find(connector, masters, older_than, force)
        for dead in bar.track(every.batches()):
            for housekept in clean_up(connector, dead, dry_run=dry_run):
                done.append(housekept)  # at once: the next master may fail
        if not done and not masters and format_ == "table":
            why = why_none(connector, older_than)
    _warn_of_young(every)
    if dry_run:
        _report_planned(done)
        report_dry_run()
    _write(done, format_, why=why, dry_run=dry_run)
    if not dry_run and any(master.claims for master in done):
        note_released()


def _find(
    connector: MastersConnector, masters: Sequence[int | str], older_than: float, force: bool
) -> Dead:
    from mastersctl.operations.dead import find_dead_masters, find_named_masters

    if masters:
        return find_named_masters(connector, masters, older_than, force=force)
    return find_dead_masters(connector, older_than)


def _warn_of_young(dead: Dead) -> None:
    """Warn of active masters that --force treats as dead."""
    from mastersctl.operations.dead import last_seen

    for master in dead.young:
        if master.state == ACTIVE:
            warn(
                f"The master {master.name!r} was last seen {last_seen([master], time.time())}. If "
                "it runs, it becomes active again within a minute, but lacks its links until it "
                "restarts."
            )


@contextmanager
def _ended_early(done: list[Housekept], format_: str, dry_run: bool) -> Iterator[None]:
    """Write the table, without the sums, when the command ends early."""
    try:
        yield
    except (MastersctlError, KeyboardInterrupt):
        if done and not dry_run:
            _write(done, format_, whole=False)
            report(f"The command ended early, after {counted(len(done), 'master')}.")
        raise


def _report_planned(planned: list[Housekept]) -> None:
    """Report the sums of what a dry run would do."""
    total = _sum([master._asdict() for master in planned])
    parts = [
        f"{do} {counted(total[kind], kind.removesuffix('s'))}"
        for kind, (_, do) in _DONE.items()
        if total[kind]
    ]
    if total["deactivated"]:
        parts.insert(0, f"mark {counted(total['deactivated'], 'master')} inactive")
    if parts:
        report(f"The command would {enumerated(parts)}.")


def _write(
    done: list[Housekept],
    format_: str,
    *,
    whole: bool = True,
    why: str = "",
    dry_run: bool = False,
) -> None:
    masters = [master._asdict() for master in done]
    total = _sum(masters)
    if format_ == "id":
        from mastersctl.output.id import write_ids

        write_ids((master.id for master in done), sys.stdout)
    elif format_ == "json":
        from mastersctl.output.json import write_object

        write_object({"masters": masters} | ({"total": total} if whole else {}), sys.stdout)
    elif not done:
        click.echo(": ".join(filter(None, ("nothing to do", why))))
    else:
        from mastersctl.output.columns import Column, columns_of
        from mastersctl.output.table import write

        columns = columns_of(("id", "name"))
        for kind, (verb, infinitive) in _DONE.items():
            heading = f"{kind} to {infinitive}" if dry_run else f"{kind} {verb}"
            columns.append(Column(heading.upper(), "number", kind in _DETAILS))
        rows = [tuple(master[key] for key in ("id", "name", *_DONE)) for master in masters]
        footer = ("", "total", *(total[key] for key in _DONE)) if whole else ()
        headings = write(rows, columns, sys.stdout, footer=footer)
        if headings:
            report(left_out(headings, "-o json"))


def _sum(masters: list[dict[str, Any]]) -> dict[str, int]:
    return {"masters": len(masters)} | {
        name: sum(master[name] for master in masters) for name in ("deactivated", *_DONE)
    }
