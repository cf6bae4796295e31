"""The times that Buildbot stores, which are epoch seconds in UTC, and whether ours is right."""

from datetime import UTC, datetime

from mastersctl.errors import ClockError

_TOLERANCE = 60  # seconds


def moment(seconds: object) -> datetime | None:
    """Return the moment that `seconds` stand for; None if a calendar has none such.

    SQLite holds whatever was written to it, be it text or the year 300000.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def check_clock(here: float, server: int | None) -> None:
    """Raise ClockError if this host's clock and a database server's differ by over a minute.

    By a clock that is fast every living master seems to be dead.

    Parameters:
        here: what this host's clock said when the server's was asked, in epoch seconds.
        server: what that said; None where there is no server.
    """
    if server is None or abs(here - server) <= _TOLERANCE:
        return
    from humanize import precisedelta  # late: it is rarely needed

    fast_or_slow = "fast" if here > server else "slow"
    raise ClockError(
        f"The clock of this host is {fast_or_slow} by {precisedelta(abs(round(here - server)))}, "
        "compared with that of the database server, so nobody can tell which masters are dead; "
        "set the one that is wrong. Nothing was changed."
    )
