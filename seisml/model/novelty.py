"""Novelty: events that are unlike all that the model was trained on are called unknown."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

UNKNOWN = "unknown"
MAX_WINDOWS = 3000
N_NEIGHBORS = 5


class Novelty(BaseEstimator):
    """Say which windows lie apart from the event windows of the training.

    Columns are centred on their median, divided by their interquartile range and compressed by
    arcsinh, so that heavy tails do not rule; a missing value is a median. A window is novel if
    its mean distance to the five nearest training windows is larger than that of all but a
    `share` of the training windows to those of other events. (Windows of one event overlap, and
    are as near to each other as no new event is to any of them. An isolation forest would not do:
    outside the range of the training nothing is cut, however far it lies.)

    Parameters
    ----------
    share : float
        Share of the training windows that would be novel themselves.
    seed : int
        Of the draw of 3000 windows where there are more.

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((500, 2))
    >>> Novelty(0.01).fit(X).is_novel(np.array([[0.0, 0.0], [90.0, -90.0]])).tolist()
    [False, True]
    """

    def __init__(self, share: float = 0.01, seed: int = 0):
        self.share = share
        self.seed = seed

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X, y=None, groups=None):
        """Learn from event windows.

        Parameters
        ----------
        X : array_like, shape (n_windows, n_columns)
        y : None
        groups : array_like, shape (n_windows,), optional
            Event of each window: the limit is of distances to windows of other events. Without
            it, or where all are of one event, each window is one.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite=False)
        groups = np.arange(len(X)) if groups is None else column_or_1d(groups)
        check_consistent_length(X, groups)
        if len(X) > MAX_WINDOWS:
            drawn = np.random.default_rng(self.seed).permutation(len(X))[:MAX_WINDOWS]
            X, groups = X[drawn], groups[drawn]
        X = np.where(np.isfinite(X), X, np.nan)
        X[:, np.isnan(X).all(axis=0)] = 0.0
        low, middle, high = np.nanquantile(X, [0.25, 0.5, 0.75], axis=0)
        self.center_, self.scale_ = middle, np.where(high > low, high - low, 1.0)
        self.neighbors_ = NearestNeighbors(algorithm="brute").fit(self._scaled(X))
        group = np.unique(groups, return_inverse=True)[1]
        if group.max() == 0:
            group = np.arange(len(X))
        with threadpool_limits(1):
            k, distance = _to_others(self.neighbors_, group)
        self.n_neighbors_, self.limit_ = k, float(np.quantile(distance, 1 - self.share))
        return self

    def _scaled(self, X) -> np.ndarray:
        X = (X - self.center_) / self.scale_
        return np.arcsinh(np.where(np.isfinite(X), X, 0.0)).astype(np.float32)

    def is_novel(self, X) -> np.ndarray:
        """Return which windows are novel, bool, shape (n_windows,)."""
        check_is_fitted(self)
        if not len(X):
            return np.zeros(0, dtype=bool)
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite=False)
        with threadpool_limits(1):
            near = self.neighbors_.kneighbors(self._scaled(X), n_neighbors=self.n_neighbors_)
        return near[0].mean(axis=1) > self.limit_


def _to_others(neighbors: NearestNeighbors, group: np.ndarray) -> tuple[int, np.ndarray]:
    """Return a number of neighbours, and how far away so many windows of other groups are."""
    n, most = len(group), int(np.bincount(group).max())
    k = max(min(N_NEIGHBORS, n - most), 1)
    if n == 1:
        return k, np.zeros(1)
    # Whoever stands nearer is of the own group, and that has no more than `most`.
    distance, other = neighbors.kneighbors(n_neighbors=min(n - 1, most - 1 + k))
    distance = np.where(group[other] == group[:, np.newaxis], np.inf, distance)
    return k, np.sort(distance, axis=1)[:, :k].mean(axis=1)
