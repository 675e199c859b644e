"""Marsquakes as NumPy arrays: spectra, envelopes and polarisation of each class.

=================== ====== ==================================================================
class               family energy and shape
=================== ====== ==================================================================
LOW_FREQUENCY       low    0.2-0.6 Hz; P on Z, S on the horizontals, through the mantle
BROADBAND           low    0.2-0.9 Hz, and an echo in the resonance of the ground at 2.4 Hz
WIDEBAND            low    0.2-4 Hz: of both families, rare
2.4_HZ              high   the resonance of the ground alone; Pg and Sg through the crust
HIGH_FREQUENCY      high   0.5-8 Hz, the resonance on top
VERY_HIGH_FREQUENCY high   up to the end of the band, and strongest on the horizontals
SUPER_HIGH_FREQUENCY super above 5 Hz, seconds long, after sunset: cracks in the cold ground
=================== ====== ==================================================================
"""

import dataclasses
import math

import numpy as np

from seisml.synthetics.noise import Draw, generator, shaped_noise

HIGH = ("2.4_HZ", "HIGH_FREQUENCY", "VERY_HIGH_FREQUENCY")
LOW = ("LOW_FREQUENCY", "BROADBAND", "WIDEBAND")
SUPER = "SUPER_HIGH_FREQUENCY"
SNR_BAND_HZ = {"high": (2.2, 2.8), "low": (0.2, 0.8), "super": (6.0, 8.5)}
# Of the source models: height of the resonance, corner (Hz), t* (s); corner (Hz), slope, echo.
HIGH_SOURCE = {HIGH[0]: (30.0, 5.0, 0.3), HIGH[1]: (3.0, 8.0, 0.03), HIGH[2]: (1.5, 14.0, 0.005)}
LOW_SOURCE = {LOW[0]: (0.6, 8, 0.0), LOW[1]: (0.9, 6, 0.02), LOW[2]: (3.0, 4, 0.02)}
RESPONSE_HZ = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 9.0, 10.0)
RESPONSE = (0.0, 0.024, 0.10, 0.23, 0.60, 1.0, 1.01, 1.04, 1.11, 1.20, 1.29, 0.93, 0.06, 0.0)
# Travel times of model KKS21B for a source at 20 km depth: degrees, P, S − P in s.
KKS21B_DEG = (5.0, 10.0, 20.0, 25.0, 29.0, 35.0, 45.0, 60.0, 75.0, 90.0)
KKS21B_P_S = (47.6, 85.5, 160.4, 197.4, 226.8, 270.3, 341.0, 438.2, 516.4, 575.1)
KKS21B_SP_S = (37.5, 66.6, 124.5, 153.6, 176.9, 211.9, 270.4, 359.8, 436.7, 490.0)
CRUST_KM_S = (4.0, 4.0 / math.sqrt(3.0))  # Pg and Sg of the high-frequency family
DEGREE_KM = 59.158


@dataclasses.dataclass(frozen=True)
class Marsquake:
    """One event at InSight.

    Attributes
    ----------
    key : tuple of int
        Seed, event number.
    label : str
        In the words of the Marsquake Service.
    start_ns, end_ns : int
        Of the signal, as an analyst marks it.
    first_ns, second_ns : int
        P and S, or Pg and Sg.
    origin_ns : int
    peak_m_s : float
        Largest RMS in the band of the family (see `SNR_BAND_HZ`): of the high family on Z, of
        the others on a horizontal component (of the low family, of the S wave).
    ratio : float
        Amplitude of the second phase over that of the first (low family: of P on Z).
    decay_s : float
        Of the amplitude after the second phase.
    distance_deg, back_azimuth_deg : float
    snr : float
        `peak_m_s` over the typical noise at that local time.
    corner, ground : float
        Factors on the corner frequency of the class and on the resonance of the ground.
    """

    key: tuple[int, int]
    label: str
    start_ns: int
    end_ns: int
    first_ns: int
    second_ns: int
    origin_ns: int
    peak_m_s: float
    ratio: float
    decay_s: float
    distance_deg: float
    back_azimuth_deg: float
    snr: float
    corner: float = 1.0
    ground: float = 1.0

    @property
    def family(self) -> str:
        """One of `SNR_BAND_HZ`: high, low or super."""
        return family_of(self.label)

    @property
    def length_s(self) -> float:
        """Time from the first phase until the signal is below two per cent of its peak."""
        return (self.second_ns - self.first_ns) * 1e-9 + 4.0 * self.decay_s


def family_of(label: str) -> str:
    """Return the family of a class: high, low or super.

    Examples
    --------
    >>> [family_of(label) for label in ("2.4_HZ", "WIDEBAND", "SUPER_HIGH_FREQUENCY")]
    ['high', 'low', 'super']
    """
    return "super" if label == SUPER else "high" if label in HIGH else "low"


def travel_times(family: str, distance_deg: float) -> tuple[float, float]:
    """Return the travel times of the first and the second phase in seconds.

    The low-frequency family travels through the mantle (KKS21B, source at 20 km), the
    high-frequency one at 4.0 and 2.309 km/s through the crust; cracks are next to the station.

    Examples
    --------
    >>> [round(t, 1) for t in travel_times("low", 29.0)]
    [226.8, 403.7]
    """
    if family == "super":
        return 0.0, 0.0
    if family == "high":
        return tuple(distance_deg * DEGREE_KM / speed for speed in CRUST_KM_S)
    p_s = float(np.interp(distance_deg, KKS21B_DEG, KKS21B_P_S))
    return p_s, p_s + float(np.interp(distance_deg, KKS21B_DEG, KKS21B_SP_S))


def event_psd(label: str, frequency_hz, corner: float = 1.0, ground: float = 1.0) -> np.ndarray:
    """Return the shape of the velocity spectrum of a class, behind the response.

    For the high-frequency family this is the model of the Marsquake Service,
    2πf · (1 + F/(1 + ((f−f0)/(w/2))²)) / (1 + (f/fc)²) · exp(−π t* f), squared.

    Parameters
    ----------
    label : str
        One of `HIGH`, `LOW` or `SUPER`.
    frequency_hz : array
    corner, ground : float
        See `Marsquake`.

    Returns
    -------
    numpy.ndarray
        Power over frequency with unit power in the band of the family.
    """
    family = family_of(label)
    f = np.asarray(frequency_hz, dtype=float)
    band = np.linspace(*SNR_BAND_HZ[family], 200)
    unit = np.trapezoid(_shape(label, band, corner, ground), band)
    return _shape(label, f, corner, ground) / unit


def _shape(label: str, f: np.ndarray, corner: float, ground: float) -> np.ndarray:
    resonance = 1.0 / (1.0 + ((f - 2.38) / 0.15) ** 2)
    response = np.interp(f, RESPONSE_HZ, RESPONSE)
    if label == SUPER:
        return (f / 7.0) ** 6 / (1.0 + (f / 7.0) ** 6) * response**2
    if label in HIGH:
        factor, corner_hz, t_star_s = HIGH_SOURCE[label]
        source = f * (1.0 + ground * factor * resonance) / (1.0 + (f / corner / corner_hz) ** 2)
        return (source * np.exp(-np.pi * t_star_s * f) * response) ** 2
    corner_hz, slope, height = LOW_SOURCE[label]
    rise = (f / 0.2) ** 4 / (1.0 + (f / 0.2) ** 4)
    echo = height * ground * resonance
    return (rise / (1.0 + (f / corner / corner_hz) ** slope) + echo) * response**2


def high_envelope(t_s, second_s: float, ratio: float, decay_s: float) -> np.ndarray:
    """Return the envelope of a high-frequency event with a peak of 1.

    E(t) = (1 − e^(−t/20 s)) e^(−t/150 s) + r (1 − e^(−t'/40 s)) e^(−t'/τ), t' = t − second.

    Parameters
    ----------
    t_s : numpy.ndarray
        Time since Pg, s.
    second_s : float
        Time from Pg to Sg, s.
    ratio : float
    decay_s : float
        τ.
    """
    out = _pulse(t_s, 20.0, 150.0) + ratio * _pulse(t_s - second_s, 40.0, decay_s)
    return out / out.max()


def _pulse(t: np.ndarray, rise_s: float, decay_s: float) -> np.ndarray:
    t = np.maximum(t, 0.0)
    return (1.0 - np.exp(-t / rise_s)) * np.exp(-t / decay_s)


def marsquake_wave(quake: Marsquake, offset_s: float, rate_hz: int) -> np.ndarray:
    """Compute the ground motion of one event.

    Parameters
    ----------
    quake : Marsquake
    offset_s : float
        Time from the first phase to the first sample, s.
    rate_hz : int
        Sampling rate.

    Returns
    -------
    numpy.ndarray of float64, shape (3, n)
        Z, N, E in m/s.
    """
    rng = generator(quake.key[0], Draw.EVENT_WAVE, quake.key[1])
    n = int(quake.length_s * rate_hz)
    t = offset_s + np.arange(n) / rate_hz
    size = n + n % 2
    psd = event_psd(quake.label, np.fft.rfftfreq(size, 1.0 / rate_hz), quake.corner, quake.ground)
    carriers = shaped_noise(np.broadcast_to(psd, (7, len(psd))), size, rate_hz, rng)[:, :n]
    second_s = (quake.second_ns - quake.first_ns) * 1e-9
    if quake.family == "super":
        level = _pulse(t, 0.5, quake.decay_s)
        return quake.peak_m_s * level / level.max() * carriers[:3] * [[0.4], [1.0], [1.0]]
    fade = np.clip((t[-1] - t) / 60.0, 0.0, 1.0)
    if quake.family == "high":
        level = high_envelope(t, second_s, quake.ratio, quake.decay_s)
        horizontal = 1.6 if quake.label == HIGH[2] else 0.8
        return quake.peak_m_s * level * fade * carriers[:3] * [[1.0], [horizontal], [horizontal]]
    return quake.peak_m_s * fade * _low_wave(quake, t, second_s, carriers)


def _low_wave(quake: Marsquake, t, second_s: float, carriers: np.ndarray) -> np.ndarray:
    """Return Z, N, E of a low-frequency event whose S has unit RMS at its peak."""
    azimuth = math.radians(quake.back_azimuth_deg)
    radial = np.array([0.0, math.cos(azimuth), math.sin(azimuth)])[:, None]
    across = np.array([0.0, -radial[2, 0], radial[1, 0]])[:, None]
    up = np.array([1.0, 0.0, 0.0])[:, None]
    direct, coda = _pulse(t, 0.5, 12.0), 0.5 * _pulse(t, 2.0, 60.0)
    p = (0.9 * up - 0.4 * radial) * direct * carriers[3] + coda * carriers[:3]
    p /= quake.ratio * np.sqrt((0.9 * direct) ** 2 + coda**2).max()
    direct = _pulse(t - second_s, 0.7, 20.0)
    coda = 0.6 * _pulse(t - second_s, 3.0, quake.decay_s)
    s = (0.8 * across + 0.5 * radial + 0.3 * up) * direct * carriers[4]
    s += coda * np.array([0.6, 1.0, 1.0])[:, None] * carriers[[5, 6, 0]]
    s /= np.sqrt(0.5 * (0.8**2 + 0.5**2) * direct**2 + coda**2).max()
    return p + s
