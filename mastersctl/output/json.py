"""JSON: one array, with an object on each line. Output that ends early is not valid JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from mastersctl.output.texts import Column, ToTexts, booleans, filled, names, to_json
from mastersctl.query.fields import Type
from mastersctl.schema.stored import iso_8601

_encode = json.JSONEncoder().encode


def _strings(column: Column) -> Iterable[str]:
    return map(_encode, names(column))


def _moments(column: Column) -> Iterable[str]:
    return (f'"{text}"' if text else "null" for text in iso_8601(column))


TO_TEXTS: Mapping[Type, ToTexts] = {
    "text": _strings,
    "state": _strings,
    "boolean": booleans,
    "time": _moments,
}


def write(rows: Iterable[tuple[object, ...]], fields: Sequence[str], file: TextIO) -> None:
    separator = "[\n"
    for lines in filled(f"  {template(fields)}", rows, fields, TO_TEXTS):
        file.write(separator + ",\n".join(lines))
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def write_object(item: Mapping[str, object], file: TextIO) -> None:
    """Write one object, with a line for each of its keys."""
    file.write(json.dumps(to_json(item), indent=2) + "\n")


def template(fields: Sequence[str]) -> str:
    """Return an object on one line, with ``%s`` for each value."""
    return "{" + ", ".join(f'"{field}": %s' for field in fields) + "}"
