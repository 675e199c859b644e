"""InSight-like archives: one station on Mars with its wind, tick, glitches and marsquakes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.synthetics.archive import (
    Truth,
    day_pieces,
    fault_tables,
    refuse_existing,
    run_tasks,
    sds_path,
    shift_after,
    write_day,
)
from seisml.synthetics.expert import expert_copy
from seisml.synthetics.grid import add_at, make_grid, seconds
from seisml.synthetics.mars_catalog import POSITION, STATION
from seisml.synthetics.mars_events import marsquake_wave
from seisml.synthetics.mars_noise import SENSITIVITY, background, lmst_hours, tick, to_uvw
from seisml.synthetics.mars_plan import (
    CHANNELS,
    MARS_FAULTS,
    MarsPlan,
    Transient,
    plan_mars,
)
from seisml.synthetics.mars_transients import transient_wave
from seisml.synthetics.noise import Draw, generator
from seisml.times import DAY_NS, NS_PER_S

OFFSET_COUNTS = (-1240.0, 2310.0, 870.0)
DRIFT_COUNTS = 900.0  # amplitude of the daily swing with temperature
PICK_SD_S = {"start": 2.0, "end": 20.0, "P": 2.0, "S": 3.0, "Pg": 8.0, "Sg": 10.0}
CRACK_PICK_SD_S = 0.1


def make_mars_archive(
    folder,
    *,
    seed: int = 0,
    start="2021-06-01",
    n_days: int = 4,
    sampling_rate_hz: float = 20.0,
    events_per_sol: float = 6.0,
    low_share: float = 0.3,
    cracks_per_sol: float = 1.4,
    transients: float = 1.0,
    faults: Sequence[str] = tuple(MARS_FAULTS),
    missing_share: float = 0.25,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> Truth:
    """Write an archive of the seismometer of InSight with known truth.

    One station, XB.ELYSE.02 with channels BHU, BHV, BHW in counts. Most events are in the quiet
    evening, as in the catalogue of the Marsquake Service, because only there they are seen.

    Parameters
    ----------
    folder : path-like
        Root of the SDS tree; day files of STEIM2 miniSEED are written below it.
    seed : int
        The same seed gives the same bytes, whatever `jobs` is.
    start : time
        Midnight UTC at which the archive begins.
    n_days : int
        Length in days (not sols).
    sampling_rate_hz : float
        A multiple of 5 Hz; the noise has no power above 10 Hz.
    events_per_sol : float
        Marsquakes of 10 to 20 minutes: 2.4_HZ, HIGH_FREQUENCY, VERY_HIGH_FREQUENCY,
        LOW_FREQUENCY, BROADBAND and WIDEBAND, see `seisml.synthetics.mars_events`.
    low_share : float
        Share of the low-frequency family (the last three).
    cracks_per_sol : float
        Events SUPER_HIGH_FREQUENCY: cracks in the ground, seconds long, after sunset.
    transients : float
        Factor on the usual number of glitches (153 a sol), donks (53) and dust devils (10).
    faults : sequence of str
        Which of `MARS_FAULTS` to plant.
    missing_share : float
        Share of the events that the expert has missed.
    jobs : int
        Number of processes.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``, in days.
    overwrite : bool
        Allow replacing day files that exist.

    Returns
    -------
    Truth
        The time of an event is the start of its signal. Extra columns of events are ``snr`` (the
        largest RMS of the signal in 2.2-2.8 Hz, of the low family in 0.2-0.8 Hz, of cracks in
        6-8.5 Hz, over the typical RMS of the noise at that local time), ``origin_ns`` and
        ``distance_deg``. The expert's picks jitter by `PICK_SD_S` and more where the signal is
        weak.

    Raises
    ------
    ConfigError
        If a setting cannot be used, or a day file exists.
    """
    plan = plan_mars(
        seed=seed,
        grid=make_grid(start, n_days, sampling_rate_hz),
        events_per_sol=events_per_sol,
        low_share=low_share,
        cracks_per_sol=cracks_per_sol,
        transients=transients,
        faults=faults,
    )
    sd = plan.catalog.picks["phase"].map(PICK_SD_S).to_numpy(dtype=float, copy=True)
    sd[plan.catalog.picks["event_id"].str.startswith("T").to_numpy()] = CRACK_PICK_SD_S
    expert = expert_copy(
        plan.catalog, seed=seed, missing_share=missing_share, pick_sd_s=sd, time_phase="start"
    )
    tasks = [(str(folder), plan, day) for day in range(n_days)]
    refuse_existing((_path(*task, c) for task in tasks for c in range(3)), overwrite)
    run_tasks(_write_day, tasks, jobs=jobs, on_progress=on_progress)
    gaps, defects = fault_tables(plan.faults)
    stations = pd.DataFrame(
        [(STATION, *POSITION)], columns=["station", "latitude", "longitude", "elevation_m"]
    )
    return Truth(plan.catalog, expert, _burst_table(plan), gaps, defects, stations)


def ground_motion(plan: MarsPlan, day: int) -> np.ndarray:
    """Compute what the three sensors feel on one day.

    Parameters
    ----------
    plan : MarsPlan
        See `seisml.synthetics.mars_plan.plan_mars`.
    day : int
        Counted from the first day of the archive.

    Returns
    -------
    numpy.ndarray of float64, shape (3, n_samples)
        U, V, W in m/s, behind the response of the instrument.
    """
    grid = plan.grid
    n, rate = grid.day_samples, grid.sampling_rate_hz
    day_1970 = grid.start_ns // DAY_NS + day
    first = day * n
    uvw = to_uvw(background(plan.seed, day_1970 * n, (day_1970 + 1) * n, rate, plan.wind_at))
    uvw += tick(plan.seed, day_1970, n, rate)
    for quake in plan.quakes:
        _add(uvw, plan, first, quake.first_ns, quake.length_s, _quake_uvw, quake)
    for transient in plan.transients:
        _add(uvw, plan, first, transient.start_ns, transient.length_s, _transient_uvw, transient)
    return uvw


def _add(uvw, plan: MarsPlan, first: int, start_ns: int, length_s: float, wave, thing) -> None:
    """Add the wave of an event or transient where it overlaps the day, in place."""
    grid = plan.grid
    end_ns = start_ns + seconds(length_s)
    if end_ns < grid.time_ns(first) or start_ns > grid.time_ns(first + uvw.shape[1]):
        return
    shift = shift_after(plan.faults, STATION, start_ns, grid)
    at = grid.index(start_ns, shift)
    offset_s = (grid.time_ns(at, shift) - start_ns) / NS_PER_S
    for channel, values in zip(uvw, wave(thing, offset_s, grid.sampling_rate_hz), strict=True):
        add_at(channel, first, values, at)


def _quake_uvw(quake, offset_s: float, rate_hz: int) -> np.ndarray:
    return to_uvw(marsquake_wave(quake, offset_s, rate_hz))


def _transient_uvw(transient: Transient, offset_s: float, rate_hz: int) -> np.ndarray:
    rng = generator(transient.key[0], Draw.BURST_WAVE, transient.key[1])
    n = max(4, round(transient.length_s * rate_hz))
    return transient_wave(transient.kind, n, offset_s, rate_hz, transient.peak_m_s, rng)


def _path(folder: str, plan: MarsPlan, day: int, channel: int) -> Path:
    day_ns = plan.grid.start_ns + day * DAY_NS
    return sds_path(folder, STATION + ".02", CHANNELS[channel], day_ns)


def _write_day(task: tuple[str, MarsPlan, int]) -> None:
    """Write the three files of a day."""
    _, plan, day = task
    uvw = ground_motion(plan, day)
    first = day * plan.grid.day_samples
    minute_ns = plan.grid.time_ns(first) + np.arange(1441) * 60 * NS_PER_S
    swing = np.cos((lmst_hours(minute_ns) - 15.0) * np.pi / 12.0)
    swing = np.interp(
        np.arange(uvw.shape[1]) / plan.grid.sampling_rate_hz / 60.0, np.arange(1441), swing
    )
    for channel, velocity in enumerate(uvw):
        counts = velocity * SENSITIVITY[channel] + OFFSET_COUNTS[channel] + DRIFT_COUNTS * swing
        samples = np.rint(counts).astype(np.int32)
        pieces = day_pieces(plan.faults, plan.grid, day)
        path = _path(*task, channel)
        write_day(path, STATION + ".02", CHANNELS[channel], plan.grid, pieces, samples, first)


def _burst_table(plan: MarsPlan) -> pd.DataFrame:
    """Return the table `Truth.noise_bursts`."""
    rows = [
        (STATION, t.start_ns, t.start_ns + seconds(t.length_s), t.kind, t.peak_m_s)
        for t in plan.transients
    ]
    table = pd.DataFrame(rows, columns=["station", "time_ns", "end_ns", "kind", "peak_m_s"])
    return table.sort_values(["time_ns", "kind"], ignore_index=True)
