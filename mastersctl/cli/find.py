"""``mastersctl find``"""

import sys

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import report
from mastersctl.cli.options import (
    database_options,
    dry_run_option,
    name_argument,
    output_option,
    print_result,
    report_dry_run,
    warn_of_odd_name,
)
from mastersctl.output import writer


@click.command()
@name_argument
@click.option("--no-create", is_flag=True, help="Exit with code 3 instead of adding a master.")
@dry_run_option
@output_option("id", "json")
@database_options
@pass_settings
def find(settings: Settings, name: str, no_create: bool, dry_run: bool, format_: str) -> None:
    """Print the ID of a master; add the master if it is new.

    \b
    Example:
      mastersctl find build1:/srv/bb

    NAME is an exact name; Buildbot's names have the form HOSTNAME:BASEDIR. A new master is inactive
    until it starts. A note on stderr reports a new master, and the command that removes it. With
    --dry-run, the command prints no ID for a new master.

    To search for a part of a name, use 'mastersctl list --filter name__contains=TEXT'.
    """
    with settings.connect("read" if no_create or dry_run else "write") as connector:
        found = connector.find_master_id(name, create=not no_create, dry_run=dry_run)
    if found.created:
        warn_of_odd_name(name)
        if dry_run:
            report(f"Note: The master {name!r} would be added, inactive.")
        else:
            report(
                f"Note: The master {name!r} was added, inactive, with ID {found.id}; "
                f"'mastersctl remove {found.id}' removes it."
            )
    if dry_run:
        report_dry_run()
    if format_ == "json":
        print_result(format_, found._asdict(), found.id)
    elif not (dry_run and found.created):
        writer("id")([(found.id,)], ("id",), sys.stdout)
