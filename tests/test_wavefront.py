"""Onsets of one source belong together: planted sources, swarms, strays, S waves."""

import numpy as np
import pandas as pd
import pytest

from seisml.associate import coincidences
from seisml.catalog import make_catalog
from seisml.moveout import WADATI, distances_km
from seisml.times import NS_PER_S
from seisml.wavefront import WIDEST_KM, narrow

PLACES = np.array([64.8, -16.8]) + np.random.default_rng(3).uniform(-0.2, 0.2, (12, 2)) * [1, 2]
NAMES = [f"Z7.S{k:02d}" for k in range(12)]
STATIONS = pd.DataFrame({"station": NAMES, "latitude": PLACES[:, 0], "longitude": PLACES[:, 1]})
SOURCES = [(64.8, -16.8), (64.65, -17.1), (65.05, -16.4), (64.9, -17.0)]


def wave(place, *, depth_km: float = 6.0, speed: float = 5.5, seed: int = 0) -> np.ndarray:
    """Onsets after the origin, s, with errors of a picker."""
    km = distances_km(np.vstack([PLACES, place]))[-1, :-1]
    error_s = 0.05 * np.random.default_rng(seed).standard_normal(len(PLACES))
    return np.hypot(km, depth_km) / speed + error_s


def joined(*onsets, picked: bool = True):
    """Network events of (station number, time s)."""
    events = pd.DataFrame(
        {
            "event_id": [f"d{k:03d}" for k in range(len(onsets))],
            "time_ns": [round(t * NS_PER_S) for _, t in onsets],
            "end_ns": [round((t + 1) * NS_PER_S) for _, t in onsets],
            "station": [NAMES[k] for k, _ in onsets],
            "label": "earthquake",
            "uncertainty_s": 0.05 if picked else np.nan,
        }
    )
    return coincidences(make_catalog(events, time_basis="first_pick"), stations=STATIONS)


@pytest.mark.parametrize("place", SOURCES)
@pytest.mark.parametrize("speed", [4.5, 5.5, 6.8])
def test_a_wave_is_left_whole(place, speed):
    """From inside the network and from its edge, at any speed of the crust."""
    found = joined(*enumerate(100.0 + wave(place, speed=speed)))
    assert found.events["n_stations"].tolist() == [12]
    assert not found.dropped


@pytest.mark.parametrize("place", SOURCES)
@pytest.mark.parametrize("off_s", [-4.0, -1.2, 3.0])
def test_strays_are_told(place, off_s):
    """Two of twelve onsets are of something else, and do not set the time of the event."""
    time_s = 100.0 + wave(place)
    strays = np.argsort(time_s)[[2, 7]]
    moved = time_s.copy()
    moved[strays] += off_s
    found = joined(*enumerate(moved))
    assert found.events["n_stations"].tolist() == [10]
    assert sum(found.dropped.values()) == 2
    first_s = np.delete(time_s, strays).min()
    assert found.events["time_ns"].iloc[0] / NS_PER_S == pytest.approx(first_s)


def test_a_swarm_is_taken_apart():
    """Ten events at one place, 3 to 5 s apart, P and S, five false alarms a minute: ten events."""
    rng = np.random.default_rng(1)
    origins_s = 100.0 + np.cumsum(rng.uniform(3.0, 5.0, 10))
    onsets, firsts = [], []
    for n, origin_s in enumerate(origins_s):
        p = wave(SOURCES[3], seed=n)
        seen = rng.permutation(12)[:9]
        onsets += [(k, origin_s + p[k]) for k in seen]
        onsets += [(k, origin_s + (1 + WADATI) * p[k]) for k in seen[:4]]
        firsts.append(origin_s + p[seen].min())
    onsets += [(rng.integers(12), t) for t in rng.uniform(90.0, 150.0, 5)]
    found = joined(*onsets)
    near = np.abs(found.events["time_ns"].to_numpy() / NS_PER_S - np.array(firsts)[:, None])
    assert (near.min(axis=1) < 0.3).sum() >= 9
    assert len(found) <= 11


def test_p_at_two_stations_and_s_at_others():
    """Seen as P at two stations and only as S at two more: an event; with S at one more, none."""
    p = wave(SOURCES[0])
    two, *others = np.argsort(p)[:2], *np.argsort(p)[[6, 9]]
    onsets = [(k, 100.0 + p[k]) for k in two]
    onsets += [(k, 100.0 + (1 + WADATI) * p[k]) for k in others]
    found = joined(*onsets)
    assert len(found) == 1
    assert found.events["time_ns"].iloc[0] / NS_PER_S == pytest.approx(100.0 + p.min(), abs=1e-6)
    assert len(joined(*onsets[:2])) == 0


def test_wide_networks_have_no_straight_rays():
    """They keep the limits of pairs; twelve stations over 400 km do, and are one event still."""
    assert narrow(PLACES)
    wide = PLACES[0] + (PLACES - PLACES[0]) * 10
    assert not narrow(wide)
    assert distances_km(wide).max() > WIDEST_KM
    table = STATIONS.assign(latitude=wide[:, 0], longitude=wide[:, 1])
    time_s = distances_km(np.vstack([wide, wide[3]]))[-1, :-1] / 6.0
    rows = {"station": NAMES, "time_ns": np.round((100 + time_s) * NS_PER_S).astype(np.int64)}
    catalog = make_catalog(pd.DataFrame(rows), time_basis="first_pick")
    assert coincidences(catalog, stations=table).events["n_stations"].tolist() == [12]
