"""A buildmaster's directory into a database URL."""

import os
from collections.abc import Mapping

from mastersctl.errors import BasedirError

DEFAULT_CONFIG = "master.cfg"
DEFAULT_DB_URL = "sqlite:///state.sqlite"
TAC = "buildbot.tac"


def read_db_url(basedir: str, environ: Mapping[str, str]) -> str:
    """Return the database URL that the configuration of the buildmaster in `basedir` holds.

    Mirrors what Buildbot does with ``buildbot.tac`` (the name ``configfile``) and with the config
    file (``c['db']['db_url']``, ``c['db_url']``, else `DEFAULT_DB_URL`), but executes neither.

    Raises:
        BasedirError: a file is missing or cannot be read, or the URL is computed.
    """
    from mastersctl.configfile import ConfigFile  # late: most calls are told a URL

    tac = ConfigFile(os.path.join(basedir, TAC), environ)
    name = tac.value("configfile")
    config_name = DEFAULT_CONFIG if name is None else tac.text(name, "The name 'configfile'")
    file = ConfigFile(os.path.join(basedir, config_name), environ)
    value = file.value("BuildmasterConfig")
    if value is None:
        raise BasedirError(f"{file.path} does not define 'BuildmasterConfig'; pass --db-url.")
    config = file.dictionary(value, "'BuildmasterConfig'")
    if config.look_up("db") is not None:
        config = file.dictionary(config.look_up("db"), "c['db']", config.lines.get("db"))
    url = config.look_up("db_url")
    if url is None and "db_url" not in config:
        return DEFAULT_DB_URL
    return file.text(url, "The database URL", config.lines.get("db_url"))
