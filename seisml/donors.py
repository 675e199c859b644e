"""Donors and places of injection: which events are added to which stretches of noise."""

import dataclasses

import numpy as np

from seisml import archive as archives
from seisml.codes import station_name
from seisml.intervals import union
from seisml.segments import FORGOTTEN, Band, Segment, causal_filter, segments
from seisml.times import NS_PER_S

NOISE_S = 10.0
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
class Stretch:
    """Record of a station, the places in it, and what is added there."""

    station: str
    record: tuple[Segment, ...]
    places_ns: np.ndarray
    waves: tuple[dict[str, np.ndarray], ...]
    noise: np.ndarray
    known_ns: tuple[np.ndarray, np.ndarray]


def stretch_of(archive, station: str, band: Band, signals, rule: InjectionRule) -> Stretch | None:
    """Choose record, places and donors of a station; None where it has not both."""
    mine = signals[signals["station"] == station_name(station)]
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
    return Stretch(station, tuple(record), places, tuple(waves), noise, known)


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
