"""Held-out events: scores of windows by models that never saw them become detections."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, merge
from seisml.codes import station_name
from seisml.detect import (
    RAW_COLUMNS,
    EventRule,
    event_rule,
    events_from_windows,
    plan_band,
    to_catalog,
)
from seisml.model import Detector
from seisml.preparation import preparation_of
from seisml.store import joined_windows
from seisml.support import CANDIDATE, supported
from seisml.thresholds import lines, over_threshold
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
        raw = (_events_of_model if column == "score" else _events)(mine, detector.grid, detection)
        found.append(to_catalog(raw, one.archive, band, detection, **settings))
    if len(found) == 1:
        return found[0]
    basis = found[0].time_basis
    return merge([dataclasses.replace(one, time_basis=basis) for one in found], name=name)


def _events(windows: pd.DataFrame, grid: WindowGrid, detection: Mapping) -> pd.DataFrame:
    """Return the raw events of STA/LTA over its threshold."""
    rule = event_rule(1.0, detection)
    return _raw(windows, windows["baseline"].to_numpy(), rule, grid).drop(columns="limit")


def _events_of_model(windows: pd.DataFrame, grid: WindowGrid, detection: Mapping) -> pd.DataFrame:
    """Return the raw events of a model as `seisml.detect.detect` does, each fold by its threshold.

    A multiple of the probability goes through the state machine, as smoothing would make another
    thing of odds; what is reported is `seisml.thresholds.over_threshold`.
    """
    window_s = detection.get("support_window_s", 0.0)
    low = CANDIDATE if window_s > 0 else 1.0
    ratio = windows["probability"].to_numpy() / windows["limit"].to_numpy()
    raw = _raw(windows, ratio, event_rule(low, detection), grid)
    raw["peak"] *= raw["limit"]
    if window_s > 0:
        live: dict[str, list] = {}
        for station, rows in lines(windows):
            times_ns = windows["time_ns"].to_numpy()[rows][np.isfinite(ratio[rows])]
            spans = joined_windows(times_ns, grid)
            live.setdefault(station_name(station), []).append(spans)
        spans_of = {name: np.concatenate(some) for name, some in live.items()}
        raw = supported(raw, raw["limit"].to_numpy(), spans_of, window_s=window_s)
    peak = over_threshold(raw["peak"], raw["limit"])
    return raw.assign(peak=peak).drop(columns="limit")


def _raw(
    windows: pd.DataFrame, score: np.ndarray, rule: EventRule, grid: WindowGrid
) -> pd.DataFrame:
    """Return the events of all stations, with the threshold at the peak of each."""
    rows = []
    time_ns, limit = windows["time_ns"].to_numpy(), windows["limit"].to_numpy()
    for station, at in lines(windows):
        known = at[np.isfinite(score[at])]
        pairs = [(time_ns[known], score[known])]
        for raw in events_from_windows(pairs, grid, rule):
            event = dict(zip(RAW_COLUMNS, raw, strict=True))
            peak = known[np.searchsorted(time_ns[known], event["peak_ns"])]
            rows.append((station, "event", *raw, limit[peak]))
    columns = ["station", "label", *RAW_COLUMNS, "limit"]
    return pd.DataFrame(rows, columns=columns)
