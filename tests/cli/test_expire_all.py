"""``mastersctl expire-all``"""

from tests.conftest import Command, add_master, masters
from tests.databases import RealDatabase


def test_every_master_is_reset_and_counted(database: RealDatabase, mastersctl: Command) -> None:
    add_master(database, "a", active=0)
    add_master(database, "b", active=1, last_active=5)
    assert mastersctl("expire-all", "--db-url", database.url) == (0, "expired 2 masters\n", "")
    assert [row[2:] for row in masters(database)] == [(1, 0), (1, 0)]
    assert mastersctl("expire-all", "--db-url", database.url).out == "expired 2 masters\n"


def test_json_has_the_count(database: RealDatabase, mastersctl: Command) -> None:
    add_master(database, "a")
    result = mastersctl("expire-all", "-o", "json", "--db-url", database.url)
    assert result.json == {"expired": 1}


def test_masters_that_look_alive_are_named_and_expired(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "alive\x1b[2J", active=1)
    add_master(database, "dead", active=1, last_active=5)
    result = mastersctl("expire-all", "--db-url", database.url)
    assert result[:2] == (0, "expired 2 masters\n")
    assert "alive" in result.err
    assert "dead" not in result.err
    assert "\x1b" not in result.err


def test_unless_alive_refuses_when_a_master_looks_alive(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "alive", active=1)
    before = masters(database)
    for arguments in (["--unless-alive"], ["--unless-alive", "--dry-run"]):
        result = mastersctl("expire-all", *arguments, "--db-url", database.url)
        assert (result.code, result.out) == (1, "")
        assert "'alive'" in result.err
    assert masters(database) == before


def test_unless_alive_expires_when_none_does(database: RealDatabase, mastersctl: Command) -> None:
    add_master(database, "dead", active=1, last_active=5)
    result = mastersctl("expire-all", "--unless-alive", "--db-url", database.url)
    assert result == (0, "expired 1 masters\n", "")


def test_dry_run_prints_the_same_and_changes_nothing(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "a")
    before = masters(database)
    result = mastersctl("expire-all", "--dry-run", "--db-url", database.url)
    assert result == (0, "expired 1 masters\n", "Dry run: nothing was changed.\n")
    assert masters(database) == before
