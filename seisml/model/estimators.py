"""Estimators that scikit-learn does not have: STA/LTA with a threshold, scaling by station."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from seisml.errors import EstimatorError

NOISE_CLASS = "noise"


class StaLtaThreshold(ClassifierMixin, BaseEstimator):
    """STA/LTA over a threshold as a classifier of windows: the baseline of every report.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of X; a DataFrame brings its own. Without names all columns are ratios.
    feature : str
        Which ratio, as stalta_short_max; the largest of the components counts.

    Attributes
    ----------
    threshold_ : float
        Ratio with the best F1 of windows among the training windows; infinite where none has one.
        A window without a ratio is no event.
    classes_ : numpy.ndarray
        "noise" and the one other class; where none is called noise, the first is.

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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.poor_score = True  # one number a window
        return tags

    def fit(self, X, y, sample_weight=None):
        """Choose the threshold.

        Raises
        ------
        EstimatorError
            If X has no such column, y is not noise and one other class, or no window has a weight.
        """
        given = X
        X, y = validate_data(self, X, y, dtype="numeric", ensure_all_finite=False)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            kind = type_of_target(y)
            raise EstimatorError(
                "Only binary classification is supported. The type of the target is "
                f"{kind}. STA/LTA tells events from noise; the classes are "
                f"{', '.join(map(str, self.classes_))}.",
                "Learn one class (one_class), or take another classifier.",
            )
        ratio, event = largest_ratio(X, self._names(given), self.feature), y != self._noise
        weight = np.ones(len(X))
        if sample_weight is not None:
            weight = column_or_1d(sample_weight, dtype=np.float64)
            check_consistent_length(X, weight)
        if not weight.sum() > 0:
            raise EstimatorError("All sample weights are zero.", "Leave them out, or give some.")
        order = np.argsort(-np.nan_to_num(ratio, nan=-np.inf), kind="stable")
        hits = np.cumsum((weight * event)[order])
        f1 = 2 * hits / np.maximum(np.cumsum(weight[order]) + hits[-1], 1e-300)
        # Equal ratios are on one side of a threshold: only the last of them counts.
        last = np.append(np.diff(ratio[order]) != 0, True) & ~np.isnan(ratio[order])
        best = float(ratio[order][np.argmax(np.where(last, f1, -1))])
        self.threshold_ = best if last.any() else np.inf
        return self

    @property
    def _noise(self):
        return NOISE_CLASS if NOISE_CLASS in self.classes_.tolist() else self.classes_[0]

    def _names(self, X) -> list[str]:
        """Return the names of the columns of X, of those of the training where it has none."""
        if isinstance(X, pd.DataFrame):
            return [str(c) for c in X.columns]
        return list(getattr(self, "feature_names_in_", ())) or list(self.columns)

    def _probability(self, X) -> np.ndarray:
        check_is_fitted(self)
        names = self._names(X)
        X = validate_data(self, X, reset=False, dtype="numeric", ensure_all_finite=False)
        ratio = np.clip(np.nan_to_num(largest_ratio(X, names, self.feature), nan=0.0), 0.0, 1e30)
        return ratio / (ratio + max(self.threshold_, 1e-30))

    def decision_function(self, X) -> np.ndarray:
        """Return P(classes_[1]) - P(classes_[0]) of each window: above 0, it is the former."""
        sure = 2 * self._probability(X) - 1
        sure = np.where(sure == 0, 1e-16, sure)  # the threshold itself is an event
        return sure if self.classes_[0] == self._noise else -sure

    def predict_proba(self, X) -> np.ndarray:
        """Return r/(r + threshold) as probability of an event: a half at the threshold."""
        event = self._probability(X)
        return np.where(self.classes_ != self._noise, event[:, None], 1 - event[:, None])

    def predict(self, X) -> np.ndarray:
        """Return the class of each window."""
        check_is_fitted(self)
        event = int(self.classes_[0] == self._noise)  # number of the class that is no noise
        return self.classes_[np.where(self._probability(X) >= 0.5, event, 1 - event)]


def largest_ratio(X, names: Sequence[str], feature: str) -> np.ndarray:
    """Return the largest of the components of a ratio, NaN where no component has one.

    Parameters
    ----------
    X : array_like, shape (n_windows, n_columns)
    names : sequence of str
        Of the columns, FEATURE.COMPONENT; without names all columns are components.
    feature : str

    Raises
    ------
    EstimatorError
        If there is no such column.
    """
    at = [i for i, name in enumerate(names) if name.split(".")[0] == feature]
    if names and not at:
        raise EstimatorError(
            f"There is no column {feature}.* among {len(names)} columns.",
            "Add it to [features] names.",
        )
    values = np.asarray(X, dtype=np.float64)
    return np.fmax.reduce(values[:, at] if names else values, axis=1)


class StationScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale each column by its median and spread at the station: (x - median)/(q75 - q25).

    Sites and instruments differ in gain and background; after scaling their windows are alike.

    Attributes
    ----------
    stations_ : list of str
    center_, scale_ : numpy.ndarray, shape (n_stations + 1, n_columns)
        NaN where a station never had a column; a spread of 0 scales by 1. The last row is the
        median of the stations that know the column, and its spread: for a station, or a column of
        one, that was not seen in training. Its statistics are not taken from the windows at hand,
        so that a result never depends on how many windows are looked at together; `adapted`
        learns a new station on purpose.

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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X, y=None):
        """Learn the medians and spreads of the stations."""
        known = self._learn(X, reset=True)
        self.stations_ = list(known)
        center, spread = np.array([known[name] for name in self.stations_]).transpose(1, 0, 2)
        self.center_ = np.vstack([center, _medians(center)])
        typical = _medians(np.where(spread > 0, spread, np.nan))
        self.scale_ = _scales(np.vstack([spread, np.where(np.isnan(typical), 1.0, typical)]))
        return self

    def adapted(self, X) -> "StationScaler":
        """Return a copy that knows the stations of X as well, or anew."""
        check_is_fitted(self)
        known = dict(zip(self.stations_, zip(self.center_, self.scale_, strict=True), strict=False))
        known |= self._learn(X, reset=False)
        out = clone(self)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(out, name, getattr(self, name))
        out.stations_ = list(known)
        center, spread = np.array([known[name] for name in out.stations_]).transpose(1, 0, 2)
        out.center_ = np.vstack([center, self.center_[-1]])
        out.scale_ = _scales(np.vstack([spread, self.scale_[-1]]))
        return out

    def _values(self, X, *, reset: bool) -> np.ndarray:
        kinds = [np.float64, np.float32]
        values = validate_data(self, X, reset=reset, dtype=kinds, ensure_all_finite=False)
        return np.where(np.isinf(values), np.nan, values)

    def _learn(self, X, *, reset: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        values = self._values(X, reset=reset)
        names = _stations(X, len(values))
        found = {}
        for name in np.unique(names):
            mine = values[names == name]
            known = np.isfinite(mine).any(axis=0)
            low, middle, high = np.full((3, values.shape[1]), np.nan)
            if known.any():
                quartiles = np.nanquantile(mine[:, known], [0.25, 0.5, 0.75], axis=0)
                low[known], middle[known], high[known] = quartiles
            found[str(name)] = (middle, high - low)
        return found

    def transform(self, X) -> np.ndarray:
        """Return the scaled columns, of the type of X, shape (n_windows, n_columns)."""
        check_is_fitted(self)
        values = self._values(X, reset=False)
        row = {name: i for i, name in enumerate(self.stations_)}
        names, codes = np.unique(_stations(X, len(values)), return_inverse=True)
        at = np.array([row.get(str(name), len(row)) for name in names], dtype=int)[codes]
        # A column that its station never had in training is compared with the others.
        center, scale = (np.where(np.isnan(v), v[-1], v) for v in (self.center_, self.scale_))
        return ((values - center[at]) / scale[at]).astype(values.dtype)


def _medians(rows: np.ndarray) -> np.ndarray:
    """Return the median of each column, NaN where it has no value."""
    known = np.isfinite(rows).any(axis=0)
    middle = np.full(rows.shape[1], np.nan)
    middle[known] = np.nanmedian(rows[:, known], axis=0)
    return middle


def _scales(spread: np.ndarray) -> np.ndarray:
    return np.where(spread == 0, 1.0, spread)


def _stations(X, n: int) -> np.ndarray:
    if isinstance(X, pd.DataFrame) and "station" in X.index.names:
        return X.index.get_level_values("station").to_numpy().astype(str)
    return np.full(n, "", dtype=str)
