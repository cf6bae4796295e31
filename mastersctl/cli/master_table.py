"""The table of ``mastersctl list``, and the messages with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mastersctl.cli.linked import Given
from mastersctl.cli.messages import report, warn
from mastersctl.cli.needs import numbers, summary
from mastersctl.query.fields import NEEDS_HOUSEKEEPING
from mastersctl.states import ACTIVE, STATES
from mastersctl.text import counted, enumerated

if TYPE_CHECKING:
    from mastersctl.operations.connector import MastersConnector
    from mastersctl.operations.needs import Needing
    from mastersctl.query.resultspec import ResultSpec


def write_masters(connector: MastersConnector, spec: ResultSpec, linked: Given) -> None:
    """Write the table, and report what it leaves out."""
    from mastersctl.output.columns import columns_of  # late, for --help and other formats
    from mastersctl.output.table import write

    on_terminal = sys.stdout.isatty()
    is_shown = "state" in spec.fields
    is_asked = is_shown and (on_terminal or NEEDS_HOUSEKEEPING in spec.named())
    needing = _needing(connector) if is_asked else None
    with_id = spec._replace(fields=("id", *spec.fields))
    ids = needing.ids if needing else None
    rows = list(connector.get_masters(with_id, linked=linked, needing=ids))
    states = [row[with_id.fields.index("state")] for row in rows] if is_shown else []
    if not is_asked and any(state != ACTIVE for state in states):
        needing = _needing(connector)
    marked = numbers(needing, rows) if needing else ()
    if rows or not on_terminal:
        rows = [row[1:] for row in rows]  # replaces the list: 100,000 rows take much memory
        headings = write(rows, columns_of(spec.fields), sys.stdout, needing=marked)
        if headings:
            report(left_out(headings))
    if not rows:
        _report_none(connector)
    elif on_terminal and len(rows) >= _screen_lines():  # the headings take a line, too
        click.echo(_counts(len(rows), states))
    if needing and needing.unknown:
        warn(summary(needing))
    elif needing and needing.masters and on_terminal:
        click.echo(summary(needing))


def _needing(connector: MastersConnector) -> Needing:
    from mastersctl.operations.needs import find_needing

    return find_needing(connector)


def _screen_lines() -> int:
    """Return how many lines the terminal has."""
    from shutil import get_terminal_size  # late: a pipe does not need it

    return get_terminal_size().lines


def _report_none(connector: MastersConnector) -> None:
    """Report that no master is listed, and how many masters there are."""
    number = connector.count_masters()
    if number:
        report(f"No master matches ({number} in all).")
    else:
        report("No masters.")


def _counts(number: int, states: Sequence[str]) -> str:
    """Return how many masters are listed, and in which states, such as "3 masters: 3 active"."""
    found = ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)
    return ": ".join(filter(None, (counted(number, "master"), found)))


def left_out(headings: Sequence[str], other: str = "--field") -> str:
    """Return the message that names the columns left out, and the option that shows them."""
    return f"No room for {enumerated(headings)}: use a wider terminal, or {other}."
