"""``mastersctl completion``: the scripts, which ask `mastersctl.cli.shells`."""

import os

import click

from mastersctl.cli.options import database_options
from mastersctl.cli.types import Choice

_SCRIPTS = {"bash": "mastersctl", "zsh": "_mastersctl", "fish": "mastersctl.fish"}


@click.command()
@click.argument("shell", type=Choice([*_SCRIPTS]))
@database_options
def completion(shell: str) -> None:
    """Print the script with which a shell completes command lines.

    It completes commands and options; formats, fields, operators and states; and masters and
    builders, by ID or by name, from the database that the command line so far names. It waits a
    fifth of a second for a database, and is silent when there is none.

    \b
    Examples:
      source <(mastersctl completion bash)  # in ~/.bashrc
      source <(mastersctl completion zsh)   # in ~/.zshrc, after compinit
      mastersctl completion fish | source   # in ~/.config/fish/config.fish
    """
    # Each shell runs this when it starts, and importlib.resources takes long to import.
    path = os.path.join(os.path.dirname(__file__), "completions", _SCRIPTS[shell])
    with open(path, encoding="utf-8") as script:
        click.echo(script.read(), nl=False)
