"""Onsets of one source are told from strays: planted sources, planted strays."""

import numpy as np
import pandas as pd
import pytest

from seisml.associate import coincidences
from seisml.catalog import make_catalog
from seisml.moveout import distances_km
from seisml.times import NS_PER_S
from seisml.wavefront import ENOUGH, of_one_source

RNG = np.random.default_rng(3)
PLACES = np.array([64.8, -16.8]) + RNG.uniform(-0.2, 0.2, (12, 2)) * [1, 2]
NAMES = [f"Z7.S{k:02d}" for k in range(12)]
STATIONS = pd.DataFrame({"station": NAMES, "latitude": PLACES[:, 0], "longitude": PLACES[:, 1]})


def wave(place, *, depth_km: float = 6.0, speed: float = 5.5, at=PLACES) -> np.ndarray:
    """Onsets after the origin, s, with errors of a picker."""
    km = distances_km(np.vstack([at, place]))[-1, :-1]
    return np.hypot(km, depth_km) / speed + 0.05 * RNG.standard_normal(len(at))


SOURCES = [(64.8, -16.8), (64.65, -17.1), (65.05, -16.4), (64.9, -17.0)]


@pytest.mark.parametrize("place", SOURCES)
@pytest.mark.parametrize("speed", [4.2, 5.5, 6.8])
def test_a_wave_is_left_whole(place, speed):
    """From inside the network and from its edge, at any speed of the crust."""
    assert of_one_source(PLACES, wave(place, speed=speed), 0.7).all()


@pytest.mark.parametrize("place", SOURCES)
@pytest.mark.parametrize("off_s", [-4.0, -2.0, 3.0])
def test_strays_are_told(place, off_s):
    """Two of twelve onsets are of something else."""
    time_s = wave(place)
    strays = np.argsort(time_s)[[2, 7]]
    time_s[strays] += off_s
    kept = of_one_source(PLACES, time_s, 0.7)
    assert np.flatnonzero(~kept).tolist() == sorted(strays)


def test_few_onsets_and_wide_groups_are_left_as_they_are():
    """With seven nothing can be told, nor where rays leave the crust; nor what may not be told."""
    time_s = wave(SOURCES[0])
    time_s[0] -= 3.0
    assert of_one_source(PLACES[: ENOUGH - 1], time_s[: ENOUGH - 1], 0.7).all()
    assert of_one_source(PLACES * 10, time_s, 0.7).all()
    assert of_one_source(PLACES, time_s, np.full(12, np.inf)).all()
    assert not of_one_source(PLACES, time_s, 0.7)[0]


@pytest.mark.parametrize("picked", [True, False])
def test_a_stray_does_not_set_the_time_of_an_event(picked):
    """The stray is within the moveout of every pair; it is counted, and the event begins with P."""
    time_s = 100.0 + wave(SOURCES[1])
    stray = int(np.argsort(time_s)[2])
    time_s[stray] = time_s.min() - 1.2
    events = pd.DataFrame(
        {
            "event_id": [f"d{k:02d}" for k in range(12)],
            "time_ns": np.round(time_s * NS_PER_S).astype(np.int64),
            "station": NAMES,
            "label": "earthquake",
            "uncertainty_s": 0.05 if picked else np.nan,
        }
    )
    events["end_ns"] = events["time_ns"] + NS_PER_S
    found = coincidences(make_catalog(events, time_basis="first_pick"), stations=STATIONS)
    [event] = found.events.to_dict("records")
    first = np.delete(time_s, stray).min() if picked else time_s.min()
    assert event["time_ns"] / NS_PER_S == pytest.approx(first)
    assert event["n_stations"] == (11 if picked else 12)
    assert found.dropped == ({"no_wave": 1} if picked else {})
    window = coincidences(make_catalog(events, time_basis="first_pick"), window_s=10.0).events
    assert window["time_ns"].iloc[0] / NS_PER_S == pytest.approx(time_s.min())
