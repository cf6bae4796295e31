"""``mastersctl housekeep``"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import time_machine

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.errors import RefusedError
from mastersctl.operations import housekeeping
from mastersctl.operations.connector import MastersConnector
from mastersctl.operations.dead import MAX_BATCH, find_named_masters
from tests.support.commands import at_most, mastersctl, process
from tests.support.databases import PostgresDatabase, RealDatabase, SqliteFile, copy, copy_sqlite
from tests.support.outcome import by_master
from tests.support.rows import (
    MINUTE,
    add_belongings,
    add_cluster,
    add_master,
    contents,
    masters,
    without_times,
)
from tests.support.terminal import Terminal

NOTE = (
    "Note: Running masters build the released requests only after 'buildbot reconfig', a new "
    "request or the connection of a worker.\n"
)


def add_dead(database: RealDatabase, name: str) -> int:
    id_ = add_master(database, name, active=1, last_active=time.time() - 11 * MINUTE)
    add_belongings(database, id_)
    return id_


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_table_has_a_row_a_master_and_the_sum(buildbot_database: RealDatabase) -> None:
    add_dead(buildbot_database, "a")
    add_dead(buildbot_database, "b")
    result = buildbot_database.run("housekeep")
    assert (result.code, result.err) == (0, NOTE)
    header, *rows = result.out.splitlines()
    assert re.split("  +", header) == [
        "ID", "NAME", "LINKS DELETED", "BUILDS ENDED", "STEPS ENDED", "LOGS CLOSED",
        "CLAIMS RELEASED",
    ]  # fmt: skip
    assert table("\n".join(rows)) == [
        ["1", "a", "5", "1", "2", "2", "1"],
        ["2", "b", "5", "1", "2", "2", "1"],
        ["total", "10", "2", "4", "4", "2"],
    ]


def test_json_has_the_same(buildbot_database: RealDatabase) -> None:
    add_dead(buildbot_database, "a\x1b")
    result = buildbot_database.run("housekeep", "-o", "json")
    counts = {"links": 5, "builds": 1, "steps": 2, "logs": 2, "claims": 1}
    assert result.json == {
        "masters": [{"id": 1, "name": "a\x1b", "deactivated": True} | counts],
        "total": {"masters": 1, "deactivated": 1} | counts,
    }


def test_id_names_the_masters_for_which_something_was_done(buildbot_database: RealDatabase) -> None:
    add_master(buildbot_database, "alive", active=1)
    id_ = add_dead(buildbot_database, "dead")
    arguments = ("housekeep", "-o", "id")
    assert buildbot_database.run(*arguments) == (0, f"{id_}\n", NOTE)
    assert buildbot_database.run(*arguments) == (0, "", "")


def test_a_second_run_says_that_there_is_nothing_to_do(buildbot_database: RealDatabase) -> None:
    add_dead(buildbot_database, "dead")
    arguments = ("housekeep",)
    buildbot_database.run(*arguments)
    assert buildbot_database.run(*arguments) == (0, "nothing to do\n", "")
    assert buildbot_database.run(*arguments, "-o", "json").json["masters"] == []


def test_dry_run_says_what_would_be_done_and_changes_nothing(
    buildbot_database: RealDatabase,
) -> None:
    add_dead(buildbot_database, "dead")
    before = contents(buildbot_database)
    arguments = ("housekeep",)
    planned = buildbot_database.run(*arguments, "--dry-run")
    assert contents(buildbot_database) == before
    assert planned.err == (
        "The command would mark 1 master inactive, delete 5 links, end 1 build, end 2 steps, "
        "close 2 logs and release 1 claim.\nDry run: nothing was changed.\n"
    )
    assert "LINKS TO DELETE" in planned.out
    rows = table(planned.out)[1:]
    as_json = buildbot_database.run(*arguments, "--dry-run", "-o", "json")
    assert contents(buildbot_database) == before
    done = buildbot_database.run(*arguments, "-o", "json")
    assert done.json == as_json.json
    assert [row[-5:] for row in rows] == [["5", "1", "2", "2", "1"]] * 2


def test_older_than_says_who_is_dead(database: RealDatabase) -> None:
    for name, age in (("a", 2), ("b", 20), ("c", 70)):
        add_master(database, name, active=1, last_active=time.time() - age * MINUTE)
    arguments = ("housekeep", "-o", "id", "--older-than")
    assert database.run(*arguments, "1h").out == "3\n"
    assert database.run(*arguments, "10m").out == "2\n"
    assert database.run(*arguments, "3m") == (0, "", "")
    result = database.run(*arguments, "90s")
    assert result.out == "1\n"
    assert "--older-than 3m" in result.err


@pytest.mark.parametrize("age", ["", "soon", "-1h", "10", "9999999999999w"])
def test_an_impossible_age_is_a_usage_error(age: str) -> None:
    result = mastersctl("housekeep", f"--older-than={age}")
    assert result.code == 2
    assert repr(age) in result.err


def test_a_clock_that_is_wrong_changes_nothing(buildbot_postgresql: PostgresDatabase) -> None:
    add_belongings(buildbot_postgresql, add_master(buildbot_postgresql, "alive", active=1))
    before = contents(buildbot_postgresql)
    # Half a minute of play, as the server's clock is rounded, and asked a moment later.
    with time_machine.travel(time.time() + 62.5 * MINUTE, tick=True):
        result = buildbot_postgresql.run("housekeep")
    assert (result.code, result.out) == (1, "")
    assert "clock of this host is 1 hour, 2 minutes and " in result.err
    assert contents(buildbot_postgresql) == before


def test_a_lock_that_is_held_for_longer_than_the_timeout_changes_nothing(
    database: RealDatabase,
) -> None:
    for name in ("a", "b"):
        add_master(database, name, active=1, last_active=5)
    with database.locked(), at_most(10):  # on PostgreSQL, the first of them
        result = database.run("housekeep", "--timeout", "0.3")
    assert (result.code, result.out) == (4, "")
    assert "locked" in result.err
    assert [row[2] for row in masters(database)] == [1, 1]


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_a_database_without_masters_is_not_buildbots(
    empty_database: RealDatabase, arguments: list[str]
) -> None:
    result = empty_database.run("housekeep", *arguments)
    assert (result.code, result.out) == (5, "")


def test_an_error_in_the_middle_says_how_far_it_came(buildbot_postgresql: PostgresDatabase) -> None:
    add_dead_masters(buildbot_postgresql, MAX_BATCH + 1)
    buildbot_postgresql.execute("UPDATE masters SET id = -id WHERE id > 1")  # before the one locked
    with buildbot_postgresql.locked(), at_most(10):
        result = buildbot_postgresql.run("housekeep", "--timeout", "0.3")
    assert result.code == 4
    assert f"ended early, after {MAX_BATCH} masters." in result.err
    assert len(table(result.out)) == 1 + MAX_BATCH
    assert "total" not in result.out
    assert [row[2] for row in masters(buildbot_postgresql)] == [0] * MAX_BATCH + [1]


def add_dead_masters(database: PostgresDatabase, number: int) -> None:
    database.execute(
        "INSERT INTO masters (name, name_hash, active, last_active) "
        "SELECT i, i, 1, 5 FROM generate_series(1, ?) i",
        [number],
    )


@pytest.fixture
def slow_database(buildbot_postgresql: PostgresDatabase) -> PostgresDatabase:
    """A database with dead masters in four batches, of three quarters of a second each."""
    add_dead_masters(buildbot_postgresql, 4 * MAX_BATCH)
    buildbot_postgresql.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN PERFORM pg_sleep(0.75); RETURN NULL; END'"
    )
    buildbot_postgresql.execute(
        "CREATE TRIGGER wait BEFORE UPDATE ON masters FOR EACH STATEMENT EXECUTE FUNCTION wait()"
    )
    return buildbot_postgresql


def test_long_work_shows_its_progress_on_a_terminal(slow_database: PostgresDatabase) -> None:
    terminal = Terminal(*slow_database.on("housekeep"), rows=5 * MAX_BATCH)
    terminal.wait_for("Housekeeping")
    lines = terminal.wait_for("total")
    assert lines[0].split()[:2] == ["ID", "NAME"]
    assert "Housekeeping" not in "\n".join(lines)
    assert terminal.end() == 0
    assert "75%" in terminal.written
    assert "\x1b[?25l" not in terminal.written  # the cursor, which nobody would bring back


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_long_work_that_is_interrupted_leaves_the_terminal_as_it_was(
    slow_database: PostgresDatabase, number: signal.Signals
) -> None:
    terminal = Terminal(*slow_database.on("housekeep"))
    terminal.wait_for("25%")  # that one batch is done
    assert terminal.child.pid
    os.kill(terminal.child.pid, number)
    code = terminal.end()
    assert "\x1b[?25l" not in terminal.written
    if number == signal.SIGINT:
        assert code == 1
        after = terminal.written.rpartition("\x1b[2K")[2]
        assert "The command ended early, after" in after
        assert "Housekeeping" not in after


def test_long_work_is_quiet_in_a_pipe(slow_database: PostgresDatabase) -> None:
    result = slow_database.process("housekeep", "-o", "id")
    assert (result.code, result.err) == (0, "")
    assert result.out.split() == [str(id_) for id_ in range(1, 4 * MAX_BATCH + 1)]


@pytest.mark.parametrize("option", ["-v", "--dry-run"])
def test_short_work_and_work_whose_statements_are_shown_draw_no_bar(
    slow_database: PostgresDatabase, option: str
) -> None:
    terminal = Terminal(*slow_database.on("housekeep", "-o", "id", option))
    assert terminal.end() == 0
    assert "Housekeeping" not in terminal.written


def test_it_says_how_what_was_released_is_built_in_a_pipe_too(
    tmp_path: Path, template_sqlite: Path
) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    add_dead(database, "dead")
    for arguments, told in (["--dry-run"], False), ([], True), ([], False):
        assert (NOTE in database.run("housekeep", *arguments).err) == told
    add_master(database, "idle", active=1, last_active=5)
    assert database.run("housekeep").err == ""  # nothing was released


# By name


def test_only_the_masters_that_are_named_are_cleaned_up_after(
    buildbot_database: RealDatabase,
) -> None:
    dead, stopped, *_ = add_cluster(buildbot_database)
    before = by_master(contents(buildbot_database))
    result = buildbot_database.run("housekeep", "stopped", "-o", "json")
    assert result.code == 0
    assert [(one["id"], one["claims"]) for one in result.json["masters"]] == [(stopped, 3)]
    after = by_master(contents(buildbot_database))
    assert {id_ for id_ in before if before[id_] != after[id_]} == {stopped}
    result = buildbot_database.run("housekeep", dead, "stopped", "dead", "-o", "id")
    assert result == (0, f"{dead}\n", NOTE)
    assert buildbot_database.run("housekeep", dead, stopped) == (0, "nothing to do\n", "")


def test_a_named_master_is_left_as_the_batch_leaves_it(buildbot_database: RealDatabase) -> None:
    add_cluster(buildbot_database)
    other = copy(buildbot_database)
    named = buildbot_database.run("housekeep", "dead", "2", "-o", "json")
    assert named.json == other.run("housekeep", "-o", "json").json
    assert without_times(contents(buildbot_database)) == without_times(contents(other))


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ("alive", 1, r"these masters checked in within the last 10m: 'alive' \(\d+ seconds "
                     r"ago\); wait, or pass --force if you know that they are dead"),
        ("quiet", 1, r"these masters checked in within the last 10m: 'quiet' \(9 minutes"),
        ("off", 1, r"these masters checked in within the last 10m: 'off' \(2 minutes ago\)"),
        ("ahead", 1, r"these masters checked in within the last 10m: 'ahead' \(in the future\)"),
        ("ghost", 3, "No master has the name 'ghost'"),
        ("99", 3, "No master has ID 99"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_nothing_is_done_when_one_of_several_is_not_dead_or_not_there(
    buildbot_database: RealDatabase, given: str, code: int, message: str, dry_run: tuple[str, ...]
) -> None:
    add_dead(buildbot_database, "dead")
    for name, active, age in (
        ("alive", 1, 0.4),
        ("quiet", 1, 9.5),
        ("off", 0, 2),
        ("ahead", 1, -9),
    ):
        last_active = time.time() - age * MINUTE
        id_ = add_master(buildbot_database, name, active=active, last_active=last_active)
        add_belongings(buildbot_database, id_)
    before = contents(buildbot_database)
    result = buildbot_database.run("housekeep", "dead", given, *dry_run)
    assert (result.code, result.out) == (code, "")
    assert re.search(message, result.err), result.err
    assert contents(buildbot_database) == before


def test_older_than_says_which_of_the_named_are_dead(database: RealDatabase) -> None:
    add_master(database, "m", active=1, last_active=time.time() - 20 * MINUTE)
    result = database.run("housekeep", "m", "--older-than", "1h30m")
    assert (result.code, result.out) == (1, "")
    assert "these masters checked in within the last 90m: 'm' (20 minutes ago)" in result.err
    assert database.run("housekeep", "m", "--older-than", "15m", "-o", "id").out == "1\n"


def test_force_cleans_up_at_once_after_one_that_was_killed_just_now(
    buildbot_database: RealDatabase,
) -> None:
    killed = add_master(buildbot_database, "killed", active=1)
    bystander = add_master(buildbot_database, "bystander", active=1)
    for id_ in (killed, bystander):
        add_belongings(buildbot_database, id_)
    before = by_master(contents(buildbot_database))
    planned = buildbot_database.run("housekeep", "killed", "--force", "--dry-run")
    assert by_master(contents(buildbot_database)) == before
    result = buildbot_database.run("housekeep", "killed", "--force")
    assert result.code == planned.code == 0
    assert table(planned.out)[1] == table(result.out)[1]
    assert table(result.out)[1] == [f"{killed}", "killed", "5", "1", "2", "2", "1"]
    assert re.match("Warning: The master 'killed' was last seen .* ago. If it runs, ", result.err)
    after = by_master(contents(buildbot_database))
    assert {id_ for id_ in before if before[id_] != after[id_]} == {killed}
    assert [row[2] for row in masters(buildbot_database)] == [0, 1]


def test_force_needs_names(database: RealDatabase) -> None:
    add_master(database, "alive", active=1)
    result = database.run("housekeep", "--force")
    assert (result.code, result.out) == (2, "")
    assert "name the masters" in result.err
    assert [row[2] for row in masters(database)] == [1]


def test_of_a_hundred_named_masters_none_is_done_when_one_checks_in_meanwhile(
    buildbot_database: RealDatabase,
) -> None:
    for name in ("a", "b"):
        add_dead(buildbot_database, name)
    url = DatabaseURL(buildbot_database.url, "/")
    with opened(url, "write", 10) as peewee_database:
        connector = MastersConnector(peewee_database)
        dead = find_named_masters(connector, ["a", "b"])
        buildbot_database.execute("UPDATE masters SET last_active = ? WHERE id = 2", [time.time()])
        before = contents(buildbot_database)
        with pytest.raises(RefusedError, match="checked in or was removed at this moment"):
            list(housekeeping.housekeep(connector, dead))
    assert contents(buildbot_database) == before


def test_with_nothing_to_do_it_says_which_masters_are_not_dead_yet(
    buildbot_database: RealDatabase,
) -> None:
    def said(*arguments: str) -> str:
        result = buildbot_database.run("housekeep", *arguments)
        assert (result.code, result.err) == (0, "")
        return result.out

    add_master(buildbot_database, "stopped")
    assert said() == "nothing to do\n"
    add_master(buildbot_database, "a", active=1, last_active=time.time() - 2.5 * MINUTE)
    seen = "was last seen 2 minutes ago; a master is dead after 10m without a check-in\n"
    assert said() == f"nothing to do: 1 active master {seen}"
    add_master(buildbot_database, "b", active=1, last_active=time.time() - 5.5 * MINUTE)
    assert said("--older-than", "1h") == (
        "nothing to do: 2 active masters were last seen 2 minutes to 5 minutes ago; a master is "
        "dead after 1h without a check-in\n"
    )
    buildbot_database.execute("UPDATE masters SET active = 0")
    assert said() == "nothing to do\n"
    add_belongings(buildbot_database, 2)
    assert said() == f"nothing to do: 1 inactive master that needs housekeeping {seen}"


def test_a_terminal_that_cannot_draw_shows_no_bar(slow_database: PostgresDatabase) -> None:
    terminal = Terminal(*slow_database.on("housekeep", "-o", "id"), kind="dumb")
    assert terminal.end() == 0
    assert terminal.written.split() == [str(id_) for id_ in range(1, 4 * MAX_BATCH + 1)]


def test_a_reader_that_disappears_is_no_error(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    assert process("init").code == 0
    for number in range(50):
        add_master(database, f"{number}", active=1, last_active=5)
    script = f'"{sys.executable}" -m mastersctl housekeep | head -1'
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stderr == b""
    assert {row[2] for row in masters(database)} == {0}
