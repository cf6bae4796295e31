"""``mastersctl set-state``"""

import click

from mastersctl.cli.messages import tell, warn
from mastersctl.cli.options import (
    Choice,
    Settings,
    database_options,
    dry_run_option,
    master_argument,
    output_option,
    pass_settings,
    print_result,
)
from mastersctl.state import ACTIVE


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
    """Check MASTER in, or mark it inactive.

    MASTER is an ID or an exact name. 'active' sets its last check-in to now; 'inactive' leaves
    that as it is, and deletes the links of schedulers, change sources, builders and workers to the
    master, which a master that runs makes again only when it is restarted: stop it first. It warns
    when a master that looks alive is marked inactive. Prints 'changed' or 'unchanged'.

    \b
    Example:
      mastersctl set-state build1:/srv/bb inactive
    """
    active = state == "active"
    with settings.connect("read" if dry_run else "write") as connector:
        change = connector.set_master_state(master, active, dry_run=dry_run)
    if not active and change.previous == ACTIVE:
        warn(
            f"The master {change.name!r} looks alive: it checked in within the last ten minutes. "
            "If it runs, it will be active again within a minute, but without its links until it "
            "is restarted."
        )
    if dry_run:
        tell("Dry run: nothing was changed.")
    result = {"id": change.id, "active": active, "changed": change.changed}
    print_result(format_, result, "changed" if change.changed else "unchanged")
