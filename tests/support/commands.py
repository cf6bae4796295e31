"""Runs commands for tests, and returns their results."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NamedTuple, NoReturn

import pytest

from mastersctl.cli import run


class Result(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


def mastersctl(*arguments: object) -> Result:
    """Run a command in this process, through the function that the console script calls."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read())
    return Result(code, *texts)


def process(
    *arguments: object, environment: dict[str, str] | None = None, **keywords: Any
) -> Result:
    """Run a command in its own process, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "mastersctl", *map(os.fsencode, map(str, arguments))],
        env=os.environ | (environment or {}),
        capture_output=True,
        timeout=60,
        check=False,
        **keywords,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def shell(script: str, *arguments: str) -> Result:
    """Run a Bash script in which ``mastersctl`` is the tested command."""
    prelude = f'mastersctl() {{ "{sys.executable}" -m mastersctl "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", prelude + script, "bash", *arguments], capture_output=True, check=False
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


class Bound:
    """Runs commands on the database at `url`."""

    url: str

    def run(self, *arguments: object) -> Result:
        """Run a command in this process."""
        return mastersctl(*self.on(*arguments))

    def process(self, *arguments: object, **keywords: Any) -> Result:
        """Run a command in its own process."""
        return process(*self.on(*arguments), **keywords)

    def on(self, *arguments: object) -> list[str]:
        """Return the arguments of a command on this database."""
        return ["--db-url", self.url, *map(str, arguments)]


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail the test if the block takes longer, instead of waiting for ever."""

    def fail(*_: object) -> NoReturn:
        pytest.fail(f"it takes more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)
