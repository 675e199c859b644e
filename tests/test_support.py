"""Stations support each other's candidates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.support import EVEN, GAIN, MOST, supported
from seisml.times import NS_PER_S
from seisml.voting import voted

ALWAYS = np.array([[0, 10_000 * NS_PER_S]])


def candidates(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Candidates of (station, seconds, probability)."""
    names, seconds, peaks = zip(*rows, strict=True)
    times_ns = (np.array(seconds) * NS_PER_S).astype(np.int64)
    return pd.DataFrame({"station": names, "start_ns": times_ns, "peak": peaks})


def network(n: int) -> dict[str, np.ndarray]:
    """A network that always has data."""
    return {f"X.S{k:02d}": ALWAYS for k in range(n)}


def kept(raw: pd.DataFrame, live, on=0.5) -> list[tuple[str, int]]:
    """Station and second of what is kept."""
    found = supported(raw, on, live, window_s=3.0)
    seconds = found["start_ns"] // NS_PER_S
    return list(zip(found["station"].str.split(".").str[1], seconds, strict=True))


def test_weak_candidates_of_one_event_are_kept_and_a_lone_one_falls():
    """Three of five stations: two of four others are even; alone, the odds fall by e³."""
    rows = [("X.S00..HH", 10, 0.55), ("X.S01..HH", 11, 0.55), ("X.S02..HH", 12, 0.55)]
    lone = [("X.S04..HH", 100, 0.9)]
    assert kept(candidates(*rows, *lone), network(5)) == [("S00", 10), ("S01", 11), ("S02", 12)]
    [p] = supported(candidates(*lone), 0.0, network(5), window_s=3.0)["peak"]
    assert p / (1 - p) == pytest.approx(9 * np.exp(-GAIN * EVEN))
    all_five = [(f"X.S{k:02d}..HH", 10 + 0.1 * k, 0.2) for k in range(5)]
    assert len(kept(candidates(*all_five), network(5))) == 5


def test_two_stations_are_not_enough():
    """Nor does another sensor of the same station, nor a station without data at the time."""
    raw = candidates(("X.S00..HH", 10, 0.6), ("X.S00..BH", 10, 0.4), ("X.S01..HH", 11, 0.4))
    assert kept(raw, network(2)) == [("S00", 10)]
    later = {**network(2), "X.S02": ALWAYS + 20_000 * NS_PER_S}
    assert kept(raw, later) == [("S00", 10)]
    later["X.S03"] = later["X.S02"]  # one of three that are there would not be even
    assert kept(raw, later) == [("S00", 10)]
    seen = supported(raw, 0.0, network(3), window_s=3.0)["peak"].to_numpy()
    assert seen == pytest.approx([0.6, 0.4, 0.4])  # one of two others is even


def test_large_networks_do_not_drown_an_event_of_a_few_stations():
    """`MOST` stations are as good as all."""
    few = [(f"X.S{k:02d}..HH", 10 + 0.1 * k, 0.3) for k in range(MOST + 1)]
    assert len(kept(candidates(*few), network(60))) == MOST + 1


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(6)), st.integers(-500, 500))
def test_order_and_time_do_not_matter(order, shift_s):
    """What is kept is the same in any order, at any time."""
    rows = [(f"X.S{k % 4:02d}..HH", 1000 + 1.7 * k, 0.1 + 0.15 * k) for k in range(6)]
    moved = [(name, t + shift_s, p) for name, t, p in (rows[k] for k in order)]
    one = {(name, t + shift_s) for name, t in kept(candidates(*rows), network(4))}
    assert set(kept(candidates(*moved), network(4))) == one


def test_nothing_comes_of_nothing():
    """Empty tables stay empty."""
    raw = candidates(("X.S00..HH", 1, 0.5)).iloc[:0]
    assert supported(raw, 0.5, network(3), window_s=3.0).empty
    assert supported(raw, 0.5, {}, window_s=3.0).empty


def test_a_station_without_data_has_no_vote():
    """The mean is over those that are there; who is not stays without a score."""
    found = voted(["A"] * 4 + ["B"], [0, 0, 0, 1, 0], [0.8, np.nan, 0.4, 0.7, 0.1])
    np.testing.assert_allclose(found, [0.6, np.nan, 0.6, 0.7, 0.1])
