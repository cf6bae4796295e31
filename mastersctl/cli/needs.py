"""What is said of masters that need housekeeping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mastersctl.operations.needs import Needing

_LINKS = "links"


def summary(needing: Needing) -> str:
    """Return how many masters need housekeeping, and what does it; nothing if none does."""
    number = len(needing.masters)
    if needing.unknown:
        return f"Nobody can tell which masters need housekeeping: {needing.unknown}"
    if not number:
        return ""
    masters = "master needs" if number == 1 else "masters need"
    return f"{number} {masters} housekeeping: mastersctl housekeep"


def numbers(needing: Needing, rows: Iterable[tuple[Any, ...]]) -> set[int]:
    """Return the numbers of those rows, which begin with an ID, whose masters need housekeeping."""
    ids = set(needing.ids or ())
    return {number for number, (id_, *_) in enumerate(rows) if id_ in ids}


def held(needing: Needing, masterid: int | None = None) -> dict[str, int]:
    """Return how many links, unfinished builds and claims masters hold, or one of them."""
    from mastersctl.schema.relations import HELD, LINKS

    ids = [*needing.held] if masterid is None else [masterid]
    found: Counter[str] = Counter({_LINKS if kind in LINKS else kind: 0 for kind in HELD})
    for id_ in ids:
        for kind, number in needing.held[id_].items():
            found[_LINKS if kind in LINKS else kind] += number
    return dict(found)


def warning(needing: Needing) -> str:
    """Return what masters that need housekeeping hold, and what to do; nothing if none does."""
    if needing.unknown or not needing.masters:
        return summary(needing)
    states = {master.state for master in needing.masters}
    masters = _counted(len(needing.masters), "master")
    if len(states) == 1:
        number, _, word = masters.partition(" ")
        masters = f"{number} {states.pop()} {word}"
    else:
        masters += " that are not active"
    verb = "holds" if len(needing.masters) == 1 else "hold"
    things = [
        _counted(number, kind.removesuffix("s").replace("_", " "))
        for kind, number in reversed(held(needing).items())
        if number
    ]
    return f"{masters} {verb} {_joined(things)}: run 'mastersctl housekeep'"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _joined(parts: list[str]) -> str:
    *parts, last = parts
    return f"{', '.join(parts)} and {last}" if parts else last
