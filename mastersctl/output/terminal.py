"""Tables on a terminal: fitted to its width, with short ages, in colour; no cell is broken."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from shutil import get_terminal_size
from typing import NamedTuple, TextIO

from rich.cells import chop_cells
from rich.console import Console
from rich.text import Text

from mastersctl.output.age import age
from mastersctl.output.columns import GAP, Column, Row, by_column, cell_width, mark, pad, plain
from mastersctl.schema.stored import moment
from mastersctl.states import ACTIVE, EXPIRED, INACTIVE, LATE_SECONDS, STALE

_HEADING, _LATE, _NEEDING = "bold", "yellow", "bold red"
_STYLES = {ACTIVE: "green", STALE: "bold red", EXPIRED: "yellow", INACTIVE: "dim"}
_MIN_OVERFLOW = 8  # cells for the beginning of a text that overflows


class Drawn(NamedTuple):
    """The lines of a table.

    Attributes:
        header: the line with the headings.
        lines: one for each row; its last cell may go beyond the edge of the terminal.
        left_out: the headings of the columns that do not fit.
    """

    header: Text
    lines: list[Text]
    left_out: list[str]


def write_lines(
    rows: Sequence[Row],
    columns: Sequence[Column],
    file: TextIO,
    *,
    footer: Row = (),
    needing: Collection[int] = (),
) -> list[str]:
    """Write a table on a terminal; see `mastersctl.output.table.write`."""
    console = console_on(file)
    drawn = draw(rows, columns, console, footer=footer, needing=needing)
    for line in (drawn.header, *drawn.lines):
        print_line(console, line)
    return drawn.left_out


def console_on(file: TextIO) -> Console:
    """Return Rich's console for a terminal."""
    # Rich assumes 80 columns for a terminal that it does not know (TERM=dumb).
    width, height = get_terminal_size()
    return Console(file=file, width=width, height=height, highlight=False)


def print_line(console: Console, line: Text) -> None:
    """Print a line; the terminal wraps a wide one, so that the user can copy it as one line."""
    line.rstrip()
    console.print(line, soft_wrap=True)


def draw(
    rows: Sequence[Row],
    columns: Sequence[Column],
    console: Console,
    *,
    footer: Row = (),
    needing: Collection[int] = (),
    marked: Collection[tuple[int, int]] = (),
) -> Drawn:
    """Return the lines of a table.

    Parameters:
        footer, needing: as for `mastersctl.output.table.write`.
        marked: the cells to draw in reverse video, each by the numbers of its row and column.
    """
    values = by_column(rows, columns)
    now = time.time()
    texts = [
        [column.heading, *_texts(column, cells, now), *map(str, footer[number : number + 1])]
        for number, (column, cells) in enumerate(zip(columns, values, strict=True))
    ]
    mark(columns, texts, [number + 1 for number in needing])
    texts = [[encodable(cell, console.encoding) for cell in cells] for cells in texts]
    places = _fit(columns, [max(map(cell_width, cells)) for cells in texts], console.width)
    padded = [pad(texts[place], columns[place].alignment) for place in places]
    styles = [*_styles(values, columns, needing, now)]
    lines = []
    for number, cells in enumerate(zip(*padded, strict=True), -1):
        line = Text(style=_HEADING if number == -1 else "")
        for place, cell in zip(places, cells, strict=True):
            style = styles[number][place] if 0 <= number < len(styles) else ""
            reverse = "reverse" if (number, place) in marked else ""
            line.append(GAP if line else "").append(cell, f"{style} {reverse}".strip())
        lines.append(line)
    left_out = [column.heading for place, column in enumerate(columns) if place not in places]
    return Drawn(lines[0], lines[1:], left_out)


def fold(line: Text, width: int) -> list[Text]:
    """Break a line where a terminal of this width breaks it, and return the parts."""
    line = line.copy()
    line.rstrip()
    pieces = chop_cells(line.plain, width)
    return [*line.divide(accumulate(map(len, pieces[:-1])))]


def _texts(column: Column, values: Sequence[object], now: float) -> list[str]:
    if column.type != "time":
        return [*plain(column, values)]
    return [age_of(value, now) for value in values]


def age_of(seconds: object, now: float) -> str:
    """Return how long ago a master was last seen, as text for people.

    Parameters:
        seconds: epoch seconds, or any other value that SQLite stores.
        now: epoch seconds.
    """
    when = moment(seconds)
    if when is None:
        return ""
    return age(now - when.timestamp()) if when.timestamp() else "unknown"  # after expire-all


def encodable(shown: str, encoding: str) -> str:
    """Return the text with escapes for the characters that the terminal's encoding lacks."""
    if shown.isascii():
        return shown
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the numbers of the columns to draw, in the order in which to draw them.

    If not all columns fit, the optional ones are left out first, from the right. If that is not
    enough, the name comes last, and may overflow. As many other columns as fit come before it.
    """
    everything = [*range(len(columns))]
    needed = [place for place in everything if not columns[place].is_optional]
    optional = [place for place in everything if columns[place].is_optional]

    def width(some: Sequence[int]) -> int:
        return sum(widths[place] for place in some) + len(GAP) * (len(some) - 1)

    for number in range(len(optional), -1, -1):
        places = sorted([*needed, *optional[:number]])
        if places and width(places) <= room:
            return places
    name = [place for place in needed if columns[place].heading == "NAME"]
    others = [place for place in (*needed, *optional) if place not in name]
    room -= sum(len(GAP) + min(widths[place], _MIN_OVERFLOW) for place in name)
    while len(others) + len(name) > 1 and width(others) > room:
        others.pop()
    return [*sorted(others), *name]


def _styles(
    values: Sequence[Sequence[object]],
    columns: Sequence[Column],
    needing: Collection[int],
    now: float,
) -> Iterator[list[str]]:
    """Yield the styles of the cells of each row, in which trouble stands out."""
    types = [column.type for column in columns]
    for number, row in enumerate(zip(*values, strict=True)):
        style = ""
        if "state" in types:
            state = str(row[types.index("state")])
            style = _NEEDING if number in needing else _STYLES.get(state, "")
            seen = moment(row[types.index("time")]) if "time" in types else None
            if state == ACTIVE and seen and seen.timestamp() < now - LATE_SECONDS:
                style = _LATE
        yield [style if type_ in ("state", "time") else "" for type_ in types]
