"""Makes databases and configurations of given sizes."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg

from mastersctl.schema.master import name_hash

NOW = 1_795_000_000  # epoch seconds
_YEARS = 3 * 365 * 86400  # seconds, the span of the times at which masters were active last
_COLUMNS = "id, name, name_hash, active, last_active"


def name(number: int) -> str:
    """Return the name of a master."""
    return f"build{number}.example.com:/srv/buildbot/master{number % 10}"


def _masters(count: int) -> Iterator[tuple[int, str, str, int, int]]:
    dice = random.Random(count)  # the same each time
    for number in range(1, count + 1):
        last_active = NOW - dice.randrange(_YEARS)
        yield number, name(number), name_hash(name(number)), number % 3 // 2, last_active


def make_sqlite(template: Path, path: Path, masters: int) -> Path:
    """Make a database with masters from an empty one that no process has open."""
    shutil.copy(template, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        insert = f"INSERT INTO masters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
        connection.execute("DELETE FROM masters")
        connection.executemany(insert, _masters(masters))
    return path


def make_linked(template: Path, path: Path, builders: int) -> Path:
    """Make a database with one master that has `builders` builders."""
    make_sqlite(template, path, 1)
    ids = range(1, builders + 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO builders (id, name, name_hash) VALUES (?, ?, ?)",
            ((id_, f"builder{id_}", name_hash(f"builder{id_}")) for id_ in ids),
        )
        connection.executemany(
            "INSERT INTO builder_masters (builderid, masterid) VALUES (?, 1)",
            ((id_,) for id_ in ids),
        )
    return path


_BUILDER = """
c["workers"].append(worker.Worker("bot{number}", "pass", max_builds=2))

# What this builder does.
factory{number} = util.BuildFactory()
factory{number}.addStep(steps.Git(repourl="git://example.com/{number}.git", mode="incremental"))
factory{number}.addStep(steps.ShellCommand(command=["make", "check"], env={{"LANG": "C"}}))

c["builders"].append(
    util.BuilderConfig(
        name="tests{number}",
        workernames=["bot{number}"],
        factory=factory{number},
    )
)
"""


def make_configured(path: Path, database: Path, lines: int) -> Path:
    """Make a buildmaster's directory with that database and a configuration of `lines` lines."""
    names = "c = BuildmasterConfig = {'workers': [], 'builders': []}"
    builders = "".join(
        _BUILDER.format(number=number) for number in range(lines // _BUILDER.count("\n"))
    )
    url = f"c['db'] = {{'db_url': 'sqlite:///{database}'}}"
    path.mkdir()
    (path / "buildbot.tac").write_text("basedir = '.'\nconfigfile = 'master.cfg'\n")
    (path / "master.cfg").write_text(
        f"from buildbot.plugins import *\n{names}\n{builders}\n{url}\n"
    )
    return path


def fill_postgres(url: str, masters: int) -> None:
    """Add masters to an empty PostgreSQL database."""
    with psycopg.connect(url) as connection:
        insert = f"INSERT INTO masters ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s)"
        connection.cursor().executemany(insert, [*_masters(masters)])
