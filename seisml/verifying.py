"""Verifying: a second look is learnt on held-out candidates, and taken only if it helps.

Candidates come from scores of windows by models that never saw them, so they are as good and as bad
as those of new records. What matches an expert's event is one, what is unmatched is none, and what
lies where nobody knows is left out. Each fold is judged by a second look that was learnt on the
others, with a threshold and a yes or no from the others.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from seisml.candidates import COLUMNS, candidate_features
from seisml.catalog import Catalog, merge
from seisml.codes import sensor_of
from seisml.comparison import Comparison
from seisml.detect import plan_band
from seisml.detections import FOLD
from seisml.ends import with_ends
from seisml.heldout import candidates, live_spans
from seisml.labels import EVENT, NOISE
from seisml.model import Detector, Verifier, fit_classifier, over_threshold
from seisml.preparation import preparation_of
from seisml.scoredlines import lines
from seisml.thresholds import best_level, mean_f1
from seisml.trainingset import TrainingSet
from seisml.verification import SHARE, chosen

ENOUGH = 30
"""Fewer candidates that are events, or that are none, teach nothing."""
N_MODELS, N_LEVELS = 4, 200
DEVIATIONS = 2.0
"""So many standard deviations of chance a second look must be better to be taken."""
SETTINGS = {
    "max_iter": 200,
    "learning_rate": 0.08,
    "max_leaf_nodes": 7,
    "min_samples_leaf": 10,
    "max_features": 0.15,
    "l2_regularization": 0.0,
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SecondLook:
    """What a second look does on held-out candidates.

    Attributes
    ----------
    verifier : Verifier or None
        Learnt on all candidates; None where it does not help, or cannot be learnt.
    machine : Catalog or None
        Held-out detections, each fold as the others advise; None where there are none.
    about : dict
        For the model's card: numbers of candidates, F1 of the first look and of the second.
    """

    verifier: Verifier | None
    machine: Catalog | None
    about: dict


def second_look(
    sets: Sequence[TrainingSet],
    windows: pd.DataFrame,
    detector: Detector,
    judge: Callable[[Catalog, Sequence[TrainingSet], pd.DataFrame], Comparison],
    *,
    false_alarms_per_day: float = 0.0,
    seed: int = 0,
    on_progress: Callable[[str], None] | None = None,
) -> SecondLook:
    """Learn a second look on held-out candidates.

    Parameters
    ----------
    sets : sequence of TrainingSet
        Those without an archive teach nothing, and stay as the first look has them.
    windows : pandas.DataFrame
        See `seisml.training.Training`.
    detector : Detector
        The first look.
    judge : callable
        ``judge(candidates, sets, windows)`` compares them with the experts.
    false_alarms_per_day : float
        See `seisml.thresholds.choose_thresholds`.
    seed : int
    on_progress : callable, optional

    Returns
    -------
    SecondLook
    """
    say = on_progress or (lambda text: None)
    parts, found = [], []
    for number, one in enumerate(sets):
        mine = windows[windows["set"] == number]
        say(f"looking again at the candidates of {one.name or 'the set'}")
        some = candidates(one, mine, detector, share=SHARE)
        parts.append(_told(some, one, mine.assign(set=0), detector, judge).assign(set=number))
        found.append(some)
    table = pd.concat(parts, ignore_index=True)
    n_folds = int(windows["fold"].max()) + 1
    counts = {"candidates": len(table)}
    counts |= {name: int((table["y"] == y).sum()) for name, y in (("events", 1), ("others", 0))}
    if min(counts["events"], counts["others"]) < ENOUGH or not _each_without(table, n_folds):
        return SecondLook(None, None, {**counts, "used": False, "why": "too few to learn from"})
    weights = [one.weight for one in sets]
    p = np.full(len(table), np.nan)
    fold = table[FOLD].to_numpy()
    for k in range(n_folds):
        rows = fold == k
        p[rows] = _fitted(table[~rows], weights, seed).probability(table[rows])
    wanted = {"weights": weights, "false_alarms_per_day": false_alarms_per_day}
    limit, helps, f1 = _limits(table, p, windows, n_folds, detector, **wanted)
    # What the first look says, as a probability whose threshold is one half.
    first = table["score"].to_numpy()
    first = np.where(first < 1, first / 2, first / (1 + first))
    has_records = np.array([one.archive is not None for one in sets])
    took = helps[fold] & has_records[table["set"].to_numpy()]  # else there is nothing to look at
    p, limits = np.where(took, p, first), np.where(took, limit[fold], 0.5)
    archives = [one.archive for one in sets]
    machine = _machine(found, archives, table, p, limits, windows, detector)
    about = {**counts, "used": bool(helps[-1]), "threshold": float(limit[-1])}
    about |= {"f1_first_look": f1[0], "f1_second_look": f1[1]}
    verifier = None
    if helps[-1]:
        verifier = dataclasses.replace(_fitted(table, weights, seed), on=float(limit[-1]))
    return SecondLook(verifier, machine, about)


def _told(some: Catalog, one: TrainingSet, windows, detector: Detector, judge) -> pd.DataFrame:
    """Return features, fold, score and y of candidates: 1 an event, 0 none, -1 nobody knows."""
    events = some.events
    test = judge(some, [one], windows)
    y = np.full(len(events), -1)
    unmatched = events["event_id"].isin(test.unmatched["event_id"]).to_numpy()
    y[unmatched & _on_noise(events, windows, detector)] = 0
    y[events["event_id"].isin(test.matched["machine_id"])] = 1
    if one.archive is None or not len(events):
        frame = pd.DataFrame(np.nan, index=events.index, columns=COLUMNS)
        frame["score"], y = events["score"].to_numpy(np.float64), np.full(len(events), -1)
    else:
        preparation = preparation_of(detector.plan)
        frame = candidate_features(one.archive, events, preparation=preparation)
    fold = events[FOLD].to_numpy() if len(events) else np.zeros(0, np.int64)
    return frame.assign(**{FOLD: fold, "y": y})


def _on_noise(events: pd.DataFrame, windows: pd.DataFrame, detector: Detector) -> np.ndarray:
    """Return whether the window about the onset of each candidate is known to be noise."""
    middle_ns = events["time_ns"].to_numpy(np.int64) - detector.grid.length_ns // 2
    sensors = events["event_id"].map(sensor_of).to_numpy(object)
    noise = np.zeros(len(events), dtype=bool)
    time_ns, state = (windows[name].to_numpy() for name in ("time_ns", "state"))
    for station, at in lines(windows):
        mine = np.flatnonzero(sensors == station)
        rows = at[np.argsort(time_ns[at], kind="stable")]
        there = np.searchsorted(time_ns[rows], middle_ns[mine]).clip(1, max(len(rows) - 1, 1))
        near = [rows[np.clip(there - step, 0, len(rows) - 1)] for step in (0, 1)]
        away = [np.abs(time_ns[one] - middle_ns[mine]) for one in near]
        best = np.where(away[0] < away[1], near[0], near[1])
        close = np.minimum(*away) <= detector.grid.hop_ns
        noise[mine] |= close & (state[best] == NOISE)
    return noise


def _each_without(table: pd.DataFrame, n_folds: int) -> bool:
    """Return whether both kinds are left where any fold is left out."""
    return all({0, 1} <= set(table.loc[table[FOLD] != k, "y"]) for k in range(n_folds))


def _fitted(table: pd.DataFrame, weights: Sequence[float], seed: int) -> Verifier:
    """Return a second look; each training set weighs what it is given, however large."""
    table = table[table["y"] >= 0]
    number = table["set"].to_numpy()
    weight = np.asarray(weights, float)[number] / np.bincount(number)[number]
    estimator = fit_classifier(
        "hist_gradient_boosting",
        table[list(COLUMNS)].to_numpy(np.float32),
        table["y"].to_numpy() == 1,
        sample_weight=weight * len(weight) / weight.sum(),
        settings=SETTINGS,
        seed=seed,
        n_models=N_MODELS,
    )
    return Verifier(estimator, COLUMNS, SHARE, 0.5)


def _limits(
    table: pd.DataFrame,
    p: np.ndarray,
    windows: pd.DataFrame,
    n_folds: int,
    detector: Detector,
    *,
    weights: Sequence[float],
    false_alarms_per_day: float,
):
    """Return the threshold of each fold and of all, whether it helps there, and both F1 of all."""
    y, fold, number = (table[name].to_numpy() for name in ("y", FOLD, "set"))
    known = y >= 0
    n_sets = len(weights)
    seen = windows[(windows["state"] == EVENT) & (windows["event_id"] != "")]
    seen = seen.drop_duplicates(["set", "station", "event_id"])
    total = np.zeros((n_folds, n_sets))
    np.add.at(total, (seen["fold"].to_numpy(), seen["set"].to_numpy()), 1)

    def counted(score: np.ndarray, level: float) -> np.ndarray:
        """Return hits, false alarms and misses by fold and set."""
        out = np.zeros((n_folds, n_sets, 3))
        taken = known & (score >= level)
        for column, kind in ((0, 1), (1, 0)):
            rows = taken & (y == kind)
            np.add.at(out[..., column], (fold[rows], number[rows]), 1)
        out[..., 2] = np.maximum(total - out[..., 0], 0)
        return out

    levels = np.unique(np.quantile(p[known], np.linspace(0, 1, N_LEVELS)))
    second = np.array([counted(p, level) for level in levels])
    first_score = table["score"].to_numpy()
    first = counted(first_score, 1.0)[np.newaxis]
    finite = np.isfinite(windows["probability"].to_numpy())
    of_fold = np.bincount(windows["fold"].to_numpy()[finite], minlength=n_folds)
    days = of_fold * detector.grid.hop_s / 86_400
    limit, helps = np.zeros(n_folds + 1), np.zeros(n_folds + 1, dtype=bool)
    for k in range(n_folds + 1):
        others = np.arange(n_folds) != k
        kept, before = second[:, others].sum(axis=1), first[:, others].sum(axis=1)
        score, was = mean_f1(kept, weights), mean_f1(before, weights)[0]
        rate = kept[..., 1].sum(axis=1) / max(days[others].sum(), 1e-9)
        at = best_level(score, rate, false_alarms_per_day)
        limit[k] = levels[at]
        rows = known & (fold != k)
        better = _better(first_score[rows] >= 1, p[rows] >= levels[at], y[rows] == 1)
        helps[k] = score[at] > was and better
    return limit, helps, (round(float(was), 4), round(float(score[at]), 4))


def _better(first: np.ndarray, second: np.ndarray, truth: np.ndarray) -> bool:
    """Return whether the second look mends more than it spoils, and not by chance.

    McNemar (1947), doi:10.1007/BF02295996: of n candidates that one look tells right and the other
    wrong, half would be mended by chance, with a deviation of sqrt(n)/2.
    """
    mended = np.sum((second == truth) & (first != truth))
    spoilt = np.sum((second != truth) & (first == truth))
    return bool(mended - spoilt > DEVIATIONS * np.sqrt(mended + spoilt))


def _machine(found, archives, table, p, limits, windows, detector: Detector) -> Catalog:
    """Return the candidates that are taken, of all sets, with scores that are 1 at the limit."""
    band, window_s = plan_band(detector.plan), detector.detection.get("support_window_s", 0.0)
    kept, start = [], 0
    for number, some in enumerate(found):
        rows = slice(start, start + len(some))
        start += len(some)
        limit = dict(zip(some.events["event_id"], limits[rows], strict=True))
        live = live_spans(windows[windows["set"] == number], detector.grid)
        one = chosen(some, p[rows], limits[rows], window_s=window_s, live=live)
        steps = preparation_of(detector.plan)
        one = with_ends(one, archives[number], band, detector.detection, preparation=steps)
        events = one.events.drop(columns=FOLD, errors="ignore")
        its = events["event_id"].map(limit).to_numpy(np.float64)
        events = events.assign(score=over_threshold(events["score"].to_numpy(np.float64), its))
        kept.append(dataclasses.replace(one, events=events, name="seisml"))
    if len(kept) == 1:
        return kept[0]
    basis = kept[0].time_basis
    return merge([dataclasses.replace(one, time_basis=basis) for one in kept], name="seisml")
