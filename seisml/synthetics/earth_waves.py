"""Ground motion of Earth-like archives as NumPy arrays: noise, events, transients."""

import dataclasses
import math

import numpy as np
from scipy import signal

from seisml.synthetics.noise import Draw, band_noise, generator, ramp_up, unit_band

P_KM_S = 6.0
S_KM_S = 3.46
RAYLEIGH_KM_S = 2.7
SITE_CORNER_HZ = 2.0
MICROSEISM_HZ = (0.12, 0.35)
KNOTS_PER_S = 5  # of the microseism, which is drawn at this rate and interpolated
P_WINDOW_S = 2.0  # in which amplitudes are stated; shorter where S follows sooner
HOUR_S = 3600


@dataclasses.dataclass(frozen=True)
class Arrival:
    """One event as one station sees it.

    Attributes
    ----------
    key : tuple of int
        Seed, event number, station number.
    p_ns, s_ns, surface_ns : int
        Onsets of P, S and of a Rayleigh wave.
    p_counts : float
        RMS of the vertical component in the `p_window_s` after P.
    s_counts : float
        RMS of the S wave on a horizontal component in 2 s.
    surface_counts : float
        Peak of the Rayleigh wave.
    back_azimuth_deg : float
        From the station to the source, clockwise from north.
    corner_hz : float
        Corner frequency of the source for P.
    attenuation_hz : float
        Corner frequency of the path for P.
    coda_s : float
        Decay time of the amplitude after S.
    """

    key: tuple[int, int, int]
    p_ns: int
    s_ns: int
    surface_ns: int
    p_counts: float
    s_counts: float
    surface_counts: float
    back_azimuth_deg: float
    corner_hz: float
    attenuation_hz: float
    coda_s: float

    @property
    def sp_s(self) -> float:
        """Time from P to S in seconds."""
        return (self.s_ns - self.p_ns) * 1e-9

    @property
    def p_window_s(self) -> float:
        """Length of the window after P in which the amplitude is stated."""
        return min(P_WINDOW_S, 0.8 * self.sp_s)

    @property
    def length_s(self) -> float:
        """Time from P until the coda has fallen below half a count."""
        loudest = max(self.s_counts, self.p_counts, self.surface_counts, 1.0)
        return self.sp_s + 5.0 + self.coda_s * math.log(loudest / 0.5)


@dataclasses.dataclass(frozen=True)
class Burst:
    """A transient at one station that is no event.

    Attributes
    ----------
    key : tuple of int
        Seed, station number, burst number.
    kind : str
        traffic, footsteps or spike.
    start_ns : int
    length_s : float
    counts : float
        Largest RMS amplitude (traffic), or largest sample (footsteps, spike).
    """

    key: tuple[int, int, int]
    kind: str
    start_ns: int
    length_s: float
    counts: float


def channel_noise(
    key: tuple[int, int, int],
    hours: range,
    rate_hz: int,
    site_counts: np.ndarray,
    microseism_counts: float,
) -> np.ndarray:
    """Draw the noise of one channel; any hours, always the same series.

    Site noise is white noise through a one-pole low-pass at 2 Hz; the microseism is noise of
    0.12-0.35 Hz. The hour before the first one is drawn too, so that the filters have forgotten
    their start and hours that are drawn separately fit together.

    Parameters
    ----------
    key : tuple of int
        Seed, station number, channel number.
    hours : range
        Hours since 1970 that are wanted.
    rate_hz : int
        Sampling rate, a multiple of 5 Hz.
    site_counts : numpy.ndarray, shape (len(hours) * 60 + 1,)
        RMS of the site noise at each full minute from the first hour to the end of the last.
    microseism_counts : float
        RMS of the microseism.

    Returns
    -------
    numpy.ndarray of float32, shape (len(hours) * 3600 * rate_hz,)
    """
    seed, *where = key
    per_hour = HOUR_S * rate_hz
    b, a, state = _site_filter(rate_hz)
    sos = unit_band(*MICROSEISM_HZ, KNOTS_PER_S)
    knot_state, last = np.zeros((len(sos), 2)), np.zeros(1)
    out = np.empty(len(hours) * per_hour, dtype=np.float32)
    white = np.empty(per_hour, dtype=np.float32)
    for row, hour in enumerate(range(hours.start - 1, hours.stop), -1):
        generator(seed, Draw.SITE, *where, hour).standard_normal(out=white, dtype=np.float32)
        site, state = signal.lfilter(b, a, white, zi=state)
        knots = generator(seed, Draw.MICROSEISM, *where, hour).standard_normal(HOUR_S * KNOTS_PER_S)
        knots, knot_state = signal.sosfilt(sos, knots, zi=knot_state)
        knots = np.concatenate([last, knots * microseism_counts])
        last = knots[-1:]
        if row < 0:
            continue
        gain = ramp_up(site_counts[row * 60 : row * 60 + 61], 60)
        hour_out = out[row * per_hour : (row + 1) * per_hour]
        np.multiply(site.reshape(HOUR_S, rate_hz), gain[:, None], out=hour_out.reshape(HOUR_S, -1))
        hour_out += ramp_up(knots, rate_hz // KNOTS_PER_S)
    return out


def _site_filter(rate_hz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return b, a and the state of the low-pass that gives unit RMS."""
    pole = math.exp(-2.0 * math.pi * SITE_CORNER_HZ / rate_hz)
    b = np.array([math.sqrt(1.0 - pole**2)], dtype=np.float32)
    return b, np.array([1.0, -pole], dtype=np.float32), np.zeros(1, dtype=np.float32)


def source_filter(corner_hz: float, attenuation_hz: float, rate_hz: float) -> np.ndarray:
    """Return the causal filter that turns white noise into the ground velocity of an event.

    Parameters
    ----------
    corner_hz : float
        Corner frequency of the source; limited to 0.3 of the sampling rate.
    attenuation_hz : float
        Corner of the low-pass (two poles) that stands for the path; limited likewise.
    rate_hz : float
        Sampling rate.

    Returns
    -------
    numpy.ndarray, shape (2, 6)
        Second-order sections of s/(s + ω_c)² · ω_a²/(s + ω_a)², by the bilinear transform. The
        first factor is the velocity of the ω² source model [1]_.

    References
    ----------
    .. [1] Brune, J. N. (1970). Tectonic stress and the spectra of seismic shear waves from
       earthquakes. JGR 75(26), 4997-5009. https://doi.org/10.1029/JB075i026p04997
    """
    limit, k = 0.3 * rate_hz, 2.0 * rate_hz
    c, a = (k * math.tan(math.pi * min(f, limit) / rate_hz) for f in (corner_hz, attenuation_hz))
    source = [k, 0.0, -k, (k + c) ** 2, 2.0 * (c**2 - k**2), (k - c) ** 2]
    path = [a**2, 2.0 * a**2, a**2, (k + a) ** 2, 2.0 * (a**2 - k**2), (k - a) ** 2]
    sections = np.array([source, path])
    return sections / sections[:, 3:4]


def event_wave(arrival: Arrival, offset_s: float, rate_hz: int) -> np.ndarray:
    """Compute the ground motion of one event at one station.

    P is polarised along the ray (steep, so strongest on Z) and S across it, both followed by a
    coda that is independent on the three components and decays exponentially.

    Parameters
    ----------
    arrival : Arrival
    offset_s : float
        Time from the P onset to the first sample, s.
    rate_hz : int
        Sampling rate.

    Returns
    -------
    numpy.ndarray of float32, shape (3, n_samples)
        Z, N, E in counts; exactly zero before the onset.
    """
    seed, *where = arrival.key
    rng = generator(seed, Draw.EVENT_WAVE, *where)
    n = int(arrival.length_s * rate_hz) + 1
    t = offset_s + np.arange(n) / rate_hz
    azimuth = math.radians(arrival.back_azimuth_deg)
    radial = np.array([0.0, math.cos(azimuth), math.sin(azimuth)])
    vertical = np.array([1.0, 0.0, 0.0])
    across = np.array([0.0, radial[2], -radial[1]])
    p_motion = rng.choice([-1.0, 1.0]) * (0.906 * vertical - 0.423 * radial)  # 25° from vertical
    mix = rng.uniform(-0.9, 0.9)
    s_motion = math.sqrt(1.0 - mix**2) * across + mix * (0.906 * radial + 0.423 * vertical)
    corner, path = arrival.corner_hz, arrival.attenuation_hz
    p_shape = source_filter(corner, path, rate_hz)
    s_shape = source_filter(corner / 1.5, path / 1.7, rate_hz)
    p = _phase(t, p_motion, np.array([1.0, 0.6, 0.6]), 0.6 * arrival.coda_s, p_shape, 3.0, rng)
    s = _phase(
        t - arrival.sp_s, s_motion, np.array([0.6, 1.0, 1.0]), arrival.coda_s, s_shape, 1.5, rng
    )
    window = (t < arrival.p_window_s, (t >= arrival.sp_s) & (t < arrival.sp_s + P_WINDOW_S))
    p *= arrival.p_counts / _rms(p[:1, window[0]])
    s *= arrival.s_counts / _rms(s[1:, window[1]])
    if arrival.surface_counts > 0.0:
        after_s = t - (arrival.surface_ns - arrival.p_ns) * 1e-9
        s += arrival.surface_counts * _rayleigh(after_s, vertical, radial)
    fade = np.clip((t[-1] - t) / 3.0, 0.0, 1.0)
    return ((p + s) * fade).astype(np.float32)


def _phase(t, motion, coda_share, coda_s, shape, impulse, rng) -> np.ndarray:
    """Return direct wave and coda of a phase that begins at t = 0, shape (3, n)."""
    n = len(t)
    on = t >= 0.0
    after = np.where(on, t, 0.0)
    direct = np.where(on, np.exp(-after / 0.35), 0.0) * rng.standard_normal(n)
    if on.any():
        direct[int(np.argmax(on))] += impulse * rng.choice([-1.0, 1.0])
    level = np.where(on, (1.0 - np.exp(-after / 0.35)) * np.exp(-after / coda_s), 0.0)
    coda = 0.6 * level * rng.standard_normal((3, n)) * coda_share[:, None]
    return signal.sosfilt(shape, motion[:, None] * direct + coda)


def _rayleigh(t: np.ndarray, vertical: np.ndarray, radial: np.ndarray) -> np.ndarray:
    """Return a short dispersed Rayleigh wave train of unit amplitude, shape (3, n)."""
    after = np.maximum(t, 0.0)
    phase = 2.0 * np.pi * (0.7 * after + 0.03 * after**2)
    level = (after / 3.0) ** 2 * np.exp(2.0 - 2.0 * after / 3.0)
    level = level * (after < 20.0)
    return level * (vertical[:, None] * np.cos(phase) + 0.7 * radial[:, None] * np.sin(phase))


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2))) if x.size else 1.0


def burst_wave(burst: Burst, rate_hz: int) -> np.ndarray:
    """Compute a transient that is no event.

    ``traffic`` is noise of 4-25 Hz that swells and fades within seconds; ``footsteps`` is a train
    of short knocks every 0.55 s that come nearer and go away; ``spike`` is one or two samples on
    one component.

    Parameters
    ----------
    burst : Burst
    rate_hz : int
        Sampling rate.

    Returns
    -------
    numpy.ndarray of float32, shape (3, n_samples)
        Z, N, E in counts.
    """
    seed, *where = burst.key
    rng = generator(seed, Draw.BURST_WAVE, *where)
    n = max(2, round(burst.length_s * rate_hz))
    t = np.arange(n) / rate_hz
    wave = np.zeros((3, n))
    if burst.kind == "spike":
        sign = rng.choice([-1.0, 1.0])
        wave[rng.integers(3), : rng.integers(1, 3)] = sign * burst.counts
        return wave.astype(np.float32)
    nearest = rng.uniform(0.35, 0.65) * burst.length_s
    if burst.kind == "traffic":
        distance = (t - nearest) / (0.18 * burst.length_s)
        level = np.exp(-0.5 * distance**2) * (1.0 - np.abs(2.0 * t / burst.length_s - 1.0) ** 8)
        wave = band_noise(4.0, 25.0, n, rate_hz, rng, (3,)) * level
        return (burst.counts * wave * [[0.8], [1.0], [1.0]]).astype(np.float32)
    for step_s in np.arange(0.0, burst.length_s - 0.3, 0.55):
        after = t - step_s - rng.normal(0.0, 0.015)
        near = 1.0 / (1.0 + ((step_s - nearest) / (0.25 * burst.length_s)) ** 2)
        ring = np.sin(2.0 * np.pi * min(18.0, 0.35 * rate_hz) * after) * np.exp(-after / 0.05)
        wave += near * np.where(after >= 0.0, ring, 0.0) * rng.normal([[1.0], [0.5], [0.5]], 0.2)
    return (burst.counts * wave).astype(np.float32)
