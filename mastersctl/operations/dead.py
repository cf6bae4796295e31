"""Dead masters: all that have not checked in for some time, or those that the user names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.clock import TOLERANCE
from mastersctl.errors import RefusedError, joined
from mastersctl.operations.lookup import Lookup
from mastersctl.operations.needs import find_needing
from mastersctl.query.union import NO_NUMBER, union_all
from mastersctl.schema.master import Master, MasterRow
from mastersctl.schema.related import Build, Log, Step
from mastersctl.schema.relations import Relation, existing
from mastersctl.schema.stored import moment
from mastersctl.states import EXPIRE_SECONDS, INACTIVE

MAX_BATCH = 100  # masters in one transaction
_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60}  # of an age, in seconds


class Dead(NamedTuple):
    """Masters that are dead.

    Attributes:
        deadline: a master is dead only if it has not checked in since then (epoch seconds); None
            if the user knows that all are dead.
        named: whether the user named the masters, so that none may be skipped.
        young: masters that checked in recently; the user knows that they are dead.
    """

    ids: list[int]
    deadline: int | None
    named: bool = False
    young: Sequence[MasterRow] = ()

    def batches(self) -> list[Dead]:
        """Return these masters in batches, one for each transaction."""
        starts = range(0, len(self.ids), MAX_BATCH)
        return [self._replace(ids=self.ids[start : start + MAX_BATCH]) for start in starts]

    def condition(self) -> Any:
        """Return the SQL condition for those of these masters that are still dead."""
        chosen = Master.id.in_(self.ids)
        return chosen if self.deadline is None else chosen & (Master.last_active < self.deadline)


def find_dead_masters(lookup: Lookup, older_than: float = EXPIRE_SECONDS) -> Dead:
    """Return the dead masters for which `housekeep` has something to do.

    This takes two statements: the first asks which tables exist, the second finds all masters. No
    statement is sent for a master that left nothing behind.

    Parameters:
        older_than: a master is dead when its last check-in is older than this, in seconds.

    Raises:
        ClockError: this host's clock and the database server's differ.
    """
    database, now = lookup.database, lookup.clock()
    deadline = math.floor(now - older_than)
    chosen = Master.select(Master.id).where(Master.last_active < deadline).cte("chosen")
    clock = peewee.Select(columns=(NO_NUMBER, database.server_time))
    queries = [Master.select(Master.id, NO_NUMBER).where(Master.active != 0)]
    masterids = [Master.id]
    for relation in existing(database, models=models).values():
        queries.append(relation.select(relation.masterid, NO_NUMBER))
        masterids.append(relation.masterid)
    found = [
        query.join_from(query.model, chosen, on=(chosen.c.id == masterid))
        for query, masterid in zip(queries, masterids, strict=True)
    ]
    rows = list(database.rows(union_all([clock, *found]).with_cte(chosen)))
    server_time = next((time for id_, time in rows if id_ is None), None)
    lookup.check_times(now, server_time)
    return Dead(sorted({id_ for id_, _ in rows if id_ is not None}, key=_by_number), deadline)


def find_named_masters(
    lookup: Lookup,
    masters: Sequence[int | str],
    older_than: float = EXPIRE_SECONDS,
    *,
    force: bool = False,
) -> Dead:
    """Return the masters that the user names, all of which must be dead.

    Parameters:
        older_than: a master is dead when its last check-in is older than this, in seconds.
        force: treat all of them as dead.

    Raises:
        NoSuchMasterError: one of the masters does not exist.
        RefusedError: one of the masters checked in more recently, and `force` is false.
        ClockError: this host's clock and the database server's differ, and `force` is false.
        InvalidValueError: there are more masters than one statement takes.
    """
    now = lookup.clock()
    found = lookup.several(masters, check=not force)
    rows = {row.id: row for row in (lookup.pick(found, master) for master in masters)}
    deadline = math.floor(now - older_than)
    young = [
        row
        for row in rows.values()
        if row.last_active is None or row.last_active.timestamp() >= deadline
    ]
    if young and not force:
        seen = joined([f"{row.name!r} ({last_seen([row], now)})" for row in young])
        raise RefusedError(
            "Nothing was changed, because these masters checked in within the last "
            f"{described(older_than)}: {seen}; wait, or pass --force if you know that they are "
            "dead."
        )
    ids = sorted(rows, key=_by_number)
    return Dead(ids, None if force else deadline, named=True, young=young)


def why_none(lookup: Lookup, older_than: float = EXPIRE_SECONDS) -> str:
    """Return a sentence about the masters that are not dead yet; an empty text if none are.

    Parameters:
        older_than: a master is dead when its last check-in is older than this, in seconds.
    """
    parts = [*_not_dead(lookup, older_than)]
    return (
        "; ".join([*parts, f"a master is dead after {described(older_than)} without a check-in"])
        if parts
        else ""
    )


def _not_dead(lookup: Lookup, older_than: float) -> Iterator[str]:
    now = lookup.clock()
    since = Master.last_active >= math.floor(now - older_than)
    state = lookup.state().alias("state")
    times = (peewee.fn.MIN(Master.last_active), peewee.fn.MAX(Master.last_active))
    query = Master.select(state, peewee.fn.COUNT(Master.id), *times).where(since)
    query = query.where(Master.active != 0).group_by(peewee.SQL("state"))
    for name, number, *stored in lookup.database.rows(query):
        yield _were_seen(number, f"{name} master", _times(map(moment, stored)), now)
    needing = [row for row in find_needing(lookup).masters if row.state == INACTIVE]
    seen = [time for time in _times(row.last_active for row in needing) if time >= now - older_than]
    if seen:
        what = f"{INACTIVE} master that needs housekeeping"
        yield _were_seen(len(seen), what, seen, now)


def _were_seen(number: int, what: str, seen: Sequence[float], now: float) -> str:
    if number > 1:
        what = what.replace("master", "masters", 1).replace("needs", "need")
    return f"{number} {what} {'was' if number == 1 else 'were'} last seen {_ago(seen, now)}"


def last_seen(rows: Sequence[MasterRow], now: float) -> str:
    """Return how long ago masters were last seen, such as ``2 minutes ago``.

    Parameters:
        now: epoch seconds.
    """
    return _ago(_times(row.last_active for row in rows), now)


def _times(moments: Iterable[datetime | None]) -> list[float]:
    """Return the moments that are not None, in epoch seconds."""
    return [when.timestamp() for when in moments if when]


def _ago(times: Sequence[float], now: float) -> str:
    from humanize import naturaldelta  # late: only messages for people need it

    if not times:
        return "at an invalid time"
    if max(times) > now + TOLERANCE:
        return "in the future"
    ages = [naturaldelta(_begun(now - time)) for time in (max(times), min(times))]
    return " to ".join(dict.fromkeys(ages)) + " ago"


def _begun(age: float) -> float:
    """Return an age rounded down to its largest unit: nine and a half minutes are nine."""
    unit = next((seconds for seconds in _UNITS.values() if age >= seconds), 1)
    return max(0.0, age - age % unit)


def described(age: float) -> str:
    """Return an age in seconds as a user writes it."""
    for unit, seconds in _UNITS.items():
        if age and not age % seconds:
            return f"{age // seconds:.0f}{unit}"
    return f"{age:g}s"


def models(relation: Relation) -> list[Any]:
    """Return the tables that housekeeping needs for a relation."""
    return [*relation.models(), Step, Log] if relation.model is Build else relation.models()


def _by_number(id_: Any) -> tuple[bool, Any]:
    """Return the sort key of an ID; on SQLite, an ID need not be a number."""
    return (False, id_) if isinstance(id_, int) else (True, repr(id_))
