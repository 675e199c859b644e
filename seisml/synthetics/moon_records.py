"""Records of the Apollo seismometers under all conditions, for pretraining."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import signal

from seisml.synthetics.moon_waves import (
    KINDS,
    MIDDLE_DU,
    NOISE_HZ,
    RATE_HZ,
    LunarClimate,
    digital,
    disturbances,
    draw_moonquake,
    level_series,
    lunar_background,
    moonquake_wave,
)
from seisml.synthetics.noise import ornstein_uhlenbeck
from seisml.synthetics.records import (
    Sighting,
    band_levels,
    draw_shape,
    sighting,
    write_record,
)
from seisml.times import NS_PER_S

VISIBLE_HZ = (0.35, 0.95)
LENGTHS_S = ((0.5, 5400.0, 9000.0), (0.5, 20_000.0, 70_000.0))
CHANNELS = ((0.5, (0,)), (0.25, (1,)), (0.25, (0, 1, 2)))
EVENTS_PER_HOUR = 0.25
LEVEL_STEP_S = 20.0
LEAST_DU = 0.15
"""Signals below are lost in the rounding to whole units."""


def draw_lunar_climate(rng: np.random.Generator) -> LunarClimate:
    """Draw noise conditions from the quietest to the most disturbed."""
    packets = math.exp(rng.normal(0.0, 0.6)) if rng.random() < 0.5 else 1.0
    return LunarClimate(
        level_du=math.exp(rng.uniform(math.log(0.05), math.log(5.0))),
        shape_db=tuple(np.cumsum(rng.normal(0.0, 2.5, len(NOISE_HZ)))),
        drift_sd=float(rng.uniform(0.02, 0.4)),
        drift_s=math.exp(rng.uniform(math.log(300.0), math.log(10_000.0))),
        steps_per_day=float(rng.choice([0.0, rng.uniform(1.0, 12.0)])),
        packets=packets,
        packet_s=float(rng.uniform(20.0, 300.0)),
        spikes_per_hour=float(rng.choice([0.0, rng.uniform(1.0, 40.0)])),
        bursts_per_hour=float(rng.choice([0.0, rng.uniform(0.2, 8.0)])),
    )


def moon_record(folder: Path, n: int, start_ns: int, rng: np.random.Generator) -> list[Sighting]:
    """Write one Apollo record and say what is in it.

    Half of the records are whole digital units as transmitted; the others were despiked, filtered
    to about 1 Hz or raised to twice the rate, as published collections are.

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
        Of the classes deep, shallow and impact.
    """
    shape = draw_shape(
        rng, start_ns, lengths_s=LENGTHS_S, rates_hz=((1.0, RATE_HZ),), channels=CHANNELS
    )
    key, size = int(rng.integers(2**31)), int(shape.length_s * RATE_HZ)
    climate = draw_lunar_climate(rng)
    first = start_ns // NS_PER_S * 53 // 8
    noise = lunar_background(key, first, first + size, climate)
    steps = level_series(int(shape.length_s / LEVEL_STEP_S) + 2, LEVEL_STEP_S, rng, climate)
    seconds = np.arange(size) / RATE_HZ
    noise *= np.interp(seconds, np.arange(len(steps)) * LEVEL_STEP_S, steps)
    noise[list(shape.channels)] += [disturbances(size, rng, climate) for _ in shape.channels]
    noise += slow_drift(size, rng)
    chosen, publish = list(shape.channels), draw_publication(rng)
    level = np.maximum(band_levels(publish(noise)[chosen], VISIBLE_HZ, RATE_HZ), LEAST_DU)
    events = np.zeros_like(noise)
    rows = []
    for number, onset_s in enumerate(_onsets(shape.length_s, rng)):
        onset_ns = start_ns + round(onset_s * NS_PER_S)
        label = str(rng.choice(KINDS, p=(0.5, 0.2, 0.3)))
        snr = math.exp(rng.uniform(math.log(1.3), math.log(150.0)))
        quake = draw_moonquake(rng, (key, number), onset_ns, label, snr)
        begin = math.ceil(onset_s * RATE_HZ)
        wave = moonquake_wave(quake, begin / RATE_HZ - onset_s, size - begin)
        at = slice(int(onset_s / LEVEL_STEP_S), int(onset_s / LEVEL_STEP_S) + 60)
        gain = quake.snr * np.median(level[at])
        events[:, begin:] += gain * wave
        alone = np.zeros(len(level))
        levels = band_levels(gain * wave[chosen], VISIBLE_HZ, RATE_HZ)
        alone[len(level) - len(levels) :] = levels
        last_s = min(onset_s + quake.length_s, shape.length_s)
        rows.append((label, alone, onset_s, last_s))
    found = [sighting(label, alone, level, *when, start_ns) for label, alone, *when in rows]
    total = publish(noise + events)
    if rng.random() < 0.4:
        total, shape = signal.resample_poly(total, 2, 1, axis=1), _twice_as_fast(shape)
    path = folder / f"XA.S12.00.{n:05d}.mseed"
    write_record(path, "XA.S12.00", ("MHZ", "MH1", "MH2"), total, shape, shape.rate_hz)
    return found


def slow_drift(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the drift of three channels: where it nears half a unit, small noise shows in packets.

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
        DU.
    """
    step_s = 60.0
    n_steps = int(n / RATE_HZ / step_s) + 2
    tau_s = math.exp(rng.uniform(math.log(600.0), math.log(20_000.0)))
    size = math.exp(rng.uniform(math.log(0.05), math.log(5.0)))
    drift = [size * ornstein_uhlenbeck(n_steps, step_s, tau_s, rng) for _ in range(3)]
    at = np.arange(n) / (RATE_HZ * step_s)
    offsets = rng.uniform(-20.0, 20.0, 3)
    knots = np.arange(n_steps)
    return np.stack([np.interp(at, knots, one) + c for one, c in zip(drift, offsets, strict=True)])


def draw_publication(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Draw how a record reaches its reader: whole units as transmitted, or filtered.

    Returns
    -------
    callable
        Takes and returns DU, shape (n_channels, n).
    """
    kind = rng.random()
    band = (rng.uniform(0.1, 0.25), rng.choice([rng.uniform(0.95, 1.2), 2.8]))
    sos = signal.butter(4, band, "bandpass", fs=RATE_HZ, output="sos")

    def publish(wave: np.ndarray) -> np.ndarray:
        if kind < 0.8:  # the others were never rounded to whole units
            wave = digital(wave) - MIDDLE_DU
        return signal.sosfilt(sos, wave - wave[:, :1]) if kind > 0.3 else wave

    return publish


def _twice_as_fast(shape):
    return dataclasses.replace(shape, rate_hz=2.0 * RATE_HZ)


def _onsets(length_s: float, rng: np.random.Generator) -> list[float]:
    """Draw onsets of events, none in the first ten minutes, an hour and a half or more apart."""
    out: list[float] = []
    for _ in range(rng.poisson(EVENTS_PER_HOUR * length_s / 3600.0) or rng.integers(0, 2)):
        onset_s = float(rng.uniform(600.0, length_s - 900.0))
        if all(abs(onset_s - other) > 5400.0 for other in out):
            out.append(onset_s)
    return sorted(out)
