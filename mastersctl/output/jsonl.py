"""JSON lines: one object a line."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from mastersctl.output.values import to_json


def write(rows: Iterable[tuple[Any, ...]], fields: Sequence[str], file: TextIO) -> None:
    for row in rows:
        write_object(dict(zip(fields, row, strict=True)), file)


def write_object(item: dict[str, Any], file: TextIO) -> None:
    """Write one object on one line."""
    file.write(json.dumps(item, default=to_json) + "\n")
