"""Reads the database URL, and the driver's arguments, from a buildmaster's directory."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mastersctl.config.configured import DEFAULT_CONFIG, DEFAULT_DB_URL, TAC, Configured
from mastersctl.config.setting import Setting, from_json
from mastersctl.errors import BasedirError
from mastersctl.reader.program import Reader

if TYPE_CHECKING:
    from mastersctl.config.execution import Executed


def read_configuration(
    basedir: str,
    environ: Mapping[str, str],
    config: str | None = None,
    execute: Callable[[str, str], Executed] | None = None,
) -> Configured:
    """Return the database settings of the buildmaster in `basedir`.

    Buildbot uses the names ``basedir`` and ``configfile`` of ``buildbot.tac``, and ``c['db']`` or
    ``c['db_url']`` of the config file, else `DEFAULT_DB_URL`. This function reads the same names,
    and executes neither file by itself.

    Parameters:
        environ: the environment variables that Buildbot would have.
        config: the path of the config file, instead of the path in ``buildbot.tac``. Either may be
            relative to the basedir.
        execute: executes the config file at a path, in a basedir, if reading it is not enough.

    Raises:
        BasedirError: a file is missing or cannot be read, or the database settings are unknown.
    """
    # The reader keeps its objects; searching them for garbage would take a fifth of the time.
    gc.disable()
    try:
        return _read(os.path.abspath(basedir), environ, config, execute)
    finally:
        gc.enable()


def _read(
    basedir: str,
    environ: Mapping[str, str],
    config: str | None,
    execute: Callable[[str, str], Executed] | None,
) -> Configured:
    reader = Reader(basedir, environ, os.path.join(basedir, TAC))
    notes: list[str] = []
    path, basedir = _read_tac(reader, basedir, config, notes)
    try:
        return _read_config(reader, path, basedir, notes)
    except BasedirError:
        if execute is None:
            raise
    return _understand(execute(path, basedir), path, basedir)


def _read_tac(
    reader: Reader, basedir: str, config: str | None, notes: list[str]
) -> tuple[str, str]:
    """Return the path of the config file, and the basedir, that ``buildbot.tac`` names."""
    names = reader.run(os.path.join(basedir, TAC))
    place = Setting(names.slot("basedir"), "The name 'basedir'", notes)
    if place:
        named = os.path.join(basedir, place.text())
        if os.path.isdir(named):
            basedir = named
        else:
            notes.append(
                f"{place.place}: The basedir {named!r} does not exist here; "
                f"relative paths start in {basedir}."
            )
    name = Setting(names.slot("configfile"), "The name 'configfile'", notes)
    if config is None:
        config = name.text() if name else DEFAULT_CONFIG
    return os.path.join(basedir, config), basedir


def _read_config(reader: Reader, path: str, basedir: str, notes: Sequence[str]) -> Configured:
    notes = [*notes]
    names = reader.run(path, basedir=basedir)
    if names.slot("BuildmasterConfig") is None:
        raise BasedirError(f"{path} does not define 'BuildmasterConfig'; pass --db-url.")
    config = Setting(names.slot("BuildmasterConfig"), "'BuildmasterConfig'", notes)
    db = config.get("db", "c['db']")
    url = (db or config).get("db_url", "The database URL")
    if url:
        db_url, source = url.text(), str(url.place)
    else:
        db_url, source = DEFAULT_DB_URL, f"Buildbot's default, as {path} names no other"
    connect_args: Mapping[str, str | None] = {}
    if db:
        connect_args = _connect_args(db.get("engine_kwargs", "c['db']['engine_kwargs']"), db_url)
    return Configured(db_url, connect_args, source, basedir, notes)


def _understand(executed: Executed, path: str, basedir: str) -> Configured:
    kwargs = from_json(executed.engine_kwargs, path, "c['db']['engine_kwargs']")
    connect_args = _connect_args(kwargs, executed.db_url)
    return Configured(executed.db_url, connect_args, f"{path}, which was executed", basedir)


def _connect_args(engine_kwargs: Setting, db_url: str) -> Mapping[str, str | None]:
    if not engine_kwargs:
        return {}
    from mastersctl.config.engine import read_connect_args  # late: few configurations have them

    return read_connect_args(engine_kwargs, db_url)
