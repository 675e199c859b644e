"""Features of group I against closed forms, and against an archive of planted waves."""

import numpy as np
import obspy
import pandas as pd
import pytest
from typer.testing import CliRunner

from seisml.associate import coincidences, limits_of
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.features import SETS, get_feature, resolve
from seisml.features.network import NetworkSpan
from seisml.formats import read_catalog, write_catalog
from seisml.times import NS_PER_S

START_NS = 1_500_000_000 * NS_PER_S
PLACE_KM = np.array([[0, 0], [12, 3], [-4, 15], [7, -11], [-13, -6], [3, 9], [16, -2]], float)
GROUP = tuple(one.name for one in resolve("network"))


def span(**changes) -> NetworkSpan:
    """A span of seven stations at which nothing is known but what is given."""
    n = len(changes.get("onset_s", changes.get("envelope", changes.get("place_km", PLACE_KM))))
    known = {
        "onset_s": np.full(n, np.nan),
        "reach_s": np.full(n, 5.0),
        "in_event": np.ones(n, bool),
        "place_km": np.full((n, 2), np.nan),
        "slowest_km_s": 2.0,
        "envelope": np.full((n, 4), np.nan),
        "envelope_s": 0.1,
        "limit_s": np.full((n, n), 1.0),
        "spectra": np.zeros((n, 0, 0), complex),
    }
    return NetworkSpan(**known | changes)


def value(name: str, one: NetworkSpan) -> float:
    return get_feature(name).function(one)


def test_group_is_listed_and_not_extracted():
    """`seisml features network` lists it; windows have no such columns."""
    assert GROUP == ("n_coincident", "moveout_residual", "xcorr_max", "spectral_width")
    assert SETS["network"].members == ("I",)
    done = CliRunner().invoke(app, ["features", "moveout_residual"])
    assert done.exit_code == 0
    assert "event of a network" in done.output
    assert np.isnan([value(name, span()) for name in GROUP[1:]]).all()
    assert value("n_coincident", span()) == 0


def test_coincident_stations_are_counted_in_their_window():
    """An onset counts within the reach of its own station, before or after the first."""
    onset = np.array([0.0, 4.9, -5.0, 5.1, np.nan])
    assert value("n_coincident", span(onset_s=onset)) == 3
    assert value("n_coincident", span(onset_s=onset, reach_s=np.full(5, 9.0))) == 4


def test_residual_of_planted_waves_is_none():
    """Plane waves and point sources, in and out of the network, are fitted to the last digit."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(2.1, 8)
        t = PLACE_KM @ [np.cos(angle), np.sin(angle)] / speed
        assert value("moveout_residual", span(onset_s=t, place_km=PLACE_KM)) < 1e-9
        source = rng.uniform(-20, 20, 2)
        t = np.hypot(*(PLACE_KM - source).T) / speed
        assert value("moveout_residual", span(onset_s=t, place_km=PLACE_KM)) < 0.02
    # Onsets at once are a plane wave of no slowness; a wave below the slowest speed fits nothing.
    assert value("moveout_residual", span(onset_s=np.zeros(7), place_km=PLACE_KM)) == 0
    t = PLACE_KM[:, 0] / 0.5
    assert value("moveout_residual", span(onset_s=t, place_km=PLACE_KM)) > 5


def test_residual_is_the_error_of_the_onsets():
    """Onsets with an error of 0.1 s have a residual of 0.1 s, whatever the number of stations."""
    rng = np.random.default_rng(1)
    for n in (5, 7):
        found = []
        for _ in range(300):
            t = PLACE_KM[:n] @ [0.1, 0.2] + 0.1 * rng.standard_normal(n)
            found.append(value("moveout_residual", span(onset_s=t, place_km=PLACE_KM[:n])) ** 2)
        # The better of two fits: a little below.
        assert 0.05 < np.sqrt(np.mean(found)) < 0.11
    t = PLACE_KM[:3] @ [0.1, 0.2]
    assert np.isnan(value("moveout_residual", span(onset_s=t, place_km=PLACE_KM[:3])))


def test_shifted_envelopes_correlate_within_the_limit():
    """A copy 0.8 s later correlates to 1 where the limit allows it, not where it does not."""
    time_s = np.arange(200) * 0.1
    shape = np.exp(-((time_s - 8) ** 2) / 0.1)
    other = np.exp(-((time_s - 8.8) ** 2) / 0.1)
    one = span(envelope=np.stack([shape, 50 * other]))
    assert value("xcorr_max", one) == pytest.approx(1.0, abs=1e-9)
    near = span(envelope=one.envelope, limit_s=np.full((2, 2), 0.3))
    assert value("xcorr_max", near) < 0.6
    # Of three, a distant pair that agrees is no pair of neighbours.
    limit = np.array([[0, 1, 9], [1, 0, 9], [9, 9, 0]], float)
    noise = np.abs(np.random.default_rng(0).standard_normal(200))
    far = span(envelope=np.stack([shape, noise, shape]), limit_s=limit)
    assert value("xcorr_max", far) == pytest.approx(1.0)  # the third's nearest are both others
    limit[2, 1] = limit[1, 2] = 8.0
    assert value("xcorr_max", span(envelope=far.envelope, limit_s=limit)) < 0.5
    assert np.isnan(value("xcorr_max", span(envelope=np.stack([shape, np.zeros(200)]))))


def test_width_of_one_wave_and_of_none():
    """One wave has rank one: width 0, whatever gains; orthogonal phases have (N - 1)/2."""
    rng = np.random.default_rng(2)
    wave = rng.standard_normal((1, 12, 30)) + 1j * rng.standard_normal((1, 12, 30))
    gain = np.array([1.0, 20.0, 0.01, 3j])[:, None, None]
    assert value("spectral_width", span(spectra=gain * wave)) == pytest.approx(0.0, abs=1e-12)
    n = 5
    rows = np.exp(2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)[:, :, None]
    assert value("spectral_width", span(spectra=rows)) == pytest.approx((n - 1) / 2)
    noise = rng.standard_normal((n, 4000, 5)) + 1j * rng.standard_normal((n, 4000, 5))
    assert value("spectral_width", span(spectra=noise)) == pytest.approx((n - 1) / 2, abs=0.1)
    few = value("spectral_width", span(spectra=noise[:, : 2 * n]))
    assert 0.8 < few < (n - 1) / 2


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Five stations: one wave with moveout, then noise bursts that have nothing in common."""
    folder, rng = tmp_path_factory.mktemp("network"), np.random.default_rng(5)
    rate, place = 100.0, PLACE_KM[:5]
    source, speed = np.array([3.0, 2.0]), 5.0
    wave = rng.standard_normal(800) * np.exp(-np.arange(800) / 200)
    rows, places = [], []
    for k, (east, north) in enumerate(place):
        x = 0.02 * rng.standard_normal(round(200 * rate))
        delay = round(np.hypot(*(place[k] - source)) / speed * rate)
        own = rng.standard_normal(800) * np.exp(-np.arange(800) / rng.uniform(60, 800))
        for first, shape, size in ((6000 + delay, wave, 1 + k), (14000 + 30 * k, own, 1.0)):
            x[first : first + 800] += size * shape
            time_ns = START_NS + first * 10**7
            row = {"station": f"XX.N{k}", "time_ns": time_ns, "end_ns": time_ns + 6 * NS_PER_S}
            rows.append({**row, "event_id": f"d{len(rows)}", "score": 1.0})
        header = {"network": "XX", "station": f"N{k}", "channel": "HHZ", "sampling_rate": rate}
        header["starttime"] = obspy.UTCDateTime(ns=START_NS)
        data = np.round(1e4 * x).astype(np.int32)
        obspy.Stream([obspy.Trace(data, header)]).write(folder / f"{k}.mseed", format="MSEED")
        places.append((f"XX.N{k}", north / 111.195, east / 111.195))
    stations = pd.DataFrame(places, columns=["station", "latitude", "longitude"])
    return folder, make_catalog(rows, time_basis="first_pick"), stations


def test_verb_adds_the_features_to_events(network, tmp_path):
    """A wave across the network against bursts of the stations' own, from files to columns."""
    folder, detections, stations = network
    write_catalog(detections, tmp_path / "d.csv")
    stations.to_csv(tmp_path / "s.csv", index=False)
    command = ["associate", str(tmp_path / "d.csv"), "-o", str(tmp_path / "e.csv"), "--features"]
    done = CliRunner().invoke(
        app, [*command, "--stations", str(tmp_path / "s.csv"), "--archive", str(folder)]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    events = read_catalog(tmp_path / "e.csv").events
    assert len(events) == 2
    wave, bursts = events.to_dict("records")
    assert wave["n_coincident"] == 5
    assert wave["moveout_residual"] < 0.02
    assert wave["xcorr_max"] > 0.95
    assert wave["spectral_width"] < 0.15
    assert bursts["spectral_width"] > 5 * wave["spectral_width"]
    assert bursts["xcorr_max"] < wave["xcorr_max"]
    # Without records and places what can be told is told.
    done = CliRunner().invoke(app, [*command, "--window", "8"])
    assert done.exit_code == 0, (done.output, done.exception)
    events = read_catalog(tmp_path / "e.csv").events
    assert events["n_coincident"].tolist() == [5, 5]
    assert not {"xcorr_max", "moveout_residual"} & set(events)


def test_moveout_on_the_moon_is_that_of_a_small_body(network):
    """A degree on the Moon is 30.3 km: limits are those of its radius."""
    _, detections, stations = network
    earth = limits_of(detections, stations=stations, tolerance_s=0.0).limit_s
    moon = make_catalog(detections.events, body="moon")
    found = limits_of(moon, stations=stations, tolerance_s=0.0).limit_s
    np.testing.assert_allclose(found, earth * 1737.4 / 6371.0, rtol=1e-3)
    assert len(coincidences(moon, stations=stations, min_stations=3)) <= 2
