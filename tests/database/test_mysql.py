"""What is special about MariaDB and MySQL: TLS, names, errors, tables without transactions."""

import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mastersctl.config.mysql_parameters import to_pymysql
from mastersctl.config.url import DatabaseURL
from tests.support.commands import Result, mastersctl, process
from tests.support.databases import MADE_BY_BUILDBOT, PostgresServer, free_port
from tests.support.mysql import MysqlDatabase, MysqlServer, Server
from tests.support.rows import add_master, masters


@pytest.fixture
def database(mysql_server: Server) -> MysqlDatabase:
    """A database that Buildbot made."""
    return MysqlDatabase(mysql_server, MADE_BY_BUILDBOT)


# Connections


@pytest.mark.parametrize(
    ("parameter", "mode"),
    [
        ("ssl_verify_cert=1", ssl.CERT_REQUIRED),
        ("ssl_verify_cert=on", ssl.CERT_REQUIRED),
        ("ssl_verify_cert=optional", ssl.CERT_OPTIONAL),
        ("ssl_verify_cert=0", ssl.CERT_NONE),
        ("charset=utf8", ssl.CERT_NONE),
    ],
)
def test_a_certificate_is_verified_when_the_url_says_so(
    parameter: str, mode: ssl.VerifyMode
) -> None:
    from mastersctl.database.mysql import _Connection

    told = to_pymysql(DatabaseURL(f"mysql://h/d?{parameter}", "/").parts)
    connection: Any = _Connection(**told, defer_connect=True)
    assert connection.ctx.verify_mode == mode


# Names


def test_names_that_a_collation_calls_equal_are_different_masters(
    database: MysqlDatabase,
) -> None:
    names = ["a:/b", "A:/b", "a:/b ", "a:/b\t", "á:/b"]
    ids = [int(database.run("find", name).out) for name in names]
    assert sorted(ids) == [1, 2, 3, 4, 5]
    for id_, name in zip(ids, names, strict=True):
        listed = database.run("list", "--filter", f"name={name}", "-o", "id")
        assert listed.out == f"{id_}\n"


def test_a_name_that_buildbots_table_has_no_room_for_is_refused(database: MysqlDatabase) -> None:
    add_master(database, "m")
    for command in (["find"], ["rename", "m"]):
        result = database.run(*command, "h:/\U0001f600")
        assert result.code == 1
        assert "cannot store this text (Incorrect string value" in result.err
    assert [name for _, name, *_ in masters(database)] == ["m"]


# Tables without transactions


@pytest.mark.parametrize("engine", ["", "?storage_engine=InnoDB", "?storage_engine=MyISAM"])
def test_init_makes_a_table_of_the_engine_that_the_url_names(
    mysql_server: Server, engine: str
) -> None:
    database = MysqlDatabase(mysql_server)
    url = database.url.partition("?")[0] + engine
    assert mastersctl("init", "--db-url", url).out == "created\n"
    tables = "SELECT engine FROM information_schema.tables WHERE table_schema = ?"
    (found,) = database.execute(tables, [database.name])
    assert found == (engine.partition("=")[2] or "InnoDB",)


def test_only_a_change_of_tables_without_transactions_is_warned_of(
    database: MysqlDatabase,
) -> None:
    add_master(database, "m")
    assert database.run("set-state", "m", "active").err == ""
    database.execute("CREATE TABLE other (id INTEGER) ENGINE = MyISAM")
    changing = ["find other:/", "set-state m active", "expire-all", "housekeep", "init"]
    for command in changing:
        result = database.run(*command.split())
        assert result.code == 0
        assert "1 table is stored by MyISAM" in result.err
    for command in ("list", "show m", "find m --no-create", "housekeep --dry-run"):
        result = database.run(*command.split())
        assert result.code == 0
        assert result.out
        assert "MyISAM" not in result.err


def test_a_reader_that_pauses_locks_no_table(mysql_server: Server) -> None:
    database = MysqlDatabase(mysql_server)
    url = database.url.replace("InnoDB", "MyISAM")
    assert mastersctl("init", "--db-url", url).code == 0
    database.execute(
        "INSERT INTO masters (name, name_hash, active, last_active) WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
        "SELECT CONCAT('a long name', i), i, 0, 0 FROM n"
    )
    command = [sys.executable, "-m", "mastersctl", "list", "-o", "csv", "--db-url", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:  # as a pager would
        assert reader.stdout is not None
        reader.stdout.readline()
        started = time.monotonic()
        database.execute("UPDATE masters SET active = 1 WHERE id = 200000")
        assert time.monotonic() - started < 10  # else it waits until all rows are read
        rest = reader.stdout.read()
    assert reader.returncode == 0
    assert rest.count(b"\n") == 200_000
    assert rest.endswith(b",false,1970-01-01T00:00:00+00:00,inactive\n")


# Settings of the server


@pytest.mark.parametrize(
    "settings",
    [
        ["autocommit = 0"],
        ["completion_type = 1"],
        ["completion_type = 2"],
        ["sql_select_limit = 1"],
        ["sql_safe_updates = 1", "sql_select_limit = 1"],
        ["sql_big_selects = 0", "max_join_size = 1"],
        ["sql_auto_is_null = 1", "foreign_key_checks = 0", "unique_checks = 0"],
        ["sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_AUTO_VALUE_ON_ZERO'"],
        ["max_sort_length = 64", "sort_buffer_size = 32768", "lc_messages = 'de_DE'"],
        ["wait_timeout = 1", "character_set_client = 'latin1'", "time_zone = '-09:30'"],
        ["binlog_format = 'STATEMENT'"],
    ],
    ids=", ".join,
)
def test_no_setting_of_the_server_changes_what_a_command_does(
    mysql_server: Server, settings: list[str]
) -> None:
    database = MysqlDatabase(mysql_server)
    with mysql_server.set_to(*settings):
        assert database.run("init").out == "created\n"
        database.execute(
            "CREATE TABLE builds (id INTEGER PRIMARY KEY, masterid INTEGER NOT NULL, "
            "complete_at INTEGER, results INTEGER, "
            "FOREIGN KEY (masterid) REFERENCES masters (id) ON DELETE CASCADE)"
        )
        names = ["é:/\\'\"", "b:/", "a:/", "c:/"]
        ids = "".join(database.run("find", name).out for name in names)
        assert ids == "1\n2\n3\n4\n"
        assert database.run("find", names[0], "--no-create").out == "1\n"
        assert database.run("list", "--order", "name", "-o", "id").out == "3\n2\n4\n1\n"
        assert database.run("expire-all").out == "expired 4 masters\n"
        assert database.run("housekeep").code == 0
        assert database.run("set-state", 2, "active").out == "changed\n"
        assert database.run("rename", 4, "d:/").out == "renamed\n"
        assert database.run("remove", 3, "--yes").out == "removed 1 master\n"
        assert database.run("check").code == 0
    assert [(id_, name, active) for id_, name, active, _ in masters(database)] == [
        (1, names[0], 0), (2, "b:/", 1), (4, "d:/", 0),
    ]  # fmt: skip


def test_a_server_that_lets_nobody_write_by_default_can_be_written(mysql_server: Server) -> None:
    database = MysqlDatabase(mysql_server)
    mysql_server.execute("SET GLOBAL TRANSACTION READ ONLY")
    try:
        assert database.run("init").out == "created\n"
        assert database.run("find", "m").out == "1\n"
    finally:
        mysql_server.execute("SET GLOBAL TRANSACTION READ WRITE")
    assert [name for _, name, *_ in masters(database)] == ["m"]


def test_a_time_that_the_server_gives_statements_does_not_end_a_command(
    mysql_server: Server,
) -> None:
    database = MysqlDatabase(mysql_server)
    limit = "max_statement_time = 0.001"
    if isinstance(mysql_server, MysqlServer):
        limit = "max_execution_time = 1"
    with mysql_server.set_to(limit):
        assert database.run("init").out == "created\n"
        for number in range(5):
            assert database.run("find", f"m{number}").code == 0
            assert database.run("list", "--order", "name").code == 0


@pytest.mark.parametrize("bytes_", [32 * 1024, 256 * 1024])
def test_long_names_are_ordered_by_their_ends_however_small_the_sort_buffer_is(
    mysql_server: Server, bytes_: int
) -> None:
    database = MysqlDatabase(mysql_server)
    assert database.run("init").code == 0
    for end in ("d", "b", "c", "a"):
        database.execute(
            "INSERT INTO masters (name, name_hash, active, last_active) "
            "VALUES (CONCAT(REPEAT('é', 32000), ?), ?, 0, 0)",
            (end, end),
        )
    with mysql_server.set_to(f"sort_buffer_size = {bytes_}"):
        for order, ids in (("name", "4231"), ("-name", "1324")):
            listed = database.run("list", "--order", order, "--order", "active", "-o", "id")
            assert (listed.err, listed.out.split()) == ("", [*ids])


def test_races_have_one_winner_where_statements_are_logged(mysql_server: Server) -> None:
    database = MysqlDatabase(mysql_server)
    assert database.run("init").code == 0
    with mysql_server.set_to("binlog_format = 'STATEMENT'"):
        assert at_once(6, "find", "m", "--db-url", database.url) == {"1\n": 6}
        won = at_once(6, "set-state", "m", "active", "--db-url", database.url)
        assert won == {"changed\n": 1, "unchanged\n": 5}
        assert at_once(6, "expire-all", "--db-url", database.url) == {"expired 1 master\n": 6}


def at_once(processes: int, *arguments: str) -> Counter[str]:
    """Run a command in processes at the same time; return how many printed what."""
    command = [sys.executable, "-m", "mastersctl", *arguments, "--timeout", "60"]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    return Counter(process.communicate(timeout=120)[0] for process in running)


# Login

WITHOUT_CRYPTOGRAPHY = """
import sys
sys.modules["cryptography"] = None
from mastersctl.cli import main
main()
"""


def bare(*arguments: object) -> Result:
    """Run a command where PyMySQL is installed without what some logins need."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CRYPTOGRAPHY, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def account(mysql: MysqlServer) -> Iterator[MysqlDatabase]:
    """A database of MySQL, with an account of its name, whose password the server has forgotten."""
    database = MysqlDatabase(mysql)
    assert database.run("init").code == 0
    database.execute(f"CREATE USER {database.name}@'%' IDENTIFIED BY 'hunter2'")
    database.execute(f"GRANT ALL ON {database.name}.* TO {database.name}@'%'")
    database.execute("FLUSH PRIVILEGES")  # as a restart does
    database.url = database.url.replace("root@", f"{database.name}:hunter2@")
    yield database
    mysql.execute(f"DROP USER {database.name}")


@contextmanager
def without_tls(server: Server) -> Iterator[None]:
    try:
        with server.set_to("tls_version = ''"):
            server.execute("ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR")
            yield
    finally:
        server.execute("ALTER INSTANCE RELOAD TLS")


@pytest.mark.parametrize("where", ["network", "socket", "option file"])
def test_an_account_of_mysql_logs_in_right_after_a_restart(
    account: MysqlDatabase, tmp_path: Path, where: str
) -> None:
    url = account.url
    if where == "socket":
        socket = account.server.data / "socket"
        url = f"mysql://{account.name}:hunter2@/{account.name}?unix_socket={socket}"
    if where == "option file":
        options = tmp_path / "my.cnf"
        options.write_text("[client]\npassword = hunter2\n")
        url = url.replace(":hunter2", "").replace(
            "storage_engine=InnoDB", f"read_default_file={options}"
        )
    result = bare("find", "m", "--db-url", url)
    assert (result.code, result.out) == (0, "1\n")
    assert "was added" in result.err


@pytest.mark.parametrize("where", ["network", "socket"])
def test_an_account_that_requires_tls_gets_it(account: MysqlDatabase, where: str) -> None:
    account.execute(f"ALTER USER {account.name} REQUIRE SSL")
    url = account.url
    if where == "socket":
        url = url.partition("?")[0].replace(f"127.0.0.1:{account.server.port}", "")
        url += f"?unix_socket={account.server.data / 'socket'}"
    assert bare("find", "m", "--db-url", url).out == "1\n"


def test_a_server_that_requires_tls_gets_it(account: MysqlDatabase) -> None:
    with account.server.set_to("require_secure_transport = 1"):
        assert bare(*account.on("find", "m")).out == "1\n"


def test_who_names_the_certificate_of_a_server_verifies_it(account: MysqlDatabase) -> None:
    ca = f"ssl_ca={account.server.data}/ca.pem"
    # The certificate that a server makes for itself names no host.
    url = f"{account.url}&ssl_verify_identity=false"
    assert bare("find", "m", "--db-url", f"{url}&{ca}").out == "1\n"
    for refused, problem in (
        (f"{url}&ssl_ca={account.server.data}/client-cert.pem", "certificate verify failed"),
        (f"{account.url}&{ca}", "not valid for '127.0.0.1'"),
    ):
        result = bare("find", "m", "--db-url", refused)
        assert result.code == 4
        assert problem in result.err


def test_a_server_without_tls_is_used_without(account: MysqlDatabase) -> None:
    root = account.url.replace(f"{account.name}:hunter2@", "root@")
    with without_tls(account.server):
        assert bare("find", "m", "--db-url", root).out == "1\n"


def test_a_login_that_is_not_possible_says_what_makes_it_so(account: MysqlDatabase) -> None:
    with without_tls(account.server):
        result = bare(*account.on("find", "m"))
    assert (result.code, result.out) == (4, "")
    assert "'pip install cryptography', or switch on TLS at the server" in result.err
    assert result.err.count("\n") == 1
    assert "hunter2" not in result.err


# Errors


@pytest.mark.parametrize(
    ("url", "code", "problem"),
    [
        ("mysql://root@127.0.0.1:{free}/d", 4, "refused"),
        ("mysql://root@127.0.0.1:{port}/ghost", 4, "Unknown database 'ghost'"),
        ("mysql://root@127.0.0.1:{port}", 4, "No database selected"),
        ("mysql://ghost:hunter2@127.0.0.1:{port}/d", 4, "Access denied for user 'ghost'"),
        ("mysql://root@ghost.invalid/d", 4, "ghost.invalid"),
        ("mysql://root@127.0.0.1:{postgres}/d", 4, "does not answer within 1 s"),
        ("mysql://root@127.0.0.1:{port}/d?ssl_ca=/no/such.pem", 4, "No such file"),
        ("mysql://root@/d?unix_socket=/no/such", 4, "No such file"),
    ],
)
def test_a_server_that_is_not_to_be_used_is_reported(
    mysql_server: Server, postgres: PostgresServer, url: str, code: int, problem: str
) -> None:
    ports = {"port": mysql_server.port, "postgres": postgres.port, "free": free_port()}
    for command in ("list", "find m", "housekeep"):
        arguments = [*command.split(), "--timeout", 1, "--db-url", url.format(**ports)]
        result = process(*arguments)  # PyMySQL leaves sockets open
        assert (result.code, result.out) == (code, "")
        assert problem in result.err
        assert result.err.startswith("Error: The database mysql://")
        assert result.err.count("\n") == 1
        assert "hunter2" not in result.err


def test_a_password_in_an_option_file_is_used_and_never_shown(
    database: MysqlDatabase, tmp_path: Path
) -> None:
    user = f"file{database.name}"
    database.execute(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'hunter2'")
    database.execute(f"GRANT SELECT ON {database.name}.* TO {user}@'127.0.0.1'")
    options = tmp_path / "my.cnf"
    server = f"mysql://{user}@127.0.0.1:{database.server.port}/{database.name}"
    url = f"{server}?read_default_file={options}"
    options.write_text("[client]\npassword = hunter2\n")
    result = mastersctl("list", "-v", "--db-url", url)
    assert result.code == 0
    assert result.err.startswith("Using mysql://")
    assert "hunter2" not in result.err
    options.write_text("hunter2\n")
    result = mastersctl("list", "--db-url", url)
    assert result.code == 4
    assert "is not an option file" in result.err
    assert "hunter2" not in result.err


def test_a_user_who_may_not_change_anything_is_reported(database: MysqlDatabase) -> None:
    add_master(database, "m")
    user = f"reader{database.name}"
    database.execute(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'hunter2'")
    database.execute(f"GRANT SELECT ON {database.name}.* TO {user}@'127.0.0.1'")
    url = database.url.replace("root@", f"{user}:hunter2@")
    assert mastersctl("list", "-o", "id", "--db-url", url).out == "1\n"
    for command in (["find", "new"], ["set-state", "m", "active"], ["expire-all"]):
        result = mastersctl(*command, "--db-url", url)
        assert result.code == 4
        assert "does not permit it" in result.err
        assert "hunter2" not in result.err


@pytest.mark.parametrize("command", ["list", "check", "find m --no-create", "housekeep --dry-run"])
def test_who_only_looks_reads_alone(database: MysqlDatabase, command: str) -> None:
    add_master(database, "m", active=1)
    start = len(database.server.log.read_text(errors="replace"))
    assert database.run(*command.split()).code == 0
    assert ", READ ONLY" in database.server.log.read_text(errors="replace")[start:]


def test_a_server_that_ends_while_a_change_waits_is_reported(
    database: MysqlDatabase,
) -> None:
    add_master(database, "m")
    command = [sys.executable, "-m", "mastersctl", "set-state", "m", "active", "--timeout", "60"]
    with database.locked():
        waiting = subprocess.Popen(
            [*command, "--db-url", database.url], stderr=subprocess.PIPE, text=True
        )
        database.execute(f"KILL {database.waiting_session()}")
        _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 4
    assert err.startswith("Error: The database mysql://")
    assert masters(database)[0][2] == 0
