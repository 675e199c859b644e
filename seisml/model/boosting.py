"""Boosting that takes columns without any value, as forests do."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from seisml.model.classifiers import without_empty


class Boosting(HistGradientBoostingClassifier):
    """Histogram boosting of scikit-learn that learns nothing from a column without any value.

    A band above the Nyquist frequency, a component that a station does not have: in the training
    part of a fold a column may be NaN throughout. scikit-learn's own class (1.9) then fails on
    "window shape cannot be larger than input array shape"; this one does not look at the column.

    Notes
    -----
    Parameters and attributes are those of `sklearn.ensemble.HistGradientBoostingClassifier`.

    Examples
    --------
    >>> X = [[0.0, float("nan")], [1.0, float("nan")]] * 20
    >>> Boosting(min_samples_leaf=1).fit(X, ["noise", "event"] * 20).predict(X[:2]).tolist()
    ['noise', 'event']
    """

    def fit(self, X, y, sample_weight=None, **validation):
        """Fit as scikit-learn does; `validation` are its keywords for early stopping."""
        X = np.asarray(X) if isinstance(X, list) else X
        return super().fit(without_empty(X), y, sample_weight=sample_weight, **validation)
