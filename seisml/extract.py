"""Extraction, the only parallel step: station-days of an archive become shards of a store.

`extract_day` is a pure function of the files of one station-day and a `Plan`; any executor may
run it: the process pool here, or a Dask cluster. Results do not depend on the chunk length, the
number of workers, the order, or where a run was stopped and started again.
"""

import dataclasses
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from multiprocessing import get_context

import numpy as np

from seisml import archive as archives
from seisml import store as stores
from seisml.archive import Archive
from seisml.deconvolution import corners_of, reach_s
from seisml.errors import ConfigError, MetadataError, NoDataError, SeismlError
from seisml.features import (
    ORIENTED,
    STATION,
    BlockTable,
    Feature,
    Filler,
    Settings,
    columns_of,
    empty_table,
    evaluate,
    evaluate_station,
    features_per,
    needs_of,
    part_bands,
    resolve,
    three_components,
)
from seisml.features.compute import ROWS as BATCH_ROWS
from seisml.metadata import Metadata
from seisml.response import check_units, column_unit, to_motion, unit_of
from seisml.segments import FORGOTTEN, Band, causal_filter, segments, snap_rate
from seisml.store import Shard
from seisml.times import DAY_NS, NS_PER_S, day_name, to_ns

PACKAGES = ("seisml", "numpy", "scipy", "obspy", "h5py")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is computed; two runs with equal plans give equal shards.

    Attributes
    ----------
    band : Band
        Causal filter before everything else.
    settings : Settings
        Grid and settings of the features.
    names : tuple of str
        Features or sets of features, see `seisml.features.resolve`.
    chunk_s : float, s
        How much is read at once; no value depends on it.
    units : str
        ``counts``, ``sensitivity`` or ``motion``, see `seisml.response.to_motion`.
    metadata : Metadata, optional
        Of the stations; needed for units other than counts.
    """

    band: Band
    settings: Settings
    names: tuple[str, ...] = ("detect-fast",)
    chunk_s: float = 10800.0
    units: str = "counts"
    metadata: Metadata | None = None

    def __post_init__(self):
        if check_units(self.units) != "counts" and self.metadata is None:
            raise ConfigError(
                f"The units {self.units!r} need station metadata.",
                "Name StationXML or dataless files: --metadata FILE, or metadata under [data].",
            )

    @property
    def features(self) -> list[Feature]:
        """The features in the order of their columns."""
        return resolve(self.names)

    def as_dict(self) -> dict:
        """Return all that the values depend on besides records and metadata, ready for JSON."""
        return {
            "schema": stores.SCHEMA,
            "units": self.units,
            "band": dataclasses.asdict(self.band),
            "settings": dataclasses.asdict(self.settings),
            "features": {one.name: one.version for one in self.features},
        }

    @property
    def forgotten_s(self) -> float:
        """Time after which it does not matter where the filters were started, s."""
        bands = [self.band]
        if "bands" in needs_of(self.features):
            bands += [Band(*hz) for hz in part_bands(self.settings).values()]
        return sum(sorted(band.settle_s(FORGOTTEN) for band in bands)[-2:])

    @property
    def fingerprint(self) -> str:
        """Return a short hash of `as_dict`."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Task:
    """One station-day to be made: the part of the archive that it needs, and why."""

    archive: Archive
    station: str
    day: int
    state: str
    why: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one station-day."""

    station: str
    day: int
    n_windows: int
    n_usable: int
    counts: dict[str, int]
    seconds: float
    error: str = ""


def time_range(plan: Plan, day: int) -> tuple[range, int, int]:
    """Return the blocks that a station-day needs and the instants that have to be read.

    The past that features look back to and the time in which the filter forgets where it was
    started lie before the day; the last windows reach over its end. Deconvolution needs
    neighbours on both sides.
    """
    grid, settings = plan.settings.grid, plan.settings
    windows = grid.day_blocks(day)
    history = int(np.ceil(settings.history_s / grid.hop_s))
    after = int(np.ceil(settings.longest_s / grid.hop_s)) + settings.spectrum_hops
    blocks = range(windows.start - history, windows.stop + after)
    pad_ns = round(plan.forgotten_s * NS_PER_S)
    reach_ns = 0
    if plan.units == "motion":
        # A sample more, as the reach is rounded up: no sub-block is shorter than a sample.
        reach_ns = round((reach_s(corners_of(plan.band)) + 2 * settings.sub_s) * NS_PER_S)
    start_ns, end_ns = blocks.start * grid.hop_ns, blocks.stop * grid.hop_ns
    return blocks, start_ns - pad_ns - reach_ns, end_ns + reach_ns


def tasks(
    archive: Archive, store, plan: Plan, *, patterns=("*",), start=None, end=None
) -> list[Task]:
    """List the station-days of an archive with their state in the store.

    Parameters
    ----------
    archive : Archive
    store : path
    plan : Plan
    patterns : iterable of str
        Stations, for example "BX.*" or "XB.ELYSE.02.BH".
    start, end : time, optional
        Only days that reach into this time.

    Returns
    -------
    list of Task
        ``state`` is missing, stale or present.
    """
    out, fingerprint = [], plan.fingerprint
    chosen = archives.stations(archive, patterns=patterns)
    if chosen:
        _require_metadata(chosen, plan)
    for station in chosen:
        days = [d for d in archives.days(archive, station) if _wanted(d, start, end)]
        pad_ns = archives.guard(archive, station)
        ranges = [time_range(plan, day)[1:] for day in days]
        spans = [(start_ns - pad_ns, end_ns + pad_ns) for start_ns, end_ns in ranges]
        for day, part in zip(days, archives.parts(archive, station, spans), strict=True):
            path = stores.shard_path(store, station, day)
            made_from = _sources(part, station, plan)
            state, why = stores.shard_state(path, fingerprint=fingerprint, sources=made_from)
            out.append(Task(part, station, day, state, why))
    return out


def _wanted(day: int, start, end) -> bool:
    """Whether a day reaches into the time from start to end."""
    late_enough = start is None or (day + 1) * DAY_NS > to_ns(start)
    return late_enough and (end is None or day * DAY_NS < to_ns(end))


def _require_metadata(stations: list[str], plan: Plan) -> None:
    """Refuse metadata that belong to none of the stations."""
    if plan.units == "counts" or any(plan.metadata.channels(one) for one in stations):
        return
    known = sorted({channel[:-1] for channel in plan.metadata.epochs})
    raise MetadataError(
        f"The metadata know none of the stations {', '.join(stations[:6])}"
        f"{' ...' if len(stations) > 6 else ''}.",
        f"They know: {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}.",
    )


def _sources(part: Archive, station: str, plan: Plan) -> list[tuple[str, int, int]]:
    """Return the files that a shard is made from, and the station's metadata as one of them.

    Metadata are no part of the plan's fingerprint: a model serves stations that it has not seen.
    """
    columns = (part.files[name].tolist() for name in ("path", "size", "mtime_ns"))
    rows = list(zip(*columns, strict=True))
    if plan.metadata is not None:
        rows.append((stores.METADATA, 0, int(plan.metadata.station_fingerprint(station)[:15], 16)))
    return sorted(rows)


Rotation = Callable[[str, tuple[str, ...], int], tuple[np.ndarray | None, str]]
"""``rotation(station, channels, time_ns)``: the matrix that turns three channels, in that order, to
Z, N, E, or None and why there is none."""


def extract_day(
    part: Archive, station: str, day: int, plan: Plan, *, rotation: Rotation | None = None
) -> tuple[Shard, Outcome]:
    """Compute all features of one station-day.

    Parameters
    ----------
    part : Archive
        From `seisml.archive.part`, with the time that `time_range` asks for.
    station : str
    day : int
        UTC day, counted from 1970.
    plan : Plan
    rotation : callable, optional
        Orientation of channels that are not Z, N, E, see `Rotation`.

    Returns
    -------
    Shard, Outcome
    """
    from threadpoolctl import threadpool_limits

    began = time.perf_counter()
    counts: Counter = Counter()
    with threadpool_limits(1):  # one thread a process: same sums, and no fighting for cores
        shard = _extract_day(part, station, day, plan, counts, rotation)
    usable = int(np.isfinite(shard.X).any(axis=1).sum())
    seconds = time.perf_counter() - began
    return shard, Outcome(station, day, len(shard.time_ns), usable, dict(counts), seconds)


def _extract_day(
    part: Archive, station: str, day: int, plan: Plan, counts: Counter, rotation: Rotation | None
) -> Shard:
    settings, chosen = plan.settings, plan.features
    windows, blocks = _ranges(part, station, day, plan)
    rates_hz = _rates(part, station, day, plan, counts)
    three, matrix = (), None
    if features_per("station", chosen):
        if rotation is None and plan.metadata is not None:
            rotation = plan.metadata.rotation
        three, matrix = _three(station, rates_hz, day, rotation, counts)
    fillers = _filled(part, station, day, plan, counts, rates_hz, three, blocks)
    unit = unit_of(plan.units, plan.metadata, station)
    columns, units, parts, coverages = [], [], [], []
    for channel, filler in fillers.items():
        X, coverage = evaluate(filler.table, windows, chosen)
        parts.append(X)
        coverages.append(coverage)
        for name, one in columns_of(chosen, settings):
            columns.append(f"{name}.{channel[-1:]}")
            units.append(column_unit(one.unit, unit))
    for name, one in columns_of(chosen, settings, per="station"):
        columns.append(f"{name}.{STATION}")
        units.append(one.unit)
    tables = {channel[-1:]: fillers[channel].table for channel in three}
    parts.append(_of_station(tables, windows, plan, matrix))
    X = np.concatenate(parts, axis=1)
    coverage = np.array(coverages) if coverages else np.zeros((1, len(windows)), np.float32)
    best = coverage.max(axis=0)
    flags = (best < 1 - 1e-6) * 1 + (best < settings.min_coverage - 1e-6) * 2
    flags = flags + ((coverage <= 0).any(axis=0)) * 4
    rows = best > 0
    return Shard(
        station=station,
        day=day,
        time_ns=settings.grid.times(windows)[rows],
        X=X[rows],
        coverage=best[rows],
        flags=flags[rows].astype(np.uint8),
        columns=tuple(columns),
        units=tuple(units),
        grid=settings.grid,
        fingerprint=plan.fingerprint,
        settings={**plan.as_dict(), "unit": unit},
        sources=tuple(_sources(part, station, plan)),
        counts=dict(counts),
        versions={name: version(name) for name in PACKAGES},
    )


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
    # Whole batches from the start of the day on: each window stands where it always does.
    skip = max(0, first - windows.start) // BATCH_ROWS * BATCH_ROWS
    windows = range(windows.start + skip, max(windows.start + skip, min(windows.stop, last)))
    blocks = range(
        max(blocks.start, min(first, windows.start) - pad), min(blocks.stop, last + 2 * pad)
    )
    return windows, blocks


def _rates(part: Archive, station: str, day: int, plan: Plan, counts: Counter) -> dict[str, float]:
    """Return the sampling rate of each channel that can be used."""
    _, start_ns, end_ns = time_range(plan, day)
    rates_hz = {}
    for channel, rates in archives.nominal_rates(part, station, span=(start_ns, end_ns)).items():
        rate_hz = next((rate_hz for rate_hz in rates if _fast_enough(plan, rate_hz)), None)
        if rate_hz is not None:
            rates_hz[channel] = rate_hz
            if plan.units != "counts" and not plan.metadata.knows(station, channel):
                counts["channels_without_metadata"] += 1
    return rates_hz


def _filled(
    part: Archive,
    station: str,
    day: int,
    plan: Plan,
    counts: Counter,
    rates_hz,
    three,
    blocks: range,
) -> dict[str, Filler]:
    """Read, filter and sum up the blocks of each channel."""
    _, start_ns, end_ns = time_range(plan, day)
    fillers = {}
    for channel, rate_hz in rates_hz.items():
        # The samples of a day are kept only where they are needed.
        chosen = plan.features if channel in three else features_per("channel", plan.features)
        table = empty_table(plan.settings, blocks, rate_hz, needs=needs_of(chosen))
        fillers[channel] = Filler(table)
    chunks = archives.chunks(part, station, start_ns, end_ns, chunk_s=plan.chunk_s, counts=counts)
    found = segments(chunks, station=station, counts=counts)
    motion = to_motion(
        _only_fast(found, plan, counts),
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
    return fillers


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


def extract_to_store(store, task: Task, plan: Plan) -> Outcome:
    """Make one station-day and write its shard; errors of one day are told, not raised.

    Nothing is written of a day whose files went away since the scan.

    Raises
    ------
    TableError
        If the shard cannot be written: no other day could be either.
    """
    try:
        shard, outcome = extract_day(task.archive, task.station, task.day, plan)
    except Exception as error:  # noqa: BLE001 - told in the outcome: one day must not stop the others
        text = f"{type(error).__name__}: {error}"
        return Outcome(task.station, task.day, 0, 0, {}, 0.0, error=text)
    if outcome.counts.get("missing_files"):
        text = "waveform files are gone or have changed since the scan; run again"
        return dataclasses.replace(outcome, n_windows=0, n_usable=0, error=text)
    stores.write_shard(store, shard)
    return outcome


def extract(
    archive: Archive,
    store,
    plan: Plan,
    *,
    patterns=("*",),
    start=None,
    end=None,
    jobs: int = 1,
    on_progress: Callable[[int, int, Outcome], None] | None = None,
) -> list[Outcome]:
    """Make every shard that is missing or stale.

    Parameters
    ----------
    archive : Archive
    store : path
        Folder, made if needed.
    plan : Plan
    patterns : iterable of str
        Stations.
    start, end : time, optional
        Only days that reach into this time.
    jobs : int
        Processes, each with one thread.
    on_progress : callable, optional
        Called with (days done, days in all, outcome) after each station-day.

    Returns
    -------
    list of Outcome
        One for each shard that was made (not for those that were present), in order.

    Raises
    ------
    NoDataError
        If the archive has no usable waveform.
    TableError
        If the store cannot be written.
    """
    archives.require_waveforms(archive)
    every = tasks(archive, store, plan, patterns=patterns, start=start, end=end)
    todo = [task for task in every if task.state != "present"]
    run = _in_pool if jobs > 1 and len(todo) > 1 else _in_turn
    outcomes = []
    for outcome in run(store, todo, plan, jobs):
        outcomes.append(outcome)
        if on_progress:
            on_progress(len(outcomes), len(todo), outcome)
    return sorted(outcomes, key=lambda outcome: (outcome.station, outcome.day))


def _in_turn(store, todo: list[Task], plan: Plan, jobs: int) -> Iterator[Outcome]:
    for task in todo:
        yield extract_to_store(store, task, plan)


def _in_pool(store, todo: list[Task], plan: Plan, jobs: int) -> Iterator[Outcome]:
    pool = ProcessPoolExecutor(min(jobs, len(todo)), mp_context=get_context("spawn"))
    queue = iter(todo)
    waiting: dict[Future, Task] = {}
    try:
        while True:
            # Few tasks are handed over at a time: a stopped run leaves nothing behind.
            for task in queue:
                waiting[pool.submit(extract_to_store, store, task, plan)] = task
                if len(waiting) >= 2 * jobs:
                    break
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                task = waiting.pop(future)
                yield _result(future, task)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future, task: Task) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise SeismlError(
            f"A worker process died while {task.station} {day_name(task.day)} was under way "
            "(killed, or out of memory).",
            "Finished shards are kept; run the same command again, with fewer processes (-j). In a "
            "script of your own, call extract under: if __name__ == '__main__'.",
        ) from error


def require_windows(outcomes: list[Outcome], store) -> None:
    """Raise where a run made nothing usable.

    Raises
    ------
    NoDataError
        If shards were made and none of their windows has a feature.
    """
    if outcomes and not any(outcome.n_usable for outcome in outcomes):
        counted: Counter = Counter()
        for outcome in outcomes:
            counted.update(outcome.counts)
        seen = ", ".join(f"{name} {n}" for name, n in sorted(counted.items())) or "no rejections"
        raise NoDataError(
            f"No window of {store} has enough samples ({seen}).",
            "See 'seisml scan' for rates and gaps, and whether the profile fits this archive.",
        )
