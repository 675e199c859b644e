"""event_scorer: score an estimator by events, inside scikit-learn's own searches."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.classprobabilities import column_of
from seisml.classrules import OTHERS, class_rules
from seisml.errors import EstimatorError
from seisml.model import NOISE_CLASS, event_probability, is_noise
from seisml.scoredlines import (
    MatchRule,
    ScoredLine,
    count_spans,
    events_of,
    known_signals,
    split_scores,
)
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

N_LEVELS = 40
MIN_WINDOWS = 10
"""Of fewer windows nobody can say how far they are apart."""


def event_scorer(
    signals: pd.DataFrame,
    grid: WindowGrid,
    *,
    detection: Mapping,
    matching: MatchRule | None = None,
    threshold: float | None = None,
):
    """Return a scorer for ``cross_val_score`` and ``GridSearchCV`` that counts events.

    A window more or less does not matter; an event found or missed does. The scorer turns the
    probabilities of the tested windows into events, matches them one-to-one with the expert's
    signals that begin in these windows, and returns F1.

    Parameters
    ----------
    signals : pandas.DataFrame
        From `seisml.labels.signals`.
    grid : WindowGrid
    detection : mapping
        How probabilities become events, as for `seisml.training.train`.
    matching : MatchRule, optional
    threshold : float, optional
        Of the event probability; by default the best of forty levels, which ranks settings
        without a choice of threshold, and is for that reason no honest score of a detector.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)`` -> float; X is a DataFrame with the index (station, time) of a
        FeatureTable, of all windows (not a sample) of the tested blocks. Where no class is called
        noise, the first of two is noise.

    Examples
    --------
    >>> import seisml.model as sm
    >>> grid = WindowGrid(2.0, 2.0)
    >>> time = pd.to_datetime(np.arange(100) * 2, unit="s")
    >>> X = pd.DataFrame({"a": np.zeros(100)}, index=pd.MultiIndex.from_product(
    ...     [["XX.A.00.HH"], time], names=["station", "time"]))
    >>> X.iloc[[20, 21, 22, 70, 71, 72], 0] = 1.0
    >>> y = np.where(X["a"] > 0, "event", "noise")
    >>> signals = pd.DataFrame({"event_id": ["1", "2"], "station": "XX.A",
    ...     "start_ns": [40 * 10**9, 140 * 10**9], "end_ns": [46 * 10**9, 146 * 10**9]})
    >>> rule = {"off_ratio": 0.5, "merge_gap_s": 0, "min_duration_s": 0, "max_duration_s": 60}
    >>> model = sm.fit_classifier("random_forest", X, y)
    >>> event_scorer(signals, grid, detection=rule)(model, X, y)
    1.0
    """
    return EventScorer(signals, grid, dict(detection), matching or MatchRule(), threshold)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class EventScorer:
    """What `event_scorer` returns; as any scorer of scikit-learn it can be pickled and copied."""

    signals: pd.DataFrame
    grid: WindowGrid
    detection: Mapping
    matching: MatchRule
    threshold: float | None

    def __repr__(self) -> str:
        level = "the best threshold" if self.threshold is None else f"threshold {self.threshold:g}"
        return (
            f"event_scorer({len(self.signals)} signals, F1 at {level}, "
            f"tolerance {self.matching.tolerance_s:g} s)"
        )

    def __call__(self, estimator, X, y=None) -> float:
        """Return the F1 of the events in the windows X."""
        if not isinstance(X, pd.DataFrame) or list(X.index.names) != ["station", "time"]:
            raise EstimatorError(
                "event_scorer needs windows with station and time.",
                "Give the frame of a FeatureTable as X.",
            )
        if not len(X):
            return 0.0
        p = probabilities(estimator, X)
        scores = split_scores(event_probability(p), p.rename(columns=column_of), self.detection)
        stations = X.index.get_level_values("station").to_numpy().astype(str)
        times = X.index.get_level_values("time").to_numpy()
        time_ns = times.astype("datetime64[ns]").astype(np.int64)
        lines = [
            self._line(station, time_ns[rows], {n: one[rows] for n, one in scores.items()})
            for station, rows in ((s, np.flatnonzero(stations == s)) for s in np.unique(stations))
        ]
        levels = [self.threshold]
        if self.threshold is None:
            levels = np.unique(np.quantile(scores[OTHERS], 1 - np.geomspace(1e-5, 0.5, N_LEVELS)))
            levels = levels[levels > 0]
        return max((self._f1(lines, level) for level in levels), default=0.0)

    def _line(self, station: str, time_ns: np.ndarray, scores: Mapping) -> ScoredLine:
        order = np.argsort(time_ns, kind="stable")
        time_ns, fold = time_ns[order], np.zeros(len(order), dtype=int)
        _check_whole(station, time_ns, self.grid)
        truth, labels = known_signals(self.signals, station, time_ns, self.grid)
        scores = {name: one[order] for name, one in scores.items()}
        return ScoredLine(0, time_ns, scores, fold, truth, labels)

    def _f1(self, lines, level: float) -> float:
        counts = np.zeros((1, 3))
        rules = class_rules(level, self.detection)
        for line in lines:
            spans = events_of(line, self.grid, rules)[["start_ns", "end_ns"]].to_numpy()
            count_spans(counts, line, spans, self.grid, self.matching)
        tp, fp, fn = counts[0]
        return float(2 * tp / max(2 * tp + fp + fn, 1))


def probabilities(estimator, X) -> pd.DataFrame:
    """Return the probability of each class of windows by any classifier.

    Where no class is called noise, the first of two is noise: of 0 and 1, 1 is an event.

    Raises
    ------
    EstimatorError
        If none of more classes is noise.
    """
    classes = [str(name) for name in estimator.classes_]
    if not any(map(is_noise, classes)):
        if len(classes) > 2:
            raise EstimatorError(
                f"None of the classes {', '.join(classes)} is called noise.",
                "Call windows without an event 'noise' in y.",
            )
        classes[0] = NOISE_CLASS
    return pd.DataFrame(np.asarray(estimator.predict_proba(X), np.float64), columns=classes)


def _check_whole(station: str, time_ns: np.ndarray, grid: WindowGrid) -> None:
    """Refuse a sample of windows: between windows that are left out there are no events."""
    step_ns = int(np.median(np.diff(time_ns))) if len(time_ns) > MIN_WINDOWS else 0
    if step_ns > grid.hop_ns:
        raise EstimatorError(
            f"The windows of {station} are {step_ns / NS_PER_S:g} s apart, the hop is "
            f"{grid.hop_s:g} s: a sample of windows makes no events.",
            "Give all windows of the tested blocks; let HalvingGridSearchCV save another resource "
            "than n_samples, as max_iter or n_estimators.",
        )
