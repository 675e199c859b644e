"""One station-day: from the files of an archive to the table of features."""

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version

import numpy as np

from seisml import archive as archives
from seisml import covariates, shards
from seisml.archive import Archive
from seisml.cleaning import FoundGlitch
from seisml.covariates import Covariate
from seisml.deconvolution import corners_of
from seisml.features import (
    ORIENTED,
    STATION,
    BlockTable,
    Filler,
    columns_of,
    empty_table,
    evaluate,
    evaluate_station,
    fast,
    features_per,
    needs_of,
    three_components,
)
from seisml.features.welch import LOT
from seisml.plan import Plan, time_range
from seisml.preparation import prepared
from seisml.rates import nominal_rates
from seisml.response import column_unit, to_motion, unit_of
from seisml.segments import causal_filter, segments, snap_rate
from seisml.shards import Shard
from seisml.times import DAY_NS

_FILE = ("path", "size", "mtime_ns")
PACKAGES = ("seisml", "numpy", "scipy", "obspy", "h5py")
Rotation = Callable[[str, tuple[str, ...], int], tuple[np.ndarray | None, str]]
"""``rotation(station, channels, time_ns)``: the matrix that turns three channels, in that order, to
Z, N, E, or None and why there is none."""


def sources_of(
    part: Archive, station: str, plan: Plan, beside: Iterable[Archive] = ()
) -> list[tuple[str, int, int]]:
    """Return the files that a shard is made from, and the station's metadata as one of them.

    Metadata are no part of the plan's fingerprint: a model serves stations that it has not seen.
    """
    rows = []
    for one in (part, *beside):
        rows += zip(*(one.files[name].tolist() for name in _FILE), strict=True)
    rows = list(dict.fromkeys(rows))  # one file may hold the record and the pressure
    if plan.metadata is not None:
        rows.append((shards.METADATA, 0, int(plan.metadata.station_fingerprint(station)[:15], 16)))
    return sorted(rows)


def compute_day(
    part: Archive,
    station: str,
    day: int,
    plan: Plan,
    counts: Counter,
    rotation: Rotation | None,
    beside: tuple[Archive, ...] = (),
) -> Shard:
    """Compute all features of one station-day; see `seisml.extract.extract_day`."""
    settings, chosen = plan.settings, plan.features
    windows, blocks = _ranges(part, station, day, plan)
    rates_hz = _rates(part, station, day, plan, counts)
    three, matrix = (), None
    if features_per("station", chosen):
        if rotation is None and plan.metadata is not None:
            rotation = plan.metadata.rotation
        three, matrix = _three(station, rates_hz, day, rotation, counts)
    unit = unit_of(plan.units, plan.metadata, station)
    columns, units, parts, coverages = [], [], [], []
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    tables: dict[str, BlockTable] = {}
    glitches: list[FoundGlitch] = []
    winds: list[np.ndarray] = []
    for group in _groups(part, three):
        # One after the other: the blocks of a channel are the largest thing in memory.
        needed = (rates_hz, three, group, blocks)
        filled = _filled(part, station, day, plan, counts, *needed, glitches)
        found |= {channel: evaluate(filled[channel], windows, chosen) for channel in filled}
        tables |= {channel[-1:]: filled[channel] for channel in three if channel in filled}
        if plan.preparation.wind:
            winds += [covariates.wind_db(table, windows) for table in filled.values()]
        filled.clear()
    for channel in rates_hz:
        X, coverage = found[channel]
        parts.append(X)
        coverages.append(coverage)
        for name, one in columns_of(chosen, settings):
            columns.append(f"{name}.{channel[-1:]}")
            units.append(column_unit(one.unit, unit))
    for name, one in columns_of(chosen, settings, per="station"):
        columns.append(f"{name}.{STATION}")
        units.append(one.unit)
    parts.append(_of_station(tables, windows, plan, matrix))
    X = np.concatenate(parts, axis=1)
    coverage = np.array(coverages) if coverages else np.zeros((1, len(windows)), np.float32)
    best = coverage.max(axis=0)
    rows = best > 0
    found_beside = _covariates(plan, day, windows, glitches, winds, beside)
    _count(found_beside, rows, counts)
    flags = _flags(coverage, settings.min_coverage, found_beside)
    return Shard(
        station=station,
        day=day,
        time_ns=settings.grid.times(windows)[rows],
        X=X if rows.all() else X[rows],
        coverage=best[rows],
        flags=flags[rows].astype(np.uint8),
        columns=tuple(columns),
        units=tuple(units),
        grid=settings.grid,
        fingerprint=plan.fingerprint,
        settings={**plan.as_dict(), "unit": unit},
        sources=tuple(sources_of(part, station, plan, beside)),
        counts=dict(counts),
        versions=versions(),
        covariates={name: one.values[rows] for name, one in found_beside.items()},
        covariate_units={name: one.unit for name, one in found_beside.items()},
    )


def _flags(
    coverage: np.ndarray, min_coverage: float, beside: Mapping[str, Covariate]
) -> np.ndarray:
    """Return the sum of `seisml.shards.FLAGS` of each window."""
    best = coverage.max(axis=0)
    flags = (best < 1 - 1e-6) * 1 + (best < min_coverage - 1e-6) * 2
    flags = flags + ((coverage <= 0).any(axis=0)) * 4
    return flags + (beside["glitches"].values > 0) * 8 if "glitches" in beside else flags


def _count(beside: Mapping[str, Covariate], rows: np.ndarray, counts: Counter) -> None:
    """Count the windows that a glitch reaches into, and those without a covariate."""
    for name, one in beside.items():
        values = one.values[rows]
        if name == "glitches":
            counts["windows_with_glitch"] += int((values > 0).sum())
        elif unknown := int(np.isnan(values).sum()):
            counts[f"windows_without_{name.split('_')[0]}"] += unknown


def _covariates(
    plan: Plan,
    day: int,
    windows: range,
    glitches: list[FoundGlitch],
    winds: list[np.ndarray],
    beside: tuple[Archive, ...],
) -> dict[str, Covariate]:
    """Return what the preparation keeps beside the features, by name."""
    steps, out = plan.preparation, {}
    if steps.glitches != "none":
        out["glitches"] = covariates.glitches(glitches, plan.settings.grid, windows)
    if steps.wind:
        out["wind_db"] = covariates.wind(winds, len(windows))
    if steps.pressure:
        out["pressure_rms"] = covariates.pressure(beside, day, plan, windows)
    return out


def versions() -> dict[str, str]:
    """Return the versions of the packages that values come from, Numba's where it is used."""
    return dict(_versions(bool(fast.compiled("blockloops"))))


@functools.cache
def _versions(numba: bool) -> dict[str, str]:
    return {name: version(name) for name in (*PACKAGES, *["numba"] * numba)}


def _ranges(part: Archive, station: str, day: int, plan: Plan) -> tuple[range, range]:
    """Return the windows of the day, and the blocks they need, that the records can reach.

    A day may hold a cut of a few minutes: what lies further from it would be NaN.
    """
    grid, (blocks, _, _) = plan.settings.grid, time_range(plan, day)
    windows, pieces = grid.day_blocks(day), part.pieces[part.pieces["station"] == station]
    if pieces.empty:
        return windows[:0], blocks[:0]
    pad = 2 * grid.n_hops + math.ceil(plan.settings.longest_s / grid.hop_s)
    first = grid.block_of(pieces["start_ns"].min()) - pad
    last = grid.block_of(pieces["end_ns"].max()) + pad
    # Whole lots from the start of the day on: each window stands where it always does.
    skip = max(0, first - windows.start) // LOT * LOT
    windows = range(windows.start + skip, max(windows.start + skip, min(windows.stop, last)))
    blocks = range(
        max(blocks.start, min(first, windows.start) - pad), min(blocks.stop, last + 2 * pad)
    )
    return windows, blocks


def _rates(part: Archive, station: str, day: int, plan: Plan, counts: Counter) -> dict[str, float]:
    """Return the sampling rate of each channel that can be used."""
    _, start_ns, end_ns = time_range(plan, day)
    rates_hz = {}
    for channel, rates in nominal_rates(part.pieces, station, span=(start_ns, end_ns)).items():
        rate_hz = next((rate_hz for rate_hz in rates if _fast_enough(plan, rate_hz)), None)
        if rate_hz is not None:
            rates_hz[channel] = rate_hz
            if n_above := _bands_above(plan, rate_hz):
                counts["bands_above_nyquist"] += n_above
            if plan.units != "counts" and not plan.metadata.knows(station, channel):
                counts["channels_without_metadata"] += 1
    return rates_hz


def _bands_above(plan: Plan, rate_hz: float) -> int:
    """Return how many bands have columns and reach above 0.8 of Nyquist: these columns are NaN."""
    if not any(one.group == "D" and one.parts for one in plan.features):
        return 0
    return sum(high_hz > 0.4 * rate_hz * (1 + 1e-9) for _, high_hz in plan.settings.bands_hz)


def _groups(part: Archive, three: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the channels that are worked on at once: three components together, others alone."""
    channels = sorted(part.pieces["channel"].unique())
    if (part.files["format"] != "MSEED").any():  # such files are read whole: once for all channels
        return [tuple(channels)]
    return [*([three] if three else []), *((one,) for one in channels if one not in three)]


def _filled(
    part: Archive,
    station: str,
    day: int,
    plan: Plan,
    counts: Counter,
    rates_hz: Mapping[str, float],
    three: tuple[str, ...],
    group: tuple[str, ...],
    blocks: range,
    glitches: list[FoundGlitch],
) -> dict[str, BlockTable]:
    """Read, filter and sum up the blocks of some channels."""
    _, start_ns, end_ns = time_range(plan, day)
    tables = {}
    for channel in group:
        if channel in rates_hz:
            # The samples of a day are kept only where they are needed.
            chosen = plan.features if channel in three else features_per("channel", plan.features)
            needs, rate_hz = needs_of(chosen), rates_hz[channel]
            tables[channel] = empty_table(plan.settings, blocks, rate_hz, needs=needs)
    fillers = {channel: Filler(table) for channel, table in tables.items()}
    part = archives.of_channels(part, group)
    chunks = archives.chunks(part, station, start_ns, end_ns, chunk_s=plan.chunk_s, counts=counts)
    found = segments(chunks, station=station, counts=counts)
    usable = prepared(
        _only_fast(found, plan, counts),
        plan.preparation,
        span=(day * DAY_NS, (day + 1) * DAY_NS),
        counts=counts,
        found=glitches,
    )
    motion = to_motion(
        usable,
        plan.metadata,
        mode=plan.units,
        pre_filter=corners_of(plan.band),
        counts=counts,
    )
    for filtered in causal_filter(motion, plan.band):
        if filtered.channels[0] in fillers:
            fillers[filtered.channels[0]].add(filtered)
    for filler in fillers.values():
        filler.close()
    return tables


def _three(
    station: str,
    rates_hz: Mapping[str, float],
    day: int,
    rotation: Rotation | None,
    counts: Counter,
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Return the three channels that are evaluated together, and the matrix to Z, N, E.

    () and a count where a component is missing, has another sampling rate, or the orientation is
    not known. Channels Z, N, E are taken as oriented: their matrix is None.
    """
    three = three_components(rates_hz)
    if len({rates_hz[channel] for channel in three}) != 1:
        counts["days_without_three_components"] += 1
        return (), None
    if tuple(channel[-1:] for channel in three) == ORIENTED:
        return three, None
    matrix, _ = rotation(station, three, day * DAY_NS) if rotation else (None, "no metadata")
    if matrix is None:
        counts["days_without_orientation"] += 1
        return (), None
    return three, matrix


def _of_station(
    tables: Mapping[str, BlockTable], windows: range, plan: Plan, matrix: np.ndarray | None
) -> np.ndarray:
    """Return the features of three components, NaN where there are not three."""
    if tables:
        return evaluate_station(tables, windows, plan.features, rotation=matrix)
    n_columns = len(columns_of(plan.features, plan.settings, per="station"))
    return np.full((len(windows), n_columns), np.nan, np.float32)


def _fast_enough(plan: Plan, rate_hz: float) -> bool:
    """Whether the filter's corner and the sub-blocks are possible at a sampling rate."""
    return 0.4 * rate_hz > plan.band.f_min_hz and rate_hz * plan.settings.sub_s >= 1 - 1e-9


def _only_fast(found: Iterator, plan: Plan, counts: Counter) -> Iterator:
    for segment in found:
        if _fast_enough(plan, snap_rate(segment.sampling_rate_hz)):
            yield segment
        else:
            counts["samples_of_too_low_rate"] += segment.n_samples
