"""A progress bar on a terminal for long work; short work draws no bar."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from mastersctl.output.bar import Bar

T = TypeVar("T")

_DRAW_DELAY = 1.0  # seconds


class Progress:
    """The progress of some work; `progress` makes one.

    Parameters:
        title: the name of the work, which stands before the bar.
        file: the bar is drawn here, if this is a terminal.
    """

    def __init__(self, title: str, file: TextIO | None) -> None:
        self._title = title
        self._file = file
        self._done = 0
        self._total: int | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._bar: Bar | None = None

    def track(self, items: Sequence[T]) -> Iterator[T]:
        """Yield the items; an item counts as done when the caller asks for the next one."""
        self._total = len(items)
        for self._done, item in enumerate(items):
            if self._bar:
                self._bar.move(self._done, self._total)
            yield item

    def draw(self) -> None:
        """Draw the bar, in a thread of its own, until `end` is called."""
        from mastersctl.output.bar import Bar  # late: only long work needs it
        from mastersctl.output.live import can_draw

        if self._file is None or not can_draw(self._file):
            return
        with self._lock:
            if self._ended:
                return
            self._bar = Bar(self._title, self._file, self._done, self._total)
            self._bar.start()

    def end(self) -> None:
        """Remove the bar, and draw no other."""
        with self._lock:
            self._ended = True
            if self._bar:
                self._bar.stop()


@contextmanager
def progress(title: str, file: TextIO | None) -> Iterator[Progress]:
    """Show the progress of the body of the `with` statement if it takes long.

    The bar needs `file` to be a terminal. Unless the body uses `Progress.track`, the bar shows
    only activity and the elapsed time. The body must print nothing else.
    """
    bar = Progress(title, file)
    timer = threading.Timer(_DRAW_DELAY, bar.draw)
    timer.daemon = True
    if file is not None and file.isatty():
        timer.start()
    try:
        yield bar
    finally:
        timer.cancel()
        bar.end()
