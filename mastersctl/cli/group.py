"""The tree of commands; looking up a command imports it, so each call imports only one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import ClassVar

import click

from mastersctl import __version__
from mastersctl.cli.options import SHARED, SharedOption, database_options

CHECK = "check"
SECTIONS: dict[str, dict[str, str]] = {
    "Inspect masters": {
        "list": "List the masters and their states.",
        "show": "Show one master and what belongs to it.",
    },
    "Repair the database": {
        "housekeep": "Clean up after dead masters.",
        "doctor": "Find damage in the database; repair it with --fix.",
    },
    "Change masters": {
        "rename": "Rename a master whose host or directory moved.",
        "remove": "Remove masters that do not come back.",
        "set-state": "Mark a master active or inactive.",
    },
    "Install and upgrade": {
        "init": "Create the table of masters if it is missing.",
        "expire-all": "Make housekeeping due for all masters after an upgrade.",
    },
    "Monitor and script": {
        CHECK: "Check the masters for a monitoring system.",
        "find": "Print the ID of a master; add the master if it is new.",
        "completion": "Print the script that completes command lines in a shell.",
    },
}
"""The commands by purpose, each with the first sentence of its help."""


class Commands(Mapping[str, click.Command]):
    """The commands by name; each comes from the module of the same name."""

    _SHORT_HELP: ClassVar[dict[str, str]] = {
        name: text for section in SECTIONS.values() for name, text in section.items()
    }

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._SHORT_HELP:
            raise KeyError(name)
        module = "list_" if name == "list" else name.replace("-", "_")
        command: click.Command = getattr(import_module(f"mastersctl.cli.{module}"), module)
        command.short_help = self._SHORT_HELP[name]  # else completion would cut the long help
        command.epilog = SHARED
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._SHORT_HELP))

    def __len__(self) -> int:
        return len(self._SHORT_HELP)


class Group(click.Group):
    """The command ``mastersctl``, which has the other commands; its help imports none of them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        shared: list[tuple[str, str]] = []
        others: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                (shared if isinstance(parameter, SharedOption) else others).append(record)
        with formatter.section("Options of every command, before or after its name"):
            formatter.write_dl(shared)
        with formatter.section("Other options"):
            formatter.write_dl(others)

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

    \b
    Examples:
      mastersctl list                        # in a buildmaster's directory
      mastersctl --basedir /srv/bb list --stale
      mastersctl expire-all                  # after buildbot upgrade-master

    \b
    The database is the first of these that is given:
      1. --db-url                 4. $MASTERSCTL_BASEDIR
      2. --basedir                5. the current directory, with a buildbot.tac
      3. $MASTERSCTL_DB_URL       6. sqlite:///state.sqlite

    \b
    Exit codes:
      0  done                     3  no such master
      1  refused or failed        4  database unavailable, locked or read-only
      2  usage error              5  not a Buildbot database
    """
