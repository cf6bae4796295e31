"""Directories that take long to make, and that the processes of one run share."""

import fcntl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar


class Shared:
    """The shared directory of this run; `tests.conftest` makes it, and removes it."""

    directory: ClassVar[Path]


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the shared directory `name`; the first process makes it while the others wait."""
    directory = Shared.directory / name
    with (Shared.directory / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != "made":
            directory.mkdir()
            make(directory)
            lock.write("made")
    return directory


def copy_directory(source: Path, target: Path) -> None:
    """Copy the files of a stopped server, with their owners, to a directory that may exist."""
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True)
