"""How signals end the process; this module is imported before any slow one."""

# The module signal wraps this one, and takes ten times as long to import.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIG_IGN,
    SIGINT,
    SIGPIPE,
    default_int_handler,
    getsignal,
    raise_signal,
    signal,
)


def end_process() -> None:
    """Let an interrupt end the process at once and silently, unless interrupts are ignored."""
    if getsignal(SIGINT) != SIG_IGN:
        signal(SIGINT, SIG_DFL)


def raise_error() -> None:
    """Let an interrupt raise KeyboardInterrupt, unless interrupts are ignored."""
    if getsignal(SIGINT) != SIG_IGN:
        signal(SIGINT, default_int_handler)


def end_as_filter() -> None:
    """End the process by SIGPIPE, as a write to a closed pipe does."""
    signal(SIGPIPE, SIG_DFL)
    raise_signal(SIGPIPE)


def interrupt() -> None:
    """End the process as an interrupt does."""
    signal(SIGINT, SIG_DFL)
    raise_signal(SIGINT)
