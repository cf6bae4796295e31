"""``mastersctl expire-all``"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import can_ask, warn
from mastersctl.cli.options import (
    database_options,
    dry_run_option,
    output_option,
    print_result,
    report_dry_run,
)
from mastersctl.errors import MastersctlError, listed
from mastersctl.text import counted

if TYPE_CHECKING:
    from mastersctl.operations.connector import Expiry


@click.command()
@click.option(
    "--unless-alive", is_flag=True, help="Refuse, and change nothing, when a master looks alive."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
@output_option("text", "json")
@database_options
@pass_settings
def expire_all(
    settings: Settings, unless_alive: bool, yes: bool, dry_run: bool, format_: str
) -> None:
    """Make housekeeping due for all masters after an upgrade.

    \b
    Example:
      buildbot upgrade-master /srv/bb &&
          mastersctl expire-all --basedir /srv/bb

    Run expire-all after 'buildbot upgrade-master', while no master runs. Buildbot 4.3.0 tries to
    do this itself, but does not commit the change. The command marks all masters active, and sets
    their last check-in to the epoch: the real times are lost. The next master that starts then does
    the housekeeping for all the others. The command prints 'expired N masters'.

    While masters run, expire-all does harm. The first master that checks in treats the others as
    dead. It ends their builds, and takes over their schedulers and builders until they restart. A
    warning names the masters that look alive; on a terminal, the command asks before it goes on.
    """

    def do(*, dry_run: bool = False, unless_alive: bool = unless_alive) -> Expiry:
        with settings.connect("read" if dry_run else "write") as connector:
            return connector.set_all_masters_active_long_time_ago(
                unless_alive=unless_alive, dry_run=dry_run
            )

    if dry_run or yes or unless_alive or not can_ask():
        expiry = do(dry_run=dry_run)
    else:
        expiry = do(dry_run=True)
        if not expiry.alive:
            expiry = do(unless_alive=True)  # a master may check in at this moment
        if expiry.alive:  # nothing was changed, and no lock is held during the question
            _warn(expiry)
            click.confirm("Go on?", abort=True, err=True)
            expiry = do()._replace(alive=[])  # the warning about them was shown
    if expiry.refused:
        raise MastersctlError(
            f"No master was expired, because these look alive: {listed(expiry.alive)}. Stop them, "
            "or leave out --unless-alive."
        )
    if expiry.alive:
        _warn(expiry)
    if dry_run:
        report_dry_run()
    done = "would expire" if dry_run else "expired"
    text = f"{done} {counted(expiry.expired, 'master')}"
    print_result(format_, {"expired": expiry.expired}, text)


def _warn(expiry: Expiry) -> None:
    warn(
        f"These masters look alive: {listed(expiry.alive)}. The first master that checks in "
        "treats all others as dead: it ends their builds, and takes over their schedulers and "
        "builders until they restart."
    )
