"""A bar on a terminal that says how far long work has come; of short work nothing is drawn."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

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
        self._drawn: tuple[Bar, TaskID] | None = None

    def track(self, items: Sequence[T]) -> Iterator[T]:
        """Yield the items, each of which is done when the next one is asked for."""
        self._total = len(items)
        for self._done, item in enumerate(items):
            if self._drawn:
                bar, task = self._drawn
                bar.update(task, total=self._total, completed=self._done)
            yield item

    def draw(self) -> None:
        """Draw the bar, in a thread of its own, until `end` is called."""
        from rich import progress as rich  # late: it is rarely seen
        from rich.console import Console

        from mastersctl.output.live import can_draw

        class Terminal(Console):
            """One that keeps its cursor: there is nothing to undo when the command is killed."""

            def show_cursor(self, show: bool = True) -> bool:
                return False

        if self._file is None or not can_draw(self._file):
            return
        with self._lock:
            if self._ended:
                return
            bar = rich.Progress(
                rich.TextColumn("{task.description}"),
                rich.BarColumn(),
                rich.TaskProgressColumn(),
                rich.TimeElapsedColumn(),
                console=Terminal(file=self._file),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            task = bar.add_task(self._title, total=self._total, completed=self._done)
            self._drawn = bar, task
            bar.start()

    def end(self) -> None:
        """Leave the terminal as it was."""
        with self._lock:
            self._ended = True
            if self._drawn:
                self._drawn[0].stop()


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
