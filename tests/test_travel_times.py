"""Travel times: the table against TauP itself, other bodies, arrivals at stations."""

import time

import numpy as np
import pandas as pd
import pytest
from obspy.taup import TauPyModel

from seisml.catalog import make_catalog
from seisml.errors import CatalogError, ConfigError
from seisml.times import NAT, NS_PER_S
from seisml.travel_times import (
    DIFFRACTION_LIMIT_DEG,
    PHASE_FAMILIES,
    arrivals,
    travel_times,
)

MARS = """\
0.0 3.8 1.9 2.6
10.0 3.8 1.9 2.6
10.0 5.2 2.9 2.8
50.0 6.2 3.5 3.0
mantle
50.0 7.65 4.5 3.4
200.0 7.8 4.6 3.4
300.0 7.0 3.8 3.4
1000.0 8.9 4.9 3.8
1550.0 9.3 5.1 4.0
outer-core
1550.0 5.0 0.0 6.0
3389.0 6.0 0.0 6.5
inner-core
3389.0 7.0 3.5 7.0
3389.5 7.0 3.5 7.0
"""


@pytest.fixture(scope="module")
def iasp91():
    return TauPyModel("iasp91", cache=False)


@pytest.fixture(scope="module")
def mars_model(tmp_path_factory):
    from obspy.taup.taup_create import build_taup_model

    folder = tmp_path_factory.mktemp("taup")
    (folder / "simple.nd").write_text(MARS)
    build_taup_model(str(folder / "simple.nd"), output_folder=str(folder), verbose=False)
    return str(folder / "simple.npz")


def first_of_taup(model, distance, depth, phase):
    times = [
        arrival.time
        for arrival in model.get_travel_times(depth, distance, PHASE_FAMILIES[phase])
        if not (arrival.name.endswith("diff") and distance > DIFFRACTION_LIMIT_DEG)
    ]
    return min(times, default=np.nan)


@pytest.mark.parametrize("phase", ["P", "S"])
@pytest.mark.parametrize(
    ("distances", "depths", "tolerance_s"),
    [
        ((0, 0.5), (0, 15), 0.005),
        ((0, 5), (0, 60), 0.1),
        ((5, 30), (0, 700), 0.3),
        ((30, 143), (0, 700), 0.3),
    ],
)
def test_table_agrees_with_taup(iasp91, phase, distances, depths, tolerance_s):
    rng = np.random.default_rng(7)
    distance, depth = rng.uniform(*distances, 60), rng.uniform(*depths, 60)
    direct = [first_of_taup(iasp91, d, z, phase) for d, z in zip(distance, depth, strict=True)]
    assert np.isfinite(direct).all()
    np.testing.assert_allclose(
        travel_times(distance, depth, phase=phase), direct, rtol=0, atol=tolerance_s
    )


def test_published_time_of_iasp91():
    """ObsPy's documentation: P at 67 degrees from 55 km arrives at 647.041 s."""
    assert travel_times(67.0, 55.0, phase="P") == pytest.approx(647.041, abs=0.02)


def test_a_homogeneous_crust_near_the_source():
    # above 20 km iasp91 has 5.8 and 3.36 km/s: straight lines
    distance = np.array([0.0, 0.1, 0.2])
    km = 2 * 6371 * np.sin(np.radians(distance) / 2)
    expected = np.hypot(km, 8.0) / 5.8
    np.testing.assert_allclose(travel_times(distance, 8.0, phase="P"), expected, atol=0.01)
    np.testing.assert_allclose(
        travel_times(distance, 8.0, phase="S"), expected * 5.8 / 3.36, atol=0.01
    )


def test_shapes_gaps_and_edges():
    times = travel_times(np.zeros((2, 1)), [0.0, 5.0, np.nan], phase="P")
    assert times.shape == (2, 3)
    assert (times[:, 0] == 0).all()
    assert np.isnan(times[:, 2]).all()
    assert np.isnan(travel_times(np.nan, 10, phase="S"))
    assert np.isnan(travel_times(30, 3000, phase="P"))  # below the mantle
    assert travel_times(1, -0.05, phase="P") == travel_times(1, 0, phase="P")
    assert np.isfinite(travel_times([0, 119.9, 120.1, 180], 10, phase="P")).all()
    assert travel_times([], 10, phase="P").shape == (0,)


def test_the_core_phase_takes_over_from_the_diffracted_one():
    before, after = travel_times([120.0, 120.01], 10, phase="P")
    assert 900 < before < 930
    assert 1125 < after < 1135


@pytest.mark.parametrize(("phase", "shadow"), [("P", (31, 48)), ("S", (30, 54))])
def test_another_body_with_its_own_model_and_shadow_zone(mars_model, phase, shadow):
    model = TauPyModel(mars_model, cache=False)
    distance = np.arange(1.0, 180.0, 1.0)
    direct = np.array([first_of_taup(model, d, 20.0, phase) for d in distance])
    ours = travel_times(distance, 20.0, phase=phase, body="mars", model=mars_model)
    np.testing.assert_allclose(ours, direct, atol=0.1)  # NaN where TauP has no arrival
    silent = distance[np.isnan(ours)]
    assert (silent.min(), silent.max()) == shadow


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phase": "Pn"}, "phase is 'Pn'"),
        ({"phase": "P", "model": "none.nd"}, "no travel-time model 'none.nd'"),
        ({"phase": "P", "body": "venus"}, "no body 'venus'"),
        ({"phase": "P", "model": "iasp19"}, "no travel-time model 'iasp19'"),
    ],
)
def test_travel_times_refuses(options, message):
    with pytest.raises(ConfigError, match=message):
        travel_times(10, 10, **options)


def test_distances_beyond_the_antipode_are_an_error():
    with pytest.raises(ConfigError, match="distance_deg is 181"):
        travel_times([10, 181], 10, phase="P")


@pytest.mark.parametrize(
    ("body", "depth_km", "distance_deg", "published"),
    [
        # KKS21B, by which the Marsquake Service locates: P and S
        ("mars", 20, [5, 10, 20, 29, 45, 60, 75, 90], {"P": [47.6, 85.5, 160.4, 226.8, 341.0]}),
        ("mars", 20, [29], {"P": [226.8], "S": [403.6]}),
        ("mars", 20, [10, 20, 29, 45, 60], {"S": [152.1, 284.9, 403.7, 611.4, 798.0]}),
        ("moon", 0, [29], {"P": [125.5], "S": [218.6]}),  # VPREMOON
        ("moon", 900, [30], {"P": [143.1], "S": [250.8]}),
    ],
)
def test_models_of_mars_and_moon_give_published_times(body, depth_km, distance_deg, published):
    for phase, times in published.items():
        ours = travel_times(distance_deg, depth_km, phase=phase, body=body)
        np.testing.assert_allclose(ours[: len(times)], times, atol=1.0)


def test_mars_at_29_degrees():
    p, s = (travel_times(29.0, 20.0, phase=phase, body="mars") for phase in "PS")
    assert 226 <= p <= 227
    assert 402 <= s <= 404


def test_no_direct_wave_in_the_shadow_of_the_core_is_nan():
    assert np.isnan(travel_times(150.0, 20.0, phase="P", body="mars"))


def test_a_file_of_velocities_is_a_model(tmp_path, mars_model):
    path = tmp_path / "mine.nd"
    path.write_text(MARS)
    distance = np.arange(5.0, 30.0)
    ours = travel_times(distance, 20.0, phase="P", body="mars", model=str(path))
    built = travel_times(distance, 20.0, phase="P", body="mars", model=mars_model)
    np.testing.assert_allclose(ours, built, atol=1e-6)


@pytest.mark.parametrize("text", ["hello\n1 2\n", "", "0 5 3 2\n9 a 3 2\n"])
def test_a_file_that_is_no_model_is_refused(tmp_path, text):
    path = tmp_path / "broken.nd"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no travel-time model"):
        travel_times(10, 10, phase="P", model=str(path))


def test_a_million_distances_in_a_second():
    distance = np.random.default_rng(0).uniform(0, 180, 1_000_000)
    travel_times(distance[:10], 20.0, phase="P", body="mars")  # tabulates
    began = time.perf_counter()
    times = travel_times(distance, 20.0, phase="P", body="mars")
    assert time.perf_counter() - began < 3  # 0.4 s on an idle core
    assert np.isfinite(times).mean() > 0.7


STATIONS = pd.DataFrame(
    {"station": ["XX.NEAR", "XX.FAR"], "latitude": [0.0, 0.0], "longitude": [0.1, 20.0]}
)


def test_arrivals_at_all_stations_for_all_events():
    catalog = make_catalog(
        [
            {"event_id": "a", "time_ns": 0, "latitude": 0, "longitude": 0, "depth_km": 10},
            {"event_id": "lost", "time_ns": 1},
            {"event_id": "b", "time_ns": 60 * NS_PER_S, "latitude": 0, "longitude": 10},
        ]
    )
    table = arrivals(catalog, STATIONS)
    assert table.columns.tolist() == ["event_id", "station", "phase", "time_ns"]
    assert table["event_id"].tolist() == ["a"] * 4 + ["b"] * 4  # the lost one has no place
    assert table["phase"].tolist() == ["P", "S"] * 4
    assert table["time_ns"].dtype == np.int64
    expected = travel_times(20.0, 10.0, phase="S")
    got = table.query("event_id == 'a' and station == 'XX.FAR' and phase == 'S'")["time_ns"]
    assert got.item() == pytest.approx(expected * NS_PER_S, abs=1e4)
    # a depth that is missing is 10 km, or what is said
    b = table.query("event_id == 'b' and station == 'XX.FAR' and phase == 'P'")["time_ns"].item()
    assert (b - 60 * NS_PER_S) / NS_PER_S == pytest.approx(
        float(travel_times(10.0, 10.0, phase="P")), abs=1e-5
    )
    deep = arrivals(catalog, STATIONS, phases=("P",), missing_depth_km=600)
    assert len(deep) == 4
    assert deep["time_ns"].iloc[-1] < b


def test_arrivals_use_the_origin_column_of_signal_catalogues():
    row = {"time_ns": 99, "latitude": 0, "longitude": 0, "depth_km": 5, "origin_ns": NS_PER_S}
    catalog = make_catalog([row, {**row, "origin_ns": NAT}], time_basis="label_start")
    table = arrivals(catalog, STATIONS, phases=("P",))
    assert len(table) == 2
    assert table["time_ns"].min() > NS_PER_S


def test_arrivals_of_nothing_is_an_empty_table():
    table = arrivals(make_catalog(), STATIONS)
    assert table.empty
    assert table["time_ns"].dtype == np.int64


@pytest.mark.parametrize(
    ("catalog", "stations", "message"),
    [
        (make_catalog(time_basis="detection_on"), STATIONS, "has no origin times"),
        (make_catalog(), STATIONS.drop(columns="latitude"), "no column 'latitude'"),
        (make_catalog(), STATIONS.replace(20.0, np.nan), "'XX.FAR' has no coordinates"),
    ],
)
def test_arrivals_refuses(catalog, stations, message):
    with pytest.raises(CatalogError, match=message):
        arrivals(catalog, stations)


@pytest.mark.real
def test_iceland_picks_lie_near_the_arrivals_of_their_origins(shared_data):
    """The picks of 17 located events against iasp91, whose crust is faster than Iceland's."""
    from seisml.formats import read_catalog

    folder = shared_data / "earth_iceland"
    catalog = read_catalog(folder / "catalog" / "catalog.xml")
    stations = pd.read_csv(folder / "iceland_stations.txt", sep=r"[,\s]+", engine="python")
    stations.columns = stations.columns.str.casefold()
    stations = stations.rename(columns={"name": "station"})[["station", "latitude", "longitude"]]
    picks = catalog.picks.assign(station=catalog.picks["station"].str.split(".").str[-1])
    both = picks.merge(
        arrivals(catalog, stations), on=["event_id", "station", "phase"], suffixes=("", "_model")
    )
    assert len(both) == 258
    late_s = (both["time_ns"] - both["time_ns_model"]) / NS_PER_S
    assert late_s.abs().median() < 1.0
    assert late_s.abs().max() < 3.0
