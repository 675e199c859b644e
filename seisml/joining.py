"""Joining: records of one channel become gap-free pieces in order of time.

What is no ground motion is taken out; where two records hold the same time, the first is kept;
what follows within half a sample goes on. Nothing depends on how the records were cut: instants
are counted in whole samples from the first sample of the piece that a file holds.
"""

import bisect
import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from seisml.fills import absent, bridged, lost_runs, padded, runs_of
from seisml.rates import samples_to_ns, snap_rate
from seisml.times import NS_PER_S

MANY = 8
"""Records from which on it is first looked whether all of them are plain."""
HALF_SAMPLE = 0.5001
"""Largest distance, in samples, between where a sample is and where it was to be expected."""
CLOCK_NS = 500
"""Slack when samples are counted to an instant: below the step of clocks, above our rounding."""


@dataclasses.dataclass(frozen=True)
class Record:
    """Samples as they lie in a file, what `seisml.segments.segments` takes besides ObsPy traces.

    Attributes
    ----------
    channel : str
    origin_ns : int
        Instant of the first sample of the piece of the file that they belong to.
    first : int
        Number of the first of them in that piece.
    rate_hz : float
        True rate of the piece.
    data : numpy.ndarray, shape (n_samples,)
    """

    channel: str
    origin_ns: int
    first: int
    rate_hz: float
    data: np.ndarray

    @property
    def start_ns(self) -> int:
        """Instant of the first sample."""
        return self.origin_ns + samples_to_ns(self.first, self.rate_hz)

    @property
    def end_ns(self) -> int:
        """Instant after the last sample."""
        return self.origin_ns + samples_to_ns(self.first + len(self.data), self.rate_hz)

    def index(self, time_ns: int) -> int:
        """Return the first sample at or after an instant, 0 to n_samples."""
        ahead = (time_ns - CLOCK_NS - self.origin_ns) * self.rate_hz / NS_PER_S
        return int(min(max(np.ceil(ahead) - self.first, 0), len(self.data)))

    def part(self, start: int, stop: int) -> "Record":
        """Return the samples from one number up to another."""
        return dataclasses.replace(self, first=self.first + start, data=self.data[start:stop])

    def cut(self, start_ns: int, end_ns: int) -> "Record":
        """Return the samples with start_ns <= t < end_ns."""
        start = self.index(start_ns)
        return self.part(start, max(start, self.index(end_ns)))


def as_record(trace) -> Record:
    """Return a trace (anything with ``data`` and ``stats``) as a record."""
    if isinstance(trace, Record):
        return trace
    s = trace.stats
    return Record(s.channel, int(s.starttime.ns), 0, float(s.sampling_rate), trace.data)


def pieces_in_line(
    records: Iterable[Record], span: tuple[int, int], counts: Counter
) -> list[Record]:
    """Return the good samples of one channel in order of time, each instant once.

    Parameters
    ----------
    records : iterable of Record
        In order of preference; they reach `guard_ns` over both ends of the span.
    span : (int, int)
        Instants between which what is left out is counted.
    counts : collections.Counter

    Returns
    -------
    list of Record
        Cut to the span.
    """
    records = list(records)
    if len(records) >= MANY and _is_plain(records):
        return _cut_all(records, span)
    good, fill = [], []
    for record in records:
        if _usable(record, span, counts):
            for piece, is_fill in _judged(record, span, counts):
                (fill if is_fill else good).append(piece)
    # Fill is placed last: it hides no samples of others, and runs that go on over the end of a
    # record are seen whole.
    placed = _without_overlaps([(p, False) for p in good] + [(p, True) for p in fill], span, counts)
    inside = (piece.cut(*span) for piece in _without_fill(placed, span, counts))
    return [piece for piece in inside if len(piece.data)]


def _is_plain(records: list[Record]) -> bool:
    """Whether all samples of many records are good and follow one another without overlap.

    Then nothing has to be looked at in each of them.
    """
    kinds = {(type(record.data), record.data.dtype) for record in records}
    rates = {record.rate_hz for record in records}
    if len(kinds) > 1 or not all(_is_nominal(rate_hz) for rate_hz in rates):
        return False
    [(kind, dtype)] = kinds
    if kind is not np.ndarray or dtype.kind not in "iuf":
        return False
    start_ns, end_ns, rate_hz = _times(records)
    half_ns = np.round(0.5 * NS_PER_S / np.maximum(rate_hz[:-1], rate_hz[1:])).astype(np.int64)
    if (np.diff(start_ns) <= 0).any() or (end_ns[:-1] - half_ns > start_ns[1:]).any():
        return False
    values = np.concatenate([record.data for record in records])
    if absent(values) is not None or runs_of(values, min(rates)) is not None:
        return False
    stop = np.cumsum([len(record.data) for record in records])
    ends = np.r_[0, stop[:-1][end_ns[:-1] + half_ns < start_ns[1:]], len(values)]
    if any(any(padded(values[a:b], min(rates))) for a, b in pairwise(ends.tolist())):
        return False
    return not len(lost_runs(values, min(rates))[0])


def _is_nominal(rate_hz: float) -> bool:
    return bool(np.isfinite(rate_hz)) and rate_hz > 0 and snap_rate(rate_hz) == rate_hz


def _times(records: list[Record]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return starts and ends, ns, as `Record.start_ns` and `Record.end_ns`, and rates, Hz."""
    rows = [(r.origin_ns, r.first, r.first + len(r.data)) for r in records]
    origin_ns, first, stop = np.array(rows, np.int64).T
    rate_hz = np.array([record.rate_hz for record in records])
    start_ns, end_ns = (
        origin_ns + np.rint(n.astype(float) * NS_PER_S / rate_hz).astype(np.int64)
        for n in (first, stop)
    )
    return start_ns, end_ns, rate_hz


def _cut_all(records: list[Record], span: tuple[int, int]) -> list[Record]:
    """Cut records to a span, those that lie in it as they are."""
    start_ns, end_ns, _ = _times(records)
    inside = (start_ns >= span[0]) & (end_ns <= span[1])
    cut = (
        one if whole else one.cut(*span)
        for one, whole in zip(records, inside.tolist(), strict=True)
    )
    return [record for record in cut if len(record.data)]


def _usable(record: Record, span: tuple[int, int], counts: Counter) -> bool:
    if not (np.isfinite(record.rate_hz) and record.rate_hz > 0):
        counts["bad_sampling_rate"] += len(record.data)
        return False
    if np.ma.getdata(record.data).dtype.kind not in "iuf":
        _count(counts, "not_numeric", record, span)
        return False
    if snap_rate(record.rate_hz) != record.rate_hz:
        _count(counts, "rate_snapped", record, span)
    return True


def _count(counts: Counter, name: str, record: Record, span: tuple[int, int]) -> None:
    """Count the samples of a record that lie in a span: each once, whatever the chunks are."""
    if n := len(record.cut(*span).data):
        counts[name] += n


def _judged(
    record: Record, span: tuple[int, int], counts: Counter
) -> Iterator[tuple[Record, bool]]:
    """Yield (samples, whether they are a run of one value); masked and NaN samples are left out."""
    gone = absent(record.data)
    values = dataclasses.replace(record, data=np.ma.getdata(record.data))
    runs = runs_of(values.data, record.rate_hz)
    if gone is None and runs is None:
        yield values, False
        return
    kind = np.zeros(len(values.data), dtype=np.int8)
    if runs is not None:
        kind[runs] = 1
    if gone is not None:
        kind[gone] = 2
    edges = np.r_[0, np.flatnonzero(np.diff(kind)) + 1, len(kind)]
    for start, stop in pairwise(edges.tolist()):
        piece = values.part(start, stop)
        if kind[start] == 2:
            _count(counts, "fill_samples", piece, span)
        else:
            yield piece, bool(kind[start])


def _without_overlaps(
    pieces: Iterable[tuple[Record, bool]], span: tuple[int, int], counts: Counter
) -> list[tuple[Record, bool]]:
    """Return pieces in time order; where two hold the same time the earlier in line is kept."""
    kept: list[tuple[Record, bool]] = []
    starts: list[int] = []
    for piece, is_fill in pieces:
        cursor, end_ns = piece.start_ns, piece.end_ns
        position = max(0, bisect.bisect_right(starts, cursor) - 1)
        fresh = []
        while position < len(kept) and starts[position] < end_ns:
            other = kept[position][0]
            half_ns = round(0.5 * NS_PER_S / max(piece.rate_hz, other.rate_hz))
            first_ns, last_ns = starts[position] - half_ns, other.end_ns - half_ns
            if last_ns > cursor:
                if first_ns > cursor:
                    fresh.append(piece.cut(cursor, first_ns))
                if not is_fill:
                    _count_overlap(piece, other, (max(first_ns, cursor), last_ns), span, counts)
                cursor = last_ns
            position += 1
        half_ns = round(0.5 * NS_PER_S / piece.rate_hz)
        if cursor < end_ns - half_ns:
            fresh.append(piece if cursor == piece.start_ns else piece.cut(cursor, end_ns))
        for part in fresh:
            if len(part.data):
                at = bisect.bisect_left(starts, part.start_ns)
                starts.insert(at, part.start_ns)
                kept.insert(at, (part, is_fill))
    return kept


def _count_overlap(
    piece: Record, other: Record, there: tuple[int, int], span: tuple[int, int], counts: Counter
) -> None:
    """Count the samples that are left out, those that say the same apart from the others."""
    mine = piece.cut(*there).cut(*span)
    n_same = 0
    if piece.rate_hz == other.rate_hz:
        ahead = (mine.origin_ns - other.origin_ns) * mine.rate_hz / NS_PER_S
        first = max(0, round(ahead) + mine.first - other.first)
        theirs = other.data[first : first + len(mine.data)]
        n_same = int(np.count_nonzero(mine.data[: len(theirs)] == theirs))
    for name, n in (("identical", n_same), ("conflicting", len(mine.data) - n_same)):
        if n > 0:
            counts[f"overlap_{name}"] += n


def _without_fill(
    placed: list[tuple[Record, bool]], span: tuple[int, int], counts: Counter
) -> Iterator[Record]:
    """Yield what is no fill, also where a run of one value goes on from record to record."""
    for stretch in _stretches(placed):
        parts, rate_hz, at = [piece.data for piece, _ in stretch], stretch[0][0].rate_hz, 0
        values, bad = parts[0] if len(parts) == 1 else np.concatenate(parts), None
        whole = bridged(values, rate_hz)
        if whole is not None:
            stretch, values = _bridged(stretch, whole, span, counts), whole[0]
        if whole is not None or any(a[-1] == b[0] for a, b in pairwise(parts)):
            bad = runs_of(values, rate_hz)
        bad = _with_padding(bad, padded(values, rate_hz), len(values))
        for piece, is_fill in stretch:
            n = len(piece.data)
            marks = np.full(n, is_fill) if bad is None else bad[at : at + n] | is_fill
            at += n
            if not marks.any():
                yield piece
                continue
            edges = np.r_[0, np.flatnonzero(np.diff(marks)) + 1, n]
            for start, stop in pairwise(edges.tolist()):
                found = piece.part(start, stop)
                if marks[start]:
                    _count(counts, "fill_samples", found, span)
                else:
                    yield found


def _with_padding(bad: np.ndarray | None, ends: tuple[int, int], n: int) -> np.ndarray | None:
    """Mark so many of n samples at both ends, too."""
    if not any(ends):
        return bad
    bad = np.zeros(n, dtype=bool) if bad is None else bad.copy()
    bad[: ends[0]] = True
    bad[n - ends[1] :] = True
    return bad


def _bridged(
    stretch: list[tuple[Record, bool]], whole: tuple, span: tuple[int, int], counts: Counter
) -> list[tuple[Record, bool]]:
    """Return a stretch with the values and gaps of `seisml.fills.bridged`."""
    (values, kind), out, at = whole, [], 0
    for piece, is_fill in stretch:
        some = slice(at, at + len(piece.data))
        at, bridged_piece = some.stop, dataclasses.replace(piece, data=values[some])
        if n := int((kind[some][piece.index(span[0]) : piece.index(span[1])] == 1).sum()):
            counts["lost_samples"] += n
        is_gap = kind[some] == 2
        edges = np.r_[0, np.flatnonzero(np.diff(is_gap)) + 1, len(is_gap)]
        for start, stop in pairwise(edges.tolist()):
            out.append((bridged_piece.part(start, stop), is_fill or is_gap[start]))
    return out


def _stretches(placed: list[tuple[Record, bool]]) -> Iterator[list[tuple[Record, bool]]]:
    """Group pieces that follow one another within half a sample at one rate."""
    stretch: list[tuple[Record, bool]] = []
    for piece, is_fill in placed:
        if stretch:
            before = stretch[-1][0]
            near = abs(piece.start_ns - before.end_ns) * piece.rate_hz <= HALF_SAMPLE * NS_PER_S
            if not (near and snap_rate(piece.rate_hz) == snap_rate(before.rate_hz)):
                yield stretch
                stretch = []
        stretch.append((piece, is_fill))
    if stretch:
        yield stretch
