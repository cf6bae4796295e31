"""Rows of masters that contradict themselves: the hash of another name, or a future check-in."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from mastersctl.clock import TOLERANCE, check_clock
from mastersctl.operations.lookup import COLUMNS, Lookup, row_of
from mastersctl.schema.master import Master, MasterRow
from mastersctl.schema.stored import text

_MAX_HASHES = 10_000  # of one statement


class Misstated(NamedTuple):
    """Masters whose rows contradict themselves.

    Attributes:
        misnamed: those whose ``name_hash`` is not that of the name, each with the right one.
        namesakes: those of them whose right one is another master's, each with the ID of that.
        ahead: those that were last active over a minute in the future.
        now: what the server's clock says, or that of this host where there is no server.
    """

    misnamed: list[tuple[MasterRow, str]]
    namesakes: list[tuple[MasterRow, int]]
    ahead: list[MasterRow]
    now: int


def find_misstated(lookup: Lookup, *, lock: bool = False) -> Misstated:
    """Return the masters whose rows contradict themselves; all rows are read.

    Parameters:
        lock: their rows, in the transaction of the caller.

    Raises:
        ClockError: this host's clock and the database server's differ.
        ReplicationLagError: the database is a standby that is behind.
        InterruptedUpgradeError: an upgrade was interrupted.
    """
    database, host_time = lookup.database, lookup.clock()
    query = Master.select(*COLUMNS, lookup.state(), database.server_time).order_by(Master.id)
    wrong: list[tuple[MasterRow, str]] = []
    ahead: list[MasterRow] = []
    now: int | None = None
    for *row, server_time in database.rows(lookup.locking(query) if lock else query):
        if now is None:
            now = int(host_time if server_time is None else server_time)
            check_clock(host_time, server_time)
        _id, name, digest, _active, last_active, _state = row
        right = _name_hash(name)
        if digest != right:
            wrong.append((row_of(*row), right))
        if not isinstance(last_active, int | float) or last_active > now + TOLERANCE:
            ahead.append(row_of(*row))
    lookup.check_times(host_time, None)
    return _sorted_out(lookup, wrong)._replace(ahead=ahead, now=now or lookup.now())


def _sorted_out(lookup: Lookup, wrong: list[tuple[MasterRow, str]]) -> Misstated:
    """Return which of the masters can get the right hash, and which have namesakes."""
    misnamed: list[tuple[MasterRow, str]] = []
    namesakes: list[tuple[MasterRow, int]] = []
    owners: dict[str, int] = {}
    ids = {master.id for master, _ in wrong}
    hashes = [right for _, right in wrong]
    for start in range(0, len(hashes), _MAX_HASHES):
        found = Master.name_hash.in_(hashes[start : start + _MAX_HASHES])
        query = Master.select(Master.name_hash, Master.id).where(found)
        rows = lookup.database.rows(query)
        owners |= {digest: id_ for digest, id_ in rows if id_ not in ids}
    for master, right in wrong:
        owner = owners.setdefault(right, master.id)
        if owner == master.id:
            misnamed.append((master, right))
        else:
            namesakes.append((master, owner))
    return Misstated(misnamed, namesakes, [], 0)


def _name_hash(name: object) -> str:
    """Return the hash of a name, be it UTF-8 or not."""
    encoded = text(name).encode(errors="surrogateescape")
    return hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
