"""``mastersctl show``"""

import pytest

from tests.support.databases import RealDatabase
from tests.support.rows import NOW, add_belongings, add_master


@pytest.mark.parametrize("by", ["id", "name"])
def test_json_is_the_master_and_what_belongs_to_it(
    buildbot_database: RealDatabase, by: str
) -> None:
    id_ = add_master(buildbot_database, "m", active=1, last_active=NOW)
    add_belongings(buildbot_database, id_)
    base = id_ * 100
    worker = {"id": base + 5, "name": f"worker{base}"}
    master = id_ if by == "id" else "m"
    assert buildbot_database.run("show", master, "-o", "json").json == {
        "id": id_,
        "name": "m",
        "active": True,
        "last_active": "2023-11-14T22:13:20+00:00",
        "state": "stale",
        "links": {
            "schedulers": [{"id": base + 1, "name": "nightly"}],
            "change_sources": [{"id": base + 2, "name": "poller"}],
            "builders": [{"id": base + 3, "name": "runtests"}],
            "configured_workers": [worker],
            "connected_workers": [worker],
        },
        "unfinished_builds": [
            {
                "id": base + 11,
                "builder": "runtests",
                "number": 7,
                "started_at": "1970-01-01T00:33:20+00:00",
            }
        ],
        "claims": [
            {
                "buildrequestid": base + 9,
                "builder": "runtests",
                "claimed_at": "1970-01-01T00:16:40+00:00",
            }
        ],
        "finished_builds": 1,
        "blocks_removal": ["2 builds", "1 claim on finished build requests"],
    }


def described(database: RealDatabase, master: int | str) -> dict[str, list[str]]:
    """Return the values that ``show`` has for each label, of which it has each once."""
    found: dict[str, list[str]] = {}
    label = ""
    for line in database.run("show", master).out.splitlines():
        if not line.startswith(" "):
            label, _, line = line.partition(":")
            assert label not in found
        found.setdefault(label, []).append(line.strip())
    return found


def test_a_description_has_a_line_for_each_thing(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m", active=1, last_active=NOW)
    add_belongings(buildbot_database, id_)
    base = id_ * 100
    assert described(buildbot_database, "m") == {
        "ID": [f"{id_}"],
        "Name": ["m"],
        "State": ["stale"],
        "Last seen": ["2023-11-14T22:13:20+00:00"],
        "Schedulers": [f"nightly (ID {base + 1})"],
        "Change sources": [f"poller (ID {base + 2})"],
        "Builders": [f"runtests (ID {base + 3})"],
        "Configured workers": [f"worker{base} (ID {base + 5})"],
        "Connected workers": [f"worker{base} (ID {base + 5})"],
        "Unfinished builds": [f"runtests #7 (ID {base + 11}, started 1970-01-01T00:33:20+00:00)"],
        "Claims": [f"runtests (build request {base + 9}, claimed 1970-01-01T00:16:40+00:00)"],
        "Finished builds": ["1"],
        "Removal": ["blocked by 2 builds and 1 claim on finished build requests"],
    }


def test_a_label_stands_before_the_first_of_several_values(
    buildbot_database: RealDatabase,
) -> None:
    add_master(buildbot_database, "m")
    for number in range(3):
        buildbot_database.execute(
            "INSERT INTO schedulers (id, name, name_hash, enabled) VALUES (?, ?, ?, 1)",
            [number + 1, f"scheduler{number}", f"hash{number}"],
        )
        buildbot_database.execute(
            "INSERT INTO scheduler_masters (schedulerid, masterid) VALUES (?, 1)", [number + 1]
        )
    assert described(buildbot_database, "m")["Schedulers"] == [
        f"scheduler{number} (ID {number + 1})" for number in range(3)
    ]


def test_a_master_that_has_nothing_is_shown_with_none(database: RealDatabase) -> None:
    add_master(database, "m")
    found = described(database, "m")
    assert found["Schedulers"] == found["Unfinished builds"] == found["Claims"] == ["none"]
    assert found["Finished builds"] == ["0"]
    assert found["Removal"] == ["possible"]


def test_what_blocks_the_removal_is_what_blocks_it(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m", active=1)
    assert described(buildbot_database, "m")["Removal"] == ["blocked by the state 'active'"]
    assert buildbot_database.run("remove", "m", "--yes").code == 1
    buildbot_database.execute("UPDATE masters SET active = 0")
    assert buildbot_database.run("show", "m", "-o", "json").json["blocks_removal"] == []
    add_belongings(buildbot_database, id_)
    assert "2 builds" in described(buildbot_database, "m")["Removal"][0]
    assert buildbot_database.run("remove", "m", "--yes").code == 1


def test_id_is_the_id_alone(database: RealDatabase) -> None:
    add_master(database, "m")
    assert database.run("show", "m", "-o", "id").out == "1\n"


def test_hostile_names_are_harmless_in_the_table_and_exact_in_json(
    buildbot_database: RealDatabase,
) -> None:
    hostile = "\x1b]0;x\x07[red]a\nb\u202e"
    id_ = add_master(buildbot_database, hostile)
    add_belongings(buildbot_database, id_)
    buildbot_database.execute("UPDATE builders SET name = ?", (hostile,))
    out = buildbot_database.run("show", id_).out
    assert all(line.isprintable() for line in out.removesuffix("\n").split("\n"))
    assert "[red]a" in out
    result = buildbot_database.run("show", id_, "-o", "json").json
    assert result["name"] == result["claims"][0]["builder"] == hostile


@pytest.mark.parametrize("master", ["ghost", "999"])
def test_an_unknown_master_is_exit_code_3(database: RealDatabase, master: str) -> None:
    result = database.run("show", master)
    assert (result.code, result.out) == (3, "")
    assert master in result.err


def test_a_handful_of_statements_is_sent(buildbot_database: RealDatabase) -> None:
    add_master(buildbot_database, "m")
    result = buildbot_database.process("show", "m", "-v", "-o", "json")
    assert result.err.count("SQL: ") <= 6
