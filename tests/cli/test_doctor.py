"""``mastersctl doctor``"""

import time

import pytest

from tests.support.commands import Result
from tests.support.damage import add_sound_cluster, damage
from tests.support.databases import RealDatabase
from tests.support.rows import add_master, contents


@pytest.fixture
def cluster(buildbot_database: RealDatabase) -> RealDatabase:
    """A sound cluster: two masters that are active and build, and one that was stopped."""
    add_sound_cluster(buildbot_database)
    return buildbot_database


def kinds(result: Result) -> list[str]:
    return [problem["kind"] for problem in result.json["problems"]]


def test_a_sound_cluster_has_no_problem(cluster: RealDatabase) -> None:
    assert cluster.run("doctor") == (0, "no problem found\n", "")
    assert cluster.run("doctor", "-o", "json").json == {"problems": []}


def test_a_problem_is_a_row_and_an_exit_code(cluster: RealDatabase) -> None:
    damage(cluster, "DELETE FROM steps WHERE id = 1110")
    before = contents(cluster)
    result = cluster.run("doctor")
    assert (result.code, result.err) == (1, "")
    titles, row = result.out.splitlines()
    assert titles.split() == ["PROBLEM", "COUNT", "EXAMPLES", "EFFECT", "REMEDY"]
    assert row.split()[:5] == ["dangling_rows", "2", "logs.stepid", "=", "1110"]
    assert "'buildbot copy-db' may fail" in row
    assert contents(cluster) == before


def test_json_has_all_of_a_problem(cluster: RealDatabase) -> None:
    name = "evil\x1b[31m"
    cluster.execute("UPDATE masters SET name = ? WHERE id = 3", [name])
    result = cluster.run("doctor", "-o", "json")
    assert result.code == 1
    (problem,) = result.json["problems"]
    assert [*problem] == ["kind", "count", "examples", "effect", "remedy", "fixable"]
    assert (problem["kind"], problem["count"]) == ("name_hashes", 1)
    assert (problem["fixable"], problem["examples"]) == (True, [f"master 3 {name!r}"])


def test_pending_age_says_which_requests_wait_too_long(cluster: RealDatabase) -> None:
    damage(
        cluster,
        "DELETE FROM buildrequest_claims",
        "DELETE FROM configured_workers",
        "DELETE FROM builder_masters",
    )
    ((submitted,),) = cluster.execute("SELECT MIN(submitted_at) FROM buildrequests")
    assert submitted == 1000
    assert kinds(cluster.run("doctor", "-o", "json")) == ["requests_without_master"]
    age = f"{int(time.time() // 3600) + 1}h"  # since before the epoch
    assert cluster.run("doctor", "--pending-age", age).code == 0


def test_a_database_that_is_not_buildbots_is_refused(empty_database: RealDatabase) -> None:
    assert empty_database.run("doctor").code == 5


def test_a_database_with_masters_alone_has_no_problem(database: RealDatabase) -> None:
    add_master(database, "a", active=1)
    assert database.run("doctor") == (0, "no problem found\n", "")
