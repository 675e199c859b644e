"""Contrast of the middle of a window with both sides, and the vote of stations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.features import compute
from seisml.voting import voted

OPTIONS = {"length_s": 20.0, "hop_s": 1.0, "bands_hz": [(1, 4), (4, 16)], "sub_s": 0.5}


def _found(x):
    names = ["middle_energy", "band_middle_energy"]
    return compute(x, 100.0, names=names, spectrum_s=2.0, **OPTIONS)


def _burst(at_s, n=6000):
    x = np.random.default_rng(0).standard_normal(n)
    x[int(at_s * 100) : int((at_s + 4) * 100)] *= 10.0
    return x


def test_a_burst_stands_out_against_both_sides():
    """Ten times the amplitude is 2 in log10 of energy, wherever the burst is in the record."""
    for at_s in (8.0, 30.0, 46.0):
        found = _found(_burst(at_s))
        middle = found.index.to_numpy(float) + 10.0  # seconds after the first sample
        inside = (middle > at_s + 1.0) & (middle < at_s + 3.0)
        far = np.abs(middle - at_s - 2.0) > 5.0
        assert found["middle_energy"][inside].to_numpy() == pytest.approx(2.05, abs=0.2)
        assert np.abs(found["middle_energy"][far]).max() < 0.4
        for column in found.columns[1:]:
            assert found[column][inside].min() > found[column][far].max()


def test_contrast_does_not_depend_on_the_gain():
    once, ten = _found(_burst(30.0)), _found(10.0 * _burst(30.0))
    np.testing.assert_allclose(once, ten, rtol=1e-4, atol=1e-5)


SCORES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.floats(0, 1)), max_size=40)


@given(SCORES, st.randoms())
@settings(max_examples=60, deadline=None)
def test_vote_is_a_mean_whatever_the_order(rows, random):
    """All windows of a network at one time have the mean of the known scores, in any order."""
    rows = [*rows, (0, 0, float("nan"))]
    random.shuffle(rows)
    network, time, score = map(np.array, zip(*rows, strict=True))
    found = voted(network, time, score)
    assert np.array_equal(np.isnan(found), np.isnan(score))
    for k in np.flatnonzero(np.isfinite(score)):
        same = (network == network[k]) & (time == time[k]) & np.isfinite(score)
        assert found[k] == pytest.approx(score[same].mean())
