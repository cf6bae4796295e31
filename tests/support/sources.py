"""The sources of this repository: where they are, a copy to build or to change, what runs there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_OF_THIS_RUN = ("COVERAGE_PROCESS_CONFIG", "PYTEST_ADDOPTS")
"""What tells processes to measure coverage, and pytest how to run; none of it is for a copy."""


def is_clone() -> bool:
    """Return whether git knows the sources, which is not so of an sdist that was unpacked."""
    return (ROOT / ".git").exists() and start("git", "-C", ROOT, "status").returncode == 0


def copy_sources(tree: Path) -> Path:
    """Copy the sources, without what git ignores, to `tree`, which is not there yet."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    return shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", *ignored))


def start(
    *command: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``stdout`` of the result holds all that it printed."""
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
    """Run a command that must succeed, and return what it printed."""
    done = start(*command, cwd=cwd, **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def python_m(module: str, *arguments: object, cwd: Path | None = None) -> str:
    """Run a module of this Python, which must succeed, and return what it printed."""
    return run(sys.executable, "-m", module, *arguments, cwd=cwd)
