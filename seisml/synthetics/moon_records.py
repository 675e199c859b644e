"""Records of the Apollo seismometers under all conditions, for pretraining."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import signal

from seisml.synthetics.moon_noise import (
    HEATER_S,
    MIDDLE_DU,
    NOISE_HZ,
    RATE_HZ,
    LunarClimate,
    baseline,
    digital,
    disturbances,
    level_series,
    lunar_background,
    patches,
    tones,
)
from seisml.synthetics.moon_waves import KINDS, SHAPES, draw_moonquake, moonquake_wave
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
LEAST_DU = 0.3
"""Level of a last digit that toggles: signals below are lost in the rounding to whole units."""
PATCHY = 0.35
"""Share of records whose noise is patchy, see `LunarClimate`; these are not rounded again."""
SPACING_S = 2400.0
"""Between onsets: less than a coda lasts, so that some events lie in the coda of another."""


def draw_lunar_climate(rng: np.random.Generator) -> LunarClimate:
    """Draw noise conditions from the quietest to the most disturbed."""

    def between(low: float, high: float) -> float:
        return math.exp(rng.uniform(math.log(low), math.log(high)))

    patchy = rng.random() < PATCHY
    level_du = between(0.03, 0.6) if rng.random() < 0.6 else between(0.05, 5.0)
    return LunarClimate(
        level_du=level_du,
        shape_db=tuple(np.cumsum(rng.normal(0.0, 2.5, len(NOISE_HZ)))),
        drift_sd=float(rng.uniform(0.02, 0.4)),
        drift_s=between(300.0, 10_000.0),
        steps_per_day=float(rng.choice([0.0, rng.uniform(1.0, 12.0)])),
        trend_du_h=between(0.02, 3.0),
        wander_du=between(0.05, 5.0),
        wander_s=between(600.0, 20_000.0),
        jumps_per_day=float(rng.choice([0.0, rng.uniform(1.0, 15.0)])),
        jump_du=between(0.2, 4.0),
        heater_du=float(rng.choice([0.0, between(0.1, 3.0)])),
        heater_s=float(rng.uniform(*HEATER_S)),
        heater_share=float(rng.uniform(0.1, 0.8)),
        patch_mean=float(rng.uniform(-6.0, 1.0)) * patchy,
        patch_fast_sd=float(rng.uniform(0.5, 2.5)) * patchy,
        patch_fast_s=between(15.0, 300.0),
        patch_slow_sd=float(rng.uniform(0.3, 3.0)) * patchy,
        patch_slow_s=between(900.0, 15_000.0),
        spikes_per_hour=float(rng.choice([0.0, rng.uniform(1.0, 40.0)])),
        bursts_per_hour=float(rng.choice([0.0, rng.uniform(0.2, 8.0)])),
        lines=int(rng.choice([0, 0, 1, rng.integers(2, 7)])),
        line_du=level_du * between(0.1, 1.5),
    )


def moon_record(folder: Path, n: int, start_ns: int, rng: np.random.Generator) -> list[Sighting]:
    """Write one Apollo record and say what is in it.

    Some of the records are whole digital units as transmitted; the others were filtered to about
    1 Hz, interpolated where samples are missing or raised to twice the rate, as published
    collections are.

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
    chosen, publish = list(shape.channels), draw_publication(rng, whole=not climate.patch_fast_sd)
    full = np.median(band_levels(publish(noise)[chosen], VISIBLE_HZ, RATE_HZ))
    gain = patches(len(steps), LEVEL_STEP_S, rng, climate)
    noise *= np.interp(seconds, np.arange(len(steps)) * LEVEL_STEP_S, gain)
    noise[chosen] += [disturbances(size, rng, climate) for _ in chosen]
    noise += [baseline(size, rng, climate) for _ in range(3)]
    noise[chosen] += [tones(size, rng, climate) for _ in chosen]
    level = band_levels(publish(noise)[chosen], VISIBLE_HZ, RATE_HZ)
    level = np.maximum(level, 0.9 * full if climate.patch_fast_sd else LEAST_DU)
    events, rows, alone = np.zeros_like(noise), [], []
    for number, onset_s in enumerate(_onsets(shape.length_s, rng)):
        onset_ns = start_ns + round(onset_s * NS_PER_S)
        label = str(rng.choice(KINDS, p=(0.5, 0.2, 0.3)))
        snr = math.exp(rng.uniform(*np.log(SHAPES[label].snr)))
        quake = draw_moonquake(rng, (key, number), onset_ns, label, snr)
        begin = math.ceil(onset_s * RATE_HZ)
        wave = moonquake_wave(quake, begin / RATE_HZ - onset_s, size - begin)
        at = slice(int(onset_s / LEVEL_STEP_S), int(onset_s / LEVEL_STEP_S) + 60)
        gain = quake.snr * np.median(level[at])
        events[:, begin:] += gain * wave
        of_event = band_levels(gain * wave[chosen], VISIBLE_HZ, RATE_HZ)
        alone.append(np.zeros(len(level)))
        alone[-1][len(level) - len(of_event) :] = of_event
        rows.append((label, onset_s, min(onset_s + quake.length_s, shape.length_s)))
    power = level**2 + sum(one**2 for one in alone)
    found = [
        sighting(label, one, np.sqrt(np.maximum(power - one**2, level**2)), *when, start_ns)
        for (label, *when), one in zip(rows, alone, strict=True)
    ]
    total = with_holes(publish(noise + events), rng)
    if rng.random() < 0.4:
        total, shape = signal.resample_poly(total, 2, 1, axis=1), _twice_as_fast(shape)
    path = folder / f"XA.S12.00.{n:05d}.mseed"
    write_record(path, "XA.S12.00", ("MHZ", "MH1", "MH2"), total, shape, shape.rate_hz)
    return found


def draw_publication(
    rng: np.random.Generator, *, whole: bool = True
) -> Callable[[np.ndarray], np.ndarray]:
    """Draw how a record reaches its reader: whole units as transmitted, or filtered.

    Parameters
    ----------
    rng : numpy.random.Generator
    whole : bool
        Round to whole units; a fifth of the records never are.

    Returns
    -------
    callable
        Takes and returns DU, shape (n_channels, n).
    """
    kind = rng.random()
    band = (rng.uniform(0.1, 0.25), rng.choice([rng.uniform(0.95, 1.2), 2.8]))
    sos = signal.butter(4, band, "bandpass", fs=RATE_HZ, output="sos")

    def publish(wave: np.ndarray) -> np.ndarray:
        rounded = whole and kind < 0.8
        wave = digital(wave) - MIDDLE_DU if rounded else wave
        filtered = kind > 0.3 or not whole
        return signal.sosfilt(sos, wave - wave[:, :1]) if filtered else wave

    return publish


def with_holes(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a record with straight lines where samples are missing, in half of the records."""
    wave, hours = wave.copy(), wave.shape[1] / RATE_HZ / 3600.0
    for _ in range(rng.poisson(rng.choice([0.0, rng.uniform(0.3, 3.0)]) * hours)):
        first = int(rng.integers(wave.shape[1]))
        last = min(wave.shape[1] - 1, first + int(rng.uniform(3.0, 90.0) * RATE_HZ))
        share = np.linspace(0.0, 1.0, last - first + 1)
        wave[:, first : last + 1] = (1 - share) * wave[:, [first]] + share * wave[:, [last]]
    return wave


def _twice_as_fast(shape):
    return dataclasses.replace(shape, rate_hz=2.0 * RATE_HZ)


def _onsets(length_s: float, rng: np.random.Generator) -> list[float]:
    """Draw onsets of events, none in the first ten minutes, `SPACING_S` or more apart."""
    out: list[float] = []
    for _ in range(rng.poisson(EVENTS_PER_HOUR * length_s / 3600.0) or rng.integers(0, 2)):
        onset_s = float(rng.uniform(600.0, length_s - 900.0))
        if all(abs(onset_s - other) > SPACING_S for other in out):
            out.append(onset_s)
    return sorted(out)
