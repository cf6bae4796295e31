"""Fixtures: many processes at once, and a server that a test may stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.crowd import Crowd, crowd


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run what is here, where several share the tests: much of it takes time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("timed"))


@pytest.fixture(scope="session", name="crowd")
def _crowd() -> Iterator[Crowd]:
    with crowd() as one:
        yield one
