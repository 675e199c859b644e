"""Estimators that scikit-learn does not have: STA/LTA with a threshold, scaling by station."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from seisml.errors import ModelError

NOISE_CLASS = "noise"


class StaLtaThreshold(ClassifierMixin, BaseEstimator):
    """STA/LTA over a threshold as a classifier of windows: the baseline of every report.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of X; a DataFrame brings its own.
    feature : str
        Which ratio, as stalta_short_max; the largest of the components counts.

    Attributes
    ----------
    threshold_ : float
        Ratio with the best F1 of windows among the training windows.
    classes_ : numpy.ndarray
        "noise" and the one other class.

    Examples
    --------
    >>> X = pd.DataFrame({"stalta_short_max.Z": [1.0, 2.0, 5.0, 8.0]})
    >>> model = StaLtaThreshold().fit(X, ["noise", "noise", "event", "event"])
    >>> model.threshold_, model.predict(X).tolist()
    (5.0, ['noise', 'noise', 'event', 'event'])
    """

    def __init__(self, columns: Sequence[str] = (), feature: str = "stalta_short_max"):
        self.columns = columns
        self.feature = feature

    def fit(self, X, y, sample_weight=None):
        """Choose the threshold.

        Raises
        ------
        ModelError
            If X has no such column, or y is not noise and one other class.
        """
        self.classes_ = np.unique(np.asarray(y))
        if len(self.classes_) != 2 or NOISE_CLASS not in self.classes_:
            raise ModelError(
                f"STA/LTA tells events from noise; the classes are {', '.join(self.classes_)}.",
                "Learn one class (one_class), or take another classifier.",
            )
        ratio, event = self.decision_function(X), np.asarray(y) != NOISE_CLASS
        weight = np.ones(len(ratio)) if sample_weight is None else np.asarray(sample_weight, float)
        order = np.argsort(-np.nan_to_num(ratio, nan=-np.inf), kind="stable")
        hits = np.cumsum((weight * event)[order])
        f1 = 2 * hits / (np.cumsum(weight[order]) + hits[-1])
        # Equal ratios are on one side of a threshold: only the last of them counts.
        last = np.append(np.diff(ratio[order]) != 0, True)
        self.threshold_ = float(ratio[order][np.argmax(np.where(last, f1, -1))])
        self.n_features_in_ = np.shape(X)[1]
        return self

    def decision_function(self, X) -> np.ndarray:
        """Return the ratio of each window, NaN where no component has one."""
        names = list(X.columns) if isinstance(X, pd.DataFrame) else list(self.columns)
        at = [i for i, name in enumerate(names) if name.split(".")[0] == self.feature]
        if not at:
            raise ModelError(
                f"There is no column {self.feature}.* among {len(names)} columns.",
                "Add it to [features] names.",
            )
        values = X.iloc[:, at].to_numpy(float) if isinstance(X, pd.DataFrame) else X[:, at]
        return np.fmax.reduce(np.asarray(values, float), axis=1)

    def predict_proba(self, X) -> np.ndarray:
        """Return r/(r + threshold) as probability of an event: a half at the threshold."""
        check_is_fitted(self)
        ratio = np.clip(np.nan_to_num(self.decision_function(X), nan=0.0), 0.0, 1e30)
        event = ratio / (ratio + max(self.threshold_, 1e-30))
        where = (self.classes_ != NOISE_CLASS).astype(int)
        return np.where(where, event[:, None], 1 - event[:, None])

    def predict(self, X) -> np.ndarray:
        """Return the class of each window."""
        event = self.classes_[self.classes_ != NOISE_CLASS][0]
        at = np.flatnonzero(self.classes_ == event)[0]
        return np.where(self.predict_proba(X)[:, at] >= 0.5, event, NOISE_CLASS)


class StationScaler(TransformerMixin, BaseEstimator):
    """Scale each column by its median and spread at the station: (x - median)/(q75 - q25).

    Sites and instruments differ in gain and background; after scaling their windows are alike.

    Attributes
    ----------
    stations_ : list of str
    center_, scale_ : numpy.ndarray, shape (n_stations + 1, n_columns)
        The last row is the median of the stations: for one that was not seen in training. Its
        statistics are not taken from the windows at hand, so that a result never depends on how
        many windows are looked at together; `adapted` learns a new station on purpose.

    Notes
    -----
    X is a DataFrame with a level ``station`` in its index, as in a FeatureTable; without one all
    windows are of one station. NaN stays NaN.

    Examples
    --------
    >>> X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]})
    >>> X.index = pd.Index(["A"] * 3 + ["B"] * 3, name="station")
    >>> StationScaler().fit_transform(X)[:, 0].tolist()
    [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]
    """

    def fit(self, X, y=None):
        """Learn the medians and spreads of the stations."""
        self.stations_, self.center_, self.scale_ = [], None, None
        known = self._learn(X)
        self.stations_ = list(known)
        pairs = np.array([known[name] for name in self.stations_])
        self.center_, self.scale_ = (self._with_median(pairs[:, i]) for i in (0, 1))
        self.n_features_in_ = np.shape(X)[1]
        return self

    def adapted(self, X) -> "StationScaler":
        """Return a copy that knows the stations of X as well, or anew."""
        check_is_fitted(self)
        known = dict(zip(self.stations_, zip(self.center_, self.scale_, strict=True), strict=False))
        known |= self._learn(X)
        out = clone(self)
        out.stations_, out.n_features_in_ = list(known), self.n_features_in_
        pairs = np.array([known[name] for name in out.stations_])
        out.center_ = np.vstack([pairs[:, 0], self.center_[-1]])
        out.scale_ = np.vstack([pairs[:, 1], self.scale_[-1]])
        return out

    def _learn(self, X) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        values, names = _values(X), _stations(X)
        found = {}
        for name in np.unique(names):
            mine = values[names == name]
            known = np.isfinite(mine).any(axis=0)
            low, middle, high = np.full((3, values.shape[1]), np.nan)
            if known.any():
                quartiles = np.nanquantile(mine[:, known], [0.25, 0.5, 0.75], axis=0)
                low[known], middle[known], high[known] = quartiles
            spread = high - low
            found[str(name)] = (middle, np.where(spread > 0, spread, 1.0))
        return found

    @staticmethod
    def _with_median(rows: np.ndarray) -> np.ndarray:
        known = np.isfinite(rows).any(axis=0)
        middle = np.full(rows.shape[1], np.nan)
        middle[known] = np.nanmedian(rows[:, known], axis=0)
        return np.vstack([rows, middle])

    def transform(self, X) -> np.ndarray:
        """Return the scaled columns, float32, shape (n_windows, n_columns)."""
        check_is_fitted(self)
        row = {name: i for i, name in enumerate(self.stations_)}
        names, codes = np.unique(_stations(X), return_inverse=True)
        at = np.array([row.get(str(name), len(row)) for name in names], dtype=int)[codes]
        # A column that its station never had in training is compared with the others' median.
        center = np.where(np.isnan(self.center_), self.center_[-1], self.center_)
        return ((_values(X) - center[at]) / self.scale_[at]).astype(np.float32)


def _values(X) -> np.ndarray:
    values = X.to_numpy() if isinstance(X, pd.DataFrame) else np.asarray(X)
    return np.where(np.isinf(values), np.nan, values)


def _stations(X) -> np.ndarray:
    if isinstance(X, pd.DataFrame) and "station" in X.index.names:
        return X.index.get_level_values("station").to_numpy().astype(str)
    return np.full(len(X), "", dtype=str)
