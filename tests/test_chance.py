"""Events by chance: known rates, and none of what cannot be."""

import numpy as np
import pandas as pd
import pytest

from seisml.associate import coincidences
from seisml.catalog import make_catalog
from seisml.chance import by_chance
from seisml.errors import NoDataError
from seisml.times import NS_PER_S

HOUR_NS = 3600 * NS_PER_S


def noise(n: int, seed: int, n_stations: int = 4, span_s: float = 3600.0):
    """Detections at any time."""
    rng = np.random.default_rng(seed)
    rows = {
        "station": [f"X.S{k}" for k in rng.integers(0, n_stations, n)],
        "time_ns": rng.integers(0, round(span_s * NS_PER_S), n),
    }
    return make_catalog(pd.DataFrame(rows), time_basis="first_pick")


def test_the_rate_of_coincidences_is_that_of_noise():
    """Of noise alone all network events are by chance: both means agree within their errors."""
    seen = [len(coincidences(noise(500, seed), window_s=3.0)) for seed in range(20)]
    least, told = by_chance(noise(500, 100), n_shifts=20, window_s=3.0)
    assert least <= told
    assert np.mean(seen) > 5
    assert told == pytest.approx(np.mean(seen), abs=4 * np.std(seen) / np.sqrt(10))


def test_events_are_not_by_chance():
    """Twenty events at four stations in a day: shifted, hardly two stations meet."""
    at_s = np.random.default_rng(0).uniform(0, 86_400, 20)
    rows = [(f"X.S{k}", round((t + k) * NS_PER_S)) for t in at_s for k in range(4)]
    catalog = make_catalog(pd.DataFrame(rows, columns=["station", "time_ns"]))
    assert len(coincidences(catalog, window_s=5.0)) == 20
    assert max(by_chance(catalog, n_shifts=20, window_s=5.0)) < 0.2


def test_time_without_data_does_not_thin_the_rate():
    """An hour of records in pieces over a year: as many by chance as in one hour."""
    whole = noise(500, 1)
    pieces = np.arange(60)[:, None] * (146 * HOUR_NS) + np.array([0, HOUR_NS // 60])
    minute, rest = np.divmod(whole.events["time_ns"].to_numpy(), HOUR_NS // 60)
    torn = make_catalog(whole.events.assign(time_ns=pieces[minute, 0] + rest, event_id=""))
    coverage = {f"X.S{k}": pieces for k in range(4)}
    _, told = by_chance(torn, n_shifts=20, window_s=3.0, coverage=coverage)
    assert told == pytest.approx(by_chance(whole, n_shifts=20, window_s=3.0)[1], rel=0.4)
    assert by_chance(torn, n_shifts=5, window_s=3.0)[1] < 0.2 * told  # what it would be without


def test_too_short():
    """Half a minute cannot be shifted; nothing has nothing by chance."""
    with pytest.raises(NoDataError, match="too short to shift"):
        by_chance(noise(5, 0, span_s=30.0), window_s=3.0)
    assert by_chance(make_catalog(), window_s=3.0) == (0.0, 0.0)
