"""The query options: parsed, and compared with a naive evaluation in Python on every database."""

import operator
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastersctl.config.url import DatabaseURL
from mastersctl.database import opened
from mastersctl.errors import InvalidValueError
from mastersctl.operations.connector import MastersConnector
from mastersctl.query.fields import COUNTS, FIELDS
from mastersctl.query.resultspec import (
    Filter,
    Order,
    ResultSpec,
    parse_field,
    parse_filters,
    parse_order,
    parse_time,
)
from mastersctl.states import STATES
from tests.support.databases import RealDatabase, SqliteFile, make_room_for_all_names
from tests.support.rows import NOW, add_master
from tests.support.sizes import QUERIES


@pytest.mark.parametrize(
    ("texts", "filters"),
    [
        (["id=5"], [Filter("id", "eq", (5,))]),
        (["masterid__ge=-5"], [Filter("id", "ge", (-5,))]),
        (["id=-9223372036854775808"], [Filter("id", "eq", (-(2**63),))]),
        (["id=" + "0" * 30 + "5"], [Filter("id", "eq", (5,))]),
        (["name=a=b"], [Filter("name", "eq", ("a=b",))]),
        (["name="], [Filter("name", "eq", ("",))]),
        (["name__contains=a,b", "name__contains=c"], [Filter("name", "contains", ("a,b", "c"))]),
        (["active=on", "active=OFF"], [Filter("active", "eq", (1, 0))]),
        (["id__in=1", "state=stale", "id__in=2"],
         [Filter("id", "in", (1, 2)), Filter("state", "eq", ("stale",))]),
        (["last_active__lt=10m"], [Filter("last_active", "lt", (NOW - 600,))]),
    ],
)  # fmt: skip
def test_filters_are_parsed(texts: list[str], filters: list[Filter]) -> None:
    assert parse_filters(texts, NOW) == filters


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name", "no '='"),
        ("", "no '='"),
        ("=5", "no field ''"),
        ("nam=5", "no field 'nam'"),
        ("name__like=5", "no operator 'like'"),
        ("name__=5", "no operator ''"),
        ("__eq=5", "no field ''"),
        ("id__contains=5", "no operator 'contains'"),
        ("state__lt=active", "no operator 'lt'"),
        ("state=dead", "no state 'dead'.*active, stale, expired, inactive"),
        ("id=five", "not a whole number"),
        ("id=٣", "not a whole number"),
        ("id=9223372036854775808", "64 bits"),
        ("id=" + "9" * 5000, "64 bits"),
        ("active=maybe", "neither"),
        ("last_active=yesterday", "not understood"),
        ("name=\udcff", "not valid UTF-8, or holds a NUL"),
        ("name=a\0", "NUL"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        parse_filters([text], NOW)


def test_a_comparison_with_two_values_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="id__lt is given 2 times"):
        parse_filters(["id__lt=1", "id__lt=2"], NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("-5", -5),
        ("1700000000", 1700000000),
        ("1970-01-02", 86400),
        ("1970-01-01T00:00:01", 1),
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:01.0", 1),
        ("90s", NOW - 90),
        ("10m", NOW - 600),
        ("3h", NOW - 3 * 3600),
        ("30d", NOW - 30 * 86400),
        ("1w", NOW - 7 * 86400),
        ("1h30m", NOW - 5400),
    ],
)
def test_times_are_iso_8601_or_epoch_seconds_or_an_age(text: str, seconds: int) -> None:
    assert parse_time(text, NOW) == seconds


@pytest.fixture
def _in_another_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be nine hours ahead of UTC, as in Tokyo."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_another_zone")
def test_a_time_without_a_zone_is_utc_wherever_one_is(sqlite_database: SqliteFile) -> None:
    assert datetime.fromtimestamp(0).hour == 9  # by the clock on its wall
    assert parse_time("2023-11-14T22:13:20", NOW) == NOW
    assert parse_time("2023-11-14", NOW) == NOW - NOW % 86400
    add_master(sqlite_database, "m", last_active=NOW)
    exactly = ("list", "--filter", "last_active=2023-11-14T22:13:20", "-o")
    assert ",2023-11-14T22:13:20+00:00," in sqlite_database.run(*exactly, "csv").out
    (row,) = sqlite_database.run(*exactly, "json").json
    assert row["last_active"] == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize(
    "text",
    ["", "now", "10x", "m", "5m x", "1h 5m", "99999999999999999d", "1e5", "nan", "²", "-3h",
     "9" * 30, "2026-13-01", "99999-01-01", "10m\n", "1..5h", "5mm", "1.h",
     "1970-01-01 00:00:01.5"],
)  # fmt: skip
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_time(text, NOW)


@given(st.text())
def test_no_text_is_a_traceback(text: str) -> None:
    for parse in (parse_field, parse_order, lambda t: parse_time(t, NOW)):
        try:
            parse(text)
        except InvalidValueError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("option", "value", "found"),
    [
        ("--filter", "name__contains=x{}", []),
        ("--filter", "name__contains={}", ["1:/", "2:/", "3:/"]),
        ("--filter", "name__ne=x{}", ["1:/", "2:/", "3:/"]),
        ("--filter", "id={}", ["1:/", "2:/", "3:/"]),
        ("--order", "-name", ["3:/", "2:/", "1:/"]),
        ("--field", "name", ["1:/", "2:/", "3:/"]),
        ("--filter", "state=inactive", ["1:/", "2:/", "3:/"]),
    ],
)
def test_an_option_can_be_given_thousands_of_times(
    database: RealDatabase, option: str, value: str, found: list[str]
) -> None:
    for number in (1, 2, 3):
        add_master(database, f"{number}:/")
    options = [word for number in range(5000) for word in (option, value.format(number))]
    field = () if option == "--field" else ("--field", "name")
    result = database.run("list", *options, *field, "-o", "tsv")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == ["name", *found]


def test_every_filter_there_is_can_be_given_at_once(buildbot_database: RealDatabase) -> None:
    values = {"state": "active", "active": "1", "name": "m", "last_active": "1"}
    values["needs_housekeeping"] = "1"
    filters = [
        f"--filter={name}__{operator_}={values.get(name, '0')}"
        for name, field in FIELDS.items()
        for operator_ in field.operators
    ]
    assert len(filters) > 80
    assert buildbot_database.run("list", *filters).code == 0


def test_more_values_than_a_statement_takes_are_refused() -> None:
    assert parse_filters([f"id={number % 10}" for number in range(20_000)], NOW)
    with pytest.raises(
        InvalidValueError, match="have 10001 values, but one command takes at most 10000"
    ):
        parse_filters([*(f"id={number}" for number in range(10_000)), "name=x"], NOW)


def test_an_age_counts_back_to_the_second_that_has_begun() -> None:
    assert parse_time("90s", NOW + 0.5) == NOW - 90
    assert parse_time("0.5s", NOW) == NOW - 1


def test_of_several_orders_by_one_field_the_first_decides(sqlite_database: SqliteFile) -> None:
    for name in "ab":
        add_master(sqlite_database, name)
    for first, second, ids in (("name", "-name", "1\n2\n"), ("-id", "id", "2\n1\n")):
        orders = ("--order", first, "--order", second)
        assert sqlite_database.run("list", *orders, "-o", "id").out == ids


def test_orders_are_parsed() -> None:
    assert parse_order("-masterid") == Order("id", descending=True)
    assert parse_order("last_active") == Order("last_active", descending=False)


# What each operator means to one value of a field and the values of a filter.
NAIVE: dict[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "eq": lambda value, given: value in given,
    "in": lambda value, given: value in given,
    "ne": lambda value, given: value not in given,
    "notin": lambda value, given: value not in given,
    "lt": lambda value, given: value < given[0],
    "le": lambda value, given: value <= given[0],
    "gt": lambda value, given: value > given[0],
    "ge": lambda value, given: value >= given[0],
    "contains": lambda value, given: any(one in value for one in given),
}

NAMES = ["a", "A", "b", "B", "ab", "a ", " a", "a%", "a_", "_", "ä", "z", "Z", "é", "\U0001f600",
         "￿", "a\\", "a\n", "10", "9", "*", "?", "[ab]", "ß", "ss", "i", "İ"]  # fmt: skip
TIMES = [0, 1, NOW, NOW - 600, NOW - 601, NOW - 1, NOW + 5]
ROWS: list[dict[str, Any]] = [
    {
        "id": position,
        "name": name,
        "active": position % 3 > 0,
        "last_active": TIMES[position % len(TIMES)],
        **dict.fromkeys(COUNTS, 0),
        "connected_workers": position % 3,
        "unfinished_builds": position % 4,
    }
    for position, name in enumerate(NAMES, start=1)
]
for _row in ROWS:
    _alive = "active" if _row["last_active"] >= NOW - 600 else "stale"
    _row["state"] = (_alive if _row["last_active"] else "expired") if _row["active"] else "inactive"
    _row["needs_housekeeping"] = _row["state"] != "active" and _row["unfinished_builds"] > 0

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-1, len(ROWS) + 1) | st.integers(-(2**63) + 1, 2**63 - 1),
    "name": st.sampled_from(NAMES) | st.sampled_from(["", "a", "%", "_", "A%"]),
    "active": st.sampled_from([0, 1]),
    "needs_housekeeping": st.sampled_from([0, 1]),
    "last_active": st.sampled_from(TIMES),
    "state": st.sampled_from(STATES),
    **dict.fromkeys(COUNTS, st.integers(-1, 4)),
}


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    field = draw(st.sampled_from(sorted(FIELDS)))
    operator_ = draw(st.sampled_from(FIELDS[field].operators))
    most = 1 if operator_ in ("lt", "le", "gt", "ge") else 3
    values = draw(st.lists(VALUES[field], min_size=1, max_size=most))
    return Filter(field, operator_, tuple(values))


@given(st.lists(filters(), unique_by=lambda one: (one.field, one.operator)))
def test_each_filter_can_be_written_as_a_user_writes_it(given_: list[Filter]) -> None:
    texts = [f"{one.field}__{one.operator}={value}" for one in given_ for value in one.values]
    assert parse_filters(texts, NOW) == given_


SPECS = st.builds(
    ResultSpec,
    filters=st.lists(filters(), max_size=3),
    order=st.lists(st.builds(Order, st.sampled_from(sorted(FIELDS)), st.booleans()), max_size=3),
    limit=st.none() | st.integers(0, 9) | st.just(2**63 - 1),
    offset=st.none() | st.integers(0, 9) | st.just(2**63 - 1),
    fields=st.permutations(sorted(FIELDS)).flatmap(
        lambda fields: st.integers(1, 5).map(lambda count: fields[:count])
    ),
)


def naive(spec: ResultSpec) -> list[tuple[Any, ...]]:
    rows = [
        row for row in ROWS if all(NAIVE[f.operator](row[f.field], f.values) for f in spec.filters)
    ]
    for order in reversed(spec.order):  # sorting is stable, and ROWS are sorted by ID
        rows.sort(key=operator.itemgetter(order.field), reverse=order.descending)
    start = spec.offset or 0
    rows = rows[start:] if spec.limit is None else rows[start : start + spec.limit]
    return [tuple(row[field] for field in spec.fields) for row in rows]


@pytest.fixture
def many(buildbot_database: RealDatabase) -> Iterator[MastersConnector]:
    make_room_for_all_names(buildbot_database)
    for sql in (
        "builders (id, name, name_hash) VALUES (1, 'b', 'b')",
        "buildsets (id, submitted_at) VALUES (1, 1)",
        "buildrequests (id, buildsetid, builderid, submitted_at) VALUES (1, 1, 1, 1)",
        "workers (id, name, info) VALUES (0, 'a', '{}'), (1, 'b', '{}')",
    ):
        buildbot_database.execute(f"INSERT INTO {sql}")
    for row in ROWS:
        active, last_active = int(row["active"]), row["last_active"]
        id_ = add_master(buildbot_database, row["name"], active=active, last_active=last_active)
        for worker in range(row["connected_workers"]):
            insert = f"INSERT INTO connected_workers (masterid, workerid) VALUES ({id_}, {worker})"
            buildbot_database.execute(insert)
        for number in range(row["unfinished_builds"]):
            buildbot_database.execute(
                "INSERT INTO builds (number, builderid, buildrequestid, masterid, started_at, "
                "state_string, locks_duration_s) VALUES (?, 1, 1, ?, 1, '', 0)",
                [id_ * 10 + number, id_],
            )
    with opened(DatabaseURL(buildbot_database.url, "/"), "read", 10) as peewee_database:
        yield MastersConnector(peewee_database, clock=lambda: NOW)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=QUERIES.now,
)
@given(spec=SPECS)
def test_every_database_answers_as_python_would(many: MastersConnector, spec: ResultSpec) -> None:
    assert list(many.get_masters(spec)) == naive(spec)


def test_a_name_is_compared_by_code_point_whatever_the_collation(
    empty_database: RealDatabase,
) -> None:
    collation = {"sqlite": "NOCASE", "postgresql": '"unicode"'}
    used = collation.get(empty_database.kind, "utf8mb4_general_ci")
    empty_database.execute(
        f"CREATE TABLE masters (id {empty_database.key}, "
        f"name TEXT COLLATE {used} NOT NULL, "
        "name_hash VARCHAR(40) UNIQUE, active INTEGER, last_active INTEGER)"
    )
    for name in ("b", "B", "b ", "a"):
        add_master(empty_database, name)
    ordered = empty_database.run("list", "--order", "name", "--field", "name", "-o", "tsv")
    assert ordered.out.splitlines() == ["name", "B", "a", "b", "b "]
    equal = empty_database.run("list", "--filter", "name=b", "--field", "name", "-o", "tsv")
    assert equal.out.splitlines() == ["name", "b"]
    containing = empty_database.run("list", "--filter", "name__contains=B", "-o", "id")
    assert containing.out.splitlines() == ["2"]
