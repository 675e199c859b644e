"""Waveform files: what is in one, and the samples of its pieces between two instants.

Files are recognised by content, never by name. miniSEED is read record by record
(`seisml.miniseed`): only the records that are needed, and without those that are broken; every
other format that ObsPy knows is read whole. Formats that can run code are never tried.
"""

import dataclasses
import functools
import io
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from obspy.core.util.base import ENTRY_POINTS
from obspy.core.util.misc import buffered_load_entry_point

from seisml.joining import CLOCK_NS, Record, samples_to_ns
from seisml.miniseed import Layout, Piece, maybe_miniseed, read_layout
from seisml.remote import is_remote
from seisml.sources import Source, UnreadableError, file_key, one_line, open_source, whole
from seisml.times import NS_PER_S

UNSAFE_FORMATS = {"PICKLE"}
"""Formats that are never tried: reading them would run code from the file."""
LATEST_NS = 2**62
"""Instants and ends of pieces lie between minus this and this: the years 1823 to 2116."""


def station_id(network: str, station: str, location: str, channel: str) -> str:
    """Return "NET.STA.LOC.BI", the components of one sensor together.

    Examples
    --------
    >>> station_id("XB", "ELYSE", "02", "BHV")
    'XB.ELYSE.02.BH'
    """
    return ".".join((network, station, location, channel[:-1]))


def scan_file(path: str) -> tuple[tuple, list[tuple]]:
    """Read the headers of one file.

    Parameters
    ----------
    path : str

    Returns
    -------
    row : tuple
        path, size, mtime_ns, format, reason (why it is rejected, "" if it is used), note.
    pieces : list of tuple
        path, order, station, channel, start_ns, end_ns, rate_hz, n of each continuous piece;
        empty if the file is rejected.
    """
    name, reason, notes, pieces, key = "", "", [], [], (path, 0, 0)
    try:
        key = file_key(path)
        name, pieces, notes = _scan(key)
    except UnreadableError as error:
        reason = str(error)
    except OSError as error:  # may be cured without a trace in the file: never remembered as it is
        reason, key = f"unreadable: {error.strerror or one_line(error)}", (*key[:2], 0)
    if not reason and not pieces:
        reason = "no samples"
    return (*key, name, reason, "; ".join(notes)[:300]), pieces


def _scan(key: tuple) -> tuple[str, list[tuple], list[str]]:
    if not key[1]:
        raise UnreadableError("empty file")
    layout = _layout(*key)
    if layout.pieces:
        name, notes = "MSEED", _notes(layout)
        rows = [(*p.code, p.start_ns, p.rate_hz, p.n_samples) for p in layout.pieces]
    else:
        name, traces, notes = _read_whole(key, headonly=True)
        stats = [trace.stats for trace in traces]
        rows = [
            (s.network, s.station, s.location, s.channel, s.starttime.ns, s.sampling_rate, s.npts)
            for s in stats
        ]
    pieces = []
    for order, (*code, start_ns, rate_hz, n) in enumerate(rows):
        piece = _piece_row(key[0], order, code, int(start_ns), float(rate_hz), int(n))
        if piece is None:
            notes.append(f"trace {order} left out: no samples, sampling rate or possible time")
        else:
            pieces.append(piece)
    return name, pieces, notes


def _notes(layout: Layout) -> list[str]:
    notes = []
    if layout.n_broken:
        notes.append(f"{layout.n_broken} bytes between records are left out: no records")
    if layout.cut_off:
        notes.append("truncated: the last record is cut off")
    if layout.n_other:
        notes.append(f"{layout.n_other} records without samples or sampling rate")
    return notes


def _piece_row(path: str, order: int, code, start_ns: int, rate_hz: float, n: int) -> tuple | None:
    if n <= 0 or not (np.isfinite(rate_hz) and 1e-6 < rate_hz < 1e6):
        return None
    end_ns = start_ns + samples_to_ns(n, rate_hz)
    if not -LATEST_NS < start_ns < end_ns < LATEST_NS:
        return None
    return path, order, station_id(*code), code[3], start_ns, end_ns, rate_hz, n


@functools.lru_cache(maxsize=24)
def _layout(path: str, size: int, mtime_ns: int) -> Layout:
    """Return the layout of a miniSEED file; without pieces if it is none."""
    source = open_source((path, size, mtime_ns))
    if not maybe_miniseed(source.read([(0, 7)])):
        return Layout((), 0, False, 0)
    layout = read_layout(lambda at, n: source.read([(at, at + n)]), source.size)
    return dataclasses.replace(layout, cut_off=layout.cut_off or bool(source.note))


@functools.cache
def _loaded(name: str, what: str) -> Callable:
    distribution = ENTRY_POINTS["waveform"][name].dist.name
    return buffered_load_entry_point(distribution, f"obspy.plugin.waveform.{name}", what)


def _plugin(name: str, what: str, *args, **kwargs):
    """Call a plug-in of ObsPy; whatever it raises on a broken file is one error."""
    try:
        return _loaded(name, what)(*args, **kwargs)
    except Exception as error:
        raise UnreadableError(f"unreadable: reader of {name}: {one_line(error)}") from error


def _sniff(path: str) -> str:
    for name in ENTRY_POINTS["waveform"]:
        if name not in UNSAFE_FORMATS:
            try:
                if _plugin(name, "isFormat", path):
                    return name
            except UnreadableError:  # a sniffer that fails on foreign bytes has said no
                continue
    raise UnreadableError("no waveform format that ObsPy knows")


def _read_whole(key: tuple, *, name: str = "", headonly: bool = False):
    """Read a file that is not miniSEED with ObsPy; return (format, traces, notes)."""
    source = open_source(key)
    notes = [source.note] if source.note else []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = key[0]
        if source.content is not None or is_remote(path):
            path = str(Path(folder) / "content")
            Path(path).write_bytes(whole(source))
        name = name or _sniff(path)
        traces = list(_plugin(name, "readFormat", path, headonly=headonly))
    return name, traces, notes + sorted({one_line(w.message) for w in caught})


def read_records(
    path: str, name: str, orders: dict[int, str], start_ns: int, end_ns: int, counts: Counter
) -> Iterator[tuple[int, Record]]:
    """Yield the samples of some pieces of a file between two instants.

    Parameters
    ----------
    path, name : str
        File and format.
    orders : dict of int to str
        Pieces by their order in the file, and their channels.
    start_ns, end_ns : int
    counts : collections.Counter
        ``missing_files`` (gone or changed beyond recognition), ``unreadable_files``,
        ``corrupt_records`` and ``suspect_records`` (check of the compression failed; used).

    Yields
    ------
    order : int
    Record
    """
    try:
        key = file_key(path)
        if name == "MSEED" and (pieces := _layout(*key).pieces):
            known = {i: c for i, c in orders.items() if i < len(pieces) and pieces[i].code[3] == c}
            if len(known) < len(orders):
                counts["missing_files"] += 1
            yield from _read_layout_pieces(key, known, pieces, start_ns, end_ns, counts)
            return
        _, traces, _ = _read_whole(key, name=name)
    except UnreadableError:
        counts["unreadable_files"] += 1
        return
    except OSError:
        counts["missing_files"] += 1
        return
    for order, channel in orders.items():
        if order < len(traces) and traces[order].stats.channel == channel:
            s = traces[order].stats
            whole = Record(channel, s.starttime.ns, 0, float(s.sampling_rate), traces[order].data)
            yield order, whole.cut(start_ns, end_ns)
        else:
            counts["missing_files"] += 1


def _read_layout_pieces(
    key: tuple, orders: dict[int, str], pieces, start_ns: int, end_ns: int, counts: Counter
) -> Iterator[tuple[int, Record]]:
    """Decode the records of miniSEED pieces, those of one channel and encoding together."""
    groups: dict[tuple, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
    for order in orders:
        piece = pieces[order]
        chosen = _overlapping(piece, start_ns, end_ns)
        if chosen.stop > chosen.start:
            first = int(piece.records["n"][: chosen.start].sum())
            records = piece.records[chosen]
            kind = (piece.code, records["quality"][0], records["encoding"][0])
            groups[kind].append((order, first, records))
    source = open_source(key)
    for group in groups.values():
        for order, first, data in _decoded(source, group, counts):
            piece = pieces[order]
            record = Record(piece.code[3], piece.start_ns, first, piece.rate_hz, data)
            yield order, record.cut(start_ns, end_ns)


def _overlapping(piece: Piece, start_ns: int, end_ns: int) -> slice:
    """Return the records of a piece that hold samples between two instants."""
    stops = np.cumsum(piece.records["n"])
    first, last = (
        np.ceil((t - CLOCK_NS - piece.start_ns) * piece.rate_hz / NS_PER_S)
        for t in (start_ns, end_ns)
    )
    start = int(np.searchsorted(stops, first, side="right"))
    return slice(start, int(np.searchsorted(stops - piece.records["n"], last, side="left")))


def _decoded(source: Source, group: list, counts: Counter) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (order, number of the first sample, samples) of runs of good records."""
    records = np.concatenate([records for *_, records in group])
    n = records["n"]
    order = np.repeat([order for order, *_ in group], [len(r) for *_, r in group])
    first = np.concatenate([f + np.cumsum(r["n"]) - r["n"] for _, f, r in group])
    for start, stop, data in _whole(_decode(source, records, 0, len(records), counts)):
        edges = np.flatnonzero(np.diff(order[start:stop])) + start + 1
        for a, b in pairwise([start, *edges.tolist(), stop]):
            at = int(n[start:a].sum())
            yield int(order[a]), int(first[a]), data[at : at + int(n[a:b].sum())]


def _whole(runs: Iterable[tuple]) -> Iterator[tuple]:
    """Put runs of records that follow one another together again."""
    held: list[tuple] = []
    for run in runs:
        if held and held[-1][1] != run[0]:
            yield held[0][0], held[-1][1], np.concatenate([data for *_, data in held])
            held = []
        held.append(run)
    if len(held) == 1:
        yield held[0]
    elif held:
        yield held[0][0], held[-1][1], np.concatenate([data for *_, data in held])


def _decode(source: Source, records, start: int, stop: int, counts: Counter):
    """Yield (start, stop, samples) of runs of records, leaving out those that are broken."""
    part = records[start:stop]
    data = _samples(source, part, counts)
    if data is not None and len(data) == part["n"].sum():
        yield start, stop, data
    elif len(part) == 1:
        counts["corrupt_records"] += 1
    else:
        middle = (start + stop) // 2
        yield from _decode(source, records, start, middle, counts)
        yield from _decode(source, records, middle, stop, counts)


def _samples(source: Source, records, counts: Counter) -> np.ndarray | None:
    ends = records["at"] + records["length"]
    edges = [0, *(np.flatnonzero(records["at"][1:] != ends[:-1]) + 1).tolist(), len(records)]
    spans = [(int(records["at"][a]), int(ends[b - 1])) for a, b in pairwise(edges)]
    content = source.read(spans)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            traces = _plugin("MSEED", "readFormat", io.BytesIO(content))
        except UnreadableError:
            return None
    for warning in caught:
        if "integrity" in str(warning.message):
            counts["suspect_records"] += 1
    parts = [trace.data for trace in traces]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else None
