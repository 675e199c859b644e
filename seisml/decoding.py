"""Samples of miniSEED records: only those of a span of time, and without those that are broken.

Records of all pieces of a channel are decoded together, ten thousand pieces a day or one.
"""

import contextlib
import dataclasses
import functools
import io
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from obspy.core.util.base import ENTRY_POINTS
from obspy.core.util.misc import buffered_load_entry_point

from seisml.joining import CLOCK_NS, Record
from seisml.miniseed import Piece
from seisml.rates import snap_rate
from seisml.sources import Source, UnreadableError, one_line, open_source
from seisml.times import NS_PER_S

YEAR_AT = 20
"""Bytes of a record before its time."""
_TIME = np.dtype(
    [
        *(("year", "u2"), ("day", "u2"), ("hour", "u1"), ("minute", "u1"), ("second", "u1")),
        *(("pad", "u1"), ("fraction", "u2")),
    ]
)
_PIECE = 1 << 40
"""More than the samples of any piece."""


@dataclasses.dataclass(frozen=True)
class Records:
    """The records of all pieces of a file, in the order of the pieces.

    Attributes
    ----------
    pieces : sequence of Piece
    records : numpy.ndarray
        As `Piece.records`.
    first : numpy.ndarray of int64
        Number of the first sample of each record in its piece.
    keys : numpy.ndarray of int64
        Rising numbers: the piece, and in it the sample after the record.
    origin_ns, rate_hz, kind : numpy.ndarray, shape (n_pieces,)
        Start and rate of each piece; pieces of one kind are decoded together.
    """

    pieces: Sequence[Piece]
    records: np.ndarray
    first: np.ndarray
    keys: np.ndarray
    origin_ns: np.ndarray
    rate_hz: np.ndarray
    kind: np.ndarray


def flat_records(pieces: Sequence[Piece]) -> Records:
    """Return the records of pieces in one array."""
    records = np.concatenate([piece.records for piece in pieces])
    n_records = [len(piece.records) for piece in pieces]
    number = np.repeat(np.arange(len(pieces)), n_records)
    stop = np.cumsum(records["n"])
    starts = np.cumsum([0, *(piece.n_samples for piece in pieces)])[:-1]
    stop -= np.repeat(starts, n_records)
    kinds: dict[tuple, int] = {}
    kind = [kinds.setdefault(_kind_of(piece), len(kinds)) for piece in pieces]
    return Records(
        pieces=pieces,
        records=records,
        first=stop - records["n"],
        keys=number * _PIECE + stop,
        origin_ns=np.array([piece.start_ns for piece in pieces], np.int64),
        rate_hz=np.array([piece.rate_hz for piece in pieces]),
        kind=np.array(kind),
    )


def _kind_of(piece: Piece) -> tuple:
    one = piece.records[0]
    return piece.code, one["quality"], one["encoding"], snap_rate(piece.rate_hz)


@functools.cache
def loaded(name: str, what: str) -> Callable:
    """Return a function of a plug-in of ObsPy, which takes long to be found."""
    distribution = ENTRY_POINTS["waveform"][name].dist.name
    return buffered_load_entry_point(distribution, f"obspy.plugin.waveform.{name}", what)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the end: raised where C code calls Python, it ends in a crash.

    ObsPy's reader of miniSEED lets C write to where a Python function tells it; interrupted,
    that function tells NULL.
    """
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if main else None
    if before is None:  # only the main thread is interrupted, and only by a handler of Python's
        yield
        return
    held = []
    signal.signal(signal.SIGINT, lambda *_: held.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


def call_plugin(name: str, what: str, *args, **kwargs):
    """Call a plug-in of ObsPy; whatever it raises on a broken file is one error."""
    try:
        with uninterrupted():
            return loaded(name, what)(*args, **kwargs)
    except Exception as error:
        raise UnreadableError(f"unreadable: reader of {name}: {one_line(error)}") from error


def read_pieces(
    key: tuple, flat: Records, orders: Iterable[int], start_ns: int, end_ns: int, counts: Counter
) -> Iterator[tuple[int, Record]]:
    """Yield (order, samples) of some pieces between two instants, one kind after the other.

    Parameters
    ----------
    key : tuple
        File, see `seisml.sources.open_source`.
    flat : Records
    orders : iterable of int
        Numbers of the pieces.
    start_ns, end_ns : int
    counts : collections.Counter
        ``corrupt_records`` and ``suspect_records``.
    """
    wanted = np.array(list(orders), np.int64)
    origin_ns, rate_hz = flat.origin_ns[wanted], flat.rate_hz[wanted]
    begin, end = (
        np.clip(np.ceil((t - CLOCK_NS - origin_ns) * rate_hz / NS_PER_S), 0, _PIECE - 1)
        for t in (start_ns, end_ns)
    )
    begin, end = begin.astype(np.int64), end.astype(np.int64)
    # The first record that ends after the span begins, and after the last that begins before it
    # ends: that is the one that ends at or after its end.
    low = np.searchsorted(flat.keys, wanted * _PIECE + begin, side="right")
    last = np.searchsorted(flat.keys, (wanted + 1) * _PIECE)
    high = np.searchsorted(flat.keys, wanted * _PIECE + end) + (end > 0)
    high = np.minimum(high, last)
    source = open_source(key)
    kind = flat.kind[wanted]
    for one in dict.fromkeys(kind.tolist()):
        chosen = np.flatnonzero((kind == one) & (low < high))
        if not len(chosen):
            continue
        n_records = high[chosen] - low[chosen]
        at = np.repeat(low[chosen] - np.cumsum(n_records) + n_records, n_records)
        at += np.arange(n_records.sum())
        number = np.repeat(chosen, n_records)
        lot = _Lot(source, flat.records[at], rate_hz[number], counts)
        for i, first, data in _decoded(lot, flat.first[at], number):
            a, b = max(0, int(begin[i]) - first), max(0, int(end[i]) - first)
            order = int(wanted[i])
            piece = flat.pieces[order]
            data = data[a:b] if a or b < len(data) else data
            yield order, Record(piece.code[3], piece.start_ns, first + a, piece.rate_hz, data)


@dataclasses.dataclass(frozen=True)
class _Lot:
    """Records of one kind that are decoded together, and the rates of their pieces."""

    source: Source
    records: np.ndarray
    rate_hz: np.ndarray
    counts: Counter


def _decoded(
    lot: _Lot, first: np.ndarray, number: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (number, first sample, samples) of runs of good records of one piece."""
    n = lot.records["n"]
    new = np.flatnonzero(np.diff(number)) + 1
    for start, stop, data in _whole(_decode(lot, 0, len(n))):
        inside = new[np.searchsorted(new, start, side="right") : np.searchsorted(new, stop)]
        edges = np.concatenate([[start], inside])
        places = np.append(np.cumsum(n[start:stop])[edges - start] - n[edges], len(data))
        rows = zip(number[edges].tolist(), first[edges].tolist(), strict=True)
        for (i, sample), (a, b) in zip(rows, pairwise(places.tolist()), strict=True):
            yield i, sample, data[a:b]


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


def _decode(lot: _Lot, start: int, stop: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (start, stop, samples) of runs of records, leaving out those that are broken."""
    data = _samples(lot, slice(start, stop))
    if data is not None and len(data) == lot.records["n"][start:stop].sum():
        yield start, stop, data
    elif stop - start == 1:
        lot.counts["corrupt_records"] += 1
    else:
        middle = (start + stop) // 2
        yield from _decode(lot, start, middle)
        yield from _decode(lot, middle, stop)


def _samples(lot: _Lot, part: slice) -> np.ndarray | None:
    records = lot.records[part]
    ends = records["at"] + records["length"]
    edges = [0, *(np.flatnonzero(records["at"][1:] != ends[:-1]) + 1).tolist(), len(records)]
    spans = [(int(records["at"][a]), int(ends[b - 1])) for a, b in pairwise(edges)]
    content = _stamped(lot.source.read(spans), records, lot.rate_hz[part])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            traces = call_plugin("MSEED", "readFormat", io.BytesIO(content))
        except UnreadableError:
            return None
    for warning in caught:
        if "integrity" in str(warning.message):
            lot.counts["suspect_records"] += 1
    parts = [trace.data for trace in traces]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else None


def _stamped(content: bytes, records, rate_hz: np.ndarray) -> np.ndarray:
    """Give records times that follow one another, so that they are decoded as one trace.

    The reader makes a trace of every piece, and a trace costs it as much as a thousand samples.
    """
    raw = np.frombuffer(content, np.uint8).copy()
    at = np.cumsum(records["length"]) - records["length"]
    if len(raw) != records["length"].sum():  # cut off since its headers were read
        return raw
    elapsed_s = np.cumsum(records["n"] / rate_hz)
    ticks = np.round(1e4 * (elapsed_s - records["n"] / rate_hz)).astype(np.int64)
    seconds, fraction = np.divmod(ticks, 10_000)
    dates = (seconds // 86_400).astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    stamp = np.zeros(len(records), _TIME)
    stamp["year"] = 1970 + years.astype(int)
    stamp["day"] = 1 + (dates - years.astype("datetime64[D]")).astype(int)
    stamp["hour"], stamp["minute"] = seconds // 3600 % 24, seconds // 60 % 60
    stamp["second"], stamp["fraction"] = seconds % 60, fraction
    place = at[:, np.newaxis] + np.arange(YEAR_AT, YEAR_AT + _TIME.itemsize)
    year = raw[place[:, 0]].astype(int) * 256 + raw[place[:, 1]]
    big = (year >= 1900) & (year <= 2100)
    for order, chosen in ((">", big), ("<", ~big)):
        rows = stamp[chosen].astype(_TIME.newbyteorder(order))
        raw[place[chosen]] = rows.view(np.uint8).reshape(-1, _TIME.itemsize)
    return raw
