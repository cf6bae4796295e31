"""``mastersctl rename``"""

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import warn
from mastersctl.cli.options import (
    database_options,
    dry_run_option,
    master_argument,
    name_argument,
    output_option,
    print_result,
    report_dry_run,
    warn_of_odd_name,
)
from mastersctl.errors import InvalidValueError
from mastersctl.states import ACTIVE


@click.command()
@master_argument
@name_argument
@click.option("--force", is_flag=True, help="Rename an active master, too.")
@dry_run_option
@output_option("text", "json")
@database_options
@pass_settings
def rename(
    settings: Settings, master: int | str, name: str, force: bool, dry_run: bool, format_: str
) -> None:
    """Rename a master whose host or directory moved.

    \b
    Example:
      mastersctl rename oldhost:/srv/bb newhost:/srv/bb

    MASTER is an ID or an exact name; NAME is the new name, HOSTNAME:BASEDIR. The master keeps its
    ID and its builds. The command prints 'renamed' or 'unchanged'.

    Stop the master, rename it, and start it in its new place. The command refuses to rename an
    active master: a running master registers itself under its old name again. It also refuses a
    NAME that another master has.

    If the master already started in its new place, Buildbot added a second master for it. Then
    remove the old one with 'mastersctl remove' and '--reassign-to'.
    """
    from mastersctl.operations.renaming import rename_master

    if name.isascii() and name.isdigit():
        raise InvalidValueError(
            f"The name {name!r} looks like an ID; write HOSTNAME:BASEDIR, as Buildbot does."
        )
    warn_of_odd_name(name)
    with settings.connect("read" if dry_run else "write") as connector:
        renaming = rename_master(connector, master, name, force=force, dry_run=dry_run)
    if force and renaming.changed and renaming.previous == ACTIVE:
        warn(
            f"The master {renaming.name!r} looks alive; if it runs, it registers itself under "
            "that name again when it restarts."
        )
    if dry_run:
        report_dry_run()
    renamed = "would rename" if dry_run else "renamed"
    result = {"id": renaming.id, "name": name, "changed": renaming.changed}
    print_result(format_, result, renamed if renaming.changed else "unchanged")
