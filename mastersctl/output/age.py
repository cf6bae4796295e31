"""Ages as ``kubectl`` writes them: short enough for a column."""

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_MONTH = 30 * _DAY
_YEAR = 365 * _DAY


def age(seconds: float) -> str:
    """Return an age as text, like ``43s``, ``14m``, ``3h20m``, ``4d``, ``5mo`` or ``2y``.

    A time in the future has a minus, like ``-43s``.
    """
    if seconds <= -1:
        return f"-{age(-seconds)}"
    whole = int(seconds)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 2 * _DAY:
        hours, rest = divmod(whole, _HOUR)
        return f"{hours}h{rest // _MINUTE}m" if rest >= _MINUTE else f"{hours}h"
    if whole < 3 * _MONTH:
        return f"{whole // _DAY}d"
    if whole < 2 * _YEAR:
        return f"{whole // _MONTH}mo"
    return f"{whole // _YEAR}y"


def ago(seconds: float) -> str:
    """Return how long ago a time was, like ``14m ago``; ``in 14m`` if it is in the future."""
    return f"in {age(-seconds)}" if seconds <= -1 else f"{age(seconds)} ago"
