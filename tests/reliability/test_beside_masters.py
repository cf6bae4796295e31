"""Beside masters that run: they are not disturbed, and nothing that is written is lost."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import buildbots
from tests.support.commands import Result
from tests.support.crowd import Crowd
from tests.support.databases import SqliteFile
from tests.support.sizes import MANY_MASTERS, WRITES

WRITERS = 4
MOST_BETWEEN_CHECK_INS = 5  # seconds; it checks in every second, and the time is in whole ones


@pytest.fixture
def basedir(tmp_path: Path) -> Path:
    """The directory of a master that checks in, and builds something, every second."""
    return buildbots.make_basedir(
        tmp_path / "master", build=["true"], every=1, checks_in_often=True
    )


@contextmanager
def check_ins(database: SqliteFile) -> Iterator[list[int]]:
    """Watch the master that runs there; the list that is yielded is of when it checked in."""
    times: list[int] = []
    stop = threading.Event()

    last_check_in = "SELECT last_active FROM masters WHERE name LIKE '%:' || ?"

    def watch() -> None:
        with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as connection:
            while not stop.wait(0.1):
                ((last,),) = connection.execute(last_check_in, [str(database.path.parent)])
                if last not in times:
                    times.append(last)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield times
    finally:
        stop.set()
        watcher.join()


def wait_until_built(database: SqliteFile) -> None:
    deadline = time.monotonic() + 30
    while not database.execute("SELECT * FROM builds WHERE results = 0"):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_nothing_is_lost_of_what_is_written_while_a_master_runs_and_it_misses_no_check_in(
    basedir: Path, crowd: Crowd
) -> None:
    database = SqliteFile(basedir / "state.sqlite")
    steps = ["find {}", "set-state {} active", "set-state {} inactive", "set-state {} active"]
    written = []
    with buildbots.running_master(basedir):
        wait_until_built(database)
        with check_ins(database) as times:
            for number in range(WRITES.now // WRITERS // len(steps)):
                names = [f"{writer}-{number}" for writer in range(WRITERS)]
                for step in steps:
                    done = crowd.run(database.on(*step.format(name).split()) for name in names)
                    assert [result.code for result in done] == [0] * WRITERS, done
                    assert step == "find {}" or {result.out for result in done} == {"changed\n"}
                written += names
            ended = int(time.time())
        log = (basedir / "twistd.log").read_text()  # a master that stops ends its build by an error
    ours = "SELECT name, active FROM masters WHERE id <> 1"
    assert sorted(database.execute(ours)) == sorted((name, 1) for name in written)
    assert len(written) * len(steps) == WRITES.now
    assert len(times) > 2
    gaps = [later - earlier for earlier, later in pairwise([*times, ended])]
    assert max(gaps) <= MOST_BETWEEN_CHECK_INS
    for word in ("Traceback", "Unhandled", "locked", "retrying"):
        assert word not in log, log
    assert database.execute("PRAGMA integrity_check") == [("ok",)]


NOBODY = 65534
COMMANDS = [
    "list",
    "list -o wide",
    "list -o id",
    "show 1",
    "check",
    "find other:/",
    "set-state other:/ active",
    "set-state other:/ inactive",
    "housekeep",
    "housekeep --dry-run",
]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user than the master")
@pytest.mark.parametrize("many", [False, True])
def test_a_master_works_on_while_and_after_root_looks_and_changes(
    public_directory: Path, crowd: Crowd, many: bool
) -> None:
    basedir = buildbots.make_basedir(public_directory / "master", checks_in_often=True, user=NOBODY)
    database = SqliteFile(basedir / "state.sqlite")
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO "
        "masters (name, name_hash, active, last_active) SELECT i, i, 0, unixepoch() FROM n",
        [MANY_MASTERS.now if many else 1],
    )
    results: list[tuple[str, Result]] = []
    stop = threading.Event()

    def run_commands() -> None:
        while not stop.is_set():
            for command in COMMANDS:
                (result,) = crowd.run([database.on(*command.split())])
                results.append((command, result))

    running = threading.Thread(target=run_commands)
    running.start()
    try:
        with buildbots.running_master(basedir, user=NOBODY), check_ins(database) as times:
            time.sleep(6)
            log = (basedir / "twistd.log").read_text()
    finally:
        stop.set()
        running.join()
    assert len(times) > 2
    for word in ("Traceback", "Unhandled", "readonly", "retrying"):
        assert word not in log, log
    assert len(results) >= len(COMMANDS)
    for command, result in results:
        assert result.code in ((0, 1, 2) if command == "check" else (0,)), (command, result)
    assert {path.stat().st_uid for path in basedir.iterdir()} == {NOBODY}
