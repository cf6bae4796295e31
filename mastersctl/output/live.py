"""A table on the whole terminal that is drawn again and again, with what changed marked."""

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
_MIN_TABLE = 3  # lines: the headings, a row, and how many more there are
_CHECK_INTERVAL = 2.0  # seconds, after which it looks whether the terminal is still there


class Contents(NamedTuple):
    """What is drawn below the title.

    Attributes:
        rows: the ID of a master, and what the database has for each of the fields.
        summary: the lines above them.
        total: how many rows there are, of which these are the first.
        needing: the numbers of the rows of masters that need housekeeping.
    """

    rows: Rows
    summary: Sequence[str]
    total: int
    needing: Collection[int] = ()


class Screen:
    """What is on the terminal; `fullscreen` makes one.

    Parameters:
        title: what the header begins with.
        fields: those of each row, which come after the ID that tells which master it is.
        describe: returns the sentence for columns that there is no room for.
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
        self._changed: dict[tuple[object, str], float] = {}  # until when a cell is marked
        self._head: list[Text] = []
        # Not an Event: a signal that comes while it is being cleared would wait for ever.
        self._signals: SimpleQueue[None] = SimpleQueue()
        self._suspended = False

    def room(self) -> int:
        """Return how many rows fit at the most."""
        return self._live.console.height

    def show(self, contents: Contents) -> None:
        """Draw the rows below the summary; what is not as it was before is marked for a while."""
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
        """Draw the last rows again, with an error above them."""
        self._changed.clear()
        self._head = [*self._head[:1], self._text(f"{_now()}  {message}", "bold red")]
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
            if self._suspended:
                self._suspended = False
                self._live.stop()
                os.kill(os.getpid(), signal.SIGSTOP)
                self._live.start()
            if is_signalled or self._unmark():
                self._draw()

    def _unmark(self) -> bool:
        """Forget the marks that were drawn for long enough; return whether there were any."""
        now = time.monotonic()
        old = [cell for cell, until in self._changed.items() if until <= now]
        for cell in old:
            del self._changed[cell]
        return bool(old)

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
        self._unmark()
        try:
            self._live.update(Group(*self._lines()), refresh=True)
        except OSError:
            self._end_without_terminal()  # it may have gone at this moment
            raise

    def _lines(self) -> list[Text]:
        """Return the lines that fit; where that is not all of them, the last says how many more."""
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
        if len(lines) > height - _MIN_TABLE:  # the error, or the summary, is worth most
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
    """Return at most that many lines of a row, and one at least: it shall not hide all others."""
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
    """Take the whole terminal for a `Screen`, whose parameters these are; leave it as it was."""
    live = Live(console=Console(file=file), screen=True, auto_refresh=False)
    screen = Screen(live, title, fields, describe)

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
