"""A table that fills the terminal, and marks changed cells when it is redrawn."""

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NamedTuple, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mastersctl.output.columns import columns_of
from mastersctl.output.terminal import draw, encodable, fold
from mastersctl.text import visible

Rows = Sequence[tuple[object, ...]]

_ABSENT = object()
_MARK_SECONDS = 10.0
_MIN_TABLE = 3  # lines: the headings, a row, and the number of rows that do not fit
_CHECK_INTERVAL = 2.0  # seconds between checks that the terminal is still open


class Contents(NamedTuple):
    """The contents of a screen below the title.

    Attributes:
        rows: for each master, its ID and the stored values of the fields.
        summary: the lines above the rows.
        total: how many rows there are in all; `rows` has the first of them.
        needing: the numbers of the rows of masters that need housekeeping.
    """

    rows: Rows
    summary: Sequence[str]
    total: int
    needing: Collection[int] = ()


class Screen:
    """The screen of a terminal; `fullscreen` makes one.

    Parameters:
        live: draws on the terminal.
        title: the beginning of the header.
        fields: the fields of each row, without the ID at its start.
        describe: returns the message for columns that do not fit.
    """

    def __init__(
        self,
        live: Live,
        title: str,
        fields: Sequence[str],
        describe: Callable[[Sequence[str]], str],
    ) -> None:
        self._live = live
        self._title = self._text(title, "bold")
        self._fields = fields
        self._describe = describe
        self._contents = Contents((), (), 0)
        self._is_first = True
        self._changed: dict[tuple[object, str], float] = {}  # when the mark of a cell ends
        self._head: list[Text] = []
        # Not an Event: a signal handler would deadlock while the Event is being cleared.
        self._signals: SimpleQueue[None] = SimpleQueue()
        self._suspended = False

    def room(self) -> int:
        """Return how many rows fit at most."""
        return self._live.console.height

    def show(self, contents: Contents) -> None:
        """Draw the rows below the summary; mark changed cells for some seconds."""
        before = {id_: values for id_, *values in self._contents.rows}
        were_all = len(before) == self._contents.total and not self._is_first
        new = [_ABSENT] * len(self._fields) if were_all else None
        until = time.monotonic() + _MARK_SECONDS
        for id_, *values in contents.rows:
            old_values = before.get(id_, new or values)
            for field, old, value in zip(self._fields, old_values, values, strict=True):
                if old != value:
                    self._changed[id_, field] = until
        self._contents, self._is_first = contents, False
        states, *others = contents.summary
        self._head = [self._text(f"{_now()}  {states}")]
        self._head += [self._text(line, "bold red") for line in others]
        self._draw()

    def show_error(self, message: str) -> None:
        """Redraw the last rows, with an error above them."""
        self._changed.clear()
        self._head = [*self._head[:1], self._text(f"{_now()}  {message}", "bold red")]
        self._draw()

    def wait(self, seconds: float) -> None:
        """Wait; redraw when the terminal is resized, and suspend the process on Ctrl-Z.

        Raises:
            SystemExit: the terminal is closed.
        """
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline:
            is_signalled = self._is_signalled(min(deadline, now + _CHECK_INTERVAL))
            self._end_without_terminal()
            if self._suspended:
                self._suspended = False
                self._live.stop()
                os.kill(os.getpid(), signal.SIGSTOP)
                self._live.start()
            if is_signalled or self._unmark():
                self._draw()

    def _unmark(self) -> bool:
        """Remove the marks whose time is over, and return whether there were any."""
        now = time.monotonic()
        old = [cell for cell, until in self._changed.items() if until <= now]
        for cell in old:
            del self._changed[cell]
        return bool(old)

    def _is_signalled(self, deadline: float) -> bool:
        """Wait for signals until the deadline, and return whether there were any."""
        is_signalled = False
        with suppress(Empty):
            self._signals.get(timeout=max(0.0, deadline - time.monotonic()))
            is_signalled = True
            while True:  # one redraw is enough for all signals
                self._signals.get_nowait()
        return is_signalled

    def resized(self, *_: object) -> None:
        """Handle SIGWINCH; `wait` redraws, because another signal could interrupt a redraw here."""
        self._signals.put(None)

    def suspended(self, *_: object) -> None:
        """Handle SIGTSTP."""
        self._suspended = True
        self._signals.put(None)

    def _end_without_terminal(self) -> None:
        """If the terminal is closed, end the process with the exit code of SIGHUP.

        SIGHUP itself does not end a process that ignores it, as under nohup.
        """
        file = self._live.console.file
        if not file.isatty():
            os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())  # discards the buffer
            raise SystemExit(128 + signal.SIGHUP)

    def _draw(self) -> None:
        self._end_without_terminal()
        self._unmark()
        try:
            self._live.update(Group(*self._lines()), refresh=True)
        except OSError:
            self._end_without_terminal()  # the terminal may have closed just now
            raise

    def _lines(self) -> list[Text]:
        """Return the lines that fit; if rows are left out, the last line counts them."""
        console = self._live.console
        width, height = console.size
        rows = self._contents.rows
        drawn = draw(
            [tuple(values) for _, *values in rows],
            columns_of(self._fields),
            console,
            needing=self._contents.needing,
            marked={
                (number, place)
                for number, (id_, *_) in enumerate(rows)
                for place, field in enumerate(self._fields)
                if (id_, field) in self._changed
            },
        )
        head = [self._title, *self._head, Text()]
        if drawn.left_out:
            head.insert(-1, self._text(self._describe(drawn.left_out), "dim"))
        lines = [*chain.from_iterable(fold(line, width) for line in head)]
        if len(lines) > height - _MIN_TABLE:  # the error or summary is the most important
            lines = fold(self._head[-1], width)[: max(height - _MIN_TABLE, 0)]
        lines += fold(drawn.header, width)
        folded = [_cut(fold(line, width), (height - len(lines)) // 2) for line in drawn.lines]
        more = self._contents.total
        if more == len(rows) and sum(map(len, folded)) <= height - len(lines):
            return [*lines, *chain.from_iterable(folded)]
        for parts in folded:
            if len(lines) + len(parts) > height - 1:
                break
            lines += parts
            more -= 1
        return [*lines[: height - 1], self._text(f"… {more} more")] if more else lines[:height]

    def _text(self, shown: str, style: str = "") -> Text:
        return Text(encodable(visible(shown), self._live.console.encoding), style)


def _cut(parts: list[Text], number: int) -> list[Text]:
    """Return at most `number` lines of a row, but at least one, to leave room for other rows."""
    if len(parts) <= max(number, 1):
        return parts
    *parts, last = parts[: max(number, 1)]
    return [*parts, Text("").join((last[:-1], Text("…")))]


def _now() -> str:
    return time.strftime("%H:%M:%S")


def can_draw(file: TextIO) -> bool:
    """Return whether `file` is a terminal that can be drawn on."""
    console = Console(file=file)
    return file.isatty() and console.is_terminal and not console.is_dumb_terminal


@contextmanager
def fullscreen(
    file: TextIO, title: str, fields: Sequence[str], describe: Callable[[Sequence[str]], str]
) -> Iterator[Screen]:
    """Yield a `Screen` that fills the terminal; restore the terminal in the end.

    Parameters:
        file: the terminal.
        title, fields, describe: as for `Screen`.
    """
    live = Live(console=Console(file=file), screen=True, auto_refresh=False)
    screen = Screen(live, title, fields, describe)

    def terminated(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # so that the terminal is restored

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
