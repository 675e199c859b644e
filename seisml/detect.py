"""Detection: probabilities of windows become events with onsets.

From windows to events there is one state machine, `events_from_windows`: it goes on where a chunk
ended, so days, shards and restarts do not cut events. Onsets are refined on the waveform (AIC).
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import obspy
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError, did_you_mean
from seisml.model import Detector, event_probability, label_of
from seisml.onset import refine_onset
from seisml.segments import Band
from seisml.store import FeatureTable
from seisml.times import NS_PER_S, iso
from seisml.windows import WindowGrid


@dataclasses.dataclass(frozen=True)
class EventRule:
    """How probabilities become events.

    Attributes
    ----------
    on, off : float
        A run of windows at or above `off` is an event if one of them reaches `on`.
    merge_gap_s : float, s
        Events of one station that are not further apart than this are one.
    min_duration_s : float, s
        Shorter events are dropped.
    max_duration_s : float, s
        Longer events are cut into pieces of this length; a piece that does not reach `on` itself
        is no event.
    begin : str
        ``rise``: events begin where the score rises, for models that learnt whole events;
        ``peak``: where it peaks, for models that learnt onsets (`LabelRule.onset_s`): at the
        middle of the windows about the highest, weighted by their squared scores.
    """

    on: float
    off: float
    merge_gap_s: float = 0.0
    min_duration_s: float = 0.0
    max_duration_s: float = np.inf
    begin: str = "rise"

    def __post_init__(self):
        if self.begin not in BEGINS:
            raise ConfigError(
                f"No event begins at {self.begin!r}.", did_you_mean(self.begin, BEGINS)
            )
        if not self.off <= self.on:
            raise ConfigError(
                f"The off threshold {self.off:g} is above the on threshold {self.on:g}.",
                "Take off <= on.",
            )


BEGINS = ("rise", "peak")
RAW_COLUMNS = ("start_ns", "end_ns", "peak", "peak_ns", "n_windows")


def events_from_windows(
    chunks: Iterable[tuple[np.ndarray, np.ndarray]], grid: WindowGrid, rule: EventRule
) -> Iterator[tuple[int, int, float, int, int]]:
    """Turn the scores of one station's windows into events, chunk by chunk.

    Parameters
    ----------
    chunks : iterable of (time_ns, score)
        Starts of windows in order of time and their scores; a missing window or NaN is a gap.
    grid : WindowGrid
    rule : EventRule

    Yields
    ------
    start_ns, end_ns, peak, peak_ns, n_windows
        See `RAW_COLUMNS`; ``peak_ns`` is the start of the window with the largest score. What
        is new in the first window of a run is its last hop, and what is left in the last window
        its first hop: an event goes from the last hop of the first to the first hop of the last.

    Notes
    -----
    The state machine: *quiet* until a window reaches ``off``; *run* while windows follow one
    another at ``off`` or above; at the first lower or missing window the run is *closed*; it is
    kept if one of its windows reached ``on``; a kept run waits until no other can be merged with
    it any more. Chunks may end anywhere: what is open is carried over.
    """
    held: list[tuple[np.ndarray, np.ndarray]] = []
    merge_ns = round(rule.merge_gap_s * NS_PER_S) + grid.length_ns
    for time_ns, score in chunks:
        if not len(time_ns):
            continue
        held.append((np.asarray(time_ns), np.asarray(score, dtype=np.float64)))
        times, scores = (np.concatenate(part) for part in zip(*held, strict=True))
        # All that can still grow or be merged lies after the last long enough quiet time.
        high = times[scores >= rule.off]
        quiet_ns = merge_ns + grid.hop_ns
        edges = np.flatnonzero(np.diff(high) > quiet_ns)
        if len(high) and times[-1] - high[-1] <= quiet_ns:
            cut = high[edges[-1] + 1] if len(edges) else high[0]
        else:
            cut = times[-1] + 1
        done = times < cut
        yield from _closed(times[done], scores[done], grid, rule)
        held = [(times[~done], scores[~done])] if not done.all() else []
    if held:
        yield from _closed(*held[0], grid, rule)


def _closed(time_ns, score, grid: WindowGrid, rule: EventRule) -> Iterator[tuple]:
    """Yield the events of windows that nothing can be added to."""
    high = np.flatnonzero(score >= rule.off)
    if not len(high):
        return
    breaks = np.flatnonzero((np.diff(high) > 1) | (np.diff(time_ns[high]) != grid.hop_ns))
    first, last = np.r_[0, breaks + 1], np.r_[breaks + 1, len(high)]
    kept = np.maximum.reduceat(score[high], first) >= rule.on
    runs = [high[a:b] for a, b in zip(first[kept], last[kept], strict=True)]
    merged: list[np.ndarray] = []
    gap_ns = round(rule.merge_gap_s * NS_PER_S)
    for run in runs:
        if merged and _span(time_ns[run], grid)[0] - _span(time_ns[merged[-1]], grid)[1] <= gap_ns:
            merged[-1] = np.concatenate([merged[-1], run])
        else:
            merged.append(run)
    for run in merged:
        for piece in _pieces(time_ns[run], run, rule):
            best = piece[np.argmax(score[piece])]
            start_ns, end_ns = _span(time_ns[piece], grid)
            if rule.begin == "peak":
                start_ns = _peak(time_ns[piece], score[piece], grid)
                end_ns = max(end_ns, start_ns + grid.hop_ns)
            long_enough = end_ns - start_ns >= rule.min_duration_s * NS_PER_S
            if long_enough and score[best] >= rule.on:
                yield start_ns, end_ns, float(score[best]), int(time_ns[best]), len(piece)


def _span(windows_ns: np.ndarray, grid: WindowGrid) -> tuple[int, int]:
    """Return start and end of the signal that a run of windows holds."""
    start_ns = int(windows_ns[0]) + grid.length_ns - grid.hop_ns
    return start_ns, max(int(windows_ns[-1]), start_ns) + grid.hop_ns


def _peak(time_ns: np.ndarray, score: np.ndarray, grid: WindowGrid) -> int:
    """Return the instant about which the windows of an event near its highest one lie."""
    best_ns, half_ns = int(time_ns[np.argmax(score)]), grid.length_ns // 2
    weight = np.where(np.abs(time_ns - best_ns) <= half_ns, score, 0.0) ** 2
    off_ns = np.sum(weight * (time_ns - best_ns)) / weight.sum()
    return best_ns + half_ns + round(float(off_ns))


def _pairs(breaks: np.ndarray, n: int) -> list[tuple[int, int]]:
    return list(zip(np.r_[0, breaks + 1], np.r_[breaks + 1, n], strict=True))


def _pieces(times: np.ndarray, run: np.ndarray, rule: EventRule) -> list[np.ndarray]:
    if times[-1] - times[0] < rule.max_duration_s * NS_PER_S:
        return [run]
    part = (times - times[0]) // max(1, round(rule.max_duration_s * NS_PER_S))
    return [run[part == p] for p in np.unique(part)]


def probability_traces(probabilities: pd.DataFrame, grid: WindowGrid) -> obspy.Stream:
    """Return the probabilities as ObsPy traces, one a class and gap-free piece.

    Parameters
    ----------
    probabilities : pandas.DataFrame
        From `seisml.model.predict`, indexed by (station, time).
    grid : WindowGrid

    Returns
    -------
    obspy.Stream
        One sample a hop; the time of a sample is the *centre* of its window. The station is that
        of the records, the channel the class (its first letters), in full in ``stats.seisml``.
    """
    traces = []
    stations = probabilities.index.get_level_values("station").astype(str)
    for station in dict.fromkeys(stations):
        frame = probabilities[stations == station]
        time = frame.index.get_level_values("time").to_numpy()
        time_ns = time.astype("datetime64[ns]").astype(np.int64)
        order = np.argsort(time_ns)
        time_ns, values = time_ns[order], frame.to_numpy(np.float32)[order]
        known = np.isfinite(values).all(axis=1)
        time_ns, values = time_ns[known], values[known]
        breaks = np.flatnonzero(np.diff(time_ns) != grid.hop_ns)
        network, name, location = station.split(".")[:3]
        for a, b in _pairs(breaks, len(time_ns)) if len(time_ns) else []:
            for c, label in enumerate(frame.columns):
                header = {
                    "network": network,
                    "station": name,
                    "location": location,
                    "channel": label[:3].upper(),
                    "starttime": obspy.UTCDateTime(ns=int(time_ns[a] + grid.length_ns // 2)),
                    "sampling_rate": 1.0 / grid.hop_s,
                    "seisml": {"label": label, "station": station, "time": "window centre"},
                }
                traces.append(obspy.Trace(values[a:b, c].copy(), header=header))
    return obspy.Stream(traces)


def detect(
    tables: Iterable[FeatureTable],
    detector: Detector,
    *,
    archive: Archive | None = None,
    name: str = "seisml",
    body: str | None = None,
) -> Catalog:
    """Find events in feature tables.

    Parameters
    ----------
    tables : iterable of FeatureTable
        One station after the other and in order of time, for example from
        `seisml.store.iter_tables`; one is in memory at a time.
    detector : Detector
    archive : Archive, optional
        Waveforms on which onsets are refined; without it they are as coarse as the hop.
    name, body : str
        Of the catalogue.

    Returns
    -------
    Catalog
        One event a detection at a station, with an automatic pick; ``score`` is the largest
        event probability of its windows, calibrated.

    Raises
    ------
    FeatureMismatchError
        If a table was made with other settings than the model's.
    """
    rule = event_rule(detector.on, detector.detection)
    found, labels = [], {}
    for station, group in _by_station(_scored(tables, detector)):
        chunks = _scores(group, labels, station)
        for raw in events_from_windows(chunks, detector.grid, rule):
            found.append({"station": station, **dict(zip(RAW_COLUMNS, raw, strict=True))})
    raw = pd.DataFrame(found, columns=["station", *RAW_COLUMNS])
    raw["label"] = [
        labels.get((s, t), "event") for s, t in zip(raw["station"], raw["peak_ns"], strict=True)
    ]
    raw["peak"] = detector.calibration(raw["peak"])
    body = body or detector.card.get("body", "earth")
    return to_catalog(
        raw, archive, plan_band(detector.plan), detector.detection, name=name, body=body
    )


def _scored(tables, detector: Detector) -> Iterator[pd.DataFrame]:
    """Yield the event probability of each window, and the class of those that reach `on`."""
    for table in tables:
        if not len(table):
            continue
        detector.check(table)
        probabilities = detector.predict(table)
        score, label = event_probability(probabilities), np.full(len(table), "", dtype=object)
        high = score >= detector.on
        if high.any():
            label[high] = label_of(detector, table.rows(high), probabilities[high])
        frame = pd.DataFrame({"score": score, "label": label}, index=probabilities.index)
        stations = table.stations
        for station in dict.fromkeys(stations):
            yield frame[stations == station].sort_index(level="time")


def _by_station(frames: Iterable[pd.DataFrame]):
    """Group neighbouring frames by station without holding more than one."""
    from itertools import groupby

    return groupby(frames, key=lambda f: str(f.index.get_level_values("station")[0]))


def _scores(group, labels: dict, station: str):
    """Yield (time_ns, event probability) and note the class of each candidate window."""
    for frame in group:
        time_ns = frame.index.get_level_values("time").to_numpy()
        time_ns = time_ns.astype("datetime64[ns]").astype(np.int64)
        named = np.flatnonzero(frame["label"] != "")
        labels.update({(station, int(time_ns[i])): frame["label"].iloc[i] for i in named})
        yield time_ns, frame["score"].to_numpy()


def event_rule(on: float, detection: Mapping) -> EventRule:
    """Return the rule from windows to events at a threshold."""
    names = ("merge_gap_s", "min_duration_s", "max_duration_s")
    values = {name: detection[name] for name in names}
    begin = detection.get("begin", "rise")
    return EventRule(on, on * detection["off_ratio"], **values, begin=begin)


def plan_band(plan: Mapping) -> Band:
    """Return the filter that the features were made with."""
    return Band(**plan["band"])


def to_catalog(
    raw: pd.DataFrame,
    archive: Archive | None,
    band: Band,
    detection: Mapping,
    *,
    name: str = "seisml",
    body: str = "earth",
) -> Catalog:
    """Make a catalogue of raw events, with onsets refined where there are waveforms.

    Parameters
    ----------
    raw : pandas.DataFrame
        Columns station ("NET.STA.LOC.BI"), label and `RAW_COLUMNS`.
    archive : Archive or None
    band : Band
    detection : mapping
        ``refine_onset``, ``onset_search_s``.
    name, body : str

    Returns
    -------
    Catalog
    """
    events, picks = [], []
    seen: Counter = Counter()
    refine = archive is not None and detection.get("refine_onset", True)
    for row in raw.itertuples(index=False):
        onset = None
        if refine:
            search_s = detection["onset_search_s"]
            onset = refine_onset(archive, row.station, row.start_ns, band=band, search_s=search_s)
        time_ns = row.start_ns if onset is None else onset.time_ns
        station = ".".join(row.station.split(".")[:2])
        name_of = f"{row.station}.{iso(row.start_ns)[:-5].replace(':', '')}"
        seen[name_of] += 1  # the same record may be in two stores
        event = {
            "event_id": name_of if seen[name_of] == 1 else f"{name_of}#{seen[name_of]}",
            "time_ns": time_ns,
            "end_ns": max(row.end_ns, time_ns + NS_PER_S),
            "station": station,
            "label": row.label,
            "score": row.peak,
            "uncertainty_s": np.nan if onset is None else onset.uncertainty_s,
            "snr_db": np.nan if onset is None else onset.snr_db,
            "channel": "" if onset is None else onset.channel,
        }
        events.append(event)
        pick = {key: event[key] for key in ("event_id", "time_ns", "station", "score")}
        picks.append({**pick, "phase": "P", "method": "automatic"})
        picks[-1]["uncertainty_s"] = event["uncertainty_s"]
    return make_catalog(
        events,
        picks,
        name=name,
        body=body,
        source="seisml",
        time_basis="first_pick" if refine else "detection_on",
    )
