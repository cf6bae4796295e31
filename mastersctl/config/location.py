"""Where the database is: the first of six places that says so."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mastersctl.config.basedir import DEFAULT_DB_URL, TAC, Configured, read_configuration
from mastersctl.config.url import DatabaseURL
from mastersctl.errors import BasedirError, InvalidValueError

DB_URL_VARIABLE = "MASTERSCTL_DB_URL"
BASEDIR_VARIABLE = "MASTERSCTL_BASEDIR"


class Location(NamedTuple):
    """A database URL, and what it was taken from, as one would say it to a user.

    Attributes:
        notes: sentences for the user, who may not expect what the URL depends on.
    """

    url: DatabaseURL
    source: str
    notes: Sequence[str] = ()


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
        found = Configured(db_url, {}, "--db-url", start)
    elif basedir is not None:
        found = read_configuration(basedir, environ)
    elif db_url_variable is not None:
        found = Configured(db_url_variable, {}, f"${DB_URL_VARIABLE}", start)
    elif basedir_variable is not None:
        found = read_configuration(basedir_variable, environ)
    elif os.path.exists(TAC):
        found = read_configuration(here, environ)
    else:
        source = "Buildbot's default, in the current directory"
        found = Configured(DEFAULT_DB_URL, {}, source, start)
    try:
        url = DatabaseURL(found.db_url, found.basedir, found.connect_args)
    except InvalidValueError as error:
        raise InvalidValueError(f"{error} It comes from {found.source}.") from None
    return Location(url, found.source, found.notes)
