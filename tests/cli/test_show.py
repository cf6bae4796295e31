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
    }


def test_a_table_has_a_line_for_each_thing(buildbot_database: RealDatabase) -> None:
    id_ = add_master(buildbot_database, "m", active=1, last_active=NOW)
    add_belongings(buildbot_database, id_)
    lines = buildbot_database.run("show", "m").out.splitlines()
    found = dict(line.split(maxsplit=1) for line in lines)
    assert found["name"] == "m"
    assert found["state"] == "stale"
    assert found["schedulers"] == f"nightly (ID {id_ * 100 + 1})"
    assert found["unfinished_builds"].startswith(f"runtests #7 (ID {id_ * 100 + 11}, since 1970")
    assert found["claims"].startswith(f"runtests (build request {id_ * 100 + 9}, since 1970")


def test_a_master_that_has_nothing_is_said_to_have_none(database: RealDatabase) -> None:
    add_master(database, "m")
    lines = database.run("show", "m").out.splitlines()
    found = dict(line.split(maxsplit=1) for line in lines)
    assert found["schedulers"] == found["unfinished_builds"] == found["claims"] == "none"


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


def test_at_most_two_statements_are_sent(buildbot_database: RealDatabase) -> None:
    add_master(buildbot_database, "m")
    result = buildbot_database.process("show", "m", "-v", "-o", "json")
    assert result.err.count("SQL: ") == 2
