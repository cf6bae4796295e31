"""Beside the real Buildbot: its connector, its upgrade-master, and masters that really run."""

import os
import signal
import socket
import time
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mastersctl.config.basedir import read_configuration
from tests.support import buildbots
from tests.support.commands import mastersctl, wait_for
from tests.support.databases import (
    MADE_BY_BUILDBOT,
    PostgresDatabase,
    RealDatabase,
    SqliteFile,
    copy,
)
from tests.support.mysql import MysqlDatabase
from tests.support.rows import LINK_TABLES, MINUTE, add_belongings, add_master, contents, masters


@pytest.fixture
def basedir(tmp_path: Path) -> Path:
    return tmp_path / "master"


@pytest.fixture
def new_database(request: pytest.FixtureRequest, basedir: Path) -> RealDatabase:
    """A database that is not there yet, or empty, for the master in `basedir`."""
    if request.param == "sqlite":
        return SqliteFile(basedir / "state.sqlite")
    if request.param == "postgresql":
        return PostgresDatabase(request.getfixturevalue("postgres"))
    return MysqlDatabase(request.getfixturevalue(request.param))


@pytest.fixture
def masters_database(request: pytest.FixtureRequest, basedir: Path) -> RealDatabase:
    """The database of the master in `basedir`; Buildbot made it."""
    if request.param == "sqlite":
        return SqliteFile(basedir / "state.sqlite")
    if request.param == "postgresql":
        return PostgresDatabase(request.getfixturevalue("postgres"), MADE_BY_BUILDBOT)
    return MysqlDatabase(request.getfixturevalue(request.param), MADE_BY_BUILDBOT)


@pytest.fixture
def master(basedir: Path, masters_database: RealDatabase) -> Path:
    """The directory of a master."""
    return buildbots.make_basedir(basedir, url_of_server(masters_database))


def url_of_server(database: RealDatabase) -> str | None:
    """Return the URL for a master's configuration, unless its database is a file beside it."""
    return None if isinstance(database, SqliteFile) else database.url


def row(master: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row as Buildbot's connector gives a master back."""
    id_, name, active, last_active = master
    moment = str(datetime.fromtimestamp(last_active, UTC))
    return {"id": id_, "name": name, "active": bool(active), "last_active": moment}


# The operations of the seed document, one by one


def test_find_gives_the_same_id_as_buildbot_in_either_order(
    buildbot_database: RealDatabase, tmp_path: Path
) -> None:
    url = buildbot_database.url
    names = ["host:/srv/bb", "é 漢", "a'b\"%s", "x" * 1000]
    ours = [int(mastersctl("find", name, "--db-url", url).out) for name in names]
    calls = [("findMasterId", name) for name in [*names, "new"]]
    *theirs, new = buildbots.connector(url, tmp_path, *calls)
    assert theirs == ours
    assert mastersctl("find", "new", "--db-url", url).out == f"{new}\n"
    added_by_us, added_by_buildbot = masters(buildbot_database)[0], masters(buildbot_database)[-1]
    assert added_by_us[2] == added_by_buildbot[2] == 0
    assert added_by_us[3] == pytest.approx(added_by_buildbot[3], abs=60)


@pytest.mark.parametrize("active", [True, False])
def test_set_state_does_what_buildbot_does(
    buildbot_database: RealDatabase, tmp_path: Path, active: bool
) -> None:
    url = buildbot_database.url
    before = [(was, last) for was in (1, 0) for last in (5, 0)]
    for number, (was_active, last_active) in enumerate(2 * before):
        add_master(buildbot_database, f"{number}", active=was_active, last_active=last_active)
    state = "active" if active else "inactive"
    ours = [
        mastersctl("set-state", id_, state, "-o", "json", "--db-url", url).json["changed"]
        for id_ in (1, 2, 3, 4)
    ]
    calls = [("setMasterState", id_, active) for id_ in (5, 6, 7, 8)]
    theirs = buildbots.connector(url, tmp_path, *calls)
    assert ours == theirs
    rows = masters(buildbot_database)
    for us, buildbot in zip(rows[:4], rows[4:], strict=True):
        assert us[2] == buildbot[2]
        assert us[3] == pytest.approx(buildbot[3], abs=60)


def test_buildbot_reads_back_what_we_wrote_and_we_what_it_wrote(
    buildbot_database: RealDatabase, tmp_path: Path
) -> None:
    url = buildbot_database.url
    for name in ("a", "b", "c"):
        mastersctl("find", name, "--db-url", url)
    mastersctl("set-state", "b", "active", "--db-url", url)
    everything = [("getMasters",), ("getMaster", 2), ("getMaster", 99)]
    all_masters, second, none = buildbots.connector(url, tmp_path, *everything)
    all_masters.sort(key=itemgetter("id"))  # Buildbot's getMasters has no order
    rows = masters(buildbot_database)
    assert all_masters == [row(master) for master in rows]
    assert second == row(rows[1])
    assert none is None
    listed = mastersctl("list", "-o", "json", "--db-url", url).json
    assert [master.pop("state") for master in listed] == ["inactive", "active", "inactive"]
    assert [{**m, "last_active": m["last_active"].replace("T", " ")} for m in listed] == all_masters

    mastersctl("expire-all", "--db-url", url)
    (expired,) = buildbots.connector(url, tmp_path, ("getMasters",))
    epoch = "1970-01-01 00:00:00+00:00"
    assert [(m["active"], m["last_active"]) for m in expired] == [(True, epoch)] * 3


# Housekeeping


def test_housekeep_leaves_what_buildbot_leaves_but_for_claims_and_connected_workers(
    buildbot_database: RealDatabase, tmp_path: Path
) -> None:
    now = time.time()
    dead = []
    for name, active, last_active in (
        ("alive", 1, now),
        ("just alive", 1, now - 9 * MINUTE),
        ("stopped", 0, now),
        ("stale", 1, now - 11 * MINUTE),
        ("expired", 1, 0),
        ("inactive", 0, now - 11 * MINUTE),
        ("long inactive", 0, 1000),
    ):
        id_ = add_master(buildbot_database, name, active=active, last_active=last_active)
        add_belongings(buildbot_database, id_)
        if last_active < now - 10 * MINUTE:
            dead.append(id_)
    theirs = copy(buildbot_database)
    assert buildbot_database.run("housekeep").code == 0
    buildbots.expire_masters(theirs.url, tmp_path)
    us, buildbot = contents(buildbot_database), contents(theirs)

    assert {row["masterid"] for row in buildbot["connected_workers"]} >= set(dead)
    kept = [row for row in buildbot["connected_workers"] if row["masterid"] not in dead]
    buildbot["connected_workers"] = kept
    unfinished = {row["id"] for row in buildbot["buildrequests"] if not row["complete"]}
    claims = buildbot["buildrequest_claims"]
    left = [row for row in claims if row["brid"] in unfinished and row["masterid"] in dead]
    assert len(left) == len(dead)
    buildbot["buildrequest_claims"] = [row for row in claims if row not in left]
    for table in ("builds", "steps"):
        for row in us[table] + buildbot[table]:
            if row["complete_at"] is not None and abs(row["complete_at"] - now) < 5 * MINUTE:
                row["complete_at"] = "now"
    assert us == buildbot


class Killed(NamedTuple):
    """A master that was killed while it built, an hour ago, and the build request that it had."""

    id: int
    request: int


@pytest.fixture
def killed(basedir: Path, masters_database: RealDatabase) -> Killed:
    # Its worker runs in its process, and what that runs ends with it.
    forever = ["sh", "-c", "while [ $PPID -ne 1 ] && kill -0 $PPID; do sleep 0.2; done"]
    buildbots.make_basedir(basedir, url_of_server(masters_database), build=forever)
    with buildbots.running_master(basedir, killed=True):
        wait_for(lambda: bool(masters_database.execute("SELECT * FROM logs WHERE complete = 0")))
    masters_database.execute("UPDATE masters SET last_active = last_active - 3600")
    ((request, id_, _),) = masters_database.execute("SELECT * FROM buildrequest_claims")
    return Killed(id_, request)


@pytest.fixture
def heir(tmp_path: Path, killed: Killed, masters_database: RealDatabase) -> Path:
    """The directory of another master on the same database."""
    return buildbots.make_basedir(tmp_path / "heir", masters_database.url, build=["true"])


def housekept(database: RealDatabase) -> list[dict[str, Any]]:
    result = database.run("housekeep", "-o", "json")
    assert result.code == 0
    assert "only after 'buildbot reconfig'" in result.err
    return [{k: v for k, v in master.items() if k != "name"} for master in result.json["masters"]]


def needing(database: RealDatabase) -> list[int]:
    result = database.run("list", "--needs-housekeeping", "-o", "id")
    return [int(id_) for id_ in result.out.split()]


def wait_until_built(database: RealDatabase, killed: Killed) -> None:
    built = "SELECT masterid FROM builds WHERE buildrequestid = ? AND results = 0"
    wait_for(lambda: database.execute(built, [killed.request]) == [(killed.id + 1,)])


def checked(basedir: Path, *arguments: str) -> tuple[int, str]:
    """Return the exit code of check, and its line without performance data."""
    result = mastersctl("check", *arguments, "--basedir", basedir)
    return result.code, result.out.partition(" | ")[0]


def test_a_master_that_starts_builds_what_one_that_was_killed_had_claimed(
    killed: Killed, heir: Path, masters_database: RealDatabase
) -> None:
    code, line = checked(heir)
    assert code == 2
    assert line.startswith("MASTERS CRITICAL - 0 active, 1 stale, 0 expired, 0 inactive; stale: ")
    assert housekept(masters_database) == [
        {"id": killed.id, "deactivated": True, "links": 4, "builds": 1, "steps": 1, "logs": 1,
         "claims": 1}
    ]  # fmt: skip
    assert masters_database.execute("SELECT results FROM builds") == [(5,)]
    assert masters_database.execute("SELECT * FROM buildrequest_claims") == []
    with buildbots.running_master(heir):
        wait_until_built(masters_database, killed)


def test_what_buildbot_leaves_is_done_beside_it_and_it_builds_that_when_reconfigured(
    killed: Killed, heir: Path, masters_database: RealDatabase
) -> None:
    with buildbots.running_master(heir) as pid:
        wait_for(lambda: "active" in states(heir))
        assert masters_database.run("list", "--stale", "-o", "id").out == ""
        assert needing(masters_database) == [killed.id]
        code, line = checked(heir)
        assert code == 1
        assert line.endswith("; 1 inactive master holds 1 claim: run 'mastersctl housekeep'")
        assert housekept(masters_database) == [
            {"id": killed.id, "deactivated": False, "links": 1, "builds": 0, "steps": 0, "logs": 0,
             "claims": 1}
        ]  # fmt: skip
        assert needing(masters_database) == []
        assert checked(heir)[0] == 0
        os.kill(pid, signal.SIGHUP)  # as "buildbot reconfig" does
        wait_until_built(masters_database, killed)
    assert "Traceback" not in (heir / "twistd.log").read_text()


def test_a_master_that_was_renamed_starts_with_the_id_that_it_had(
    master: Path, masters_database: RealDatabase
) -> None:
    old = add_master(masters_database, "oldhost:/srv/bb", last_active=5)
    name = f"{os.uname().nodename}:{master}"
    assert mastersctl("rename", old, name, "--basedir", master).out == "renamed\n"
    with buildbots.running_master(master):
        wait_for(lambda: "active" in states(master))
    assert [master[:2] for master in masters(masters_database)] == [(old, name)]


def states(basedir: Path) -> list[str]:
    result = mastersctl("list", "--field", "state", "-o", "tsv", "--basedir", basedir)
    return result.out.splitlines()


# Masters that run


def test_a_running_master_is_active_and_a_stopped_one_inactive(
    master: Path, masters_database: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(master)  # where it finds the database by itself

    def listed() -> list[tuple[str, str]]:
        result = mastersctl("list", "--field", "name", "--field", "state", "-o", "json")
        return [(master["name"], master["state"]) for master in result.json]

    name = f"{socket.getfqdn()}:{master}"
    with buildbots.running_master(master):
        wait_for(lambda: bool(listed()))
        assert checked(master) == (0, "MASTERS OK - 1 active, 0 stale, 0 expired, 0 inactive")
        assert [state for _, state in listed()] == ["active"]
        ((name, _),) = listed()
        assert name.endswith(f":{master}")
        assert mastersctl("find", name, "--no-create").out == "1\n"
        wait_for(lambda: len(mastersctl("show", "1", "-o", "json").json["links"]["builders"]) == 1)
        links = mastersctl("show", "1", "-o", "json").json["links"]
        assert [builder["name"] for builder in links["builders"]] == ["runtests"]
        assert [scheduler["name"] for scheduler in links["schedulers"]] == ["force"]
        refused = mastersctl("expire-all", "--unless-alive")
        assert refused.code == 1
        assert name in refused.err
        for _ in range(20):  # beside the master, which writes to the same database
            assert mastersctl("set-state", name, "active").code == 0
    assert listed() == [(name, "inactive")]
    words = "MASTERS CRITICAL - 0 active, 0 stale, 0 expired, 1 inactive"
    assert checked(master) == (2, words)
    assert needing(masters_database) == []
    log = (master / "twistd.log").read_text()
    assert "Traceback" not in log
    assert "database is locked" not in log


def test_upgrade_master_resets_nothing_expire_all_does_and_the_next_start_does_housekeeping(
    master: Path, masters_database: RealDatabase
) -> None:
    dead = add_master(masters_database, "dead:/gone", active=0)
    add_belongings(masters_database, dead)
    before = masters(masters_database)
    buildbots.upgrade(master)
    assert masters(masters_database) == before  # Buildbot 4.3.0 does not commit its reset

    assert mastersctl("expire-all", "--basedir", master).out == "expired 1 master\n"
    assert [master[2:] for master in masters(masters_database)] == [(1, 0)]
    with buildbots.running_master(master):
        wait_for(lambda: masters(masters_database)[0][2] == 0)
        wait_for(
            lambda: masters_database.execute("SELECT * FROM builds WHERE complete_at IS NULL") == []
        )
        assert (
            masters_database.execute(f"SELECT * FROM scheduler_masters WHERE masterid = {dead}")
            == []
        )


def test_a_database_that_init_made_is_taken_over_by_buildbot(
    basedir: Path, new_database: RealDatabase
) -> None:
    buildbots.make_basedir(basedir, url_of_server(new_database) or "sqlite:///state.sqlite")
    assert mastersctl("init", "--basedir", basedir).out == "created\n"
    assert mastersctl("find", "kept:/srv/bb", "--basedir", basedir).out == "1\n"
    buildbots.upgrade(basedir)
    with buildbots.running_master(basedir):
        wait_for(lambda: len(masters(new_database)) == 2)
        states = mastersctl("list", "--field", "state", "-o", "tsv", "--basedir", basedir)
        assert states.out.split() == ["state", "inactive", "active"]


def test_a_master_that_was_made_inactive_while_it_runs_can_still_do_its_work(
    master: Path, masters_database: RealDatabase
) -> None:
    with buildbots.running_master(master):
        wait_for(lambda: bool(masters_database.execute("SELECT * FROM builder_masters")))
        result = mastersctl("set-state", "1", "inactive", "--basedir", master)
        assert "looks alive" in result.err
        for table in LINK_TABLES:
            assert masters_database.execute(f"SELECT * FROM {table}") == [], table
    assert "Traceback" not in (master / "twistd.log").read_text()


def test_the_sample_configuration_is_understood(basedir: Path) -> None:
    buildbots.buildbot("create-master", "--db=sqlite://", str(basedir))
    (basedir / "master.cfg.sample").rename(basedir / "master.cfg")
    # create-master wrote its --db into the sample
    assert read_configuration(str(basedir), {}).db_url == "sqlite://"
