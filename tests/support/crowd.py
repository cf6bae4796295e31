"""Runs many commands at exactly the same time: forks of one process have nothing to import."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from tests.support.buildbots import NOT_COVERED
from tests.support.commands import Result
from tests.support.sources import ROOT


class Crowd:
    """Runs commands of mastersctl, each in its own process.

    Parameters:
        requests, answers: the pipes to and from a process of `tests.support.forks`.
    """

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests = requests
        self._answers = answers

    def run(
        self,
        commands: Iterable[Sequence[object]],
        *,
        kill_after: float | None = None,
        statements: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> list[Result]:
        """Run the commands at the same time.

        Parameters:
            kill_after: seconds until the commands are killed.
            statements: the number of statements after which a command with -v kills itself.
            environment: variables to add to those of this process.
        """
        request = {
            "commands": [[str(argument) for argument in command] for command in commands],
            "directory": os.getcwd(),
            "variables": os.environ | (environment or {}),
            "seconds": kill_after,
            "statements": statements,
        }
        print(json.dumps(request), file=self._requests, flush=True)
        return [Result(*result) for result in json.loads(self._answers.readline())]


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Start the process that forks the commands, and yield it as a `Crowd`."""
    # Coverage would only slow the forks down: they exit without writing it, or are killed.
    program = [*NOT_COVERED, sys.executable, "-m", "tests.support.forks"]
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Crowd(process.stdin, process.stdout)
        process.stdin.close()
