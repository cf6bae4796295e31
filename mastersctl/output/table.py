"""Tables for people, drawn by Rich: on a terminal to its width, elsewhere one row a line."""

from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from shutil import get_terminal_size
from typing import Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mastersctl.output.texts import boolean
from mastersctl.query.fields import type_of
from mastersctl.schema.stored import moment, text
from mastersctl.states import ACTIVE, EXPIRED, INACTIVE, STALE
from mastersctl.text import visible

_NO_LIMIT = 2**20  # columns; Rich's own default is 80 where it sees no terminal
_NEEDS_HOUSEKEEPING = " !"
_NEEDING_STYLE = "bold red"
_STYLES = {ACTIVE: "green", STALE: "bold red", EXPIRED: "yellow", INACTIVE: "dim"}


def write(
    rows: Iterable[tuple[object, ...]],
    fields: Sequence[str],
    file: TextIO,
    footer: Sequence[object] = (),
    needing: Container[int] = (),
    texts: Container[str] = (),
) -> None:
    on_terminal = file.isatty()
    table = build(rows, fields, footer, on_terminal=on_terminal, needing=needing, texts=texts)
    _print(table, file)


def build(
    rows: Iterable[tuple[object, ...]],
    fields: Sequence[str],
    footer: Sequence[object] = (),
    *,
    on_terminal: bool,
    marked: Container[tuple[int, str]] = (),
    needing: Container[int] = (),
    texts: Container[str] = (),
) -> Table:
    """Return the table, to be drawn.

    Parameters:
        rows: what the database has for each of `fields`.
        footer: the values of a last row, for sums.
        marked: the cells to mark, each as the number of its row and its field.
        needing: the numbers of the rows of masters that need housekeeping.
        texts: those of the fields that are text, and no fields of masters.
    """
    table = _table(on_terminal, footer=bool(footer))
    for field, foot in zip_longest(fields, footer, fillvalue=""):
        title = field.replace("_", " ").upper()
        is_number = type_of(field) == "number" and field not in texts
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(title, str(foot), justify=justify, overflow="fold")
    for number, row in enumerate(rows):
        cells = [_cell(field, value, on_terminal) for field, value in zip(fields, row, strict=True)]
        if number in needing and "state" in fields:
            state = cells[fields.index("state")]
            state.append(_NEEDS_HOUSEKEEPING)
            state.style = _NEEDING_STYLE if on_terminal else ""
        for field, cell in zip(fields, cells, strict=True):
            if (number, field) in marked:
                cell.stylize("reverse")
        table.add_row(*cells)
    return table


def write_pairs(pairs: Iterable[tuple[str, object]], file: TextIO) -> None:
    """Write names and values, a pair a row, without a header."""
    on_terminal = file.isatty()
    table = _table(on_terminal, header=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, _cell(name, value, on_terminal, moment_too=True))
    _print(table, file)


def ago(when: datetime) -> str:
    """Return how long ago that was, like ``3 minutes ago``."""
    from humanize import naturaltime  # late: only a terminal is told

    return naturaltime(datetime.now(UTC) - when)


def _table(on_terminal: bool, *, header: bool = True, footer: bool = False) -> Table:
    style = box.SIMPLE if on_terminal and header else None  # a line below the header
    gap = 1 if style else 2  # a box has a column between columns
    return Table(
        box=style,
        show_header=header,
        show_footer=footer,
        show_edge=False,
        pad_edge=False,
        padding=(0, gap, 0, 0),
    )


def _print(table: Table, file: TextIO) -> None:
    if file.isatty():
        # Rich takes a terminal that it knows nothing of (TERM=dumb) to have 80 columns.
        width, height = get_terminal_size()
        Console(file=file, width=width, height=height).print(table)
        return
    console = Console(file=file, width=_NO_LIMIT, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(table)
    file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _cell(field: str, value: object, on_terminal: bool, *, moment_too: bool = False) -> Text:
    match type_of(field):
        case "time":
            when = value if isinstance(value, datetime) else moment(value)
            return Text(_describe(when, on_terminal, moment_too))
        case "boolean":
            return Text(boolean(value))
        case "state":
            return Text(str(value), style=_STYLES[str(value)] if on_terminal else "")
    return Text(visible(text(value)))


def _describe(when: datetime | None, on_terminal: bool, moment_too: bool) -> str:
    if when is None or not on_terminal:
        return when.isoformat() if when else ""
    if not when.timestamp():
        return "unknown"  # expire-all was here
    return f"{when.isoformat()} ({ago(when)})" if moment_too else ago(when)
