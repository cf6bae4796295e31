"""Examines the database after a command that was killed or cut off."""

import time
from typing import Any

from tests.support.databases import RealDatabase
from tests.support.mysql import MysqlDatabase
from tests.support.rows import Contents


def by_master(found: Contents) -> dict[int, list[tuple[str, Any]]]:
    """Return the rows of each master; in `add_belongings`, their IDs begin with the master's."""
    parts: dict[int, list[tuple[str, Any]]] = {}
    for table, rows in found.items():
        for row in rows:
            if table == "masters":
                owner = row["id"]
            elif "stepid" in row:
                owner = row["stepid"] // 1000
            elif "buildid" in row:
                owner = row["buildid"] // 100
            elif "buildermasterid" in row:
                owner = row["buildermasterid"] // 100
            else:
                owner = row.get("masterid", 0)
            parts.setdefault(owner, []).append((table, row))
    return parts


def settle(database: RealDatabase) -> None:
    """Check the file of a killed command, or wait until its server has noticed the end."""
    if database.kind == "sqlite":
        assert database.execute("PRAGMA integrity_check") == [("ok",)]
        return
    sessions = (
        "SELECT 1 FROM pg_stat_activity "
        "WHERE application_name = 'mastersctl' AND datname = current_database()"
    )
    if isinstance(database, MysqlDatabase):
        sessions = (
            "SELECT 1 FROM information_schema.processlist "
            "WHERE db = database() AND id <> connection_id()"
        )
    deadline = time.monotonic() + 30
    while database.execute(sessions):
        assert time.monotonic() < deadline
        time.sleep(0.01)
