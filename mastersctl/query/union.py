"""Several questions in one statement: what they cost is the round trip to the database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from mastersctl._peewee import peewee

NO_NUMBER = peewee.SQL("NULLIF(0, 0)")
"""What a query has in a column that only others need; PostgreSQL wants to know its type."""


def union_all(queries: Sequence[peewee.SelectQuery]) -> peewee.SelectQuery:
    """Return one query for the rows of all of `queries`, of which there is at least one."""
    return reduce(add, queries)
