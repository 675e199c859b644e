"""Apollo-like archives: one mid-period station on the Moon in digital units."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError
from seisml.synthetics.archive import Truth, refuse_existing, run_tasks, sds_path
from seisml.synthetics.expert import expert_copy
from seisml.synthetics.moon_noise import (
    FILL,
    RATE_HZ,
    LunarClimate,
    baseline,
    digital,
    disturbances,
    level_series,
    lunar_background,
)
from seisml.synthetics.moon_waves import (
    DEEP,
    IMPACT,
    SHALLOW,
    SHAPES,
    Moonquake,
    draw_moonquake,
    moonquake_wave,
    repeated,
)
from seisml.synthetics.noise import Draw, generator
from seisml.times import DAY_NS, NS_PER_S, to_ns

STATION = "XA.S12"
POSITION = (-3.01084, -23.42456, 0.0)  # degrees, degrees east, m
CHANNELS = ("MH1", "MH2", "MHZ")
AZIMUTH_DIP = ((180.0, 0.0), (270.0, 0.0), (0.0, -90.0))
DAY_SAMPLES = 572_400  # 86400 s at 6.625 samples a second
SHARES = ((DEEP, 0.72), (IMPACT, 0.2), (SHALLOW, 0.08))
CLIMATE = LunarClimate(level_du=0.3, drift_sd=0.15, steps_per_day=1.0, heater_du=0.6)
LEVEL_STEP_S = 20.0
PICK_SD_S = {"start": 30.0, "end": 300.0, "P": 10.0, "S": 20.0}
NEST_KEY = 1_000_000  # key of the first nest: above those of all events
MARGIN_S, LONGEST_S = 1800.0, 7200.0  # later onsets may lie in the end of a coda


@dataclasses.dataclass(frozen=True)
class MoonPlan:
    """All that an Apollo-like archive will hold, before any sample is drawn."""

    seed: int
    start_ns: int
    n_days: int
    quakes: tuple[Moonquake, ...]
    gaps: tuple[tuple[int, int], ...]
    catalog: Catalog


def plan_moon(
    *,
    seed: int,
    start="1971-03-01",
    n_days: int = 4,
    events_per_day: float = 3.0,
    n_nests: int = 0,
) -> MoonPlan:
    """Draw events and gaps of an archive, but no samples; see `make_moon_archive`."""
    start_ns = to_ns(start)
    if start_ns % DAY_NS or n_days < 1:
        raise ConfigError(
            f"start is {start!r} and n_days {n_days}.", "Archives are whole days from midnight UTC."
        )
    rng = generator(seed, Draw.EVENTS)
    quakes: list[Moonquake] = []
    taken: list[tuple[float, float]] = []
    length_s = n_days * 86_400.0
    nests = [_nest(seed, n, start_ns) for n in range(n_nests)]
    for number in range(round(events_per_day * n_days)):
        label = str(rng.choice([k for k, _ in SHARES], p=[p for _, p in SHARES]))
        snr = 1.5 * (1.0 - rng.random() * (1.0 - (1.5 / 150.0) ** 1.0)) ** -1.0
        snr = min(snr, SHAPES[label].snr[1])
        for _ in range(200):
            at_s = float(np.round(rng.uniform(MARGIN_S, length_s - 5400.0), 3))
            first_ns = start_ns + round(at_s * NS_PER_S)
            quake = draw_moonquake(rng, (seed, number), first_ns, label, snr)
            if nests and label == DEEP:
                quake = repeated(nests[number % n_nests], first_ns, snr, (1, 1, -1)[number % 3])
            span = at_s - MARGIN_S, at_s + min(quake.length_s, LONGEST_S)
            if all(span[1] < a or b < span[0] for a, b in taken):
                break
        else:
            raise ConfigError(
                f"{events_per_day:g} events a day do not fit in.", "Lower events_per_day."
            )
        taken.append(span)
        quakes.append(quake)
    gaps = []
    for day in range(n_days):
        begin_ns = start_ns + day * DAY_NS + int(rng.integers(0, 80_000)) * NS_PER_S
        gaps.append((begin_ns, begin_ns + int(rng.integers(60, 1200)) * NS_PER_S))
    quakes.sort(key=lambda quake: quake.first_ns)
    ordered = tuple(quakes)
    return MoonPlan(seed, start_ns, n_days, ordered, tuple(gaps), _catalog(ordered))


def _nest(seed: int, number: int, start_ns: int) -> Moonquake:
    """Draw a source of deep moonquakes."""
    rng = generator(seed, Draw.NESTS, number)
    return draw_moonquake(rng, (seed, NEST_KEY + number), start_ns, DEEP, 1.0)


def end_ns(quake: Moonquake) -> int:
    """Return when the signal of an event ends: where it falls to the noise."""
    lasts_s = quake.decay_s * math.log(max(quake.snr, 1.6))
    return quake.second_ns + round(min(lasts_s, 3.5 * quake.decay_s) * NS_PER_S)


def _catalog(quakes) -> Catalog:
    events, picks = [], []
    for n, quake in enumerate(quakes):
        event_id = f"moon{n:05d}"
        quality = "A" if quake.snr >= 12 else "B" if quake.snr >= 5 else "C"
        events.append(
            {
                "event_id": event_id,
                "time_ns": quake.first_ns,
                "end_ns": end_ns(quake),
                "station": STATION,
                "label": quake.label,
                "quality": quality if quake.snr >= 2.5 else "D",
                "uncertainty_s": 0.0,
                "origin_ns": quake.origin_ns,
                "distance_deg": quake.distance_deg,
                "snr": quake.snr,
            }
        )
        if quake.key[1] >= NEST_KEY:
            events[-1]["nest"] = f"N{quake.key[1] - NEST_KEY + 1:02d}"
        rows = (("start", quake.first_ns), ("P", quake.first_ns), ("S", quake.second_ns))
        for phase, time_ns in (*rows, ("end", end_ns(quake))):
            row = {"event_id": event_id, "station": STATION, "phase": phase, "time_ns": time_ns}
            picks.append({**row, "uncertainty_s": 0.0, "snr": quake.snr})
    return make_catalog(
        events or None,
        picks or None,
        name="truth",
        body="moon",
        source="seisml.synthetics",
        time_basis="label_start",
    )


def moon_samples(plan: MoonPlan, day: int) -> np.ndarray:
    """Return what the station transmits on one day.

    Parameters
    ----------
    plan : MoonPlan
    day : int
        Counted from the first day of the archive.

    Returns
    -------
    numpy.ndarray of int32, shape (3, 572400)
        Digital units; -1 where samples are missing.
    """
    first = (plan.start_ns // DAY_NS + day) * DAY_SAMPLES
    wave = lunar_background(plan.seed, first, first + DAY_SAMPLES, CLIMATE)
    rng = generator(plan.seed, Draw.BURST_WAVE, first // DAY_SAMPLES)
    steps = level_series(int(86_400 / LEVEL_STEP_S) + 1, LEVEL_STEP_S, rng, CLIMATE)
    seconds = np.arange(DAY_SAMPLES) / RATE_HZ
    wave *= np.interp(seconds, np.arange(len(steps)) * LEVEL_STEP_S, steps)
    wave += [disturbances(DAY_SAMPLES, rng, CLIMATE) for _ in CHANNELS]
    wave += [baseline(DAY_SAMPLES, rng, CLIMATE) for _ in CHANNELS]
    begin_ns = plan.start_ns + day * DAY_NS
    for quake in plan.quakes:
        at = math.ceil((quake.first_ns - begin_ns) / NS_PER_S * RATE_HZ)
        n = int(quake.length_s * RATE_HZ)
        if at + n <= 0 or at >= DAY_SAMPLES:
            continue
        offset_s = at / RATE_HZ - (quake.first_ns - begin_ns) / NS_PER_S
        event = CLIMATE.level_du * quake.snr * moonquake_wave(quake, offset_s, n)
        a, b = max(at, 0), min(at + n, DAY_SAMPLES)
        wave[:, a:b] += event[:, a - at : b - at]
    out = digital(wave).astype(np.int32)
    for start, end in plan.gaps:
        a, b = (int((t - begin_ns) / NS_PER_S * RATE_HZ) for t in (start, end))
        out[:, max(0, a) : max(0, min(b, DAY_SAMPLES))] = FILL
    return out


def make_moon_archive(
    folder,
    *,
    seed: int = 0,
    start="1971-03-01",
    n_days: int = 4,
    events_per_day: float = 3.0,
    n_nests: int = 0,
    missing_share: float = 0.25,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> Truth:
    """Write an archive of an Apollo mid-period station with known truth.

    One station, XA.S12.00 with channels MH1, MH2, MHZ at 6.625 samples a second in digital units,
    -1 where samples are missing.

    Parameters
    ----------
    folder : path-like
        Root of the SDS tree.
    seed : int
        The same seed gives the same bytes, whatever `jobs` is.
    start : time
        Midnight UTC at which the archive begins.
    n_days : int
    events_per_day : float
        Deep and shallow moonquakes and impacts, with codas of up to hours.
    n_nests : int
        The deep ones come from so many places and have one waveform each, a third of them upside
        down; 0: each from its own.
    missing_share : float
        Share of the events that the expert has missed, faint ones first.
    jobs : int
        Processes.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``, in days.
    overwrite : bool
        Allow replacing day files that exist.

    Returns
    -------
    Truth

    Raises
    ------
    ConfigError
        If a setting cannot be used, or a day file exists.
    """
    options = {"n_days": n_days, "events_per_day": events_per_day, "n_nests": n_nests}
    plan = plan_moon(seed=seed, start=start, **options)
    sd = plan.catalog.picks["phase"].map(PICK_SD_S).to_numpy(dtype=float)
    expert = expert_copy(
        plan.catalog, seed=seed, missing_share=missing_share, pick_sd_s=sd, time_phase="start"
    )
    tasks = [(str(folder), plan, day) for day in range(n_days)]
    refuse_existing((_path(*task, c) for task in tasks for c in CHANNELS), overwrite)
    run_tasks(_write_day, tasks, jobs=jobs, on_progress=on_progress)
    rows = [(STATION, c, a, b, "fill") for a, b in plan.gaps for c in CHANNELS]
    gaps = pd.DataFrame(rows, columns=["station", "channel", "start_ns", "end_ns", "kind"])
    empty = pd.DataFrame(columns=["station", "time_ns", "end_ns", "kind", "snr"])
    stations = pd.DataFrame(
        [(STATION, *POSITION)], columns=["station", "latitude", "longitude", "elevation_m"]
    )
    return Truth(plan.catalog, expert, empty, gaps, gaps.iloc[:0], stations)


def _path(folder: str, plan: MoonPlan, day: int, channel: str) -> Path:
    return sds_path(folder, STATION + ".00", channel, plan.start_ns + day * DAY_NS)


def _write_day(task: tuple[str, MoonPlan, int]) -> None:
    _, plan, day = task
    header = {"network": "XA", "station": "S12", "location": "00", "sampling_rate": RATE_HZ}
    header["starttime"] = obspy.UTCDateTime(ns=plan.start_ns + day * DAY_NS)
    for channel, samples in zip(CHANNELS, moon_samples(plan, day), strict=True):
        path = _path(*task, channel)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        trace = obspy.Trace(samples, {**header, "channel": channel})
        trace.write(str(part), format="MSEED", encoding="STEIM2", reclen=4096)
        part.replace(path)
