"""Creation: the table of masters, as Buildbot creates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mastersctl._peewee import peewee
from mastersctl.errors import NotBuildbotDatabaseError
from mastersctl.schema.master import Master

if TYPE_CHECKING:
    from mastersctl.database import Database


def create_table(database: Database) -> bool:
    """Create the table of masters as Buildbot creates it; return whether it was missing.

    Raises:
        NotBuildbotDatabaseError: the table exists, but lacks Buildbot's unique index.
        peewee.DatabaseError: the table exists, but lacks a column.
    """
    if _has_table(database):
        return False
    try:
        database.create(Master)
    except peewee.DatabaseError:
        if _has_table(database):  # another process was faster
            return False
        raise
    return True


def _has_table(database: Database) -> bool:
    table = Master._meta.table_name
    if not database.existing_tables([table]):
        return False
    list(database.rows(Master.select().limit(0)))  # fails if a column is missing
    if not database.has_unique_index(table, "name_hash"):
        raise NotBuildbotDatabaseError(
            "The table of masters has no unique index over name_hash, so it is not Buildbot's."
        )
    return True
