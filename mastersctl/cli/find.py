"""``mastersctl find``"""

import sys

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.messages import note
from mastersctl.cli.options import database_options, name_argument, output_option, print_result
from mastersctl.output import writer


@click.command()
@name_argument
@click.option("--no-create", is_flag=True, help="Exit with 3 instead of adding a master.")
@output_option("id", "json")
@database_options
@pass_settings
def find(settings: Settings, name: str, no_create: bool, format_: str) -> None:
    """Print the ID of the master called NAME; add it if there is none.

    It is added inactive, as a master does itself at its first start. Buildbot's names are of the
    form HOSTNAME:BASEDIR. To search for a part of a name, use 'mastersctl list'.

    \b
    Example:
      mastersctl find build1:/srv/bb
    """
    with settings.connect("read" if no_create else "write") as connector:
        found = connector.find_master_id(name, create=not no_create)
    if found.created:
        note(f"There was no master called {name!r}; it was added, inactive.")
    if format_ == "json":
        print_result(format_, found._asdict(), found.id)
    else:
        writer("id")([(found.id,)], ("id",), sys.stdout)
