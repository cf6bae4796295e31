"""``mastersctl find``"""

import pytest

from tests.support.commands import Command, process
from tests.support.databases import PostgresDatabase, PostgresServer, RealDatabase
from tests.support.rows import add_master, masters


def test_it_prints_the_id_alone(database: RealDatabase, mastersctl: Command) -> None:
    id_ = add_master(database, "m")
    assert mastersctl("find", "m", "--db-url", database.url) == (0, f"{id_}\n", "")


def test_it_adds_a_master_that_is_not_there(database: RealDatabase, mastersctl: Command) -> None:
    first = mastersctl("find", "m", "--db-url", database.url)
    assert mastersctl("find", "m", "--db-url", database.url) == first
    ((id_, name, active, _),) = masters(database)
    assert (f"{id_}\n", name, active) == (first.out, "m", 0)


def test_json_says_whether_it_was_added(database: RealDatabase, mastersctl: Command) -> None:
    arguments = ("find", "m", "-o", "json", "--db-url", database.url)
    assert mastersctl(*arguments).json == {"id": 1, "created": True}
    assert mastersctl(*arguments).json == {"id": 1, "created": False}


def test_no_create_exits_with_3_and_adds_nothing(
    database: RealDatabase, mastersctl: Command
) -> None:
    result = mastersctl("find", "ghost", "--no-create", "--db-url", database.url)
    assert (result.code, result.out) == (3, "")
    assert "'ghost'" in result.err
    assert masters(database) == []


def test_no_create_finds_a_master_that_is_there(
    database: RealDatabase, mastersctl: Command
) -> None:
    id_ = add_master(database, "m")
    assert mastersctl("find", "m", "--no-create", "--db-url", database.url).out == f"{id_}\n"


@pytest.mark.parametrize("name", ["", "a\0b", "\udcff"])
def test_an_impossible_name_is_a_usage_error(
    database: RealDatabase, mastersctl: Command, name: str
) -> None:
    result = mastersctl("find", name, "--db-url", database.url)
    assert (result.code, result.out) == (2, "")
    assert masters(database) == []


def test_a_name_that_is_not_utf_8_on_the_command_line_is_a_usage_error(
    database: RealDatabase,
) -> None:
    result = process("find", "caf\udce9", "--db-url", database.url)
    assert result.code == 2
    assert "UTF-8" in result.err


def test_a_name_may_look_like_an_option(database: RealDatabase, mastersctl: Command) -> None:
    assert mastersctl("find", "--db-url", database.url, "--", "--help").code == 0
    assert masters(database)[0][1] == "--help"


def test_a_name_of_digits_is_a_name(database: RealDatabase, mastersctl: Command) -> None:
    add_master(database, "m")
    assert mastersctl("find", "1", "--db-url", database.url).out == "2\n"


# Rows that were written by hand


def test_a_name_whose_hash_is_wrong_is_told_and_no_second_master_gets_it(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "old:/")
    database.execute("UPDATE masters SET name = 'new:/'")
    before = masters(database)
    for command, code in (
        ("find new:/", 1),
        ("find new:/ --no-create", 3),
        ("show new:/", 3),
        ("set-state new:/ active", 3),
        ("rename new:/ other:/", 3),
        ("remove new:/ --yes", 3),
        ("remove 1 --yes --reassign-to new:/", 3),
    ):
        result = mastersctl(*command.split(), "--db-url", database.url)
        assert (result.code, result.out) == (code, ""), command
        assert "Master 1 is called 'new:/', but its name_hash" in result.err, command
        assert "'mastersctl rename 1 NAME'" in result.err, command
    result = mastersctl("check", "new:/", "--db-url", database.url)
    assert result.code == 2
    assert "not there: 'new:/'; Master 1 is called 'new:/'" in result.out
    other = add_master(database, "other:/")
    result = mastersctl("rename", other, "new:/", "--db-url", database.url)
    assert (result.code, result.out) == (1, "")
    assert "Master 1 is called 'new:/'" in result.err
    assert masters(database)[:1] == before
    assert mastersctl("rename", "1", "new:/", "--db-url", database.url).out == "renamed\n"
    assert mastersctl("find", "new:/", "--db-url", database.url).out == "1\n"


def test_a_name_that_differs_in_case_alone_is_another_one(
    database: RealDatabase, mastersctl: Command
) -> None:
    add_master(database, "m:/a")
    assert mastersctl("find", "M:/a", "--db-url", database.url).out == "2\n"


def test_a_sequence_that_is_behind_is_told_with_what_mends_it(
    postgres: PostgresServer, mastersctl: Command
) -> None:
    database = PostgresDatabase(postgres)
    url = ("--db-url", database.url)
    assert mastersctl("init", *url).code == 0
    for id_ in (1, 2):  # copied from elsewhere, with its ID
        row = (id_, f"m{id_}", str(id_))
        database.execute("INSERT INTO masters VALUES (?, ?, ?, 0, 0)", row)
    result = mastersctl("find", "new:/", *url)
    assert (result.code, result.out) == (1, "")
    assert "as its sequence is behind" in result.err
    database.execute(result.err.split('"')[-2])
    assert mastersctl("find", "new:/", *url).out == "3\n"
