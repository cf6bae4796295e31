"""Draw the pictures of the README: what mastersctl prints on a terminal, as SVG.

``python tools/draw_pictures.py`` draws them anew, in ``pictures`` or the directory it is given. It
runs the tool on a cluster of its own, by a clock that stands still: the same code draws the same.
"""

import io
import sys
import tempfile
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

PICTURES = {"list": "list", "show": "show build3:/srv/bb", "housekeep": "housekeep"}
"""The commands, by the name of the picture, in the order in which they run."""

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


def on_terminal(command: str, directory: Path) -> str:
    """Run a command of mastersctl in a directory, and return all that reached the terminal."""
    child = pexpect.spawn(
        sys.executable,
        ["-c", _RUN, str(NOW), *command.split()],
        dimensions=(50, COLUMNS),
        cwd=directory,
        env={"TERM": "xterm-256color", "LANG": "C.UTF-8"},
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    printed: str = child.before or ""
    assert child.exitstatus == 0, printed
    return printed


def draw(command: str, printed: str, unique_id: str) -> str:
    """Return the picture of a command and of what it printed."""
    console = Console(file=io.StringIO(), record=True, width=COLUMNS)
    console.print(Text.assemble("$ ", (f"mastersctl {command}", "bold")))
    console.print(Text.from_ansi(printed.rstrip().replace("\r\n", "\n")))
    return console.export_svg(title="", code_format=_FORMAT, unique_id=unique_id)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        make_database(Path(directory) / "state.sqlite")
        for picture, command in PICTURES.items():
            printed = on_terminal(command, Path(directory))
            svg = draw(command, printed, unique_id=f"mastersctl-{picture}")
            (target / f"{picture}.svg").write_text(svg)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PICTURES_DIRECTORY)
