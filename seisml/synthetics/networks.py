"""Generated networks: one earthquake after the other at all stations, with known moveouts.

What single records have (`seisml.synthetics.earth_records`), at several stations that see the same
events: onsets follow from distances, amplitudes fall with them, noise and transients are of each
station alone.
"""

import dataclasses
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

from seisml.moveout import EARTH_KM, WADATI, distances_km
from seisml.synthetics.earth_records import FAINT_DB, draw_event
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
from seisml.times import NS_PER_S

VP_KM_S = (4.5, 6.5)
STATIONS = (4, 13)
RADIUS_KM = (1.5, 30.0)
"""Of the networks; events are up to one and a half times as far from the middle."""
DEPTH_KM = (0.5, 12.0)
LOSS_DB_KM = 0.25
SITE_DB = 5.0
"""Standard deviation of what the noise of a site, or what is under it, adds."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a generated network goes through.

    Attributes
    ----------
    every_s : tuple of float, s
        Mean time between events beyond the least of 3 s: drawn log-uniform from this range.
    source_db : tuple of float, dB
        At the median station: the least, and the mean of what is above (small ones are many).
    knocks : tuple of float
        Transients in two minutes at a station: one of these.
    wrong_clocks : float
        Share of the stations whose clocks are 1 to 5 s off.
    """

    every_s: tuple[float, float] = (8.0, 150.0)
    source_db: tuple[float, float] = (8.0, 10.0)
    knocks: tuple[float, ...] = (0.0, 0.5, 2.0)
    wrong_clocks: float = 0.0


HARD = Setting(every_s=(2.0, 20.0), source_db=(6.0, 6.0), knocks=(0.5, 2.0, 6.0), wrong_clocks=0.1)
"""Swarms with events 3 to 20 s apart, weak ones at few stations, false picks, wrong clocks."""


@dataclasses.dataclass(frozen=True)
class Network:
    """A generated network and its events.

    Attributes
    ----------
    stations : pandas.DataFrame
        Columns station ("NET.STA"), latitude, longitude.
    arrivals : pandas.DataFrame
        One row an event and station: event, station, p_ns, s_ns, seen_db (how far P stands out,
        see `seisml.synthetics.earth_scenes.prominence_db`).
    start_ns, end_ns : int
        Of its records.
    """

    stations: pd.DataFrame
    arrivals: pd.DataFrame
    start_ns: int
    end_ns: int

    def events(self, *, min_stations: int = 3) -> pd.DataFrame:
        """Return time_ns (of the first P that stands out), end_ns and known of each event.

        Known are those whose P stands out at so many stations; what begins with the others,
        nobody can say.
        """
        seen = self.arrivals["seen_db"] >= FAINT_DB
        rows = self.arrivals.assign(seen=seen).sort_values(
            ["seen", "p_ns"], ascending=[False, True]
        )
        by_event = rows.groupby("event")
        found = by_event.agg(time_ns=("p_ns", "first"), end_ns=("s_ns", "max"), n=("seen", "sum"))
        found["end_ns"] += 5 * NS_PER_S
        found["known"] = found["n"] >= min_stations
        return found.reset_index(drop=True)


def network_record(
    folder: Path,
    code: str,
    start_ns: int,
    rng: np.random.Generator,
    *,
    length_s: float = 300.0,
    setting: Setting | None = None,
) -> Network:
    """Write the records of a network and say what is in them.

    Parameters
    ----------
    folder : pathlib.Path
    code : str
        Of the network, two letters.
    start_ns : int
    rng : numpy.random.Generator
    length_s : float, s
    setting : Setting, optional

    Returns
    -------
    Network

    Notes
    -----
    4 to 12 stations in a circle of 1.5 to 30 km, 100 samples/s; earthquakes in a swarm or anywhere
    in and around it, straight rays at 4.5 to 6.5 km/s, P at the median station from 8 dB below its
    noise on; at each station colours of noise, spikes, steps, knocks and vehicles of its own.
    """
    setting = setting or Setting()
    n, rate_hz, vp_km_s = int(rng.integers(*STATIONS)), 100.0, rng.uniform(*VP_KM_S)
    radius_km = log_uniform(rng, *RADIUS_KM)
    middle = np.array([rng.uniform(-60, 60), rng.uniform(-170, 170)])
    places = _places(rng, n, radius_km, middle)
    names = [f"{code}.S{k:02d}" for k in range(n)]
    origins_s = _origins(rng, length_s, setting.every_s)
    site_db = SITE_DB * rng.standard_normal(n)
    swarm = rng.random() < 0.5
    focus = _places(rng, 1, 1.5 * radius_km, middle)[0]
    seen: list[list[SceneEvent]] = [[] for _ in names]
    for origin_s in origins_s:
        place = focus if swarm else _places(rng, 1, 1.5 * radius_km, middle)[0]
        where = place, places, site_db, vp_km_s
        for k, one in enumerate(_arrivals(rng, origin_s, *where, setting.source_db)):
            seen[k].append(one)
    components = "ZNE" if rng.random() < 0.5 else "Z"
    late_ns = {name: _late_ns(rng, setting.wrong_clocks) for name in names}
    rows = []
    for name, events in zip(names, seen, strict=True):
        counts, seen_db = _samples(rng, events, length_s, rate_hz, len(components), setting.knocks)
        _write(folder, name, components, counts, start_ns + late_ns[name], rate_hz)
        for number, (event, db) in enumerate(zip(events, seen_db, strict=True)):
            p_ns = start_ns + round(event.p_s * NS_PER_S)
            s_ns = p_ns + round(event.sp_s * NS_PER_S)
            row = {"event": number, "station": name, "p_ns": p_ns, "s_ns": s_ns, "seen_db": db}
            rows.append(row)
    stations = pd.DataFrame({"station": names, "latitude": places[:, 0], "longitude": places[:, 1]})
    columns = ["event", "station", "p_ns", "s_ns", "seen_db"]
    end_ns = start_ns + round(length_s * NS_PER_S)
    return Network(stations, pd.DataFrame(rows, columns=columns), start_ns, end_ns)


def _places(rng, n: int, radius_km: float, middle: np.ndarray) -> np.ndarray:
    """Return latitude and longitude of n places in a circle, shape (n, 2)."""
    r_km, azimuth = radius_km * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    degrees = np.degrees(r_km / EARTH_KM)
    east = degrees * np.sin(azimuth) / np.cos(np.radians(middle[0]))
    return middle + np.stack([degrees * np.cos(azimuth), east], axis=1)


def _origins(rng, length_s: float, every: tuple[float, float]) -> np.ndarray:
    """Return origin times, from one event in a record to a dense swarm, from 4 s on."""
    every_s = log_uniform(rng, *every)
    times = rng.uniform(3.0, 12.0) + np.cumsum(rng.exponential(every_s, int(length_s)) + 3.0)
    return times[times < length_s - 15.0]


def _arrivals(rng, origin_s: float, place, places, site_db, vp_km_s: float, source: tuple):
    """Yield an event as each station sees it."""
    far_km = distances_km(np.vstack([places, place]))[-1, :-1]
    r_km = np.hypot(far_km, log_uniform(rng, *DEPTH_KM))
    loss_db = 20 * np.log10(r_km) + LOSS_DB_KM * r_km
    least_db, mean_db = source
    source_db = rng.exponential(mean_db) - least_db + np.median(loss_db)
    spectrum = draw_event(rng, 0.0, None)
    for km, db in zip(r_km, source_db - loss_db + site_db, strict=True):
        travel_s = km / vp_km_s
        yield dataclasses.replace(
            draw_event(rng, origin_s + travel_s, None),
            sp_s=max(0.1, WADATI * travel_s),
            snr_db=float(db + 2.0 * rng.standard_normal()),
            corner_hz=spectrum.corner_hz,
            rise_s=spectrum.rise_s,
            coda_s=float(spectrum.coda_s + 0.2 * WADATI * travel_s),
        )


def _late_ns(rng, wrong_clocks: float) -> int:
    """Return how late the clock of a station is."""
    if not wrong_clocks or rng.random() >= wrong_clocks:
        return 0
    return round(rng.choice([-1, 1]) * rng.uniform(1.0, 5.0) * NS_PER_S)


def _samples(rng, events, length_s: float, rate_hz: float, n_components: int, knocks: tuple):
    """Return the counts of a station and how far each event stands out."""
    n = int(length_s * rate_hz)
    noise = scene_noise(n, rate_hz, rng)
    level, motion, waves = reference_rms(noise[0], rate_hz), noise.copy(), []
    for event in events:
        wave = 10.0 ** (event.snr_db / 20.0) * level * scene_event(event, n, rate_hz, rng)
        waves.append(wave[0])
        motion += wave
    for _ in range(rng.poisson(rng.choice(knocks) * length_s / 120.0)):
        wave, at = scene_transient(str(rng.choice(TRANSIENTS)), rate_hz, rng), rng.integers(n)
        motion[:, at : at + wave.shape[1]] += (
            log_uniform(rng, 3.0, 60.0) * level * wave[:, : n - at]
        )
    pairs = zip(events, waves, strict=True)
    seen_db = [prominence_db(wave, motion[0] - wave, event, rate_hz) for event, wave in pairs]
    counts = log_uniform(rng, 30.0, 3e3) * motion[:n_components]
    return np.clip(np.rint(counts), -(2**31) + 1, 2**31 - 1).astype(np.int32), seen_db


def _write(folder: Path, name: str, components: str, counts, start_ns: int, rate_hz: float):
    network, station = name.split(".")
    header = {"network": network, "station": station, "sampling_rate": rate_hz}
    header["starttime"] = obspy.UTCDateTime(ns=start_ns)
    traces = (
        obspy.Trace(data, {**header, "channel": f"HH{letter}"})
        for letter, data in zip(components, counts, strict=True)
    )
    folder.mkdir(parents=True, exist_ok=True)
    obspy.Stream(traces).write(str(folder / f"{name}.mseed"), format="MSEED", encoding="INT32")
