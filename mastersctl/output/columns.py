"""The columns of a table, and their cells as text, padded to one width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Literal, NamedTuple

from mastersctl.output.texts import boolean
from mastersctl.query.fields import COUNTS, FIELDS, Type, shown
from mastersctl.schema.stored import iso_8601, text
from mastersctl.text import visible

NEEDS_HOUSEKEEPING = " !"
"""The mark after the state of a master that needs housekeeping."""
MAX_PADDING = 250
"""The largest width of a column, in cells; a longer text shifts the rest of its row."""
GAP = "  "
_PLAIN = re.compile(r"[ -~]+(?=[ -~]|\Z)")
"""ASCII text, which takes a cell for each character.

A character before one that is not ASCII is left out, because both may form an emoji.
"""
_HEADINGS = {
    "last_active": "LAST SEEN",
    "schedulers": "SCHED",
    "change_sources": "SOURCES",
    "connected_workers": "WORKERS",
    "unfinished_builds": "BUILDS",
}
"""The headings that are shorter than the names of their fields."""

Row = tuple[object, ...]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        type: the type of the values.
        is_optional: whether a narrow terminal may leave the column out before the others.
    """

    heading: str
    type: Type = "text"
    is_optional: bool = False

    @property
    def alignment(self) -> Literal["left", "right"]:
        """The side on which the cells are aligned; numbers are aligned on the right."""
        return "right" if self.type == "number" else "left"


def columns_of(fields: Iterable[str]) -> list[Column]:
    """Return the columns for fields of masters.

    Counts are optional in the wide table, but not if the user asked for them.
    """
    fields = tuple(fields)
    optional = {*COUNTS} if fields == shown("wide") else set()
    return [
        Column(
            _HEADINGS.get(field, field.replace("_", " ").upper()),
            FIELDS[field].type,
            field in optional,
        )
        for field in fields
    ]


def by_column(rows: Sequence[Row], columns: Sequence[Column]) -> Sequence[Sequence[object]]:
    """Return the values of each column."""
    return [*zip(*rows, strict=True)] if rows else [()] * len(columns)


def plain(column: Column, values: Sequence[object]) -> Iterable[str]:
    """Return the values of a column as text, each on one line without control characters."""
    match column.type:
        case "time":
            return iso_8601(values)
        case "boolean":
            return map(boolean, values)
        case "state":
            return map(str, values)
    return map(visible, map(text, values))


def mark(columns: Sequence[Column], texts: Sequence[list[str]], needing: Iterable[int]) -> None:
    """Mark the states of the masters that need housekeeping.

    Parameters:
        texts: the cells of each column.
        needing: the numbers of the cells of these masters.
    """
    for column, cells in zip(columns, texts, strict=True):
        if column.type == "state":
            for number in needing:
                cells[number] += NEEDS_HOUSEKEEPING


def pad(cells: Sequence[str], alignment: Literal["left", "right"]) -> Iterable[str]:
    """Return the cells, each padded with spaces to the width of the widest."""
    if all(map(str.isascii, cells)):
        width = min(max(map(len, cells)), MAX_PADDING)
        return map(str.ljust if alignment == "left" else str.rjust, cells, repeat(width))
    widths = [*map(cell_width, cells)]
    total = min(max(widths), MAX_PADDING)
    spaces = (" " * (total - width) for width in widths)
    pairs = zip(cells, spaces, strict=True)
    return (
        [cell + space for cell, space in pairs]
        if alignment == "left"
        else [space + cell for cell, space in pairs]
    )


def cell_width(shown: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if shown.isascii():
        return len(shown)
    from rich.cells import cell_len  # late: most names are ASCII

    rest = _PLAIN.sub("", shown)
    return len(shown) - len(rest) + cell_len(rest)
