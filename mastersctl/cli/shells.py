"""What bash, zsh and fish ask to complete a command line, and how each reads the answer.

Click's own scripts ask alike, but in bash they break words at ``:`` and ``=``, of which names and
filters have many, and let it expand what they insert; in zsh they forget the option before a ``=``;
in fish they cut help at a comma; and all of them put a space after a filter's ``=``.
"""

import os

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from mastersctl.cli.context import COMPLETE_VARIABLE
from mastersctl.errors import InvalidValueError

_LINE_VARIABLE = "COMP_LINE"  # which holds the command line up to the cursor
_CURSOR = "\0"  # which no command line holds
_WITH_MINUS = "--order"  # the option whose value may begin like an option


class Shell(ShellComplete):
    """What a shell asks, and how it reads the answer: a line that says of what kind, then items.

    The kind is ``plain``; or ``dir`` or ``file``, for which the shell itself looks.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        *words, last = split_arg_string(os.environ[_LINE_VARIABLE] + _CURSOR)
        # A database is where the line says once the shell has read it.
        words = [os.path.expandvars(os.path.expanduser(word)) for word in words]
        return words[1:], last.removesuffix(_CURSOR)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        before = ""
        if incomplete.startswith("--") and "=" in incomplete:
            option, _, incomplete = incomplete.partition("=")
            before, args = f"{option}=", [*args, option]
        if args[-1:] == [_WITH_MINUS]:
            items = super().get_completions(args, "")
            items = [item for item in items if item.value.startswith(incomplete)]
        else:
            items = super().get_completions(args, incomplete)
        for item in items:
            item.value = before + item.value
        return items

    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        items = self.get_completions(args, incomplete)
        if items and items[0].type != "plain":
            return f"{items[0].type}\n"
        return "".join(f"{line}\n" for line in ("plain", *self.format_all(items, incomplete)))

    def format_all(self, items: list[CompletionItem], incomplete: str) -> list[str]:
        """Return a line for each item."""
        return [self.format_completion(item) for item in items]


class _Bash(Shell):
    """Bash replaces only what comes after the last character at which it breaks words.

    It shows no help; but what it only lists need not be what it inserts.
    """

    name = "bash"

    _LISTS = ("33", "63", "64")  # what COMP_TYPE is then

    def format_all(self, items: list[CompletionItem], incomplete: str) -> list[str]:
        start = len(incomplete.removesuffix(os.environ.get("COMP_WORD", "")))
        values = [item.value[start:] for item in items]
        if len(items) < 2 or os.environ.get("COMP_TYPE") not in self._LISTS:
            return values
        width = max(map(len, values))
        columns = os.environ.get("COLUMNS", "")
        room = max(0, (int(columns) if columns.isdecimal() else 80) - width - len("  ()") - 1)
        return [
            f"{value:{width}}  ({_one_line(item)[:room]})" if item.help else value
            for value, item in zip(values, items, strict=True)
        ]


class _Zsh(Shell):
    """Zsh takes a colon for the end of the value."""

    name = "zsh"

    def format_completion(self, item: CompletionItem) -> str:
        value, help_ = (
            text.replace("\\", "\\\\").replace(":", "\\:") for text in (item.value, _one_line(item))
        )
        return f"{value}:{help_}" if help_ else value


class _Fish(Shell):
    """Fish takes a tab for the end of the value."""

    name = "fish"

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.value}\t{_one_line(item)}" if item.help else str(item.value)


def _one_line(item: CompletionItem) -> str:
    return " ".join((item.help or "").split())


_SHELLS: dict[str, type[Shell]] = {shell.name: shell for shell in (_Bash, _Zsh, _Fish)}


def answer(group: click.Group, instruction: str) -> None:
    """Print how a command line goes on, which the shell has put into other variables.

    Parameters:
        instruction: the value of `COMPLETE_VARIABLE`.

    Raises:
        InvalidValueError: it is not what the script that `mastersctl completion` prints asks.
    """
    name, _, wish = instruction.partition("_")
    if name not in _SHELLS or wish != "complete" or _LINE_VARIABLE not in os.environ:
        raise InvalidValueError(
            f"The variable {COMPLETE_VARIABLE} is {instruction!r}, and only the script of "
            "'mastersctl completion' sets it; unset it."
        )
    text = _SHELLS[name](group, {}, "mastersctl", COMPLETE_VARIABLE).complete()
    click.echo(text, nl=False)
