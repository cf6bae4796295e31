"""README and man page: what they show is run, and what the tool has they name."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pexpect
import pytest

import mastersctl as package
from mastersctl import errors, location
from mastersctl.cli import cli
from mastersctl.resultspec import FIELDS, OPERATORS
from mastersctl.state import STATES
from tests import buildbots
from tests.conftest import Command, add_master, masters
from tests.databases import SqliteFile
from tests.reliability import test_beside_masters, test_kill, test_races, test_server

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()
MAN = (ROOT / "man" / "mastersctl.1").read_text()
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def blocks(language: str) -> list[str]:
    """Return the code blocks of the README in one language."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)"
    found = re.findall(pattern, README, re.MULTILINE)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE).strip() for block in found]


def bash(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, **environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_tour_prints_what_the_readme_shows() -> None:
    tour = "\n".join(blocks("console"))
    commands = re.findall(r"^\$ (.*)$", tour, re.MULTILINE)
    assert len(commands) > 10
    script = "\n".join(f"echo {shlex.quote(f'$ {command}')}; {command}" for command in commands)
    assert TIME.sub("TIME", bash(script).stdout.strip()) == TIME.sub("TIME", tour)


@pytest.fixture(scope="module")
def basedir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("docs") / "master"
    return buildbots.make_basedir(directory, "sqlite:///state.sqlite")


@pytest.mark.parametrize("recipe", blocks("sh"))
def test_a_recipe_works(recipe: str, basedir: Path, mastersctl: Command) -> None:
    name = f"{os.uname().nodename}:{basedir}"
    where = {"BASEDIR": str(basedir), "MASTER": name, "MASTERSCTL_BASEDIR": str(basedir)}
    database = SqliteFile(basedir / "state.sqlite")
    database.execute("DELETE FROM masters")
    add_master(database, f"oldhost:{basedir}", last_active=5)
    if "rename" not in recipe:
        add_master(database, name, active=1)
    script = local(recipe, basedir)
    if "--unless-alive" in script:
        refused = bash(script, **where).stdout
        assert "look alive" in refused
        assert "upgrade" not in refused
        assert mastersctl("set-state", name, "inactive", "--basedir", basedir).code == 0
    done = bash(f"set -e -o pipefail\n{script}", **where)
    assert done.returncode == 0, done.stdout
    if "oldhost" in recipe or "remove" in recipe:
        assert [master for (_, master, *_) in masters(database)] == [name]


def local(recipe: str, basedir: Path) -> str:
    """Return a recipe with the directories of this test."""
    script = recipe.replace("--basedir /srv/bb", f"--basedir {basedir}")
    return script.replace("/var/lib/node_exporter", str(basedir))


def test_the_probes_work(basedir: Path) -> None:
    database = SqliteFile(basedir / "state.sqlite")
    database.execute("DELETE FROM masters")
    for name in (f"{os.uname().nodename}:/srv/bb", "other"):
        add_master(database, name, active=1)
    probes = [json.loads(text) for text in re.findall(r"command: (\[.*\])$", README, re.MULTILINE)]
    commands = [script for _, _, script in probes]
    commands += re.findall(r"^   command\[\w+\]=(.*)$", README, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = bash(local(command, basedir))
        assert done.returncode == 0, done.stdout
    database.execute("UPDATE masters SET active = 0")
    assert [bash(local(command, basedir)).returncode for command in commands] == [1, 2]


def test_the_readme_names_every_file_to_copy() -> None:
    named = set(re.findall(r"``(contrib/.*?)/?``", README))
    for path in (ROOT / "contrib").rglob("*"):
        name = path.relative_to(ROOT)
        assert path.is_dir() or named & {str(name), str(name.parent)}
    assert all((ROOT / name).exists() for name in named)


def test_the_figures_of_the_readme_are_those_of_the_tests() -> None:
    readme = " ".join(README.split())
    for figure in (
        f"{test_races.PROCESSES} processes at once",
        f"the same {test_races.NEW_NAMES} new names",
        f"in {test_races.ROUNDS} rounds",
        f"{test_beside_masters.WRITES} changes by four processes",
        f"killed at {test_kill.KILLS} random moments",
        f"cut at {test_server.CUTS} points",
    ):
        assert figure in readme


@pytest.mark.parametrize("text", sorted(ROOT.glob("*.rst")), ids=lambda path: path.name)
def test_docutils_has_no_warning(text: Path) -> None:
    done = bash(f"python -m docutils --halt=warning {shlex.quote(str(text))} >/dev/null")
    assert done.returncode == 0, done.stdout


def man_text() -> str:
    """Return the man page without its markup."""
    text = re.sub(r"^\.(?:[A-Z]+|[A-Z][A-Z]) ?", "", MAN, flags=re.MULTILINE)
    return re.sub(r'\\f[A-Z]|"', "", text).replace(r"\-", "-").replace(" , ", ", ")


def test_the_examples_of_the_man_page_work(mastersctl: Command) -> None:
    (examples,) = re.findall(r"^\.EX\n(.*)\n\.EE$", MAN, re.MULTILINE | re.DOTALL)
    for name in ("build1:/srv/bb", "build2:/srv/bb"):
        assert mastersctl("init").code == mastersctl("find", name).code == 0
    for line in examples.replace(r"\-", "-").splitlines():
        done = bash(line)
        assert done.returncode == 0, (line, done.stdout)


def options(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    } | {"-h", "--help"}


def test_the_man_page_names_every_command_and_option_and_no_other() -> None:
    text = man_text()
    known = set().union(*map(options, [cli, *cli.commands.values()]))
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))
    assert named == known
    section = text.split("\nCOMMANDS\n")[1].split("\nOPTIONS\n")[0]
    assert set(
        re.findall(r"^TP\n|^([a-z-]+)(?: MASTER| NAME| SHELL|$)", section, re.MULTILINE)
    ) >= set(cli.commands)


@pytest.mark.parametrize("text", [README, MAN], ids=["README", "man page"])
def test_exit_codes_and_variables_are_named(text: str) -> None:
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.MastersctlError)
    }
    assert codes == {1, 2, 3, 4, 5}
    for code in codes:
        assert re.search(rf"^(\.B )?{code}\b", text, re.MULTILINE)
    assert location.DB_URL_VARIABLE in text
    assert location.BASEDIR_VARIABLE in text


def test_the_man_page_names_fields_operators_and_states() -> None:
    words = set(re.findall(r"\w+", man_text()))
    assert words >= {*FIELDS, *STATES, *(name for names in OPERATORS.values() for name in names)}


def test_the_man_page_has_the_version_of_the_package() -> None:
    assert f'"mastersctl {package.__version__}"' in MAN


PAGES = sorted(path.name for path in (ROOT / "man").glob("*.1"))
GENERATE = runpy.run_path(str(ROOT / "man" / "generate.py"))


@pytest.mark.parametrize("command", cli.commands)
def test_the_page_of_every_command_is_made_of_its_help(command: str) -> None:
    """If not, ``python man/generate.py`` makes them."""
    path = GENERATE["path"](command)
    assert path.read_text() == GENERATE["page"](command)
    assert f".BR {GENERATE['dashes'](path.stem)} (1)," in MAN


def test_there_is_no_page_of_a_command_that_does_not_exist() -> None:
    assert sorted(["mastersctl.1", *(f"mastersctl-{name}.1" for name in cli.commands)]) == PAGES


@pytest.mark.parametrize("command", cli.commands)
def test_a_page_has_all_that_the_help_says(command: str) -> None:
    page = GENERATE["path"](command).read_text()
    text = " ".join(re.sub(r"\\f[A-Z]|\\&", "", page).replace(r"\-", "-").split())
    with click.Context(cli.commands[command]) as context:
        help_ = cli.commands[command].get_help(context)
    for word in re.findall(r"--?[a-z][a-z-]+|\d+[a-z]?|[A-Z]{2,}\b", help_.replace("-\n", "-")):
        assert word in text, word
    for section in ("EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"):
        assert f"\n.SH {section}\n" in page


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("checker", ["groff -ww -man -Tutf8 -z", "mandoc -T lint"])
def test_no_formatter_warns_of_a_page(checker: str, page: str) -> None:
    program, *arguments = checker.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [program, *arguments, ROOT / "man" / page], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def examples(command: str) -> list[str]:
    """Return the examples of a command's page, without remarks."""
    page = GENERATE["page"](command).replace(r"\-", "-")
    (block,) = re.findall(r"^\.EX\n(.*)\n\.EE$", page, re.MULTILINE | re.DOTALL)
    lines = re.sub(r" +# .*$", "", block.replace("\n    ", " "), flags=re.MULTILINE).splitlines()
    return [line for line in lines if command != "completion" or "bash" in line]


@pytest.mark.parametrize(
    ("command", "example"),
    [(command, example) for command in cli.commands for example in examples(command)],
)
def test_an_example_of_a_help_works_on_a_terminal(
    command: str, example: str, basedir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those for other shells than bash are tested in ``tests/cli/test_completion.py``."""
    if "jq" in example and not shutil.which("jq"):
        pytest.skip("jq is not installed")
    database = SqliteFile(basedir / "state.sqlite")
    database.execute("DELETE FROM masters")
    for host in ("build1", "build2", "oldhost", *["newhost"] * (command != "rename"), "a", "b"):
        active = int(host.startswith("build"))
        add_master(database, f"{host}:/srv/bb", active=active, last_active=None if active else 5)
    database.execute("UPDATE masters SET id = 7 WHERE name LIKE 'a:%'")
    monkeypatch.setenv("MASTERSCTL_BASEDIR", str(basedir))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    line = example.replace("/var/lib/node_exporter", str(basedir))
    line = re.sub(r"(upgrade-master|--basedir) /srv/bb", rf"\1 {basedir}", line)
    shell = pexpect.spawn(
        "bash", ["-c", f"set -e -o pipefail; {line}"], env={**os.environ, "PATH": path},
        encoding="utf-8", timeout=60, dimensions=(40, 200),
    )  # fmt: skip
    asked = shell.expect_exact(["[y/N]", "Ctrl-C ends", pexpect.EOF])
    if asked < 2:
        shell.send(["y\n", "\x03"][asked])  # once: a second Ctrl-C would interrupt the exit
        shell.expect_exact(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0, shell.before
