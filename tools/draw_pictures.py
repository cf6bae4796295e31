"""Draw the pictures of the README: what mastersctl prints on a terminal, as SVG.

``python tools/draw_pictures.py`` draws them anew, in ``pictures`` or the directory it is given. It
runs the tool on a cluster of its own, by a clock that stands still: the same code draws the same.
"""

import html
import io
import re
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

from mastersctl._peewee import peewee
from mastersctl.schema import related
from mastersctl.schema.master import Master, name_hash

PICTURES_DIRECTORY = Path(__file__).parent.parent / "pictures"
NOW = 1_795_516_511  # 2026-11-24 10:35:11 UTC
MINUTE, DAY = 60, 24 * 60 * 60
COLUMNS = 80

PICTURES = {
    "list": "list",
    "show": "show build3:/srv/bb",
    "watch": "list --watch",
    "housekeep": "housekeep",
    "doctor": "doctor",
}
"""The commands, by the name of the picture, in the order in which they run."""
CHANGES = {
    "watch": ["UPDATE masters SET active = 0 WHERE name = 'build3:/srv/bb'"],
    "doctor": ["DELETE FROM masters WHERE name = 'build3:/srv/bb'"],
}
"""What happens in the database while the command of a picture runs, or before."""
_TEXT = (
    r'<text(?P<before>[^>]*) x="(?P<x>[^"]*)"(?P<between>[^>]*) '
    r'textLength="(?P<length>[^"]*)"(?P<rest>[^>]*)>(?P<text>[^<]*)</text>'
)
_HOME = "\x1b[H"
_REVERSE = r"\x1b\[(\d+;)*7[;m]"  # what marks a change

_RUN = """
import sys, time_machine
from mastersctl.cli import main
time_machine.travel(float(sys.argv.pop(1)), tick=False).start()
main()
"""

# Rich's own fetches a font from the network, and leaves a margin.
_FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
  font-variant-east-asian: full-width;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

_MASTERS = [  # the name, whether it is active, and the age of its last check-in
    ("build1:/srv/bb", 1, 25),
    ("build2:/srv/bb", 1, 41),
    ("build3:/srv/bb", 1, 13 * MINUTE),
    ("oldhost:/srv/bb", 0, 130 * DAY),
]
_BELONGINGS: dict[type[peewee.Model], list[dict[str, object]]] = {
    related.Scheduler: [{"id": 1, "name": "nightly"}, {"id": 2, "name": "on-push"}],
    related.SchedulerMaster: [
        {"schedulerid": 1, "masterid": 1},
        {"schedulerid": 2, "masterid": 3},
    ],
    related.ChangeSource: [{"id": 1, "name": "git-poller"}],
    related.ChangeSourceMaster: [{"changesourceid": 1, "masterid": 3}],
    related.Builder: [
        {"id": 1, "name": "linux", "name_hash": name_hash("linux")},
        {"id": 2, "name": "docs", "name_hash": name_hash("docs")},
    ],
    related.BuilderMaster: [
        {"id": 1, "builderid": 1, "masterid": 1},
        {"id": 2, "builderid": 1, "masterid": 2},
        {"id": 3, "builderid": 1, "masterid": 3},
        {"id": 4, "builderid": 2, "masterid": 3},
    ],
    related.Worker: [{"id": 5, "name": "worker5"}],
    related.ConfiguredWorker: [{"id": 9, "buildermasterid": 3, "workerid": 5}],
    related.ConnectedWorker: [{"id": 6, "masterid": 3, "workerid": 5}],
    related.BuildRequest: [
        {"id": 1204, "builderid": 1, "complete": 0, "submitted_at": 0},
        {"id": 1207, "builderid": 2, "complete": 0, "submitted_at": 0},
    ],
    related.BuildRequestClaim: [
        {"brid": 1204, "masterid": 3, "claimed_at": NOW - 19 * MINUTE},
        {"brid": 1207, "masterid": 3, "claimed_at": NOW - 14 * MINUTE},
    ],
    related.Build: [
        {"id": 991, "number": 311, "builderid": 1, "masterid": 3, "started_at": NOW - 19 * MINUTE},
    ],
    related.Step: [
        {"id": 4120, "buildid": 991, "hidden": 0},
        {"id": 4121, "buildid": 991, "hidden": 0},
    ],
    related.Log: [{"id": 4119, "stepid": 4120, "complete": 0}],
}


def make_database(path: Path) -> None:
    """Make the database of a cluster, one of whose masters died while it was building."""
    models: list[type[peewee.Model]] = [Master, *_BELONGINGS]
    database = peewee.SqliteDatabase(str(path))
    with database.bind_ctx(models), database:
        database.create_tables(models)
        for name, active, age in _MASTERS:
            Master.create(
                name=name, name_hash=name_hash(name), active=active, last_active=NOW - age
            )
        for model, rows in _BELONGINGS.items():
            model.insert_many(rows).execute()


def on_terminal(command: str, directory: Path, changes: Sequence[str] = ()) -> str:
    """Run a command of mastersctl in a directory, and return what is on the terminal.

    Parameters:
        changes: statements that are executed in the database before; or, where the command draws
            again and again, while it runs: the picture is what marks that.
    """
    child = pexpect.spawn(
        sys.executable,
        ["-c", _RUN, str(NOW), *command.split()],
        dimensions=(50, COLUMNS),
        cwd=directory,
        env={"TERM": "xterm-256color", "LANG": "C.UTF-8"},
        encoding="utf-8",
    )
    if "--watch" not in command:
        child.expect(pexpect.EOF)
        return str(child.before or "")
    child.expect("oldhost")
    execute(directory, changes)
    child.expect(_REVERSE)
    frame = str(child.before).rpartition(_HOME)[2] + str(child.after)
    child.expect_exact(_HOME)
    frame += str(child.before)
    child.close(force=True)
    return frame.replace(f"sqlite:///{directory}", "sqlite:////srv/bb")


def execute(directory: Path, statements: Sequence[str]) -> None:
    """Execute statements in the database of the cluster."""
    with closing(sqlite3.connect(directory / "state.sqlite")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def draw(command: str, printed: str, unique_id: str) -> str:
    """Return the picture of a command and of what it printed."""
    console = Console(file=io.StringIO(), record=True, width=COLUMNS)
    console.print(Text.assemble("$ ", (f"mastersctl {command}", "bold")))
    console.print(Text.from_ansi(printed.rstrip().replace("\r\n", "\n")))
    svg = console.export_svg(title="", code_format=_FORMAT, unique_id=unique_id)
    return re.sub(_TEXT, _words_apart, svg)


def _words_apart(match: re.Match[str]) -> str:
    """Return an element for each word of a text: columns stay aligned in whatever font."""
    start, rest = float(match["x"]), match["rest"]
    shown = html.unescape(match["text"])
    cell = float(match["length"]) / len(shown)
    return "".join(
        f'<text{match["before"]} x="{start + word.start() * cell:g}"{match["between"]} '
        f'textLength="{len(word[0]) * cell:g}"{rest}>{html.escape(word[0])}</text>'
        for word in re.finditer(r"\S+", shown)
    )


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        make_database(Path(directory) / "state.sqlite")
        for picture, command in PICTURES.items():
            changes = CHANGES.get(picture, ())
            if "--watch" not in command:
                execute(Path(directory), changes)
            printed = on_terminal(command, Path(directory), changes)
            svg = draw(command, printed, unique_id=f"mastersctl-{picture}")
            (target / f"{picture}.svg").write_text(svg)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PICTURES_DIRECTORY)
