"""A bar on a terminal, drawn by Rich in a thread of its own."""

from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


class _Terminal(Console):
    """One that keeps its cursor: there is nothing to undo when the command is killed."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


class Bar:
    """A bar, which is drawn until it is stopped.

    Parameters:
        title: what stands before it.
        file: the terminal.
        done, total: how far it is at first, and at the end; None if that is not known.
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
        """Draw it from now on."""
        self._progress.start()

    def move(self, done: int, total: int | None) -> None:
        """Draw how far the work has come by now."""
        self._progress.update(self._task, total=total, completed=done)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()
