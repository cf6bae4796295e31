"""Uses: the rows that refer to a master, and that its deletion would lose or leave behind."""

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
"""The relations that can be reassigned, by their names in messages; housekeeping keeps them."""
# Buildbot's references to masters: housekeeping deletes their rows, or they are reassigned.
_KNOWN = {
    Reference(None, table(relation.model), relation.masterid.column_name, "id")
    for relation in RELATIONS.values()
    if relation.masterid.model is relation.model
}
_ROWS = peewee.fn.COUNT(peewee.SQL("*"))
MAX_QUERIES_AT_ONCE = 100  # Peewee nests them, and Python's stack is limited

Uses = dict[str, int]
"""How many rows refer to a master, by kind, or by the referring column if that is unknown.

Links, and claims on unfinished build requests, do not count: housekeeping deletes them.
"""


def find_uses(database: Database, ids: Sequence[int]) -> dict[int, Uses]:
    """Return the uses of each of the masters `ids`; leave out masters without uses.

    The database is asked for all foreign keys to `masters`, so that tables of later versions of
    Buildbot count, too.
    """
    chosen = Master.select(Master.id).where(Master.id.in_(ids)).cte("chosen")
    unknown = set(database.references(table(Master))) - _KNOWN
    queries = [*_reassignable(database, chosen), *_references(chosen, unknown)]
    return _counted(database, chosen, queries)


def find_references(database: Database, ids: Sequence[int]) -> dict[int, Uses]:
    """Return the number of all rows that refer to each of the masters `ids`, by column.

    Masters that no row refers to are left out.
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
    """Yield a query for each kind that can be reassigned: the number of its rows, by master."""
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
    """Yield a query for each reference: the number of rows of its table, by master."""
    for reference in sorted(references, key=str):
        referring = peewee.Table(reference.table, schema=reference.schema)
        name = ".".join(filter(None, (reference.schema, reference.table, reference.column)))
        refers = peewee.Column(referring, reference.column) == peewee.Column(
            Master, reference.target
        )
        query = Master.select(peewee.Value(name), Master.id, _ROWS)
        query = query.join(chosen, on=(chosen.c.id == Master.id))
        yield query.join_from(Master, referring, on=refers).group_by(Master.id)
