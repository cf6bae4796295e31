"""Checks whether the ages of check-ins are certain."""

import math

from mastersctl.errors import ClockError, ReplicationLagError

TOLERANCE = 60  # seconds


def check_clock(host_time: float, server_time: int | None) -> None:
    """Raise ClockError if the clocks of this host and a database server differ by over a minute.

    If this host's clock is fast, every active master seems to be dead.

    Parameters:
        host_time: the time on this host, in epoch seconds.
        server_time: the server's time at that moment; None if there is no server.
    """
    if server_time is None or abs(host_time - server_time) <= TOLERANCE:
        return
    ahead_or_behind = "ahead of" if host_time > server_time else "behind"
    raise ClockError(
        f"The clock of this host is {_duration(host_time - server_time)} {ahead_or_behind} the "
        "clock of the database server, so it is unknown which masters are dead; correct the wrong "
        "clock. Nothing was changed."
    )


def check_lag(lag: float) -> None:
    """Raise ReplicationLagError if a standby is over a minute behind its primary.

    In an old copy, every active master seems to be dead.

    Parameters:
        lag: how far the standby is behind, in seconds.
    """
    behind = describe_lag(lag)
    if behind:
        raise ReplicationLagError(
            f"{behind}, so it is unknown which masters are dead; use the primary."
        )


def describe_lag(lag: float) -> str:
    """Return the beginning of a sentence about a lag of over a minute; else an empty text."""
    if lag <= TOLERANCE:
        return ""
    if math.isinf(lag):
        return "The database is a standby, and it is unknown how far it is behind its primary"
    return f"The database is a standby that is {_duration(lag)} behind its primary"


def _duration(seconds: float) -> str:
    from humanize import precisedelta  # late: few commands need it

    return precisedelta(abs(round(seconds)))
