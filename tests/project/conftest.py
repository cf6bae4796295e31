"""Fixtures of the tests that run what the documents and contrib/ show."""

from pathlib import Path

import pytest

from tests.support.databases import SqliteFile


@pytest.fixture
def database(basedir: Path) -> SqliteFile:
    """The database in the ``basedir`` of the module."""
    return SqliteFile(basedir / "state.sqlite")
