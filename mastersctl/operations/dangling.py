"""Dangling rows: their foreign keys refer to rows that do not exist."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mastersctl._peewee import peewee
from mastersctl.query.union import NO_NUMBER, union_all
from mastersctl.schema.master import Master
from mastersctl.schema.references import FOREIGN_KEYS, MAY_DANGLE, ForeignKey
from mastersctl.schema.relations import table as table_of

if TYPE_CHECKING:
    from mastersctl.database import Database, Row

T = TypeVar("T")

_VALUE, _ROWS = peewee.SQL("child.value"), peewee.SQL("SUM(child.number)")
_MASTERS = table_of(Master)
# SQLite's own check is much faster than any query, but covers only declared foreign keys.
_DECLARED = """
SELECT name, key."from", key."table", coalesce(key."to", 'id'), coalesce(broken.number, 0)
FROM sqlite_master JOIN pragma_foreign_key_list(name) AS key
LEFT JOIN (
    SELECT "table", fkid, count(*) AS number FROM pragma_foreign_key_check GROUP BY "table", fkid
) AS broken ON broken."table" = name AND fkid = id
WHERE type = 'table'
"""


class Dangling(NamedTuple):
    """The dangling rows of one foreign key.

    Attributes:
        rows: how many there are.
        example: a value of the column that refers to no row.
    """

    key: ForeignKey
    rows: int
    example: object


def find_dangling(database: Database, tables: set[str]) -> list[Dangling]:
    """Return the dangling rows of each foreign key that has any.

    This takes three statements. If an older Buildbot lacks some of the columns, it takes one more
    for each foreign key.

    Parameters:
        tables: the tables that exist.
    """
    keys = [key for key in _suspicious(database) if {key.table, key.parent} <= tables]
    if not isinstance(database, peewee.SqliteDatabase):  # SQLite may hold more than numbers
        keys = _not_within(database, keys)
    queries = {key: _unmatched(key, _ROWS, peewee.fn.MIN(_VALUE)) for key in keys}
    answers = _ask(database, queries).items()
    return [Dangling(key, int(rows), example) for key, (rows, example) in answers if rows]


def find_missing_masters(
    database: Database, keys: Iterable[ForeignKey]
) -> dict[Any, dict[str, int]]:
    """Return the IDs of missing masters, each with the number of referring rows, by table.

    Parameters:
        keys: the foreign keys by which rows refer to missing masters.
    """
    found: dict[Any, dict[str, int]] = {}
    for key in keys:
        query = _unmatched(key, _VALUE, _ROWS).group_by(_VALUE)
        for masterid, rows in database.rows(query):
            found.setdefault(masterid, {})[key.table] = int(rows)
    return found


def refers_to_masters(key: ForeignKey) -> bool:
    """Return whether this foreign key refers to masters."""
    return (key.parent, key.key) == (_MASTERS, "id")


def _suspicious(database: Database) -> list[ForeignKey]:
    """Return the foreign keys that may have dangling rows."""
    if not isinstance(database, peewee.SqliteDatabase):
        return [*FOREIGN_KEYS]
    try:
        rows = database.execute_sql(_DECLARED).fetchall()  # type: ignore[no-untyped-call]
    except peewee.OperationalError as error:
        if not str(error).startswith("foreign key mismatch"):  # its target is not unique
            raise
        return [*FOREIGN_KEYS]
    declared = {ForeignKey(*key): number for *key, number in rows}
    undeclared = [key for key in FOREIGN_KEYS if key not in declared]
    broken = [key for key, number in declared.items() if number]
    return [key for key in (*undeclared, *broken) if (key.table, key.column) not in MAY_DANGLE]


def _not_within(database: Database, keys: list[ForeignKey]) -> list[ForeignKey]:
    """Return the foreign keys that may have dangling rows, judged by least and greatest number.

    A column without gaps has every number in between. Counting its numbers is much faster than
    comparing them.
    """
    columns = {(key.parent, key.key) for key in keys}
    # Read the referring columns first, or rows that are added in between would seem to dangle.
    children = _ask(database, {key: _range(key.table, key.column, counted=False) for key in keys})
    parents = _ask(database, {column: _range(*column, counted=True) for column in columns})
    without_gaps = {
        column: (least, greatest)
        for column, (number, least, greatest) in parents.items()
        if number and number == greatest - least + 1
    }

    def is_within(key: ForeignKey) -> bool:
        _, least, greatest = children.get(key, (None, -math.inf, math.inf))
        first, last = without_gaps.get((key.parent, key.key), (math.inf, -math.inf))
        return least is None or bool(first <= least <= greatest <= last)

    return [key for key in keys if not is_within(key)]


def _range(table: str, column: str, *, counted: bool) -> Any:
    """Return the query for the least and the greatest number in a column, and their count.

    Parameters:
        counted: whether to count the numbers; the count is NULL otherwise.
    """
    source = peewee.Table(table)
    numbers = peewee.Column(source, column)
    number = peewee.fn.COUNT(numbers.distinct()) if counted else NO_NUMBER
    return source.select(number, peewee.fn.MIN(numbers), peewee.fn.MAX(numbers))


def _unmatched(key: ForeignKey, *columns: Any) -> Any:
    """Return a query for the values that refer to no row: it counts each, then looks it up once."""
    child = peewee.Table(key.table)
    value = peewee.Column(child, key.column)
    counted = child.select(value.alias("value"), peewee.fn.COUNT(value).alias("number"))
    counted = counted.group_by(value).alias("child")
    parent = peewee.Table(key.parent).alias("parent")
    match = peewee.Column(parent, key.key)
    joined = peewee.Join(counted, parent, peewee.JOIN.LEFT_OUTER, match == counted.c.value)
    return peewee.Select([joined], columns).where(match.is_null(), counted.c.value.is_null(False))


def _ask(database: Database, queries: dict[T, Any]) -> dict[T, Row]:
    """Return the row of each query, in one statement; skip queries whose column is missing."""
    keys = [*queries]
    numbered = [
        peewee.Select([query.alias("answer")], [peewee.Value(number), peewee.SQL("answer.*")])
        for number, query in enumerate(queries.values())
    ]
    try:
        rows = list(database.rows(union_all(numbered))) if numbered else []
    except (peewee.PeeweeException, database.driver_error) as error:
        if len(queries) == 1 and database.is_not_buildbots(error):
            return {}  # only later versions of Buildbot have the column
        if not database.is_not_buildbots(error):
            raise
        found: dict[T, Row] = {}
        for key, query in queries.items():
            found |= _ask(database, {key: query})
        return found
    return {keys[number]: tuple(values) for number, *values in rows}
