"""Messages about masters that need housekeeping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mastersctl.text import counted, enumerated

if TYPE_CHECKING:
    from mastersctl.operations.needs import Needing

_LINKS = "links"


def summary(needing: Needing) -> str:
    """Return how many masters need housekeeping, with the remedy; an empty text if none do."""
    number = len(needing.masters)
    if needing.unknown:
        return f"It is unknown which masters need housekeeping: {needing.unknown}"
    if not number:
        return ""
    need = "needs" if number == 1 else "need"
    return f"{counted(number, 'master')} {need} housekeeping: mastersctl housekeep"


def numbers(needing: Needing, rows: Iterable[tuple[Any, ...]]) -> set[int]:
    """Return the numbers of the rows whose masters need housekeeping.

    Parameters:
        rows: the first value of each is the ID of a master.
    """
    ids = set(needing.ids or ())
    return {number for number, (id_, *_) in enumerate(rows) if id_ in ids}


def held(needing: Needing, masterid: int | None = None) -> dict[str, int]:
    """Return how many links, unfinished builds and claims the masters hold, by kind.

    Parameters:
        masterid: count only the rows of this master.
    """
    from mastersctl.schema.relations import HELD, LINKS

    ids = [*needing.held] if masterid is None else [masterid]
    found: Counter[str] = Counter({_LINKS if kind in LINKS else kind: 0 for kind in HELD})
    for id_ in ids:
        for kind, number in needing.held[id_].items():
            found[_LINKS if kind in LINKS else kind] += number
    return dict(found)


def warning(needing: Needing) -> str:
    """Return what the masters that need housekeeping hold, with the remedy; "" if none do."""
    if needing.unknown or not needing.masters:
        return summary(needing)
    states = {master.state for master in needing.masters}
    number = len(needing.masters)
    if len(states) == 1:
        masters = counted(number, f"{states.pop()} master")
    else:
        masters = f"{counted(number, 'master')} that are not active"
    verb = "holds" if number == 1 else "hold"
    things = [
        counted(number, kind.removesuffix("s").replace("_", " "))
        for kind, number in reversed(held(needing).items())
        if number
    ]
    return f"{masters} {verb} {enumerated(things)}: run 'mastersctl housekeep'"
