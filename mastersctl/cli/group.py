"""The tree of commands; each is imported when it is looked up, and a call pays for one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

import click

from mastersctl import __version__
from mastersctl.cli.options import database_options

CHECK = "check"
SECTIONS: dict[str, dict[str, str]] = {
    "Commands to see masters": {
        "list": "List the masters.",
        "show": "Show one master, and what belongs to it.",
    },
    "Commands to repair masters": {
        "doctor": "Find damage in the database, and say how to mend it.",
        "housekeep": "Clean up after dead masters.",
        "set-state": "Check MASTER in, or mark it inactive.",
        "rename": "Give MASTER another NAME.",
        "remove": "Remove masters, all of those that are given or none.",
    },
    "Commands around an upgrade": {
        "init": "Create the table of masters, as Buildbot creates it.",
        "expire-all": "Make housekeeping due for every master.",
    },
    "Commands for scripts": {
        "find": "Print the ID of master NAME; if there is none, add it.",
        CHECK: "Say in a line, and by exit code, how the masters are.",
        "completion": "Print the script with which a shell completes command lines.",
    },
}
"""The commands by what they are for, with the first sentence of the help of each."""


class Commands(Mapping[str, click.Command]):
    """The commands by name, each from the module that is called like it."""

    _NAMES = sorted(name for section in SECTIONS.values() for name in section)

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._NAMES:
            raise KeyError(name)
        module = "list_" if name == "list" else name.replace("-", "_")
        command: click.Command = getattr(import_module(f"mastersctl.cli.{module}"), module)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._NAMES)

    def __len__(self) -> int:
        return len(self._NAMES)


class Group(click.Group):
    """The command whose commands are the others; its help imports none of them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])


@click.group(
    cls=Group,
    commands=Commands(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@database_options
def cli() -> None:
    """See, repair and script the masters of a Buildbot cluster.

    The database is the first of: --db-url; --basedir; $MASTERSCTL_DB_URL; $MASTERSCTL_BASEDIR; the
    current directory, when it is a buildmaster's; sqlite:///state.sqlite. The options below are
    accepted before and after the command.

    \b
    Examples:
      mastersctl list                        # in a buildmaster's directory
      mastersctl --basedir /srv/bb list --stale
      mastersctl expire-all                  # after buildbot upgrade-master

    \b
    Exit codes:
      0  done                     3  no such master
      1  refused or failed        4  database unreachable, locked or read-only
      2  usage error              5  not a Buildbot database
    """
