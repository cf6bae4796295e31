"""Several queries in one statement, which saves round trips to the database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from mastersctl._peewee import peewee

NO_NUMBER = peewee.SQL("NULLIF(0, 0)")
"""NULL, for a column that only the other queries have; PostgreSQL needs to know its type."""


def union_all(queries: Sequence[peewee.SelectQuery]) -> peewee.SelectQuery:
    """Return one query for the rows of all `queries`; there must be at least one."""
    return reduce(add, queries)
