"""Archive: what waveforms are there and where, and how to read any part of them.

An archive is an SDS root, any folder or glob of files that ObsPy reads, or single files. Headers
are scanned once and kept in a small SQLite index in the user's cache folder (never in the
archive); a file is scanned again when its size or modification time has changed.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch

import numpy as np
import obspy
import pandas as pd

from seisml import index as remembered
from seisml.errors import NoDataError
from seisml.files import find_files
from seisml.index import FILE_COLUMNS, PIECE_COLUMNS
from seisml.joining import Record
from seisml.rates import guard_ns
from seisml.times import DAY_NS, NS_PER_S, to_ns
from seisml.waveforms import Contents, scan_file, station_id

__all__ = [
    "Archive",
    "channels_of",
    "chunks",
    "days",
    "of_channels",
    "open_archive",
    "part",
    "parts",
    "read",
    "records",
    "require_waveforms",
    "station_id",
    "stations",
]

SAVE_EVERY = 2000
"""Files after which a long scan is remembered: a stopped one goes on from there."""
MAX_GUARD_NS = 3600 * NS_PER_S


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

    @functools.cached_property
    def _contents(self) -> "dict[str, Contents]":
        """What is read again and again, by station."""
        return {}

    @functools.cached_property
    def _slowest_hz(self) -> dict[str, float]:
        """Smallest sampling rate of each station."""
        return self.pieces.groupby("station")["rate_hz"].min().to_dict()

    def __getstate__(self) -> dict:
        """Return what a worker gets: it looks up the rest itself."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __repr__(self) -> str:
        n_bad = int((self.files["reason"] != "").sum())
        return (
            f"Archive({self.root!r}, {self.layout}, {len(stations(self))} stations, "
            f"{len(self.files) - n_bad} files, {n_bad} rejected)"
        )


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
    root : path, URL, glob pattern or list of them
        SDS root, folder (searched deeply), pattern such as "day*/*.mseed", or files; also what
        fsspec knows, as "s3://bucket/sds" (needs ``pip install 'seisml[remote]'``).
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
    ConfigError
        If a URL needs a package that is not installed.
    """
    stats, layout, rejected = find_files(root)
    files, pieces = remembered.load(index, root)
    known = zip(files["path"], files["size"], files["mtime_ns"], strict=True)
    same = {p for p, *key in known if p in stats and tuple(key) == stats[p]}
    gone = [path for path in files["path"] if path not in stats]
    fresh = [path for path in stats if path not in same]
    rows, found, saved = [], [], (0, 0)
    for done, (row, some) in enumerate(_scan(fresh, jobs), start=1):
        rows.append(row)
        found.extend(some)
        if done % SAVE_EVERY == 0 or done == len(fresh):
            remembered.save(index, root, rows[saved[0] :], found[saved[1] :], gone)
            saved = len(rows), len(found)
        if on_progress:
            on_progress(done, len(fresh))
    if gone and not fresh:
        remembered.save(index, root, [], [], gone)
    files = _with(files, same, rows + rejected, FILE_COLUMNS)
    pieces = _with(pieces, same, found, PIECE_COLUMNS)
    types = {"size": np.int64, "mtime_ns": np.int64}
    files = files.astype(types).sort_values("path", ignore_index=True)
    return Archive(str(root), layout, files, _ordered(pieces))


def _with(known: pd.DataFrame, same: set[str], rows: list[tuple], columns) -> pd.DataFrame:
    """Return the known rows of files that did not change, and new ones."""
    known = known[known["path"].isin(same)]
    fresh = pd.DataFrame(rows, columns=columns)
    return fresh if known.empty else known if fresh.empty else pd.concat([known, fresh])


def _scan(paths: list[str], jobs: int) -> Iterator:
    if jobs <= 1 or len(paths) < 64:
        yield from map(scan_file, paths)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(scan_file, paths, chunksize=32)


def _ordered(pieces: pd.DataFrame) -> pd.DataFrame:
    """Sort pieces by station, channel and the order in which they are preferred."""
    types = dict.fromkeys(("order", "start_ns", "end_ns", "n"), np.int64) | {"rate_hz": float}
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
        reasons = Counter(reason.split(":")[0] for reason in archive.files["reason"])
        counted = "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3))
        features = len(archive.files) and archive.files["path"].str.endswith(".h5").all()
        raise NoDataError(
            f"None of the {len(archive.files)} files of {archive.root} is a usable waveform "
            f"file ({counted}).",
            "This is a store of features; name the waveforms that it was made from."
            if features
            else "Run 'seisml scan' on it to see each file and its reason.",
        )
    return archive


def days(archive: Archive, station: str) -> list[int]:
    """Return the UTC days (numbers since 1970) that hold samples of a station."""
    pieces = archive.pieces[archive.pieces["station"] == station]
    first = pieces["start_ns"].to_numpy() // DAY_NS
    last = (pieces["end_ns"].to_numpy() - 1) // DAY_NS
    found = set(np.unique(first).tolist())
    for a, b in zip(first[last > first].tolist(), last[last > first].tolist(), strict=True):
        found.update(range(a, b + 1))
    return sorted(found)


def part(archive: Archive, station: str, start_ns: int, end_ns: int) -> Archive:
    """Return the knowledge about one station between two instants (small, for a worker)."""
    return next(parts(archive, station, [(start_ns, end_ns)]))


def parts(archive: Archive, station: str, spans: Iterable[tuple[int, int]]) -> Iterator[Archive]:
    """Yield `part` for several spans of time, without looking at all pieces for each."""
    pieces = archive.pieces
    if len(pieces) and not (pieces["station"] == station).all():
        pieces = pieces[pieces["station"] == station].reset_index(drop=True)
    by_start = np.argsort(pieces["start_ns"].to_numpy(), kind="stable")
    start_ns, end_ns = (pieces[name].to_numpy()[by_start] for name in ("start_ns", "end_ns"))
    latest_ns = np.maximum.accumulate(end_ns) if len(end_ns) else end_ns
    # Which row of the files each piece belongs to: both are sorted by path.
    paths = archive.files["path"].to_numpy(dtype=object)
    row = pd.Index(paths).get_indexer(pieces["path"])
    for first_ns, last_ns in spans:
        low = int(np.searchsorted(latest_ns, first_ns, side="right"))
        high = max(low, int(np.searchsorted(start_ns, last_ns, side="left")))
        chosen = np.sort(by_start[low:high][end_ns[low:high] > first_ns])
        yield dataclasses.replace(
            archive,
            files=archive.files.iloc[np.unique(row[chosen])].reset_index(drop=True),
            pieces=pieces.iloc[chosen].reset_index(drop=True),
        )


def of_channels(archive: Archive, channels: Iterable[str]) -> Archive:
    """Return the knowledge about some channels."""
    pieces = archive.pieces[archive.pieces["channel"].isin(list(channels))]
    return dataclasses.replace(archive, pieces=pieces.reset_index(drop=True))


def read(archive: Archive, station: str, start, end, *, counts: Counter | None = None):
    """Read what an archive has of a station between two instants.

    Parameters
    ----------
    archive : Archive
    station : str
        "NET.STA.LOC.BI" as in `stations`.
    start, end : time
        Anything `seisml.times.to_ns` takes; samples with start <= t < end are read.
    counts : collections.Counter, optional
        ``missing_files``, ``unreadable_files``, ``corrupt_records`` and ``suspect_records`` are
        increased where data are gone, cannot be decoded or fail the check of their compression.

    Returns
    -------
    obspy.Stream
        Traces of all components in order of preference: by the start of the piece they come
        from, not of the part that was read. Nothing is merged, filled or resampled.
    """
    network, name, location, _ = station.split(".")
    header = {"network": network, "station": name, "location": location}
    counts = Counter() if counts is None else counts
    found = _contents_of(archive, station).read(to_ns(start), to_ns(end), counts)
    return obspy.Stream(
        obspy.Trace(
            record.data,
            {
                **header,
                "channel": record.channel,
                "sampling_rate": record.rate_hz,
                "starttime": obspy.UTCDateTime(ns=record.start_ns),
            },
        )
        for record in found
    )


def records(
    archive: Archive, station: str, start_ns: int, end_ns: int, *, channels: Iterable[str] = ()
) -> list[Record]:
    """Read the samples between two instants for `seisml.segments.segments`.

    Parameters
    ----------
    archive : Archive
    station : str
    start_ns, end_ns : int
    channels : iterable of str
        Default all.
    """
    return _contents_of(archive, station).read(start_ns, end_ns, Counter(), channels=set(channels))


def channels_of(archive: Archive, station: str) -> list[str]:
    """Return the channels of a station, sorted."""
    return sorted(set(_contents_of(archive, station).channels))


def _contents_of(archive: Archive, station: str) -> "Contents":
    if station not in archive._contents:
        archive._contents[station] = Contents(
            archive.pieces[archive.pieces["station"] == station], archive.files
        )
    return archive._contents[station]


def chunks(
    archive: Archive,
    station: str,
    start_ns: int,
    end_ns: int,
    *,
    chunk_s: float,
    counts: Counter | None = None,
) -> Iterator[tuple[int, int, list[Record]]]:
    """Yield (start_ns, end_ns, records) for `seisml.segments.segments`, chunk by chunk.

    Nothing reads more than a chunk and the guard on both sides.
    """
    counts = Counter() if counts is None else counts
    step_ns, pad_ns = max(1, round(chunk_s * NS_PER_S)), guard(archive, station)
    contents = _contents_of(archive, station)
    for first in range(int(start_ns), int(end_ns), step_ns):
        last = min(first + step_ns, int(end_ns))
        yield first, last, contents.read(first - pad_ns, last + pad_ns, counts)


def guard(archive: Archive, station: str) -> int:
    """Return the guard for the slowest channel of a station, at most an hour, ns."""
    if station not in archive._slowest_hz:
        return 0
    return min(MAX_GUARD_NS, guard_ns(archive._slowest_hz[station]))
