"""Command lines, URLs and configurations that nobody would write: refused, and in time."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mastersctl.cli.group import cli
from mastersctl.config.url import DatabaseURL
from mastersctl.database.postgresql import PostgresqlDatabase
from mastersctl.errors import InvalidValueError
from tests.support.commands import mastersctl
from tests.support.databases import SqliteFile, copy_sqlite
from tests.support.hostile import HOSTILE, SECRET
from tests.support.rows import add_belongings, add_master
from tests.support.sizes import EXAMPLES, FILES, LINES_OF_PROGRAMS, WIDTH_OF_PROGRAMS

ROOT = Path(__file__).parents[2]
CODES = range(6)  # those of the contract

# Command lines

OPTIONS = sorted(
    {
        option
        for command in cli.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
)
VALUES = ["1", "2", "m", "active", "inactive", "json", "csv", "id", "name", "state", "state=stale",
          "name__contains=m", "id__lt=x", "10m", "-id", "0", "-1", "1e400", "nan", str(2**64),
          "9" * 5000, "", ".", "missing", "sqlite:///state.sqlite", "sqlite:///missing.sqlite",
          "sqlite://", "bash"]  # fmt: skip
ARGUMENTS = (
    st.sampled_from(OPTIONS)
    | st.sampled_from(VALUES)
    | st.sampled_from(HOSTILE)
    | st.text(st.characters(exclude_characters="\0/"), max_size=20)
    | st.binary(max_size=9).map(os.fsdecode).filter(lambda text: not {"\0", "/"} & set(text))
)


@pytest.fixture
def state(
    tmp_path: Path, template_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SqliteFile]:
    """The database in the current directory, which every command finds by itself."""
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    for name in ("m", "n"):
        add_belongings(database, add_master(database, name, last_active=5))
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield database


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=EXAMPLES.now,
)
@given(st.sampled_from(sorted(cli.commands)), st.lists(ARGUMENTS, max_size=5), st.integers(0, 5))
@example("list", ["--limit", "9" * 5000], 0)
def test_no_command_line_is_a_traceback(
    state: SqliteFile, command: str, arguments: list[str], place: int
) -> None:
    code, _, err = mastersctl(*arguments[:place], command, *arguments[place:])
    assert code in CODES
    assert not [line for line in err.splitlines() if not line.isprintable()]
    assert "Traceback" not in err
    says_by_code = {"check", "doctor"}.intersection([command, *arguments])
    assert bool(err) or not code or says_by_code


# URLs

PARTS = st.sampled_from(
    ["sqlite", "postgresql", "postgres", "+psycopg2", "://", "/", ":", "@", "?", "&", "=", "%",
     "%41", "%00", "%ff", "%(basedir)s", "[", "]",
     "::1", "127.0.0.1", "host=", "port=", "user=", "5432",
     "password=", "sslmode=require", "hostaddr=",
     "sslkeylogfile=", "options=-c", "service=", ",", "a", "é", "\0", "\n", " ",
     "\udcff", ":memory:", "file:", "..", "mode=memory", "#", "x" * 70]
)  # fmt: skip
URLS = st.lists(PARTS | st.text(max_size=3), max_size=15).map("".join)


@settings(max_examples=EXAMPLES.now, deadline=None)
@given(URLS | URLS.map("postgresql://{}".format) | URLS.map("sqlite:///{}".format))
def test_no_url_is_a_traceback(text: str) -> None:
    with suppress(InvalidValueError):
        url = DatabaseURL(text, "/base")
        assert str(url).startswith(f"{url.backend}://")
        if url.backend == "postgresql":
            PostgresqlDatabase(url, "read", 1)  # which does not connect


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://a..b/d", 4),
        (f"postgresql://{'x' * 64}/d", 4),
        (f"postgresql://{'x' * 100_000}/d", 4),
        (f"postgresql://127.0.0.1:{'9' * 5000}/d", 4),
        (f"postgresql://127.0.0.1:1/{'d' * 100_000}", 4),
        (f"postgresql://{'u:' * 50_000}@127.0.0.1:1/d", 4),
        (f"postgresql:///d?{'host=127.0.0.1:1&' * 5000}", 4),
        (f"postgresql:///d?{'a=b&' * 25_000}", 2),
        (f"sqlite:///{'a/' * 50_000}", 2),
        (f"sqlite:///{'../' * 30_000}", 2),
        (f"sqlite:///{'%(basedir)s' * 9000}", 2),
        (f"sqlite:///{'%' * 100_001}", 2),
        (f"sqlite:///{'x' * 300}", 4),
        (f"{'sqlite:' * 15_000}", 2),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_huge_url_is_refused_in_time(url: str, code: int) -> None:
    started = time.process_time()
    result = mastersctl("list", "--timeout", 2, "--db-url", url)
    assert time.process_time() - started < 10
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("Error: The")
    assert len(result.err) < 10_000


# Configurations

DEPTH, LINES, WIDTH = 90, LINES_OF_PROGRAMS.now, WIDTH_OF_PROGRAMS.now


def doubling(statement: str, start: str = "'x'") -> str:
    """Return a program in which a value, were it computed, would have 2**60 parts."""
    lines = "".join(f"a{i + 1} = {statement.format(f'a{i}')}\n" for i in range(60))
    return f"a0 = {start}\n{lines}BuildmasterConfig = {{'db_url': a60}}\n"


PROGRAMS: dict[str, str | bytes] = {
    "open brackets": "(" * WIDTH,
    "nested brackets": f"x = {'[' * WIDTH}{']' * WIDTH}",
    "signs": f"x = {'-' * WIDTH}1",
    "few signs": f"x = {'-' * 5000}1",
    "attributes": f"x = a{'.a' * WIDTH}",
    "calls": f"x = a{'()' * WIDTH}",
    "look-ups": f"x = a{'[0]' * 100_000}",
    "sums": f"x = {'+'.join(['1'] * WIDTH)}",
    "some sums": f"x = {'+'.join(['1'] * 900)}",
    "comparisons": f"x = {'<'.join(['1'] * WIDTH)}",
    "lambdas": f"x = {'lambda:' * 70_000}1",
    "conditions": f"x = {'1 if 1 else ' * 40_000}1",
    "branches": "if 1: pass\n" + "elif 1: pass\n" * LINES,
    "targets": "=".join(f"a{i}" for i in range(50_000)) + "=1",
    "blocks": "".join(" " * i + "if 1:\n" for i in range(DEPTH)) + " " * DEPTH + "pass",
    "functions": "".join(" " * i + f"def f{i}():\n" for i in range(DEPTH)) + " " * DEPTH + "pass",
    "functions around statements": "".join(" " * i + f"def f{i}():\n" for i in range(95))
    + " " * 95
    + "a;" * (WIDTH + 50_000),
    "lambdas around a list": f"x = {'lambda:' * 60}[{'a,' * (WIDTH + 50_000)}]",
    "lambdas beside names": "def f():\n"
    + "".join(f" a{i} = 1\n" for i in range(15_000))
    + " x = ["
    + "lambda: 1, " * 15_000
    + "]",
    "brackets around a tuple": f"x = {'(' * 180}{'a,' * (WIDTH + 50_000)}{')' * 180}",
    "some brackets around a tuple": f"x = {'(' * 7}{'a,' * (WIDTH + 50_000)}{')' * 7}",
    "brackets in text": "x = [" + "'(' , " * 80_000 + "]",
    "a huge key": f"k = 0x{'f' * 400_000}\nx = {{{'k:1,' * 25_000}}}\nBuildmasterConfig = x",
    "decorators": "@a\n" * 150_000 + "def f(): pass",
    "comprehensions": "x = " + "[y for y in " * DEPTH + "z" + "]" * DEPTH,
    "format strings": "x = " + "f'{1}' " * 70_000,
    "statements": "a;" * (WIDTH + 60_000),
    "sums that double": doubling("{0} + {0}"),
    "formats that double": doubling("'%s%s' % ({0}, {0})"),
    "f-strings that double": doubling("f'{{{0}}}{{{0}}}'"),
    "lists that double": doubling("[{0}, {0}]"),
    "dictionaries that double": doubling("{{'a': {0}, 'b': {0}}}", "{}"),
    "repetition": "BuildmasterConfig = {'db_url': 'x' * 10**10}",
    "powers": "BuildmasterConfig = {'db_url': str(10**10**10)}",
    "digits": f"x = {'9' * WIDTH}",
    "names of names": "a0 = '/'\n" + "".join(f"a{i + 1} = a{i}\n" for i in range(LINES)),
    "defaults of defaults": "import os\na0 = 'x'\n"
    + "".join(f"a{i + 1} = os.getenv('NO_SUCH', a{i})\n" for i in range(5000))
    + "BuildmasterConfig = {'db_url': a5000}",
    "itself": "c = c\nBuildmasterConfig = c",
    "itself in itself": "c = BuildmasterConfig = {}\nc['db'] = c",
    "itself as its URL": "c = BuildmasterConfig = {}\nc['db_url'] = c['db_url']",
    "one another": "a = b\nb = a\nBuildmasterConfig = {'db_url': a}",
    "its own call": "def f(): return f()\nBuildmasterConfig = {'db_url': f()}",
    "assignments": "c = BuildmasterConfig = {}\n" + "if x: c['db_url'] = 'y'\n" * LINES,
    "updates": "c = BuildmasterConfig = {}\n" + "c.update({'a': 'b'})\n" * LINES,
    "a huge URL": f"BuildmasterConfig = {{'db_url': 'sqlite:///{'a/' * WIDTH}'}}",
    "a huge host": f"BuildmasterConfig = {{'db_url': 'postgresql://{'x' * WIDTH}/d'}}",
    "a NUL": "x = 1\0",
    "no UTF-8": b"x = '\xff'",
    "another encoding": b"# -*- coding: utf-16 -*-\nx = 1",
    "no encoding": b"# -*- coding: nonsense -*-\nx = 1",
    "no encoding of texts": b"# -*- coding: zlib -*-\nx = 1",
    "a rotated encoding": b"# -*- coding: rot13 -*-\nx = 1",
    "a slow encoding": b"# -*- coding: punycode -*-\n" + b"x-" * 100_000,
}


MOST_MEMORY = 600 * 1024  # KiB


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_configuration_that_would_take_for_ever_is_read_or_refused_in_time(
    tmp_path: Path, name: str
) -> None:
    program = PROGRAMS[name]
    for file in random.Random(name).sample(["master.cfg", "buildbot.tac"], FILES.now):
        (tmp_path / "buildbot.tac").write_text("configfile = 'master.cfg'\n")
        (tmp_path / "master.cfg").write_text("BuildmasterConfig = {}\n")
        (tmp_path / file).write_bytes(program if isinstance(program, bytes) else program.encode())
        assert_in_time(tmp_path)


def assert_in_time(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mastersctl", "list", "--timeout", "1"]
    with (tmp_path / "err").open("w") as errors:
        child = subprocess.Popen([*command, "--basedir", tmp_path], stderr=errors)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert usage.ru_utime + usage.ru_stime < 20
    assert child.returncode in (1, 2, 4)
    err = (tmp_path / "err").read_text()
    assert err.startswith("Error: ")
    assert "\nTraceback" not in err
    assert usage.ru_maxrss < MOST_MEMORY


TRAPS = [
    "open('harm', 'w')",
    "import os; os.system('touch harm')",
    "__import__('os').system('touch harm')",
    'exec(\'open("harm", "w")\')',
    "@open\ndef f(harm='w'): pass",
    "def f(x=open('harm', 'w')): pass",
    "class C(metaclass=open('harm', 'w')): open('harm', 'w')",
    'x = f\'{open("harm", "w")}\'',
    "x = [open('harm', 'w') for _ in (1,)]",
    "with open('harm', 'w') as x: pass",
    "assert (x := open('harm', 'w'))",
    "import harm",
    "from harm import *",
    "x: open('harm', 'w') = 1",
    "match open('harm', 'w'):\n case _: pass",
    "try: raise open('harm', 'w')\nexcept open('harm', 'w'): pass",
]


def watched(*commands: list[str], environment: dict[str, str] | None = None) -> str:
    """Run the commands where nothing may be executed or started; return all that they print."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.audit", *map(json.dumps, commands)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_nothing_in_a_configuration_is_executed(tmp_path: Path) -> None:
    (tmp_path / "harm.py").write_text("open('harm', 'w')")
    commands = []
    for number, trap in enumerate(TRAPS):
        basedir = tmp_path / f"{number}"
        basedir.mkdir()
        for file in ("buildbot.tac", "master.cfg"):
            config = "BuildmasterConfig = {'db_url': 'sqlite:///state.sqlite'}"
            (basedir / file).write_text(f"{trap}\n{config}\n{trap}\n")
        commands.append(["list", "--basedir", str(basedir)])
    watched(*commands)
    assert not list(tmp_path.rglob("harm"))


def test_a_name_is_no_command_for_a_shell_and_a_password_no_argument_of_a_child(
    state: SqliteFile,
) -> None:
    names = [name for name in HOSTILE if len(name) < 1000]
    url = f"postgresql://u:{SECRET}@127.0.0.1:1/d"
    printed = watched(
        *(["find", "--", name] for name in names),
        *(["show", "--", name] for name in names),
        ["show", "nobody"],
        *(["list", "-o", format_] for format_ in ("table", "json", "csv", "tsv", "wide")),
        ["check"],
        ["housekeep"],
        ["rename", "m", "o"],
        ["rename", "o", "m"],
        ["set-state", "m", "active"],
        ["housekeep"],  # which has nothing to do, and says why
        ["list", "-v", "--db-url", url],
    )
    assert "postgresql://u:***@127.0.0.1:1/d" in printed
    assert SECRET not in printed
    assert not list(state.path.parent.glob("harm*"))


def test_what_is_executed_would_be_seen(tmp_path: Path) -> None:
    program = "import tests.support.audit as a, sys, os; sys.addaudithook(a.hear); "
    for harm in ("exec('1')", "os.system('true')", "import subprocess; subprocess.run('true')"):
        done = subprocess.run([sys.executable, "-c", program + harm], cwd=ROOT, check=False)
        assert done.returncode == 99
