"""How masters are written: a module a format.

Each but the table has a function `write` that is a `Writer`.
"""

import importlib
from collections.abc import Iterable, Sequence
from typing import Protocol, TextIO

FORMATS = ("table", "wide", "json", "jsonl", "csv", "tsv", "id")


class Writer(Protocol):
    """Writes masters to a file: some rows before it reads the next.

    The last ones that were read before an error are not written.
    """

    def __call__(
        self, rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO
    ) -> None:
        """Write `rows`, which hold what the database has for each of `fields`, to `file`."""


def writer(format_: str) -> Writer:
    """Return the function that writes in `format_`, one of `FORMATS` that is no table."""
    module = importlib.import_module(f"{__name__}.{format_}")
    return module.write  # type: ignore[no-any-return]  # each module has one
