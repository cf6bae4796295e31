"""The database settings of a buildmaster's directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

DEFAULT_CONFIG = "master.cfg"
DEFAULT_DB_URL = "sqlite:///state.sqlite"
TAC = "buildbot.tac"


class Configured(NamedTuple):
    """The database settings of a configuration.

    Attributes:
        db_url: the database URL.
        connect_args: further arguments of its driver; see `mastersctl.config.url.DatabaseURL`.
        source: the place that sets the URL.
        basedir: the directory where relative paths in the URL start.
        notes: sentences that warn the user of unexpected dependencies of the URL.
    """

    db_url: str
    connect_args: Mapping[str, str | None]
    source: str
    basedir: str
    notes: Sequence[str] = ()
