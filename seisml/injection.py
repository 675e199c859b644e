"""Injection and recovery: events of known strength in real noise, found or not.

Events of the archive are scaled to a signal-to-noise ratio and added to stretches of its record
that hold no event. The same events stand at the same places at every ratio, so that nothing but
their strength changes along the curve. STA/LTA has the best threshold with no more false alarms
than the model on the same stretches before anything is added.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

from seisml import archive as archives
from seisml.archive import Archive, open_archive
from seisml.crossfit import BASELINE, baseline_rule
from seisml.detect import detect, event_rule, events_from_windows
from seisml.errors import NoDataError
from seisml.extract import extract
from seisml.intervals import union
from seisml.matching import match
from seisml.model import Detector
from seisml.plan import Plan
from seisml.resampling import share_interval
from seisml.segments import FORGOTTEN, Band, Segment, causal_filter, segments
from seisml.store import FeatureTable, iter_tables
from seisml.times import NS_PER_S

NOISE_S, N_THRESHOLDS = 10.0, 80
"""Record before a place whose power is the noise."""


@dataclasses.dataclass(frozen=True)
class InjectionRule:
    """How events are injected.

    Attributes
    ----------
    snr_db : tuple of float, dB
        Power of the event (its first seconds, filtered) over that of the noise before it.
    n_events : int
        Places at a station, at most.
    longest_s : float, s
        Record of a station that is used, at most.
    spacing_s : float, s
        Least time between places.
    power_s : float, s
        How much of an event its power is taken from.
    tolerance_s : float, s
        Of a detection's onset; a hop is added.
    seed : int
    """

    snr_db: tuple[float, ...] = (-6.0, -3.0, 0.0, 3.0, 6.0, 9.0, 12.0, 18.0)
    n_events: int = 60
    longest_s: float = 7200.0
    spacing_s: float = 60.0
    power_s: float = 5.0
    tolerance_s: float = 3.0
    seed: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class _Stretch:
    """Record of a station, the places in it, and what is added there."""

    station: str
    record: tuple[Segment, ...]
    places_ns: np.ndarray
    waves: tuple[dict[str, np.ndarray], ...]
    noise: np.ndarray
    known_ns: tuple[np.ndarray, np.ndarray]


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
    found = [_stretch(archive, name, plan.band, signals, rule) for name in names]
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


def _stretch(archive, station: str, band: Band, signals, rule: InjectionRule) -> _Stretch | None:
    """Choose record, places and donors of a station; None where it has not both."""
    mine = signals[signals["station"] == ".".join(station.split(".")[:2])]
    if mine.empty:
        return None
    record = _quietest(archive, station, band, mine, rule)
    donors = _donors(archive, station, band, mine, rule)
    if not record or not donors:
        return None
    rng = np.random.default_rng(rule.seed)
    filtered = {s.channels[0]: s for s in causal_filter(record, band)}
    if not filtered:
        return None
    first = _vertical(filtered)
    places, noise = _places(filtered[first], mine, band, rule, rng)
    if not len(places):
        return None
    waves = [donors[k] for k in rng.integers(len(donors), size=len(places))]
    waves = [{c: w for c, w in wave.items() if c in filtered} for wave in waves]
    inside = mine[(mine["start_ns"] < filtered[first].end_ns)].sort_values("start_ns")
    known = inside["start_ns"].to_numpy(np.int64), inside["end_ns"].to_numpy(np.int64)
    return _Stretch(station, tuple(record), places, tuple(waves), noise, known)


def _vertical(channels) -> str:
    names = sorted(channels)
    return next((name for name in names if name.endswith("Z")), names[0])


def _read(archive, station: str, start_ns: int, end_ns: int) -> list[Segment]:
    guard_ns = archives.guard(archive, station)
    raw = archives.records(archive, station, start_ns - guard_ns, end_ns + guard_ns)
    return list(segments([(start_ns, end_ns, raw)], station=station))


def _quietest(archive, station: str, band: Band, mine, rule: InjectionRule) -> list[Segment]:
    """Return the longest gap-free record of the station, no longer than is used."""
    pieces = archive.pieces[archive.pieces["station"] == station]
    spans = union(pieces[["start_ns", "end_ns"]].to_numpy(np.int64))
    longest = spans[np.argmax(spans[:, 1] - spans[:, 0])]
    end_ns = min(int(longest[1]), int(longest[0]) + round(rule.longest_s * NS_PER_S))
    best: dict[str, Segment] = {}
    for part in _read(archive, station, int(longest[0]), end_ns):
        name = part.channels[0]
        usable = 0.4 * part.sampling_rate_hz > band.f_min_hz
        if usable and (name not in best or part.n_samples > best[name].n_samples):
            best[name] = part
    return list(best.values())


def _donors(archive, station: str, band: Band, mine, rule) -> list[dict[str, np.ndarray]]:
    """Return the filtered waveforms of the strongest events, of power 1 on the vertical."""
    pad_ns = round(min(band.settle_s(FORGOTTEN), 60.0) * NS_PER_S) + NS_PER_S * 12
    found = []
    for row in mine.itertuples(index=False):
        length_ns = min(max(row.end_ns - row.start_ns, 4 * NS_PER_S), 60 * NS_PER_S)
        parts = _read(archive, station, row.start_ns - pad_ns, row.start_ns + length_ns)
        usable = [p for p in parts if 0.4 * p.sampling_rate_hz > band.f_min_hz]
        cut, ratio = {}, 0.0
        for part in causal_filter(usable, band):
            rate = part.sampling_rate_hz
            at = round((row.start_ns - part.start_ns) * rate / NS_PER_S)
            if at < 5 * rate or part.n_samples - at < 2 * rate:
                continue
            x = part.data[0].astype(np.float64)
            noise = np.mean(x[max(0, at - round(10 * rate)) : at - round(0.5 * rate)] ** 2)
            cut[part.channels[0]] = x[at:]
            power = np.mean(x[at : at + round(rule.power_s * rate)] ** 2)
            if part.channels[0] == _vertical([p.channels[0] for p in usable]) and noise > 0:
                ratio = power / noise
        if cut and ratio > 10:
            scale = np.sqrt(np.mean(cut[_vertical(cut)][: round(rule.power_s * rate)] ** 2))
            found.append((ratio, {name: _tapered(x / scale, rate) for name, x in cut.items()}))
    found.sort(key=lambda pair: -pair[0])
    return [cut for _, cut in found[:20]]


def _tapered(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """Let the end of a wave fade in a second: no step where it stops."""
    n = min(len(x), round(rate_hz))
    x[len(x) - n :] *= np.linspace(1, 0, n)
    return x


def _places(part: Segment, mine, band: Band, rule: InjectionRule, rng):
    """Return where events are added, and the power of the noise there."""
    rate = part.sampling_rate_hz
    x = part.data[0].astype(np.float64)
    first_ns = part.start_ns + round((NOISE_S + 70) * NS_PER_S)
    step_ns = round(rule.spacing_s * NS_PER_S)
    starts = np.arange(first_ns, part.end_ns - step_ns, step_ns)
    starts = starts + rng.integers(0, max(1, step_ns // 4), size=len(starts))
    begin, end = mine["start_ns"].to_numpy(), mine["end_ns"].to_numpy()
    reach_ns = 15 * NS_PER_S
    free = [
        not ((begin < t + step_ns // 2 + reach_ns) & (end > t - 2 * reach_ns)).any() for t in starts
    ]
    starts = starts[np.array(free, dtype=bool)][: rule.n_events]
    noise = []
    for t in starts:
        at = round((t - part.start_ns) * rate / NS_PER_S)
        noise.append(np.mean(x[at - round(NOISE_S * rate) : at] ** 2))
    noise = np.array(noise)
    good = noise > 0
    return starts[good].astype(np.int64), noise[good]


def _tables(stretch: _Stretch, plan: Plan, snr_db: float | None) -> list[FeatureTable]:
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


def _add(data: np.ndarray, part: Segment, stretch: _Stretch, snr_db: float) -> None:
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


def _outcome(stretch: _Stretch, onsets: np.ndarray, tolerance_ns: int) -> tuple[int, int]:
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
