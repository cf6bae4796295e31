"""A standby of PostgreSQL, which may be far behind its primary."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Command, add_master
from tests.databases import PostgresDatabase, PostgresServer

_BEHIND = 70  # seconds, more than the tool tolerates


@pytest.fixture(scope="module")
def primary(postgres: PostgresServer) -> PostgresDatabase:
    return PostgresDatabase(postgres)
