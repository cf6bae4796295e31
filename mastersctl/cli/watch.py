"""``mastersctl list --watch``: the table, redrawn at an interval."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mastersctl.cli.linked import lacking
from mastersctl.cli.master_table import left_out
from mastersctl.cli.needs import numbers, summary
from mastersctl.clock import describe_lag
from mastersctl.errors import InvalidValueError, MastersctlError
from mastersctl.query.fields import TROUBLE

if TYPE_CHECKING:
    from mastersctl.cli.context import Settings
    from mastersctl.cli.linked import Given
    from mastersctl.output.live import Screen
    from mastersctl.query.resultspec import ResultSpec

_MIN_INTERVAL, _MAX_INTERVAL = 0.1, 86400  # seconds


def parse_seconds(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """Return the interval between redraws, in seconds. For an option."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not _MIN_INTERVAL <= seconds <= _MAX_INTERVAL:  # NaN is out of range, too
        raise InvalidValueError(
            f"The value {value!r} is no number of seconds from {_MIN_INTERVAL} to {_MAX_INTERVAL}."
        )
    return seconds


def check_terminal() -> None:
    """Raise an error unless stdout is a terminal that can be drawn on."""
    from mastersctl.output.live import can_draw

    if not can_draw(sys.stdout):
        raise click.UsageError("--watch needs a terminal; leave it out to list the masters once.")


def watch(
    settings: Settings,
    make_spec: Callable[[], ResultSpec],
    linked: Given,
    seconds: float,
) -> None:
    """Show the masters until the user presses Ctrl-C.

    If no order is given, masters with trouble come first.

    Parameters:
        make_spec: returns which masters to show; ages in its filters count from now.
        linked: what the masters are linked to; see `mastersctl.cli.linked`.
        seconds: how long to wait before each redraw.

    Raises:
        MastersctlError: the first attempt to read the masters fails.
    """
    from mastersctl.operations.health import count_states
    from mastersctl.operations.needs import find_needing
    from mastersctl.output.live import Contents, fullscreen
    from mastersctl.query.resultspec import Order

    fields = make_spec().fields

    def read(screen: Screen | None) -> Contents:
        spec = make_spec()
        room = screen.room() if screen else 1
        shown = spec._replace(
            fields=("id", *fields),
            limit=room if spec.limit is None else min(spec.limit, room),
            order=spec.order or [Order(TROUBLE, descending=False)],
        )
        with settings.connect("read") as connector:
            counts = count_states(connector).counts
            needing = find_needing(connector)
            rows = list(connector.get_masters(shown, linked=linked, needing=needing.ids))
            total = len(rows)
            if total == room:
                matching = connector.count_masters(spec, linked=linked, needing=needing.ids)
                total = min(matching - (spec.offset or 0), spec.limit or matching)
            without = lacking(connector, linked) if not rows else ()
            behind = describe_lag(connector.database.replication_lag())
        states = ", ".join(f"{count} {state}" for state, count in counts.items())
        lines = [*filter(None, (states, summary(needing), *without, behind))]
        return Contents(rows, lines, max(total, len(rows)), needing=numbers(needing, rows))

    try:
        read(None)  # an error of the first attempt ends the command
        title = f"{settings.locate().url}, every {seconds:g} s, Ctrl-C ends"
        with fullscreen(sys.stdout, title, fields, left_out) as screen:
            screen.show(read(screen))
            while True:
                screen.wait(seconds)
                try:
                    contents = read(screen)
                except MastersctlError as error:
                    screen.show_error(f"{error} Retrying.")
                else:
                    screen.show(contents)
    except KeyboardInterrupt:
        return
