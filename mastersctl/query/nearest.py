"""The name that a user probably meant by a name that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from mastersctl._peewee import peewee
from mastersctl.schema.stored import text

if TYPE_CHECKING:
    from mastersctl.database import Database

_MAX_NAMES = 50  # names to compare here; the database selects them
_MAX_LENGTH = 200  # characters; longer names are not compared
_PART, _MAX_PARTS = 3, 12  # characters of a part of a name, and the number of parts to search for
_MIN_LIKENESS = 0.6  # as in difflib.get_close_matches


def nearest(database: Database, model: Any, given: str) -> str | None:
    """Return the one name that the user probably meant by `given`; None if none or several fit.

    This is the only name that contains `given`, or the name most like it. Case and a slash at the
    end are ignored. One statement selects a few names, so this is fast on clusters of any size.

    Parameters:
        model: the model of masters, or of something that they are linked to.
    """
    wanted = given.strip().rstrip("/").lower()[:_MAX_LENGTH]
    if not wanted:
        return None
    in_lower_case = database.by_code_point(peewee.fn.LOWER(model.name))
    shared: Any = sum(
        peewee.Case(None, [(database.contains(in_lower_case, part), 1)], 0)
        for part in (wanted, *_parts(wanted))
    )
    query = model.select(model.name)
    query = query.where(peewee.fn.SUBSTR(model.name, _MAX_LENGTH + 1, 1) == "")
    query = query.order_by(shared.desc(), model.id).limit(_MAX_NAMES)
    return _meant(wanted, [text(name) for (name,) in database.rows(query)])


def _parts(wanted: str) -> Iterable[str]:
    """Return overlapping parts of a name: a name that differs in a letter has most of them, too."""
    starts = range(len(wanted) - _PART + 1)
    step = -(-len(starts) // _MAX_PARTS) or 1
    return dict.fromkeys(wanted[start : start + _PART] for start in starts[::step])


def _meant(wanted: str, names: Sequence[str]) -> str | None:
    whole_words = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
    for found in (
        [name for name in names if name.rstrip("/").lower() == wanted],
        [name for name in names if whole_words.search(name.lower())],
        [name for name in names if wanted in name.lower()],
    ):
        if len(found) == 1:
            return found[0]
    matcher = SequenceMatcher(b=wanted)
    likeness = {}
    for name in names:
        matcher.set_seq1(name.rstrip("/").lower())
        if matcher.quick_ratio() >= _MIN_LIKENESS:
            likeness[name] = matcher.ratio()
    best = max(likeness.values(), default=0)
    found = [name for name, ratio in likeness.items() if ratio == best >= _MIN_LIKENESS]
    return found[0] if len(found) == 1 else None
