"""Ground motion of volcanic events as NumPy arrays, wide in all that varies between volcanoes.

Volcano-tectonic earthquakes (VT) are earthquakes; long-period events (LP) ring; tremor (TR) goes
on; explosions (EX) ring and are followed by the wave in the air; avalanches and rockfalls (AV)
swell and fade; icequakes (IC) are short; regional earthquakes (TC) come from far. [1]_ [2]_

References
----------
.. [1] Chouet, B. A. (1996). Long-period volcano seismicity. Nature 380, 309-316.
   https://doi.org/10.1038/380309a0
.. [2] McNutt, S. R. (2005). Volcanic seismology. Annual Review of Earth and Planetary Sciences 33,
   461-491. https://doi.org/10.1146/annurev.earth.33.092203.122459
"""

import dataclasses

import numpy as np
from scipy import signal

from seisml.synthetics.earth_scenes import SceneEvent, log_uniform, scene_event
from seisml.synthetics.noise import ornstein_uhlenbeck

OCTAVES_HZ = ((0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))
"""Bands in which an event may stand out."""
STEP_S = 1.0
"""Step of the levels that say when it does, s."""
VISIBLE = 0.9
"""Level of the signal over that of the noise from which on it counts as visible."""


@dataclasses.dataclass(frozen=True)
class VolcanoEvent:
    """One event as all stations of a volcano see it.

    Attributes
    ----------
    label : str
        VT, LP, TR, EX, AV, IC or TC.
    onset_s : float
        After the start of the scene; negative where it began before.
    lasts_s : float
        Length of its source; what follows is coda.
    snr_db : float
        Largest level over that of the noise in the octave where the event stands out most, at the
        station that sees it best.
    modes_hz, q : tuple of float and float
        Resonances of the source, and their quality.
    band_hz : (float, float)
        Of what does not ring.
    decay_s : float
        Of the coda's amplitude.
    sp_s : float
        From P to S.
    style : int
        Of the number that seeds what is the same at all stations.
    """

    label: str
    onset_s: float
    lasts_s: float
    snr_db: float
    modes_hz: tuple[float, ...]
    q: float
    band_hz: tuple[float, float]
    decay_s: float
    sp_s: float
    style: int


def draw_event(label: str, onset_s: float, snr_db: float, rng) -> VolcanoEvent:
    """Draw an event of a class.

    Parameters
    ----------
    label : str
    onset_s : float
    snr_db : float
    rng : numpy.random.Generator
    """
    first_hz = log_uniform(rng, 0.6, 5.0)
    steps = rng.uniform(1.1, 2.2, rng.integers(0, 4))
    modes_hz = first_hz * np.cumprod(np.r_[1.0, steps])
    lasts_s = {
        "VT": (1.0, 1.01),
        "LP": (1.0, 8.0),
        "TR": (30.0, 600.0),
        "EX": (1.0, 10.0),
        "AV": (8.0, 90.0),
        "IC": (0.2, 3.0),
        "TC": (1.0, 1.01),
    }[label]
    low_hz, high_hz = {
        "TR": (log_uniform(rng, 0.5, 2.0), log_uniform(rng, 2.5, 12.0)),
        "AV": (log_uniform(rng, 0.5, 4.0), log_uniform(rng, 7.0, 30.0)),
        "IC": (log_uniform(rng, 1.0, 6.0), log_uniform(rng, 8.0, 40.0)),
    }.get(label, (log_uniform(rng, 0.5, 1.5), log_uniform(rng, 4.0, 15.0)))
    decay_s = {"LP": (2.0, 12.0), "EX": (4.0, 20.0), "IC": (0.3, 2.5), "TC": (4.0, 20.0)}
    return VolcanoEvent(
        label=label,
        onset_s=float(onset_s),
        lasts_s=log_uniform(rng, *lasts_s),
        snr_db=float(snr_db),
        modes_hz=tuple(modes_hz[modes_hz < 16.0]),
        q=log_uniform(rng, 4.0, 40.0),
        band_hz=(low_hz, high_hz),
        decay_s=log_uniform(rng, *decay_s.get(label, (1.0, 8.0))),
        sp_s=log_uniform(rng, 5.0, 30.0) if label == "TC" else log_uniform(rng, 0.3, 5.0),
        style=int(rng.integers(2**31)),
    )


def event_wave(event: VolcanoEvent, n: int, rate_hz: float, delay_s: float, rng) -> np.ndarray:
    """Compute the vertical ground motion of an event at one station, of any size.

    Parameters
    ----------
    event : VolcanoEvent
    n : int
        Samples of the scene.
    rate_hz : float
    delay_s : float
        Of the station behind the first one.
    rng : numpy.random.Generator
        For what differs from station to station: the scattered waves.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        Zero before the onset.
    """
    common = np.random.default_rng(event.style)
    onset_s = event.onset_s + delay_s
    before = max(0, int(np.ceil(-onset_s * rate_hz)))  # samples of it that the scene lacks
    total = n + before
    start_s = onset_s + before / rate_hz
    t = np.arange(total) / rate_hz - start_s
    if event.label in ("VT", "TC"):
        wave = _earthquake(event, start_s, total, rate_hz, common, rng)
    else:
        wave = _SHAPES[event.label](event, t, rate_hz, common, rng)
    return np.where(t >= 0.0, wave, 0.0)[before:]


def _earthquake(event: VolcanoEvent, start_s, n, rate_hz, common, rng) -> np.ndarray:
    far = event.label == "TC"
    scene = SceneEvent(
        p_s=start_s,
        sp_s=event.sp_s,
        snr_db=0.0,
        s_ratio=float(np.clip(3.0 * np.exp(0.5 * common.standard_normal()), 0.5, 12.0)),
        corner_hz=log_uniform(common, 1.0, 8.0) if far else log_uniform(common, 3.0, 25.0),
        attenuation_hz=log_uniform(rng, 3.0, 15.0) if far else log_uniform(rng, 6.0, 40.0),
        rise_s=0.0 if common.random() < 0.6 else log_uniform(common, 0.05, 1.2),
        coda_s=event.decay_s,
        shallow=bool(common.random() < 0.3),
    )
    return scene_event(scene, n, rate_hz, rng)[0]


def _band(event: VolcanoEvent, rate_hz: float) -> np.ndarray:
    high_hz = min(event.band_hz[1], 0.42 * rate_hz)
    low_hz = min(event.band_hz[0], 0.6 * high_hz)
    return signal.butter(2, (low_hz, high_hz), "band", fs=rate_hz, output="sos")


def _ringing(event: VolcanoEvent, x: np.ndarray, rate_hz: float, common) -> np.ndarray:
    """Return what the resonances of a source make of an excitation, of unit RMS each."""
    out = np.zeros_like(x)
    for f_hz in event.modes_hz:
        if f_hz > 0.4 * rate_hz:
            continue
        b, a = signal.iirpeak(f_hz, event.q * common.uniform(0.6, 1.4), fs=rate_hz)
        y = signal.lfilter(b, a, x)
        out += common.uniform(0.2, 1.0) * y / max(float(y.std()), 1e-12)
    return out


def _unit(x: np.ndarray) -> np.ndarray:
    return x / max(float(np.abs(x).max()), 1e-12)


def _pulse(t: np.ndarray, rise_s: float, decay_s: float) -> np.ndarray:
    """Return a level that rises from 0 at t = 0 and decays."""
    after = np.maximum(t, 0.0)
    return np.where(t >= 0.0, (1.0 - np.exp(-after / rise_s)) * np.exp(-after / decay_s), 0.0)


def _long_period(event: VolcanoEvent, t, rate_hz, common, rng) -> np.ndarray:
    """Return an emergent onset, resonances, their scattered coda; often a high-frequency onset."""
    rise_s = log_uniform(common, 0.1, 3.0)
    noise = rng.standard_normal(len(t))
    source = noise * _pulse(t, rise_s, event.lasts_s)
    coda = rng.standard_normal(len(t)) * _pulse(t, 2.0 * rise_s, event.decay_s)
    wave = _unit(_ringing(event, source + common.uniform(0.1, 0.6) * coda, rate_hz, common))
    broad = signal.sosfilt(_band(event, rate_hz), coda)
    wave += common.uniform(0.05, 0.6) * _unit(broad)
    if common.random() < 0.5:  # a hybrid event: it breaks, then it rings
        high = signal.butter(2, common.uniform(4.0, 8.0), "high", fs=rate_hz, output="sos")
        burst = rng.standard_normal(len(t)) * _pulse(t, 0.1, log_uniform(common, 0.3, 3.0))
        wave += common.uniform(0.05, 0.6) * _unit(signal.sosfilt(high, burst))
    return wave


def _explosion(event: VolcanoEvent, t, rate_hz, common, rng) -> np.ndarray:
    """Return a long-period event, longer, and the wave in the air that arrives later."""
    wave = _long_period(event, t, rate_hz, common, rng)
    after_s = log_uniform(common, 1.0, 20.0)
    sos = signal.butter(2, (2.0, min(20.0, 0.4 * rate_hz)), "band", fs=rate_hz, output="sos")
    burst = rng.standard_normal(len(t)) * _pulse(t - after_s, 0.05, log_uniform(common, 0.3, 3.0))
    return wave + common.uniform(0.0, 1.5) * _unit(signal.sosfilt(sos, burst))


def _tremor(event: VolcanoEvent, t, rate_hz, common, rng) -> np.ndarray:
    """Return noise of a few Hz with resonances: it wanders, or pulses, or is harmonic."""
    noise = rng.standard_normal(len(t))
    wave = signal.sosfilt(_band(event, rate_hz), noise)
    wave = common.uniform(0.1, 1.0) * wave / wave.std()
    kind = common.choice(["wanders", "pulses", "harmonic"], p=[0.55, 0.2, 0.25])
    if kind == "pulses":
        gaps_s = common.gamma(4.0, log_uniform(common, 1.5, 12.0) / 4.0, 2000)
        times = np.cumsum(gaps_s)
        blows = np.zeros(len(t))
        at = np.searchsorted(t, times[times < t[-1]])
        blows[at] = common.lognormal(0.0, 0.5, len(at))
        decay_s = log_uniform(common, 0.5, 3.0)
        level = signal.lfilter([1.0], [1.0, -np.exp(-1.0 / (decay_s * rate_hz))], blows)
        noise = noise * (common.uniform(0.05, 0.4) + level)
    wave += _ringing(event, noise, rate_hz, common)
    if kind == "harmonic":
        wave += common.uniform(1.0, 3.0) * _overtones(t, rate_hz, common)
    return wave * _wander(t, common) * _edges(event, t, common)


def _overtones(t: np.ndarray, rate_hz: float, common) -> np.ndarray:
    """Return a gliding fundamental and its overtones, of unit RMS."""
    step_s = 5.0
    knots = ornstein_uhlenbeck(int(np.ptp(t) / step_s) + 3, step_s, 60.0, common)
    glide = np.interp(t - t[0], np.arange(len(knots)) * step_s, knots)
    f_hz = log_uniform(common, 0.6, 3.0) * np.exp(common.uniform(0.0, 0.15) * glide)
    phase = 2.0 * np.pi * np.cumsum(f_hz) / rate_hz
    wave = np.zeros(len(t))
    for k in range(1, int(common.integers(3, 9))):
        audible = k * f_hz < 0.4 * rate_hz
        wave += audible * common.uniform(0.2, 1.0) / k**0.5 * np.sin(k * phase + 6.28 * k**2 / 7)
    return wave / wave.std()


def _wander(t: np.ndarray, common) -> np.ndarray:
    level = np.zeros(len(t))
    for tau_s, largest in ((3.0, 0.3), (15.0, 0.4), (90.0, 0.5)):
        step_s = tau_s / 5.0
        knots = ornstein_uhlenbeck(int(np.ptp(t) / step_s) + 3, step_s, tau_s, common)
        knots = np.interp(t - t[0], np.arange(len(knots)) * step_s, knots)
        level += common.uniform(0.0, largest) * knots
    return np.exp(level)


def _edges(event: VolcanoEvent, t: np.ndarray, common) -> np.ndarray:
    """Return a level that grows at the beginning and falls at the end."""
    edge_s = np.minimum(log_uniform(common, 1.0, 30.0), 0.4 * event.lasts_s)
    return np.clip(np.minimum(t, event.lasts_s - t) / edge_s, 0.0, 1.0)


def _avalanche(event: VolcanoEvent, t, rate_hz, common, rng) -> np.ndarray:
    """Return noise that swells and fades, with blows of single rocks in some."""
    share = np.clip(t / event.lasts_s, 0.0, 1.0)
    early, late = common.uniform(0.8, 3.0), common.uniform(1.0, 4.0)
    level = share**early * (1.0 - share) ** late
    rough = ornstein_uhlenbeck(int(np.ptp(t) / 0.3) + 3, 0.3, log_uniform(common, 0.5, 4.0), common)
    rough = np.interp(t - t[0], np.arange(len(rough)) * 0.3, rough)
    noise = rng.standard_normal(len(t)) * _unit(level) * np.exp(common.uniform(0.0, 0.6) * rough)
    if common.random() < 0.4:
        blows = (common.random(len(t)) < log_uniform(common, 0.2, 3.0) / rate_hz) * level
        decay_s = log_uniform(common, 0.1, 1.0)
        hits = signal.lfilter([1.0], [1.0, -np.exp(-1.0 / (decay_s * rate_hz))], blows)
        noise += common.uniform(0.5, 3.0) * _unit(hits) * rng.standard_normal(len(t))
    return signal.sosfilt(_band(event, rate_hz), noise)


def _icequake(event: VolcanoEvent, t, rate_hz, common, rng) -> np.ndarray:
    """Return one short burst or a few, high-frequency or ringing."""
    level = _pulse(t, log_uniform(common, 0.02, 0.5), event.decay_s)
    if common.random() < 0.3:
        later_s = common.uniform(0.5, 4.0)
        level = level + common.uniform(0.2, 1.0) * _pulse(t - later_s, 0.1, event.decay_s)
    noise = rng.standard_normal(len(t)) * level
    wave = _unit(signal.sosfilt(_band(event, rate_hz), noise))
    if common.random() < 0.4:
        wave = 0.3 * wave + _unit(_ringing(event, noise, rate_hz, common))
    return wave


_SHAPES = {
    "LP": _long_period,
    "EX": _explosion,
    "TR": _tremor,
    "AV": _avalanche,
    "IC": _icequake,
}
LABELS = ("VT", "LP", "TR", "EX", "AV", "IC", "TC")


def levels(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the RMS of a record in octaves, every `STEP_S`; NaN where the rate has no such band.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_samples,)
    rate_hz : float

    Returns
    -------
    numpy.ndarray of float64, shape (n_octaves, n_steps)
    """
    step = int(STEP_S * rate_hz)
    n = len(x) // step
    out = np.full((len(OCTAVES_HZ), n), np.nan)
    for row, (low_hz, high_hz) in enumerate(OCTAVES_HZ):
        if high_hz <= 0.45 * rate_hz:
            sos = signal.butter(2, (low_hz, high_hz), "band", fs=rate_hz, output="sos")
            y = signal.sosfilt(sos, x)[: n * step]
            out[row] = np.sqrt((y**2).reshape(n, step).mean(axis=1))
    return out


def standing_out(wave: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return the level of a signal over that of the rest, in the octave where it is largest.

    Parameters
    ----------
    wave, rest : numpy.ndarray, shape (n_octaves, n_steps)
        From `levels`.

    Returns
    -------
    numpy.ndarray of float64, shape (n_steps,)
        Smoothed over three steps.
    """
    usual = np.median(rest, axis=1, keepdims=True)
    ratio = wave / np.maximum(np.maximum(rest, 0.7 * usual), 1e-12)
    kernel = np.ones(3) / 3.0
    smooth = [np.convolve(row, kernel, "same") for row in ratio if np.isfinite(row).all()]
    return np.max(smooth, axis=0)
