"""Search: settings of a classifier, chosen by the events of the folds that are not tested."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml import crossfit, thresholds
from seisml.classprobabilities import class_columns
from seisml.crossfit import Labelled
from seisml.model import over_threshold
from seisml.thresholds import Thresholds
from seisml.trainingrule import TrainingRule
from seisml.voting import voted_windows


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Scores of the settings that were chosen for each fold, and for all together."""

    rule: TrainingRule
    scores: pd.DataFrame
    probability: np.ndarray
    score: np.ndarray
    limit: np.ndarray
    thresholds: Thresholds
    tried: list[dict]
    by_class: Mapping[str, np.ndarray]


def searched(
    labelled: Labelled, rule: TrainingRule, choose: Mapping, say: Callable[[str], None]
) -> Chosen:
    """Score all windows out of fold; with a search, by the best settings of the other folds."""
    keys = list(rule.search)
    rules = [
        dataclasses.replace(rule, settings={**rule.settings, **dict(zip(keys, v, strict=True))})
        for v in itertools.product(*rule.search.values())
    ]
    scores, limits = [], []
    for i, one in enumerate(rules, start=1):
        if keys:
            say(f"settings {i} of {len(rules)}: {dict(one.settings)}")
        scored = crossfit.out_of_fold(labelled, one, on_progress=say)
        scores.append(_voted(labelled, scored, choose["detection"]))
        say("choosing thresholds")
        p = scores[-1]
        limits.append(thresholds.choose_thresholds(labelled, p["model"], by_class=p, **choose))
    best = np.argmax([one.f1 for one in limits], axis=0)
    fold = labelled.windows["fold"].to_numpy()
    p = _of_the_best([one["model"] for one in scores], best[fold])
    by_class = {
        name: _of_the_best([one[name] for one in scores], best[fold])
        for name in class_columns(scores[0]).values()
    }
    limit = np.array([one.value for one in limits])[best[fold], fold]
    tried = [
        {**{k: one.settings[k] for k in keys}, "f1": round(float(found.f1[-1]), 4)}
        for one, found in zip(rules, limits, strict=True)
    ]
    score = over_threshold(p, limit)
    last = best[-1]
    tried = tried if keys else []
    return Chosen(rules[last], scores[last], p, score, limit, limits[last], tried, by_class)


def _of_the_best(columns: Sequence[pd.Series], best: np.ndarray) -> np.ndarray:
    """Return of each window the value in the column with the number `best`."""
    return np.array([one.to_numpy() for one in columns])[best, np.arange(len(best))]


def _voted(labelled: Labelled, scores: pd.DataFrame, detection: Mapping) -> pd.DataFrame:
    """Return the scores after the vote of the stations of each set and network."""
    if not detection.get("network_vote", False):
        return scores
    after = voted_windows(labelled.windows, scores.to_numpy())
    return pd.DataFrame(after, index=scores.index, columns=scores.columns)
