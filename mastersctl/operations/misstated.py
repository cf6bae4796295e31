"""Rows of masters that contradict themselves: the hash of another name, or a future check-in."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from mastersctl.clock import TOLERANCE, check_clock
from mastersctl.operations.lookup import COLUMNS, Lookup, row_of
from mastersctl.schema.master import Master, MasterRow
from mastersctl.schema.stored import text


class Misstated(NamedTuple):
    """Masters whose rows contradict themselves.

    Attributes:
        misnamed: those whose ``name_hash`` is not that of the name, each with the right one.
        namesakes: those whose right one is another master's, each with the ID of that.
        ahead: those that were last active over a minute in the future.
        now: what the server's clock says, or that of this host where there is no server.
    """

    misnamed: list[tuple[MasterRow, str]]
    namesakes: list[tuple[MasterRow, int]]
    ahead: list[MasterRow]
    now: int


def find_misstated(lookup: Lookup) -> Misstated:
    """Return the masters whose rows contradict themselves; all rows are read.

    Raises:
        ClockError: this host's clock and the database server's differ.
        ReplicationLagError: the database is a standby that is behind.
        InterruptedUpgradeError: an upgrade was interrupted.
    """
    database, host_time = lookup.database, lookup.clock()
    query = Master.select(*COLUMNS, lookup.state(), database.server_time).order_by(Master.id)
    owners: dict[str, int] = {}
    wrong: list[tuple[MasterRow, str]] = []
    namesakes: list[tuple[MasterRow, int]] = []
    ahead: list[MasterRow] = []
    now: int | None = None
    for *row, server_time in database.rows(query):
        if now is None:
            now = int(host_time if server_time is None else server_time)
            check_clock(host_time, server_time)
        id_, name, digest, _active, last_active, _state = row
        right = _name_hash(name)
        if digest != right:
            wrong.append((row_of(*row), right))
        elif owners.setdefault(right, id_) != id_:  # without the unique index
            namesakes.append((row_of(*row), owners[right]))
        if not isinstance(last_active, int | float) or last_active > now + TOLERANCE:
            ahead.append(row_of(*row))
    lookup.check_times(host_time, None)
    misnamed: list[tuple[MasterRow, str]] = []
    for master, right in wrong:
        owner = owners.setdefault(right, master.id)
        if owner == master.id:
            misnamed.append((master, right))
        else:
            namesakes.append((master, owner))
    return Misstated(misnamed, namesakes, ahead, now or lookup.now())


def _name_hash(name: object) -> str:
    """Return the hash of a name, be it UTF-8 or not."""
    encoded = text(name).encode(errors="surrogateescape")
    return hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
