"""Noise of the Apollo seismometers as NumPy arrays, and how it becomes whole digital units.

The quiet Moon is below the resolution of the instrument: what a record of it shows is made by
rounding. While the baseline lies between two units nothing is seen; while it lies near a boundary
the last digit toggles. A baseline that drifts, jumps or swings with the heater of the instrument
therefore switches *noise of constant height* on and off, for seconds or hours.
"""

import dataclasses
import math

import numpy as np

from seisml.synthetics.noise import Draw, generator, ornstein_uhlenbeck, shaped_noise

RATE_HZ = 6.625
FILL = -1
MIDDLE_DU, LARGEST_DU = 512, 1023
BLOCK = 2048  # samples of a block of background noise; blocks overlap by half
# Shape of the noise of the peaked response, dB, largest at its resonance.
NOISE_HZ = (0.01, 0.05, 0.2, 0.45, 0.8, 1.2, 2.0, 3.3)
NOISE_DB = (-50.0, -32.0, -9.0, 0.0, -4.0, -11.0, -21.0, -42.0)
HEATER_S = (420.0, 900.0)  # the heater acts about every ten minutes
BASELINE_STEP_S = 10.0


@dataclasses.dataclass(frozen=True)
class LunarClimate:
    """Noise conditions of a record.

    Attributes
    ----------
    level_du : float
        RMS of the quiet noise.
    shape_db : tuple of float
        Change of the spectrum at `NOISE_HZ`.
    drift_sd, drift_s : float
        Standard deviation of ln(level), and its correlation time, s.
    steps_per_day : float
        Sudden changes of the level that last.
    trend_du_h : float
        Drift of the baseline, DU an hour.
    wander_du, wander_s : float
        Standard deviation of the baseline about that, and its correlation time, s.
    jumps_per_day, jump_du : float
        Sudden shifts of the baseline, half of which decay again within an hour, and their size.
    heater_du, heater_s, heater_share : float
        Swing of the baseline with the heater, its period, and the share of it that is heated.
    patch_mean, patch_fast_sd, patch_fast_s, patch_slow_sd, patch_slow_s : float
        ln of a gain below 1 on the noise between its full height and next to nothing, as records
        show it whose missing or repeated samples were interpolated: mean, and standard deviation
        and correlation time (s) of a fast and a slow part. 0: none.
    spikes_per_hour, bursts_per_hour : float
        Spikes of one or two samples, and noise bursts of seconds to a minute.
    lines, line_du : float
        How many spectral lines there are, some of them for hours only, and their amplitude: a
        baseline that drifts evenly crosses the units in step.
    """

    level_du: float = 1.0
    shape_db: tuple[float, ...] = (0.0,) * len(NOISE_HZ)
    drift_sd: float = 0.1
    drift_s: float = 1800.0
    steps_per_day: float = 2.0
    trend_du_h: float = 0.2
    wander_du: float = 0.5
    wander_s: float = 3600.0
    jumps_per_day: float = 2.0
    jump_du: float = 1.0
    heater_du: float = 0.0
    heater_s: float = 600.0
    heater_share: float = 0.4
    patch_mean: float = 0.0
    patch_fast_sd: float = 0.0
    patch_fast_s: float = 60.0
    patch_slow_sd: float = 0.0
    patch_slow_s: float = 3600.0
    spikes_per_hour: float = 4.0
    bursts_per_hour: float = 1.0
    lines: int = 0
    line_du: float = 0.0


def lunar_psd(frequency_hz, climate: LunarClimate) -> np.ndarray:
    """Return the power spectral density of the noise, DU²/Hz, with the RMS of the climate."""
    f = np.asarray(frequency_hz, dtype=float)
    level = np.array(NOISE_DB) + np.array(climate.shape_db)
    log_f = np.log(np.maximum(f, 1e-3))
    psd = 10.0 ** (np.interp(log_f, np.log(NOISE_HZ), level) / 10.0) * (f > 0.0)
    return psd * (climate.level_du**2 / np.trapezoid(psd, f))


def lunar_background(
    seed: int, first: int, stop: int, climate: LunarClimate, n_channels: int = 3
) -> np.ndarray:
    """Draw stationary noise; any range of samples, always the same series.

    Returns
    -------
    numpy.ndarray of float64, shape (n_channels, stop - first)
        DU.
    """
    hop = BLOCK // 2
    window = np.sin(np.pi * (np.arange(BLOCK) + 0.5) / BLOCK)
    psd = lunar_psd(np.fft.rfftfreq(BLOCK, 1.0 / RATE_HZ), climate)
    blocks = range(first // hop - 1, (stop - 1) // hop + 1)
    out = np.zeros((n_channels, (len(blocks) + 1) * hop))
    for n, block in enumerate(blocks):
        rng = generator(seed, Draw.BACKGROUND, block)
        wave = shaped_noise(np.broadcast_to(psd, (n_channels, len(psd))), BLOCK, RATE_HZ, rng)
        out[:, n * hop : n * hop + BLOCK] += wave * window
    begin = first - blocks[0] * hop
    return out[:, begin : begin + stop - first]


def level_series(n_steps: int, step_s: float, rng, climate: LunarClimate) -> np.ndarray:
    """Draw the level of the noise over time: drift, and sudden steps that last.

    Returns
    -------
    numpy.ndarray of float64, shape (n_steps,)
        Factor on the RMS.
    """
    log_level = climate.drift_sd * ornstein_uhlenbeck(n_steps, step_s, climate.drift_s, rng)
    for _ in range(rng.poisson(climate.steps_per_day * n_steps * step_s / 86_400.0)):
        log_level[rng.integers(n_steps) :] += rng.normal(0.0, 0.6)
    return np.exp(np.clip(log_level, -2.5, 2.5))


def patches(n_steps: int, step_s: float, rng, climate: LunarClimate) -> np.ndarray:
    """Draw the gain of patchy noise: full height for minutes or hours, next to nothing between.

    Returns
    -------
    numpy.ndarray of float64, shape (n_steps,)
        1 at most.
    """
    fast = ornstein_uhlenbeck(n_steps, step_s, climate.patch_fast_s, rng)
    slow = ornstein_uhlenbeck(n_steps, step_s, climate.patch_slow_s, rng)
    log_gain = climate.patch_mean + climate.patch_fast_sd * fast + climate.patch_slow_sd * slow
    return np.exp(np.clip(log_gain, -12.0, 0.0))


def baseline(n: int, rng: np.random.Generator, climate: LunarClimate) -> np.ndarray:
    """Draw the baseline of a channel: trend, wander, jumps, and the swing with the heater.

    The swing rises while the instrument is heated and falls exponentially after.

    Parameters
    ----------
    n : int
        Number of samples at `RATE_HZ`.
    rng : numpy.random.Generator
    climate : LunarClimate

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        DU, from anywhere between two units.
    """
    n_steps = int(n / RATE_HZ / BASELINE_STEP_S) + 2
    t = np.arange(n_steps) * BASELINE_STEP_S
    level = rng.uniform(-20.0, 20.0) + rng.choice([-1.0, 1.0]) * climate.trend_du_h * t / 3600.0
    level += climate.wander_du * ornstein_uhlenbeck(n_steps, BASELINE_STEP_S, climate.wander_s, rng)
    for _ in range(rng.poisson(climate.jumps_per_day * t[-1] / 86_400.0)):
        since = t - rng.uniform(0.0, t[-1])
        size = climate.jump_du * math.exp(rng.normal(0.0, 0.7)) * rng.choice([-1.0, 1.0])
        decay_s = math.exp(rng.uniform(math.log(120.0), math.log(3600.0)))
        shape = np.exp(-np.maximum(since, 0.0) / decay_s) if rng.random() < 0.5 else 1.0
        level += np.where(since >= 0.0, size * shape, 0.0)
    level += climate.heater_du * _swing(t, rng, climate)
    return np.interp(np.arange(n) / RATE_HZ, t, level)


def _swing(t: np.ndarray, rng: np.random.Generator, climate: LunarClimate) -> np.ndarray:
    """Return the swing of the heater between 0 and 1; its period is not quite constant."""
    rate = 1.0 + 0.05 * ornstein_uhlenbeck(len(t), BASELINE_STEP_S, 3600.0, rng)
    phase = (rng.random() + np.cumsum(rate) * BASELINE_STEP_S / climate.heater_s) % 1.0
    hot = climate.heater_share
    up = np.minimum(phase / hot, 1.0)
    return np.where(phase < hot, up, np.exp(-3.0 * (phase - hot) / (1.0 - hot)))


def disturbances(n: int, rng: np.random.Generator, climate: LunarClimate) -> np.ndarray:
    """Draw spikes and bursts of switching noise.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        DU.
    """
    out = np.zeros(n)
    hours = n / RATE_HZ / 3600.0
    for _ in range(rng.poisson(climate.spikes_per_hour * hours)):
        at = int(rng.integers(n))
        size = climate.level_du * math.exp(rng.uniform(1.5, 5.0)) * rng.choice([-1.0, 1.0])
        out[at : at + int(rng.integers(1, 4))] += size
    for _ in range(rng.poisson(climate.bursts_per_hour * hours)):
        at, size = int(rng.integers(n)), int(rng.uniform(3.0, 90.0) * RATE_HZ)
        part = slice(at, min(n, at + size))
        wave = rng.standard_normal(part.stop - at) * rng.choice([0.0, 1.0], part.stop - at)
        out[part] += climate.level_du * math.exp(rng.uniform(0.5, 3.0)) * wave
    return out


def tones(n: int, rng: np.random.Generator, climate: LunarClimate) -> np.ndarray:
    """Draw spectral lines: the first at an eighth of the rate, the others anywhere, and drifting.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        DU.
    """
    out = np.zeros(n)
    t = np.arange(n) / RATE_HZ
    for number in range(climate.lines):
        size = climate.line_du * math.exp(rng.normal(0.0, 0.5))
        begin_hz, end_hz = rng.uniform(0.1, 1.3) + np.array([0.0, rng.normal(0.0, 0.1)])
        if number == 0:
            begin_hz = end_hz = RATE_HZ / 8.0
        cycles = begin_hz * t + 0.5 * (end_hz - begin_hz) * t * t / max(t[-1], 1.0)
        begin_s = rng.uniform(-1.0, 1.0) * t[-1]
        swell = np.clip((t - begin_s) / rng.uniform(600.0, 7200.0), 0.0, 1.0)
        out += size * swell * np.sin(2.0 * np.pi * (cycles + rng.random()))
    return out


def digital(wave: np.ndarray) -> np.ndarray:
    """Return what is transmitted: whole digital units between 0 and 1023, float64."""
    return np.clip(np.rint(wave + MIDDLE_DU), 0, LARGEST_DU)
