"""JSON lines: one object on each line."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from mastersctl.output.json import TO_TEXTS, template
from mastersctl.output.texts import filled, to_json


def write(rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO) -> None:
    for lines in filled(f"{template(fields)}\n", rows, fields, TO_TEXTS):
        file.write("".join(lines))


def write_object(item: Mapping[str, object], file: TextIO) -> None:
    """Write one object on one line."""
    file.write(json.dumps(to_json(item)) + "\n")
