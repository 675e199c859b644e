"""Cross-fitting: every window is scored by a model that was trained without its block of time.

Blocks of days stand apart by a purge gap and windows of one event never stand on both sides.
Thresholds are chosen on events, never on windows, and never on the fold that they are applied to.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.detect import EventRule, events_from_windows
from seisml.errors import ModelError
from seisml.labels import EVENT, IGNORE, NOISE, LabelRule, label_windows
from seisml.matching import match, match_intervals
from seisml.model import (
    NOISE_CLASS,
    event_probability,
    finite,
    fit_classifier,
    make_blocks,
    predict,
    within,
)
from seisml.store import FeatureTable, iter_tables
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

BASELINE = ("stalta_short_max", "stalta_mid_max", "stalta_long_max")
MIN_BLOCKS = 3
N_THRESHOLDS = 60


@dataclasses.dataclass(frozen=True)
class TrainingRule:
    """How a detector is trained and validated.

    Attributes
    ----------
    model : str
        Name for `seisml.model.make_classifier`.
    n_folds : int
        Folds that the blocks of time are dealt to.
    block_s : float, s
        Length of a block of time, see `seisml.model.make_blocks`.
    purge_s : float, s
        Windows for training keep this distance from tested ones.
    noise_per_event : float
        Noise windows for training, for each event window; drawn evenly over all noise.
    max_windows : int
        Upper limit of windows for training.
    one_class : bool
        Learn "event" against noise, whatever the expert's classes are.
    class_weight : str
        ``balanced`` or ``none``.
    seed : int
    """

    model: str = "hist_gradient_boosting"
    n_folds: int = 5
    block_s: float = 86_400.0
    purge_s: float = 60.0
    noise_per_event: float = 20.0
    max_windows: int = 200_000
    one_class: bool = True
    class_weight: str = "none"
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class MatchRule:
    """How detections are held against the expert's signals.

    Attributes
    ----------
    tolerance_s : float, s
    mode : str
        ``onset`` or ``interval``, see `seisml.compare.compare`.
    """

    tolerance_s: float = 3.0
    mode: str = "onset"


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which windows of the stores are used.

    Attributes
    ----------
    stations : sequence of str, optional
        "NET.STA.LOC.BI"; default all.
    start, end : time, optional
        Windows with ``start <= window start < end``.
    """

    stations: Sequence[str] | None = None
    start: object = None
    end: object = None

    def tables(self, stores: Sequence) -> Iterator[tuple[int, FeatureTable]]:
        """Yield (number of the store, table) of each shard that has such windows."""
        for number, store in enumerate(stores):
            for table in iter_tables(store, stations=self.stations, start=self.start, end=self.end):
                if len(table):
                    yield number, table


@dataclasses.dataclass(frozen=True)
class LabelledStore:
    """Windows of one or several stores with labels and folds, and the rows for training.

    Attributes
    ----------
    stores : tuple of path
    selection : Selection
    windows : pandas.DataFrame
        One row a window in the order of the shards: line (store and station), station, time_ns,
        state, y (class), event_id, block, fold.
    chosen : numpy.ndarray of int64
        Rows for training.
    X : numpy.ndarray of float32, shape (n_chosen, n_columns)
    columns : tuple of str
    grid : WindowGrid
    fingerprint : str
    settings : mapping
        What the features were made with.
    """

    stores: tuple
    selection: Selection
    windows: pd.DataFrame
    chosen: np.ndarray
    X: np.ndarray
    columns: tuple[str, ...]
    grid: WindowGrid
    fingerprint: str
    settings: Mapping

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.windows["fold"].max()) + 1


def label_store(
    stores: Sequence,
    signals: pd.DataFrame,
    label_rule: LabelRule,
    rule: TrainingRule,
    *,
    selection: Selection | None = None,
) -> LabelledStore:
    """Label all windows of feature stores and draw the rows for training.

    Parameters
    ----------
    stores : sequence of path
        Feature stores of one plan.
    signals : pandas.DataFrame
        From `seisml.labels.signals`.
    label_rule : LabelRule
    rule : TrainingRule
    selection : Selection

    Returns
    -------
    LabelledStore

    Raises
    ------
    ModelError
        If there are no event windows, no noise windows, or too few blocks.
    """
    selection = selection or Selection()
    parts, about = [], None
    for number, table in selection.tables(stores):
        about = _same_settings(about, table)
        labels = label_windows(table.time_ns, table.stations, table.grid, signals, label_rule)
        known = np.isfinite(table.frame.to_numpy()).any(axis=1)
        labels.loc[~known, "state"] = IGNORE
        labels["y"] = np.where(labels["label"] == "", "event", labels["label"])
        labels["station"], labels["time_ns"] = table.stations, table.time_ns
        labels["line"] = [f"{number}:{station}" for station in table.stations]
        parts.append(labels)
    if not parts:
        raise ModelError("There are no windows in the chosen time.", "Check --start and --end.")
    windows = pd.concat(parts, ignore_index=True)
    windows["y"] = np.where(windows["state"] == NOISE, NOISE_CLASS, windows["y"])
    if rule.one_class:
        windows["y"] = np.where(windows["y"] == NOISE_CLASS, NOISE_CLASS, "event")
    windows["block"] = make_blocks(
        windows["time_ns"].to_numpy(), block_s=rule.block_s, min_blocks=MIN_BLOCKS
    )
    windows["fold"] = _folds(windows, rule)
    chosen = _draw(windows, rule)
    X, columns = _read(stores, selection, chosen)
    return LabelledStore(
        stores=tuple(stores),
        selection=selection,
        windows=windows,
        chosen=chosen,
        X=X,
        columns=columns,
        grid=about.grid,
        fingerprint=about.fingerprint,
        settings=about.settings,
    )


def _same_settings(about: FeatureTable | None, table: FeatureTable) -> FeatureTable:
    if about is not None and about.fingerprint != table.fingerprint:
        raise ModelError(
            f"The feature stores were made with different settings ({about.fingerprint} and "
            f"{table.fingerprint}).",
            "Run 'seisml extract' with the same profile on all of them.",
        )
    return about or table.rows(np.zeros(0, dtype=int))


def _folds(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Deal the blocks to folds in turn."""
    blocks = windows["block"].to_numpy()
    n_blocks = int(blocks.max()) + 1
    n_folds = min(rule.n_folds, n_blocks)
    state = windows["state"].to_numpy()
    for what, wanted in (("event", EVENT), ("noise", NOISE)):
        n_with = len(np.unique(blocks[state == wanted]))
        if n_with < 2:
            raise ModelError(
                f"{n_with} of {n_blocks} blocks of time hold {what} windows; two are needed to "
                "train on one and test on the other.",
                "Check that the catalogue covers the archive's time and stations, or take "
                "shorter blocks (block_days).",
            )
    return blocks % n_folds


def _draw(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Return rows for training: all events, and noise drawn evenly over all noise."""
    rng = np.random.default_rng(rule.seed)
    state = windows["state"].to_numpy()
    event, noise = np.flatnonzero(state == EVENT), np.flatnonzero(state == NOISE)
    if len(event) > rule.max_windows // 2:
        event = rng.choice(event, rule.max_windows // 2, replace=False)
    n_noise = min(
        len(noise),
        max(round(rule.noise_per_event * len(event)), 1000),
        rule.max_windows - len(event),
    )
    return np.sort(np.concatenate([event, rng.choice(noise, n_noise, replace=False)]))


def _read(stores, selection: Selection, chosen: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read the features of the chosen rows, shard by shard."""
    frames, start = [], 0
    for _, table in selection.tables(stores):
        inside = chosen[(chosen >= start) & (chosen < start + len(table))] - start
        frames.append(table.frame.iloc[inside].reset_index(drop=True))
        start += len(table)
    frame = pd.concat(frames, ignore_index=True)
    return finite(frame.to_numpy(np.float32)), tuple(frame.columns)


def fit(labelled: LabelledStore, rule: TrainingRule, *, without_fold: int | None = None):
    """Fit a classifier on the rows for training, leaving out a fold and what is near it.

    Returns
    -------
    object
        Fitted estimator.

    Raises
    ------
    ModelError
        If only one class is left.
    """
    windows, chosen = labelled.windows, labelled.chosen
    keep = np.ones(len(chosen), dtype=bool)
    if without_fold is not None:
        test = windows["fold"].to_numpy() == without_fold
        time_ns = windows["time_ns"].to_numpy()
        purge_ns = round(rule.purge_s * NS_PER_S) + labelled.grid.length_ns
        near = within(time_ns[chosen], np.unique(time_ns[test]), purge_ns)
        shared = windows["event_id"].to_numpy()[chosen]
        tested = set(windows["event_id"].to_numpy()[test]) - {""}
        keep = ~test[chosen] & ~near & ~np.isin(shared, list(tested))
    y = windows["y"].to_numpy()[chosen][keep]
    if len(set(y)) < 2:
        raise ModelError(
            f"Without fold {without_fold} only the class {', '.join(sorted(set(y))) or '-'} is "
            "left to learn from.",
            "Take more data or shorter blocks (block_days).",
        )
    weight = "balanced" if rule.class_weight == "balanced" else None
    return fit_classifier(rule.model, labelled.X[keep], y, class_weight=weight, seed=rule.seed)


def out_of_fold(
    labelled: LabelledStore,
    rule: TrainingRule,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Score every window by the model that was trained without its fold.

    Returns
    -------
    pandas.DataFrame of float64, shape (n_windows, 1 + 3)
        ``model``: event probability; and the STA/LTA columns of `BASELINE`, the largest of the
        components. NaN where a window has no features.
    """
    say = on_progress or (lambda text: None)
    models = []
    for k in range(labelled.n_folds):
        say(f"training without fold {k + 1} of {labelled.n_folds}")
        models.append(fit(labelled, rule, without_fold=k))
    fold = labelled.windows["fold"].to_numpy()
    out = np.full((len(fold), 1 + len(BASELINE)), np.nan)
    start = 0
    say("scoring held-out windows")
    for _, table in labelled.selection.tables(labelled.stores):
        rows = np.arange(start, start + len(table))
        for k in np.unique(fold[rows]):
            mine = fold[rows] == k
            scores = predict(models[k], labelled.columns, table.rows(mine))
            out[rows[mine], 0] = event_probability(scores)
        for c, name in enumerate(BASELINE, start=1):
            columns = [col for col in table.frame.columns if col.split(".")[0] == name]
            if columns:
                out[rows, c] = np.fmax.reduce(table.frame[columns].to_numpy(float), axis=1)
        start += len(table)
    return pd.DataFrame(out, columns=["model", *BASELINE])


def lines(windows: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (station, rows in order of time) for each station of each store."""
    for _, rows in windows.groupby("line", sort=True).indices.items():
        order = np.argsort(windows["time_ns"].to_numpy()[rows], kind="stable")
        yield windows["station"].iloc[rows[0]], rows[order]


def choose_thresholds(
    labelled: LabelledStore,
    scores: np.ndarray,
    signals: pd.DataFrame,
    *,
    detection: Mapping,
    matching: MatchRule,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose for each fold the threshold with the best event F1 on all other folds.

    Parameters
    ----------
    labelled : LabelledStore
    scores : numpy.ndarray, shape (n_windows,)
        Out-of-fold.
    signals : pandas.DataFrame
    detection, matching
        See `seisml.training.train`.

    Returns
    -------
    thresholds : numpy.ndarray, shape (n_folds + 1,)
        One for each fold, and last the one for all folds together.
    f1 : numpy.ndarray, shape (n_folds + 1,)
        F1 on the folds it was chosen on.
    """
    candidates = _candidates(labelled, scores)
    n_folds = labelled.n_folds
    counts = np.zeros((len(candidates), n_folds, 3))
    every = [_Line.of(labelled, scores, signals, *line) for line in lines(labelled.windows)]
    for i, threshold in enumerate(candidates):
        for line in every:
            _count(counts[i], line, labelled.grid, event_rule(threshold, detection), matching)
    thresholds, f1 = np.zeros(n_folds + 1), np.zeros(n_folds + 1)
    for k in range(n_folds + 1):
        tp, fp, fn = np.delete(counts, k, axis=1).sum(axis=1).T if k < n_folds else counts.sum(1).T
        value = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
        best = np.flatnonzero(value >= value.max() - 1e-12)
        thresholds[k], f1[k] = candidates[best[len(best) // 2]], value.max()
    return thresholds, f1


def _candidates(labelled: LabelledStore, scores: np.ndarray) -> np.ndarray:
    """Return thresholds at quantiles of the events' and of the noise's largest scores."""
    state = labelled.windows["state"].to_numpy()
    known = np.isfinite(scores)
    event = scores[known & (state == EVENT)]
    noise = scores[known & (state == NOISE)]
    if not len(event) or not len(noise):
        raise ModelError("No window with features is an event, or none is noise.", "See 'labels'.")
    # Where noise windows outnumber event windows by ten, precision is hopeless: no need to look.
    share = min(0.5, 10 * len(event) / len(noise))
    top = np.quantile(noise, 1 - np.geomspace(1 / len(noise), share, N_THRESHOLDS // 2))
    levels = np.quantile(event, np.linspace(0, 0.98, N_THRESHOLDS // 2))
    found = np.unique(np.concatenate([top, levels[levels >= top[-1]]]))
    return found[found > 0] if (found > 0).any() else found


@dataclasses.dataclass(frozen=True)
class _Line:
    """Scored windows of one station, and the signals that begin in them."""

    time_ns: np.ndarray
    score: np.ndarray
    fold: np.ndarray
    truth: np.ndarray

    @classmethod
    def of(cls, labelled: LabelledStore, scores, signals, station: str, rows) -> "_Line":
        rows = rows[np.isfinite(scores[rows])]
        time_ns, fold = (labelled.windows[name].to_numpy()[rows] for name in ("time_ns", "fold"))
        truth = _known_signals(signals, station, time_ns, labelled.grid)
        return cls(time_ns, scores[rows], fold, truth)


def _count(counts, line: _Line, grid: WindowGrid, rule: EventRule, matching: MatchRule) -> None:
    """Add (matched, unmatched, missed) of each fold at one threshold."""
    if not len(line.time_ns):
        return
    # Onsets are refined later: here they are as coarse as the hop.
    tolerance_ns = round(matching.tolerance_s * NS_PER_S) + grid.hop_ns
    raw = events_from_windows([(line.time_ns, line.score)], grid, rule)
    found = np.array([event[:2] for event in raw], dtype=np.int64).reshape(-1, 2)
    truth = line.truth
    if matching.mode == "interval":
        i, j = match_intervals(*truth.T, *found.T, tolerance_ns=tolerance_ns)
    else:
        i, j = match(truth[:, 0], found[:, 0], tolerance_ns=tolerance_ns)
    outcomes = truth[i, 0], np.delete(found[:, 0], j), np.delete(truth[:, 0], i)
    for column, times in enumerate(outcomes):
        at = np.searchsorted(line.time_ns, times, "right") - 1
        np.add.at(counts, (line.fold[np.maximum(at, 0)], column), 1)


def _known_signals(signals: pd.DataFrame, station: str, time_ns, grid: WindowGrid) -> np.ndarray:
    """Return (start, end) of the signals that begin inside a known window."""
    name = ".".join(station.split(".")[:2])
    spans = signals.loc[signals["station"] == name, ["start_ns", "end_ns"]].to_numpy(np.int64)
    if not len(time_ns):
        return spans[:0]
    at = np.searchsorted(time_ns, spans[:, 0], "right") - 1
    inside = (at >= 0) & (spans[:, 0] < time_ns[np.maximum(at, 0)] + grid.length_ns)
    return spans[inside]


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


def event_rule(on: float, detection: Mapping) -> EventRule:
    """Return the rule from windows to events at a threshold."""
    names = ("merge_gap_s", "min_duration_s", "max_duration_s")
    return EventRule(on, on * detection["off_ratio"], **{name: detection[name] for name in names})
