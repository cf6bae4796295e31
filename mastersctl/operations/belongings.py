"""The rows of a master in other tables: links, unfinished builds, claims."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.query.union import NO_NUMBER, union_all
from mastersctl.schema.master import Master
from mastersctl.schema.relations import CLAIMS, LINKS, RELATIONS, UNFINISHED_BUILDS, Relation
from mastersctl.schema.relations import existing as existing_relations
from mastersctl.schema.stored import moment

if TYPE_CHECKING:
    from mastersctl.database import Database, Row


_ID = attrgetter("id")


class Item(NamedTuple):
    """A link, an unfinished build or a claim of a master.

    Attributes:
        id: of the linked scheduler, change source, builder or worker; of the build; or of the
            claimed build request.
        name: the name of the linked thing, or of the builder of a build or a build request; None
            if there is no such row.
        number: of the build; None for anything else.
        since: when the build started, or the build request was claimed; None for a link.
    """

    id: int
    name: str | None
    number: int | None
    since: datetime | None


Belongings = dict[str, list[Item]]


def find_belongings(database: Database, masterid: int) -> Belongings:
    """Return the links, unfinished builds and claims of a master, by kind.

    The kinds are those of `mastersctl.schema.relations.RELATIONS`. This takes one statement, and
    two more in a database that lacks some of the tables. Claims on complete build requests are
    left out: they are history.
    """
    try:
        rows = _read(database, masterid, RELATIONS)
    except (peewee.PeeweeException, database.driver_error) as error:
        if not database.is_not_buildbots(error):
            raise
        rows = _read(database, masterid, existing_relations(database, models=Relation.named_models))
    found: Belongings = {kind: [] for kind in RELATIONS}
    for kind, id_, name, number, since in rows:
        found[kind].append(Item(id_, name, number, None if since is None else moment(since)))
    for items in found.values():
        try:
            items.sort(key=_ID)
        except TypeError:  # on SQLite, an ID need not be a number
            items.sort(key=_by_kind_of_id)
    return found


def _read(database: Database, masterid: int, relations: Mapping[str, Relation]) -> list[Row]:
    queries = [_items(kind, relation, masterid) for kind, relation in relations.items()]
    return list(database.rows(union_all(queries))) if queries else []


def _items(kind: str, relation: Relation, masterid: int) -> peewee.ModelSelect[peewee.Model]:
    columns = (
        peewee.Value(kind),
        relation.thing,
        relation.named.name,
        NO_NUMBER if relation.number is None else relation.number,
        NO_NUMBER if relation.since is None else relation.since,
    )
    query = relation.select(*columns).where(relation.masterid == masterid)
    named = relation.named.id == relation.named_id
    query = query.join_from(relation.model, relation.named, peewee.JOIN.LEFT_OUTER, on=named)
    # Two builders of a master may have the same worker.
    return query if relation.unfinished is not None else query.distinct()


def _by_kind_of_id(item: Item) -> tuple[bool, int | str]:
    """Return the sort key of an item: its ID; an ID that is not a number comes last."""
    return (False, item.id) if isinstance(item.id, int) else (True, repr(item.id))


def counts(
    database: Database, relations: Mapping[str, Relation], masterids: list[int]
) -> dict[str, dict[int, int]]:
    """Return the number of rows of each relation, by kind and master, in one statement."""
    found: dict[str, dict[int, int]] = {kind: {} for kind in relations}
    chosen = Master.select(Master.id).where(Master.id.in_(masterids)).distinct().cte("chosen")
    rows = peewee.fn.COUNT(peewee.SQL("*"))
    queries = [
        relation.select(peewee.Value(kind), relation.masterid, rows)
        .join_from(relation.model, chosen, on=(chosen.c.id == relation.masterid))
        .group_by(relation.masterid)
        for kind, relation in relations.items()
    ]
    if queries:
        for kind, masterid, number in database.rows(union_all(queries).with_cte(chosen)):
            found[kind][masterid] = number
    return found


def delete_links(database: Database, masterid: int, *, dry_run: bool = False) -> int:
    """Delete the links of the master, in the caller's transaction; return their number.

    Buildbot's setMasterState deletes the links to schedulers. Its housekeeping deletes the others,
    but leaves those to connected workers behind.

    Parameters:
        dry_run: only count them.
    """
    links = existing_relations(database, LINKS)
    if dry_run:
        return sum(sum(rows.values()) for rows in counts(database, links, [masterid]).values())
    return sum(
        relation.model.delete().where(relation.rows_of([masterid])).execute(database)
        for relation in reversed(links.values())
    )


def count_unfinished(database: Database, masterid: int) -> tuple[int, int]:
    """Return the numbers of a master's unfinished builds and claims on unfinished requests."""
    relations = existing_relations(database, (UNFINISHED_BUILDS, CLAIMS))
    found = counts(database, relations, [masterid])
    builds, claims = (found.get(kind, {}) for kind in (UNFINISHED_BUILDS, CLAIMS))
    return builds.get(masterid, 0), claims.get(masterid, 0)
