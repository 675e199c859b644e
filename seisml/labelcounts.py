"""Counts of labels: what a catalogue teaches, and what is ignored and why."""

import numpy as np
import pandas as pd

from seisml.codes import station_name
from seisml.labels import EVENT, IGNORE, LOW_COVERAGE, NO_FEATURES, NOISE, OUTSIDE, REASONS
from seisml.model import NOISE_CLASS
from seisml.trainingset import TrainingSet
from seisml.windows import WindowGrid


def label_counts(
    windows: pd.DataFrame, one: TrainingSet, grid: WindowGrid
) -> dict[str, pd.DataFrame]:
    """Count the windows and events of a training set by label.

    Parameters
    ----------
    windows : pandas.DataFrame
        From `label_sets` of this set alone.
    one : TrainingSet
    grid : WindowGrid

    Returns
    -------
    dict of str to pandas.DataFrame
        ``states``, ``classes`` (of event and noise windows), ``ignored`` (by reason), each with
        windows, hours and events; ``signals``: what became of each event at each station.
    """
    state = windows["state"].map({EVENT: "event", NOISE: "noise", IGNORE: "ignore"})
    sure = windows["state"] != IGNORE
    reason = windows["reason"].map(dict(enumerate(REASONS)))
    out = {
        "states": _counted(windows, state.rename("state"), grid),
        "classes": _counted(windows[sure], windows["y"][sure].rename("class"), grid),
        "ignored": _counted(windows[~sure], reason[~sure].rename("reason"), grid),
    }
    fate = _fates(windows, one, grid)
    signals = one.signals.assign(fate=fate).groupby("fate", sort=True).size()
    out["signals"] = signals.rename("n").reset_index()
    n_placed = one.signals["event_id"].nunique()
    unplaced_events = len(one.expert) - n_placed
    if unplaced_events:
        row = {"fate": "event without a signal at any station", "n": unplaced_events}
        out["signals"] = pd.concat([out["signals"], pd.DataFrame([row])], ignore_index=True)
    return out


def _counted(windows: pd.DataFrame, by: pd.Series, grid: WindowGrid) -> pd.DataFrame:
    groups = windows.groupby(by)
    hours = groups.size() * grid.hop_s / 3600
    # Noise after an onset knows its event, but is none of it.
    plain = (windows["state"] == NOISE) & (windows["y"] == NOISE_CLASS)
    named = windows["event_id"].where((windows["event_id"] != "") & ~plain)
    columns = {
        "windows": groups.size(),
        "hours": hours.round(3),
        "events": named.groupby(by).nunique(),
    }
    return pd.DataFrame(columns).reset_index()


def _fates(windows: pd.DataFrame, one: TrainingSet, grid: WindowGrid) -> np.ndarray:
    """Say of each signal whether it gave event windows, or why not."""
    used = windows["state"] == EVENT
    name = windows["station"].map(station_name)
    noise = one.label_rule.is_noise(one.signals["label"])
    other = np.where(noise, "non-seismic class", "")
    other[one.label_rule.is_unsure(one.signals["label"])] = "unsure class"
    taught = set(zip(name[used], windows["event_id"][used], strict=True))
    out = []
    times = {station: np.sort(its["time_ns"].to_numpy()) for station, its in windows.groupby(name)}
    full = windows[~windows["reason"].isin([NO_FEATURES, LOW_COVERAGE])]
    usable = {s: np.sort(t.to_numpy()) for s, t in full["time_ns"].groupby(name)}
    looked = full[full["reason"] != OUTSIDE]
    looked = {s: np.sort(t.to_numpy()) for s, t in looked["time_ns"].groupby(name)}
    spans = one.signals[["station", "event_id", "start_ns", "end_ns"]]
    for row, what in zip(spans.itertuples(index=False), other, strict=True):
        if not _touches(times.get(row.station), row, grid):
            out.append("outside the records")
        elif what:
            out.append(str(what))
        elif (row.station, row.event_id) in taught:
            out.append("event windows")
        elif not _touches(usable.get(row.station), row, grid):
            out.append("no features there")
        elif not _touches(looked.get(row.station), row, grid):
            out.append("outside the expert's time")
        else:
            out.append("under another event")
    return np.array(out, dtype=object)


def _touches(time_ns, row, grid: WindowGrid) -> bool:
    if time_ns is None:
        return False
    first = np.searchsorted(time_ns, row.start_ns - grid.length_ns, "right")
    return bool(first < np.searchsorted(time_ns, row.end_ns, "left"))
