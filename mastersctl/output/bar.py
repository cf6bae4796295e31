"""A progress bar on a terminal, which Rich draws in a separate thread."""

from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


class _Terminal(Console):
    """A console that never hides the cursor, so that a killed command leaves it visible."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


class Bar:
    """A progress bar, drawn between `start` and `stop`.

    Parameters:
        title: the text before the bar.
        file: the terminal.
        done: the number of items done at first.
        total: the number of all items; None if it is unknown.
    """

    def __init__(self, title: str, file: TextIO, done: int, total: int | None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=_Terminal(file=file),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(title, total=total, completed=done)

    def start(self) -> None:
        """Start to draw the bar."""
        self._progress.start()

    def move(self, done: int, total: int | None) -> None:
        """Draw the bar for another number of items done."""
        self._progress.update(self._task, total=total, completed=done)

    def stop(self) -> None:
        """Remove the bar from the terminal."""
        self._progress.stop()
