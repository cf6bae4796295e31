"""The comparisons: commands, their peers, and the bounds of the ratios."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.data import name
from benchmarks.measure import Command
from tests.support.buildbots import call_command

_COLUMNS = "SELECT id, name, active, last_active FROM masters"
_IMPORTS = "import click, peewee"


class Setting(NamedTuple):
    """The programs and databases that the commands use.

    Attributes:
        bare, full: the Pythons of `benchmarks.environments`.
        basedir: the directory of a buildmaster.
        configured: another one, with a configuration of 3,000 lines and the database `ten`.
        ten, table, large, many: SQLite databases with 10, 10,000, 100,000 and `most` masters.
        linked: an SQLite database with one master that has 150,000 builders.
        scratch: a path for a copy of `many`.
        postgres: the URL of a PostgreSQL database with ten masters.
        psql: the program psql of that server's package.
    """

    bare: Path
    full: Path
    basedir: Path
    configured: Path
    ten: Path
    table: Path
    large: Path
    linked: Path
    many: Path
    scratch: Path
    most: int
    postgres: str
    psql: Path

    def ours(self, database: Path | str, *arguments: object) -> Command:
        """Return a command of mastersctl."""
        url = f"sqlite:///{database}" if isinstance(database, Path) else database
        most = f"{self.most:,}"
        sizes = {
            self.ten: "10",
            self.table: "10,000",
            self.large: "100,000",
            self.linked: "150,000 links",
            self.many: most,
            self.scratch: most,
        }
        size = sizes[database] if isinstance(database, Path) else "10, PostgreSQL"
        label = " ".join("NAME" if ":" in str(word) else str(word) for word in arguments)
        program = self.full.with_name("mastersctl")
        return Command(f"{label} ({size})", [program, "--db-url", url, *arguments])

    def shell(self, database: Path, option: str, sql: str) -> Command:
        """Return a command of the sqlite3 shell."""
        return Command(f"sqlite3 {option}", ["sqlite3", option, database, sql])


class Comparison(NamedTuple):
    """A command and its peer.

    Attributes:
        bound: the highest allowed ratio of the costs; None if there is no bound.
        start: a command that measures the start-up, whose cost is subtracted from `ours`.
        figure: the compared figure.
        slow: whether fewer runs are enough.
    """

    ours: Command
    peer: Command
    bound: float | None
    start: Command | None = None
    figure: Literal["time", "memory"] = "time"
    slow: bool = False


def comparisons(setting: Setting) -> Iterator[Comparison]:
    """Yield all comparisons in the order of the table."""
    yield from _start_up(setting)
    yield from _server(setting)
    yield from _buildbot(setting)
    yield from _formats(setting)
    yield from _many_and_few(setting)
    yield from _expiry(setting)
    yield from _queries(setting)


def _small(masterid: int) -> list[list[object]]:
    """Return the commands that hooks and scripts call most, for one master."""
    return [
        ["find", name(masterid)],
        ["set-state", masterid, "active"],
        ["set-state", masterid, "inactive"],
        ["show", masterid, "-o", "json"],
    ]


_LIST: list[object] = ["list", "-o", "json"]


def _start_up(setting: Setting) -> Iterator[Comparison]:
    imports = Command(_IMPORTS, [setting.bare, "-c", _IMPORTS])
    for arguments in [*_small(3), _LIST]:
        yield Comparison(setting.ours(setting.ten, *arguments), imports, 1.15)
    yield Comparison(setting.ours(setting.ten, "list"), setting.ours(setting.ten, *_LIST), 1.05)
    program = setting.full.with_name("mastersctl")
    arguments = ["--basedir", setting.configured, *_LIST]
    configured = Command("--basedir (3,000 lines) list -o json (10)", [program, *arguments])
    yield Comparison(configured, setting.ours(setting.ten, *_LIST), None)
    click = Command("import click", [setting.bare, "-c", "import click"])
    for words in (["--help"], ["--version"], ["completion", "bash"]):
        ours = Command(" ".join(words), [setting.full.with_name("mastersctl"), *words])
        yield Comparison(ours, click, 1.15)


def _server(setting: Setting) -> Iterator[Comparison]:
    imports = Command(f"{_IMPORTS}, psycopg", [setting.full, "-c", f"{_IMPORTS}, psycopg"])
    for arguments in [*_small(3), _LIST]:
        yield Comparison(setting.ours(setting.postgres, *arguments), imports, 1.15)
    psql = Command("psql --csv", [setting.psql, setting.postgres, "--csv", "-c", _COLUMNS])
    yield Comparison(setting.ours(setting.postgres, "list", "-o", "csv"), psql, None)


def _buildbot(setting: Setting) -> Iterator[Comparison]:
    calls: tuple[tuple[object, ...], ...] = (
        ("findMasterId", name(3)),
        ("setMasterState", 3, True),
        ("setMasterState", 3, False),
        ("getMaster", 3),
        ("getMasters",),
    )
    for arguments, (call, *values) in zip([*_small(3), _LIST], calls, strict=True):
        url = f"sqlite:///{setting.ten}"
        argv = call_command(url, setting.basedir, [(f"db.masters.{call}", *values)])
        peer = Command(f"Buildbot's {call}", argv)
        yield Comparison(setting.ours(setting.ten, *arguments), peer, 0.12, slow=True)


def _formats(setting: Setting) -> Iterator[Comparison]:
    for format_, option in (("jsonl", "-json"), ("csv", "-csv")):
        many = setting.ours(setting.many, "list", "-o", format_)
        few = setting.ours(setting.ten, "list", "-o", format_)
        shell = setting.shell(setting.many, option, f"{_COLUMNS} ORDER BY id")
        yield Comparison(many, shell, 4, slow=True)
        yield Comparison(many, few, 1.3, figure="memory", slow=True)
    for database in (setting.table, setting.large):
        lines = setting.ours(database, "list", "-o", "jsonl")
        yield Comparison(setting.ours(database, "list"), lines, 2, slow=True)
    names = "SELECT name, builders.id FROM builders JOIN builder_masters ON builderid = builders.id"
    shell = setting.shell(setting.linked, "-csv", f"{names} WHERE masterid = 1")
    yield Comparison(setting.ours(setting.linked, "show", 1), shell, None, slow=True)


def _many_and_few(setting: Setting) -> Iterator[Comparison]:
    for last, third in zip(_small(setting.most), _small(3), strict=True):
        many, few = setting.ours(setting.many, *last), setting.ours(setting.ten, *third)
        yield Comparison(many, few, 1.05)


def _expiry(setting: Setting) -> Iterator[Comparison]:
    def renew() -> None:  # or only the first run would change anything
        for suffix in ("-wal", "-shm"):
            Path(f"{setting.scratch}{suffix}").unlink(missing_ok=True)
        shutil.copy(setting.many, setting.scratch)

    ours = setting.ours(setting.scratch, "expire-all")._replace(prepare=renew)
    update = "UPDATE masters SET active = 1, last_active = 0"
    shell = setting.shell(setting.scratch, "-batch", update)._replace(prepare=renew)
    yield Comparison(ours, shell, 1.5, slow=True)


def _queries(setting: Setting) -> Iterator[Comparison]:
    now = int(time.time())
    start = setting.ours(setting.ten, "list", "-o", "csv")
    for options, clauses, offset in (
        (
            ["--filter", "name__contains=99"],
            "WHERE instr(name, '99') > 0 ORDER BY id",
            setting.most // 100,
        ),
        (
            ["--stale", "--order", "-last_active"],
            f"WHERE active <> 0 AND last_active <> 0 AND last_active < {now - 600} "
            "ORDER BY last_active DESC, id",
            setting.most // 10,
        ),
        (
            ["--inactive", "--filter", "last_active__lt=30d"],
            f"WHERE active = 0 AND last_active < {now - 30 * 86400} ORDER BY id",
            setting.most // 2,
        ),
        (["--order", "name"], "ORDER BY name, id", setting.most // 2),
    ):
        page = ["--limit", 10, "--offset", offset]
        sql = f"{_COLUMNS} {clauses} LIMIT 10 OFFSET {offset}"
        ours = setting.ours(setting.many, "list", "-o", "csv", *options, *page)
        yield Comparison(ours, setting.shell(setting.many, "-csv", sql), 1.5, start, slow=True)
