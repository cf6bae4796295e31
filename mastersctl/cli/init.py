"""``mastersctl init``"""

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.options import database_options, output_option, print_result


@click.command()
@output_option("text", "json")
@database_options
@pass_settings
def init(settings: Settings, format_: str) -> None:
    """Create the table of masters, as Buildbot creates it.

    It is the only command that creates a database file, and changes nothing where the table is
    there. 'buildbot upgrade-master' adds the other tables later, and keeps the masters. Prints
    'created' or 'unchanged'.

    \b
    Example:
      mastersctl init --db-url sqlite:///state.sqlite
    """
    from mastersctl.operations.creation import create_table

    with settings.connect("create") as connector:
        created = create_table(connector.database)
    print_result(format_, {"created": created}, "created" if created else "unchanged")
