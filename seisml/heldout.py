"""Held-out events: scores of windows by models that never saw them become detections."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, merge
from seisml.classprobabilities import class_columns, named
from seisml.classrules import OTHERS, class_rules, events_by_class
from seisml.codes import station_name
from seisml.detect import RAW_COLUMNS, EventRule, plan_band, to_catalog
from seisml.detections import FOLD
from seisml.ends import with_ends
from seisml.model import Detector, over_threshold
from seisml.preparation import preparation_of
from seisml.scoredlines import lines, split_scores
from seisml.store import joined_windows
from seisml.support import CANDIDATE, supported
from seisml.trainingset import TrainingSet
from seisml.windows import WindowGrid


def detections(
    sets: Sequence[TrainingSet],
    windows: pd.DataFrame,
    column: str,
    detector: Detector,
    *,
    name: str,
    detection: Mapping | None = None,
) -> Catalog:
    """Return the events of windows whose scores are divided by their thresholds.

    Parameters
    ----------
    sets : sequence of TrainingSet
        For their waveforms.
    windows : pandas.DataFrame
        See `seisml.training.Training`.
    column : str
        Of the scores.
    detector : Detector
        For its settings.
    name : str
        Of the catalogue.
    detection : mapping, optional
        How scores become events; by default as the detector's.
    """
    detection = detector.detection if detection is None else detection
    settings = {"name": name, "body": detector.card["body"], "grid": detector.grid}
    settings["preparation"] = preparation_of(detector.plan)
    found, band = [], plan_band(detector.plan)
    for number, one in enumerate(sets):
        mine = windows[windows["set"] == number]
        if column == "score":
            raw = _events_of_model(mine, detector.grid, detection, detector.priors)
        else:
            raw = _events(mine, detector.grid, detection)
        some = to_catalog(raw, one.archive, band, detection, **settings)
        steps = settings["preparation"]
        found.append(with_ends(some, one.archive, band, detection, preparation=steps))
    if len(found) == 1:
        return found[0]
    basis = found[0].time_basis
    return merge([dataclasses.replace(one, time_basis=basis) for one in found], name=name)


def candidates(
    one: TrainingSet, windows: pd.DataFrame, detector: Detector, *, share: float
) -> Catalog:
    """Return the held-out candidates of a training set, with a column of their folds.

    Parameters
    ----------
    one : TrainingSet
    windows : pandas.DataFrame
        Of this set, see `seisml.training.Training`.
    detector : Detector
        For its settings.
    share : float
        Of the threshold.
    """
    detection = detector.detection
    raw = _events_of_model(windows, detector.grid, detection, detector.priors, share=share)
    options = {"name": "candidates", "body": detector.card["body"], "grid": detector.grid}
    options["preparation"] = preparation_of(detector.plan)
    return to_catalog(raw, one.archive, plan_band(detector.plan), detection, **options)


def _events(windows: pd.DataFrame, grid: WindowGrid, detection: Mapping) -> pd.DataFrame:
    """Return the raw events of STA/LTA over its threshold."""
    rules = class_rules(1.0, {**detection, "classes": {}})
    ratio = {OTHERS: windows["baseline"].to_numpy()}
    raw = _raw(windows, ratio, {OTHERS: windows["limit"].to_numpy()}, rules, grid)
    return raw.assign(label="event").drop(columns=["limit", FOLD])


def _events_of_model(
    windows: pd.DataFrame,
    grid: WindowGrid,
    detection: Mapping,
    priors: Mapping,
    *,
    share: float = 0.0,
) -> pd.DataFrame:
    """Return the raw events of a model as `seisml.detect.detect` does, each fold by its threshold.

    A multiple of the probability goes through the state machine, as smoothing would make another
    thing of odds; what is reported is `seisml.model.over_threshold`. With `share` these are
    candidates, from that share of the threshold on, with their fold.
    """
    window_s = 0.0 if share else detection.get("support_window_s", 0.0)
    own, limit = detection.get("classes", {}), windows["limit"].to_numpy()
    # Divided by its threshold each class has it at 1, also that which states its own.
    at_one = {name: one | ({"on": 1.0} if "on" in one else {}) for name, one in own.items()}
    low = share or (CANDIDATE if window_s > 0 else 1.0)
    rules = class_rules(low, {**detection, "classes": at_one})
    scores = split_scores(windows["probability"].to_numpy(), windows, detection)
    limits = {name: np.full(len(limit), own.get(name, {}).get("on", np.nan)) for name in rules}
    limits = {name: np.where(np.isnan(one), limit, one) for name, one in limits.items()}
    ratios = {name: scores[name] / limits[name] for name in rules}
    raw = _raw(windows, ratios, limits, rules, grid, priors=priors)
    raw["peak"] *= raw["limit"]
    if window_s > 0:
        options = {"window_s": window_s}
        raw = supported(raw, raw["limit"].to_numpy(), live_spans(windows, grid), **options)
    peak = over_threshold(raw["peak"], raw["limit"])
    return raw.assign(peak=peak).drop(columns="limit" if share else ["limit", FOLD])


def live_spans(windows: pd.DataFrame, grid: WindowGrid) -> dict[str, np.ndarray]:
    """Return when each station has windows with a score, for `seisml.support.supported`."""
    live: dict[str, list] = {}
    known = np.isfinite(windows["probability"].to_numpy())
    for station, rows in lines(windows):
        times_ns = windows["time_ns"].to_numpy()[rows][known[rows]]
        live.setdefault(station_name(station), []).append(joined_windows(times_ns, grid))
    return {name: np.concatenate(some) for name, some in live.items()}


def _raw(
    windows: pd.DataFrame,
    scores: Mapping[str, np.ndarray],
    limits: Mapping[str, np.ndarray],
    rules: Mapping[str, EventRule],
    grid: WindowGrid,
    *,
    priors: Mapping | None = None,
) -> pd.DataFrame:
    """Return the events of all stations, with their class and the threshold at the peak of each."""
    found, columns = [], class_columns(windows)
    every, p = windows["time_ns"].to_numpy(), windows[list(columns.values())]
    for station, at in lines(windows):
        known = at[np.isfinite(scores[OTHERS][at])]
        time_ns = every[known]
        chunk = (time_ns, {name: one[known] for name, one in scores.items()})
        events = events_by_class([chunk], grid, rules)
        raw = pd.DataFrame(events, columns=["label", *RAW_COLUMNS])
        peak = known[np.searchsorted(time_ns, raw["peak_ns"])]
        raw[FOLD] = windows["fold"].to_numpy()[peak]
        raw["limit"] = [limits[name][row] for name, row in zip(raw["label"], peak, strict=True)]
        reached = [scores[name][known] >= rule.on for name, rule in rules.items()]
        candidates = np.any(reached, axis=0)
        its = p.iloc[known[candidates]].set_axis(list(columns), axis=1)
        own = [name for name in rules if name != OTHERS]
        options = {"own": own, "priors": priors}
        raw = named(raw, time_ns[candidates], its, np.zeros(len(its)), grid, **options)
        found.append(raw.assign(station=station))
    out = pd.concat(found, ignore_index=True)
    return out.astype(dict.fromkeys(("start_ns", "end_ns", "peak_ns"), np.int64))
