"""Finds the programs that some tests need; tests without their program are skipped."""

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
"""The commands that install programs whose packages have other names."""


def find(program: str) -> str | None:
    """Return the path of a program, or None if it is not installed."""
    return shutil.which(program, path=_PATH)


def require(program: str) -> str:
    """Return the path of a program; skip the test if it is not installed."""
    path = find(program)
    if path is None:
        how = _PACKAGES.get(program, f"apt-get install {program}")
        pytest.skip(f"{program} is not installed: {how}")
    return path
