"""Peaks of many curves at once are those that SciPy finds one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks

from seisml.features.peaks import count_peaks


def slow_count(curve, prominence, height):
    return len(find_peaks(curve, height=height, prominence=prominence)[0])


@pytest.mark.parametrize("prominence", [1e-6, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("height", [-np.inf, 0.2, 1.5])
@pytest.mark.parametrize("smooth", [1, 7])
def test_counts_are_those_of_scipy(prominence, height, smooth):
    """Random curves, rough or smooth, of any length."""
    rng = np.random.default_rng(smooth)
    for n_points in (1, 2, 3, 10, 200):
        curves = rng.standard_normal((n_points + smooth - 1, 80))
        curves = np.lib.stride_tricks.sliding_window_view(curves, smooth, axis=0).sum(axis=2)
        found = count_peaks(curves, prominence=prominence, height=height)
        assert found.tolist() == [slow_count(curve, prominence, height) for curve in curves.T]
    if prominence < 2 and height < 1:
        assert found.sum() > 80


@given(
    st.permutations(range(14)),
    st.integers(1, 12),
    st.integers(0, 14),
)
@settings(max_examples=300, deadline=None)
def test_any_order_of_different_values(values, prominence, height):
    """Whatever the order, heights and prominences are counted as SciPy counts them."""
    curve = np.array(values, float)
    found = count_peaks(curve[:, np.newaxis], prominence=prominence, height=height)
    assert found.tolist() == [slow_count(curve, prominence, height)]


def test_each_curve_has_its_own_height():
    """The least height may differ from curve to curve, which do not influence one another."""
    curve = np.array([0.0, 3.0, 0.0, 5.0, 0.0])
    found = count_peaks(
        np.column_stack([curve] * 4), prominence=1.0, height=np.array([1.0, 4.0, 6.0, 5.0])
    )
    assert found.tolist() == [2, 1, 0, 1]


def test_plateaus_and_ties_are_one_peak():
    """Flat tops, and equal tops without a valley between them, count once; ends never."""
    curves = np.array([[0, 1, 1, 0, 0], [0, 2, 1.9, 2, 0], [3, 2, 1, 0, 2], [1, 1, 1, 1, 1]])
    assert count_peaks(curves.T, prominence=0.5).tolist() == [1, 1, 0, 0]


def test_the_curves_are_not_changed():
    """The input stays what it was."""
    curves = np.random.default_rng(0).standard_normal((50, 3))
    before = curves.copy()
    count_peaks(curves, prominence=0.5)
    np.testing.assert_array_equal(curves, before)
