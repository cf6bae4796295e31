"""What errors of MariaDB and MySQL mean to a user, and what is no answer of theirs."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count

import pymysql
import pytest

from mastersctl.config.url import DatabaseURL
from mastersctl.database import mysql as dialect
from tests.support.commands import mastersctl, process
from tests.support.mysql import MysqlDatabase, MysqlServer, Server
from tests.support.rows import add_master, masters

FORBIDDEN = "does not permit it"
GAVE_UP = "gave up"
LOCKED = "is locked"
LOGIN_REFUSED = "refuses the login of this user"
NO_ROOM = "has no space left"
ROLLED_BACK = "rolled back the change"
UNREACHABLE = "cannot be reached"


@pytest.fixture
def database(mysql_server: Server) -> MysqlDatabase:
    """A database with the table of masters alone."""
    database = MysqlDatabase(mysql_server)
    assert database.run("init").code == 0
    return database


# By their numbers


@pytest.mark.parametrize(
    ("codes", "exit_code", "says"),
    [
        ([1205, 3572], 4, LOCKED),
        ([1317, 1969, 3024], 4, GAVE_UP),
        ([1020, 1213, 1614, 3101], 4, ROLLED_BACK),
        ([1142, 1143, 1227, 1290, 1792, 1836, 1874, 1036], 4, FORBIDDEN),
        ([1044, 1045, 1251, 1698, 1820, 1862, 3118, 3159, 3955, 4150, 4151], 4, LOGIN_REFUSED),
        ([1040, 1047, 1049, 1053, 1129, 1130, 1152, 1203, 1226, 1927, 3032, 3169, 4031, 6400,
          9001],
         4, UNREACHABLE),
        ([2002, 2003, 2006, 2013, 2026, 2027], 4, UNREACHABLE),
        ([1037, 1038, 1041, 1135, 4081, 4082], 4, UNREACHABLE),
        ([1021, 1026, 1114], 1, NO_ROOM),
        ([1051, 1054, 1146], 5, "is not a Buildbot database"),
        ([1064, 1305], 1, "failed"),
    ],
)  # fmt: skip
def test_each_error_has_its_exit_code(codes: list[int], exit_code: int, says: str) -> None:
    database = dialect.MysqlDatabase(DatabaseURL("mysql://u:hunter2@h/d", "/"), "read", 10)
    for code in codes:
        error = database.translate(pymysql.OperationalError(code, "the server's words"))
        assert (code, error.exit_code) == (code, exit_code)
        assert says in str(error)
        assert "(the server's words)" in str(error) or says == "failed"


@pytest.mark.parametrize(
    ("state", "says"), [("08S01", UNREACHABLE), ("28000", LOGIN_REFUSED), ("40001", ROLLED_BACK)]
)
def test_an_error_that_is_unknown_is_reported_with_its_state(state: str, says: str) -> None:
    database = dialect.MysqlDatabase(DatabaseURL("mysql://h/d", "/"), "read", 10)
    error = database.translate(pymysql.OperationalError(9999, "new", sqlstate=state))
    assert error.exit_code == 4
    assert says in str(error)


@pytest.mark.parametrize("errno", ["Errcode: 28 ", "OS errno 28 - ", "Got error 28 from storage"])
def test_a_full_disk_is_reported_with_the_systems_error(errno: str) -> None:
    database = dialect.MysqlDatabase(DatabaseURL("mysql://h/d", "/"), "read", 10)
    error = database.translate(pymysql.OperationalError(1030, errno))
    assert NO_ROOM in str(error)


# Of real servers

numbers = count()


@contextmanager
def account(database: MysqlDatabase, options: str = "") -> Iterator[tuple[str, str]]:
    """Make an account that may do all in the database, and yield its name and its URL."""
    user = f"user{next(numbers)}"
    database.execute(f"CREATE USER {user}@'%' IDENTIFIED BY 'hunter2' {options}")
    database.execute(f"GRANT ALL ON {database.name}.* TO {user}@'%'")
    yield user, database.url.replace("root@", f"{user}:hunter2@")
    database.execute(f"DROP USER {user}")


def refused(url: str, says: str, *words: str) -> None:
    """Assert that a look and a change at a URL end with exit code 4 and one sentence."""
    for command in (["list"], ["find", "new"]):
        result = process(*command, "--timeout", 5, "--db-url", url)
        assert (result.code, result.out) == (4, ""), result.err
        for word in (says, *words):
            assert word in result.err
        assert result.err.startswith("Error: The database mysql://")
        assert result.err.count("\n") == 1
        assert "hunter2" not in result.err


@pytest.mark.parametrize(
    ("options", "says", "words"),
    [
        ("ACCOUNT LOCK", LOGIN_REFUSED, "locked"),
        ("PASSWORD EXPIRE", LOGIN_REFUSED, "password"),
        ("WITH MAX_QUERIES_PER_HOUR 1", UNREACHABLE, "has exceeded"),
    ],
)
def test_an_account_that_is_not_to_be_used_is_reported(
    database: MysqlDatabase, options: str, says: str, words: str
) -> None:
    with account(database, options) as (_, url):
        refused(url, says, words)


def test_an_account_that_has_no_connection_left_is_reported(database: MysqlDatabase) -> None:
    with (
        account(database, "WITH MAX_USER_CONNECTIONS 1") as (user, url),
        closing(pymysql.connect(
            host="127.0.0.1", port=database.server.port, user=user, password="hunter2"
        )),
    ):  # fmt: skip
        refused(url, UNREACHABLE, "max_user_connections")


def test_a_server_that_is_read_only_is_reported(database: MysqlDatabase) -> None:
    with account(database) as (_, url), database.server.set_to("read_only = 1"):
        assert process("list", "--db-url", url).code == 0
        result = process("find", "new", "--db-url", url)
    assert result.code == 4
    assert FORBIDDEN in result.err
    assert "read-only" in result.err


def test_a_server_in_offline_mode_is_reported(mysql: MysqlServer) -> None:
    database = MysqlDatabase(mysql)
    assert database.run("init").code == 0
    with account(database) as (_, url), mysql.set_to("offline_mode = 1"):
        refused(url, UNREACHABLE, "offline mode")


def test_an_account_that_is_locked_after_wrong_passwords_is_reported(mysql: MysqlServer) -> None:
    database = MysqlDatabase(mysql)
    assert database.run("init").code == 0
    options = "FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1"
    with account(database, options) as (_, url):
        assert process("list", "--db-url", url.replace("hunter2", "wrong")).code == 4
        refused(url, LOGIN_REFUSED, "blocked")


def test_a_statement_that_is_killed_gave_up(database: MysqlDatabase) -> None:
    add_master(database, "m")
    command = [sys.executable, "-m", "mastersctl", "set-state", "m", "active", "--timeout", "60"]
    with database.locked():
        waiting = subprocess.Popen(
            [*command, "--db-url", database.url], stderr=subprocess.PIPE, text=True
        )
        database.execute(f"KILL QUERY {database.waiting_session()}")
        _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 4
    assert GAVE_UP in err
    assert masters(database)[0][2] == 0


# Of what is none


@contextmanager
def between(server: Server, answer: bytes, to: bytes) -> Iterator[int]:
    """Be a server that is another one until it hears `to`, and then answers nonsense.

    Yields the port. TLS is not offered, so that it can be heard.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", server.port)) as behind:
            greeting = bytearray(behind.recv(4096))
            capabilities = greeting.index(0, 5) + 14
            greeting[capabilities + 1] &= ~0x08
            client.sendall(greeting)
            while request := client.recv(65536):
                if to in request:
                    client.sendall(answer)
                    return
                behind.sendall(request)
                client.sendall(behind.recv(65536))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def packet(payload: bytes, number: int = 1) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


ANSWERS: dict[str, bytes] = {
    "nothing": packet(b""),
    "an error cut short": packet(b"\xff"),
    "an error without a state": packet(b"\xff\x01"),
    "an error of an impossible number": packet(b"\xff\xfe\xca#HY000words"),
    "a count of columns that do not come": packet(b"\x05") + packet(b"\xfe\0\0\2\0", 2),
    "a number that is none": packet(b"\xfc"),
    "columns in no character set": packet(b"\x01") + packet(b"\x03def" + b"\xfb" * 30, 2),
    "a wish for a file": packet(b"\xfb/etc/passwd"),
    "another number of the packet": packet(b"\0\0\0\2\0\0\0", 7),
    "half a packet": b"\x40\0\0\1abc",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(
    ("command", "to"),
    [
        ("list", b"SET SESSION"),
        ("list", b"FROM `masters`"),
        ("find m", b"FROM `masters`"),
        ("set-state m active", b"FOR UPDATE"),
        ("set-state m active", b"COMMIT"),
    ],
)
def test_an_answer_that_is_not_one_of_mysql_is_reported(
    database: MysqlDatabase, answer: bytes, command: str, to: bytes
) -> None:
    add_master(database, "m")
    with between(database.server, answer, to) as port:
        url = database.url.replace(str(database.server.port), str(port))
        result = mastersctl(*command.split(), "--timeout", 1, "--db-url", url)
    assert (result.code, result.out) == (4, ""), result.err
    assert result.err.startswith("Error: The database mysql://")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", ["list", "show m", "find m", "check"])
def test_an_answer_without_rows_is_not_an_empty_table(
    database: MysqlDatabase, command: str
) -> None:
    add_master(database, "m")
    with between(database.server, packet(b"\0\0\0\2\0\0\0"), b"FROM `masters`") as port:
        url = database.url.replace(str(database.server.port), str(port))
        result = mastersctl(*command.split(), "--timeout", 1, "--db-url", url)
    assert result.code == (3 if command == "check" else 4)
    assert "its answer is not one of MySQL: it has no rows" in result.err + result.out
