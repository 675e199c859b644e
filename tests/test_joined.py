"""Events and picks of different files, tolerances by class, bodies: what the verbs take."""

import json

import pytest
from typer.testing import CliRunner

from seisml.catalog import join_picks, make_catalog
from seisml.catalog_files import compare_files, read_joined
from seisml.cli import app
from seisml.errors import CatalogError, ConfigError
from seisml.formats import read_catalog
from seisml.taxonomy import load_taxonomy

GAMMA = """\
time,magnitude,gamma_score,event_index,longitude,latitude,depth_km
2020-01-01T00:00:10.000,999,12.5,0,-117.5,35.25,8.0
2020-01-01T01:00:10.000,1.5,8.5,1,-117.5,35.25,8.0
"""
GAMMA_PICKS = """\
station_id,phase_time,phase_score,phase_type,event_index
CI.AAA..HH,2020-01-01T00:00:12.000,0.9,P,0
CI.AAA..HH,2020-01-01T00:00:13.500,0.8,S,0
CI.BBB..HH,2020-01-01T01:00:12.500,0.7,P,1
CI.BBB..HH,2020-01-01T05:00:12.500,0.3,P,-1
"""
PYOCTO = """\
idx,time,x,y,z,picks,latitude,longitude,depth
0,1577836810.0,1.0,2.0,8.0,2,35.25,-117.5,8.0
"""
PYOCTO_PICKS = """\
event_idx,pick_idx,residual,station,time,phase
0,5,0.01,CI.AAA.,1577836812.0,P
0,6,0.02,CI.AAA.,1577836813.5,S
"""
EVENT = "EventID,DT,X,Y,Z,COA,TRIG_COA\n{id},2014-08-24T00:0{m}:08.9Z,-16.9,64.7,6.0,4.9,2.1\n"
PICKS = """\
Station,Phase,ModelledTime,PickTime,PickError,SNR,Residual
DYJN,P,2014-08-24T00:0{m}:11.9Z,2014-08-24T00:0{m}:12.0Z,0.08,16.2,0.03
DYJN,S,2014-08-24T00:0{m}:14.2Z,-1,-1,-1,-1
"""


def put(folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def links(catalog):
    return catalog.picks[["event_id", "station", "phase"]].to_numpy().tolist()


def test_picks_of_gamma_belong_to_its_events(tmp_path):
    put(tmp_path, events__csv=GAMMA, picks__csv=GAMMA_PICKS)
    found = read_joined(tmp_path / "events.csv", [tmp_path / "picks.csv"])
    assert links(found) == [
        ["0", "CI.AAA", "P"],
        ["0", "CI.AAA", "S"],
        ["1", "CI.BBB", "P"],
        ["", "CI.BBB", "P"],  # -1: of no event, and kept
    ]
    assert len(found) == 2
    assert found.events["magnitude"].isna().tolist() == [True, False]


def test_picks_of_pyocto_belong_to_its_events(tmp_path):
    put(tmp_path, events__csv=PYOCTO, picks__csv=PYOCTO_PICKS)
    found = read_joined(tmp_path / "events.csv", [tmp_path / "picks.csv"])
    assert links(found) == [["0", "CI.AAA", "P"], ["0", "CI.AAA", "S"]]


def test_a_table_of_picks_names_its_events(tmp_path):
    picks = "event,station,phase,pick_time,pick_error\n1,AAA,P,2020-01-01T01:00:12Z,0.05\n"
    put(tmp_path, events__csv=GAMMA, picks__csv=picks)
    alone = read_catalog(tmp_path / "picks.csv")
    assert (len(alone), alone.picks["uncertainty_s"].tolist()) == (0, [0.05])
    found = read_joined(tmp_path / "events.csv", [tmp_path / "picks.csv"])
    assert links(found) == [["1", "AAA", "P"]]


def test_picks_of_other_events_are_refused(tmp_path):
    put(tmp_path, events__csv=PYOCTO.replace("\n0,", "\n7,"), picks__csv=PYOCTO_PICKS)
    with pytest.raises(CatalogError, match=r"no pick names an event .* its event ids: '0'"):
        read_joined(tmp_path / "events.csv", [tmp_path / "picks.csv"])


def test_joined_picks_add_what_was_dropped():
    events = make_catalog([{"time_ns": 5, "event_id": "a"}], dropped={"empty row": 1})
    picks = make_catalog(
        picks=[{"time_ns": 6, "event_id": "a"}], dropped={"empty row": 2, "pick without time": 3}
    )
    assert join_picks(events, picks).dropped == {"empty row": 3, "pick without time": 3}


def test_a_run_of_quakemigrate_is_one_catalogue(tmp_path):
    for kind in ("events", "picks"):
        (tmp_path / "locate" / kind).mkdir(parents=True)
    for minute in (1, 2):
        name = f"2014082400010914{minute}"
        event = EVENT.format(id=name, m=minute)
        (tmp_path / "locate/events" / f"{name}.event").write_text(event)
        (tmp_path / "locate/picks" / f"{name}.picks").write_text(PICKS.format(m=minute))
    found = read_catalog(tmp_path / "locate")
    assert (len(found), found.name, found.time_basis) == (2, "locate", "origin")
    assert found.picks["event_id"].tolist() == found.events["event_id"].tolist()
    assert found.dropped == {"pick without time": 2}
    one = tmp_path / "locate/events/20140824000109141.event"
    joined = read_joined(one, [tmp_path / "locate/picks/20140824000109141.picks"])
    assert links(joined) == [["20140824000109141", "DYJN", "P"]]


@pytest.mark.real
def test_the_real_run_agrees_with_its_quakeml(shared_data):
    catalog = shared_data / "earth_iceland/catalog"
    run, quakeml = read_catalog(catalog / "original"), read_catalog(catalog / "catalog.xml")
    assert (len(run), len(run.picks)) == (len(quakeml), len(quakeml.picks)) == (17, 258)
    assert run.events["time_ns"].tolist() == quakeml.events["time_ns"].tolist()
    joined = read_joined(catalog / "catalog.csv", [catalog / "picks.csv"])
    assert (joined.picks["event_id"].map(joined.picks["event_id"].value_counts()) > 0).all()
    assert sorted(joined.picks["time_ns"]) == sorted(run.picks["time_ns"])


# ---------------------------------------------------------------- tolerances by class


@pytest.fixture
def marsquakes(tmp_path):
    """Three experts' events and detections that are 3, 20 and 20 s late."""
    rows = [("00:00:00", "HIGH_FREQUENCY"), ("01:00:00", "LOW_FREQUENCY"), ("02:00:00", "2.4_HZ")]
    late = ["00:00:03", "01:00:20", "02:00:20"]
    expert = "".join(f"2019-05-01T{time}Z,{label}\n" for time, label in rows)
    machine = "".join(f"2019-05-01T{time}Z,0.9\n" for time in late)
    put(tmp_path, e__csv="start,label\n" + expert, m__csv="time,score\n" + machine)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_each_class_may_have_its_tolerance(marsquakes):
    files = marsquakes / "m.csv", marsquakes / "e.csv"
    out = marsquakes / "c.json"
    words = ["--tolerance", "5", "--tolerance", "LOW_FREQUENCY=30", "--json", out]
    assert run("compare", *files, *words).exit_code == 0
    result = json.loads(out.read_text())
    assert result["metrics"]["n_matched"] == 2
    assert result["tolerance_s"] == [5.0, 30.0, 5.0]
    c = compare_files(*files, tolerance_s={"": 5.0, "2.4_HZ": 30})
    assert c.matched["expert_label"].tolist() == ["HIGH_FREQUENCY", "2.4_HZ"]
    # with a taxonomy an entry holds for all below it, unless they have their own
    taxonomy = load_taxonomy("mars")
    family = {"": 5.0, "LF family": 30}
    assert len(compare_files(*files, tolerance_s=family, taxonomy=taxonomy).matched) == 2
    assert len(compare_files(*files, tolerance_s=family, taxonomy=taxonomy, level=1).matched) == 2
    own = {**family, "high-frequency family": 30, "2.4 Hz": 1}
    assert len(compare_files(*files, tolerance_s=own, taxonomy=taxonomy).matched) == 2
    with pytest.raises(ConfigError, match="at level 1 it is 'low-frequency family'"):
        compare_files(*files, tolerance_s={"": 5, "LF": 30}, taxonomy=taxonomy, level=1)


def test_a_tolerance_of_no_class_is_refused(marsquakes):
    files = marsquakes / "m.csv", marsquakes / "e.csv"
    with pytest.raises(ConfigError, match=r"LOW_FREQENCY.*\n?.*Did you mean 'LOW_FREQUENCY'"):
        compare_files(*files, tolerance_s={"": 5, "LOW_FREQENCY": 30})
    wrong = run("compare", *files, "--tolerance", "LF=long")
    assert wrong.exit_code == 2
    assert "CLASS=seconds" in wrong.output


def test_a_table_is_of_the_body_that_is_said_or_that_the_other_file_says(marsquakes):
    table = marsquakes / "e.csv"
    found = run("catalog", table, "--body", "mars", "--json")
    assert json.loads(found.stdout)["body"] == "mars"
    read_catalog(table, body="mars")
    assert compare_files(table, table, tolerance_s=1, body="mars").body == "mars"
    assert compare_files(table, table, tolerance_s=1).body == "earth"
    assert "Did you mean 'mars'" in str(run("catalog", table, "--body", "marss").exception)


def test_picks_alone_are_compared_with_picks(tmp_path):
    expert = "event,station,phase,pick_time\n" + "".join(
        f"1,CI.{station},{phase},2020-01-01T00:00:{second}Z\n"
        for station, phase, second in (("AAA", "P", "12"), ("AAA", "S", "13.5"), ("BBB", "P", "30"))
    )
    put(tmp_path, m__csv=GAMMA_PICKS, e__csv=expert)
    bare = expert.replace("CI.AAA", "AAA")  # the network is the one that the other file has
    said = []
    files = tmp_path / "m.csv", tmp_path / "e.csv"
    c = compare_files(*files, tolerance_s=0.5, on_message=said.append)
    assert c.matched[["expert_label", "machine_label", "station"]].to_numpy().tolist() == [
        ["P", "P", "CI.AAA"],
        ["S", "S", "CI.AAA"],
    ]
    assert (len(c.missed), len(c.unmatched)) == (1, 2)
    assert "4 picks are compared with 3" in said[0]
    put(tmp_path, e__csv=bare)
    assert len(compare_files(*files, tolerance_s=0.5).matched) == 2
    put(tmp_path, e__csv="time,lat,lon\n2020-01-01T00:00:12Z,1,2\n")
    with pytest.raises(CatalogError, match="it has no picks to compare"):
        compare_files(*files, tolerance_s=0.5)
