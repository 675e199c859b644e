"""Archive: what waveforms are there and where, and how to read any part of them.

An archive is an SDS root, any folder or glob of files that ObsPy reads, or single files. Headers
are scanned once and kept in a small SQLite index in the user's cache folder (never in the
archive); a file is scanned again when its size or modification time has changed.
"""

import dataclasses
import glob
import os
import re
import struct
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
from obspy.core.util.base import ENTRY_POINTS
from obspy.core.util.decorator import uncompress_file
from obspy.core.util.obspy_types import ObsPyException

from seisml.errors import NoDataError
from seisml.segments import GUARD_NS, samples_to_ns, snap_rate
from seisml.times import DAY_NS, NS_PER_S, to_ns

UNSAFE_FORMATS = {"PICKLE"}
"""Formats that are never tried: reading them would run code from the file."""
READER_ERRORS = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError),
    *(AssertionError, RuntimeError, MemoryError, struct.error, ObsPyException),
)
"""What ObsPy's readers raise on broken files; anything else is a fault of our own."""

FILE_COLUMNS = ["path", "size", "mtime_ns", "format", "reason", "note"]
PIECE_COLUMNS = ["path", "order", "station", "channel", "start_ns", "end_ns", "rate_hz", "n"]
_SDS_NAME = re.compile(r"^[^.]*\.[^.]+\.[^.]*\.[^.]+\.[A-Z]\.\d{4}\.\d{3}$")


@dataclasses.dataclass(frozen=True)
class Archive:
    """Header knowledge of a set of waveform files.

    Attributes
    ----------
    root : str
        What was opened.
    layout : str
        "SDS", "folder" or "files".
    files : pandas.DataFrame
        path, size, mtime_ns, format, reason (why rejected, "" if used), note (what was odd).
    pieces : pandas.DataFrame
        One row a continuous piece: path, order (in the file), station "NET.STA.LOC.BI", channel,
        start_ns, end_ns (instant after the last sample), rate_hz, n (samples).
    """

    root: str
    layout: str
    files: pd.DataFrame
    pieces: pd.DataFrame

    def __repr__(self) -> str:
        n_bad = int((self.files["reason"] != "").sum())
        return (
            f"Archive({self.root!r}, {self.layout}, {len(stations(self))} stations, "
            f"{len(self.files) - n_bad} files, {n_bad} rejected)"
        )


def station_id(network: str, station: str, location: str, channel: str) -> str:
    """Return "NET.STA.LOC.BI", the components of one sensor together.

    Examples
    --------
    >>> station_id("XB", "ELYSE", "02", "BHV")
    'XB.ELYSE.02.BH'
    """
    return ".".join((network, station, location, channel[:-1]))


def open_archive(
    root,
    *,
    index=None,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Archive:
    """Scan the headers of an archive, or take them from the index where files did not change.

    Parameters
    ----------
    root : path, glob pattern or list of paths
        SDS root, folder (searched deeply), pattern such as "day*/*.mseed", or files.
    index : path or False, optional
        SQLite file of the index; default a file in the user's cache folder; False keeps none.
    jobs : int
        Processes that scan.
    on_progress : callable, optional
        Called with (files done, files in all).

    Returns
    -------
    Archive

    Raises
    ------
    NoDataError
        If nothing is there. Files that cannot be read are rejections in `Archive.files`.
    """
    from seisml import index as store  # sqlite3 is only needed here

    paths, layout = _find_files(root)
    known = store.load(index, root)
    stats = {path: Path(path).stat() for path in paths}
    fresh = [p for p in paths if known.get(p) != (stats[p].st_size, stats[p].st_mtime_ns)]
    rows, pieces = [], []
    for done, (row, found) in enumerate(_scan(fresh, jobs), start=1):
        rows.append(row)
        pieces.extend(found)
        if on_progress:
            on_progress(done, len(fresh))
    files = pd.DataFrame(rows, columns=FILE_COLUMNS)
    found = pd.DataFrame(pieces, columns=PIECE_COLUMNS)
    files, found = store.update(index, root, files, found, paths)
    return Archive(str(root), layout, files, _ordered(found))


def _find_files(root) -> tuple[list[str], str]:
    if isinstance(root, (list, tuple)):
        paths, layout = [Path(path) for path in root], "files"
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise NoDataError(f"There is no file {missing[0]}.", "Check the path.")
    elif Path(root).is_file():
        paths, layout = [Path(root)], "files"
    elif Path(root).is_dir():
        walk = (Path(folder) / name for folder, _, names in os.walk(root) for name in names)
        paths = [path for path in walk if not path.name.startswith(".")]
        sds = sum(bool(_SDS_NAME.match(path.name)) for path in paths)
        layout = "SDS" if sds and sds >= 0.5 * len(paths) else "folder"
    elif glob.has_magic(str(root)):
        paths = [Path(path) for path in glob.glob(str(root), recursive=True)]  # noqa: PTH207
        paths, layout = [path for path in paths if path.is_file()], "files"
    else:
        raise NoDataError(
            f"There is no archive at {root}.",
            "Name an SDS root, a folder or pattern of waveform files, or a file.",
        )
    if not paths:
        raise NoDataError(f"There are no files in {root}.", "Check the path or the pattern.")
    return sorted(str(path.resolve()) for path in paths), layout


def _scan(paths: list[str], jobs: int) -> Iterator:
    if jobs <= 1 or len(paths) < 64:
        yield from map(scan_file, paths)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(scan_file, paths, chunksize=32)


def scan_file(path: str) -> tuple[tuple, list[tuple]]:
    """Read the headers of one file.

    Parameters
    ----------
    path : str

    Returns
    -------
    row : tuple
        A row of `Archive.files`.
    pieces : list of tuple
        Rows of `Archive.pieces`; empty if the file is rejected (`reason` says why).
    """
    stat = Path(path).stat()
    name, reason, note, stream = "", "", "", []
    if stat.st_size == 0:
        reason = "empty file"
    else:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                name, stream = _read_safely(path, headonly=True)
            except READER_ERRORS as error:
                reason = f"unreadable: {_one_line(error)}"
        note = "; ".join(sorted({_one_line(w.message) for w in caught}))[:300]
        if not reason and not name:
            reason = "no waveform format that ObsPy knows"
    pieces = []
    for order, trace in enumerate(stream):
        piece = _piece_row(path, order, trace)
        if piece is None:
            note = f"{note}; trace {order} left out: no samples or no sampling rate".strip("; ")
        else:
            pieces.append(piece)
    if not reason and not pieces:
        reason = "no samples"
    return (path, stat.st_size, stat.st_mtime_ns, name, reason, note), pieces


def _piece_row(path: str, order: int, trace) -> tuple | None:
    s = trace.stats
    rate_hz = float(s.sampling_rate)
    if s.npts <= 0 or not (np.isfinite(rate_hz) and 1e-6 < rate_hz < 1e6):
        return None
    start_ns = int(s.starttime.ns)
    if not -(2**62) < start_ns < 2**62:
        return None
    station = station_id(s.network, s.station, s.location, s.channel)
    end_ns = start_ns + samples_to_ns(s.npts, rate_hz)
    return path, order, station, s.channel, start_ns, end_ns, rate_hz, int(s.npts)


def _one_line(error) -> str:
    return re.sub(r"\s+", " ", str(error) or type(error).__name__)[:200]


def _read_safely(path: str, *, name: str = "", **options) -> tuple[str, list]:
    """Return (format name, traces) without ever trying a format that can run code."""
    names = []

    @uncompress_file
    def read_one(filename, **kwargs):
        found = name or _sniff(filename)
        if not found:
            return obspy.Stream()
        names.append(found)
        return obspy.read(filename, format=found, **kwargs)

    traces = list(read_one(path, **options) or [])
    return (names[0] if names else ""), traces


def _sniff(filename) -> str:
    for name, entry_point in ENTRY_POINTS["waveform"].items():
        if name in UNSAFE_FORMATS:
            continue
        is_format = _sniffer(name, entry_point)
        try:
            if is_format(filename):
                return name
        except READER_ERRORS:  # a sniffer that fails on foreign bytes has said no
            continue
    return ""


def _sniffer(name: str, entry_point) -> Callable:
    from obspy.core.util.misc import buffered_load_entry_point

    group = f"obspy.plugin.waveform.{name}"
    return buffered_load_entry_point(entry_point.dist.name, group, "isFormat")


def _ordered(pieces: pd.DataFrame) -> pd.DataFrame:
    """Sort pieces by station, channel and the order in which they are preferred."""
    types = {"order": np.int64, "start_ns": np.int64, "end_ns": np.int64, "n": np.int64}
    columns = ["station", "channel", "start_ns", "path", "order"]
    return pieces.astype(types).sort_values(columns, ignore_index=True)


def stations(archive: Archive, *, patterns: Iterable[str] = ("*",)) -> list[str]:
    """Return the station ids "NET.STA.LOC.BI" that match one of the patterns.

    Raises
    ------
    NoDataError
        If the archive has stations but none matches.
    """
    patterns = list(patterns)
    names = sorted(archive.pieces["station"].unique())
    chosen = [n for n in names if any(fnmatch(n, p) or fnmatch(n, f"{p}.*") for p in patterns)]
    if names and not chosen:
        raise NoDataError(
            f"No station of {archive.root} matches {', '.join(patterns)}.",
            f"There are: {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}.",
        )
    return chosen


def require_waveforms(archive: Archive) -> Archive:
    """Return the archive, or say why there is nothing to work on.

    Raises
    ------
    NoDataError
        If no file could be used; the message counts the reasons.
    """
    if archive.pieces.empty:
        reasons = Counter(archive.files["reason"])
        counted = "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3))
        raise NoDataError(
            f"None of the {len(archive.files)} files of {archive.root} is a usable waveform "
            f"file ({counted}).",
            "Run 'seisml scan' on it to see each file and its reason.",
        )
    return archive


def days(archive: Archive, station: str) -> list[int]:
    """Return the UTC days (numbers since 1970) that hold samples of a station."""
    pieces = archive.pieces[archive.pieces["station"] == station]
    found: set[int] = set()
    for start_ns, end_ns in zip(pieces["start_ns"], pieces["end_ns"], strict=True):
        found.update(range(start_ns // DAY_NS, (end_ns - 1) // DAY_NS + 1))
    return sorted(found)


def part(archive: Archive, station: str, start_ns: int, end_ns: int) -> Archive:
    """Return the knowledge about one station between two instants (small, for a worker)."""
    pieces = archive.pieces
    inside = (pieces["end_ns"] > start_ns) & (pieces["start_ns"] < end_ns)
    pieces = pieces[inside & (pieces["station"] == station)]
    files = archive.files[archive.files["path"].isin(pieces["path"].unique())]
    return dataclasses.replace(archive, files=files, pieces=pieces)


def read(archive: Archive, station: str, start, end, *, counts: Counter | None = None):
    """Read what an archive has of a station between two instants.

    Parameters
    ----------
    archive : Archive
    station : str
        "NET.STA.LOC.BI" as in `stations`.
    start, end : time
        Anything `seisml.times.to_ns` takes.
    counts : collections.Counter, optional
        ``unreadable_files`` and ``corrupt_records`` are increased where data cannot be decoded.

    Returns
    -------
    obspy.Stream
        Traces of all components in order of preference: by the start of the piece they come
        from, not of the part that was read. Nothing is merged, filled or resampled.
    """
    start_ns, end_ns = to_ns(start), to_ns(end)
    counts = Counter() if counts is None else counts
    chosen = part(archive, station, start_ns, end_ns)
    names = dict(zip(chosen.files["path"], chosen.files["format"], strict=True))
    found = []
    for path, pieces in chosen.pieces.groupby("path", sort=True):
        window = {
            "starttime": obspy.UTCDateTime(ns=start_ns),
            "endtime": obspy.UTCDateTime(ns=end_ns),
        }
        if names[path] == "MSEED":
            window["sourcename"] = f"{station}?"
        by_channel = defaultdict(list)
        for trace in _decode(path, names[path], window, counts):
            s = trace.stats
            if station_id(s.network, s.station, s.location, s.channel) == station and s.npts:
                by_channel[s.channel].append(trace)
        for channel, traces in by_channel.items():
            rows = pieces[pieces["channel"] == channel].sort_values("order")
            found += [(*key, t) for key, t in zip(_origins(rows, traces), traces, strict=True)]
    found.sort(key=lambda item: item[:3])
    return obspy.Stream([trace for *_, trace in found])


def _origins(rows: pd.DataFrame, traces: list) -> list[tuple]:
    """Return for each trace (start of its piece in the file, path, order): its preference."""
    keys, used = [], 0
    starts, ends = rows["start_ns"].to_numpy(), rows["end_ns"].to_numpy()
    slack_ns = NS_PER_S
    for trace in traces:
        t = int(trace.stats.starttime.ns)
        fits = np.flatnonzero((starts[used:] - slack_ns <= t) & (t < ends[used:] + slack_ns))
        at = used + int(fits[0]) if len(fits) else min(used, len(rows) - 1)
        used = min(at + 1, len(rows) - 1) if len(fits) else used
        keys.append((int(starts[at]), rows["path"].iloc[at], int(rows["order"].iloc[at])))
    return keys


def _decode(path: str, name: str, window: dict, counts: Counter) -> list:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd was noted by the scan
        try:
            return _read_safely(path, name=name, **window)[1]
        except READER_ERRORS:
            counts["unreadable_files"] += 1
            return _salvage(path, window, counts) if name == "MSEED" else []


def _salvage(path: str, window: dict, counts: Counter) -> list:
    """Read a miniSEED file record by record, leaving out the records that are broken."""
    import io

    from obspy.io.mseed.util import get_record_information

    try:
        length = int(get_record_information(path)["record_length"])
        content = Path(path).read_bytes()
    except READER_ERRORS:
        return []
    good = []
    for offset in range(0, len(content), length):
        record = content[offset : offset + length]
        try:
            obspy.read(io.BytesIO(record), format="MSEED")
            good.append(record)
        except READER_ERRORS:
            counts["corrupt_records"] += 1
    if not good:
        return []
    return list(obspy.read(io.BytesIO(b"".join(good)), format="MSEED", **window))


def chunks(
    archive: Archive,
    station: str,
    start_ns: int,
    end_ns: int,
    *,
    chunk_s: float,
    counts: Counter | None = None,
) -> Iterator[tuple[int, int, list]]:
    """Yield (start_ns, end_ns, traces) for `seisml.segments.segments`, chunk by chunk.

    Nothing reads more than a chunk and a guard of some seconds on both sides.
    """
    step_ns = round(chunk_s * NS_PER_S)
    for first in range(int(start_ns), int(end_ns), step_ns):
        last = min(first + step_ns, int(end_ns))
        stream = read(archive, station, first - GUARD_NS, last + GUARD_NS, counts=counts)
        yield first, last, stream


def nominal_rates(archive: Archive, station: str) -> dict[str, float]:
    """Return the sampling rate of most samples of each channel, snapped, Hz."""
    pieces = archive.pieces[archive.pieces["station"] == station]
    rates = pieces.assign(rate_hz=pieces["rate_hz"].map(snap_rate))
    totals = rates.groupby(["channel", "rate_hz"])["n"].sum()
    return {channel: totals[channel].idxmax() for channel in totals.index.unique("channel")}
