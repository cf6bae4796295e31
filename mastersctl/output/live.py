"""A table on the whole terminal that is drawn again and again, with what changed marked."""

import os
import signal
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NamedTuple, TextIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from mastersctl.output.table import build
from mastersctl.text import visible

Rows = Sequence[tuple[object, ...]]

_ABSENT = object()
_CHECK_INTERVAL = 2.0  # seconds, after which it looks whether the terminal is still there


class Contents(NamedTuple):
    """What is drawn below the title.

    Attributes:
        rows: the ID of a master, and what the database has for each of the fields.
        summary: a line above them.
        are_all: whether there is no other row than these.
        needing: the numbers of the rows of masters that need housekeeping.
    """

    rows: Rows
    summary: str
    are_all: bool
    needing: Container[int] = ()


class Screen:
    """What is on the terminal; `fullscreen` makes one.

    Parameters:
        title: what the header begins with.
        fields: those of each row, which come after the ID that tells which master it is.
    """

    def __init__(self, live: Live, title: str, fields: Sequence[str]) -> None:
        self._live = live
        self._title = Text(visible(title), style="bold")
        self._fields = fields
        self._rows: Rows = ()
        self._are_all = False  # whether a master that is not among the rows was not there
        self._marked: set[tuple[int, str]] = set()
        self._needing: Container[int] = ()
        self._head: list[Text] = []
        # Not an Event: a signal that comes while it is being cleared would wait for ever.
        self._signals: SimpleQueue[None] = SimpleQueue()
        self._suspended = False

    def room(self) -> int:
        """Return how many rows fit at the most."""
        return self._live.console.height

    def show(self, contents: Contents) -> None:
        """Draw the rows below the summary, and mark what is not as it was the last time."""
        rows, summary, are_all, needing = contents
        before = {id_: values for id_, *values in self._rows}
        new = [_ABSENT] * len(self._fields) if self._are_all else None
        self._marked = {
            (number, field)
            for number, (id_, *values) in enumerate(rows)
            for field, old, value in zip(
                self._fields, before.get(id_, new or values), values, strict=True
            )
            if old != value
        }
        self._rows, self._are_all, self._needing = rows, are_all, needing
        self._head = [Text(visible(f"{_now()}  {summary}"))]
        self._draw()

    def show_error(self, message: str) -> None:
        """Draw the last rows again, with an error above them."""
        self._marked = set()
        self._head = [*self._head[:1], Text(visible(f"{_now()}  {message}"), style="bold red")]
        self._draw()

    def wait(self, seconds: float) -> None:
        """Wait, and follow the size of the terminal meanwhile, and Ctrl-Z.

        Raises:
            SystemExit: the terminal is gone.
        """
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline:
            is_signalled = self._is_signalled(min(deadline, now + _CHECK_INTERVAL))
            self._end_without_terminal()
            if not is_signalled:
                continue
            if self._suspended:
                self._suspended = False
                self._live.stop()
                os.kill(os.getpid(), signal.SIGSTOP)
                self._live.start()
            self._draw()

    def _is_signalled(self, deadline: float) -> bool:
        """Wait, until the deadline, for signals, and return whether there are any."""
        is_signalled = False
        with suppress(Empty):
            self._signals.get(timeout=max(0.0, deadline - time.monotonic()))
            is_signalled = True
            while True:  # one drawing does for all of them
                self._signals.get_nowait()
        return is_signalled

    def resized(self, *_: object) -> None:
        """Handle SIGWINCH, but draw nothing here: the next signal may come before that ends."""
        self._signals.put(None)

    def suspended(self, *_: object) -> None:
        """Handle SIGTSTP."""
        self._suspended = True
        self._signals.put(None)

    def _end_without_terminal(self) -> None:
        """End as a process does that its terminal hangs up on, if that is gone.

        It has not ended by that signal where it ignores it, as below nohup.
        """
        file = self._live.console.file
        if not file.isatty():
            os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())  # what is left goes nowhere
            raise SystemExit(128 + signal.SIGHUP)

    def _draw(self) -> None:
        self._end_without_terminal()
        rows = [tuple(values) for _, *values in self._rows]
        table = build(
            rows, self._fields, on_terminal=True, marked=self._marked, needing=self._needing
        )
        drawn = _Cropped(Group(self._title, *self._head, Text(), table))
        try:
            self._live.update(drawn, refresh=True)
        except OSError:
            self._end_without_terminal()  # it may have gone at this moment
            raise


class _Cropped:
    """What does not fit is cut off at the bottom, where an ellipsis says so."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        lines = console.render_lines(self._renderable, options.update(height=None), pad=False)
        if len(lines) > height:
            lines = [*lines[: height - 1], [Segment("...")]]
        for line in lines:
            yield from line
            yield Segment.line()


def _now() -> str:
    return time.strftime("%H:%M:%S")


def can_draw(file: TextIO) -> bool:
    """Return whether `file` is a terminal that can be drawn on."""
    console = Console(file=file)
    return file.isatty() and console.is_terminal and not console.is_dumb_terminal


@contextmanager
def fullscreen(file: TextIO, title: str, fields: Sequence[str]) -> Iterator[Screen]:
    """Take the whole terminal for a `Screen`, and leave it as it was."""
    live = Live(console=Console(file=file), screen=True, auto_refresh=False)
    screen = Screen(live, title, fields)

    def terminated(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # so that the terminal is left as it was

    handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
        signal.SIGWINCH: screen.resized,
        signal.SIGTSTP: screen.suspended,
        signal.SIGTERM: terminated,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        with live:
            yield screen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
