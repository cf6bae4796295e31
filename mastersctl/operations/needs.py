"""The masters that need housekeeping, and the rows that they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mastersctl._peewee import peewee
from mastersctl.database import original
from mastersctl.database.server import FORBIDDEN, Server
from mastersctl.errors import DatabaseUnavailableError
from mastersctl.operations.lookup import COLUMNS, Lookup, row_of
from mastersctl.query.needs import count_held, needs_housekeeping
from mastersctl.schema.master import Master, MasterRow
from mastersctl.schema.relations import HELD, RELATIONS, Relation, existing
from mastersctl.states import EXPIRE_SECONDS


class Needing(NamedTuple):
    """The result of `find_needing`.

    Attributes:
        masters: the masters that need housekeeping.
        held: the number of rows that each of them holds, by its ID and by the kinds of
            `mastersctl.schema.relations.HELD`; without kinds if the rows were not counted.
        unknown: why it is unknown which masters need housekeeping; None if it is known.
    """

    masters: list[MasterRow]
    held: dict[int, dict[str, int]]
    unknown: str | None = None

    @property
    def ids(self) -> list[int] | None:
        """The IDs of the masters; None if they are unknown."""
        return None if self.unknown else [master.id for master in self.masters]


def find_needing(
    lookup: Lookup,
    ids: Sequence[int] | None = None,
    *,
    counted: bool = False,
    max_age: float = EXPIRE_SECONDS,
) -> Needing:
    """Return the masters that need housekeeping, by ID.

    This takes one statement, and some more in a database that lacks some of the tables. If this
    user may not read all of the tables, the result is unknown.

    Parameters:
        ids: the IDs of the masters to check; None for all.
        counted: count the rows that each of them holds.
        max_age: a master is stale when its last check-in is older than this, in seconds.
    """
    database = lookup.database
    state = lookup.state(max_age)

    def find(relations: Mapping[str, Relation]) -> Needing:
        counts = {kind: count_held(one) for kind, one in relations.items() if counted}
        query = Master.select(*COLUMNS, state, *counts.values())
        query = query.where(needs_housekeeping(state, relations) == 1).order_by(Master.id)
        rows = list(database.rows(query if ids is None else query.where(Master.id.in_(ids))))
        width = len(COLUMNS) + 1
        held = {row[0]: dict(zip(counts, row[width:], strict=True)) for row in rows}
        return Needing([row_of(*row[:width]) for row in rows], held)

    try:
        return find({kind: RELATIONS[kind] for kind in HELD})
    except (peewee.PeeweeException, database.driver_error) as error:
        if isinstance(database, Server) and database.kind(original(error)) is FORBIDDEN:
            return Needing([], {}, str(database.translate(original(error))))
        if not database.is_not_buildbots(error):
            raise
    try:
        relations = existing(database, HELD)
    except DatabaseUnavailableError as error:  # a schema that this user may not use, or a view
        return Needing([], {}, str(error))
    return find(relations)
