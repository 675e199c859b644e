"""miniSEED from its record headers: which continuous pieces a file holds, and where.

Samples are decoded elsewhere. ObsPy joins records as long as each begins within half a sample of
the end of the one before; with a slow clock a long trace is then seconds off, and where its samples
are depends on where reading began. Here a piece ends where a record is off by more than half a
sample from the time base of the first record of the piece.
"""

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.lib.recfunctions as rfn

from seisml.joining import HALF_SAMPLE
from seisml.rates import snap_rate
from seisml.times import DAY_NS, NS_PER_S

BLOCK = 1 << 22
"""Bytes that are looked at at once."""
MIN_RECORD = 128
"""The shortest record, and the step with which the next one is looked for after broken bytes."""
MAX_PREFIX = 1 << 26
"""Bytes after which a file without any data record is given up."""
HEADER_ROOM = 512
"""Bytes of a record in which its blockettes are looked for."""
_FIXED = [
    *(("sequence", "S6"), ("quality", "S1"), ("reserved", "S1"), ("code", "S12")),
    *(("year", "u2"), ("day", "u2"), ("hour", "u1"), ("minute", "u1"), ("second", "u1")),
    *(("pad", "u1"), ("fraction", "u2"), ("n", "u2"), ("factor", "i2"), ("multiplier", "i2")),
    *(("activity", "u1"), ("io", "u1"), ("flags", "u1"), ("n_blockettes", "u1")),
    *(("correction", "i4"), ("data_at", "u2"), ("blockette_at", "u2")),
]
_BIG = np.dtype([(name, kind if kind[0] == "S" else f">{kind}") for name, kind in _FIXED])
_LITTLE = _BIG.newbyteorder("<")
_RECORD = np.dtype(
    [
        *(("at", "i8"), ("length", "i8"), ("code", "S12"), ("quality", "S1")),
        *(("encoding", "u1"), ("start_ns", "i8"), ("n", "i8"), ("rate_hz", "f8")),
    ]
)


@dataclasses.dataclass(frozen=True)
class Piece:
    """A continuous piece of one channel in one file.

    Attributes
    ----------
    code : tuple of str
        Network, station, location, channel.
    start_ns : int
    rate_hz : float
        As in the header of its first record.
    n_samples : int
    records : numpy.ndarray
        Its records in order: ``at`` and ``length`` in bytes, ``n`` samples, ``encoding``,
        ``quality``.
    """

    code: tuple[str, str, str, str]
    start_ns: int
    rate_hz: float
    n_samples: int
    records: np.ndarray


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a file holds.

    Attributes
    ----------
    pieces : tuple of Piece
        In the order of their first records.
    n_broken : int
        Bytes between data records that are no records.
    cut_off : bool
        The last record is not complete.
    n_other : int
        Data records without samples or without a sampling rate (logs, states of health).
    """

    pieces: tuple[Piece, ...]
    n_broken: int
    cut_off: bool
    n_other: int


def read_layout(fetch: Callable[[int, int], bytes], size: int) -> Layout:
    """Read the record headers of a file.

    Parameters
    ----------
    fetch : callable
        ``fetch(offset, n)`` returns n bytes of the file.
    size : int
        Bytes of the file.

    Returns
    -------
    Layout
        Without pieces if nothing in the file is a data record with a blockette 1000.
    """
    found, n_broken = _find_records(fetch, size)
    complete = found["at"] + found["length"] <= size
    rate_hz = found["rate_hz"]
    with np.errstate(invalid="ignore"):
        useful = (found["n"] > 0) & (rate_hz > 1e-6) & (rate_hz < 1e6) & (found["encoding"] > 0)
    return Layout(
        pieces=tuple(_pieces(found[complete & useful])),
        n_broken=n_broken,
        cut_off=not complete.all(),
        n_other=int((complete & ~useful).sum()),
    )


def maybe_miniseed(head: bytes) -> bool:
    """Whether a file that begins like this may be miniSEED, or SEED with control headers.

    Examples
    --------
    >>> maybe_miniseed(b"000001D "), maybe_miniseed(b"GSE2    ")
    (True, False)
    """
    return len(head) > 6 and not head[:6].strip(b"0123456789 \0") and head[6] in b"DRQMVAST "


def _find_records(fetch: Callable[[int, int], bytes], size: int) -> tuple[np.ndarray, int]:
    """Return the headers of all data records and the number of bytes between that are none."""
    found: list[np.ndarray] = []
    at, n_broken = 0, 0
    while size - at >= MIN_RECORD and (found or at < MAX_PREFIX):
        n = min(BLOCK, size - at)
        block = np.frombuffer(fetch(at, n), dtype=np.uint8)
        if len(block) < MIN_RECORD:
            break
        at_end = at + len(block) >= size
        n_done, n_bad = _search(block, at, at_end, found)
        at, n_broken = at + n_done, n_broken + n_bad
    return (np.concatenate(found) if found else np.zeros(0, _RECORD)), n_broken


def _search(block: np.ndarray, base: int, at_end: bool, found: list) -> tuple[int, int]:
    """Append the records that begin in a block; return (bytes done, bytes that are no records).

    Records are looked at in growing numbers: as many as fit one after the other at one length.
    """
    room = MIN_RECORD if at_end else HEADER_ROOM
    at, step, n_broken, n_try = 0, 0, 0, 1
    while at + room <= len(block):
        possible = 1 + (len(block) - room - at) // (step or MIN_RECORD)
        offsets = at + (step or MIN_RECORD) * np.arange(min(n_try, possible))
        records, good = _parse(block, offsets)
        if step:  # records one after the other
            good &= records["length"] == step
            n = len(good) if good.all() else int(np.argmin(good))
            n_try = min(2 * n_try, 1 << 14) if n == len(good) else 1
            records = records[:n]
            at, step = at + n * step, step if n == len(good) else 0
        elif good.any():  # the next record
            first = int(np.argmax(good))
            records = records[first : first + 1]
            n_broken += first * MIN_RECORD if found else 0
            step, n_try = int(records["length"][0]), 4
            at = int(offsets[first]) + step
        else:
            n_broken += len(offsets) * MIN_RECORD if found else 0
            at, n_try, records = int(offsets[-1]) + MIN_RECORD, min(2 * n_try, 1 << 14), records[:0]
        records["at"] += base
        if len(records):
            found.append(records)
    return max(at, 1), n_broken


def _parse(block: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read the headers at some offsets; return (records, whether each is one)."""
    raw = block[offsets[:, np.newaxis] + np.arange(_BIG.itemsize)]
    big, little = (raw.view(kind)[:, 0] for kind in (_BIG, _LITTLE))
    is_big = (big["year"] >= 1900) & (big["year"] <= 2100) & (big["day"] <= 366)
    head = {
        name: np.where(is_big, big[name], little[name]).astype(np.int64)
        for name, kind in _FIXED
        if kind[0] != "S"
    }
    good = _plausible(raw, head)
    extra = _blockettes(block, offsets, head, is_big, good)
    good &= extra["length"] >= MIN_RECORD
    out = np.zeros(len(offsets), dtype=_RECORD)
    out["at"], out["code"], out["quality"] = offsets, big["code"], big["quality"]
    out["length"], out["encoding"] = extra["length"], extra["encoding"]
    out["n"], out["start_ns"] = head["n"], _start_ns(head, good) + extra["micro"] * 1000
    out["rate_hz"] = np.where(extra["rate_hz"] != 0, extra["rate_hz"], _nominal_rate(head))
    return out, good


def _plausible(raw: np.ndarray, head: dict) -> np.ndarray:
    sequence = raw[:, :6]
    digits = ((sequence >= 48) & (sequence <= 57)) | (sequence == 32) | (sequence == 0)
    return (
        digits.all(axis=1)
        & np.isin(raw[:, 6], np.frombuffer(b"DRQM", np.uint8))
        & np.isin(raw[:, 7], np.frombuffer(b" \0", np.uint8))
        & ((head["year"] >= 1900) & (head["year"] <= 2100))
        & ((head["day"] >= 1) & (head["day"] <= 366))
        & ((head["hour"] < 24) & (head["minute"] < 60) & (head["second"] <= 60))
        & (head["fraction"] < 10_000)
    )


def _start_ns(head: dict, good: np.ndarray) -> np.ndarray:
    years = np.where(good, head["year"], 1970) - 1970
    first = years.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    seconds = head["hour"] * 3600 + head["minute"] * 60 + head["second"]
    ticks = head["fraction"] + np.where(head["activity"] & 2, 0, head["correction"])
    day = first + head["day"] - 1
    return day * DAY_NS + seconds * NS_PER_S + ticks * (NS_PER_S // 10_000)


def _nominal_rate(head: dict) -> np.ndarray:
    """Return the rate of factor and multiplier: negative ones divide."""
    parts = [head["factor"].astype(np.float64), head["multiplier"].astype(np.float64)]
    shares = [np.divide(-1.0, p, out=p.copy(), where=p < 0) for p in parts]
    return shares[0] * np.where(shares[1] == 0, 1.0, shares[1])


def _blockettes(block, offsets, head: dict, is_big, good) -> dict[str, np.ndarray]:
    """Follow the chains of blockettes: 1000 (length, encoding), 1001 (µs), 100 (true rate)."""
    n = len(offsets)
    out = {"length": np.zeros(n, np.int64), "micro": np.zeros(n, np.int64)}
    out |= {"encoding": np.zeros(n, np.uint8), "rate_hz": np.zeros(n)}
    at = np.where(good & (head["blockette_at"] >= 48), head["blockette_at"], 0)
    for _ in range(16):
        live = np.flatnonzero((at > 0) & (at + 8 <= HEADER_ROOM) & (offsets + at + 8 <= len(block)))
        if not len(live):
            break
        raw = block[(offsets[live] + at[live])[:, np.newaxis] + np.arange(8)]
        kind, following = (_number(raw[:, i : i + 2], "u2", is_big[live]) for i in (0, 2))
        is_1000 = (kind == 1000) & (raw[:, 6] >= 7) & (raw[:, 6] <= 20)
        out["length"][live[is_1000]] = 1 << raw[is_1000, 6].astype(np.int64)
        out["encoding"][live[is_1000]] = raw[is_1000, 4]
        out["micro"][live[kind == 1001]] = raw[kind == 1001, 5].astype(np.int8)
        rate_hz = _number(raw[:, 4:8], "f4", is_big[live])
        out["rate_hz"][live[kind == 100]] = rate_hz[kind == 100]
        before, at = at, np.zeros(n, np.int64)
        at[live] = np.where(following > before[live], following, 0)
    return out


def _number(raw: np.ndarray, kind: str, is_big: np.ndarray) -> np.ndarray:
    raw = np.ascontiguousarray(raw)
    with np.errstate(invalid="ignore"):
        big, little = (raw.view(order + kind)[:, 0].astype(np.float64) for order in "><")
    return np.where(is_big, big, little)


def _pieces(records: np.ndarray) -> list[Piece]:
    """Split the records of each channel into continuous pieces."""
    pieces = []
    kinds = records[["code", "quality", "encoding"]]
    _, group = np.unique(kinds.copy(), return_inverse=True)
    order = np.argsort(group, kind="stable")
    for chosen in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(chosen):
            mine = records[chosen]
            code = _names(bytes(mine["code"][0]))
            for start, stop in pairwise(np.r_[_breaks(mine), len(mine)].tolist()):
                part = mine[start:stop]
                rate_hz, n = float(part["rate_hz"][0]), int(part["n"].sum())
                kept = rfn.repack_fields(part[["at", "length", "n", "encoding", "quality"]])
                pieces.append(Piece(code, int(part["start_ns"][0]), rate_hz, n, kept))
    return sorted(pieces, key=lambda piece: int(piece.records["at"][0]))


def _names(code: bytes) -> tuple[str, str, str, str]:
    text = "".join(chr(c) if 32 < c < 127 else " " for c in code.ljust(12))
    station, location, channel, network = text[:5], text[5:7], text[7:10], text[10:]
    return network.strip(), station.strip(), location.strip(), channel.strip()


def _breaks(records: np.ndarray) -> np.ndarray:
    """Return where a new piece begins, in records of one channel in the order of the file."""
    nominal = np.array([snap_rate(rate) for rate in np.unique(records["rate_hz"])])
    nominal = nominal[np.unique(records["rate_hz"], return_inverse=True)[1]]
    start_ns, n, rate_hz = records["start_ns"], records["n"], records["rate_hz"]
    before = np.r_[0, np.cumsum(n)[:-1]]
    # More than a sample from the record before is always a break ...
    step = np.diff(start_ns) * (rate_hz[:-1] / NS_PER_S) - n[:-1]
    certain = (np.abs(step) > 1.0 + 1e-3) | (nominal[1:] != nominal[:-1])
    edges = np.r_[0, np.flatnonzero(certain) + 1]
    # ... less is one where it adds up to more than half a sample from the first record.
    first = np.repeat(edges, np.diff(np.r_[edges, len(records)]))
    suspect = np.unique(first[np.abs(_off(start_ns, before, rate_hz, first)) > HALF_SAMPLE])
    stops = np.r_[edges[1:], len(records)]
    more = [
        _drift_breaks(start_ns[a:b], before[a:b], rate_hz[a:b]) + a
        for a, b in zip(suspect, stops[np.searchsorted(edges, suspect)], strict=True)
    ]
    return np.unique(np.concatenate([edges, *more])).astype(np.int64)


def _off(start_ns, before, rate_hz, first) -> np.ndarray:
    """Return how many samples each record is off the time base of another."""
    elapsed = (start_ns - start_ns[first]) * (rate_hz[first] / NS_PER_S)
    return elapsed - (before - before[first])


def _drift_breaks(start_ns, before, rate_hz) -> np.ndarray:
    """Return the breaks of a run that drifts, looking ahead as far as it lasts."""
    edges, at, ahead = [], 0, 16
    while at < len(start_ns):
        part = slice(at, at + ahead)
        off = np.abs(_off(start_ns[part], before[part], rate_hz[part], 0)) > HALF_SAMPLE
        if off.any():
            at += int(np.argmax(off))
            edges.append(at)
            ahead = 16
        elif at + ahead >= len(start_ns):
            break
        else:
            ahead *= 2
    return np.array(edges, dtype=np.int64)
