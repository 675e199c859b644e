"""What a detector owes to its stations and to its features, on windows that it had not seen."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from seisml.codes import station_name
from seisml.crossfit import Labelled, rows_without
from seisml.features import get_feature
from seisml.features.explain import GROUPS
from seisml.importance import permutation_importance
from seisml.labels import EVENT
from seisml.model import event_probability, fit_classifier, make_blocks
from seisml.model.classifiers import predict_proba, scales_by_station
from seisml.trainingrule import TrainingRule
from seisml.windowscores import areas, block_length_s, histograms

MOST_STATIONS = 12
OTHERS = "all others"


def _fitted(labelled: Labelled, rule: TrainingRule, keep: np.ndarray):
    """Return a classifier of some of the rows for training; None where a class is missing."""
    windows, rows = labelled.windows, labelled.chosen[keep]
    y = windows["y"].to_numpy()[rows]
    if len(set(y)) < 2:
        return None
    X = labelled.X[keep] if rule.scale == "none" else _frame(labelled, keep, labelled.X)
    return fit_classifier(
        rule.model,
        X,
        y,
        sample_weight=windows["weight"].to_numpy()[rows],
        columns=labelled.columns,
        **rule.options,
    )


def _frame(labelled: Labelled, keep: np.ndarray, X: np.ndarray) -> pd.DataFrame:
    station = labelled.windows["station"].to_numpy()[labelled.chosen][keep].astype(str)
    index = pd.Index(station, name="station")
    return pd.DataFrame(X[keep], index=index, columns=list(labelled.columns))


def _event_probability(model, frame: pd.DataFrame) -> np.ndarray:
    X = frame if scales_by_station(model) else frame.to_numpy()
    names = [str(name) for name in model.classes_]
    return event_probability(pd.DataFrame(predict_proba(model, X), columns=names))


def station_matrix(
    labelled: Labelled,
    rule: TrainingRule,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return how well a model that was trained at one station works at another.

    Parameters
    ----------
    labelled : Labelled
        From `seisml.crossfit.label`.
    rule : TrainingRule
    on_progress : callable, optional

    Returns
    -------
    pandas.DataFrame
        Area under the ROC curve of windows: trained at (index; last "all others", the station left
        out) and tested at (columns). Always on blocks of time that the model has not seen, at any
        station. The stations (NET.STA, with all their sensors) with the most event windows, at most
        `MOST_STATIONS`; NaN where there are no events or no noise to train or test with.
    """
    say = on_progress or (lambda text: None)
    windows = labelled.windows.iloc[labelled.chosen]
    station = windows["station"].astype(str).map(station_name).to_numpy()
    event, fold = windows["state"].to_numpy() == EVENT, windows["fold"].to_numpy()
    names = pd.Series(station[event]).value_counts().index[:MOST_STATIONS].sort_values().tolist()
    places = {name: station == name for name in names}
    trained = {**places}
    if len(names) > 1:
        trained[OTHERS] = None
    score = {name: np.full(len(station), np.nan) for name in trained}
    for k in np.unique(fold):
        free = rows_without(labelled, int(k), rule)
        for name, rows in trained.items():
            say(f"stations: trained at {name}, fold {k + 1}")
            for left_out in names if rows is None else [None]:
                keep = free & (~places[left_out] if rows is None else rows)
                test = (fold == k) & (places[left_out] if rows is None else np.True_)
                model = _fitted(labelled, rule, keep)
                if model is not None and test.any():
                    score[name][test] = _event_probability(
                        model, _frame(labelled, test, labelled.X)
                    )
    out = pd.DataFrame(index=list(trained), columns=names, dtype=float)
    for name in trained:
        for at, rows in places.items():
            good = rows & np.isfinite(score[name])
            if event[good].any() and (~event[good]).any():
                one = histograms(score[name][good], event[good], np.zeros(good.sum(), int), 1)
                out.loc[name, at] = float(areas(one[0])["roc_auc"])
    return out


def group_importance(
    labelled: Labelled,
    rule: TrainingRule,
    *,
    model=None,
    n_repeats: int = 3,
    n_boot: int = 500,
    seed: int = 0,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return how much worse held-out windows are told apart without each group of features.

    Parameters
    ----------
    labelled : Labelled
    rule : TrainingRule
    model : object, optional
        Fitted estimator that scores all windows; by default one is trained without each fold.
    n_repeats, n_boot, seed : int
    on_progress : callable, optional

    Returns
    -------
    pandas.DataFrame
        As `seisml.importance.permutation_importance`, of the groups of `seisml features`. The
        score is the balanced accuracy at the probability at which as many windows are called
        events as there are.
    """
    windows = labelled.windows.iloc[labelled.chosen]
    truth, fold = (windows["state"].to_numpy() == EVENT).astype(int), windows["fold"].to_numpy()
    models = {
        int(k): model or _fitted(labelled, rule, rows_without(labelled, int(k), rule))
        for k in np.unique(fold)
    }

    def score(X: np.ndarray) -> np.ndarray:
        out = np.zeros(len(X))
        for k, one in models.items():
            test = fold == k
            if one is not None:
                out[test] = _event_probability(one, _frame(labelled, test, X))
        return out

    limit = float(np.quantile(score(labelled.X), 1 - truth.mean()))
    time_ns = windows["time_ns"].to_numpy()
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(labelled.columns):
        letter = get_feature(name.split(".")[0].split("@")[0].split("[")[0]).group
        title = f"{letter}: {GROUPS[letter]}" if letter in GROUPS else "user"
        groups.setdefault(title, []).append(column)
    return permutation_importance(
        lambda X: (score(X) >= limit).astype(int),
        labelled.X,
        truth,
        make_blocks(time_ns, block_s=block_length_s(time_ns), min_blocks=10),
        groups,
        n_classes=2,
        n_repeats=n_repeats,
        n_boot=n_boot,
        seed=seed,
        on_progress=on_progress,
    )
