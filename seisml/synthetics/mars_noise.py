"""What InSight's seismometer records when no marsquake is there, as NumPy arrays.

Every function is one piece of the record: the background shaped by local time and wind, the
resonances of ground and lander, the tick, glitches, donks, dust devils. Velocities are m/s.
"""

import math

import numpy as np

from seisml.planets import BODIES, local_hours
from seisml.synthetics.noise import Draw, band_noise, generator, shaped_noise

SOL_NS, SOL_ZERO_NS = BODIES["mars"].day_ns, BODIES["mars"].day_zero_ns
AZIMUTH_DEG = (135.1, 15.0, 255.0)  # of U, V, W
DIP_DEG = (-29.4, -29.2, -29.7)
BLOCK = 2048  # samples of a block of background noise; blocks overlap by half

# Velocity PSD of a quiet evening without the 2.4 Hz resonance, dB re (m/s)²/Hz, median of
# periodograms (computed from sol 235, 19 h LMST); beyond 0.05-8.6 Hz the instrument's response.
EVENING_HZ = (
    0.01,
    0.03,
    0.05,
    0.1,
    0.2,
    0.3,
    0.5,
    0.9,
    1.5,
    2.4,
    3.0,
    4.05,
    5.2,
    6.4,
    7.7,
    8.6,
    9,
    10,
)
EVENING_DB = (-180, -174, -176, -186, -193, -198, -204, -209, -208, -207, -204.5)
EVENING_DB += (-203.5, -202, -201, -200, -212, -225, -250)
MEDIAN_TO_MEAN_DB = 1.6  # of a periodogram
WIND_HZ = (0.1, 0.3, 1.0, 2.0)
WIND_DB = (8.0, 12.0, 18.0, 22.0)  # windy day minus quiet evening
WIND_LMST = (0.0, 3.0, 5.0, 9.0, 11.0, 13.5, 16.0, 16.6, 17.5, 22.0, 23.0, 24.0)
WIND_SHARE = (0.2, 0.3, 0.35, 0.6, 0.85, 1.0, 0.8, 0.7, 0.0, 0.0, 0.1, 0.2)
# centre at night (Hz), full width (Hz), height over the background in still air and in wind (dB)
GROUND_MODE = (2.38, 0.29, 7.0, 3.0)
LANDER_MODES = (
    (1.58, 0.08, 0.0, 4.0),
    (3.30, 0.07, 2.0, 10.0),
    (4.07, 0.10, 1.0, 15.0),
    (5.40, 0.08, 0.0, 5.0),
    (6.45, 0.08, 0.0, 12.0),
    (7.30, 0.08, 0.0, 5.0),
)
TICK_M_S = (2.2e-10, 4e-11, 2.1e-11, 1e-11, 2e-12, 1.0e-11, 1.3e-11, 8e-12)
GLITCH_DECAY = 0.2434  # 1/s
GLITCH_TURN = 0.3052  # rad/s


def lmst_hours(time_ns) -> np.ndarray:
    """Return the local mean solar time of the InSight mission, 0 to 24 h.

    Parameters
    ----------
    time_ns : int or array of int64
        Instants since 1970 UTC.

    Examples
    --------
    >>> from seisml.times import to_ns
    >>> round(float(lmst_hours(to_ns("2019-05-23T02:22:59"))), 3)  # 02:58:36.8
    2.977
    """
    return local_hours(time_ns, "mars")


def forward_matrix() -> np.ndarray:
    """Return the matrix that turns (Z, N, E) into (U, V, W).

    Returns
    -------
    numpy.ndarray, shape (3, 3)
        The row of a channel is (−sin dip, cos dip cos azimuth, cos dip sin azimuth).

    Examples
    --------
    >>> forward_matrix()[0].round(4).tolist()
    [0.4909, -0.6171, 0.615]
    """
    azimuth, dip = np.radians(AZIMUTH_DEG), np.radians(DIP_DEG)
    rows = (-np.sin(dip), np.cos(dip) * np.cos(azimuth), np.cos(dip) * np.sin(azimuth))
    return np.stack(rows, axis=1)


def to_uvw(zne: np.ndarray) -> np.ndarray:
    """Return U, V, W of a motion given as Z, N, E, shape (3, n)."""
    # einsum and not BLAS, whose last digits may depend on the number of threads
    return np.einsum("ij,jn->in", forward_matrix(), zne)


def wind_share(lmst_h) -> np.ndarray:
    """Return the strength of the wind: 0 on a quiet evening, 1 in the early afternoon."""
    return np.interp(np.asarray(lmst_h) % 24.0, WIND_LMST, WIND_SHARE)


def gust_sd(lmst_h) -> np.ndarray:
    """Return the standard deviation of the logarithm of the amplitude: 0.15 to 0.8."""
    return 0.15 + 0.65 * np.clip(wind_share(lmst_h) / 0.8, 0.0, 1.0)


def background_psd(frequency_hz, wind) -> np.ndarray:
    """Return the power spectral density of the background without resonances.

    Parameters
    ----------
    frequency_hz : array of shape (n_frequencies,)
    wind : float or array of shape (n,)
        See `wind_share`.

    Returns
    -------
    numpy.ndarray, shape (n_frequencies,) or (n, n_frequencies)
        (m/s)²/Hz, zero at 0 Hz: L_evening(f) + wind · Δ(f) in dB, linear in log f.
    """
    f = np.asarray(frequency_hz, dtype=float)
    log_f = np.log(np.maximum(f, 1e-3))
    level = np.interp(log_f, np.log(EVENING_HZ), EVENING_DB) + MEDIAN_TO_MEAN_DB
    rise = np.interp(log_f, np.log(WIND_HZ), WIND_DB)
    return 10.0 ** ((level + np.asarray(wind)[..., None] * rise) / 10.0) * (f > 0.0)


def mode_gain(frequency_hz, lmst_h) -> np.ndarray:
    """Return by which factor resonances raise the power of the background.

    The 2.4 Hz resonance of the ground is always there; those of the lander grow with the wind
    and move down by 4 % from the cold night to the warm afternoon.

    Parameters
    ----------
    frequency_hz : array of shape (n_frequencies,)
    lmst_h : float or array of shape (n,)

    Returns
    -------
    numpy.ndarray, shape (n_frequencies,) or (n, n_frequencies)
        1 far from resonances.
    """
    f = np.asarray(frequency_hz, dtype=float)
    wind = wind_share(lmst_h)[..., None]
    warmth = 0.5 + 0.5 * np.cos((np.asarray(lmst_h)[..., None] - 15.0) * np.pi / 12.0)
    gain = 1.0 + _lorentzian(f, *GROUND_MODE, wind)
    for centre, *shape in LANDER_MODES:
        gain = gain + _lorentzian(f, centre * (1.0 - 0.04 * warmth), *shape, wind)
    return gain


def _lorentzian(f, centre_hz, width_hz, still_db, windy_db, wind):
    height = 10.0 ** ((still_db + (windy_db - still_db) * wind) / 10.0) - 1.0
    return height / (1.0 + ((f - centre_hz) / (0.5 * width_hz)) ** 2)


def noise_psd(frequency_hz, lmst_h) -> np.ndarray:
    """Return the power spectral density of background and resonances in (m/s)²/Hz.

    Parameters
    ----------
    frequency_hz : array of shape (n_frequencies,)
    lmst_h : float or array of shape (n,)

    Returns
    -------
    numpy.ndarray, shape (n_frequencies,) or (n, n_frequencies)
    """
    return background_psd(frequency_hz, wind_share(lmst_h)) * mode_gain(frequency_hz, lmst_h)


def band_rms(low_hz: float, high_hz: float, lmst_h: float) -> float:
    """Return the typical RMS of the noise in a band at a local time, in m/s."""
    f = np.linspace(low_hz, high_hz, 200)
    return math.sqrt(float(np.trapezoid(noise_psd(f, lmst_h), f)))


def background(seed: int, first: int, stop: int, rate_hz: int) -> np.ndarray:
    """Draw background and resonances on Z, N, E; any range, always the same series.

    Blocks of shaped noise, each from a generator of its own and with the spectrum of its local
    time, overlap by half under a sine window, so that the variance is constant.

    Parameters
    ----------
    seed : int
    first, stop : int
        Sample numbers since 1970, ``first <= i < stop``.
    rate_hz : int
        Sampling rate.

    Returns
    -------
    numpy.ndarray of float64, shape (3, stop - first)
        m/s.
    """
    hop = BLOCK // 2
    window = np.sin(np.pi * (np.arange(BLOCK) + 0.5) / BLOCK)
    frequency_hz = np.fft.rfftfreq(BLOCK, 1.0 / rate_hz)
    blocks = np.arange(first // hop - 1, (stop - 1) // hop + 1)
    out = np.zeros((3, (len(blocks) + 1) * hop))
    for part in np.array_split(blocks, -(-len(blocks) // 64)):
        middle_ns = (part * hop + hop) * (10**9 // rate_hz)
        spectra = noise_psd(frequency_hz, lmst_hours(middle_ns))
        for block, psd in zip(part, spectra, strict=True):
            at = (block - blocks[0]) * hop
            rng = generator(seed, Draw.BACKGROUND, block)
            wave = shaped_noise(np.broadcast_to(psd, (3, len(psd))), BLOCK, rate_hz, rng)
            out[:, at : at + BLOCK] += wave * window
    begin = first - blocks[0] * hop
    return out[:, begin : begin + stop - first]


def tick(seed: int, day: int, n: int, rate_hz: int) -> np.ndarray:
    """Compute a day of the 1 Hz tick with its harmonics.

    Parameters
    ----------
    seed : int
    day : int
        Days since 1970.
    n : int
        Number of samples from the beginning of the day.
    rate_hz : int
        Sampling rate.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        m/s. The phase is that of the day and slides to that of the next day, so that it is
        constant to a few degrees over an hour and has no step at midnight.
    """
    phases = generator(seed, Draw.TICK).uniform(0.0, 2.0 * np.pi, len(TICK_M_S))
    today, tomorrow = (generator(seed, Draw.TICK, 1 + d).random() for d in (day, day + 1))
    slide = (tomorrow - today + 0.5) % 1.0 - 0.5
    seconds = np.arange(-(-n // rate_hz))
    order = np.arange(1, len(TICK_M_S) + 1)
    turn = np.outer(today + slide * seconds / 86_400.0, order) * 2.0 * np.pi + phases
    within = np.outer(order, np.arange(rate_hz) / rate_hz) * 2.0 * np.pi
    wave = np.einsum("sk,ki->si", TICK_M_S * np.cos(turn), np.cos(within))
    wave -= np.einsum("sk,ki->si", TICK_M_S * np.sin(turn), np.sin(within))
    return wave.reshape(-1)[:n]


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


def glitch_wave(t_s, peak_m_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return a glitch of random direction on U, V, W; a third begin with a spike.

    Parameters
    ----------
    t_s : numpy.ndarray, shape (n,)
        Time since the step, s.
    peak_m_s : float
        Peak velocity on the strongest channel.
    rng : numpy.random.Generator

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
    if rng.random() < 1.0 / 3.0:
        onset = int(np.argmax(t_s >= 0.0))
        spike = 10.0 ** rng.uniform(-9.0, -8.0) * rng.choice([-1.0, 1.0])
        pulse[onset : onset + 2] += np.array([1.0, -0.4])[: len(pulse) - onset] * spike
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
