"""What is drawn on a real terminal."""

import os
import re
import sys
import time
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from mastersctl.output.age import age, ago
from mastersctl.output.columns import cell_width
from mastersctl.output.terminal import fold
from tests.support.databases import SqliteFile, copy_sqlite
from tests.support.rows import add_belongings, add_master, add_masters

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
    assert "120m" in printed
    assert "unknown" in printed
    assert "120m ago" in on_terminal("show", "2")


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
    add_master(database, "m", active=1)
    for columns in (50, 120):
        dumb = {"TERM": "dumb"}
        lines = on_terminal("list", "-o", "wide", columns=columns, environment=dumb).splitlines()
        assert ("CLAIMS" in lines[0]) == (columns == 120)


def lines_of(*arguments: str, columns: int, environment: Environment = None) -> list[str]:
    """Return the lines that were written to a terminal, without colours."""
    printed = on_terminal(*arguments, columns=columns, environment=environment)
    return ESCAPE.sub("", printed).splitlines()


@pytest.fixture
def cluster(tmp_path: Path, template_sqlite: Path) -> SqliteFile:
    """A database that Buildbot made, to which masters are added with all that they can have."""
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    return SqliteFile(tmp_path / "state.sqlite")


NAMES = {
    "short": "m1:/srv/bb",
    "long": NAME,
    "pod": f"buildbot-master-0.{'x' * 60}.svc:/buildbot",
    "cjk": "构建主机:/srv/构建",
    "emoji": "🚀build🚀:/srv/bb",
    "right to left": "בניין:/srv/bb",
}


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("command", [["list"], ["list", "-o", "wide"], ["list", "--field", "name"]])
@pytest.mark.parametrize("name", [*NAMES])
def test_no_cell_is_broken(
    cluster: SqliteFile, command: list[str], columns: int, name: str
) -> None:
    for number, one in enumerate(["m", NAMES[name]]):
        add_belongings(cluster, add_master(cluster, one, last_active=time.time() - 9000 * number))
    header, *rows = lines_of(*command, columns=columns)[:3]
    assert [row.count(one) for row, one in zip(rows, ["m", NAMES[name]], strict=True)] == [1, 1]
    wide = [line for line in (header, *rows) if cell_len(line) > columns]
    assert wide in ([], rows[1:])
    if wide:
        assert header.endswith("NAME")  # which only the terminal breaks, and copies whole
        assert wide[0].endswith(NAMES[name])
    elif len(command) < 3 or command[2] == "wide":
        places = [cell_len(line[: line.index(word)]) for line, word in
                  ((header, "STATE"), (rows[0], "inactive"), (rows[1], "inactive"))]  # fmt: skip
        assert len({*places}) == 1


LEFT_OUT = "No room for {}: use a wider terminal, or --field."


@pytest.mark.parametrize(
    ("columns", "left_out"),
    [
        (90, ""),
        (80, LEFT_OUT.format("BUILDS and CLAIMS")),
        (66, LEFT_OUT.format("WORKERS, BUILDS and CLAIMS")),
    ],
)
def test_columns_that_have_no_room_are_left_out_from_the_right_and_named(
    cluster: SqliteFile, columns: int, left_out: str
) -> None:
    add_master(cluster, "build1:/srv/bb")
    header, row, *rest = lines_of("list", "-o", "wide", columns=columns)
    counts = ["SCHED", "SOURCES", "BUILDERS", "WORKERS", "BUILDS", "CLAIMS"]
    shown = [heading for heading in counts if heading not in re.findall("[A-Z]{2,}", left_out)]
    assert header.split() == ["ID", "NAME", "STATE", "LAST", "SEEN", *shown]
    assert len(row.split()) == 4 + len(shown)
    assert "\n".join(rest) == left_out


@pytest.mark.parametrize("fields", [["name", "claims"], ["claims", "name"]])
@pytest.mark.parametrize("columns", [40, len(NAME)])
def test_a_count_that_was_asked_for_is_not_left_out_beside_a_long_name(
    cluster: SqliteFile, fields: list[str], columns: int
) -> None:
    add_belongings(cluster, add_master(cluster, NAME))
    options = [option for field in fields for option in ("--field", field)]
    assert lines_of("list", *options, columns=columns) == ["CLAIMS  NAME", f"     1  {NAME}"]


def test_a_long_name_leaves_the_counts_their_room(cluster: SqliteFile) -> None:
    add_master(cluster, NAME)
    header, row = lines_of("list", "-o", "wide", columns=90)
    counts = ["SCHED", "SOURCES", "BUILDERS", "WORKERS", "BUILDS", "CLAIMS"]
    assert header.split() == ["ID", "STATE", "LAST", "SEEN", *counts, "NAME"]
    assert row.endswith(f"  0  {NAME}")


def test_one_column_is_left_on_the_narrowest_terminal(cluster: SqliteFile) -> None:
    add_master(cluster, "m")
    assert lines_of("list", "--field", "claims", columns=3) == ["CLAIMS", "     0"]
    lines = lines_of("list", "--field", "state", "--field", "claims", columns=3)
    assert lines == ["STATE", "inactive", LEFT_OUT.format("CLAIMS")]


@pytest.mark.parametrize("name", [*NAMES.values(), "❤️" * 60, "👍🏽🇩🇪é" * 30, "\u0301", ""])
@pytest.mark.parametrize("width", [1, 2, 7, 80])
def test_no_line_of_a_folded_one_is_too_wide(name: str, width: int) -> None:
    parts = fold(Text(name), width)
    assert "".join(part.plain for part in parts) == name
    assert all(part.cell_len <= max(width, 2) for part in parts)
    assert all(part.plain for part in parts[1:])


@given(st.text(st.sampled_from("a1 #構❤\ufe0f\ufe0e👍🏽🇩🇪é\u0301ｱ"), max_size=12))
def test_a_text_is_as_wide_as_rich_has_it(shown: str) -> None:
    assert cell_width(shown) == cell_len(shown)


def test_an_active_master_that_is_late_is_yellow(database: SqliteFile) -> None:
    add_master(database, "in time", active=1, last_active=time.time() - 100)
    add_master(database, "late", active=1, last_active=time.time() - 130)
    in_time, late = on_terminal("list").splitlines()[1:]
    assert "\x1b[32mactive" in in_time
    assert "\x1b[33mactive" in late


def test_more_than_a_screen_is_counted(database: SqliteFile) -> None:
    add_masters(database, [f"stopped{number}" for number in range(47)])
    add_master(database, "alive", active=1)
    add_master(database, "dead", active=1, last_active=time.time() - 7200)
    assert len(lines_of("list", columns=80)) == 50  # with the headings
    add_master(database, "alive too", active=1)
    lines = lines_of("list", columns=80)
    assert lines[-1] == "50 masters: 2 active, 1 stale, 47 inactive"
    assert lines_of("list", "--field", "name", columns=80)[-1] == "50 masters"
    assert "masters:" not in database.run("list").out


def test_an_empty_list_says_so(database: SqliteFile) -> None:
    assert lines_of("list", columns=80) == ["No masters."]
    add_master(database, "m")
    assert lines_of("list", "--active", columns=80) == ["No master matches (1 in all)."]
    result = database.run("list", "--active")
    assert (result.out.split(), result.err) == (
        ["ID", "NAME", "STATE", "LAST", "SEEN"], "No master matches (1 in all).\n",
    )  # fmt: skip
    assert database.run("list", "--active", "-o", "json").err == ""


def test_what_an_encoding_lacks_is_escaped_and_the_columns_stay_aligned(
    database: SqliteFile,
) -> None:
    for name in ("plain", "é–", "构建"):
        add_master(database, name)
    lines = lines_of("list", columns=80, environment={"PYTHONIOENCODING": "ASCII"})
    assert len({line.index("inactive") for line in lines[1:]}) == 1
    assert r"\u6784\u5efa" in lines[3]


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
        assert printed.count("\n") == 3
    assert "\x1b[1;31minactive !" in on_terminal("list")
    assert "mastersctl housekeep" not in on_terminal("list", "-o", "csv")
    assert "mastersctl housekeep" not in database.run("list").out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (43.9, "43s"), (95, "95s"), (119, "119s"), (120, "2m"), (14 * 60 + 59, "14m"),
        (10799, "179m"), (3 * 3600 + 20 * 60, "3h20m"), (5 * 3600, "5h"), (47 * 3600, "47h"),
        (2 * 86400, "2d"), (4.9 * 86400, "4d"), (89 * 86400, "89d"), (150 * 86400, "5mo"),
        (729 * 86400, "24mo"), (730 * 86400, "2y"), (-0.5, "0s"), (-43, "-43s"),
    ],
)  # fmt: skip
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_ago_tells_the_past_from_the_future() -> None:
    assert (ago(180), ago(-180)) == ("3m ago", "in 3m")
