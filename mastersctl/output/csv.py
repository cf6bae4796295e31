"""Comma-separated values with a header, quoted where a value needs it (RFC 4180, but LF)."""

from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from mastersctl.output.values import Column, hold, names, write_lines
from mastersctl.stored import iso_8601


def write(rows: Iterable[tuple[Any, ...]], fields: Sequence[str], file: TextIO) -> None:
    to_texts = {
        "name": lambda column: _quoted(names(column)),
        "last_active": lambda column: _quoted(iso_8601(column), ""),
    }
    write_lines(rows, fields, ",", to_texts, file)


def _quoted(texts: Column, special: str = ',"\r\n') -> Iterable[str]:
    # The csv module takes three times as long, and leaves a CR unquoted where lines end with LF.
    # What is empty is quoted, too: a line without anything would be none.
    if "" in texts or hold(texts, special):
        return [
            '"' + text.replace('"', '""') + '"' if not text or hold(text, special) else text
            for text in texts
        ]
    return texts
