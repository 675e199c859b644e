"""``catalog.toml`` and frames: tables that do not explain themselves, read by what is said."""

import numpy as np
import pandas as pd
import pytest

from seisml.catalog import make_catalog
from seisml.errors import CatalogError
from seisml.formats import catalog_files, catalog_from_frame, read_catalog, write_catalog
from seisml.project import _digest_file
from seisml.times import NS_PER_S, iso, to_ns

OBSERVATORY = """\
Fecha;Hora;Tipo;Dur;Mag;Prof (m);Nota
01/02/2020;03:04:05.5;VT;12,5;-9;1500;a
29/02/2020;23:59:59;TR;60;1.5;;b
;;;;;;
03/03/2020;00:00:00;LP;;;;c
"""
CARD = """\
name = "volcano"
file = "labels.csv"
zone = "America/Santiago"
time_format = "%d/%m/%Y %H:%M:%S.%f"
time_basis = "label_start"

[columns]
start = ["Fecha", "Hora"]
label = "Tipo"
duration_s = "Dur"
magnitude = "Mag"
depth_km = "Prof (m)"

[missing]
Mag = "-9"

[classes]
TR = "tremor"
"""


def folder(tmp_path, card: str = CARD, text: str = OBSERVATORY, name: str = "labels.csv"):
    (tmp_path / "catalog.toml").write_text(card)
    (tmp_path / name).write_text(text)
    return tmp_path


def test_a_folder_is_read_through_its_map(tmp_path):
    path = folder(tmp_path)
    catalog = read_catalog(path)
    assert (catalog.name, catalog.time_basis, len(catalog)) == ("volcano", "label_start", 3)
    assert catalog.dropped == {"empty row": 1}
    events = catalog.events
    # Chile keeps summer time (UTC-3) in February and March
    assert iso(events["time_ns"][0]) == "2020-02-01T06:04:05.500000Z"
    assert iso(events["time_ns"][1]) == "2020-03-01T02:59:59.000000Z"
    assert events["end_ns"][0] - events["time_ns"][0] == 12.5 * NS_PER_S
    assert events["label"].tolist() == ["VT", "tremor", "LP"]
    assert events["source_label"].tolist() == ["VT", "TR", "LP"]
    np.testing.assert_equal(events["magnitude"].tolist(), [np.nan, 1.5, np.nan])
    np.testing.assert_equal(events["depth_km"].tolist(), [1.5, np.nan, np.nan])
    assert events["Nota"].tolist() == ["a", "b", "c"]
    by_file = read_catalog(path / "catalog.toml")
    pd.testing.assert_frame_equal(by_file.events, events)
    assert read_catalog(path, name="other").name == "other"


def test_decimal_commas_are_points_where_the_separator_is_none(tmp_path):
    events = read_catalog(folder(tmp_path)).events  # 12,5 in a column of numbers
    assert events["end_ns"][0] - events["time_ns"][0] == 12.5 * NS_PER_S
    mixed = OBSERVATORY.replace(";60;", ";60.5;")  # 12,5 and 60.5: nobody knows what a comma is
    with pytest.raises(
        CatalogError, match=r"labels.csv: Dur is '12,5' \(line 2\), which cannot be"
    ):
        read_catalog(folder(tmp_path, text=mixed))


HENAN = """\
station,phase,time
HA.LUS.00.BHZ,Pg,2017-09-30 10:00:25.310
HA.LYN.00.BHE,Sg,2017-09-30 10:00:40.350
"""
HENAN_CARD = """\
file = "labels.csv"
rows = "picks"
zone = "Asia/Shanghai"
[columns]
station = "station"
phase = "phase"
time = "time"
"""


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "+08:00", "UTC+08:00"])
def test_a_phase_list_in_chinese_time_is_brought_to_utc(zone, tmp_path):
    catalog = read_catalog(folder(tmp_path, HENAN_CARD.replace("Asia/Shanghai", zone), HENAN))
    assert [iso(t) for t in catalog.picks["time_ns"]] == [
        "2017-09-30T02:00:25.310000Z",
        "2017-09-30T02:00:40.350000Z",
    ]
    assert catalog.picks["station"].tolist() == ["HA.LUS", "HA.LYN"]
    assert catalog.picks["seed_id"].tolist() == ["HA.LUS.00.BHZ", "HA.LYN.00.BHE"]


def test_without_the_zone_the_same_list_is_refused(tmp_path):
    card = HENAN_CARD.replace('zone = "Asia/Shanghai"\n', "")
    with pytest.raises(
        CatalogError, match=r"'2017-09-30 10:00:25.310' \(line 2\) has no time zone"
    ):
        read_catalog(folder(tmp_path, card, HENAN))
    # one that is given in the call serves as well, and goes before the map's
    assert len(read_catalog(folder(tmp_path, card, HENAN), zone="UTC").picks) == 2


def test_a_table_without_header_gets_its_names_from_the_map(tmp_path):
    card = 'file = "labels.csv"\nbody = "mars"\nheader = ["start", "end_time", "label", "quality"]'
    text = "2019-05-23T02:22:48Z,2019-05-23T03:00:23Z,BB,A\n"
    catalog = read_catalog(folder(tmp_path, card, text))
    assert (catalog.body, catalog.events["quality"].tolist()) == ("mars", ["A"])
    assert catalog.name == tmp_path.name


def test_a_card_may_explain_a_file_of_a_known_format(tmp_path):
    write_catalog(make_catalog([{"time_ns": 5, "label": "a"}]), tmp_path / "x.xml")
    card = 'file = "x.xml"\nbody = "moon"\nsource = "s"\nlicence = "l"\n[classes]\na = "b"\n'
    (tmp_path / "catalog.toml").write_text(card)
    catalog = read_catalog(tmp_path)
    assert (catalog.body, catalog.events["label"].tolist()) == ("moon", ["b"])


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ('fiel = "x.csv"', "unknown key 'fiel'.\nDid you mean 'file'"),
        ('body = "marss"', "body is 'marss'.\nDid you mean 'mars'"),
        ('time_basis = "orign"', "Did you mean 'origin'"),
        ('rows = "pick"', "Did you mean 'picks'"),
        ("zone = 8", "zone = 8 must be a text"),
        ('columns = "time"', "columns = 'time' must be a table of texts or lists"),
        ("[columns]\ntime = 3", "must be a table of texts or lists of texts"),
        ("[classes]\nA = []", "must be a table of texts"),
        ('header = "time"', "must be a list of texts"),
        ("this is no toml", "is no readable TOML"),
        ('[columns]\ntime = "Fechas"', r"no column 'Fechas' \(time\)\.\nDid you mean 'Fecha'"),
        ('[columns]\ntime = "Fecha"\nlabell = "Tipo"', "key 'labell'.\nDid you mean 'label'"),
        ('format = "quakeml"\n[columns]\ntime = "Fecha"', "format is 'quakeml', but columns"),
        ('rows = "picks"\n[columns]\ntime = "Fecha"', "said to be the phase of the picks"),
        ('rows = "picks"\n[columns]\ntyme = "Fecha"', "the key 'tyme'.\nDid you mean 'time'"),
        (
            'zone = "UTC"\ntime_format = "%d/%m/%q"\n[columns]\ntime = "Fecha"',
            "time format '%d/%m/%q' cannot be",
        ),
        ('zone = "Mars"\ntime_format = "%d/%m/%Y"\n[columns]\ntime = "Fecha"', "no time zone"),
    ],
)
def test_what_is_wrong_in_a_card_is_said(card, message, tmp_path):
    text = card if "fiel" in card else f'file = "labels.csv"\n{card}'
    with pytest.raises(CatalogError, match=message):
        read_catalog(folder(tmp_path, text))


def test_dates_that_are_not_in_the_calendar_are_named(tmp_path):
    text = OBSERVATORY.replace("12,5", "12.5").replace("29/02/2020", "31/02/2020")
    with pytest.raises(
        CatalogError, match=r"Fecha Hora: the time '31/02/2020 23:59:59' \(line 3\)"
    ):
        read_catalog(folder(tmp_path, text=text))


def test_a_folder_without_card_and_a_card_without_file_say_so(tmp_path):
    with pytest.raises(CatalogError, match=r"catalog.toml: the catalogue cannot be opened \(No"):
        read_catalog(tmp_path)
    (tmp_path / "catalog.toml").write_text('file = "mqs.xml"\nurl = "https://x.org/y"\n')
    with pytest.raises(CatalogError, match=r"mqs.xml: .* not there.\nFetch it from https://x.org"):
        read_catalog(tmp_path)
    (tmp_path / "mqs.xml").write_bytes(b"\0\1")
    with pytest.raises(CatalogError, match="is binary"):
        read_catalog(tmp_path)


def test_the_files_of_a_catalogue_are_known_so_that_products_go_stale(tmp_path):
    path = folder(tmp_path)
    files = catalog_files(path)
    assert [file.name for file in files] == ["catalog.toml", "labels.csv", "labels.picks.csv"]
    assert [bool(_digest_file(file)) for file in files] == [True, True, False]
    assert catalog_files(tmp_path / "x.xml")[0] == tmp_path / "x.xml"


# ---------------------------------------------------------------- frames


def test_a_frame_has_the_rules_of_a_file():
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(
                ["2020-01-01 00:00:00.123456789", None, "2020-01-02"], format="ISO8601"
            ),
            "lat": [1.5, 2.5, np.nan],
            "lon": [3.5, 4.5, np.nan],
            "p_time": ["2020-01-01T00:00:05Z", None, ""],
            "good": [True, False, True],
            "n": [1, 2, 3],
        }
    )
    before = frame.copy(deep=True)
    catalog = catalog_from_frame(frame, columns={"time": "when"}, zone="UTC", body="moon")
    pd.testing.assert_frame_equal(frame, before)
    assert catalog.events["time_ns"].tolist() == [
        to_ns("2020-01-01T00:00:00.123456789Z"),
        to_ns("2020-01-02"),
    ]
    assert catalog.dropped == {"row without time": 1}
    assert catalog.picks["time_ns"].tolist() == [to_ns("2020-01-01T00:00:05Z")]
    assert catalog.events["good"].tolist() == [True, True]
    assert catalog.events["n"].tolist() == [1, 3]
    assert (catalog.body, catalog.time_basis) == ("moon", "origin")
    with pytest.raises(CatalogError, match=r"the frame, column when: .* has no time zone"):
        catalog_from_frame(frame, columns={"time": "when"})


def test_datetimes_with_zone_need_no_other():
    when = pd.to_datetime(["2020-01-01T08:00:00"]).tz_localize("Asia/Shanghai")
    catalog = catalog_from_frame(pd.DataFrame({"time": when, "score": [0.5]}))
    assert iso(catalog.events["time_ns"][0]) == "2020-01-01T00:00:00.000000Z"


def test_a_frame_of_picks():
    frame = pd.DataFrame({"t": ["2020-01-01T00:00:00Z"], "s": ["XX.A"], "p": ["P"]})
    catalog = catalog_from_frame(
        frame, columns={"time": "t", "station": "s", "phase": "p"}, rows="picks"
    )
    assert catalog.picks["station"].tolist() == ["XX.A"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"lat": [1.0]}), "the frame: no column holds times of events"),
        (pd.DataFrame({"time": ["2020-02-31T00:00:00Z"], "lat": [1]}), "is no ISO 8601 time"),
        (
            pd.DataFrame({"time": ["2020-01-01T00:00:00Z"], "lat": [95.0]}),
            r"the frame: latitude is '95.0' \(line 1\)",
        ),
        (
            pd.DataFrame({"time": ["2020-01-01T00Z", "2020-01-02T00Z"], "id": ["a", "a"]}),
            "the event id 'a' stands in lines 1 and 2",
        ),
        (pd.DataFrame([[1, 2]], columns=["time", "time"]), "the column 'time' twice"),
    ],
)
def test_what_is_wrong_in_a_frame_is_said(frame, message):
    with pytest.raises(CatalogError, match=message):
        catalog_from_frame(frame)


# ---------------------------------------------------------------- real files


@pytest.mark.real
def test_the_real_henan_phases_fall_into_their_records(shared_data, tmp_path):
    import obspy

    source = shared_data / "earth_small/henan_20170930"
    lines = (source / "test2.phase").read_text().splitlines()
    rows = [line.split() for line in lines if line.strip().startswith("HA.")]
    rows = [row for row in rows if row[3] in ("Pg", "Sg")]
    assert len(rows) == 8
    text = "station,phase,time\n" + "".join(f"{r[0]},{r[3]},{r[4]} {r[5]}\n" for r in rows)
    picks = read_catalog(folder(tmp_path, HENAN_CARD, text)).picks
    records = obspy.Stream()
    for file in source.iterdir():
        if file.suffix == ".mseed":
            records += obspy.read(str(file), headonly=True)
    inside = 0
    for pick in picks.to_dict("records"):
        time = obspy.UTCDateTime(ns=pick["time_ns"])
        network, station = pick["station"].split(".")
        chosen = records.select(network=network, station=station)
        inside += any(trace.stats.starttime <= time <= trace.stats.endtime for trace in chosen)
    assert inside == len(picks) == 8
