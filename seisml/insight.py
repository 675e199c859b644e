"""Preparation of InSight records: the 1 Hz tick, glitches, wind; each step for itself.

Every function takes samples and returns new ones or a table; nothing is done unasked.
"""

import dataclasses

import numpy as np
from scipy import signal

from seisml.errors import ConfigError
from seisml.synthetics.mars_transients import glitch
from seisml.times import NS_PER_S

GLITCH_S = 25.0
FIT_HZ = 2.0
"""Rate at which glitches are looked for: they have nothing above it but a spike."""
WIND_HZ, GROUND_HZ = (3.7, 4.3), (2.2, 2.8)
UNIT_PEAK = 1.0 / 1.2505  # step of acceleration whose glitch has a peak of 1


@dataclasses.dataclass(frozen=True)
class Glitches:
    """Glitches of one record.

    Attributes
    ----------
    onset : numpy.ndarray of int64
        Sample numbers at which they begin.
    peak : numpy.ndarray of float64
        Their peaks with sign, in the unit of the samples.
    correlation : numpy.ndarray of float64
        With the template, 0 to 1.
    """

    onset: np.ndarray
    peak: np.ndarray
    correlation: np.ndarray


def without_tick(
    samples: np.ndarray, rate_hz: float, *, start_ns: int = 0, block_s: float = 1800.0
) -> np.ndarray:
    """Subtract what repeats every second: the 1 Hz tick with its harmonics.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Gap-free.
    rate_hz : float
        Whole number of samples a second.
    start_ns : int
        Time of the first sample; what is subtracted depends on the second's phase.
    block_s : float, s
        The mean second is that of this long; the phase of the tick drifts over days.

    Returns
    -------
    numpy.ndarray of float64, shape (n_samples,)

    Raises
    ------
    ConfigError
        If a second is no whole number of samples.

    Notes
    -----
    The stack is the median of the seconds after a running mean of a second was taken off, so that
    events and glitches do not leak into it; its own mean is zero.
    """
    per_s = round(rate_hz)
    if abs(per_s - rate_hz) > 1e-6 or per_s < 2:
        raise ConfigError(f"{rate_hz:g} samples a second do not repeat every second.")
    x = np.array(samples, dtype=np.float64)
    first = round(start_ns % NS_PER_S / NS_PER_S * per_s)
    smooth = np.convolve(x, np.ones(per_s) / per_s, "same")
    step = max(1, round(block_s)) * per_s
    n_blocks = max(1, len(x) // step)
    for part in np.array_split(np.arange(len(x)), n_blocks):
        phase = (first + part) % per_s
        rest = x[part] - smooth[part]
        mean = np.array([np.median(rest[phase == k]) if (phase == k).any() else 0.0
                         for k in range(per_s)])  # fmt: skip
        x[part] -= (mean - mean.mean())[phase]
    return x


def find_glitches(
    samples: np.ndarray, rate_hz: float, *, least_correlation: float = 0.9, least_ratio: float = 5.0
) -> Glitches:
    """Find one-sided pulses by the closed form of a step of acceleration behind the VBB.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Velocity or raw counts, gap-free, unfiltered.
    rate_hz : float
    least_correlation : float
        Of record and template over 25 s, both without their mean.
    least_ratio : float
        Peak over the robust noise of the record below 1 Hz. Of glitches nearer than 25 s the
        clearest is found; look again when it is subtracted.

    Returns
    -------
    Glitches

    References
    ----------
    Scholz et al. 2020, doi:10.1029/2020EA001317 (the template).
    """
    factor = max(1, round(rate_hz / FIT_HZ))
    slow = signal.resample_poly(np.asarray(samples, dtype=float), 1, factor)
    step_hz = rate_hz / factor
    n = round(GLITCH_S * step_hz)
    template = glitch(np.arange(n) / step_hz, UNIT_PEAK)
    centred = template - template.mean()
    if len(slow) < 2 * n:
        return Glitches(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    power = (centred**2).sum()
    dot = signal.correlate(slow, centred, "valid")
    ones = np.ones(n)
    mean = signal.correlate(slow, ones, "valid") / n
    spread = signal.correlate(slow**2, ones, "valid") - n * mean**2
    correlation = dot / np.sqrt(power * np.maximum(spread, 1e-12 * spread.max()))
    peak = dot / power
    change = slow[n // 4 :] - slow[: -(n // 4)]
    noise = 1.4826 * np.median(np.abs(change)) / np.sqrt(2.0)
    good = np.where(np.abs(peak) >= least_ratio * noise, np.abs(correlation), 0.0)
    at, _ = signal.find_peaks(good, height=least_correlation, distance=n)
    return Glitches(at.astype(np.int64) * factor, peak[at], np.abs(correlation[at]))


def without_glitches(samples: np.ndarray, rate_hz: float, found: Glitches) -> np.ndarray:
    """Subtract the template of each glitch."""
    x = np.array(samples, dtype=np.float64)
    n = round(2 * GLITCH_S * rate_hz)
    template = glitch(np.arange(n) / rate_hz, UNIT_PEAK)
    for onset, peak in zip(found.onset, found.peak, strict=True):
        part = slice(int(onset), min(len(x), int(onset) + n))
        x[part] -= peak * template[: part.stop - part.start]
    return x


def wind_indicator(samples: np.ndarray, rate_hz: float, *, step_s: float = 50.0) -> np.ndarray:
    """Return the level of the lander's mode near 4 Hz over that of the ground's at 2.4 Hz, in dB.

    Wind raises the first and not the second; a marsquake raises the second at least as much.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
    rate_hz : float
        More than 10; slower records do not hold the mode.
    step_s : float, s

    Returns
    -------
    numpy.ndarray of float64, shape (n_steps,)

    Raises
    ------
    ConfigError
        If the sampling rate is too low.
    """
    if 0.45 * rate_hz <= WIND_HZ[1]:
        raise ConfigError(
            f"Records of {rate_hz:g} Hz do not hold the lander's mode near 4 Hz.",
            "Take the channels of 20 samples a second.",
        )
    step = round(step_s * rate_hz)
    n = len(samples) // step
    levels = []
    for band in (WIND_HZ, GROUND_HZ):
        sos = signal.butter(3, band, "bandpass", fs=rate_hz, output="sos")
        x = signal.sosfilt(sos, np.asarray(samples[: n * step], dtype=float))
        levels.append((x.reshape(n, step) ** 2).mean(axis=1))
    return 10.0 * np.log10(levels[0] / levels[1])
