"""Database URLs, compared with how SQLAlchemy reads them."""

import pytest
import sqlalchemy.exc
from hypothesis import example, given
from hypothesis import strategies as st

from mastersctl.config.url import DatabaseURL
from mastersctl.errors import InvalidValueError
from tests.support.commands import mastersctl

BASEDIR = "/srv/bb"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///state.sqlite", "/srv/bb/state.sqlite"),
        ("sqlite:////var/state.sqlite", "/var/state.sqlite"),
        ("sqlite:///../state.sqlite", "/srv/state.sqlite"),
        ("sqlite+pysqlite:///state.sqlite", "/srv/bb/state.sqlite"),
        ("sqlite:///%(basedir)s/state.sqlite", "/srv/bb/state.sqlite"),
        ("sqlite:////%(basedir)s/state.sqlite", "/srv/bb/state.sqlite"),
        ("sqlite:///100%%.sqlite", "/srv/bb/100%.sqlite"),
        ("sqlite:///a%20b.sqlite?serialize_access=1&timeout=30", "/srv/bb/a b.sqlite"),
    ],
)
def test_sqlite_paths_are_below_the_basedir(url: str, path: str) -> None:
    parsed = DatabaseURL(url, BASEDIR)
    assert (parsed.backend, parsed.database) == ("sqlite", path)


@pytest.mark.parametrize(
    "scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+asyncpg", "postgres+x"]
)
def test_the_name_of_a_driver_is_ignored(scheme: str) -> None:
    assert DatabaseURL(f"{scheme}://host/bb", BASEDIR).backend == "postgresql"


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("postgresql://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql://", {}),
        (
            "postgresql://us%40er:p%2Fw%25@h:5433/d",
            {"host": "h", "port": "5433", "user": "us@er", "password": "p/w%", "dbname": "d"},
        ),
        ("postgresql://u:a/b:c?d@h/d", {"host": "h", "user": "u", "password": "a/b:c?d",
                                        "dbname": "d"}),
        ("postgresql://[::1]:5433/d", {"host": "::1", "port": "5433", "dbname": "d"}),
        (
            "postgresql:///d?host=/run/postgresql&sslmode=require&application_name=a%20b",
            {"host": "/run/postgresql", "sslmode": "require", "application_name": "a b",
             "dbname": "d"},
        ),
        ("postgresql:///?service=bb", {"service": "bb"}),
        (
            "postgresql://u@/d?host=a:5432&host=b:5433&target_session_attrs=read-write",
            {"host": "a,b", "port": "5432,5433", "user": "u", "dbname": "d",
             "target_session_attrs": "read-write"},
        ),
        ("postgresql:///d?host=a,b&port=1,2", {"host": "a,b", "port": "1,2", "dbname": "d"}),
    ],
)  # fmt: skip
def test_a_server_is_reached_with_all_that_the_url_says(
    url: str, parameters: dict[str, str]
) -> None:
    assert DatabaseURL(url, BASEDIR).parts == parameters


@pytest.mark.parametrize(
    "url",
    [
        "",
        "state.sqlite",
        "sqlite:/state.sqlite",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://state.sqlite",
        "sqlite://user@/state.sqlite",
        "sqlite:///file:state.sqlite?uri=true",
        "sqlite:///a%00b",
        "sqlite:///a%b",
        "sqlite:///%(basedir)d/a",
        "sqlite:///%(other)s/a",
        "sqlite:///a?mode=ro",
        "sqlite:///\ud800",
        "postgresql://h/d?user=a@b",
        "postgresql://h/d?a=%ff",
        "oracle://host/db",
        "://",
        "postgresql://h:port/d",
        "postgresql://u:p@ss@h/d",
        "postgresql://h/d%00",
    ],
)
def test_an_impossible_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError):
        DatabaseURL(url, BASEDIR)


@pytest.mark.parametrize(
    "host",
    ["[1]1", "[::1]x", "[::1]x:5432", "[::1", "[::1:5432", "::1]", "h]", "h[:5432", "a[1]", "[]",
     "[a]b]", "[::1]]:5432"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_bracket_that_is_not_around_an_address_is_refused(scheme: str, host: str) -> None:
    result = mastersctl("list", "--db-url", f"{scheme}://u:hunter2@{host}/d")
    assert (result.code, result.out) == (2, "")
    assert "The host in the database URL has a bracket where none can be; write" in result.err
    assert result.err.count("\n") == 1
    assert "hunter2" not in result.err


SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@h/d",
        f"postgresql://u:%68{SECRET[1:]}@h/d",
        f"postgresql://:{SECRET}@h/d",
        f"postgresql://h/d?password={SECRET}",
        f"postgresql://h/d?user=u&sslpassword={SECRET}",
        f"sqlite://u:{SECRET}@h/d",
        f"postgresql:/u:{SECRET}@h/d",
        f"u:{SECRET}@h/d",
        f"postgresql://u:x@{SECRET}@h/d",
        f"postgresql://u/x:{SECRET}@h/d",
        f"postgresql://h:{SECRET}/d",
        f"oracle://u:{SECRET}@h/d",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    try:
        parsed = DatabaseURL(url, BASEDIR)
    except InvalidValueError as error:
        assert SECRET not in str(error) + repr(error.__context__)
    else:
        assert SECRET not in f"{parsed} {parsed!r} {parsed.scrub(f'user {SECRET} failed')}"


def test_a_password_is_hidden_as_the_url_writes_it_and_as_a_whole() -> None:
    url = DatabaseURL("postgresql://u:p%40ss1@h/d?sslpassword=p%40ss1%23more", BASEDIR)
    assert url.scrub("told p%40ss1, p@ss1 and p@ss1#more") == "told ***, *** and ***"


def test_a_path_may_be_as_long_as_the_system_has_it_and_no_longer() -> None:
    longest = "a/" * 2043 + "ab"  # 4088 bytes, below the eight of the base directory and a slash
    assert len(DatabaseURL(f"sqlite:///{longest}", BASEDIR).database) == 4096
    with pytest.raises(InvalidValueError, match="is 4097 bytes long; none can be longer than 4096"):
        DatabaseURL(f"sqlite:///{longest}c", BASEDIR)


def test_a_server_behind_the_scheme_of_sqlite_is_not_a_path() -> None:
    with pytest.raises(InvalidValueError, match="has a user and a host in it") as refused:
        DatabaseURL(f"sqlite:///u:{SECRET}@h/d", BASEDIR)
    assert SECRET not in str(refused.value)


TEXT = st.text(st.sampled_from("ab1:/@?&=%#[],.+-_ é"), max_size=8)


@given(TEXT, TEXT, TEXT, TEXT)
@example("", "", "[1]1", "")
@example("", "", "[::1]x:5432", "d")
def test_a_server_url_means_what_it_means_to_sqlalchemy(a: str, b: str, c: str, d: str) -> None:
    text = f"postgresql://{a}:{b}@{c}/{d}"
    try:
        ours = DatabaseURL(text, BASEDIR)
    except InvalidValueError:
        return  # we refuse more: what SQLAlchemy would take for a host or a database is no such
    try:
        theirs = sqlalchemy.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        pytest.fail(f"SQLAlchemy refuses {text}")
    assert ours.user == theirs.username
    assert ours.password == theirs.password
    assert ours.host == theirs.host
    assert int(ours.port or 0) == (theirs.port or 0)
    assert ours.database == (theirs.database or "")


@pytest.mark.parametrize("parameter", ["hostaddr=127.0.0.1", "sslkeylogfile=/tmp/keys"])
def test_what_would_write_a_file_or_give_a_password_away_is_refused(parameter: str) -> None:
    with pytest.raises(InvalidValueError, match="is refused"):
        DatabaseURL(f"postgresql://h/bb?{parameter}", BASEDIR)


@pytest.mark.parametrize("part", ["user%1b[m@h/d", "h/d%0a", "h/d?passfile=%1b]0;title%07"])
def test_a_part_that_does_not_print_is_refused_but_for_passwords(part: str) -> None:
    with pytest.raises(InvalidValueError, match="do not print"):
        DatabaseURL(f"postgresql://{part}", BASEDIR)
    assert DatabaseURL("postgresql://u:%1b@h/d", BASEDIR).password == "\x1b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:x@h:5433/d?sslmode=require", "postgresql://u:***@h:5433/d"),
        ("postgres://[::1]:5433/d", "postgresql://[::1]:5433/d"),
        ("postgresql://u@/d?host=/run/a", "postgresql://u@/d?host=/run/a"),
        ("postgresql://:5433/d?host=/run/a", "postgresql:///d?host=/run/a&port=5433"),
        ("postgresql:///d?host=a:1&host=b:2&password=x",
         "postgresql://:***@/d?host=a,b&port=1,2"),
        ("postgresql:///d?host=h&port=5433", "postgresql://h:5433/d"),
        ("postgresql://h/?dbname=d&user=u", "postgresql://u@h/d"),
        ("postgresql:///?service=ci&servicefile=/s", "postgresql:///?service=ci&servicefile=/s"),
        ("postgresql://h/d?options=-c%20search_path%3Dci%26x",
         "postgresql://h/d?options=-c%20search_path=ci%26x"),
        ("postgresql://h/d?target_session_attrs=read-write&application_name=x",
         "postgresql://h/d?target_session_attrs=read-write"),
        ("mysql://u:x@/d?unix_socket=/run/a&ssl_ca=/c&storage_engine=InnoDB",
         "mysql://u:***@/d?unix_socket=/run/a"),
        ("mysql:///?read_default_file=~/.my.cnf&read_default_group=ci",
         "mysql:///?read_default_file=~/.my.cnf&read_default_group=ci"),
    ],
)  # fmt: skip
def test_what_is_shown_says_which_database_is_meant(url: str, shown: str) -> None:
    assert str(DatabaseURL(url, BASEDIR)) == shown
    assert str(DatabaseURL(shown.replace("***", "x"), BASEDIR)) == shown


@pytest.mark.parametrize("password", ["buildbot", "5432", "d"])
def test_a_password_that_is_a_name_too_hides_neither_user_nor_database(password: str) -> None:
    url = DatabaseURL(f"postgresql://{password}:{password}@h/{password}", BASEDIR)
    assert str(url) == f"postgresql://{password}:***@h/{password}"
