"""Thresholds: chosen on events, never on windows, and never on the fold they are applied to."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.classrules import class_rules
from seisml.crossfit import Labelled
from seisml.labels import EVENT, NOISE, UNKNOWN_TO_EXPERT
from seisml.levels import levels_to_try
from seisml.scoredlines import (
    MatchRule,
    ScoredLine,
    count_spans,
    events_of,
    lines,
    split_scores,
)

RULE_OF_THREE = 3.0
"""Where none was seen in n days there are with 95 % fewer than 3/n a day: e^-3 = 0.05."""


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Thresholds of the folds, and last the one for all folds together.

    Attributes
    ----------
    value : numpy.ndarray, shape (n_folds + 1,)
    f1, false_alarms_per_day : numpy.ndarray, shape (n_folds + 1,)
        On the folds that each was chosen on: F1 of events, and unmatched detections in a
        station-day.
    days : numpy.ndarray, shape (n_folds + 1,)
        Station-days of windows with scores in these folds, where the expert looked.
    """

    value: np.ndarray
    f1: np.ndarray
    false_alarms_per_day: np.ndarray
    days: np.ndarray

    def doubt(self, wanted_per_day: float) -> str:
        """Say why a requested rate of false alarms is not what will be seen; "" where it is.

        Parameters
        ----------
        wanted_per_day : float
            See `TrainingRule.false_alarms_per_day`; 0 where none was requested.
        """
        days, seen = float(self.days[-1]), float(self.false_alarms_per_day[-1])
        if not wanted_per_day:
            return ""
        few = (
            f"{days:.3g} station-days cannot resolve {wanted_per_day:.3g} unmatched in a "
            f"station-day: one in all of them is {1 / days:.3g}, the smallest rate that they can "
            "show. "
        )
        few = few if wanted_per_day * days < 1 else ""
        if seen > wanted_per_day:
            return f"{few}The highest threshold that still finds an event has {seen:.3g}"
        if few:
            few += (
                "The threshold is one with none at all, which only says that there are fewer than "
                f"{RULE_OF_THREE / days:.3g} (95 %)"
            )
        return few


def choose_thresholds(
    labelled: Labelled,
    scores: np.ndarray,
    *,
    by_class: pd.DataFrame | None = None,
    detection: Mapping,
    matching: MatchRule,
    false_alarms_per_day: float = 0.0,
    stated: float = 0.0,
) -> Thresholds:
    """Choose for each fold a threshold on the events of all other folds.

    Parameters
    ----------
    labelled : Labelled
    scores : numpy.ndarray, shape (n_windows,)
        Out-of-fold.
    by_class : pandas.DataFrame, optional
        Out-of-fold, the columns of class probabilities: for classes with rules of their own. Each
        goes through its own machine, as in `seisml.detect.detect`; what a class states itself
        stays as it is, and the threshold is chosen for the rest beside them.
    detection, matching
        See `seisml.training.train`.
    false_alarms_per_day : float
        The lowest threshold from which on there are no more unmatched detections in a
        station-day; where 0, the threshold with the best F1.
    stated : float
        A threshold for all folds that is not chosen at all; 0: none is.

    Returns
    -------
    Thresholds

    Notes
    -----
    With several training sets F1 is the mean of theirs, by their weights: a large network does
    not choose for a small one. The support of stations (`seisml.support`) comes after the choice:
    chosen with it, thresholds were no better on blocks that were not chosen on.
    """
    scores = np.asarray(scores, np.float64)
    options = {"detection": dict(detection), "matching": matching}
    options |= {"false_alarms_per_day": false_alarms_per_day, "stated": stated}

    def chosen() -> dict[str, np.ndarray]:
        return dataclasses.asdict(_chosen(labelled, scores, by_class, **options))

    parts = ["thresholds", scores, by_class, {**options, "matching": dataclasses.asdict(matching)}]
    return Thresholds(**labelled.kept.arrays(parts, chosen))


def _chosen(
    labelled: Labelled,
    scores: np.ndarray,
    by_class: pd.DataFrame | None,
    *,
    detection: Mapping,
    matching: MatchRule,
    false_alarms_per_day: float,
    stated: float,
) -> Thresholds:
    split = split_scores(scores, by_class, detection)
    candidates = np.array([stated])
    if not stated:
        free = _to_choose(scores, split, detection)
        candidates = _candidates(labelled, free, alarms_per_day=false_alarms_per_day)
    n_folds = labelled.n_folds
    counts = np.zeros((len(candidates), n_folds, len(labelled.sets), 3))
    every = [ScoredLine.of(labelled, split, *line) for line in lines(labelled.windows)]
    for i, threshold in enumerate(candidates):
        rules = class_rules(threshold, detection)
        for line in every:
            spans = events_of(line, labelled.grid, rules)[["start_ns", "end_ns"]].to_numpy()
            count_spans(counts[i, :, line.number], line, spans, labelled.grid, matching)
    told_of = ~labelled.windows["reason"].isin(UNKNOWN_TO_EXPERT).to_numpy()
    fold = labelled.windows["fold"].to_numpy()[np.isfinite(scores) & told_of]
    days = np.bincount(fold, minlength=n_folds) * labelled.grid.hop_s / 86_400
    value, f1, alarms, told = np.zeros((4, n_folds + 1))
    for k in range(n_folds + 1):
        others = np.arange(n_folds) != k
        kept = counts[:, others].sum(axis=1)
        score = mean_f1(kept, [one.weight for one in labelled.sets])
        rate = kept[..., 1].sum(axis=1) / max(days[others].sum(), 1e-9)
        at = best_level(score, rate, false_alarms_per_day)
        value[k], f1[k], alarms[k], told[k] = (
            candidates[at],
            score[at],
            rate[at],
            days[others].sum(),
        )
    return Thresholds(value, f1, alarms, told)


def _candidates(labelled: Labelled, scores: np.ndarray, *, alarms_per_day: float) -> np.ndarray:
    """Return the levels of all folds, and of the others of each fold what lies beyond these.

    Where one fold is louder than the others, the levels of all leave out what is enough for them.
    """
    windows, grid = labelled.windows, labelled.grid
    state, fold = windows["state"].to_numpy(), windows["fold"].to_numpy()
    found = [levels_to_try(state, scores, grid, alarms_per_day=alarms_per_day)]
    low, high = found[0][[0, -1]]
    for k in range(labelled.n_folds):
        others = (fold != k) & np.isfinite(scores)
        if (state[others] == EVENT).any() and (state[others] == NOISE).any():
            some = state[others], scores[others]
            more = levels_to_try(*some, grid, alarms_per_day=alarms_per_day)
            found.append(more[(more < low) | (more > high)])
    return np.unique(np.concatenate(found))


def _to_choose(scores: np.ndarray, split: Mapping, detection: Mapping) -> np.ndarray:
    """Return the largest of the scores that the threshold is for."""
    own = detection.get("classes", {})
    free = np.max([one for name, one in split.items() if "on" not in own.get(name, {})], axis=0)
    return free if (free > 0).any() else scores  # where every class states its own, none is


def best_level(f1: np.ndarray, rate: np.ndarray, false_alarms_per_day: float) -> int:
    """Return which of the rising thresholds is taken."""
    if false_alarms_per_day > 0:
        too_many = np.flatnonzero(rate > false_alarms_per_day)
        return min(too_many[-1] + 1, len(f1) - 1) if len(too_many) else 0
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return int(best[len(best) // 2])


def mean_f1(counts: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Return the mean F1 of the sets that have events, shape (n_thresholds,)."""
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    weights = np.where((tp + fn).max(axis=0) > 0, weights, 0)
    return f1 @ weights / max(weights.sum(), 1e-12)
