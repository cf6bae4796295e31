"""The values of a master in the formats that programs read."""

from datetime import datetime
from typing import Any


def to_json(value: Any) -> str:
    """Return what JSON has for a value it does not know. For `json.dumps(default=...)`."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")


def to_text(value: Any) -> str:
    """Return what CSV and TSV have for a value."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
    return str(value)
