"""The fields of masters: each once, with all that queries, completion, help and formats need.

This module imports nothing slow, because the help and the completion of ``list`` import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from mastersctl.states import STATES

Type = Literal["number", "text", "boolean", "time", "state"]
"""How a value is parsed, compared and written."""
Source = Literal["stored", "derived", "counted"]
"""Where a value comes from: a column of the table of masters, an expression, or other tables."""
_SOURCES: tuple[Source, ...] = get_args(Source)
View = Literal["data", "table", "wide"]
"""Where a field is shown by default: formats for programs, the table, the wide table."""

NEEDS_HOUSEKEEPING = "needs_housekeeping"
TROUBLE = "trouble"
"""Not a field, but an order in which masters with trouble come first."""
EQUALITY = ("eq", "ne", "in", "notin")
"""The operators for which completion lists the values, if these are few."""
_COMPARISON = ("eq", "ne", "lt", "le", "gt", "ge")
_MEMBERSHIP = ("in", "notin")
_OPERATORS: Mapping[Type, tuple[str, ...]] = {
    "text": (*_COMPARISON, "contains", *_MEMBERSHIP),
    "state": EQUALITY,
}
_VALUES: Mapping[Type, tuple[str, ...]] = {"boolean": ("true", "false"), "state": STATES}

_TABLES: tuple[View, ...] = ("table", "wide")
_EVERYWHERE: tuple[View, ...] = ("data", *_TABLES)


class Field(NamedTuple):
    """A field that a user may select, filter by and sort by."""

    name: str
    type: Type
    source: Source = "stored"
    views: tuple[View, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators of filters."""
        return _OPERATORS.get(self.type, (*_COMPARISON, *_MEMBERSHIP))

    @property
    def values(self) -> tuple[str, ...]:
        """All possible values, as a user writes them; empty if there are many."""
        return _VALUES.get(self.type, ())


_LIST = (
    Field("id", "number", views=_EVERYWHERE),
    Field("name", "text", views=_EVERYWHERE),
    Field("active", "boolean", views=("data",)),
    Field("state", "state", "derived", _EVERYWHERE),
    Field("last_active", "time", views=_EVERYWHERE),
    Field(NEEDS_HOUSEKEEPING, "boolean", "derived"),
    Field("schedulers", "number", "counted", ("wide",)),
    Field("change_sources", "number", "counted", ("wide",)),
    Field("builders", "number", "counted", ("wide",)),
    Field("connected_workers", "number", "counted", ("wide",)),
    Field("unfinished_builds", "number", "counted", ("wide",)),
    Field("claims", "number", "counted", ("wide",)),
)
"""The fields, in the order of the columns of a table."""
FIELDS = {field.name: field for field in sorted(_LIST, key=lambda one: _SOURCES.index(one.source))}
"""The fields by name, in the order of formats for programs: those of Buildbot's REST API first."""
STORED = tuple(name for name, field in FIELDS.items() if field.source == "stored")
"""The fields of Buildbot's master dictionary."""
COUNTS = tuple(name for name, field in FIELDS.items() if field.source == "counted")
"""The fields that count rows of other tables."""


def shown(view: View) -> tuple[str, ...]:
    """Return the fields that a view shows by default."""
    fields = FIELDS.values() if view == "data" else _LIST
    return tuple(field.name for field in fields if view in field.views)


def type_of(name: str) -> Type:
    """Return the type of a column of any table; a column that is not a field is a number."""
    return FIELDS[name].type if name in FIELDS else "number"
