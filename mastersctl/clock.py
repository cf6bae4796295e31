"""The times that Buildbot stores: epoch seconds, UTC."""

from datetime import UTC, datetime


def moment(seconds: object) -> datetime | None:
    """Return the moment that `seconds` stand for; None if a calendar has none such.

    SQLite holds whatever was written to it, be it text or the year 300000.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None
