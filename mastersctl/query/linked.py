"""From the other side: the masters that a builder, or something else, is linked to."""

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
"""What is linked to masters, by what one of it is called."""


def masters_of(database: Database, kind: str, given: int | str) -> peewee.ModelSelect[Any]:
    """Return a query for the IDs of the masters that something is linked to.

    Parameters:
        kind: what it is: a key of `LINKED`.
        given: its ID or its name.

    Raises:
        NoSuchLinkedError: there is none such.
    """
    relation = LINKED[kind]
    named = relation.named
    conditions = []
    if isinstance(given, int) or hasattr(named, "name_hash"):
        conditions.append(is_called(named, given))
    if isinstance(given, str):  # whose name_hash may be wrong, after an UPDATE by hand
        conditions.append(database.by_code_point(named.name) == given)
    for condition in conditions:
        ids = [id_ for (id_,) in database.rows(named.select(named.id).where(condition))]
        if ids:
            return relation.select(relation.masterid).where(relation.named_id.in_(ids))
    if isinstance(given, int):
        raise NoSuchLinkedError(kind, given)
    from mastersctl.query.nearest import nearest  # late: only a mistake needs it

    raise NoSuchLinkedError(kind, given, nearest(database, named, given))
