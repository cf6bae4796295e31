"""The files of contrib/: each is run as an operator would, with the real programs."""

import fcntl
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support import buildbots
from tests.support.commands import mastersctl, wait_for
from tests.support.databases import (
    PostgresDatabase,
    RealDatabase,
    SqliteFile,
    free_port,
)
from tests.support.programs import require
from tests.support.rows import add_belongings, add_master, contents, masters
from tests.support.sources import ROOT

CONTRIB = ROOT / "contrib"
BIN = Path(sys.executable).parent
DAY = 24 * 60 * 60


def run(
    command: Sequence[str | Path], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that finds mastersctl and buildbot; its errors are in its output."""
    return subprocess.run(
        command,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def basedir(tmp_path: Path) -> Path:
    """The directory of a master that never ran, with a database of its own."""
    return buildbots.make_basedir(tmp_path / "bb")


def add_aged_masters(database: RealDatabase) -> None:
    """Add one master that is alive, and some that died, or were reset, at different times."""
    add_master(database, "alive:/", active=1)
    used = add_master(database, "used:/", active=1, last_active=time.time() - 40 * DAY)
    add_belongings(database, used)
    add_master(database, "dead for 40 days:/", active=1, last_active=time.time() - 40 * DAY)
    add_master(database, "dead for 20 days:/", active=1, last_active=time.time() - 20 * DAY)
    add_master(database, "reset:/", last_active=0)


KEPT = {"alive:/": 1, "used:/": 0, "dead for 20 days:/": 0, "reset:/": 0}
"""Which of these a clean-up leaves, and whether they are active."""


def activity(database: RealDatabase) -> dict[str, int]:
    return {name: active for _, name, active, _ in masters(database)}


# cron


CRONTAB = (CONTRIB / "cron" / "mastersctl").read_text()
VARIABLES = dict(re.findall(r'^([A-Z_]+)="?(.*?)"?$', CRONTAB, re.MULTILINE))
JOBS = re.findall(r"^(?:[\d*/]+ ){5}buildbot (.*)$", CRONTAB, re.MULTILINE)
HOUSEKEEP, REMOVE, CHECK = JOBS


def mail(job: str, basedir: Path, **variables: str) -> str:
    """Return what a job writes, started as cron starts it: with hardly any environment."""
    assert "%" not in job  # which means a new line there
    environment = VARIABLES | {"MASTERSCTL_BASEDIR": str(basedir)} | variables
    environment["PATH"] = f"{BIN}:{VARIABLES['PATH']}"
    user = {"HOME": str(basedir), "LOGNAME": "buildbot"}
    done = subprocess.run(
        [VARIABLES["SHELL"], "-c", job],
        env=user | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def test_cron_cleans_up_and_mails_nothing_but_that_requests_were_released(
    basedir: Path, database: SqliteFile
) -> None:
    add_aged_masters(database)
    released, *others = [mail(job, basedir) for job in JOBS]
    assert released.startswith("Note: Running masters build the released requests only after")
    assert released.count("\n") == 1
    assert others == ["", ""]
    assert activity(database) == KEPT
    assert [mail(job, basedir) for job in JOBS] == ["", "", ""]


def test_cron_mails_how_the_masters_are_until_they_are_well(
    basedir: Path, database: SqliteFile
) -> None:
    for name in ("build1:/srv/bb", "build2:/srv/bb"):
        add_master(database, name, active=1)
    both = "build1:/srv/bb build2:/srv/bb"
    assert mail(CHECK, basedir, MASTERS=both) == ""
    database.execute("UPDATE masters SET active = 0 WHERE id = 2")  # as the other one does
    assert mail(CHECK, basedir) == ""
    assert "CRITICAL - 1 active, 0 stale, 0 expired, 1 inactive; inactive: 'build2:/srv/bb' |" in (
        mail(CHECK, basedir, MASTERS=both)
    )
    database.execute("UPDATE masters SET active = 1, last_active = 5 WHERE id = 2")
    assert "WARNING - 1 active, 1 stale" in mail(CHECK, basedir)


@pytest.mark.parametrize("job", JOBS)
def test_cron_mails_what_keeps_a_job_from_its_work(job: str, basedir: Path) -> None:
    (basedir / "state.sqlite").unlink()
    assert "There is no database at" in mail(job, basedir)


def test_cron_reads_a_file_of_that_name() -> None:
    (name,) = [path.name for path in (CONTRIB / "cron").iterdir()]
    assert re.fullmatch(r"[\w-]+", name)  # as cron(8) of Debian demands


# systemd


UNITS = sorted((CONTRIB / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]


def settings(unit: Path, key: str, basedir: Path) -> list[str]:
    """Return the values of a setting for the instance `basedir`, and its metrics in there."""
    found = re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)
    values = [re.sub("%(.)", lambda match: {"f": str(basedir)}[match[1]], value) for value in found]
    return [value.replace("/var/lib/node_exporter", f"{basedir}/metrics") for value in values]


def started(unit: Path, basedir: Path, wrapper: Sequence[str] = ()) -> str:
    """Run what a service runs, one command after the other, and return what they write."""
    (basedir / "metrics").mkdir(exist_ok=True)
    (environment,) = settings(unit, "Environment", basedir)
    variable, value = environment.split("=")
    output = ""
    for line in settings(unit, "ExecStart", basedir):
        done = run([*wrapper, *shlex.split(line.replace("$$", "$"))], {variable: value})
        output += done.stdout
        if done.returncode:
            return f"{output}failed"
    return output


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    require("systemd-analyze")
    copies = []
    for unit in UNITS:
        copies.append(tmp_path / unit.name)
        text = unit.read_text()  # systemd looks for a command in its own directories alone
        copies[-1].write_text(text.replace("ExecStart=mastersctl", f"ExecStart={BIN}/mastersctl"))
    done = run(["systemd-analyze", "verify", "--man=no", *copies])
    assert (done.returncode, done.stdout) == (0, "")


def test_each_service_has_a_timer() -> None:
    assert {unit.stem for unit in UNITS if unit.suffix == ".timer"} == {
        service.stem for service in SERVICES
    }


def test_the_services_write_metrics_and_clean_up(basedir: Path, database: SqliteFile) -> None:
    add_aged_masters(database)
    check, housekeep = SERVICES
    assert started(check, basedir) == ""
    metrics = (basedir / "metrics" / "buildbot.prom").read_text()
    assert 'buildbot_masters{state="stale"} 3.0' in metrics
    assert started(housekeep, basedir).endswith("removed 1 master\n")
    assert activity(database) == KEPT


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_fails_where_its_first_command_does(unit: Path, basedir: Path) -> None:
    (basedir / "state.sqlite").unlink()
    output = started(unit, basedir)
    assert output.startswith("Error: There is no database at")
    assert output.endswith("failed")
    assert output.count("Error") == 1


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
@pytest.mark.parametrize("in_use", [False, True], ids=["idle", "in use"])
def test_a_service_needs_to_write_only_what_it_may(
    unit: Path, in_use: bool, basedir: Path, database: SqliteFile
) -> None:
    """On a file in WAL mode, with and without the files that others who have it open make."""
    add_aged_masters(database)
    database.execute("PRAGMA journal_mode = WAL")
    (basedir / "metrics").mkdir()
    (paths,) = settings(unit, "ReadWritePaths", basedir)
    script = "".join(f"mount --bind {path} {path} && " for path in paths.split())
    script += 'mount -o remount,bind,ro / && ! touch "$HOME" 2>/dev/null && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    wrapper = ["unshare", "--mount", *user, "sh", "-c", script, "sh"]
    if run([*wrapper, "true"]).returncode:
        pytest.skip("no file system can be made read-only here")
    with closing(sqlite3.connect(database.path)) as connection:
        if in_use:
            connection.execute("UPDATE masters SET name = name")
            connection.commit()
        assert "failed" not in started(unit, basedir, wrapper)


# The entry point of a container


ENTRYPOINT = CONTRIB / "container" / "entrypoint.sh"


def name_of(basedir: Path) -> str:
    return f"{os.uname().nodename}:{basedir}"


@contextmanager
def container(
    basedir: Path, *, host: str = "", killed: bool = False, programs: Path = BIN
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the entry point, and stop it as a container is stopped, or killed.

    Parameters:
        host: the container's name; by default this host's.
        programs: the directory of commands that are found before all others.
    """
    with log_of(basedir).open("ab") as log:
        process = subprocess.Popen(
            [*(called(host) if host else ()), ENTRYPOINT],
            env=os.environ
            | {"PATH": f"{programs}:{BIN}:{os.environ['PATH']}", "BASEDIR": str(basedir)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
        process.wait(timeout=60)


def log_of(basedir: Path) -> Path:
    """Return the file in which is what all containers of that directory wrote."""
    return basedir.with_name(f"{basedir.name}.log")


def called(host: str) -> list[str]:
    """Return the command that runs another on a host of that name, as a container does."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    script = f'echo {host} >/proc/sys/kernel/hostname && exec "$@"'
    command = ["unshare", "--uts", *user, "sh", "-c", script, "sh"]
    if run([*command, "true"]).returncode:
        pytest.skip("no host can have another name here")
    return command


def assert_well(basedir: Path) -> None:
    """Assert that nothing in the log of the containers tells of trouble."""
    log = log_of(basedir).read_text()
    assert re.search("error|warning|traceback|unable", log, re.IGNORECASE) is None, log


def starts(basedir: Path) -> int:
    """Return how many times the master has started."""
    log = basedir / "twistd.log"
    return log.read_text().count("BuildMaster is running") if log.exists() else 0


def test_shellcheck_has_no_remark() -> None:
    require("shellcheck")
    done = run(["shellcheck", ENTRYPOINT])
    assert (done.returncode, done.stdout) == (0, "")


def test_a_container_starts_under_another_name_stops_and_starts_after_it_was_killed(
    tmp_path: Path,
) -> None:
    basedir = buildbots.make_basedir(tmp_path / "bb", "sqlite:///state.sqlite")
    database = SqliteFile(basedir / "state.sqlite")
    assert mastersctl("init", "--basedir", basedir).code == 0
    add_master(database, f"oldhost:{basedir}")
    (basedir / "master-name").write_text(f"oldhost:{basedir}\n")
    name = name_of(basedir)
    with container(basedir) as process:
        wait_for(lambda: starts(basedir) == 1)
        assert masters(database)[0][:3] == (1, name, 1)
    assert process.returncode == 0
    assert activity(database) == {name: 0}

    database.execute("UPDATE masters SET active = 1")
    add_belongings(database, 1)
    with container(basedir) as process:
        wait_for(lambda: starts(basedir) == 2)
        assert activity(database) == {name: 1}
        assert database.execute("SELECT id FROM builds WHERE complete_at IS NULL") == []
        assert database.execute("SELECT * FROM connected_workers") == []
    assert process.returncode == 0
    assert_well(basedir)


BUILDS = "SELECT masterid, results, buildrequestid, builderid FROM builds ORDER BY id"


def test_a_master_that_is_killed_while_it_builds_keeps_all_it_has_under_three_names_in_a_row(
    tmp_path: Path,
) -> None:
    free = tmp_path / "free"  # which a build waits for; it ends with its master, too
    wait = f"while ! test -e {free} && [ $PPID -ne 1 ] && kill -0 $PPID; do sleep 0.2; done"
    basedir = buildbots.make_basedir(tmp_path / "bb", build=["sh", "-c", wait])
    database = SqliteFile(basedir / "state.sqlite")

    def wait_for_build(number: int) -> None:
        wait_for(lambda: len(database.execute(BUILDS)) == number, seconds=60)
        wait_for(lambda: len(database.execute("SELECT id FROM logs WHERE complete = 0")) == 1)

    schedulers = []
    for number, host in enumerate(("pod-1", "pod-2", "pod-3"), 1):
        with container(basedir, host=host, killed=True):
            wait_for_build(number)
            assert [master[:3] for master in masters(database)] == [(1, f"{host}:{basedir}", 1)]
            schedulers += database.execute("SELECT schedulerid, masterid FROM scheduler_masters")
            ended = [(1, 5, 1, 1)] * (number - 1)
            assert database.execute(BUILDS) == [*ended, (1, None, 1, 1)]
    assert schedulers == [schedulers[0]] * 3

    free.touch()
    with container(basedir, host="pod-4") as process:
        request = "SELECT complete, results FROM buildrequests"
        wait_for(lambda: database.execute(request) == [(1, 0)], seconds=60)
        assert database.execute(BUILDS) == [*[(1, 5, 1, 1)] * 3, (1, 0, 1, 1)]
        assert [master[:3] for master in masters(database)] == [(1, f"pod-4:{basedir}", 1)]
    assert process.returncode == 0
    assert_well(basedir)
    assert "Traceback" not in (basedir / "twistd.log").read_text()


@pytest.mark.parametrize("host", ["", "oldhost"], ids=["same name", "another name"])
def test_a_master_that_was_just_killed_is_cleaned_up_beside_others_that_live(
    host: str, basedir: Path, database: SqliteFile, without_buildbot: Path
) -> None:
    old = f"{host or os.uname().nodename}:{basedir}"
    add_belongings(database, add_master(database, old, active=1))
    add_belongings(database, add_master(database, "other:/", active=1))
    (basedir / "master-name").write_text(f"{old}\n")
    before = contents(database)
    with container(basedir, programs=without_buildbot) as process:
        assert process.wait(timeout=60) == 0
    assert activity(database) == {name_of(basedir): 0, "other:/": 1}
    assert_well(basedir)
    after = contents(database)
    for table in ("builds", "buildrequest_claims", "scheduler_masters", "connected_workers"):
        of_other = [row for row in before[table] if row["masterid"] == 2]
        assert [row for row in after[table] if row["masterid"] == 2] == of_other
    assert {row["results"] for row in after["builds"] if row["masterid"] == 1} == {0, 5}
    claims = "SELECT brid FROM buildrequest_claims WHERE masterid = 1"
    assert database.execute(claims) == [(110,)]  # of a request that is finished
    assert database.execute("SELECT * FROM scheduler_masters WHERE masterid = 1") == []


KILLING = f"""#!/bin/sh
n=$(wc -l <calls); echo >>calls
[ "before $n" != "$KILL" ] || kill -KILL 0
{BIN}/mastersctl "$@"; code=$?
[ "after $n" != "$KILL" ] || kill -KILL 0
exit $code
"""
"""A mastersctl that kills the container before, or after, a command that has that number."""


def test_a_container_that_is_killed_at_any_time_leaves_the_master_its_id(
    basedir: Path,
    database: SqliteFile,
    without_buildbot: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_master(database, f"oldhost:{basedir}", active=1)
    (basedir / "master-name").write_text(f"oldhost:{basedir}\n")
    (without_buildbot / "mastersctl").write_text(KILLING)
    (without_buildbot / "mastersctl").chmod(0o755)
    kills = [f"{when} {number}" for number in range(8) for when in ("before", "after")]
    names = []
    for pod, kill in enumerate([*kills, "never"]):
        monkeypatch.setenv("KILL", kill)
        (basedir / "calls").write_text("")
        with container(basedir, host=f"pod-{pod}", programs=without_buildbot) as process:
            code = process.wait(timeout=60)
        assert code == (0 if kill == "never" else -signal.SIGKILL), log_of(basedir).read_text()
        ((id_, name, *_),) = masters(database)
        assert id_ == 1
        names.append(name)
    assert len(set(names)) > 4  # several were killed after they renamed it
    assert names[-1] == f"pod-{len(kills)}:{basedir}"
    assert (basedir / "master-name").read_text() == f"{names[-1]}\n"


def test_a_container_cleans_up_after_others_and_keeps_when_they_were_last_seen(
    basedir: Path, database: SqliteFile, without_buildbot: Path
) -> None:
    day_ago = int(time.time()) - DAY
    add_belongings(database, add_master(database, "dead:/", active=1, last_active=day_ago))
    add_belongings(database, add_master(database, "left:/", active=0, last_active=day_ago))
    with container(basedir, programs=without_buildbot) as process:
        assert process.wait(timeout=60) == 0
    assert masters(database)[:2] == [(1, "dead:/", 0, day_ago), (2, "left:/", 0, day_ago)]
    assert database.run("list", "--needs-housekeeping", "-o", "id").out == ""
    assert_well(basedir)


def test_of_a_master_of_each_name_the_last_one_stays_as_it_is(
    basedir: Path, database: SqliteFile, without_buildbot: Path
) -> None:
    """It may be that of another directory by now."""
    old = f"oldhost:{basedir}"
    add_belongings(database, add_master(database, old, active=1))
    add_master(database, name_of(basedir))
    (basedir / "master-name").write_text(f"{old}\n")
    before = contents(database)
    with container(basedir, programs=without_buildbot) as process:
        assert process.wait(timeout=60) == 0
    assert contents(database) == before
    message = f"'{name_of(basedir)}' is another master than '{old}', which ran here last;"
    assert message in log_of(basedir).read_text()
    assert (basedir / "master-name").read_text() == f"{name_of(basedir)}\n"


@pytest.fixture
def without_buildbot(tmp_path: Path) -> Path:
    """A directory with a `buildbot` that does nothing."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "buildbot").symlink_to("/bin/true")
    return tmp_path / "bin"


def test_two_containers_do_not_run_one_master(basedir: Path, database: SqliteFile) -> None:
    with (basedir / "master-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run([ENTRYPOINT], {"BASEDIR": str(basedir)})
    assert done.returncode == 1
    assert f"another container runs the master in {basedir}; stop it first\n" in done.stdout
    assert masters(database) == []


def test_beside_a_master_that_is_alive_the_database_is_left_as_it_is(tmp_path: Path) -> None:
    basedir = buildbots.make_basedir(tmp_path / "bb", "sqlite:///state.sqlite")
    database = SqliteFile(basedir / "state.sqlite")
    assert mastersctl("init", "--basedir", basedir).code == 0
    add_master(database, "other:/", active=1)
    (other,) = masters(database)
    done = run([ENTRYPOINT], {"BASEDIR": str(basedir)})
    assert "upgrade" in (basedir / "twistd.log").read_text(), done.stdout
    assert set(database.rows()) == {"masters"}
    assert masters(database)[0] == other


def test_masters_of_a_cluster_that_start_at_once_leave_each_other_alone(
    buildbot_postgresql: PostgresDatabase, tmp_path: Path
) -> None:
    basedirs = [
        buildbots.make_basedir(tmp_path / name, buildbot_postgresql.url) for name in ("a", "b")
    ]
    add_belongings(
        buildbot_postgresql, add_master(buildbot_postgresql, "dead:/", active=1, last_active=5)
    )
    with container(basedirs[0]), container(basedirs[1]):
        wait_for(lambda: all(map(starts, basedirs)), seconds=60)
        links = "SELECT DISTINCT name FROM builder_masters JOIN masters ON masters.id = masterid"
        linked = {name for (name,) in buildbot_postgresql.execute(links)}
        assert linked == {name_of(basedir) for basedir in basedirs}
        assert activity(buildbot_postgresql)["dead:/"] == 0


def test_a_container_ends_while_the_database_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql://127.0.0.1:{free_port()}/bb"
    basedir = buildbots.make_basedir(tmp_path / "bb", url)
    done = run([ENTRYPOINT], {"BASEDIR": str(basedir)})
    assert done.returncode == 4
    assert "cannot be reached" in done.stdout
    assert not (basedir / "twistd.log").exists()


# Ansible


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: {tasks}
      vars:
        buildbot_basedir: {basedir}
        buildbot_masters_moved: [{{from: "old1:/srv/bb", to: "new1:/srv/bb"}}]
        buildbot_masters_gone: ["old2:/srv/bb"]
        buildbot_masters_heir: "{heir}"
"""


def play(
    tasks: str, basedir: Path, *options: str, heir: str = "new1:/srv/bb"
) -> tuple[dict[str, int], str]:
    """Run a file of tasks; return how many of them ended how, and all output."""
    playbook = basedir / "playbook.yml"
    tasks = str(CONTRIB / "ansible" / tasks)
    playbook.write_text(PLAYBOOK.format(tasks=tasks, basedir=basedir, heir=heir))
    interpreter = f"ansible_python_interpreter={sys.executable}"
    done = run(
        ["ansible-playbook", "-i", "localhost,", "-e", interpreter, *options, playbook],
        {"ANSIBLE_HOME": str(basedir), "LC_ALL": "C.UTF-8"},
    )
    (recap,) = re.findall(r"^localhost +: (.*)$", done.stdout, re.MULTILINE) or [""]
    counts = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", recap)}
    assert (done.returncode == 0) == (counts.get("failed") == 0), done.stdout
    return counts, done.stdout


def test_ansible_makes_the_masters_what_they_should_be_once(
    basedir: Path, database: SqliteFile
) -> None:
    require("ansible-playbook")
    for name in ("old1:/srv/bb", "old2:/srv/bb"):
        add_belongings(database, add_master(database, name, active=1, last_active=5))
    counts, _ = play("masters.yml", basedir, "--check")
    assert (counts["changed"], counts["failed"]) == (0, 0)
    assert len(masters(database)) == 2

    counts, output = play("masters.yml", basedir)
    assert (counts["changed"], counts["failed"]) == (3, 0), output
    assert activity(database) == {"new1:/srv/bb": 0}
    assert database.execute("SELECT DISTINCT masterid FROM builds") == [(1,)]

    counts, output = play("masters.yml", basedir)
    assert (counts["changed"], counts["failed"]) == (0, 0), output


@pytest.mark.parametrize(
    ("active", "heir", "message"),
    [(1, "new1:/srv/bb", "is active"), (0, "ghost:/", "No master has the name 'ghost:/'")],
)
def test_ansible_fails_where_a_master_is_not_as_it_should_be(
    active: int, heir: str, message: str, basedir: Path, database: SqliteFile
) -> None:
    require("ansible-playbook")
    add_master(database, "old1:/srv/bb", active=active)
    add_master(database, "old2:/srv/bb", active=0)
    counts, output = play("masters.yml", basedir, heir=heir)
    assert counts["failed"] == 1
    assert message in output
    assert "old2:/srv/bb" in activity(database)


@pytest.mark.parametrize("tasks", ["masters.yml", "upgrade.yml"])
def test_ansible_fails_while_the_database_is_unavailable(tasks: str, basedir: Path) -> None:
    require("ansible-playbook")
    (basedir / "state.sqlite").unlink()
    counts, output = play(tasks, basedir)
    assert counts["failed"] == 1
    assert "There is no database at" in output


def test_ansible_upgrades_the_database_unless_a_master_is_alive(
    basedir: Path, database: SqliteFile
) -> None:
    require("ansible-playbook")
    add_master(database, "m:/", active=1)
    counts, output = play("upgrade.yml", basedir)
    assert (counts["changed"], counts["failed"]) == (0, 1)
    assert "No master was expired, because these look alive: 'm:/'" in output.replace("\\'", "'")

    database.execute("UPDATE masters SET active = 0")
    counts, output = play("upgrade.yml", basedir)
    assert (counts["changed"], counts["failed"]) == (2, 0), output
    assert masters(database) == [(1, "m:/", 1, 0)]
