"""Descriptions: the labels and values of one thing, in the style of ``kubectl describe``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import TextIO

from mastersctl.text import visible

_GAP = 2  # spaces between the longest label and the values
_MIN_WIDTH = 20  # cells that prose has on the narrowest terminal

Pairs = Sequence[tuple[str, Sequence[str]]]
"""Labels, each with its values."""


def write(pairs: Pairs, file: TextIO, *, prose: Collection[str] = ()) -> None:
    """Write a description: one line for each value, with the label before the first value.

    Parameters:
        prose: the labels whose values are wrapped to the width of a terminal.
    """
    on_terminal = file.isatty()
    width = max(len(label) for label, _ in pairs) + len(":") + _GAP
    room = _room(width) if on_terminal else 0
    bold, plain = _bold(file) if on_terminal else ("", "")
    for label, values in pairs:
        file.write(f"{bold}{label}:{plain}" + " " * (width - len(label) - len(":")))
        lines: Iterable[str] = map(visible, values)
        if on_terminal and label in prose:
            lines = chain.from_iterable(_wrapped(line, room) for line in lines)
        file.write(f"\n{' ' * width}".join(lines) + "\n")


def _room(width: int) -> int:
    """Return how many cells a terminal has for prose beside labels of this width."""
    from shutil import get_terminal_size  # late: a pipe does not need it

    return max(get_terminal_size().columns - width, _MIN_WIDTH)


def _wrapped(value: str, room: int) -> list[str]:
    import textwrap  # late: a pipe does not need it

    return textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False)


def _bold(file: TextIO) -> tuple[str, str]:
    """Return the codes that begin and end bold text; empty texts if the terminal has none."""
    from rich.console import Console  # late: a pipe does not need it
    from rich.style import Style

    console = Console(file=file)
    if console.color_system is None:
        return "", ""
    begin, _, end = Style(bold=True).render("|").partition("|")
    return begin, end
