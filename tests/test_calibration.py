"""Calibration: probabilities that are right as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.errors import ModelError
from seisml.model import Novelty, brier, cross_calibrated, fit_calibration, reliability
from seisml.model.calibration import from_dict, logit
from seisml.plots import plot_reliability


def sample(n: int = 100_000, odds: float = 8.0, seed: int = 0):
    """True probabilities, outcomes, and probabilities whose odds are too high by a factor."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(0.2, 3.0, n)
    return truth, rng.random(n) < truth, 1 / (1 + np.exp(-(logit(truth) + np.log(odds))))


@pytest.mark.parametrize("method", ["prior", "sigmoid", "isotonic", "auto"])
def test_planted_probabilities_come_back(method):
    """Odds that are eight times too high, as where one noise window in eight was drawn."""
    truth, event, p = sample()
    found = fit_calibration(p, event, method=method, noise_share=1 / 8)
    assert np.abs(found(p) - truth).mean() < (1e-6 if method == "prior" else 0.01)
    assert brier(found(p), event) < brier(p, event)
    table = reliability(found(p), event)
    many = table[table["n"] > 200]
    np.testing.assert_allclose(many["frequency"], many["probability"], atol=0.05)


def test_prior_correction_is_bayes():
    """A model of drawn windows, corrected, is the model of all windows."""
    rng = np.random.default_rng(1)
    event = rng.random(400_000) < 0.01
    x = rng.standard_normal(len(event)) + 2 * event
    drawn = event | (rng.random(len(event)) < 0.05)
    level = 1.0 + rng.random(len(x)) * 0.02
    near = np.abs(x - level) < 0.2
    of_drawn = event[drawn & near].mean()
    calibration = fit_calibration(
        np.array([0.5]), np.array([True]), method="prior", noise_share=0.05
    )
    assert calibration(of_drawn) == pytest.approx(event[near].mean(), rel=0.05)


def test_a_model_that_ranks_backwards_says_the_share_of_events():
    """A line of slope 0 is at the frequency of events, not where the turned line met zero."""
    rng = np.random.default_rng(3)
    p = rng.beta(1, 20, 5000)
    event = rng.random(5000) < 0.3 - 2 * np.minimum(p, 0.1)
    q = fit_calibration(p, event, method="sigmoid")(p)
    np.testing.assert_allclose(q, event.mean(), rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    method=st.sampled_from(["none", "prior", "sigmoid", "isotonic"]),
    seed=st.integers(0, 99),
)
def test_calibration_keeps_the_order(method, seed):
    """A map that never falls, from 0..1 to 0..1, NaN to NaN, the same after a round trip."""
    rng = np.random.default_rng(seed)
    p, event = rng.random(300), rng.random(300) < 0.3
    found = fit_calibration(p, event, method=method, noise_share=0.3)
    q = found(np.append(np.linspace(0, 1, 101), np.nan))
    assert np.isnan(q[-1])
    assert (np.diff(q[:-1]) >= -1e-12).all()
    assert ((q[:-1] >= 0) & (q[:-1] <= 1)).all()
    again = from_dict(
        {
            "method": found.method,
            "slope": found.slope,
            "shift": found.shift,
            "x": list(found.x),
            "y": list(found.y),
        }
    )
    np.testing.assert_array_equal(again(q), found(q))


def test_blocks_are_calibrated_by_others():
    """What happens in a block does not change its own calibration."""
    _, event, p = sample(20_000)
    fold, use = np.arange(len(p)) % 4, np.ones(len(p), dtype=bool)
    one = cross_calibrated(p, event, use, fold, method="sigmoid")
    other = cross_calibrated(p, np.where(fold == 2, ~event, event), use, fold, method="sigmoid")
    np.testing.assert_array_equal(one[fold == 2], other[fold == 2])
    assert (one[fold != 2] != other[fold != 2]).all()


def test_windows_that_are_not_sure_calibrate_nothing():
    """What is neither event nor noise for sure has no say, though it gets a probability."""
    _, event, p = sample(20_000)
    fold, use = np.arange(len(p)) % 4, np.arange(len(p)) % 3 > 0
    one = cross_calibrated(p, event, use, fold, method="sigmoid")
    other = cross_calibrated(p, np.where(use, event, ~event), use, fold, method="sigmoid")
    np.testing.assert_array_equal(one, other)
    assert np.isfinite(one).all()


def test_steps_need_a_thousand_events():
    """However many windows there are."""
    p = np.linspace(0.01, 0.99, 5000)
    for n, wanted in ((999, "sigmoid"), (1000, "isotonic")):
        assert fit_calibration(p, np.arange(5000) >= 5000 - n).method == wanted


def test_calibrations_that_cannot_be():
    """A misspelt method, windows of one kind."""
    with pytest.raises(ModelError, match="Did you mean 'isotonic'"):
        fit_calibration(np.zeros(2), np.zeros(2, bool), method="isotonc")
    with pytest.raises(ModelError, match="one kind"):
        fit_calibration(np.array([0.1, 0.2]), np.array([False, False]), method="sigmoid")


def test_reliability_is_drawn():
    """The figure holds the points of the table; nothing to draw is said."""
    _, event, p = sample(2000)
    table = reliability(p, event)
    figure = plot_reliability({"as trained": table})
    (ax,) = figure.axes
    drawn = np.concatenate([line.get_xydata() for line in ax.get_lines()[2:]])
    want = table[["probability", "frequency"]].to_numpy()
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(want, axis=0))
    assert "no windows" in plot_reliability({}).axes[0].texts[0].get_text()


def test_novelty_is_what_lies_apart():
    """About the stated share of the same kind is novel; what is elsewhere is; NaN is not."""
    rng = np.random.default_rng(0)
    X = np.exp(rng.standard_normal((4000, 6)))
    novelty = Novelty(0.02).fit(X)
    same = np.exp(rng.standard_normal((4000, 6)))
    assert 0.005 < novelty.is_novel(same).mean() < 0.06
    assert novelty.is_novel(same * [1, 1, 1, 60, 1, 60]).mean() > 0.8
    assert not novelty.is_novel(np.full((1, 6), np.nan)).any()
    assert novelty.is_novel(np.zeros((0, 6))).shape == (0,)
    assert novelty.n_neighbors_ == 5
    assert Novelty(0.02).fit(X[:3]).n_neighbors_ == 2
