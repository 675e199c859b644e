"""Verifier: a second model that looks at each candidate at its own onset."""

import dataclasses

import numpy as np
import pandas as pd


@dataclasses.dataclass(frozen=True)
class Verifier:
    """What tells the candidates of a detector from events, see `seisml.verification`.

    Attributes
    ----------
    estimator : object
        Fitted on candidates, with ``predict_proba`` and ``classes_`` (False, True).
    columns : tuple of str
        Of `seisml.candidates.candidate_features`, in the order of training.
    share : float
        Candidates are events from this share of the detector's threshold on.
    on : float
        Probability from which on a candidate is a detection.
    """

    estimator: object
    columns: tuple[str, ...]
    share: float
    on: float

    def probability(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability that candidates are events, shape (n_candidates,)."""
        if not len(features):
            return np.zeros(0)
        X = features[list(self.columns)].to_numpy(np.float32)
        known = list(self.estimator.classes_).index(True)
        return self.estimator.predict_proba(X)[:, known]
