"""Where the database is: the first of six places that says so."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from mastersctl.basedir import DEFAULT_DB_URL, TAC, read_db_url
from mastersctl.errors import BasedirError, InvalidValueError
from mastersctl.url import DatabaseURL

DB_URL_VARIABLE = "MASTERSCTL_DB_URL"
BASEDIR_VARIABLE = "MASTERSCTL_BASEDIR"


class Location(NamedTuple):
    """A database URL, and what it was taken from, as one would say it to a user."""

    url: DatabaseURL
    source: str


def locate(db_url: str | None, basedir: str | None, environ: Mapping[str, str]) -> Location:
    """Return the database that the options, the environment or the current directory name.

    Parameters:
        db_url, basedir: the values of ``--db-url`` and ``--basedir``, None where not given.
        environ: the environment; an empty variable counts as one that is not set.

    Raises:
        InvalidValueError: the URL cannot be understood.
        BasedirError: the directory does not say where its database is.
    """
    db_url_variable = environ.get(DB_URL_VARIABLE) or None
    basedir_variable = environ.get(BASEDIR_VARIABLE) or None
    if basedir == "":  # a variable of a script that is not set, and not the current directory
        raise InvalidValueError("The value of --basedir is empty; write '.' for this directory.")
    try:
        here = os.getcwd()
    except OSError:
        raise BasedirError("The current directory does not exist any more; leave it.") from None
    if basedir is not None and os.path.isfile(basedir):
        raise InvalidValueError(f"The --basedir {basedir!r} is a file; name its directory.")
    # A relative path in a URL starts here, whichever of the two says where the directory is.
    start = os.path.abspath(basedir or basedir_variable or here)
    if db_url is not None:
        return _location(db_url, start, "--db-url")
    if basedir is not None:
        return _location(read_db_url(basedir, environ), start, f"--basedir {basedir}")
    if db_url_variable is not None:
        return _location(db_url_variable, start, f"${DB_URL_VARIABLE}")
    if basedir_variable is not None:
        text = read_db_url(basedir_variable, environ)
        return _location(text, start, f"${BASEDIR_VARIABLE}, {basedir_variable}")
    if os.path.exists(TAC):
        text = read_db_url(here, environ)
        return _location(text, here, "the current directory, a buildmaster's")
    return _location(DEFAULT_DB_URL, here, "Buildbot's default, in the current directory")


def _location(text: str, start: str, source: str) -> Location:
    try:
        return Location(DatabaseURL(text, start), source)
    except InvalidValueError as error:
        raise InvalidValueError(f"{error} It comes from {source}.") from None
