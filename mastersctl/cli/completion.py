"""``mastersctl completion``, and the answers to what the script that it prints asks."""

import os

import click

from mastersctl.cli.context import COMPLETE_VARIABLE
from mastersctl.cli.options import database_options
from mastersctl.cli.types import Choice
from mastersctl.errors import InvalidValueError


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
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
    from mastersctl.cli.shells import SHELLS

    # Each shell runs this when it starts, and importlib.resources takes long to import.
    path = os.path.join(os.path.dirname(__file__), "completions", SHELLS[shell].script)
    with open(path, encoding="utf-8") as script:
        click.echo(script.read(), nl=False)


def answer(group: click.Group, instruction: str) -> None:
    """Print how a command line goes on, which the shell has put into other variables.

    Parameters:
        instruction: the value of `COMPLETE_VARIABLE`.

    Raises:
        InvalidValueError: it is not what the script that the command prints asks.
    """
    from mastersctl.cli.shells import LINE_VARIABLE, SHELLS

    name, _, wish = instruction.partition("_")
    if name not in SHELLS or wish != "complete" or LINE_VARIABLE not in os.environ:
        raise InvalidValueError(
            f"The variable {COMPLETE_VARIABLE} is {instruction!r}, and is only for the script that "
            "'mastersctl completion' prints; unset it."
        )
    text = SHELLS[name](group, {}, "mastersctl", COMPLETE_VARIABLE).complete()
    click.echo(text, nl=False)
