"""What a buildmaster's directory says of its database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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
