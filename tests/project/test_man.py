"""The man pages: each has all that its command has, says nothing else, and reads well."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import mastersctl as package
from mastersctl import errors
from mastersctl.cli.check import UNKNOWN
from mastersctl.cli.group import cli
from mastersctl.config import location
from mastersctl.output import FORMATS
from mastersctl.query.fields import FIELDS
from mastersctl.states import STATES
from tests.support.commands import mastersctl
from tests.support.pages import GENERATE, example_lines
from tests.support.programs import require
from tests.support.sources import ROOT, run

PAGES = sorted((ROOT / "man").glob("*.1"))
MAIN = ROOT / "man" / "mastersctl.1"
OPTION = re.compile(r"(?<![\w-])(?:-V|--?[a-z][a-z-]*)(?!\w)")  # and not -last_active
CODES = {
    error.exit_code
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.MastersctlError)
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
every_command = pytest.mark.parametrize("command", cli.commands)


def plain(roff: str) -> str:
    """Return what stands in a page, without its markup."""
    text = re.sub(r"^\.[A-Za-z]+ ?", "", roff, flags=re.MULTILINE)
    return re.sub(r'\\f[A-Z]|\\&|"', "", text.replace(r"\-", "-").replace(r"\ ", " "))


def section(page: Path, title: str) -> str:
    """Return a section of a page, with its markup."""
    (found,) = re.findall(
        rf"^\.SH {title}\n(.*?)(?=^\.SH |\Z)", page.read_text(), re.MULTILINE | re.DOTALL
    )
    return str(found)


def tags(roff: str) -> list[str]:
    """Return what the paragraphs with a tag, or the rows of tables, are about."""
    found = re.findall(r"^(?:\.TP\n(.*)|(.*)\tT\{)$", roff, re.MULTILINE)
    return [plain(tag or row) for tag, row in found]


def documented(page: Path) -> dict[str, str]:
    """Return what a page says of each option that it has a paragraph on."""
    found = {}
    for paragraph in section(page, "OPTIONS").split(".TP\n")[1:]:
        tag, _, text = paragraph.partition("\n")
        for name in OPTION.findall(plain(tag)):
            found[name] = " ".join(plain(text).split())
    return found


def context(command: click.Command) -> click.Context:
    """Return one in which ``-h`` is known, too: the command remembers how it was asked for help."""
    return click.Context(command, **cli.context_settings)


def options(command: click.Command) -> list[click.Option]:
    parameters = command.get_params(context(command))
    return [one for one in parameters if isinstance(one, click.Option)]


def names(command: click.Command) -> set[str]:
    return {name for option in options(command) for name in option.opts}


def example_block(page: Path) -> str:
    (block,) = re.findall(r"^\.EX\n(.*)\n\.EE$", page.read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


def examples(page: Path) -> list[str]:
    """Return the lines of the examples, as a reader pastes them."""
    block = example_block(page)
    for character, escape in GENERATE["ESCAPES"].items():
        block = block.replace(escape, character)
    return block.splitlines()


def read(page: Path, columns: int) -> str:
    """Return what ``man`` shows on a terminal of so many columns."""
    require("man")
    return run("man", "-l", page, MANWIDTH=str(columns), MANPAGER="cat", LC_ALL="C.UTF-8")


# One source for help and page


@every_command
def test_the_page_of_every_command_is_made_of_its_help(command: str) -> None:
    """If not, ``python tools/make_pages.py`` makes them."""
    assert GENERATE["path"](command).read_text() == GENERATE["page"](command)


def test_there_is_no_page_of_a_command_that_does_not_exist() -> None:
    pages = {"mastersctl", *(f"mastersctl-{name}" for name in cli.commands)}
    assert {page.stem for page in PAGES} == pages


@every_command
def test_a_page_has_all_that_the_help_says(command: str) -> None:
    text = " ".join(plain(GENERATE["path"](command).read_text()).split())
    help_ = cli.commands[command].get_help(context(cli.commands[command]))
    for word in re.findall(r"--?[a-z][a-z-]+|\d+[a-z]?|[A-Z]{2,}\b", help_.replace("-\n", "-")):
        assert word in text, word


# All that there is, and nothing else


@every_command
def test_the_page_of_every_command_has_its_options_and_no_other(command: str) -> None:
    assert documented(GENERATE["path"](command)).keys() == names(cli.commands[command])


def test_the_main_page_has_the_options_of_every_command_and_no_other() -> None:
    shared = set.intersection(*map(names, cli.commands.values()))
    assert documented(MAIN).keys() == shared | {"-V", "--version"} == names(cli)


@every_page
def test_a_page_names_no_option_that_does_not_exist(page: Path) -> None:
    known = names(cli).union(*map(names, cli.commands.values()))
    assert {*OPTION.findall(plain(page.read_text()))} <= known


@every_command
def test_a_page_has_the_default_and_the_choices_of_every_option(command: str) -> None:
    found = documented(GENERATE["path"](command))
    for option in options(cli.commands[command]):
        text = found[option.opts[0]]
        _, help_ = click.Option.get_help_record(option, context(cli.commands[command])) or ("", "")
        default = help_.partition("[default: ")[2].partition("]")[0].partition(";")[0]
        said = re.search(r"The default is (\w+)\.|(\w+) by default\.", text)
        assert default == ((said and (said[1] or said[2])) or "")
        if isinstance(option.type, click.Choice):
            assert f"One of {', '.join(option.type.choices)}." in text


@pytest.mark.parametrize("name", cli.commands)
def test_the_main_page_lists_every_command_and_no_other(name: str) -> None:
    commands = section(MAIN, "COMMANDS")
    assert sorted(tags(commands)) == [f"mastersctl-{one} (1)" for one in sorted(cli.commands)]
    paragraph = plain(commands).split(f"mastersctl-{name} (1)\n")[1]
    first, *_ = GENERATE["help_of"](name).split("\n\n")
    assert " ".join(paragraph.split()).startswith(" ".join(first.split()))


@every_page
def test_a_page_has_every_exit_code_and_no_other(page: Path) -> None:
    codes = range(UNKNOWN + 1) if page.stem == "mastersctl-check" else {0, *CODES}
    assert tags(section(page, "EXIT STATUS")) == [str(code) for code in sorted(codes)]


@every_page
def test_a_page_has_every_variable_and_no_other(page: Path) -> None:
    ours = [
        location.DB_URL_VARIABLE,
        location.BASEDIR_VARIABLE,
        location.CONFIG_PYTHON_VARIABLE,
    ]
    assert tags(section(page, "ENVIRONMENT")) == [*ours, "NO_COLOR"]
    assert set(re.findall(r"MASTERSCTL_\w+", page.read_text())) == {*ours}


def test_the_main_page_has_every_format_and_state_and_no_other() -> None:
    choices = [
        option.type.choices
        for command in cli.commands.values()
        for option in options(command)
        if isinstance(option.type, click.Choice)
    ]
    formats = re.findall(r"\w+", " ".join(tags(section(MAIN, "OUTPUT"))))
    assert {*formats} == {*FORMATS}.union(*choices)
    assert tags(section(MAIN, "DESCRIPTION")) == list(STATES)


def test_the_page_of_list_has_every_field_and_operator_and_no_other() -> None:
    fields, operators = section(GENERATE["path"]("list"), "QUERIES").split(".SS Operators\n")
    assert re.findall(r"[a-z_]+", " ".join(tags(fields))) == list(FIELDS)
    known = {name for field in FIELDS.values() for name in field.operators}
    assert {*re.findall(r"[a-z]+", " ".join(tags(operators)))} == known


@every_page
def test_a_page_has_the_version_of_the_package(page: Path) -> None:
    assert f'"mastersctl {package.__version__}"' in page.read_text().splitlines()[1]


# For the reader


@every_page
def test_a_page_has_the_sections_that_a_reader_looks_for(page: Path) -> None:
    titles = re.findall(r"^\.SH (.*)$", page.read_text(), re.MULTILINE)
    assert titles[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
    titles = [title for title in titles if title != "NOTES"]  # which only some pages have
    assert titles[-5:] == ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]


@every_page
@pytest.mark.parametrize("checker", ["groff -t -ww -man -Tutf8 -z", "mandoc -T lint"])
def test_no_formatter_warns_of_a_page(checker: str, page: Path) -> None:
    program, *arguments = checker.split()
    require(program)
    done = subprocess.run([program, *arguments, page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@every_page
def test_apropos_finds_what_a_page_is_about(page: Path) -> None:
    require("lexgrog")
    name, dash, summary = run("lexgrog", page).split(": ", 1)[1].strip('"\n').partition(" - ")
    assert (name, bool(dash and summary)) == (page.stem, True)


@every_page
def test_nothing_is_wider_than_a_terminal(page: Path) -> None:
    assert max(map(len, read(page, 80).splitlines())) <= 80


@every_page
@pytest.mark.parametrize("columns", [80, 60])
def test_what_is_pasted_from_a_page_is_what_is_typed(page: Path, columns: int) -> None:
    shown = read(page, columns)
    for line in examples(page):
        assert f"\n       {line}\n" in shown
    for name in documented(page):
        assert re.search(rf"(?<![\w-]){name}\b", shown)
    assert not re.search("[\u2010-\u2015\u2212\u02c6\u02dc]", shown)  # what looks like - ^ ~


@every_page
def test_no_formatter_can_make_an_example_typographic(page: Path) -> None:
    """As groff 1.22 leaves quotes, carets and tildes alone, and 1.23 does not."""
    assert not re.search(r"(?<!\\)-|['`^~]", example_block(page))


@every_command
def test_the_examples_of_a_page_are_those_of_the_help(command: str) -> None:
    assert examples(GENERATE["path"](command)) == example_lines(command)


def test_the_examples_of_the_main_page_work() -> None:
    for name in ("build1:/srv/bb", "build2:/srv/bb"):
        assert mastersctl("init").code == mastersctl("find", name).code == 0
    for line in examples(MAIN):
        run("bash", "-c", line, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
