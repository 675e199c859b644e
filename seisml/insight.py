"""What InSight's records hold besides ground motion: the 1 Hz tick, glitches, wind.

Every function takes samples and returns numbers or new samples; `seisml.preparation` applies them
to records of any length.
"""

import dataclasses

import numpy as np
from scipy import signal

from seisml.errors import ConfigError

GLITCH_DECAY = 0.2434  # 1/s
GLITCH_TURN = 0.3052  # rad/s
GLITCH_S = 25.0
FIT_HZ = 2.0
"""Rate at which glitches are looked for: they have nothing above it but a spike."""
LEAST_SAMPLES = 10
"""Fewer samples do not show the shape of a glitch: below 0.4 Hz none is looked for."""
TINY = np.finfo(float).tiny
WIND_HZ, GROUND_HZ = (3.7, 4.3), (2.2, 2.8)
UNIT_PEAK = 1.0 / 1.2505  # step of acceleration whose glitch has a peak of 1
BEFORE_S, AFTER_S = 5.0, 30.0  # of the onset: where the template is fitted
SHIFT_S = 1.5
"""How far a fitted onset may be from where the glitch was found."""


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


def mean_second(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return what repeats every second: the 1 Hz tick with its harmonics.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Gap-free, two seconds or more; minutes, to see the tick in the noise.
    rate_hz : float
        Whole number of samples a second, more than 2: there the tick is at Nyquist.

    Returns
    -------
    numpy.ndarray of float64, shape (rate_hz,)
        From the first sample on, mean zero.

    Raises
    ------
    ConfigError
        If a second is no whole number of samples, or there are not two of them.

    Notes
    -----
    The median of the seconds after a running mean of a second was taken off, so that events and
    glitches do not leak into it.

    Examples
    --------
    >>> x = np.tile([1.0, 0.0, -1.0, 0.0], 9) + 100.0
    >>> mean_second(x, 4.0)
    array([ 1.,  0., -1.,  0.])
    """
    per_s = whole_seconds(rate_hz)
    if per_s <= 2 or len(samples) < 2 * per_s:
        raise ConfigError(
            f"{len(samples)} samples at {rate_hz:g} Hz show nothing that repeats every second.",
            "The tick needs a whole number of samples a second, more than 2, and minutes of them.",
        )
    x = np.asarray(samples, dtype=np.float64)
    # Over a second, symmetric: zero at 1 Hz and all its harmonics.
    ends = [0.5, 0.5] if per_s % 2 == 0 else [1.0]
    smooth = np.convolve(x, np.convolve(np.full(per_s, 1.0 / per_s), ends), "valid")
    first = (len(x) - len(smooth)) // 2
    rest = x[first : first + len(smooth)] - smooth
    n = len(rest) // per_s
    mean = np.median(rest[: n * per_s].reshape(n, per_s), axis=0)
    return np.roll(mean - mean.mean(), first)


def whole_seconds(rate_hz: float) -> int:
    """Return the samples of a second, 0 where they are no whole number.

    Examples
    --------
    >>> whole_seconds(20.0), whole_seconds(6.625)
    (20, 0)
    """
    per_s = round(rate_hz)
    return per_s if abs(per_s - rate_hz) <= 1e-6 else 0


def _slow(samples: np.ndarray, factor: int) -> np.ndarray:
    x = np.asarray(samples, dtype=np.float64)
    # From the first sample, and with a line beyond both ends: an offset is no step.
    return signal.resample_poly(x - x[:1], 1, factor, padtype="line") if len(x) else x


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
    slow = _slow(samples, factor)
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


@dataclasses.dataclass(frozen=True)
class Fit:
    """The template of a glitch as it fits a record best.

    Attributes
    ----------
    onset : float
        In samples, not whole ones.
    peak : float
        With sign, in the unit of the samples.
    left : float
        Share of the power below 1 Hz that remains when the template is taken off, 0 to 1.
    """

    onset: float
    peak: float
    left: float


def fit_glitch(samples: np.ndarray, rate_hz: float, onset: float) -> Fit:
    """Fit onset and amplitude of a glitch, with a line under it, by least squares.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Used from 5 s before to 30 s after the onset.
    rate_hz : float
    onset : float
        Where it was found, in samples; the fit looks 1.5 s about it, in steps of 0.05 s.

    Returns
    -------
    Fit

    Examples
    --------
    >>> t = np.arange(1200) / 20.0
    >>> fit = fit_glitch(300.0 + t + glitch(t - 20.23, 800.0), 20.0, 400)
    >>> round(fit.onset / 20.0, 2), round(fit.peak), round(fit.left, 3)
    (20.23, 1000, 0.0)
    """
    first = max(0, round(onset - BEFORE_S * rate_hz))
    x = np.asarray(samples[first : round(onset + AFTER_S * rate_hz)], dtype=np.float64)
    t = np.arange(len(x)) / rate_hz
    shifts = np.arange(-SHIFT_S, SHIFT_S + 0.01, 0.05)
    onsets_s = (onset - first) / rate_hz + shifts
    without_line = _line_off(len(x))
    rest = without_line(x - x[0])
    templates = without_line(glitch(t - onsets_s[:, np.newaxis], UNIT_PEAK))
    power = np.maximum((templates**2).sum(axis=1), TINY)
    dot = templates @ rest
    gain = dot**2 / power
    k = int(np.argmax(gain))
    at_s = onsets_s[k]
    if 0 < k < len(gain) - 1:
        bend = gain[k - 1] - 2 * gain[k] + gain[k + 1]
        at_s += 0.05 * 0.5 * (gain[k - 1] - gain[k + 1]) / bend if bend < 0 else 0.0
    best = without_line(glitch(t - at_s, UNIT_PEAK))
    peak = float(best @ rest / max(best @ best, TINY))
    factor = max(1, round(rate_hz / FIT_HZ))
    before, after = (np.var(_slow(one, factor)) for one in (rest, rest - peak * best))
    left = float(after / before) if before > 0 else 1.0
    return Fit(float(first + at_s * rate_hz), peak, min(left, 1.0))


def _line_off(n: int):
    """Return what takes the straight line off the last axis of arrays of n samples."""
    basis, _ = np.linalg.qr(np.stack([np.ones(n), np.linspace(-1.0, 1.0, n)], axis=1))
    return lambda x: x - (x @ basis) @ basis.T


def glitch_samples(first: int, stop: int, rate_hz: float, fit: Fit) -> np.ndarray:
    """Return the template of a fitted glitch at some samples, 0 before its onset."""
    t_s = (np.arange(first, stop) - fit.onset) / rate_hz
    return glitch(t_s, fit.peak * UNIT_PEAK)
