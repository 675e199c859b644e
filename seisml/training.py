"""Training: from feature stores and an expert's signals to a validated Detector."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml import crossfit, thresholds
from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.compare import compare
from seisml.comparison import Comparison
from seisml.crossfit import BASELINE, LabelledStore, Selection, TrainingRule
from seisml.detect import RAW_COLUMNS, event_rule, events_from_windows, plan_band, to_catalog
from seisml.errors import ModelError
from seisml.labels import EVENT, IGNORE, NOISE, LabelRule, signal_catalog, unplaced
from seisml.model import Detector
from seisml.store import joined_windows
from seisml.thresholds import MatchRule
from seisml.times import iso
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
        `seisml.crossfit.over_threshold`.
    baseline_machine : Catalog
        The same by STA/LTA; the score is the ratio over the threshold.
    test, baseline : Comparison
        These, and those of STA/LTA under the same rules, against the expert's signals.
    windows : pandas.DataFrame
        station, time_ns, state, fold, score (over its threshold), baseline (likewise).
    """

    detector: Detector
    machine: Catalog
    baseline_machine: Catalog
    test: Comparison
    baseline: Comparison
    windows: pd.DataFrame


def train(
    stores: Sequence,
    signals: pd.DataFrame,
    expert: Catalog,
    *,
    label_rule: LabelRule,
    rule: TrainingRule,
    detection: Mapping,
    matching: MatchRule,
    archive: Archive | None = None,
    selection: Selection | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Training:
    """Train a detector and test it on held-out blocks of time, with a baseline beside it.

    Parameters
    ----------
    stores : sequence of path
        Feature stores of one plan.
    signals : pandas.DataFrame
        When each event is seen at each station, from `seisml.labels.signals`.
    expert : Catalog
        Where the signals come from.
    label_rule : LabelRule
    rule : TrainingRule
    detection : mapping
        ``off_ratio``, ``merge_gap_s``, ``min_duration_s``, ``max_duration_s``,
        ``refine_onset``, ``onset_search_s``.
    matching : MatchRule
    archive : Archive, optional
        Waveforms on which the onsets of tested detections are refined.
    selection : Selection, optional
        Which windows are used for training and test; default all.
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
    say("labelling windows")
    labelled = crossfit.label_store(
        stores,
        signals,
        label_rule,
        rule,
        selection=selection,
        unknown=lambda names: unplaced(expert, signals, names, label_rule),
    )
    scores = crossfit.out_of_fold(labelled, rule, on_progress=on_progress)
    say("choosing thresholds")
    choose = {"detection": detection, "matching": matching}
    model = scores["model"].to_numpy()
    limits, f1 = thresholds.choose_thresholds(labelled, model, signals, **choose)
    base, base_name = _baseline(labelled, scores, signals, choose)
    say("training on all blocks")
    detector = _detector(labelled, rule, detection, limits[-1], f1[-1], expert, signals)
    name = f"STA/LTA ({base_name})"
    detector = dataclasses.replace(detector, card={**detector.card, "baseline": name})
    say("comparing with the expert")
    fold = labelled.windows["fold"].to_numpy()
    columns = ["line", "station", "time_ns", "state", "fold"]
    score = thresholds.over_threshold(model, limits[fold])
    windows = labelled.windows[columns].assign(score=score, baseline=base)
    results = []
    for column, called in (("score", "seisml"), ("baseline", name)):
        found = detections(labelled, windows[column].to_numpy(), detector, archive, name=called)
        results.append((found, against(found, signals, expert, labelled.grid, windows, matching)))
    (machine, test), (base_machine, baseline) = results
    return Training(detector, machine, base_machine, test, baseline, windows)


def _baseline(labelled: LabelledStore, scores, signals, choose) -> tuple[np.ndarray, str]:
    """Return STA/LTA over its threshold: for each fold the best kind on the other folds."""
    fold = labelled.windows["fold"].to_numpy()
    tried = {}
    for name in BASELINE:
        values = scores[name].to_numpy()
        if np.isfinite(values[labelled.windows["state"].to_numpy() == EVENT]).any():
            tried[name] = thresholds.choose_thresholds(labelled, values, signals, **choose)
    if not tried:
        raise ModelError(
            f"The features hold none of {', '.join(BASELINE)}: no baseline can stand beside.",
            "Add at least one of them to [features] names.",
        )
    names = list(tried)
    best = np.argmax([tried[name][1] for name in names], axis=0)
    out = np.full(len(fold), np.nan)
    for k in range(labelled.n_folds):
        name = names[best[k]]
        out[fold == k] = scores[name].to_numpy()[fold == k] / tried[name][0][k]
    return out, names[best[-1]].split("_")[1]


def detections(
    labelled: LabelledStore, score: np.ndarray, detector: Detector, archive, *, name: str
) -> Catalog:
    """Return the events of scores that are divided by their thresholds."""
    rule = event_rule(1.0, detector.detection)
    time_ns, rows = labelled.windows["time_ns"].to_numpy(), []
    for station, at in thresholds.lines(labelled.windows):
        known = at[np.isfinite(score[at])]
        for raw in events_from_windows([(time_ns[known], score[known])], labelled.grid, rule):
            event = dict(zip(RAW_COLUMNS, raw, strict=True))
            rows.append({"station": station, "label": "event", **event})
    raw = pd.DataFrame(rows, columns=["station", "label", *RAW_COLUMNS])
    body = detector.card["body"]
    band = plan_band(detector.plan)
    return to_catalog(raw, archive, band, detector.detection, name=name, body=body)


def against(
    machine: Catalog,
    signals: pd.DataFrame,
    expert: Catalog,
    grid: WindowGrid,
    windows: pd.DataFrame,
    matching: MatchRule,
) -> Comparison:
    """Compare detections with the expert's signals inside the windows that were scored."""
    coverage: dict[str, list] = {}
    for station, rows in thresholds.lines(windows):
        scored = rows[np.isfinite(windows["score"].to_numpy()[rows])]
        times = windows["time_ns"].to_numpy()[scored]
        name = ".".join(station.split(".")[:2])
        coverage.setdefault(name, []).append(joined_windows(times, grid))
    seen = signals[signals["station"].isin(list(coverage))]
    return compare(
        machine,
        signal_catalog(seen, expert),
        tolerance_s=matching.tolerance_s,
        mode=matching.mode,
        coverage={name: np.concatenate(spans) for name, spans in coverage.items()},
        by_station=True,
    )


def _detector(labelled, rule, detection, threshold, f1, expert, signals) -> Detector:
    windows, state = labelled.windows, labelled.windows["state"].to_numpy()
    used = signals["rule"].iloc[0] if len(signals) else ""
    card = {
        "body": expert.body,
        "model": rule.model,
        "seed": rule.seed,
        "stations": sorted(windows["station"].unique()),
        "start": iso(int(windows["time_ns"].min())),
        "end": iso(int(windows["time_ns"].max()) + labelled.grid.length_ns),
        "expert": expert.name or expert.source,
        "label_rule": str(used),
        "n_events": int(windows.loc[state == EVENT, "event_id"].nunique()),
        "n_windows": {
            "event": int((state == EVENT).sum()),
            "noise": int((state == NOISE).sum()),
            "ignore": int((state == IGNORE).sum()),
            "training": len(labelled.chosen),
        },
        "split": {
            "n_folds": labelled.n_folds,
            "n_blocks": int(windows["block"].max()) + 1,
            "block_s": rule.block_s,
            "purge_s": rule.purge_s,
        },
        "threshold": {"value": float(threshold), "f1_it_was_chosen_with": float(f1)},
    }
    return Detector(
        estimator=crossfit.fit(labelled, rule),
        columns=labelled.columns,
        grid=labelled.grid,
        fingerprint=labelled.fingerprint,
        plan=labelled.settings,
        on=float(threshold),
        off=float(threshold) * detection["off_ratio"],
        detection=dict(detection),
        card=card,
    )
