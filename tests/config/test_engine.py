"""What of ``engine_kwargs`` says which database is meant, as SQLAlchemy hands it to the driver."""

import re
from pathlib import Path
from typing import Any

import psycopg.conninfo
import pytest
import sqlalchemy

from mastersctl.config.location import locate
from mastersctl.config.mysql_parameters import to_pymysql
from tests.support.commands import mastersctl
from tests.support.databases import LOCKED_USER, PASSWORD, PostgresDatabase, PostgresServer
from tests.support.mysql import MariadbServer, MysqlDatabase
from tests.support.rows import add_master, masters

NOW = 1_700_000_000
URL = "postgresql://u@h:5433/d"


def configure(basedir: Path, url: str, engine_kwargs: str, before: str = "") -> None:
    """Make `basedir` a buildmaster's."""
    (basedir / "buildbot.tac").touch()
    db = f"{{'db_url': {url!r},\n 'engine_kwargs': {engine_kwargs}}}"
    (basedir / "master.cfg").write_text(f"{before}c = BuildmasterConfig = {{}}\nc['db'] = {db}\n")


@pytest.fixture
def schemas(postgres: PostgresServer) -> PostgresDatabase:
    """A database with one cluster in the schema ``ci``, and another team's in ``public``."""
    database = PostgresDatabase(postgres)
    for schema in ("public", "ci"):
        database.execute(
            f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.masters ("
            "id SERIAL PRIMARY KEY, name TEXT NOT NULL, name_hash VARCHAR(40) NOT NULL UNIQUE, "
            "active INTEGER NOT NULL, last_active INTEGER NOT NULL); "
            f"INSERT INTO {schema}.masters (name, name_hash, active, last_active) "
            f"VALUES ('{schema}:/', '{schema}', 1, 1)"
        )
    return database


def test_the_schema_that_connect_args_name_is_changed_and_no_other(
    schemas: PostgresDatabase, tmp_path: Path
) -> None:
    options = "'options': '-csearch_path=ci'"
    configure(tmp_path, schemas.url, f"{{'pool_size': 5, 'connect_args': {{{options}}}}}")
    result = mastersctl("expire-all", "-v")
    assert (result.code, result.out) == (0, "expired 1 master\n")
    assert f"Using {schemas.url}?options=-csearch_path=ci (from {tmp_path}/master.cfg:2)" in (
        result.err
    )
    assert schemas.execute("SELECT last_active FROM ci.masters") == [(0,)]
    assert schemas.execute("SELECT last_active FROM public.masters") == [(1,)]


def test_a_user_and_a_password_in_connect_args_log_in_and_are_not_shown(
    schemas: PostgresDatabase, tmp_path: Path
) -> None:
    schemas.execute(f"GRANT ALL ON masters TO {LOCKED_USER}")
    arguments = {"user": LOCKED_USER, "password": PASSWORD}
    configure(tmp_path, schemas.url, str({"connect_args": arguments}))
    result = mastersctl("list", "-o", "id", "-v")
    assert (result.code, result.out) == (0, "1\n")
    assert f"//{LOCKED_USER}:***@" in result.err
    assert PASSWORD not in result.err
    for wrong in ("s3cret", "locked", "role"):
        for more in ({}, {"dbname": wrong}, {"sslmode": wrong}, {"host": wrong}):
            configure(tmp_path, schemas.url, str({"connect_args": arguments | {"password": wrong}
                                                  | more}))  # fmt: skip
            result = mastersctl("list", "-v", "--timeout", 1)
            assert result.code == 4
            assert f"Using postgresql://{LOCKED_USER}:***@" in result.err
            if wrong == "s3cret":
                assert wrong not in result.out + result.err


def test_the_database_that_connect_args_name_is_changed_on_mariadb(
    mariadb: MariadbServer, tmp_path: Path
) -> None:
    ours, theirs = MysqlDatabase(mariadb), MysqlDatabase(mariadb)
    for database in (ours, theirs):
        database.run("init")
        add_master(database, "m:/", active=1, last_active=NOW)
    url = theirs.url.replace("mysql+", "mariadb+")
    # a user whom Buildbot's driver would be told, in the names of mysqlclient
    arguments = {"db": ours.name, "user": "root", "passwd": "", "charset": "utf8mb4"}
    configure(tmp_path, url, str({"connect_args": arguments}))
    assert mastersctl("expire-all").out == "expired 1 master\n"
    assert [row[3] for database in (ours, theirs) for row in masters(database)] == [0, NOW]
    socket = str(mariadb.data / "socket")
    configure(tmp_path, url, str({"connect_args": {"unix_socket": socket, "port": 1}}))
    result = mastersctl("list", "-v", "-o", "id")
    assert (result.code, result.out) == (0, "1\n")
    assert f"/{theirs.name}?unix_socket={socket} (from" in result.err


def test_what_buildbot_overwrites_for_mysql_is_refused(tmp_path: Path) -> None:
    configure(tmp_path, "mysql+pymysql://u@h/d", "{'connect_args': {'database': 'other'}}")
    result = mastersctl("list")
    assert result.code == 1
    problem = "c['db']['engine_kwargs']['connect_args']['database'] is overwritten by Buildbot"
    assert f"master.cfg:3: {problem}" in result.err


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (URL, {"options": "-csearch_path=ci", "sslmode": "disable"}),
        (URL, {"host": "other", "port": 5434, "user": "me", "dbname": "ci", "password": "x y"}),
        (URL, {"host": "/run/b"}),
        (URL, {"host": None, "port": None}),
        (URL, {"keepalives": True, "connect_timeout": 3}),
        (f"{URL}?options=-ca%3Db&sslmode=require&service=a", {"options": "", "service": "ci"}),
        ("postgresql:///?host=a:1&host=b:2", {"database": "d", "port": "3,4"}),
        ("postgresql:///d?host=a:1&host=b:2", {"host": "c", "target_session_attrs": "any"}),
    ],
)
def test_a_server_gets_what_sqlalchemy_passes_to_it(
    tmp_path: Path, url: str, arguments: dict[str, Any]
) -> None:
    configure(tmp_path, url, str({"connect_args": arguments}))
    parsed = sqlalchemy.make_url(url.replace("postgresql", "postgresql+psycopg"))
    _, theirs = sqlalchemy.create_engine(parsed).dialect.create_connect_args(parsed)
    theirs = {
        {"database": "dbname"}.get(name, name): (  # as psycopg2 has it
            ",".join(value) if isinstance(value, tuple) else value
        )
        for name, value in {**theirs, **arguments}.items()
        if name != "context"
    }
    ours = locate(None, str(tmp_path), {}).url.parts
    conninfo = psycopg.conninfo.conninfo_to_dict
    assert conninfo("", **ours) == conninfo(psycopg.conninfo.make_conninfo("", **theirs))


OVERLOOKED = [
    "{}",
    "{'pool_size': 5, 'max_overflow': f(), 'pool_recycle': -1, 'pool_pre_ping': True}",
    "{'pool_timeout': 3, 'pool_use_lifo': True, 'echo': True, 'echo_pool': 'debug'}",
    "dict(isolation_level='AUTOCOMMIT', future=True, hide_parameters=True, logging_name='x')",
    "{'poolclass': sqlalchemy.pool.NullPool, 'json_serializer': dumps}",
    "{'execution_options': {'isolation_level': 'AUTOCOMMIT'}}",
    "{'connect_args': {}}",
]
OF_A_DRIVER = [
    ("sqlite:///x", "{'timeout': 30, 'check_same_thread': False, 'isolation_level': None}"),
    (URL, "{'prepare_threshold': None, 'cursor_factory': x.DictCursor}"),
    ("mariadb://u@h/d", "{'connect_timeout': 3, 'charset': 'utf8mb4', 'ssl': {}, 'conv': x()}"),
    ("mysql://u@h/d", "{'connect_timeout': 3, 'charset': 'utf8mb4'}"),
]


@pytest.mark.parametrize(
    ("url", "engine_kwargs"),
    [
        *((url, kwargs) for url in ("sqlite:///x", URL, "mysql://u@h/d") for kwargs in OVERLOOKED),
        *((url, f"{{'connect_args': {arguments}}}") for url, arguments in OF_A_DRIVER),
    ],
)
def test_what_cannot_mean_another_database_is_ignored(
    tmp_path: Path, url: str, engine_kwargs: str
) -> None:
    configure(tmp_path, url, engine_kwargs)
    shown = str(locate(None, str(tmp_path), {}).url)
    assert shown == url.replace("///x", f"///{tmp_path}/x").replace("mariadb:", "mysql:")


def test_the_certificates_of_connect_args_are_passed_on(tmp_path: Path) -> None:
    ssl = {"ca": "/ca", "cert": "/cert", "key": "/key", "check_hostname": True}
    configure(tmp_path, "mysql://h/d", str({"connect_args": {"ssl": ssl}}))
    assert to_pymysql(locate(None, str(tmp_path), {}).url.parts) == {
        "host": "h",
        "database": "d",
        "ssl": ssl,
    }


def test_certificates_may_be_named_beside_a_url_of_mysql(tmp_path: Path) -> None:
    configure(tmp_path, "mysql://h/d", "{'connect_args': {'ssl_ca': '/ca'}}")
    told = to_pymysql(locate(None, str(tmp_path), {}).url.parts)
    assert told == {"host": "h", "database": "d", "ssl": {"ca": "/ca"}}


def test_a_verification_in_connect_args_is_passed_on(tmp_path: Path) -> None:
    for written, mode in (("True", True), ("1", True), ("'required'", True), ("False", False)):
        arguments = f"{{'ssl': {{'ca': '/ca', 'verify_mode': {written}}}}}"
        configure(tmp_path, "mysql://h/d", f"{{'connect_args': {arguments}}}")
        told = to_pymysql(locate(None, str(tmp_path), {}).url.parts)
        assert told["ssl"]["verify_mode"] is mode


REFUSED = [
    (URL, "f()"),
    (URL, "None"),
    (URL, "{**settings}"),
    (URL, "{key: 1}"),
    (URL, "{'creator': connect}"),
    (URL, "{'creator': None}"),
    (URL, "{'module': psycopg}"),
    (URL, "{'pool': pool}"),
    (URL, "{'plugins': ['x']}"),
    (URL, "{'execution_options': {'schema_translate_map': {None: 'ci'}}}"),
    (URL, "{'execution_options': options}"),
    (URL, "{'pool_sise': 5}"),
    (URL, "{'connect_args': f()}"),
    (URL, "{'connect_args': {**f()}}"),
    (URL, "{'connect_args': {'options': f()}}"),
    (URL, "{'connect_args': {'options': b'-c'}}"),
    (URL, "{'connect_args': {'options': ('-c',)}}"),
    (URL, "{'connect_args': {'hostaddr': '127.0.0.1'}}"),
    (URL, "{'connect_args': {'sslkeylogfile': '/x'}}"),
    (URL, "{'connect_args': {'dsn': 'host=other'}}"),
    (URL, "{'connect_args': {'connection_factory': C}}"),
    (URL, "{'connect_args': {'server_settings': {'search_path': 'ci'}}}"),
    (URL, "{'connect_args': {'dbname': 'a', 'database': 'b'}}"),
    ("sqlite:///x", "{'connect_args': {'uri': True}}"),
    ("sqlite:///x", "{'connect_args': {'factory': C}}"),
    ("sqlite:///x", "{'connect_args': {'database': 'other'}}"),
    ("mariadb://h/d", "{'connect_args': {'init_command': 'USE other'}}"),
    ("mariadb://h/d", "{'connect_args': {'auth_plugin_map': {}}}"),
    ("mariadb://h/d", "{'connect_args': {'ssl': context}}"),
    ("mariadb://h/d", "{'connect_args': {'ssl': {'capath': '/'}}}"),
    ("mysql://h/d", "{'connect_args': {'host': 'other'}}"),
]


@pytest.mark.parametrize(("url", "engine_kwargs"), REFUSED)
def test_what_may_mean_another_database_is_refused_with_file_and_line(
    tmp_path: Path, url: str, engine_kwargs: str
) -> None:
    configure(tmp_path, url, engine_kwargs)
    result = mastersctl("list")
    assert (result.code, result.out) == (1, "")
    place = re.escape(f"{tmp_path}/master.cfg:3: c['db']['engine_kwargs']")
    assert re.match(f"Error: {place}.* or --db-url.\n$", result.err)


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ("def f():\n    a['options'] = '-cy=y'\nf()", "-cy=y"),
        ("a['options'] += 'y'", "-cx=yy"),
        ("a |= {'options': '-cy=y'}", "-cy=y"),
        ("for k2 in ('options', 'host'):\n    a[k2] = '-cy=y'\ndel a['host']", "-cy=y"),
    ],
)
def test_what_is_changed_before_is_followed(tmp_path: Path, change: str, options: str) -> None:
    before = f"a = {{'options': '-cx=y'}}\nk = {{'connect_args': a}}\n{change}\n"
    configure(tmp_path, URL, "k", before)
    assert locate(None, str(tmp_path), {}).url.parts.get("options") == options


@pytest.mark.parametrize(
    "change",
    [
        "if x:\n    a['options'] = 'y'",
        "if x:\n    del a['options']",
        "for a['options'] in f(): pass",
        "f(a)",
        "if x:\n    k['creator'] = f",
        "if x:\n    k['connect_args']['options'] = 'y'",
    ],
)
def test_what_may_be_changed_before_is_refused(tmp_path: Path, change: str) -> None:
    before = f"a = {{'options': '-cx=y'}}\nk = {{'connect_args': a}}\n{change}\n"
    configure(tmp_path, URL, "k", before)
    result = mastersctl("list")
    assert result.code == 1
    assert re.search(r"master\.cfg:\d: c\['db'\]\['engine_kwargs'\].* (is|depends) ", result.err)


@pytest.mark.parametrize(
    "program",
    [
        "c['db'] = {'db_url': U}\nc['db']['engine_kwargs'] = {'connect_args': {'options': O}}",
        "c['db'] = dict(db_url=U, engine_kwargs=dict(connect_args=dict(options=O)))",
        "k = {}\nk['connect_args'] = {}\nk['connect_args']['options'] = O\n"
        "c['db'] = {'db_url': U, 'engine_kwargs': k}",
        "import os\nc['db'] = {'db_url': U, 'engine_kwargs': {'connect_args': {"
        "'options': os.environ['OPTIONS']}}}",
    ],
)
def test_literals_are_understood_in_every_form(tmp_path: Path, program: str) -> None:
    (tmp_path / "buildbot.tac").touch()
    start = f"U = {URL!r}\nO = '-csearch_path=ci'\nc = BuildmasterConfig = {{}}\n"
    (tmp_path / "master.cfg").write_text(start + program)
    location = locate(None, str(tmp_path), {"OPTIONS": "-csearch_path=ci"})
    assert str(location.url) == f"{URL}?options=-csearch_path=ci"


def test_a_default_in_connect_args_is_noted(tmp_path: Path) -> None:
    options = "os.environ.get('OPTIONS', '-csearch_path=ci')"
    configure(tmp_path, URL, f"{{'connect_args': {{'options': {options}}}}}", "import os\n")
    (note,) = locate(None, str(tmp_path), {}).notes
    assert note.startswith(f"{tmp_path}/master.cfg:4: c['db']['engine_kwargs']['connect_args']")
    assert "'OPTIONS', which is not set here; set it" in note
