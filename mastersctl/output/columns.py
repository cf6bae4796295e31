"""The columns of a table, and their cells as text of one width."""

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
"""The mark behind the state of a master that needs housekeeping."""
MAX_PADDING = 250
"""How many cells a column is wide at most; a longer text moves the rest of its own row."""
GAP = "  "
_PLAIN = re.compile(r"[ -~]+(?=[ -~]|\Z)")
"""A cell a character; one before another character may be part of an emoji."""
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
        type: of its values.
        is_optional: whether a narrow terminal may leave it out before all others.
    """

    heading: str
    type: Type = "text"
    is_optional: bool = False

    @property
    def alignment(self) -> Literal["left", "right"]:
        """Numbers are aligned by their last digits."""
        return "right" if self.type == "number" else "left"


def columns_of(fields: Iterable[str]) -> list[Column]:
    """Return the columns for fields of masters.

    Counts are optional in the wide table, but not where they were asked for.
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
    """Return the texts of a column's values, each one line that does not act on a terminal."""
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
        texts: of each column, in which `needing` are the places of these masters.
    """
    for column, cells in zip(columns, texts, strict=True):
        if column.type == "state":
            for number in needing:
                cells[number] += NEEDS_HOUSEKEEPING


def pad(cells: Sequence[str], alignment: Literal["left", "right"]) -> Iterable[str]:
    """Return the texts, each with the spaces that make it as wide as the widest."""
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
