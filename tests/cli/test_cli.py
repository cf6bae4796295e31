"""What all commands share: where options stand, what is printed where, and what is not."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

import mastersctl as package
from mastersctl.cli.group import cli
from mastersctl.cli.messages import sanitized
from tests.support.buildbots import NOT_COVERED
from tests.support.commands import Result, mastersctl, process, shell
from tests.support.crowd import Crowd
from tests.support.databases import RealDatabase, SqliteFile
from tests.support.rows import add_master, add_masters
from tests.support.sizes import INTERRUPTS

COMMANDS = sorted(cli.commands)


def test_options_for_the_database_stand_before_or_after_the_command(database: RealDatabase) -> None:
    url = ("--db-url", database.url)
    for arguments in (
        (*url, "--timeout", "1", "-v", "list", "-o", "csv"),
        ("list", *url, "--timeout", "1", "-v", "-o", "csv"),
        ("-v", *url, "list", "-o", "csv", "--timeout", "1"),
    ):
        result = mastersctl(*arguments)
        assert result[:2] == (0, "id,name,active,last_active,state\n"), arguments
        assert result.err.startswith("Using "), arguments
    assert mastersctl("--db-url", "sqlite:///missing", "list", *url).code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    for option in ("-h", "--help"):
        result = mastersctl(command, option)
        assert (result.code, result.err) == (0, "")
        assert f"mastersctl {command}" in result.out.split("Example")[1]


every_help = pytest.mark.parametrize("arguments", [(), *((command,) for command in COMMANDS)])


@every_help
def test_help_has_a_sentence_then_examples_then_short_paragraphs(arguments: tuple[str]) -> None:
    out = mastersctl(*arguments, "--help").out
    text = out.partition("Options")[0].partition("Inspect masters:")[0]
    usage, first, examples, *paragraphs = re.split(r"\n\s*\n", text.rstrip())
    assert usage.startswith("Usage: ")
    assert re.fullmatch(r" +[A-Z][^\n]*\.", first)
    assert examples.lstrip().startswith("Example")
    for paragraph in paragraphs:
        filled = ":\n    " not in paragraph  # and not a list
        assert len(paragraph.splitlines()) <= (5 if filled else 7), paragraph


@every_help
def test_help_is_not_wider_than_a_terminal_and_breaks_no_option(arguments: tuple[str]) -> None:
    lines = mastersctl(*arguments, "--help").out.splitlines()
    assert max(map(len, lines)) < 80
    assert not [line for line in lines if re.search(r" --?[a-z-]*-$|\w\.\.\.$", line)]


@every_help
def test_a_sentence_of_help_has_at_most_twenty_words(arguments: tuple[str]) -> None:
    out = mastersctl(*arguments, "--help").out
    text = re.sub(r"(?m)^ +(Examples?|[^\n]*):\n(    [^\n]*\n)+", "", out)
    for sentence in re.split(r"(?<=[.:;])\s+|\n\s*\n|  +", text):
        assert len(sentence.split()) <= 20, sentence


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_ends_with_the_options_of_every_command(command: str) -> None:
    *listed, title, last = mastersctl(command, "--help").out.splitlines()
    of_all, _ = mastersctl("--help").out.split("Options of every command")[1].split("Other options")
    shared = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", of_all, re.MULTILINE)
    assert "mastersctl --help" in title
    assert last.replace("-v", "--verbose").strip().split(", ") == shared
    assert not [line for line in listed if re.match(rf" +(?:-v, )?({'|'.join(shared)})\b", line)]


def test_what_cannot_be_undone_has_a_dry_run() -> None:
    look = {"check", "completion", "doctor", "list", "show"}  # doctor does without --fix
    only_adds = {"init"}
    without = {
        name
        for name, command in cli.commands.items()
        if not any("--dry-run" in parameter.opts for parameter in command.params)
    }
    assert without == look | only_adds


def test_help_names_every_command_with_the_first_sentence_of_its_help() -> None:
    out = mastersctl("--help").out
    for name, command in cli.commands.items():
        first, *_ = (command.help or "").split("\n\n")
        assert re.findall(rf"^  {name} +(.*)$", out, re.MULTILINE) == [first]


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        ("60", 58),
        ("200", 98),
        ("", 78),
        ("abc", 78),
        ("5", 50),
        ("9" * 30, 98),
        ("9" * 5000, 78),
        ("0", 78),
        ("-9", 78),
    ],
)
def test_help_is_as_wide_as_the_terminal_within_bounds(columns: str, width: int) -> None:
    out = process("list", "--help", environment={"COLUMNS": columns}).out
    longest = max(map(len, out[out.index("  A master needs") : out.index("Options:")].splitlines()))
    assert width - 5 < longest <= width


def test_version_is_that_of_the_package() -> None:
    for option in ("--version", "-V"):
        assert mastersctl(option).out == f"mastersctl {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], r"Usage: mastersctl \[OPTIONS\] COMMAND"),
        (["nonsense"], "There is no command 'nonsense'; 'mastersctl --help' lists the commands."),
        (["--nonsense"], "No such option.* '?--nonsense"),
        (["list", "--nonsense"], "No such option.* '?--nonsense"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], problem: str) -> None:
    result = mastersctl(*arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(problem, result.err)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("lst", "list"),
        ("set_state 1 active", "set-state"),
        ("housekeeping", "housekeep"),
        ("list --wach", "--watch"),
        ("--db-ur sqlite:///x list", "--db-url"),
        ("list --field nam", "name"),
        ("list --order -last-active", "last_active"),
        ("list --filter staet=stale", "state"),
        ("list --filter name__contain=x", "contains"),
        ("list --filter state=Stale", "stale"),
        ("set-state 1 actve", "active"),
        ("list -o jsn", "json"),
        ("completion zhs", "zsh"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(
    arguments: str, meant: str
) -> None:
    result = mastersctl(*arguments.split())
    assert (result.code, result.out) == (2, "")
    question = result.err.split("Did you mean ")[1].split("?")[0]
    assert question.strip("'") == meant  # the first Click that is allowed writes no quotes


def test_a_word_that_is_like_none_is_answered_without_a_guess() -> None:
    for arguments in ("xyz", "list --xyz", "list --field xyz", "list --filter state=xyz"):
        result = mastersctl(*arguments.split())
        assert result.code == 2
        assert "xyz" in result.err
        assert "Did you mean" not in result.err


def test_a_word_without_end_is_answered_at_once() -> None:
    start = time.monotonic()
    for arguments in (("list", "--field"), ("list", "-o"), ()):
        result = mastersctl(*arguments, "state" * 20_000)
        assert result.code == 2
        assert "statestate" in result.err
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e9", "soon", ""])
def test_an_impossible_timeout_is_a_usage_error(value: str) -> None:
    result = mastersctl("list", "--timeout", value)
    assert (result.code, result.out) == (2, "")
    assert "Invalid value for '--timeout': " in result.err


def test_verbose_says_which_database_and_where_it_comes_from(
    database: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTERSCTL_DB_URL", database.url)
    first, *statements = mastersctl("list", "-v").err.splitlines()
    assert first.startswith(f"Using {re.split('[+:]', database.url)[0]}://")
    assert first.endswith("(from $MASTERSCTL_DB_URL)")
    assert statements[0].startswith("SQL: SELECT")


def test_the_current_directory_is_a_buildmasters(tmp_path: Path, database: RealDatabase) -> None:
    (tmp_path / "buildbot.tac").touch()
    (tmp_path / "master.cfg").write_text(f"BuildmasterConfig = {{'db_url': {database.url!r}}}")
    add_master(database, "m")
    assert mastersctl("list", "-o", "id").out == "1\n"


@pytest.mark.parametrize(
    "command",
    ["list", "check", "show m:/", "find m:/", "set-state 1 active"],
)
def test_a_default_for_a_variable_that_is_not_set_is_reported_once_on_stderr(
    database: RealDatabase, tmp_path: Path, command: str
) -> None:
    (tmp_path / "buildbot.tac").touch()
    config = f"c['db_url'] = os.environ.get('BB_DB', {database.url!r})"
    (tmp_path / "master.cfg").write_text(f"import os\nc = BuildmasterConfig = {{}}\n{config}\n")
    add_master(database, "m:/", active=1)
    result = mastersctl(*command.split())
    assert result.code == 0
    assert result.err == (
        f"Warning: {tmp_path}/master.cfg:3: The database URL is the default for the environment "
        "variable 'BB_DB', which is not set here; set it, or pass --db-url.\n"
    )
    assert "BB_DB" not in result.out
    assert database.run(*command.split()).err == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["list"], 0), (["show", "m"], 0), (["find", "m"], 0), (["list", "-o", "json"], 0),
     (["find", "m", "--no-create"], 0), (["show", "ghost"], 3)],
)  # fmt: skip
def test_nothing_is_on_stderr_but_errors(
    database: RealDatabase, arguments: list[str], code: int
) -> None:
    add_master(database, "m")
    result = database.run(*arguments)
    assert result.code == code
    assert bool(result.err) == bool(code) != bool(result.out)


def test_an_error_shows_the_value_but_no_control_character() -> None:
    result = mastersctl("list", "--db-url", "sqlite:///\x1b[31m\n\u202e.sqlite")
    assert result.code == 4
    assert r"\x1b[31m\n\u202e.sqlite" in result.err
    assert result.err.removesuffix("\n").isprintable()


@pytest.mark.parametrize("arguments", ["list", "list -o jsonl", "list -o csv", "show 1"])
def test_a_reader_that_disappears_is_no_error(sqlite_database: SqliteFile, arguments: str) -> None:
    add_masters(sqlite_database, (f"{number}" * 100 for number in range(300)))
    result = shell(f'mastersctl {arguments} --db-url "$1" | head -1', sqlite_database.url)
    assert result.code == 0
    assert result.out
    assert result.err == ""


@pytest.mark.parametrize(
    "arguments",
    ["find m", "find new", "set-state 1 active", "rename m new:/", "remove m --yes", "expire-all",
     "housekeep", "housekeep --dry-run", "doctor", "init", "completion bash", "--help", "--version",
     *(f"list -o {format_}" for format_ in ("table", "json", "jsonl", "csv", "tsv", "id", "wide")),
     *(f"show 1 -o {format_}" for format_ in ("table", "json", "id"))],
)  # fmt: skip
def test_a_full_disk_behind_stdout_is_an_error(sqlite_database: SqliteFile, arguments: str) -> None:
    add_master(sqlite_database, "m")
    url = "" if arguments.startswith("--") else f"--db-url {sqlite_database.url}"
    result = shell(f"mastersctl {arguments} {url} >/dev/full")
    assert result.code == 1
    assert "No space left on device" in result.err
    said = ("Dry run: ", "Note: The master", "Warning: The name")
    lines = [line for line in result.err.splitlines() if not line.startswith(said)]
    assert len(lines) == 1


def test_a_closed_stdout_is_an_error_and_nothing_is_changed(sqlite_database: SqliteFile) -> None:
    result = shell('mastersctl find m --db-url "$1" >&-', sqlite_database.url)
    assert result.code == 1
    assert "Standard output is closed" in result.err
    assert sqlite_database.execute("SELECT * FROM masters") == []


def test_a_closed_stderr_is_no_error(sqlite_database: SqliteFile) -> None:
    assert shell('mastersctl find m -v --db-url "$1" 2>&-', sqlite_database.url).out == "1\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_pipe_gets_utf_8_whatever_the_locale(sqlite_database: SqliteFile, encoding: str) -> None:
    add_master(sqlite_database, "漢")
    for format_ in ("table", "csv", "tsv", "json"):
        result = sqlite_database.process(
            "list", "-o", format_, environment={"PYTHONIOENCODING": encoding}
        )
        assert result.code == 0
        assert ("漢" in result.out) != (r"\u6f22" in result.out) == (format_ == "json")


def test_a_name_that_is_not_utf_8_is_exact_in_a_pipe(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    assert process("init").code == 0
    database.execute(
        "INSERT INTO masters (name, name_hash, active, last_active) "
        "VALUES (CAST(x'61ff' AS TEXT), 'a', 0, 0), (x'62ff', 'b', 0, 0)"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mastersctl", "list", "--field", "name", "-o", "tsv"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"name\na\xff\nb\xff\n"
    assert r"a\udcff" in process("list").out
    assert process("show", 2, "-o", "json").json["name"] == "b\udcff"


def test_names_that_are_not_utf_8_change_nothing_for_the_others(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    assert mastersctl("init").code == 0
    names = [b"a", b"b\xff", b"c", "\u00e9".encode(), b"\xfe", b"f"]
    for name in names:
        database.execute(
            "INSERT INTO masters (name, name_hash, active, last_active) "
            "VALUES (CAST(? AS TEXT), ?, 0, 0)",
            (name, name),
        )
    rows = mastersctl("list", "-o", "json").json
    assert [row["name"].encode(errors="surrogateescape") for row in rows] == names
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "code", "out"),
    [("find m -v", 0, "1\n"), ("set-state 1 inactive", 0, "changed\n"), ("show ghost", 3, ""),
     ("list --nonsense", 2, "")],
)  # fmt: skip
def test_a_full_disk_behind_stderr_changes_no_result(
    sqlite_database: SqliteFile, arguments: str, code: int, out: str
) -> None:
    add_master(sqlite_database, "m", active=1)
    for redirection in ("2>/dev/full", "2>&-"):
        sqlite_database.execute("UPDATE masters SET active = 1")
        result = shell(
            f'MASTERSCTL_DB_URL="$1" mastersctl {arguments} {redirection}', sqlite_database.url
        )
        assert result[:2] == (code, out)


def test_a_reader_that_disappears_ends_the_command_by_sigpipe(sqlite_database: SqliteFile) -> None:
    add_masters(sqlite_database, (f"{number}" * 100 for number in range(300)))
    command = 'mastersctl list -o jsonl --db-url "$1" | head -1 >/dev/null; echo ${PIPESTATUS[0]}'
    assert shell(command, sqlite_database.url) == (0, "141\n", "")


def test_a_directory_that_was_deleted_is_an_error(tmp_path: Path) -> None:
    result = shell("mkdir gone && cd gone && rmdir ../gone && mastersctl list")
    assert result.code == 1
    assert "current directory does not exist" in result.err


def test_an_empty_basedir_is_a_usage_error() -> None:
    result = mastersctl("expire-all", "--basedir", "")
    assert (result.code, result.out) == (2, "")
    assert "The value of --basedir is empty" in result.err


def test_a_password_cannot_be_guessed_from_what_is_hidden() -> None:
    url = "postgresql://postgres:postgres@127.0.0.1:1/postgres"
    err = mastersctl("list", "--db-url", url).err
    assert "The database postgresql://postgres:***@127.0.0.1:1/postgres cannot be reached" in err


def test_a_message_without_end_is_cut_and_its_last_character_stays() -> None:
    assert sanitized("m" * 4000) == "m" * 4000
    assert sanitized("m" * 4001) == "m" * 4000 + "..."


def test_a_usage_error_holds_no_control_character() -> None:
    err = mastersctl("list", "bell\x07 override\u202e red\x1b[31m").err
    assert r"bell\x07 override\u202e red" in err
    assert "\x1b" not in err


def test_python_m_is_the_command() -> None:
    command = Path(sys.executable).with_name("mastersctl")
    script = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert script.stdout == process("--help").out


IMPORTS = """
import sys
from mastersctl.cli import run
run(sys.argv[1:])
heavy = {"peewee", "rich", "psycopg", "psycopg2", "pymysql", "durationpy", "humanize"}
heavy |= {"difflib"} if "-o" not in sys.argv else set()  # Click takes -o for a mistake at first
rooms = ("schema.related", "operations.removal", "reader.program", "cli.check")
heavy |= {f"mastersctl.{name}" for name in rooms}
imported = {name.removeprefix("mastersctl._peewee.") for name in sys.modules}  # the copy of Peewee
print("IMPORTED", *sorted(heavy & imported))
"""


@pytest.mark.parametrize(
    ("arguments", "imported"),
    [
        ("--help", ""),
        ("--version", ""),
        ("list --help", ""),
        ("list --order nonsense", "difflib"),
        ("show m -o json", "mastersctl.schema.related peewee"),
        ("find m", "peewee"),
        ("set-state m active", "peewee"),
        ("expire-all", "peewee"),
        ("list -o json", "peewee"),
        ("list -o jsonl", "peewee"),
        ("list -o csv --filter last_active__lt=5", "peewee"),
        ("list -o csv --filter last_active__lt=5m", "durationpy peewee"),
        ("list", "mastersctl.schema.related peewee"),
        ("list --active", "peewee"),
        ("list --field name", "peewee"),
        ("show m", "mastersctl.schema.related peewee"),
        ("check", "mastersctl.cli.check mastersctl.schema.related peewee"),
    ],
)
def test_only_what_a_command_needs_is_imported(
    sqlite_database: SqliteFile, arguments: str, imported: str
) -> None:
    add_master(sqlite_database, "m")
    assert imports(sqlite_database, arguments) == imported.split()


@pytest.mark.parametrize("arguments", ["find m", "list -o json", "completion bash"])
def test_a_driver_is_imported_where_its_database_is_used(
    database: RealDatabase, arguments: str
) -> None:
    add_master(database, "m")
    drivers = {"sqlite": [], "postgresql": ["psycopg"]}
    used = ["peewee", *drivers.get(database.kind, ["pymysql"])]
    assert imports(database, arguments) == sorted(used if arguments != "completion bash" else [])


def imports(database: RealDatabase, arguments: str) -> list[str]:
    """Return which of the modules that take long to import a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments.split()],
        env={**os.environ, "MASTERSCTL_DB_URL": database.url},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1].split()[1:]


def test_a_value_that_is_called_like_a_command_is_none() -> None:
    for arguments in (["--basedir", "check", "list"], ["list", "--basedir", "check"]):
        result = mastersctl(*arguments)
        assert result.code == 1
        assert "check/buildbot.tac does not exist" in result.err
    assert mastersctl("--db-url=x", "--basedir", "check", "show", "check").code == 2
    for arguments in (["--basedir", "list", "check"], ["-v", "--basedir=list", "--", "check"]):
        assert mastersctl(*arguments).code == 3


@pytest.mark.parametrize("value", ["²", "", "-5", "9" * 30, "9" * 5000])
@pytest.mark.parametrize("variable", ["COLUMNS", "LINES"])
def test_a_terminal_of_an_impossible_size_is_no_traceback(
    tmp_path: Path, crowd: Crowd, variable: str, value: str
) -> None:
    assert mastersctl("init").code == 0
    add_master(SqliteFile(tmp_path / "state.sqlite"), "m")
    child = pexpect.spawn(
        sys.executable, ["-m", "mastersctl", "show", "m"],
        encoding="utf-8", dimensions=(24, 80), env=os.environ | {variable: value},
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    (printed,) = crowd.run([["list"]], environment={variable: value})
    assert (printed.code, printed.err) == (0, "")


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A copy of the package, for a test to damage."""
    target = tmp_path / "damaged"
    shutil.copytree(Path(package.__file__).parent, target / "mastersctl")
    return target


def test_a_damaged_installation_is_an_error_in_one_sentence(damaged: Path) -> None:
    def run(*arguments: str) -> Result:
        command = [*NOT_COVERED, sys.executable, "-m", "mastersctl", *arguments]
        environment = os.environ | {"PYTHONPATH": str(damaged)}
        done = subprocess.run(
            command, env=environment, cwd=damaged, capture_output=True, text=True, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    for module in ("set_state", "check", "options"):
        (damaged / f"mastersctl/cli/{module}.py").write_text("def f(:\n")
        command = ["set-state", "1", "active"] if module != "check" else ["check"]
        for verbose in ([], ["-v"]):
            result = run(*command, *verbose)
            lines = result.err.splitlines()
            assert bool(verbose) == ("Traceback" in result.err)
            if module == "check":
                assert result.code == 3
                assert result.out.startswith("MASTERS UNKNOWN - ")
                assert result.out.count("\n") == 1
                assert lines == [] or verbose
            else:
                assert (result.code, result.out) == (1, "")
                assert lines[-1].startswith("Error: ")
                assert "SyntaxError: " in lines[-1]
                assert len(lines) == 1 or verbose
    assert run("check").code == 3
    (damaged / "mastersctl/cli/check.py").unlink()
    (damaged / "mastersctl/cli/options.py").unlink()
    result = run("check")
    assert (result.code, result.out.count("\n"), result.err) == (3, 1, "")


def test_too_little_memory_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    assert process("init").code == 0
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
        "INSERT INTO masters (name, name_hash, active, last_active) "
        "SELECT printf('%.*c', 1000000, 'x') || i, i, 1, 1 FROM n"
    )
    result = shell("ulimit -v 200000; mastersctl list")
    assert (result.code, result.out) == (1, "")
    assert "MemoryError" in result.err
    assert result.err.count("\n") == 1
    check = shell("ulimit -v 200000; mastersctl check -o json")
    assert (check.code, check.err) == (3, "")
    assert json.loads(check.out)["status"] == "UNKNOWN"


@pytest.mark.parametrize("signals", [1, 2])
def test_an_interrupt_at_any_moment_is_no_traceback(database: RealDatabase, signals: int) -> None:
    add_master(database, "m")
    command = database.on("list", "-v")
    for _ in range(INTERRUPTS.now):
        child = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "mastersctl", *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        assert child.stderr
        with child.stderr as errors:
            # What comes before is Python's start, of which nobody has a say.
            while b"mastersctl._interrupt" not in (line := errors.readline()):
                assert line
            errors.readline()  # the first import of main(), to which an interrupt is the end
            time.sleep(random.uniform(0.001, 0.3))
            for _ in range(signals):
                child.send_signal(signal.SIGINT)
                time.sleep(random.uniform(0, 0.01))
            lines = errors.read().decode().splitlines()
        code = child.wait()
        told = [line for line in lines if not line.startswith(("import time:", "Using", "SQL:"))]
        assert told in ([], ["Aborted."])
        assert code in (0, 1, -signal.SIGINT)


def test_an_interrupt_that_is_ignored_stays_ignored(database: RealDatabase) -> None:
    script = """trap '' INT; mastersctl list -v --db-url "$1" & sleep 0.1; kill -INT $!; wait $!"""
    result = shell(script, database.url)
    assert result.code == 0
    assert "SQL: " in result.err
