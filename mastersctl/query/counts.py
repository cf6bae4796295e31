"""How many links, unfinished builds and claims each master has, counted by the database."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mastersctl._peewee import peewee
from mastersctl.query.union import Part, tables
from mastersctl.schema.master import Master
from mastersctl.schema.related import (
    Build,
    BuilderMaster,
    BuildRequest,
    BuildRequestClaim,
    ChangeSourceMaster,
    ConnectedWorker,
    SchedulerMaster,
)

if TYPE_CHECKING:
    from mastersctl.database import Database


def with_counts(
    database: "Database", query: Any, kinds: Iterable[str]
) -> tuple[Any, dict[str, Any]]:
    """Join what is counted to a query on masters; return it, and the expression for each count.

    A table is read once for all masters, whether it has an index over them or not.

    Parameters:
        kinds: some of `mastersctl.query.resultspec.COUNTS`; in tables that are missing
            there are none.
    """
    parts = {kind: _PARTS[kind] for kind in kinds}
    there = database.existing_tables(sorted(tables(parts.values()))) if parts else set()
    columns: dict[str, Any] = {}
    for kind, part in parts.items():
        if not tables([part]) <= there:
            columns[kind] = peewee.SQL("0 + 0")  # a mere 0 to order by is a position
            continue
        counted = part.query.alias(kind)
        query = query.join_from(
            Master, counted, peewee.JOIN.LEFT_OUTER, on=(counted.c.masterid == Master.id)
        )
        columns[kind] = peewee.fn.COALESCE(counted.c.rows, 0)
    return query, columns


def _counted(model: Any) -> Any:
    rows = peewee.fn.COUNT(peewee.SQL("*")).alias("rows")
    return model.select(model.masterid, rows).group_by(model.masterid)


_PARTS: dict[str, Part] = {
    "schedulers": Part(_counted(SchedulerMaster), (SchedulerMaster,)),
    "change_sources": Part(_counted(ChangeSourceMaster), (ChangeSourceMaster,)),
    "builders": Part(_counted(BuilderMaster), (BuilderMaster,)),
    "connected_workers": Part(_counted(ConnectedWorker), (ConnectedWorker,)),
    "unfinished_builds": Part(_counted(Build).where(Build.complete_at.is_null()), (Build,)),
    "claims": Part(
        _counted(BuildRequestClaim)
        .join(BuildRequest, on=(BuildRequest.id == BuildRequestClaim.brid))
        .where(BuildRequest.complete == 0),
        (BuildRequestClaim, BuildRequest),
    ),
}
