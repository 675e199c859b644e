"""Novelty: events that are unlike all that the model was trained on are called unknown."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

UNKNOWN = "unknown"
MAX_WINDOWS = 20_000


class Novelty(BaseEstimator):
    """Say which windows lie apart from the event windows of the training.

    Columns are centred on their median, divided by their interquartile range and compressed by
    arcsinh, so that heavy tails do not hide what is new; a missing value is a median. An
    isolation forest (Liu, Ting and Zhou, 2008) scores how few cuts set a window apart. A window
    is novel if it scores below all but a `share` of the training windows.

    Parameters
    ----------
    share : float
        Share of the training windows that would be novel themselves.
    seed : int

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((500, 2))
    >>> Novelty(0.01).fit(X).is_novel(np.array([[0.0, 0.0], [90.0, -90.0]])).tolist()
    [False, True]
    """

    def __init__(self, share: float = 0.01, seed: int = 0):
        self.share = share
        self.seed = seed

    def fit(self, X, y=None):
        """Learn from event windows."""
        X = np.asarray(X, dtype=np.float64)
        if len(X) > MAX_WINDOWS:
            X = np.random.default_rng(self.seed).permutation(X)[:MAX_WINDOWS]
        X = np.where(np.isfinite(X), X, np.nan)
        empty = np.isnan(X).all(axis=0)
        low, middle, high = np.nanquantile(np.where(empty, 0.0, X), [0.25, 0.5, 0.75], axis=0)
        self.center_, self.scale_ = middle, np.where(high > low, high - low, 1.0)
        self.forest_ = IsolationForest(200, random_state=self.seed)
        with threadpool_limits(1):
            scores = self.forest_.fit(self._scaled(X)).score_samples(self._scaled(X))
        self.threshold_ = float(np.quantile(scores, self.share))
        return self

    def _scaled(self, X) -> np.ndarray:
        X = (np.asarray(X, dtype=np.float64) - self.center_) / self.scale_
        return np.arcsinh(np.where(np.isfinite(X), X, 0.0))

    def is_novel(self, X) -> np.ndarray:
        """Return which windows are novel, bool, shape (n_windows,)."""
        check_is_fitted(self)
        if not len(X):
            return np.zeros(0, dtype=bool)
        with threadpool_limits(1):
            return self.forest_.score_samples(self._scaled(X)) < self.threshold_
