"""What a master has in other tables: links, unfinished builds, claims."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.query.union import NO_NUMBER, Part, existing, union_all
from mastersctl.schema.related import (
    Build,
    Builder,
    BuilderMaster,
    BuildRequest,
    BuildRequestClaim,
    ChangeSource,
    ChangeSourceMaster,
    ConfiguredWorker,
    ConnectedWorker,
    Scheduler,
    SchedulerMaster,
    Worker,
)
from mastersctl.schema.stored import moment

if TYPE_CHECKING:
    from mastersctl.database import Database

UNFINISHED_BUILDS = "unfinished_builds"
CLAIMS = "claims"


class Item(NamedTuple):
    """Something that a master has.

    Attributes:
        id: of the scheduler, change source, builder or worker that is linked; of the build; of the
            build request that is claimed.
        name: its name; a build's and a build request's is their builder's. None if that is gone.
        number: of a build, else None.
        since: when a build was started or a build request claimed, else None.
    """

    id: int
    name: str | None
    number: int | None
    since: datetime | None


Belongings = dict[str, list[Item]]


def belongings(database: "Database", masterid: int) -> Belongings:
    """Return what the master has, by kind: `LINKS`, `UNFINISHED_BUILDS` and `CLAIMS`.

    One statement, and two more in a database that lacks some of the tables. Of the claims, only
    those on build requests that are not complete count: the others are history.
    """
    parts = [Part(select(kind, masterid), models) for kind, (select, models) in _SOURCES.items()]
    try:
        rows = list(database.rows(union_all([part.query for part in parts])))
    except (peewee.PeeweeException, database.driver_error) as error:
        if not database.is_not_buildbots(error):
            raise
        queries = existing(database, parts)
        rows = list(database.rows(union_all(queries))) if queries else []
    found: Belongings = {kind: [] for kind in _SOURCES}
    for kind, id_, name, number, since in sorted(rows, key=_by_id):
        found[kind].append(Item(id_, name, number, None if since is None else moment(since)))
    return found


def _by_id(row: tuple[Any, ...]) -> tuple[str, bool, Any]:
    """Return what sorts rows by kind and ID; on SQLite, that may be no number."""
    kind, id_, *_ = row
    return (kind, False, id_) if isinstance(id_, int) else (kind, True, repr(id_))


def of_master(model: Any, masterid: int) -> Any:
    """Return the condition for the rows of a link's table that are links of the master."""
    if model is ConfiguredWorker:  # which refers to its master by way of a builder's link
        links = BuilderMaster.select(BuilderMaster.id).where(BuilderMaster.masterid == masterid)
        return ConfiguredWorker.buildermasterid.in_(links)
    return model.masterid == masterid


def _linked(link: Any, reference: Any, target: Any) -> Callable[[str, int], Any]:
    def select(kind: str, masterid: int) -> Any:
        columns = (peewee.Value(kind), reference, target.name, NO_NUMBER, NO_NUMBER)
        return (
            link.select(*columns)
            .join(target, peewee.JOIN.LEFT_OUTER, on=(target.id == reference))
            .where(of_master(link, masterid))
            .distinct()  # a worker is configured once for each builder
        )

    return select


def _unfinished_builds(kind: str, masterid: int) -> Any:
    return (
        Build.select(peewee.Value(kind), Build.id, Builder.name, Build.number, Build.started_at)
        .join(Builder, peewee.JOIN.LEFT_OUTER, on=(Builder.id == Build.builderid))
        .where(Build.masterid == masterid, Build.complete_at.is_null())
    )


def _claims(kind: str, masterid: int) -> Any:
    claim, request = BuildRequestClaim, BuildRequest
    columns = (peewee.Value(kind), claim.brid, Builder.name, NO_NUMBER, claim.claimed_at)
    return (
        claim.select(*columns)
        .join(request, on=(request.id == claim.brid))
        .join(Builder, peewee.JOIN.LEFT_OUTER, on=(Builder.id == request.builderid))
        .where(claim.masterid == masterid, request.complete == 0)
    )


_SOURCES: dict[str, tuple[Callable[[str, int], Any], tuple[Any, ...]]] = {
    "schedulers": (
        _linked(SchedulerMaster, SchedulerMaster.schedulerid, Scheduler),
        (SchedulerMaster, Scheduler),
    ),
    "change_sources": (
        _linked(ChangeSourceMaster, ChangeSourceMaster.changesourceid, ChangeSource),
        (ChangeSourceMaster, ChangeSource),
    ),
    "builders": (
        _linked(BuilderMaster, BuilderMaster.builderid, Builder),
        (BuilderMaster, Builder),
    ),
    "configured_workers": (
        _linked(ConfiguredWorker, ConfiguredWorker.workerid, Worker),
        (ConfiguredWorker, BuilderMaster, Worker),
    ),
    "connected_workers": (
        _linked(ConnectedWorker, ConnectedWorker.workerid, Worker),
        (ConnectedWorker, Worker),
    ),
    UNFINISHED_BUILDS: (_unfinished_builds, (Build, Builder)),
    CLAIMS: (_claims, (BuildRequestClaim, BuildRequest, Builder)),
}


LINKS = tuple(kind for kind in _SOURCES if kind not in (UNFINISHED_BUILDS, CLAIMS))
