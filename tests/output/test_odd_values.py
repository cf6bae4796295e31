"""What SQLite holds that no Buildbot wrote, in each command and format: shown, and harmless."""

import io
import json
import os
import pty
import re
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

from mastersctl.cli import run
from mastersctl.schema.master import name_hash
from tests.support.databases import SqliteFile, copy_sqlite
from tests.support.rows import add_belongings, add_master

STYLE = re.compile(r"\x1b\[[0-9;]*m")
ODD: dict[str, Any] = {
    "text": "\x1b]0;title\x07\u202e[red]\n2\t|",
    "digits": "2",
    "bytes": b"\xff\x1b[2J\n",
    "fraction": 2.5,
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "null": None,
    "huge": 2**63 - 1,
    "negative": -(2**63),
    "empty": "",
}
COLUMNS = [
    *(("masters", column) for column in ("id", "name", "active", "last_active")),
    *((table, "name") for table in ("builders", "schedulers", "changesources", "workers")),
    *(("builds", column) for column in ("id", "number", "started_at")),
    *(("buildrequest_claims", column) for column in ("brid", "claimed_at")),
]
COMMANDS = [
    *(f"list -o {format_}" for format_ in ("table", "wide", "json", "jsonl", "csv", "tsv", "id")),
    *(
        f"show {master} -o {format_}"
        for master in ("m", "1")
        for format_ in ("table", "json", "id")
    ),
    "find m",
    "find m -o json",
    *(f"check -o {format_}" for format_ in ("text", "json", "prometheus")),
    *(f"housekeep --dry-run -o {format_}" for format_ in ("table", "json", "id")),
    "set-state m inactive --dry-run -o json",
    "expire-all --dry-run",
    "remove m --dry-run -o json",
]


@pytest.fixture
def untyped(tmp_path: Path, template_sqlite: Path) -> SqliteFile:
    """A database with one of everything, in which each column may hold anything."""
    path = tmp_path / "state.sqlite"
    copy_sqlite(template_sqlite, path)
    database = SqliteFile(path)
    add_belongings(database, add_master(database, "m", active=1, last_active=1000))
    for table in {table for table, _ in COLUMNS} | {"builder_masters"}:
        names = [name for (_, name, *_) in database.execute(f"PRAGMA table_info({table})")]
        database.execute(f"CREATE TABLE untyped ({', '.join(names)})")
        database.execute(f"INSERT INTO untyped SELECT * FROM {table}")
        database.execute(f"DROP TABLE {table}")
        database.execute(f"ALTER TABLE untyped RENAME TO {table}")
    database.execute("CREATE UNIQUE INDEX master_name_hashes ON masters (name_hash)")
    return database


def on_terminal(arguments: list[str]) -> tuple[int, str]:
    """Run a command in this process, on a terminal; return its exit code, and what was printed."""
    master, slave = pty.openpty()
    printed = io.BytesIO()

    def read() -> None:
        with suppress(OSError):  # the other side was closed
            while some := os.read(master, 65536):
                printed.write(some)

    reader = threading.Thread(target=read)
    reader.start()
    before = sys.stdout, sys.stderr
    try:
        with os.fdopen(slave, "w") as sys.stdout:
            sys.stderr = sys.stdout
            code = run(arguments)
    finally:
        sys.stdout, sys.stderr = before
        reader.join()
        os.close(master)
    return code, printed.getvalue().decode()


def in_pipe(arguments: list[str]) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code, and what was printed, whatever it is."""
    out, err = (io.TextIOWrapper(io.BytesIO(), newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
        for stream in (out, err):
            stream.seek(0)
        return code, out.read(), err.read()


def parsed(out: str) -> Any:
    def refuse(token: str) -> None:
        raise ValueError(f"{token} is no JSON")

    return json.loads(out, parse_constant=refuse)


def check_output(command: str, out: str) -> None:
    """Fail unless the output is what its format promises."""
    if "-o jsonl" in command:
        for line in out.splitlines():
            parsed(line)
    elif "-o json" in command:
        parsed(out)
    elif "-o id" in command or command == "find m":
        assert out.count("\n") == 1, out  # there is one master
    elif "csv" not in command and "prometheus" not in command:
        assert "\r" not in out


@pytest.mark.parametrize("id_too", [False, True])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_no_value_is_a_traceback_or_acts_on_a_terminal(
    untyped: SqliteFile, value: Any, id_too: bool
) -> None:
    for table, column in COLUMNS:
        if (table, column) != ("masters", "id"):
            untyped.execute(f"UPDATE {table} SET {column} = ?", (value,))
        elif id_too:
            for referring in ("builder_masters", "builds", "buildrequest_claims"):
                untyped.execute(f"UPDATE {referring} SET masterid = ?", (value,))
            untyped.execute("UPDATE masters SET id = ?", (value,))
    for command in COMMANDS:
        arguments = untyped.on(*command.split())
        code, out, err = in_pipe(arguments)
        assert "does not know" not in err + out, (command, err)
        assert code in ((0, 3) if "show 1" in command else (0, 1, 2, 3)), (command, err)
        if not err:
            check_output(command, out)
        code_there, printed = on_terminal(arguments)
        assert code_there == code
        lines = STYLE.sub("", printed).replace("\t", " ").split("\r\n")
        assert all(line.isprintable() for line in lines), (command, printed)


def add(database: SqliteFile, id_: Any, name: str) -> None:
    values = (id_, name, name_hash(name))
    database.execute("INSERT INTO masters VALUES (?, ?, ?, 1, 1000)", values)


def test_an_id_in_a_pipe_is_exact_and_never_two_lines(untyped: SqliteFile) -> None:
    add(untyped, "x\n2", "n")
    assert untyped.run("list", "-o", "id").out == "1\nx\\n2\n"


def test_a_master_is_not_taken_for_the_one_whose_id_looks_alike(untyped: SqliteFile) -> None:
    for number, id_ in enumerate((1.5, "1", b"1")):
        add(untyped, id_, f"other{number}")
    assert untyped.run("set-state", "other0", "inactive").out == "changed\n"
    active = dict(untyped.execute("SELECT name, active FROM masters"))
    assert active == {"m": 1, "other0": 0, "other1": 1, "other2": 1}
    assert untyped.run("housekeep", "-o", "json").json["total"]["deactivated"] == 3
    assert set(untyped.execute("SELECT active FROM masters")) == {(0,)}
