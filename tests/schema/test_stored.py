"""What a database may hold where a time or a name should stand."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mastersctl.schema.stored import iso_8601, moment

SECONDS = st.integers(int(datetime.min.replace(tzinfo=UTC).timestamp()) + 1, 253402300799)
ANYTHING = SECONDS | st.integers() | st.floats() | st.text() | st.binary() | st.none()


@given(st.lists(SECONDS))
@example([0, -1, 59, 60, 86399, 86400, 951782399, 951782400])
def test_iso_8601_is_that_of_datetime(column: list[int]) -> None:
    assert iso_8601(column) == [datetime.fromtimestamp(s, UTC).isoformat() for s in column]


@given(st.lists(ANYTHING))
@example([1.5, 1, "1", None, 10**18])
def test_what_is_no_time_is_nothing(column: list[Any]) -> None:
    whens = map(moment, column)
    assert iso_8601(column) == ["" if when is None else when.isoformat() for when in whens]
