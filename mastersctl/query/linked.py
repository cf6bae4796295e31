"""From the other side: the masters that a builder is linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mastersctl.errors import NoSuchBuilderError
from mastersctl.schema.master import is_called
from mastersctl.schema.related import Builder, BuilderMaster

if TYPE_CHECKING:
    from mastersctl._peewee import peewee
    from mastersctl.database import Database


def masters_of(database: Database, builder: int | str) -> peewee.ModelSelect[BuilderMaster]:
    """Return a query for the IDs of the masters that the builder, an ID or a name, is linked to.

    Raises:
        NoSuchBuilderError: there is no such builder.
    """
    conditions = [is_called(Builder, builder)]
    if isinstance(builder, str):  # whose name_hash may be wrong, after an UPDATE by hand
        conditions.append(database.by_code_point(Builder.name) == builder)
    for condition in conditions:
        query = Builder.select(Builder.id).where(condition)
        ids = [id_ for (id_,) in database.rows(query)]
        if ids:
            return BuilderMaster.select(BuilderMaster.masterid).where(
                BuilderMaster.builderid.in_(ids)
            )
    raise NoSuchBuilderError(builder)
