"""The values that options and arguments take: what is accepted, and how a shell completes it.

What a shell is offered is computed by `mastersctl.cli.candidates`, imported when a shell asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mastersctl.errors import InvalidValueError, did_you_mean
from mastersctl.values import check_text, parse_integer

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # which is generic in the stubs before it is in Click


class Choice(click.Choice[str]):
    """One of several words; of one that is none of them, the error asks what was meant."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        message = super().get_invalid_choice_message(value, ctx)
        return message + did_you_mean(str(value), self.choices)


def _parse_name(text: str) -> str:
    if not text:
        raise InvalidValueError("A name cannot be empty.")
    check_text(text)
    return text


class Name(ParamType):
    """The name of a master, which may look like an ID."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _parse_name(value)


class IdOrName(ParamType):
    """The ID of something that the database stores, or its exact name."""

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        return parse_integer(value) if value.isascii() and value.isdigit() else _parse_name(value)


class Master(IdOrName):
    """A master."""

    name = "master"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from mastersctl.cli.candidates import masters

        return masters(ctx, incomplete)


class Builder(IdOrName):
    """A builder."""

    name = "builder"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from mastersctl.cli.candidates import builders

        return builders(ctx, incomplete)


class Field(ParamType):
    """A field of masters."""

    name = "field"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from mastersctl.cli.candidates import fields

        return fields(incomplete)


class Order(ParamType):
    """A field to sort by, after a minus downwards."""

    name = "order"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from mastersctl.cli.candidates import orders

        return orders(incomplete)


class Filter(ParamType):
    """A condition that masters meet."""

    name = "filter"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from mastersctl.cli.candidates import filters

        return filters(incomplete)


class Directory(ParamType):
    """A directory, for which the shell itself looks."""

    name = "directory"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


class File(ParamType):
    """A file, for which the shell itself looks."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]
