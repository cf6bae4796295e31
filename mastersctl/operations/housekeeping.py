"""Housekeeping: what a dead master leaves behind is deleted, ended and released.

Mirrors what Buildbot does when it expires a master (``expireMasters`` with ``forceHouseKeeping``),
and what Buildbot 4.3.0 forgets: the links of connected workers, and the claims.
"""

import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.operations.belongings import of_master
from mastersctl.query.union import NO_NUMBER, Part, existing, union_all
from mastersctl.schema.master import Master
from mastersctl.schema.related import (
    Build,
    BuilderMaster,
    BuildRequest,
    BuildRequestClaim,
    ChangeSourceMaster,
    ConfiguredWorker,
    ConnectedWorker,
    Log,
    SchedulerMaster,
    Step,
    unfinished_request,
)

if TYPE_CHECKING:
    from mastersctl.database import Database

RETRY = 5  # of Buildbot's results: the build did not finish, and is to be built again

# What names a row that refers to a master. Two of the tables, those of schedulers and of change
# sources, have no index over the master: to find the rows of one takes as long as those of all.
_KEYS: dict[Any, Any] = {
    BuilderMaster: BuilderMaster.id,
    SchedulerMaster: SchedulerMaster.schedulerid,
    ChangeSourceMaster: ChangeSourceMaster.changesourceid,
    ConnectedWorker: ConnectedWorker.id,
    BuildRequestClaim: BuildRequestClaim.brid,
}
# The tables of links; one of configured workers refers to a builder's, and goes before it.
LINK_MODELS = (
    ConfiguredWorker,
    BuilderMaster,
    SchedulerMaster,
    ChangeSourceMaster,
    ConnectedWorker,
)

_ACTIVE, _CLOCK = "active", "clock"  # what a row of the survey is about, beside tables
_BUILDS, _CLAIMS = "builds", "claims"
_MANY = 10_000  # parameters of one statement; SQLite takes 32,766

Leftovers = dict[str, list[int]]
"""What housekeeping has to do for one master: the keys of links and claims, by table; that builds
are unfinished; that it is active."""


class DeadMaster(NamedTuple):
    """A master that is dead, while it has not checked in since `deadline` (epoch seconds)."""

    id: int
    deadline: int
    leftovers: Leftovers


class Housekept(NamedTuple):
    """What housekeeping did for one master, or would have done.

    Attributes:
        deactivated: whether it became inactive; false where it was already.
        links: how many links of schedulers, change sources, builders and workers were deleted.
        builds, steps, logs: how many were ended.
        claims: how many were released.
    """

    id: int
    name: str
    deactivated: bool
    links: int
    builds: int
    steps: int
    logs: int
    claims: int


class Cleaned(NamedTuple):
    """What `clean` did; see `Housekept`."""

    links: int
    builds: int
    steps: int
    logs: int
    claims: int


def survey(database: "Database", which: Any) -> tuple[dict[int, Leftovers], int | None]:
    """Look for what the masters for which the condition `which` holds have left behind.

    All of it in one statement, after one that asks which tables there are: nothing is sent for a
    master that left nothing behind.

    Returns:
        the leftovers by master, and what the database server's clock said, in epoch seconds (None
        where there is no server).
    """
    chosen = Master.select(Master.id).where(which).cte("chosen")
    clock = peewee.Select(columns=(peewee.Value(_CLOCK), database.server_time, NO_NUMBER))
    active = Master.select(peewee.Value(_ACTIVE), Master.id, NO_NUMBER).where(Master.active != 0)
    queries = [
        clock,
        active.join(chosen, on=(chosen.c.id == Master.id)),
        *existing(database, _parts(chosen)),
    ]
    server_time = None
    masters: dict[int, Leftovers] = {}
    for kind, id_, key in database.rows(union_all(queries).with_cte(chosen)):
        if kind == _CLOCK:
            server_time = id_
        else:
            masters.setdefault(id_, {}).setdefault(kind, []).append(key)
    return dict(sorted(masters.items(), key=_by_id)), server_time


def _by_id(item: tuple[Any, Leftovers]) -> tuple[bool, Any]:
    """Return what sorts masters by ID; on SQLite, that may be no number."""
    id_, _ = item
    return (False, id_) if isinstance(id_, int) else (True, repr(id_))


def _parts(chosen: Any) -> Iterator[Part]:
    """Yield a question for each kind of leftover; its rows are the table, the master and a key."""

    def of_chosen(model: Any, key: Any) -> Any:
        query = model.select(peewee.Value(_table(model)), model.masterid, key)
        return query.join(chosen, on=(chosen.c.id == model.masterid))

    for model, key in _KEYS.items():
        query, needed = of_chosen(model, key), {model}
        if model is BuilderMaster:
            needed.add(ConfiguredWorker)  # which is looked for when the builder's link is deleted
        if model is BuildRequestClaim:
            needed.add(BuildRequest)
            query = query.join_from(model, BuildRequest, on=(BuildRequest.id == model.brid))
            query = query.where(BuildRequest.complete == 0)
        yield Part(query, tuple(needed))
    builds = of_chosen(Build, NO_NUMBER).where(Build.complete_at.is_null()).distinct()
    yield Part(builds, (Build, Step, Log))


def clean(
    database: "Database", masterid: int, leftovers: Leftovers, now: int, *, dry_run: bool
) -> Cleaned:
    """Do the housekeeping for one master, in the transaction of the caller.

    Parameters:
        now: when its builds and steps end, in epoch seconds.
        dry_run: only count what would be done.
    """
    do = _count if dry_run else _change
    deleted = {
        model: _delete(database, model, masterid, leftovers.get(_table(model), []), do)
        for model in _KEYS
    }
    claims = deleted.pop(BuildRequestClaim)
    logs = steps = builds = 0
    if _table(Build) in leftovers:
        logs, steps, builds = _end_builds(database, masterid, now, do)
    return Cleaned(sum(deleted.values()), builds, steps, logs, claims)


_Do = Callable[["Database", Any, Any, dict[str, int] | None], int]


def _delete(database: "Database", model: Any, masterid: int, keys: list[int], do: _Do) -> int:
    """Delete what the master has left, and still has, in a table; return how many rows."""
    rows = 0
    for some in _chunks(keys):
        conditions = [_KEYS[model].in_(some), of_master(model, masterid)]
        if model is BuilderMaster:  # whatever refers to it by now, if it is still the master's
            refers = ConfiguredWorker.buildermasterid.in_(some)
            its = of_master(ConfiguredWorker, masterid)
            rows += do(database, ConfiguredWorker, refers & its, None)
        if model is BuildRequestClaim:
            conditions.append(peewee.fn.EXISTS(unfinished_request()))
        rows += do(database, model, reduce(operator.and_, conditions), None)
    return rows


def _end_builds(database: "Database", masterid: int, now: int, do: _Do) -> tuple[int, int, int]:
    """End the unfinished builds of the master; return how many logs, steps and builds ended."""
    unfinished = (Build.masterid == masterid) & Build.complete_at.is_null()
    ids = [id_ for (id_,) in database.rows(Build.select(Build.id).where(unfinished))]
    end = {"complete_at": now, "results": RETRY}
    logs = steps = builds = 0
    for some in _chunks(ids):  # by ID: no database can choose to read all steps for a few builds
        running = Step.buildid.in_(some) & Step.results.is_null()
        step_ids = [id_ for (id_,) in database.rows(Step.select(Step.id).where(running))]
        for these in _chunks(step_ids):
            open_ = Log.stepid.in_(these) & (Log.complete == 0)
            logs += do(database, Log, open_, {"complete": 1})
        steps += do(database, Step, running, end | {"hidden": 0})
        builds += do(database, Build, Build.id.in_(some) & unfinished, end)
    return logs, steps, builds


def _chunks(keys: list[int]) -> Iterator[list[int]]:
    return (keys[start : start + _MANY] for start in range(0, len(keys), _MANY))


def _change(database: "Database", model: Any, condition: Any, values: dict[str, int] | None) -> int:
    """Set `values` where `condition` holds (None: delete what it holds for); return how often."""
    query = model.delete() if values is None else model.update(values)
    rows: int = query.where(condition).execute(database)
    return rows


def _count(database: "Database", model: Any, condition: Any, values: object) -> int:
    """Return how often `_change` would find that `condition` holds."""
    query = model.select(peewee.fn.COUNT(peewee.SQL("*"))).where(condition)
    ((rows,),) = database.rows(query)
    return int(rows)


def delete_links(database: "Database", masterid: int, *, dry_run: bool = False) -> int:
    """Delete the links of the master, in the transaction of the caller; return how many.

    Buildbot's setMasterState deletes those to schedulers, and its housekeeping the others but for
    the connected workers, which it leaves behind.

    Parameters:
        dry_run: only count them.
    """
    do = _count if dry_run else _change
    there = database.existing_tables([_table(model) for model in LINK_MODELS])
    return sum(
        do(database, model, of_master(model, masterid), None)
        for model in LINK_MODELS
        if _table(model) in there
    )


def count_unfinished(database: "Database", masterid: int) -> tuple[int, int]:
    """Return how many unfinished builds the master has, and claims on unfinished requests."""
    builds = Build.select(Build.id).where(Build.masterid == masterid, Build.complete_at.is_null())
    claims = BuildRequestClaim.select(BuildRequestClaim.brid).where(
        BuildRequestClaim.masterid == masterid, peewee.fn.EXISTS(unfinished_request())
    )
    counts = (peewee.fn.COUNT(peewee.SQL("*")),)
    parts = [
        Part(builds.select(peewee.Value(_BUILDS), *counts), (Build,)),
        Part(claims.select(peewee.Value(_CLAIMS), *counts), (BuildRequestClaim, BuildRequest)),
    ]
    queries = existing(database, parts)
    found = dict(database.rows(union_all(queries))) if queries else {}
    return found.get(_BUILDS, 0), found.get(_CLAIMS, 0)


def _table(model: Any) -> str:
    name: str = model._meta.table_name
    return name
