"""Real Buildbot: directories of masters, masters that run, and the connector itself."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUILDBOT = Path(sys.executable).with_name("buildbot")

NOT_COVERED = ("env", "-u", "COVERAGE_PROCESS_CONFIG")
"""What starts a command whose coverage is not collected: another user may not write it, say."""

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

_START_TIMEOUT = 60  # seconds; of several that start at once, on few processors

_FORCE = "ForceScheduler(name='force'"
_PERIODIC = "Periodic(name='periodic', periodicBuildTimer={every}"

_CHECKS_IN_OFTEN = """
from twisted.application import internet

class EverySecond(internet.TimerService):
    def __init__(self, step, *arguments):
        super().__init__(1, *arguments)

internet.TimerService = EverySecond  # by which a master checks in
"""

_CALLS = """
import dataclasses, json, operator, sys
from twisted.internet import defer
from buildbot.config.master import MasterConfig
from buildbot.master import BuildMaster
from buildbot.util import in_reactor

@in_reactor
@defer.inlineCallbacks
def main(url, basedir, calls):
    master = BuildMaster(basedir)
    master.config = MasterConfig()
    master.config.db.db_url = url
    yield master.secrets_manager.setup()
    yield master.db.setup(check_version=False, verbose=False)
    yield master.mq.setup()
    results = []
    for name, *arguments in calls:
        results.append((yield operator.attrgetter(name)(master)(*arguments)))
    yield master.db.pool.stop()
    plain = lambda value: str(value) if hasattr(value, 'tzinfo') else dataclasses.asdict(value)
    print('RESULTS', json.dumps(results, default=plain))
    return 0

main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
"""


def make_basedir(
    directory: Path,
    url: str,
    *,
    upgrade: bool = True,
    build: Sequence[str] | None = None,
    every: int = 3600,
    checks_in_often: bool = False,
    user: int | None = None,
) -> Path:
    """Make a buildmaster's directory, and its database at `url`.

    Parameters:
        build: what a build runs; the master then has a worker in its own process, and starts a
            build at once.
        every: how many seconds later it starts the next one.
        checks_in_often: every second, instead of every minute.
        user: the ID of the user that the directory belongs to, and the master runs as.
    """
    buildbot("create-master", "--db=sqlite://", str(directory))
    scheduler = _PERIODIC.format(every=every) if build else _FORCE
    config = _MASTER_CFG.format(
        url=url,
        worker="LocalWorker('example-worker')" if build else "Worker('example-worker', 'pass')",
        scheduler=f"{scheduler}, builderNames=['runtests'])",
        command=build or ["true"],
    )
    (directory / "master.cfg").write_text(config)
    if checks_in_often:
        tac = directory / "buildbot.tac"
        tac.write_text(_CHECKS_IN_OFTEN + tac.read_text())
    if user is not None:
        for path in (directory, *directory.iterdir()):
            os.chown(path, user, user)
    if upgrade:
        buildbot("upgrade-master", str(directory), user=user)
    return directory


def buildbot(*arguments: str, user: int | None = None) -> None:
    become = NOT_COVERED if user is None else as_user(user)
    done = subprocess.run(
        [*become, BUILDBOT, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def as_user(user: int) -> list[str]:
    """Return the command that runs another as that user, who may read all but not write all.

    The interpreter may lie in a directory that only root may enter.
    """
    keep = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    return [*NOT_COVERED, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *keep]


@contextmanager
def running_master(
    basedir: Path, *, killed: bool = False, user: int | None = None
) -> Iterator[int]:
    """Start the master in `basedir`, yield its process ID, and stop it, or kill it."""
    buildbot("start", f"--start_timeout={_START_TIMEOUT}", str(basedir), user=user)
    pid = int((basedir / "twistd.pid").read_text())
    try:
        yield pid
    finally:
        if killed:
            os.kill(pid, signal.SIGKILL)
            (basedir / "twistd.pid").unlink()
        elif (basedir / "twistd.pid").exists():
            buildbot("stop", str(basedir))
        _wait_until_gone(pid)


def _wait_until_gone(pid: int) -> None:
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"the master with process ID {pid} does not stop")


def connector(url: str, basedir: Path, *calls: tuple[Any, ...]) -> list[Any]:
    """Call methods of Buildbot's MastersConnectorComponent, and return what each returned."""
    return _call(url, basedir, [(f"db.masters.{name}", *arguments) for name, *arguments in calls])


def expire_masters(url: str, basedir: Path) -> None:
    """Do the housekeeping that a master does when it starts, as Buildbot does it."""
    _call(url, basedir, [("data.updates.expireMasters", True)])


def _call(url: str, basedir: Path, calls: list[tuple[Any, ...]]) -> list[Any]:
    done = subprocess.run(
        call_command(url, basedir, calls), capture_output=True, text=True, timeout=120, check=False
    )
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    assert results, done.stdout + done.stderr
    answers: list[Any] = json.loads(results[0].removeprefix("RESULTS "))
    return answers


def call_command(url: str, basedir: Path, calls: list[tuple[Any, ...]]) -> list[str]:
    """Return the command that calls methods of a BuildMaster's services, and prints the results."""
    return [*NOT_COVERED, sys.executable, "-c", _CALLS, url, str(basedir), json.dumps(calls)]
