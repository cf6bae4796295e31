"""Comma-separated values with a header, quoted where a value needs it (RFC 4180, but LF)."""

from collections.abc import Iterable, Sequence
from typing import TextIO

from mastersctl.output.texts import Column, ToTexts, hold, names, write_lines
from mastersctl.query.fields import Type
from mastersctl.schema.stored import iso_8601

_TO_QUOTE = ',"\r\n'


def write(rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO) -> None:
    to_texts: dict[Type, ToTexts] = {"text": _quoted, "time": iso_8601}
    if len(fields) == 1:
        to_texts = {
            "text": lambda column: _present(_quoted(column)),
            "time": lambda column: _present(iso_8601(column)),
        }
    write_lines(rows, fields, ",", to_texts, file)


def _quoted(column: Column) -> Sequence[str]:
    # The csv module takes three times as long, and leaves a CR unquoted where lines end with LF.
    texts = names(column)
    if not hold(texts, _TO_QUOTE):
        return texts
    return [
        '"' + text.replace('"', '""') + '"' if hold([text], _TO_QUOTE) else text for text in texts
    ]


def _present(texts: Sequence[str]) -> Sequence[str]:
    """Quote empty values: in a file with one column, an empty line would be no row."""
    return [text or '""' for text in texts]
