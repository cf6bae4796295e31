"""Comma-separated values with a header, quoted where a value needs it (RFC 4180, but LF)."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from mastersctl.output.values import to_text
from mastersctl.visible import visible


class _Lines:
    """Ends lines with LF. Told to do so, the csv module would leave a CR in a value unquoted."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line.removesuffix("\r\n") + "\n")


def write(rows: Iterable[tuple[Any, ...]], fields: Sequence[str], file: TextIO) -> None:
    writer = csv.writer(_Lines(file))
    on_terminal = file.isatty()  # which acts on control characters
    writer.writerow(fields)
    for row in rows:
        texts = map(to_text, row)
        writer.writerow(map(visible, texts) if on_terminal else texts)
