"""The one definition, in SQL, of which masters need housekeeping.

A master needs housekeeping if it is not active, but has rows that a stopped master does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastersctl._peewee import peewee
from mastersctl.schema.master import Master
from mastersctl.schema.relations import Relation
from mastersctl.states import ACTIVE


def needs_housekeeping(state: peewee.ColumnBase, relations: Mapping[str, Relation]) -> peewee.Case:
    """Return the SQL expression that is 1 if a master needs housekeeping, and 0 if not.

    For an active master, no other table is read.

    Parameters:
        state: the expression for the state, of `mastersctl.schema.master.master_state`.
        relations: those of `mastersctl.schema.relations.HELD` whose tables exist.
    """
    held = [
        (peewee.fn.EXISTS(_of_master(relation, peewee.SQL("1"))), 1)
        for relation in relations.values()
    ]
    return peewee.Case(None, [(state == ACTIVE, 0), *held], 0)


def count_held(relation: Relation) -> Any:
    """Return the SQL expression for how many rows of the relation a master has."""
    return _of_master(relation, peewee.fn.COUNT(peewee.SQL("*")))


def _of_master(relation: Relation, *columns: Any) -> Any:
    return relation.select(*columns).where(relation.masterid == Master.id)
