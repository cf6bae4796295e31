"""Measures whole processes by the kernel's accounting."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyperf

# A small process starts the command: a child's peak includes the memory of its parent.
_RUN = """
import os, sys
discard = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=discard)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


class Command(NamedTuple):
    """A command, and a function to call before each run."""

    name: str
    arguments: Sequence[object]
    prepare: Callable[[], object] | None = None


class Figures(NamedTuple):
    """The cost of a command."""

    seconds: pyperf.Benchmark
    """Processor time of user and system together."""
    mebibytes: float
    """The highest peak of resident memory in all runs."""


def measure(commands: Sequence[Command], runs: int) -> list[Figures]:
    """Run all commands in turn, `runs` times, after a first run that does not count."""
    for command in commands:
        _run(command)
    rounds = [[_run(command) for command in commands] for _ in range(runs)]
    return [
        _figures(command, figures)
        for command, figures in zip(commands, zip(*rounds, strict=True), strict=True)
    ]


def _run(command: Command) -> tuple[float, int]:
    if command.prepare:
        command.prepare()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUN, *map(str, command.arguments)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    code, seconds, kibibytes = done.stdout.split()
    if code != "0":
        raise RuntimeError(f"{command.name} ended with {code}: {done.stderr}")
    return float(seconds), int(kibibytes)


def _environment() -> dict[str, str]:
    ours = ("PYTHON", "PG", "MASTERSCTL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _figures(command: Command, figures: Sequence[tuple[float, int]]) -> Figures:
    metadata = {"name": command.name, "unit": "second"}
    runs = [pyperf.Run([seconds], metadata=metadata) for seconds, _ in figures]
    return Figures(pyperf.Benchmark(runs), max(kibibytes for _, kibibytes in figures) / 1024)
