"""Glitches of InSight: their closed form, that of their precursor, and where a record has some.

A glitch is a step of acceleration behind the response of the seismometer, a one-sided pulse of
half a minute. Many begin with a spike, the precursor: a step of displacement, as when a foot of
the sensor slips. `seisml.glitchfits` fits them to records.
"""

import dataclasses
import functools

import numpy as np
from scipy import signal

GLITCH_DECAY = 0.2434  # 1/s
GLITCH_TURN = 0.3052  # rad/s
GLITCH_S = 25.0
FIT_HZ = 2.0
"""Rate at which glitches are looked for: they have nothing above it but a spike."""
LEAST_SAMPLES = 10
"""Fewer samples do not show the shape of a glitch: below 0.4 Hz none is looked for."""
TINY = np.finfo(float).tiny
UNIT_PEAK = 1.0 / 1.2505  # step of acceleration whose glitch has a peak of 1
# Of the VBB's velocity response, the mean of U, V and W, rad/s; two real zeros at 0 and the rest.
POLES = (-0.2459 + 0.3063j, -0.2459 - 0.3063j, -47.57 + 70.09j, -47.57 - 70.09j, -11.94)
ZEROS = (0.0, 0.0, -10.13, -111.0)
PASS, STOP = 0.34, 0.465
"""Edges of the decimation's filter as shares of the sampling rate: at 20 Hz half of
the amplitude is left at 8 Hz, nothing at 9.3 Hz."""
SPIKE_S = 0.25
"""Length of a precursor to both sides of its onset; farther out it rings below 3 % of its peak."""


def glitch(t_s, step_m_s2: float) -> np.ndarray:
    """Return the velocity that a step of acceleration leaves behind the VBB's response.

    Parameters
    ----------
    t_s : array
        Time since the step, s.
    step_m_s2 : float
        Size a of the step.

    Returns
    -------
    numpy.ndarray
        g(t) = (a/w) exp(−s t) sin(w t) for t ≥ 0, with s = 0.2434 /s and w = 0.3052 rad/s: the
        peak of 1.25 s · a comes after 2.95 s [1]_.

    References
    ----------
    .. [1] Scholz, J.-R. et al. (2020). Detection, analysis, and removal of glitches from
       InSight's seismic data from Mars. Earth and Space Science 7, e2020EA001317.
       https://doi.org/10.1029/2020EA001317

    Examples
    --------
    >>> round(float(glitch(2.95, 1e-9)) * 1e9, 2)
    1.25
    """
    t = np.maximum(np.asarray(t_s, dtype=float), 0.0)
    return step_m_s2 / GLITCH_TURN * np.exp(-GLITCH_DECAY * t) * np.sin(GLITCH_TURN * t)


def precursor(t_s, step_m: float, rate_hz: float) -> np.ndarray:
    """Return the velocity that a step of displacement leaves behind the VBB and its decimation.

    Parameters
    ----------
    t_s : array
        Time since the step, s.
    step_m : float
        Size d of the step, m.
    rate_hz : float
        Sampling rate, whose decimation filter shapes the spike.

    Returns
    -------
    numpy.ndarray
        d · h(t), h the impulse response of the poles and zeros and of a low-pass filter of linear
        phase: at 20 Hz a peak of 19 /s · d, of which the largest sample has 14 to 19 as samples
        lie, and a trough of -29 % of it 0.09 s after the step.

    Examples
    --------
    >>> round(float(precursor(0.0, 1e-12, 20.0)) * 1e12)
    19
    """
    fine_s, wave = _impulse(float(rate_hz))
    return step_m * np.interp(np.asarray(t_s, dtype=float), fine_s, wave, left=0.0, right=0.0)


@functools.lru_cache(maxsize=8)
def _impulse(rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the impulse response of velocity in 1/s, fifty times a sample, about its onset."""
    n, fine_hz = 50 * 1024, 50.0 * rate_hz
    f = np.fft.rfftfreq(n, 1.0 / fine_hz)
    _, response = signal.freqs_zpk(ZEROS, POLES, 1.0, 2.0 * np.pi * f)
    flat = np.abs(signal.freqs_zpk(ZEROS, POLES, 1.0, [2.0 * np.pi * 0.1])[1][0])
    share = np.clip((f / rate_hz - PASS) / (STOP - PASS), 0.0, 1.0)
    low = np.cos(0.5 * np.pi * share) ** 2
    reach = round(SPIKE_S * 20.0 * 50)  # so many samples at any rate
    wave = np.fft.irfft(response / flat * low, n) * fine_hz
    wave = np.roll(wave, reach)[: 2 * reach + 1]
    t = np.arange(-reach, reach + 1) / fine_hz
    return t, wave * np.cos(0.5 * np.pi * t / (t[-1] + t[1] - t[0]))


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
    slow = slowed(samples, factor)
    step_hz = rate_hz / factor
    n = round(GLITCH_S * step_hz)
    if n < LEAST_SAMPLES or len(slow) < 2 * n:
        return Glitches(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    template = glitch(np.arange(n) / step_hz, UNIT_PEAK)
    centred = template - template.mean()
    power = (centred**2).sum()
    dot = signal.correlate(slow, centred, "valid")
    ones = np.ones(n)
    mean = signal.correlate(slow, ones, "valid") / n
    spread = signal.correlate(slow**2, ones, "valid") - n * mean**2
    correlation = dot / np.sqrt(power * np.maximum(spread, max(1e-12 * spread.max(), TINY)))
    peak = dot / power
    change = slow[n // 4 :] - slow[: -(n // 4)]
    noise = 1.4826 * np.median(np.abs(change)) / np.sqrt(2.0)
    good = np.where(np.abs(peak) >= least_ratio * noise, np.abs(correlation), 0.0)
    at, _ = signal.find_peaks(good, height=least_correlation, distance=n)
    return Glitches(at.astype(np.int64) * factor, peak[at], np.abs(correlation[at]))


def slowed(samples: np.ndarray, factor: int) -> np.ndarray:
    """Return every so many-th sample of a record behind a low-pass filter."""
    x = np.asarray(samples, dtype=np.float64)
    # From the first sample, and with a line beyond both ends: an offset is no step.
    return signal.resample_poly(x - x[:1], 1, factor, padtype="line") if len(x) else x
