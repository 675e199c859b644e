"""Training: from feature stores and an expert's signals to a validated Detector."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml import crossfit, thresholds
from seisml.baseline import BASELINE, baseline_rule
from seisml.catalog import Catalog
from seisml.classrules import class_rules
from seisml.codes import station_name
from seisml.compare import compare
from seisml.comparison import Comparison
from seisml.crossfit import Labelled
from seisml.errors import ModelError
from seisml.heldout import detections
from seisml.labels import EVENT, IGNORE, OUTSIDE, UNKNOWN_TO_EXPERT
from seisml.model import (
    NOISE_CLASS,
    Calibration,
    Detector,
    Novelty,
    always_known,
    brier,
    cross_calibrated,
    fit_calibration,
    is_noise,
    reliability,
)
from seisml.scoredlines import lines
from seisml.searching import Chosen, searched
from seisml.store import joined_windows
from seisml.thresholds import MatchRule
from seisml.trainingcard import chosen_for, empty_columns, metrics_of, notes, part, rate_seen
from seisml.trainingrule import TrainingRule
from seisml.trainingset import TrainingSet, name_of, seen_by_experts
from seisml.verifying import second_look
from seisml.windows import WindowGrid


@dataclasses.dataclass(frozen=True)
class Training:
    """A trained detector and how it did on blocks of time that it had not seen.

    Attributes
    ----------
    detector : Detector
        Trained on all blocks; its threshold was chosen on out-of-fold scores.
    machine : Catalog
        Detections from out-of-fold scores; the score is 1 at the threshold, see
        `seisml.model.over_threshold`.
    baseline_machine : Catalog
        The same by STA/LTA; the score is the ratio over the threshold.
    test, baseline : Comparison
        These, and those of STA/LTA under the same rules, against the expert's signals.
    windows : pandas.DataFrame
        set, line (store and station), station, time_ns, state, y, event_id, block, fold,
        probability (out of fold), calibrated (likewise, on the other folds), score (over its
        threshold), baseline (likewise), and where there are several classes the probability of
        each, ``P(CLASS)`` (out of fold).
    validation : str
        How the scores came about; "": by cross-fitting, as the card's split says.
    """

    detector: Detector
    machine: Catalog
    baseline_machine: Catalog
    test: Comparison
    baseline: Comparison
    windows: pd.DataFrame
    validation: str = ""


def train(
    sets: Sequence[TrainingSet],
    *,
    rule: TrainingRule,
    detection: Mapping,
    matching: MatchRule,
    keep=None,
    on_progress: Callable[[str], None] | None = None,
) -> Training:
    """Train a detector and test it on held-out blocks of time, with a baseline beside it.

    Parameters
    ----------
    sets : sequence of TrainingSet
        Each has feature stores, an expert's signals and a label rule of its own; stations of
        different sets never mix.
    rule : TrainingRule
    detection : mapping
        ``off_ratio``, ``merge_gap_s``, ``min_duration_s``, ``max_duration_s``,
        ``refine_onset``, ``onset_search_s``.
    matching : MatchRule
    keep : path, optional
        Folder of what is done, see `seisml.resuming`: after a stop the same call goes on there.
        It is not removed at the end (`seisml.resuming.forget`): the model is not written yet.
    on_progress : callable, optional
        Called with what is being done.

    Returns
    -------
    Training

    Raises
    ------
    ModelError
        If there are no event windows, no noise windows, or too few blocks that hold them.
    """
    say = on_progress or (lambda text: None)
    matching.check(name for one in sets for name in one.signals["label"])
    say("labelling windows")
    labelled = crossfit.label(sets, rule, keep=keep)
    if labelled.kept.found:
        say(f"note: going on with what was done before a stop ({keep})")
    for note in notes(labelled, rule):
        say(f"note: {note}")
    class_rules(1.0, detection, known=sorted(set(labelled.windows["y"]) - {NOISE_CLASS}))
    choose = {"detection": detection, "matching": matching}
    choose["false_alarms_per_day"] = rule.false_alarms_per_day
    chosen = searched(labelled, rule, {**choose, "stated": rule.threshold}, say)
    doubt = chosen.thresholds.doubt(rule.false_alarms_per_day)
    if doubt:
        say(f"note: {doubt}")
    base, base_name = tuned_baseline(labelled, chosen.scores, choose)
    say("calibrating")
    calibrated, calibration, about = _calibrated(labelled, chosen)
    told = ", ".join(f"{value:g} {name}" for name, value in about["brier"].items())
    say(f"calibration {about['method']}, Brier score {told}")
    say("training on all blocks")
    name = f"STA/LTA ({base_name})"
    card = {"calibration": about, "baseline": name}
    detector = _detector(labelled, chosen, detection, calibration, card)
    say("comparing with the expert")
    columns = ["set", "line", "station", "time_ns", "state", "reason", "y", "event_id"]
    columns += ["block", "fold"]
    more = {"probability": chosen.probability, "calibrated": calibrated}
    more |= {"score": chosen.score, "limit": chosen.limit, "baseline": base}
    windows = labelled.windows[columns].assign(**more, **chosen.by_class)
    results = []
    rules = {"score": detection, "baseline": baseline_rule(detection)}
    for column, called in (("score", "seisml"), ("baseline", name)):
        found = detections(sets, windows, column, detector, name=called, detection=rules[column])
        results.append((found, against(found, sets, labelled.grid, windows, matching)))
    (machine, test), (base_machine, baseline) = results
    if rule.verify and rule.split == "set":
        say("note: no second look is learnt: what follows an onset is another thing elsewhere")
    elif rule.verify:
        judge = functools.partial(_judged, grid=labelled.grid, matching=matching)
        options = {"false_alarms_per_day": rule.false_alarms_per_day, "seed": rule.seed}
        look = second_look(sets, windows, detector, judge, on_progress=say, **options)
        if look.machine is not None:
            machine = look.machine
            test = against(machine, sets, labelled.grid, windows, matching)
        card = {**detector.card, "second_look": look.about}
        detector = dataclasses.replace(detector, verifier=look.verifier, card=card)
    if seen := rate_seen(rule, test):
        say(f"note: {seen}")
    tests = {"seisml": metrics_of(test), "baseline": metrics_of(baseline)}
    detector = dataclasses.replace(detector, card={**detector.card, "test": tests})
    return Training(detector, machine, base_machine, test, baseline, windows)


def _calibrated(labelled: Labelled, chosen: Chosen):
    """Return calibrated out-of-fold probabilities, the calibration of all, and what to say.

    Of folds with different settings, each has probabilities of its own; those of the model that is
    kept are calibrated by what its settings say of all folds.
    """
    windows, p = labelled.windows, chosen.probability
    state, fold = windows["state"].to_numpy(), windows["fold"].to_numpy()
    event, use = state == EVENT, (state != IGNORE) & np.isfinite(p)
    options = {"method": chosen.rule.calibration, **_drawn(labelled, chosen.rule)}
    calibrated = cross_calibrated(p, event, use, fold, **options)
    kept = chosen.scores["model"].to_numpy()
    calibration = fit_calibration(kept[use], event[use], **options)
    bins = reliability(calibrated[use], event[use]).round(5)
    about = {
        "method": calibration.method,
        "brier": {
            "as trained": _rounded(brier(p[use], event[use])),
            "calibrated": _rounded(brier(calibrated[use], event[use])),
            "share of events": _rounded(brier(np.full(use.sum(), event[use].mean()), event[use])),
        },
        "reliability": {name: bins[name].tolist() for name in bins},
    }
    return calibrated, calibration, about


def _drawn(labelled: Labelled, rule: TrainingRule) -> dict[str, float]:
    """Return what was trained on of all noise and of all events, as far as it weighs there."""
    priors = crossfit.class_priors(labelled, rule)
    share = {}
    for what, noise in (("noise_share", True), ("event_share", False)):
        pairs = [pair for name, pair in priors.items() if is_noise(name) == noise]
        trained, records = np.sum(pairs, axis=0)
        share[what] = float(trained / records)
    return share


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def tuned_baseline(labelled: Labelled, scores, choose) -> tuple[np.ndarray, str]:
    """Return STA/LTA over its threshold: for each fold the best kind on the other folds.

    Its events begin where it rises (`baseline_rule`), whatever the model's scores do.

    Raises
    ------
    ModelError
        If the features hold none of `BASELINE`.
    """
    fold = labelled.windows["fold"].to_numpy()
    choose = {**choose, "detection": baseline_rule(choose["detection"])}
    tried = {}
    for name in BASELINE:
        values = scores[name].to_numpy()
        if np.isfinite(values[labelled.windows["state"].to_numpy() == EVENT]).any():
            tried[name] = thresholds.choose_thresholds(labelled, values, **choose)
    if not tried:
        raise ModelError(
            f"The features hold none of {', '.join(BASELINE)}: no baseline can stand beside.",
            "Add at least one of them to [features] names.",
        )
    names = list(tried)
    best = np.argmax([tried[name].f1 for name in names], axis=0)
    out = np.full(len(fold), np.nan)
    for k in range(labelled.n_folds):
        name = names[best[k]]
        out[fold == k] = scores[name].to_numpy()[fold == k] / tried[name].value[k]
    return out, names[best[-1]].split("_")[1]


def against(
    machine: Catalog,
    sets: Sequence[TrainingSet],
    grid: WindowGrid,
    windows: pd.DataFrame,
    matching: MatchRule,
) -> Comparison:
    """Compare detections with the experts' signals inside the windows that were scored.

    Where the expert did not look nothing counts; where he has an event but not when, or one that
    may be anything, a detection that matches none is neither right nor wrong.
    """
    coverage: dict[str, list] = {}
    ignored: dict[str, list] = {}
    stations: list[set] = [set() for _ in sets]
    reason, finite = windows["reason"].to_numpy(), np.isfinite(windows["score"].to_numpy())
    for station, rows in lines(windows):
        number = int(windows["set"].iloc[rows[0]])
        if not sets[number].judged:
            continue
        scored = rows[finite[rows] & (reason[rows] != OUTSIDE)]
        times = windows["time_ns"].to_numpy()[scored]
        name = station_name(station)
        coverage.setdefault(name, []).append(joined_windows(times, grid))
        unknown = times[np.isin(reason[scored], UNKNOWN_TO_EXPERT)]
        ignored.setdefault(name, []).append(np.column_stack([unknown, unknown + grid.hop_ns]))
        stations[number].add(name)
    return compare(
        machine,
        seen_by_experts(sets, stations),
        tolerance_s=matching.tolerances,
        mode=matching.mode,
        coverage={name: np.concatenate(spans) for name, spans in coverage.items()},
        ignored={name: np.concatenate(spans) for name, spans in ignored.items()},
        by_station=True,
    )


def _judged(machine: Catalog, sets, windows: pd.DataFrame, *, grid, matching) -> Comparison:
    return against(machine, sets, grid, windows, matching)


def _detector(
    labelled: Labelled, chosen: Chosen, detection: Mapping, calibration: Calibration, more: dict
) -> Detector:
    rule, windows, limits = chosen.rule, labelled.windows, chosen.thresholds
    threshold = float(limits.value[-1])
    doubt = limits.doubt(rule.false_alarms_per_day)
    estimator = crossfit.fit(labelled, rule)
    card = {
        "body": labelled.sets[0].expert.body,
        "model": rule.model,
        "settings": dict(rule.settings),
        "searched": chosen.tried,
        "seed": rule.seed,
        "n_models": rule.n_models,
        "scale": rule.scale,
        **part(windows, labelled.sets, labelled.grid),
        "sets": [
            {"name": name_of(one), "weight": one.weight, **part(its, [one], labelled.grid)}
            for one, (_, its) in zip(labelled.sets, windows.groupby("set"), strict=True)
        ],
        "classes_with_too_few_events": dict(labelled.merged),
        "columns_without_values": empty_columns(labelled),
        "split": {
            "by": rule.split,
            "n_folds": labelled.n_folds,
            "n_blocks": int(windows["block"].max()) + 1,
            "block_s": rule.block_s,
            "purge_s": rule.purge_s,
            "embargo_s": labelled.embargo_s,
        },
        "threshold": {
            "value": threshold,
            "chosen_for": chosen_for(rule),
            "f1_it_was_chosen_with": float(limits.f1[-1]),
            "unmatched_per_day_it_was_chosen_with": float(limits.false_alarms_per_day[-1]),
            "station_days_it_was_chosen_on": float(limits.days[-1]),
            **({"note": doubt} if doubt else {}),
        },
        "novelty": rule.novelty,
        **more,
    }
    card["n_windows"]["training"] = len(labelled.chosen)
    return Detector(
        estimator=estimator,
        columns=labelled.columns,
        grid=labelled.grid,
        fingerprint=labelled.fingerprint,
        plan=labelled.settings,
        on=threshold,
        off=threshold * detection["off_ratio"],
        detection=dict(detection),
        card=card,
        always=always_known(labelled.X, labelled.columns),
        calibration=calibration,
        novelty=_novelty(labelled, rule),
        priors=crossfit.class_priors(labelled, rule),
    )


def _novelty(labelled: Labelled, rule: TrainingRule) -> Novelty | None:
    if not rule.novelty:
        return None
    windows = labelled.windows.iloc[labelled.chosen]
    event = windows["state"].to_numpy() == EVENT
    groups = windows["event_id"].astype(str).to_numpy()[event]
    return Novelty(rule.novelty, rule.seed).fit(labelled.X[event], groups=groups)
