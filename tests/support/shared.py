"""What takes long to make, and the processes that share the tests therefore make once."""

import fcntl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar


class Shared:
    """What the processes of this run share; `tests.conftest` makes it, and removes it."""

    directory: ClassVar[Path]


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the shared directory `name`; who asks first makes it, and the others wait for that."""
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
    """Copy what a server left, with the owners of the files, into a directory that may be there."""
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True)
