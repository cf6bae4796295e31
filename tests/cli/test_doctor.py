"""``mastersctl doctor``"""

import time
from pathlib import Path

import pytest

from mastersctl.schema.master import name_hash
from tests.support import buildbots
from tests.support.commands import Result
from tests.support.damage import add_sound_cluster, damage
from tests.support.databases import PostgresDatabase, RealDatabase, SqliteFile
from tests.support.rows import add_master, contents, masters
from tests.support.terminal import Terminal


def kinds(result: Result) -> list[str]:
    return [problem["kind"] for problem in result.json["problems"]]


def test_a_sound_cluster_has_no_problem(sound_cluster: RealDatabase) -> None:
    assert sound_cluster.run("doctor") == (0, "no problem found\n", "")
    assert sound_cluster.run("doctor", "-o", "json").json == {"problems": []}


def test_a_problem_is_a_row_and_an_exit_code(sound_cluster: RealDatabase) -> None:
    damage(sound_cluster, "DELETE FROM steps WHERE id = 1110")
    before = contents(sound_cluster)
    result = sound_cluster.run("doctor")
    assert (result.code, result.err) == (1, "")
    titles, row = result.out.splitlines()
    assert titles.split() == ["PROBLEM", "COUNT", "EXAMPLES", "EFFECT", "REMEDY"]
    assert row.split()[:5] == ["dangling_rows", "2", "logs.stepid", "=", "1110"]
    assert "'buildbot copy-db' may fail" in row
    assert contents(sound_cluster) == before


def test_a_terminal_shows_each_example_on_a_line_of_its_own(sound_sqlite: SqliteFile) -> None:
    names = ["A Rather Long Name:/srv/build masters/number one", "构建主机 " * 9]
    for id_, name in enumerate(names, 2):
        sound_sqlite.execute("UPDATE masters SET name = ? WHERE id = ?", [name, id_])
    terminal = Terminal(*sound_sqlite.on("doctor"), columns=60)
    assert terminal.end() == 1
    for id_, name in enumerate(names, 2):
        assert f" master {id_} {name!r}\r\n" in terminal.written
    prose = terminal.written.partition("Effect")[2]
    assert all(len(line) < 60 + len("\x1b[1m\x1b[0m") for line in prose.split("\r\n"))


def test_json_has_all_of_a_problem(sound_cluster: RealDatabase) -> None:
    name = "evil\x1b[31m"
    sound_cluster.execute("UPDATE masters SET name = ? WHERE id = 3", [name])
    result = sound_cluster.run("doctor", "-o", "json")
    assert result.code == 1
    (problem,) = result.json["problems"]
    assert [*problem] == ["kind", "count", "examples", "effect", "remedy", "fixable"]
    assert (problem["kind"], problem["count"]) == ("name_hashes", 1)
    assert (problem["fixable"], problem["examples"]) == (True, [f"master 3 {name!r}"])


def test_pending_age_says_which_requests_wait_too_long(sound_cluster: RealDatabase) -> None:
    damage(
        sound_cluster,
        "DELETE FROM buildrequest_claims",
        "DELETE FROM configured_workers",
        "DELETE FROM builder_masters",
    )
    ((submitted,),) = sound_cluster.execute("SELECT MIN(submitted_at) FROM buildrequests")
    assert submitted == 1000
    assert kinds(sound_cluster.run("doctor", "-o", "json")) == ["requests_without_master"]
    age = f"{int(time.time() // 3600) + 1}h"  # since before the epoch
    assert sound_cluster.run("doctor", "--pending-age", age).code == 0


def test_a_database_that_is_not_buildbots_is_refused(empty_database: RealDatabase) -> None:
    assert empty_database.run("doctor").code == 5


def test_a_database_with_masters_alone_has_no_problem(database: RealDatabase) -> None:
    add_master(database, "a", active=1)
    assert database.run("doctor") == (0, "no problem found\n", "")


# Mending


def fixed(database: RealDatabase) -> Result:
    """Run ``doctor --fix``; see that nothing is left, and that all builds are still there."""
    builds = database.execute("SELECT id, number, builderid, masterid FROM builds ORDER BY id")
    result = database.run("doctor", "--fix", "--yes", "-o", "json")
    after = database.execute("SELECT id, number, builderid, masterid FROM builds ORDER BY id")
    assert after == builds
    assert database.run("doctor", "-o", "json").json["problems"] == result.json["problems"]
    return result


def mended(result: Result) -> dict[str, int]:
    return {one["kind"]: one["count"] for one in result.json["mended"]}


def test_masters_that_do_not_exist_are_put_back(sound_cluster: RealDatabase) -> None:
    damage(
        sound_cluster,
        "DELETE FROM masters WHERE id = 1",
        "UPDATE builds SET masterid = 77 WHERE id = 212",
    )
    result = fixed(sound_cluster)
    # Its build request is released, but no other master has the builder.
    assert (result.code, kinds(result)) == (1, ["requests_without_master"])
    assert mended(result)["missing_masters"] == 2
    assert mended(result)["needs_housekeeping"] == 1
    assert [row for row in masters(sound_cluster) if row[0] in (1, 77)] == [
        (1, "missing-master-1:unknown", 0, 0),
        (77, "missing-master-77:unknown", 0, 0),
    ]
    assert sound_cluster.run("find", "new").out == "78\n"
    assert sound_cluster.run("remove", "1", "77", "--reassign-to", "b", "--yes").code == 0
    ((builds,),) = sound_cluster.execute("SELECT COUNT(*) FROM builds WHERE masterid = 2")
    assert builds == 4


def test_hashes_of_names_that_were_swapped_by_hand_are_set(sound_cluster: RealDatabase) -> None:
    before = masters(sound_cluster)
    for id_, name in ((1, "b"), (2, "a"), (3, "renamed")):
        sound_cluster.execute("UPDATE masters SET name = ? WHERE id = ?", [name, id_])
    result = fixed(sound_cluster)
    assert (result.code, mended(result)) == (0, {"name_hashes": 3})
    assert [sound_cluster.run("find", name).out for name in ("b", "a", "renamed")] == [
        "1\n",
        "2\n",
        "3\n",
    ]
    assert [row[2:] for row in masters(sound_cluster)] == [row[2:] for row in before]


def test_whatever_stands_for_a_hash_is_set(sound_cluster: RealDatabase) -> None:
    for id_, digest in ((1, "of 2"), (2, "of 1"), (3, "")):
        sound_cluster.execute("UPDATE masters SET name_hash = ? WHERE id = ?", [digest, id_])
    result = fixed(sound_cluster)
    assert (result.code, mended(result)) == (0, {"name_hashes": 3})


def test_a_namesake_is_left(sound_cluster: RealDatabase) -> None:
    sound_cluster.execute("UPDATE masters SET name = 'a' WHERE id = 3")
    before = contents(sound_cluster)
    result = sound_cluster.run("doctor", "--fix", "--yes", "-o", "json")
    assert (result.code, kinds(result), mended(result)) == (1, ["namesakes"], {})
    assert contents(sound_cluster) == before
    assert sound_cluster.run("remove", "3", "--reassign-to", "1", "--yes").code == 0
    assert sound_cluster.run("doctor").code == 0


def test_a_hash_that_another_master_keeps_is_left_and_the_others_are_set(
    sound_cluster: RealDatabase,
) -> None:
    """Master 2 has the hash of the name of master 3, and keeps it, as it is a namesake of 1."""
    sound_cluster.execute(
        "UPDATE masters SET name = 'a', name_hash = ? WHERE id = 2", [name_hash("c")]
    )
    sound_cluster.execute("UPDATE masters SET name = 'c' WHERE id = 3")
    add_master(sound_cluster, "d")
    sound_cluster.execute("UPDATE masters SET name = 'e' WHERE id = 4")
    result = fixed(sound_cluster)
    assert (result.code, mended(result)) == (1, {"name_hashes": 1})
    assert kinds(result) == ["name_hashes", "namesakes"]
    assert sound_cluster.run("find", "e").out == "4\n"


def test_a_master_whose_name_is_taken_is_not_put_back(sound_cluster: RealDatabase) -> None:
    add_master(sound_cluster, "missing-master-1:unknown")
    damage(sound_cluster, "DELETE FROM masters WHERE id = 1")
    result = fixed(sound_cluster)
    assert (result.code, kinds(result)[0], mended(result)) == (1, "missing_masters", {})
    problem = result.json["problems"][0]
    assert not problem["fixable"]
    assert "'missing-master-1:unknown'" in problem["remedy"]
    assert "doctor --fix" not in problem["remedy"]
    assert sound_cluster.run("rename", "missing-master-1:unknown", "other").code == 0
    assert mended(fixed(sound_cluster))["missing_masters"] == 1


@pytest.mark.parametrize("id_", [-1, 0, 2**31 - 1])
def test_a_master_is_not_put_back_with_an_id_that_none_can_have(
    sound_cluster: RealDatabase, id_: int
) -> None:
    """With the last ID, servers would not have one for the next master."""
    damage(sound_cluster, f"UPDATE builds SET masterid = {id_} WHERE id = 212")
    result = fixed(sound_cluster)
    assert (result.code, kinds(result), mended(result)) == (1, ["missing_masters"], {})
    (problem,) = result.json["problems"]
    assert not problem["fixable"]
    assert problem["remedy"].startswith(f"No master can have the ID {id_}:")
    assert sound_cluster.run("find", "new").out == "4\n"


def test_what_is_put_back_gets_the_hash_that_another_name_had(sound_cluster: RealDatabase) -> None:
    damage(sound_cluster, "DELETE FROM masters WHERE id = 1")
    digest = name_hash("missing-master-1:unknown")
    sound_cluster.execute("UPDATE masters SET name_hash = ? WHERE id = 3", [digest])
    result = fixed(sound_cluster)
    assert mended(result).items() >= {"name_hashes": 1, "missing_masters": 1}.items()
    before = contents(sound_cluster)
    assert mended(fixed(sound_cluster)) == {}
    assert contents(sound_cluster) == before


def test_a_check_in_in_the_future_becomes_now(sound_cluster: RealDatabase) -> None:
    sound_cluster.execute(
        "UPDATE masters SET last_active = ? WHERE id = 1", [int(time.time()) + 9999]
    )
    result = fixed(sound_cluster)
    assert (result.code, mended(result)) == (0, {"last_active_in_future": 1})
    assert abs(masters(sound_cluster)[0][3] - time.time()) < 60


def test_a_sequence_that_is_behind_is_set(buildbot_postgresql: PostgresDatabase) -> None:
    add_sound_cluster(buildbot_postgresql)
    for table in ("masters", "steps"):
        buildbot_postgresql.execute(f"SELECT setval('{table}_id_seq', 1)")
    result = fixed(buildbot_postgresql)
    assert (result.code, mended(result)) == (0, {"sequences_behind": 2})
    assert buildbot_postgresql.run("find", "new").out == "4\n"


def test_housekeeping_is_done_for_those_that_are_dead(sound_cluster: RealDatabase) -> None:
    sound_cluster.execute("UPDATE masters SET active = 0, last_active = 5 WHERE id = 1")
    sound_cluster.execute("UPDATE masters SET active = 0 WHERE id = 2")
    result = fixed(sound_cluster)
    assert (result.code, mended(result)) == (1, {"needs_housekeeping": 1})
    assert "only after 'buildbot reconfig'" in result.err
    left = {problem["kind"]: problem for problem in result.json["problems"]}
    assert left["needs_housekeeping"]["examples"] == ["master 2 'b'"]


def test_what_cannot_be_repaired_is_left(sound_cluster: RealDatabase) -> None:
    damage(sound_cluster, "DELETE FROM steps WHERE id = 1110")
    before = contents(sound_cluster)
    result = sound_cluster.run("doctor", "--fix", "--yes", "-o", "json")
    assert (result.code, kinds(result), mended(result)) == (1, ["dangling_rows"], {})
    assert contents(sound_cluster) == before


def test_an_interrupted_upgrade_keeps_it_from_mending(sound_sqlite: SqliteFile) -> None:
    sound_sqlite.execute("UPDATE masters SET name = 'renamed' WHERE id = 2")
    sound_sqlite.execute("CREATE TABLE _alembic_tmp_masters (id INTEGER)")
    before = contents(sound_sqlite)
    result = sound_sqlite.run("doctor", "--fix", "--yes", "-o", "json")
    assert (result.code, kinds(result), mended(result)) == (1, ["interrupted_upgrade"], {})
    assert contents(sound_sqlite) == before


def test_without_a_terminal_it_needs_yes(sound_sqlite: SqliteFile) -> None:
    sound_sqlite.execute("UPDATE masters SET name = 'renamed' WHERE id = 2")
    before = contents(sound_sqlite)
    result = sound_sqlite.run("doctor", "--fix")
    assert (result.code, result.out) == (2, "")
    assert "pass --yes" in result.err
    assert contents(sound_sqlite) == before


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_it_asks(sound_sqlite: SqliteFile, answer: str, code: int) -> None:
    sound_sqlite.execute("UPDATE masters SET name = 'renamed' WHERE id = 2")
    before = contents(sound_sqlite)
    terminal = Terminal(*sound_sqlite.on("doctor", "--fix"))
    terminal.wait_for("Go on?")
    assert contents(sound_sqlite) == before
    terminal.child.sendline(answer)
    assert terminal.end() == code
    assert "name_hashes: 1 (master 2 'renamed')" in terminal.written
    assert (contents(sound_sqlite) == before) == (answer == "n")


def test_a_real_buildbot_starts_after_masters_were_put_back(tmp_path: Path) -> None:
    basedir = buildbots.make_basedir(tmp_path / "master")
    database = SqliteFile(basedir / "state.sqlite")
    with buildbots.running_master(basedir, killed=True):
        pass
    # Its scheduler stays linked to it, for which the next one would never start.
    assert database.execute("SELECT masterid FROM scheduler_masters") == [(1,)]
    database.execute("DELETE FROM masters")
    add_sound_cluster(database)
    database.execute("DELETE FROM masters WHERE id = 1")
    result = fixed(database)
    assert mended(result)["missing_masters"] == 1
    with buildbots.running_master(basedir):
        assert kinds(database.run("doctor", "-o", "json")) == kinds(result)
    buildbots.upgrade(basedir)
