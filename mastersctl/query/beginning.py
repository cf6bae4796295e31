"""Masters and builders whose IDs or names begin with a text, for completion."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mastersctl._peewee import peewee
from mastersctl.schema.stored import text

if TYPE_CHECKING:
    from mastersctl.database import Database
    from mastersctl.schema.master import Master
    from mastersctl.schema.related import Builder

_MAX_MISSING_DIGITS = 3  # few IDs are looked up by key, instead of reading the table


def begin_with(
    database: Database, model: type[Master] | type[Builder], start: str, limit: int
) -> list[tuple[int, str]]:
    """Return IDs and names, by ID, of rows whose ID or name begins with `start`.

    Digits are the beginning of an ID, which has at most three more. Any other text is the beginning
    of a name.

    Parameters:
        model: the model of masters, or of something that they are linked to.
        limit: how many rows to return at most.
    """
    query = model.select(model.id, model.name).order_by(model.id).limit(limit)
    if start.isascii() and start.isdigit():
        number = int(start)
        ids = chain.from_iterable(
            range(number * 10**missing, (number + 1) * 10**missing)
            for missing in range(_MAX_MISSING_DIGITS + 1)
        )
        query = query.where(model.id.in_([*ids]))
    elif start:
        query = query.where(peewee.fn.substr(model.name, 1, len(start)) == start)
    return [(id_, text(name)) for id_, name in database.rows(query)]
