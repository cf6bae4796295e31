"""Removal: what else refers to a master, and who inherits it, before its row is deleted.

Buildbot never removes a master. On SQLite it leaves foreign keys off, so that a row deleted by hand
leaves orphans; on PostgreSQL each of them cascades, so that it takes its builds with it.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.errors import RefusedError, listed
from mastersctl.housekeeping import LINKS, clean, survey
from mastersctl.models import Build, BuildRequest, BuildRequestClaim, Master
from mastersctl.state import ACTIVE
from mastersctl.union import Part, existing, union_all

if TYPE_CHECKING:
    from mastersctl.connector import MasterRow
    from mastersctl.database import Database

_BUILDS, _CLAIMS = "builds", "claims on finished build requests"
_INHERITED = {_BUILDS: Build, _CLAIMS: BuildRequestClaim}
_KNOWN = {model._meta.table_name for model in (*LINKS, *_INHERITED.values())}
_ROWS = peewee.fn.COUNT(peewee.SQL("*"))
# PostgreSQL looks for rows to cascade to in each table that refers to masters, once for each of
# them, and not all have an index for that: few in a statement, so that it ends within --timeout.
_AT_ONCE = 100

Uses = dict[str, int]
"""How many rows refer to a master, by what they are, or by their table's name if nobody knows.

Links, and claims on unfinished build requests, do not count: housekeeping deletes them.
"""


class Removal(NamedTuple):
    """Which masters are removed, and what becomes of what refers to them.

    Attributes:
        skipped: those that are left, because something refers to them.
        heir: the master that inherits what refers to the others, if there is one.
        builds, claims: how many builds and claims on finished build requests it inherits.
    """

    masters: "list[MasterRow]"
    skipped: "list[MasterRow]"
    heir: "MasterRow | None"
    builds: int
    claims: int


def plan(
    database: "Database",
    masters: "Sequence[MasterRow]",
    heir: "MasterRow | None",
    *,
    skip_used: bool,
) -> Removal:
    """Return how the masters can be removed.

    Raises:
        RefusedError: one is active, or is the heir; or something refers to one that nobody
            inherits, and it may not be skipped.
    """
    if heir is not None and heir in masters:
        raise RefusedError(f"The master {heir.name!r} cannot inherit from itself.")
    active = [master.name for master in masters if master.state == ACTIVE]
    if active:
        raise RefusedError(
            f"Nothing was removed, because these masters are active: {listed(active)}; stop them "
            "first."
        )
    used = _uses(database, [master.id for master in masters])
    blocking = {id_: _blocking(uses, heir) for id_, uses in used.items()}
    skipped = [master for master in masters if blocking.get(master.id)]
    if skipped and not skip_used:
        raise RefusedError(_why(skipped[0], blocking[skipped[0].id], len(skipped) - 1))
    removed = [master for master in masters if not blocking.get(master.id)]
    inherited = [used.get(master.id, {}) for master in removed]
    builds, claims = (sum(uses.get(kind, 0) for uses in inherited) for kind in _INHERITED)
    return Removal(removed, skipped, heir, builds, claims)


def remove(database: "Database", removal: Removal, now: int) -> None:
    """Do the housekeeping for the masters, bequeath what refers to them, and delete them.

    In the transaction of the caller, in which the plan was made.

    Parameters:
        now: when unfinished builds and steps end, in epoch seconds.
    """
    ids = [master.id for master in removal.masters]
    if not ids:
        return
    for leftovers in survey(database, Master.id.in_(ids)).masters.values():
        clean(database, leftovers, now, dry_run=False)
    for model, rows in ((Build, removal.builds), (BuildRequestClaim, removal.claims)):
        if rows and removal.heir:
            update: Any = model.update({"masterid": removal.heir.id})
            update.where(model.masterid.in_(ids)).execute(database)
    for start in range(0, len(ids), _AT_ONCE):
        some = Master.id.in_(ids[start : start + _AT_ONCE])
        Master.delete().where(some).execute(database)


def _blocking(uses: Uses, heir: "MasterRow | None") -> Uses:
    return {kind: rows for kind, rows in uses.items() if not heir or kind not in _INHERITED}


def _why(master: "MasterRow", blocking: Uses, others: int) -> str:
    counted = " and ".join(
        f"{rows} {kind}" if kind in _INHERITED else f"{rows} rows of the table {kind!r}"
        for kind, rows in blocking.items()
    )
    more = f", as to {others} more of these masters" if others else ""
    heir = "" if set(blocking) - set(_INHERITED) else "name their heir with --reassign-to, or "
    return (
        f"Nothing was removed, because {counted} refer to the master {master.name!r}{more}; {heir}"
        "leave such masters with --skip-used."
    )


def _uses(database: "Database", ids: Sequence[int]) -> dict[int, Uses]:
    """Return what refers to each of the masters `ids`; those that nothing refers to are left out.

    The database is asked which tables have a foreign key to `masters`, so that those of later
    versions of Buildbot count, too.
    """
    chosen = Master.select(Master.id).where(Master.id.in_(ids)).cte("chosen")
    queries = [*existing(database, _heirlooms(chosen)), *_others(database, chosen)]
    found: dict[int, Uses] = {}
    if queries:
        for kind, id_, rows in database.rows(union_all(queries).with_cte(chosen)):
            uses = found.setdefault(id_, {})
            uses[kind] = uses.get(kind, 0) + rows
    return found


def _heirlooms(chosen: Any) -> Iterator[Part]:
    builds = Build.select(peewee.Value(_BUILDS), Build.masterid, _ROWS)
    builds = builds.join(chosen, on=(chosen.c.id == Build.masterid))
    yield Part(builds.group_by(Build.masterid), (Build,))
    claim, request = BuildRequestClaim, BuildRequest
    unfinished = request.select(request.id).where(request.id == claim.brid, request.complete == 0)
    claims = claim.select(peewee.Value(_CLAIMS), claim.masterid, _ROWS)
    claims = claims.join(chosen, on=(chosen.c.id == claim.masterid))
    yield Part(
        claims.where(~peewee.fn.EXISTS(unfinished)).group_by(claim.masterid), (claim, request)
    )


def _others(database: "Database", chosen: Any) -> Iterator[Any]:
    for reference in database.references(Master._meta.table_name):
        if reference.schema is None and reference.table in _KNOWN:
            continue
        table = peewee.Table(reference.table, schema=reference.schema)
        name = ".".join(filter(None, (reference.schema, reference.table)))
        refers = peewee.Column(table, reference.column) == peewee.Column(Master, reference.target)
        query = Master.select(peewee.Value(name), Master.id, _ROWS)
        query = query.join(chosen, on=(chosen.c.id == Master.id))
        yield query.join_from(Master, table, on=refers).group_by(Master.id)
