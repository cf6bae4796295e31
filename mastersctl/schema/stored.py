"""Stored values as Python values; they may be of any type, because SQLite checks none."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any


def text(value: object) -> str:
    """Return a stored name as text; None becomes an empty text."""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    return "" if value is None else str(value)


def moment(seconds: object) -> datetime | None:
    """Return the time in UTC for epoch seconds; None if there is no such time."""
    try:
        return datetime.fromtimestamp(seconds, UTC)  # type: ignore[arg-type]  # or it raises
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def iso_8601(column: Sequence[Any]) -> list[str]:
    """Return each `moment` of a column in ISO 8601, or an empty text if there is no such time.

    `datetime` takes five times as long. For a million masters, that would be most of the time.
    """
    minutes, seconds = _minutes(), _seconds()
    try:
        return [f"{_day(s // 86400)}{minutes[s // 60 % 1440]}{seconds[s % 60]}" for s in column]
    except (TypeError, ValueError, OverflowError, OSError):  # not all of them are valid times
        moments = map(moment, column)
        return [when.isoformat() if when else "" for when in moments]


@lru_cache(maxsize=4096)
def _day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86400, UTC).date().isoformat()}T"


@cache
def _minutes() -> list[str]:
    return [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]


@cache
def _seconds() -> list[str]:
    return [f"{second:02}+00:00" for second in range(60)]
