"""How far clocks may differ, and a copy may be behind."""

import pytest

from mastersctl.clock import check_clock, check_lag
from mastersctl.errors import ClockError, ReplicationLagError


def test_a_minute_is_tolerated_and_no_second_more() -> None:
    for here in (940, 1000, 1060):
        check_clock(here, 1000)
    check_clock(5000, None)
    for here, way in (
        (1061, "1 minute and 1 second ahead of"),
        (939, "1 minute and 1 second behind"),
    ):
        with pytest.raises(ClockError, match=way):
            check_clock(here, 1000)
    check_lag(60)
    for lag, how in ((61, "1 minute and 1 second behind"), (float("inf"), "it is unknown how")):
        with pytest.raises(ReplicationLagError, match=how):
            check_lag(lag)
