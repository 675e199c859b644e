"""Covariates: what is kept beside the features of a window, to look at and to select by.

They are no features, so no model learns from them: wind, glitches and pressure tell when marsquakes
are seen, not what they look like.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch

import numpy as np
import pandas as pd

from seisml import archive as archives
from seisml import shards
from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.cleaning import FoundGlitch
from seisml.features import (
    BlockTable,
    Filler,
    Settings,
    empty_table,
    evaluate,
    get_feature,
)
from seisml.features.frames import Past, Windows
from seisml.features.known import log10, ratio
from seisml.insight import GROUND_HZ, WIND_HZ
from seisml.plan import Plan
from seisml.rates import nominal_rates
from seisml.response import to_motion, unit_of
from seisml.segments import FORGOTTEN, Band, Segment, causal_filter, segments, snap_rate
from seisml.times import DAY_NS, NS_PER_S
from seisml.windows import WindowGrid

PRESSURE_HZ = (1 / 12, 1 / 1.5)
"""Band of pressure that the Marsquake Service looks at: vortices and gusts."""


@dataclasses.dataclass(frozen=True)
class Covariate:
    """One value a window.

    Attributes
    ----------
    values : numpy.ndarray of float32, shape (n_windows,)
        NaN where not known.
    unit : str
    """

    values: np.ndarray
    unit: str


def wind_db(table: BlockTable, windows: range) -> np.ndarray:
    """Return the level of the lander's mode near 4 Hz over that of the ground at 2.4 Hz.

    Parameters
    ----------
    table : BlockTable
        Of one channel.
    windows : range
        Numbers of the windows.

    Returns
    -------
    numpy.ndarray, shape (n_windows,)
        dB; NaN where the window is not covered, or the sampling rate does not hold the mode.
    """
    bands = [table.bins(*hz) for hz in (WIND_HZ, GROUND_HZ)]
    if any(bins is None for bins in bands):
        return np.full(len(windows), np.nan)
    power = [table.spectra[:, bins].sum(axis=1, dtype=np.float64) for bins in bands]
    w = Windows(table, Past(table), windows.start - table.blocks.start, len(windows))
    levels = w.mean_of_spectra(np.stack(power, axis=1) * table.scale[:, np.newaxis])
    found = 10.0 * log10(ratio(*levels.T))
    return np.where(w.usable, found, np.nan)


def wind(by_channel: Sequence[np.ndarray], n_windows: int) -> Covariate:
    """Return the median over the channels of `wind_db`."""
    values = np.array(by_channel, dtype=float).reshape(-1, n_windows)
    known = np.isfinite(values).any(axis=0)
    out = np.full(n_windows, np.nan, np.float32)
    if known.any():
        out[known] = np.nanmedian(values[:, known], axis=0)
    return Covariate(out, "dB")


def glitches(found: Iterable[FoundGlitch], grid: WindowGrid, windows: range) -> Covariate:
    """Return how many glitches reach into each window, on the channel that has most of them.

    Examples
    --------
    >>> one = FoundGlitch("BHU", 5 * 10**9, 30 * 10**9, 1e3, 0.1, False)
    >>> glitches([one], WindowGrid(10.0, 10.0), range(4)).values.tolist()
    [1.0, 1.0, 1.0, 0.0]
    """
    start_ns = np.asarray(grid.times(windows), dtype=np.int64)
    number: dict[str, np.ndarray] = {}
    for one in found:
        inside = (start_ns < one.end_ns) & (start_ns + grid.length_ns > one.onset_ns)
        number[one.channel] = number.get(one.channel, np.zeros(len(windows))) + inside
    most = np.max(list(number.values()), axis=0) if number else np.zeros(len(windows))
    return Covariate(most.astype(np.float32), "")


def beside_events(catalog: Catalog, store, stations: Iterable[str], grid: WindowGrid) -> Catalog:
    """Return detections with what stands beside the windows that they lie in.

    Parameters
    ----------
    catalog : Catalog
        Detections at stations: their ids begin with the station, "NET.STA.LOC.BI".
    store : path
        Of the features that they were found in.
    stations : iterable of str
    grid : WindowGrid

    Returns
    -------
    Catalog
        With a column for each covariate of the store: the largest number of glitches, else the
        median over the windows that overlap the event; NaN where none is known.
    """
    events = catalog.events
    columns: dict[str, np.ndarray] = {}
    for station in stations:
        mine = np.flatnonzero(events["event_id"].str.startswith(f"{station}."))
        spans = events[["time_ns", "end_ns"]].to_numpy()[mine]
        time_ns, beside = _windows_beside(store, station, spans, grid)
        for row, (start_ns, end_ns) in zip(mine, spans, strict=True):
            inside = (time_ns > start_ns - grid.length_ns) & (time_ns < end_ns)
            for name, values in beside.items():
                column = columns.setdefault(name, np.full(len(events), np.nan))
                known = values[inside & np.isfinite(values)]
                if len(known):
                    column[row] = known.max() if name == "glitches" else np.median(known)
    return dataclasses.replace(catalog, events=events.assign(**columns))


def _windows_beside(store, station: str, spans: np.ndarray, grid: WindowGrid):
    """Return the start and the covariates of a station's windows on the days of events."""
    if not len(spans):
        return np.zeros(0, np.int64), {}
    found = []
    for path in shards.shard_paths(store, stations=[station]):
        start_ns = (shards.day_of(path) or 0) * DAY_NS
        near = (spans[:, 0] - grid.length_ns < start_ns + DAY_NS) & (spans[:, 1] > start_ns)
        if near.any():
            found.append(shards.read_covariates(path))
    names = dict.fromkeys(name for _, values in found for name in values)
    time_ns = np.concatenate([np.zeros(0, np.int64), *(times for times, _ in found)])
    unknown = np.float32(np.nan)
    return time_ns, {
        name: np.concatenate(
            [values.get(name, np.full(len(times), unknown)) for times, values in found]
        )
        for name in names
    }


def pressure_archive(archive: Archive, pattern: str) -> Archive:
    """Return the knowledge about the channels of pressure in an archive.

    Parameters
    ----------
    archive : Archive
    pattern : str
        As "XB.ELYSE.*.BDO"; "" is no channel.
    """
    pieces, keys = archive.pieces, ["station", "channel"]
    if not pattern:
        return dataclasses.replace(archive, pieces=pieces.iloc[:0])
    # Archives have millions of pieces and a handful of channels.
    codes = pieces.groupby(keys, sort=False).ngroup().to_numpy()
    channels = pieces[keys].drop_duplicates().itertuples(index=False)
    fits = [fnmatch(f"{name.rsplit('.', 1)[0]}.{channel}", pattern) for name, channel in channels]
    mine = np.array(fits, dtype=bool)[codes]
    return dataclasses.replace(archive, pieces=pieces[mine].reset_index(drop=True))


def seismometers(archive: Archive, pattern: str) -> Archive:
    """Return the knowledge about all channels but those of pressure."""
    barometers = pressure_archive(archive, pattern)
    if barometers.pieces.empty:
        return archive
    keys = ["station", "channel"]
    theirs = pd.MultiIndex.from_frame(barometers.pieces[keys])
    mine = ~pd.MultiIndex.from_frame(archive.pieces[keys]).isin(theirs)
    return dataclasses.replace(archive, pieces=archive.pieces[mine].reset_index(drop=True))


def pressure_span(plan: Plan, day: int) -> tuple[int, int]:
    """Return the instants between which pressure has to be read for a station-day."""
    grid, windows = plan.settings.grid, plan.settings.grid.day_blocks(day)
    pad_ns = round(Band(*PRESSURE_HZ).settle_s(FORGOTTEN) * NS_PER_S)
    end_ns = windows.stop * grid.hop_ns + grid.length_ns
    return windows.start * grid.hop_ns - pad_ns, end_ns + grid.hop_ns


def pressure(beside: Iterable[Archive], day: int, plan: Plan, windows: range) -> Covariate:
    """Return the RMS of the pressure of each window in `PRESSURE_HZ`.

    Parameters
    ----------
    beside : iterable of Archive
        Each the channels of one station, in the time of `pressure_span`. Of several channels the
        first that is known in a window counts.
    day : int
    plan : Plan
    windows : range

    Returns
    -------
    Covariate
        In counts, or divided by the sensitivity where the plan's units are not counts; NaN where
        there is no pressure, or metadata do not know the channel.
    """
    out, unit = np.full(len(windows), np.nan, np.float32), ""
    for part in beside:
        for values, its in _pressures(part, day, plan, windows):
            unit = unit or its
            if its == unit:
                out = np.where(np.isfinite(out), out, values)
    return Covariate(out, unit or "counts")


def _pressures(part: Archive, day: int, plan: Plan, windows: range) -> Iterator[tuple]:
    """Yield RMS and unit of each channel of a station."""
    station, span = str(part.pieces["station"].iloc[0]), pressure_span(plan, day)
    grid, n_hops = plan.settings.grid, plan.settings.grid.n_hops
    settings = Settings(grid, PRESSURE_HZ, (), sub_s=grid.hop_s, background_s=grid.hop_s)
    settings = dataclasses.replace(settings, min_coverage=plan.settings.min_coverage)
    mode = "counts" if plan.units == "counts" else "sensitivity"
    unit = unit_of(mode, plan.metadata, station)
    for channel, rates in nominal_rates(part.pieces, station, span=span).items():
        rate_hz = next(iter(rates))
        if 0.4 * rate_hz <= PRESSURE_HZ[0]:
            continue
        blocks = range(windows.start, windows.stop + n_hops + settings.spectrum_hops)
        filler = Filler(empty_table(settings, blocks, rate_hz))
        mine = archives.of_channels(part, [channel])
        chunks = archives.chunks(mine, station, *span, chunk_s=plan.chunk_s)
        found = (s for s in segments(chunks, station=station) if _is_rate(s, rate_hz))
        motion = to_motion(found, plan.metadata, mode=mode)
        for filtered in causal_filter(motion, Band(*PRESSURE_HZ)):
            filler.add(filtered)
        filler.close()
        yield evaluate(filler.table, windows, [get_feature("rms")])[0][:, 0], unit


def _is_rate(segment: Segment, rate_hz: float) -> bool:
    return snap_rate(segment.sampling_rate_hz) == rate_hz
