"""The context of a command: the values of the shared options, and the database."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mastersctl.cli.messages import report, warn
from mastersctl.errors import DatabaseUnavailableError, NotBuildbotDatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from mastersctl._peewee import peewee
    from mastersctl.config.location import Location
    from mastersctl.database import Mode
    from mastersctl.operations.connector import MastersConnector
    from mastersctl.output.progress import Progress

COMPLETE_VARIABLE = "_MASTERSCTL_COMPLETE"
"""The variable with which a shell asks for candidates; see `mastersctl.cli.shells`."""
DEFAULT_TIMEOUT = 10.0  # seconds


class Settings:
    """The values of the options of `database_options`, from anywhere on the command line."""

    def __init__(self) -> None:
        self.db_url: str | None = None
        self.basedir: str | None = None
        self.config: str | None = None
        self.config_python: str | None = None
        self.timeout = DEFAULT_TIMEOUT
        self.verbose = False
        self._told: set[str] = set()
        self._location: Location | None = None

    def locate(self) -> Location:
        """Return the location of the database; print each note about it once."""
        if self._location is not None:
            return self._location
        from mastersctl.config.location import CONFIG_PYTHON_VARIABLE, locate

        environ: Mapping[str, str] = os.environ
        python = self.config_python
        is_completing = bool(os.environ.get(COMPLETE_VARIABLE))
        if is_completing:  # completion executes nothing, and prints no message
            python = None
            environ = {name: os.environ[name] for name in environ if name != CONFIG_PYTHON_VARIABLE}
        location = locate(
            self.db_url, self.basedir, environ, self.config, python, timeout=self.timeout
        )
        if not is_completing:
            for note in location.notes:
                if note not in self._told:
                    warn(note)
        self._told.update(location.notes)
        if python or environ.get(CONFIG_PYTHON_VARIABLE):
            self._location = location  # else 'list --watch' would execute it at each redraw
        return location

    def prepare(self) -> None:
        """Import everything that `connect` needs, including the database driver."""
        import mastersctl.operations.connector  # noqa: F401  # late: it imports Peewee
        from mastersctl.database import database_class

        database_class(self.locate().url)

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        """Show the progress of long work on a terminal; with -v, the SQL statements show it."""
        from mastersctl.output.progress import progress

        return progress(title, None if self.verbose else sys.stderr)

    @contextmanager
    def connect(self, mode: Mode) -> Iterator[MastersConnector]:
        """Open the database, and yield the operations on its masters."""
        location = self.locate()
        if self.verbose:
            report(f"Using {location.url} (from {location.source})")

        from mastersctl.database import opened
        from mastersctl.operations.connector import MastersConnector  # late: it imports Peewee

        on_query = _report_query if self.verbose else None
        try:
            with opened(location.url, mode, self.timeout, on_query) as database:
                warning = database.warning() if mode != "read" else None
                if warning is not None:
                    warn(warning)
                yield MastersConnector(database, time.time)
        except (DatabaseUnavailableError, NotBuildbotDatabaseError) as error:
            if self.db_url is not None:
                raise
            raise type(error)(f"{error} The URL comes from {location.source}.") from error


def _report_query(event: peewee.QueryEvent) -> None:
    if event.exception is None:
        parameters = ", ".join(map(repr, event.params or ()))
        report(f"SQL: {' '.join(event.sql.split())} [{parameters}]")


pass_settings = click.make_pass_decorator(Settings)
