"""Extraction, the only parallel step: station-days of an archive become shards of a store.

`extract_day` is a pure function of the files of one station-day and a `Plan`; any of
`seisml.executors` may run it. Results do not depend on the chunk length, the
number of workers, the order, or where a run was stopped and started again.
"""

import dataclasses
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from seisml import archive as archives
from seisml import claims
from seisml import store as stores
from seisml.archive import Archive
from seisml.errors import NoDataError, SeismlError
from seisml.executors import Lost, run_tasks
from seisml.features import Feature, Filler, Settings, empty_table, evaluate, resolve
from seisml.segments import FORGOTTEN, Band, causal_filter, segments, snap_rate
from seisml.store import Shard
from seisml.times import DAY_NS, NS_PER_S, to_ns

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
        Features, or ("all",).
    chunk_s : float, s
        How much is read at once; no value depends on it.
    """

    band: Band
    settings: Settings
    names: tuple[str, ...] = ("all",)
    chunk_s: float = 10800.0

    @property
    def features(self) -> list[Feature]:
        """The features in the order of their columns."""
        return resolve("all" if self.names == ("all",) else self.names)

    def as_dict(self) -> dict:
        """Return all that the values depend on, ready for JSON."""
        return {
            "schema": stores.SCHEMA,
            "band": dataclasses.asdict(self.band),
            "settings": dataclasses.asdict(self.settings),
            "features": {one.name: one.version for one in self.features},
        }

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
    started lie before the day; the last windows reach over its end.
    """
    grid, settings = plan.settings.grid, plan.settings
    windows = grid.day_blocks(day)
    history = int(np.ceil(settings.history_s / grid.hop_s))
    blocks = range(windows.start - history, windows.stop + grid.n_hops + settings.spectrum_hops)
    pad_ns = round(plan.band.settle_s(FORGOTTEN) * NS_PER_S)
    return blocks, blocks.start * grid.hop_ns - pad_ns, blocks.stop * grid.hop_ns


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
    for station in archives.stations(archive, patterns=patterns):
        days = [d for d in archives.days(archive, station) if _wanted(d, start, end)]
        pad_ns = archives.guard(archive, station)
        ranges = [time_range(plan, day)[1:] for day in days]
        spans = [(start_ns - pad_ns, end_ns + pad_ns) for start_ns, end_ns in ranges]
        for day, part in zip(days, archives.parts(archive, station, spans), strict=True):
            out.append(_looked_up(store, Task(part, station, day, "", ""), fingerprint))
    return out


def _looked_up(store, task: Task, fingerprint: str) -> Task:
    """Return a task with the state that its shard has now."""
    path = stores.shard_path(store, task.station, task.day)
    sources = _sources(task.archive)
    state, why = stores.shard_state(path, fingerprint=fingerprint, sources=sources)
    return dataclasses.replace(task, state=state, why=why)


def _wanted(day: int, start, end) -> bool:
    """Whether a day reaches into the time from start to end."""
    late_enough = start is None or (day + 1) * DAY_NS > to_ns(start)
    return late_enough and (end is None or day * DAY_NS < to_ns(end))


def _sources(part: Archive) -> list[tuple[str, int, int]]:
    columns = (part.files[name].tolist() for name in ("path", "size", "mtime_ns"))
    return sorted(zip(*columns, strict=True))


def extract_day(part: Archive, station: str, day: int, plan: Plan) -> tuple[Shard, Outcome]:
    """Compute all features of one station-day.

    Parameters
    ----------
    part : Archive
        From `seisml.archive.part`, with the time that `time_range` asks for.
    station : str
    day : int
        UTC day, counted from 1970.
    plan : Plan

    Returns
    -------
    Shard, Outcome
    """
    from threadpoolctl import threadpool_limits

    began = time.perf_counter()
    counts: Counter = Counter()
    with threadpool_limits(1):  # one thread a process: same sums, and no fighting for cores
        shard = _extract_day(part, station, day, plan, counts)
    usable = int(np.isfinite(shard.X).any(axis=1).sum())
    seconds = time.perf_counter() - began
    return shard, Outcome(station, day, len(shard.time_ns), usable, dict(counts), seconds)


def _extract_day(part: Archive, station: str, day: int, plan: Plan, counts: Counter) -> Shard:
    blocks, start_ns, end_ns = time_range(plan, day)
    settings, chosen = plan.settings, plan.features
    fillers = {}
    for channel, rates in archives.nominal_rates(part, station, span=(start_ns, end_ns)).items():
        rate_hz = next((rate_hz for rate_hz in rates if _fast_enough(plan, rate_hz)), None)
        if rate_hz is not None:
            fillers[channel] = Filler(empty_table(settings, blocks, rate_hz))
    chunks = archives.chunks(part, station, start_ns, end_ns, chunk_s=plan.chunk_s, counts=counts)
    found = segments(chunks, station=station, counts=counts)
    for filtered in causal_filter(_only_fast(found, plan, counts), plan.band):
        if filtered.channels[0] in fillers:
            fillers[filtered.channels[0]].add(filtered)
    windows = settings.grid.day_blocks(day)
    columns, units, parts, coverages = [], [], [], []
    for channel, filler in fillers.items():
        filler.close()
        X, coverage = evaluate(filler.table, windows, chosen)
        parts.append(X)
        coverages.append(coverage)
        for one in chosen:
            names = [f"{name}.{channel[-1:]}" for name in one.columns(settings)]
            columns += names
            units += [one.unit.replace("input", "counts")] * len(names)
    X = np.concatenate(parts, axis=1) if parts else np.zeros((len(windows), 0), np.float32)
    coverage = np.array(coverages) if parts else np.zeros((1, len(windows)), np.float32)
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
        settings=plan.as_dict(),
        sources=tuple(_sources(part)),
        counts=dict(counts),
        versions={name: version(name) for name in PACKAGES},
    )


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
        return _failed(task, f"{type(error).__name__}: {error}")
    if outcome.counts.get("missing_files"):
        text = "waveform files are gone, out of reach, or have changed since the scan; run again"
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
    scheduler: str = "",
    replace: bool = False,
    on_progress: Callable[[int, int, Outcome], None] | None = None,
) -> list[Outcome]:
    """Make every shard that is missing or stale.

    Parameters
    ----------
    archive : Archive
    store : path
        Folder, made if needed. Runs that make different stations can work on it side by side.
    plan : Plan
    patterns : iterable of str
        Stations.
    start, end : time, optional
        Only days that reach into this time.
    jobs : int
        Processes, each with one thread.
    scheduler : str
        Address or scheduler file of a Dask cluster that does the work instead; archive and store
        are on a file system that its workers share.
    replace : bool
        Whether to make shards of other settings anew; without, they are an error.
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
    StaleTableError
        If the store was made with other settings.
    TableError
        If the store cannot be written, or another run makes the same stations.
    ConfigError, SeismlError
        If there is no such scheduler, or no worker can work.
    """
    archives.require_waveforms(archive)
    every = tasks(archive, store, plan, patterns=patterns, start=start, end=end)
    todo = [task for task in every if task.state != "present"]
    if not replace:
        _require_same_settings(store, todo, plan)
    outcomes = []
    with claims.hold(store, [task.station for task in todo]):
        # Another run may have made some of them before this one held the locks.
        now = [_looked_up(store, task, plan.fingerprint) for task in todo]
        todo = [task for task in now if task.state != "present"]
        if not replace:
            _require_same_settings(store, todo, plan)
        work = partial(_work, Path(store).absolute(), plan, _stamp(plan))
        for task, result in run_tasks(work, todo, jobs=jobs, scheduler=scheduler):
            lost = isinstance(result, Lost)
            outcomes.append(_failed(task, result.why) if lost else result)
            if on_progress:
                on_progress(len(outcomes), len(todo), outcomes[-1])
    return sorted(outcomes, key=lambda outcome: (outcome.station, outcome.day))


def _require_same_settings(store, todo: list[Task], plan: Plan) -> None:
    """Raise where a shard of other settings would be replaced, or is in the store beside.

    Those of other stations could not be used together with the new ones.
    """
    others = [
        stores.shard_path(store, task.station, task.day)
        for task in todo
        if task.why == stores.OTHER_SETTINGS
    ]
    first = stores.first_shards(store) if todo else []
    claims.require_same_settings(store, plan.as_dict(), [*others[:1], *first])


def _stamp(plan: Plan) -> tuple[str, str]:
    """Return what has to be the same on all workers: the version, and those of the features."""
    return version("seisml"), plan.fingerprint


def _work(store: Path, plan: Plan, stamp: tuple[str, str], task: Task) -> Outcome:
    """Make one station-day in a worker, which may be on another computer."""
    if _stamp(plan) != stamp:
        raise SeismlError(
            f"A worker has another seisml: version and features {_stamp(plan)}, not {stamp}.",
            "Install the same seisml on all workers, and start them again.",
        )
    if not stores.lock_path(store, task.station).exists():
        raise SeismlError(
            f"A worker does not see the store {store}.",
            "Put the store and the archive on a file system that all workers share.",
        )
    return extract_to_store(store, task, plan)


def _failed(task: Task, why: str) -> Outcome:
    return Outcome(task.station, task.day, 0, 0, {}, 0.0, error=why)


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
