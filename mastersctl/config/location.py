"""Where the database is: the first of six places that says so."""

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

_EMPTY = {  # what to do about an empty value: a variable of a script that is not set, mostly
    "--basedir": "write '.' for this directory",
    "--config": "name a file, or leave it out",
    "--config-python": "name a Python, or leave it out",
}


class Location(NamedTuple):
    """A database URL, and what it was taken from, as one would say it to a user.

    Attributes:
        notes: sentences for the user, who may not expect what the URL depends on.
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
        db_url, basedir, config, config_python: the values of the options that are called so, None
            where not given.
        environ: the environment; an empty variable counts as one that is not set.
        timeout: seconds that a configuration may take that is executed.

    Raises:
        InvalidValueError: the URL cannot be understood.
        BasedirError: the directory does not say where its database is.
    """
    _refuse_empty(basedir, config, config_python)
    try:
        here = os.getcwd()
    except OSError:
        raise BasedirError("The current directory does not exist any more; leave it.") from None
    if basedir is not None and os.path.isfile(basedir):
        raise InvalidValueError(f"The --basedir {basedir!r} is a file; name its directory.")

    # A relative path in a URL starts here, whichever of the two says where the directory is.
    start = os.path.abspath(basedir or environ.get(BASEDIR_VARIABLE) or here)
    directory = _directory(basedir, environ, here)
    if db_url is not None:
        found = Configured(db_url, {}, "--db-url", start)
    elif directory is not None:
        from mastersctl.config.basedir import read_configuration  # late: most are told a URL

        execute = _executing(config_python, environ, timeout)
        found = read_configuration(directory, environ, config, execute)
    elif config is not None:
        raise InvalidValueError(
            f"The --config {config!r} is that of a buildmaster's directory; name that with "
            "--basedir."
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
    """Return the buildmaster's directory whose configuration counts, unless a URL is given."""
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
    """Return what executes a configuration; None where nobody has asked for that."""
    python = config_python or environ.get(CONFIG_PYTHON_VARIABLE)
    if not python:
        return None
    # Or a configuration that calls mastersctl would be executed in it again.
    others = {name: value for name, value in environ.items() if name != CONFIG_PYTHON_VARIABLE}

    def execute(path: str, basedir: str) -> Executed:
        from mastersctl.config.execution import execute_configuration  # late: it starts a process

        return execute_configuration(python, basedir, path, others, timeout)

    return execute
