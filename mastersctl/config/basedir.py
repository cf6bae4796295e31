"""A buildmaster's directory into a database URL, and what goes to the driver beside it."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mastersctl.errors import BasedirError

DEFAULT_CONFIG = "master.cfg"
DEFAULT_DB_URL = "sqlite:///state.sqlite"
TAC = "buildbot.tac"


class Configured(NamedTuple):
    """What a configuration says of its database.

    Attributes:
        db_url: the database URL.
        connect_args: what its driver is told beside; see `mastersctl.config.url.DatabaseURL`.
        source: where the URL stands.
        notes: sentences for the user, who may not expect what the URL depends on.
    """

    db_url: str
    connect_args: Mapping[str, str | None]
    source: str
    notes: Sequence[str] = ()


def read_configuration(basedir: str, environ: Mapping[str, str]) -> Configured:
    """Return what the configuration of the buildmaster in `basedir` says of its database.

    Mirrors what Buildbot does with ``buildbot.tac`` (the name ``configfile``) and with the config
    file (``c['db']``, ``c['db_url']``, else `DEFAULT_DB_URL`), but executes neither.

    Parameters:
        environ: the environment that Buildbot is taken to have.

    Raises:
        BasedirError: a file is missing or cannot be read, or something that matters is computed.
    """
    from mastersctl.config.configfile import ConfigFile  # late: most calls are told a URL

    tac = ConfigFile(os.path.join(basedir, TAC), environ)
    name = tac.value("configfile")
    config_name = DEFAULT_CONFIG if name is None else tac.text(name, "The name 'configfile'")
    file = ConfigFile(os.path.join(basedir, config_name), environ, tac)
    value = file.value("BuildmasterConfig")
    if value is None:
        raise BasedirError(f"{file.path} does not define 'BuildmasterConfig'; pass --db-url.")
    config = file.dictionary(value, "'BuildmasterConfig'")
    engine_kwargs = None
    if config.look_up("db") is not None:
        config = file.dictionary(config.look_up("db"), "c['db']", config.lines.get("db"))
        engine_kwargs = config.look_up("engine_kwargs")
    url = config.look_up("db_url")
    line = config.lines.get("db_url")
    place = os.path.abspath(file.path)
    if url is None and "db_url" not in config:
        db_url, source = DEFAULT_DB_URL, f"Buildbot's default, as {place} names no other"
    else:
        db_url, source = file.text(url, "The database URL", line), f"{place}:{line}"
    connect_args: Mapping[str, str | None] = {}
    if engine_kwargs is not None or "engine_kwargs" in config:
        from mastersctl.config.engine import read_connect_args

        connect_args = read_connect_args(
            file, engine_kwargs, config.lines.get("engine_kwargs"), db_url
        )
    return Configured(db_url, connect_args, source, [*tac.notes, *file.notes])
