"""Housekeeping: what a dead master leaves behind is deleted, ended and released.

Mirrors what Buildbot does when it expires a master (``expireMasters`` with ``forceHouseKeeping``),
and what Buildbot 4.3.0 forgets: the links of connected workers, and the claims.
"""

import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.belongings import of_master
from mastersctl.models import (
    Build,
    BuilderMaster,
    BuildRequest,
    BuildRequestClaim,
    ChangeSourceMaster,
    ConfiguredWorker,
    ConnectedWorker,
    Log,
    Master,
    SchedulerMaster,
    Step,
)
from mastersctl.union import Part, existing, union_all

if TYPE_CHECKING:
    from mastersctl.database import Database

RETRY = 5  # of Buildbot's results: the build did not finish, and is to be built again

# A configured worker refers to a builder's link, and is deleted before it.
LINKS = (ConfiguredWorker, BuilderMaster, SchedulerMaster, ChangeSourceMaster, ConnectedWorker)

# What names a row of a table. Two of them, of schedulers and of change sources, have no index over
# the master, so that it takes as long to find the rows of one master as those of all.
_KEYS: dict[Any, Any] = {
    ConfiguredWorker: ConfiguredWorker.id,
    BuilderMaster: BuilderMaster.id,
    SchedulerMaster: SchedulerMaster.schedulerid,
    ChangeSourceMaster: ChangeSourceMaster.changesourceid,
    ConnectedWorker: ConnectedWorker.id,
    BuildRequestClaim: BuildRequestClaim.brid,
}
_MODELS = {model._meta.table_name: model for model in _KEYS}

_ACTIVE, _BUILDS, _CLOCK = "active", "builds", "clock"  # kinds of rows beside those of `_MODELS`
_NONE = peewee.SQL("CAST(NULL AS INTEGER)")
_MANY = 10_000  # parameters of one statement; SQLite takes 32,766


class Leftovers(NamedTuple):
    """What housekeeping has to do for one master, as it was when it was looked for."""

    id: int
    active: bool
    builds: bool
    """Whether any is unfinished."""
    keys: dict[Any, list[int]]
    """The links, and the claims on unfinished build requests, by model."""


class Cleaned(NamedTuple):
    """How many links were deleted, builds, steps and logs ended, and claims released."""

    links: int
    builds: int
    steps: int
    logs: int
    claims: int


class Survey(NamedTuple):
    """The masters for which there is something to do, by ID, and when that was asked."""

    masters: dict[int, Leftovers]
    server_time: int | None
    """What the clock of the database server said, in epoch seconds; None where there is none."""


def survey(database: "Database", which: Any) -> Survey:
    """Look for what the masters for which the condition `which` holds have left behind.

    All of it in one statement, after one that asks which tables there are: nothing is sent for a
    master that left nothing behind, and what others left is known by its keys.
    """
    chosen = Master.select(Master.id).where(which).cte("chosen")
    parts = existing(database, _parts(chosen))
    clock = peewee.Select(columns=(peewee.Value(_CLOCK), database.server_time, _NONE))
    server_time = None
    masters: dict[int, Leftovers] = {}
    for kind, id_, key in database.rows(union_all([clock, *parts]).with_cte(chosen)):
        if kind == _CLOCK:
            server_time = id_
            continue
        left = masters.get(id_) or Leftovers(id_, active=False, builds=False, keys={})
        if kind in _MODELS:
            left.keys.setdefault(_MODELS[kind], []).append(key)
        masters[id_] = left._replace(
            active=left.active or kind == _ACTIVE, builds=left.builds or kind == _BUILDS
        )
    return Survey(dict(sorted(masters.items())), server_time)


def _parts(chosen: Any) -> Iterator[Part]:
    """Yield a question for each kind of leftover; its rows are the kind, the master and a key."""

    def left(model: Any, linked: Any) -> Any:
        return model.select(peewee.Value(model._meta.table_name), linked.masterid, _KEYS[model])

    def of_chosen(query: Any, linked: Any) -> Any:
        return query.join_from(linked, chosen, on=(chosen.c.id == linked.masterid))

    for model in (BuilderMaster, SchedulerMaster, ChangeSourceMaster, ConnectedWorker):
        yield Part(of_chosen(left(model, model), model), (model,))
    configured = left(ConfiguredWorker, BuilderMaster).join(
        BuilderMaster, on=(BuilderMaster.id == ConfiguredWorker.buildermasterid)
    )
    yield Part(of_chosen(configured, BuilderMaster), (ConfiguredWorker, BuilderMaster))
    claims = left(BuildRequestClaim, BuildRequestClaim).join(
        BuildRequest, on=(BuildRequest.id == BuildRequestClaim.brid)
    )
    yield Part(
        of_chosen(claims, BuildRequestClaim).where(BuildRequest.complete == 0),
        (BuildRequestClaim, BuildRequest),
    )
    builds = Build.select(peewee.Value(_BUILDS), Build.masterid, _NONE).distinct()
    yield Part(of_chosen(builds, Build).where(Build.complete_at.is_null()), (Build, Step, Log))
    active = Master.select(peewee.Value(_ACTIVE), Master.id, _NONE)
    active = active.join(chosen, on=(chosen.c.id == Master.id))
    yield Part(active.where(Master.active != 0), (Master,))


def clean(database: "Database", left: Leftovers, now: int, *, dry_run: bool) -> Cleaned:
    """Do the housekeeping for one master, in the transaction of the caller.

    Parameters:
        now: when its builds and steps end, in epoch seconds.
        dry_run: only count what would be done.
    """
    do = _count if dry_run else _change
    links = sum(_delete(database, left, model, do) for model in LINKS)
    logs, steps, builds = _end_builds(database, left.id, now, do) if left.builds else (0, 0, 0)
    request = BuildRequest.select(BuildRequest.id).where(
        BuildRequest.id == BuildRequestClaim.brid, BuildRequest.complete == 0
    )
    claims = _delete(database, left, BuildRequestClaim, do, peewee.fn.EXISTS(request))
    return Cleaned(links, builds, steps, logs, claims)


_Do = Callable[["Database", Any, Any, dict[str, int] | None], int]


def _delete(database: "Database", left: Leftovers, model: Any, do: _Do, *conditions: Any) -> int:
    """Delete what the master has left in `model`, as far as `conditions` still hold."""
    matching = reduce(operator.and_, conditions, of_master(model, left.id))
    return sum(
        do(database, model, _KEYS[model].in_(keys) & matching, None)
        for keys in _chunks(left.keys.get(model, []))
    )


def _end_builds(database: "Database", masterid: int, now: int, do: _Do) -> tuple[int, int, int]:
    """End the unfinished builds of the master; return how many logs, steps and builds ended."""
    unfinished = (Build.masterid == masterid) & Build.complete_at.is_null()
    ids = [id_ for (id_,) in database.rows(Build.select(Build.id).where(unfinished))]
    end = {"complete_at": now, "results": RETRY}
    logs = steps = builds = 0
    for some in _chunks(ids):  # by ID: no database can choose to read all steps for a few builds
        running = Step.buildid.in_(some) & Step.results.is_null()
        open_ = Log.stepid.in_(Step.select(Step.id).where(running)) & (Log.complete == 0)
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


def delete_links(database: "Database", masterid: int) -> None:
    """Delete the links of the master, in the transaction of the caller.

    Buildbot's setMasterState deletes those to schedulers, and its housekeeping the others but for
    the connected workers, which it leaves behind.
    """
    there = database.existing_tables([model._meta.table_name for model in LINKS])
    for model in LINKS:
        if model._meta.table_name in there:
            model.delete().where(of_master(model, masterid)).execute(database)
