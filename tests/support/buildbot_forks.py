"""A program that imports Buildbot once, and then forks commands: the import is most of a start.

It reads lines of JSON, and answers each with a line:

- ["command", arguments, output] runs the command "buildbot"; the answer is the process ID
- ["calls", arguments, output] runs `tests.support.buildbot_calls`; the answer is the process ID
- ["poll", process ID] asks for the exit code, which is null while the process runs

Each process prints to the file `output`. `tests.support.buildbots` is the other end.
"""

import gc
import importlib
import json
import os
import sys
from typing import Any, NoReturn

from buildbot.data.connector import DataConnector
from buildbot.plugins import schedulers, steps, util, worker
from buildbot.scripts import runner
from twisted.internet import reactor

from tests.support import buildbot_calls

_PLUGINS = [
    schedulers.ForceScheduler, schedulers.Periodic, steps.ShellCommand, util.BuildFactory,
    worker.LocalWorker, worker.Worker,
]  # fmt: skip
_LATE = [
    "buildbot.scripts.start", "buildbot.scripts.upgrade_master", "twisted.scripts.twistd",
    "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite", "psycopg", "pymysql", *DataConnector.submodules,
]  # fmt: skip


def answer() -> None:
    for name in _LATE:
        importlib.import_module(name)
    gc.freeze()  # or a child's first collection copies all of its memory
    for line in sys.stdin:
        print(json.dumps(_answer_to(*json.loads(line))), flush=True)


def _answer_to(request: str, *values: Any) -> int | None:
    if request == "poll":
        pid, status = os.waitpid(values[0], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None
    return os.fork() or _become(request, *values)


def _become(request: str, arguments: list[str], output: str) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
    os.dup2(1, 2)
    reactor.waker = None
    reactor.__init__()  # type: ignore[misc]  # or all forks share a pipe and an epoll
    try:
        if request == "calls":
            sys.exit(buildbot_calls.call(*arguments))
        sys.argv = ["buildbot", *arguments]
        sys.exit(runner.run())
    except SystemExit as end:
        gc.collect()  # closes databases
        sys.stdout.flush()
        os._exit(int(end.code or 0))  # a normal exit takes longer than most commands


if __name__ == "__main__":
    answer()
