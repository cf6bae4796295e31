"""``mastersctl housekeep``"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import note, report, warn
from mastersctl.cli.options import age_option, database_options, dry_run_option, output_option
from mastersctl.errors import MastersctlError
from mastersctl.states import EXPIRE_SECONDS

if TYPE_CHECKING:
    from mastersctl.database import Mode
    from mastersctl.operations.housekeeping import Housekept

_COUNTS = ("links", "builds", "steps", "logs", "claims")
# A master that lives checked in a minute ago, by a clock that is a minute slow, or a bit before.
_SAFE_SECONDS = 3 * 60


@click.command()
@age_option("--older-than", minutes=EXPIRE_SECONDS // 60,
            help="Who has not checked in for this long, such as 1h or 30d, is dead.")  # fmt: skip
@dry_run_option
@output_option("table", "json", "id")
@database_options
@pass_settings
def housekeep(settings: Settings, older_than: float, dry_run: bool, format_: str) -> None:
    """Clean up after dead masters.

    A master is dead when it has not checked in for ten minutes, active or not. It becomes inactive;
    the links of schedulers, change sources, builders and workers to it are deleted; its unfinished
    builds and their steps end with RETRY, and the logs of these are closed; its claims on
    unfinished build requests are released, so that other masters can build them: one that runs
    looks for these when it is reconfigured, a worker connects, or there is a new request. A master
    that starts does the same for the others, but on Buildbot 4.3.0 without the claims and the
    connected workers. Do not run it while a master is starting, which looks dead until it has
    started.

    Shows what was done for each master, and in sum, or 'nothing to do'; noughts mean that it only
    became inactive. Up to a hundred masters are one transaction, in which their age is checked
    again: each is done wholly or not at all, so the command can be interrupted, and run again. When
    the clocks of this host and of the database server differ by more than a minute, nothing is
    changed.

    \b
    Examples:
      mastersctl housekeep --dry-run
      mastersctl housekeep --older-than 1h -o json
    """
    from mastersctl.operations.housekeeping import find_dead_masters
    from mastersctl.operations.housekeeping import housekeep as clean_up

    if older_than < _SAFE_SECONDS:
        warn("Masters that live may be taken to be dead; give --older-than 3m or more.")
    done: list[Housekept] = []
    mode: Mode = "read" if dry_run else "write"
    with (
        _ended_early(done, format_, dry_run),
        settings.progress("Housekeeping") as bar,
        settings.connect(mode) as connector,
    ):
        for dead in bar.track(find_dead_masters(connector, older_than).batches()):
            for housekept in clean_up(connector, dead, dry_run=dry_run):
                done.append(housekept)  # one by one: the next one may fail
    if dry_run:
        report("Dry run: nothing was changed.")
    _write(done, format_)
    if not dry_run and any(master.claims for master in done):
        note("Run 'buildbot reconfig' to let a master that runs build what was released.")


@contextmanager
def _ended_early(done: list[Housekept], format_: str, dry_run: bool) -> Iterator[None]:
    """Show, when the command ends early, what it did until then; without the sums of it all."""
    try:
        yield
    except (MastersctlError, KeyboardInterrupt):
        if done and not dry_run:
            _write(done, format_, whole=False)
            report(f"Masters that were done before the command ended early: {len(done)}.")
        raise


def _write(done: list[Housekept], format_: str, *, whole: bool = True) -> None:
    masters = [master._asdict() for master in done]
    total = _sum(masters)
    if format_ == "id":
        from mastersctl.output.id import write_ids

        write_ids((master.id for master in done), sys.stdout)
    elif format_ == "json":
        from mastersctl.output.json import write_object

        write_object({"masters": masters} | ({"total": total} if whole else {}), sys.stdout)
    elif not done:
        click.echo("nothing to do")
    else:
        from mastersctl.output.table import write

        fields = ("id", "name", *_COUNTS)
        rows = [tuple(master[field] for field in fields) for master in masters]
        footer = ("", "total", *(total[field] for field in _COUNTS))
        write(rows, fields, sys.stdout, footer=footer if whole else ())


def _sum(masters: list[dict[str, Any]]) -> dict[str, int]:
    return {"masters": len(masters)} | {
        name: sum(master[name] for master in masters) for name in ("deactivated", *_COUNTS)
    }
