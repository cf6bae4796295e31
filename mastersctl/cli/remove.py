"""``mastersctl remove``"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import can_ask, note, report
from mastersctl.cli.options import (
    database_options,
    dry_run_option,
    masters_argument,
    output_option,
    print_result,
    reassign_option,
    report_dry_run,
)
from mastersctl.text import counted

if TYPE_CHECKING:
    from mastersctl.operations.removal import Removal
    from mastersctl.schema.master import MasterRow

_MAX_ENUMERATED = 50  # masters that a message lists


@click.command()
@masters_argument
@reassign_option
@click.option(
    "--skip-used",
    is_flag=True,
    help="Skip masters that rows still refer to, and remove the others.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
@output_option("text", "json")
@database_options
@pass_settings
def remove(
    settings: Settings,
    masters: tuple[int | str, ...],
    reassign_to: int | str | None,
    skip_used: bool,
    yes: bool,
    dry_run: bool,
    format_: str,
) -> None:
    """Remove masters that do not come back.

    \b
    Examples:
      mastersctl remove oldhost:/srv/bb --reassign-to newhost:/srv/bb
      mastersctl list --inactive --older-than 30d -o id |
          xargs mastersctl remove --skip-used --yes

    MASTER is an ID or an exact name. The command removes all given masters, or none. It does the
    housekeeping for each of them first, and never deletes a build. The command prints 'removed N
    masters'.

    \b
    The command refuses to remove a master that:
      - is active or starting: stop it, or wait ten minutes after it died
      - has builds, or claims on finished build requests: name the master that
        inherits them with --reassign-to
      - other rows refer to by a foreign key

    With --skip-used, the command skips masters with such builds, claims or rows.

    On a terminal, the command asks before it removes a master; elsewhere it needs --yes. With
    --yes, an empty list of masters is no error.
    """
    if not (masters or yes or dry_run):  # as with 'rm -f': xargs may pass no masters
        raise click.UsageError("Missing argument 'MASTER...'.")

    from mastersctl.operations.removal import remove_masters

    def do(*, dry_run: bool) -> Removal:
        with (
            settings.progress("Checking" if dry_run else "Removing"),
            settings.connect("read" if dry_run else "write") as connector,
        ):
            return remove_masters(
                connector, masters, reassign_to=reassign_to, skip_used=skip_used, dry_run=dry_run
            )

    if not (yes or dry_run):
        _require_terminal()
        _announce(planned := do(dry_run=True))
        if planned.masters:
            click.confirm("Go on?", abort=True, err=True)
    removal = do(dry_run=dry_run)
    if dry_run:
        _announce(removal)
        report_dry_run()
    elif yes and removal.skipped:
        them = "it" if len(removal.skipped) == 1 else "them"
        skipped = counted(len(removal.skipped), "master")
        note(f"Skipped {skipped}, because rows still refer to {them}.")
    done = "would remove" if dry_run else "removed"
    text = f"{done} {counted(len(removal.masters), 'master')}"
    print_result(format_, _to_json(removal), text)


def _require_terminal() -> None:
    if not can_ask():
        raise click.UsageError(
            "There is no terminal for the confirmation; pass --yes to remove masters."
        )


def _announce(removal: Removal) -> None:
    """Report what the command is about to do."""
    _enumerate("Masters to remove, after housekeeping for them", removal.masters)
    if target := removal.reassigned_to:
        report(
            f"Master {target.id}, {target.name!r}, would inherit "
            f"{counted(removal.builds, 'build')} and {counted(removal.claims, 'claim')} on "
            "finished build requests."
        )
    _enumerate("Masters to skip, because rows still refer to them", removal.skipped)


def _enumerate(title: str, masters: list[MasterRow]) -> None:
    if masters:
        report(f"{title}: {len(masters)}")
    for master in masters[:_MAX_ENUMERATED]:
        report(f"  {master.id}  {master.name!r}")
    if len(masters) > _MAX_ENUMERATED:
        report("  ...")


def _to_json(removal: Removal) -> dict[str, object]:
    return {
        "removed": len(removal.masters),
        "skipped": len(removal.skipped),
        "reassigned_builds": removal.builds,
        "reassigned_claims": removal.claims,
        "masters": [
            {"id": master.id, "name": master.name, "removed": removed}
            for masters, removed in ((removal.masters, True), (removal.skipped, False))
            for master in masters
        ],
    }
