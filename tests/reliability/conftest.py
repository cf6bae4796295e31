"""Fixtures: many processes at once, and a server that a test may stop."""

from collections.abc import Iterator

import pytest

from tests.reliability.crowd import Crowd, crowd


@pytest.fixture(scope="session", name="crowd")
def _crowd() -> Iterator[Crowd]:
    with crowd() as one:
        yield one
