"""``mastersctl find``"""

import re

import pytest

from tests.support.databases import PostgresDatabase, PostgresServer, RealDatabase
from tests.support.rows import add_master, masters


def test_it_prints_the_id_alone(database: RealDatabase) -> None:
    id_ = add_master(database, "m")
    assert database.run("find", "m") == (0, f"{id_}\n", "")


def test_it_adds_a_master_that_is_not_there(database: RealDatabase) -> None:
    first = database.run("find", "m:/")
    assert database.run("find", "m:/") == (0, first.out, "")
    ((id_, name, active, _),) = masters(database)
    assert (f"{id_}\n", name, active) == (first.out, "m:/", 0)


def test_json_says_whether_it_was_added(database: RealDatabase) -> None:
    arguments = ("find", "m", "-o", "json")
    assert database.run(*arguments).json == {"id": 1, "created": True}
    assert database.run(*arguments).json == {"id": 1, "created": False}


def test_no_create_exits_with_3_and_adds_nothing(database: RealDatabase) -> None:
    result = database.run("find", "ghost", "--no-create")
    assert (result.code, result.out) == (3, "")
    assert "'ghost'" in result.err
    assert masters(database) == []


def test_no_create_finds_a_master_that_is_there(database: RealDatabase) -> None:
    id_ = add_master(database, "m")
    assert database.run("find", "m", "--no-create").out == f"{id_}\n"


@pytest.mark.parametrize("format_", ["id", "json"])
def test_a_note_says_that_a_master_was_added_and_how_to_undo_it(
    database: RealDatabase, format_: str
) -> None:
    assert database.run("find", "alive:/").code == 0
    result = database.process("find", "m\x1b:/", "-o", format_)
    assert result.code == 0
    assert result.out == ("2\n" if format_ == "id" else '{"id": 2, "created": true}\n')
    assert result.err == (
        r"Note: The master 'm\x1b:/' was added, inactive, with ID 2; "
        "'mastersctl remove 2' removes it.\n"
    )
    assert database.run("remove", "2", "--yes").out == "removed 1 master\n"
    assert [name for _, name, *_ in masters(database)] == ["alive:/"]


@pytest.mark.parametrize("name", ["m", "7", "m:", ":/srv/bb", "/srv/bb"])
def test_a_name_that_no_master_has_is_added_with_a_warning(
    database: RealDatabase, name: str
) -> None:
    result = database.run("find", name)
    assert (result.code, result.out) == (0, "1\n")
    warning = f"Warning: The name {name!r} is not HOSTNAME:BASEDIR"
    assert result.err.startswith(warning)
    assert database.run("find", name) == (0, "1\n", "")


def test_a_dry_run_says_what_would_be_added_and_changes_nothing(database: RealDatabase) -> None:
    there = "Dry run: nothing was changed.\n"
    missing = f"Note: The master 'm:/' would be added, inactive.\n{there}"
    arguments = ("find", "m:/", "--dry-run")
    assert database.run(*arguments) == (0, "", missing)
    assert database.run(*arguments, "-o", "json").json == {"id": None, "created": True}
    assert "'odd' is not HOSTNAME:BASEDIR" in database.run("find", "odd", "--dry-run").err
    assert database.run(*arguments, "--no-create").code == 3
    assert masters(database) == []
    add_master(database, "m:/")
    assert database.run(*arguments) == (0, "1\n", there)
    assert database.run(*arguments, "-o", "json").json == {"id": 1, "created": False}


@pytest.mark.parametrize("name", ["", "a\0b", "\udcff"])
def test_an_impossible_name_is_a_usage_error(database: RealDatabase, name: str) -> None:
    result = database.run("find", name)
    assert (result.code, result.out) == (2, "")
    assert masters(database) == []


def test_a_name_that_is_not_utf_8_on_the_command_line_is_a_usage_error(
    database: RealDatabase,
) -> None:
    result = database.process("find", "caf\udce9")
    assert result.code == 2
    assert "UTF-8" in result.err


def test_a_name_may_look_like_an_option(database: RealDatabase) -> None:
    assert database.run("find", "--", "--help").code == 0
    assert masters(database)[0][1] == "--help"


def test_a_name_of_digits_is_a_name(database: RealDatabase) -> None:
    add_master(database, "m")
    assert database.run("find", "1").out == "2\n"


# Rows that were written by hand


def test_a_name_whose_hash_is_wrong_is_reported_and_no_second_master_gets_it(
    database: RealDatabase,
) -> None:
    add_master(database, "old:/")
    database.execute("UPDATE masters SET name = 'new:/'")
    before = masters(database)
    for command, code in (
        ("find new:/", 1),
        ("find new:/ --dry-run", 1),
        ("find new:/ --no-create", 3),
        ("show new:/", 3),
        ("set-state new:/ active", 3),
        ("rename new:/ other:/", 3),
        ("remove new:/ --yes", 3),
        ("remove 1 --yes --reassign-to new:/", 3),
    ):
        result = database.run(*command.split())
        assert (result.code, result.out) == (code, ""), command
        assert "Master 1 has the name 'new:/', but the name_hash" in result.err, command
        assert "'mastersctl rename 1 NAME'" in result.err, command
    result = database.run("check", "new:/")
    assert result.code == 2
    assert "no such master: 'new:/'; Master 1 has the name 'new:/'" in result.out
    other = add_master(database, "other:/")
    result = database.run("rename", other, "new:/")
    assert (result.code, result.out) == (1, "")
    assert "Master 1 has the name 'new:/'" in result.err
    assert masters(database)[:1] == before
    assert database.run("rename", "1", "new:/").out == "renamed\n"
    assert database.run("find", "new:/").out == "1\n"


def test_a_name_that_differs_in_case_alone_is_another_one(database: RealDatabase) -> None:
    add_master(database, "m:/a")
    assert database.run("find", "M:/a").out == "2\n"


@pytest.mark.parametrize(
    "sql",
    [
        "",
        'CREATE SEQUENCE "other {one}"; '
        "ALTER TABLE masters ALTER id SET DEFAULT nextval('\"other {one}\"')",
        "ALTER SEQUENCE masters_id_seq OWNED BY NONE; "  # by name, as in old dumps
        "ALTER TABLE masters ALTER id SET DEFAULT nextval('masters_id_seq'::text)",
        "ALTER TABLE masters ALTER id DROP DEFAULT; "
        "ALTER TABLE masters ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME own)",
    ],
)
def test_a_sequence_that_is_behind_is_reported_with_its_remedy(
    postgres: PostgresServer, sql: str
) -> None:
    database = PostgresDatabase(postgres)
    assert database.run("init").code == 0
    if sql.endswith("own)"):  # one sequence for a column
        database.execute("ALTER SEQUENCE masters_id_seq OWNED BY NONE")
    if sql:
        database.execute(sql)
    for id_ in (1, 2):  # copied from elsewhere, with its ID
        row = (id_, f"m{id_}", str(id_))
        database.execute("INSERT INTO masters VALUES (?, ?, ?, 0, 0)", row)
    result = database.run("find", "new:/")
    assert (result.code, result.out) == (1, "")
    assert "as its sequence is behind" in result.err
    database.execute(re.findall(r'"(SELECT .* FROM masters)"', result.err)[0])
    assert database.run("find", "new:/").out == "3\n"
