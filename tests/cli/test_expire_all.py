"""``mastersctl expire-all``"""

import io
import sys
from typing import Any

import pexpect
import pytest

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.operations.connector import Expiry, MastersConnector
from tests.support.databases import IS_LOCKED, RealDatabase, ServerDatabase, SqliteFile
from tests.support.rows import add_master, add_masters, masters


def test_every_master_is_reset_and_counted(database: RealDatabase) -> None:
    add_master(database, "a", active=0)
    add_master(database, "b", active=1, last_active=5)
    assert database.run("expire-all") == (0, "expired 2 masters\n", "")
    assert [row[2:] for row in masters(database)] == [(1, 0), (1, 0)]
    assert database.run("expire-all").out == "expired 2 masters\n"


def test_json_has_the_count(database: RealDatabase) -> None:
    add_master(database, "a")
    result = database.run("expire-all", "-o", "json")
    assert result.json == {"expired": 1}


def test_masters_that_look_alive_are_named_and_expired(database: RealDatabase) -> None:
    add_master(database, "alive\x1b[2J", active=1)
    add_master(database, "dead", active=1, last_active=5)
    result = database.run("expire-all")
    assert result[:2] == (0, "expired 2 masters\n")
    assert "look alive: 'alive" in result.err
    assert "treats all others as dead: it ends their builds" in result.err
    assert "'dead'" not in result.err
    assert "\x1b" not in result.err


def test_unless_alive_refuses_when_a_master_looks_alive(database: RealDatabase) -> None:
    add_master(database, "alive", active=1)
    before = masters(database)
    for arguments in (["--unless-alive"], ["--unless-alive", "--dry-run"]):
        result = database.run("expire-all", *arguments)
        assert (result.code, result.out) == (1, "")
        assert "'alive'" in result.err
    assert masters(database) == before


def test_unless_alive_expires_when_none_does(database: RealDatabase) -> None:
    add_master(database, "dead", active=1, last_active=5)
    result = database.run("expire-all", "--unless-alive")
    assert result == (0, "expired 1 master\n", "")


def test_dry_run_says_what_would_be_done_and_changes_nothing(database: RealDatabase) -> None:
    add_master(database, "a")
    before = masters(database)
    result = database.run("expire-all", "--dry-run")
    assert result == (0, "would expire 1 master\n", "Dry run: nothing was changed.\n")
    assert database.run("expire-all", "--dry-run", "-o", "json").json == {"expired": 1}
    assert masters(database) == before


def test_no_master_checks_in_or_is_added_between_the_look_and_the_change(
    server_database: ServerDatabase,
) -> None:
    add_masters(server_database, ("a", "b"))
    tried: list[str] = []

    def change(event: Any) -> None:
        if "CASE" not in event.sql or tried:  # it is not the look at who is alive
            return
        for sql in (
            "UPDATE masters SET active = 1",
            "INSERT INTO masters (name, name_hash, active, last_active) VALUES ('c', 'c', 1, 5)",
        ):
            with pytest.raises(IS_LOCKED):
                server_database.execute_at_once(sql)
            tried.append(sql)

    url = DatabaseURL(server_database.url, "/")
    with opened(url, "write", 10, change) as database:
        expiry = MastersConnector(database).set_all_masters_active_long_time_ago()
    assert (expiry.expired, len(tried)) == (2, 2)


def test_a_master_that_checks_in_after_the_look_is_asked_about(
    sqlite_database: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_master(sqlite_database, "m", active=1, last_active=5)
    expire = MastersConnector.set_all_masters_active_long_time_ago

    def check_in_afterwards(connector: MastersConnector, **options: bool) -> Expiry:
        expiry = expire(connector, **options)
        if options["dry_run"]:
            assert sqlite_database.run("set-state", "m", "active").code == 0
        return expiry

    monkeypatch.setattr(
        MastersConnector, "set_all_masters_active_long_time_ago", check_in_afterwards
    )
    monkeypatch.setattr("mastersctl.cli.expire_all.can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = sqlite_database.run("expire-all")
    assert (result.code, result.out) == (1, "")
    assert "look alive: 'm'" in result.err
    assert masters(sqlite_database)[0][3] > 5


def on_terminal(database: RealDatabase, *arguments: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(
        sys.executable,
        ["-m", "mastersctl", "expire-all", *arguments, "--db-url", database.url],
        encoding="utf-8", dimensions=(24, 200), timeout=30,
    )  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1), ("\x03", 1)])
def test_on_a_terminal_it_asks_while_a_master_looks_alive(
    database: RealDatabase, answer: str, code: int
) -> None:
    id_ = add_master(database, "alive", active=1)
    before = masters(database)
    child = on_terminal(database)
    child.expect_exact("look alive: 'alive'. The first master that checks in")
    child.expect(r"Go on\? \[y/N\]: ")
    # Nothing is locked meanwhile: a master checks in.
    assert database.run("set-state", id_, "active", "--timeout", "1").code == 0
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    if code:
        assert "Aborted." in str(child.before)
        assert [row[:3] for row in masters(database)] == [row[:3] for row in before]
        assert masters(database)[0][3] > 0
    else:
        assert "expired 1 master" in str(child.before)
        assert "alive" not in str(child.before)
        assert masters(database)[0][2:] == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "active", "code"),
    [(["--yes"], 1, 0), (["--dry-run"], 1, 0), (["--unless-alive"], 1, 1), ([], 0, 0)],
)
def test_on_a_terminal_it_does_not_ask_where_that_is_of_no_use(
    database: RealDatabase, arguments: list[str], active: int, code: int
) -> None:
    add_master(database, "m", active=active)
    child = on_terminal(database, *arguments)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert "Go on" not in str(child.before)
