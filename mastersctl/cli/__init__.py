"""The command line: argv in, text and an exit code out. Nothing else prints or exits."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from mastersctl import __version__
from mastersctl.cli.expire_all import expire_all
from mastersctl.cli.find import find
from mastersctl.cli.init import init
from mastersctl.cli.list_ import list_
from mastersctl.cli.options import database_options
from mastersctl.cli.set_state import set_state
from mastersctl.cli.show import show
from mastersctl.errors import MastersctlError
from mastersctl.visible import visible


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
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


for command in (init, find, set_state, show, list_, expire_all):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command that the arguments of this process name, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command, print its result or its error, and return the exit code."""
    if sys.stdout is None:  # closed by the caller: say so before anything is changed
        _complain("Error: Standard output is closed; redirect it to /dev/null to discard it.")
        return MastersctlError.exit_code
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what cannot be encoded is escaped, never an error
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError as error:
        # Nothing can be printed any more; neither must Python try to when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:  # the reader has seen enough: `mastersctl list | head -1`
            _complain(f"Error: The output cannot be written: {error.strerror}.")
        return MastersctlError.exit_code
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        return cli.main(list(arguments), prog_name="mastersctl", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        _complain("Aborted.")
        return MastersctlError.exit_code
    except MastersctlError as error:
        _complain(f"Error: {visible(str(error))}")
        return error.exit_code


def _complain(message: str) -> None:
    click.echo(message, err=True)
