#!/usr/bin/env python3
"""Write the man page of each command from its help, and what all have from ``mastersctl.1``.

``python man/generate.py`` writes them; a test says when that is due.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from textwrap import wrap

import click

from mastersctl.cli import cli

HERE = Path(__file__).parent
MAIN = (HERE / "mastersctl.1").read_text()
WIDTH = 78  # characters of a line of the source
LITERAL = "\b\n"  # by which a paragraph of a help begins that is not to be filled


def main() -> None:
    for name in cli.commands:
        path(name).write_text(page(name))


def path(name: str) -> Path:
    """Return where the page of a command is."""
    return HERE / f"mastersctl-{name}.1"


def page(name: str) -> str:
    """Return the man page of a command."""
    command = cli.commands[name]
    first, *paragraphs = cleandoc(command.help or "").split("\n\n")
    literal = {
        text.splitlines()[1].rstrip(":").partition(",")[0]: text.splitlines()[2:]
        for text in paragraphs
        if text.startswith(LITERAL)
    }
    examples = literal.get("Examples") or literal["Example"]
    codes = literal.get("Exit codes")
    summary = first.rstrip(".")
    lines = [
        heading(name),
        ".SH NAME",
        text(f"mastersctl-{name} - {summary[0].lower()}{summary[1:]}"),
        ".SH SYNOPSIS",
        rf".SY mastersctl\ {dashes(name)}",
        ".RI [ options ]",
        *(argument(one) for one in command.params if isinstance(one, click.Argument)),
        ".YS",
        ".SH DESCRIPTION",
        text(first),
        *(
            line
            for part in paragraphs
            if not part.startswith(LITERAL)
            for line in (".PP", text(part))
        ),
        ".SH OPTIONS",
        *(line for one in options(command) for line in option(one)),
        ".SH EXIT STATUS",
        *(
            code_list(codes)
            if codes
            else [shared("EXIT STATUS").partition(".PP\nThat of")[0].rstrip()]
        ),
        ".SH ENVIRONMENT",
        shared("ENVIRONMENT"),
        ".SH FILES",
        shared("FILES"),
        ".SH EXAMPLES",
        ".EX",
        *(dashes(line.removeprefix("  ")) for line in examples),
        ".EE",
        ".SH SEE ALSO",
        ".BR mastersctl (1),",
        *(rf".BR mastersctl\-{dashes(other)} (1)," for other in cli.commands if other != name),
        ".BR buildbot (1)",
    ]
    return "\n".join(lines) + "\n"


def heading(name: str) -> str:
    title, rest = re.findall(r"^(\.TH MASTERSCTL)( .*)$", MAIN, re.MULTILINE)[0]
    return rf"{title}\-{dashes(name.upper())}{rest}"


def shared(section: str) -> str:
    """Return a section of the main page."""
    (found,) = re.findall(rf"^\.SH {section}\n(.*?)\n(?=\.SH )", MAIN, re.MULTILINE | re.DOTALL)
    return str(found)


def argument(parameter: click.Argument) -> str:
    if isinstance(parameter.type, click.Choice):
        return rf".RB { {'|'.join(map(str, parameter.type.choices))} }".replace("'", "")
    name = (parameter.metavar or (parameter.name or "")).upper()
    return rf".IR {name.removesuffix('...')}" + (" ..." if name.endswith("...") else "")


def options(command: click.Command) -> Iterator[click.Option]:
    yield from (one for one in command.params if isinstance(one, click.Option))
    with click.Context(command, help_option_names=["-h", "--help"]) as context:
        help_option = command.get_help_option(context)
    if help_option:
        yield help_option


def option(parameter: click.Option) -> Iterator[str]:
    """Yield the lines on one option: its names, its value, and its help."""
    names = r"\fR, \fB".join(dashes(name) for name in parameter.opts)
    metavar = parameter.metavar or ("FORMAT" if isinstance(parameter.type, click.Choice) else "")
    yield ".TP"
    yield rf"\fB{names}\fR" + (rf" \fI{dashes(metavar)}\fR" if metavar else "")
    words, _, default = (parameter.help or "").partition("  [default: ")
    yield text(words)
    if isinstance(parameter.type, click.Choice):
        yield text(f"One of {', '.join(map(str, parameter.type.choices))}.")
    if default or parameter.show_default:
        yield text(f"The default is {default.rstrip(']') or parameter.default}.")


def code_list(lines: list[str]) -> Iterator[str]:
    for line in lines:
        code, meaning = line.split(maxsplit=1)
        yield from (".TP", f".B {code}", text(f"{meaning[0].upper()}{meaning[1:]}."))


def text(paragraph: str) -> str:
    """Return a paragraph, filled, with options in bold."""
    filled = " ".join(paragraph.split()).replace("\\", r"\e")
    bold = re.sub(r"(?<![\w-])--?[a-z][a-z-]*", lambda match: rf"\fB{match[0]}\fR", filled)
    lines = wrap(dashes(bold), WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line[0] in ".'" else line for line in lines)


def dashes(words: str) -> str:
    """Return words in which what is pasted into a shell has dashes, and no hyphens."""
    return re.sub(r"(?<!\\)-", r"\\-", words)


if __name__ == "__main__":
    main()
