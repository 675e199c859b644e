"""Files of pickers, associators and viewers: what they hold, and how they are written."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
from program_samples import PROGRAM_OPTIONS, PROGRAM_SAMPLES

from seisml.catalog import make_catalog, select
from seisml.errors import CatalogError
from seisml.formats import read_catalog, write_catalog
from seisml.times import NAT, NS_PER_S, iso, to_ns


def put(tmp_path, text: str):
    path = tmp_path / "catalog.txt"
    path.write_text(text)
    return path


def sample(tmp_path, name, edit=lambda text: text, **options):
    path = put(tmp_path, edit(PROGRAM_SAMPLES[name]))
    return read_catalog(path, **{**PROGRAM_OPTIONS.get(name, {}), **options})


def times(table) -> list[str]:
    return [iso(time_ns) for time_ns in table["time_ns"]]


@pytest.mark.parametrize(
    ("name", "basis", "first"),
    [
        ("eqtransformer", "detection_on", "2019-09-01T16:21:55.180000Z"),
        ("seisbench-detections", "detection_on", "2014-05-01T00:00:02.100000Z"),
        ("gamma", "origin", "2019-07-04T17:02:55.057000Z"),
        ("pyocto", "origin", "2014-07-01T04:01:03.123457Z"),
        ("quakemigrate", "origin", "2014-08-24T00:01:27.980000Z"),
        ("quakemigrate-trigger", "origin", "2014-08-24T00:01:09.140000Z"),
        ("aaa", "label_start", "2018-10-08T08:15:05.000000Z"),
        ("real", "origin", "2016-10-14T00:00:09.264000Z"),
        ("pywcc-templates", "origin", "2014-03-02T08:32:23.003000Z"),
        ("pywcc", "detection_on", "2014-04-07T03:14:33.730000Z"),
        ("snuffler", "origin", "2015-04-16T06:38:08.835000Z"),
        ("geojson", "origin", "1969-11-20T22:17:17.700000Z"),
    ],
)
def test_what_the_times_of_events_are(name, basis, first, tmp_path):
    catalog = sample(tmp_path, name)
    assert catalog.time_basis == basis
    assert times(catalog.events)[0] == first


@pytest.mark.parametrize(
    ("name", "picks"),
    [
        (
            "eqtransformer",
            [
                ("GS.CA06", "P", "2019-09-01T16:21:55.000000Z", 0.95),
                ("GS.CA06", "S", "2019-09-01T16:21:57.670000Z", 0.92),
                ("GS.CA06", "S", "2019-09-01T16:25:02.500000Z", 0.3),
            ],
        ),
        (
            "phasenet",
            [
                ("NC.MCV", "P", "2020-10-01T00:00:41.803000Z", 0.957),
                ("NC.MCV", "S", "2020-10-01T00:00:44.803000Z", 0.71),
            ],
        ),
        (
            "seisbench",
            [
                ("CX.PB01", "P", "2014-05-01T00:00:02.500000Z", 0.9),
                ("CX.PB01", "S", "2014-05-01T00:00:12.000000Z", 0.5),
            ],
        ),
        (
            "pyocto-picks",
            [
                ("CX.PB01", "P", "2014-07-01T04:01:10.500000Z", 0.5),
                ("CX.PB02", "S", "2014-07-01T04:01:15.123457Z", 0.75),
            ],
        ),
        (
            "quakemigrate-picks",
            [
                ("DYJN", "P", "2014-08-24T00:01:31.420681Z", np.nan),
                ("DYJN", "S", "2014-08-24T00:01:33.989258Z", np.nan),
            ],
        ),
        (
            "real",
            [
                ("XO.AM05", "P", "2016-10-14T00:00:12.095700Z", np.nan),
                ("XO.AM05", "S", "2016-10-14T00:00:15.352100Z", np.nan),
                ("IV.ARRO", "P", "2016-10-15T00:00:04.250000Z", np.nan),  # over midnight
            ],
        ),
        (
            "snuffler",
            [
                ("SX.NEUB", "P", "2015-04-16T06:38:16.276200Z", np.nan),
                ("TH.ABG1", "S", "2015-04-16T06:38:27.500000Z", np.nan),  # middle of a span
                ("TH.ABG1", "P", "2015-04-17T06:38:27.000000Z", np.nan),
            ],
        ),
    ],
)
def test_picks_have_station_phase_time_and_score(name, picks, tmp_path):
    table = sample(tmp_path, name).picks
    got = list(zip(table["station"], table["phase"], times(table), table["score"], strict=True))
    np.testing.assert_equal(got, picks)


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


def test_picks_of_programs_without_events_are_a_catalogue_of_picks(tmp_path):
    for name in PICKS_ONLY:
        catalog = sample(tmp_path, name)
        assert (len(catalog), catalog.time_basis) == (0, "first_pick")
        assert (catalog.picks["event_id"] == "").all()
    assert sample(tmp_path, "pyocto-picks").picks["event_idx"].tolist() == [0, 0]
    assert sample(tmp_path, "phasenet").picks["seed_id"].tolist() == ["NC.MCV..EH"] * 2


def test_places_magnitudes_scores(tmp_path):
    def first(name):
        return sample(tmp_path, name).events.iloc[0]

    gamma = sample(tmp_path, "gamma").events
    assert gamma["depth_km"].tolist() == [5.5, 6.5]
    assert gamma["uncertainty_s"].tolist() == [0.3, 0.2]
    np.testing.assert_equal(gamma["magnitude"].tolist(), [2.5, np.nan])  # 999 is no magnitude
    assert gamma["event_id"].tolist() == ["1", "2"]
    assert gamma["x(km)"].tolist() == [10.5, 11.5]
    pyocto = first("pyocto")
    assert (pyocto["latitude"], pyocto["longitude"], pyocto["depth_km"]) == (-21.5, -69.5, 30.25)
    quakemigrate = first("quakemigrate")
    assert (quakemigrate["longitude"], quakemigrate["latitude"]) == (-16.933873, 64.779681)
    assert (quakemigrate["depth_km"], quakemigrate["score"]) == (5.95, 9.691)
    assert (quakemigrate["magnitude"], quakemigrate["magnitude_type"]) == (1.19, "ML")
    real = sample(tmp_path, "real").events
    assert real["event_id"].tolist() == ["20161014.1", "20161014.2"]
    assert (real["latitude"][1], real["longitude"][1], real["depth_km"][1]) == (
        -42.742,
        -13.1912,
        4,
    )
    assert (real["magnitude"][0], real["n_both"][0], real["gap_deg"][0]) == (0.908, 1, 101.5)


def test_old_gamma_has_depths_in_metres(tmp_path):
    def older(text):
        return re.sub(r"z\(km\)", "depth(m)", text)

    assert sample(tmp_path, "gamma", older).events["depth_km"].tolist() == [0.0055, 0.0065]


def test_pyocto_without_coordinates_has_depths_from_z_and_may_have_dates(tmp_path):
    text = "idx,time,x,y,z,picks\n0,2014-07-01T00:00:00.5+00:00,1,2,31.5,12\n"
    event = sample(tmp_path, "pyocto", lambda _: text).events.iloc[0]
    assert event["depth_km"] == 31.5
    assert np.isnan(event["latitude"])
    assert event["time_ns"] == to_ns("2014-07-01T00:00:00.5Z")


def test_quakemigrate_without_magnitudes_has_no_type_of_them(tmp_path):
    def older(text):
        return "\n".join(",".join(line.split(",")[:9]) for line in text.splitlines())

    events = sample(tmp_path, "quakemigrate", older).events
    assert events["magnitude"].isna().all()
    assert (events["magnitude_type"] == "").all()


def test_phases_that_quakemigrate_did_not_pick_are_counted(tmp_path):
    catalog = sample(
        tmp_path,
        "quakemigrate-picks",
        lambda text: text + "DYJS,P,2014-08-24T00:01:31.650339Z,-1,-1,-1,-1\n",
    )
    assert len(catalog.picks) == 2
    assert catalog.dropped == {"pick without time": 1}


def test_aaa_labels_have_a_length_and_need_a_zone(tmp_path):
    events = sample(tmp_path, "aaa").events
    assert events["label"].tolist() == ["VT", "LP"]
    assert ((events["end_ns"] - events["time_ns"]) / NS_PER_S).tolist() == [12.5, 30]
    assert iso(events["end_ns"][1]) == "2018-10-09T00:00:29.500000Z"
    np.testing.assert_equal(events["f1"].tolist(), [np.nan, 2.5])
    with pytest.raises(CatalogError, match=r"'2018 10 08 8 15 5' \(line 2\) has no time zone"):
        sample(tmp_path, "aaa", zone=None)
    local = sample(tmp_path, "aaa", zone="America/Lima").events  # UTC-5
    assert times(local)[0] == "2018-10-08T13:15:05.000000Z"
    with pytest.raises(CatalogError, match=r"'2018 02 30 8 15 5' \(line 2\) is no time of the cal"):
        sample(tmp_path, "aaa", lambda text: text.replace("2018\t10\t08\t8", "2018\t02\t30\t8"))


def test_pywcc_templates_need_a_zone_and_detections_have_lost_the_sign(tmp_path):
    with pytest.raises(CatalogError, match="has no time zone"):
        sample(tmp_path, "pywcc-templates", zone=None)
    template = sample(tmp_path, "pywcc-templates").events.iloc[0]
    assert (template["longitude"], template["depth_km"]) == (-118.9884, -0.048)
    assert (template["magnitude"], template["n_phases"]) == (-0.1, 10)
    found = sample(tmp_path, "pywcc").events
    assert found["longitude"].isna().all()
    assert found["longitude_unsigned"].tolist() == [119.01317, 119.0137]
    assert (found["template"][0], found["score"][0]) == ("det428", 0.57)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "phasenet",
            "2020-10-01T00:00:41.803",
            "2020-10-32",
            r"picks: .*\(line 2\) is no ISO 8601",
        ),
        ("phasenet", "0.957", "high", r"phase_score is 'high' \(line 2\)"),
        ("quakemigrate", "64.779681", "164.7", r"latitude is '164.7' \(line 2\)"),
        ("pyocto", "1404187300", "soon", r"'soon' \(line 3\) is no number of seconds"),
        ("pyocto", "1404187300", "1e300", r"'1e300' \(line 3\) is no number of seconds"),
        ("gamma", "\t1\t10.5", "\t2\t10.5", "event id '2' stands in lines 2 and 3"),
        ("real", "   9.2640", "  19.2640", r"line 1: 00:00:09.264 and 19.2640 s .* not the same"),
        ("real", "2016 10 14 00", "2016 10 41 00", r"line 1: the time '2016-10-41T"),
        ("real", "XO AM05 P", "XO AM05", r"line 2: this is neither an event nor"),
        ("real", "  200.0", "  200.0 7", r"line 4: the event has 18 fields"),
        (
            "pywcc",
            "2014/04/07 03:18",
            "yesterday 03:18",
            r"line 2: 'yesterday.* is not a detection",
        ),
        ("snuffler", "2015-04-16 06:38:16.2762  0", "2015-04-16 0", r"line 4: .*is no"),
        ("snuffler", "51.4177", "north", r"line 2: could not convert string to float: 'north'"),
        ("snuffler", '"Halle, DE"', '"Halle', r"line 2: No closing quotation"),
        ("geojson", "]}\n", "", "this is no GeoJSON of seisml"),
        ("geojson", '"geometry": null,', "", r"no GeoJSON of seisml \(KeyError: 'geometry'\)"),
        ("geojson", "T22:17", "T32:17", r"time: the time '1969-11-20T32:.* \(row 1\) is no ISO"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(name, old, new, message, tmp_path):
    assert old in PROGRAM_SAMPLES[name]
    with pytest.raises(CatalogError, match=message) as caught:
        sample(tmp_path, name, lambda text: text.replace(old, new, 1))
    assert "catalog.txt" in str(caught.value)


def test_a_format_that_is_forced_on_another_table_names_what_is_missing(tmp_path):
    with pytest.raises(CatalogError, match="as gamma it lacks the columns event_index, gamma_sc"):
        sample(tmp_path, "phasenet", format="gamma")


# ---------------------------------------------------------------- snuffler


def test_snuffler_markers_belong_together(tmp_path):
    catalog = sample(tmp_path, "snuffler")
    assert catalog.events["event_id"].tolist() == ["ev1", "sbqqrmbj03ce"]
    assert catalog.events["depth_km"].tolist()[0] == 29.3445
    assert catalog.events["region"].tolist() == ["Halle, DE", ""]
    assert catalog.picks["event_id"].tolist() == ["ev1", "ev1", ""]
    assert catalog.picks["method"].tolist() == ["manual", "automatic", "manual"]
    assert catalog.picks["uncertainty_s"].tolist()[1] == 0.5
    assert catalog.dropped == {"marker that is neither event nor phase": 1}


def test_snuffler_without_event_markers_has_its_plain_markers_as_events(tmp_path):
    text = (
        "# Snuffler Markers File Version 0.2\n"
        "2015-04-16 06:38:15.0 2015-04-16 06:38:19.5 4.5  3 TH.GRZ1..BHE\n"
        "2015-04-16 06:39:00.0  0 None\n"
    )
    catalog = sample(tmp_path, "snuffler", lambda _: text)
    assert catalog.time_basis == "label_start"
    assert catalog.events["label"].tolist() == ["kind 3", "kind 0"]
    assert catalog.events["station"].tolist() == ["TH.GRZ1", ""]
    assert (catalog.events["end_ns"] != NAT).tolist() == [True, False]


@pytest.fixture
def detections():
    """Two detections at stations, one network event, picks with and without event."""
    start = to_ns("2020-01-01T00:00:00.123456Z")
    return make_catalog(
        [
            {
                "event_id": "a",
                "time_ns": start,
                "end_ns": start + 10 * NS_PER_S,
                "label": 'VT "deep"',
                "station": "XX.ABC",
                "score": 0.93,
                "peak_ns": start + NS_PER_S,
                "windows": 7,
            },
            {"event_id": "b c", "time_ns": start + NS_PER_S, "label": "LP", "peak_ns": NAT},
            {
                "time_ns": start + 2 * NS_PER_S,
                "latitude": 10.5,
                "longitude": -20.25,
                "depth_km": 1.005,
                "magnitude": -0.5,
                "magnitude_type": "ML",
                "peak_ns": NAT,
            },
        ],
        [
            {
                "event_id": "b c",
                "station": "XX.ABC",
                "phase": "P",
                "time_ns": start,
                "uncertainty_s": 0.25,
                "score": 0.5,
                "method": "manual",
            },
            {"station": "ABC", "phase": "S", "time_ns": start + NS_PER_S, "method": "automatic"},
        ],
        body="moon",
        time_basis="detection_on",
    )


def test_snuffler_is_read_back(detections, tmp_path):
    write_catalog(detections, tmp_path / "x.markers")
    again = read_catalog(tmp_path / "x.markers", body="moon")
    columns = ["event_id", "time_ns", "end_ns", "label", "station", "latitude", "depth_km"]
    pd.testing.assert_frame_equal(again.events[columns], detections.events[columns])
    assert again.time_basis == "detection_on"
    assert again.dropped == {}
    columns = ["event_id", "phase", "time_ns", "uncertainty_s", "method"]
    pd.testing.assert_frame_equal(again.picks[columns], detections.picks[columns])
    lines = (tmp_path / "x.markers").read_text().splitlines()
    assert lines[0] == "# Snuffler Markers File Version 0.2"
    start, end = "2020-01-01 00:00:00.123456", "2020-01-01 00:00:10.123456"
    assert lines[2] == f"{start} {end} 10.0 2 XX.ABC.*.*"


# ---------------------------------------------------------------- geojson, picks


def test_geojson_is_read_back_with_all_columns(detections, tmp_path):
    write_catalog(detections, tmp_path / "x.geojson")
    again = read_catalog(tmp_path / "x.geojson")
    pd.testing.assert_frame_equal(
        again.events, detections.events, check_dtype=False, check_like=True
    )
    assert (again.body, again.time_basis) == ("moon", "detection_on")


def test_geojson_is_what_maps_expect(detections, tmp_path):
    write_catalog(detections, tmp_path / "x.geojson")
    collection = json.loads((tmp_path / "x.geojson").read_text())
    assert collection["type"] == "FeatureCollection"
    geometries = [feature["geometry"] for feature in collection["features"]]
    assert geometries[:2] == [None, None]
    assert geometries[2] == {"type": "Point", "coordinates": [-20.25, 10.5, -1005.0]}
    assert [feature["type"] for feature in collection["features"]] == ["Feature"] * 3
    assert collection["features"][0]["properties"]["peak_time"] == "2020-01-01T00:00:01.123456Z"
    assert "latitude" not in collection["features"][2]["properties"]


def test_an_empty_catalogue_is_geojson_and_markers_too(tmp_path):
    for name in ("x.geojson", "x.markers"):
        write_catalog(make_catalog(), tmp_path / name)
        assert len(read_catalog(tmp_path / name)) == 0


def test_picks_are_written_as_phasenet_writes_them_and_read_back(detections, tmp_path):
    write_catalog(detections, tmp_path / "picks.csv", format="phasenet")
    table = pd.read_csv(tmp_path / "picks.csv")
    assert list(table)[:4] == ["station_id", "phase_time", "phase_score", "phase_type"]
    assert table["phase_time"].tolist()[0] == "2020-01-01T00:00:00.123456"
    again = read_catalog(tmp_path / "picks.csv")
    assert times(again.picks) == times(detections.picks)
    assert again.picks["score"].tolist()[0] == 0.5
    assert again.picks["source_event_id"].tolist() == ["b c", ""]
    sample_again = sample(tmp_path, "phasenet")
    write_catalog(sample_again, tmp_path / "again.csv", format="phasenet")
    assert pd.read_csv(tmp_path / "again.csv")["station_id"].tolist() == ["NC.MCV..EH"] * 2


def test_events_without_picks_cannot_be_written_as_picks(detections, tmp_path):
    alone = select(detections, labels=['VT "deep"'])
    with pytest.raises(CatalogError, match="has 1 events but no picks"):
        write_catalog(alone, tmp_path / "picks.csv", format="phasenet")


# ---------------------------------------------------------------- quakeml

PUBLIC_ID = re.compile(
    r"(?:smi|quakeml):[\w\d][\w\d\-\.\*\(\)_~']{2,}/[\w\d\-\.\*\(\)_~']"
    r"[\w\d\-\.\*\(\)\+\?_~'=,;#/&]*"
)
"""What the schema of QuakeML 1.2 allows as publicID."""

WITH_EVENTS = [name for name in PROGRAM_SAMPLES if name not in PICKS_ONLY]


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that say something."""
    return table[[c for c in table if not table[c].isin(["", np.nan]).all()]]


@pytest.mark.parametrize("name", WITH_EVENTS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_quakeml_of_every_program_is_valid_and_keeps_unknown_columns(name, tmp_path):
    from lxml import etree
    from obspy import read_events
    from obspy.io.quakeml.core import _validate

    catalog = sample(tmp_path, name)
    own = catalog.picks["event_id"] != ""  # QuakeML has no place for the others
    catalog = dataclasses.replace(catalog, picks=catalog.picks[own].reset_index(drop=True))
    path = tmp_path / "x.xml"
    write_catalog(catalog, path)
    assert _validate(str(path))
    ids = [element.get("publicID") for element in etree.parse(str(path)).iter()]
    ids = [public_id for public_id in ids if public_id is not None]
    assert len(set(ids)) == len(ids)
    assert all(PUBLIC_ID.fullmatch(public_id) for public_id in ids)
    assert len(read_events(str(path))) == len(catalog)
    again = read_catalog(path)
    for table in ("events", "picks"):
        before = getattr(catalog, table)
        micro = before.assign(
            **{
                c: [to_ns(iso(t)) if t != NAT else t for t in before[c]]
                for c in before
                if "_ns" in c
            }
        )
        pd.testing.assert_frame_equal(
            filled(getattr(again, table)), filled(micro), check_dtype=False, check_like=True
        )
    assert again.time_basis == catalog.time_basis


# ---------------------------------------------------------------- real files


@pytest.mark.real
def test_real_quakemigrate_files_agree_with_their_harmonised_copies(shared_data):
    folder = shared_data / "earth_iceland/catalog"
    files = sorted((folder / "original").glob("*.event"))
    events = pd.concat([read_catalog(file).events for file in files], ignore_index=True)
    xml = read_catalog(folder / "catalog.xml")
    assert len(events) == len(xml) == 17
    by_time = events.sort_values("time_ns", ignore_index=True)
    assert np.abs(by_time["time_ns"] - xml.events["time_ns"]).max() < 1000
    np.testing.assert_allclose(by_time["latitude"], xml.events["latitude"])
    np.testing.assert_allclose(by_time["magnitude"], xml.events["magnitude"])
    picks = [read_catalog(file) for file in sorted((folder / "original").glob("*.picks"))]
    assert sum(len(each.picks) for each in picks) == 258
    not_picked = sum(each.dropped.get("pick without time", 0) for each in picks)
    lines = sum(len(f.read_text().splitlines()) - 1 for f in folder.glob("original/*.picks"))
    assert not_picked == lines - 258
    triggered = read_catalog(next((folder / "original").glob("*TriggeredEvents.csv")))
    assert triggered.time_basis == "origin"


@pytest.mark.real
def test_real_pywcc_files_agree_with_their_harmonised_copies(shared_data):
    folder = shared_data / "earth_bradys"
    templates = read_catalog(folder / "TemplateCatalog", zone="UTC")
    expert = read_catalog(folder / "catalog_lbnl_templates.csv")
    columns = ["event_id", "time_ns", "latitude", "longitude", "depth_km", "magnitude", "n_phases"]
    pd.testing.assert_frame_equal(templates.events[columns], expert.events[columns])
    found = read_catalog(folder / "pywcc_output/OutputFile_20140407_0.5")
    copy = read_catalog(folder / "detections_pywcc.csv")
    assert len(found) == len(copy) == 149
    for column in ("time_ns", "score", "template"):
        assert found.events[column].tolist() == copy.events[column].tolist()


def test_old_phasenet_lists_are_samples_at_100_hz(tmp_path):
    text = PROGRAM_SAMPLES["phasenet-old"].replace("[4180]\t[0.957]", "[4180 5000]\t[0.957 0.4]")
    text += "NC_GBD_x.npz\t\t[10]\t[0.5]\t[]\t[]\n"
    found = read_catalog(put(tmp_path, text))
    assert found.picks[["station", "phase", "score"]].to_numpy().tolist() == [
        ["NC.MCV", "P", 0.957],
        ["NC.MCV", "S", 0.71],
        ["NC.MCV", "P", 0.4],
    ]
    assert [iso(t)[11:] for t in found.picks["time_ns"]] == [
        "12:00:41.800000Z",
        "12:00:44.800000Z",
        "12:00:50.000000Z",
    ]
    assert found.dropped_lines == {"pick without time": (4,)}
    for old, new, words in (("[4480]", "[a]", "no list"), ("[0.71]", "[]", "1 samples of S and 0")):
        with pytest.raises(CatalogError, match=rf"line 2: .*{words}"):
            read_catalog(put(tmp_path, text.replace(old, new)))
