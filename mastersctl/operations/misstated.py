"""Masters whose rows are wrong: the hash of another name, or a check-in in the future."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from mastersctl.clock import TOLERANCE, check_clock
from mastersctl.operations.lookup import COLUMNS, Lookup, row_of
from mastersctl.schema.master import Master, MasterRow
from mastersctl.schema.stored import text


class Misstated(NamedTuple):
    """The result of `find_misstated`.

    Attributes:
        misnamed: masters whose ``name_hash`` is not that of their name, each with the right hash.
        namesakes: masters whose right hash another master has, each with the ID of that master.
        ahead: masters that were last active over a minute in the future.
        now: the server's time, or this host's if there is no server, in epoch seconds.
    """

    misnamed: list[tuple[MasterRow, str]]
    namesakes: list[tuple[MasterRow, int]]
    ahead: list[MasterRow]
    now: int


def find_misstated(lookup: Lookup) -> Misstated:
    """Return the masters whose rows are wrong; this reads all rows.

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
        elif owners.setdefault(right, id_) != id_:  # only without the unique index
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
    """Return the hash of a name, which need not be UTF-8."""
    encoded = text(name).encode(errors="surrogateescape")
    return hashlib.sha1(encoded, usedforsecurity=False).hexdigest()
