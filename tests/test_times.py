"""Instants: conversions that must not depend on pandas' resolution, zones that must be stated."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy import UTCDateTime

from seisml.errors import CatalogError
from seisml.times import (
    DAY_NS,
    NAT,
    NS_PER_S,
    datetime64,
    day_name,
    day_of,
    find_times,
    from_parts,
    iso,
    parse_times,
    to_ns,
)

T = 1_396_866_873_730_000_000  # 2014-04-07T10:34:33.73Z


@pytest.mark.parametrize(
    "time",
    [
        T,
        np.int64(T),
        "2014-04-07T10:34:33.73Z",
        "2014-04-07 10:34:33.730",
        "2014-04-07T18:34:33.73+08:00",
        datetime(2014, 4, 7, 10, 34, 33, 730_000, tzinfo=UTC),
        np.datetime64("2014-04-07T10:34:33.730"),
        pd.Timestamp("2014-04-07T10:34:33.73"),
        pd.Timestamp("2014-04-07T10:34:33.73").as_unit("us"),
        UTCDateTime(2014, 4, 7, 10, 34, 33, 730_000),
    ],
)
def test_to_ns_takes_every_way_to_say_an_instant(time):
    assert to_ns(time) == T


@pytest.mark.parametrize("wrong", ["yesterday", "2019-02-31", None, ""])
def test_to_ns_refuses_what_is_no_instant(wrong):
    with pytest.raises(ValueError, match=r".+"):
        to_ns(wrong)


def test_parse_times_gives_nanoseconds_though_pandas_parses_to_microseconds():
    series = pd.to_datetime(pd.Series(["2020-01-01"]), format="ISO8601")
    assert parse_times(["2020-01-01T00:00:00Z"])[0] == 1_577_836_800_000_000_000
    assert int(series.dt.as_unit("ns").astype(np.int64)[0]) == 1_577_836_800_000_000_000


def test_parse_times_mixes_fractions_and_zones():
    texts = [
        "2020-01-01T00:00:01Z",
        "2020-01-01T08:00:01.5+08:00",
        "2020-01-01 00:00:01.123456789Z",
    ]
    expected = np.array([0, 500_000_000, 123_456_789]) + 1_577_836_801_000_000_000
    assert parse_times(texts).tolist() == expected.tolist()
    assert parse_times(texts[::-1]).tolist() == expected[::-1].tolist()


def test_parse_times_keeps_gaps():
    assert parse_times(["", None, "NaT", " 1970-01-01T00:00:00Z "], zone="UTC").tolist() == [
        NAT,
        NAT,
        NAT,
        0,
    ]


def test_parse_times_needs_a_zone_and_names_the_row():
    with pytest.raises(
        CatalogError, match=r"list: the time '2020-01-01T00:00:00' \(row 2\) has no"
    ):
        parse_times(["2020-01-01T00:00:00Z", "2020-01-01T00:00:00"], where="list")


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "+08:00"])
def test_parse_times_applies_the_zone_only_to_texts_without(zone):
    texts = ["2017-09-30T12:00:00", "2017-09-30T04:00:00Z", "2017-09-30T06:00:00+02"]
    assert set(parse_times(texts, zone=zone)) == {to_ns("2017-09-30T04:00:00Z")}


@pytest.mark.parametrize(
    ("text", "zone", "message"),
    [
        ("2019-02-31T00:00:00Z", None, r"'2019-02-31T00:00:00Z' \(row 2\) is no ISO 8601 time"),
        ("2019-02-28T23:59:61Z", None, r"\(row 2\) is no ISO 8601 time of the calendar"),
        ("2500-01-01T00:00:00Z", None, r"\(row 2\) lies outside the years 1678 to 2261"),
        ("2020-03-29T02:30:00", "Europe/Berlin", r"does not stand for one instant in Europe"),
        ("2020-10-25T02:30:00", "Europe/Berlin", r"does not stand for one instant in Europe"),
        ("2020-01-01T00:00:00", "Nowhere/City", r"zone is 'Nowhere/City'"),
        ("2020-01-01T00:00:00", "", r"zone is ''"),
    ],
)
def test_parse_times_says_what_is_wrong_where(text, zone, message):
    with pytest.raises(CatalogError, match=message) as caught:
        parse_times(["2020-01-01T00:00:00Z", text], zone=zone)
    assert len(str(caught.value).splitlines()) == 2


@given(st.integers(min_value=-(2**62), max_value=2**62).map(lambda n: n // 1000 * 1000))
def test_iso_comes_back(time_ns):
    assert to_ns(iso(time_ns)) == time_ns
    assert parse_times([iso(time_ns)])[0] == time_ns


def test_iso_rounds_to_the_next_microsecond_and_leaves_gaps_empty():
    assert iso(1_499) == "1970-01-01T00:00:00.000001Z"
    assert iso(999_999_500) == "1970-01-01T00:00:01.000000Z"
    assert iso(NAT) == ""


@given(st.integers(min_value=-(10**18), max_value=4 * 10**18))
def test_days_hold_their_instants(time_ns):
    day = day_of(time_ns)
    assert day * DAY_NS <= time_ns < (day + 1) * DAY_NS
    assert iso(time_ns // 1000 * 1000).startswith(day_name(day))


def test_datetime64_is_a_view_of_nanoseconds():
    assert datetime64([T])[0] == np.datetime64("2014-04-07T10:34:33.73", "ns")


def test_a_second_sixty_is_the_next_minute():
    texts = ["2016-12-31T23:59:60Z", "2016-12-31 23:59:60.25", "20161231T235960Z", ""]
    times, problems = find_times(texts, zone="UTC")
    new_year = to_ns("2017-01-01")
    assert times.tolist() == [new_year, new_year + NS_PER_S // 4, new_year, NAT]
    assert not problems.any()
    assert parse_times(["2020-01-01T00:00:59Z"]).tolist() == [to_ns("2020-01-01T00:00:59Z")]


def test_unusable_times_say_why():
    texts = ["2019-02-31T00:00:00Z", "2020-01-01T00:00:00", "1500-01-01T00:00:00Z", "24:00:00"]
    times, problems = find_times(texts)
    assert (times == NAT).all()
    assert problems.tolist() == [
        "is no ISO 8601 time of the calendar",
        "has no time zone",
        "lies outside the years 1678 to 2261",
        "is no ISO 8601 time of the calendar",
    ]
    _, problems = find_times(["2021-03-28T02:30:00"], zone="Europe/Berlin")
    assert problems.tolist() == ["does not stand for one instant in Europe/Berlin"]


def test_parts_of_calendar_and_clock():
    got = from_parts([2020, 2019, 2020, 2020], [2, 2, 13, 1], [29, 29, 1, 1], 23, 59, 59.5)
    assert [iso(time) for time in got] == [
        "2020-02-29T23:59:59.500000Z",
        "",
        "",
        "2020-01-01T23:59:59.500000Z",
    ]
    assert from_parts(2020, 1, 1, [24, 0.5, np.nan], 0, 0).tolist() == [NAT, NAT, NAT]
    local = from_parts([2017, 2017], 9, 30, [10, 0], 0, 20.5, zone="Asia/Shanghai")
    assert [iso(time)[:19] for time in local] == ["2017-09-30T02:00:20", "2017-09-29T16:00:20"]
    assert from_parts(2021, 3, 28, 2, 30, [0.0], zone="Europe/Berlin").tolist() == [NAT]
    with pytest.raises(CatalogError, match="which is no time zone"):
        from_parts(2021, 3, 28, [2], 30, 0, zone="Mars/Elysium")
