"""A bar on a terminal that says how far long work has come; of short work nothing is drawn."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from mastersctl.output.bar import Bar

T = TypeVar("T")

_DRAW_DELAY = 1.0  # seconds; shorter work draws no bar


class Progress:
    """How far the work has come; `progress` makes one.

    Parameters:
        title: what is done.
        file: where it may be drawn.
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
        """Yield the items, each of which is done when the next one is asked for."""
        self._total = len(items)
        for self._done, item in enumerate(items):
            if self._bar:
                self._bar.move(self._done, self._total)
            yield item

    def draw(self) -> None:
        """Draw the bar, in a thread of its own, until `end` is called."""
        from mastersctl.output.bar import Bar  # late: it is rarely seen
        from mastersctl.output.live import can_draw

        if self._file is None or not can_draw(self._file):
            return
        with self._lock:
            if self._ended:
                return
            self._bar = Bar(self._title, self._file, self._done, self._total)
            self._bar.start()

    def end(self) -> None:
        """Leave the terminal as it was."""
        with self._lock:
            self._ended = True
            if self._bar:
                self._bar.stop()


@contextmanager
def progress(title: str, file: TextIO | None) -> Iterator[Progress]:
    """Show how far what is inside has come, when it takes long and `file` is a terminal.

    Where the work does not say what there is of it, the bar shows that it goes on, and for how
    long. Nothing else may be printed meanwhile.
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
