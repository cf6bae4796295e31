r"""Tab-separated values, with a header; ``\t``, ``\n``, ``\r`` and ``\\`` stand for themselves.

These are the escapes of PostgreSQL's COPY: one row is one line, and ``cut -f`` needs no quoting.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from mastersctl.output.values import to_text
from mastersctl.visible import visible

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def write(rows: Iterable[tuple[Any, ...]], fields: Sequence[str], file: TextIO) -> None:
    on_terminal = file.isatty()  # which acts on the other control characters, too
    file.write("\t".join(fields) + "\n")
    for row in rows:
        texts = [to_text(value).translate(_ESCAPES) for value in row]
        file.write("\t".join(map(visible, texts) if on_terminal else texts) + "\n")
