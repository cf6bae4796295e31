"""A password reaches no output, no message and no exception, wherever it stands in a URL."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.errors import InvalidValueError, MastersctlError
from mastersctl.operations.connector import MastersConnector
from tests.support.commands import mastersctl, process
from tests.support.databases import LOCKED_USER, PASSWORD, PostgresDatabase, PostgresServer
from tests.support.hostile import SECRET
from tests.support.mysql import MariadbServer

SECRETS = [SECRET, PASSWORD, "p%w d:&=#?@/", "pässwörd☃", "'\"\\ $HOME"]
WELL_FORMED = [
    "postgresql://u:{quoted}@127.0.0.1:{port}/postgres",
    "postgresql://u:{quoted}@127.0.0.1:1/d",
    "postgresql://:{quoted}@127.0.0.1:1/d",
    "postgres://127.0.0.1:{port}/d?user=u&password={quoted}",
    "postgresql+psycopg2://u@127.0.0.1:{port}/d?password={quoted}",
    "postgresql://127.0.0.1:{port}/d?user=u&sslpassword={quoted}",
    "postgresql://u:{quoted}@127.0.0.1:1/d?password=other&nonsense={quoted}",
    "postgresql://u:{quoted}@127.0.0.1:1/d?sslmode={quoted}",
    "postgresql://u:{quoted}@/d?host=127.0.0.1:1&host=127.0.0.1:{port}",
]
MALFORMED = [
    "postgresql:/u:{plain}@h/d",
    "postgresql//u:{plain}@h/d",
    "postgresql:u:{plain}@h/d",
    "//u:{plain}@h/d",
    "u:{plain}@h/d",
    " postgresql://u:{plain}@h/d",
    "'postgresql://u:{plain}@h/d'",
    "postgresql://u:{plain}@h:port/d",
    "postgresql://u:{plain}@h:1:2/d",
    "postgresql://u:{plain}@[::1/d",
    "postgresql://u:{plain}",
    "postgresql://u:{plain}/d",
    "postgresql://u:x@{plain}@h/d",
    "postgresql://u:x/{plain}@h/d",
    "postgresql://u:{plain}%zz%ff@127.0.0.1:1/d",
    "postgresql://u:{plain}%00@127.0.0.1:1/d",
    "mysql://u:{plain}@h/d",
    "nonsense://u:{plain}@h/d",
    "sqlite://u:{plain}@h/d",
    "sqlite:///u:{plain}@h/d",
    "host=h user=u password={plain}",
]
COMMANDS = ["list", "list -v", "find m -v", "init", "show m", "set-state m active", "expire-all",
            "housekeep", "rename m n", "remove m --yes", "check", "doctor"]  # fmt: skip


def written(secret: str) -> set[str]:
    """Return a secret as it might be written."""
    forms = {secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1]}
    return forms | {secret.encode("unicode_escape").decode()}


def assert_hidden(secret: str, text: str) -> None:
    for form in written(secret):
        assert form not in text


@pytest.fixture
def urls(postgres: PostgresServer) -> list[tuple[str, str]]:
    """Secrets, each with a URL that it stands in."""
    pairs = [(secret, url) for secret in SECRETS for url in WELL_FORMED]
    pairs += [(SECRET, url) for url in MALFORMED]
    return [
        (secret, url.format(plain=secret, quoted=quote(secret, safe=""), port=postgres.port))
        for secret, url in pairs
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_password_in_an_option_is_not_printed(urls: list[tuple[str, str]], command: str) -> None:
    for secret, url in urls:
        result = mastersctl(*command.split(), "--timeout", 1, "--db-url", url)
        assert result.code in ((3,) if "check" in command else (2, 4))
        assert re.search("(?i)database|url", result.out + result.err)
        assert_hidden(secret, result.out + result.err)


@pytest.mark.parametrize("place", ["environment", "configuration"])
def test_a_password_elsewhere_is_not_printed(
    urls: list[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    for secret, url in urls:
        if place == "environment":
            monkeypatch.setenv("MASTERSCTL_DB_URL", url)
        else:
            (tmp_path / "buildbot.tac").touch()
            config = f"c = BuildmasterConfig = {{}}\nc['db'] = {{'db_url': {url!r}}}\n"
            (tmp_path / "master.cfg").write_text(config)
        result = mastersctl("list", "-v", "--timeout", 1)
        assert result.code in (2, 4)
        assert re.search("(?i)database|url", result.err)
        assert_hidden(secret, result.out + result.err)


MISPLACED = [
    "{url} list",
    "list {url}",
    "{url}",
    "list --timeout {url}",
    "list -o {url}",
    "list --filter {url}",
    "list --order {url}",
    "list --field {url}",
    "list --limit {url}",
    "list --builder {url}",
    "list --basedir {url}",
    "list --watch {url}",
    "show {url} --db-url {url}",
    "set-state 1 {url}",
    "set-state {url} {url}",
    "completion {url}",
    "housekeep --older-than {url}",
    "--{url}",
    "list --{url}",
    "check --timeout {url}",
    "check -o json --timeout {url}",
    "check -o json --basedir {url}",
    "check -o json --max-age {url}",
    "check -o json --{url}",
    "check -o prometheus --min-active {url}",
]


@pytest.mark.parametrize("arguments", MISPLACED)
def test_a_password_in_the_wrong_place_is_not_printed(arguments: str) -> None:
    for url in (
        f"postgresql://u:{SECRET}@127.0.0.1:1/d",
        f"postgresql://127.0.0.1:1/d?user=u&password={SECRET}",
        f"postgresql://u:{SECRET}\nforged@127.0.0.1:1/d",
        f"postgresql://u:{SECRET}{'x' * 5000}@127.0.0.1:1/d",
        f"postgresql://127.0.0.1:1/d?user=u&password=a'{SECRET}",
        f"host=h password='{SECRET}'",
        f"postgresql:/u:{SECRET}@h/d",
        f"postgresql:/u:{SECRET}/x@h/d",
        f"postgresql:/u:/{SECRET}@h/d",
        f"postgresql:/u:x@{SECRET}@h/d",
        f"postgresql:/u:{SECRET}/d",
        f"postgresql:u:{SECRET}@h/d",
        f"postgres//u:{SECRET}@h",
        f"postgresql://u:{SECRET}",
        f"mysql:/u:{SECRET}@h/d",
        f"mariadb+pymysql:/:x\n{SECRET}@h/d",
        f"pgsql:/u:{SECRET}@h",
        f"u:{SECRET}@h/d",
    ):
        result = mastersctl(*(part.format(url=url) for part in arguments.split()))
        assert result.code in ((3,) if "check" in arguments else (1, 2, 4))
        assert_hidden(SECRET, result.out + result.err)
        assert "\nforged" not in result.out + result.err


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("show build1:/srv/bb@2", "'build1:/srv/bb@2'"),
        ("show bb@build1:/srv/bb", "'bb@build1:/srv/bb'"),
        ("list --db-url mysql://127.0.0.1:1/d", "mysql://127.0.0.1:1/d cannot"),
        ("list --db-url postgresql://[::1]:1/d", "postgresql://[::1]:1/d cannot"),
    ],
)
def test_what_is_no_password_is_printed(word: str, shown: str) -> None:
    mastersctl("init")
    assert shown in mastersctl(*word.split(), "--timeout", 1).err


@pytest.mark.parametrize(
    "password", ["e", "connection", "refused", "Connection refused", "1", "at", ".", "password"]
)
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_password_that_is_a_word_of_a_message_leaves_the_message_as_it_is(
    kind: str, password: str
) -> None:
    said = []
    for one in (password, "other"):
        url = f"{kind}://u:{quote(one, safe='')}@127.0.0.1:1/d"
        result = mastersctl("list", "--timeout", 1, "--db-url", url)
        assert result.code == 4
        assert f"{kind}://u:***@127.0.0.1:1/d" in result.err
        said.append(result.err)
    assert said[0] == said[1]


# What the server and the driver repeat of a URL that has the password in a second place, too
REPEATED = [
    "/{secret}",
    "/postgres?sslmode={secret}",
    "/postgres?options={secret}",
    "/postgres?options=-c{secret}",
    "/postgres?options=-c%20{secret}",
    "/postgres?options=--{secret}",
    "/postgres?options=-c%20search_path%3D{secret}%20-c%20{secret}%3D1",
    "/postgres?service={secret}",
    "/postgres?host={secret}",
    "/postgres?host=127.0.0.1:1&host={secret}:1",
    "/postgres?host=%2Frun%2F{secret}",
    "/postgres?connect_timeout={secret}",
    "/postgres?target_session_attrs={secret}",
    "/postgres?{secret}=1",
    "/postgres?sslmode=require&sslcert={secret}",
]


@pytest.mark.parametrize("rest", REPEATED)
def test_a_password_that_stands_twice_is_not_printed(postgres: PostgresServer, rest: str) -> None:
    for secret in (SECRET, "sesame", PASSWORD):
        if secret == "sesame" and rest == "/{secret}":
            continue  # a name of a database like any other
        quoted = quote(secret, safe="")
        url = f"postgresql://postgres:{quoted}@127.0.0.1:{postgres.port}"
        result = mastersctl(
            "list", "-v", "--timeout", 1, "--db-url", url + rest.format(secret=quoted)
        )
        assert result.code in (1, 2, 4, 5)
        assert_hidden(secret, result.out + result.err)


def test_a_password_that_stands_twice_is_not_printed_by_mariadb(
    mariadb: MariadbServer,
) -> None:
    for rest in (
        "/{secret}",
        "/?unix_socket=/run/{secret}",
        "/?read_default_file={secret}",
        "/?ssl_ca={secret}",
        "/?{secret}=1",
    ):
        url = f"mysql://u:{SECRET}@127.0.0.1:{mariadb.port}{rest.format(secret=SECRET)}"
        result = process("list", "-v", "--timeout", 1, "--db-url", url)
        assert result.code in (2, 4)
        assert_hidden(SECRET, result.out + result.err)


def chain(error: BaseException | None) -> Iterator[str]:
    """Yield all that the exceptions say, of which `error` is the last."""
    while error is not None:
        yield f"{error} {error!r} {error.args!r} {getattr(error, '__notes__', '')}"
        yield from chain(error.__cause__)
        error = error.__context__


def test_a_password_is_in_no_exception(urls: list[tuple[str, str]]) -> None:
    for secret, text in urls:
        if "sslmode" in text:
            continue  # libpq's own error, which ours is raised from, repeats that value
        try:
            url = DatabaseURL(text, "/")
        except InvalidValueError as error:
            assert_hidden(secret, "".join(chain(error)))
            continue
        assert_hidden(secret, f"{url} {url!r}")
        with (
            pytest.raises(MastersctlError) as raised,
            opened(url, "write", 1) as database,
        ):
            MastersConnector(database).find_master_id("m")
        assert_hidden(secret, "".join(chain(raised.value)))


def test_a_password_that_is_right_is_not_printed(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    assert database.process("init").code == 0
    database.execute(f"GRANT ALL ON masters, masters_id_seq TO {LOCKED_USER}")
    url = database.url.replace("postgres@", f"{LOCKED_USER}:{quote(PASSWORD, safe='')}@")
    for command in ("find m -v", "list -v", "set-state m active -v", "check -v"):
        result = process(*command.split(), environment={"MASTERSCTL_DB_URL": url})
        assert result.code == 0
        assert f"{LOCKED_USER}:***@" in result.err
        assert_hidden(PASSWORD, result.out + result.err)
