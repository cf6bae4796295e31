"""Buildbot's generic data query options, parsed into values and applied to a Peewee query.

The options are those of its REST API: ``field__op=value`` filters, order, offset, limit, fields.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mastersctl.errors import InvalidValueError, did_you_mean
from mastersctl.query.fields import COUNTS, FIELDS, STORED
from mastersctl.states import STATES
from mastersctl.values import check_text, parse_integer

if TYPE_CHECKING:
    from mastersctl._peewee import peewee
    from mastersctl.schema.master import Master

T = TypeVar("T")

_ALIASES = {"masterid": "id"}  # the name in Buildbot's REST API
_MAX_VALUES = 10_000  # SQLite takes 32,766 parameters; "contains" needs two for a value
_AGE = r"(?a)(?:\d+(?:\.\d+)?[smhdw])+"
_BOOLEANS = {"on": 1, "true": 1, "yes": 1, "1": 1, "off": 0, "false": 0, "no": 0, "0": 0}
_SINGLE_VALUE: Mapping[str, Callable[[peewee.ColumnBase, int | str], peewee.Expression]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class Filter(NamedTuple):
    """One field compared with values; of several, any may match, or none with ``ne``, ``notin``."""

    field: str
    operator: str
    values: tuple[int | str, ...]


class Order(NamedTuple):
    """One field to sort by."""

    field: str
    descending: bool


class ResultSpec(NamedTuple):
    """Which masters to return, in which order, with which fields; the default is all, by ID.

    The parts apply in the order of Buildbot's REST API: filters, order, offset and limit, fields.
    """

    filters: Sequence[Filter] = ()
    order: Sequence[Order] = ()
    limit: int | None = None
    offset: int | None = None
    fields: Sequence[str] = STORED

    def counts(self) -> list[str]:
        """Return those of `COUNTS` that are named in any part."""
        named = self.named()
        return [field for field in COUNTS if field in named]

    def named(self) -> set[str]:
        """Return the fields that are named in any part."""
        return {
            *self.fields,
            *(filter_.field for filter_ in self.filters),
            *(order.field for order in self.order),
        }


def parse_field(text: str) -> str:
    """Return the field that `text` names.

    Raises:
        InvalidValueError: there is no such field.
    """
    field = _ALIASES.get(text, text)
    if field not in FIELDS:
        several = " Repeat the option for several fields." if "," in text else ""
        raise InvalidValueError(
            f"There is no field {text!r}; the fields are {', '.join(FIELDS)}."
            f"{did_you_mean(text, FIELDS)}{several}"
        )
    return field


def parse_order(text: str) -> Order:
    """Return the order that ``FIELD`` or ``-FIELD`` asks for."""
    return Order(parse_field(text.removeprefix("-")), text.startswith("-"))


def parse_filters(texts: Iterable[str], now: float) -> list[Filter]:
    """Return the filters that ``FIELD=VALUE`` and ``FIELD__OP=VALUE`` ask for.

    If the same field and operator are given repeatedly, they make one filter with several values.

    Parameters:
        texts: the filters, as a user writes them.
        now: epoch seconds, from which an age (``10m``) counts back.

    Raises:
        InvalidValueError: a text has no valid field, operator or value; or ``lt``, ``le``, ``gt``
            or ``ge`` has several values; or there are more values than one statement takes.
    """
    values: dict[tuple[str, str], list[int | str]] = {}
    for text in texts:
        field, operator_, value = _split_filter(text)
        values.setdefault((field, operator_), []).append(_parse_value(field, value, now))
    number = sum(len(set(given)) for given in values.values())
    if number > _MAX_VALUES:
        raise InvalidValueError(
            f"The filters have {number} values, but one command takes at most {_MAX_VALUES}; run "
            "several."
        )
    for (field, operator_), given in values.items():
        if len(given) > 1 and operator_ in _SINGLE_VALUE:
            raise InvalidValueError(
                f"The filter {field}__{operator_} is given {len(given)} times; once is enough."
            )
    return [Filter(*key, tuple(given)) for key, given in values.items()]


def _split_filter(text: str) -> tuple[str, str, str]:
    target, equals, value = text.partition("=")
    if not equals:
        raise InvalidValueError(
            f"The filter {text!r} has no '='; write FIELD=VALUE or FIELD__OP=VALUE, like "
            "'state=stale' or 'name__contains=build'."
        )
    name, separator, operator_ = target.rpartition("__")
    field = parse_field(name if separator else target)
    operator_ = operator_ if separator else "eq"
    operators = FIELDS[field].operators
    if operator_ not in operators:
        raise InvalidValueError(
            f"The field {field} has no operator {operator_!r}, but {', '.join(operators)}."
            f"{did_you_mean(operator_, operators)}"
        )
    return field, operator_, value


def _parse_value(field: str, text: str, now: float) -> int | str:
    match FIELDS[field].type:
        case "boolean":
            if text.lower() not in _BOOLEANS:
                raise InvalidValueError(f"The value {text!r} is neither 'true' nor 'false'.")
            return _BOOLEANS[text.lower()]
        case "time":
            return parse_time(text, now)
        case "state" if text not in STATES:
            raise InvalidValueError(
                f"There is no state {text!r}; the states are {', '.join(STATES)}."
                f"{did_you_mean(text, STATES)} Repeat the filter for several states."
            )
        case "text" | "state":
            check_text(text)
            return text
    return parse_integer(text)


def parse_time(text: str, now: float) -> int:
    """Return the whole epoch seconds that `text` stands for.

    Parameters:
        text: epoch seconds; ISO 8601, in UTC if it has no offset; or an age before `now`, such as
            ``90s``, ``10m``, ``3h``, ``30d`` or ``1h30m``.
        now: epoch seconds.

    Raises:
        InvalidValueError: the text is none of these, or out of range.
    """
    if text.removeprefix("-").isdecimal():
        return parse_integer(text)
    if re.fullmatch(_AGE, text):
        return math.floor(now - parse_age(text))
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        raise InvalidValueError(
            f"The time {text!r} is not understood; write ISO 8601 ('2026-01-31T12:00:00'), epoch "
            "seconds, or an age ('10m', '3h', '30d')."
        ) from None
    if not seconds.is_integer():
        raise InvalidValueError(f"The time {text!r} is not a whole second; write one.")
    return int(seconds)


def parse_age(text: str) -> float:
    """Return the seconds that an age like ``90s``, ``10m``, ``3h`` or ``30d`` lasts.

    Raises:
        InvalidValueError: the text is not an age, or the age is too long for a calendar.
    """
    from durationpy import DurationError, from_str  # late: few commands are given an age

    try:
        if not re.fullmatch(_AGE, text):  # durationpy's months and nanoseconds only confuse
            raise DurationError
        return from_str(text).total_seconds()
    except DurationError:
        raise InvalidValueError(
            f"The age {text!r} is not understood; write it like '90s', '10m', '3h' or '30d'."
        ) from None


def apply(
    spec: ResultSpec,
    query: peewee.ModelSelect[Master],
    columns: Mapping[str, peewee.ColumnBase],
    contains: Callable[[peewee.ColumnBase, str], peewee.ColumnBase],
) -> peewee.ModelSelect[Master]:
    """Return `query` with the filters, the order and the page of `spec`.

    Parameters:
        columns: the SQL expression for each field; text must compare by code point.
        contains: returns the SQL expression for "this column contains this text".
    """
    conditions = [_condition(filter_, columns[filter_.field], contains) for filter_ in spec.filters]
    if conditions:
        query = query.where(_tree(operator.and_, conditions))
    directions: dict[str, bool] = {}
    for field, descending in (*spec.order, Order("id", descending=False)):
        directions.setdefault(field, descending)  # of several for a field, the first decides
    ordering = [
        columns[field].desc() if descending else columns[field].asc()
        for field, descending in directions.items()
    ]
    query = query.order_by(*ordering)
    return query.limit(spec.limit).offset(spec.offset)


def _condition(
    filter_: Filter,
    column: peewee.ColumnBase,
    contains: Callable[[peewee.ColumnBase, str], peewee.ColumnBase],
) -> peewee.ColumnBase:
    values = [*dict.fromkeys(filter_.values)]
    match filter_.operator:
        case "eq" | "in":
            return column.in_(values)
        case "ne" | "notin":
            return column.not_in(values)
        case "contains":
            return _tree(operator.or_, [contains(column, str(value)) for value in values])
        case comparison:
            return _SINGLE_VALUE[comparison](column, values[0])


def _tree(join: Callable[[T, T], T], conditions: Sequence[T]) -> T:
    """Join conditions into one, as a tree: a chain of hundreds is too deep for SQLite."""
    while len(conditions) > 1:
        pairs = [join(*pair) for pair in zip(conditions[::2], conditions[1::2], strict=False)]
        conditions = [*pairs, *conditions[2 * len(pairs) :]]
    return conditions[0]
