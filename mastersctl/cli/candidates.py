"""Candidates: the values that a shell offers for an incomplete option or argument.

The types of `mastersctl.cli.types` ask for them. No candidate has characters that are special in a
shell.
"""

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from mastersctl.cli.context import Settings
from mastersctl.query.fields import EQUALITY, FIELDS
from mastersctl.text import visible

_ANSWER_TIMEOUT = 0.2  # seconds; the user waits for the shell meanwhile
_MAX_CANDIDATES = 100  # masters or builders; a cluster can have a million
_PLAIN = r"\w[\w.:/@+-]*"  # no shell expands or splits it


def fields(incomplete: str) -> list[CompletionItem]:
    """Return the fields that begin with `incomplete`."""
    return _beginning(FIELDS, incomplete)


def orders(incomplete: str) -> list[CompletionItem]:
    """Return the orders that begin with `incomplete`: fields, then fields with a minus."""
    return _beginning([*FIELDS, *(f"-{field}" for field in FIELDS)], incomplete)


def filters(incomplete: str) -> list[CompletionItem]:
    """Return the filters that begin with `incomplete`.

    They end with a field, with one of its operators, or with a value if the field has few.
    """
    target, equals, _ = incomplete.partition("=")
    field, separator, operator = target.partition("__")
    if equals:
        compares = field in FIELDS and (not separator or operator in EQUALITY)
        values = FIELDS[field].values if compares else ()
        return _beginning([f"{target}={value}" for value in values], incomplete)
    found = [name for name in FIELDS if name == field or (not separator and name.startswith(field))]
    targets = [f"{name}=" for name in found]
    if len(found) == 1:  # all fields together have some eighty operators
        targets += [f"{found[0]}__{operator}=" for operator in FIELDS[found[0]].operators]
    return _beginning(targets, target)


def masters(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the masters that begin with `incomplete`, by ID or name.

    They come from the database that the command line names.
    """
    return _stored(context, incomplete)


def linked(context: click.Context, incomplete: str, kind: str) -> list[CompletionItem]:
    """Return the builders, workers and so on that begin with `incomplete`, by ID or name.

    They come from the database that the command line names.

    Parameters:
        kind: a key of `mastersctl.query.linked.LINKED`.
    """
    return _stored(context, incomplete, kind)


def _beginning(words: Iterable[str], start: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(start)]


def _stored(
    context: click.Context, incomplete: str, kind: str | None = None
) -> list[CompletionItem]:
    """Return IDs with names as help; or, for the beginning of a name, names with IDs as help."""
    settings = context.ensure_object(Settings)
    settings.timeout, settings.verbose = _ANSWER_TIMEOUT, False
    rows: list[tuple[int, str]] = []
    # Suppress any failure: a message would disturb the command line that the user is typing.
    with suppress(Exception):
        settings.prepare()  # not in the time limit: its imports are slow
        from mastersctl.query.beginning import begin_with
        from mastersctl.schema.master import Master

        model: Any = Master
        if kind is not None:
            from mastersctl.query.linked import LINKED

            model = LINKED[kind].named
        with _at_most(_ANSWER_TIMEOUT), settings.connect("read") as connector:
            rows = begin_with(connector.database, model, incomplete, _MAX_CANDIDATES)
    if not incomplete or (incomplete.isascii() and incomplete.isdigit()):
        # On SQLite, an ID need not be a number.
        numbers = [(id_, name) for id_, name in rows if isinstance(id_, int)]
        items = [CompletionItem(str(id_), help=visible(name)) for id_, name in numbers]
        # The database finds the ID 1 for "01", which it does not complete.
        return [item for item in items if item.value.startswith(incomplete)]
    # Some databases ignore case when they compare.
    rows = [(id_, name) for id_, name in rows if name.startswith(incomplete)]
    names = [(id_, name) for id_, name in rows if re.fullmatch(_PLAIN, name)]
    return [CompletionItem(name, help=f"ID {id_}") for id_, name in names]


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End this process if the body of the `with` statement takes longer."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
