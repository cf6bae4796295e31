"""Fixtures: many processes at once, and a server that a test may stop."""

from collections.abc import Iterator

import pytest

from tests.support.crowd import Crowd, crowd

TIMED = {"test_beside_masters.py", "test_locks.py", "test_races.py", "test_server.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run each file of what takes a certain time, where several share the tests."""
    for item in items:
        if item.path.name in TIMED:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session", name="crowd")
def _crowd() -> Iterator[Crowd]:
    with crowd() as one:
        yield one
