"""Programs that some tests need; without one, these are skipped, and the summary names it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

_PATH = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin"
_PACKAGES = {
    "ansible-playbook": "pip install ansible-core",
    "lexgrog": "apt-get install man-db",
    "man": "apt-get install man-db",
    "mariadbd": "apt-get install mariadb-server",
    "mypy": "pip install -e '.[lint]'",
    "pre-commit": "pip install -e '.[lint]'",
    "ruff": "pip install -e '.[lint]'",
    "systemd-analyze": "apt-get install systemd",
}
"""How to install what has another name than its package."""


def find(program: str) -> str | None:
    """Return the path of a program, or None where it is not installed."""
    return shutil.which(program, path=_PATH)


def require(program: str) -> str:
    """Return the path of a program; skip the test where it is not installed."""
    path = find(program)
    if path is None:
        how = _PACKAGES.get(program, f"apt-get install {program}")
        pytest.skip(f"{program} is not installed: {how}")
    return path
