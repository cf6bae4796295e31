"""How a value of an option or an argument may go on: what the shells offer when they complete it.

The types of `mastersctl.cli.types` ask. No value that is returned means anything to a shell.
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

_ANSWER_TIMEOUT = 0.2  # seconds, which one waits for a shell at the most
_MAX_CANDIDATES = 100  # masters or builders; a cluster can have a million
_PLAIN = r"\w[\w.:/@+-]*"  # no shell sees anything but a word in it


def fields(incomplete: str) -> list[CompletionItem]:
    """Return the fields that may be meant."""
    return _beginning(FIELDS, incomplete)


def orders(incomplete: str) -> list[CompletionItem]:
    """Return the orders that may be meant: fields, then fields with a minus."""
    return _beginning([*FIELDS, *(f"-{field}" for field in FIELDS)], incomplete)


def filters(incomplete: str) -> list[CompletionItem]:
    """Return how a filter goes on: with a field, its operators, or its values if these are few."""
    target, equals, _ = incomplete.partition("=")
    field, separator, operator = target.partition("__")
    if equals:
        compares = field in FIELDS and (not separator or operator in EQUALITY)
        values = FIELDS[field].values if compares else ()
        return _beginning([f"{target}={value}" for value in values], incomplete)
    found = [name for name in FIELDS if name == field or (not separator and name.startswith(field))]
    targets = [f"{name}=" for name in found]
    if len(found) == 1:  # or else there would be some eighty
        targets += [f"{found[0]}__{operator}=" for operator in FIELDS[found[0]].operators]
    return _beginning(targets, target)


def masters(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the masters that may be meant, of the database that the command line names."""
    return _stored(context, incomplete)


def linked(context: click.Context, incomplete: str, kind: str) -> list[CompletionItem]:
    """Return what may be meant of what masters are linked to, of the same database.

    Parameters:
        kind: a key of `mastersctl.query.linked.LINKED`.
    """
    return _stored(context, incomplete, kind)


def _beginning(words: Iterable[str], start: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(start)]


def _stored(
    context: click.Context, incomplete: str, kind: str | None = None
) -> list[CompletionItem]:
    """Return IDs with the names for help; names, if it is a name that begins, with the IDs."""
    settings = context.ensure_object(Settings)
    settings.timeout, settings.verbose = _ANSWER_TIMEOUT, False
    rows: list[tuple[int, str]] = []
    # Whatever fails: who presses a key has not asked for a message.
    with suppress(Exception):
        settings.prepare()  # its imports are no time of the database's
        from mastersctl.query.beginning import begin_with
        from mastersctl.schema.master import Master

        model: Any = Master
        if kind is not None:
            from mastersctl.query.linked import LINKED

            model = LINKED[kind].named
        with _at_most(_ANSWER_TIMEOUT), settings.connect("read") as connector:
            rows = begin_with(connector.database, model, incomplete, _MAX_CANDIDATES)
    if not incomplete or (incomplete.isascii() and incomplete.isdigit()):
        numbers = [(id_, name) for id_, name in rows if isinstance(id_, int)]  # SQLite holds any
        items = [CompletionItem(str(id_), help=visible(name)) for id_, name in numbers]
        return [item for item in items if item.value.startswith(incomplete)]  # but not "1" to "01"
    # A database may compare without regard to case.
    rows = [(id_, name) for id_, name in rows if name.startswith(incomplete)]
    names = [(id_, name) for id_, name in rows if re.fullmatch(_PLAIN, name)]
    return [CompletionItem(name, help=f"ID {id_}") for id_, name in names]


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End this process if what is inside takes longer, whatever it waits for."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
