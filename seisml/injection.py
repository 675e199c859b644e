"""Injection and recovery: events of known strength in real noise, found or not.

Events of the archive are scaled to a signal-to-noise ratio and added to stretches of its record
that hold no event. The same events stand at the same places at every ratio, so that nothing but
their strength changes along the curve. STA/LTA has the best threshold with no more false alarms
than the model on the same stretches before anything is added.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

from seisml import archive as archives
from seisml.archive import Archive, open_archive
from seisml.baseline import BASELINE, baseline_rule
from seisml.detect import detect, event_rule, events_from_windows
from seisml.donors import InjectionRule, Stretch, stretch_of
from seisml.errors import NoDataError
from seisml.extract import extract
from seisml.matching import match
from seisml.model import Detector
from seisml.plan import Plan
from seisml.resampling import share_interval
from seisml.segments import Segment
from seisml.store import FeatureTable, iter_tables
from seisml.times import NS_PER_S

N_THRESHOLDS = 80


def injection_recovery(
    archive: Archive,
    detector: Detector,
    plan: Plan,
    signals: pd.DataFrame,
    *,
    rule: InjectionRule | None = None,
    stations: Iterable[str] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return the recall of injected events over their signal-to-noise ratio.

    Parameters
    ----------
    archive : Archive
    detector : Detector
    plan : Plan
        From the detector's own, with the metadata of these stations.
    signals : pandas.DataFrame
        When the expert's events are at the stations, from `seisml.labels.signals`: the donors,
        and what no place may be near.
    rule : InjectionRule, optional
    stations : iterable of str, optional
        "NET.STA.LOC.BI"; default all that have donors.
    on_progress : callable, optional

    Returns
    -------
    pandas.DataFrame
        One row a detector and ratio: detector (seisml, STA/LTA), snr_db, n, n_found, recall, low,
        high (Wilson, 95 %), and per_day: false alarms a day on the same stretches before.

    Raises
    ------
    NoDataError
        If no station has both a donor and a stretch of noise.
    """
    rule, say = rule or InjectionRule(), on_progress or (lambda text: None)
    names = list(stations or archives.stations(archive))
    found = [stretch_of(archive, name, plan.band, signals, rule) for name in names]
    stretches = [one for one in found if one is not None]
    if not stretches:
        raise NoDataError(
            "No station has both an event to inject and noise to inject it into.",
            "Check the catalogue's stations, and that the records reach beyond its events.",
        )
    say(f"injection: {sum(len(s.places_ns) for s in stretches)} places, before")
    tolerance_ns = round(rule.tolerance_s * NS_PER_S) + detector.grid.hop_ns
    n_before, limits, days = _before(stretches, detector, plan, tolerance_ns)
    rows = []
    for snr_db in rule.snr_db:
        say(f"injection: {snr_db:g} dB")
        hits, n = np.zeros(2, dtype=int), 0
        for one in stretches:
            tables = _tables(one, plan, snr_db)
            onsets = _onsets(tables, detector, limits)
            hits += [len(match(one.places_ns, o, tolerance_ns=tolerance_ns)[0]) for o in onsets]
            n += len(one.places_ns)
        for k, name in enumerate(("seisml", "STA/LTA")):
            low, high = share_interval(n, hits[k])
            rows.append(
                {
                    "detector": name,
                    "snr_db": snr_db,
                    "n": n,
                    "n_found": int(hits[k]),
                    "recall": hits[k] / n,
                    "low": float(low),
                    "high": float(high),
                    "per_day": n_before[k] / days,
                }
            )
    return pd.DataFrame(rows)


def _tables(stretch: Stretch, plan: Plan, snr_db: float | None) -> list[FeatureTable]:
    """Return the features of a stretch with events of a ratio added, or as it is."""
    with tempfile.TemporaryDirectory(prefix="seisml-injection-") as folder:
        root = Path(folder)
        network, name, location, _ = stretch.station.split(".")
        traces = []
        for part in stretch.record:
            data = part.data[0].astype(np.float64)
            if snr_db is not None:
                _add(data, part, stretch, snr_db)
            header = {
                "network": network,
                "station": name,
                "location": location,
                "channel": part.channels[0],
                "sampling_rate": part.sampling_rate_hz,
                "starttime": obspy.UTCDateTime(ns=int(part.start_ns)),
            }
            traces.append(obspy.Trace(data, header))
        obspy.Stream(traces).write(str(root / "record.mseed"), format="MSEED", encoding="FLOAT64")
        archive = open_archive(str(root / "record.mseed"))
        extract(archive, root / "features", plan)
        return list(iter_tables(root / "features"))


def _add(data: np.ndarray, part: Segment, stretch: Stretch, snr_db: float) -> None:
    """Add the waves to the samples, each as strong as the noise at its place asks for."""
    for t, wave, noise in zip(stretch.places_ns, stretch.waves, stretch.noise, strict=True):
        x = wave.get(part.channels[0])
        if x is None:
            continue
        at = round((int(t) - part.start_ns) * part.sampling_rate_hz / NS_PER_S)
        n = min(len(x), len(data) - at)
        data[at : at + n] += x[:n] * np.sqrt(noise * 10 ** (snr_db / 10))


def _ratio(tables: Iterable[FeatureTable], detector: Detector) -> list[tuple]:
    """Return (time_ns, STA/LTA) of each table: the kind that the model's card names."""
    named = str(detector.card.get("baseline", ""))
    kinds = [kind for kind in BASELINE if kind.split("_")[1] in named] or list(BASELINE[:1])
    out = []
    for table in tables:
        columns = [c for c in table.frame.columns if c.split(".")[0] in kinds]
        values = np.full(len(table), np.nan)
        if columns:
            values = np.fmax.reduce(table.frame[columns].to_numpy(np.float64), axis=1)
        out.append((table.time_ns, values))
    return out


def _before(
    stretches, detector: Detector, plan: Plan, tolerance_ns: int
) -> tuple[list[int], float, float]:
    """Return false alarms before injection of both, the threshold of STA/LTA, and the days.

    Of the thresholds with no more false alarms than the model has, STA/LTA gets the one that finds
    most of the catalogue's own events.
    """
    every, n_false, n_windows = [], 0, 0
    for one in stretches:
        tables = _tables(one, plan, None)
        onsets = detect(tables, detector).events["time_ns"].to_numpy(np.int64)
        n_false += _outcome(one, np.sort(onsets), tolerance_ns)[0]
        every.append(_ratio(tables, detector))
        n_windows += sum(len(table) for table in tables)
    days = max(n_windows, 1) * detector.grid.hop_s / 86_400
    values = np.concatenate([v[np.isfinite(v)] for some in every for _, v in some])
    if not len(values):
        return [n_false, 0], np.inf, days
    best = (-1, np.inf, 0)
    shares = np.geomspace(1 / len(values), 0.5, N_THRESHOLDS)
    # From above: far below, all becomes one event, which is no false alarm and no use.
    for threshold in np.unique(np.quantile(values, 1 - shares))[::-1]:
        pairs = [
            _outcome(one, _baseline_events(some, detector, float(threshold)), tolerance_ns)
            for one, some in zip(stretches, every, strict=True)
        ]
        false, right = map(sum, zip(*pairs, strict=True))
        if false > n_false:
            break
        if right >= best[0]:
            best = (right, float(threshold), false)
    return [n_false, best[2]], best[1], days


def _outcome(stretch: Stretch, onsets: np.ndarray, tolerance_ns: int) -> tuple[int, int]:
    """Return how many onsets are at no event of the catalogue, and how many are one's onset."""
    begin, end = stretch.known_ns
    at = np.searchsorted(begin, onsets + tolerance_ns, "right") - 1
    inside = (at >= 0) & (onsets < end[np.maximum(at, 0)] + tolerance_ns) if len(begin) else []
    right = len(match(begin, onsets, tolerance_ns=tolerance_ns)[0])
    return int(len(onsets) - np.count_nonzero(inside)), right


def _baseline_events(chunks: list[tuple], detector: Detector, threshold: float) -> np.ndarray:
    rule = event_rule(threshold, baseline_rule(detector.detection))
    known = [(t[np.isfinite(v)], v[np.isfinite(v)]) for t, v in chunks]
    raw = events_from_windows(known, detector.grid, rule)
    return np.array([event[0] for event in raw], dtype=np.int64)


def _onsets(tables: list[FeatureTable], detector: Detector, limit: float) -> list[np.ndarray]:
    """Return the onsets of model and STA/LTA."""
    found = detect(tables, detector).events["time_ns"].to_numpy(np.int64)
    return [np.sort(found), _baseline_events(_ratio(tables, detector), detector, limit)]
