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
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import numpy as np
import obspy
from obspy.core.util.base import ENTRY_POINTS

from seisml.decoding import Records, call_plugin, flat_records, read_pieces
from seisml.joining import Record
from seisml.miniseed import Layout, maybe_miniseed, read_layout
from seisml.rates import samples_to_ns
from seisml.remote import is_remote
from seisml.sources import UnreadableError, file_key, one_line, open_source, whole

UNSAFE_FORMATS = {"PICKLE"}
"""Formats that are never tried: reading them would run code from the file."""
LATEST_NS = 2**62
"""Instants and ends of pieces lie between minus this and this: the years 1823 to 2116."""


def station_id(network: str, station: str, location: str, channel: str) -> str:
    """Return "NET.STA.LOC.BI", the components of one sensor together.

    Points stand between codes; one in a code, which no standard allows, becomes an underscore.

    Examples
    --------
    >>> station_id("XB", "ELYSE", "02", "BHV")
    'XB.ELYSE.02.BH'
    """
    codes = (network, station, location, channel[:-1])
    return ".".join(code.replace(".", "_") for code in codes)


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
        why = _useless(int(start_ns), float(rate_hz), int(n))
        if why:
            notes.append(f"trace {order} left out: {why}")
        else:
            pieces.append(_piece_row(key[0], order, code, int(start_ns), float(rate_hz), int(n)))
    if rows and not pieces:
        raise UnreadableError(why)
    if not rows and layout.cut_off:
        raise UnreadableError("truncated: no record is whole")
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


def _useless(start_ns: int, rate_hz: float, n: int) -> str:
    """Return why a trace is of no use, "" where it is."""
    if n <= 0:
        return "no samples"
    if not (np.isfinite(rate_hz) and 1e-6 < rate_hz < 1e6):
        return "no sampling rate"
    if not -LATEST_NS < start_ns < start_ns + samples_to_ns(n, rate_hz) < LATEST_NS:
        return "no possible time: before 1823 or after 2116"
    return ""


def _piece_row(path: str, order: int, code, start_ns: int, rate_hz: float, n: int) -> tuple:
    end_ns = start_ns + samples_to_ns(n, rate_hz)
    return path, order, station_id(*code), code[3], start_ns, end_ns, rate_hz, n


@functools.lru_cache(maxsize=24)
def _flat(path: str, size: int, mtime_ns: int) -> Records:
    return flat_records(_layout(path, size, mtime_ns).pieces)


@functools.lru_cache(maxsize=24)
def _layout(path: str, size: int, mtime_ns: int) -> Layout:
    """Return the layout of a miniSEED file; without pieces if it is none."""
    source = open_source((path, size, mtime_ns))
    if not maybe_miniseed(source.read([(0, 7)])):
        return Layout((), 0, False, 0)
    layout = read_layout(lambda at, n: source.read([(at, at + n)]), source.size)
    return dataclasses.replace(layout, cut_off=layout.cut_off or bool(source.note))


def _sniff(path: str) -> str:
    for name in ENTRY_POINTS["waveform"]:
        if name not in UNSAFE_FORMATS:
            try:
                if call_plugin(name, "isFormat", path):
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
        traces = list(call_plugin(name, "readFormat", path, headonly=headonly))
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
            yield from read_pieces(key, _flat(*key), known, start_ns, end_ns, counts)
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


class Contents:
    """The pieces of a station, ready to be read span by span.

    Parameters
    ----------
    pieces, files : pandas.DataFrame
        As `seisml.archive.Archive` has them.
    """

    def __init__(self, pieces, files):
        formats = dict(zip(files["path"], files["format"], strict=True))
        self._paths = pieces["path"].tolist()
        self._formats = [formats[path] for path in self._paths]
        self._orders, self.channels = pieces["order"].tolist(), pieces["channel"].tolist()
        self._start_ns, self._end_ns = pieces["start_ns"].to_numpy(), pieces["end_ns"].to_numpy()

    def read(
        self, start_ns: int, end_ns: int, counts: Counter, *, channels: Container[str] = ()
    ) -> list[Record]:
        """Read all pieces (of some channels) that reach into a span, in order of preference."""
        inside = np.flatnonzero((self._end_ns > start_ns) & (self._start_ns < end_ns)).tolist()
        by_file: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
        for i in inside:
            if not channels or self.channels[i] in channels:
                by_file[self._paths[i], self._formats[i]][self._orders[i]] = self.channels[i]
        found = []
        for (path, name), orders in by_file.items():
            for order, record in read_records(path, name, orders, start_ns, end_ns, counts):
                if len(record.data):
                    found.append(((record.origin_ns, path, order, record.first), record))
        return [record for _, record in sorted(found, key=lambda item: item[0])]


def miniseed(pieces: Iterable[Record], *, station: str) -> bytes:
    """Return records as a miniSEED file, float32.

    Parameters
    ----------
    pieces : iterable of Record
    station : str
        "NET.STA.LOC.BI".
    """
    network, name, location, _ = station.split(".")
    header = {"network": network, "station": name, "location": location}
    traces = [
        obspy.Trace(
            np.asarray(piece.data, dtype=np.float32),
            {
                **header,
                "channel": piece.channel,
                "sampling_rate": piece.rate_hz,
                "starttime": obspy.UTCDateTime(ns=piece.start_ns),
            },
        )
        for piece in pieces
    ]
    content = io.BytesIO()
    obspy.Stream(traces).write(content, format="MSEED", encoding="FLOAT32")
    return content.getvalue()
