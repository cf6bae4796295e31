"""Uses: what refers to a master, and would be lost or left behind if its row were deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mastersctl._peewee import peewee
from mastersctl.database import Reference
from mastersctl.query.union import union_all
from mastersctl.schema.master import Master
from mastersctl.schema.relations import CLAIMS, RELATIONS, UNFINISHED_BUILDS, existing, table

if TYPE_CHECKING:
    from mastersctl.database import Database

BUILDS = "builds"
_BUILDS, _CLAIMS = RELATIONS[UNFINISHED_BUILDS], RELATIONS[CLAIMS]
REASSIGNED = {BUILDS: _BUILDS, "claims on finished build requests": _CLAIMS}
"""What can be reassigned, by what a message calls it: what is left when housekeeping was done."""
# How Buildbot's tables refer to masters: their rows are deleted by housekeeping, or reassigned.
_KNOWN = {
    Reference(None, table(relation.model), relation.masterid.column_name, "id")
    for relation in RELATIONS.values()
    if relation.masterid.model is relation.model
}
_ROWS = peewee.fn.COUNT(peewee.SQL("*"))
MAX_QUERIES_AT_ONCE = 100  # Peewee nests them, and Python's stack has an end

Uses = dict[str, int]
"""How many rows refer to a master, by what they are, or else by the column that refers to it.

Links, and claims on unfinished build requests, do not count: housekeeping deletes them.
"""


def find_uses(database: Database, ids: Sequence[int]) -> dict[int, Uses]:
    """Return what refers to each of the masters `ids`; those that nothing refers to are left out.

    The database is asked which tables have a foreign key to `masters`, so that those of later
    versions of Buildbot count, too.
    """
    chosen = Master.select(Master.id).where(Master.id.in_(ids)).cte("chosen")
    unknown = set(database.references(table(Master))) - _KNOWN
    queries = [*_reassignable(database, chosen), *_references(chosen, unknown)]
    return _counted(database, chosen, queries)


def find_references(database: Database, ids: Sequence[int]) -> dict[int, Uses]:
    """Return how many rows refer to each of the masters `ids`, by column: whatever they are.

    Those that nothing refers to are left out.
    """
    chosen = Master.select(Master.id).where(Master.id.in_(ids)).cte("chosen")
    tables = database.existing_tables(sorted(reference.table for reference in _KNOWN))
    known = {reference for reference in _KNOWN if reference.table in tables}
    references = known | set(database.references(table(Master)))
    return _counted(database, chosen, [*_references(chosen, references)])


def _counted(
    database: Database, chosen: peewee.CTE, queries: Sequence[peewee.SelectQuery]
) -> dict[int, Uses]:
    found: dict[int, Uses] = {}
    for start in range(0, len(queries), MAX_QUERIES_AT_ONCE):
        query = union_all(queries[start : start + MAX_QUERIES_AT_ONCE])
        for kind, id_, rows in database.rows(query.with_cte(chosen)):
            uses = found.setdefault(id_, {})
            uses[kind] = uses.get(kind, 0) + rows
    return found


def _reassignable(database: Database, chosen: peewee.CTE) -> Iterator[peewee.SelectQuery]:
    """Yield a query for each kind that can be reassigned, with how much of it each master has."""
    unfinished = _CLAIMS.through.select(_CLAIMS.through.id).where(
        _CLAIMS.through.id == _CLAIMS.refers, _CLAIMS.unfinished
    )
    relations = existing(database, (UNFINISHED_BUILDS, CLAIMS)).values()
    models = {relation.model for relation in relations}
    for kind, relation in REASSIGNED.items():
        masterid = relation.masterid
        query = relation.model.select(peewee.Value(kind), masterid, _ROWS)
        query = query.join(chosen, on=(chosen.c.id == masterid)).group_by(masterid)
        if relation is _CLAIMS:
            query = query.where(~peewee.fn.EXISTS(unfinished))
        if relation.model in models:
            yield query


def _references(
    chosen: peewee.CTE, references: Iterable[Reference]
) -> Iterator[peewee.SelectQuery]:
    """Yield, for each reference, a query for how many rows of its table refer to a master by it."""
    for reference in sorted(references, key=str):
        referring = peewee.Table(reference.table, schema=reference.schema)
        name = ".".join(filter(None, (reference.schema, reference.table, reference.column)))
        refers = peewee.Column(referring, reference.column) == peewee.Column(
            Master, reference.target
        )
        query = Master.select(peewee.Value(name), Master.id, _ROWS)
        query = query.join(chosen, on=(chosen.c.id == Master.id))
        yield query.join_from(Master, referring, on=refers).group_by(Master.id)
