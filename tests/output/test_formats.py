"""Every format of ``list``, read by a parser that is not ours."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mastersctl.output import FORMATS, writer
from tests.support.commands import mastersctl
from tests.support.databases import RealDatabase, SqliteFile, holds
from tests.support.rows import NOW, add_master

HOSTILE = [
    "plain:/srv/bb",
    "tab\there",
    "line\nend\r",
    "carriage\rreturn",
    'quote"comma,semi;colon',
    "back\\slash \\t \\n",
    "\x1b[31mred\x1b]0;title\x07",
    "bidi \u202e override",
    "zéro\u200bwidth",
    "[bold]markup[/bold] :smile:",
    "=1+1",
    "é 漢字 \U0001f600",
    "'; DROP TABLE masters; --",
    "  spaces  ",
]
UNESCAPE = {r"\\": "\\", r"\t": "\t", r"\n": "\n", r"\r": "\r"}
FIELDS = ["name", "id"]


@pytest.fixture
def names(database: RealDatabase) -> list[str]:
    names = [name for name in HOSTILE if holds(database, name)]
    for name in names:
        add_master(database, name, active=1, last_active=NOW)
    return names


def expected(database: RealDatabase) -> list[dict[str, Any]]:
    rows = database.execute("SELECT id, name FROM masters ORDER BY id")
    moment = "2023-11-14T22:13:20+00:00"
    same = {"active": True, "last_active": moment, "state": "stale"}
    return [{"id": id_, "name": name} | same for id_, name in rows]


@pytest.mark.usefixtures("names")
def test_json_is_one_array_for_another_parser(database: RealDatabase) -> None:
    result = database.process("list", "-o", "json")
    assert result.json == expected(database)
    tool = [sys.executable, "-m", "json.tool"]
    subprocess.run(tool, input=result.out, text=True, check=True, capture_output=True)
    assert result.out.isascii()  # and so holds nothing that a terminal could act on
    assert "\x1b" not in result.out


@pytest.mark.parametrize("format_", ["csv", "tsv"])
def test_there_is_no_header_without_an_answer(empty_database: RealDatabase, format_: str) -> None:
    result = empty_database.run("list", "-o", format_)
    assert (result.code, result.out) == (5, "")


def test_json_of_no_masters_is_an_empty_array(database: RealDatabase) -> None:
    assert database.run("list", "-o", "json").json == []


@pytest.mark.usefixtures("names")
def test_json_that_was_cut_does_not_parse(database: RealDatabase) -> None:
    out = database.run("list", "-o", "json").out
    for end in range(len(out.rstrip()) - 1):
        with pytest.raises(json.JSONDecodeError):
            json.loads(out[:end])


@pytest.mark.usefixtures("names")
def test_jsonl_is_an_object_a_line(database: RealDatabase) -> None:
    out = database.run("list", "-o", "jsonl").out
    assert [json.loads(line) for line in out.splitlines()] == expected(database)


@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from('",\r\n\t\\'))))
@example(["carriage\rreturn"])
def test_csv_and_tsv_hold_each_name_exactly(names: list[str]) -> None:
    written = {}
    for format_ in ("csv", "tsv"):
        file = io.StringIO(newline="")
        rows = [(name, number) for number, name in enumerate(names)]
        writer(format_)(rows, FIELDS, file)
        written[format_] = file.getvalue()
    parsed = list(csv.reader(io.StringIO(written["csv"], newline="")))
    assert parsed == [FIELDS, *([name, str(number)] for number, name in enumerate(names))]
    assert "\r" not in written["tsv"]  # which others take for the end of a line
    lines = written["tsv"].removesuffix("\n").split("\n")
    assert [line.count("\t") for line in lines] == [1] * (len(names) + 1)
    assert [_unescaped(line.split("\t")[0], UNESCAPE) for line in lines[1:]] == names


@pytest.mark.usefixtures("names")
def test_csv_is_read_by_the_csv_module(database: RealDatabase) -> None:
    out = database.process("list", "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert rows == [{**row, "id": str(row["id"]), "active": "true"} for row in expected(database)]


def test_tsv_is_cut_by_cut(database: RealDatabase, names: list[str]) -> None:
    out = database.process("list", "-o", "tsv").out
    cut = subprocess.run(
        ["cut", "-f2"], input=out.encode(), capture_output=True, check=True
    ).stdout.decode()
    lines = cut.removesuffix("\n").split("\n")
    assert lines[0] == "name"
    assert [_unescaped(line, UNESCAPE) for line in lines[1:]] == names


def _unescaped(line: str, escapes: dict[str, str]) -> str:
    result, rest = "", line
    while rest:
        step = 2 if rest[0] == "\\" else 1
        result, rest = result + escapes.get(rest[:step], rest[:step]), rest[step:]
    return result


@pytest.mark.usefixtures("names")
def test_id_is_a_number_a_line(database: RealDatabase) -> None:
    out = database.run("list", "-o", "id").out
    assert [int(line) for line in out.splitlines()] == [row["id"] for row in expected(database)]


def test_a_piped_table_has_one_row_a_line_and_nothing_that_does_not_print(
    database: RealDatabase, names: list[str]
) -> None:
    add_master(database, "long" * 500)
    result = database.process(
        "list", environment={"COLUMNS": "20", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    )
    header, *lines = result.out.removesuffix("\n").split("\n")
    assert header.split() == ["ID", "NAME", "STATE", "LAST", "SEEN"]
    assert len(lines) == len(names) + 1
    assert all(line.isprintable() for line in lines)
    assert "long" * 500 in lines[-1]
    assert r"\x1b[31mred\x1b]0;title\x07" in result.out
    assert "[bold]markup[/bold] :smile:" in result.out
    assert r"zéro\u200bwidth" in result.out
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("format_", [name for name in FORMATS if name not in ("id",)])
def test_fields_are_those_asked_for(database: RealDatabase, format_: str) -> None:
    add_master(database, "m", active=1, last_active=NOW)
    arguments = ("--field", "state", "--field", "masterid", "--field", "state")
    out = database.run("list", "-o", format_, *arguments).out
    parsers: dict[str, Callable[[str], Any]] = {
        "json": lambda text: json.loads(text),
        "jsonl": lambda text: [json.loads(text)],
        "csv": lambda text: list(csv.DictReader(io.StringIO(text))),
        "tsv": lambda text: list(csv.DictReader(io.StringIO(text), delimiter="\t")),
        "table": lambda text: [dict(zip(*map(str.split, text.lower().splitlines()), strict=True))],
    }
    parsers["wide"] = parsers["table"]
    ((first, second),) = [list(row.items()) for row in parsers[format_](out)]
    assert first == ("state", "stale")
    assert (second[0], str(second[1])) == ("id", "1")


@pytest.mark.parametrize("format_", ["json", "jsonl", "csv", "tsv", "id"])
def test_rows_are_written_while_others_are_read(format_: str) -> None:
    file = io.StringIO()

    def rows() -> Any:
        for id_ in range(10_000):
            yield (id_,)
            assert f"{id_ - 1000}" in file.getvalue() or id_ < 1000

    writer(format_)(rows(), ["id"], file)
    assert "9999" in file.getvalue()


def test_no_line_of_a_piped_table_ends_with_spaces(sqlite_database: SqliteFile) -> None:
    for name in ("long name", "m"):
        add_master(sqlite_database, name)
    assert sqlite_database.run("list", "--field", "name").out == "NAME\nlong name\nm\n"


BIGINT = {
    "postgresql": "ALTER last_active TYPE BIGINT",
    "mariadb": "MODIFY last_active BIGINT NOT NULL",
}
BIGINT["mysql"] = BIGINT["mariadb"]


def test_a_time_that_no_calendar_has_is_nothing(database: RealDatabase) -> None:
    third = "100000000000000"
    if database.kind == "sqlite":
        third = "'text'"
    else:
        database.execute(f"ALTER TABLE masters {BIGINT[database.kind]}")
    for number, value in enumerate(["10000000000000000", third, "-99999999999999"]):
        database.execute(
            f"INSERT INTO masters (name, name_hash, active, last_active) "
            f"VALUES ('m{number}', 'h{number}', 1, {value})"
        )
    rows = database.run("list", "-o", "json").json
    assert [row["last_active"] for row in rows] == [None, None, None]
    for format_ in FORMATS:
        assert database.run("list", "-o", format_).code == 0
    out = database.run("list", "-o", "csv", "--field", "last_active").out
    assert list(csv.reader(io.StringIO(out))) == [["last_active"], [""], [""], [""]]
    out = database.run("list", "-o", "csv").out
    assert out.splitlines()[1] == "1,m0,true,,active"  # which an importer takes for NULL
    assert database.run("show", 1).code == 0


def test_an_id_that_is_no_number_is_a_text(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "state.sqlite")
    database.execute("CREATE TABLE masters (id, name, name_hash, active, last_active)")
    database.execute(
        "INSERT INTO masters VALUES (NULL, 'm', 'h', 1, 1), ('a\"b\t\x1b', 'n', 'i', 1, 1)"
    )
    assert [row["id"] for row in mastersctl("list", "-o", "json").json] == ["", 'a"b\t\x1b']
    rows = list(csv.reader(io.StringIO(mastersctl("list", "-o", "csv").out)))
    assert [row[0] for row in rows] == ["id", "", 'a"b\t\x1b']
    assert mastersctl("list", "-o", "tsv").out.splitlines()[2].startswith('a"b\\t\x1b\tn')
