"""JSON: one array, an object a line. It is no JSON before its last bracket."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from mastersctl.output.values import to_json


def write(rows: Iterable[tuple[Any, ...]], fields: Sequence[str], file: TextIO) -> None:
    separator = "[\n"
    for row in rows:
        item = dict(zip(fields, row, strict=True))
        file.write(f"{separator}  {json.dumps(item, default=to_json)}")
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def write_object(item: dict[str, Any], file: TextIO) -> None:
    """Write one object, a line for each of its keys."""
    file.write(json.dumps(item, default=to_json, indent=2) + "\n")
