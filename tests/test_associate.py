"""Association: planted events in planted noise, limits, artefacts, S waves, exchange of picks."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from seisml.associate import coincidences
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.errors import CatalogError, ConfigError
from seisml.experts import read_stations
from seisml.formats import read_catalog, sniff_format, write_catalog
from seisml.moveout import distances_km, moveout_from_distances
from seisml.times import NS_PER_S

NAMES = [f"XX.S{i}" for i in range(6)]
# A network of about 40 km: degrees north and east of a point on the equator.
NORTH_EAST = np.array([[0, 0], [0.2, 0.1], [0.1, 0.3], [-0.15, 0.2], [-0.1, -0.1], [0.25, 0.35]])
STATIONS = pd.DataFrame(
    {"station": NAMES, "latitude": NORTH_EAST[:, 0], "longitude": NORTH_EAST[:, 1]}
)
VP_KM_S = 6.0


def arrivals(origin_s: float, place=(0.02, 0.05), depth_km: float = 5.0, speed=VP_KM_S):
    """Onsets at the stations in seconds, of a wave from a place (degrees)."""
    places = np.vstack([NORTH_EAST, place])
    distance_km = distances_km(places)[-1, :-1]
    return origin_s + np.hypot(distance_km, depth_km) / speed


def detections(*onsets, picks=()):
    """Detections (station, onset s); ids by their place in the list."""
    rows = [
        {
            "event_id": f"d{i}",
            "station": station,
            "time_ns": round(t * NS_PER_S),
            "end_ns": round((t + 5) * NS_PER_S),
            "score": 0.5 + 0.01 * i,
            "label": "quake",
        }
        for i, (station, t) in enumerate(onsets)
    ]
    return make_catalog(rows, list(picks) or None, time_basis="first_pick")


def at_all(times) -> list[tuple[str, float]]:
    return list(zip(NAMES, times, strict=True))


def test_distances():
    """One degree on the equator is 111.19 km; a pair's limit is its distance over the speed."""
    assert distances_km(np.array([[0.0, 0.0], [0.0, 1.0]]))[0, 1] == pytest.approx(111.19, abs=0.01)
    found = moveout_from_distances(NAMES, STATIONS, slowest_km_s=3.0, tolerance_s=0.5)
    km = distances_km(NORTH_EAST)
    np.testing.assert_allclose(found.limit_s, km / 3.0 + 0.5)


def test_planted_events_among_false_alarms():
    """Two events 12 s apart and 200 false alarms in an hour: both, and hardly anything else."""
    rng = np.random.default_rng(0)
    false = [(NAMES[rng.integers(6)], t) for t in rng.uniform(0, 3600, 200)]
    planted = at_all(arrivals(1000.0)) + at_all(arrivals(1012.0, place=(0.1, 0.2)))
    found = coincidences(detections(*planted, *false), stations=STATIONS, min_stations=4).events
    for origin_s, place in ((1000.0, (0.02, 0.05)), (1012.0, (0.1, 0.2))):
        first_ns = round(arrivals(origin_s, place=place).min() * NS_PER_S)
        near = found[(found["time_ns"] - first_ns).abs() < 1.5 * NS_PER_S]
        assert len(near) == 1
        assert near["n_stations"].iloc[0] >= 5
    assert len(found) <= 4


def test_a_false_alarm_before_does_not_tear_an_event_apart():
    """An early trigger at one station: the event keeps the stations that belong together."""
    times = arrivals(100.0)
    early = (NAMES[5], float(times.min()) - 4.0)
    found = coincidences(detections(*at_all(times), early), stations=STATIONS).events
    assert found["n_stations"].tolist() == [6]
    assert found["time_ns"].iloc[0] == round(times.min() * NS_PER_S)
    assert found["nearest_station"].iloc[0] == NAMES[int(np.argmin(times))]


def test_a_picked_onset_tells_the_time():
    """A detection without a pick begins with a window, here 1.2 s early: it takes part, no more."""
    found = detections(("XX.S0", 8.8), ("XX.S1", 10.0), ("XX.S2", 10.5))
    unsure = found.events.assign(uncertainty_s=[np.nan, 0.02, 0.03])
    event = coincidences(dataclasses.replace(found, events=unsure), window_s=3).events.iloc[0]
    assert (event["time_ns"], event["uncertainty_s"]) == (10 * NS_PER_S, 0.02)
    assert (event["nearest_station"], event["n_stations"]) == ("XX.S1", 3)
    none_picked = coincidences(found, window_s=3).events.iloc[0]
    assert none_picked["time_ns"] == round(8.8 * NS_PER_S)


def test_limits_of_pairs():
    """Close stations cannot be seconds apart, though the network's diameter would allow it."""
    onsets = [(NAMES[0], 10.0), (NAMES[4], 18.0), (NAMES[1], 12.0)]  # 0 and 4: 16 km
    assert len(coincidences(detections(*onsets), window_s=15.0)) == 1
    assert len(coincidences(detections(*onsets), stations=STATIONS)) == 0


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed):
    """Shuffled detections, with ties in time: the same events and picks."""
    rng = np.random.default_rng(seed)
    onsets = [(NAMES[rng.integers(6)], float(t)) for t in rng.integers(0, 60, 40)]
    rows = detections(*onsets).events
    shuffled = make_catalog(rows.sample(frac=1, random_state=seed), time_basis="first_pick")
    one = coincidences(make_catalog(rows, time_basis="first_pick"), stations=STATIONS)
    other = coincidences(shuffled, stations=STATIONS)
    pd.testing.assert_frame_equal(one.events, other.events)
    pd.testing.assert_frame_equal(one.picks, other.picks)
    assert not one.picks.duplicated(["event_id", "station", "phase"]).any()
    used = one.picks["event_id"].nunique()
    assert used == len(one)


def test_share_of_the_stations_with_data():
    """Three of six are too few for a share of 0.6, three of four that have data are not."""
    three = [(name, t) for name, t in at_all(arrivals(100.0))[:3]]
    options = {"stations": STATIONS, "min_share": 0.6}
    always, early = np.array([[0, 10**12]]), np.array([[0, 5 * 10**9]])
    six = dict.fromkeys(NAMES, always)
    four = {**six, NAMES[4]: early, NAMES[5]: early}
    assert len(coincidences(detections(*three), coverage=six, **options)) == 0
    [event] = coincidences(detections(*three), coverage=four, **options).events.to_dict("records")
    assert event["n_live"] == 4


def test_at_all_stations_at_once_is_an_artefact():
    """No wave crosses 40 km in no time; it is flagged, or dropped and counted."""
    spike = detections(*at_all(np.full(6, 50.0)), *at_all(arrivals(100.0)))
    flagged = coincidences(spike, stations=STATIONS).events
    assert flagged["artefact"].tolist() == [True, False]
    left = coincidences(spike, stations=STATIONS, artefacts="drop")
    assert len(left) == 1
    assert left.dropped == {"artefact": 1}


def test_s_waves_are_no_event_of_their_own():
    """P and S detected at all stations are one event; a second event that soon is not merged."""
    p, s = arrivals(100.0), arrivals(100.0, speed=VP_KM_S / 1.73)
    found = coincidences(detections(*at_all(p), *at_all(s)), stations=STATIONS)
    assert len(found) == 1
    assert found.dropped == {"s_of_an_event": 6}
    assert found.picks["phase"].value_counts().to_dict() == {"P": 6, "S": 6}
    [event] = found.events.to_dict("records")
    off_s = event["origin_ns"] / NS_PER_S - 100.0
    assert event["origin_method"] == "wadati"
    assert abs(off_s) < event["origin_uncertainty_s"] < 0.5
    doublet = detections(*at_all(p), *at_all(arrivals(104.0, place=(0.12, 0.25))))
    assert len(coincidences(doublet, stations=STATIONS)) == 2


def test_origin_from_s_minus_p():
    """With S picks the origin time is within 0.1 s (Wadati); else it is the first onset."""
    p, s = arrivals(100.0), arrivals(100.0, speed=VP_KM_S / 1.73)
    s_picks = [
        {"event_id": f"d{i}", "station": name, "phase": "S", "time_ns": round(t * NS_PER_S)}
        for i, (name, t) in enumerate(at_all(s))
    ]
    for picks, method, origin_s in ((s_picks, "wadati", 100.0), ((), "first_pick", p.min())):
        catalog = detections(*at_all(p), picks=picks)
        found = coincidences(catalog, stations=STATIONS)
        [event] = found.events.to_dict("records")
        assert event["origin_method"] == method
        assert np.isfinite(event["origin_uncertainty_s"]) == bool(picks)
        assert event["origin_ns"] == pytest.approx(origin_s * NS_PER_S, abs=0.1 * NS_PER_S)
        assert (found.picks["phase"] == "S").sum() == len(picks)


def test_bad_options():
    """Each says what is wrong."""
    some = detections(*at_all(arrivals(0.0)))
    with pytest.raises(ConfigError, match="longest moveout is not known"):
        coincidences(some)
    with pytest.raises(ConfigError, match="min_stations = 1 must be at least 2"):
        coincidences(some, window_s=3, min_stations=1)
    with pytest.raises(ConfigError, match=r"min_share = 1\.5"):
        coincidences(some, window_s=3, min_share=1.5)
    with pytest.raises(ConfigError, match="no way 'flga'"):
        coincidences(some, window_s=3, artefacts="flga")
    with pytest.raises(CatalogError, match=r"'XX\.S5' has detections but no coordinates"):
        coincidences(some, stations=STATIONS[:5])
    assert len(coincidences(make_catalog(), window_s=3)) == 0


def test_tables_of_stations(tmp_path):
    """Any separator and case, a column of networks; what is no place is refused by name."""
    file = tmp_path / "s.csv"
    for text in (
        "Station;Lat;Lon\nXX.A;64.5;-17",
        "network,name,LATITUDE,longitude\nXX,A,64.5,-17",
    ):
        file.write_text(text)
        [row] = read_stations(file)[["station", "latitude", "longitude"]].to_numpy().tolist()
        assert row == ["XX.A", 64.5, -17.0]
    for bad in ("640", "64;5", "", "nan"):
        file.write_text(f'station,latitude,longitude\nXX.A,"{bad}",-17\n')
        with pytest.raises(ConfigError, match=r"the latitude of XX\.A is"):
            read_stations(file)
    file.write_text("station,latitude\nXX.A,64.5\n")
    with pytest.raises(ConfigError, match="lacks the columns longitude"):
        read_stations(file)
    bare = STATIONS.assign(station=STATIONS["station"].str[3:])
    with pytest.raises(CatalogError, match=r"'XX\.S0' has detections") as caught:
        coincidences(detections(*at_all(arrivals(0.0))), stations=bare)
    assert "stations are NET.STA" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["gamma-picks", "pyocto-input"])
def test_picks_to_an_associator_and_back(name, tmp_path):
    """Written for GaMMA or PyOcto and read back: the same picks, and the same network event."""
    p, s = arrivals(100.0), arrivals(100.0, speed=VP_KM_S / 1.73)
    rows = [
        {"station": n, "phase": phase, "time_ns": round(t * 1e6) * 1000, "score": 0.5}
        for phase, times in (("P", p), ("S", s))
        for n, t in at_all(times)
    ]
    write_catalog(make_catalog(picks=rows), tmp_path / "picks.csv", format=name)
    found = read_catalog(tmp_path / "picks.csv")
    columns = ["station", "time_ns", "score"]
    pd.testing.assert_frame_equal(found.picks[columns], make_catalog(picks=rows).picks[columns])
    assert (
        found.picks["phase"].str.upper().tolist()
        == make_catalog(picks=rows).picks["phase"].tolist()
    )
    [event] = coincidences(found, stations=STATIONS).events.to_dict("records")
    assert event["n_stations"] == 6
    assert event["origin_method"] == "wadati"
    with pytest.raises(CatalogError, match="no P or S picks"):
        write_catalog(detections(("XX.A", 1.0)), tmp_path / "none.csv", format=name)


def test_pyocto_numbers_the_picks_itself(tmp_path):
    """Its table of assignments keeps the names it has, and is read as one; see its `associate`."""
    rows = [
        {"station": n, "phase": "P", "time_ns": round(t * 1e6) * 1000, "score": 0.5}
        for n, t in at_all(arrivals(100.0))
    ]
    write_catalog(make_catalog(picks=rows), tmp_path / "picks.csv", format="pyocto-input")
    table = pd.read_csv(tmp_path / "picks.csv")
    assert table.columns.tolist() == ["station", "phase", "time", "probability"]
    assigned = pd.DataFrame({"event_idx": 0, "pick_idx": [2, 0, 1], "residual": 0.1})
    table["idx"] = np.arange(len(table))
    merged = assigned.merge(table, left_on="pick_idx", right_on="idx", validate="m:1")
    merged.drop(columns="idx").to_csv(tmp_path / "assigned.csv", index=False)
    assert sniff_format(tmp_path / "assigned.csv").name == "pyocto-picks"
    found = read_catalog(tmp_path / "assigned.csv").picks
    assert sorted(found["station"]) == sorted(table["station"][:3])
    assert found["event_idx"].tolist() == [0, 0, 0]


def test_gamma_weighs_picks_without_a_score_as_sure(tmp_path):
    """It cannot do without a weight, and an analyst's picks have none."""
    picks = [{"station": "XX.A", "phase": "Pg", "time_ns": 10**9}]
    write_catalog(make_catalog(picks=picks), tmp_path / "p.csv", format="gamma-picks")
    table = pd.read_csv(tmp_path / "p.csv")
    assert table.to_dict("records") == [
        {"id": "XX.A", "timestamp": "1970-01-01T00:00:01.000000", "type": "p", "prob": 1.0}
    ]


def test_command_says_what_is_left_out_and_what_cannot_be(tmp_path):
    """Other phases, a wrong associator, fewer stations than must take part."""

    def associate(*words):
        return CliRunner().invoke(
            app, ["associate", *map(str, words), "-o", str(tmp_path / "n.csv")]
        )

    rows = [
        {"event_id": "d", "station": "XX.A", "phase": p, "time_ns": 10**9, "score": 0.5}
        for p in ("P", "S", "end")
    ]
    write_catalog(
        make_catalog(detections(("XX.A", 1.0)).events.assign(event_id="d"), rows),
        tmp_path / "d.xml",
    )
    run = associate(tmp_path / "d.xml", "--picks-as", "pyocto-input")
    assert run.exit_code == 0, run.output
    assert "2 picks at 1 stations; 1 of other phases left out" in run.stderr
    assert "names, as XX.A" in run.stderr
    run = associate(tmp_path / "d.xml", "--picks-as", "gama")
    assert run.exit_code
    assert isinstance(run.exception, ConfigError)
    assert "gamma-picks" in run.exception.hint
    run = associate(tmp_path / "d.xml", "--window", 3)
    assert (
        "1 station has detections (XX.A), 3 must take part in an event: there can be none"
        in run.stderr
    )


def test_command(tmp_path):
    """`seisml associate` with a CSV or StationXML of coordinates, and for an associator."""
    from obspy.core.inventory import Inventory, Network, Station

    write_catalog(detections(*at_all(arrivals(100.0)), (NAMES[0], 500.0)), tmp_path / "d.csv")
    STATIONS.to_csv(tmp_path / "s.csv", index=False)
    places = [Station(n[3:], lat, lon, 0.0) for n, lat, lon in STATIONS.to_numpy()]
    Inventory([Network("XX", places)]).write(str(tmp_path / "s.xml"), format="STATIONXML")
    for stations in ("s.csv", "s.xml"):
        words = ["associate", tmp_path / "d.csv", "-o", tmp_path / "n.csv"]
        words += ["--stations", tmp_path / stations]
        run = CliRunner().invoke(app, [str(word) for word in words])
        assert run.exit_code == 0, run.output
        assert "1 network events; 1 not associated" in run.output
        assert read_catalog(tmp_path / "n.csv").events["n_stations"].astype(int).tolist() == [6]
