"""Tables: plain text in a pipe or a file, a line for each row; `terminal` draws on a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TextIO

from mastersctl.output.columns import GAP, Column, Row, by_column, mark, pad, plain


def write(
    rows: Iterable[Row],
    columns: Sequence[Column],
    file: TextIO,
    *,
    footer: Row = (),
    needing: Collection[int] = (),
) -> list[str]:
    """Write a table, and return the headings of the columns that do not fit on a terminal.

    All rows are read first: a column is as wide as its widest text.

    Parameters:
        rows: the stored values of the columns.
        footer: the values of a last row, for sums.
        needing: the numbers of the rows of masters that need housekeeping.
    """
    rows = [*rows]
    if file.isatty():
        from mastersctl.output.terminal import write_lines  # late: it imports Rich

        return write_lines(rows, columns, file, footer=footer, needing=needing)
    texts = [
        [column.heading, *plain(column, values), *map(str, footer[number : number + 1])]
        for number, (column, values) in enumerate(
            zip(columns, by_column(rows, columns), strict=True)
        )
    ]
    mark(columns, texts, [number + 1 for number in needing])
    padded = [pad(cells, column.alignment) for column, cells in zip(columns, texts, strict=True)]
    file.writelines(f"{GAP.join(cells).rstrip()}\n" for cells in zip(*padded, strict=True))
    return []
