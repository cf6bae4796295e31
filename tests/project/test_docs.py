"""README and helps: what they show is run, and what the tool has the README names."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from mastersctl import errors
from mastersctl.cli.group import cli
from mastersctl.config import location
from tests.support import buildbots, sizes
from tests.support.commands import mastersctl
from tests.support.databases import SqliteFile
from tests.support.pages import example_lines
from tests.support.programs import require
from tests.support.rows import add_master, masters
from tests.support.sources import ROOT

README = (ROOT / "README.rst").read_text()
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
    return buildbots.make_basedir(directory)


@pytest.mark.parametrize("recipe", blocks("sh"))
def test_a_recipe_works(recipe: str, basedir: Path) -> None:
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
        f"{sizes.PROCESSES.full} processes at once",
        f"the same {sizes.NEW_NAMES.full} new names",
        f"in {sizes.ROUNDS.full} rounds",
        f"{sizes.WRITES.full} changes by four processes",
        f"killed at {sizes.KILLS.full} random moments",
        f"cut at {sizes.CUTS.full} points",
    ):
        assert figure in readme


@pytest.mark.parametrize("text", sorted(ROOT.glob("*.rst")), ids=lambda path: path.name)
def test_docutils_has_no_warning(text: Path) -> None:
    done = bash(f"python -m docutils --halt=warning {shlex.quote(str(text))} >/dev/null")
    assert done.returncode == 0, done.stdout


def test_exit_codes_and_variables_are_named() -> None:
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.MastersctlError)
    }
    assert codes == {1, 2, 3, 4, 5}
    for code in codes:
        assert re.search(rf"^{code}\b", README, re.MULTILINE)
    assert location.DB_URL_VARIABLE in README
    assert location.BASEDIR_VARIABLE in README


def examples(command: str) -> list[str]:
    """Return the examples of a command's help, without remarks."""
    one_a_line = "\n".join(example_lines(command)).replace("\n    ", " ")
    lines = re.sub(r" +# .*$", "", one_a_line, flags=re.MULTILINE).splitlines()
    return [line for line in lines if command != "completion" or "bash" in line]


@pytest.mark.parametrize(
    ("command", "example"),
    [(command, example) for command in cli.commands for example in examples(command)],
)
def test_an_example_of_a_help_works_on_a_terminal(
    command: str, example: str, basedir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those for other shells than bash are tested in ``tests/cli/test_completion.py``."""
    if "jq" in example:
        require("jq")
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
