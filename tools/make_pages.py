#!/usr/bin/env python3
"""Write the man page of each command from its help: ``python tools/make_pages.py``.

What pages share (options of every command, queries, exit status, environment, files) comes from
``mastersctl.1``, which is written by hand. A test fails when the pages are out of date.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path
from textwrap import wrap

import click

from mastersctl.cli.group import cli

PAGES = Path(__file__).parent.parent / "man"
MAIN = (PAGES / "mastersctl.1").read_text()
WIDTH = 78  # characters of a line of the source
LITERAL = "\b\n"  # the start of a paragraph that must not be filled
TABLE = ".TS\nlB lx."
"""The start of a table with a bold term and its text in each row."""
ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
"""Characters that formatters make typographic, and that a shell then rejects when pasted."""


def main() -> None:
    for name in cli.commands:
        path(name).write_text(page(name))


def path(name: str) -> Path:
    """Return the path of a command's page."""
    return PAGES / f"mastersctl-{name}.1"


def page(name: str) -> str:
    """Return the man page of a command."""
    command = cli.commands[name]
    first, *paragraphs = help_of(name).split("\n\n")
    literal = dict(block(one) for one in paragraphs if one.startswith(LITERAL))
    sections = {title: literal.pop(title, []) for title in ("Examples", "Exit codes")}
    markup = Markup(command)
    lines = [
        *heading(name),
        ".SH NAME",
        *filled(typed(f"mastersctl-{name} - {first[0].lower()}{first[1:].rstrip('.')}")),
        ".SH SYNOPSIS",
        rf".SY mastersctl\ {typed(name)}",
        ".RI [ options ]",
        *(argument(one) for one in command.params if isinstance(one, click.Argument)),
        ".YS",
        ".SH DESCRIPTION",
        markup.text(first),
        *(line for one in paragraphs for line in described(one, literal, markup)),
        *([".SH QUERIES", section("QUERIES")] if name == "list" else []),
        ".SH OPTIONS",
        *(line for one in own_options(command) for line in option(one, markup)),
        section("OPTIONS", "Options of every command"),
        ".SH EXIT STATUS",
        code_list(sections["Exit codes"], markup) or section("EXIT STATUS").partition("\n.PP\n")[0],
        ".SH ENVIRONMENT",
        section("ENVIRONMENT"),
        ".SH FILES",
        section("FILES"),
        ".SH EXAMPLES",
        ".EX",
        *map(typed, sections["Examples"]),
        ".EE",
        ".SH SEE ALSO",
        ".BR mastersctl (1),",
        *(rf".BR mastersctl\-{typed(other)} (1)," for other in cli.commands if other != name),
        ".BR buildbot (1)",
    ]
    return "\n".join(lines) + "\n"


def help_of(name: str) -> str:
    """Return the help of a command, without its indentation."""
    return cleandoc(cli.commands[name].help or "")


def block(paragraph: str) -> tuple[str, list[str]]:
    """Return the title and the lines of a paragraph that must not be filled."""
    title, *lines = paragraph.removeprefix(LITERAL).splitlines()
    title = title.rstrip(":").partition(", as")[0]
    return "Examples" if title == "Example" else title, [line.removeprefix("  ") for line in lines]


def described(
    paragraph: str, lists: Mapping[str, Sequence[str]], markup: "Markup"
) -> Iterator[str]:
    """Yield a paragraph of the description; nothing of one that has a section of its own."""
    if not paragraph.startswith(LITERAL):
        yield from (".PP", markup.text(paragraph))
        return
    title, lines = block(paragraph)
    if title in lists:
        yield from (".PP", markup.text(f"{title}:"))
        for item in items(lines):
            yield from list_item(item, markup)


def items(lines: Sequence[str]) -> list[str]:
    """Return the items of a list, some of which go on in a line that is indented."""
    return [" ".join(item.split()) for item in re.split(r"\n(?! )", "\n".join(lines)) if item]


def list_item(item: str, markup: "Markup") -> Iterator[str]:
    """Yield an item of a list: after a hyphen, or after the word that the item is about."""
    if item.startswith("- "):
        yield from (r".IP \(bu 2", markup.text(item.removeprefix("- ")))
    else:
        word, text = item.split(maxsplit=1)
        yield from (".TP", f".B {typed(word)}", markup.text(text))


def heading(name: str) -> Iterator[str]:
    """Yield the first lines of all pages, with the title of this one."""
    title = rf"MASTERSCTL\-{typed(name.upper())}"
    yield MAIN.partition("\n.SH ")[0].replace("MASTERSCTL", title, 1)


def section(title: str, part: str | None = None) -> str:
    """Return a section of the main page, or a part of it."""
    (found,) = re.findall(rf"^\.SH {title}\n(.*?)\n(?=\.SH )", MAIN, re.MULTILINE | re.DOTALL)
    if part is not None:
        (found,) = re.findall(
            rf"^(\.SS {part}\n.*?)(?=\n\.SS |\Z)", found, re.MULTILINE | re.DOTALL
        )
    return str(found)


def shared_codes() -> Iterator[str]:
    """Yield the exit status for each command whose help has none of its own."""
    yield section("EXIT STATUS").partition("\n.PP\n")[0]


def code_list(lines: Sequence[str], markup: "Markup") -> str:
    """Return the exit codes that the help of a command lists; nothing where it lists none."""
    codes = (item.split(maxsplit=1) for item in items(lines))
    rows = [f"{code}\tT{{\n{markup.text(sentence(text))}\nT}}" for code, text in codes]
    return "\n".join([TABLE, *rows, ".TE"]) if rows else ""


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def argument(parameter: click.Argument) -> str:
    """Return an argument for the synopsis, in brackets if it is optional."""
    if isinstance(parameter.type, click.Choice):
        return "{" + "|".join(styled("B", choice) for choice in parameter.type.choices) + "}"
    name = value_name(parameter)
    if not parameter.required:
        return rf".RI [ {name}\  ...]"
    return f".I {name}"


def value_name(parameter: click.Parameter) -> str:
    return (parameter.metavar or parameter.name or "").upper().strip("[].")


def own_options(command: click.Command) -> Iterator[click.Option]:
    """Yield the options that not every command has."""
    shared = {name for parameter in cli.params for name in parameter.opts}
    for one in command.params:
        if isinstance(one, click.Option) and not shared & {*one.opts}:
            yield one


def option(parameter: click.Option, markup: "Markup") -> Iterator[str]:
    """Yield the lines for one option: its names, its value, and its help."""
    choices = parameter.type.choices if isinstance(parameter.type, click.Choice) else ()
    value = parameter.metavar or ("FORMAT" if choices else "")
    names = r"\fR, \fB".join(typed(name) for name in parameter.opts)
    yield ".TP"
    yield rf"\fB{names}\fR" + (f" {metavar(value)}" if value else "")
    words, _, default = (parameter.help or "").partition("  [default: ")
    yield markup.text(words)
    if choices:
        yield markup.text("One of " + ", ".join(f"'{choice}'" for choice in choices) + ".")
    if default or parameter.show_default:
        yield markup.text(f"The default is '{default.rstrip(']') or parameter.default}'.")


def metavar(value: str) -> str:
    """Return the value of an option, with placeholders in italics and the rest in bold."""
    return re.sub(r"([A-Z]+)|[=_-]+", lambda part: styled("I" if part[1] else "B", part[0]), value)


class Markup:
    """Marks up the texts of a help: literal words in bold, placeholders in italics."""

    _TYPED = (
        r"(?<!\w)'([^']+)'(?!\w)"  # without the quotes
        r"|(?<![\w-])(-o [a-z]+|--?[a-z][a-z-]*(?: [a-z_]+=\w+)?)"
    )

    def __init__(self, command: click.Command) -> None:
        stands_for = {r"master\.cfg", "HOSTNAME", "BASEDIR"}
        for parameter in command.params:
            if not isinstance(parameter.type, click.Choice):
                stands_for |= {*re.findall("[A-Z]+", parameter.metavar or value_name(parameter))}
        self._pattern = re.compile(rf"{self._TYPED}|\b({'|'.join(sorted(stands_for))})\b")

    def text(self, paragraph: str) -> str:
        """Return a paragraph in which each sentence begins a line."""
        sentences = re.split(r"(?<=\.) (?=[A-Z'])", " ".join(paragraph.split()))
        return "\n".join(line for sentence in sentences for line in self._lines(sentence))

    def _lines(self, sentence: str) -> Iterator[str]:
        marked = self._pattern.sub(self._mark, sentence)
        yield from filled(re.sub(r"(?<!\\)-", r"\\-", marked))

    @staticmethod
    def _mark(found: re.Match[str]) -> str:
        quoted, option_, value = found.groups()
        return styled("I", value) if value else styled("B", quoted or option_)


def filled(text: str) -> Iterator[str]:
    """Yield the lines of a text, so that a formatter takes none of them for a request."""
    for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False):
        yield rf"\&{line}" if line[0] in ".'" else line


def styled(font: str, words: str) -> str:
    return rf"\f{font}{typed(words)}\fR"


def typed(words: str) -> str:
    """Return words with escapes, so that a reader can paste them into a shell."""
    return "".join(ESCAPES.get(character, character) for character in words)


if __name__ == "__main__":
    main()
