"""Ground motion of varied scenes as NumPy arrays: noise of any colour, events, transients.

A scene is the record of one station for some minutes. What is drawn is wide rather than true to one
place, so that a detector that was trained on many scenes finds events at stations it never saw.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy import signal

from seisml.synthetics.earth_waves import source_filter
from seisml.synthetics.noise import ornstein_uhlenbeck, shaped_noise

TILT_DB_OCTAVE = (-13.0, 7.0)
"""Slopes of noise spectra: the sea's noise falls steeply where a pump's or a river's rises."""
REFERENCE_HZ = (2.0, 20.0)
"""Band in which signal-to-noise ratios of scenes are stated."""


@dataclasses.dataclass(frozen=True)
class SceneEvent:
    """One earthquake as a scene's station sees it.

    Attributes
    ----------
    p_s, sp_s : float
        Onset of P after the start of the scene, and time from P to S.
    snr_db : float
        RMS in the 2 s after P (0.8 of S-P where that is shorter) on the vertical over that of the
        noise around, both in `REFERENCE_HZ` (below 0.8 of Nyquist).
    s_ratio : float
        RMS of S on a horizontal over that of P on the vertical.
    corner_hz, attenuation_hz : float
        Of the source and of the path, for P.
    rise_s : float
        In which P grows to its full strength: 0 for an impulsive onset.
    coda_s : float
        Decay time of the amplitude after S.
    shallow : bool
        A surface wave follows S.
    """

    p_s: float
    sp_s: float
    snr_db: float
    s_ratio: float
    corner_hz: float
    attenuation_hz: float
    rise_s: float
    coda_s: float
    shallow: bool


def random_psd(frequencies_hz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random smooth spectrum: a tilt, wander from octave to octave, sometimes a peak."""
    octaves = np.log2(np.maximum(frequencies_hz, 0.02) / 0.02)
    knots = np.arange(0.0, 16.0, 1.5)
    tilt_db = rng.uniform(*TILT_DB_OCTAVE)
    level_db = tilt_db * knots + 6.0 * rng.standard_normal(len(knots))
    psd = 10.0 ** (np.interp(octaves, knots, level_db) / 10.0)
    for _ in range(rng.integers(0, 3)):
        centre_hz, width = log_uniform(rng, 0.5, 40.0), log_uniform(rng, 0.005, 0.3)
        bump = np.exp(-0.5 * (np.log(np.maximum(frequencies_hz, 0.02) / centre_hz) / width) ** 2)
        psd = psd * (1.0 + 10.0 ** rng.uniform(0.0, 2.0) * bump)
    psd[frequencies_hz < rng.choice([0.01, 0.05, 0.2])] *= 1e-4  # what the sensor does not feel
    return psd


def scene_noise(
    n: int, rate_hz: float, rng: np.random.Generator, *, psd: Callable = random_psd
) -> np.ndarray:
    """Draw noise of three components: random colour, swelling, lines, of unit RMS on the vertical.

    Parameters
    ----------
    n : int
        Number of samples.
    rate_hz : float
    rng : numpy.random.Generator
    psd : callable
        ``psd(frequencies_hz, rng)`` draws a spectrum.

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
    """
    long = n + n % 2
    frequencies_hz = np.fft.rfftfreq(long, 1.0 / rate_hz)
    noise = np.zeros((3, n))
    for part in range(2):  # two fields that swell independently
        power = psd(frequencies_hz, rng)
        field = shaped_noise(np.broadcast_to(power, (3, len(power))), long, rate_hz, rng)[:, :n]
        if part == 0:
            field = field + rng.uniform(0.0, 1.0) * field[rng.permutation(3)]
        level = 1.0 if part == 0 else rng.choice([0.2, 0.6, 1.5])
        noise += level * field / _rms(field[0]) * _swell(n, rate_hz, rng)
    if rng.random() < 0.3:
        noise += _rms(noise[0]) * _lines(n, rate_hz, rng)
    return noise / _rms(noise[0])


def _swell(n: int, rate_hz: float, rng) -> np.ndarray:
    """Return a gain that wanders over tenths of a second to minutes."""
    gain = np.zeros(n)
    t = np.arange(n) / rate_hz
    for tau_s, largest in ((0.3, 0.3), (3.0, 0.4), (30.0, 0.5), (300.0, 0.6)):
        if rng.random() < 0.5:
            step_s = tau_s / 5.0
            knots = ornstein_uhlenbeck(int(t[-1] / step_s) + 2, step_s, tau_s, rng)
            gain += rng.uniform(0.0, largest) * np.interp(t, np.arange(len(knots)) * step_s, knots)
    return np.exp(gain)


def _lines(n: int, rate_hz: float, rng) -> np.ndarray:
    """Return machines: one to three steady lines that breathe."""
    t = np.arange(n) / rate_hz
    out = np.zeros((3, n))
    for _ in range(rng.integers(1, 4)):
        f_hz = log_uniform(rng, 0.8, 0.4 * rate_hz)
        phase = 2.0 * np.pi * f_hz * t + rng.uniform(0.0, 6.28)
        breath = 1.0 + 0.3 * np.sin(2.0 * np.pi * t / rng.uniform(5.0, 100.0))
        out += rng.uniform(0.1, 0.8) * breath * np.sin(phase) * rng.uniform(0.3, 1.0, (3, 1))
    return out


def scene_event(event: SceneEvent, n: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Compute the ground motion of an event over the scene, RMS of P in `REFERENCE_HZ` = 1.

    P is followed by a coda that grows by scattering, S and its coda likewise; a converted phase and
    a surface wave may follow. All components have their own scattered waves.

    Parameters
    ----------
    event : SceneEvent
    n : int
        Samples of the scene.
    rate_hz : float
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
        Z, N, E; exactly zero before P.
    """
    first = math.ceil(event.p_s * rate_hz)
    length_s = event.sp_s + 6.0 * event.coda_s + 5.0
    n_wave = max(8, min(n - first, int(length_s * rate_hz)))
    t = (first + np.arange(n_wave)) / rate_hz - event.p_s
    p_share, s_share = rng.uniform(0.15, 0.6), rng.uniform(0.5, 1.2)
    p_shape = source_filter(event.corner_hz, event.attenuation_hz, rate_hz)
    s_shape = source_filter(event.corner_hz / 1.5, event.attenuation_hz / 1.6, rate_hz)
    horizontal = rng.uniform(0.2, 0.9)
    azimuth = rng.uniform(0.0, 2.0 * np.pi)
    motion = np.array([1.0, horizontal * np.cos(azimuth), horizontal * np.sin(azimuth)])
    p_coda_s = max(0.3, 0.7 * event.coda_s)
    p = _phase(t, motion, p_share, p_coda_s, event.rise_s, p_shape, rate_hz, rng)
    if rng.random() < 0.3:
        after_s = rng.uniform(0.1, 0.8) * event.sp_s
        later = _phase(
            t - after_s,
            motion,
            p_share,
            p_coda_s,
            0.0,
            p_shape,
            rate_hz,
            rng,
        )
        p += rng.uniform(0.2, 1.0) * later
    across = np.array([rng.uniform(0.15, 0.7), -np.sin(azimuth), np.cos(azimuth)])
    s = _phase(
        t - event.sp_s, across, s_share, event.coda_s, 1.5 * event.rise_s, s_shape, rate_hz, rng
    )
    band = _reference_band(rate_hz)
    window_s = max(0.2, min(2.0, 0.8 * event.sp_s))
    p_rms = _rms(signal.sosfilt(band, p[0])[(t >= 0) & (t < window_s)])
    after = (t >= event.sp_s) & (t < event.sp_s + 2.0)
    wave = p / p_rms
    if after.any():
        wave += s * (event.s_ratio / _rms(signal.sosfilt(band, s[1:])[:, after]))
        if event.shallow:
            wave += event.s_ratio * rng.uniform(0.5, 2.0) * _surface_wave(t - event.sp_s, rng)
    fade = np.clip((t[-1] - t) / 2.0, 0.0, 1.0) if first + n_wave < n else 1.0
    out = np.zeros((3, n))
    out[:, first : first + n_wave] = (wave * fade)[:, : n - first]
    return out


def _phase(t, motion, coda_share, coda_s, rise_s, shape, rate_hz, rng) -> np.ndarray:
    """Return direct wave and coda of a phase that begins at t = 0, shape (3, n)."""
    n = len(t)
    on = t >= 0.0
    after = np.where(on, t, 0.0)
    grow = 1.0 - np.exp(-after / rise_s) if rise_s > 0 else 1.0
    lasts_s = rng.uniform(0.1, 0.6)
    direct = np.where(on, np.exp(-after / lasts_s), 0.0) * rng.standard_normal(n) * grow
    if on.any() and rise_s < 0.05:
        direct[int(np.argmax(on))] += rng.uniform(0.0, 4.0) * rng.choice([-1.0, 1.0])
    delay_s = rng.uniform(0.1, 0.6)
    level = np.where(on, (1.0 - np.exp(-after / delay_s)) * np.exp(-after / coda_s), 0.0)
    level = level / (1.0 + after / coda_s) ** rng.uniform(0.0, 1.0)
    coda = coda_share * level * grow * rng.standard_normal((3, n)) * rng.uniform(0.6, 1.4, (3, 1))
    return signal.sosfilt(shape, motion[:, np.newaxis] * direct + coda)


def _surface_wave(t: np.ndarray, rng) -> np.ndarray:
    """Return a dispersed wave train of unit amplitude that follows S, shape (3, n)."""
    after = np.maximum(t - rng.uniform(0.2, 3.0), 0.0)
    f_hz, length_s = rng.uniform(0.6, 2.5), rng.uniform(1.0, 5.0)
    phase = 2.0 * np.pi * (f_hz * after + 0.02 * after**2)
    level = (after / length_s) ** 2 * np.exp(2.0 - 2.0 * after / length_s)
    shift = rng.uniform(0.0, 6.28, (3, 1))
    return level * np.sin(phase + shift) * rng.uniform(0.4, 1.0, (3, 1))


TRANSIENTS = ("spike", "step", "knock", "footsteps", "traffic", "gust", "hum", "burst", "pulse")


def scene_transient(kind: str, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a transient that is no event, of unit peak, shape (3, n).

    Parameters
    ----------
    kind : str
        One of `TRANSIENTS`: a bad sample, an offset that decays, one short ringing blow, a train of
        them, a vehicle, wind, a machine that runs for a while, noise in one narrow band that
        starts and stops at once, a slow one-sided pulse (tilt).
    rate_hz : float
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
    """
    lasts_s = {"spike": 0.1, "step": 60.0, "knock": 2.0, "pulse": 40.0}.get(kind)
    lasts_s = lasts_s or log_uniform(rng, 3.0, 60.0)
    n = max(4, int(lasts_s * rate_hz))
    t = np.arange(n) / rate_hz
    size = rng.uniform(0.2, 1.0, (3, 1))
    high_hz = 0.4 * rate_hz
    if kind == "spike":
        wave = np.zeros((3, n))
        wave[rng.integers(3), : rng.integers(1, 4)] = rng.choice([-1.0, 1.0])
    elif kind == "step":
        wave = size * np.exp(-t / log_uniform(rng, 0.5, 15.0))
    elif kind == "pulse":
        decay_s = log_uniform(rng, 0.3, 5.0)
        wave = size * (t / decay_s) * np.exp(1.0 - t / decay_s)
    elif kind == "knock":
        wave = size * _ring(t, rng, high_hz)
    elif kind == "footsteps":
        wave = np.zeros((3, n))
        every_s, near_s = rng.uniform(0.3, 1.5), rng.uniform(0.2, 0.8) * lasts_s
        ring = _ring(t, rng, high_hz)
        for at_s in np.arange(0.0, lasts_s - 0.3, every_s):
            at = int((at_s + rng.uniform(0.0, 0.05)) * rate_hz)
            near = 1.0 / (1.0 + ((at_s - near_s) / (0.25 * lasts_s)) ** 2)
            wave[:, at:] += near * rng.uniform(0.5, 1.0) * size * ring[: n - at]
    elif kind == "hum":
        edge = np.clip(np.minimum(t, t[-1] - t) / rng.uniform(0.05, 5.0), 0.0, 1.0)
        f_hz = log_uniform(rng, 0.8, high_hz)
        wave = (
            size
            * edge
            * sum(rng.uniform(0.0, 1.0) * np.sin(2.0 * np.pi * k * f_hz * t) for k in (1, 2, 3))
        )
    else:  # traffic, gust, burst: noise of a band under an envelope
        low_hz = log_uniform(rng, 0.5, 0.3 * high_hz)
        width = {"traffic": 4.0, "gust": 30.0, "burst": 1.5}[kind]
        top_hz = min(low_hz * width, 0.98 * high_hz)
        band = signal.butter(2, (low_hz, top_hz), "band", fs=rate_hz, output="sos")
        wave = size * signal.sosfilt(band, rng.standard_normal((3, n)))
        if kind == "burst":
            wave *= np.clip(np.minimum(t, t[-1] - t) / rng.uniform(0.5, 3.0), 0.0, 1.0)
        else:
            middle = rng.uniform(0.35, 0.65)
            wave *= np.exp(-0.5 * ((t / t[-1] - middle) / rng.uniform(0.1, 0.2)) ** 2)
            wave *= 1.0 - np.abs(2.0 * t / t[-1] - 1.0) ** 8
    return wave / max(np.abs(wave).max(), 1e-12)


def _ring(t: np.ndarray, rng, high_hz: float) -> np.ndarray:
    """Return one ringing blow."""
    f_hz, decay_s = log_uniform(rng, 3.0, high_hz), log_uniform(rng, 0.02, 0.25)
    return np.sin(2.0 * np.pi * f_hz * t + rng.uniform(0.0, 1.5)) * np.exp(-t / decay_s)


def prominence_db(wave: np.ndarray, rest: np.ndarray, event: SceneEvent, rate_hz: float) -> float:
    """Return how far P stands out of the rest of the record in the octave where it does most.

    RMS of P in the 2 s after it (0.8 of S-P where that is shorter) over the larger one of the
    record's RMS there and in the 4 s before.

    Parameters
    ----------
    wave, rest : numpy.ndarray, shape (n_samples,)
        The event, and everything else.
    event : SceneEvent
    rate_hz : float
    """
    at = int(event.p_s * rate_hz)
    n = max(4, int(min(2.0, max(0.3, 0.8 * event.sp_s)) * rate_hz))
    first = max(0, at - int(12.0 * rate_hz))
    wave, rest = wave[first : at + n], rest[first : at + n]
    before, best = max(0, at - first - int(4.0 * rate_hz)), -np.inf
    for low_hz in (1.0, 2.0, 4.0, 8.0, 16.0):
        if 2.0 * low_hz > 0.4 * rate_hz:
            break
        band = signal.butter(2, (low_hz, 2.0 * low_hz), "band", fs=rate_hz, output="sos")
        p, r = (signal.sosfilt(band, x) for x in (wave, rest))
        noise = max(_rms(r[before:-n]), _rms(r[-n:]))
        best = max(best, 20.0 * math.log10(_rms(p[-n:]) / noise))
    return best


def reference_rms(x: np.ndarray, rate_hz: float) -> float:
    """Return the RMS of a record in `REFERENCE_HZ`."""
    return _rms(signal.sosfilt(_reference_band(rate_hz), x))


def _reference_band(rate_hz: float) -> np.ndarray:
    low_hz, high_hz = REFERENCE_HZ
    high_hz = min(high_hz, 0.4 * rate_hz)
    return signal.butter(4, (low_hz, high_hz), "band", fs=rate_hz, output="sos")


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def _rms(x: np.ndarray) -> float:
    return max(float(np.sqrt(np.mean(x**2))), 1e-12) if x.size else 1e-12
