"""Catalogue files: the registry's contract, each format's truth, and what is refused and how."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import catalog_samples
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program_samples import PROGRAM_SAMPLES

from seisml import formats
from seisml.catalog import make_catalog
from seisml.errors import CatalogError
from seisml.formats import Format, format_names, read_catalog, register_format, write_catalog
from seisml.formats.columns import ALIASES
from seisml.times import NAT, NS_PER_S, iso, to_ns

CSV = """\
event,origin_time,lat,lon,depth,mag,remark
det400,2014-03-02T08:32:23.003Z,39.7925,-118.9884,-0.048,-0.1,first
det401,2014-03-02T12:10:40.404Z,39.7936,-118.9873,0.362,0.34,"a, b"
"""

QUAKEML = """\
<?xml version="1.0" encoding="utf-8"?>
<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" xmlns:q="http://quakeml.org/xmlns/quakeml/1.2">
  <eventParameters publicID="smi:local/cat">
    <event publicID="smi:local/event/one">
      <preferredOriginID>smi:local/origin/better</preferredOriginID>
      <type>ice quake</type>
      <origin publicID="smi:local/origin/first">
        <time><value>2020-01-01T00:00:00Z</value></time>
        <latitude><value>1</value></latitude><longitude><value>2</value></longitude>
      </origin>
      <origin publicID="smi:local/origin/better">
        <time><value>2020-01-01T00:00:10.5Z</value><uncertainty>0.25</uncertainty></time>
        <latitude><value>64.5</value></latitude><longitude><value>-16.9</value></longitude>
        <depth><value>6000</value></depth>
      </origin>
      <magnitude publicID="smi:local/mag"><mag><value>1.1</value></mag><type>ML</type></magnitude>
      <pick publicID="smi:local/pick/1">
        <time><value>2020-01-01T00:00:12Z</value>
        <lowerUncertainty>0.1</lowerUncertainty><upperUncertainty>0.3</upperUncertainty></time>
        <waveformID networkCode="Z7" stationCode="FLUR"/><phaseHint>P</phaseHint>
        <evaluationMode>manual</evaluationMode>
      </pick>
    </event>
    <event publicID="smi:local/event/two">
      <type>volcanic tremor</type>
      <origin publicID="smi:local/origin/two">
        <time><value>2020-01-02T00:00:00Z</value></time>
        <latitude><value>1</value></latitude><longitude><value>2</value></longitude>
      </origin>
    </event>
  </eventParameters>
</q:quakeml>
"""

_MQS_PICK = """\
<pick publicID="smi:insight.mqs/Pick/{id}"><phaseHint>{phase}</phaseHint>
<evaluationMode>manual</evaluationMode>
<time><value>2019-05-23T{time}Z</value><lowerUncertainty>{sigma}</lowerUncertainty>
<upperUncertainty>{sigma}</upperUncertainty></time>
<waveformID networkCode="XB" stationCode="ELYSE" locationCode="02" channelCode="BHZ"/></pick>
"""
_MQS_TERM = "http://quakeml.org/vocab/marsquake/1.0/Mars"
MQS = f"""\
<?xml version='1.0' encoding='UTF-8' standalone='yes'?>
<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" xmlns:q="http://quakeml.org/xmlns/quakeml"
 xmlns:mars="http://quakeml.org/xmlns/bed/1.2/mars" xmlns:mq="http://quakeml.org/xmlns/marsquake/1.0"
 xmlns:sst="http://quakeml.org/xmlns/singlestation/1.0">
 <eventParameters publicID="smi:insight.mqs/EventParameters">
  <event publicID="smi:insight.mqs/mqs2019jzqa">
   <description><text>Elysium Southeast</text><type>region name</type></description>
   <description><text>S0173a</text><type>earthquake name</type></description>
   <origin publicID="smi:insight.mqs/Origin/1">
    <arrival publicID="a1"><pickID>smi:insight.mqs/Pick/1</pickID><phase>start</phase></arrival>
    <arrival publicID="a2"><pickID>smi:insight.mqs/Pick/2</pickID><phase>P</phase></arrival>
    <arrival publicID="a3"><pickID>smi:insight.mqs/Pick/3</pickID><phase>end</phase></arrival>
    <time><value>2019-05-23T02:19:33.5Z</value></time>
    <longitude><value>164.67</value></longitude><latitude><value>3.45</value></latitude>
    <depth><value>45000</value></depth>
    <mars:locationQuality>{_MQS_TERM}LocationQualityType#A</mars:locationQuality>
   </origin>
   {_MQS_PICK.format(id=2, phase="P", time="02:22:59", sigma=1)}
   {_MQS_PICK.format(id=1, phase="start", time="02:22:48.5", sigma=2)}
   {_MQS_PICK.format(id=3, phase="end", time="03:00:23.25", sigma=2)}
   {_MQS_PICK.format(id=4, phase="start", time="02:00:00", sigma=2)}
   <preferredOriginID>smi:insight.mqs/Origin/1</preferredOriginID>
   <type>other event</type><mars:type>{_MQS_TERM}EventType#BROADBAND</mars:type>
  </event>
  <event publicID="smi:insight.mqs/mqs2019aaaa">
   <origin publicID="smi:insight.mqs/Origin/2"><time><value>2019-05-23T05:00:00Z</value></time>
    <longitude><value>135.6234</value></longitude><latitude><value>4.5024</value></latitude>
    <depth><value>50000</value></depth></origin>
   {_MQS_PICK.format(id=5, phase="noise_start", time="05:05:00", sigma=1)}
   {_MQS_PICK.format(id=6, phase="Pg", time="05:06:00", sigma=20)}
   <preferredOriginID>smi:insight.mqs/Origin/2</preferredOriginID><type>other event</type>
  </event>
  <event publicID="smi:insight.mqs/mqs2019bbbb">
   {_MQS_PICK.format(id=7, phase="Peak_MbP", time="06:00:00", sigma=1)}
  </event>
 </eventParameters>
 <sst:singleStationParameters><sst:singleStationOrigin publicID="s1">
  <sst:bedOriginReference>smi:insight.mqs/Origin/1</sst:bedOriginReference>
  <sst:distance><sst:distance><sst:value>29.0</sst:value></sst:distance></sst:distance>
  <sst:azimuth><sst:azimuth><sst:value>91.0</sst:value></sst:azimuth></sst:azimuth>
 </sst:singleStationOrigin><sst:singleStationOrigin publicID="s2">
  <sst:bedOriginReference>smi:insight.mqs/Origin/2</sst:bedOriginReference>
  <sst:locationQuality><sst:class>{_MQS_TERM}LocationQualityType#D</sst:class></sst:locationQuality>
 </sst:singleStationOrigin></sst:singleStationParameters>
 <mq:marsquakeParameters><mq:marsEvent publicID="m2">
  <mq:type><mq:class>{_MQS_TERM}EventType#2.4_HZ</mq:class></mq:type>
  <mq:eventReference>smi:insight.mqs/mqs2019aaaa</mq:eventReference></mq:marsEvent>
 </mq:marsquakeParameters>
</q:quakeml>
"""

SAMPLES = {"csv": CSV, "quakeml": QUAKEML, "mqs": MQS, **catalog_samples.SAMPLES, **PROGRAM_SAMPLES}
PICKS_ONLY = (
    "phasenet",
    "phasenet-old",
    "picks",
    "seisbench",
    "pyocto-picks",
    "pyocto-input",
    "gamma-picks",
    "quakemigrate-picks",
)


DROPPED = {
    "scml": {"pick of no event": 1},
    "mqs": {"event without start or arrival": 1},
    "snuffler": {"marker that is neither event nor phase": 1},
}


def put(folder: Path, text: str | bytes, name: str = "catalog.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def microseconds(table: pd.DataFrame) -> pd.DataFrame:
    """Round instants as files do."""
    return table.assign(
        **{
            c: table[c].map(lambda t: t if t == NAT else to_ns(iso(t)))
            for c in table
            if c.endswith("_ns")
        }
    )


def assert_same(read, written):
    for name in ("events", "picks"):
        pd.testing.assert_frame_equal(
            getattr(read, name),
            microseconds(getattr(written, name)),
            check_dtype=False,
            check_like=True,
        )
    assert (read.time_basis, read.body) == (written.time_basis, written.body)
    assert read.dropped == {}


@pytest.fixture
def detections():
    """Detections with everything that a file may lose."""
    return make_catalog(
        [
            {
                "time_ns": to_ns("2020-01-01T00:00:00.123456Z"),
                "end_ns": to_ns("2020-01-01T00:00:10Z"),
                "label": 'VT, "deep"',
                "score": 0.93,
                "station": "XX.ABC",
                "quality": "A",
                "uncertainty_s": 0.5,
                "peak_ns": to_ns("2020-01-01T00:00:02.5Z"),
                "windows": 7,
                "note": "séisme",
                "origin_ns": NAT,
            },
            {
                "event_id": "strange id/ä:1",
                "time_ns": to_ns("2020-01-02"),
                "label": "marsquake",
                "station": "LONGNETWORK.STATION",
                "peak_ns": NAT,
                "windows": 9,
                "note": "",
                "latitude": 10.5,
                "longitude": -20.25,
                "depth_km": 1.005,
                "origin_ns": to_ns("2020-01-01T23:59:50Z"),
            },
            {
                "time_ns": to_ns("2020-01-03"),
                "peak_ns": NAT,
                "windows": 1,
                "note": "",
                "origin_ns": NAT,
            },
        ],
        [
            {
                "event_id": "strange id/ä:1",
                "station": "XX.ABC",
                "phase": "P",
                "time_ns": to_ns("2020-01-02T00:00:01.5Z"),
                "uncertainty_s": 0.02,
                "score": 0.8,
                "method": "template",
            },
            {
                "event_id": "strange id/ä:1",
                "station": "ABC",
                "time_ns": to_ns("2020-01-02T00:00:02Z"),
            },
        ],
        name="found",
        body="mars",
        time_basis="detection_on",
    )


# ---------------------------------------------------------------- the registry's contract


def test_every_format_has_a_sample_here():
    assert sorted(SAMPLES) == format_names()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sample_is_recognised_by_its_own_format_only(name, tmp_path):
    path = put(tmp_path, SAMPLES[name])
    takers = [
        each for each in format_names() if formats.get_format(each).sniff(SAMPLES[name], path)
    ]
    assert takers == [name]
    assert formats.sniff_format(path).name == name
    catalog = read_catalog(path, zone="UTC")
    rows = catalog.picks if name in PICKS_ONLY else catalog.events
    assert (len(rows), catalog.dropped) == (2, DROPPED.get(name, {}))
    assert catalog.name == "catalog"
    assert read_catalog(path, format=name, zone="UTC", name="mine").name == "mine"
    # a byte-order mark and the line ends of DOS change nothing
    for content in (
        b"\xef\xbb\xbf" + SAMPLES[name].encode(),
        SAMPLES[name].replace("\n", "\r\n").encode(),
    ):
        other = read_catalog(put(tmp_path, content, "other.txt"), zone="UTC")
        for column in ("event_id", "time_ns", "end_ns", "label", "latitude", "magnitude"):
            pd.testing.assert_series_equal(other.events[column], catalog.events[column])
        assert len(other.picks) == len(catalog.picks)


COMPATIBLE = {  # (reader, sample): a table with known names is a table to the reader of tables
    ("picks", "phasenet"),
    ("picks", "seisbench"),
    ("csv", "aaa"),
    ("csv", "comcat"),
    ("csv", "spaceapps"),
    ("csv", "eqtransformer"),
    ("csv", "gamma"),
    ("csv", "seisbench"),
    ("csv", "seisbench-detections"),
    ("quakeml", "mqs"),
}


@pytest.mark.parametrize("reader", sorted(SAMPLES))
def test_a_reader_refuses_what_is_of_another_format(reader, tmp_path):
    for name in sorted(set(SAMPLES) - {reader}):
        path = put(tmp_path, SAMPLES[name])
        if (reader, name) in COMPATIBLE:
            found = read_catalog(path, format=reader, zone="UTC")
            assert len(found) + len(found.picks)
        else:
            with pytest.raises(CatalogError, match=r"catalog\.txt"):
                read_catalog(path, format=reader, zone="UTC")


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_all_that_a_source_says_survives_our_own_formats(name, suffix, tmp_path):
    catalog = read_catalog(put(tmp_path, SAMPLES[name]), zone="UTC")
    if suffix == ".xml":  # QuakeML has no place for picks of no event
        own = catalog.picks["event_id"].isin(catalog.events["event_id"])
        catalog = dataclasses.replace(catalog, picks=catalog.picks[own].reset_index(drop=True))
    write_catalog(catalog, tmp_path / f"copy{suffix}")
    again = read_catalog(tmp_path / f"copy{suffix}")
    assert (again.body, again.dropped) == (catalog.body, {})
    assert again.time_basis == catalog.time_basis or len(catalog) == 0
    for table, read in ((catalog.events, again.events), (catalog.picks, again.picks)):
        for column, wanted in microseconds(table).items():
            if column not in read:  # a column without content need not be written
                assert wanted.isin(["", NAT]).all() or wanted.isna().all(), column
            else:
                got = read[column]
                same = (got.astype(str) == wanted.astype(str)) | (
                    got.isin(["", NAT]) | got.isna()
                ) & (wanted.isin(["", NAT]) | wanted.isna())
                assert same.all(), (column, got.tolist(), wanted.tolist())


def test_picks_of_records_without_station_or_phase_are_events(tmp_path):
    text = (
        "file,start,npts,sampling_rate,pick_offset_s,pick_time,event_class\n"
        "a.cut,1969-12-10T21:01:59.9Z,96198,13.25,1767.55,1969-12-10T21:31:27.45Z,deep A01\n"
    )
    catalog = read_catalog(put(tmp_path, text.encode()), body="moon")
    event = catalog.events.iloc[0]
    assert event["time_ns"] == to_ns("1969-12-10T21:31:27.45")  # not where the record begins
    assert (event["label"], event["station"], event["file"]) == ("deep A01", "", "a.cut")
    assert (catalog.time_basis, catalog.body, len(catalog.picks)) == ("first_pick", "moon", 0)


FOREIGN = {
    "prose": b"It was a dark and stormy night.\nThe end.\n",
    "html": b"<!DOCTYPE html><html><body>404 time, lat, lon</body></html>",
    "json": b'{"time": "2020-01-01T00:00:00Z", "lat": 1}',
    "waveform": b"time(%Y-%m-%d),rel_time(sec),velocity(c/s)\n2022-02-03T08:00:00,0.0,1\n",
    "amplitudes": b"id,P_amp,P_time,S_amp,S_time\nZ7.A..HHE,0.1,2020-01-01T00:00:00Z,0.2,\n",
    "records": b"file,start,npts,sampling_rate\na.mseed,2020-01-01T00:00:00Z,100,20\n",
    "numbers": b"1.0 2.0 3.0\n4.0 5.0 6.0\n",
    "StationXML": b'<?xml version="1.0"?><FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1"/>',
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_text_is_refused_with_the_known_formats(kind, tmp_path):
    with pytest.raises(CatalogError, match="of no known catalogue format") as caught:
        read_catalog(put(tmp_path, FOREIGN[kind]))
    assert len(str(caught.value).splitlines()) == 2
    for name in format_names():
        assert name in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the catalogue is empty"),
        (b" \n\n", "the catalogue is empty"),
        (b"000001D \0\0\x01\x02", r"is binary \(or UTF-16\)"),
        (CSV.encode("utf-16"), r"is binary \(or UTF-16\)"),
    ],
)
def test_empty_and_binary_files_are_refused(content, message, tmp_path):
    with pytest.raises(CatalogError, match=message) as caught:
        read_catalog(put(tmp_path, content))
    assert len(str(caught.value).splitlines()) == 2


def test_missing_files_folders_and_formats_are_named(tmp_path):
    with pytest.raises(
        CatalogError, match=r"nowhere.csv: the catalogue cannot be opened \(No such"
    ):
        read_catalog(tmp_path / "nowhere.csv")
    with pytest.raises(CatalogError, match="cannot be opened"):
        read_catalog(tmp_path)
    with pytest.raises(CatalogError, match="Did you mean 'quakeml'"):
        read_catalog(put(tmp_path, QUAKEML), format="quakml")
    with pytest.raises(CatalogError, match=r"suffix '.dat' names no format"):
        write_catalog(make_catalog(), tmp_path / "x.dat")
    with pytest.raises(CatalogError, match="'mqs' can only be read"):
        write_catalog(make_catalog(), tmp_path / "x.xml", format="mqs")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CatalogError, match=r"cannot be written \((Not a directory|File exists)"):
        write_catalog(make_catalog(), tmp_path / "file" / "x.csv")


def test_a_new_format_is_one_registration(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "_FORMATS", dict(formats._FORMATS))

    def read(path, *, zone, body, columns, name):
        return make_catalog([{"time_ns": 1}], name=name)

    new = Format("mine", lambda head, path: head.startswith("MINE"), read, None, (), "a test")
    register_format(new)
    assert "mine" in format_names()
    assert len(read_catalog(put(tmp_path, "MINE,time\n"))) == 1
    with pytest.raises(CatalogError, match="There is a format 'mine' already"):
        register_format(new)


def test_the_registry_imports_neither_obspy_nor_lxml():
    code = "import sys, seisml.formats; print([m for m in ('obspy', 'lxml') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
def test_round_trip_loses_nothing_and_gives_the_same_bytes(detections, suffix, tmp_path):
    path = tmp_path / f"found{suffix}"
    before = detections.events.copy(deep=True)
    write_catalog(detections, path)
    again = read_catalog(path)
    assert_same(again, detections)
    assert again.name == "found"
    pd.testing.assert_frame_equal(detections.events, before)
    content = path.read_bytes()
    write_catalog(again, path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
@pytest.mark.parametrize("basis", ["origin", "first_pick", "detection_on", "label_start"])
def test_round_trip_of_every_basis(basis, suffix, tmp_path):
    catalog = make_catalog([{"time_ns": NS_PER_S, "event_id": "x"}], time_basis=basis)
    write_catalog(catalog, tmp_path / f"x{suffix}")
    assert_same(read_catalog(tmp_path / f"x{suffix}"), catalog)


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
def test_an_empty_catalogue_is_a_file_too(suffix, tmp_path):
    write_catalog(make_catalog(), tmp_path / f"none{suffix}")
    assert len(read_catalog(tmp_path / f"none{suffix}")) == 0


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "time_ns": st.integers(-(10**18), 4 * 10**18),
                "score": st.none() | st.floats(0, 1),
                "label": _TEXT,
                "quality": _TEXT,
                "magnitude": st.none() | st.floats(-3, 9),
                "counts": st.integers(-(10**12), 10**12),
                "remark": _TEXT.map(lambda text: f"r {text}"),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_round_trip_of_arbitrary_events_through_csv(rows, tmp_path):
    catalog = make_catalog(rows)
    write_catalog(catalog, tmp_path / "any.csv")
    assert_same(read_catalog(tmp_path / "any.csv"), catalog)


# ---------------------------------------------------------------- csv


def read_csv(tmp_path, text, **options):
    return read_catalog(put(tmp_path, text, "list.csv"), **options)


def test_csv_columns_are_found_by_their_names(tmp_path):
    catalog = read_csv(tmp_path, CSV)
    first = catalog.events.iloc[0]
    assert catalog.time_basis == "origin"
    assert first["event_id"] == "det400"
    assert first["time_ns"] == to_ns("2014-03-02T08:32:23.003Z")
    assert (first["latitude"], first["longitude"]) == (39.7925, -118.9884)
    assert (first["depth_km"], first["magnitude"]) == (-0.048, -0.1)
    assert catalog.events["remark"].tolist() == ["first", "a, b"]


@pytest.mark.parametrize("role", sorted(set(ALIASES) - {"time_basis", "body", "network"}))
def test_every_alias_is_understood(role, tmp_path):
    column = dict.fromkeys(("time", "origin_time", "start", "onset_time"), "time_ns")
    column["end_time"] = "end_ns"
    timed = role in column
    text, value = ("2020-01-01T00:00:05Z", to_ns("2020-01-01T00:00:05Z")) if timed else ("7", 7.0)
    for alias in ALIASES[role]:
        other = "origin_time,2020-01-01T00:00:00Z" if role in ("end_time",) else "x,1"
        if not timed:
            other = "origin_time,2020-01-01T00:00:00Z"
        name, cell = other.split(",")
        catalog = read_csv(tmp_path, f"{name},{alias.upper()}\n{cell},{text}\n")
        got = catalog.events[column.get(role, role)].iloc[0]
        expected = 0.007 if alias == "depth_m" else value
        assert got in (expected, "7"), alias


@pytest.mark.parametrize(
    ("header", "row", "basis", "seconds"),
    [
        ("time,lat,lon", "00:00:01Z,1,2", "origin", 1),
        ("time,score", "00:00:01Z,0.5", "detection_on", 1),
        ("time,class", "00:00:01Z,VT", "label_start", 1),
        ("time,time_basis", "00:00:01Z,first_pick", "first_pick", 1),
        ("origin_time,start,end", "00:00:01Z,00:00:02Z,00:00:03Z", "label_start", 2),
        ("origin_time,P,S", "00:00:01Z,00:00:02Z,00:00:03Z", "origin", 1),
        ("s_time,p_time", "00:00:03Z,00:00:02Z", "first_pick", 2),
        ("pick_time,class", "00:00:02Z,VT", "first_pick", 2),
        ("origin_time,pick_time", "00:00:01Z,00:00:02Z", "origin", 1),
        ("time_on,time_off", "00:00:02Z,00:00:03Z", "label_start", 2),
        ("start_time,label", "00:00:02Z,VT", "label_start", 2),
    ],
)
def test_csv_times_mean_what_their_column_is_called(header, row, basis, seconds, tmp_path):
    day = ",".join(f"2020-01-01T{v}" if v.startswith("00:") else v for v in row.split(","))
    catalog = read_csv(tmp_path, f"{header}\n{day}\n")
    assert catalog.time_basis == basis
    assert catalog.events["time_ns"].tolist() == [to_ns("2020-01-01") + seconds * NS_PER_S]


def test_csv_arrival_times_become_picks_of_their_event(tmp_path):
    text = (
        "name,net,sta,origin_time,P,S,P_phase\n"
        "later,XX,AAA,2020-01-02T00:00:00Z,2020-01-02T00:00:05Z,,Pg\n"
        "first,XX,BBB,2020-01-01T00:00:00Z,2020-01-01T00:00:05Z,2020-01-01T00:00:09Z,\n"
    )
    catalog = read_csv(tmp_path, text)
    assert catalog.events["event_id"].tolist() == ["e000001", "e000002"]
    assert catalog.events["station"].tolist() == ["XX.BBB", "XX.AAA"]
    got = list(catalog.picks[["event_id", "station", "phase"]].itertuples(index=False, name=None))
    assert got == [
        ("e000001", "XX.BBB", "P"),
        ("e000001", "XX.BBB", "S"),
        ("e000002", "XX.AAA", "Pg"),
    ]


def test_csv_probabilities_called_p_and_s_are_no_picks(tmp_path):
    catalog = read_csv(tmp_path, "time,P,S\n2020-01-01T00:00:00Z,0.9,0.1\n")
    assert catalog.picks.empty
    assert catalog.events["P"].tolist() == [0.9]


def test_csv_explicit_columns(tmp_path):
    text = "Zeitpunkt;Art;wann zu Ende\n2020-01-01 01:00:00;VT;2020-01-01 01:00:30\n"
    columns = {"start": "Zeitpunkt", "end_time": "wann zu Ende", "label": "Art"}
    catalog = read_csv(tmp_path, text, columns=columns, zone="Europe/Berlin", body="earth")
    event = catalog.events.iloc[0]
    assert event["time_ns"] == to_ns("2020-01-01T00:00:00Z")
    assert event["end_ns"] - event["time_ns"] == 30 * NS_PER_S
    assert event["label"] == "VT"
    assert catalog.time_basis == "label_start"
    with pytest.raises(CatalogError, match=r"no column 'Zeitpunkte' \(columns\['time'\]\)"):
        read_csv(tmp_path, text, columns={"time": "Zeitpunkte"})
    with pytest.raises(CatalogError, match="columns has the key 'tiem'"):
        read_csv(tmp_path, text, columns={"tiem": "Zeitpunkt"})


def test_csv_rows_that_cannot_be_used_are_counted(tmp_path):
    text = (
        "event_id,time,label\n"
        "a,2020-01-01T00:00:00Z,x\n"
        "\n"
        ",,\n"
        "b,,y\n"
        "a,2020-01-01T00:00:00Z,again\n"
        "c,2020-01-01T00:00:01Z,z\n"
    )
    catalog = read_csv(tmp_path, text)
    assert catalog.events["event_id"].tolist() == ["a", "c"]
    assert catalog.dropped == {"empty row": 1, "row without time": 1, "same event again": 1}
    assert catalog.dropped_lines == {
        "empty row": (4,),
        "row without time": (5,),
        "same event again": (6,),
    }


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "time,mag\n2020-01-01T00:00:00,1\n",
            {},
            r"list.csv, column time: .* \(line 2\) has no time",
        ),
        ("time,mag\n2020-01-01T00:00:00Z,1\n2019-02-31T00:00:00Z,2\n", {}, r"\(line 3\) is no ISO"),
        (
            "time,mag\n\n31/02/2019 10:00,2\n",
            {"zone": "UTC"},
            r"'31/02/2019 10:00' \(line 3\) is no",
        ),
        ("time,mag\n2020-01-01T00:00:00Z,big\n", {}, r"magnitude is 'big' \(line 2\)"),
        ("time,lat,lon\n2020-01-01T00:00:00Z,91,0\n", {}, r"latitude is '91' \(line 2\)"),
        ("time,mag\n2020-01-01T00:00:00Z,1,2\n", {}, r"line 2: row 1 has 3 fields, the header 2"),
        ("time,mag\n2020-01-01T00:00:00Z\n", {}, r"line 2: row 1 has 1 fields, the header 2"),
        ('time,mag\n2020-01-01T00:00:00Z,"1\n', {}, r"line \d: unexpected end of data"),
        ("time,mag,mag\n2020-01-01T00:00:00Z,1,2\n", {}, "'mag' stands twice in the header"),
        ("id,time\na,2020-01-01T00:00:00Z\na,2020-01-02T00:00:00Z\n", {}, "'a' stands in lines 2"),
        (
            "time,body\n2020-01-01T00:00:00Z,mars\n2020-01-02T00:00:00Z,moon\n",
            {},
            "body is 'mars' and",
        ),
        ("time,time_basis\n2020-01-01T00:00:00Z,orign\n", {}, "Did you mean 'origin'"),
        ("lat,lon\n1,2\n", {"format": "csv"}, "no column holds times of events"),
    ],
)
def test_csv_says_what_is_wrong_where(text, options, message, tmp_path):
    with pytest.raises(CatalogError, match=message):
        read_csv(tmp_path, text, **options)


def test_csv_that_is_not_utf8_is_an_error(tmp_path):
    path = put(tmp_path, "time,place\n2020-01-01T00:00:00Z,Skeiðará\n".encode("latin-1"))
    with pytest.raises(CatalogError, match=r"byte \d+ is not UTF-8"):
        read_catalog(path)


def test_own_csv_begins_as_promised_and_is_easily_read_by_pandas(detections, tmp_path):
    write_catalog(detections, tmp_path / "found.csv")
    table = pd.read_csv(tmp_path / "found.csv")
    assert list(table)[:5] == ["time", "end_time", "label", "score", "station"]
    assert table["time"][0] == "2020-01-01T00:00:00.123456Z"
    assert table["peak_time"][0] == "2020-01-01T00:00:02.500000Z"
    assert table["time_basis"].unique().tolist() == ["detection_on"]
    assert table["body"].unique().tolist() == ["mars"]
    assert "magnitude" not in table  # nobody has one


def test_picks_beside_a_csv_follow_its_events(detections, tmp_path):
    path, beside = tmp_path / "found.csv", tmp_path / "found.picks.csv"
    write_catalog(detections, path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if "strange" not in line))
    shorter = read_catalog(path)
    assert len(shorter) == 2
    assert shorter.picks.empty
    assert shorter.dropped == {"pick of no event": 2}
    # a catalogue without picks must not inherit those of the file before
    write_catalog(dataclasses.replace(detections, picks=detections.picks.iloc[:0]), path)
    assert read_catalog(path).picks.empty
    # and a file that is not seisml's stays untouched
    beside.write_text("mine,yours\n1,2\n")
    with pytest.raises(CatalogError, match="this file is not seisml's"):
        write_catalog(detections, path)
    assert beside.read_text() == "mine,yours\n1,2\n"


def test_a_failed_write_leaves_the_old_file(detections, tmp_path, monkeypatch):
    path = tmp_path / "found.csv"
    path.write_text("old")

    def no_room(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_room)
    with pytest.raises(CatalogError, match=r"cannot be written \(No space left"):
        write_catalog(dataclasses.replace(detections, picks=detections.picks.iloc[:0]), path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["found.csv"]


# ---------------------------------------------------------------- quakeml


def test_quakeml_takes_preferred_origins_and_keeps_foreign_types(tmp_path):
    catalog = read_catalog(put(tmp_path, QUAKEML))
    one, two = catalog.events.to_dict("records")
    assert catalog.time_basis == "origin"
    assert one["event_id"] == "one"
    assert one["label"] == "ice quake"
    assert one["time_ns"] == to_ns("2020-01-01T00:00:10.5Z")
    assert (one["latitude"], one["longitude"], one["depth_km"]) == (64.5, -16.9, 6.0)
    assert (one["magnitude"], one["magnitude_type"], one["uncertainty_s"]) == (1.1, "ML", 0.25)
    assert two["label"] == "volcanic tremor"  # ObsPy alone would lose this event
    pick = catalog.picks.iloc[0]
    assert (pick["station"], pick["phase"], pick["method"]) == ("Z7.FLUR", "P", "manual")
    assert pick["uncertainty_s"] == pytest.approx(0.2)


def test_quakeml_without_origins_has_first_picks(tmp_path):
    without = QUAKEML.replace("<origin ", "<!-- <origin ").replace("</origin>", "</origin> -->")
    catalog = read_catalog(put(tmp_path, without))
    assert catalog.time_basis == "first_pick"
    assert catalog.events["time_ns"].tolist() == [to_ns("2020-01-01T00:00:12Z")]
    assert catalog.dropped == {"event without any time": 1}


def test_quakeml_of_mixed_basis_keeps_the_larger_part(tmp_path):
    begin, end = QUAKEML.index("<origin publicID="), QUAKEML.index("<magnitude")
    catalog = read_catalog(put(tmp_path, QUAKEML[:begin] + QUAKEML[end:]))
    assert (catalog.time_basis, len(catalog)) == ("origin", 1)
    assert catalog.dropped == {"event without origin time": 1}
    assert catalog.picks.empty


def test_quakeml_without_version_in_its_root_is_read(tmp_path):
    assert (
        len(read_catalog(put(tmp_path, QUAKEML.replace("xmlns/quakeml/1.2", "xmlns/quakeml")))) == 2
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (QUAKEML.replace("</eventParameters>", ""), r"the XML cannot be read: .*line \d+"),
        (
            QUAKEML.replace("<q:quakeml", '<!DOCTYPE x [<!ENTITY e "b">]><q:quakeml'),
            "document type",
        ),
        (QUAKEML.replace("eventParameters", "parameters"), "the QuakeML has no eventParameters"),
    ],
)
def test_broken_or_dangerous_quakeml_is_refused(text, message, tmp_path):
    with pytest.raises(CatalogError, match=message):
        read_catalog(put(tmp_path, text))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_written_quakeml_is_valid_and_says_itself_to_others(detections, tmp_path):
    from obspy import read_events
    from obspy.io.quakeml.core import _validate

    path = tmp_path / "found.xml"
    write_catalog(detections, path)
    assert _validate(str(path))
    events = read_events(str(path))
    assert [event.event_type for event in events] == ["other event", "other event", None]
    assert events[0].comments[0].text == (
        "seisml: detection_on time 2020-01-01T00:00:00.123456Z, "
        'label VT, "deep", score 0.93, quality A'
    )
    assert events[0].picks[0].time == "2020-01-01T00:00:00.123456Z"  # no pick of its own: the time
    assert events[0].picks[0].waveform_id.id == "XX.ABC.."
    assert events[1].preferred_origin().time == "2020-01-01T23:59:50Z"
    assert len(events[1].picks) == 2
    assert len(events[1].origins[0].arrivals) == 1


def test_quakeml_has_no_place_for_picks_of_no_event(tmp_path):
    catalog = make_catalog([], [{"time_ns": 1, "phase": "P"}])
    with pytest.raises(CatalogError, match="1 picks belong to no event"):
        write_catalog(catalog, tmp_path / "x.xml")
    write_catalog(catalog, tmp_path / "x.csv")
    assert len(read_catalog(tmp_path / "x.csv").picks) == 1


# ---------------------------------------------------------------- mqs


def test_mqs_events_have_names_types_qualities_and_signal_times(tmp_path):
    catalog = read_catalog(put(tmp_path, MQS))
    named, unnamed = catalog.events.to_dict("records")
    assert (catalog.body, catalog.time_basis) == ("mars", "label_start")
    assert catalog.dropped == {"event without start or arrival": 1}
    assert (named["event_id"], named["label"], named["quality"]) == ("S0173a", "BROADBAND", "A")
    assert named["time_ns"] == to_ns("2019-05-23T02:22:48.5Z")  # of the preferred origin's picks
    assert named["end_ns"] == to_ns("2019-05-23T03:00:23.25Z")
    assert named["origin_ns"] == to_ns("2019-05-23T02:19:33.5Z")
    assert (named["latitude"], named["longitude"], named["depth_km"]) == (3.45, 164.67, 45.0)
    assert (named["distance_deg"], named["back_azimuth_deg"]) == (29.0, 91.0)
    assert (named["station"], named["region"]) == ("XB.ELYSE", "Elysium Southeast")
    assert (unnamed["event_id"], unnamed["label"], unnamed["quality"]) == (
        "mqs2019aaaa",
        "2.4_HZ",
        "D",
    )
    assert unnamed["time_ns"] == to_ns("2019-05-23T05:06:00Z")  # Pg: noise windows do not count
    assert unnamed["uncertainty_s"] == 20
    assert np.isnan([unnamed["latitude"], unnamed["longitude"], unnamed["depth_km"]]).all()
    phases = catalog.picks.groupby("event_id")["phase"].agg(list).to_dict()
    assert phases == {
        "S0173a": ["start", "start", "P", "end"],
        "mqs2019aaaa": ["noise_start", "Pg"],
    }


def test_mqs_releases_state_more_at_the_origin_and_have_a_version(tmp_path):
    more = (
        "<mars:distance><mars:value>28.5</mars:value></mars:distance>"
        "<mars:BAZ><mars:value>92.5</mars:value></mars:BAZ>"
        '<mars:snr snrMQS="17.5"/></origin>'
    )
    text = MQS.replace("</origin>", more, 1).replace('xmlns/quakeml"', 'xmlns/quakeml/1.2"', 1)
    catalog = read_catalog(put(tmp_path, text))
    plain = read_catalog(put(tmp_path, MQS))
    event = catalog.events.iloc[0]
    assert (event["distance_deg"], event["back_azimuth_deg"], event["snr"]) == (28.5, 92.5, 17.5)
    assert catalog.events["label"].tolist() == plain.events["label"].tolist()
    assert np.isnan(plain.events["snr"]).all()


def test_mqs_is_on_mars(tmp_path):
    with pytest.raises(CatalogError, match="body is 'earth'"):
        read_catalog(put(tmp_path, MQS), body="earth")


# ---------------------------------------------------------------- real files


@pytest.mark.real
@pytest.mark.parametrize("versioned", [False, True])
def test_real_marsquake_catalogue(shared_data, versioned, tmp_path):
    content = (shared_data / "mars_insight/catalogs/mqs_catalog_20191002.xml").read_bytes()
    if versioned:
        content = content.replace(b'xmlns/quakeml"', b'xmlns/quakeml/1.2"', 1)
    catalog = read_catalog(put(tmp_path, content))
    assert len(catalog) == 141
    assert catalog.events["label"].value_counts().to_dict() == {
        "2.4_HZ": 98,
        "LOW_FREQUENCY": 17,
        "HIGH_FREQUENCY": 15,
        "BROADBAND": 11,
    }
    assert catalog.events["quality"].value_counts().to_dict() == {"C": 76, "D": 56, "B": 6, "A": 3}
    assert catalog.events["latitude"].notna().sum() == 4
    phases = catalog.picks["phase"].value_counts()
    assert (phases["start"], phases["end"], phases["Pg"], phases["noise_start"]) == (
        141,
        141,
        68,
        96,
    )
    lag = (catalog.events["time_ns"] - catalog.events["origin_ns"]) / NS_PER_S
    assert lag.min() == pytest.approx(-271, abs=1)
    assert lag.max() == pytest.approx(824, abs=1)
    assert catalog.dropped == {}


@pytest.mark.real
def test_flat_table_of_the_same_marsquakes_agrees(shared_data):
    folder = shared_data / "mars_insight/catalogs"
    xml = read_catalog(folder / "mqs_catalog_20191002.xml")
    flat = read_catalog(folder / "mqs_catalog_20191002_flat.csv", body="mars")
    assert flat.time_basis == xml.time_basis == "label_start"
    for column in ("event_id", "time_ns", "end_ns", "label", "quality", "origin_ns"):
        assert flat.events[column].tolist() == xml.events[column].tolist(), column


@pytest.mark.real
def test_labels_of_the_mars_hours(shared_data):
    catalog = read_catalog(shared_data / "mars_insight/labels_mars.csv", body="mars")
    assert catalog.events["event_id"].tolist() == [
        "S0173a",
        "S0235b",
        "S0235c",
        "S0290b",
        "S1102a",
        "S1133c",
    ]
    assert catalog.dropped == {"same event again": 2}  # one hour is filed under two names
    assert catalog.time_basis == "label_start"
    assert catalog.picks["phase"].value_counts().to_dict() == {"P": 6, "S": 6}
    assert catalog.picks["time_ns"].iloc[0] == to_ns("2019-05-23T02:22:59.068809Z")


@pytest.mark.real
def test_bradys_experts_and_correlation_detections(shared_data):
    folder = shared_data / "earth_bradys"
    expert = read_catalog(folder / "catalog_lbnl_templates.csv")
    assert (len(expert), expert.time_basis) == (39, "origin")
    assert expert.events["event_id"].iloc[0] == "det400"
    assert expert.events["magnitude"].iloc[0] == -0.1
    assert expert.events["magnitude"].notna().all()
    machine = read_catalog(folder / "detections_pywcc.csv")
    assert (len(machine), machine.time_basis) == (149, "detection_on")
    assert machine.events["inside_waveforms"].sum() == 52
    assert machine.events["score"].iloc[0] == 0.57
    assert machine.events["template"].iloc[0] == "det428"  # no id: templates repeat


@pytest.mark.real
@pytest.mark.parametrize("suffix", [".csv", ".xml"])
@pytest.mark.parametrize(
    "name",
    [
        "mars_insight/catalogs/mqs_catalog_20191002.xml",
        "earth_iceland/catalog/catalog.xml",
        "earth_bradys/catalog_lbnl_templates.csv",
        "earth_nc_windows/picks.csv",
    ],
)
def test_real_catalogues_survive_a_round_trip(shared_data, name, suffix, tmp_path):
    catalog = read_catalog(shared_data / name)
    kept = [c for c in catalog.events if c != "zero_components"]  # a column without content
    catalog = dataclasses.replace(catalog, events=catalog.events[kept])
    write_catalog(catalog, tmp_path / f"copy{suffix}")
    again = read_catalog(tmp_path / f"copy{suffix}")
    assert (len(again), len(again.picks)) == (len(catalog), len(catalog.picks))
    for column in ("event_id", "label", "quality", "station", "latitude", "magnitude", "time_ns"):
        pd.testing.assert_series_equal(
            again.events[column], microseconds(catalog.events)[column], check_dtype=False
        )


@pytest.mark.real
def test_iceland_quakeml(shared_data):
    catalog = read_catalog(shared_data / "earth_iceland/catalog/catalog.xml")
    assert (len(catalog), len(catalog.picks), catalog.time_basis) == (17, 258, "origin")
    assert (catalog.events["magnitude_type"] == "ML").all()
    assert (catalog.picks["method"] == "automatic").all()
