"""What is said of a training: notes before it begins, and parts of the model's card."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seisml.comparison import Comparison
from seisml.crossfit import Labelled
from seisml.folds import short_of_blocks
from seisml.labels import EVENT, IGNORE, NOISE
from seisml.metrics import metrics
from seisml.model import is_noise
from seisml.summaries import plain
from seisml.times import iso
from seisml.trainingrule import TrainingRule
from seisml.trainingset import TrainingSet
from seisml.windows import WindowGrid


def notes(labelled: Labelled, rule: TrainingRule) -> Iterator[str]:
    """Yield what the person who trains should know before it is waited for."""
    windows = labelled.windows
    n_events = windows.loc[windows["state"] == EVENT, "event_id"].nunique()
    if n_events < rule.min_class_events:
        yield (
            f"there {'is' if n_events == 1 else 'are'} {n_events} event{'s' * (n_events != 1)}: "
            "too few to learn from, and scores and threshold say next to nothing; add labels, or "
            "take a model that comes with seisml ('seisml models')"
        )
    for name, n in labelled.merged.items():
        said = "noise" if is_noise(name) else "event"
        yield f"{name} has {n} events, {rule.min_class_events} are needed: learnt as {said!r}"
    empty = empty_columns(labelled)
    if empty:
        more = ", ..." if len(empty) > 3 else ""
        yield (
            f"{len(empty)} of {len(labelled.columns)} columns have no value in any window and "
            f"say nothing: {', '.join(empty[:3])}{more}"
        )
    short = short_of_blocks(labelled.windows, rule)
    if short:
        yield short
    if few := drawn(labelled):
        yield few


def drawn(labelled: Labelled) -> str:
    """Say how many windows are learnt, where it is not all of them; "" where it is."""
    state = labelled.windows["state"].to_numpy()
    there = [int((state == kind).sum()) for kind in (EVENT, NOISE)]
    learnt = [int((state[labelled.chosen] == kind).sum()) for kind in (EVENT, NOISE)]
    if learnt == there:
        return ""
    return (
        f"{learnt[0]} of {there[0]} windows of events are learnt and {learnt[1]} of {there[1]} of "
        "noise, drawn from all blocks (noise_per_event, max_windows); all are scored"
    )


def rate_seen(rule: TrainingRule, test: Comparison) -> str:
    """Say where what was held out has more false alarms than were asked for; else ""."""
    numbers = metrics(test)
    if not 0 < rule.false_alarms_per_day < numbers["unmatched_per_day"]:
        return ""
    low, high = numbers["intervals"]["unmatched_per_day"]
    return (
        f"at most {rule.false_alarms_per_day:g} unmatched in a station-day were asked for; on the "
        "held-out parts, with thresholds that the others chose, there are "
        f"{numbers['unmatched_per_day']:.3g} (95 %: {low:.3g} to {high:.3g})"
    )


def empty_columns(labelled: Labelled) -> list[str]:
    """Return the columns without a value in any window for training."""
    return list(np.array(labelled.columns)[np.isnan(labelled.X).all(axis=0)])


def chosen_for(rule: TrainingRule) -> str:
    """Return what a threshold was chosen for, for the card."""
    if rule.threshold:
        return "stated before training"
    if rule.false_alarms_per_day:
        return f"at most {rule.false_alarms_per_day:g} unmatched in a station-day"
    return "best F1 of events"


def part(windows: pd.DataFrame, sets: Sequence[TrainingSet], grid: WindowGrid) -> dict:
    """Return what the card says of windows: where, when, whose labels, how many."""
    state = windows["state"].to_numpy()
    rules = {str(name) for one in sets for name in one.signals["rule"].unique()}
    return {
        "stations": sorted(windows["station"].astype(str).unique()),
        "start": iso(int(windows["time_ns"].min())),
        "end": iso(int(windows["time_ns"].max()) + grid.length_ns),
        "expert": ", ".join(one.expert.name or one.expert.source for one in sets),
        "label_rule": ", ".join(sorted(rules)),
        "n_events": int(windows.loc[state == EVENT, "event_id"].nunique()),
        "n_windows": {
            "event": int((state == EVENT).sum()),
            "noise": int((state == NOISE).sum()),
            "ignore": int((state == IGNORE).sum()),
        },
    }


def metrics_of(test: Comparison) -> dict:
    """Return the numbers of a comparison that a model's card holds."""
    numbers = metrics(test)
    kept = ("recall", "precision", "f1", "unmatched_per_day")
    out = {"n_expert": numbers["n_expert"], **{name: numbers[name] for name in kept}}
    out |= {f"{k}_95": v for k, v in numbers["intervals"].items() if k in kept}
    return plain(out)
