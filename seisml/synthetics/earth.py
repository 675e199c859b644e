"""Earth-like archives: a small network, local earthquakes, quarry blasts, faults of the record."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.synthetics.archive import (
    Truth,
    day_pieces,
    fault_tables,
    faults_of,
    refuse_existing,
    run_tasks,
    sds_path,
    shift_after,
    write_day,
)
from seisml.synthetics.earth_plan import CHANNELS, EARTH_FAULTS, EarthPlan, plan_earth
from seisml.synthetics.earth_waves import HOUR_S, burst_wave, channel_noise, event_wave
from seisml.synthetics.expert import expert_copy
from seisml.synthetics.grid import add_at, make_grid, seconds
from seisml.times import DAY_NS, NS_PER_S


def make_earth_archive(
    folder,
    *,
    seed: int = 0,
    start="2024-03-01",
    n_days: int = 4,
    stations: int = 2,
    sampling_rate_hz: float = 100.0,
    events_per_day: float = 36.0,
    blasts_per_day: float = 4.0,
    bursts_per_day: float = 40.0,
    magnitudes: tuple[float, float] = (0.5, 3.2),
    b_value: float = 1.0,
    faults: Sequence[str] = tuple(EARTH_FAULTS),
    missing_share: float = 0.25,
    pick_sd_s: float = 0.08,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> Truth:
    """Write an archive of local earthquakes and quarry blasts with known truth.

    Parameters
    ----------
    folder : path-like
        Root of the SDS tree; day files of STEIM2 miniSEED in counts are written below it.
    seed : int
        The same seed gives the same bytes, whatever `jobs` is.
    start : time
        Midnight UTC at which the archive begins.
    n_days : int
        Length in days.
    stations : int
        Number of stations, 1 to 4, with three components each.
    sampling_rate_hz : float
        A multiple of 5 Hz.
    events_per_day : float
        Earthquakes; with magnitudes after Gutenberg and Richter between `magnitudes`. With more
        than one day, one of them has its P before and its S after midnight at all stations.
    blasts_per_day : float
        Quarry blasts: shallow, by day, at two places, weak S, a Rayleigh wave.
    bursts_per_day : float
        Transients that are no event, at each station.
    magnitudes : tuple of float
        Smallest and largest magnitude of earthquakes.
    b_value : float
        Slope of log10 of the number of earthquakes over magnitude.
    faults : sequence of str
        Which of `EARTH_FAULTS` to plant; those of the second station need two stations.
    missing_share : float
        Share of the events that the expert has missed.
    pick_sd_s : float
        Standard deviation of the expert's picks of strong arrivals, s; S picks have twice that.
    jobs : int
        Number of processes.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``, in channel-days.
    overwrite : bool
        Allow replacing day files that exist.

    Returns
    -------
    Truth
        Picks have the extra columns ``snr`` (RMS of P on Z, or of S on a horizontal component,
        in the 2 s after the onset over the RMS of the site noise at that time, the microseism
        left out; the window of P is 0.8 of S−P if that is shorter) and ``distance_km`` (from
        the hypocentre). Events have the largest ``snr`` of their P picks.

    Raises
    ------
    ConfigError
        If a setting cannot be used, or a day file exists.
    """
    plan = plan_earth(
        seed=seed,
        grid=make_grid(start, n_days, sampling_rate_hz),
        stations=stations,
        events_per_day=events_per_day,
        blasts_per_day=blasts_per_day,
        bursts_per_day=bursts_per_day,
        magnitudes=magnitudes,
        b_value=b_value,
        faults=faults,
    )
    picks = plan.catalog.picks
    sd = np.where(picks["phase"] == "S", 2.0 * pick_sd_s, pick_sd_s)
    expert = expert_copy(plan.catalog, seed=seed, missing_share=missing_share, pick_sd_s=sd)
    tasks = [
        (str(folder), plan, station, channel, day)
        for day in range(n_days)
        for station in range(stations)
        for channel in range(len(CHANNELS))
    ]
    refuse_existing((_path(*task) for task in tasks), overwrite)
    run_tasks(_write_channel_day, tasks, jobs=jobs, on_progress=on_progress)
    gaps, defects = fault_tables(plan.faults)
    return Truth(plan.catalog, expert, _burst_table(plan), gaps, defects, _station_table(plan))


def make_archive_small(folder, *, seed: int = 0, jobs: int = 1) -> Truth:
    """Write a small archive for tests: 3 days, 2 stations, 3 components, 20 Hz.

    It has earthquakes and quarry blasts, an earthquake over midnight, a gap of hours and a
    restart off the sample grid; see `make_earth_archive`.

    Parameters
    ----------
    folder : path-like
        Root of the SDS tree.
    seed : int
    jobs : int
        Number of processes.

    Returns
    -------
    Truth
    """
    return make_earth_archive(
        folder,
        seed=seed,
        n_days=3,
        stations=2,
        sampling_rate_hz=20.0,
        events_per_day=16.0,
        blasts_per_day=5.0,
        bursts_per_day=20.0,
        faults=("hours_gap", "restart"),
        jobs=jobs,
    )


def channel_samples(plan: EarthPlan, k: int, channel: int, first: int, stop: int) -> np.ndarray:
    """Compute samples of one channel, without the faults that concern the files.

    Parameters
    ----------
    plan : EarthPlan
        See `seisml.synthetics.earth_plan.plan_earth`.
    k, channel : int
        Number of the station and of the channel.
    first, stop : int
        Sample numbers ``first <= i < stop``.

    Returns
    -------
    numpy.ndarray of int32, shape (stop - first,)
        Counts. The same values whatever range they are asked for in.
    """
    grid, station = plan.grid, plan.stations[k]
    rate, per_hour = grid.sampling_rate_hz, HOUR_S * grid.sampling_rate_hz
    hours = range(first // per_hour, -(-stop // per_hour))
    since_1970 = grid.start_ns // (HOUR_S * NS_PER_S)
    samples = channel_noise(
        (plan.seed, k, channel),
        range(since_1970 + hours.start, since_1970 + hours.stop),
        rate,
        station.site_counts * station.gain[hours.start * 60 : hours.stop * 60 + 1],
        station.microseism_counts,
    )
    begin = hours.start * per_hour
    start_ns, end_ns = grid.time_ns(begin), grid.time_ns(begin + len(samples))
    for arrival in plan.arrivals[k]:
        if arrival.p_ns < end_ns and arrival.p_ns + seconds(arrival.length_s) > start_ns:
            shift = shift_after(plan.faults, station.code, arrival.p_ns, grid)
            at = grid.index(arrival.p_ns, shift)
            offset_s = (grid.time_ns(at, shift) - arrival.p_ns) / NS_PER_S
            add_at(samples, begin, event_wave(arrival, offset_s, rate)[channel], at)
    for burst in plan.bursts[k]:
        if burst.start_ns < end_ns and burst.start_ns + seconds(burst.length_s) > start_ns:
            at = grid.index(
                burst.start_ns, shift_after(plan.faults, station.code, burst.start_ns, grid)
            )
            add_at(samples, begin, burst_wave(burst, rate)[channel], at)
    samples = samples[first - begin : stop - begin]
    samples += np.float32(station.offset_counts[channel])
    return np.rint(samples, out=samples).astype(np.int32)


def _path(folder: str, plan: EarthPlan, k: int, channel: int, day: int) -> Path:
    day_ns = plan.grid.start_ns + day * DAY_NS
    return sds_path(folder, plan.stations[k].code + ".", CHANNELS[channel], day_ns)


def _write_channel_day(task: tuple[str, EarthPlan, int, int, int]) -> None:
    """Write one day file."""
    _, plan, k, channel, day = task
    station, name = plan.stations[k], CHANNELS[channel]
    faults = faults_of(plan.faults, station.code, name)
    pieces = day_pieces(faults, plan.grid, day)
    if not pieces:
        return
    first = min(piece.first for piece in pieces)
    samples = channel_samples(plan, k, channel, first, max(piece.stop for piece in pieces))
    for fault in faults:
        if fault.kind == "zeros":
            a, b = plan.grid.index(fault.start_ns), plan.grid.index(fault.end_ns)
            samples[max(a - first, 0) : max(b - first, 0)] = 0
    write_day(_path(*task), station.code + ".", name, plan.grid, pieces, samples, first)


def _burst_table(plan: EarthPlan) -> pd.DataFrame:
    """Return the table `Truth.noise_bursts`."""
    rows = [
        (
            station.code,
            burst.start_ns,
            burst.start_ns + seconds(burst.length_s),
            burst.kind,
            burst.counts / station.noise_counts(burst.start_ns, plan.grid),
        )
        for station, bursts in zip(plan.stations, plan.bursts, strict=True)
        for burst in bursts
    ]
    table = pd.DataFrame(rows, columns=["station", "time_ns", "end_ns", "kind", "snr"])
    return table.sort_values(["time_ns", "station"], ignore_index=True)


def _station_table(plan: EarthPlan) -> pd.DataFrame:
    """Return the table `Truth.stations`."""
    rows = [(s.code, s.latitude, s.longitude, s.elevation_m) for s in plan.stations]
    return pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m"])
