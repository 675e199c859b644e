"""What moonquakes and impacts look like at an Apollo station, as NumPy arrays.

Amplitudes are digital units (DU) of the mid-period instrument, 0 to 1023 as transmitted.
"""

import dataclasses
import math

import numpy as np

from seisml.synthetics.moon_noise import RATE_HZ, LunarClimate, lunar_psd
from seisml.synthetics.noise import Draw, generator, shaped_noise

DEEP, SHALLOW, IMPACT = "deep", "shallow", "impact"
KINDS = (DEEP, SHALLOW, IMPACT)
# P and S of VPREMOON: distance (degrees) on the surface, and from 900 km depth.
DEGREES = (10.0, 30.0, 60.0, 90.0, 120.0)
SURFACE_P_S, SURFACE_S_S = (48.0, 129.0, 235.0, 315.0, 375.0), (85.0, 224.0, 408.0, 550.0, 665.0)
DEEP_P_S, DEEP_S_S = (118.0, 143.0, 190.0, 245.0, 300.0), (206.0, 250.8, 332.0, 430.0, 530.0)


@dataclasses.dataclass(frozen=True)
class Kind:
    """Ranges of what events of a kind look like; drawn evenly in their logarithms.

    Attributes
    ----------
    rise_s, decay_s : (float, float)
        Of the amplitude; the rise at a source close by, the decay at `DECAY_HZ`.
    spread_deg : float
        Distance over which the rise doubles: waves from the surface cross broken ground twice.
    corner_hz, ratio : (float, float)
        Corner of the spectrum, and amplitude of S over that of P.
    snr : (float, float)
        Largest level over that of the noise.
    """

    rise_s: tuple[float, float]
    spread_deg: float
    decay_s: tuple[float, float]
    corner_hz: tuple[float, float]
    ratio: tuple[float, float]
    snr: tuple[float, float]


SHAPES = {
    DEEP: Kind((8.0, 60.0), math.inf, (600.0, 2400.0), (0.5, 1.6), (1.5, 8.0), (1.3, 25.0)),
    SHALLOW: Kind((6.0, 60.0), math.inf, (800.0, 3000.0), (1.2, 4.0), (1.0, 8.0), (1.8, 400.0)),
    IMPACT: Kind((40.0, 150.0), 30.0, (900.0, 4000.0), (0.4, 1.4), (0.7, 1.5), (1.3, 400.0)),
}
"""Impacts swell for many minutes, the more the further they are, without a clear S; deep moonquakes
and shallow ones reach their height soon after S, which is stronger than P; shallow ones have more
of the high frequencies (Lammlein et al. 1974, doi:10.1029/RG012i001p00001; Toksoz et al. 1974,
doi:10.1029/RG012i004p00539; Nakamura et al. 1979). Decays are those of Q between 1000 and 6000 at
`DECAY_HZ`. In Nakamura's catalogue (levent.1008; 3205 deep, 961 impacts, 17 shallow with an
amplitude at station 12) the amplitudes of deep ones span a factor of 8 from their 5th to their 99th
percentile, those of impacts 70, and at the same amplitude impacts last 1.6 times as long."""
DECAY_HZ = 0.5
BANDS_HZ = ((0.0, 0.35), (0.35, 0.7), (0.7, RATE_HZ / 2.0))  # fade each in their own time


@dataclasses.dataclass(frozen=True)
class Moonquake:
    """One event at an Apollo station.

    Attributes
    ----------
    key : tuple of int
        Seed, event number.
    label : str
        One of `KINDS`.
    first_ns, second_ns, origin_ns : int
        P, S and origin.
    snr : float
        Largest level of the signal over the RMS of the noise.
    ratio : float
        Amplitude of S over that of P.
    rise_s, decay_s : float
        Of the amplitude; the decay at `DECAY_HZ`.
    slowing : float
        The decay at another frequency f is decay_s (f / `DECAY_HZ`)^-slowing: high frequencies
        fade first.
    corner_hz : float
    distance_deg : float
    polarity : int
        -1: upside down, as some repeats of a nest are.
    """

    key: tuple[int, int]
    label: str
    first_ns: int
    second_ns: int
    origin_ns: int
    snr: float
    ratio: float
    rise_s: float
    decay_s: float
    slowing: float
    corner_hz: float
    distance_deg: float
    polarity: int = 1

    @property
    def length_s(self) -> float:
        """Time from P until the signal is below two per cent of its peak, s."""
        return (self.second_ns - self.first_ns) * 1e-9 + 4.0 * self.decay_s


def lunar_times(label: str, distance_deg: float) -> tuple[float, float]:
    """Return the travel times of P and S in seconds; deep moonquakes are at 900 km.

    Examples
    --------
    >>> lunar_times("deep", 30.0)
    (143.0, 250.8)
    """
    tables = (DEEP_P_S, DEEP_S_S) if label == DEEP else (SURFACE_P_S, SURFACE_S_S)
    return tuple(float(np.interp(distance_deg, DEGREES, table)) for table in tables)


def draw_moonquake(rng, key: tuple[int, int], first_ns: int, label: str, snr: float) -> Moonquake:
    """Draw distance, rise, coda and spectrum of an event of a kind, see `SHAPES`."""
    distance_deg = float(rng.uniform(10.0, 110.0))
    first_s, second_s = lunar_times(label, distance_deg)
    kind = SHAPES[label]

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(math.log(low), math.log(high))))

    return Moonquake(
        key=key,
        label=label,
        first_ns=first_ns,
        second_ns=first_ns + round((second_s - first_s) * 1e9),
        origin_ns=first_ns - round(first_s * 1e9),
        snr=snr,
        ratio=between(*kind.ratio),
        rise_s=between(*kind.rise_s) * (1.0 + distance_deg / kind.spread_deg),
        decay_s=between(*kind.decay_s),
        slowing=float(rng.uniform(0.0, 1.0)),
        corner_hz=between(*kind.corner_hz),
        distance_deg=distance_deg,
    )


def repeated(quake: Moonquake, first_ns: int, snr: float, polarity: int = 1) -> Moonquake:
    """Return another event of the same source: it has the same path and the same waveform."""
    later_ns = first_ns - quake.first_ns
    return dataclasses.replace(
        quake,
        first_ns=first_ns,
        second_ns=quake.second_ns + later_ns,
        origin_ns=quake.origin_ns + later_ns,
        snr=snr,
        polarity=polarity,
    )


def moonquake_envelope(quake: Moonquake, t_s: np.ndarray, decay_s: float | None = None):
    """Return the envelope of an event with a peak of 1.

    Parameters
    ----------
    quake : Moonquake
    t_s : numpy.ndarray
        Time since P, s.
    decay_s : float, optional
        Of a band; default that of the event.
    """
    decay_s = quake.decay_s if decay_s is None else decay_s
    second_s = (quake.second_ns - quake.first_ns) * 1e-9
    out = np.zeros(len(t_s))
    for begin_s, size in ((0.0, 1.0), (second_s, quake.ratio)):
        t = np.maximum(t_s - begin_s, 0.0)
        out += size * (1.0 - np.exp(-t / quake.rise_s)) * np.exp(-t / decay_s)
    return out / out.max() if out.any() else out


def moonquake_wave(quake: Moonquake, offset_s: float, n: int, n_channels: int = 3) -> np.ndarray:
    """Compute the record of one event.

    Parameters
    ----------
    quake : Moonquake
    offset_s : float
        Time from P to the first sample, s.
    n : int
        Number of samples at `RATE_HZ`.
    n_channels : int

    Returns
    -------
    numpy.ndarray of float64, shape (n_channels, n)
        DU, with a largest level of 1.
    """
    rng = generator(quake.key[0], Draw.EVENT_WAVE, quake.key[1])
    size = n + n % 2
    f = np.fft.rfftfreq(size, 1.0 / RATE_HZ)
    psd = lunar_psd(f, LunarClimate()) / (1.0 + (f / quake.corner_hz) ** 4)
    psd /= np.trapezoid(psd, f)
    t = offset_s + np.arange(n) / RATE_HZ
    fade = np.clip((quake.length_s - t) / 300.0, 0.0, 1.0)
    out = np.zeros((n_channels, n))
    for low_hz, high_hz in BANDS_HZ:
        part = psd * ((f >= low_hz) & (f < high_hz))
        centre_hz = np.sqrt(max(low_hz, 0.2) * min(high_hz, 1.4))
        decay_s = quake.decay_s * (centre_hz / DECAY_HZ) ** -quake.slowing
        carrier = shaped_noise(np.broadcast_to(part, (n_channels, len(f))), size, RATE_HZ, rng)
        out += carrier[:, :n] * (moonquake_envelope(quake, t, decay_s) * fade)
    return quake.polarity * out
