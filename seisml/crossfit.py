"""Cross-fitting: every window is scored by a model that was trained without its block of time.

Blocks of days stand apart by a purge gap and windows of one event never stand on both sides.
Thresholds are chosen on events, never on windows, and never on the fold that they are applied to.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from seisml.baseline import BASELINE, sta_lta
from seisml.classprobabilities import column_of
from seisml.errors import ModelError
from seisml.folds import BLOCKS, deal, draw
from seisml.labels import IGNORE, NOISE
from seisml.model import (
    NOISE_CLASS,
    balances,
    event_probability,
    finite,
    fit_classifier,
    is_noise,
    predict,
    within,
)
from seisml.pooling import pooled, vertical
from seisml.resuming import Kept, kept_in
from seisml.starts import Starts
from seisml.times import NS_PER_S, iso
from seisml.trainingrule import TrainingRule
from seisml.trainingset import TrainingSet, label_sets, tables
from seisml.windows import WindowGrid


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Labelled:
    """Windows of training sets with labels and folds, and the rows for training.

    Attributes
    ----------
    sets : tuple of TrainingSet
    windows : pandas.DataFrame
        One row a window in the order of the shards: set, line (store and station), station,
        time_ns, state, y (class), event_id, share, weight, block, fold.
    chosen : numpy.ndarray of int64
        Rows for training.
    X : numpy.ndarray of float32, shape (n_chosen, n_columns)
    columns : tuple of str
    grid : WindowGrid
    fingerprint : str
    settings : mapping
        What the features were made with.
    embargo_s : float, s
        See `TrainingRule`.
    merged : mapping of str to int
        Classes with too few events to be learnt, and how many they have.
    kept : Kept
        What a training that was stopped has done already.
    """

    sets: tuple[TrainingSet, ...]
    windows: pd.DataFrame
    chosen: np.ndarray
    X: np.ndarray
    columns: tuple[str, ...]
    grid: WindowGrid
    fingerprint: str
    settings: Mapping
    embargo_s: float = 0.0
    merged: Mapping[str, int] = dataclasses.field(default_factory=dict)
    kept: Kept = dataclasses.field(default_factory=Kept)

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.windows["fold"].max()) + 1

    @property
    def longest_ns(self) -> int:
        """Length of the longest window that features are made of."""
        more = self.settings.get("settings", {}).get("lengths_s", ())
        return max(self.grid.length_ns, *(round(s * NS_PER_S) for s in (0.0, *more)))


def label(sets: Sequence[TrainingSet], rule: TrainingRule, *, keep=None) -> Labelled:
    """Label all windows of training sets, deal them to folds and draw the rows for training.

    Parameters
    ----------
    sets : sequence of TrainingSet
    rule : TrainingRule
    keep : path, optional
        Folder in which models, scores and thresholds are kept as they are made, and found again.

    Returns
    -------
    Labelled

    Raises
    ------
    ModelError
        If there are no event windows, no noise windows, or too few blocks.
    """
    windows, about = label_sets(sets)
    check_times(windows, sets)
    merged = _merge_classes(windows, rule)
    windows = deal(windows, rule)
    chosen = draw(windows, rule)
    starts = Starts(about.grid.hop_ns) if rule.starts > 0 else None
    form = functools.partial(_form, rule=rule)
    X, columns = read_rows(sets, chosen, form, starts=starts)
    if starts is not None:
        X = starts.told(X, rule.starts, np.random.default_rng(rule.seed))
    return Labelled(
        sets=tuple(sets),
        windows=windows,
        chosen=chosen,
        X=X,
        columns=columns,
        grid=about.grid,
        fingerprint=about.fingerprint,
        settings=about.settings,
        embargo_s=_embargo_s(windows, about.settings, rule),
        merged=merged,
        kept=kept_in(keep, sets, windows, chosen, X, columns, about.fingerprint, asdict(rule)),
    )


def check_times(windows: pd.DataFrame, sets: Sequence[TrainingSet]) -> None:
    """Refuse experts whose events all lie outside the time of the records.

    Raises
    ------
    ModelError
    """
    if (windows["event_id"] != "").any():
        return
    seen = pd.concat([one.signals for one in sets])
    first, last = windows["time_ns"].min(), windows["time_ns"].max()
    if len(seen) and not ((seen["end_ns"] > first) & (seen["start_ns"] <= last)).any():
        raise ModelError(
            f"None of the {len(seen)} signals of the expert is in the time of the records: signals "
            f"from {_day(seen['start_ns'].min())} to {_day(seen['end_ns'].max())}, windows from "
            f"{_day(first)} to {_day(last)}.",
            "Give the catalogue of these records, or the records of this catalogue.",
        )


def _day(time_ns: int) -> str:
    return iso(int(time_ns))[:16]


def _merge_classes(windows: pd.DataFrame, rule: TrainingRule) -> dict[str, int]:
    """Learn classes with too few events as "event", or as "noise"; return their numbers."""
    y, state = windows["y"], windows["state"]
    if rule.one_class:
        windows["y"] = np.where(state == NOISE, NOISE_CLASS, "event")
        return {}
    named = windows["event_id"] != ""
    n_events = windows[named & (state != IGNORE)].groupby("y")["event_id"].nunique()
    counts = {name: int(n_events.get(name, 0)) for name in y.unique()}
    kept = ("event", NOISE_CLASS)
    few = {k: n for k, n in counts.items() if n < rule.min_class_events and k not in kept}
    renamed = {name: NOISE_CLASS if is_noise(name) else "event" for name in few}
    windows["y"] = y.replace(renamed)
    return few


def _embargo_s(windows: pd.DataFrame, settings: Mapping, rule: TrainingRule) -> float:
    if rule.embargo_s >= 0:
        return rule.embargo_s
    memory_s = float(settings.get("settings", {}).get("background_s", 0.0))
    times = windows.groupby("block")["time_ns"]
    return min(memory_s, float((times.max() - times.min()).median()) / NS_PER_S / 10)


def _form(frame: pd.DataFrame, rule: TrainingRule) -> pd.DataFrame:
    """Return the columns that a rule learns from."""
    return pooled(frame) if rule.pool else vertical(frame) if rule.vertical else frame


def read_rows(
    sets: Sequence[TrainingSet],
    chosen: np.ndarray,
    form: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    starts: Starts | None = None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read the features of the chosen rows, shard by shard, in the form that a model learns.

    Where they are asked for, the starts of records are counted on the way.
    """
    frames, start = [], 0
    for _, _, table in tables(sets):
        inside = chosen[(chosen >= start) & (chosen < start + len(table))] - start
        frames.append(form(table.frame.iloc[inside].reset_index(drop=True)))
        if starts is not None:
            whole = form(table.frame.reset_index(drop=True))
            starts.add(table.time_ns, np.isfinite(whole.to_numpy(np.float32)))
        start += len(table)
    frame = pd.concat(frames, ignore_index=True)
    return finite(frame.to_numpy(np.float32)), tuple(frame.columns)


def fit(labelled: Labelled, rule: TrainingRule, *, without_fold: int | None = None):
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
        keep = rows_without(labelled, without_fold, rule)
    y = windows["y"].to_numpy()[chosen][keep]
    if len(set(y)) < 2:
        raise ModelError(
            f"Without fold {without_fold} only the class {', '.join(sorted(set(y))) or '-'} is "
            "left to learn from.",
            "Take more data or shorter blocks (block_days).",
        )

    def fitted():
        X = labelled.X[keep]
        if rule.scale == "station":
            names = windows["station"].to_numpy()[chosen][keep].astype(str)
            X = pd.DataFrame(X, pd.Index(names, name="station"), list(labelled.columns))
        weight = windows["weight"].to_numpy()[chosen][keep]
        about = {"sample_weight": weight, "columns": labelled.columns}
        return fit_classifier(rule.model, X, y, **about, **rule.options)

    return labelled.kept.model(["fit", asdict(rule), without_fold], fitted)


def rows_without(labelled: Labelled, fold: int, rule: TrainingRule) -> np.ndarray:
    """Return which rows for training have nothing in common with a fold.

    Blocks of time: no window within the purge of a tested one, at any station, and none of an
    event of the fold. Stations and sets: the same events may be seen elsewhere, as they will be
    when the model is applied to a new station.
    """
    windows, chosen = labelled.windows, labelled.chosen
    test = windows["fold"].to_numpy() == fold
    if rule.split in BLOCKS:
        return ~test[chosen]
    time_ns = windows["time_ns"].to_numpy()
    longest_ns = labelled.longest_ns
    purge_ns = round(rule.purge_s * NS_PER_S) + longest_ns
    after_ns = max(purge_ns, round(labelled.embargo_s * NS_PER_S) + longest_ns)
    near = within(time_ns[chosen], np.unique(time_ns[test]), purge_ns, after_ns)
    tested = windows["event_id"][test].unique()
    shared = windows["event_id"].iloc[chosen].isin([name for name in tested if name])
    return ~test[chosen] & ~near & ~shared.to_numpy()


def out_of_fold(
    labelled: Labelled,
    rule: TrainingRule,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Score every window by the model that was trained without its fold.

    Returns
    -------
    pandas.DataFrame of float64, shape (n_windows, 1 + 3 + n_classes)
        ``model``: event probability; the STA/LTA columns of `BASELINE`, the largest of the
        components; and where there are several classes of events, the probability of each
        (`seisml.classprobabilities`). NaN where a window has no features, 0 for a class that the
        model of a fold has not seen.
    """
    say = on_progress or (lambda text: None)

    def scored() -> dict[str, np.ndarray]:
        found = _scores(labelled, rule, say)
        return {"columns": np.array(found.columns, dtype=str), "values": found.to_numpy()}

    found = labelled.kept.arrays(["scores", asdict(rule)], scored)
    return pd.DataFrame(found["values"], columns=found["columns"].tolist())


def _scores(labelled: Labelled, rule: TrainingRule, say: Callable[[str], None]) -> pd.DataFrame:
    models = []
    for k in range(labelled.n_folds):
        say(f"training without fold {k + 1} of {labelled.n_folds}")
        models.append(fit(labelled, rule, without_fold=k))
    fold = labelled.windows["fold"].to_numpy()
    classes = sorted({str(n) for one in models for n in one.classes_ if not is_noise(n)})
    classes = classes if len(classes) > 1 else []
    columns = ["model", *BASELINE, *map(column_of, classes)]
    out = np.full((len(fold), len(columns)), np.nan)
    start = 0
    say("scoring held-out windows")
    for _, _, table in tables(labelled.sets):
        rows = np.arange(start, start + len(table))
        for k in np.unique(fold[rows]):
            mine = fold[rows] == k
            scores = predict(models[k], labelled.columns, table.rows(mine))
            out[rows[mine], 0] = event_probability(scores)
            out[rows[mine], 1 + len(BASELINE) :] = scores.reindex(columns=classes, fill_value=0.0)
        out[rows, 1 : 1 + len(BASELINE)] = sta_lta(table)
        start += len(table)
    return pd.DataFrame(out, columns=columns)


def class_priors(labelled: Labelled, rule: TrainingRule) -> dict[str, tuple[float, float]]:
    """Return the share of each class in the training, with its weights, and in the records."""
    windows = labelled.windows
    y, weight = windows["y"].astype(str).to_numpy(), windows["weight"].to_numpy(np.float64)
    known = windows["state"].to_numpy() != IGNORE
    drawn = pd.Series(weight[labelled.chosen]).groupby(y[labelled.chosen]).agg(["sum", "size"])
    balanced = rule.class_weight == "balanced" and balances(rule.model)
    mass = drawn["sum"] / (drawn["size"] if balanced else 1.0)
    records = pd.Series(y[known]).value_counts().reindex(mass.index)
    shares = zip(mass.index, mass / mass.sum(), records / records.sum(), strict=True)
    return {str(name): (float(trained), float(there)) for name, trained, there in shares}
