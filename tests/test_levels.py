"""Thresholds that are tried: none of the room between noise and events is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.errors import ModelError
from seisml.labels import EVENT, NOISE
from seisml.levels import STEP, levels_to_try, without_holes
from seisml.windows import WindowGrid

GRID = WindowGrid(2.0, 0.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-6, 0.999999), min_size=1, max_size=8, unique=True))
def test_no_hole_is_left(values):
    """What was there stays; no two neighbours are further apart than a step."""
    levels = np.sort(values)
    found = without_holes(levels)
    assert np.isin(levels, found).all()
    assert found[0] == levels[0]
    assert found[-1] == levels[-1]
    assert (np.diff(np.log(found / (1 - found))) <= STEP + 1e-6).all()


def test_the_middle_between_quiet_noise_and_clear_events_is_tried():
    """No score lies between 0.01 and 0.99: a threshold near either would be luck."""
    rng = np.random.default_rng(0)
    scores = np.r_[rng.uniform(0, 0.01, 5000), rng.uniform(0.99, 1, 200), np.nan]
    state = np.r_[np.full(5000, NOISE), np.full(200, EVENT), EVENT]
    found = levels_to_try(state, scores, GRID)
    inside = found[(found > 0.02) & (found < 0.98)]
    assert 5 <= len(inside) <= 10
    assert np.abs(inside - 0.5).min() < 0.15
    assert (np.diff(found) > 0).all()


def test_ratios_have_steps_too():
    """STA/LTA is no probability."""
    found = without_holes(np.array([2.0, 50.0]))
    assert found == pytest.approx(2.0 * 25.0 ** (np.arange(4) / 3))


def test_nothing_to_choose_by():
    with pytest.raises(ModelError, match="No window with features is an event"):
        levels_to_try(np.full(3, NOISE), np.ones(3), GRID)
