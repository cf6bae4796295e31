"""Whether the age of a check-in is known."""

import math

from mastersctl.errors import ClockError, ReplicationLagError

TOLERANCE = 60  # seconds


def check_clock(host_time: float, server_time: int | None) -> None:
    """Raise ClockError if this host's clock and a database server's differ by over a minute.

    By a clock that is fast every living master seems to be dead.

    Parameters:
        host_time: what this host's clock said when the server's was asked, in epoch seconds.
        server_time: what that said; None where there is no server.
    """
    if server_time is None or abs(host_time - server_time) <= TOLERANCE:
        return
    fast_or_slow = "fast" if host_time > server_time else "slow"
    raise ClockError(
        f"The clock of this host is {fast_or_slow} by {_duration(host_time - server_time)}, "
        "compared with that of the database server, so nobody can tell which masters are dead; "
        "set the one that is wrong. Nothing was changed."
    )


def check_lag(lag: float) -> None:
    """Raise ReplicationLagError if a database is over a minute behind the one that it copies.

    In an old copy every living master seems to be dead.

    Parameters:
        lag: how far it is behind, in seconds.
    """
    behind = describe_lag(lag)
    if behind:
        raise ReplicationLagError(
            f"{behind}, so nobody can tell which masters are dead; ask the primary."
        )


def describe_lag(lag: float) -> str:
    """Return how a sentence about a standby begins; nothing if it is not a minute behind."""
    if lag <= TOLERANCE:
        return ""
    if math.isinf(lag):
        return "The database is a standby, and nobody can tell how far it is behind its primary"
    return f"The database is a standby that is {_duration(lag)} behind its primary"


def _duration(seconds: float) -> str:
    from humanize import precisedelta  # late: it is rarely needed

    return precisedelta(abs(round(seconds)))
