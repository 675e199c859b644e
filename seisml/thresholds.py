"""Thresholds: chosen on events, never on windows, and never on the fold they are applied to."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.classprobabilities import class_columns
from seisml.classrules import OTHERS, class_rules, events_by_class, scores_by_class
from seisml.codes import station_name
from seisml.crossfit import Labelled
from seisml.detect import EventRule
from seisml.errors import ConfigError, did_you_mean
from seisml.labels import UNPLACED
from seisml.levels import levels_to_try
from seisml.matching import match, match_intervals
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

RULE_OF_THREE = 3.0
"""Where none was seen in n days there are with 95 % fewer than 3/n a day: e^-3 = 0.05."""


@dataclasses.dataclass(frozen=True)
class MatchRule:
    """How detections are held against the expert's signals.

    Attributes
    ----------
    tolerance_s : float, s
    mode : str
        ``onset`` or ``interval``, see `seisml.compare.compare`.
    by_class : mapping of str to float, s
        Tolerances of some of the expert's classes.
    """

    tolerance_s: float = 3.0
    mode: str = "onset"
    by_class: Mapping = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name, value in {"tolerance_s": self.tolerance_s, **self.by_class}.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise ConfigError(
                    f"The tolerance of {name} is {value!r}.", "Give seconds: class = 60."
                )

    @property
    def tolerances(self) -> float | dict[str, float]:
        """What `seisml.compare.compare` takes."""
        if not self.by_class:
            return self.tolerance_s
        return {"": self.tolerance_s, **self.by_class}

    def of(self, labels) -> np.ndarray:
        """Return the tolerance of events of these classes, s."""
        return np.array([self.by_class.get(label, self.tolerance_s) for label in labels], float)

    def check(self, labels) -> None:
        """Refuse a tolerance of a class that is not among the expert's labels.

        Raises
        ------
        ConfigError
            With a suggestion.
        """
        known = sorted(set(labels) - {""})
        for name in self.by_class:
            if name not in known:
                raise ConfigError(
                    f"A tolerance is of the class {name!r}, the expert has none of it.",
                    did_you_mean(name, known) if known else "Its events have no class.",
                )


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
        Station-days of windows with scores in these folds.
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


def lines(windows: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (station, rows in order of time) for each station of each store."""
    for _, rows in windows.groupby("line", sort=True, observed=True).indices.items():
        order = np.argsort(windows["time_ns"].to_numpy()[rows], kind="stable")
        yield windows["station"].iloc[rows[0]], rows[order]


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
    not choose for a small one.
    """
    scores = np.asarray(scores, np.float64)
    split = split_scores(scores, by_class, detection)
    state, free = labelled.windows["state"].to_numpy(), _to_choose(scores, split, detection)
    candidates = levels_to_try(state, free, labelled.grid, alarms_per_day=false_alarms_per_day)
    if stated:
        candidates = np.array([stated])
    n_folds = labelled.n_folds
    counts = np.zeros((len(candidates), n_folds, len(labelled.sets), 3))
    every = [ScoredLine.of(labelled, split, *line) for line in lines(labelled.windows)]
    for i, threshold in enumerate(candidates):
        rules = class_rules(threshold, detection)
        for line in every:
            count_outcomes(counts[i, :, line.number], line, labelled.grid, rules, matching)
    fold = labelled.windows["fold"].to_numpy()[np.isfinite(scores)]
    days = np.bincount(fold, minlength=n_folds) * labelled.grid.hop_s / 86_400
    value, f1, alarms, told = np.zeros((4, n_folds + 1))
    for k in range(n_folds + 1):
        others = np.arange(n_folds) != k
        kept = counts[:, others].sum(axis=1)
        score = _mean_f1(kept, [one.weight for one in labelled.sets])
        rate = kept[..., 1].sum(axis=1) / max(days[others].sum(), 1e-9)
        at = _best(score, rate, false_alarms_per_day)
        value[k], f1[k], alarms[k], told[k] = (
            candidates[at],
            score[at],
            rate[at],
            days[others].sum(),
        )
    return Thresholds(value, f1, alarms, told)


def _to_choose(scores: np.ndarray, split: Mapping, detection: Mapping) -> np.ndarray:
    """Return the largest of the scores that the threshold is for."""
    own = detection.get("classes", {})
    free = np.max([one for name, one in split.items() if "on" not in own.get(name, {})], axis=0)
    return free if (free > 0).any() else scores  # where every class states its own, none is


def split_scores(
    scores: np.ndarray, by_class: pd.DataFrame | None, detection: Mapping
) -> dict[str, np.ndarray]:
    """Return the scores of each class with a rule of its own, and what is left for the others."""
    own = detection.get("classes", {})
    columns = {} if by_class is None else class_columns(by_class)
    p = {name: by_class[columns[name]].to_numpy(np.float64) for name in own}
    return scores_by_class(scores, p, own)


def _best(f1: np.ndarray, rate: np.ndarray, false_alarms_per_day: float) -> int:
    """Return which of the rising thresholds is taken."""
    if false_alarms_per_day > 0:
        too_many = np.flatnonzero(rate > false_alarms_per_day)
        return min(too_many[-1] + 1, len(f1) - 1) if len(too_many) else 0
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return int(best[len(best) // 2])


def _mean_f1(counts: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Return the mean F1 of the sets that have events, shape (n_thresholds,)."""
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    weights = np.where((tp + fn).max(axis=0) > 0, weights, 0)
    return f1 @ weights / max(weights.sum(), 1e-12)


@dataclasses.dataclass(frozen=True)
class ScoredLine:
    """Scored windows of one station of a set, and the signals that begin in them.

    `scores` are those of each class with a rule of its own and of the others, by name; `unknown`
    are windows of events that the expert has, though not when: what is found there is neither
    right nor wrong.
    """

    number: int
    time_ns: np.ndarray
    scores: Mapping[str, np.ndarray]
    fold: np.ndarray
    truth: np.ndarray
    labels: np.ndarray
    unknown: np.ndarray | None = None

    @classmethod
    def of(cls, labelled: Labelled, scores: Mapping, station: str, rows) -> "ScoredLine":
        """Return the rows of a station that have a score."""
        number = int(labelled.windows["set"].iloc[rows[0]])
        rows = rows[np.isfinite(scores[OTHERS][rows])]
        time_ns, fold = (labelled.windows[name].to_numpy()[rows] for name in ("time_ns", "fold"))
        signals = labelled.sets[number].events
        truth, labels = known_signals(signals, station, time_ns, labelled.grid)
        unknown = labelled.windows["reason"].to_numpy()[rows] == UNPLACED
        mine = {name: one[rows] for name, one in scores.items()}
        return cls(number, time_ns, mine, fold, truth, labels, unknown)


def count_outcomes(
    counts,
    line: ScoredLine,
    grid: WindowGrid,
    rules: Mapping[str, EventRule],
    matching: MatchRule,
) -> None:
    """Add (matched, unmatched, missed) of each fold at one threshold."""
    if not len(line.time_ns):
        return
    # Onsets are refined later: here they are as coarse as the hop.
    tolerance_ns = round(matching.tolerance_s * NS_PER_S) + grid.hop_ns
    if matching.by_class:
        tolerance_ns = np.rint(matching.of(line.labels) * NS_PER_S).astype(np.int64) + grid.hop_ns
    raw = events_by_class([(line.time_ns, line.scores)], grid, rules)
    found = np.array([event[1:3] for event in raw], dtype=np.int64).reshape(-1, 2)
    truth = line.truth
    if matching.mode == "onset":
        i, j = match(truth[:, 0], found[:, 0], tolerance_ns=tolerance_ns)
    else:
        i, j = match_intervals(*truth.T, *found.T, tolerance_ns=tolerance_ns, mode=matching.mode)
    outcomes = truth[i, 0], np.delete(found[:, 0], j), np.delete(truth[:, 0], i)
    for column, times in enumerate(outcomes):
        at = np.maximum(np.searchsorted(line.time_ns, times, "right") - 1, 0)
        if column == 1 and line.unknown is not None:
            at = at[~line.unknown[at]]
        np.add.at(counts, (line.fold[at], column), 1)


def known_signals(
    signals: pd.DataFrame, station: str, time_ns, grid: WindowGrid
) -> tuple[np.ndarray, np.ndarray]:
    """Return (start, end) and label of the signals that begin inside a known window."""
    name = station_name(station)
    mine = signals[signals["station"] == name]
    spans = mine[["start_ns", "end_ns"]].to_numpy(np.int64)
    labels = mine["label"].to_numpy() if "label" in mine else np.full(len(mine), "", dtype=object)
    if not len(time_ns):
        return spans[:0], labels[:0]
    at = np.searchsorted(time_ns, spans[:, 0], "right") - 1
    inside = (at >= 0) & (spans[:, 0] < time_ns[np.maximum(at, 0)] + grid.length_ns)
    return spans[inside], labels[inside]


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
