"""Obstacles: the reasons why a master cannot be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mastersctl.errors import DatabaseUnavailableError
from mastersctl.operations.uses import BUILDS, REASSIGNED, find_uses
from mastersctl.states import ACTIVE
from mastersctl.text import counted

if TYPE_CHECKING:
    from mastersctl.database import Database
    from mastersctl.schema.master import MasterRow


class Obstacles(NamedTuple):
    """The obstacles to the removal of a master, as long as nothing is reassigned.

    Attributes:
        reasons: parts of a sentence, such as "3 builds".
        builds: how many builds the master has.
        unknown: why the obstacles are unknown; None if they are known.
    """

    reasons: list[str]
    builds: int
    unknown: str | None = None


def find_obstacles(database: Database, master: MasterRow) -> Obstacles:
    """Return the obstacles to the removal of a master."""
    try:
        uses = find_uses(database, [master.id]).get(master.id, {})
    except DatabaseUnavailableError as error:  # this user may not read all of the tables
        return Obstacles([], 0, str(error))
    reasons = ["the state 'active'"] if master.state == ACTIVE else []
    reasons += [_describe(kind, rows) for kind, rows in uses.items()]
    return Obstacles(reasons, uses.get(BUILDS, 0))


def _describe(kind: str, rows: int) -> str:
    if kind in REASSIGNED:
        noun, *rest = kind.split(" ", 1)
        return " ".join([counted(rows, noun.removesuffix("s")), *rest])
    return f"{counted(rows, 'row')} in {kind!r}"
