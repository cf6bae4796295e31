"""A program that forks commands of mastersctl off itself, which has imported everything already.

It reads lines of JSON, [commands, seconds], and answers each with a line, the [code, stdout,
stderr] of each command. They all start at the same moment; what runs after that many seconds is
killed. `tests.support.crowd` is its other end.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import time
from typing import Any, NoReturn

import mastersctl.database.mysql
import mastersctl.database.postgresql
import mastersctl.database.sqlite
import mastersctl.operations.connector
import mastersctl.operations.housekeeping
import mastersctl.operations.removal  # noqa: F401  # here once, instead of in every child
from mastersctl.cli import main
from mastersctl.cli.group import cli

_LONGEST = 240  # seconds that a command may take; it never should


def answer() -> None:
    assert all(cli.commands[name] for name in cli.commands)  # each is imported when looked up
    gc.freeze()  # or a child's first collection copies all of its memory
    for line in sys.stdin:
        commands, kill_after = json.loads(line)
        print(json.dumps(run_together(commands, kill_after)), flush=True)


def run_together(commands: list[list[str]], kill_after: float | None) -> list[list[Any]]:
    waiting, go = os.pipe()
    children = {}
    for arguments in commands:
        files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115  # closed at the end
        pid = os.fork()
        if not pid:
            os.close(go)
            become(arguments, waiting, *(file.fileno() for file in files))
        children[pid] = files
    os.close(waiting)
    os.close(go)  # which is what they wait for
    if kill_after is not None:
        time.sleep(kill_after)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
    results = []
    for pid, files in children.items():
        _, status = os.waitpid(pid, 0)
        result: list[Any] = [os.waitstatus_to_exitcode(status)]
        for file in files:
            with file:
                file.seek(0)
                result.append(file.read().decode())
        results.append(result)
    return results


def become(arguments: list[str], waiting: int, out: int, err: int) -> NoReturn:
    """Turn this process into one that runs a command as soon as `waiting` is closed."""
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
        os._exit(int(end.code or 0))  # to take the interpreter down takes longer than a command


if __name__ == "__main__":
    answer()
