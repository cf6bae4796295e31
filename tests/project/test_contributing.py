"""``CONTRIBUTING.rst`` is true: what it names is there, and what it shows works."""

import importlib
import os
import re
import sys
import textwrap
from pathlib import Path

import pytest

from mastersctl import database
from mastersctl.config.url import BACKENDS
from mastersctl.schema.master import name_hash
from tests.support.databases import DATABASES
from tests.support.programs import require
from tests.support.sources import ROOT, copy_sources, is_clone, python_m, run, start

TEXT = (ROOT / "CONTRIBUTING.rst").read_text()
CI = (ROOT / ".ci" / "run").read_text()
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()
ALONE = ("-n", "0")  # in one process, as there are others that run tests
BIN = Path(sys.executable).parent

_, *_PARTS = re.split(r"^(.+)\n-+\n", TEXT, flags=re.MULTILINE)
SECTIONS = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))


def blocks(section: str, language: str) -> list[str]:
    """Return the code blocks of a section in one language."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)"
    found = re.findall(pattern, SECTIONS[section], re.MULTILINE)
    return [textwrap.dedent(block).strip() + "\n" for block in found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources, to be changed."""
    return copy_sources(tmp_path / "tree")


def add(tree: Path, section: str, entry: str) -> None:
    """Add the module that a section shows, and an entry to what the section says.

    Parameters:
        entry: what comes first between the brackets of that.
    """
    (module,) = blocks(section, "python")
    (path,) = re.findall(r"This is a complete\s\w+,\s``(.*)``:", SECTIONS[section])
    (tree / path).write_text(module)
    enter(tree, section, entry)


def enter(tree: Path, section: str, entry: str) -> None:
    """Add an entry to what a section says, as the first between its brackets."""
    pattern = r"^Add .* to ``(\w+)`` in ``(\S+)``; then"
    ((name, where),) = re.findall(pattern, SECTIONS[section], re.MULTILINE)
    source = (tree / where).read_text()
    changed = re.sub(rf"^( *{name}\b.*[({{])", rf"\1{entry}", source, flags=re.MULTILINE)
    assert changed != source
    (tree / where).write_text(changed)


def failed(tree: Path, path: str, expression: str) -> list[str]:
    """Run tests of a copy, and return the IDs of those that fail."""
    done = start(sys.executable, "-m", "pytest", *ALONE, path, "-k", expression, cwd=tree)
    assert done.returncode in (0, 1), done.stdout
    return re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)


def test_every_path_is_there() -> None:
    named = set(re.findall(r"``(\.?[\w.-]+/[\w./-]*|[A-Z]+\.rst|setup\.cfg)``", TEXT))
    examples = set(re.findall(r"This is a complete\s\w+,\s``(.*)``:", TEXT))
    assert len(named) > 15
    assert {path for path in named if not (ROOT / path).exists()} == examples


def test_every_name_is_where_it_says() -> None:
    named = re.findall(r"``(\w+)``,?(?: as)?\sin\s+``(\S+\.py)``", TEXT)
    assert len(named) == 14
    for name, path in named:
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), (name, path)


def test_the_set_up_is_that_of_ci() -> None:
    create, _, install, _ = blocks("Set-up", "sh")[0].splitlines()
    assert f"{create}\n" in re.sub(" --upgrade-deps", "", CI)
    assert f" {install.split()[-1]}\n" in CI


def test_the_checks_are_those_of_ci_and_of_the_hooks() -> None:
    checks = blocks("Set-up", "sh")[1].splitlines()
    assert re.findall(r"^\.venv/bin/(ruff .*|mypy.*)$", CI, re.MULTILINE) == checks
    assert re.findall(r"^ +entry: (.*)$", HOOKS, re.MULTILINE) == checks


def test_the_benchmarks_are_those_of_ci() -> None:
    (command,) = blocks("Benchmarks", "sh")
    assert f".venv/bin/{command}" in CI


def test_pre_commit_refuses_what_ci_would(tmp_path: Path) -> None:
    for program in ("mypy", "pre-commit", "ruff"):
        require(program)
    if not is_clone():
        pytest.skip("this is no clone of the repository")
    clone = tmp_path / "clone"
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache"),
        **{f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    run("git", "clone", "--quiet", ROOT, clone)
    (clone / ".pre-commit-config.yaml").write_text(HOOKS)
    run("pre-commit", "validate-config", cwd=clone, **environment)
    run("pre-commit", "run", "--all-files", cwd=clone, **environment)
    run("pre-commit", "install", cwd=clone, **environment)
    (clone / "mastersctl" / "new.py").write_text('"""New"""\nimport os\nx : int = "a"\n')
    run("git", "add", ".", cwd=clone)
    refused = start("git", "commit", "--message", "New", cwd=clone, **environment)
    assert refused.returncode == 1
    assert re.findall(r"^(.*?)\.*Failed$", refused.stdout, re.MULTILINE) == [
        "ruff check", "ruff format", "mypy",
    ]  # fmt: skip


def test_a_file_of_tests_runs_alone(tree: Path) -> None:
    (command,) = blocks("Tests", "sh")
    _, _, module, path = command.split()
    assert " passed" in python_m(module, *ALONE, path, cwd=tree)


def test_a_command_is_added_as_it_says(tree: Path) -> None:
    add(tree, "A command", '\n    "Commands that count": {"count": "Count the masters."},')
    assert python_m("mastersctl", "init", cwd=tree) == "created\n"
    for name in ("build1:/srv/bb", "build2:/srv/bb"):
        python_m("mastersctl", "find", name, cwd=tree)
    assert python_m("mastersctl", "count", cwd=tree) == "2\n"
    assert python_m("mastersctl", "count", "-o", "json", cwd=tree) == '{"masters": 2}\n'
    asking = re.findall(r"those\sin\s``(tests/\S+)``", SECTIONS["A command"])
    for_an_example, *for_documents = asking
    assert failed(tree, for_an_example, "every_command") == []
    for path in for_documents:
        assert failed(tree, path, "every_command"), path
    module = tree / "mastersctl" / "cli" / "count.py"
    module.write_text(module.read_text().replace("Example", "Usage"))
    assert failed(tree, for_an_example, "every_command")


def test_a_field_is_added_as_it_says(tree: Path) -> None:
    (entry,) = blocks("A field", "python")
    enter(tree, "A field", f"\n    {entry}")
    assert python_m("mastersctl", "init", cwd=tree) == "created\n"
    for name in ("build1:/srv/bb", "build2:/srv/bb"):
        python_m("mastersctl", "find", name, cwd=tree)
    digest = name_hash("build2:/srv/bb")
    field = ("--field", "name_hash")
    last = ("--filter", f"name_hash__contains={digest[1:]}", "--order", "-name_hash")
    found = python_m("mastersctl", "list", *last, *field, "-o", "jsonl", cwd=tree)
    assert found == f'{{"name_hash": "{digest}"}}\n'
    assert digest in python_m("mastersctl", "list", "-o", "wide", cwd=tree)
    assert "name_hash" not in python_m("mastersctl", "list", "-o", "csv", cwd=tree)
    assert " name_hash" in python_m("mastersctl", "list", "--help", cwd=tree)
    of_pages, of_queries = re.findall(r"``(tests/\S+)``", SECTIONS["A field"])
    assert len(failed(tree, of_pages, "list_has_every_field or made_of_its_help")) == 2
    assert failed(tree, of_queries, "each_filter_can_be_written")


def test_a_function_for_configurations_is_added_as_it_says(tree: Path) -> None:
    path = "os.path.commonprefix(['sqlite:///ab', 'sqlite:///ac'])"
    (tree / "buildbot.tac").touch()
    (tree / "master.cfg").write_text(f"import os\nBuildmasterConfig = {{'db_url': {path}}}\n")
    before = start(sys.executable, "-m", "mastersctl", "list", cwd=tree)
    assert "is computed by commonprefix()" in before.stdout
    (entry,) = blocks("A function for configurations", "python")
    enter(tree, "A function for configurations", f"\n    {entry}")
    after = start(sys.executable, "-m", "mastersctl", "list", cwd=tree)
    assert f"no database at '{tree}/a'" in after.stdout


def test_an_output_format_is_added_as_it_says(tree: Path) -> None:
    add(tree, "An output format", '"lines", ')
    assert python_m("mastersctl", "init", cwd=tree) == "created\n"
    python_m("mastersctl", "find", "build1:/srv/bb\n", cwd=tree)
    fields = ("--field", "id", "--field", "name")
    found = python_m("mastersctl", "list", "-o", "lines", *fields, cwd=tree)
    assert found == "id: 1\nname: build1:/srv/bb\\n\n\n"
    (path,) = re.findall(r"A test in\s+``(\S+)`` fails", SECTIONS["An output format"])
    (test,) = failed(tree, path, "sqlite and lines")
    assert "lines" in test


def test_each_database_was_added_as_it_says() -> None:
    backends = set(BACKENDS.values())
    assert len(DATABASES) >= len(backends)
    setup = (ROOT / "setup.cfg").read_text()
    for backend in backends:
        module = importlib.import_module(f"mastersctl.database.{backend}")
        added = getattr(module, f"{backend.capitalize()}Database")
        assert issubclass(added, database.Database)
        assert not added.__abstractmethods__
        assert backend == "sqlite" or f"\n{database._EXTRAS[backend]} =\n" in setup
    assert database.Database.__abstractmethods__
