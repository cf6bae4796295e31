"""``mastersctl expire-all``"""

import click

from mastersctl.cli.messages import tell, warn
from mastersctl.cli.options import (
    Settings,
    database_options,
    dry_run_option,
    output_option,
    pass_settings,
    print_result,
)
from mastersctl.errors import MastersctlError


@click.command()
@click.option("--unless-alive", is_flag=True, help="Refuse when a master looks alive.")
@dry_run_option
@output_option("text", "json")
@database_options
@pass_settings
def expire_all(settings: Settings, unless_alive: bool, dry_run: bool, format_: str) -> None:
    """Make housekeeping due for every master.

    Marks all masters active, last seen at the epoch: the next one that starts then does the
    housekeeping for all the others. The times of their last check-ins are lost. 'buildbot
    upgrade-master' of Buildbot 4.3.0 means to do the same, but does not commit it; run this after
    it, while no master runs. Masters that look alive are named in a warning. Prints 'expired N
    masters'.

    \b
    Example:
      buildbot upgrade-master /srv/bb &&
          mastersctl expire-all --basedir /srv/bb
    """
    with settings.connect("read" if dry_run else "write") as connector:
        expiry = connector.set_all_masters_active_long_time_ago(
            unless_alive=unless_alive, dry_run=dry_run
        )
    names = ", ".join(map(repr, expiry.alive))
    if expiry.refused:
        raise MastersctlError(
            f"No master was expired, because these look alive: {names}. Stop them, or leave out "
            "--unless-alive."
        )
    if expiry.alive:
        warn(f"These masters look alive, and check in again within a minute if they are: {names}.")
    if dry_run:
        tell("Dry run: nothing was changed.")
    print_result(format_, {"expired": expiry.expired}, f"expired {expiry.expired} masters")
