"""How signals end the process; this is imported before anything that takes a while."""

# Not signal, which takes ten times as long to import, and is made of this.
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
    """Let it end the process at once and silently, unless it is ignored."""
    if getsignal(SIGINT) != SIG_IGN:
        signal(SIGINT, SIG_DFL)


def raise_error() -> None:
    """Let it raise KeyboardInterrupt, unless it is ignored."""
    if getsignal(SIGINT) != SIG_IGN:
        signal(SIGINT, default_int_handler)


def end_as_filter() -> None:
    """End the process as one ends that writes to a pipe which nobody reads any more."""
    signal(SIGPIPE, SIG_DFL)
    raise_signal(SIGPIPE)


def interrupt() -> None:
    """End the process as an interrupt does."""
    signal(SIGINT, SIG_DFL)
    raise_signal(SIGINT)
