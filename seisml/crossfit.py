"""Cross-fitting: every window is scored by a model that was trained without its block of time.

Blocks of days stand apart by a purge gap and windows of one event never stand on both sides.
Thresholds are chosen on events, never on windows, and never on the fold that they are applied to.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.errors import ConfigError, ModelError, did_you_mean
from seisml.labels import EVENT, NOISE
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
from seisml.times import NS_PER_S
from seisml.trainingset import TrainingSet, label_sets, tables
from seisml.windows import WindowGrid

SPLITS = ("blocks", "set", "station")
_BLOCKS = {"blocks": "blocks of time", "set": "training sets", "station": "stations"}
BASELINE = ("stalta_short_max", "stalta_mid_max", "stalta_long_max")
MIN_BLOCKS = 3


@dataclasses.dataclass(frozen=True)
class TrainingRule:
    """How a detector is trained and validated.

    Attributes
    ----------
    model : str
        Name for `seisml.model.make_classifier`.
    split : str
        What a fold leaves out: ``blocks`` of time, a whole training ``set`` (a network that
        the model never saw), or a ``station`` with all its time.
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
    split: str = "blocks"
    n_folds: int = 5
    block_s: float = 86_400.0
    purge_s: float = 60.0
    noise_per_event: float = 20.0
    max_windows: int = 200_000
    one_class: bool = True
    class_weight: str = "none"
    seed: int = 0
    pool: bool = False

    def __post_init__(self):
        if self.split not in SPLITS:
            raise ConfigError(
                f"There is no split {self.split!r}.", did_you_mean(self.split, SPLITS)
            )


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
    """

    sets: tuple[TrainingSet, ...]
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


def label(sets: Sequence[TrainingSet], rule: TrainingRule) -> Labelled:
    """Label all windows of training sets, deal them to folds and draw the rows for training.

    Parameters
    ----------
    sets : sequence of TrainingSet
    rule : TrainingRule

    Returns
    -------
    Labelled

    Raises
    ------
    ModelError
        If there are no event windows, no noise windows, or too few blocks.
    """
    windows, about = label_sets(sets)
    if rule.one_class:
        windows["y"] = np.where(windows["state"] == NOISE, NOISE_CLASS, "event")
    windows["block"] = _blocks(windows, rule)
    windows["fold"] = _folds(windows, rule)
    for name in ("line", "station", "y", "event_id"):  # a few texts, repeated a million times
        windows[name] = windows[name].astype("category")
    chosen = _draw(windows, rule)
    X, columns = _read(sets, chosen, rule.pool)
    return Labelled(
        sets=tuple(sets),
        windows=windows,
        chosen=chosen,
        X=X,
        columns=columns,
        grid=about.grid,
        fingerprint=about.fingerprint,
        settings=about.settings,
    )


def _blocks(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Return the validation block of each window; sets that overlap in time share theirs."""
    time_ns = windows["time_ns"].to_numpy()
    if rule.split != "blocks":
        names = windows["set"] if rule.split == "set" else windows["station"]
        return pd.factorize(names, sort=True)[0].astype(np.int64)
    spans = windows.groupby("set")["time_ns"].agg(["min", "max"]).sort_values("min")
    new = spans["min"].to_numpy()[1:] > spans["max"].cummax().to_numpy()[:-1]
    era = dict(zip(spans.index, np.cumsum(np.r_[0, new]), strict=True))
    eras = windows["set"].map(era).to_numpy()
    blocks, n_blocks = np.zeros(len(windows), dtype=np.int64), 0
    for number in range(max(era.values()) + 1):
        mine = eras == number
        found = make_blocks(time_ns[mine], block_s=rule.block_s, min_blocks=MIN_BLOCKS)
        blocks[mine] = n_blocks + found
        n_blocks += int(found.max()) + 1
    return blocks


def _folds(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Deal the blocks to folds in turn."""
    blocks = windows["block"].to_numpy()
    state = windows["state"].to_numpy()
    n_blocks = int(blocks.max()) + 1
    n_folds = min(rule.n_folds, n_blocks) if rule.split == "blocks" else n_blocks
    with_events = np.isin(np.arange(n_blocks), blocks[state == EVENT])
    # Blocks with events are dealt first, so that no fold goes without while another has two.
    dealt = np.argsort(~with_events, kind="stable")
    fold = np.empty(n_blocks, dtype=np.int64)
    fold[dealt] = np.arange(n_blocks) % n_folds
    for what, wanted in (("event", EVENT), ("noise", NOISE)):
        n_with = len(np.unique(fold[blocks[state == wanted]]))
        if n_with < 2:
            raise ModelError(
                f"{n_with} of {n_blocks} {_BLOCKS[rule.split]} hold {what} windows; two are needed "
                "to train on one and test on the other.",
                "Check that the catalogue covers the archive's time and stations, or take "
                "shorter blocks (block_days).",
            )
    return fold[blocks]


def _draw(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Return rows for training: all events, and noise drawn evenly over all noise of a set."""
    rng = np.random.default_rng(rule.seed)
    state, number = windows["state"].to_numpy(), windows["set"].to_numpy()
    counts = {k: int((state[number == k] == EVENT).sum()) for k in np.unique(number)}
    drawn = []
    for k, n in counts.items():
        # Limits are shared out as the sets' events are.
        limit = round(rule.max_windows * max(n, 1) / max(sum(counts.values()), 1))
        event, noise = (np.flatnonzero((number == k) & (state == s)) for s in (EVENT, NOISE))
        if len(event) > limit // 2:
            event = rng.choice(event, limit // 2, replace=False)
        n_noise = max(round(rule.noise_per_event * len(event)), 1000)
        n_noise = min(len(noise), n_noise, max(limit - len(event), 0))
        drawn += [event, rng.choice(noise, n_noise, replace=False)]
    return np.sort(np.concatenate(drawn))


def _read(
    sets: Sequence[TrainingSet], chosen: np.ndarray, pool: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read the features of the chosen rows, shard by shard."""
    frames, start = [], 0
    for _, _, table in tables(sets):
        inside = chosen[(chosen >= start) & (chosen < start + len(table))] - start
        frame = table.frame.iloc[inside].reset_index(drop=True)
        frames.append(pooled(frame) if pool else frame)
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
    weight = "balanced" if rule.class_weight == "balanced" else None
    return fit_classifier(
        rule.model,
        labelled.X[keep],
        y,
        sample_weight=windows["weight"].to_numpy()[chosen][keep],
        class_weight=weight,
        seed=rule.seed,
    )


def rows_without(labelled: Labelled, fold: int, rule: TrainingRule) -> np.ndarray:
    """Return which rows for training have nothing in common with a fold.

    Blocks of time: no window within the purge of a tested one, at any station, and none of an
    event of the fold. Stations and sets: the same events may be seen elsewhere, as they will be
    when the model is applied to a new station.
    """
    windows, chosen = labelled.windows, labelled.chosen
    test = windows["fold"].to_numpy() == fold
    if rule.split != "blocks":
        return ~test[chosen]
    time_ns = windows["time_ns"].to_numpy()
    purge_ns = round(rule.purge_s * NS_PER_S) + labelled.grid.length_ns
    near = within(time_ns[chosen], np.unique(time_ns[test]), purge_ns)
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
    for _, _, table in tables(labelled.sets):
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
