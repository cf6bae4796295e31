"""The sequences of PostgreSQL, from which new rows get their IDs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mastersctl.database import LateSequence

# A column's default refers to its sequence or, after an old dump, names it. An identity column has
# one without a default.
_SEQUENCES = r"""
SELECT tables.name, attname, coalesce(
    (
        SELECT refobjid::regclass FROM pg_depend JOIN pg_class ON oid = refobjid AND relkind = 'S'
        WHERE classid = 'pg_attrdef'::regclass AND objid = pg_attrdef.oid LIMIT 1
    ),
    to_regclass(substring(pg_get_expr(adbin, adrelid) FROM '^nextval\(\(''(.*)''::text')),
    pg_get_serial_sequence(attrelid::regclass::text, attname)::regclass
)::text AS sequence
FROM unnest(%s::text[]) AS tables(name)
JOIN pg_attribute ON attrelid = to_regclass(tables.name) AND attnum > 0
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval(%%'
ORDER BY tables.name, attname
"""


class TableSequence(NamedTuple):
    """A sequence; all its parts are quoted for SQL."""

    table: str
    column: str
    sequence: str

    @property
    def mend(self) -> str:
        """The statement that sets the sequence to the largest number in the column."""
        name = self.sequence.replace("'", "''")
        return f"SELECT setval('{name}', max({self.column})) FROM {self.table}"  # noqa: S608  # our own

    @property
    def late(self) -> str:
        """The query that returns a row if the column may already have the next number."""
        return (
            f"SELECT '{self.table}' FROM {self.sequence} "  # noqa: S608  # our own, and the server's
            f"WHERE last_value + is_called::int <= (SELECT max({self.column}) FROM {self.table})"
        )


def find_sequences(database: Any, tables: Sequence[str]) -> list[TableSequence]:
    """Return the sequences of those of the tables that exist.

    Parameters:
        database: a `mastersctl.database.postgresql.PostgresqlDatabase`.
    """
    rows = database.execute_sql(_SEQUENCES, ([*tables],))
    return [TableSequence(*row) for row in rows if None not in row]  # skip unresolved names


def find_late(database: Any, tables: Sequence[str]) -> list[LateSequence]:
    """Return the sequences of the tables that are behind; see `find_sequences`."""
    sequences = find_sequences(database, tables)
    if not sequences:
        return []
    query = " UNION ALL ".join(sequence.late for sequence in sequences)
    late = {table for (table,) in database.execute_sql(query)}
    return [LateSequence(one.table, one.column, one.mend) for one in sequences if one.table in late]
