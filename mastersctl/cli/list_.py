"""``mastersctl list``"""

from __future__ import annotations

import sys
import time
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.linked import given, lacking, linked_options
from mastersctl.cli.master_table import write_masters
from mastersctl.cli.messages import report
from mastersctl.cli.options import database_options, output_option, warn_of_lag
from mastersctl.cli.types import Field, Filter, Order
from mastersctl.cli.watch import check_terminal, parse_seconds, watch
from mastersctl.errors import InvalidValueError
from mastersctl.output import FORMATS, writer
from mastersctl.query.fields import COUNTS, FIELDS, NEEDS_HOUSEKEEPING, shown
from mastersctl.text import enumerated
from mastersctl.values import parse_integer

if TYPE_CHECKING:
    from mastersctl.query.resultspec import ResultSpec

_TABLES = ("table", "wide")


_HELP = f"""List the masters and their states.

\b
Examples:
  mastersctl list --stale
  mastersctl list --needs-housekeeping
  mastersctl list --inactive --older-than 30d --order name
  mastersctl list --filter name__contains=build --field name -o csv
  mastersctl list --watch -o wide --order -unfinished_builds

\b
States:
  active    checked in within the last ten minutes
  stale     marked active, but silent for more than ten minutes
  expired   marked by expire-all; the next master that starts cleans up
  inactive  stopped; or dead, and marked inactive by another master

A master needs housekeeping when it is not active, and still holds unfinished builds, claims, or
links of schedulers, change sources or builders. The table marks its state with '!'. Clean up
with 'mastersctl housekeep'.

Fields are {enumerated([field for field in FIELDS if field not in COUNTS])}. Counts are fields,
too: {enumerated(COUNTS)}; -o wide shows them. The field active is false for inactive masters,
and true for all others.

Operators are eq (the default), ne, lt, le, gt, ge, contains (for names), in and notin. A master
must match all filters. Filters with the same field and operator count as one: a master must match
any of their values, but with ne and notin none of them.

A time is ISO 8601, epoch seconds, or an age such as 90s, 10m, 3h, 30d or 1w. An age counts back
from now.

Repeat --filter, --order and --field as needed. A message on stderr reports a builder, worker,
scheduler or change source that no active master has.
"""


def _count(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    number = parse_integer(value)
    if number < 0:
        raise InvalidValueError(f"The number {value!r} is negative; write 0 or more.")
    return number


def _age(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Check an age, and return it unchanged: with --watch, it counts back from each redraw."""
    if value is not None:
        from mastersctl.query.resultspec import parse_age

        parse_age(value)
    return value


@click.command("list", help=_HELP)
@click.option("--filter", "filters", metavar="FIELD[__OP]=VALUE", multiple=True,
              type=Filter(),
              help="List only masters that match this condition.")  # fmt: skip
@click.option("--active", "states", flag_value="active", multiple=True,
              help="List only active masters (--filter state=active).")  # fmt: skip
@click.option("--inactive", "states", flag_value="inactive", multiple=True,
              help="List only inactive masters (--filter state=inactive).")  # fmt: skip
@click.option("--stale", "states", flag_value="stale", multiple=True,
              help="List only stale masters (--filter state=stale).")  # fmt: skip
@click.option("--needs-housekeeping", "needy", flag_value=f"{NEEDS_HOUSEKEEPING}=true",
              help="List only masters that need housekeeping "
              "(--filter needs_housekeeping=true).")  # fmt: skip
@click.option("--older-than", metavar="AGE", callback=_age,
              help="List only masters silent for longer than AGE, such as 1h or 30d.")  # fmt: skip
@click.option("--newer-than", metavar="AGE", callback=_age,
              help="List only masters that checked in within AGE, such as 10m.")  # fmt: skip
@click.option("--order", "orders", metavar="[-]FIELD", multiple=True,
              type=Order(),
              help="Sort by FIELD, with '-' in descending order; then by ID.")  # fmt: skip
@click.option("--limit", callback=_count, metavar="N",
              help="List at most N masters.")  # fmt: skip
@click.option("--offset", callback=_count, metavar="N",
              help="Skip the first N masters.")  # fmt: skip
@click.option("--field", "fields", metavar="NAME", multiple=True,
              type=Field(),
              help="Show only this field of each master.")  # fmt: skip
@linked_options
@click.option("--watch", "seconds", is_flag=False, flag_value="2", metavar="[SECONDS]",
              callback=parse_seconds,
              help="Redraw the table every 2 seconds, or every SECONDS, and mark what changed. "
              "Ctrl-C ends it.")  # fmt: skip
@output_option(*FORMATS)
@database_options
@pass_settings
def list_(
    settings: Settings,
    /,
    filters: tuple[str, ...],
    states: tuple[str, ...],
    needy: str | None,
    older_than: str | None,
    newer_than: str | None,
    orders: tuple[str, ...],
    limit: int | None,
    offset: int | None,
    fields: tuple[str, ...],
    seconds: float | None,
    format_: str,
    **linked: int | str | None,
) -> None:
    those = given(linked)
    all_filters = [*filters, *(f"state={state}" for state in states), *filter(None, [needy])]
    ages = {"lt": older_than, "ge": newer_than}
    all_filters += [f"last_active__{operator}={age}" for operator, age in ages.items() if age]

    def make_spec() -> ResultSpec:
        from mastersctl.query.resultspec import (  # late: --help does not need it
            ResultSpec,
            parse_filters,
            parse_order,
        )

        return ResultSpec(
            parse_filters(all_filters, time.time()),
            [parse_order(order) for order in orders],
            limit,
            offset,
            _fields(fields, format_),
        )

    if seconds is not None:
        if format_ not in _TABLES or settings.verbose:
            raise click.UsageError("--watch shows only tables; leave out -v and other formats.")
        check_terminal()
        watch(settings, make_spec, those, seconds)
        return
    spec = make_spec()
    with settings.connect("read") as connector:
        warn_of_lag(connector)
        if format_ in _TABLES:
            write_masters(connector, spec, those)
        else:
            masters = connector.get_masters(spec, linked=those)
            first = list(islice(masters, 1))  # so that an error comes before any header
            writer(format_)(chain(first, masters), spec.fields, sys.stdout)
        for sentence in lacking(connector, those):
            report(sentence)


def _fields(names: tuple[str, ...], format_: str) -> tuple[str, ...]:
    from mastersctl.query.resultspec import parse_field

    if format_ == "id":
        if names:
            raise click.UsageError("-o id prints IDs alone; leave out --field.")
        return ("id",)
    if names:
        return tuple(dict.fromkeys(map(parse_field, names)))  # each once
    match format_:
        case "table" | "wide":
            return shown(format_)
    return shown("data")
