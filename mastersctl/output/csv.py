"""Comma-separated values with a header, quoted where a value needs it (RFC 4180, but LF)."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from mastersctl.output.values import to_text
from mastersctl.visible import visible


def write(rows: Iterable[tuple[Any, ...]], fields: Sequence[str], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    on_terminal = file.isatty()  # which acts on control characters
    writer.writerow(fields)
    for row in rows:
        texts = map(to_text, row)
        writer.writerow(map(visible, texts) if on_terminal else texts)
