"""Calibration: a probability of 0.8 should be right eight times in ten.

A model is trained on all event windows and a part of the noise, so that its probabilities are too
high; a calibration maps them to the frequencies among all windows of blocks that it had not seen.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.errors import ModelError, did_you_mean

METHODS = ("none", "prior", "sigmoid", "isotonic", "auto")
N_KNOTS = 200
ENOUGH = 1000
"""Event windows from which on ``auto`` takes isotonic: fewer make steps of chance."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A rising map from the probabilities of a model to calibrated ones.

    Attributes
    ----------
    method : str
        ``none``; ``prior``: the share of noise that was drawn is undone; ``sigmoid``: a straight
        line in log odds (Platt, 1999); ``isotonic``: the best rising step function (Zadrozny and
        Elkan, 2002).
    slope, shift : float
        Of the log odds: logit(q) = slope logit(p) + shift, for prior and sigmoid.
    x, y : tuple of float
        Knots of isotonic, linear between them.
    """

    method: str = "none"
    slope: float = 1.0
    shift: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def __call__(self, probability) -> np.ndarray:
        """Return calibrated probabilities; NaN stays NaN."""
        p = np.asarray(probability, dtype=np.float64)
        if self.method == "isotonic":
            return np.where(np.isnan(p), np.nan, np.interp(p, self.x, self.y))
        if self.method == "none":
            return p
        with np.errstate(over="ignore"):  # odds of 0 are odds
            return 1.0 / (1.0 + np.exp(-(self.slope * logit(p) + self.shift)))


def logit(p) -> np.ndarray:
    """Return log odds, finite where a model leaves no doubt.

    Examples
    --------
    >>> logit([0.5, 1.0]).round(2).tolist()
    [0.0, 27.63]
    """
    p = np.clip(np.asarray(p, dtype=np.float64), 1e-12, 1 - 1e-12)
    return np.log(p) - np.log1p(-p)


def fit_calibration(
    probability: np.ndarray,
    event: np.ndarray,
    *,
    method: str = "auto",
    noise_share: float = 1.0,
    event_share: float = 1.0,
) -> Calibration:
    """Fit a calibration to probabilities of windows that the model was not trained on.

    Parameters
    ----------
    probability : numpy.ndarray, shape (n_windows,)
        Out-of-fold event probabilities; NaN is left out.
    event : numpy.ndarray of bool, shape (n_windows,)
    method : str
        See `Calibration`; ``auto`` is isotonic from 1000 event windows on, else sigmoid.
    noise_share, event_share : float
        Share of all noise and event windows that was trained on, in the weights of the training,
        for ``prior``: odds of a sample are odds of the records times event_share/noise_share
        (Elkan, 2001).

    Returns
    -------
    Calibration

    Raises
    ------
    ModelError
        If there is no such method, or there are windows of one kind only.
    """
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    if method not in METHODS:
        raise ModelError(f"There is no calibration {method!r}.", did_you_mean(method, METHODS))
    known = np.isfinite(probability)
    p, event = np.asarray(probability, float)[known], np.asarray(event, bool)[known]
    if method in ("none", "prior"):
        shift = float(np.log(noise_share / event_share)) if method == "prior" else 0.0
        return Calibration(method, shift=shift)
    if event.all() or not event.any():
        raise ModelError("Windows of one kind cannot calibrate.", "Give event and noise windows.")
    if method == "auto":
        method = "isotonic" if event.sum() >= ENOUGH else "sigmoid"
    if method == "sigmoid":
        line = LogisticRegression(C=1e6, max_iter=1000).fit(logit(p)[:, None], event)
        slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0])
        # A model that ranks no better than chance is not turned round: all are alike.
        if slope <= 0:
            slope, shift = 0.0, float(logit(event.mean()))
        return Calibration(method, slope, shift)
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, event)
    x, y = steps.X_thresholds_, steps.y_thresholds_
    at = np.unique(np.linspace(0, len(x) - 1, min(len(x), N_KNOTS)).round().astype(int))
    return Calibration(method, x=tuple(map(float, x[at])), y=tuple(map(float, y[at])))


def brier(probability: np.ndarray, event: np.ndarray) -> float:
    """Return the mean square of probability minus outcome (Brier, 1950); 0 is perfect.

    Examples
    --------
    >>> brier(np.array([0.0, 0.5]), np.array([False, True]))
    0.125
    """
    known = np.isfinite(probability)
    return float(np.mean((probability[known] - event[known]) ** 2)) if known.any() else np.nan


def reliability(probability: np.ndarray, event: np.ndarray, *, n_bins: int = 10) -> pd.DataFrame:
    """Return how often windows of a probability are events, in bins of equal width.

    Parameters
    ----------
    probability : numpy.ndarray, shape (n_windows,)
    event : numpy.ndarray of bool, shape (n_windows,)
    n_bins : int

    Returns
    -------
    pandas.DataFrame
        Columns probability (mean of the bin), frequency (of events in it), n; empty bins have no
        row.

    Examples
    --------
    >>> reliability(np.array([0.1, 0.1, 0.9]), np.array([False, True, True])).values.tolist()
    [[0.1, 0.5, 2.0], [0.9, 1.0, 1.0]]
    """
    known = np.isfinite(probability)
    p, event = np.asarray(probability)[known], np.asarray(event, float)[known]
    group = np.minimum((p * n_bins).astype(int), n_bins - 1)
    n = np.bincount(group, minlength=n_bins)
    sums = (np.bincount(group, weights=w, minlength=n_bins) for w in (p, event))
    mean, frequency = (total / np.maximum(n, 1) for total in sums)
    table = pd.DataFrame({"probability": mean, "frequency": frequency, "n": n})
    return table[n > 0].reset_index(drop=True)


def cross_calibrated(
    probability: np.ndarray, event: np.ndarray, use: np.ndarray, fold: np.ndarray, **options
) -> np.ndarray:
    """Return out-of-fold probabilities, each calibrated on the other folds.

    Parameters
    ----------
    probability : numpy.ndarray, shape (n_windows,)
    event, use : numpy.ndarray of bool, shape (n_windows,)
        Event windows, and those that are event or noise for sure.
    fold : numpy.ndarray of int, shape (n_windows,)
    **options
        Of `fit_calibration`.
    """
    out = np.full(len(probability), np.nan)
    for k in np.unique(fold):
        others = use & (fold != k)
        mine = fold == k
        out[mine] = fit_calibration(probability[others], event[others], **options)(
            probability[mine]
        )
    return out


def from_dict(values: Mapping) -> Calibration:
    """Return a calibration from its fields, as they stand in a model's file."""
    return Calibration(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def over_threshold(probability, threshold) -> np.ndarray:
    """Return scores that are 1 at the threshold: ratios below it, ratios of odds above.

    Probabilities of clear events crowd just below 1; their odds, p/(1 - p), do not.

    Examples
    --------
    >>> over_threshold([0.25, 0.5, 0.75], 0.5).tolist()
    [0.5, 1.0, 3.0]
    """
    p, t = np.broadcast_arrays(np.asarray(probability, float), np.asarray(threshold, float))
    certain = 1e-12  # odds stay finite where a model leaves no doubt
    odds = (p / np.maximum(1 - p, certain)) / (t / np.maximum(1 - t, certain))
    return np.where(p < t, p / t, np.maximum(odds, 1.0))
