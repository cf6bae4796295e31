"""``mastersctl init``"""

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.options import database_options, output_option, print_result


@click.command()
@output_option("text", "json")
@database_options
@pass_settings
def init(settings: Settings, format_: str) -> None:
    """Create the table of masters if it is missing.

    \b
    Example:
      mastersctl init --db-url sqlite:///state.sqlite

    The command prints 'created' or 'unchanged'. No other command creates a database file. Run
    'buildbot upgrade-master' afterwards: it adds the other tables, and keeps the masters.
    """
    from mastersctl.operations.creation import create_table

    with settings.connect("create") as connector:
        created = create_table(connector.database)
    print_result(format_, {"created": created}, "created" if created else "unchanged")
