"""How tests run commands, and what these did."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


def process(
    *arguments: object, environment: dict[str, str] | None = None, **keywords: Any
) -> Result:
    """Run a command in a process of its own, without a terminal."""
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
    """Run a script of bash, in which ``mastersctl`` is the command."""
    prelude = f'mastersctl() {{ "{sys.executable}" -m mastersctl "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", prelude + script, "bash", *arguments], capture_output=True, check=False
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.2)
