"""Build requests that no active master can build, however long they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.operations.lookup import Lookup
from mastersctl.schema.master import Master
from mastersctl.schema.related import Builder, BuilderMaster, BuildRequest, BuildRequestClaim
from mastersctl.schema.relations import table
from mastersctl.schema.stored import text
from mastersctl.states import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_ROWS = peewee.fn.COUNT(peewee.SQL("*"))
_ANY = peewee.SQL("1")
_TABLES = {table(model) for model in (Builder, BuilderMaster, BuildRequest, BuildRequestClaim)}


class Waiting(NamedTuple):
    """Unfinished build requests that wait for the same builder or master.

    Attributes:
        requests: how many build requests wait.
        id: of the builder that no active master has, or of the master that claimed them.
        name: the name of that builder or master; None if it does not exist.
        state: the state of the master; None for a builder, or if the master does not exist.
    """

    requests: int
    id: Any
    name: str | None
    state: str | None = None


def find_unbuildable(lookup: Lookup, pending_age: float, tables: AbstractSet[str]) -> list[Waiting]:
    """Return the unclaimed build requests of builders that no active master has, by builder.

    Parameters:
        pending_age: count only build requests that were submitted longer ago, in seconds.
        tables: the tables that exist.
    """
    if not tables >= _TABLES:
        return []
    claims = BuildRequestClaim.select(_ANY).where(BuildRequestClaim.brid == BuildRequest.id)
    masters = (
        BuilderMaster.select(_ANY)
        .join(Master, on=(Master.id == BuilderMaster.masterid))
        .where(BuilderMaster.builderid == BuildRequest.builderid, lookup.state() == ACTIVE)
    )
    query = (
        BuildRequest.select(_ROWS, BuildRequest.builderid, Builder.name)
        .join(Builder, peewee.JOIN.LEFT_OUTER, on=(Builder.id == BuildRequest.builderid))
        .where(
            BuildRequest.complete == 0,
            BuildRequest.submitted_at < int(lookup.now() - pending_age),
            ~peewee.fn.EXISTS(claims),
            ~peewee.fn.EXISTS(masters),
        )
        .group_by(BuildRequest.builderid, Builder.name)
        .order_by(BuildRequest.builderid)
    )
    rows = lookup.database.rows(query)
    return [Waiting(number, id_, _name(name)) for number, id_, name in rows]


def find_kept(lookup: Lookup, tables: AbstractSet[str]) -> list[Waiting]:
    """Return the unfinished build requests claimed by masters that are not active, by master.

    Parameters:
        tables: the tables that exist.
    """
    if not tables >= {table(BuildRequest), table(BuildRequestClaim)}:
        return []
    state = peewee.Case(None, [(Master.id.is_null(), None)], lookup.state()).alias("state")
    claimant = BuildRequestClaim.masterid
    query = (
        BuildRequestClaim.select(_ROWS, claimant, Master.name, state)
        .join(BuildRequest, on=(BuildRequest.id == BuildRequestClaim.brid))
        .join(Master, peewee.JOIN.LEFT_OUTER, on=(Master.id == claimant))
        .where(BuildRequest.complete == 0)
        .where(Master.id.is_null() | (lookup.state() != ACTIVE))
        .group_by(claimant, Master.name, Master.active, Master.last_active, Master.id)
        .order_by(claimant)
    )
    rows = lookup.database.rows(query)
    return [Waiting(number, id_, _name(name), state) for number, id_, name, state in rows]


def _name(stored: object) -> str | None:
    return None if stored is None else text(stored)
