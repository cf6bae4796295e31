"""Names that do harm where they are taken for more than a text."""

import csv
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pexpect
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mastersctl.schema.master import name_hash
from tests.support.commands import mastersctl
from tests.support.databases import RealDatabase, SqliteFile, copy_sqlite, holds
from tests.support.hostile import HOSTILE
from tests.support.rows import add_belongings, add_master, masters

TSV = {"\\\\": "\\", r"\t": "\t", r"\n": "\n", r"\r": "\r"}
WRITTEN_BY_RICH = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def ids(buildbot_database: RealDatabase) -> dict[int, str]:
    """The names in a database, by the IDs under which `find` added them."""
    url = buildbot_database.url
    names = [name for name in HOSTILE if holds(buildbot_database, name)]
    return {int(mastersctl("find", "--db-url", url, "--", name).out): name for name in names}


def test_a_name_is_stored_and_found_exactly(
    buildbot_database: RealDatabase, ids: dict[int, str]
) -> None:
    stored = {id_: name for id_, name, *_ in masters(buildbot_database)}
    assert stored == ids
    for id_, name in ids.items():
        assert buildbot_database.run("find", "--no-create", "--", name).out == f"{id_}\n"
        shown = buildbot_database.run("show", "-o", "json", "--", name).json
        assert (shown["id"], shown["name"]) == (id_, name)
        for operator in ("", "__eq", "__contains", "__in"):
            spec = f"--filter=name{operator}={name}"
            listed = buildbot_database.run("list", spec, "-o", "json").json
            expected = [one for one in ids.values() if one == name or operator == "__contains"]
            assert [m["name"] for m in listed] == [one for one in expected if name in one]
        done = buildbot_database.run("set-state", "-o", "json", "--", name, "active").json
        assert done == {"id": id_, "active": True, "changed": True}


def test_a_name_is_given_and_removed_exactly(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m", last_active=5)
    names = [name for name in HOSTILE if holds(buildbot_database, name)]
    for name in names:
        assert buildbot_database.run("rename", "--", id_, name).code == 0
        stored = "SELECT name, name_hash FROM masters"
        assert buildbot_database.execute(stored) == [(name, name_hash(name))]
    assert buildbot_database.run("remove", "--yes", "--", names[-1]).code == 0
    assert masters(buildbot_database) == []


def test_every_format_for_machines_gives_each_name_back(
    buildbot_database: RealDatabase, ids: dict[int, str]
) -> None:
    def listed(format_: str) -> str:
        return buildbot_database.run("list", "-o", format_).out

    names = list(ids.values())
    assert [master["name"] for master in json.loads(listed("json"))] == names
    assert [json.loads(line)["name"] for line in listed("jsonl").splitlines()] == names
    rows = csv.DictReader(io.StringIO(listed("csv"), newline=""))
    assert [row["name"] for row in rows] == names
    _, *lines = listed("tsv").removesuffix("\n").split("\n")
    cells = [line.split("\t")[1] for line in lines]
    assert [re.sub(r"\\[\\tnr]", lambda match: TSV[match[0]], cell) for cell in cells] == names
    metrics = buildbot_database.run("check", "-o", "prometheus").out
    (family,) = (
        family
        for family in text_string_to_metric_families(metrics)
        if family.name == "buildbot_master_active"
    )
    assert [sample.labels["name"] for sample in family.samples] == names


# On a terminal


def on_terminal(directory: Path, *arguments: str, answer: str) -> str:
    """Run a command on a terminal, and return all that reached it."""
    child = pexpect.spawn(
        sys.executable, ["-m", "mastersctl", *arguments], cwd=directory,
        env={**os.environ, "TERM": "xterm-256color"}, dimensions=(50, 60),
        encoding="utf-8", timeout=30,
    )  # fmt: skip
    child.setecho(False)
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    return child.before or ""


def unprintable(printed: str) -> set[str]:
    """Return the escape sequences in what was printed, and what else does not print."""
    sequences = set(WRITTEN_BY_RICH.findall(printed))
    rest = WRITTEN_BY_RICH.sub("", printed).replace("\r\n", "")
    return sequences | {character for character in rest if not character.isprintable()}


HARMFUL = [name for name in HOSTILE if not name.isprintable()]
FORGED = {line for name in HARMFUL for line in name.splitlines()[1:] if line}
COMMANDS = [
    "list",
    "list -o wide",
    "list -o json",
    "list -o jsonl",
    "list -o csv",
    "list -o tsv",
    "check -o prometheus",
    "show {id}",
    "show {id} -o json",
    "show -- {name}{name}",
    "find -- {name}{name}",
    "check -- {name}",
    "check -- {name}{name}",
    "set-state -v -- {name} inactive",
    "housekeep --dry-run",
    "rename -- {id} {name}{name}",
    "list --filter={name}",
    "list --builder={name}",
    "list --worker={name}",
    "list --change-source={name}",
    "list --db-url={name}",
    "list --basedir={name}",
    "remove --reassign-to heir -- {name}",
    "{name}",
]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory, template_sqlite: Path) -> dict[bool, Path]:
    """The directories of databases, with masters whose names do harm, or with a harmless one."""
    directories = {}
    for is_harmful, names in ((False, ["harmless"]), (True, HARMFUL)):
        database = SqliteFile(tmp_path_factory.mktemp("named") / "state.sqlite")
        copy_sqlite(template_sqlite, database.path)
        add_master(database, "heir", active=1)
        for name in dict.fromkeys([*names, "".join(names)]):
            add_belongings(database, add_master(database, name, active=1, last_active=5))
        directories[is_harmful] = database.path.parent
    return directories


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_a_name_acts_on_a_terminal(
    tmp_path: Path, named: dict[bool, Path], command: str
) -> None:
    """What reaches the terminal holds no control character but those for a harmless name."""
    found = []
    for is_harmful, evil in ((False, "harmless"), (True, "".join(HARMFUL))):
        directory = shutil.copytree(named[is_harmful], tmp_path / f"{is_harmful}")
        database = SqliteFile(directory / "state.sqlite")
        add_master(database, evil * 2 if "rename" not in command else "other")
        filled = [part.format(id=2, name=evil) for part in command.split()]
        printed = on_terminal(database.path.parent, *filled, answer="n")
        assert not FORGED & set(printed.splitlines())
        found.append(unprintable(printed))
    harmless, harmful = found
    assert harmful <= harmless
