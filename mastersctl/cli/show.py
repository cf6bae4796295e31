"""``mastersctl show``"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mastersctl.cli.context import Settings, pass_settings
from mastersctl.cli.options import (
    database_options,
    master_argument,
    output_option,
    warn_of_future,
    warn_of_lag,
)
from mastersctl.output import writer
from mastersctl.schema.stored import text

if TYPE_CHECKING:
    from mastersctl.operations.belongings import Belongings, Item
    from mastersctl.schema.master import MasterRow


@click.command()
@master_argument
@output_option("table", "json", "id")
@database_options
@pass_settings
def show(settings: Settings, master: int | str, format_: str) -> None:
    """Show one master, and what belongs to it.

    MASTER is an ID or an exact name. Shown are its fields and its state, and what belongs to it:
    its links (schedulers, change sources, builders, workers), its unfinished builds, and its claims
    on build requests that are not complete, which no other master can build.

    \b
    Examples:
      mastersctl show build1:/srv/bb
      mastersctl show 7 -o json | jq '.claims | length'
    """
    from mastersctl.operations.belongings import find_belongings

    with settings.connect("read") as connector:
        warn_of_lag(connector)
        row = connector.get_master(master)
        if row is None:
            raise connector.no_such_master(master)
        if row.is_in_future(time.time()):
            warn_of_future(row.name)
        belongings = find_belongings(connector.database, row.id) if format_ != "id" else {}
    if format_ == "id":
        writer("id")([(row.id,)], ("id",), sys.stdout)
    elif format_ == "json":
        from mastersctl.output.json import write_object

        write_object(_to_json(row, belongings), sys.stdout)
    else:
        from mastersctl.output.table import write_pairs

        write_pairs(_pairs(row, belongings), sys.stdout)


def _to_json(row: MasterRow, belongings: Belongings) -> dict[str, object]:
    from mastersctl.schema.relations import CLAIMS, LINKS, UNFINISHED_BUILDS

    return row._asdict() | {
        "links": {
            kind: [{"id": item.id, "name": item.name} for item in belongings[kind]]
            for kind in LINKS
        },
        "unfinished_builds": [
            {
                "id": build.id,
                "builder": build.name,
                "number": build.number,
                "started_at": build.since,
            }
            for build in belongings[UNFINISHED_BUILDS]
        ],
        "claims": [
            {"buildrequestid": claim.id, "builder": claim.name, "claimed_at": claim.since}
            for claim in belongings[CLAIMS]
        ],
    }


def _pairs(row: MasterRow, belongings: Belongings) -> Iterator[tuple[str, object]]:
    yield from row._asdict().items()
    for kind, items in belongings.items():
        if not items:
            yield kind, "none"
        for item in items:
            yield kind, _describe(kind, item)


def _describe(kind: str, item: Item) -> str:
    name = "(deleted)" if item.name is None else text(item.name)
    if item.number is not None:
        name += f" #{text(item.number)}"
    id_name = "build request" if kind == "claims" else "ID"
    since = "" if item.since is None else f", since {item.since.isoformat()}"
    return f"{name} ({id_name} {text(item.id)}{since})"
