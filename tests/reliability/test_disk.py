"""A disk that is full: what fails says so, and the database is as it was."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import mastersctl
from tests.support.databases import PostgresDatabase, SqliteFile, copy_sqlite
from tests.support.rows import add_belongings, add_master, contents, without_times

CHANGES = [
    "find new",
    "set-state 1 active",
    "set-state 1 inactive",
    "expire-all",
    "housekeep",
    "rename 1 new:/",
    "remove 1 --reassign-to heir --yes",
]
READS = ["list", "show 1", "check 2"]
PAGE = 4096


@pytest.fixture
def small_disk(public_directory: Path) -> Iterator[Path]:
    """The directory of a file system with room for two MiB."""
    directory = public_directory / "disk"
    directory.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs"]
    mount = subprocess.run(
        ["mount", *options, directory], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"a small file system cannot be mounted: {mount.stderr}")
    yield directory
    subprocess.run(["umount", directory], check=True)


@pytest.fixture
def database(small_disk: Path, template_sqlite: Path) -> SqliteFile:
    """A database that Buildbot made, on a small disk, with a dead master and its heir."""
    copy_sqlite(template_sqlite, small_disk / "x.sqlite")
    database = SqliteFile(small_disk / "x.sqlite")
    add_belongings(database, add_master(database, "dead", active=1, last_active=5))
    add_master(database, "heir", active=1)
    return database


def fill(directory: Path, left: int) -> Path:
    """Fill the file system but for so many bytes, by a file that is returned."""
    path = directory / "filling"
    with path.open("wb", buffering=0) as file:
        statistics = os.statvfs(directory)
        file.write(bytes(statistics.f_bavail * statistics.f_frsize - left))
    return path


@pytest.mark.parametrize("pages", [0, 1, 2, 9, 12, 16])
@pytest.mark.parametrize("command", CHANGES)
def test_a_change_on_a_full_disk_is_made_wholly_or_not_at_all(
    database: SqliteFile, tmp_path: Path, command: str, pages: int
) -> None:
    old = without_times(contents(database))
    whole = SqliteFile(tmp_path / "whole.sqlite")
    copy_sqlite(database.path, whole.path)
    assert whole.run(*command.split()).code == 0
    new = without_times(contents(whole))
    filling = fill(database.path.parent, pages * PAGE)
    result = database.run(*command.split())
    filling.unlink()
    assert database.execute("PRAGMA integrity_check") == [("ok",)]
    assert without_times(contents(database)) == (old if result.code else new)
    if result.code:
        assert result.code in (1, 4)
        assert result.out == ""
        assert result.err.startswith(f"Error: The database '{database.path}' ")
        assert result.err.count("\n") == 1
        assert database.run(*command.split()).code == 0


def test_a_full_disk_is_called_so(database: SqliteFile) -> None:
    fill(database.path.parent, 10 * PAGE)
    result = database.run("remove", 1, "--reassign-to", 2, "--yes")
    assert result.code == 1
    assert "has no space left (database or disk is full)" in result.err


@pytest.mark.parametrize("command", READS)
def test_a_full_disk_is_read(database: SqliteFile, command: str) -> None:
    fill(database.path.parent, 0)
    assert database.run(*command.split()).code == 0


def test_init_on_a_full_disk_leaves_no_half_a_database(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/new.sqlite"
    filling = fill(small_disk, PAGE)
    result = mastersctl("init", "--db-url", url)
    assert result.code == 1
    assert "has no space left" in result.err
    filling.unlink()
    assert mastersctl("init", "--db-url", url).out == "created\n"


def test_a_file_that_may_not_grow_is_an_error(tmp_path: Path, template_sqlite: Path) -> None:
    copy_sqlite(template_sqlite, tmp_path / "x.sqlite")
    database = SqliteFile(tmp_path / "x.sqlite")
    old = contents(database)
    limit = database.path.stat().st_size
    result = database.process(
        "find",
        "m" * 100_000,
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, limit)),
    )
    assert result.code == 4
    assert "check permissions and disk" in result.err
    assert contents(database) == old
    assert database.execute("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_behind_a_server_is_called_so(
    buildbot_postgresql: PostgresDatabase, small_disk: Path
) -> None:
    os.chown(small_disk, buildbot_postgresql.server.user, -1)
    buildbot_postgresql.server.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    buildbot_postgresql.execute("ALTER TABLE masters SET TABLESPACE small")
    fill(small_disk, 0)
    result = buildbot_postgresql.run("find", os.urandom(50_000).hex())
    assert result.code == 1
    assert "has no space left (could not extend file" in result.err
    assert buildbot_postgresql.run("list", "-o", "id") == (0, "", "")
    buildbot_postgresql.drop()
    buildbot_postgresql.server.execute("DROP TABLESPACE small")
