"""Random series: seeded generators, slow gains, shaped Gaussian noise."""

import enum
import functools

import numpy as np
from scipy import fft, signal


class Draw(enum.IntEnum):
    """What a random number is drawn for: the first word of a generator's key."""

    SITE = 1
    MICROSEISM = 2
    GAIN = 3
    STATION = 4
    EVENTS = 5
    EVENT_WAVE = 6
    BURSTS = 7
    BURST_WAVE = 8
    EXPERT = 9
    BACKGROUND = 10
    TICK = 11
    RECORD = 12
    CRACKS = 13
    NESTS = 14


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the random generator that belongs to a key.

    Parameters
    ----------
    seed : int
        Seed of the archive, not negative.
    *key : int
        What is drawn and for which station, channel, hour, ...; not negative. Generators of
        different keys are independent, whatever the order or process they are used in.

    Returns
    -------
    numpy.random.Generator
        On SFC64, the fastest of NumPy's bit generators for normal numbers.

    Examples
    --------
    >>> a, b = generator(1, Draw.GAIN, 0), generator(1, Draw.GAIN, 0)
    >>> bool(a.random() == b.random())
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(int(k) for k in key))
    return np.random.Generator(np.random.SFC64(sequence))


def ornstein_uhlenbeck(n: int, step_s: float, tau_s: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a stationary Gaussian series of unit variance and exponential correlation.

    Parameters
    ----------
    n : int
        Number of values.
    step_s : float
        Time between values, s.
    tau_s : float
        Correlation time, s: the correlation over a lag t is exp(−t/τ).
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
    """
    rho = np.exp(-step_s / tau_s)
    kicks = rng.standard_normal(n) * np.sqrt(1.0 - rho**2)
    kicks[:1] /= np.sqrt(1.0 - rho**2)
    return signal.lfilter([1.0], [1.0, -rho], kicks)


def shaped_noise(psd: np.ndarray, n: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Draw Gaussian noise with a given spectrum.

    Parameters
    ----------
    psd : numpy.ndarray, shape (..., n // 2 + 1)
        One-sided power spectral density at ``numpy.fft.rfftfreq(n, 1 / rate_hz)``, unit²/Hz.
    n : int
        Number of samples, even.
    rate_hz : float
        Sampling rate.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float64, shape (..., n)
        Periodic in n: X(f) = √(P f_s n / 2) (a + ib)/√2 with standard normal a and b.
    """
    shape = (*psd.shape, 2)
    spectrum = rng.standard_normal(shape).view(np.complex128)[..., 0]
    spectrum *= np.sqrt(psd * (rate_hz * n / 4.0))
    spectrum[..., 0] = 0.0
    return fft.irfft(spectrum, n)


def band_noise(low_hz: float, high_hz: float, n: int, rate_hz: float, rng, shape=()) -> np.ndarray:
    """Draw causal band-passed Gaussian noise of unit RMS.

    Parameters
    ----------
    low_hz, high_hz : float
        Corners of a Butterworth band-pass of second order; limited to 0.8 of Nyquist.
    n : int
        Number of samples.
    rate_hz : float
    rng : numpy.random.Generator
    shape : tuple of int
        Leading axes of the result.

    Returns
    -------
    numpy.ndarray of float64, shape (*shape, n)
    """
    sos = unit_band(low_hz, high_hz, rate_hz)
    warm = int(4 * rate_hz / low_hz)
    wave = signal.sosfilt(sos, rng.standard_normal((*shape, n + warm)))
    return wave[..., warm:]


def unit_band(low_hz: float, high_hz: float, rate_hz: float) -> np.ndarray:
    """Return the band-pass that gives white noise of unit variance unit RMS.

    Parameters
    ----------
    low_hz, high_hz : float
        Corners of a Butterworth band-pass of second order; limited to 0.8 of Nyquist.
    rate_hz : float
        Sampling rate.

    Returns
    -------
    numpy.ndarray, shape (2, 6)
        Second-order sections.
    """
    return _unit_band(low_hz, high_hz, rate_hz).copy()


@functools.cache
def _unit_band(low_hz: float, high_hz: float, rate_hz: float) -> np.ndarray:
    high_hz = min(high_hz, 0.4 * rate_hz)
    low_hz = min(low_hz, 0.7 * high_hz)
    sos = signal.butter(2, [low_hz, high_hz], "bandpass", fs=rate_hz, output="sos")
    impulse = np.zeros(int(100 * rate_hz / low_hz))
    impulse[0] = 1.0
    sos[0, :3] /= np.sqrt(np.sum(signal.sosfilt(sos, impulse) ** 2))
    return sos


def ramp_up(knots: np.ndarray, per_knot: int) -> np.ndarray:
    """Interpolate linearly between knots.

    Parameters
    ----------
    knots : numpy.ndarray, shape (n + 1,)
    per_knot : int
        Samples in an interval.

    Returns
    -------
    numpy.ndarray of float32, shape (n * per_knot,)
        From the first knot on; the last knot itself would be the next sample.

    Examples
    --------
    >>> ramp_up(np.array([0.0, 1.0, 3.0]), 2).tolist()
    [0.0, 0.5, 1.0, 2.0]
    """
    left = knots[:-1, None].astype(np.float32)
    rise = np.diff(knots)[:, None].astype(np.float32)
    out = rise * (np.arange(per_knot, dtype=np.float32) / np.float32(per_knot))
    out += left
    return out.reshape(-1)
