"""Real Buildbot: directories of masters, running masters, and calls of the connector."""

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.support.commands import wait_for
from tests.support.shared import made_once
from tests.support.sources import ROOT

BUILDBOT = Path(sys.executable).with_name("buildbot")

NOT_COVERED = ("env", "-u", "COVERAGE_PROCESS_CONFIG")
"""The prefix of a command without coverage, such as one whose user may not write the data."""

_MASTER_CFG = """
from buildbot.plugins import schedulers, steps, util, worker

c = BuildmasterConfig = {{}}
c['db'] = {{'db_url': {url!r}}}
c['workers'] = [worker.{worker}]
c['protocols'] = {{'pb': {{'port': 'tcp:0:interface=127.0.0.1'}}}}
c['schedulers'] = [schedulers.{scheduler}]
factory = util.BuildFactory([steps.ShellCommand(command={command!r})])
c['builders'] = [
    util.BuilderConfig(name='runtests', workernames=['example-worker'], factory=factory)
]
c['buildbotNetUsageData'] = None
"""

_SQLITE = "sqlite:///state.sqlite"
_STARTED = "BuildMaster is running"
_START_TIMEOUT = 60  # seconds; several start at once on few processors
_STOP_TIMEOUT = 60
_COMMAND_TIMEOUT = 120

_FORCE = "ForceScheduler(name='force'"
_PERIODIC = "Periodic(name='periodic', periodicBuildTimer={every}"

_CHECKS_IN_OFTEN = """
from twisted.application import internet

class EverySecond(internet.TimerService):
    def __init__(self, step, *arguments):
        super().__init__(1, *arguments)

internet.TimerService = EverySecond  # by which a master checks in
"""


def made_by_buildbot() -> Path:
    """Return a buildmaster's directory with its database, to copy."""

    def make(directory: Path) -> None:
        buildbot("create-master", "--db=sqlite://", str(directory))
        _configure(directory, _SQLITE)
        upgrade(directory)

    return made_once("sqlite", make)


def make_basedir(
    directory: Path,
    url: str | None = None,
    *,
    build: Sequence[str] | None = None,
    every: int = 3600,
    checks_in_often: bool = False,
    user: int | None = None,
) -> Path:
    """Make a buildmaster's directory.

    Parameters:
        url: the URL of its database; by default, a file in the directory, which Buildbot made.
        build: the command of a build. With one, the master has a worker in its own process, and
            starts a build at once.
        every: seconds between the starts of builds.
        checks_in_often: whether the master checks in every second, instead of every minute.
        user: the ID of the user that owns the directory and runs the master.
    """
    made = made_by_buildbot()
    directory.mkdir(parents=True)
    tac = (made / "buildbot.tac").read_text().replace(str(made), str(directory))
    (directory / "buildbot.tac").write_text(_CHECKS_IN_OFTEN * checks_in_often + tac)
    if url is None:
        shutil.copy(made / "state.sqlite", directory)
    _configure(directory, url or _SQLITE, build, every)
    if user is not None:
        for path in (directory, *directory.iterdir()):
            os.chown(path, user, user)
    return directory


def _configure(
    directory: Path, url: str, build: Sequence[str] | None = None, every: int = 0
) -> None:
    scheduler = _PERIODIC.format(every=every) if build else _FORCE
    config = _MASTER_CFG.format(
        url=url,
        worker="LocalWorker('example-worker')" if build else "Worker('example-worker', 'pass')",
        scheduler=f"{scheduler}, builderNames=['runtests'])",
        command=build or ["true"],
    )
    (directory / "master.cfg").write_text(config)


def upgrade(basedir: Path) -> None:
    """Make the tables of a master's database, or upgrade them."""
    buildbot("upgrade-master", str(basedir))


def buildbot(*arguments: str) -> None:
    with _forked("command", *arguments) as process:
        code = process.wait(_COMMAND_TIMEOUT)
        assert code == 0, process.printed()


def as_user(user: int) -> list[str]:
    """Return the prefix that runs a command as a user that may read, but not write, every file.

    The interpreter may lie in a directory that only root may enter.
    """
    keep = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    return [*NOT_COVERED, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *keep]


@contextmanager
def running_master(
    basedir: Path, *, killed: bool = False, user: int | None = None
) -> Iterator[int]:
    """Start the master in `basedir`, yield its process ID, then stop or kill it."""
    log = basedir / "twistd.log"
    started = log.read_text().count(_STARTED) if log.exists() else 0
    with _started(basedir, user) as master:
        try:
            _wait_for_start(master, log, started + 1)
            yield master.pid
        finally:
            # "buildbot stop" sends SIGTERM.
            if master.poll() is None:
                os.kill(master.pid, signal.SIGKILL if killed else signal.SIGTERM)
            master.wait(_STOP_TIMEOUT)


def _started(
    basedir: Path, user: int | None
) -> "AbstractContextManager[subprocess.Popen[bytes] | _Process]":
    """Start a master in the foreground."""
    arguments = ["start", "--nodaemon", str(basedir)]
    if user is None:
        return _forked("command", *arguments)
    return subprocess.Popen(
        [*as_user(user), BUILDBOT, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_for_start(master: "subprocess.Popen[bytes] | _Process", log: Path, times: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while not log.exists() or log.read_text().count(_STARTED) < times:
        assert master.poll() is None, log.read_text() if log.exists() else "it did not start"
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def connector(url: str, basedir: Path, *calls: tuple[Any, ...]) -> list[Any]:
    """Call methods of Buildbot's MastersConnectorComponent, and return their results."""
    return _call(url, basedir, [(f"db.masters.{name}", *arguments) for name, *arguments in calls])


def expire_masters(url: str, basedir: Path) -> None:
    """Run Buildbot's own housekeeping, as a master does when it starts."""
    _call(url, basedir, [("data.updates.expireMasters", True)])


def _call(url: str, basedir: Path, calls: list[tuple[Any, ...]]) -> list[Any]:
    with _forked("calls", url, str(basedir), json.dumps(calls)) as process:
        code = process.wait(_COMMAND_TIMEOUT)
        assert code == 0, process.printed()
        results: list[Any] = json.loads(process.printed().splitlines()[-1])
        return results


def call_command(url: str, basedir: Path, calls: list[tuple[Any, ...]]) -> list[str]:
    """Return a command that makes these calls in its own process, and prints the results."""
    program = [sys.executable, "-m", "tests.support.buildbot_calls"]
    return [*NOT_COVERED, *program, url, str(basedir), json.dumps(calls)]


class _Process:
    """A fork of the process that has imported Buildbot."""

    def __init__(self, pid: int, output: str) -> None:
        self.pid = pid
        self._output = Path(output)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        if self._code is None:
            self._code = _ask("poll", self.pid)
        return self._code

    def wait(self, seconds: float) -> int:
        """Wait for the process to end, and return its exit code."""
        wait_for(lambda: self.poll() is not None, seconds)
        assert self._code is not None
        return self._code

    def printed(self) -> str:
        return self._output.read_text()


@contextmanager
def _forked(request: str, *arguments: str) -> Iterator[_Process]:
    """Run a command in a fork of the process that has imported Buildbot."""
    with tempfile.NamedTemporaryFile(prefix="mastersctl-buildbot-") as output:
        pid = _ask(request, arguments, output.name)
        assert pid is not None
        yield _Process(pid, output.name)


def _ask(*request: object) -> int | None:
    process = _forking()
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(request), file=process.stdin, flush=True)
    answer: int | None = json.loads(process.stdout.readline())
    return answer


@functools.cache
def _forking() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [*NOT_COVERED, sys.executable, "-m", "tests.support.buildbot_forks"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    atexit.register(_end, process)
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    with process:
        assert process.stdin is not None
        process.stdin.close()
