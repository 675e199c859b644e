"""What both generators share: the truth, planted faults, the SDS files."""

import concurrent.futures
import dataclasses
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import ConfigError
from seisml.synthetics.grid import Grid

RECORD_BYTES = 4096
MISSING = ("minutes_gap", "hours_gap", "short_gap", "zeros", "restart")
"""Kinds of fault after which no usable samples are there."""


@dataclasses.dataclass(frozen=True)
class Truth:
    """What was planted in a generated archive.

    Attributes
    ----------
    catalog : Catalog
        Every event with every pick at a station that was recording; ``snr`` is an extra column
        of events and picks.
    expert : Catalog
        What a careful but human analyst would have of it: weak events are missing, picks jitter.
    noise_bursts : pandas.DataFrame
        Transients that are no events: station, time_ns, end_ns, kind, snr.
    gaps : pandas.DataFrame
        Where samples are missing or zero: station, channel, start_ns, end_ns, kind.
    faults : pandas.DataFrame
        Overlaps and samples in the wrong day file: station, channel, start_ns, end_ns, kind.
    stations : pandas.DataFrame
        station, latitude and longitude (degrees), elevation_m.
    """

    catalog: Catalog
    expert: Catalog
    noise_bursts: pd.DataFrame
    gaps: pd.DataFrame
    faults: pd.DataFrame
    stations: pd.DataFrame


@dataclasses.dataclass(frozen=True)
class Fault:
    """One planted defect of the record.

    Attributes
    ----------
    kind : str
        One of `MISSING`, identical_overlap, conflicting_overlap or spill_over.
    station : str
    channels : tuple of str
    start_ns, end_ns : int
        A restart ends with the first sample of the shifted grid. A spill-over ends at midnight.
    """

    kind: str
    station: str
    channels: tuple[str, ...]
    start_ns: int
    end_ns: int


@dataclasses.dataclass(frozen=True)
class Piece:
    """Samples ``first <= i < stop`` that are written as one trace.

    The first `wrong` of them are falsified, so that they conflict with the piece before.
    """

    first: int
    stop: int
    shift_ns: int = 0
    wrong: int = 0


def faults_of(faults: Iterable[Fault], station: str, channel: str) -> list[Fault]:
    """Return the faults of one channel."""
    return [f for f in faults if f.station == station and channel in f.channels]


def shift_after(faults: Iterable[Fault], station: str, time_ns: int, grid: Grid) -> int:
    """Return by how many nanoseconds a station is off the grid at an instant."""
    shift = 0
    for fault in faults:
        if fault.kind == "restart" and fault.station == station and time_ns >= fault.end_ns:
            shift = (fault.end_ns - grid.start_ns) % grid.step_ns
    return shift


def day_pieces(faults: Sequence[Fault], grid: Grid, day: int) -> list[Piece]:
    """Return what the file of one channel and day holds, in the order of writing.

    Parameters
    ----------
    faults : sequence of Fault
        Those of this channel.
    grid : Grid
    day : int
        Counted from the first day of the archive.

    Returns
    -------
    list of Piece
        Empty if the channel was off all day.

    Examples
    --------
    >>> day_pieces([], Grid(0, 2, 20), 1)
    [Piece(first=1728000, stop=3456000, shift_ns=0, wrong=0)]
    """
    first, stop = day * grid.day_samples, (day + 1) * grid.day_samples
    for fault in faults:
        if fault.kind == "spill_over":
            border = grid.index(fault.end_ns)
            first = grid.index(fault.start_ns) if border == first else first
            stop = grid.index(fault.start_ns) if border == stop else stop
    pieces, extra = [Piece(first, stop)], []
    for fault in sorted(faults, key=lambda f: f.start_ns):
        a, b = grid.index(fault.start_ns), grid.index(fault.end_ns)
        if fault.kind == "restart":
            shift = (fault.end_ns - grid.start_ns) % grid.step_ns
            pieces = _cut(pieces, a, b - 1)
            pieces = [
                dataclasses.replace(p, shift_ns=shift) if p.first >= b - 1 else p for p in pieces
            ]
        elif fault.kind.endswith("_gap"):
            pieces = _cut(pieces, a, b)
        elif fault.kind == "conflicting_overlap":
            pieces = _double(pieces, a, b)
        elif fault.kind == "identical_overlap" and first <= a < b <= stop:
            extra.append(Piece(a, b))
    return pieces + extra


def _cut(pieces: list[Piece], a: int, b: int) -> list[Piece]:
    """Take the samples ``a <= i < b`` out."""
    out = []
    for piece in pieces:
        if piece.stop <= a or piece.first >= b:
            out.append(piece)
            continue
        if piece.first < a:
            out.append(dataclasses.replace(piece, stop=a))
        if piece.stop > b:
            out.append(dataclasses.replace(piece, first=b, wrong=0))
    return out


def _double(pieces: list[Piece], a: int, b: int) -> list[Piece]:
    """Split the piece that holds ``a <= i < b`` so that both parts have these samples."""
    out = []
    for piece in pieces:
        if piece.first < a and b < piece.stop:
            out.append(dataclasses.replace(piece, stop=b))
            out.append(dataclasses.replace(piece, first=a, wrong=b - a))
        else:
            out.append(piece)
    return out


def fault_tables(faults: Iterable[Fault]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables `Truth.gaps` and `Truth.faults`."""
    rows = [(f.station, c, f.start_ns, f.end_ns, f.kind) for f in faults for c in f.channels]
    table = pd.DataFrame(rows, columns=["station", "channel", "start_ns", "end_ns", "kind"])
    table = table.astype({"start_ns": np.int64, "end_ns": np.int64})
    table = table.sort_values(["start_ns", "station", "channel"], ignore_index=True)
    missing = table["kind"].isin(MISSING)
    return table[missing].reset_index(drop=True), table[~missing].reset_index(drop=True)


def sds_path(folder, code: str, channel: str, day_ns: int) -> Path:
    """Return the path of a day file below an SDS root.

    Parameters
    ----------
    folder : path-like
        The SDS root.
    code : str
        NET.STA.LOC.
    channel : str
    day_ns : int
        Midnight UTC at which the day begins.

    Examples
    --------
    >>> sds_path("sds", "XB.ELYSE.02", "BHU", 0).as_posix()
    'sds/1970/XB/ELYSE/BHU.D/XB.ELYSE.02.BHU.D.1970.001'
    """
    network, station, _ = code.split(".")
    when = pd.Timestamp(day_ns)
    name = f"{code}.{channel}.D.{when.year}.{when.day_of_year:03d}"
    return Path(folder) / str(when.year) / network / station / f"{channel}.D" / name


def write_day(path: Path, code: str, channel: str, grid: Grid, pieces, samples, first: int):
    """Write one day file of STEIM2 miniSEED, complete or not at all.

    Parameters
    ----------
    path : pathlib.Path
        See `sds_path`.
    code : str
        NET.STA.LOC.
    channel : str
    grid : Grid
    pieces : list of Piece
        See `day_pieces`; nothing is written for an empty list.
    samples : numpy.ndarray of int32, shape (n_samples,)
        The continuous series that holds all pieces.
    first : int
        Sample number of ``samples[0]``.
    """
    network, station, location = code.split(".")
    header = {"network": network, "station": station, "location": location, "channel": channel}
    header["sampling_rate"] = float(grid.sampling_rate_hz)
    stream = obspy.Stream()
    for piece in pieces:
        data = samples[piece.first - first : piece.stop - first]
        if piece.wrong:
            data = np.concatenate([data[: piece.wrong][::-1], data[piece.wrong :]])
        start = obspy.UTCDateTime(ns=grid.time_ns(piece.first, piece.shift_ns))
        stream += obspy.Trace(data, {**header, "starttime": start})
    if not stream:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    stream.write(str(part), format="MSEED", encoding="STEIM2", reclen=RECORD_BYTES)
    part.replace(path)


def refuse_existing(paths: Iterable[Path], overwrite: bool) -> None:
    """Raise a ConfigError if a file would be overwritten without permission."""
    for path in paths:
        if path.exists() and not overwrite:
            raise ConfigError(f"{path} exists.", "Choose an empty folder.")


def run_tasks(
    work: Callable, tasks: Sequence, *, jobs: int = 1, on_progress: Callable | None = None
) -> None:
    """Call ``work(task)`` for all tasks, in this process or in a pool.

    Parameters
    ----------
    work : callable
        Importable, as it may be sent to another process.
    tasks : sequence
        Arguments, each independent of the others.
    jobs : int
        Number of processes.
    on_progress : callable, optional
        Called as ``on_progress(done, total)`` after each task.

    Raises
    ------
    ConfigError
        If `jobs` is below 1.
    """
    tell = on_progress or (lambda done, total: None)
    for done, _ in enumerate(in_order(work, tasks, jobs=jobs), 1):
        tell(done, len(tasks))


def in_order(work: Callable, tasks: Sequence, *, jobs: int = 1) -> Iterator:
    """Yield ``work(task)`` of all tasks in their order, from this process or a pool.

    Raises
    ------
    ConfigError
        If `jobs` is below 1.
    """
    if jobs < 1:
        raise ConfigError(f"jobs is {jobs}.", "Use at least 1.")
    if jobs == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(work, tasks)
