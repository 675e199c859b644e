"""Priors of classes: planted ones are undone and recovered."""

import numpy as np
import pytest
from scipy.stats import norm

from seisml.errors import ModelError
from seisml.model import estimate_priors, with_priors

MEANS = np.array([0.0, 2.0, 4.0])


def posterior(x, shares) -> np.ndarray:
    """Exact probabilities of three classes of unit variance."""
    p = norm.pdf(x[:, None], MEANS) * np.asarray(shares)
    return p / p.sum(axis=1, keepdims=True)


def test_other_priors_are_bayes():
    """What a model of balanced classes says becomes what one of the records would say."""
    x, there = np.linspace(-3, 7, 101), [0.95, 0.04, 0.01]
    found = with_priors(posterior(x, [1, 1, 1]), [1, 1, 1], there)
    np.testing.assert_allclose(found, posterior(x, there), atol=1e-12)
    back = with_priors(found, there, [1, 1, 1])
    np.testing.assert_allclose(back, posterior(x, [1, 1, 1]), atol=1e-12)
    # Numbers do as well as shares; a row that is not known stays so.
    np.testing.assert_allclose(with_priors(found, [95, 4, 1], there), found, atol=1e-12)
    assert np.isnan(with_priors([[np.nan] * 3], there, there)).all()


def test_planted_priors_are_recovered():
    """From the model's probabilities alone: 30 000 windows of which 2 and 8 % are events."""
    rng = np.random.default_rng(0)
    there = np.array([0.90, 0.08, 0.02])
    label = rng.choice(3, 30_000, p=there)
    x = MEANS[label] + rng.standard_normal(len(label))
    said = posterior(x, [0.2, 0.4, 0.4])
    found = estimate_priors(said, [0.2, 0.4, 0.4])
    np.testing.assert_allclose(found, there, atol=0.006)
    assert abs(said.mean(axis=0)[0] - there[0]) > 0.05  # as trained they are off
    corrected = with_priors(said, [0.2, 0.4, 0.4], found)
    np.testing.assert_allclose(corrected.mean(axis=0), found, atol=1e-6)
    for k in range(3):  # and calibrated: where 0.5 is said it is so in half of the cases
        near = np.abs(corrected[:, k] - 0.5) < 0.1
        assert (label[near] == k).mean() == pytest.approx(0.5, abs=0.1)
    assert estimate_priors(np.full((4, 3), np.nan), [1, 1, 2]).tolist() == [0.25, 0.25, 0.5]


def test_shares_that_are_none_are_refused():
    """A negative share, the wrong number of them, a class that was never learnt."""
    for bad in ([1, -1], [0, 0], [1, 1, 1]):
        with pytest.raises(ModelError, match="no shares of 2 classes"):
            with_priors([[0.5, 0.5]], [1, 1], bad)
    with pytest.raises(ModelError, match="Class 1 has no share in training"):
        with_priors([[0.5, 0.5]], [1, 0], [1, 1])
