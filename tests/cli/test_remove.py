"""``mastersctl remove``"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pexpect
import psycopg
import pytest
import time_machine

from mastersctl.cli import run
from mastersctl.operations.housekeeping import RETRY, clean
from tests.support.commands import mastersctl, process, shell, wait_for
from tests.support.databases import (
    IS_LOCKED,
    PostgresDatabase,
    RealDatabase,
    ServerDatabase,
    SqliteFile,
    copy_sqlite,
)
from tests.support.rows import (
    MINUTE,
    Contents,
    add_belongings,
    add_cluster,
    add_master,
    add_masters,
    contents,
    masters,
    without_times,
)
from tests.support.terminal import Terminal, terminal_for


def names(database: RealDatabase) -> list[str]:
    return [row[1] for row in masters(database)]


def test_masters_are_removed_by_id_and_name(database: RealDatabase) -> None:
    for name in ("a", "b", "c"):
        add_master(database, name)
    result = database.run("remove", "1", "b", "2", "--yes")
    assert result == (0, "removed 2 masters\n", "")
    assert names(database) == ["c"]


def test_json_has_the_counts(buildbot_database: RealDatabase) -> None:
    for name in ("a", "b", "heir"):
        add_belongings(buildbot_database, add_master(buildbot_database, name))
    both = [(1, "a"), (2, "b")]
    arguments = ("remove", "--yes", "-o", "json")
    assert buildbot_database.run(*arguments, "a", "b", "--skip-used").json == {
        "removed": 0, "skipped": 2, "reassigned_builds": 0, "reassigned_claims": 0,
        "masters": [{"id": id_, "name": name, "removed": False} for id_, name in both],
    }  # fmt: skip
    assert buildbot_database.run(*arguments, "a", "b", "--reassign-to", "heir").json == {
        "removed": 2, "skipped": 0, "reassigned_builds": 4, "reassigned_claims": 2,
        "masters": [{"id": id_, "name": name, "removed": True} for id_, name in both],
    }  # fmt: skip


def test_the_heir_gets_builds_and_finished_claims_and_nothing_else_is_left(
    buildbot_database: RealDatabase,
) -> None:
    dead, stopped, heir, _ = add_cluster(buildbot_database)
    expected = without_times(contents(buildbot_database))
    arguments = ("remove", "dead", "stopped", "--reassign-to", "heir")
    assert buildbot_database.run(*arguments, "--yes") == (0, "removed 2 masters\n", "")
    assert names(buildbot_database) == ["heir", "bystander"]
    after = without_times(contents(buildbot_database))
    inherit(expected, {dead, stopped}, heir)
    for table, rows in expected.items():
        assert sorted(after[table], key=str) == sorted(rows, key=str), table


def inherit(found: Contents, gone: set[int], heir: int) -> None:
    """Make of what was found what is to be there when the heir has inherited."""

    def end(
        table: str, ids: set[int], key: str, end: dict[str, Any], **unfinished: Any
    ) -> set[int]:
        rows = [
            row for row in found[table] if row[key] in ids and unfinished.items() <= row.items()
        ]
        for row in rows:
            row.update(end)
        return {row["id"] for row in rows}

    ended: dict[str, Any] = {"complete_at": "now", "results": RETRY}
    builds = end("builds", gone, "masterid", ended, complete_at=None)
    steps = end("steps", builds, "buildid", ended | {"hidden": 0}, results=None)
    end("logs", steps, "stepid", {"complete": 1}, complete=0)
    end("builds", gone, "masterid", {"masterid": heir})
    finished = {row["id"] for row in found["buildrequests"] if row["complete"]}
    for claim in found["buildrequest_claims"]:
        if claim["masterid"] in gone and claim["brid"] in finished:
            claim["masterid"] = heir
    links = {row["id"] for row in found["builder_masters"] if row["masterid"] in gone}
    for table, rows in found.items():
        key, values = {
            "masters": ("id", gone), "configured_workers": ("buildermasterid", links),
        }.get(table, ("masterid", gone))  # fmt: skip
        found[table] = [row for row in rows if row.get(key) not in values]


def test_a_master_that_builds_refer_to_is_refused_with_all_others(
    buildbot_database: RealDatabase,
) -> None:
    add_master(buildbot_database, "unused")
    add_belongings(buildbot_database, add_master(buildbot_database, "used"))
    before = contents(buildbot_database)
    result = buildbot_database.run("remove", "unused", "used", "--yes")
    assert (result.code, result.out) == (1, "")
    assert "refer to 'used' (2 builds, 1 claim on finished build requests);" in result.err
    assert "--reassign-to" in result.err
    assert contents(buildbot_database) == before


def test_all_that_refers_to_a_master_is_found_by_several_statements_too(
    buildbot_database: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "used"))
    monkeypatch.setattr("mastersctl.operations.uses.MAX_QUERIES_AT_ONCE", 1)
    result = buildbot_database.run("remove", "used", "--yes")
    assert "'used' (2 builds, 1 claim on finished build requests);" in result.err


def test_skip_used_leaves_those_untouched_and_removes_the_rest(
    buildbot_database: RealDatabase,
) -> None:
    add_master(buildbot_database, "unused")
    add_belongings(buildbot_database, add_master(buildbot_database, "used"))
    before = contents(buildbot_database)
    result = buildbot_database.run("remove", "unused", "used", "--skip-used", "--yes")
    assert result == (0, "removed 1 master\n", "")
    after = contents(buildbot_database)
    assert [master["name"] for master in after.pop("masters")] == ["used"]
    del before["masters"]
    assert after == before


def test_links_and_claims_on_unfinished_requests_do_not_keep_a_master(
    buildbot_database: RealDatabase,
) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "m"))
    buildbot_database.execute("DELETE FROM builds")
    buildbot_database.execute("DELETE FROM buildrequest_claims WHERE brid = 110")
    result = buildbot_database.run("remove", "m", "--yes")
    assert result == (0, "removed 1 master\n", "")
    after = contents(buildbot_database)
    assert after["buildrequest_claims"] == after["connected_workers"] == after["masters"] == []


@pytest.mark.parametrize("arguments", [[], ["--skip-used"], ["--reassign-to", "dead"]])
def test_an_active_master_is_refused(buildbot_database: RealDatabase, arguments: list[str]) -> None:
    for name, active in (("dead", 0), ("stopped", 0), ("alive", 1)):
        add_master(buildbot_database, name, active=active)
    before = contents(buildbot_database)
    result = buildbot_database.run("remove", "stopped", "alive", "--yes", *arguments)
    assert (result.code, result.out) == (1, "")
    assert "active: 'alive'" in result.err
    assert contents(buildbot_database) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["a", "ghost"], 3), (["a", "--reassign-to", "ghost"], 3), (["a", "--reassign-to", "1"], 1),
     (["a", ""], 2)],
)  # fmt: skip
def test_a_wrong_master_or_heir_removes_none(
    database: RealDatabase, arguments: list[str], code: int
) -> None:
    add_master(database, "a")
    add_master(database, "b")
    result = database.run("remove", "--yes", *arguments)
    assert (result.code, result.out) == (code, "")
    assert result.err
    assert names(database) == ["a", "b"]


def test_dry_run_says_what_would_be_done_and_changes_nothing(
    buildbot_database: RealDatabase,
) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "a"))
    add_master(buildbot_database, "heir")
    before = contents(buildbot_database)
    arguments = ("remove", "a", "-o", "json")
    assert buildbot_database.run(*arguments, "--dry-run").code == 1
    planned = buildbot_database.run(*arguments, "--dry-run", "--reassign-to", "heir")
    assert planned.err.splitlines() == [
        "Masters to remove, after housekeeping for them: 1",
        "  1  'a'",
        "Master 2, 'heir', would inherit 2 builds and 1 claim on finished build requests.",
        "Dry run: nothing was changed.",
    ]
    assert contents(buildbot_database) == before
    text = buildbot_database.run("remove", "a", "--dry-run", "--reassign-to", "heir").out
    assert text == "would remove 1 master\n"
    done = buildbot_database.run(*arguments, "--yes", "--reassign-to", "heir")
    assert planned.out == done.out


@pytest.mark.parametrize("target", ["masters", "Masters (id)", "MASTERS"])
def test_a_reference_counts_however_sqlite_lets_it_be_written(
    sqlite_database: SqliteFile, target: str
) -> None:
    add_master(sqlite_database, "m")
    sqlite_database.execute(f"CREATE TABLE later (owner INTEGER REFERENCES {target})")
    sqlite_database.execute("INSERT INTO later VALUES (1)")
    result = sqlite_database.run("remove", "m", "--yes")
    assert (result.code, result.out) == (1, "")
    assert "1 row in 'later.owner'" in result.err
    assert names(sqlite_database) == ["m"]


def test_a_table_of_a_later_buildbot_keeps_a_master(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m")
    add_master(buildbot_database, "heir")
    buildbot_database.execute(
        'CREATE TABLE "later ""table" (id INTEGER, owner INTEGER REFERENCES masters (id)'
        " ON DELETE CASCADE)"
    )
    buildbot_database.execute('INSERT INTO "later ""table" VALUES (1, ?)', [id_])
    for arguments in ([], ["--reassign-to", "heir"]):
        result = buildbot_database.run("remove", "m", "--yes", *arguments)
        assert result.code == 1
        assert "1 row in 'later \"table.owner'" in result.err
        assert "--reassign-to" not in result.err
    assert names(buildbot_database) == ["m", "heir"]
    buildbot_database.execute('DELETE FROM "later ""table"')
    assert buildbot_database.run("remove", "m", "--yes").code == 0


def test_a_view_on_sqlite_is_not_taken_for_its_table(tmp_path: Path, template_sqlite: Path) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    add_belongings(database, add_master(database, "m", last_active=5))
    database.execute("ALTER TABLE builds RENAME TO builds_2026")
    database.execute("CREATE VIEW builds AS SELECT * FROM builds_2026")
    for command in ("remove m --yes", "housekeep", "list -o wide"):
        result = mastersctl(*command.split())
        assert (result.code, result.out) == (4, ""), command
        assert "builds is a view" in result.err


@pytest.mark.parametrize("history", ["moved", "copied"])
def test_an_interrupted_upgrade_is_reported_and_nothing_is_changed(
    tmp_path: Path, template_sqlite: Path, history: str
) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    id_ = add_master(database, "m")
    add_master(database, "heir")
    add_belongings(database, id_)
    if history == "moved":
        database.execute("ALTER TABLE builds RENAME TO _alembic_tmp_builds")
    else:
        database.execute("CREATE TABLE _alembic_tmp_builds AS SELECT * FROM builds")
    before = contents(database)
    commands = ["remove m --yes", "remove m --yes --reassign-to heir", "remove m --dry-run",
                "housekeep", "housekeep --dry-run", "show ghost"]  # fmt: skip
    if history == "moved":
        commands += ["list -o wide", "show m"]
    for command in commands:
        result = mastersctl(*command.split())
        assert (result.code, result.out) == (1, ""), command
        assert "upgrade of the database" in result.err
        assert "'_alembic_tmp_builds' may hold the only copy" in result.err
        assert "restore the backup, or finish the upgrade" in result.err
        assert result.err.count("\n") == 1
        assert "delete" not in result.err
    assert contents(database) == before


def test_masters_that_an_interrupted_upgrade_moved_are_not_made_anew(tmp_path: Path) -> None:
    assert mastersctl("init").code == 0
    database = SqliteFile(tmp_path / "state.sqlite")
    database.execute("ALTER TABLE masters RENAME TO _alembic_tmp_masters")
    for command in ("init", "list", "show m", "find m", "expire-all", "set-state m active"):
        result = mastersctl(*command.split())
        assert (result.code, result.out) == (1, ""), command
        assert "'_alembic_tmp_masters' may hold the only copy" in result.err
    assert list(contents(database)) == ["_alembic_tmp_masters"]


@pytest.mark.parametrize("heir", ["heir", 2])
def test_an_heir_that_is_removed_meanwhile_is_no_such_master(
    server_database: ServerDatabase,
    monkeypatch: pytest.MonkeyPatch,
    heir: str | int,
) -> None:
    add_belongings(server_database, add_master(server_database, "m"))
    add_master(server_database, "heir")
    before = contents(server_database)

    def remove_heir_first(*arguments: Any, **options: Any) -> Any:
        server_database.execute_at_once("DELETE FROM masters WHERE id = 2")
        return clean(*arguments, **options)

    monkeypatch.setattr("mastersctl.operations.removal.clean", remove_heir_first)
    url = server_database.url
    result = mastersctl("remove", "m", "--yes", "--reassign-to", heir, "--db-url", url)
    assert (result.code, result.out) == (3, "")
    assert "'heir'" in result.err
    before["masters"] = [row for row in before["masters"] if row["name"] != "heir"]
    assert contents(server_database) == before


@pytest.mark.parametrize("command", ["remove 1 2 --yes", "remove 1 2 --yes --skip-used"])
def test_a_deadlock_is_retried(server_database: ServerDatabase, command: str) -> None:
    for number in range(1, 20):
        add_master(server_database, f"m{number}")
    url = server_database.url
    arguments = [sys.executable, "-m", "mastersctl", *command.split(), "--db-url", url]
    with server_database.transaction() as execute:
        execute("UPDATE masters SET last_active = 7 WHERE id > 1")  # more than the other one does
        removing = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for(server_database.is_waiting)
        execute("UPDATE masters SET last_active = 7 WHERE id = 1")
    out, err = removing.communicate(timeout=30)
    assert (removing.returncode, out, err) == (0, "removed 2 masters\n", "")


def test_no_master_checks_in_between_the_look_and_the_deletion(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_master(server_database, "m")

    def check_in(*arguments: Any, **options: Any) -> Any:
        with pytest.raises(IS_LOCKED):
            server_database.execute("SELECT * FROM masters FOR UPDATE NOWAIT")
        return clean(*arguments, **options)

    monkeypatch.setattr("mastersctl.operations.removal.clean", check_in)
    assert server_database.run("remove", "m", "--yes").code == 0
    assert names(server_database) == []


def test_masters_are_locked_by_id_so_that_two_removals_wait_for_each_other_only_once(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_masters(buildbot_postgresql, ("a", "b"))
    buildbot_postgresql.execute("UPDATE masters SET id = 0 WHERE id = 2")  # after the other one

    def release() -> object:
        try:
            wait_for(buildbot_postgresql.is_waiting)
            lock = "SELECT id FROM masters WHERE id = 1 FOR UPDATE NOWAIT"
            return buildbot_postgresql.execute(lock)
        finally:
            connection.rollback()

    with psycopg.connect(buildbot_postgresql.url) as connection, ThreadPoolExecutor() as pool:
        connection.execute("SELECT * FROM masters WHERE id = 0 FOR UPDATE")
        lockable = pool.submit(release)
        assert buildbot_postgresql.run("remove", "1", "b", "--yes").code == 0
        assert lockable.result() == [(1,)]


def test_a_table_of_another_schema_keeps_a_master(buildbot_postgresql: PostgresDatabase) -> None:
    id_ = add_master(buildbot_postgresql, "m")
    buildbot_postgresql.execute("CREATE SCHEMA other")
    buildbot_postgresql.execute("CREATE TABLE other.builds (masterid INTEGER REFERENCES masters)")
    buildbot_postgresql.execute("INSERT INTO other.builds VALUES (?)", [id_])
    result = buildbot_postgresql.run("remove", "m", "--yes", "--reassign-to", "m2")
    assert result.code == 3
    add_master(buildbot_postgresql, "m2")
    result = buildbot_postgresql.run("remove", "m", "--yes", "--reassign-to", "m2")
    assert result.code == 1
    assert "1 row in 'other.builds.masterid'" in result.err


def test_a_clock_that_is_fast_cannot_make_a_master_look_dead(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_master(buildbot_postgresql, "alive", active=1)
    with time_machine.travel(time.time() + 11.5 * MINUTE, tick=True):
        result = buildbot_postgresql.run("remove", "alive", "--yes")
    assert result.code == 1
    assert "11 minutes and " in result.err
    assert names(buildbot_postgresql) == ["alive"]


def test_the_masters_of_a_list_are_removed_through_xargs(buildbot_database: RealDatabase) -> None:
    month = 30 * 24 * 60 * MINUTE
    for number in range(20):
        add_master(buildbot_database, f"old{number}", last_active=time.time() - 2 * month)
    used = add_master(buildbot_database, "used", last_active=time.time() - 2 * month)
    add_belongings(buildbot_database, used)
    add_master(buildbot_database, "young")
    pipe = (
        'export MASTERSCTL_DB_URL="$1"; mastersctl list --inactive --older-than 30d '
        f'-o id | xargs "{sys.executable}" -m mastersctl remove --yes --skip-used'
    )
    assert shell(pipe, buildbot_database.url) == (0, "removed 20 masters\n", "")
    assert names(buildbot_database) == ["used", "young"]
    assert shell(pipe, buildbot_database.url) == (0, "removed 0 masters\n", "")
    buildbot_database.execute("UPDATE masters SET last_active = 2000000000")
    assert shell(pipe, buildbot_database.url) == (0, "removed 0 masters\n", "")


@pytest.mark.parametrize("number", [30_000, 30_001])
def test_as_many_are_removed_as_a_statement_has_room_for(
    database: RealDatabase, number: int
) -> None:
    database.execute(
        "INSERT INTO masters (id, name, name_hash, active, last_active) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30001) "
        "SELECT i, i, i, 0, 5 FROM n"
    )
    result = database.run("remove", *range(1, number + 1), "--yes")
    assert result.code == (0 if number == 30_000 else 2)
    assert len(names(database)) == (1 if number == 30_000 else 30_001)


def test_builds_are_moved_in_one_statement(buildbot_database: RealDatabase) -> None:
    for name in ("a", "b", "c", "heir"):
        add_belongings(buildbot_database, add_master(buildbot_database, name))
    result = buildbot_database.run("remove", "-v", "1", "2", "3", "--reassign-to", "heir", "--yes")
    assert result.err.replace("`", '"').count('UPDATE "builds" SET "masterid"') == 1


def test_another_column_that_refers_to_a_master_keeps_it(buildbot_database: RealDatabase) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "heir"))
    id_ = add_master(buildbot_database, "m")
    buildbot_database.execute(
        "ALTER TABLE builds ADD COLUMN origin INTEGER REFERENCES masters (id) ON DELETE CASCADE"
    )
    buildbot_database.execute("UPDATE builds SET origin = ?", [id_])
    for arguments in ([], ["--reassign-to", "heir"]):
        result = buildbot_database.run("remove", "m", "--yes", *arguments)
        assert result.code == 1
        assert "2 rows in 'builds.origin'" in result.err
    result = buildbot_database.run("remove", "m", "--yes", "--reassign-to", "heir", "--skip-used")
    assert result == (0, "removed 0 masters\n", "")
    assert len(buildbot_database.execute("SELECT * FROM builds")) == 2


def test_claims_without_requests_keep_a_master(database: RealDatabase) -> None:
    id_ = add_master(database, "m")
    columns = "brid INTEGER, masterid INTEGER REFERENCES masters (id) ON DELETE CASCADE"
    database.execute(f"CREATE TABLE buildrequest_claims ({columns}, claimed_at INTEGER)")
    database.execute("INSERT INTO buildrequest_claims VALUES (1, ?, 1)", [id_])
    result = database.run("remove", "m", "--yes")
    assert result.code == 1
    assert "1 row in 'buildrequest_claims.masterid'" in result.err
    assert names(database) == ["m"]


def test_a_request_that_is_completed_meanwhile_keeps_its_claim(
    buildbot_postgresql: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:  # SQLite locks all tables
    add_master(buildbot_postgresql, "heir")
    add_belongings(buildbot_postgresql, add_master(buildbot_postgresql, "m"))
    buildbot_postgresql.execute("DELETE FROM builds")
    buildbot_postgresql.execute("DELETE FROM buildrequest_claims WHERE brid = 210")

    def complete_first(*arguments: Any, **options: Any) -> Any:
        buildbot_postgresql.execute("UPDATE buildrequests SET complete = 1")
        return clean(*arguments, **options)

    monkeypatch.setattr("mastersctl.operations.removal.clean", complete_first)
    arguments = ("remove", "m", "--yes", "--db-url", buildbot_postgresql.url)
    result = mastersctl(*arguments, "--reassign-to", "heir")
    assert result.code == 0
    assert buildbot_postgresql.execute("SELECT brid, masterid FROM buildrequest_claims") == [
        (209, 1)
    ]


@pytest.mark.parametrize(("number", "lines"), [(50, 51), (51, 52)])
def test_of_more_than_50_masters_only_50_are_enumerated(
    sqlite_database: SqliteFile, number: int, lines: int
) -> None:
    add_masters(sqlite_database, [f"m{id_}" for id_ in range(1, number + 1)])
    err = sqlite_database.run("remove", *range(1, number + 1), "--dry-run").err.splitlines()
    assert err[0] == f"Masters to remove, after housekeeping for them: {number}"
    assert err[1:51] == [f"  {id_}  'm{id_}'" for id_ in range(1, 51)]
    assert err[51:] == ["  ..."] * (lines - 51) + ["Dry run: nothing was changed."]


def test_without_yes_or_a_dry_run_it_needs_a_master() -> None:
    result = mastersctl("remove")
    assert (result.code, result.out) == (2, "")
    assert "MASTER" in result.err


def test_without_a_terminal_it_needs_yes(database: RealDatabase) -> None:
    add_master(database, "a")
    result = database.process("remove", "a", stdin=-3)
    assert (result.code, result.out) == (2, "")
    assert "--yes" in result.err
    assert names(database) == ["a"]


@pytest.mark.parametrize("terminal", ["stdin", "stderr"])
def test_one_terminal_alone_is_not_enough_to_ask(
    sqlite_database: SqliteFile, terminal: str
) -> None:
    add_master(sqlite_database, "a")
    with terminal_for(terminal):
        assert run(sqlite_database.on("remove", "a")) == 2
    assert names(sqlite_database) == ["a"]


def test_on_a_terminal_it_does_not_ask_when_all_are_left(
    tmp_path: Path, template_sqlite: Path
) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    copy_sqlite(template_sqlite, database.path)
    add_belongings(database, add_master(database, "used"))
    with terminal_for("stdin", "stderr") as shown:
        assert run(database.on("remove", "used", "--skip-used")) == 0
        assert "Go on" not in shown()
        assert run(database.on("remove", "used", "--skip-used", "--yes")) == 0
        assert "Note: Skipped 1 master, because rows still refer to it." in shown()


@pytest.mark.parametrize(("answer", "left"), [("y", ["heir"]), ("n", None), ("", None)])
def test_on_a_terminal_it_asks(
    buildbot_database: RealDatabase, answer: str, left: list[str] | None
) -> None:
    hostile = "gone\x1b[2J\n\u202e"
    add_belongings(buildbot_database, add_master(buildbot_database, hostile))
    add_master(buildbot_database, "heir")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "mastersctl", "remove", "1", "--reassign-to", "heir", "--db-url",
         buildbot_database.url],
        encoding="utf-8", timeout=30, dimensions=(50, 200),
    )  # fmt: skip
    child.expect(r"Go on\? \[y/N\]: ")
    asked = str(child.before)
    assert r"  1  'gone\x1b[2J\n\u202e'" in asked
    assert "would inherit 2 builds and 1 claim on finished build requests." in asked
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == (0 if left else 1)
    assert names(buildbot_database) == (left or [hostile, "heir"])


def test_long_work_shows_on_a_terminal_that_it_goes_on(
    buildbot_postgresql: PostgresDatabase,
) -> None:
    add_master(buildbot_postgresql, "a")
    buildbot_postgresql.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN PERFORM pg_sleep(3); RETURN OLD; END'"
    )
    buildbot_postgresql.execute(
        "CREATE TRIGGER wait BEFORE DELETE ON masters FOR EACH ROW EXECUTE FUNCTION wait()"
    )
    terminal = Terminal(*buildbot_postgresql.on("remove", "a", "--yes"))
    terminal.wait_for("Removing")
    assert terminal.wait_for("removed 1 master")[0] == "removed 1 master"
    assert terminal.end() == 0


def test_an_interrupt_at_the_question_removes_nothing(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    assert process("init").code == 0
    add_master(database, "a")
    child = pexpect.spawn(sys.executable, ["-m", "mastersctl", "remove", "a"], timeout=30)
    child.expect("Go on")
    child.sendintr()
    child.expect("Aborted.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert names(database) == ["a"]
