"""``mastersctl set-state``"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import report, warn
from mastersctl.cli.options import (
    database_options,
    dry_run_option,
    master_argument,
    output_option,
    print_result,
    report_dry_run,
)
from mastersctl.cli.types import Choice
from mastersctl.states import ACTIVE
from mastersctl.text import counted, enumerated

if TYPE_CHECKING:
    from mastersctl.operations.connector import StateChange


@click.command()
@master_argument
@click.argument("state", type=Choice(["active", "inactive"]))
@dry_run_option
@output_option("text", "json")
@database_options
@pass_settings
def set_state(
    settings: Settings, master: int | str, state: str, dry_run: bool, format_: str
) -> None:
    """Mark a master active or inactive.

    \b
    Example:
      mastersctl set-state build1:/srv/bb inactive  # after it was stopped

    MASTER is an ID or an exact name. 'active' sets the last check-in of the master to now.
    'inactive' keeps the last check-in, and deletes the links of schedulers, change sources,
    builders and workers to the master.

    Stop a master before you mark it inactive. A running master becomes active again within a
    minute, but lacks its links until it restarts.

    Do not mark a dead master inactive: its unfinished builds and its claims stay behind. Running
    masters clean up only after masters that they mark inactive themselves. Wait until one does, or
    run 'mastersctl housekeep MASTER --force'. A warning reports the builds and claims that stay
    behind.

    The command prints 'changed' or 'unchanged', and on stderr the number of deleted links.
    """
    active = state == "active"
    with settings.connect("read" if dry_run else "write") as connector:
        change = connector.set_master_state(master, active, dry_run=dry_run)
    if not active and change.previous == ACTIVE:
        why = "it checked in within the last ten minutes"
        if change.in_future:
            why = "its last check-in is in the future"
        warn(
            f"The master {change.name!r} looks alive: {why}. If it runs, it becomes active again "
            "within a minute, but lacks its links until it restarts."
        )
    if change.links:
        were = "would be" if dry_run else "was" if change.links == 1 else "were"
        report(
            f"{counted(change.links, 'link')} of schedulers, change sources, builders and workers "
            f"{were} deleted."
        )
    _report_left(change, dry_run)
    if dry_run:
        report_dry_run()
    result = {"id": change.id, "active": active, "changed": change.changed}
    if not active:
        result["links_deleted"] = change.links
    changed = "would change" if dry_run else "changed"
    print_result(format_, result, changed if change.changed else "unchanged")


def _report_left(change: StateChange, dry_run: bool) -> None:
    """Warn of the builds and claims that no running master cleans up."""
    left = []
    if change.builds:
        left.append(counted(change.builds, "unfinished build"))
    if change.claims:
        left.append(f"{counted(change.claims, 'claim')} on unfinished build requests")
    if left:
        leaves = "would leave" if dry_run else "leaves"
        warn(
            f"The master {change.name!r} {leaves} behind {enumerated(left)}. No other master "
            f"cleans up after it; run 'mastersctl housekeep {change.id} --force' if it is dead."
        )
