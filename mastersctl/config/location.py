"""Locates the database: the first of six places that names one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mastersctl.config.configured import DEFAULT_DB_URL, TAC, Configured
from mastersctl.config.url import DatabaseURL
from mastersctl.errors import BasedirError, InvalidValueError

if TYPE_CHECKING:
    from mastersctl.config.execution import Executed

DB_URL_VARIABLE = "MASTERSCTL_DB_URL"
BASEDIR_VARIABLE = "MASTERSCTL_BASEDIR"
CONFIG_PYTHON_VARIABLE = "MASTERSCTL_CONFIG_PYTHON"

_EMPTY = {  # remedies for an empty value, mostly of an unset variable in a script
    "--basedir": "write '.' for this directory",
    "--config": "name a file, or leave it out",
    "--config-python": "name a Python, or leave it out",
}


class Location(NamedTuple):
    """A database URL and its source.

    Attributes:
        source: the place that names the URL, as a phrase for the user.
        notes: sentences that warn the user of unexpected dependencies of the URL.
    """

    url: DatabaseURL
    source: str
    notes: Sequence[str] = ()


def locate(
    db_url: str | None,
    basedir: str | None,
    environ: Mapping[str, str],
    config: str | None = None,
    config_python: str | None = None,
    timeout: float = 10,
) -> Location:
    """Return the database that the options, the environment or the current directory name.

    Parameters:
        db_url, basedir, config, config_python: the values of the options with these names, or None.
        environ: the environment variables; an empty variable counts as unset.
        timeout: seconds that an execution of the configuration may take.

    Raises:
        InvalidValueError: the URL is not valid.
        BasedirError: the directory does not show which database it uses.
    """
    _refuse_empty(basedir, config, config_python)
    try:
        here = os.getcwd()
    except OSError:
        raise BasedirError(
            "The current directory does not exist any more; change to another one."
        ) from None
    if basedir is not None and os.path.isfile(basedir):
        raise InvalidValueError(f"The --basedir {basedir!r} is a file; name its directory.")

    # A relative path in a URL starts here, whether the option or the variable names the directory.
    start = os.path.abspath(basedir or environ.get(BASEDIR_VARIABLE) or here)
    directory = _directory(basedir, environ, here)
    if db_url is not None:
        found = Configured(db_url, {}, "--db-url", start)
    elif directory is not None:
        from mastersctl.config.basedir import read_configuration  # late: most calls have a URL

        execute = _executing(config_python, environ, timeout)
        found = read_configuration(directory, environ, config, execute)
    elif config is not None:
        raise InvalidValueError(
            f"The --config {config!r} needs a buildmaster's directory; name that with --basedir."
        )
    elif environ.get(DB_URL_VARIABLE):
        found = Configured(environ[DB_URL_VARIABLE], {}, f"${DB_URL_VARIABLE}", start)
    else:
        source = "Buildbot's default, in the current directory"
        found = Configured(DEFAULT_DB_URL, {}, source, start)
    try:
        url = DatabaseURL(found.db_url, found.basedir, found.connect_args)
    except InvalidValueError as error:
        raise InvalidValueError(f"{error} It comes from {found.source}.") from None
    return Location(url, found.source, found.notes)


def _directory(basedir: str | None, environ: Mapping[str, str], here: str) -> str | None:
    """Return the buildmaster's directory to read; None if there is none, or a URL has priority."""
    if basedir is not None:
        return basedir
    if environ.get(DB_URL_VARIABLE):
        return None
    return environ.get(BASEDIR_VARIABLE) or (here if os.path.exists(TAC) else None)


def _refuse_empty(*values: str | None) -> None:
    for option, value in zip(_EMPTY, values, strict=True):
        if value == "":
            raise InvalidValueError(f"The value of {option} is empty; {_EMPTY[option]}.")


def _executing(
    config_python: str | None, environ: Mapping[str, str], timeout: float
) -> Callable[[str, str], Executed] | None:
    """Return a function that executes a configuration; None unless the user asked for it."""
    python = config_python or environ.get(CONFIG_PYTHON_VARIABLE)
    if not python:
        return None
    # A configuration that calls mastersctl must not be executed by it again.
    others = {name: value for name, value in environ.items() if name != CONFIG_PYTHON_VARIABLE}

    def execute(path: str, basedir: str) -> Executed:
        from mastersctl.config.execution import execute_configuration  # late: it starts a process

        return execute_configuration(python, basedir, path, others, timeout)

    return execute
