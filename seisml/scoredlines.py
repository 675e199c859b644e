"""Scored lines: windows of a station with scores, their events, and how these meet the expert's.

Nothing is chosen here: at given rules it says what is matched, unmatched and missed in each fold.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from seisml.classprobabilities import class_columns
from seisml.classrules import OTHERS, events_by_class, scores_by_class
from seisml.codes import station_name
from seisml.crossfit import Labelled
from seisml.detect import RAW_COLUMNS, EventRule
from seisml.errors import ConfigError, did_you_mean
from seisml.labels import OUTSIDE, UNKNOWN_TO_EXPERT
from seisml.matching import match, match_intervals
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid


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


def lines(windows: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (station, rows in order of time) for each station of each store."""
    for _, rows in windows.groupby("line", sort=True, observed=True).indices.items():
        order = np.argsort(windows["time_ns"].to_numpy()[rows], kind="stable")
        yield windows["station"].iloc[rows[0]], rows[order]


def split_scores(
    scores: np.ndarray, by_class: pd.DataFrame | None, detection: Mapping
) -> dict[str, np.ndarray]:
    """Return the scores of each class with a rule of its own, and what is left for the others."""
    own = detection.get("classes", {})
    columns = {} if by_class is None else class_columns(by_class)
    p = {name: by_class[columns[name]].to_numpy(np.float64) for name in own}
    return scores_by_class(scores, p, own)


@dataclasses.dataclass(frozen=True)
class ScoredLine:
    """Scored windows of one station of a set, and the signals that begin in them.

    `scores` are those of each class with a rule of its own and of the others, by name; `unknown`
    are windows of which the expert does not say what there is: what is found there is neither
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
        reason = labelled.windows["reason"].to_numpy()[rows]
        looked = time_ns[reason != OUTSIDE]
        truth, labels = known_signals(signals, station, looked, labelled.grid)
        unknown = np.isin(reason, UNKNOWN_TO_EXPERT)
        mine = {name: one[rows] for name, one in scores.items()}
        return cls(number, time_ns, mine, fold, truth, labels, unknown)


def events_of(line: ScoredLine, grid: WindowGrid, rules: Mapping[str, EventRule]) -> pd.DataFrame:
    """Return the raw events of a station: label (see `seisml.classrules`) and `RAW_COLUMNS`."""
    raw = events_by_class([(line.time_ns, line.scores)], grid, rules) if len(line.time_ns) else ()
    raw = pd.DataFrame(raw, columns=["label", *RAW_COLUMNS])
    return raw.astype({"start_ns": np.int64, "end_ns": np.int64, "peak": np.float64})


def count_spans(
    counts, line: ScoredLine, found: np.ndarray, grid: WindowGrid, matching: MatchRule
) -> None:
    """Add (matched, unmatched, missed) of each fold for events (start, end) at one threshold."""
    if not len(line.time_ns):
        return
    # Onsets are refined later: here they are as coarse as the hop.
    tolerance_ns = round(matching.tolerance_s * NS_PER_S) + grid.hop_ns
    if matching.by_class:
        tolerance_ns = np.rint(matching.of(line.labels) * NS_PER_S).astype(np.int64) + grid.hop_ns
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
