"""How many links, unfinished builds and claims each master has, counted by the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mastersctl._peewee import peewee
from mastersctl.schema.master import Master
from mastersctl.schema.relations import existing

if TYPE_CHECKING:
    from mastersctl.database import Database


def with_counts(
    database: Database, query: peewee.ModelSelect[Master], kinds: Iterable[str]
) -> tuple[peewee.ModelSelect[Master], dict[str, peewee.ColumnBase]]:
    """Join what is counted to a query on masters; return it, and the expression for each count.

    A table is read once for all masters, whether it has an index over them or not.

    Parameters:
        kinds: some of `mastersctl.query.fields.COUNTS`; in tables that are missing
            there are none.
    """
    kinds = list(kinds)
    relations = existing(database, kinds)
    columns: dict[str, peewee.ColumnBase] = {}
    for kind in kinds:
        if kind not in relations:
            columns[kind] = peewee.SQL("0 + 0")  # a mere 0 to order by is a position
            continue
        rows = peewee.fn.COUNT(peewee.SQL("*")).alias("rows")
        masterid = relations[kind].masterid
        counted = relations[kind].select(masterid, rows).group_by(masterid).alias(kind)
        query = query.join_from(
            Master, counted, peewee.JOIN.LEFT_OUTER, on=(counted.c.masterid == Master.id)
        )
        columns[kind] = peewee.fn.COALESCE(counted.c.rows, 0)
    return query, columns
