"""The masters that a builder, worker, scheduler or change source is linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mastersctl.errors import NoSuchLinkedError
from mastersctl.schema.master import is_called
from mastersctl.schema.relations import RELATIONS

if TYPE_CHECKING:
    from mastersctl._peewee import peewee
    from mastersctl.database import Database

LINKED = {
    "builder": RELATIONS["builders"],
    "worker": RELATIONS["connected_workers"],
    "scheduler": RELATIONS["schedulers"],
    "change_source": RELATIONS["change_sources"],
}
"""The things that can be linked to masters, by their kind in the singular."""


def masters_of(database: Database, kind: str, given: int | str) -> peewee.ModelSelect[Any]:
    """Return a query for the IDs of the masters that something is linked to.

    Parameters:
        kind: a key of `LINKED`.
        given: the ID or the name of that thing.

    Raises:
        NoSuchLinkedError: nothing of this kind has the ID or the name.
    """
    relation = LINKED[kind]
    named = relation.named
    conditions = []
    if isinstance(given, int) or hasattr(named, "name_hash"):
        conditions.append(is_called(named, given))
    if isinstance(given, str):  # its name_hash may be wrong after an UPDATE by hand
        conditions.append(database.by_code_point(named.name) == given)
    for condition in conditions:
        ids = [id_ for (id_,) in database.rows(named.select(named.id).where(condition))]
        if ids:
            return relation.select(relation.masterid).where(relation.named_id.in_(ids))
    if isinstance(given, int):
        raise NoSuchLinkedError(kind, given)
    from mastersctl.query.nearest import nearest  # late: only a mistake needs it

    raise NoSuchLinkedError(kind, given, nearest(database, named, given))
