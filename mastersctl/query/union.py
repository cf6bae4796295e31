"""Several questions in one statement: what they cost is the round trip to the database."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee

if TYPE_CHECKING:
    from mastersctl.database import Database


NO_NUMBER = peewee.SQL("NULLIF(0, 0)")
"""What a part has in a column that only others need; PostgreSQL wants to know its type."""


class Part(NamedTuple):
    """A SELECT, and the models whose tables it needs; all parts have the same columns."""

    query: Any
    models: tuple[Any, ...]


def existing(database: "Database", parts: Iterable[Part]) -> list[Any]:
    """Return the queries of those parts whose tables are there: a database may lack some."""
    parts = list(parts)
    there = database.existing_tables(sorted(tables(parts)))
    return [part.query for part in parts if tables([part]) <= there]


def tables(parts: Iterable[Part]) -> set[str]:
    """Return the names of the tables that the parts need."""
    return {model._meta.table_name for part in parts for model in part.models}


def union_all(queries: Sequence[Any]) -> Any:
    """Return one query for the rows of all of `queries`, of which there is at least one."""
    return reduce(add, queries)
