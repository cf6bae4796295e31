"""Peewee for this package is without drivers, and for the rest of the program as it always is."""

import subprocess
import sys

from tests.support.databases import RealDatabase
from tests.support.rows import add_master

LIBRARY = """
import sys
from urllib.parse import urlsplit

import mastersctl.operations.connector
from mastersctl.database import opened
from mastersctl.config.url import DatabaseURL

assert not {"psycopg", "pymysql"} & set(sys.modules), "a driver was imported for nothing"
url = urlsplit(sys.argv[1])
with opened(DatabaseURL(sys.argv[1], "/"), "read", 10) as database:
    import peewee
    import playhouse.postgres_ext  # which is made of Peewee's drivers
    import playhouse.shortcuts

    if url.scheme == "sqlite":
        other = peewee.SqliteDatabase(url.path[1:])
    else:
        mysql = url.scheme.startswith("mysql")
        cls = peewee.MySQLDatabase if mysql else peewee.PostgresqlDatabase
        other = cls(url.path[1:], host=url.hostname, port=url.port, user=url.username)
    with other.atomic():
        rows = other.execute_sql("SELECT name FROM masters").fetchall()
    ((id_, name, *_),) = mastersctl.operations.connector.MastersConnector(database).get_masters()
    assert [tuple(row) for row in rows] == [(name,)], rows
    other.close()
print(name)
"""

FIRST = """
import peewee
from mastersctl.schema.master import Master
from mastersctl.database import Database
assert issubclass(Master, peewee.Model)
assert issubclass(Database, peewee.Database)
"""

ALONE = """
import pickle, sys
from mastersctl._peewee import peewee
error = pickle.loads(pickle.dumps(peewee.OperationalError("x")))
assert type(error) is peewee.OperationalError
assert "peewee" not in sys.modules
import peewee as whole
assert whole.psycopg and whole.mysql and whole.Psycopg3Adapter.txn_idle == 0
"""


def run(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_part_of_the_program_opens_the_same_database(database: RealDatabase) -> None:
    add_master(database, "m")
    assert run(LIBRARY, database.url) == "m\n"


def test_a_program_that_has_imported_peewee_shares_it() -> None:
    run(FIRST)


def test_the_copy_stands_for_itself_and_the_other_is_whole() -> None:
    run(ALONE)
