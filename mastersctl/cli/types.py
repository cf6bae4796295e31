"""The types of options and arguments: they check values, and complete them for a shell.

`mastersctl.cli.candidates` finds the candidates; it is imported only when a shell asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import click

from mastersctl.errors import InvalidValueError, did_you_mean
from mastersctl.values import check_text, parse_integer

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic in the stubs, but not in Click


class Choice(click.Choice[str]):
    """One of several words; for any other word, the error suggests a similar one."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        message = super().get_invalid_choice_message(value, ctx)
        return message + did_you_mean(str(value), self.choices)


class _Listed(ParamType):
    """A value that a shell completes with the candidates of `mastersctl.cli.candidates`."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from mastersctl.cli import candidates  # late: only shells need it

        match self.name:
            case "master":
                return candidates.masters(ctx, incomplete)
            case "field":
                return candidates.fields(incomplete)
            case "filter":
                return candidates.filters(incomplete)
            case "order":
                return candidates.orders(incomplete)
        return candidates.linked(ctx, incomplete, self.name)


class _Path(ParamType):
    """A path, which the shell itself completes; `kind` is Click's word for file or directory."""

    kind: ClassVar[str]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem  # late: only shells need it

        return [CompletionItem(incomplete, type=self.kind)]


def _parse_name(text: str) -> str:
    if not text:
        raise InvalidValueError("A name cannot be empty; give one.")
    check_text(text)
    return text


class Name(ParamType):
    """The name of a master, which may look like an ID."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _parse_name(value)


class IdOrName(_Listed):
    """The ID of something that the database stores, or its exact name."""

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        return parse_integer(value) if value.isascii() and value.isdigit() else _parse_name(value)


class Master(IdOrName):
    """A master."""

    name = "master"


class Linked(IdOrName):
    """Something that masters are linked to.

    Parameters:
        kind: a key of `mastersctl.query.linked.LINKED`.
    """

    def __init__(self, kind: str) -> None:
        self.name = kind


class Builder(Linked):
    """A builder."""

    def __init__(self) -> None:
        super().__init__("builder")


class Field(_Listed):
    """A field of masters."""

    name = "field"


class Order(_Listed):
    """A field to sort by; a minus before it means descending order."""

    name = "order"


class Filter(_Listed):
    """A condition that masters must match."""

    name = "filter"


class Directory(_Path):
    """A directory."""

    name, kind = "directory", "dir"


class File(_Path):
    """A file."""

    name, kind = "file", "file"
