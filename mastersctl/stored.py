"""What the database stores, be it what it should be or not: SQLite holds whatever was written."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any


def text(value: object) -> str:
    """Return a name as text."""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    return "" if value is None else str(value)


def moment(seconds: object) -> datetime | None:
    """Return the moment that `seconds` (epoch, UTC) stand for; None if a calendar has none such."""
    try:
        return datetime.fromtimestamp(seconds, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def iso_8601(column: Sequence[Any]) -> list[str]:
    """Return each `moment` of a column in ISO 8601, empty where there is none.

    `datetime` takes five times as long, of which a list of a million masters would mostly consist.
    """
    try:
        return [
            f"{_day(seconds // 86400)}{_minute(seconds // 60 % 1440)}{_SECONDS[seconds % 60]}"
            for seconds in column
        ]
    except (TypeError, ValueError, OverflowError, OSError):  # not all of them are what they should
        moments = map(moment, column)
        return [when.isoformat() if when else "" for when in moments]


@lru_cache(maxsize=4096)
def _day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86400, UTC).date().isoformat()}T"


@lru_cache(maxsize=1440)
def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}:"


_SECONDS = [f"{second:02}+00:00" for second in range(60)]
