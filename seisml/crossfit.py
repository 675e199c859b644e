"""Cross-fitting: every window is scored by a model that was trained without its block of time.

Blocks of days stand apart by a purge gap and windows of one event never stand on both sides.
Thresholds are chosen on events, never on windows, and never on the fold that they are applied to.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.errors import ModelError
from seisml.labels import EVENT, IGNORE, NOISE, LabelRule, label_windows
from seisml.model import (
    NOISE_CLASS,
    event_probability,
    finite,
    fit_classifier,
    make_blocks,
    predict,
    within,
)
from seisml.pooling import pooled
from seisml.store import FeatureTable, iter_tables
from seisml.times import NS_PER_S, to_ns
from seisml.windows import WindowGrid

BASELINE = ("stalta_short_max", "stalta_mid_max", "stalta_long_max")
MIN_BLOCKS = 3


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
    pool : bool
        Learn from medians and maxima over the components, see `seisml.pooling.pooled`.
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
    pool: bool = False


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
    unknown: Callable[[Sequence[str]], Mapping[str, np.ndarray]] | None = None,
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
    selection : Selection, optional
    unknown : callable, optional
        Gives for stations the spans that are neither event nor noise, see
        `seisml.labels.unplaced`.

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
        labels = label_windows(
            table.time_ns,
            table.stations,
            table.grid,
            signals,
            label_rule,
            coverage=_coverage(label_rule),
        )
        known = np.isfinite(table.frame.to_numpy()).any(axis=1)
        unsure = _touched(table, unknown) & (labels["state"] == NOISE).to_numpy()
        labels.loc[~known | unsure, "state"] = IGNORE
        taken = labels["label"].isin(["", NOISE_CLASS])
        labels["y"] = np.where(taken, "event", labels["label"])
        labels["station"], labels["time_ns"] = table.stations, table.time_ns
        labels["line"] = [f"{number}:{station}" for station in table.stations]
        parts.append(labels)
    if not parts:
        raise ModelError("There are no windows in the chosen time.", "Check --start and --end.")
    windows = pd.concat(parts, ignore_index=True)
    windows["y"] = np.where(windows["state"] == NOISE, NOISE_CLASS, windows["y"])
    if rule.one_class:
        windows["y"] = np.where(windows["state"] == NOISE, NOISE_CLASS, "event")
    windows["block"] = make_blocks(
        windows["time_ns"].to_numpy(), block_s=rule.block_s, min_blocks=MIN_BLOCKS
    )
    windows["fold"] = _folds(windows, rule)
    for name in ("line", "station", "y", "event_id"):  # a few texts, repeated a million times
        windows[name] = windows[name].astype("category")
    windows = windows.drop(columns=["label", "share"])
    chosen = _draw(windows, rule)
    X, columns = _read(stores, selection, chosen, rule.pool)
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


def _coverage(rule: LabelRule) -> tuple[int, int] | None:
    """Return the time that the expert looked at, None where it is not limited."""
    if not rule.start and not rule.end:
        return None
    far = 2**62
    return (
        to_ns(rule.start) if rule.start else -far,
        to_ns(rule.end) if rule.end else far,
    )


def _touched(table: FeatureTable, unknown) -> np.ndarray:
    """Return which windows overlap a span in which nobody knows."""
    out = np.zeros(len(table), dtype=bool)
    names = np.array([".".join(station.split(".")[:2]) for station in table.stations])
    spans_of = unknown(sorted(set(names))) if unknown else {}
    for name, spans in spans_of.items():
        rows = np.flatnonzero(names == name)
        time_ns = table.time_ns[rows]
        for start_ns, end_ns in spans:
            out[rows[(time_ns < end_ns) & (time_ns + table.grid.length_ns > start_ns)]] = True
    return out


def _same_settings(about: FeatureTable | None, table: FeatureTable) -> FeatureTable:
    if about is not None and about.fingerprint != table.fingerprint:
        raise ModelError(
            f"The feature stores were made with different settings ({about.fingerprint} and "
            f"{table.fingerprint}).",
            "Run 'seisml extract' with the same profile on all of them.",
        )
    if about is None or _unit(about) == "unknown":
        return table.rows(np.zeros(0, dtype=int))
    if len(table) and _unit(table) != _unit(about):
        raise ModelError(
            f"Some records are in {_unit(about)}, others in {_unit(table)}: their amplitudes "
            "cannot be learnt together.",
            "Train on stations of one unit, or extract with the units 'motion'.",
        )
    return about


def _unit(table: FeatureTable) -> str:
    """Return the unit of the samples that a table was made from."""
    return str(table.settings.get("unit", "counts"))


def _folds(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Deal the blocks to folds in turn."""
    blocks = windows["block"].to_numpy()
    state = windows["state"].to_numpy()
    n_blocks = int(blocks.max()) + 1
    n_folds = min(rule.n_folds, n_blocks)
    with_events = np.isin(np.arange(n_blocks), blocks[state == EVENT])
    # Blocks with events are dealt first, so that no fold goes without while another has two.
    dealt = np.argsort(~with_events, kind="stable")
    fold = np.empty(n_blocks, dtype=np.int64)
    fold[dealt] = np.arange(n_blocks) % n_folds
    for what, wanted in (("event", EVENT), ("noise", NOISE)):
        n_with = len(np.unique(fold[blocks[state == wanted]]))
        if n_with < 2:
            raise ModelError(
                f"{n_with} of {n_blocks} blocks of time hold {what} windows; two are needed to "
                "train on one and test on the other.",
                "Check that the catalogue covers the archive's time and stations, or take "
                "shorter blocks (block_days).",
            )
    return fold[blocks]


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


def _read(
    stores, selection: Selection, chosen: np.ndarray, pool: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read the features of the chosen rows, shard by shard."""
    frames, start = [], 0
    for _, table in selection.tables(stores):
        inside = chosen[(chosen >= start) & (chosen < start + len(table))] - start
        frame = table.frame.iloc[inside].reset_index(drop=True)
        frames.append(pooled(frame) if pool else frame)
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
