"""Stored values as text, for the formats that programs read.

Values are converted a column at a time: for a million masters, a call for each value is slow.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TextIO

from mastersctl.query.fields import Type, type_of
from mastersctl.schema.stored import iso_8601, text
from mastersctl.text import visible

_ROWS_AT_ONCE = 500

Column = Sequence[Any]
ToTexts = Callable[[Column], Iterable[Any]]
"""Converts the values of a column to the texts that are written."""


def boolean(value: object) -> str:
    """Return the word for a truth value."""
    return "true" if value else "false"


booleans: ToTexts = partial(map, boolean)


def write_lines(
    rows: Iterable[tuple[object, ...]],
    fields: Sequence[str],
    separator: str,
    to_texts: Mapping[Type, ToTexts],
    file: TextIO,
) -> None:
    """Write a line with the names of the fields, and one for each row."""
    all_to_texts: dict[Type, ToTexts] = {"boolean": booleans, "time": iso_8601, **to_texts}
    if file.isatty():  # a terminal acts on control characters
        all_to_texts["text"] = visibly(to_texts["text"])
    template = separator.join(["%s"] * len(fields)) + "\n"
    file.write(template % tuple(fields))
    for texts in filled(template, rows, fields, all_to_texts):
        file.write("".join(texts))


def filled(
    template: str,
    rows: Iterable[tuple[object, ...]],
    fields: Sequence[str],
    to_texts: Mapping[Type, ToTexts],
) -> Iterator[Iterable[str]]:
    """Yield the rows as text, in batches: each row is the template, filled in with its values.

    Parameters:
        template: a text with a ``%s`` for each field.
        to_texts: the conversion for each type of column. Columns of other types are kept if they
            hold only integers, and converted as text if not.
    """
    numbers = _numbers(to_texts["text"])
    used = [to_texts.get(type_of(field), numbers) for field in fields]
    rows = iter(rows)
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        columns = [to(column) for to, column in zip(used, zip(*batch, strict=True), strict=True)]
        yield map(template.__mod__, zip(*columns, strict=True))


def names(column: Column) -> Sequence[str]:
    """Return a column of names as text."""
    return column if set(map(type, column)) == {str} else [*map(text, column)]


def hold(texts: Iterable[str], characters: str) -> bool:
    """Return whether any of the texts holds any of the characters."""
    together = "".join(texts)
    return any(character in together for character in characters)


def to_json(item: object) -> object:
    """Return a value with only types that JSON has; a value of another type becomes text.

    This is for single objects; columns are converted as a whole.
    """
    match item:
        case dict():
            return {key: to_json(value) for key, value in item.items()}
        case list() | tuple():
            return [to_json(value) for value in item]
        case datetime():
            return item.isoformat()
        case None | bool() | int() | str():
            return item
    return text(item)  # bytes; or a float, as JSON has no infinity and no NaN


def _numbers(otherwise: ToTexts) -> ToTexts:
    """Return a conversion that keeps a column of integers, and applies `otherwise` to any other.

    A table that Buildbot did not create may have other values where numbers should be.
    """
    return lambda column: column if set(map(type, column)) == {int} else otherwise(column)


def visibly(to_texts: ToTexts) -> ToTexts:
    """Return a conversion like `to_texts`, but one that escapes control characters."""
    return lambda column: map(visible, to_texts(column))
