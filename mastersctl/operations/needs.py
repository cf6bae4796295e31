"""The masters that need housekeeping, and what they hold."""

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
    """The masters that need housekeeping, as `find_needing` found them.

    Attributes:
        held: what each of them holds, by its ID: how many of the kinds of
            `mastersctl.schema.relations.HELD`; empty where that was not asked.
        unknown: why nobody can tell which these are; None where that is known.
    """

    masters: list[MasterRow]
    held: dict[int, dict[str, int]]
    unknown: str | None = None

    @property
    def ids(self) -> list[int] | None:
        """The IDs of the masters; None where nobody can tell."""
        return None if self.unknown else [master.id for master in self.masters]


def find_needing(
    lookup: Lookup,
    ids: Sequence[int] | None = None,
    *,
    counted: bool = False,
    max_age: float = EXPIRE_SECONDS,
) -> Needing:
    """Return the masters that need housekeeping, by ID.

    One statement, and some more in a database that lacks some of the tables. Where this user may
    see masters alone, it is not known.

    Parameters:
        ids: of those that are looked at; None for all.
        counted: whether to count what each of them holds.
        max_age: for how long a master is not stale after it checked in, in seconds.
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
    except DatabaseUnavailableError as error:  # a schema that is closed, or a view
        return Needing([], {}, str(error))
    return find(relations)
