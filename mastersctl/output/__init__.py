"""Output formats: one module for each.

In each of these modules but `table`, the function `write` is a `Writer`.
"""

import importlib
from collections.abc import Iterable, Sequence
from typing import Protocol, TextIO

FORMATS = ("table", "wide", "json", "jsonl", "csv", "tsv", "id")


class Writer(Protocol):
    """Writes masters to a file in batches.

    If reading fails, the last, incomplete batch is not written.
    """

    def __call__(
        self, rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO
    ) -> None:
        """Write `rows` to `file`; each row has the stored values of `fields`."""


def writer(format_: str) -> Writer:
    """Return the writer of `format_`, which is one of `FORMATS` but no table."""
    module = importlib.import_module(f"{__name__}.{format_}")
    return module.write  # type: ignore[no-any-return]  # each module has one
