"""``mastersctl completion``: the scripts for shells, which `mastersctl.cli.shells` answers."""

import os

import click

from mastersctl.cli.options import database_options
from mastersctl.cli.types import Choice

_SCRIPTS = {"bash": "mastersctl", "zsh": "_mastersctl", "fish": "mastersctl.fish"}


@click.command()
@click.argument("shell", type=Choice([*_SCRIPTS]))
@database_options
def completion(shell: str) -> None:
    """Print the script that completes command lines in a shell.

    \b
    Examples:
      source <(mastersctl completion bash)  # in ~/.bashrc
      source <(mastersctl completion zsh)   # in ~/.zshrc, after compinit
      mastersctl completion fish | source   # in ~/.config/fish/config.fish

    \b
    The script completes:
      - commands and options
      - output formats, fields, operators and states
      - masters, builders, workers, schedulers and change sources

    IDs and names come from the database that the command line names. The script waits at most a
    fifth of a second for the database, and prints no error.
    """
    # Each shell runs this when it starts, and importlib.resources takes long to import.
    path = os.path.join(os.path.dirname(__file__), "completions", _SCRIPTS[shell])
    with open(path, encoding="utf-8") as script:
        click.echo(script.read(), nl=False)
