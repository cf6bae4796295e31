"""A master, or something that masters are linked to, whose name is mistyped or cut short."""

import time

import pytest

from tests.support.databases import RealDatabase, SqliteFile
from tests.support.rows import add_belongings, add_master, add_masters, masters

NAMES = ("vm:/srv/m1", "vm:/srv/m10", "Build7.example.com:/srv/bb", "漢字.example:/srv/bb")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("m1", "vm:/srv/m1"),
        ("M10", "vm:/srv/m10"),
        ("/srv/m1", "vm:/srv/m1"),
        ("vm:/srv/m1/", "vm:/srv/m1"),
        ("VM:/SRV/M10", "vm:/srv/m10"),
        (" vm:/srv/m1 ", "vm:/srv/m1"),
        ("vm:/srv/n10", "vm:/srv/m10"),
        ("vm:/svr/m1", "vm:/srv/m1"),
        ("build7", "Build7.example.com:/srv/bb"),
        ("build7:/srv/bb", "Build7.example.com:/srv/bb"),
        ("example.com", "Build7.example.com:/srv/bb"),
        ("漢字", "漢字.example:/srv/bb"),
    ],
)
def test_a_name_that_is_nearly_one_is_answered_with_that(
    database: RealDatabase, given: str, meant: str
) -> None:
    add_masters(database, NAMES)
    result = database.run("show", given)
    assert (result.code, result.out) == (3, "")
    assert result.err == f"Error: No master has the name {given!r}. Did you mean {meant!r}?\n"


@pytest.mark.parametrize("given", ["vm", "example", "/", "xyz", "%", "_", "\\"])
def test_a_name_that_may_be_several_or_none_is_answered_without_a_guess(
    database: RealDatabase, given: str
) -> None:
    add_masters(database, NAMES)
    result = database.run("show", given)
    assert result.code == 3
    assert "'mastersctl list' shows those that exist" in result.err
    assert "Did you mean" not in result.err


def test_every_command_that_names_a_master_asks_for_the_one_that_was_meant(
    database: RealDatabase,
) -> None:
    add_masters(database, ("vm:/srv/m1", "other:/bb"))
    before = masters(database)
    for command in (
        "show m1",
        "find m1 --no-create",
        "set-state m1 active",
        "set-state m1 active --dry-run",
        "rename m1 new:/",
        "rename m1 new:/ --dry-run",
        "remove m1 --yes",
        "remove other:/bb --reassign-to m1 --yes",
        "housekeep m1",
        "housekeep m1 --force --dry-run",
    ):
        result = database.run(*command.split())
        assert (result.code, result.out) == (3, ""), command
        assert result.err.endswith(" Did you mean 'vm:/srv/m1'?\n"), command
    result = database.run("check", "m1", "other:/bb", "vm:/srv/m2")
    assert result.code == 2
    assert "no such master: 'm1', 'vm:/srv/m2'; did you mean 'vm:/srv/m1' by 'm1'?; " in result.out
    assert "did you mean 'vm:/srv/m1' by 'vm:/srv/m2'?" in result.out
    assert masters(database) == before


def test_a_hostile_name_is_asked_for_without_its_control_characters(
    database: RealDatabase,
) -> None:
    add_master(database, "evil\x1b[2J\u202e\n[red]:/srv/m1")
    result = database.run("show", "m1")
    assert r"Did you mean 'evil\x1b[2J\u202e\n[red]:/srv/m1'?" in result.err
    assert result.err.removesuffix("\n").isprintable()
    assert r"evil\x1b[2J\u202e\n[red]" in database.run("check", "m1").out


def test_names_that_are_not_what_they_should_be_are_no_traceback(
    sqlite_database: SqliteFile,
) -> None:
    for number, name in enumerate(("CAST(x'61ff' AS TEXT)", "x'ff'", "7", "2.5", "''")):
        sqlite_database.execute(
            "INSERT INTO masters (name, name_hash, active, last_active) "
            f"VALUES ({name}, '{number}', 0, 0)"
        )
    result = sqlite_database.run("show", "a")
    assert result.code == 3
    assert r"Did you mean 'a\udcff'?" in result.err


def test_one_more_statement_answers_among_many_names_without_end(database: RealDatabase) -> None:
    add_masters(database, [f"m{number}:/srv/{'x' * 150}" for number in range(2000)])
    add_master(database, "y" * 60_000)
    there = database.run("show", "m7:/srv/" + "x" * 150, "-o", "id", "-v").err.count("SQL: ")
    start = time.monotonic()
    for given in ("m7:/srv/" + "x" * 149 + "z", "x" * 100_000, "y" * 300, "m7:/srv"):
        result = database.run("show", given, "-v")
        assert result.code == 3
        assert result.err.count("SQL: ") <= there + 3  # is it misnamed, and was there an upgrade
    assert time.monotonic() - start < 5
    assert "Did you mean 'm7:/srv/" in database.run("show", "m7").err


def test_what_masters_are_linked_to_is_asked_for_alike(buildbot_database: RealDatabase) -> None:
    add_belongings(buildbot_database, add_master(buildbot_database, "m"))
    for kind in ("builder", "worker", "scheduler", "change-source"):
        (name,) = buildbot_database.execute(f"SELECT name FROM {kind.replace('-', '')}s")[0]
        result = buildbot_database.run("list", f"--{kind}", f"{name}x")
        assert (result.code, result.out) == (1, "")
        assert f"Did you mean {name!r}?" in result.err
        assert "Did you mean" not in buildbot_database.run("list", f"--{kind}", "77").err
