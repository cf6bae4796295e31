"""``mastersctl completion``, and the answers to what the script that it prints asks."""

import click

from mastersctl.cli.options import COMPLETE_VARIABLE, Choice, database_options
from mastersctl.errors import InvalidValueError


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
@database_options
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands and options.

    \b
    Examples:
      source <(mastersctl completion bash)           # in ~/.bashrc
      source <(mastersctl completion zsh)            # in ~/.zshrc, after compinit
      mastersctl completion fish | source            # in ~/.config/fish/config.fish
    """
    from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

    of_shell = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    root = click.get_current_context().find_root().command
    # Not the method of its own class, which for bash starts one, to see how old it is.
    script = ShellComplete.source(of_shell(root, {}, "mastersctl", COMPLETE_VARIABLE))
    click.echo(script, nl=False)


def answer(group: click.Group, instruction: str) -> None:
    """Print how a command line goes on, which the shell has put into other variables.

    Parameters:
        instruction: the value of `COMPLETE_VARIABLE`.

    Raises:
        InvalidValueError: it is not what the script that the command prints asks.
    """
    from click.shell_completion import shell_complete

    try:
        failed = shell_complete(group, {}, "mastersctl", COMPLETE_VARIABLE, instruction)
    except (KeyError, ValueError):  # of the other variables
        failed = 1
    if failed:
        raise InvalidValueError(
            f"The variable {COMPLETE_VARIABLE} is {instruction!r}, and is only for the script that "
            "'mastersctl completion' prints; unset it."
        )
