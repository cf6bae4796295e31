"""What a user of a server may not see: it is refused, and never taken to be absent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import mastersctl
from tests.support.databases import (
    MADE_BY_BUILDBOT,
    PostgresDatabase,
    PostgresServer,
    ServerDatabase,
)
from tests.support.mysql import MysqlDatabase, Server
from tests.support.rows import add_belongings, add_master, contents

# What needs other tables than that of the masters
NEEDY = (
    "remove gone --yes",
    "remove gone --yes --skip-used",
    "remove gone --yes --reassign-to heir",
    "remove gone --dry-run",
    "housekeep",
    "housekeep --dry-run",
    "set-state gone inactive",
    "list -o wide",
    "list --field builders --field claims",
    "show gone",
    "list --needs-housekeeping",
    "list --field needs_housekeeping -o json",
    "doctor",
)
CLEANING = ("remove gone --yes --reassign-to heir", "housekeep", "housekeep --dry-run")


@pytest.fixture
def server(server_database: ServerDatabase) -> ServerDatabase:
    """A database with a dead master that has one of everything, and an heir."""
    add_belongings(server_database, add_master(server_database, "gone", last_active=5))
    add_master(server_database, "heir")
    return server_database


def url_of_user(database: ServerDatabase, user: str) -> str:
    old = "root@" if isinstance(database, MysqlDatabase) else "postgres@"
    return database.url.replace(old, f"{user}@")


@contextmanager
def user(database: ServerDatabase) -> Iterator[str]:
    """Create a user without any rights; yield what GRANT calls it, which is also in its URL."""
    name = f"limited_{database.name}"
    is_mariadb = isinstance(database, MysqlDatabase)
    grantee = f"{name}@'127.0.0.1'" if is_mariadb else name
    database.execute(f"CREATE USER {grantee}")
    if is_mariadb:
        database.execute(f"GRANT SELECT ON {database.name}.masters TO {grantee}")
    else:
        database.execute(f"GRANT SELECT ON masters TO {grantee}")
    yield grantee
    if not is_mariadb:
        database.execute(f"DROP OWNED BY {grantee}")
    database.execute(f"DROP USER {grantee}")


def grant(database: ServerDatabase, grantee: str, tables: list[str]) -> None:
    for table in tables:
        database.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {grantee}")


def assert_refused(
    database: ServerDatabase,
    grantee: str,
    commands: tuple[str, ...],
    code: int = 4,
) -> str:
    """Run commands as the user, see that each fails and changes nothing, and return the errors."""
    url = url_of_user(database, grantee.partition("@")[0])
    before = contents(database)
    errors = ""
    for command in commands:
        result = mastersctl(*command.split(), "--db-url", url)
        assert (result.code, result.out) == (code, ""), (command, result)
        assert result.err.count("\n") == 1, command
        errors += result.err
    assert contents(database) == before
    return errors


def test_a_user_with_rights_on_masters_alone_is_refused(server: ServerDatabase) -> None:
    with user(server) as grantee:
        grant(server, grantee, ["masters"])
        errors = assert_refused(server, grantee, NEEDY)
        assert errors.count("does not permit it") == len(NEEDY)
        url = url_of_user(server, grantee.partition("@")[0])
        for command in ("list", "list -o json", "check --min-active 0", "set-state heir active"):
            assert mastersctl(*command.split(), "--db-url", url).code == 0, command
        for command in ("list", "check --min-active 0"):
            result = mastersctl(*command.split(), "--db-url", url)
            unknown = "It is unknown which masters need housekeeping: The database "
            assert unknown in result.out + result.err, command
        assert "needing_housekeeping=U" in result.out
        found = mastersctl("check", "-o", "json", "--db-url", url).json
        assert found["needing_housekeeping"] is None
        metrics = mastersctl("check", "-o", "prometheus", "--db-url", url).out
        assert "buildbot_masters{" not in metrics  # which counts all builds
        assert "needing_housekeeping" not in metrics


@pytest.mark.parametrize(
    ("hidden", "commands"),
    [
        ("builds", (*NEEDY[:6], "list -o wide", "show gone")),
        ("buildrequest_claims", (*NEEDY[:6], "list -o wide", "show gone")),
        ("buildrequests", (*NEEDY[:6], "list -o wide", "show gone")),
        ("steps", (*CLEANING, "doctor")),
        ("sourcestamps", ("doctor", "doctor --fix --yes")),
        ("logs", CLEANING),
        ("connected_workers", (*CLEANING, "set-state gone inactive", "list -o wide", "show gone")),
        ("builder_masters", (*CLEANING, "set-state gone inactive", "list -o wide", "show gone",
                             "list --builder runtests")),
    ],
)  # fmt: skip
def test_one_table_that_a_user_may_not_read_is_refused(
    server: ServerDatabase, hidden: str, commands: tuple[str, ...]
) -> None:
    with user(server) as grantee:
        grant(server, grantee, [table for table in contents(server) if table != hidden])
        assert_refused(server, grantee, commands)


def test_a_hidden_table_of_another_schema_that_refers_to_a_master_keeps_it(
    server: ServerDatabase,
) -> None:
    server.execute("DELETE FROM builds")
    server.execute("DELETE FROM buildrequest_claims")
    other = f"other_{server.name}"
    server.execute(f"CREATE SCHEMA {other}")
    masters = "masters" if isinstance(server, PostgresDatabase) else f"{server.name}.masters"
    server.execute(
        f"CREATE TABLE {other}.notes (id INTEGER, masterid INTEGER NOT NULL, "
        f"FOREIGN KEY (masterid) REFERENCES {masters} (id) ON DELETE CASCADE)"
    )
    server.execute(f"INSERT INTO {other}.notes VALUES (1, 1)")
    with user(server) as grantee:
        grant(server, grantee, list(contents(server)))
        commands = ("remove gone --yes", "remove gone --yes --reassign-to heir")
        code = 4 if isinstance(server, PostgresDatabase) else 1
        errors = assert_refused(server, grantee, commands, code)
    assert server.execute(f"SELECT masterid FROM {other}.notes") == [(1,)]
    assert "permission denied" in errors or "that this user cannot see refer to" in errors
    server.execute(f"DELETE FROM {other}.notes")
    with user(server) as grantee:
        grant(server, grantee, list(contents(server)))
        if isinstance(server, MysqlDatabase):  # which is sure by then that nothing refers to it
            url = url_of_user(server, grantee.partition("@")[0])
            result = mastersctl("remove", "gone", "--yes", "--db-url", url)
            assert result.code == 0, result
            assert [row["name"] for row in contents(server)["masters"]] == ["heir"]


@pytest.mark.parametrize("view", ["masters", "builds"])
def test_a_view_is_not_taken_for_its_table(server: ServerDatabase, view: str) -> None:
    other = f"other_{server.name}"
    schema = "public" if isinstance(server, PostgresDatabase) else server.name
    server.execute(f"CREATE SCHEMA {other}")
    server.execute(f"CREATE VIEW {other}.{view} AS SELECT * FROM {schema}.{view} WHERE id < 102")
    if view == "builds":
        server.execute(f"CREATE TABLE {other}.masters AS SELECT * FROM {schema}.masters")
    url = server.url.replace(f"/{server.name}", f"/{other}")
    if isinstance(server, PostgresDatabase):
        url = f"{server.url}?options=-csearch_path%3D{other}"
    before = contents(server)
    for command in (*NEEDY[:7], "list -o wide"):
        result = mastersctl(*command.split(), "--db-url", url)
        assert (result.code, result.out) == (4, ""), (command, result)
        assert f"{view} is a view" in result.err
    assert contents(server) == before


# PostgreSQL alone


@pytest.fixture
def limited(postgres: PostgresServer) -> Iterator[tuple[PostgresDatabase, str]]:
    """A database, and a user with all rights on all of its tables."""
    database = PostgresDatabase(postgres, MADE_BY_BUILDBOT)
    add_belongings(database, add_master(database, "gone", last_active=5))
    add_master(database, "heir")
    with user(database) as grantee:
        grant(database, grantee, list(contents(database)))
        yield database, grantee


@pytest.mark.parametrize(
    ("table", "commands"),
    [
        ("builds", (*NEEDY[:6], "list -o wide", "show gone")),
        ("buildrequest_claims", NEEDY[:6]),
        ("scheduler_masters", ("housekeep", "set-state gone inactive", "list -o wide")),
        ("masters", ("list", "list -o json", "show gone", "check", "find gone", "find new",
                     "find gone --no-create", "set-state gone active", "rename gone a:/b",
                     "expire-all", "expire-all --unless-alive --dry-run", *NEEDY)),
    ],
)  # fmt: skip
def test_row_security_refuses_instead_of_leaving_rows_out(
    limited: tuple[PostgresDatabase, str],
    table: str,
    commands: tuple[str, ...],
) -> None:
    database, grantee = limited
    database.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    checks = tuple(command for command in commands if command == "check")
    others = tuple(command for command in commands if command != "check")
    errors = assert_refused(database, grantee, others)
    assert errors.count("row-level security") == len(others)
    for command in checks:
        result = mastersctl(command, "--db-url", url_of_user(database, grantee))
        assert (result.code, result.out[:15]) == (3, "MASTERS UNKNOWN")


def test_row_security_refuses_where_a_service_replaces_the_options(
    limited: tuple[PostgresDatabase, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database, grantee = limited
    database.execute("ALTER TABLE masters ENABLE ROW LEVEL SECURITY")
    (tmp_path / "services").write_text(
        f"[bb]\nhost=127.0.0.1\nport={database.server.port}\nuser={grantee}\n"
        f"dbname={database.name}\noptions=-csearch_path=public\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for command in ("list", "show gone", "find gone", "find new", "set-state gone active"):
        result = mastersctl(*command.split(), "--db-url", "postgresql:///?service=bb")
        assert (result.code, result.out) == (4, ""), command
        assert "row-level security" in result.err


def test_a_schema_of_the_path_that_is_not_usable_is_not_an_empty_one(
    limited: tuple[PostgresDatabase, str],
) -> None:
    database, grantee = limited
    database.execute("CREATE SCHEMA bb; ALTER TABLE builds SET SCHEMA bb")
    url = f"{url_of_user(database, grantee)}?options=-csearch_path%3Dpublic,bb"
    for command in ("list -o wide", "housekeep", "remove gone --yes", "show gone"):
        result = mastersctl(*command.split(), "--db-url", url)
        assert (result.code, result.out) == (4, ""), command
        assert "schema bb" in result.err
    database.execute("ALTER TABLE masters SET SCHEMA bb")
    for command in ("list", "find new", "init", "set-state gone active", "show gone"):
        result = mastersctl(*command.split(), "--db-url", url)
        assert (result.code, result.out) == (4, ""), command
        assert "schema bb" in result.err


def test_tables_of_two_schemas_are_not_those_of_one_cluster(
    limited: tuple[PostgresDatabase, str],
) -> None:
    database, _ = limited
    database.execute("CREATE SCHEMA ci; CREATE TABLE ci.masters (LIKE masters INCLUDING ALL)")
    database.execute("INSERT INTO ci.masters SELECT * FROM masters")
    before = contents(database)
    url = f"{database.url}?options=-csearch_path%3Dci,public"
    for command in ("housekeep", "remove gone --yes", "set-state gone inactive", "list -o wide"):
        result = mastersctl(*command.split(), "--db-url", url)
        assert (result.code, result.out) == (1, ""), command
        assert "in several schemas" in result.err
    assert contents(database) == before


# MariaDB and MySQL alone


def test_a_hidden_table_that_would_follow_a_change_loses_no_row(mysql_server: Server) -> None:
    database = MysqlDatabase(mysql_server)
    assert database.run("init").code == 0
    add_master(database, "gone")
    other = f"other_{database.name}"
    database.execute(f"CREATE SCHEMA {other}")
    database.execute(
        f"CREATE TABLE {other}.notes (masterid INTEGER, FOREIGN KEY (masterid) REFERENCES "
        f"{database.name}.masters (id) ON DELETE CASCADE ON UPDATE CASCADE)"
    )
    database.execute(f"INSERT INTO {other}.notes VALUES (1)")
    with user(database) as grantee:
        grant(database, grantee, [f"{database.name}.*"])
        url = url_of_user(database, grantee.partition("@")[0])
        assert mastersctl("remove", "gone", "--yes", "--db-url", url).code == 0
    assert database.execute(f"SELECT masterid FROM {other}.notes") == [(1,)]


def test_a_master_that_nothing_refers_to_keeps_no_other_id(mysql_server: Server) -> None:
    database = MysqlDatabase(mysql_server)
    assert database.run("init").code == 0
    ids = [add_master(database, name) for name in ("a", "b", "c")]
    database.execute("UPDATE masters SET id = 0 WHERE name = 'a'")
    assert database.run("remove", "0", ids[1], "--yes").code == 0
    assert database.execute("SELECT id, name FROM masters") == [(ids[2], "c")]
