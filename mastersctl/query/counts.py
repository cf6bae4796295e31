"""The numbers of links, unfinished builds and claims of each master, counted by the database."""

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
    """Join counts to a query on masters; return the query, and the expression for each count.

    Each table is read once for all masters, so it needs no index on their IDs.

    Parameters:
        kinds: some of `mastersctl.query.fields.COUNTS`; a count from a missing table is 0.
    """
    kinds = list(kinds)
    relations = existing(database, kinds)
    columns: dict[str, peewee.ColumnBase] = {}
    for kind in kinds:
        if kind not in relations:
            columns[kind] = peewee.SQL("0 + 0")  # ORDER BY 0 would name a column by its position
            continue
        rows = peewee.fn.COUNT(peewee.SQL("*")).alias("rows")
        masterid = relations[kind].masterid
        counted = relations[kind].select(masterid, rows).group_by(masterid).alias(kind)
        query = query.join_from(
            Master, counted, peewee.JOIN.LEFT_OUTER, on=(counted.c.masterid == Master.id)
        )
        columns[kind] = peewee.fn.COALESCE(counted.c.rows, 0)
    return query, columns
