"""Transients of InSight that are no marsquakes: glitches, donks, dust devils, thermal cracks."""

import numpy as np

from seisml.glitches import SPIKE_S, glitch, precursor
from seisml.synthetics.mars_noise import to_uvw
from seisml.synthetics.noise import band_noise

SPIKED = 1.0 / 3.0
"""Share of glitches that begin with a spike."""


def glitch_wave(
    t_s,
    peak_m_s: float,
    rng: np.random.Generator,
    *,
    rate_hz: float = 20.0,
    spiked: float = SPIKED,
    removed: bool = False,
) -> np.ndarray:
    """Return a glitch of random direction on U, V, W; a third begin with a spike.

    Parameters
    ----------
    t_s : numpy.ndarray, shape (n,)
        Time since the step, s.
    peak_m_s : float
        Peak velocity on the strongest channel.
    rng : numpy.random.Generator
    rate_hz : float
        For the shape of the spike, see `seisml.glitches.precursor`.
    spiked : float
        Share of glitches with a spike.
    removed : bool
        Somebody took the glitch off: what a template leaves that is some per cent too large or
        small and up to a few tenths of a second away, and all of the spike. One in four was not
        seen and is there as it was.

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
        In m/s; 37 % are on one channel only.
    """
    direction = rng.standard_normal(3)
    if rng.random() < 0.37:
        direction[rng.permutation(3)[:2]] = 0.0
    direction /= np.abs(direction).max()
    pulse = glitch(t_s, peak_m_s / 1.25)
    if rng.random() < spiked:
        spike_m_s = 10.0 ** rng.uniform(-9.0, -8.0) * rng.choice([-1.0, 1.0])
        pulse += precursor(t_s, spike_m_s / precursor(0.0, 1.0, rate_hz), rate_hz)
    if removed and rng.random() < 0.75:
        late_s, size = 0.1 * rng.standard_normal(), 1.0 + 0.05 * rng.standard_normal()
        pulse -= size * glitch(t_s - late_s, peak_m_s / 1.25)
    return direction[:, None] * pulse


def donk_wave(n: int, rate_hz: int, peak_m_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return a short burst of 5-9 Hz on Z, N, E, shape (3, n), in m/s."""
    t = np.arange(n) / rate_hz
    level = np.exp(-3.0 * t / t[-1]) * np.minimum(t / 0.1, 1.0)
    wave = band_noise(5.0, 9.0, n, rate_hz, rng, (3,)) * level
    return wave * (peak_m_s / np.abs(wave).max())


def dust_devil_wave(n: int, rate_hz: int, tilt_m_s: float, rng) -> np.ndarray:
    """Return a passing dust devil on Z, N, E, shape (3, n), in m/s.

    The ground tilts by the pressure drop (a Lorentzian in time), seen as a two-sided pulse on the
    horizontal components, and the lander shakes at 3-9 Hz in the wind around the vortex.
    """
    t = (np.arange(n) - 0.5 * n) / rate_hz
    width_s = n / rate_hz / 6.0
    x = 2.0 * t / width_s
    tilt = -3.0 * x / (1.0 + x**2) ** 2  # derivative of the pressure, peak about 1
    angle = rng.uniform(0.0, 2.0 * np.pi)
    direction = np.array([0.1, np.cos(angle), np.sin(angle)])
    shake = band_noise(3.0, 9.0, n, rate_hz, rng, (3,)) / (1.0 + x**2)
    fade = np.minimum(1.0, 5.0 * (1.0 - np.abs(2.0 * t * rate_hz / n)))
    return (tilt_m_s * direction[:, None] * tilt + rng.uniform(2e-9, 8e-9) * shake) * fade


def transient_wave(
    kind: str,
    n: int,
    offset_s: float,
    rate_hz: int,
    peak_m_s: float,
    rng: np.random.Generator,
    *,
    spiked: float = SPIKED,
    removed: bool = False,
) -> np.ndarray:
    """Return a transient of any kind on U, V, W.

    Parameters
    ----------
    kind : str
        glitch, donk or dust_devil.
    n : int
        Number of samples.
    offset_s : float
        Time from the transient's start to the first sample, s.
    rate_hz : int
    peak_m_s : float
    rng : numpy.random.Generator
    spiked, removed
        Of glitches, see `glitch_wave`.

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
        m/s. A glitch's spike rings before its step, which is a quarter of a second after the
        start.
    """
    if kind == "glitch":
        t_s = offset_s - SPIKE_S + np.arange(n) / rate_hz
        return glitch_wave(t_s, peak_m_s, rng, rate_hz=rate_hz, spiked=spiked, removed=removed)
    make = donk_wave if kind == "donk" else dust_devil_wave
    return to_uvw(make(n, rate_hz, peak_m_s, rng))
