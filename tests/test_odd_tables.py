"""Tables as observatories keep them: odd headers, clocks in parts, numbers that mean nothing."""

import numpy as np
import pytest

from seisml.errors import CatalogError
from seisml.formats import read_catalog
from seisml.times import NAT, find_times, iso, to_ns


def read(tmp_path, text, **options):
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_catalog(path, **options)


def times(catalog) -> list[str]:
    return [iso(time)[:22] for time in catalog.events["time_ns"]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("date,time,mag\n2020-01-02,03:04:05.5,1\n", "2020-01-02T03:04:05.50"),
        ("Date;Time (UTC);mag\n2020/01/02;3:04;1\n", "2020-01-02T03:04:00.00"),
        ("year,month,day,hour,minute,second,mag\n2020,1,2,3,4,60.0,1\n", "2020-01-02T03:05:00.00"),
        ("Yr\tMo\tDy\tHr\tMi\tSec\tMag\n2020\t1\t2\t3\t4\t5.25\t1\n", "2020-01-02T03:04:05.25"),
        ("sep=;\ntime;mag\n2020-01-02T03:04:05Z;1\n", "2020-01-02T03:04:05.00"),
        ("# by hand\n# 2020\n\ntime,mag\n2020-01-02T03:04:05Z,1\n", "2020-01-02T03:04:05.00"),
        ("# by hand\n#time,mag\n2020-01-02T03:04:05Z,1\n", "2020-01-02T03:04:05.00"),
        ('# "a\n"time","mag"\n"2020-01-02T03:04:05Z",1\n', "2020-01-02T03:04:05.00"),
        ("time,mag\r2020-01-02T03:04:05Z,1\r", "2020-01-02T03:04:05.00"),
        ("time;mag\n2020-01-02T03:04:05,5Z;1,0\n", "2020-01-02T03:04:05.50"),
        ("time,mag\n2020-002T03:04:05Z,1\n", "2020-01-02T03:04:05.00"),
        ("time,mag\n2020-01-01T24:00:00Z,1\n", "2020-01-02T00:00:00.00"),
    ],
)
def test_times_and_headers_as_people_write_them(text, wanted, tmp_path):
    found = read(tmp_path, text, zone="UTC")
    assert times(found) == [wanted]
    assert found.events["magnitude"].tolist() == [1.0]
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2019-366T00:00:00Z", "is no ISO 8601 time of the calendar"),
        ("2020-000T00:00:00Z", "is no ISO 8601 time of the calendar"),
        ("2020-01-01T24:00:01Z", "is no ISO 8601 time of the calendar"),
        ("1/15/2020 10:20", "is no ISO 8601 time of the calendar"),  # before: has no time zone
        ("1577836800.5", "is no ISO 8601 time of the calendar"),
        ("2020-01-02T00:00:10 CST", "is no ISO 8601 time of the calendar"),
        ("2020-01-02T00:00:10", "has no time zone"),
        ("20200214T12:00:00Z", ""),
    ],
)
def test_what_is_no_time_is_said_to_be_none(text, problem):
    assert find_times([text])[1].tolist() == [problem]


def test_the_end_of_a_day_is_the_next_one_also_behind_a_zone():
    found, _ = find_times(
        ["2020-12-31T24:00:00+01:00", "2020-02-28T24:00Z", "2020-366"], zone="UTC"
    )
    wanted = ["2020-12-31T23:00:00Z", "2020-02-29T00:00:00Z", "2020-12-31T00:00:00Z"]
    assert found.tolist() == [to_ns(text) for text in wanted]


def test_numbers_that_mean_nothing(tmp_path):
    rows = ["-999,-999,-9999,-9.99", "35,-117,-2.5,-0.5", "35,242.5,650,99.9", "99,10,5,-9"]
    text = "time,lat,lon,depth,mag\n"
    text += "".join(f"2020-01-0{n + 1}T00:00:00Z,{row}\n" for n, row in enumerate(rows))
    events = read(tmp_path, text).events
    np.testing.assert_equal(events["magnitude"].tolist(), [np.nan, -0.5, np.nan, np.nan])
    np.testing.assert_equal(events["latitude"].tolist(), [np.nan, 35, 35, np.nan])
    np.testing.assert_equal(events["longitude"].tolist(), [np.nan, -117, 242.5, 10])
    np.testing.assert_equal(events["depth_km"].tolist(), [np.nan, -2.5, 650, 5])


def test_an_end_before_its_start_is_left_out_and_counted(tmp_path):
    text = "start,end,label\n2020-01-02T00:00:10Z,2020-01-02T00:00:00Z,VT\n"
    found = read(tmp_path, text)
    assert found.events["end_ns"].tolist() == [NAT]
    assert found.dropped_lines == {"end before start, only the end": (2,)}


def test_ids_that_repeat_are_told_with_their_lines(tmp_path):
    text = "# ids\nid,time\na,2020-01-02T00:00:10Z\n\na,2020-01-03T00:00:10Z\n"
    with pytest.raises(CatalogError, match=r"'a' stands in lines 3 and 5, with different times"):
        read(tmp_path, text)


def test_what_no_format_knows_is_shown_and_what_is_packed_is_said(tmp_path):
    with pytest.raises(CatalogError, match="it begins 'Fecha;Hora;Tipo'"):
        read(tmp_path, "Fecha;Hora;Tipo\n07/03/2015;12:34:56,50;VT\n")
    with pytest.raises(CatalogError, match="the file is compressed"):
        read(tmp_path, b"\x1f\x8b\x08\x00abc")


def test_a_list_between_blanks_is_read_through_a_map(tmp_path):
    (tmp_path / "catalog.toml").write_text(
        'file = "list.txt"\nzone = "UTC"\nheader = ["day", "clock", "lat", "lon", "mag"]\n'
        '[columns]\ntime = ["day", "clock"]\nlatitude = "lat"\nlongitude = "lon"\n'
        'magnitude = "mag"\n'
    )
    (tmp_path / "list.txt").write_text(
        "# by hand\n 2020-01-01 00:00:10.5  35.25 -117.5 2.5\n\n2020-01-02 00:00:00 35 -117 1.0\n"
    )
    found = read_catalog(tmp_path)
    assert times(found) == ["2020-01-01T00:00:10.50", "2020-01-02T00:00:00.00"]
    assert found.events["longitude"].tolist() == [-117.5, -117.0]
    (tmp_path / "list.txt").write_text("2020-01-01 00:00:10.5 35.25\n")
    with pytest.raises(CatalogError, match="line 1: row 1 has 3 fields, the header 5"):
        read_catalog(tmp_path)


def test_a_martian_list_without_header_is_read_through_a_map(tmp_path):
    """The list of MarsQuakeNet: start, end, type, quality, name."""
    (tmp_path / "catalog.toml").write_text(
        'file = "net.csv"\nzone = "UTC"\nbody = "mars"\n'
        'header = ["start", "end", "type", "quality", "name"]\n[columns]\nevent_id = "name"\n'
    )
    (tmp_path / "net.csv").write_text(
        "2019-05-23T02:22:48,2019-05-23T02:40:00,BB,A,S0173a\n"
        "2019-06-01T00:00:00,2019-06-01T00:10:00,LF,C,S0181a\n"
    )
    found = read_catalog(tmp_path)
    assert (found.body, found.time_basis) == ("mars", "label_start")
    assert found.events[["event_id", "label", "quality"]].to_numpy().tolist() == [
        ["S0173a", "BB", "A"],
        ["S0181a", "LF", "C"],
    ]
    assert (found.events["end_ns"] > found.events["time_ns"]).all()


def test_hypoinverse_numbers_without_points_and_signs(tmp_path):
    import catalog_samples

    found = read(tmp_path, catalog_samples.HYPOINVERSE, zone="UTC")
    assert times(found) == ["1999-01-02T03:04:05.05", "2019-07-06T03:19:53.04"]
    first, second = found.events.to_dict("records")
    assert (round(second["latitude"], 4), round(second["longitude"], 4)) == (35.7695, -117.5993)
    assert (second["depth_km"], second["magnitude"], second["rms_s"]) == (8.0, 7.1, 0.16)
    assert (second["event_id"], second["magnitude_type"]) == ("38457511", "W")
    assert (first["latitude"], first["longitude"]) == (-35 - 6.17 / 60, 9 + 5.96 / 60)
    assert (first["depth_km"], first["n_phases"]) == (10.25, 8)
    broken = catalog_samples.HYPOINVERSE.replace("1999 1 2", "19991331")
    assert read(tmp_path, broken, zone="UTC").dropped_lines == {
        "date and clock are no time of the calendar": (2,)
    }


def test_one_event_at_several_stations_has_a_row_for_each(tmp_path):
    text = "id,station,time\na,X.A,2020-01-02T00:00:10Z\na,X.B,2020-01-02T00:00:10Z\nb,,2020\n"
    text = text.replace("b,,2020", "b,,2020-01-02T00:00:11Z")
    events = read(tmp_path, text).events
    assert events["event_id"].tolist() == ["a@X.A", "a@X.B", "b"]
    assert events["source_id"].tolist() == ["a", "a", "b"]
    twice = "id,station,time\na,X.A,2020-01-02T00:00:10Z\na,X.A,2020-01-02T00:00:12Z\n"
    with pytest.raises(CatalogError, match="'a' stands in lines 2 and 3"):
        read(tmp_path, twice)
