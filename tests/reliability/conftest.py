"""Fixtures: many processes at once, and a server that a test may stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crowd import Crowd, crowd

TIMED = [
    Path(__file__).with_name(f"test_{name}.py")
    for name in ("beside_masters", "locks", "races", "server")
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run what takes a certain time, where several share the tests."""
    for item in items:
        if item.path in TIMED:
            item.add_marker(pytest.mark.xdist_group("timed"))


@pytest.fixture(scope="session", name="crowd")
def _crowd() -> Iterator[Crowd]:
    with crowd() as one:
        yield one
