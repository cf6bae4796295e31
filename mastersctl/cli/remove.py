"""``mastersctl remove``"""

import sys
from typing import TYPE_CHECKING

import click

from mastersctl.cli.messages import note, tell
from mastersctl.cli.options import (
    Settings,
    database_options,
    dry_run_option,
    heir_option,
    masters_argument,
    output_option,
    pass_settings,
    print_result,
)
from mastersctl.errors import listed

if TYPE_CHECKING:
    from mastersctl.connector import MasterRow
    from mastersctl.removal import Removal


@click.command()
@masters_argument
@heir_option
@click.option("--skip-used", is_flag=True, help="Leave those that have builds, remove the others.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@output_option("text", "json")
@database_options
@pass_settings
def remove(
    settings: Settings,
    masters: tuple[int | str, ...],
    heir: int | str | None,
    skip_used: bool,
    yes: bool,
    dry_run: bool,
    format_: str,
) -> None:
    """Remove masters, all of those that are given or none.

    MASTER is an ID or an exact name. Housekeeping is done for each of them first. None may be
    active. A master that builds, or claims on finished build requests, refer to is removed only if
    --reassign-to says who inherits them: no build is ever deleted.

    On a terminal it asks before it removes anything; elsewhere it needs --yes.

    \b
    Examples:
      mastersctl remove oldhost:/srv/buildbot --reassign-to newhost:/srv/buildbot
      mastersctl list --inactive --filter last_active__lt=30d -o id |
          xargs -r mastersctl remove --skip-used --yes
    """
    if not (masters or yes):  # as of 'rm -f': xargs may have nothing to pass on
        raise click.UsageError("Missing argument 'MASTER...'.")
    if heir is not None and skip_used:
        raise click.UsageError("--skip-used has no meaning with --reassign-to.")
    if not (yes or dry_run):
        _check_terminal()
        with settings.connect("read") as connector:
            _ask(
                connector.remove_masters(
                    masters, reassign_to=heir, skip_used=skip_used, dry_run=True
                )
            )
    with settings.connect("read" if dry_run else "write") as connector:
        removal = connector.remove_masters(
            masters, reassign_to=heir, skip_used=skip_used, dry_run=dry_run
        )
    if removal.skipped:
        note(f"Something refers to these masters, so they are left: {_names(removal.skipped)}.")
    if dry_run:
        tell("Dry run: nothing was changed.")
    removed = len(removal.masters)
    result = {
        "removed": removed,
        "skipped": len(removal.skipped),
        "reassigned_builds": removal.builds,
        "reassigned_claims": removal.claims,
    }
    print_result(format_, result, f"removed {removed} masters")


def _check_terminal() -> None:
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise click.UsageError("There is no terminal to ask on; pass --yes to remove masters.")


def _ask(removal: "Removal") -> None:
    """Say what is about to be done, and end the command unless it is wanted."""
    if not removal.masters:
        return
    tell(f"This removes {len(removal.masters)} masters: {_names(removal.masters)}.")
    if removal.heir:
        tell(
            f"{removal.builds} builds, and {removal.claims} claims on finished build requests, "
            f"will be those of {removal.heir.name!r}."
        )
    click.confirm("Go on?", abort=True, err=True)


def _names(masters: "list[MasterRow]") -> str:
    return listed([master.name for master in masters])
