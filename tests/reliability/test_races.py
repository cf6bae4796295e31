"""Many processes at once, with the default timeout: nothing is lost, done twice or given up."""

import random
import subprocess
import sys
import time
from collections import Counter

import psycopg
import pytest

from tests.support.crowd import Crowd
from tests.support.databases import PostgresDatabase, PostgresServer, RealDatabase
from tests.support.rows import add_belongings, add_master, masters
from tests.support.sizes import NEW_NAMES, PROCESSES, ROUNDS


def test_processes_that_find_the_same_new_names_agree_on_the_ids(
    database: RealDatabase, crowd: Crowd
) -> None:
    ids = {}
    for number in range(NEW_NAMES.now):
        name = f"new{number}:/srv/bb"
        found = crowd.run([database.on("find", name)] * PROCESSES.now)
        assert {result.code for result in found} == {0}
        (added,) = (result.err for result in found if result.err)
        assert "was added" in added
        (out,) = {result.out for result in found}
        ids[int(out)] = name
    assert [(id_, name) for id_, name, *_ in masters(database)] == sorted(ids.items())
    assert len(ids) == NEW_NAMES.now


def test_one_of_the_processes_that_make_the_same_change_changes_something(
    database: RealDatabase, crowd: Crowd
) -> None:
    id_ = add_master(database, "m")
    state = "inactive"
    for number in range(ROUNDS.now):
        before, state = state, random.Random(number).choice(["active", "inactive"])
        done = crowd.run([database.on("set-state", id_, state)] * PROCESSES.now)
        assert {result.code for result in done} == {0}, done
        changed = int(state != before)
        printed = Counter(result.out for result in done)
        assert printed == Counter({"changed\n": changed, "unchanged\n": PROCESSES.now - changed})
        assert masters(database)[0][2] == (state == "active")


def test_a_check_in_that_is_under_way_is_not_overlooked(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    assert database.process("init").code == 0
    add_master(database, "m", active=1, last_active=5)
    command = [sys.executable, "-m", "mastersctl", "expire-all", "--unless-alive"]
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE masters SET last_active = %s", (int(time.time()),))
        expiring = subprocess.Popen([*command, "--db-url", database.url])
        time.sleep(1)
        connection.commit()
    assert expiring.wait(timeout=20) == 1
    assert masters(database)[0][3] > 5


def test_a_master_that_is_being_added_is_not_overlooked(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres)
    assert database.process("init").code == 0
    command = [sys.executable, "-m", "mastersctl", "expire-all", "--unless-alive"]
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO masters (name, name_hash, active, last_active) VALUES ('m', 'h', 1, %s)",
            (int(time.time()),),
        )
        expiring = subprocess.Popen([*command, "--db-url", database.url])
        time.sleep(1)
        connection.commit()
    assert expiring.wait(timeout=20) == 1


def test_one_of_the_processes_that_create_the_table_creates_it(
    empty_database: RealDatabase, crowd: Crowd
) -> None:
    done = crowd.run([empty_database.on("init")] * PROCESSES.now)
    assert {result.code for result in done} == {0}, done
    printed = Counter(result.out for result in done)
    assert printed == {"created\n": 1, "unchanged\n": PROCESSES.now - 1}


def test_housekeepings_at_the_same_time_do_each_master_once(
    buildbot_database: RealDatabase, crowd: Crowd
) -> None:
    for number in range(10):
        id_ = add_master(buildbot_database, f"dead{number}", active=1, last_active=5)
        add_belongings(buildbot_database, id_)
    command = buildbot_database.on("housekeep", "-o", "id")
    results = crowd.run([command] * PROCESSES.now)
    assert {result.code for result in results} == {0}, results
    done = [int(id_) for result in results for id_ in result.out.split()]
    assert sorted(done) == list(range(1, 11))


@pytest.mark.parametrize(
    "command", ["housekeep", "rename 1 new:/", "remove 1 --yes", "set-state 1 inactive"]
)
def test_expire_all_waits_for_a_change_and_the_other_way_round(
    buildbot_postgresql: PostgresDatabase, command: str
) -> None:
    id_ = add_master(buildbot_postgresql, "dead:/", active=1, last_active=5)
    add_belongings(buildbot_postgresql, id_)
    buildbot_postgresql.execute("DELETE FROM builds")
    buildbot_postgresql.execute("DELETE FROM buildrequest_claims")
    start = [sys.executable, "-m", "mastersctl", "--db-url", buildbot_postgresql.url]
    with psycopg.connect(buildbot_postgresql.url) as connection:
        connection.execute("SELECT * FROM masters FOR SHARE")
        changing = subprocess.Popen([*start, *command.split()])  # which waits for the row
        time.sleep(1)
        expiring = subprocess.Popen([*start, "expire-all"])  # which waits for the table
        time.sleep(1)
        connection.commit()
    assert (changing.wait(timeout=20), expiring.wait(timeout=20)) == (0, 0)


def test_a_heir_can_check_in_while_it_inherits(buildbot_postgresql: PostgresDatabase) -> None:
    add_master(buildbot_postgresql, "dead", last_active=5)
    add_master(buildbot_postgresql, "heir", active=1)
    add_belongings(buildbot_postgresql, 1)
    command = buildbot_postgresql.on("remove", "1", "--reassign-to", "2", "--yes")
    with psycopg.connect(buildbot_postgresql.url) as connection:
        connection.execute("SELECT * FROM builds FOR UPDATE")
        removing = subprocess.Popen([sys.executable, "-m", "mastersctl", *command])
        time.sleep(1.5)
        assert removing.poll() is None  # it waits for the builds
        checking_in = buildbot_postgresql.process("set-state", "2", "active")
        assert checking_in.code == 0
        assert removing.poll() is None
        connection.commit()
    assert removing.wait(timeout=20) == 0
