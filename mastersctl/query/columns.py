"""The SQL expressions of the fields of masters, except counts: see `mastersctl.query.counts`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mastersctl._peewee import peewee
from mastersctl.query.fields import FIELDS, NEEDS_HOUSEKEEPING, STORED, Field
from mastersctl.schema.master import Master
from mastersctl.states import ACTIVE, EXPIRED, LATE_SECONDS, STALE

if TYPE_CHECKING:
    from mastersctl.database import Database


def compared(database: Database, state: peewee.ColumnBase) -> dict[str, peewee.ColumnBase]:
    """Return the expression that filters and orders compare, for each field except counts.

    Parameters:
        state: the expression for the state, of `mastersctl.schema.master.master_state`.
    """
    derived = {"state": state}
    stored = {name: _comparable(database, FIELDS[name]) for name in STORED}
    return stored | derived


def trouble(columns: Mapping[str, peewee.ColumnBase], now: int) -> peewee.Case:
    """Return the expression that sorts masters with more trouble first.

    Parameters:
        columns: the expression for each field.
        now: epoch seconds.
    """
    state = columns["state"]
    return peewee.Case(
        None,
        [
            (columns[NEEDS_HOUSEKEEPING] == 1, 0),
            (state == STALE, 1),
            (state == EXPIRED, 2),
            ((state == ACTIVE) & (columns["last_active"] < now - LATE_SECONDS), 3),
        ],
        4,
    )


def selected(
    fields: Sequence[str], columns: Mapping[str, peewee.ColumnBase]
) -> Iterator[peewee.ColumnBase]:
    """Yield the expression that returns each of `fields`; stored fields are returned as they are.

    Parameters:
        columns: the expression that is compared, for each field.
    """
    for name in fields:
        yield _stored(name) if name in STORED else columns[name]


def _comparable(database: Database, field: Field) -> peewee.ColumnBase:
    column = _stored(field.name)
    match field.type:
        case "text":
            return database.by_code_point(column)
        case "boolean":
            return peewee.Case(None, [(column == 0, 0)], 1)
    return column


def _stored(name: str) -> peewee.Field:
    column: peewee.Field = getattr(Master, name)
    return column
