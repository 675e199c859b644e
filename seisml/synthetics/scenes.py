"""Varied scenes: short records of many stations with known truth, to pretrain detectors on."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

from seisml.synthetics.archive import in_order
from seisml.synthetics.noise import Draw, generator
from seisml.synthetics.scene_waves import (
    TRANSIENTS,
    SceneEvent,
    log_uniform,
    prominence_db,
    reference_rms,
    scene_event,
    scene_noise,
    scene_transient,
)
from seisml.times import DAY_NS, NS_PER_S, to_ns

RATES_HZ = {20.0: 1, 40.0: 1, 50.0: 2, 100.0: 8, 125.0: 1, 200.0: 2, 250.0: 1, 500.0: 1}
"""Sampling rates of scenes, and how often each is drawn."""
START = "2020-01-01"


@dataclasses.dataclass(frozen=True)
class Scene:
    """One scene before any sample is drawn.

    Attributes
    ----------
    number, seed : int
    rate_hz, length_s : float
    components : str
        "Z" or "ZNE".
    gain : float
        RMS of the noise in counts.
    events : tuple of SceneEvent
    transients : tuple of (kind, start in s, peak over the noise's RMS)
    """

    number: int
    seed: int
    rate_hz: float
    length_s: float
    components: str
    gain: float
    events: tuple[SceneEvent, ...]
    transients: tuple[tuple[str, float, float], ...]

    @property
    def station(self) -> str:
        """NET.STA."""
        return f"SY.S{self.number:04d}"

    @property
    def start_ns(self) -> int:
        """First sample: each scene has its own day, at a time off the grid of windows."""
        offset_s = generator(self.seed, Draw.STATION, self.number, 1).uniform(3600.0, 60_000.0)
        return to_ns(START) + self.number % 2000 * DAY_NS + round(offset_s * 1e3) * 10**6


def make_scenes(
    folder,
    *,
    seed: int = 0,
    n_records: int = 1000,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Write short records of many different stations, with earthquakes and transients.

    Sampling rates from 20 to 500 Hz, one or three components, any gain and colour of noise;
    events from impulsive to emergent, S-P from 0.3 to 30 s, alone or in swarms whose codas
    overlap; spikes, steps, knocks, steps of feet, vehicles, wind, machines as what is no event.

    Parameters
    ----------
    folder : path-like
        One miniSEED file a scene is written here.
    seed : int
        The same seed gives the same bytes.
    n_records : int
    jobs : int
        Processes; the records do not depend on it.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``.

    Returns
    -------
    pandas.DataFrame
        One row an event: station, p_ns, s_ns, end_ns (of the coda), snr_db (see `SceneEvent`),
        seen_db (see `prominence_db`).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tell = on_progress or (lambda done, total: None)
    scenes = [draw_scene(seed, number) for number in range(n_records)]
    rows = []
    found = in_order(functools.partial(_write, folder), scenes, jobs=jobs)
    for done, (scene, seen_db) in enumerate(zip(scenes, found, strict=True), 1):
        for event, seen in zip(scene.events, seen_db, strict=True):
            p_ns = scene.start_ns + round(event.p_s * NS_PER_S)
            s_ns = p_ns + round(event.sp_s * NS_PER_S)
            end_ns = s_ns + round(2.0 * event.coda_s * NS_PER_S)
            rows.append((scene.station, p_ns, s_ns, end_ns, event.snr_db, float(seen)))
        tell(done, n_records)
    columns = ["station", "p_ns", "s_ns", "end_ns", "snr_db", "seen_db"]
    return pd.DataFrame(rows, columns=columns)


def draw_scene(seed: int, number: int, *, snr_db: tuple[float, float] = (-6.0, 40.0)) -> Scene:
    """Draw what a scene holds, but no samples."""
    rng = generator(seed, Draw.STATION, number)
    rates = np.array(list(RATES_HZ))
    weights = np.array(list(RATES_HZ.values()), float)
    rate_hz = float(rng.choice(rates, p=weights / weights.sum()))
    length_s = float(rng.choice([60.0, 90.0, 160.0, 300.0, 900.0], p=[0.2, 0.25, 0.25, 0.2, 0.1]))
    kind = rng.choice(["quiet", "single", "swarm"], p=[0.2, 0.5, 0.3])
    times = {"quiet": np.zeros(0), "single": _single(rng, length_s), "swarm": _swarm(rng, length_s)}
    common_s = log_uniform(rng, 0.3, 30.0)  # a swarm is in one place
    events = tuple(_event(rng, p_s, kind, common_s, snr_db) for p_s in times[kind])
    n_transients = rng.poisson(rng.choice([0.0, 1.0, 3.0]) * length_s / 120.0)
    transients = tuple(
        (
            str(rng.choice(TRANSIENTS)),
            float(rng.uniform(0.0, length_s)),
            log_uniform(rng, 3.0, 60.0),
        )
        for _ in range(n_transients)
    )
    return Scene(
        number,
        seed,
        rate_hz,
        length_s,
        "ZNE" if rng.random() < 0.5 else "Z",
        log_uniform(rng, 3.0, 3e4),
        events,
        transients,
    )


def _single(rng, length_s: float) -> np.ndarray:
    """One event in a short record, several in a longer one."""
    n = max(1, rng.poisson(length_s / 150.0))
    return np.sort(rng.uniform(6.0, length_s - 4.0, n))


def _swarm(rng, length_s: float) -> np.ndarray:
    every_s = log_uniform(rng, 6.0, 60.0)
    gaps_s = rng.exponential(every_s, int(3 * length_s / every_s) + 3) + 1.5
    times = 3.0 + np.cumsum(gaps_s)
    return times[times < length_s - 3.0]


def _event(rng, p_s: float, kind: str, common_s: float, snr_db: tuple[float, float]) -> SceneEvent:
    sp_s = log_uniform(rng, 0.3, 30.0)
    if kind == "swarm":
        sp_s = common_s * float(np.exp(0.15 * rng.standard_normal()))
        sp_s = min(sp_s, 12.0)
    low, high = snr_db
    strength = low + (high - low) * rng.beta(1.0, 1.5)
    return SceneEvent(
        p_s=float(p_s),
        sp_s=sp_s,
        snr_db=float(strength),
        s_ratio=float(np.clip(3.0 * np.exp(0.5 * rng.standard_normal()), 0.5, 12.0)),
        corner_hz=log_uniform(rng, 1.0, 40.0),
        attenuation_hz=log_uniform(rng, 4.0, 60.0),
        rise_s=0.0 if rng.random() < 0.5 else log_uniform(rng, 0.05, 1.5),
        coda_s=float(np.clip(log_uniform(rng, 0.3, 4.0) + rng.uniform(0.1, 0.6) * sp_s, 0.4, 20.0)),
        shallow=bool(rng.random() < 0.2),
    )


def scene_samples(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Compute the samples of a scene, and how far its events stand out.

    Returns
    -------
    counts : numpy.ndarray of int32, shape (n_components, n_samples)
    seen_db : numpy.ndarray, shape (n_events,)
        Of each event's P on the vertical, see `scene_waves.prominence_db`.
    """
    rate_hz, n = scene.rate_hz, int(scene.length_s * scene.rate_hz)
    rng = generator(scene.seed, Draw.SITE, scene.number)
    motion = scene_noise(n, rate_hz, rng)
    quiet = motion.copy()
    waves = []
    for event in scene.events:
        a, b = (int((event.p_s + d) * rate_hz) for d in (-10.0, 2.0))
        level = reference_rms(quiet[0, max(0, a) : b], rate_hz)
        wave = 10.0 ** (event.snr_db / 20.0) * level * scene_event(event, n, rate_hz, rng)
        waves.append(wave[0])
        motion += wave
    for kind, start_s, peak in scene.transients:
        wave = scene_transient(kind, rate_hz, rng)
        at = int(start_s * rate_hz)
        level = reference_rms(quiet[0], rate_hz)
        motion[:, at : at + wave.shape[1]] += peak * level * wave[:, : n - at]
    seen_db = [
        prominence_db(wave, motion[0] - wave, event, rate_hz)
        for event, wave in zip(scene.events, waves, strict=True)
    ]
    if rng.random() < 0.08:  # silence that is no gap: padding, a sensor that is switched on
        motion[:, _silence(rng, scene)] *= rng.choice([0.0, 1e-3])
    counts = scene.gain * motion[: len(scene.components)] + rng.uniform(-500.0, 500.0, 1)
    counts = np.clip(np.rint(counts), -(2**31) + 1, 2**31 - 1).astype(np.int32)
    return counts, np.array(seen_db)


def _silence(rng, scene: Scene) -> slice:
    """Return samples before the first event, most often from the start on."""
    first_s = min([event.p_s for event in scene.events], default=scene.length_s) - 2.0
    end_s = rng.uniform(0.0, max(first_s, 0.1))
    start_s = 0.0 if rng.random() < 0.7 else rng.uniform(0.0, end_s)
    return slice(int(start_s * scene.rate_hz), int(end_s * scene.rate_hz))


def _write(folder: Path, scene: Scene) -> np.ndarray:
    network, station = scene.station.split(".")
    header = {"network": network, "station": station, "sampling_rate": scene.rate_hz}
    header["starttime"] = obspy.UTCDateTime(ns=scene.start_ns)
    counts, seen_db = scene_samples(scene)
    stream = obspy.Stream(
        obspy.Trace(data, {**header, "channel": f"HH{letter}"})
        for letter, data in zip(scene.components, counts, strict=True)
    )
    path = folder / f"{scene.station}.mseed"
    stream.write(str(path), format="MSEED", encoding="INT32", reclen=4096)
    return seen_db
