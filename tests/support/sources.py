"""The sources of this repository: copies them, and runs commands on them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_OF_THIS_RUN = ("COVERAGE_PROCESS_CONFIG", "PYTEST_ADDOPTS")
"""The variables that configure coverage and pytest, and that a copy must not inherit."""


def is_clone() -> bool:
    """Return whether the sources are a clone of git, and not an unpacked sdist."""
    return (ROOT / ".git").exists() and start("git", "-C", ROOT, "status").returncode == 0


def copy_sources(tree: Path) -> Path:
    """Copy the sources, without files that git ignores, to `tree`, which must not exist yet."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    return shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", *ignored))


def start(
    *command: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``stdout`` of the result holds all of its output."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_THIS_RUN}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run(*command: object, cwd: Path | None = None, **environment: str) -> str:
    """Run a command that must succeed, and return its output."""
    done = start(*command, cwd=cwd, **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def python_m(module: str, *arguments: object, cwd: Path | None = None) -> str:
    """Run a module with this Python; it must succeed. Return its output."""
    return run(sys.executable, "-m", module, *arguments, cwd=cwd)
