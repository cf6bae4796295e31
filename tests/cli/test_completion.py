"""``mastersctl completion``, in the shells"""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pexpect
import pytest

from mastersctl.query.fields import FIELDS
from mastersctl.states import STATES
from tests.support.buildbots import make_basedir
from tests.support.commands import Result, mastersctl, process
from tests.support.crowd import Crowd
from tests.support.databases import PostgresDatabase, PostgresServer, RealDatabase, SqliteFile
from tests.support.programs import require
from tests.support.rows import add_belongings, add_master
from tests.support.sizes import MEASUREMENTS
from tests.support.sources import ROOT

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SET_UP = {
    "bash": "source <(mastersctl completion bash)",
    "zsh": "autoload -U compinit; compinit -u; source <(mastersctl completion zsh)",
    "fish": "mastersctl completion fish | source",
}
SCRIPTS = ROOT / "mastersctl" / "cli" / "completions"
INSTALLED_SET_UP = {
    "bash": f"source {SCRIPTS}/mastersctl",
    "zsh": f"fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u",
    "fish": f"source {SCRIPTS}/mastersctl.fish",
}
LISTED = {
    "bash": r"1  \(build1:/srv/bb\)",
    "zsh": "1  *-- build1:/srv/bb",
    "fish": r"1\tbuild1:/srv/bb",
}
PATIENCE = 0.2  # seconds that a database has
KILL_LINE = "\x15"  # Control-U
HARM = "\x1b]0;title\x07$(touch harm)`touch harm`;touch harm\n"


@contextmanager
def shell(name: str, home: Path, set_up: dict[str, str] = SET_UP) -> "Iterator[pexpect.spawn[str]]":
    """Start a shell in which completion is set up."""
    require(name)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8"}
    program, *arguments = SHELLS[name]
    child = pexpect.spawn(
        program, arguments, env=environment, encoding="utf-8", timeout=20, dimensions=(24, 200)
    )
    child.sendline(f"{set_up[name]}; echo set'-'up")
    child.expect("set-up")
    try:
        yield child
    finally:
        child.close(force=True)


def press_tab(child: "pexpect.spawn[str]", expected: str) -> None:
    """Press Tab until the text comes: of a machine that is too busy a shell hears nothing."""
    for _ in range(10):
        child.send("\t")
        if child.expect_exact([expected, pexpect.TIMEOUT], timeout=2) == 0:
            return
    pytest.fail(f"{expected!r} did not come, but {child.before!r}")


def asking(line: str, shell: str) -> dict[str, str]:
    """Return the variables with which the script of a shell asks how a command line goes on."""
    return {"COMP_LINE": line, "_MASTERSCTL_COMPLETE": f"{shell}_complete"}


class Ask:
    """Asks as a shell does, in a process of its own, which has imported everything."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    def __call__(self, line: str) -> Result:
        (result,) = self._crowd.run([[]], environment=asking(line, "zsh"))
        return result


@pytest.fixture
def ask(crowd: Crowd) -> Ask:
    return Ask(crowd)


def answer(line: str) -> Result:
    """Ask as a shell does, in a process that has its imports before it."""
    return process(environment=asking(line, "zsh"))


def candidates(line: str) -> list[str]:
    """Return how a command line goes on, with help after a tab."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # of a machine that is too busy one hears nothing
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in asking(line, "fish").items():
                patch.setenv(variable, value)
            # Its end would be that of this process.
            patch.setattr("mastersctl.cli.candidates._at_most", nullcontext)
            result = mastersctl()
        assert (result.code, result.err) == (0, "")
        if result.out:
            kind, *lines = result.out.splitlines()
            assert kind == "plain"
            return lines
    pytest.fail("no answer")


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the coverage of the commands, which takes more time than they do."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def two(tmp_path: Path) -> SqliteFile:
    """A database with two masters, in the current directory."""
    return make_two(tmp_path)


def make_two(directory: Path) -> SqliteFile:
    database = SqliteFile(directory / "state.sqlite")
    assert database.run("init").code == 0
    add_master(database, "build1:/srv/bb")
    add_master(database, "other:/srv/bb")
    return database


@pytest.mark.usefixtures("unmeasured")
def test_a_default_for_a_variable_that_is_not_set_is_not_reported(two: SqliteFile) -> None:
    directory = two.path.parent
    (directory / "buildbot.tac").touch()
    config = f"BuildmasterConfig = {{'db_url': os.environ.get('BB_DB', {two.url!r})}}"
    (directory / "master.cfg").write_text(f"import os\n{config}\n")
    assert candidates("mastersctl show buil") == ["build1:/srv/bb\tID 1"]


@pytest.fixture(
    scope="module",  # and one process starts each shell
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SHELLS],
)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[pexpect.spawn[str]]":
    """A shell in a directory with a database, for several lines."""
    directory = tmp_path_factory.mktemp("shells")
    (directory / "masters").mkdir()
    make_two(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        with shell(request.param, directory) as child:
            yield child


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("mastersctl rena", "mastersctl rename "),
        ("mastersctl list --wat", "mastersctl list --watch "),
        ("mastersctl set-state 7 ina", "mastersctl set-state 7 inactive "),
        ("mastersctl list -o ts", "mastersctl list -o tsv "),
        ("mastersctl list --field la", "mastersctl list --field last_active "),
        ("mastersctl list --order -la", "mastersctl list --order -last_active "),
        ("mastersctl list --order=-la", "mastersctl list --order=-last_active "),
        ("mastersctl list --filter conn", "mastersctl list --filter connected_workers"),
        ("mastersctl list --filter state=st", "mastersctl list --filter state=stale "),
        ("mastersctl list --filter=state=st", "mastersctl list --filter=state=stale "),
        ('mastersctl list --filter "state=st', 'mastersctl list --filter "state=stale" '),
        ("mastersctl show 2", "mastersctl show 2 "),
        ("mastersctl show bu", "mastersctl show build1:/srv/bb "),
        ("mastersctl show build1:/", "mastersctl show build1:/srv/bb "),
        ("mastersctl remove --reassign-to=ot", "mastersctl remove --reassign-to=other:/srv/bb "),
        ("mastersctl --basedir mas", "mastersctl --basedir masters/"),
        ("mastersctl --basedir=mas", "mastersctl --basedir=masters/"),
        ("mastersctl --config sta", "mastersctl --config state.sqlite "),
        ("mastersctl --config-python=sta", "mastersctl --config-python=state.sqlite "),
        ("mastersctl check --write sta", "mastersctl check --write state.sqlite "),
    ],
)
def test_a_word_is_completed(started: "pexpect.spawn[str]", typed: str, completed: str) -> None:
    started.send(typed)
    started.expect_exact(typed)
    press_tab(started, completed.removeprefix(typed))
    started.send(KILL_LINE)
    started.sendline("echo read'y'")
    started.expect("ready")


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.usefixtures("two")
def test_a_value_is_typed_right_after_the_operator(name: str, tmp_path: Path) -> None:
    with shell(name, tmp_path) as child:
        child.send("mastersctl list --filter name__con")
        child.expect_exact("name__con")
        press_tab(child, "tains=")
        child.sendline("build --field id -o csv; echo do'ne'")
        child.expect(r"id\r\n1\r\n[^\n]*done")


@pytest.mark.parametrize("name", SHELLS)
def test_a_list_shows_names_which_do_no_harm(name: str, tmp_path: Path, two: SqliteFile) -> None:
    add_master(two, HARM)
    with shell(name, tmp_path) as child:
        child.send("mastersctl show ")
        for _ in range(10):
            if name == "fish":  # whose list a terminal that can do nothing does not show
                child.sendcontrol("c")
                child.sendline("complete --do-complete 'mastersctl show '")
            else:
                child.send("\t\t")
            if child.expect([LISTED[name], pexpect.TIMEOUT], timeout=3) == 0:
                break
        child.expect_exact(r"\x1b]0;title\x07$(touch harm)`touch harm`;touch harm\n")
        child.sendcontrol("c")
        child.send(KILL_LINE)  # zsh leaves it
        child.sendline("echo do'ne'")
        child.expect("done")
        assert "\x1b]0;title" not in f"{child.before}"
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.usefixtures("two")
def test_a_script_that_is_installed_works(name: str, tmp_path: Path) -> None:
    with shell(name, tmp_path, INSTALLED_SET_UP) as child:
        child.send("mastersctl show bu")
        child.expect_exact("mastersctl show bu")
        press_tab(child, "ild1:/srv/bb ")


def targets(field: str, *operators: str) -> list[str]:
    return [f"{field}=", *(f"{field}__{operator}=" for operator in operators)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("list --filter s", ["state=", "schedulers="]),
        ("list --filter st", targets("state", "eq", "ne", "in", "notin")),
        ("list --filter name",
         targets("name", "eq", "ne", "lt", "le", "gt", "ge", "contains", "in", "notin")),
        ("list --filter state__n", ["state__ne=", "state__notin="]),
        ("list --filter nonsense__", []),
        ("list --filter state__in=", [f"state__in={state}" for state in STATES]),
        ("list --filter state__lt=", []),
        ("list --filter active=", ["active=true", "active=false"]),
        ("list --filter active__ne=t", ["active__ne=true"]),
        ("list --filter name=", []),
        ("list --order ", [*FIELDS, *(f"-{field}" for field in FIELDS)]),
        ("list --order -", [f"-{field}" for field in FIELDS]),
        ("list --order=-n", ["--order=-name", "--order=-needs_housekeeping"]),
        ("list --field c", ["change_sources", "connected_workers", "claims"]),
        ("list --field id --order na", ["name"]),
        ("list --filter needs_housekeeping=t", ["needs_housekeeping=true"]),
        ("list --limit ", []),
        ("set-state 1 ", ["active", "inactive"]),
        ("check -o p", ["prometheus"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("rename 1 ", []),
        ("find ", []),
        ("list nonsense --nonsense --limit x --timeout y 'z", []),
    ],
)  # fmt: skip
def test_each_word_goes_on_with_what_can_stand_there(line: str, expected: list[str]) -> None:
    assert candidates(f"mastersctl {line}") == expected


def test_commands_and_options_have_their_help() -> None:
    assert "rename\tRename a master whose host or directory moved." in candidates("mastersctl re")
    assert "--dry-run\tReport what the command would do, and change nothing." in candidates(
        "mastersctl housekeep --d"
    )


@pytest.mark.parametrize(
    "before",
    ["show ", "set-state ", "rename ", "remove ", "remove 1 ", "remove 1 --reassign-to ", "check ",
     "check --min-active 2 2 "],
)  # fmt: skip
@pytest.mark.usefixtures("two")
def test_a_master_goes_on_by_its_id_or_its_name(before: str) -> None:
    both = ["1\tbuild1:/srv/bb", "2\tother:/srv/bb"]
    assert candidates(f"mastersctl {before}") == both
    assert candidates(f"mastersctl {before}2") == both[1:]
    assert candidates(f"mastersctl {before}02") == []
    assert candidates(f"mastersctl {before}bui") == ["build1:/srv/bb\tID 1"]
    assert candidates(f"mastersctl {before}Bui") == []
    assert candidates(f"mastersctl {before}99999999999999999999") == []


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("option", "id_", "name"),
    [
        ("--builder", 103, "runtests"),
        ("--worker", 105, "worker100"),
        ("--scheduler", 101, "nightly"),
        ("--change-source", 102, "poller"),
    ],
)
def test_what_masters_are_linked_to_goes_on_likewise(
    buildbot_database: RealDatabase, option: str, id_: int, name: str
) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "m"))
    line = f"mastersctl list --db-url {buildbot_database.url} {option} "
    assert candidates(line) == [f"{id_}\t{name}"]
    assert candidates(f"{line}1") == [f"{id_}\t{name}"]
    assert candidates(f"{line}{name[0]}") == [f"{name}\tID {id_}"]


def test_an_id_goes_on_by_three_digits_at_the_most(two: SqliteFile) -> None:
    for number in (7, 70, 79, 712, 7999, 70000, 8, 17):
        two.execute("INSERT INTO masters VALUES (?, 'm', ?, 0, 0)", (number, f"{number}"))
    ids = [line.split()[0] for line in candidates("mastersctl show 7")]
    assert ids == ["7", "70", "79", "712", "7999"]
    assert candidates("mastersctl show 7000") == ["70000\tm"]


def test_no_more_masters_are_offered_than_one_can_read(two: SqliteFile) -> None:
    two.execute(
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "INSERT INTO masters SELECT i, 'm' || i || ':/', i, 0, 0 FROM n"
    )
    for word in ("", "1", "m"):
        assert len(candidates(f"mastersctl show {word}")) == 100


@pytest.mark.parametrize("end", ["$HOME", " b", ";b", "~*", "\nb", "'", '"', "=b", "\\", "(b)"])
def test_a_name_that_a_shell_would_act_on_is_offered_by_its_id_alone(
    two: SqliteFile, end: str
) -> None:
    add_master(two, f"a{end}")
    assert candidates("mastersctl show a") == []
    assert len(candidates("mastersctl show ")) == 3


@pytest.mark.usefixtures("unmeasured")
def test_the_database_is_the_one_that_the_line_names(
    database: RealDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_master(database, "m")
    url = database.url
    assert candidates(f"mastersctl --db-url {url} show ") == ["1\tm"]
    assert candidates(f"mastersctl -v show --db-url={url} ") == ["1\tm"]
    monkeypatch.setenv("MASTERSCTL_DB_URL", url)
    assert candidates("mastersctl show ") == ["1\tm"]
    assert candidates("mastersctl --db-url sqlite:///missing show ") == []
    monkeypatch.delenv("MASTERSCTL_DB_URL")
    monkeypatch.setenv("HOME", str(tmp_path))
    basedir = tmp_path / "master"
    basedir.mkdir()
    (basedir / "buildbot.tac").touch()
    (basedir / "master.cfg").write_text(f"BuildmasterConfig = {{'db_url': {url!r}}}")
    for written in (str(basedir), "~/master", '"$HOME/master"'):
        assert candidates(f"mastersctl show --basedir {written} ") == ["1\tm"]
    monkeypatch.chdir(basedir)
    assert candidates("mastersctl show ") == ["1\tm"]


@pytest.mark.parametrize(
    "where",
    ["", "--db-url sqlite:///missing", "--db-url nonsense", "--db-url sqlite:///junk",
     "--db-url sqlite:///empty", "--basedir missing", "--basedir junk", "--basedir ''",
     "--db-url postgresql://127.0.0.1:1/x", "-v", "--timeout x", "--timeout 60"],
)  # fmt: skip
def test_without_a_database_it_is_silent(where: str, tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "junk").write_text("junk" * 1000)
    (tmp_path / "empty").touch()
    before = sorted(tmp_path.iterdir())
    for command in ("show", "list --builder", "list --worker"):
        for line in (f"mastersctl {where} {command} ", f"mastersctl {command} {where} "):
            result = ask(line)
            assert (result.code, result.err) == (0, "")
            assert result.out in ("plain\n", ""), line
    assert sorted(tmp_path.iterdir()) == before


def test_a_server_that_says_nothing_does_not_block(ask: Ask) -> None:
    """It is waited for from the connection to its end, whatever a process takes to start."""

    def wait() -> float:
        client, _ = server.accept()
        started = time.monotonic()
        with client:
            while client.recv(1000):
                pass
        return time.monotonic() - started

    with closing(socket.create_server(("127.0.0.1", 0))) as server, ThreadPoolExecutor() as pool:
        server.settimeout(60)
        waiting = pool.submit(wait)
        port = server.getsockname()[1]
        assert ask(f"mastersctl show --db-url postgresql://u@127.0.0.1:{port}/d ") == (0, "", "")
        assert PATIENCE / 2 < waiting.result() < PATIENCE + 1


def test_a_lock_does_not_block(two: SqliteFile, ask: Ask) -> None:
    started = time.monotonic()
    assert ask("mastersctl show ").code == 0
    unlocked = time.monotonic() - started
    with closing(sqlite3.connect(two.path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        result = ask("mastersctl --timeout 60 show ")
        assert (result.code, result.err) == (0, "")
        assert result.out in ("", "plain\n")
        assert time.monotonic() - started < 2 * unlocked + PATIENCE + 1


def test_a_basedir_of_pipes_does_not_block(tmp_path: Path, ask: Ask) -> None:
    started = time.monotonic()
    assert ask("mastersctl show ").code == 0
    without = time.monotonic() - started
    os.mkfifo(tmp_path / "buildbot.tac")
    os.mkfifo(tmp_path / "master.cfg")
    started = time.monotonic()
    result = ask("mastersctl show ")
    assert (result.code, result.err) == (0, "")
    assert time.monotonic() - started < 2 * without + PATIENCE + 1


def test_no_file_is_left_in_a_buildmasters_directory(tmp_path: Path) -> None:
    basedir = make_basedir(tmp_path / "master")
    add_master(SqliteFile(basedir / "state.sqlite"), "m")
    before = sorted(basedir.iterdir())
    assert len(candidates(f"mastersctl --basedir {basedir} show ")) == 1
    assert sorted(basedir.iterdir()) == before


def quickest(function: Callable[[], Result]) -> float:
    """Return how long the quickest of some calls takes, in seconds."""
    times: list[float] = []
    for _ in range(MEASUREMENTS.now):
        start = time.perf_counter()
        assert function().code == 0
        times.append(time.perf_counter() - start)
    return min(times)


def importing(modules: str) -> Result:
    """Import modules in a process of its own, which is most of what an answer takes."""
    done = subprocess.run([sys.executable, "-c", f"import {modules}"], check=False)
    return Result(done.returncode, "", "")


@pytest.mark.usefixtures("two", "unmeasured")
@pytest.mark.parametrize("line", ["", "re", "list --", "list --filter st", "show ", "show b"])
def test_an_answer_takes_little_more_than_its_imports(line: str) -> None:
    imports = quickest(lambda: importing("click, peewee" if "show" in line else "click"))
    assert quickest(lambda: answer(f"mastersctl {line}")) < 3 * imports


@pytest.mark.usefixtures("unmeasured")
def test_so_does_that_of_a_server(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    assert database.process("init").code == 0
    imports = quickest(lambda: importing("click, peewee, psycopg"))
    assert quickest(lambda: answer(f"mastersctl --db-url {database.url} show ")) < 3 * imports


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_printed_without_a_database(name: str) -> None:
    result = process("completion", name, environment={"MASTERSCTL_DB_URL": "nonsense://"})
    assert (result.code, result.err) == (0, "")
    assert "_MASTERSCTL_COMPLETE" in result.out


@pytest.mark.parametrize("instruction", ["junk", "bash_", "bash_complete", "zsh_complete"])
def test_a_variable_that_no_script_has_set_is_an_error(
    monkeypatch: pytest.MonkeyPatch, instruction: str
) -> None:
    monkeypatch.setenv("_MASTERSCTL_COMPLETE", instruction)
    result = mastersctl("list")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Error: The variable _MASTERSCTL_COMPLETE is '{instruction}'")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MASTERSCTL_COMPLETE", "")
    assert mastersctl("--version").code == 0
