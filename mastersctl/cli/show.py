"""``mastersctl show``"""

from __future__ import annotations

import sys
import time
from datetime import datetime
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
from mastersctl.text import enumerated

if TYPE_CHECKING:
    from mastersctl.operations.belongings import Belongings, Item
    from mastersctl.operations.obstacles import Obstacles
    from mastersctl.output.description import Pairs
    from mastersctl.schema.master import MasterRow


_NONE = ["none"]
_BEGAN = {"unfinished_builds": "started", "claims": "claimed"}


@click.command()
@master_argument
@output_option("table", "json", "id")
@database_options
@pass_settings
def show(settings: Settings, master: int | str, format_: str) -> None:
    """Show one master and what belongs to it.

    \b
    Examples:
      mastersctl show build1:/srv/bb
      mastersctl show 7 -o json | jq '.claims | length'

    MASTER is an ID or an exact name.

    \b
    The output has:
      - the name, the state and the last check-in of the master
      - its links: schedulers, change sources, builders, connected workers
      - its unfinished builds, and the number of its finished builds
      - its claims on unfinished build requests, which block other masters
      - the reasons that block 'mastersctl remove'
    """
    from mastersctl.operations.belongings import find_belongings
    from mastersctl.operations.obstacles import find_obstacles

    with settings.connect("read") as connector:
        warn_of_lag(connector)
        row = connector.get_master(master)
        if row is None:
            raise connector.no_such_master(master)
        if row.is_in_future(time.time()):
            warn_of_future(row.name)
        if format_ == "id":
            writer("id")([(row.id,)], ("id",), sys.stdout)
            return
        belongings = find_belongings(connector.database, row.id)
        removal = find_obstacles(connector.database, row)
    if format_ == "json":
        from mastersctl.output.json import write_object

        write_object(_to_json(row, belongings, removal), sys.stdout)
    else:
        from mastersctl.output.description import write

        write(_pairs(row, belongings, removal), sys.stdout)


def _to_json(row: MasterRow, belongings: Belongings, removal: Obstacles) -> dict[str, object]:
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
        "finished_builds": _finished(belongings, removal),
        "blocks_removal": None if removal.unknown else removal.reasons,
    }


def _pairs(row: MasterRow, belongings: Belongings, removal: Obstacles) -> Pairs:
    finished = _finished(belongings, removal)
    return [
        ("ID", [text(row.id)]),
        ("Name", [row.name]),
        ("State", [row.state]),
        ("Last seen", [_last_seen(row.last_active)]),
        *(
            (
                kind.replace("_", " ").capitalize(),
                [_describe(kind, item) for item in items] or _NONE,
            )
            for kind, items in belongings.items()
        ),
        ("Finished builds", ["unknown" if finished is None else str(finished)]),
        ("Removal", [_describe_removal(removal)]),
    ]


def _finished(belongings: Belongings, removal: Obstacles) -> int | None:
    """Return how many finished builds a master has; None if that is unknown."""
    from mastersctl.schema.relations import UNFINISHED_BUILDS

    return None if removal.unknown else removal.builds - len(belongings[UNFINISHED_BUILDS])


def _describe(kind: str, item: Item) -> str:
    name = "(deleted)" if item.name is None else text(item.name)
    if item.number is not None:
        name += f" #{text(item.number)}"
    id_name = "build request" if kind == "claims" else "ID"
    began = "" if item.since is None else f", {_BEGAN[kind]} {_when(item.since)}"
    return f"{name} ({id_name} {text(item.id)}{began})"


def _when(moment: datetime) -> str:
    """Return a moment as text; on a terminal, how long ago it was."""
    if not sys.stdout.isatty():
        return moment.isoformat()
    from mastersctl.output.age import ago

    return ago(time.time() - moment.timestamp())


def _last_seen(moment: datetime | None) -> str:
    if moment is None:
        return "unknown"
    if not sys.stdout.isatty():
        return moment.isoformat()
    if not moment.timestamp():
        return "unknown"  # after expire-all
    return f"{_when(moment)} ({moment.isoformat()})"


def _describe_removal(removal: Obstacles) -> str:
    if removal.unknown:
        return f"unknown: {removal.unknown}"
    return f"blocked by {enumerated(removal.reasons)}" if removal.reasons else "possible"
