r"""Tab-separated values with a header; tabs, line ends and backslashes are escaped.

The escapes are those of PostgreSQL's COPY: ``\t``, ``\n``, ``\r`` and ``\\``. So each row is one
line, and ``cut -f`` needs no quoting.
"""

from collections.abc import Iterable, Sequence
from typing import TextIO

from mastersctl.output.texts import Column, hold, names, write_lines

_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_TABLE = str.maketrans(_ESCAPES)


def write(rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO) -> None:
    write_lines(rows, fields, "\t", {"text": escaped}, file)


def escaped(column: Column) -> Iterable[str]:
    """Return the texts of a column, each as one line without a tab."""
    texts = names(column)
    return [text.translate(_TABLE) for text in texts] if hold(texts, "".join(_ESCAPES)) else texts
