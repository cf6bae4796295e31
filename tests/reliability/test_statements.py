"""What reaches the driver: every value is a parameter, and none a part of a statement."""

import functools
import re
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mastersctl.schema.master import name_hash
from tests.support.commands import mastersctl
from tests.support.databases import PostgresDatabase, RealDatabase, SqliteFile, copy_sqlite
from tests.support.rows import add_belongings, add_master

NEEDLE = "needle'); DROP TABLE masters; --"
OTHER = 'other"needle'
NUMBER = 987654321  # an ID, and a limit
MOMENT = "1987654321"  # epoch seconds
COMMANDS: list[list[Any]] = [
    ["find", NEEDLE],
    ["find", NEEDLE, "--no-create"],
    ["show", NEEDLE],
    ["show", NUMBER],
    ["set-state", NEEDLE, "active"],
    ["set-state", NEEDLE, "inactive"],
    ["set-state", NUMBER, "active"],
    ["check", NEEDLE, NUMBER],
    ["check", "-o", "prometheus"],
    ["list", "--filter", f"name={NEEDLE}"],
    ["list", "--filter", f"name__in={NEEDLE}", "--filter", f"name__in={OTHER}"],
    ["list", "--filter", f"name__contains={NEEDLE}", "--filter", f"id__lt={NUMBER}"],
    ["list", "--filter", f"last_active__gt={MOMENT}", "--order", "-name", "--stale"],
    ["list", "--limit", NUMBER, "--offset", NUMBER, "-o", "wide"],
    ["list", "--builder", NEEDLE],
    ["list", "--builder", NUMBER],
    ["list", "--worker", NEEDLE],
    ["list", "--scheduler", NEEDLE],
    ["list", "--change-source", NUMBER],
    ["housekeep", "--older-than", "3m"],
    ["housekeep", NEEDLE, OTHER, "--force"],
    ["housekeep", NUMBER],
    ["doctor"],
    ["doctor", "--fix", "--yes"],
    ["rename", NEEDLE, OTHER, "--force"],
    ["rename", NUMBER, OTHER],
    ["remove", OTHER, NUMBER, "--yes", "--reassign-to", "heir"],
    ["remove", OTHER, "--yes", "--reassign-to", "heir"],
    ["expire-all"],
]
PLANTED = re.compile(f"needle|{NUMBER}|{MOMENT}")


class Recorded(sqlite3.Connection):
    """A connection that remembers the statements, each with its parameters, of all of them."""

    seen: ClassVar[list[tuple[str, Any]]]

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or RecordingCursor)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        return self.cursor().execute(sql, parameters)  # type: ignore[no-any-return]


class RecordingCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = ()) -> "RecordingCursor":
        Recorded.seen.append((sql, parameters))
        return super().execute(sql, parameters)


def test_sqlite_gets_every_value_as_a_parameter(
    tmp_path: Path, template_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_sqlite(template_sqlite, tmp_path / "state.sqlite")
    database = SqliteFile(tmp_path / "state.sqlite")
    plant(database)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Recorded))
        for command in COMMANDS:
            Recorded.seen = []
            assert mastersctl(*command).code in (0, 1, 2, 3)
            assert Recorded.seen, command
            assert not [sql for sql, _ in Recorded.seen if PLANTED.search(sql)], command
            parameters = "".join(repr(parameters) for _, parameters in Recorded.seen)
            words = " ".join(map(str, command))
            given = [text for text in (NEEDLE, OTHER, str(NUMBER), MOMENT) if text in words]
            assert all(text in parameters or name_hash(text) in parameters for text in given)
    assert database.execute("SELECT name FROM masters") == [("heir",)]


def test_a_server_gets_every_value_as_a_parameter(buildbot_postgresql: PostgresDatabase) -> None:
    plant(buildbot_postgresql)
    for command in COMMANDS:
        assert buildbot_postgresql.run(*command).code in (0, 1, 2, 3)
    log = buildbot_postgresql.server.log.read_text().splitlines()
    lines = [line for line in log if line.startswith(f"{buildbot_postgresql.name}|mastersctl|")]
    statements = [line for line in lines if "DETAIL:  Parameters:" not in line]
    assert len(statements) > len(COMMANDS)
    assert not [line for line in statements if PLANTED.search(line)]
    parameters = "".join(line for line in lines if line not in statements)
    for text in (NEEDLE.replace("'", "''"), OTHER, str(NUMBER), MOMENT):
        assert text in parameters
    assert buildbot_postgresql.execute("SELECT name FROM masters") == [("heir",)]


def plant(database: RealDatabase) -> None:
    add_belongings(database, add_master(database, NEEDLE, last_active=5))
    add_master(database, "heir")
