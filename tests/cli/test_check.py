"""``mastersctl check``"""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from tests.support.commands import mastersctl
from tests.support.databases import PostgresDatabase, RealDatabase, SqliteFile
from tests.support.rows import MINUTE, add_belongings, add_cluster, add_master

OK, WARNING, CRITICAL, UNKNOWN = range(4)


@pytest.fixture
def alive(database: RealDatabase) -> int:
    return add_master(database, "alive", active=1)


def add_stale(database: RealDatabase, name: str) -> int:
    return add_master(database, name, active=1, last_active=time.time() - 11 * MINUTE)


@pytest.mark.usefixtures("alive")
def test_all_is_well(database: RealDatabase) -> None:
    add_master(database, "stopped")
    assert database.run("check") == (
        OK,
        "MASTERS OK - 1 active, 0 stale, 0 expired, 1 inactive | "
        "active=1;;1: stale=0;0 expired=0;0 inactive=1 needing_housekeeping=0;0\n",
        "",
    )


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(("last_active", "state"), [(5, "stale"), (0, "expired")])
def test_a_master_that_is_stale_or_expired_is_a_warning(
    database: RealDatabase, last_active: int, state: str
) -> None:
    add_master(database, "dead", active=1, last_active=last_active)
    result = database.run("check")
    assert result.code == WARNING
    assert result.out.startswith("MASTERS WARNING - 1 active, ")
    assert f"; {state}: 'dead' | " in result.out


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize("years", [1, 60_000])
def test_a_last_check_in_in_the_future_is_a_warning(database: RealDatabase, years: int) -> None:
    seconds = years * 365 * 24 * 60 * MINUTE
    if database.kind != "sqlite":
        seconds = min(seconds, 2**31 - 1 - int(time.time()))
    add_master(database, "ahead", active=1, last_active=time.time() + seconds)
    add_master(database, "stopped", last_active=time.time() + MINUTE * 60)
    add_master(database, "a bit fast", active=1, last_active=time.time() + MINUTE / 2)
    for names in ([], ["ahead", "alive"]):
        result = database.run("check", *names)
        assert result.code == WARNING
        assert "; last active in the future: 'ahead' | " in result.out
        found = database.run("check", *names, "-o", "json").json
        assert [master["name"] for master in found["in_future"]] == ["ahead"]
        assert found["unhealthy"] == []
    for command in ("show ahead", "remove alive ahead --yes"):
        result = database.run(*command.split())
        assert "is in the future" in result.err
        assert "'mastersctl set-state MASTER active' sets it to now" in result.err
    result = database.run("set-state", "ahead", "inactive", "--dry-run")
    assert "looks alive: its last check-in is in the future" in result.err


def test_an_inactive_master_that_needs_housekeeping_is_a_warning_until_that_is_done(
    buildbot_database: RealDatabase,
) -> None:
    for name, active in (("alive", 1), ("stopped", 0), ("killed", 0)):
        id_ = add_master(buildbot_database, name, active=active, last_active=None if active else 5)
        if name != "stopped":
            add_belongings(buildbot_database, id_)
    buildbot_database.execute("DELETE FROM scheduler_masters WHERE masterid = 3")
    result = buildbot_database.run("check")
    assert result == (
        WARNING,
        "MASTERS WARNING - 1 active, 0 stale, 0 expired, 2 inactive; 1 inactive master holds "
        "1 claim, 1 unfinished build and 2 links: run 'mastersctl housekeep' | active=1;;1: "
        "stale=0;0 expired=0;0 inactive=2 needing_housekeeping=1;0\n",
        "",
    )
    (needing,) = buildbot_database.run("check", "-o", "json").json["needing_housekeeping"]
    assert needing == {
        "id": 3, "name": "killed", "state": "inactive", "last_active": "1970-01-01T00:00:05+00:00",
        "links": 2, "unfinished_builds": 1, "claims": 1,
    }  # fmt: skip
    assert buildbot_database.run("housekeep").code == 0
    assert buildbot_database.run("check").code == OK


def test_of_masters_that_need_housekeeping_check_says_how_many_and_the_sums(
    buildbot_database: RealDatabase,
) -> None:
    add_cluster(buildbot_database)  # of which one that is dead is stale, and one inactive
    out = buildbot_database.run("check").out
    assert (
        "; 2 masters that are not active hold 6 claims, 6 unfinished builds and 14 links: run "
        "'mastersctl housekeep' | " in out
    )
    buildbot_database.execute("UPDATE masters SET active = 0 WHERE name = 'dead'")
    assert "; 2 inactive masters hold 6 claims, " in buildbot_database.run("check").out


def test_only_of_those_that_are_named_it_says_that_they_need_housekeeping(
    buildbot_database: RealDatabase,
) -> None:
    add_cluster(buildbot_database)
    result = buildbot_database.run("check", "heir", "bystander")
    assert (result.code, "hold" in result.out) == (OK, False)
    result = buildbot_database.run("check", "heir", "stopped")
    assert (result.code, "1 inactive master holds 3 claims" in result.out) == (CRITICAL, True)


@pytest.mark.usefixtures("alive")
def test_more_names_than_a_statement_has_room_for_are_a_usage_error(database: RealDatabase) -> None:
    names = [f"m{number}" for number in range(66_000)]
    result = database.run("check", *names)
    assert result.code == UNKNOWN
    assert "66000 masters to find, but one command takes at most 30000" in result.out


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(("number", "code"), [(0, OK), (1, OK), (2, CRITICAL), (9, CRITICAL)])
def test_fewer_active_masters_than_demanded_are_critical(
    database: RealDatabase, number: int, code: int
) -> None:
    result = database.run("check", "--min-active", number)
    assert result.code == code
    assert f"active=1;;{number}: " in result.out


def test_no_master_at_all_is_critical(database: RealDatabase) -> None:
    assert database.run("check").code == CRITICAL


@pytest.mark.usefixtures("alive")
def test_only_the_masters_that_are_named_matter(database: RealDatabase) -> None:
    add_stale(database, "stale")
    add_master(database, "stopped")
    arguments = ("check",)
    result = database.run(*arguments, "alive")
    assert result.code == OK
    assert "active=1;;1: stale=0;;0 expired=0;;0 inactive=0 needing" in result.out
    assert database.run(*arguments, "1").code == OK
    for names, culprit in (
        (("alive", "stopped"), "; inactive: 'stopped' |"),
        (("alive", "stale"), "; stale: 'stale' |"),
        (("alive", "ghost", "99"), "; no such master: 'ghost', '99' |"),
    ):
        result = database.run(*arguments, *names)
        assert result.code == CRITICAL
        assert culprit in result.out


def test_max_age_says_who_is_stale(database: RealDatabase) -> None:
    add_master(database, "m", active=1, last_active=time.time() - 2 * MINUTE)
    add_master(database, "n", active=1)
    arguments = ("check",)
    assert database.run(*arguments, "--max-age", "3m").code == OK
    assert database.run(*arguments, "--max-age", "1m").code == WARNING
    assert database.run(*arguments, "--max-age", "1m", "m").code == CRITICAL
    found = metrics(database.run(*arguments, "--max-age", "1m", "-o", "prometheus").out)
    assert found["buildbot_masters"][("stale",)] == 1
    assert found["buildbot_master_active"] == {("1", "m"): 0, ("2", "n"): 1}


@pytest.mark.usefixtures("alive")
def test_json_has_the_same(database: RealDatabase) -> None:
    add_master(database, "reset\x1b|", active=1, last_active=0)
    result = database.run("check", "-o", "json")
    assert result.code == WARNING
    epoch = "1970-01-01T00:00:00+00:00"
    assert result.json == {
        "status": "WARNING", "active": 1, "stale": 0, "expired": 1, "inactive": 0, "missing": [],
        "in_future": [], "needing_housekeeping": [],
        "unhealthy": [{"id": 2, "name": "reset\x1b|", "state": "expired", "last_active": epoch}],
    }  # fmt: skip


def test_a_name_can_neither_act_on_a_terminal_nor_forge_performance_data(
    database: RealDatabase,
) -> None:
    add_stale(database, "evil\x1b[2J\n| active=99")
    out = database.run("check").out
    assert out.removesuffix("\n").isprintable()
    assert out.count("|") == 1
    assert r"'evil\x1b[2J\n\x7c active=99'" in out


@pytest.mark.parametrize(
    "arguments",
    [["--db-url", "sqlite:///missing"], ["--db-url", "nonsense"], ["--max-age", "soon"],
     ["--min-active", "-1"], ["--min-active", "x"], ["--bogus"], ["-o", "xml"], [""],
     ["--basedir", "/nowhere"], ["--db-url", "postgresql://u:s3cret@127.0.0.1:1/x"]],
)  # fmt: skip
def test_whatever_keeps_it_from_knowing_is_unknown(arguments: list[str]) -> None:
    result = mastersctl("check", *arguments)
    assert (result.code, result.err) == (UNKNOWN, "")
    assert result.out.startswith("MASTERS UNKNOWN - ")
    assert result.out.count("\n") == 1
    assert len(result.out) > len("MASTERS UNKNOWN - ?\n")
    assert "s3cret" not in result.out


@pytest.mark.parametrize("arguments", [["--bogus"], ["--timeout", "x"], ["--timeout", "-5"]])
def test_a_wrong_option_before_the_command_is_unknown_too(arguments: list[str]) -> None:
    result = mastersctl(*arguments, "check")
    assert result.code == UNKNOWN
    assert arguments[0] in result.err
    result = mastersctl(*arguments, "list")
    assert (result.code, result.out) == (2, "")
    assert arguments[0] in result.err


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_verdict_that_cannot_be_read_is_unknown(redirection: str, database: RealDatabase) -> None:
    add_master(database, "alive", active=1)
    script = f'"{sys.executable}" -m mastersctl check --db-url "{database.url}" {redirection}'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False)
    assert done.returncode == UNKNOWN
    assert done.stderr


@pytest.mark.parametrize("option", [["-o", "json"], ["-ojson"], ["--output=json"]])
def test_a_wrong_command_line_is_reported_in_the_format_that_was_asked_for(
    option: list[str],
) -> None:
    result = mastersctl("check", *option, "--max-age", "soon")
    assert (result.code, result.json["status"]) == (UNKNOWN, "UNKNOWN")


def test_what_is_unknown_is_reported_in_the_format_that_was_asked_for() -> None:
    missing = ("check", "--db-url", "sqlite:///missing", "-o")
    result = mastersctl(*missing, "json")
    assert (result.code, result.json["status"], result.err) == (UNKNOWN, "UNKNOWN", "")
    result = mastersctl(*missing, "prometheus")
    assert (result.code, result.out) == (UNKNOWN, "")
    assert "no database" in result.err


def test_a_database_without_masters_is_unknown(empty_database: RealDatabase) -> None:
    assert empty_database.run("check").code == UNKNOWN


@pytest.mark.parametrize("names", [[], ["alive"], ["alive", "ghost"]])
def test_a_clock_that_is_wrong_is_unknown(
    buildbot_postgresql: PostgresDatabase, names: list[str]
) -> None:
    add_master(buildbot_postgresql, "alive", active=1)
    with time_machine.travel(time.time() + 11.5 * MINUTE, tick=True):
        result = buildbot_postgresql.run("check", *names)
    assert result.code == UNKNOWN
    assert "11 minutes and " in result.out


def test_a_few_statements_do_however_many_masters(buildbot_database: RealDatabase) -> None:
    for number in range(200):
        add_stale(buildbot_database, f"{number}")
    out = buildbot_database.run("check").out
    assert "'9' and 190 more |" in out
    arguments = ("check", "-v")
    more = int(buildbot_database.kind == "sqlite")  # whether an upgrade was interrupted
    assert buildbot_database.run(*arguments).err.count("SQL: ") == 3 + more
    assert buildbot_database.run(*arguments, "1", "2", "3").err.count("SQL: ") == 2 + more
    assert buildbot_database.run(*arguments, "-o", "prometheus").err.count("SQL: ") <= 6


def test_only_the_first_of_many_that_are_missing_are_looked_for_by_name(
    sqlite_database: SqliteFile,
) -> None:
    def statements(missing: int) -> int:
        names = [f"ghost{number}" for number in range(missing)]
        return sqlite_database.run("check", "alive", *names, "-v").err.count("SQL: ")

    add_master(sqlite_database, "alive", active=1)
    assert statements(1) < statements(3) == statements(30)


# Metrics


def metrics(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the value of each sample, by its name and the values of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_prometheus_reads_the_metrics(buildbot_database: RealDatabase) -> None:
    names = ["alive", 'ev"il\\\n{x="y"} 1\t\x1b\u202eé', "dead"]
    now = int(time.time())
    for name, active, last_active in zip(names, (1, 0, 1), (now, 5, 0), strict=True):
        id_ = add_master(buildbot_database, name, active=active, last_active=last_active)
        add_belongings(buildbot_database, id_)
    result = buildbot_database.run("check", "-o", "prometheus")
    assert (result.code, result.err) == (OK, "")
    labels = [(f"{number}", name) for number, name in enumerate(names, 1)]
    assert metrics(result.out) == {
        "buildbot_masters": {("active",): 1, ("stale",): 0, ("expired",): 1, ("inactive",): 1},
        "buildbot_masters_needing_housekeeping": {(): 2},
        "buildbot_master_active": dict(zip(labels, (1, 0, 0), strict=True)),
        "buildbot_master_last_active_timestamp_seconds": dict(
            zip(labels, (now, 5, 0), strict=True)
        ),
        "buildbot_master_unfinished_builds": dict.fromkeys(labels, 1),
        "buildbot_master_claims": dict.fromkeys(labels, 1),
    }


def test_only_the_masters_that_are_named_have_metrics(database: RealDatabase) -> None:
    for name in ("a", "b", "c"):
        add_master(database, name, active=1)
    result = database.run("check", "b", "3", "-o", "prometheus")
    found = metrics(result.out)
    assert set(found["buildbot_master_claims"]) == {("2", "b"), ("3", "c")}
    assert found["buildbot_masters"][("active",)] == 2


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_file_is_replaced_by_one_that_everybody_may_read(
    database: RealDatabase, tmp_path: Path, mode: int | None
) -> None:
    path = tmp_path / "collected" / "buildbot.prom"
    path.parent.mkdir()
    before = None
    if mode is not None:
        path.write_text("old")
        path.chmod(mode)
        before = path.stat().st_ino
    arguments = ("check", "-o", "prometheus")
    mask = os.umask(0o077)
    try:
        assert database.run(*arguments, "--write", path) == (OK, "", "")
    finally:
        os.umask(mask)
    assert path.read_text() == database.run(*arguments).out
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [*path.parent.iterdir()] == [path]


def test_a_file_is_left_as_it_was_when_nothing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "buildbot.prom"
    path.write_text("old")
    result = mastersctl(
        "check", "-o", "prometheus", "--write", path, "--db-url", "sqlite:///missing"
    )
    assert result.code == UNKNOWN
    assert path.read_text() == "old"


@pytest.mark.parametrize("place", ["none/buildbot.prom", "fifo", "directory", "link"])
def test_what_is_no_file_is_left_alone(database: RealDatabase, tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("/dev/null")
    result = database.run("check", "-o", "prometheus", "--write", tmp_path / place)
    assert (result.code, result.out) == (UNKNOWN, "")
    assert os.path.realpath(tmp_path / place) in result.err
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    assert (tmp_path / "link").is_symlink()


def test_what_a_link_leads_to_is_replaced_and_keeps_its_mode(
    database: RealDatabase, tmp_path: Path
) -> None:
    target, link = tmp_path / "target.prom", tmp_path / "link.prom"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    arguments = ("check", "-o", "prometheus")
    assert database.run(*arguments, "--write", link).code == OK
    assert link.is_symlink()
    assert "buildbot_masters" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to write for another user")
@pytest.mark.parametrize("owner", [65534, 0])
def test_the_file_of_another_user_or_group_stays_theirs(
    database: RealDatabase, tmp_path: Path, owner: int
) -> None:
    file = tmp_path / "x.prom"
    file.touch(0o600)
    os.chown(file, owner, 65533)
    database.run("check", "-o", "prometheus", "--write", file)
    status = file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (owner, 65533, 0o600)
    assert "buildbot_masters" in file.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whom others could mislead")
def test_root_is_not_led_elsewhere_by_the_link_of_another_user(
    database: RealDatabase, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "x.prom").symlink_to(tmp_path / "victim")
    os.chown(theirs, 65534, 65534)
    arguments = ("check", "-o", "prometheus", "--write")
    result = database.run(*arguments, theirs / "x.prom")
    assert (result.code, result.out) == (UNKNOWN, "")
    assert "root does not follow it" in result.err
    assert not (tmp_path / "victim").exists()


def test_only_metrics_are_written_to_a_file(tmp_path: Path) -> None:
    result = mastersctl("check", "--write", tmp_path / "file")
    assert result.code == UNKNOWN
    assert not (tmp_path / "file").exists()


def test_metrics_on_the_standard_output_are_those_of_the_file(
    database: RealDatabase, tmp_path: Path
) -> None:
    add_master(database, "\x1b[2J\x1b]0;t\x07\u202eq", active=1)
    arguments = ("check", "-o", "prometheus")
    path = tmp_path / "buildbot.prom"
    assert database.process(*arguments, "--write", path).code == OK
    assert database.process(*arguments).out == path.read_text()


def test_a_master_that_is_not_there_is_a_metric_that_is_not_active(database: RealDatabase) -> None:
    result = database.run("check", "ghost", "7", "-o", "prometheus")
    active = metrics(result.out)["buildbot_master_active"]
    assert active == {("", "ghost"): 0, ("7", ""): 0}


def test_without_the_library_it_says_what_to_install(database: RealDatabase) -> None:
    add_master(database, "alive", active=1)
    hide = "import sys; sys.modules['prometheus_client'] = None; from mastersctl.cli import main; "
    hide += "main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, "check", "-o", "prometheus", "--db-url", database.url],
        capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == UNKNOWN
    assert "mastersctl[prometheus]" in done.stderr
