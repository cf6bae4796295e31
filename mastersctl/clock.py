"""Whether the age of a check-in is known."""

import math

from mastersctl.errors import ClockError, ReplicationLagError

TOLERANCE = 60  # seconds


def check_clock(here: float, server: int | None) -> None:
    """Raise ClockError if this host's clock and a database server's differ by over a minute.

    By a clock that is fast every living master seems to be dead.

    Parameters:
        here: what this host's clock said when the server's was asked, in epoch seconds.
        server: what that said; None where there is no server.
    """
    if server is None or abs(here - server) <= TOLERANCE:
        return
    from humanize import precisedelta  # late: it is rarely needed

    fast_or_slow = "fast" if here > server else "slow"
    raise ClockError(
        f"The clock of this host is {fast_or_slow} by {precisedelta(abs(round(here - server)))}, "
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
    from humanize import precisedelta  # late: it is rarely needed

    return f"The database is a standby that is {precisedelta(round(lag))} behind its primary"
