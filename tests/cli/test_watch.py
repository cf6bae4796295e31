"""``mastersctl list --watch``, on a real terminal whose screen is read back."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support import buildbots
from tests.support.commands import mastersctl
from tests.support.databases import PostgresDatabase, PostgresServer, SqliteFile, copy_sqlite
from tests.support.rows import add_belongings, add_master, add_masters
from tests.support.terminal import Terminal

pytestmark = pytest.mark.xdist_group("watch")  # whose tests take a certain time


@pytest.fixture
def database(tmp_path: Path) -> SqliteFile:
    assert mastersctl("init").code == 0
    database = SqliteFile(tmp_path / "state.sqlite")
    add_master(database, "build1:/srv/bb", active=1)
    add_master(database, "build2:/srv/bb")
    return database


@pytest.fixture
def terminal(database: SqliteFile) -> Iterator[Terminal]:
    terminal = Terminal("list", "--watch", "0.3", columns=250)
    yield terminal
    terminal.child.close(force=True)


def marked(terminal: Terminal, line: int) -> str:
    """Return the characters of a line that are drawn in reverse."""
    cells = terminal.screen.buffer[line]
    return "".join(cells[n].data for n in range(terminal.screen.columns) if cells[n].reverse)


def test_the_header_says_where_when_and_how_many(terminal: Terminal, database: SqliteFile) -> None:
    lines = terminal.wait_for("build2")
    assert lines[0] == f"sqlite:///{database.path}, every 0.3 s, Ctrl-C ends"
    assert lines[1].endswith("1 active, 0 stale, 0 expired, 1 inactive")
    assert lines[3].split() == ["ID", "NAME", "STATE", "LAST", "SEEN"]
    assert time.strptime(lines[1].split()[0], "%H:%M:%S")


def test_what_changes_is_seen_and_marked(database: SqliteFile) -> None:
    terminal = Terminal("list", "--watch", "1", columns=250)
    lines = terminal.wait_for("build2")
    row = next(number for number, line in enumerate(lines) if "build2" in line)
    assert marked(terminal, row) == ""
    database.execute("UPDATE masters SET active = 1 WHERE id = 2")
    terminal.wait_for("2 active")
    seen = time.monotonic()
    while marked(terminal, row):
        assert marked(terminal, row).strip() == "active"
        assert time.monotonic() < seen + 30
        terminal.read()
    assert time.monotonic() - seen > 8
    add_master(database, "build3:/srv/bb")
    terminal.wait_for("build3")
    assert "build3:/srv/bb" in marked(terminal, row + 1)
    database.execute("DELETE FROM masters WHERE id = 2")
    terminal.wait_for("1 active")
    screen = "\n".join(terminal.read())
    assert "build3" in screen
    assert "build2" not in screen
    terminal.child.close(force=True)


def test_masters_that_need_housekeeping_come_first_unless_an_order_is_given(
    tmp_path: Path, template_sqlite: Path
) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    add_masters(database, [f"stopped{number}" for number in range(30)])  # more than there is room
    add_belongings(database, add_master(database, "killed", last_active=5))
    terminal = Terminal("list", "--watch", "0.3", columns=150)
    lines = terminal.wait_for("killed")
    assert lines[2] == "1 master needs housekeeping: mastersctl housekeep"
    assert lines[5].split()[:4] == ["31", "killed", "inactive", "!"]
    assert lines[6].split()[:2] == ["1", "stopped0"]
    assert database.run("housekeep").code == 0
    terminal.wait_for("stopped14")  # which had no room
    assert "needs housekeeping" not in "".join(terminal.read())
    terminal.child.close(force=True)

    add_belongings(database, add_master(database, "killed too", last_active=5))
    terminal = Terminal("list", "--watch", "0.3", "--order", "id", columns=150)
    lines = terminal.wait_for("stopped0")
    assert lines[2].startswith("1 master needs housekeeping")
    assert lines[5].split()[:2] == ["1", "stopped0"]
    terminal.child.close(force=True)


def test_above_an_empty_table_it_says_that_no_active_master_has_the_builder(
    tmp_path: Path, template_sqlite: Path
) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    add_belongings(database, add_master(database, "killed", last_active=5))
    assert database.run("housekeep").code == 0
    terminal = Terminal("list", "--watch", "0.3", "--builder", "runtests", columns=150)
    lines = terminal.wait_for("its requests wait")
    assert lines[2] == "No active master has the builder 'runtests': its requests wait."
    terminal.child.close(force=True)


def test_a_database_that_disappears_is_retried(terminal: Terminal, database: SqliteFile) -> None:
    terminal.wait_for("build2")
    away = database.path.rename(database.path.with_suffix(".away"))
    lines = terminal.wait_for("There is no database")
    assert "Retrying." in "".join(lines)
    assert "build2" in "\n".join(lines)
    away.rename(database.path)
    database.execute("DELETE FROM masters WHERE id = 2")
    terminal.wait_for("0 inactive")
    screen = "\n".join(terminal.read())
    assert "NAME" in screen
    assert "There is no database" not in screen


def test_the_size_of_the_terminal_is_followed(terminal: Terminal, database: SqliteFile) -> None:
    for number in range(3, 30):
        add_master(database, f"build{number}:/srv/bb")
    terminal.wait_for("28 inactive")
    for rows, columns in ((14, 40), (40, 120), (10, 60)):
        terminal.resize(rows, columns)
        terminal.screen.reset()
        lines = terminal.wait_for("build29:" if rows == 40 else "build1:")
        assert ("build29:" in "\n".join(lines)) == (rows == 40)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_terminal_is_left_as_it_was(
    terminal: Terminal, number: signal.Signals, code: int
) -> None:
    terminal.wait_for("build2")
    assert "\x1b[?1049h" in terminal.written
    assert terminal.child.pid
    os.kill(terminal.child.pid, number)
    assert terminal.end() == code
    assert terminal.written.count("\x1b[?1049l") == 1
    assert terminal.written.rfind("\x1b[?25h") > terminal.written.rfind("\x1b[?25l")
    assert "Traceback" not in terminal.written
    assert "Aborted" not in terminal.written


@pytest.mark.parametrize("seconds", ["0.09", "0", "86401", "nan", "inf", "often"])
def test_an_impossible_number_of_seconds_is_a_usage_error(seconds: str) -> None:
    result = mastersctl("list", f"--watch={seconds}")
    assert (result.code, result.out) == (2, "")
    assert f"The value {seconds!r} is no number of seconds from 0.1 to 86400." in result.err


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("seconds", ["0.2", "3600"])
def test_it_ends_silently_when_its_terminal_is_gone_and_hang_ups_are_ignored(
    tmp_path: Path, seconds: str
) -> None:
    master, slave = pty.openpty()
    with (tmp_path / "err").open("w") as errors:
        child = subprocess.Popen(
            ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-m", "mastersctl",
             "list", "--watch", seconds],
            stdin=slave, stdout=slave, stderr=errors, start_new_session=True,
            env=os.environ | {"TERM": "xterm"},
        )  # fmt: skip
    os.close(slave)
    drawn = b""
    while b"LAST" not in drawn:
        drawn += os.read(master, 65536)
    time.sleep(0.5)  # it may be reading, drawing or waiting
    os.close(master)
    assert child.wait(timeout=20) == 128 + signal.SIGHUP
    assert (tmp_path / "err").read_text() == ""


def test_a_storm_of_resizes_is_no_trouble(terminal: Terminal, database: SqliteFile) -> None:
    add_masters(database, (f"build{number}:/srv/bb" for number in range(3, 200)))
    terminal.wait_for("198 inactive")
    for number in range(200):
        terminal.resize(20 + number % 2 * 30, 60 + number % 7)
        time.sleep(0.005)
        with contextlib.suppress(pexpect.TIMEOUT):
            terminal.written += terminal.child.read_nonblocking(1 << 20, timeout=0.01)
    terminal.resize(20, 100)
    terminal.screen.reset()
    terminal.wait_for("build3:")
    assert "Traceback" not in terminal.written


def test_below_the_rows_that_fit_it_says_how_many_more_there_are(database: SqliteFile) -> None:
    for number in range(3, 30):
        add_master(database, f"build{number}:/srv/bb")
    terminal = Terminal("list", "--watch", "0.3", rows=12, columns=250)
    lines = terminal.wait_for("more")
    assert lines[-1] == "… 22 more"
    assert "build7:" in lines[-2]
    terminal.resize(24, 200)
    assert terminal.wait_for("build18:")[-1] == "… 10 more"
    for line in range(24):  # they were there before, only not seen
        assert marked(terminal, line) == ""
    terminal.child.close(force=True)


@pytest.mark.parametrize(
    ("options", "more"),
    [(["--limit", "25"], 18), (["--offset", "9"], 13), (["--limit", "7"], 0), (["--active"], 0)],
)
def test_how_many_more_there_are_counts_the_page_that_was_asked_for(
    database: SqliteFile, options: list[str], more: int
) -> None:
    for number in range(3, 30):
        add_master(database, f"build{number}:/srv/bb")
    terminal = Terminal("list", "--watch", "0.3", *options, rows=12, columns=250)
    lines = terminal.wait_for("… " if more else ":/srv/bb")
    assert [line for line in lines if "…" in line] == ([f"… {more} more"] if more else [])
    terminal.child.close(force=True)


def test_masters_with_trouble_come_first(database: SqliteFile) -> None:
    add_master(database, "late", active=1, last_active=time.time() - 150)
    add_master(database, "stale", active=1, last_active=time.time() - 7200)
    add_master(database, "expired", active=1, last_active=0)
    terminal = Terminal("list", "--watch", "0.3", "--field", "name", columns=250)
    lines = terminal.wait_for("build2")
    names = ["stale", "expired", "late", "build1:/srv/bb", "build2:/srv/bb"]
    assert lines[4:9] == names
    terminal.child.close(force=True)


@pytest.mark.usefixtures("database")
def test_columns_that_have_no_room_are_named(terminal: Terminal) -> None:
    terminal.child.close(force=True)
    terminal = Terminal("list", "--watch", "0.3", "-o", "wide", columns=60)
    lines = terminal.wait_for("build2")
    assert "No room for " in "\n".join(lines)
    assert "CLAIMS" not in "\n".join(lines).partition("\n\n")[2]
    terminal.child.close(force=True)


def test_a_name_that_is_wider_than_the_terminal_is_shown_whole(database: SqliteFile) -> None:
    name = "".join(f"{number:03}" for number in range(40))
    add_master(database, name, active=1, last_active=5)
    terminal = Terminal("list", "--watch", "0.3", rows=14, columns=50)
    lines = terminal.wait_for("039")
    place = next(number for number, line in enumerate(lines) if "000001" in line)
    assert name in "".join(lines[place : place + 4]).replace(" ", "")
    assert "build2" in "".join(lines)
    terminal.child.close(force=True)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (6, ["sqlite", "2 inactive", "ID  NAME", " 1  build1", "… 2 more"]),
        (5, ["2 inactive", "ID  NAME", " 1  build1", " 2  build2", " 3  build3"]),
        (4, ["2 inactive", "ID  NAME", " 1  build1", "… 2 more"]),
        (3, ["ID  NAME", " 1  build1", "… 2 more"]),
        (1, ["… 3 more"]),
    ],
)
def test_a_short_terminal_shows_masters_rather_than_what_is_above_them(
    database: SqliteFile, rows: int, lines: list[str]
) -> None:
    add_master(database, "build3:/srv/bb")
    terminal = Terminal("list", "--watch", "0.3", "--order", "id", rows=rows, columns=250)
    found = [line for line in terminal.wait_for(lines[-1]) if line]
    assert len(found) == len(lines)
    assert all(part in line for part, line in zip(lines, found, strict=True))
    terminal.child.close(force=True)


def test_a_short_terminal_shows_an_error(database: SqliteFile) -> None:
    terminal = Terminal("list", "--watch", "0.3", rows=5, columns=250)
    terminal.wait_for("build2")
    database.path.rename(database.path.with_suffix(".away"))
    assert "build1" in "".join(terminal.wait_for("There is no database")[2:])
    terminal.child.close(force=True)


def test_no_masters_are_not_counted_as_more(database: SqliteFile) -> None:
    database.execute("DELETE FROM masters")
    terminal = Terminal("list", "--watch", "0.3", rows=2, columns=250)
    assert "more" not in "".join(terminal.wait_for("NAME"))
    terminal.child.close(force=True)


def test_a_name_that_would_fill_the_terminal_does_not_hide_the_others(
    database: SqliteFile,
) -> None:
    add_master(database, "x" * 100_000, active=1, last_active=5)
    terminal = Terminal("list", "--watch", "0.3", rows=14, columns=50)
    lines = "\n".join(terminal.wait_for("build2"))
    assert "xxx…\n" in lines
    assert "more" not in lines
    terminal.child.close(force=True)


def test_emoji_that_fold_leave_room_for_how_many_more_there_are(database: SqliteFile) -> None:
    for number in range(9):
        add_master(database, f"{'❤️' * 40}{number}", active=1, last_active=5)
    terminal = Terminal("list", "--watch", "0.3", rows=14, columns=50)
    terminal.wait_for("… ")
    terminal.child.close(force=True)


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(terminal: Terminal) -> None:
    terminal.wait_for("build2")
    terminal.child.send("\x1a")
    deadline = time.monotonic() + 10
    while terminal.written.count("\x1b[?1049l") < 1:
        assert time.monotonic() < deadline
        terminal.read()
    assert terminal.written.endswith("\x1b[?25h") or "\x1b[?25h" in terminal.written[-40:]
    assert terminal.child.pid
    os.kill(terminal.child.pid, signal.SIGCONT)
    while terminal.written.count("\x1b[?1049h") < 2:
        assert time.monotonic() < deadline
        terminal.read()
    terminal.child.sendintr()
    assert terminal.end() == 0


def test_a_real_master_comes_and_goes(tmp_path: Path) -> None:
    basedir = buildbots.make_basedir(tmp_path / "master")
    terminal = Terminal("list", "--watch", "0.3", "--basedir", str(basedir), columns=250)
    terminal.wait_for("0 active")
    with buildbots.running_master(basedir):
        assert f":{basedir}" in "\n".join(terminal.wait_for("1 active"))
        terminal.resize(10, 120)
    terminal.wait_for("0 active, 0 stale, 0 expired, 1 inactive")
    terminal.child.sendintr()
    assert terminal.end() == 0


def test_no_password_is_in_the_header(buildbot_postgresql: PostgresDatabase) -> None:
    url = buildbot_postgresql.url.replace("postgres@", "postgres:s3cret@")
    terminal = Terminal("list", "--watch", "--db-url", url)
    lines = terminal.wait_for("0 active")
    assert "postgres:***@" in lines[0]
    assert "every 2 s" in lines[0]
    terminal.child.sendintr()
    assert terminal.end() == 0
    assert "s3cret" not in terminal.written


def test_names_cannot_act_on_the_terminal(database: SqliteFile) -> None:
    add_master(database, "\x1b]0;title\x07\x1b[2Jevil\n")
    terminal = Terminal("list", "--watch", "0.3", "-o", "wide", columns=250)
    lines = terminal.wait_for("evil")
    assert r"\x1b]0;title\x07\x1b[2Jevil\n" in "\n".join(lines)
    assert "CLAIMS" in lines[3]
    terminal.child.sendintr()
    assert terminal.end() == 0


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "arguments", [["--watch"], ["--watch", "1", "-o", "json"], ["--watch=x"], ["--watch=0"],
                  ["--watch=nan"], ["-v", "--watch"]],
)  # fmt: skip
def test_without_a_terminal_or_with_a_wrong_value_it_is_a_usage_error(arguments: list[str]) -> None:
    result = mastersctl("list", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err


def test_a_database_that_is_not_there_at_first_is_an_error() -> None:
    terminal = Terminal("list", "--watch", "--db-url", "sqlite:///missing")
    assert terminal.end() == 4
    assert "\x1b[?1049h" not in terminal.written


def test_the_title_says_which_of_two_clusters_it_is_and_a_default_is_reported_once(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    database = PostgresDatabase(postgres)
    database.execute("CREATE SCHEMA ci")
    url = f"{database.url}?options=-csearch_path%3Dci"
    assert mastersctl("init", "--db-url", url).code == 0
    (tmp_path / "buildbot.tac").touch()
    (tmp_path / "master.cfg").write_text(
        f"import os\nBuildmasterConfig = {{'db_url': os.environ.get('BB_DB', {url!r})}}\n"
    )
    terminal = Terminal("list", "--watch", "0.1", columns=250)
    lines = terminal.wait_for("Ctrl-C")
    assert lines[0].startswith(f"{database.url}?options=-csearch_path=ci, every 0.1 s")
    time.sleep(1)
    terminal.read()
    terminal.child.close(force=True)
    assert terminal.written.count("BB_DB") == 1
