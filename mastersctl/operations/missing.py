"""Missing masters, to which rows still refer: their names and IDs when they are put back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mastersctl.operations.lookup import Lookup
from mastersctl.schema.master import Master
from mastersctl.schema.stored import text

_MAX_ID = 2**31 - 1  # of an INTEGER: after this ID, no server can add a master


def name_of_missing(id_: object) -> str:
    """Return the name for a master that is put back."""
    return f"missing-master-{id_}:unknown"


def is_id(value: object) -> bool:
    """Return whether a master can have this ID; SQLite holds values of any type."""
    return isinstance(value, int) and 0 < value < _MAX_ID


def how_to_put_back(lookup: Lookup, ids: Collection[Any]) -> tuple[bool, str]:
    """Return whether `mastersctl.operations.repair` can put back any of the masters, and a remedy.

    Parameters:
        ids: the IDs of the missing masters.
    """
    names = {text(name) for (name,) in lookup.database.rows(Master.select(Master.name))}
    impossible = [id_ for id_ in ids if not is_id(id_)]
    taken = [id_ for id_ in ids if is_id(id_) and name_of_missing(id_) in names]
    free = {*ids} - {*impossible, *taken}
    parts = []
    if free:
        parts.append(
            "'mastersctl doctor --fix' adds the missing masters, inactive; then 'mastersctl remove "
            "ID --reassign-to MASTER' reassigns their builds to another master."
        )
    if taken:
        parts.append(
            f"Another master has the name {name_of_missing(taken[0])!r}, which --fix needs for a "
            "missing master: rename that one with 'mastersctl rename', or set the masterid of the "
            "rows to its ID by hand."
        )
    if impossible:
        parts.append(
            f"No master can have the ID {impossible[0]!r}: set the masterid of its rows to that "
            "of another master by hand."
        )
    return bool(free), " ".join(parts)
