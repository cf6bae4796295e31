"""Rows that refer to what is not there: foreign keys that point nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.query.union import union_all
from mastersctl.schema.master import Master
from mastersctl.schema.references import FOREIGN_KEYS, MAY_DANGLE, ForeignKey
from mastersctl.schema.relations import table as table_of

if TYPE_CHECKING:
    from mastersctl.database import Database

_ROWS = peewee.fn.COUNT(peewee.SQL("*"))
_MASTERS = table_of(Master)
# SQLite looks for such rows much faster than any query does, but by what was declared alone.
_DECLARED = """
SELECT name, key."from", key."table", coalesce(key."to", 'id'), coalesce(broken.number, 0)
FROM sqlite_master JOIN pragma_foreign_key_list(name) AS key
LEFT JOIN (
    SELECT "table", fkid, count(*) AS number FROM pragma_foreign_key_check GROUP BY "table", fkid
) AS broken ON broken."table" = name AND fkid = id
WHERE type = 'table'
"""


class Dangling(NamedTuple):
    """Rows that refer by a foreign key to what is not there.

    Attributes:
        rows: how many there are.
        example: one value that they have.
    """

    key: ForeignKey
    rows: int
    example: object


def find_dangling(database: Database, tables: set[str]) -> list[Dangling]:
    """Return the rows that refer to what is not there, by each foreign key.

    One statement, and one for each foreign key where an older Buildbot lacks some of the columns.

    Parameters:
        tables: those that are there.
    """
    found = []
    keys = {key: _query(key) for key in _suspicious(database) if {key.table, key.parent} <= tables}
    for key, (rows, example) in _ask(database, keys).items():
        if rows:
            found.append(Dangling(key, rows, example))
    return found


def find_missing_masters(
    database: Database, keys: Iterable[ForeignKey]
) -> dict[Any, dict[str, int]]:
    """Return the IDs of masters that are not there; for each, how many rows have it, by table.

    Parameters:
        keys: those by which rows refer to masters that are not there.
    """
    found: dict[Any, dict[str, int]] = {}
    for key in keys:
        child, condition = _dangling(key)
        column = peewee.Column(child, key.column)
        query = child.select(column, _ROWS).where(condition).group_by(column)
        for masterid, rows in database.rows(query):
            found.setdefault(masterid, {})[key.table] = rows
    return found


def refers_to_masters(key: ForeignKey) -> bool:
    """Return whether it is by this key that rows refer to masters."""
    return (key.parent, key.key) == (_MASTERS, "id")


def _suspicious(database: Database) -> list[ForeignKey]:
    """Return the foreign keys that may point nowhere."""
    if not isinstance(database, peewee.SqliteDatabase):
        return [*FOREIGN_KEYS]
    try:
        rows = database.execute_sql(_DECLARED).fetchall()  # type: ignore[no-untyped-call]
    except peewee.OperationalError as error:
        if not str(error).startswith("foreign key mismatch"):  # of one to what is not unique
            raise
        return [*FOREIGN_KEYS]
    declared = {ForeignKey(*key): number for *key, number in rows}
    undeclared = [key for key in FOREIGN_KEYS if key not in declared]
    broken = [key for key, number in declared.items() if number]
    return [key for key in (*undeclared, *broken) if (key.table, key.column) not in MAY_DANGLE]


def _dangling(key: ForeignKey) -> tuple[Any, Any]:
    """Return the table, and the condition for its rows that refer to what is not there."""
    child = peewee.Table(key.table).alias("child")
    parent = peewee.Table(key.parent).alias("parent")
    column = peewee.Column(child, key.column)
    there = parent.select(peewee.SQL("1")).where(peewee.Column(parent, key.key) == column)
    return child, column.is_null(False) & ~peewee.fn.EXISTS(there)


def _query(key: ForeignKey) -> Any:
    child, condition = _dangling(key)
    return child.select(
        peewee.Value(f"{key.table}.{key.column}"),
        _ROWS,
        peewee.fn.MIN(peewee.Column(child, key.column)),
    ).where(condition)


def _ask(database: Database, queries: dict[ForeignKey, Any]) -> dict[ForeignKey, tuple[int, Any]]:
    names = {f"{key.table}.{key.column}": key for key in queries}
    try:
        rows = list(database.rows(union_all([*queries.values()]))) if queries else []
    except (peewee.PeeweeException, database.driver_error) as error:
        if len(queries) == 1 and database.is_not_buildbots(error):
            return {}  # a column that a later version of Buildbot has
        if not database.is_not_buildbots(error):
            raise
        found: dict[ForeignKey, tuple[int, Any]] = {}
        for key, query in queries.items():
            found |= _ask(database, {key: query})
        return found
    return {names[name]: (number, example) for name, number, example in rows}
