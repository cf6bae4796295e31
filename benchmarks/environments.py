"""Makes two environments: mastersctl as a user installs it, and its peer without drivers."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parent.parent


def make_bare(directory: Path) -> Path:
    """Make an environment with only Click, Peewee and Rich; return its Python."""
    return _make(directory, *(f"{name}=={version(name)}" for name in ("click", "peewee", "rich")))


def make_full(directory: Path) -> Path:
    """Make an environment with mastersctl and the driver for PostgreSQL; return its Python."""
    source = directory.with_name("source")  # a copy, as pip would leave a build and reuse it
    other = shutil.ignore_patterns(".*", "build", "*.egg-info", "tests", "benchmarks")
    shutil.copytree(_ROOT, source, ignore=other)
    return _make(directory, f"{source}[postgres]")


def _make(directory: Path, *requirements: str) -> Path:
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    python = directory / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements], check=True)
    return python
