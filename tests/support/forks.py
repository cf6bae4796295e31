"""A program that imports mastersctl once, and then forks commands.

It reads lines of JSON, the arguments of `run_together`. It answers each with a line, the [code,
stdout, stderr] of each command. `tests.support.crowd` is its other end.
"""

import functools
import gc
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import IO, Any, NoReturn

import mastersctl.database.mysql
import mastersctl.database.postgresql
import mastersctl.database.sqlite
import mastersctl.operations.connector
import mastersctl.operations.housekeeping
import mastersctl.operations.removal  # noqa: F401  # once here, not in every child
from mastersctl.cli import context, main
from mastersctl.cli.group import cli

_LONGEST = 240  # seconds that a command may take; it never should


def answer() -> None:
    assert all(cli.commands[name] for name in cli.commands)  # each is imported when looked up
    gc.freeze()  # or a child's first collection copies all of its memory
    for line in sys.stdin:
        print(json.dumps(run_together(**json.loads(line))), flush=True)


def run_together(
    commands: list[list[str]],
    directory: str,
    variables: dict[str, str],
    seconds: float | None,
    statements: int | None,
) -> list[list[Any]]:
    """Start commands at the same moment, and return their results.

    Parameters:
        directory: their working directory.
        variables: all of their environment variables.
        seconds: the time after which the commands that still run are killed.
        statements: the number of statements after which a command with -v kills itself.
    """
    waiting, go = os.pipe()
    os.chdir(directory)
    children = {}
    for arguments in commands:
        files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115  # closed at the end
        pid = os.fork()
        if not pid:
            os.close(go)
            os.environ.clear()
            os.environ.update(variables)
            if statements is not None:
                context._report_query = functools.partial(
                    _count_down, itertools.count(1 - statements)
                )
            become(arguments, waiting, *(file.fileno() for file in files))
        children[pid] = files
    os.close(waiting)
    os.close(go)  # the children wait for this
    if seconds is not None:
        time.sleep(seconds)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
    return [_result(pid, files) for pid, files in children.items()]


def _count_down(numbers: Iterator[int], _event: object) -> None:
    """Kill this process after the last of its statements."""
    if next(numbers) == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _result(pid: int, files: Iterable[IO[bytes]]) -> list[Any]:
    """Wait for a command, and return its exit code and its output."""
    _, status = os.waitpid(pid, 0)
    result: list[Any] = [os.waitstatus_to_exitcode(status)]
    for file in files:
        with file:
            file.seek(0)
            result.append(file.read().decode())
    return result


def become(arguments: list[str], waiting: int, out: int, err: int) -> NoReturn:
    """Run a command in place of this process as soon as `waiting` is closed."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.argv[1:] = arguments
    signal.alarm(_LONGEST)
    os.read(waiting, 1)
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(int(end.code or 0))  # a normal exit takes longer than a command


if __name__ == "__main__":
    answer()
