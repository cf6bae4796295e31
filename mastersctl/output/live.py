"""A table on the whole terminal that is drawn again and again, with what changed marked."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from mastersctl.output.table import build
from mastersctl.visible import visible

_NOTHING = object()
_AROUND = 5  # lines that are not rows: three of the header, two of the table's


class Screen:
    """What is on the terminal; `opened` makes one.

    Parameters:
        title: what the header begins with.
        fields: those of each row, which come after the ID that tells which master it is.
    """

    def __init__(self, live: Live, title: str, fields: Sequence[str]) -> None:
        self._live = live
        self._title = title
        self._fields = fields
        self._rows: Sequence[tuple[Any, ...]] | None = None
        self._marked: set[tuple[int, str]] = set()
        self._head: list[Text] = []

    def room(self) -> int:
        """Return how many rows the terminal has room for."""
        return max(1, self._live.console.height - _AROUND)

    def show(self, rows: Sequence[tuple[Any, ...]], summary: str) -> None:
        """Draw the rows below the summary, and mark what is not as it was the last time."""
        if self._rows is not None:
            before = {id_: values for id_, *values in self._rows}
            nothing = [_NOTHING] * len(self._fields)
            self._marked = {
                (number, field)
                for number, (id_, *values) in enumerate(rows)
                for field, old, new in zip(
                    self._fields, before.get(id_, nothing), values, strict=True
                )
                if old != new
            }
        self._rows = rows
        self._head = [Text(visible(f"{_now()}  {summary}"))]
        self.draw()

    def show_error(self, message: str) -> None:
        """Draw the last rows again, with an error above them."""
        self._marked = set()
        self._head = [*self._head[:1], Text(visible(f"{_now()}  {message}"), style="bold red")]
        self.draw()

    def draw(self) -> None:
        """Draw all of it again, in the size that the terminal has now."""
        self._live.update(self._all(), refresh=True)

    def _all(self) -> RenderableType:
        rows = (self._rows or [])[: self.room()]
        table = build(
            [tuple(values) for _, *values in rows],
            self._fields,
            on_terminal=True,
            marked=self._marked,
        )
        left = len(self._rows or []) - len(rows)
        more = [Text("...", style="dim")] if left else []
        return Group(Text(visible(self._title), style="bold"), *self._head, Text(), table, *more)


def _now() -> str:
    return time.strftime("%H:%M:%S")


@contextmanager
def opened(file: TextIO, title: str, fields: Sequence[str]) -> Iterator[Screen]:
    """Take the whole terminal for a `Screen`, and leave it as it was."""
    live = Live(console=Console(file=file), screen=True, auto_refresh=False)
    screen = Screen(live, title, fields)

    def resized(*_: object) -> None:
        screen.draw()

    def terminated(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # so that the terminal is left as it was

    before = {
        signal.SIGWINCH: signal.signal(signal.SIGWINCH, resized),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminated),
    }
    try:
        with live:
            yield screen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
