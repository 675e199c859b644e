"""Records of volcanoes under all conditions, for pretraining: one station or several, any gain."""

import dataclasses
from pathlib import Path

import numpy as np
import obspy
from scipy import signal

from seisml.synthetics.earth_scenes import (
    TRANSIENTS,
    log_uniform,
    reference_rms,
    scene_noise,
    scene_transient,
)
from seisml.synthetics.records import Sighting
from seisml.synthetics.volcano_waves import (
    STEP_S,
    VISIBLE,
    VolcanoEvent,
    draw_event,
    event_wave,
    levels,
    standing_out,
)
from seisml.times import NS_PER_S

NETWORK = "SY"
RATES_HZ = {40.0: 1, 50.0: 3, 100.0: 8, 200.0: 1}
LENGTHS_S = {60.0: 2, 80.0: 4, 120.0: 3, 300.0: 3, 900.0: 1}
STATIONS = {1: 6, 2: 2, 3: 2, 5: 2, 7: 1}
"""Sampling rates, lengths and numbers of stations, and how often each is drawn."""
KINDS = {"quiet": 2, "events": 11, "tremor": 4}
CLASSES = {"VT": 5, "LP": 5, "EX": 1, "AV": 3, "IC": 3, "TR": 2, "TC": 1}
SNR_DB = (-6.0, 40.0)
TREMOR_DB = (3.0, 30.0)
FILTERED_SHARE = 0.3
"""Of the records that somebody filtered or brought to a higher rate before."""


@dataclasses.dataclass(frozen=True)
class VolcanoScene:
    """What a record holds, before any sample is drawn.

    Attributes
    ----------
    rate_hz, length_s : float
    loss_db, delay_s : tuple of float
        Of each station: how much less it sees of an event than the first one, and how much later.
    gain : tuple of float
        RMS of each station's noise, counts.
    events : tuple of VolcanoEvent
    transients : tuple of (station, kind, start in s, peak over the noise's RMS)
    """

    rate_hz: float
    length_s: float
    loss_db: tuple[float, ...]
    delay_s: tuple[float, ...]
    gain: tuple[float, ...]
    events: tuple[VolcanoEvent, ...]
    transients: tuple[tuple[int, str, float, float], ...]


def volcano_record(folder: Path, n: int, start_ns: int, rng: np.random.Generator) -> list[Sighting]:
    """Write one record of one to seven stations and say what is in it.

    Volcano-tectonic and long-period events, tremor that may last all through, explosions,
    avalanches, icequakes and regional earthquakes, seen by all stations, each with its own size,
    delay, gain and colour of noise; and at single stations what is no event.

    Parameters
    ----------
    folder : pathlib.Path
    n : int
        Its number.
    start_ns : int
    rng : numpy.random.Generator

    Returns
    -------
    list of Sighting
        One an event and station.
    """
    scene = draw_scene(rng)
    counts, found = scene_samples(scene, rng)
    stream, sightings = obspy.Stream(), []
    for k, data in enumerate(counts):
        header = {"network": NETWORK, "station": f"V{k + 1}", "channel": "HHZ"}
        header |= {"sampling_rate": scene.rate_hz, "starttime": obspy.UTCDateTime(ns=start_ns)}
        stream += obspy.Trace(data, header)
        for event, seen, delay_s in found[k]:
            at = (event, seen, delay_s, start_ns, f"{NETWORK}.V{k + 1}")
            sightings.append(_sighting(*at, scene.length_s))
    folder.mkdir(parents=True, exist_ok=True)
    stream.write(str(folder / f"{NETWORK}.{n:05d}.mseed"), format="MSEED", encoding="INT32")
    return sightings


def draw_scene(rng: np.random.Generator) -> VolcanoScene:
    """Draw what a record holds, but no samples."""
    rate_hz, length_s = (_weighted(rng, table) for table in (RATES_HZ, LENGTHS_S))
    n_stations = int(_weighted(rng, STATIONS))
    loss_db = rng.uniform(0.0, 18.0, n_stations)
    delay_s = rng.uniform(0.0, 3.0, n_stations)
    transients = []
    for k in range(n_stations):
        many = rng.poisson(rng.choice([0.0, 0.5, 1.5]) * length_s / 120.0)
        for kind in rng.choice(TRANSIENTS, many):
            peak = log_uniform(rng, 3.0, 60.0)
            transients.append((k, str(kind), float(rng.uniform(0.0, length_s)), peak))
    return VolcanoScene(
        rate_hz=rate_hz,
        length_s=length_s,
        loss_db=tuple(loss_db - loss_db.min()),
        delay_s=tuple(delay_s - delay_s.min()),
        gain=tuple(log_uniform(rng, 30.0, 3e4) for _ in range(n_stations)),
        events=_events(rng, length_s),
        transients=tuple(transients),
    )


def _weighted(rng: np.random.Generator, table: dict):
    keys, weights = list(table), np.array(list(table.values()), float)
    return keys[rng.choice(len(keys), p=weights / weights.sum())]


def _events(rng, length_s: float) -> tuple[VolcanoEvent, ...]:
    kind = _weighted(rng, KINDS)
    if kind == "quiet":
        return ()
    if kind == "tremor":  # what goes on before the record, after it, or both
        one = draw_event("TR", -rng.uniform(0.0, 600.0), rng.uniform(*TREMOR_DB), rng)
        if rng.random() < 0.3:
            one = dataclasses.replace(one, onset_s=rng.uniform(0.0, 0.7 * length_s))
        lasts_s = one.lasts_s if rng.random() < 0.4 else 2.0 * length_s + 600.0
        one = dataclasses.replace(one, lasts_s=max(lasts_s, 20.0 - one.onset_s))
        return (one,) if rng.random() < 0.7 else (one, *_single(rng, length_s))
    return _single(rng, length_s)


def _single(rng, length_s: float) -> tuple[VolcanoEvent, ...]:
    """Return events at any distance from one another, some cut by the ends of the record."""
    every_s = log_uniform(rng, 50.0, 200.0)
    n = max(1, rng.poisson(length_s / every_s))
    favourite = _weighted(rng, CLASSES)  # swarms are of one kind
    out = []
    for onset_s in np.sort(rng.uniform(-3.0, length_s - 4.0, n)):
        label = favourite if rng.random() < 0.6 else _weighted(rng, CLASSES)
        low_db, high_db = SNR_DB
        snr_db = low_db + (high_db - low_db) * rng.beta(1.3, 1.3)
        if rng.random() < 0.15:
            snr_db = rng.uniform(30.0, 65.0)
        out.append(draw_event(label, onset_s, min(snr_db, 30.0) if label == "TR" else snr_db, rng))
    return tuple(out)


def scene_samples(scene: VolcanoScene, rng: np.random.Generator):
    """Compute the samples of a scene, and when its events stand out.

    Returns
    -------
    counts : list of numpy.ndarray of int32, shape (n_samples,)
        Of each station.
    found : list of list of (event, seen, delay_s)
        Of each station: for each event its level over that of the rest, every `STEP_S`.
    """
    filtered = _old_filter(scene.rate_hz, rng) if rng.random() < FILTERED_SHARE else None
    counts, found = [], []
    for k in range(len(scene.gain)):
        motion, its = _station(scene, k, rng)
        if filtered is not None:
            motion = signal.sosfilt(filtered, motion)
        level = scene.gain[k] * motion + rng.uniform(-500.0, 500.0)
        counts.append(np.clip(np.rint(level), -(2**31) + 1, 2**31 - 1).astype(np.int32))
        found.append(its)
    return counts, found


def _station(scene: VolcanoScene, k: int, rng):
    """Return ground motion at one station, of unit noise, and its events."""
    rate_hz, n = scene.rate_hz, int(scene.length_s * scene.rate_hz)
    motion = scene_noise(n, rate_hz, rng, psd=volcano_psd)[0]
    level, usual = reference_rms(motion, rate_hz), levels(motion, rate_hz)
    for station, kind, start_s, peak in scene.transients:
        if station == k:
            wave, at = scene_transient(kind, rate_hz, rng)[0], int(start_s * rate_hz)
            motion[at : at + len(wave)] += peak * level * wave[: n - at]
    waves = []
    for event in scene.events:
        delay_s = scene.delay_s[k]
        wave = event_wave(event, n, rate_hz, delay_s, rng)
        largest = float(np.max(standing_out(levels(wave, rate_hz), usual), initial=0.0))
        wanted_db = event.snr_db - scene.loss_db[k] + 3.0 * rng.standard_normal()
        wave = wave * (10.0 ** (wanted_db / 20.0) / max(largest, 1e-12))
        motion = motion + wave
        waves.append((event, wave, delay_s))
    found = []
    for event, wave, delay_s in waves:
        rest = levels(motion - wave, rate_hz)
        found.append((event, standing_out(levels(wave, rate_hz), rest), delay_s))
    return motion, found


def volcano_psd(frequencies_hz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random spectrum of what is no tremor: microseism, wind, ice and water, machines.

    It falls steeply up to a corner near 1 Hz and goes on smoothly; broad peaks lie above 5 Hz,
    below there are narrow lines only: a broad peak of 1 to 5 Hz is what tremor is known by.
    """
    f_hz = np.maximum(frequencies_hz, 0.02)
    corner_hz = log_uniform(rng, 0.4, 1.6)
    below_db, above_db = rng.uniform(-15.0, -3.0), rng.uniform(-6.0, 3.0)
    octaves = np.log2(f_hz / corner_hz)
    knots = np.arange(-8.0, 10.0, 1.5)
    wander_db = np.interp(octaves, knots, 2.0 * rng.standard_normal(len(knots)))
    level_db = np.where(octaves < 0, below_db, above_db) * np.clip(octaves, -3.0, 6.0) + wander_db
    power = 10.0 ** (level_db / 10.0)
    for _ in range(rng.integers(0, 3)):
        centre_hz = log_uniform(rng, 0.5, 40.0)
        width = log_uniform(rng, 0.003, 0.3 if centre_hz > 5.0 else 0.02)
        bump = np.exp(-0.5 * (np.log(f_hz / centre_hz) / width) ** 2)
        power = power * (1.0 + 10.0 ** rng.uniform(0.0, 2.0) * bump)
    power[frequencies_hz < rng.choice([0.01, 0.05, 0.2])] *= 1e-4
    return power


def _old_filter(rate_hz: float, rng) -> np.ndarray:
    """Return a filter as others apply before they hand out records."""
    high_hz = rng.uniform(0.15, 0.45) * rate_hz
    order = int(rng.integers(2, 9))
    sections = [signal.butter(order, high_hz, "low", fs=rate_hz, output="sos")]
    if rng.random() < 0.5:
        low_hz = log_uniform(rng, 0.05, 1.0)
        sections.append(signal.butter(2, low_hz, "high", fs=rate_hz, output="sos"))
    return np.concatenate(sections)


def _sighting(event: VolcanoEvent, seen, delay_s, start_ns, station, length_s) -> Sighting:
    """Say when an event stands out at a station."""
    onset_s = max(0.0, event.onset_s + delay_s)
    there = np.flatnonzero(seen >= 0.3 * VISIBLE)
    last_s = max(onset_s + 1.0, STEP_S * (there[-1] + 2)) if len(there) else onset_s + 5.0
    times = [onset_s, onset_s, onset_s, min(last_s, length_s)]
    visible = np.flatnonzero(seen >= VISIBLE)
    if len(visible):
        # Levels are of whole steps and smoothed over three: an onset is sharper.
        begin_s = STEP_S * (visible[0] + 1)
        times[1] = onset_s if begin_s - onset_s < 3.0 else begin_s
        times[2] = min(max(STEP_S * visible[-1] + STEP_S, times[1]), length_s)
    times[3] = max(times[2:])
    ns = [start_ns + round(t * NS_PER_S) for t in times]
    return Sighting(event.label, *ns, float(seen.max(initial=0.0)), station)
