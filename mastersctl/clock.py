"""Whether this host's clock is right."""

from mastersctl.errors import ClockError

_TOLERANCE = 60  # seconds


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
