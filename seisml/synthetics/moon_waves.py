"""What the Apollo seismometers record, as NumPy arrays: noise, spikes, moonquakes, impacts.

Amplitudes are digital units (DU) of the mid-period instrument, 0 to 1023 as transmitted.
"""

import dataclasses
import math

import numpy as np

from seisml.synthetics.noise import Draw, generator, ornstein_uhlenbeck, shaped_noise

RATE_HZ = 6.625
FILL = -1
MIDDLE_DU, LARGEST_DU = 512, 1023
BLOCK = 2048  # samples of a block of background noise; blocks overlap by half
# Shape of the noise of the peaked response, dB, largest at its resonance.
NOISE_HZ = (0.01, 0.05, 0.2, 0.45, 0.8, 1.2, 2.0, 3.3)
NOISE_DB = (-50.0, -32.0, -9.0, 0.0, -4.0, -11.0, -21.0, -42.0)
PACKET_S = 600.0  # heaters and switches act about every ten minutes
DEEP, SHALLOW, IMPACT = "deep", "shallow", "impact"
KINDS = (DEEP, SHALLOW, IMPACT)
# P and S of VPREMOON: distance (degrees) on the surface, and from 900 km depth.
DEGREES = (10.0, 30.0, 60.0, 90.0, 120.0)
SURFACE_P_S, SURFACE_S_S = (48.0, 129.0, 235.0, 315.0, 375.0), (85.0, 224.0, 408.0, 550.0, 665.0)
DEEP_P_S, DEEP_S_S = (118.0, 143.0, 190.0, 245.0, 300.0), (206.0, 250.8, 332.0, 430.0, 530.0)


@dataclasses.dataclass(frozen=True)
class LunarClimate:
    """Noise conditions of a record.

    Attributes
    ----------
    level_du : float
        RMS of the quiet noise.
    shape_db : tuple of float
        Change of the spectrum at `NOISE_HZ`.
    drift_sd, drift_s : float
        Standard deviation of ln(level), and its correlation time, s.
    steps_per_day : float
        Sudden changes of the level that last.
    packets : float
        Factor on the level in the packets of every ten minutes; 1 is none.
    packet_s : float
        Their length.
    spikes_per_hour, bursts_per_hour : float
        Spikes of one or two samples, and noise bursts of seconds to a minute.
    """

    level_du: float = 1.0
    shape_db: tuple[float, ...] = (0.0,) * len(NOISE_HZ)
    drift_sd: float = 0.1
    drift_s: float = 1800.0
    steps_per_day: float = 2.0
    packets: float = 1.0
    packet_s: float = 60.0
    spikes_per_hour: float = 4.0
    bursts_per_hour: float = 1.0


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
        Of the amplitude.
    corner_hz : float
    distance_deg : float
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
    corner_hz: float
    distance_deg: float

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


def lunar_psd(frequency_hz, climate: LunarClimate) -> np.ndarray:
    """Return the power spectral density of the noise, DU²/Hz, with the RMS of the climate."""
    f = np.asarray(frequency_hz, dtype=float)
    level = np.array(NOISE_DB) + np.array(climate.shape_db)
    log_f = np.log(np.maximum(f, 1e-3))
    psd = 10.0 ** (np.interp(log_f, np.log(NOISE_HZ), level) / 10.0) * (f > 0.0)
    return psd * (climate.level_du**2 / np.trapezoid(psd, f))


def lunar_background(
    seed: int, first: int, stop: int, climate: LunarClimate, n_channels: int = 3
) -> np.ndarray:
    """Draw stationary noise; any range of samples, always the same series.

    Returns
    -------
    numpy.ndarray of float64, shape (n_channels, stop - first)
        DU.
    """
    hop = BLOCK // 2
    window = np.sin(np.pi * (np.arange(BLOCK) + 0.5) / BLOCK)
    psd = lunar_psd(np.fft.rfftfreq(BLOCK, 1.0 / RATE_HZ), climate)
    blocks = range(first // hop - 1, (stop - 1) // hop + 1)
    out = np.zeros((n_channels, (len(blocks) + 1) * hop))
    for n, block in enumerate(blocks):
        rng = generator(seed, Draw.BACKGROUND, block)
        wave = shaped_noise(np.broadcast_to(psd, (n_channels, len(psd))), BLOCK, RATE_HZ, rng)
        out[:, n * hop : n * hop + BLOCK] += wave * window
    begin = first - blocks[0] * hop
    return out[:, begin : begin + stop - first]


def level_series(n_steps: int, step_s: float, rng, climate: LunarClimate) -> np.ndarray:
    """Draw the level of the noise over time: drift, sudden steps, packets every ten minutes.

    Returns
    -------
    numpy.ndarray of float64, shape (n_steps,)
        Factor on the RMS.
    """
    log_level = climate.drift_sd * ornstein_uhlenbeck(n_steps, step_s, climate.drift_s, rng)
    for _ in range(rng.poisson(climate.steps_per_day * n_steps * step_s / 86_400.0)):
        log_level[rng.integers(n_steps) :] += rng.normal(0.0, 0.6)
    phase_s = rng.uniform(0.0, PACKET_S)
    inside = (np.arange(n_steps) * step_s + phase_s) % PACKET_S < climate.packet_s
    log_level += math.log(climate.packets) * inside
    return np.exp(np.clip(log_level, -2.5, 2.5))


def disturbances(n: int, rng: np.random.Generator, climate: LunarClimate) -> np.ndarray:
    """Draw spikes and bursts of switching noise.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        DU.
    """
    out = np.zeros(n)
    hours = n / RATE_HZ / 3600.0
    for _ in range(rng.poisson(climate.spikes_per_hour * hours)):
        at = int(rng.integers(n))
        size = climate.level_du * math.exp(rng.uniform(1.5, 5.0)) * rng.choice([-1.0, 1.0])
        out[at : at + int(rng.integers(1, 4))] += size
    for _ in range(rng.poisson(climate.bursts_per_hour * hours)):
        at, size = int(rng.integers(n)), int(rng.uniform(3.0, 90.0) * RATE_HZ)
        part = slice(at, min(n, at + size))
        wave = rng.standard_normal(part.stop - at) * rng.choice([0.0, 1.0], part.stop - at)
        out[part] += climate.level_du * math.exp(rng.uniform(0.5, 3.0)) * wave
    return out


def draw_moonquake(rng, key: tuple[int, int], first_ns: int, label: str, snr: float) -> Moonquake:
    """Draw distance, rise, coda and spectrum of an event of a kind."""
    distance_deg = float(rng.uniform(10.0, 110.0))
    first_s, second_s = lunar_times(label, distance_deg)
    rise, decay, corner = {
        DEEP: ((8.0, 60.0), (350.0, 1500.0), (0.5, 1.2)),
        SHALLOW: ((8.0, 60.0), (500.0, 1800.0), (1.0, 4.0)),
        IMPACT: ((40.0, 400.0), (900.0, 3600.0), (0.6, 2.0)),
    }[label]

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(math.log(low), math.log(high))))

    return Moonquake(
        key=key,
        label=label,
        first_ns=first_ns,
        second_ns=first_ns + round((second_s - first_s) * 1e9),
        origin_ns=first_ns - round(first_s * 1e9),
        snr=snr,
        ratio=between(0.7, 5.0),
        rise_s=between(*rise),
        decay_s=between(*decay),
        corner_hz=between(*corner),
        distance_deg=distance_deg,
    )


def moonquake_envelope(quake: Moonquake, t_s: np.ndarray) -> np.ndarray:
    """Return the envelope of an event with a peak of 1; t counts from P, s."""
    second_s = (quake.second_ns - quake.first_ns) * 1e-9
    out = np.zeros(len(t_s))
    for begin_s, size in ((0.0, 1.0), (second_s, quake.ratio)):
        t = np.maximum(t_s - begin_s, 0.0)
        out += size * (1.0 - np.exp(-t / quake.rise_s)) * np.exp(-t / quake.decay_s)
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
    carrier = shaped_noise(np.broadcast_to(psd, (n_channels, len(psd))), size, RATE_HZ, rng)
    t = offset_s + np.arange(n) / RATE_HZ
    fade = np.clip((quake.length_s - t) / 300.0, 0.0, 1.0)
    return carrier[:, :n] * (moonquake_envelope(quake, t) * fade)


def digital(wave: np.ndarray) -> np.ndarray:
    """Return what is transmitted: whole digital units between 0 and 1023, float64."""
    return np.clip(np.rint(wave + MIDDLE_DU), 0, LARGEST_DU)
