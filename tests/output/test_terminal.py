"""What is drawn on a real terminal."""

import os
import re
import sys
import time
from pathlib import Path

import pexpect
import pytest

from mastersctl.output.table import ago
from tests.support.databases import SqliteFile, copy_sqlite
from tests.support.rows import add_belongings, add_master

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
Environment = dict[str, str] | None
NAME = "a-rather-long-host-name.example.org:/srv/buildbot/masters/number-one"


@pytest.fixture
def database(tmp_path: Path) -> SqliteFile:
    database = SqliteFile(tmp_path / "state.sqlite")
    on_terminal("init")
    return database


def on_terminal(*arguments: str, columns: int = 80, environment: Environment = None) -> str:
    """Run a command on a terminal, and return all that reached it."""
    env = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
    env.pop("COLUMNS", None)
    child = pexpect.spawn(
        sys.executable, ["-m", "mastersctl", *arguments],
        dimensions=(50, columns), env=env, encoding="utf-8", timeout=30,
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    printed: str = child.before or ""
    return printed


@pytest.mark.usefixtures("database")
def test_states_have_colours_and_times_are_relative(database: SqliteFile) -> None:
    add_master(database, "alive", active=1)
    add_master(database, "dead", active=1, last_active=time.time() - 7200)
    add_master(database, "reset", active=1, last_active=0)
    printed = on_terminal("list")
    assert "\x1b[32mactive" in printed
    assert "\x1b[1;31mstale" in printed
    assert "2 hours ago" in printed
    assert "unknown" in printed
    assert "2 hours ago" in on_terminal("show", "2")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_turned_off(database: SqliteFile, environment: dict[str, str]) -> None:
    add_master(database, "alive", active=1)
    printed = on_terminal("list", environment=environment)
    assert "alive" in printed
    assert "\x1b[3" not in printed


def test_a_name_has_no_colour_even_if_it_is_that_of_a_state(database: SqliteFile) -> None:
    add_master(database, "active")
    printed = on_terminal("list", "--field", "name")
    assert "active" in printed
    assert "\x1b[32mactive" not in printed


def test_a_terminal_that_rich_knows_nothing_of_has_its_own_width(database: SqliteFile) -> None:
    add_master(database, NAME, active=1)
    printed = on_terminal("list", columns=50, environment={"TERM": "dumb"})
    assert max(map(len, printed.splitlines())) <= 50


@pytest.mark.parametrize("columns", [20, 40, 60, 80])
@pytest.mark.parametrize("command", [["list"], ["show", "1"], ["list", "--field", "name"]])
def test_names_are_folded_and_never_cut(
    database: SqliteFile, command: list[str], columns: int
) -> None:
    add_master(database, NAME, active=1)
    printed = ESCAPE.sub("", on_terminal(*command, columns=columns))
    lines = printed.splitlines()
    assert max(map(len, lines)) <= columns
    assert "…" not in printed
    left, letters = list(NAME), "".join(printed.split())
    for letter in letters:  # the letters of the name, in their order, with other cells between
        if left and letter == left[0]:
            left.pop(0)
    assert left == []


@pytest.mark.parametrize("format_", ["table", "csv", "tsv", "json", "jsonl", "id"])
def test_no_control_character_of_a_name_reaches_the_terminal(
    database: SqliteFile, format_: str
) -> None:
    add_master(database, "\x1b]0;title\x07\x1b[2J\x9b31m\u202eevil\u200b\x00"[:-1], active=1)
    printed = ESCAPE.sub("", on_terminal("list", "-o", format_, columns=200))
    assert all(line.isprintable() for line in printed.replace("\t", " ").split("\r\n"))
    if format_ != "id":
        assert "evil" in printed


def test_below_the_table_it_says_what_is_to_be_done_for_masters_that_need_housekeeping(
    tmp_path: Path, template_sqlite: Path
) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    add_master(database, "alive", active=1)
    assert "housekeep" not in on_terminal("list")
    for number, words in ((1, "1 master needs"), (2, "2 masters need")):
        add_belongings(database, add_master(database, f"{number}", last_active=5))
        printed = on_terminal("list", "--active")
        assert printed.splitlines()[-1] == f"{words} housekeeping: mastersctl housekeep"
        assert printed.count("\n") == 4
    assert "\x1b[1;31minactive !" in on_terminal("list")
    assert "mastersctl housekeep" not in on_terminal("list", "-o", "csv")
    assert "mastersctl housekeep" not in database.run("list").out


def test_ago_is_for_people() -> None:
    from datetime import UTC, datetime, timedelta

    assert ago(datetime.now(UTC) - timedelta(minutes=3)) == "3 minutes ago"
