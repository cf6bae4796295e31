"""A buildmaster's directory into a database URL, and what goes to the driver beside it."""

from __future__ import annotations

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
        basedir: where relative paths in it start.
        notes: sentences for the user, who may not expect what the URL depends on.
    """

    db_url: str
    connect_args: Mapping[str, str | None]
    source: str
    basedir: str
    notes: Sequence[str] = ()


def read_configuration(basedir: str, environ: Mapping[str, str]) -> Configured:
    """Return what the configuration of the buildmaster in `basedir` says of its database.

    Mirrors what Buildbot does with ``buildbot.tac`` (the names ``basedir`` and ``configfile``)
    and with the config file (``c['db']``, ``c['db_url']``, else `DEFAULT_DB_URL`), but executes
    neither.

    Parameters:
        environ: the environment that Buildbot is taken to have.

    Raises:
        BasedirError: a file is missing or cannot be read, or something that matters is computed.
    """
    from mastersctl.config.reader import Reader  # late: most calls are told a URL
    from mastersctl.config.setting import Setting

    notes: list[str] = []
    basedir = os.path.abspath(basedir)
    tac_path = os.path.join(basedir, TAC)
    reader = Reader(basedir, environ, tac_path)
    tac = reader.run(tac_path)
    name = Setting(tac.slot("configfile"), "The name 'configfile'", notes)
    place = Setting(tac.slot("basedir"), "The name 'basedir'", notes)
    config_name = name.text() if name else DEFAULT_CONFIG
    if place:
        named = os.path.join(basedir, place.text())
        if os.path.isdir(named):
            basedir = named
        else:
            notes.append(
                f"{place.place}: The basedir {named!r} does not exist here; "
                f"relative paths start in {basedir}."
            )
    path = os.path.join(basedir, config_name)
    names = reader.run(path, basedir=basedir)
    if names.slot("BuildmasterConfig") is None:
        raise BasedirError(f"{path} does not define 'BuildmasterConfig'; pass --db-url.")
    config = Setting(names.slot("BuildmasterConfig"), "'BuildmasterConfig'", notes)
    db = config.get("db", "c['db']")
    engine_kwargs = None
    if db:
        engine_kwargs = db.get("engine_kwargs", "c['db']['engine_kwargs']")
    url = (db or config).get("db_url", "The database URL")
    if url:
        db_url, source = url.text(), str(url.place)
    else:
        db_url, source = DEFAULT_DB_URL, f"Buildbot's default, as {path} names no other"
    connect_args: Mapping[str, str | None] = {}
    if engine_kwargs:
        from mastersctl.config.engine import read_connect_args

        connect_args = read_connect_args(engine_kwargs, db_url)
    return Configured(db_url, connect_args, source, basedir, notes)
