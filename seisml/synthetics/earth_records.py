"""Records of Earth under all conditions, for pretraining: any rate, gain, noise, size of event."""

import dataclasses
from pathlib import Path

import numpy as np
import obspy

from seisml.synthetics.earth_scenes import (
    TRANSIENTS,
    SceneEvent,
    log_uniform,
    prominence_db,
    reference_rms,
    scene_event,
    scene_noise,
    scene_transient,
)
from seisml.synthetics.records import Sighting
from seisml.times import NS_PER_S

CODE = "SY.GEN."
RATES_HZ = {20.0: 1, 40.0: 1, 50.0: 2, 100.0: 8, 125.0: 1, 200.0: 2, 250.0: 1, 500.0: 1}
"""Sampling rates of records, and how often each is drawn."""
LENGTHS_S = {60.0: 4, 90.0: 5, 160.0: 5, 300.0: 4, 900.0: 2}
KINDS = {"quiet": 2, "single": 5, "swarm": 3}
SNR_DB = (-6.0, 40.0)
STRONG_SHARE, STRONG_DB = 0.25, (20.0, 75.0)
SILENT_SHARE = 0.08
"""Of the records that begin in silence that is no gap: padding, a sensor that is switched on."""
ONSET_S = 1.0
"""What of an event is called its onset."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """What a record holds, before any sample is drawn.

    Attributes
    ----------
    rate_hz, length_s : float
    components : str
        "Z" or "ZNE".
    gain : float
        RMS of the noise on the vertical, counts.
    events : tuple of SceneEvent
    transients : tuple of (kind, start in s, peak over the noise's RMS)
    """

    rate_hz: float
    length_s: float
    components: str
    gain: float
    events: tuple[SceneEvent, ...]
    transients: tuple[tuple[str, float, float], ...]


def earth_record(folder: Path, n: int, start_ns: int, rng: np.random.Generator) -> list[Sighting]:
    """Write one record and say what is in it.

    Sampling rates from 20 to 500 Hz, one or three components, any gain and colour of noise;
    earthquakes from impulsive to emergent, S-P from 0.3 to 30 s, alone or in swarms whose codas
    overlap; spikes, steps, knocks, feet, vehicles, wind and machines as what is no event.

    Parameters
    ----------
    folder : pathlib.Path
    n : int
        Its number.
    start_ns : int
    rng : numpy.random.Generator

    Returns
    -------
    list of Sighting
        ``snr`` is the ratio of `prominence_db`; the visible part is the onset, `ONSET_S`. What
        follows is not hidden: where an event stands out, its coda is known to be no onset.
    """
    scene = draw_scene(rng)
    counts, seen_db = scene_samples(scene, rng)
    network, station, _ = CODE.split(".")
    header = {"network": network, "station": station, "sampling_rate": scene.rate_hz}
    header["starttime"] = obspy.UTCDateTime(ns=start_ns)
    stream = obspy.Stream(
        obspy.Trace(data, {**header, "channel": f"HH{letter}"})
        for letter, data in zip(scene.components, counts, strict=True)
    )
    folder.mkdir(parents=True, exist_ok=True)
    stream.write(str(folder / f"{CODE}{n:05d}.mseed"), format="MSEED", encoding="INT32")
    found = []
    for event, seen in zip(scene.events, seen_db, strict=True):
        p_ns = start_ns + round(event.p_s * NS_PER_S)
        end_ns = p_ns + round(ONSET_S * NS_PER_S)
        # A faint P may be followed by an S that is not: nobody knows what begins there.
        hidden_ns = end_ns + round((event.sp_s + 2.0) * NS_PER_S)
        last_ns = end_ns if seen >= FAINT_DB else hidden_ns
        snr = float(10.0 ** (seen / 20.0))
        found.append(Sighting("earthquake", p_ns, p_ns, end_ns, last_ns, snr))
    return found


FAINT_DB = 3.0
"""Events whose P stands out less are neither learnt nor taken for noise."""


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw what a record holds, but no samples."""
    rate_hz, length_s = (_weighted(rng, table) for table in (RATES_HZ, LENGTHS_S))
    kind = _weighted(rng, KINDS)
    common_s = log_uniform(rng, 0.3, 30.0)  # a swarm is in one place
    times = {"quiet": lambda *_: np.zeros(0), "single": _single, "swarm": _swarm}[kind]
    events = tuple(
        draw_event(rng, p_s, common_s if kind == "swarm" else None) for p_s in times(rng, length_s)
    )
    n_transients = rng.poisson(rng.choice([0.0, 1.0, 3.0]) * length_s / 120.0)
    transients = tuple(
        (str(rng.choice(TRANSIENTS)), rng.uniform(0.0, length_s), log_uniform(rng, 3.0, 60.0))
        for _ in range(n_transients)
    )
    components = "ZNE" if rng.random() < 0.5 else "Z"
    gain = log_uniform(rng, 3.0, 3e4)
    return Scene(rate_hz, length_s, components, gain, events, transients)


def _weighted(rng: np.random.Generator, table: dict):
    keys, weights = list(table), np.array(list(table.values()), float)
    return keys[rng.choice(len(keys), p=weights / weights.sum())]


def _single(rng: np.random.Generator, length_s: float) -> np.ndarray:
    """One event in a short record, several in a longer one."""
    n = max(1, rng.poisson(length_s / 150.0))
    return np.sort(rng.uniform(6.0, length_s - 4.0, n))


def _swarm(rng: np.random.Generator, length_s: float) -> np.ndarray:
    every_s = log_uniform(rng, 6.0, 60.0)
    gaps_s = rng.exponential(every_s, int(3 * length_s / every_s) + 3) + 1.5
    times = 3.0 + np.cumsum(gaps_s)
    return times[times < length_s - 3.0]


def draw_event(rng: np.random.Generator, p_s: float, common_s: float | None) -> SceneEvent:
    """Draw an earthquake; with `common_s` its S - P is about that."""
    sp_s = log_uniform(rng, 0.3, 30.0)
    if common_s is not None:
        sp_s = min(12.0, common_s * float(np.exp(0.15 * rng.standard_normal())))
    low_db, high_db = SNR_DB
    snr_db = low_db + (high_db - low_db) * rng.beta(1.0, 1.5)
    if rng.random() < STRONG_SHARE:
        snr_db = rng.uniform(*STRONG_DB)
    coda_s = log_uniform(rng, 0.3, 4.0) + rng.uniform(0.1, 0.6) * sp_s
    return SceneEvent(
        p_s=float(p_s),
        sp_s=sp_s,
        snr_db=float(snr_db),
        s_ratio=float(np.clip(3.0 * np.exp(0.5 * rng.standard_normal()), 0.5, 12.0)),
        corner_hz=log_uniform(rng, 1.0, 40.0),
        attenuation_hz=log_uniform(rng, 4.0, 60.0),
        rise_s=0.0 if rng.random() < 0.6 else log_uniform(rng, 0.05, 1.2),
        coda_s=float(np.clip(coda_s, 0.4, 20.0)),
        shallow=bool(rng.random() < 0.2),
    )


def scene_samples(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Compute the samples of a scene, and how far its events stand out.

    Returns
    -------
    counts : numpy.ndarray of int32, shape (n_components, n_samples)
    seen_db : numpy.ndarray, shape (n_events,)
        Of each event's P on the vertical, see `seisml.synthetics.earth_scenes.prominence_db`.
    """
    rate_hz, n = scene.rate_hz, int(scene.length_s * scene.rate_hz)
    noise = scene_noise(n, rate_hz, rng)
    motion, waves = noise.copy(), []
    for event in scene.events:
        a, b = (int((event.p_s + d) * rate_hz) for d in (-10.0, 2.0))
        level = reference_rms(noise[0, max(0, a) : b], rate_hz)
        wave = 10.0 ** (event.snr_db / 20.0) * level * scene_event(event, n, rate_hz, rng)
        waves.append(wave[0])
        motion += wave
    level = reference_rms(noise[0], rate_hz)
    for kind, start_s, peak in scene.transients:
        wave, at = scene_transient(kind, rate_hz, rng), int(start_s * rate_hz)
        motion[:, at : at + wave.shape[1]] += peak * level * wave[:, : n - at]
    seen_db = [
        prominence_db(wave, motion[0] - wave, event, rate_hz)
        for event, wave in zip(scene.events, waves, strict=True)
    ]
    if rng.random() < SILENT_SHARE:
        motion[:, _silence(rng, scene)] *= rng.choice([0.0, 1e-3])
    counts = scene.gain * motion[: len(scene.components)] + rng.uniform(-500.0, 500.0)
    counts = np.clip(np.rint(counts), -(2**31) + 1, 2**31 - 1).astype(np.int32)
    return counts, np.array(seen_db)


def _silence(rng: np.random.Generator, scene: Scene) -> slice:
    """Return samples before the first event, most often from the start on."""
    first_s = min([event.p_s for event in scene.events], default=scene.length_s) - 2.0
    end_s = rng.uniform(0.0, max(first_s, 0.1))
    start_s = 0.0 if rng.random() < 0.7 else rng.uniform(0.0, end_s)
    return slice(int(start_s * scene.rate_hz), int(end_s * scene.rate_hz))
