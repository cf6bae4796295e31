"""Let one process run each test of what takes a certain time, one set of values at a time."""

import pytest

TIMED = {"test_beside_masters.py", "test_locks.py", "test_races.py", "test_server.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in TIMED:
            name = item.nodeid.partition("[")[0].rpartition("::")[2]
            item.add_marker(pytest.mark.xdist_group(name))
