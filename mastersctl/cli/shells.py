"""Completion in bash, zsh and fish: the request of each shell, and the answer in its format.

Click's own scripts are not used, because they fail here:

- In bash, they break words at ``:`` and ``=``, which names and filters contain. Bash also expands
  the words that they insert.
- In zsh, they drop the option before a ``=``.
- In fish, they cut the help at a comma.
- In all shells, they put a space after the ``=`` of a filter.
"""

import os

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from mastersctl.cli.context import COMPLETE_VARIABLE
from mastersctl.errors import InvalidValueError

_LINE_VARIABLE = "COMP_LINE"  # holds the command line up to the cursor
_CURSOR = "\0"  # no command line holds this character
_WITH_MINUS = "--order"  # the option whose value may begin like an option


class Shell(ShellComplete):
    """The request of a shell, and the answer: a line with the kind of the items, then the items.

    The kind is ``plain``, ``dir`` or ``file``. The shell itself finds directories and files.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        *words, last = split_arg_string(os.environ[_LINE_VARIABLE] + _CURSOR)
        # The shell expands these before a command runs, and the database depends on the result.
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
    """Bash, which replaces only the text after the last character at which it breaks words.

    Bash shows no help. So when bash lists items without inserting one, the items include the help.
    """

    name = "bash"

    _LISTS = ("33", "63", "64")  # the values of COMP_TYPE when bash lists items

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
    """Zsh, where a colon ends the value of an item."""

    name = "zsh"

    def format_completion(self, item: CompletionItem) -> str:
        value, help_ = (
            text.replace("\\", "\\\\").replace(":", "\\:") for text in (item.value, _one_line(item))
        )
        return f"{value}:{help_}" if help_ else value


class _Fish(Shell):
    """Fish, where a tab ends the value of an item."""

    name = "fish"

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.value}\t{_one_line(item)}" if item.help else str(item.value)


def _one_line(item: CompletionItem) -> str:
    return " ".join((item.help or "").split())


_SHELLS: dict[str, type[Shell]] = {shell.name: shell for shell in (_Bash, _Zsh, _Fish)}


def answer(group: click.Group, instruction: str) -> None:
    """Print the candidates for the command line, which the shell passes in other variables.

    Parameters:
        instruction: the value of `COMPLETE_VARIABLE`.

    Raises:
        InvalidValueError: no script of `mastersctl completion` sets the variables like this.
    """
    name, _, wish = instruction.partition("_")
    if name not in _SHELLS or wish != "complete" or _LINE_VARIABLE not in os.environ:
        raise InvalidValueError(
            f"The variable {COMPLETE_VARIABLE} is {instruction!r}, and only the script of "
            "'mastersctl completion' sets it; unset it."
        )
    text = _SHELLS[name](group, {}, "mastersctl", COMPLETE_VARIABLE).complete()
    click.echo(text, nl=False)
