"""Health: the number of masters in each state, and the masters that are unhealthy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mastersctl._peewee import peewee
from mastersctl.clock import TOLERANCE
from mastersctl.operations.lookup import COLUMNS, Lookup, key
from mastersctl.operations.needs import Needing, find_needing
from mastersctl.schema.master import Master, MasterRow
from mastersctl.states import ACTIVE, EXPIRE_SECONDS, EXPIRED, STALE, STATES

MAX_EXPLAINED = 3  # missing masters to find hints for; each search reads the whole table


class Health(NamedTuple):
    """The result of `find_health`.

    Attributes:
        counts: how many masters are in each of `mastersctl.states.STATES`.
        unhealthy: the masters that should be active and are not; if no masters were given, all
            that are stale or expired.
        in_future: the masters that are active because their last check-in is in the future.
        missing: the given masters that do not exist.
        hints: for some of the missing masters, a sentence that names the master probably meant.
        ids: the IDs of the given masters that exist; None if no masters were given.
        needing: those of the masters that need housekeeping, and the rows that they hold.
    """

    counts: dict[str, int]
    unhealthy: list[MasterRow]
    in_future: list[MasterRow]
    missing: list[int | str]
    hints: list[str]
    ids: list[int] | None
    needing: Needing


class States(NamedTuple):
    """How many masters are in each state.

    Attributes:
        counts: by `mastersctl.states.STATES`.
        in_future: whether the last check-in of an active master is in the future.
        server_time: the server's time, in epoch seconds; None without a server or masters.
    """

    counts: dict[str, int]
    in_future: bool
    server_time: int | None


def find_health(
    lookup: Lookup, masters: Sequence[int | str] = (), max_age: float = EXPIRE_SECONDS
) -> Health:
    """Return how many masters are in each state, and which of them are unhealthy.

    Parameters:
        masters: the masters that should be active; without any, all masters are checked.
        max_age: a master is stale when its last check-in is older than this, in seconds.

    Raises:
        ClockError: this host's clock and the database server's differ.
        ReplicationLagError: the database is a standby that is behind.
    """
    now = lookup.clock()
    if masters:
        return _health_of(lookup, masters, now, max_age)
    states = count_states(lookup, max_age)
    lookup.check_times(now, states.server_time)
    found: list[MasterRow] = []
    if states.counts[STALE] or states.counts[EXPIRED] or states.in_future:
        state = lookup.state(max_age)
        in_future = Master.last_active > int(now) + TOLERANCE
        query = Master.select(*COLUMNS, state).where(
            state.in_((STALE, EXPIRED)) | ((state == ACTIVE) & in_future)
        )
        found = lookup.rows(query.order_by(Master.id))
    unhealthy = [row for row in found if row.state != ACTIVE]
    ahead = [row for row in found if row.state == ACTIVE]
    needing = find_needing(lookup, counted=True, max_age=max_age)
    return Health(states.counts, unhealthy, ahead, [], [], None, needing)


def _health_of(lookup: Lookup, masters: Sequence[int | str], now: float, max_age: float) -> Health:
    found = lookup.several(masters, max_age=max_age)
    rows = {row.id: row for row in found.values()}
    counts = dict.fromkeys(STATES, 0)
    for row in rows.values():
        counts[row.state] += 1
    missing = [master for master in masters if key(master) not in found]
    errors = [lookup.no_such_master(master) for master in missing[:MAX_EXPLAINED]]
    return Health(
        counts,
        [row for row in rows.values() if row.state != ACTIVE],
        [row for row in rows.values() if row.is_in_future(now)],
        missing,
        [error.hint for error in errors if error.hint is not None],
        [*rows],
        find_needing(lookup, [*rows], counted=True, max_age=max_age),
    )


def count_states(lookup: Lookup, max_age: float = EXPIRE_SECONDS) -> States:
    """Return how many masters are in each of `mastersctl.states.STATES`.

    Parameters:
        max_age: a master is stale when its last check-in is older than this, in seconds.
    """
    in_future = peewee.Case(None, [(Master.last_active > lookup.now() + TOLERANCE, 1)], 0)
    columns = (
        peewee.fn.COUNT(Master.id),
        peewee.fn.MAX(in_future),
        lookup.database.server_time,
    )
    state = lookup.state(max_age).alias("state")
    query = Master.select(state, *columns).group_by(peewee.SQL("state"))
    found = {name: values for name, *values in lookup.database.rows(query)}
    counts = {name: found[name][0] if name in found else 0 for name in STATES}
    server_time = next((values[2] for values in found.values()), None)
    return States(counts, ACTIVE in found and bool(found[ACTIVE][1]), server_time)
