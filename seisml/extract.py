"""Extraction, the only parallel step: station-days of an archive become shards of a store.

`extract_day` is a pure function of the files of one station-day and a `Plan`; any of
`seisml.executors` may run it. Results do not depend on the chunk length, the
number of workers, the order, or where a run was stopped and started again.
"""

import dataclasses
import functools
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from seisml import archive as archives
from seisml import claims, shards
from seisml.archive import Archive
from seisml.covariates import pressure_archive, pressure_span, seismometers
from seisml.errors import MetadataError, NoDataError, SeismlError
from seisml.executors import Lost, run_tasks
from seisml.plan import Plan, time_range
from seisml.shards import Shard
from seisml.stationday import Rotation, compute_day, sources_of
from seisml.times import DAY_NS, to_ns


@dataclasses.dataclass(frozen=True)
class Task:
    """One station-day to be made: the parts of the archive that it needs, and why.

    ``beside`` are the channels of pressure, a part for each station that has some.
    """

    archive: Archive
    station: str
    day: int
    state: str
    why: str
    beside: tuple[Archive, ...] = ()


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
    barometers = pressure_archive(archive, plan.preparation.pressure)
    archive = seismometers(archive, plan.preparation.pressure)
    chosen = archives.stations(archive, patterns=patterns)
    if chosen:
        _require_metadata(chosen, plan)
    for station in chosen:
        days = [d for d in archives.days(archive, station) if _wanted(d, start, end)]
        pad_ns = archives.guard(archive, station)
        ranges = [time_range(plan, day)[1:] for day in days]
        spans = [(start_ns - pad_ns, end_ns + pad_ns) for start_ns, end_ns in ranges]
        for day, part in zip(days, archives.parts(archive, station, spans), strict=True):
            task = Task(part, station, day, "", "", _beside(barometers, plan, day))
            out.append(_looked_up(store, task, plan, fingerprint))
    return out


def _beside(barometers: Archive, plan: Plan, day: int) -> tuple[Archive, ...]:
    if barometers.pieces.empty:
        return ()
    span = pressure_span(plan, day)
    found = [archives.part(barometers, one, *span) for one in archives.stations(barometers)]
    return tuple(part for part in found if len(part.pieces))


def _looked_up(store, task: Task, plan: Plan, fingerprint: str) -> Task:
    """Return a task with the state that its shard has now."""
    path = shards.shard_path(store, task.station, task.day)
    sources = sources_of(task.archive, task.station, plan, task.beside)
    state, why = shards.shard_state(path, fingerprint=fingerprint, sources=sources)
    return dataclasses.replace(task, state=state, why=why)


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


def extract_day(
    part: Archive,
    station: str,
    day: int,
    plan: Plan,
    *,
    rotation: Rotation | None = None,
    beside: tuple[Archive, ...] = (),
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
    beside : tuple of Archive
        Channels of pressure, see `Task`.

    Returns
    -------
    Shard, Outcome
    """
    began = time.perf_counter()
    counts: Counter = Counter()
    with _threads().limit(limits=1):  # one thread a process: same sums, and no fighting for cores
        shard = compute_day(part, station, day, plan, counts, rotation, beside)
    usable = int(np.isfinite(shard.X).any(axis=1).sum())
    seconds = time.perf_counter() - began
    return shard, Outcome(station, day, len(shard.time_ns), usable, dict(counts), seconds)


@functools.cache
def _threads():
    """Return what limits the threads of the libraries, which takes long to be found."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def extract_to_store(store, task: Task, plan: Plan) -> Outcome:
    """Make one station-day and write its shard; errors of one day are told, not raised.

    Nothing is written of a day whose files went away since the scan.

    Raises
    ------
    TableError
        If the shard cannot be written: no other day could be either.
    """
    try:
        days = (task.archive, task.station, task.day, plan)
        shard, outcome = extract_day(*days, beside=task.beside)
    except Exception as error:  # noqa: BLE001 - told in the outcome: one day must not stop the others
        return _failed(task, f"{type(error).__name__}: {error}")
    if outcome.counts.get("missing_files"):
        text = "waveform files are gone, out of reach, or have changed since the scan; run again"
        return dataclasses.replace(outcome, n_windows=0, n_usable=0, error=text)
    shards.write_shard(store, shard)
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
        fingerprint = plan.fingerprint
        now = [_looked_up(store, task, plan, fingerprint) for task in todo]
        todo = [task for task in now if task.state != "present"]
        if not replace:
            _require_same_settings(store, todo, plan)
        work = functools.partial(_work, Path(store).absolute(), plan, _stamp(plan))
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
        shards.shard_path(store, task.station, task.day)
        for task in todo
        if task.why == shards.OTHER_SETTINGS
    ]
    first = shards.first_shards(store) if todo else []
    claims.require_same_settings(store, plan.as_dict(), plan.fingerprint, [*others[:1], *first])


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
    if not shards.lock_path(store, task.station).exists():
        raise SeismlError(
            f"A worker does not see the store {store}.",
            "Put the store and the archive on a file system that all workers share.",
        )
    return extract_to_store(store, task, plan)


def _failed(task: Task, why: str) -> Outcome:
    return Outcome(task.station, task.day, 0, 0, {}, 0.0, error=why)


def require_windows(outcomes: list[Outcome], store) -> None:
    """Raise where a run made nothing usable, and no run before it made anything.

    Raises
    ------
    NoDataError
        If shards were made, none of their windows has a feature, and the store has no others; or
        if every station-day failed.
    """
    if not outcomes or any(outcome.n_usable for outcome in outcomes):
        return
    made = {shards.shard_path(store, outcome.station, outcome.day) for outcome in outcomes}
    if set(Path(store).glob("*/*.h5")) - made:
        return  # a bad new day is no reason to stop
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors:
        raise NoDataError(
            f"No station-day of {store} could be made ({len(errors)} failed): {errors[0]}.",
            "Run 'seisml scan' on the archive; what is mended is made by the same command.",
        )
    counted: Counter = Counter()
    for outcome in outcomes:
        counted.update(outcome.counts)
    seen = ", ".join(f"{name} {n}" for name, n in sorted(counted.items())) or "no rejections"
    raise NoDataError(
        f"No window of {store} has enough samples ({seen}).",
        "See 'seisml scan' for rates and gaps, and whether the profile fits this archive.",
    )
