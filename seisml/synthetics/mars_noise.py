"""What InSight's seismometer records when no marsquake is there, as NumPy arrays.

Every function is one piece of the record: the background shaped by local time and wind, the
resonances of ground and lander, the tick. Velocities are m/s.
"""

import dataclasses
import math

import numpy as np

from seisml.planets import BODIES, local_hours
from seisml.synthetics.noise import Draw, generator, ornstein_uhlenbeck, shaped_noise

SOL_NS, SOL_ZERO_NS = BODIES["mars"].day_ns, BODIES["mars"].day_zero_ns
AZIMUTH_DEG = (135.1, 15.0, 255.0)  # of U, V, W
DIP_DEG = (-29.4, -29.2, -29.7)
SENSITIVITY = (8.62622e10, 9.04503e10, 8.65494e10)  # counts/(m/s) of U, V, W
BLOCK = 1024  # samples of a block of background noise; blocks overlap by half

# Velocity PSD of a quiet evening without the 2.4 Hz resonance, dB re (m/s)²/Hz, median of
# periodograms (computed from sol 235, 19 h LMST); beyond 0.05-8.6 Hz the instrument's response.
EVENING_HZ = (0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9, 1.5, 2.4, 3.0)
EVENING_HZ += (4.05, 5.2, 6.4, 7.7, 8.6, 9, 10)
EVENING_DB = (-180, -174, -176, -186, -193, -198, -204, -209, -208, -207, -204.5)
EVENING_DB += (-203.5, -202, -201, -200, -212, -225, -250)
LEVEL_HZ = (0.03, 0.1, 0.3, 1.0, 3.0, 8.0)
MEDIAN_TO_MEAN_DB = 1.6  # of a periodogram
WIND_HZ = (0.1, 0.3, 1.0, 2.0)
WIND_DB = (8.0, 12.0, 18.0, 22.0)  # windy day minus quiet evening
# What the night is louder than the evening besides its wind, and the same of nine real hours.
NIGHT_HZ = (0.3, 0.5, 0.9, 1.5, 2.2)
NIGHT_DB = (0.0, 4.5, 5.5, 4.0, 0.0)
NIGHT_LMST = (0.0, 5.0, 8.0, 20.5, 22.5, 24.0)
NIGHT_SHARE = (1.0, 1.0, 0.0, 0.0, 1.0, 1.0)
TYPICAL_RISE = (
    (0.1, 0.3, 0.5, 0.9, 1.5, 3.0, 3.9, 4.2, 4.6, 8.0),
    (12.0, 11.0, 11.0, 21.0, 22.0, 20.0, 22.0, 22.0, 16.0, 17.0),
)
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


@dataclasses.dataclass(frozen=True)
class Climate:
    """How the noise of a record differs from that of a typical sol.

    Attributes
    ----------
    level_db : tuple of float
        Change of the quiet background at `LEVEL_HZ`, dB.
    wind, still : float
        Factor on `wind_share`, and wind that blows at any hour.
    gust, gust_s : float
        Factor on `gust_sd`, and correlation time of gusts, s.
    tick : float
        Factor on the 1 Hz tick.
    rise : (tuple of float, tuple of float)
        Frequencies (Hz) and what the strongest wind adds there (dB).
    night : float
        Factor on `NIGHT_DB`.
    mode_shift, mode_db : tuple of float
        Factor on the frequency and change of the height (dB) of the ground's resonance and of
        each of `LANDER_MODES`.
    """

    level_db: tuple[float, ...] = (0.0,) * len(LEVEL_HZ)
    wind: float = 1.0
    still: float = 0.0
    gust: float = 1.0
    gust_s: float = 200.0
    tick: float = 1.0
    rise: tuple[tuple[float, ...], tuple[float, ...]] = (WIND_HZ, WIND_DB)
    night: float = 0.0
    mode_shift: tuple[float, ...] = (1.0,) * (1 + len(LANDER_MODES))
    mode_db: tuple[float, ...] = (0.0,) * (1 + len(LANDER_MODES))


TYPICAL = Climate(wind=0.75, rise=TYPICAL_RISE, night=1.0)
"""Of a typical sol: the median of real hours by local time."""


def wind_share(lmst_h) -> np.ndarray:
    """Return the strength of the wind: 0 on a quiet evening, 1 in the early afternoon."""
    return np.interp(np.asarray(lmst_h) % 24.0, WIND_LMST, WIND_SHARE)


def usual_wind(lmst_h, climate: Climate = TYPICAL) -> np.ndarray:
    """Return the wind of a climate at a local time, without gusts."""
    return climate.still + climate.wind * wind_share(lmst_h)


def gust_sd(lmst_h) -> np.ndarray:
    """Return the standard deviation of the logarithm of the amplitude at 3-9 Hz: 0.15 to 0.8."""
    return 0.15 + 0.65 * np.clip(wind_share(lmst_h) / 0.8, 0.0, 1.0)


def wind_series(time_ns, step_s: float, rng, climate: Climate = TYPICAL) -> np.ndarray:
    """Draw the wind with its gusts.

    Parameters
    ----------
    time_ns : numpy.ndarray of int64, shape (n,)
        Instants `step_s` apart.
    step_s : float
    rng : numpy.random.Generator
    climate : Climate

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        In the measure of `wind_share`. A gust raises all that wind raises, high frequencies most:
        its size is such that ln(RMS) at 3-9 Hz has the standard deviation of `gust_sd`.
    """
    lmst_h = lmst_hours(time_ns)
    slow = ornstein_uhlenbeck(len(lmst_h), step_s, climate.gust_s, rng)
    gusts = climate.gust * gust_sd(lmst_h) * (20.0 / math.log(10.0)) / WIND_DB[-1] * slow
    wind = usual_wind(lmst_h, climate) + gusts
    return np.clip(wind, -0.1, 1.8)


def background_psd(frequency_hz, wind, climate: Climate = TYPICAL) -> np.ndarray:
    """Return the power spectral density of the background without resonances.

    Parameters
    ----------
    frequency_hz : array of shape (n_frequencies,)
    wind : float or array of shape (n,)
        See `wind_share`.
    climate : Climate

    Returns
    -------
    numpy.ndarray, shape (n_frequencies,) or (n, n_frequencies)
        (m/s)²/Hz, zero at 0 Hz: L_evening(f) + wind · Δ(f) in dB, linear in log f.
    """
    f = np.asarray(frequency_hz, dtype=float)
    log_f = np.log(np.maximum(f, 1e-3))
    level = np.interp(log_f, np.log(EVENING_HZ), EVENING_DB) + MEDIAN_TO_MEAN_DB
    level = level + np.interp(log_f, np.log(LEVEL_HZ), climate.level_db)
    rise = np.interp(log_f, np.log(climate.rise[0]), climate.rise[1])
    return 10.0 ** ((level + np.asarray(wind)[..., None] * rise) / 10.0) * (f > 0.0)


def mode_gain(frequency_hz, lmst_h, wind=None, climate: Climate = TYPICAL) -> np.ndarray:
    """Return by which factor resonances raise the power of the background.

    The 2.4 Hz resonance of the ground is always there; those of the lander grow with the wind
    and move down by 4 % from the cold night to the warm afternoon.

    Parameters
    ----------
    frequency_hz : array of shape (n_frequencies,)
    lmst_h : float or array of shape (n,)
    wind : float or array of shape (n,), optional
        That of the local time where it is not given.
    climate : Climate

    Returns
    -------
    numpy.ndarray, shape (n_frequencies,) or (n, n_frequencies)
        1 far from resonances.
    """
    f = np.asarray(frequency_hz, dtype=float)
    wind = np.asarray(usual_wind(lmst_h, climate) if wind is None else wind)[..., None]
    warmth = 0.5 + 0.5 * np.cos((np.asarray(lmst_h)[..., None] - 15.0) * np.pi / 12.0)
    gain = np.ones(f.shape)
    modes = (GROUND_MODE, *LANDER_MODES)
    for n, (centre, width, *heights) in enumerate(modes):
        drift = 0.04 * warmth if n else 0.0
        centre_hz = centre * climate.mode_shift[n] * (1.0 - drift)
        heights_db = [max(0.0, height + climate.mode_db[n]) for height in heights]
        gain = gain + _lorentzian(f, centre_hz, width, *heights_db, wind)
    return gain


def _lorentzian(f, centre_hz, width_hz, still_db, windy_db, wind):
    height = 10.0 ** ((still_db + (windy_db - still_db) * np.clip(wind, 0.0, 1.3)) / 10.0) - 1.0
    return np.maximum(height, 0.0) / (1.0 + ((f - centre_hz) / (0.5 * width_hz)) ** 2)


def noise_psd(frequency_hz, lmst_h, wind=None, climate: Climate = TYPICAL) -> np.ndarray:
    """Return the power spectral density of background and resonances in (m/s)²/Hz.

    Parameters
    ----------
    frequency_hz : array of shape (n_frequencies,)
    lmst_h : float or array of shape (n,)
    wind : float or array of shape (n,), optional
        That of the local time where it is not given.
    climate : Climate

    Returns
    -------
    numpy.ndarray, shape (n_frequencies,) or (n, n_frequencies)
    """
    wind = usual_wind(lmst_h, climate) if wind is None else wind
    gain = mode_gain(frequency_hz, lmst_h, wind, climate)
    psd = background_psd(frequency_hz, wind, climate) * gain
    if not climate.night:
        return psd
    share = np.interp(np.asarray(lmst_h) % 24.0, NIGHT_LMST, NIGHT_SHARE)[..., None]
    log_f = np.log(np.maximum(np.asarray(frequency_hz, dtype=float), 1e-3))
    louder = np.interp(log_f, np.log(NIGHT_HZ), NIGHT_DB)
    return psd * 10.0 ** (climate.night * share * louder / 10.0)


def band_rms(low_hz: float, high_hz: float, lmst_h: float) -> float:
    """Return the typical RMS of the noise in a band at a local time, in m/s."""
    f = np.linspace(low_hz, high_hz, 200)
    return math.sqrt(float(np.trapezoid(noise_psd(f, lmst_h), f)))


def background(
    seed: int, first: int, stop: int, rate_hz: int, wind=None, climate: Climate = TYPICAL
) -> np.ndarray:
    """Draw background and resonances on Z, N, E; any range, always the same series.

    Blocks of shaped noise, each from a generator of its own and with the spectrum of its local
    time and wind, overlap by half under a sine window, so that the variance is constant.

    Parameters
    ----------
    seed : int
    first, stop : int
        Sample numbers since 1970, ``first <= i < stop``.
    rate_hz : int
        Sampling rate.
    wind : callable, optional
        Gives the wind at instants (ns); that of the local time where there is none.
    climate : Climate

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
        lmst_h = lmst_hours(middle_ns)
        spectra = noise_psd(frequency_hz, lmst_h, wind and wind(middle_ns), climate)
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
