"""README, recipes and helps: what they show is run, and what the tool has the README names."""

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
from tests.support.databases import SqliteFile
from tests.support.pages import example_lines
from tests.support.programs import require
from tests.support.rows import add_belongings, add_master, masters
from tests.support.sources import ROOT

README = (ROOT / "README.rst").read_text()
RECIPES = (ROOT / "contrib" / "README.rst").read_text()
SECURITY = (ROOT / "SECURITY.rst").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.rst").read_text()
TEXTS = [*ROOT.glob("*.rst"), *ROOT.glob("*/README.rst")]
BIN = Path(sys.executable).parent


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a text in one language."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)"
    found = re.findall(pattern, text, re.MULTILINE)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE).strip() for block in found]


def literals(text: str) -> list[str]:
    """Return the blocks of a text in no language, which follow two colons."""
    found = re.findall(r"::\n\n((?:   .*\n)+)", text)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE).strip() for block in found]


def bash(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def on_terminal(
    script: str, basedir: Path, path: Path = BIN, **environment: str
) -> tuple[int | None, str]:
    """Run a script on a terminal, say yes to what it asks, and end what draws until Ctrl-C.

    Parameters:
        path: the directory of commands that are found before all others.

    Returns:
        its exit code, and what it printed.
    """
    shell = pexpect.spawn(
        "bash",
        ["-c", f"set -e -o pipefail; {script}"],
        env=os.environ | {"PATH": f"{path}:{BIN}:{os.environ['PATH']}"} | environment,
        cwd=basedir,
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 200),
    )
    printed = ""
    while asked := shell.expect_exact([pexpect.EOF, "[y/N]", "Ctrl-C ends"]):
        printed += str(shell.before)
        shell.send(["", "y\n", "\x03"][asked])
        if asked == 2:  # once: a second Ctrl-C would interrupt the exit
            shell.expect_exact(pexpect.EOF)
            break
    printed += str(shell.before)
    shell.close()
    return shell.exitstatus, printed


# The README


def test_the_readme_is_one_page() -> None:
    assert len(README.split()) <= 1200


@pytest.mark.parametrize("text", [README, RECIPES, SECURITY], ids=["README", "contrib", "SECURITY"])
def test_what_is_pasted_is_no_wider_than_a_terminal(text: str) -> None:
    pasted = [literals(text), *(blocks(text, language) for language in ("sh", "ini", "yaml"))]
    lines = "\n".join(block for some in pasted for block in some).splitlines()
    assert [line for line in lines if len(line) > 80] == []


def to_paste() -> list[str]:
    """Return the two commands of the README, each as one line."""
    found = [" ".join(block.split()) for block in literals(README)]
    return [command for command in found if command.startswith("python3 -m venv ")]


def test_ci_runs_the_two_commands_to_paste() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    (search,) = re.findall(r"< <\((.* README\.rst)\)", ci)
    assert len(to_paste()) == 2
    assert bash(f"cd {shlex.quote(str(ROOT))} && {search}").stdout.splitlines() == to_paste()


def test_the_command_to_try_it_lists_two_masters() -> None:
    done = bash(to_paste()[0].partition("pip install . && ")[2])
    assert done.returncode == 0, done.stdout
    assert [line.split()[:3] for line in done.stdout.splitlines()[-2:]] == [
        ["1", "build1:/srv/bb", "active"],
        ["2", "build2:/srv/bb", "inactive"],
    ]


def table(heading: str) -> dict[str, str]:
    """Return a table of the README: by command, the cell of the column with this heading."""
    pattern = rf"^Command +{heading}.*\n=+ =+\n((?:.*\n)+?)=+ =+$"
    (rows,) = re.findall(pattern, README, re.MULTILINE)
    joined = re.sub(r"\n +", " ", rows)
    return dict(re.findall(r"^``(\S+)`` +(.*)$", joined, re.MULTILINE))


def test_the_readme_lists_every_command_and_no_other() -> None:
    assert sorted(table("Effect")) == sorted(cli.commands)


def test_the_keys_of_json_are_those_that_the_readme_lists(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    runs: dict[str, list[list[str]]] = {
        "init": [[]],
        "find": [["build1:/srv/bb"]],
        "set-state": [["1", "active"], ["1", "inactive"]],
        "list": [[]],
        "show": [["1"]],
        "check": [[], ["--db-url", "sqlite:///absent"]],
        "expire-all": [["--yes"]],
        "housekeep": [[]],
        "rename": [["1", "build2:/srv/bb"]],
        "doctor": [[], ["--fix", "--yes"]],
        "remove": [["1", "--yes"]],
    }
    found: dict[str, set[str]] = {}
    for command, several in runs.items():
        for arguments in several:
            printed = database.run(command, *arguments, "-o", "json").json
            one = printed[0] if command == "list" else printed
            found[command] = found.get(command, set()) | one.keys()
            for row in one.get("masters", []) if command == "housekeep" else []:
                found[command] |= row.keys() - {"id", "name"}
    listed = {
        command: set(re.findall(r"``([a-z_]+)``", cell)) for command, cell in table("Keys").items()
    }
    listed["show"] |= listed["list"]
    listed["show"].remove("list")
    of_problems = {"kind", "count", "examples", "effect", "remedy", "fixable"}
    assert of_problems < listed["doctor"]
    listed["doctor"] -= of_problems
    assert listed == found


# Recipes


@pytest.fixture
def basedir(tmp_path: Path) -> Path:
    return buildbots.make_basedir(tmp_path / "master")


def local(recipe: str, basedir: Path) -> str:
    """Return a recipe with the directories of this test."""
    return recipe.replace("/srv/bb", str(basedir)).replace("/var/lib/node_exporter", str(basedir))


def prepare(recipe: str, basedir: Path, database: SqliteFile, programs: Path) -> None:
    """Make the cluster that a recipe is for, and the programs that it needs."""
    if "jq" in recipe:
        require("jq")
    for host in ("build1", "build2"):
        add_master(database, f"{host}:{basedir}", active=1)
    if "build3" in recipe:
        add_belongings(database, add_master(database, f"build3:{basedir}", active=1, last_active=5))
    if "oldhost" in recipe:
        add_belongings(database, add_master(database, f"oldhost:{basedir}", last_active=5))
    if "newhost" in recipe and "rename" not in recipe:
        add_master(database, f"newhost:{basedir}")
    if "reconfig" in recipe:  # of a master that runs, and here is none
        (programs / "buildbot").symlink_to("/bin/true")


@pytest.mark.parametrize("recipe", [*blocks(README, "sh"), *blocks(RECIPES, "sh")])
def test_a_recipe_works(recipe: str, basedir: Path, database: SqliteFile, tmp_path: Path) -> None:
    prepare(recipe, basedir, database, tmp_path)
    script = local(recipe, basedir)
    builds = database.execute("SELECT count(*) FROM builds")
    if "--unless-alive" in script:
        code, refused = on_terminal(script, basedir, tmp_path)
        assert code == 1
        assert "look alive" in refused
        assert "upgrade" not in refused
        database.execute("UPDATE masters SET active = 0")
    code, printed = on_terminal(script, basedir, tmp_path)
    assert code == 0, printed
    names = {name for _, name, *_ in masters(database)}
    assert f"oldhost:{basedir}" not in names
    assert database.execute("SELECT count(*) FROM builds") == builds
    if "housekeep" in recipe or "remove" in recipe:
        assert database.execute("SELECT id FROM builds WHERE complete_at IS NULL") == []
    for name in re.findall(r"(?:rename.* |reassign-to )(?:\S*:)(\S+)", script):
        assert any(name.strip('"') in found for found in names)
    if "--unless-alive" in script:
        assert {tuple(row[2:]) for row in masters(database)} == {(1, 0)}


def test_the_probes_work(basedir: Path, database: SqliteFile) -> None:
    for name in (f"{os.uname().nodename}:{basedir}", "other"):
        add_master(database, name, active=1)
    probes = re.findall(r"^ +- >-\n((?: {11}.*\n)+)", RECIPES, re.MULTILINE)
    commands = [" ".join(probe.split()) for probe in probes]
    commands += re.findall(r"^   command\[\w+\]=(.*)$", RECIPES, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = bash(local(command, basedir))
        assert done.returncode == 0, done.stdout
    database.execute("UPDATE masters SET active = 0")
    assert [bash(local(command, basedir)).returncode for command in commands] == [1, 2]


def test_the_recipes_name_every_file_to_copy() -> None:
    named = set(re.findall(r"``(\w+/[\w@.-]+)``", RECIPES))
    files = {path for path in (ROOT / "contrib").glob("*/*") if path.is_file()}
    assert named == {str(path.relative_to(ROOT / "contrib")) for path in files}


def test_a_recipe_says_when_to_use_it_its_user_and_what_it_does_when_it_fails() -> None:
    _, *sections = re.split(r"^.+\n-+\n", RECIPES, flags=re.MULTILINE)
    assert len(sections) > 5
    for section in sections:
        assert re.findall(r"^:(.*?):", section, re.MULTILINE) == ["When", "User", "On failure"]


def test_the_figures_of_the_documents_are_those_of_the_tests() -> None:
    text = " ".join(CONTRIBUTING.split())
    for figure in (
        f"{sizes.PROCESSES.full} processes at once",
        f"the same {sizes.NEW_NAMES.full} new names",
        f"in {sizes.ROUNDS.full} rounds",
        f"{sizes.WRITES.full} changes by four processes",
        f"killed at {sizes.KILLS.full} random moments",
        f"cut at {sizes.CUTS.full} points",
    ):
        assert figure in text


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
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
    command: str, example: str, basedir: Path, database: SqliteFile
) -> None:
    """Those for other shells than bash are tested in ``tests/cli/test_completion.py``."""
    if "jq" in example:
        require("jq")
    for host in ("build1", "build2", "oldhost", *["newhost"] * (command != "rename"), "a", "b"):
        active = int(host.startswith("build"))
        add_master(database, f"{host}:/srv/bb", active=active, last_active=None if active else 5)
    database.execute("UPDATE masters SET id = 7 WHERE name LIKE 'a:%'")
    line = example.replace("/var/lib/node_exporter", str(basedir))
    line = re.sub(r"(upgrade-master|--basedir) /srv/bb", rf"\1 {basedir}", line)
    code, printed = on_terminal(line, basedir, MASTERSCTL_BASEDIR=str(basedir))
    assert code == 0, printed
