"""Real Buildbot: directories of masters, masters that run, and the connector itself."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUILDBOT = Path(sys.executable).with_name("buildbot")

_MASTER_CFG = """
from buildbot.plugins import schedulers, steps, util, worker

c = BuildmasterConfig = {{}}
c['db'] = {{'db_url': {url!r}}}
c['workers'] = [worker.Worker('example-worker', 'pass')]
c['protocols'] = {{'pb': {{'port': 'tcp:0:interface=127.0.0.1'}}}}
c['schedulers'] = [schedulers.ForceScheduler(name='force', builderNames=['runtests'])]
factory = util.BuildFactory([steps.ShellCommand(command=['true'])])
c['builders'] = [
    util.BuilderConfig(name='runtests', workernames=['example-worker'], factory=factory)
]
c['buildbotNetUsageData'] = None
"""

_CONNECTOR = """
import dataclasses, json, sys
from twisted.internet import defer
from buildbot.config.master import MasterConfig
from buildbot.db.connector import DBConnector
from buildbot.master import BuildMaster
from buildbot.util import in_reactor

@in_reactor
@defer.inlineCallbacks
def main(url, basedir, calls):
    master = BuildMaster(basedir)
    master.config = MasterConfig()
    master.config.db.db_url = url
    db = DBConnector(basedir=basedir)
    yield db.set_master(master)
    yield master.secrets_manager.setup()
    yield db.setup(check_version=False, verbose=False)
    results = []
    for name, *arguments in calls:
        results.append((yield getattr(db.masters, name)(*arguments)))
    yield db.pool.stop()
    plain = lambda value: str(value) if hasattr(value, 'tzinfo') else dataclasses.asdict(value)
    print('RESULTS', json.dumps(results, default=plain))
    return 0

main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
"""


def make_basedir(directory: Path, url: str, *, upgrade: bool = True) -> Path:
    """Make a buildmaster's directory, and its database at `url`."""
    buildbot("create-master", "--db=sqlite://", str(directory))
    (directory / "master.cfg").write_text(_MASTER_CFG.format(url=url))
    if upgrade:
        buildbot("upgrade-master", str(directory))
    return directory


def buildbot(*arguments: str) -> None:
    done = subprocess.run(
        [BUILDBOT, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running_master(basedir: Path) -> Iterator[int]:
    """Start the master in `basedir`, yield its process ID, and stop it."""
    buildbot("start", str(basedir))
    pid = int((basedir / "twistd.pid").read_text())
    try:
        yield pid
    finally:
        if (basedir / "twistd.pid").exists():
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
    done = subprocess.run(
        [sys.executable, "-c", _CONNECTOR, url, basedir, json.dumps(calls)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    assert results, done.stdout + done.stderr
    answers: list[Any] = json.loads(results[0].removeprefix("RESULTS "))
    return answers
