"""Opening databases: what cannot be opened, and what opening one leaves behind."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import quote_from_bytes

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.errors import DatabaseUnavailableError
from mastersctl.operations.connector import MastersConnector
from mastersctl.operations.creation import create_table
from mastersctl.schema.master import Master
from tests.support import buildbots
from tests.support.commands import Command, Result, mastersctl, process
from tests.support.databases import (
    LOCKED_USER,
    MADE_BY_BUILDBOT,
    PostgresDatabase,
    PostgresServer,
    RealDatabase,
    SqliteFile,
    free_port,
)
from tests.support.mysql import MysqlDatabase
from tests.support.programs import require
from tests.support.rows import add_master, masters

NOBODY = 65534
COMMANDS = [
    ["list"],
    ["show", "m"],
    ["find", "m"],
    ["find", "m", "--no-create"],
    ["set-state", "m", "active"],
    ["expire-all"],
    ["expire-all", "--dry-run"],
]


def assert_fails(
    url: str,
    code: int,
    problem: str,
    commands: list[list[str]] = COMMANDS,
    run: Command = mastersctl,
) -> None:
    for command in commands:
        result = run(*command, "--db-url", url, "--timeout", "0.2")
        assert (result.code, result.out) == (code, ""), (command, result)
        assert problem in result.err, command
        assert result.err.count("\n") == 1, command


# What is no database


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    assert_fails("sqlite:///missing.sqlite", 4, "There is no database at")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_reported_as_missing(tmp_path: Path) -> None:
    commands = [*COMMANDS, ["init"]]
    assert_fails("sqlite:///missing/x.sqlite", 4, "There is no directory", commands)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    commands = [*COMMANDS, ["init"]]
    assert_fails("sqlite:///directory", 4, "There is a directory at", commands)


def test_an_empty_file_has_no_masters_and_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert_fails("sqlite:///empty", 5, "no such table: masters")
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("empty", 0)]


def test_a_text_file_is_no_database_and_stays_as_it_is(tmp_path: Path) -> None:
    text = "This is no database. " * 100
    (tmp_path / "text").write_text(text)
    commands = [*COMMANDS, ["init"]]
    assert_fails("sqlite:///text", 5, "is not an SQLite database", commands)
    assert (tmp_path / "text").read_text() == text


def test_a_database_without_masters_is_not_buildbots(empty_database: RealDatabase) -> None:
    empty_database.execute("CREATE TABLE other (id INTEGER)")
    assert_fails(empty_database.url, 5, "is not a Buildbot database")


@pytest.mark.parametrize("missing", ["id", "name", "name_hash", "active", "last_active"])
def test_a_table_of_masters_that_lacks_a_column_is_not_buildbots(
    empty_database: RealDatabase, missing: str
) -> None:
    columns = {"id": "INTEGER", "name": "TEXT", "name_hash": "VARCHAR(40)", "active": "INTEGER",
               "last_active": "INTEGER"}  # fmt: skip
    del columns[missing]
    described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    empty_database.execute(f"CREATE TABLE masters ({described})")
    commands = [["show", "1"], ["set-state", "1", "active"], ["expire-all"], ["init"]]
    if missing != "name_hash":
        commands += [["list"], ["list", "-o", "csv"]]
    assert_fails(empty_database.url, 5, "is not a Buildbot database", commands)


def test_a_table_of_masters_without_its_unique_index_is_not_buildbots(
    empty_database: RealDatabase,
) -> None:
    empty_database.execute(
        f"CREATE TABLE masters (id {empty_database.key}, name TEXT, name_hash VARCHAR(40), "
        "active INTEGER, last_active INTEGER)"
    )
    assert_fails(empty_database.url, 5, "is not a Buildbot database", [["find", "m"]])
    assert_fails(empty_database.url, 5, "no unique index", [["init"]])
    assert masters(empty_database) == []


INDEXES = [
    "INDEX other ON masters (name_hash)",
    "UNIQUE INDEX other ON masters (active)",
    "UNIQUE INDEX other ON masters (name_hash, active)",
    "UNIQUE INDEX other ON masters (active, name_hash)",
    "UNIQUE INDEX other ON masters (name_hash) WHERE active = 1",
]


def test_an_index_that_lets_a_name_be_there_twice_is_not_the_unique_one(
    empty_database: RealDatabase,
) -> None:
    empty_database.execute(
        f"CREATE TABLE masters (id {empty_database.key}, name TEXT, name_hash VARCHAR(40), "
        "active INTEGER, last_active INTEGER)"
    )
    is_mysql = isinstance(empty_database, MysqlDatabase)  # which has no partial indexes
    for index in INDEXES[:-1] if is_mysql else INDEXES:
        empty_database.execute(f"CREATE {index}")
        assert_fails(empty_database.url, 5, "no unique index", [["init"]])
        assert_fails(empty_database.url, 5, "is not a Buildbot database", [["find", "m"]])
        empty_database.execute(f"DROP INDEX other {'ON masters' if is_mysql else ''}")
    assert masters(empty_database) == []
    empty_database.execute("CREATE UNIQUE INDEX other ON masters (name_hash)")
    assert empty_database.run("init").out == "unchanged\n"
    assert empty_database.run("find", "m").out == "1\n"


# What is not to be reached, or to be written


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://postgres@127.0.0.1:{free}/postgres", "refused"),
        ("postgresql://postgres@127.0.0.1:{port}/ghost", '"ghost" does not exist'),
        ("postgresql://ghost@127.0.0.1:{port}/postgres", '"ghost" does not exist'),
        (f"postgresql://{LOCKED_USER}:wrong@127.0.0.1:{{port}}/postgres", "password"),
        (f"postgresql://{LOCKED_USER}@127.0.0.1:{{port}}/postgres", "password"),
        ("postgresql://postgres@nowhere.invalid/postgres", "nowhere.invalid"),
        ("postgresql:///postgres?host=/nowhere", "/nowhere"),
        ("postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=require", "SSL"),
    ],
)
def test_a_server_that_refuses_is_unavailable(
    postgres: PostgresServer, url: str, problem: str
) -> None:
    url = url.format(port=postgres.port, free=free_port())
    assert_fails(url, 4, problem, [["list"], ["find", "m"], ["init"]])


@pytest.mark.parametrize(
    ("parameter", "code", "problem"),
    [
        ("nonsense=1", 2, 'has a wrong part: invalid connection option "nonsense"'),
        ("sslmode=nonsense", 4, 'invalid sslmode value: "nonsense"'),
        ("port=x", 4, 'invalid integer value "x" for connection option "port"'),
    ],
)
def test_a_wrong_parameter_of_the_url_is_called_by_its_name(
    postgres: PostgresServer, parameter: str, code: int, problem: str
) -> None:
    assert_fails(f"{postgres.url()}?{parameter}", code, problem, [["list"], ["find", "m"]])


@pytest.mark.parametrize(
    ("hosts", "timeout", "seconds"),
    [
        ("", 10, "10"),
        ("?host=a", 10, "10"),
        ("?host=a:1&host=b:2", 10, "5"),
        ("?host=a,b,c&port=1,2,3", 10, "4"),
        ("?host=a,b,c", 0.2, "1"),
        ("?host=a,b&connect_timeout=7", 10, "7"),
    ],
)
def test_each_of_several_hosts_gets_its_share_of_the_timeout(
    hosts: str, timeout: float, seconds: str
) -> None:
    from mastersctl.database.postgresql import PostgresqlDatabase

    url = DatabaseURL(f"postgresql:///d{hosts}", "/")
    told = conninfo_to_dict(PostgresqlDatabase(url, "read", timeout).conninfo)
    assert told["connect_timeout"] == seconds


def test_several_hosts_are_tried_in_turn(postgres: PostgresServer) -> None:
    for hosts in (
        f"host=127.0.0.1:{free_port()}&host=127.0.0.1:{postgres.port}",
        f"host=127.0.0.1,127.0.0.1&port={free_port()},{postgres.port}",
    ):
        url = f"postgresql://postgres@/{postgres.create()}?{hosts}"
        assert mastersctl("init", "--db-url", url).code == 0


def test_a_missing_driver_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None; from mastersctl.cli import run; "
        "sys.exit(run(['list', '--db-url', 'postgresql://127.0.0.1/bb']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "pip install 'mastersctl[postgres]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", ["url", "environment"])
def test_options_that_the_user_gives_hold(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    database = PostgresDatabase(postgres)
    database.execute("CREATE SCHEMA bb")
    url = database.url
    if how == "url":
        url += "?options=-csearch_path%3Dbb"
    else:
        monkeypatch.setenv("PGOPTIONS", "-c search_path=bb")
    assert mastersctl("init", "--db-url", url).code == 0
    assert mastersctl("init", "--db-url", url).out == "unchanged\n"
    assert mastersctl("find", "m", "--db-url", url).code == 0
    assert mastersctl("list", "-o", "id", "--db-url", url).out == "1\n"
    assert database.execute("SELECT name FROM bb.masters") == [("m",)]


def test_a_server_that_only_reads_is_opened_read_only(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    with (
        pytest.raises(DatabaseUnavailableError, match="read-only"),
        opened(DatabaseURL(database.url, "/"), "read", 1) as peewee_database,
    ):
        create_table(peewee_database)


@pytest.mark.parametrize(
    "parameter",
    ["client_encoding=utf8", "options=-cstatement_timeout%3D9999", "application_name=x",
     "connect_timeout=5"],
)  # fmt: skip
def test_parameters_that_we_set_too_may_be_given(postgres: PostgresServer, parameter: str) -> None:
    database = PostgresDatabase(postgres)
    assert mastersctl("init", "--db-url", f"{database.url}?{parameter}").code == 0


@pytest.mark.parametrize(
    "parameter",
    ["row_factory", "cursor_factory", "context", "database", "self", "cls", "db", "conninfo",
     "isolation_level", "operations", "prepare_threshold", "autocommit", "a b", "x%3Dy"],
)  # fmt: skip
def test_a_parameter_that_libpq_does_not_know_is_a_usage_error(
    postgres: PostgresServer, parameter: str
) -> None:
    url = f"{postgres.url()}?{parameter}=1"
    problem = 'missing "=" after "a"' if parameter == "a b" else "invalid connection option"
    assert_fails(url, 2, f"has a wrong part: {problem}", [["list"], ["find", "m"]])


@pytest.mark.parametrize("part", ["u%ff:p@h/d", "u:%ff@h/d", "h/%ff", "h/d?x=%ff", "\udcff/d"])
def test_a_url_that_is_not_utf_8_is_a_usage_error(part: str) -> None:
    assert_fails(f"postgresql://{part}", 2, "is not UTF-8, or holds a NUL", [["list"]])


def test_a_percent_sign_in_a_host_is_one() -> None:
    assert_fails("postgresql://h%ff/d", 4, "cannot be reached (failed to resolve host 'h%ff'",
                 [["list"]])  # fmt: skip


@pytest.fixture(params=["refuses options", "drops options"])
def pooled(
    request: pytest.FixtureRequest, postgres: PostgresServer, public_directory: Path
) -> Iterator[str]:
    """The URL of an empty database behind PgBouncer, which passes no options on."""
    program = require("pgbouncer")
    port = free_port()
    (public_directory / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {public_directory}/users\npool_mode = transaction\n"
        + "ignore_startup_parameters = options\n"
        * (request.param == "drops options")
    )
    (public_directory / "users").write_text('"postgres" ""\n"limited" ""\n')
    nobody = {"user": "nobody"} if os.geteuid() == 0 else {}
    server = subprocess.Popen([program, "-q", public_directory / "ini"], **nobody)  # type: ignore[call-overload]
    for _ in range(100):
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port))):
            break
        time.sleep(0.05)
    yield f"postgresql://postgres@127.0.0.1:{port}/{postgres.create()}"
    server.terminate()
    server.wait(timeout=20)


def test_a_pool_that_knows_no_options_is_no_obstacle(pooled: str) -> None:
    for command in (
        "init", "find m", "set-state m active", "list -o wide", "show m", "check", "expire-all",
        "housekeep", "rename m n:/", "remove n:/ --yes",
    ):  # fmt: skip
        assert mastersctl(*command.split(), "--db-url", pooled).code == 0, command


def test_row_security_refuses_behind_a_pool(postgres: PostgresServer, pooled: str) -> None:
    assert mastersctl("init", "--db-url", pooled).code == 0
    name = pooled.rpartition("/")[2]
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute("CREATE ROLE limited LOGIN")
        connection.execute("GRANT ALL ON masters TO limited")
        connection.execute("ALTER TABLE masters ENABLE ROW LEVEL SECURITY")
    try:
        url = pooled.replace("postgres@", "limited@")
        commands = "list", "show m", "find m", "find m --no-create", "expire-all", "housekeep"
        for command in commands:
            result = mastersctl(*command.split(), "--db-url", url)
            assert (result.code, result.out) == (4, ""), command
            assert "row-level security" in result.err
    finally:
        with psycopg.connect(postgres.url(name), autocommit=True) as connection:
            connection.execute("DROP OWNED BY limited")
            connection.execute("DROP ROLE limited")


def test_a_service_is_stronger_than_the_environment(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgresDatabase(postgres)
    database.execute("CREATE SCHEMA bb")
    (tmp_path / "services").write_text(
        f"[bb]\nhost=127.0.0.1\nport={postgres.port}\nuser=postgres\ndbname={database.name}\n"
        "options=-csearch_path=bb\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGOPTIONS", "-csearch_path=public")
    assert mastersctl("init", "--db-url", "postgresql:///?service=bb").out == "created\n"
    assert database.execute("SELECT count(*) FROM bb.masters") == [(0,)]


@pytest.mark.parametrize("pooled", ["refuses options"], indirect=True)
def test_options_that_a_pool_refuses_are_not_left_out(pooled: str) -> None:
    url = f"{pooled}?options=-csearch_path%3Dbb"
    assert_fails(url, 4, "unsupported startup parameter", [["init"], ["list"]])


@pytest.mark.parametrize("where", ["in a transaction", "outside"])
def test_what_is_opened_to_be_read_cannot_be_changed(database: RealDatabase, where: str) -> None:
    add_master(database, "m", active=1)
    before = masters(database)
    row = {"name": "n", "name_hash": "n", "active": 0, "last_active": 0}
    for change in (Master.update({"active": 0}), Master.delete(), Master.insert(row)):
        with (
            pytest.raises(DatabaseUnavailableError),
            opened(DatabaseURL(database.url, "/"), "read", 10) as reading,
            reading.atomic() if where == "in a transaction" else nullcontext(),
        ):
            change.execute(reading)
    assert masters(database) == before


def test_a_read_only_transaction_is_exit_code_4(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    assert database.run("init").code == 0
    add_master(database, "m")
    database.execute(f"GRANT SELECT ON masters TO {LOCKED_USER}")
    url = f"{database.url}?options=-crole%3D{LOCKED_USER}"
    assert mastersctl("list", "--db-url", url).code == 0
    assert_fails(url, 4, "does not permit it", [["expire-all"], ["find", "new"]])


UNPRIVILEGED = """
import difflib, os, sys  # as Click does for a short option
import mastersctl.operations.connector, mastersctl.database.sqlite, mastersctl.config.location
import mastersctl.output.table, mastersctl.output.jsonl
from mastersctl.cli import run
if os.geteuid() == 0:  # root may read and write everything
    os.setuid(65534)
sys.exit(run(sys.argv[1:]))
"""


def unprivileged(*arguments: str, script: str = UNPRIVILEGED) -> Result:
    """Run a command as a user who is not root."""
    done = subprocess.run(
        [*buildbots.NOT_COVERED, sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


CHANGING = [["find", "new"], ["set-state", "m", "active"], ["expire-all"]]


@pytest.mark.parametrize("read_only", ["file", "directory"])
def test_what_may_only_be_read_is_read_and_not_changed(
    public_directory: Path, read_only: str
) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    (database.path if read_only == "file" else public_directory).chmod(0o555)
    if read_only == "file":
        public_directory.chmod(0o777)  # so that files could be made in it
    assert unprivileged(*database.on("list")).code == 0
    assert_fails(database.url, 4, database.path.name, CHANGING, run=unprivileged)
    assert [path.name for path in public_directory.iterdir()] == ["x.sqlite"]
    public_directory.chmod(0o755)


def test_many_rows_are_read_where_their_owner_may_make_no_file(public_directory: Path) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    database.execute(MANY_ROWS)
    if os.geteuid() == 0:
        os.chown(database.path, NOBODY, -1)
    public_directory.chmod(0o555)
    result = unprivileged(*database.on("list", "-o", "jsonl"))
    public_directory.chmod(0o755)
    assert (result.code, result.out.count("\n"), result.err) == (0, 12001, "")


def test_many_rows_are_read_on_a_disk_that_is_mounted_to_be_read(public_directory: Path) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    database.execute(MANY_ROWS)
    for options in (["--bind", public_directory], ["-o", "remount,bind,ro"]):
        mount = subprocess.run(
            ["mount", *options, public_directory], capture_output=True, text=True, check=False
        )
        if mount.returncode:
            pytest.skip(f"a directory cannot be mounted: {mount.stderr}")
    try:
        result = database.run("list", "-o", "jsonl")
    finally:
        subprocess.run(["umount", public_directory], check=True)
    assert (result.code, result.out.count("\n"), result.err) == (0, 12001, "")


OPENS_WRITES_AND_CLOSES = """
import sqlite3, sys, time
while True:
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
    connection.execute("UPDATE masters SET last_active = last_active + 1")
    time.sleep(0.002)
    connection.close()
"""
LOOKS = """
codes = {run(sys.argv[1:]) for _ in range(300)}
sys.exit(max(codes))
"""


def test_a_user_who_may_only_read_sees_a_database_that_comes_and_goes_from_use(
    public_directory: Path,
) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    writing = [sys.executable, "-c", OPENS_WRITES_AND_CLOSES, str(database.path)]
    with subprocess.Popen(writing) as writer:
        try:
            result = unprivileged(
                "list", "-o", "id", "--db-url", database.url,
                script=UNPRIVILEGED.replace("sys.exit(run(sys.argv[1:]))", LOOKS),
            )  # fmt: skip
        finally:
            writer.kill()
    assert (result.code, result.err) == (0, "")
    assert result.out == "1\n" * 300


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_what_only_the_owner_can_read_after_a_crash_is_not_called_broken(
    public_directory: Path,
) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    crash(database)
    Path(f"{database.path}-shm").unlink()
    reading = [["list"], ["show", "m"], ["find", "m", "--no-create"]]
    assert_fails(database.url, 4, "only its owner can read", reading, run=unprivileged)
    changing = [*CHANGING, ["remove", "m", "--yes"], ["set-state", "m", "inactive"], ["housekeep"]]
    assert_fails(database.url, 4, "is read-only for this user", changing, run=unprivileged)


def test_a_file_that_may_not_be_read_is_exit_code_4(public_directory: Path) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    database.path.chmod(0)
    assert_fails(database.url, 4, "permissions", run=unprivileged)


@pytest.mark.parametrize(
    ("scheme", "problem"),
    [("postgresql", "timeout expired"), ("mysql", "does not answer within 2 s")],
)
def test_a_server_that_never_answers_is_given_up(scheme: str, problem: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        url = f"{scheme}://u@127.0.0.1:{server.getsockname()[1]}/d"
        started = time.monotonic()
        result = mastersctl("list", "--timeout", 2, "--db-url", url)
        assert 1.5 < time.monotonic() - started < 5
    assert result.code == 4
    assert problem in result.err


def test_a_server_that_stops_answering_is_given_up(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    sleep = "SELECT 1 FROM pg_sleep(60)"
    database.execute(f"CREATE FUNCTION hang() RETURNS INTEGER LANGUAGE sql AS '{sleep}'")
    database.execute(
        "CREATE VIEW masters AS SELECT 1 AS id, 'm'::text AS name, ''::text AS name_hash, "
        "1 AS active, hang() AS last_active"
    )
    started = time.monotonic()
    result = database.process("list", "-o", "json", "--timeout", "1")
    assert time.monotonic() - started < 6
    assert (result.code, result.out) == (4, "")
    assert "does not answer" in result.err


def test_a_result_that_is_cut_does_not_look_whole(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    assert database.process("init").code == 0
    database.execute(
        "INSERT INTO masters (name, name_hash, active, last_active) "
        "SELECT i::text, i::text, 1, 1 FROM generate_series(1, 300000) AS i"
    )
    command = [sys.executable, "-m", "mastersctl", "list", "-o", "json", "--db-url", database.url]
    listing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert listing.stdout is not None
    start = listing.stdout.read(10)
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'mastersctl'"
    )
    rest, err = listing.communicate(timeout=30)
    assert listing.returncode == 4
    assert not (start + rest).rstrip().endswith("]")
    assert "cannot be reached" in err


# What is left behind


def make_wal_database(path: Path) -> SqliteFile:
    database = SqliteFile(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert database.process("init").code == 0
    add_master(database, "m")
    assert not Path(f"{path}-wal").exists()
    return database


READING = [["list"], ["list", "-o", "json"], ["show", "m"], ["find", "m", "--no-create"],
           ["check", "-o", "json"], ["expire-all", "--dry-run"], ["housekeep", "--dry-run"],
           ["remove", "m", "--dry-run"], ["set-state", "m", "active", "--dry-run"],
           ["rename", "m", "new:/", "--dry-run"], ["find", "new:/", "--dry-run"]]  # fmt: skip


@pytest.mark.parametrize("journal_mode", ["WAL", "DELETE"])
def test_reading_leaves_no_trace(tmp_path: Path, journal_mode: str) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute(f"PRAGMA journal_mode = {journal_mode}")
    before = database.path.read_bytes()
    for command in READING:
        assert database.run(*command).code == (2 if "check" in command else 0), command
        assert list(tmp_path.iterdir()) == [database.path], command
    assert database.path.read_bytes() == before


def test_reading_sees_what_is_still_in_the_log_of_a_running_writer(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        connection.execute("UPDATE masters SET active = 1, last_active = 0")
        assert Path(f"{database.path}-wal").stat().st_size
        for command in READING:
            assert database.run(*command).code == (2 if "check" in command else 0), command
        result = database.run("list", "--field", "state", "-o", "tsv")
        assert result.out == "state\nexpired\n"


def crash(database: SqliteFile) -> None:
    """Expire the one master, and leave the log behind."""
    script = "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
    script += "c.execute('UPDATE masters SET active = 1, last_active = 0'); os._exit(1)"
    subprocess.run([sys.executable, "-c", script, database.path], check=False)
    assert Path(f"{database.path}-wal").stat().st_size


def test_reading_reads_the_log_that_a_crash_left_behind(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    crash(database)
    result = database.run("list", "--field", "state", "-o", "tsv")
    assert result.out == "state\nexpired\n"


@contextmanager
def reading(database: SqliteFile) -> Iterator[MastersConnector]:
    with opened(DatabaseURL(database.url, "/"), "read", 1) as peewee_database:
        yield MastersConnector(peewee_database)


def test_a_database_that_changes_while_it_is_read_without_locks_is_read_again(
    tmp_path: Path,
) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    with reading(database) as connector:
        add_master(database, "n")  # which checkpoints, for nobody else is there
        assert [row[1] for row in connector.get_masters()] == ["m", "n"]
        add_master(database, "o")
        assert connector.get_master("o") is not None


CHANGES_BY_HALF = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute(sys.argv[2])
os._exit(1)
"""
MANY_ROWS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
    "INSERT INTO masters (name, name_hash, active, last_active) SELECT i, i, 1, 1 FROM n"
)


def test_many_rows_are_read_with_locks_and_not_kept(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute(MANY_ROWS)
    with reading(database) as connector:
        rows = connector.get_masters()
        first = next(rows)
        add_master(database, "later")
        assert len([first, *rows]) == 12001


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user than the owner")
def test_many_rows_are_read_by_root_and_leave_no_trace(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute(MANY_ROWS)
    os.chown(database.path, NOBODY, NOBODY)
    with reading(database) as connector:
        rows = connector.get_masters()
        next(rows)
        assert {path.stat().st_uid for path in tmp_path.iterdir()} == {NOBODY}
        assert len(list(rows)) == 12000
    assert list(tmp_path.iterdir()) == [database.path]
    assert database.path.stat().st_uid == NOBODY


def test_many_rows_of_which_not_all_are_read_leave_no_trace(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute(MANY_ROWS)
    with reading(database) as connector:
        rows = connector.get_masters()
        next(rows)
    assert list(tmp_path.iterdir()) == [database.path]


def test_a_look_that_ends_after_a_writer_leaves_no_trace(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as writer:
        writer.execute("UPDATE masters SET active = 1")
        with reading(database) as connector:
            assert len(list(connector.get_masters())) == 1
            writer.close()
    assert list(tmp_path.iterdir()) == [database.path]


def test_locks_of_another_connection_of_the_same_process_are_kept(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("UPDATE masters SET active = 1")
        with reading(database) as connector:
            assert len(list(connector.get_masters())) == 1
        assert database.process("find", "n").code == 0  # which deletes the log of nobody else
        assert Path(f"{database.path}-wal").exists()
        assert other.execute("SELECT count(*) FROM masters").fetchall() == [(2,)]


def test_a_half_change_without_a_log_is_left_to_who_changes_the_database(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute("PRAGMA journal_mode = DELETE")
    subprocess.run([sys.executable, "-c", CHANGES_BY_HALF, database.path, MANY_ROWS], check=False)
    journal = Path(f"{database.path}-journal")
    before = database.path.read_bytes(), journal.read_bytes()
    for command in READING:
        result = database.run(*command, "--timeout", "0.1")
        assert result.code == (3 if "check" in command else 4), command
    assert (database.path.read_bytes(), journal.read_bytes()) == before
    assert database.run("find", "n").out == "2\n"
    assert list(tmp_path.iterdir()) == [database.path]


def test_many_rows_that_change_while_no_user_may_lock_them_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute(MANY_ROWS)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)  # who does not own the file
    with reading(database) as connector:
        rows = connector.get_masters()
        first = next(rows)
        add_master(database, "later")
        with pytest.raises(DatabaseUnavailableError, match="was changed while it was read; run"):
            len([first, *rows])


def test_a_file_that_is_cut_while_no_user_may_lock_it_is_called_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    database.execute(MANY_ROWS)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)  # who does not own the file
    with reading(database) as connector:
        rows = connector.get_masters()
        next(rows)
        os.truncate(database.path, 4096)
        with pytest.raises(DatabaseUnavailableError, match="was changed while it was read; run"):
            list(rows)


def test_a_reader_that_is_slow_is_not_disturbed_by_a_change(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    add_master(database, "n")
    with reading(database) as connector:
        rows = connector.get_masters()
        first = next(rows)
        add_master(database, "o")
        assert [row[1] for row in (first, *rows)] == ["m", "n"]


def test_a_user_who_does_not_own_the_file_reads_many_rows(public_directory: Path) -> None:
    database = make_wal_database(public_directory / "x.sqlite")
    database.execute(MANY_ROWS)
    result = unprivileged(*database.on("list", "-o", "jsonl"))
    assert (result.code, result.out.count("\n"), result.err) == (0, 12001, "")
    assert [path.name for path in public_directory.iterdir()] == ["x.sqlite"] or os.geteuid() != 0


@pytest.mark.parametrize("link", ["file", "directory"])
def test_a_link_to_a_database_shows_what_is_in_its_log(tmp_path: Path, link: str) -> None:
    (tmp_path / "real").mkdir()
    database = make_wal_database(tmp_path / "real" / "x.sqlite")
    (tmp_path / "linked").symlink_to(database.path if link == "file" else database.path.parent)
    url = "sqlite:///linked" + ("" if link == "file" else "/../real/x.sqlite")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        connection.execute("UPDATE masters SET active = 1, last_active = 0")
        result = mastersctl("list", "--field", "state", "-o", "tsv", "--db-url", url)
    assert result.out == "state\nexpired\n"


def test_a_path_with_two_slashes_is_a_path(tmp_path: Path) -> None:
    assert mastersctl("init", "--db-url", f"sqlite:////{tmp_path}/x.sqlite").code == 0
    assert (tmp_path / "x.sqlite").exists()


@pytest.mark.parametrize("path", ["fifo", "/dev/null"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    for command in (["list"], ["init"], ["find", "m"]):
        result = process(*command, "--db-url", f"sqlite:///{path}")
        assert result.code == 4
        assert "not that of a file" in result.err


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_what_is_no_file_beside_a_database_is_not_waited_for(tmp_path: Path, suffix: str) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    os.mkfifo(f"{database.path}{suffix}")
    for command in (["list"], ["find", "m"]):
        result = database.process(*command, "--timeout", 1)
        assert result.code == 4
        assert "not that of a file" in result.err


def test_changing_leaves_no_log_behind(tmp_path: Path) -> None:
    database = make_wal_database(tmp_path / "x.sqlite")
    for command in (["find", "n"], ["set-state", "n", "active"], ["expire-all"]):
        assert database.run(*command).code == 0
        assert list(tmp_path.iterdir()) == [database.path], command
    assert database.execute("PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize(
    "name", ["100%41", "what?mode=memory", "a#b", "é;a&mode=memory", "b\udcff"]
)
def test_a_strange_path_is_a_path(tmp_path: Path, name: str) -> None:
    url = f"sqlite:////{quote_from_bytes(os.fsencode(tmp_path / name)).replace('%25', '%25%25')}"
    assert mastersctl("init", "--db-url", url).code == 0
    assert mastersctl("find", "m", "--db-url", url).out == "1\n"
    assert mastersctl("list", "-o", "id", "--db-url", url).out == "1\n"
    assert os.listdir(tmp_path) == [name]


def test_few_statements_are_sent_to_a_server(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres, MADE_BY_BUILDBOT)
    for name in ("m", "n", "o"):
        add_master(database, name, active=1, last_active=1)
    for command, count in (  # those of benchmarks/README.rst
        ("find m", 1),
        ("find m --no-create", 1),
        ("find new", 5),
        ("show m -o json", 5),
        ("show m -o id", 1),
        ("list", 2),
        ("list --active", 2),
        ("list -o json", 1),
        ("list -o wide", 3),
        ("housekeep --dry-run", 2 + 3),
        ("housekeep", 2 + 6),
        ("housekeep", 2 + 2),
        ("rename o p", 5),
        ("remove n --yes", 12),
        ("set-state m active", 4),
        ("check m", 2),
        ("check", 2),
        ("check -o prometheus", 4),
        ("set-state m inactive", 12),
        ("expire-all", 4),
    ):
        before = len(statements(postgres, database))
        assert database.run(*command.split()).code == 0, command
        sent = statements(postgres, database)[before:]
        assert len(sent) == count, (command, sent)


def statements(server: PostgresServer, database: PostgresDatabase) -> list[str]:
    mark = f"{database.name}|mastersctl|"
    return [
        line for line in server.log.read_text().splitlines()
        if line.startswith(mark) and ("statement: " in line or "execute " in line)
    ]  # fmt: skip
