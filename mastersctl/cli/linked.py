"""The options of ``list`` for what masters are linked to, and the messages about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mastersctl.cli.options import builder_option
from mastersctl.cli.types import Linked
from mastersctl.states import ACTIVE

if TYPE_CHECKING:
    from mastersctl.operations.connector import MastersConnector

F = TypeVar("F", bound=Callable[..., Any])
Given = Mapping[str, int | str]
"""The values of these options: an ID or a name, by kind."""

_WITHOUT = {
    "builder": "its requests wait",
    "worker": "it builds nothing",
    "scheduler": "it requests no builds",
    "change_source": "it finds no changes",
}
"""The effect when no active master has a builder, worker and so on, by kind."""


def linked_options(function: F) -> F:
    """Add the options that select masters by their links."""
    for kind, verb in (
        ("change-source", "linked"),
        ("scheduler", "linked"),
        ("worker", "connected"),
    ):
        name = kind.replace("-", "_")
        what = kind.replace("-", " ")
        help_ = f"List only masters to which this {what} (ID or exact name) is {verb}."
        option = click.option(f"--{kind}", metavar=name.upper(), type=Linked(name), help=help_)
        function = option(function)
    return builder_option(function)


def given(linked: Mapping[str, int | str | None]) -> Given:
    """Return the options that were given."""
    return {kind: value for kind, value in linked.items() if value is not None}


def lacking(connector: MastersConnector, linked: Given) -> Iterator[str]:
    """Yield a sentence for each builder, worker and so on that no active master has."""
    from mastersctl.query.resultspec import Filter, ResultSpec

    spec = ResultSpec([Filter("state", "eq", (ACTIVE,))], limit=1, fields=("id",))
    for kind, value in linked.items():
        if not list(connector.get_masters(spec, linked={kind: value})):
            what = kind.replace("_", " ")
            called = f"with ID {value}" if isinstance(value, int) else repr(value)
            yield f"No active master has the {what} {called}: {_WITHOUT[kind]}."
