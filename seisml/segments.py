"""Segment: gap-free ground motion; from a stream of traces to segments to filtered segments.

Nothing here imports ObsPy: a trace is anything with ``data`` and ``stats`` (channel, starttime,
sampling_rate). Gaps are never filled: where there is no sample there is no segment.
"""

import bisect
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from seisml.errors import ConfigError
from seisml.times import NS_PER_S

FILL_VALUES = (0, -1, -(2**31), -99999)
FILL_RUN_S = 1.0
"""A run of one of the FILL_VALUES of this length is a gap."""
DEAD_RUN_S = 10.0
"""A run of any one value of this length is a gap."""
MIN_RUN = 20
"""A run shorter than this number of samples is never a gap."""
RATE_TOLERANCE = 1e-4
GUARD_NS = round((DEAD_RUN_S + 2.0) * NS_PER_S)
"""What has to be read on both sides of a chunk so that runs are judged as in the whole record."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """Gap-free samples of one or several channels on one time base.

    Attributes
    ----------
    station : str
        "NET.STA.LOC.BI": network, station, location, band and instrument code.
    channels : tuple of str
        Full channel codes, for example ("HHZ",).
    start_ns : int
        Instant of the first sample.
    sampling_rate_hz : float
    data : numpy.ndarray, shape (n_channels, n_samples)
        As recorded, or float32 after `causal_filter`.
    units : str
        "counts" unless a response was applied.
    continues : bool
        The segment goes on without a break where the one before of these channels ended.
    """

    station: str
    channels: tuple[str, ...]
    start_ns: int
    sampling_rate_hz: float
    data: np.ndarray
    units: str = "counts"
    continues: bool = False

    @property
    def n_samples(self) -> int:
        """Samples a channel."""
        return self.data.shape[1]

    @property
    def end_ns(self) -> int:
        """Instant after the last sample (start of the sample that would follow)."""
        return self.start_ns + samples_to_ns(self.n_samples, self.sampling_rate_hz)


def samples_to_ns(n_samples: int, sampling_rate_hz: float) -> int:
    """Return the duration of a number of samples in whole nanoseconds."""
    return round(int(n_samples) * NS_PER_S / sampling_rate_hz)


def snap_rate(sampling_rate_hz: float) -> float:
    """Return the nominal rate next to a measured one (within 1e-4), else the rate itself.

    Nominal rates are whole numbers and multiples of 1/8 Hz (6.625 Hz is Apollo's).

    Examples
    --------
    >>> snap_rate(99.9999), snap_rate(6.62501), snap_rate(99.9)
    (100.0, 6.625, 99.9)
    """
    for step in (1.0, 0.125):
        nominal = round(sampling_rate_hz / step) * step
        if abs(nominal - sampling_rate_hz) <= RATE_TOLERANCE * sampling_rate_hz:
            return nominal
    return float(sampling_rate_hz)


def gap_mask(data: np.ndarray, sampling_rate_hz: float) -> np.ndarray | None:
    """Mark the samples that are no ground motion: masked, not finite, or runs of one value.

    Parameters
    ----------
    data : numpy.ndarray or numpy.ma.MaskedArray, shape (n_samples,)
    sampling_rate_hz : float

    Returns
    -------
    numpy.ndarray of bool, shape (n_samples,), or None
        True where there is no signal; None where all samples are good.

    Examples
    --------
    >>> gap_mask(np.r_[1:5, np.zeros(200), 1:5], 100.0).sum()
    np.int64(200)
    """
    values = np.ma.getdata(data)
    bad = np.ma.getmaskarray(data) if np.ma.isMaskedArray(data) else np.zeros(len(data), bool)
    if values.dtype.kind == "f":
        bad |= ~np.isfinite(values)
    same = values[1:] == values[:-1]
    shortest = max(MIN_RUN, int(np.ceil(FILL_RUN_S * sampling_rate_hz)))
    longest = max(MIN_RUN, int(np.ceil(DEAD_RUN_S * sampling_rate_hz)))
    # A run of n equal samples has n - 1 equal neighbours; look only where runs can be long.
    probe = same[:: max(1, shortest - 1)]
    if probe.any():
        edges = np.flatnonzero(np.diff(np.r_[False, same, False]))
        for first, last in edges.reshape(-1, 2):
            length = last - first + 1
            fill = values[first] in FILL_VALUES
            if length >= longest or (fill and length >= shortest):
                bad[first : last + 1] = True
    return bad if bad.any() else None


@dataclasses.dataclass
class _Piece:
    """Valid samples of one trace: a view, its first instant and its true rate."""

    start_ns: int
    rate_hz: float
    data: np.ndarray

    @property
    def end_ns(self) -> int:
        return self.start_ns + samples_to_ns(len(self.data), self.rate_hz)

    def cut(self, start_ns: int, end_ns: int) -> "_Piece":
        """Keep the samples with start_ns <= t < end_ns."""
        first = self._index(start_ns)
        last = max(first, self._index(end_ns))
        start = self.start_ns + samples_to_ns(first, self.rate_hz)
        return _Piece(start, self.rate_hz, self.data[first:last])

    def _index(self, time_ns: int) -> int:
        """Return the first sample at or after an instant (1e-3 samples of slack for rounding)."""
        position = (time_ns - self.start_ns) * self.rate_hz / NS_PER_S
        return int(min(max(np.ceil(position - 1e-3), 0), len(self.data)))


def _valid_pieces(trace, counts: Counter) -> Iterator[_Piece]:
    rate_hz = float(trace.stats.sampling_rate)
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        counts["bad_sampling_rate"] += len(trace.data)
        return
    data = trace.data
    if np.ma.getdata(data).dtype.kind not in "iuf":
        counts["not_numeric"] += len(data)
        return
    start_ns = int(trace.stats.starttime.ns)
    if snap_rate(rate_hz) != rate_hz:
        counts["rate_snapped"] += 1
    bad = gap_mask(data, rate_hz)
    values = np.ma.getdata(data)
    if bad is None:
        yield _Piece(start_ns, rate_hz, values)
        return
    counts["fill_samples"] += int(bad.sum())
    edges = np.flatnonzero(np.diff(np.r_[True, bad, True].astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        yield _Piece(start_ns + samples_to_ns(first, rate_hz), rate_hz, values[first:last])


def _without_overlaps(pieces: Iterable[_Piece], counts: Counter) -> list[_Piece]:
    """Return pieces in time order; where two hold the same time the earlier in line is kept."""
    kept: list[_Piece] = []
    starts: list[int] = []
    for piece in pieces:
        half_ns = round(0.5 * NS_PER_S / piece.rate_hz)
        cursor = piece.start_ns
        position = max(0, bisect.bisect_right(starts, piece.start_ns) - 1)
        fresh = []
        while position < len(kept) and kept[position].start_ns < piece.end_ns:
            other = kept[position]
            if other.end_ns - half_ns > cursor:
                if other.start_ns - half_ns > cursor:
                    fresh.append(piece.cut(cursor, other.start_ns - half_ns))
                _count_overlap(piece, other, counts)
                cursor = max(cursor, other.end_ns - half_ns)
            position += 1
        if cursor < piece.end_ns - half_ns:
            fresh.append(piece if cursor == piece.start_ns else piece.cut(cursor, piece.end_ns))
        for part in fresh:
            if len(part.data):
                at = bisect.bisect_left(starts, part.start_ns)
                starts.insert(at, part.start_ns)
                kept.insert(at, part)
    return kept


def _count_overlap(piece: _Piece, other: _Piece, counts: Counter) -> None:
    start, end = max(piece.start_ns, other.start_ns), min(piece.end_ns, other.end_ns)
    a, b = piece.cut(start, end).data, other.cut(start, end).data
    n = min(len(a), len(b))
    if n:
        same = piece.rate_hz == other.rate_hz and np.array_equal(a[:n], b[:n])
        counts["overlap_identical" if same else "overlap_conflicting"] += n


@dataclasses.dataclass
class _Line:
    """Where the running segment of a channel began, its rate, and how far it has come."""

    start_ns: int
    rate_hz: float
    n_samples: int = 0

    @property
    def next_ns(self) -> int:
        return self.start_ns + samples_to_ns(self.n_samples, self.rate_hz)

    def takes(self, piece: _Piece) -> bool:
        """Return whether the piece is the next sample, within half a sample."""
        if snap_rate(piece.rate_hz) != snap_rate(self.rate_hz):
            return False
        return abs(piece.start_ns - self.next_ns) <= 0.5001 * NS_PER_S / self.rate_hz


def segments(
    chunks: Iterable[tuple[int, int, Iterable]], *, station: str, counts: Counter | None = None
) -> Iterator[Segment]:
    """Turn chunks of traces into gap-free segments that do not depend on the chunks.

    Parameters
    ----------
    chunks : iterable of (start_ns, end_ns, traces)
        In time order, adjoining; the traces reach at least `GUARD_NS` over both ends where there
        are data, in order of preference (where two hold the same time, the first wins).
    station : str
        "NET.STA.LOC.BI", written into the segments.
    counts : collections.Counter, optional
        Is increased by what was seen: ``fill_samples``, ``rate_snapped``, ``start_snapped``,
        ``overlap_identical``, ``overlap_conflicting``, ``bad_sampling_rate``, ``not_numeric``.

    Yields
    ------
    Segment
        One channel each, chunk by chunk, sorted by channel and time within a chunk;
        ``continues`` is set where it goes on from the segment before of that channel. A joint is
        accepted within half a sample of the running time base, else a new segment starts.
    """
    counts = Counter() if counts is None else counts
    lines: dict[str, _Line] = {}
    for start_ns, end_ns, traces in chunks:
        by_channel = defaultdict(list)
        for trace in traces:
            by_channel[trace.stats.channel].append(trace)
        for channel in sorted(by_channel):
            seen = Counter()
            pieces = (p for trace in by_channel[channel] for p in _valid_pieces(trace, seen))
            inside = [piece.cut(start_ns, end_ns) for piece in _without_overlaps(pieces, seen)]
            counts.update(seen)
            inside = [piece for piece in inside if len(piece.data)]
            for line, joined, continues in _joined(inside, lines.get(channel), counts):
                lines[channel] = line
                yield Segment(
                    station=station,
                    channels=(channel,),
                    start_ns=line.next_ns - samples_to_ns(joined.shape[1], line.rate_hz),
                    sampling_rate_hz=line.rate_hz,
                    data=joined,
                    continues=continues,
                )


def _joined(pieces: list[_Piece], line: _Line | None, counts: Counter):
    """Yield (line, data, continues) for each run of pieces that follow one another."""
    run: list[np.ndarray] = []
    continues = line is not None
    for piece in pieces:
        if line is None or not line.takes(piece):
            if run:
                yield line, _stack(run), continues
            line, run, continues = _Line(piece.start_ns, piece.rate_hz), [], False
        elif abs(piece.start_ns - line.next_ns) * line.rate_hz > 0.01 * NS_PER_S:
            counts["start_snapped"] += 1
        line.n_samples += len(piece.data)
        run.append(piece.data)
    if run:
        yield line, _stack(run), continues


def _stack(run: list[np.ndarray]) -> np.ndarray:
    return (run[0] if len(run) == 1 else np.concatenate(run))[np.newaxis]


@dataclasses.dataclass(frozen=True)
class Band:
    """A causal Butterworth filter: band-pass, or high-pass where f_max_hz is near Nyquist.

    Attributes
    ----------
    f_min_hz, f_max_hz : float, Hz
        Corners (-3 dB). The upper one is left out where it exceeds 0.8 of Nyquist.
    order : int
        Order of each flank.
    """

    f_min_hz: float
    f_max_hz: float
    order: int = 4

    def __post_init__(self):
        if not 0 < self.f_min_hz < self.f_max_hz:
            raise ConfigError(
                f"The band {self.f_min_hz:g}-{self.f_max_hz:g} Hz is empty.",
                "Take 0 < f_min_hz < f_max_hz.",
            )

    def sections(self, sampling_rate_hz: float) -> np.ndarray:
        """Return second-order sections for one sampling rate.

        Raises
        ------
        ConfigError
            If the lower corner is not below 0.8 of the Nyquist frequency.
        """
        limit_hz = 0.4 * sampling_rate_hz
        if self.f_min_hz >= limit_hz:
            raise ConfigError(
                f"f_min_hz = {self.f_min_hz:g} Hz is too high for {sampling_rate_hz:g} samples/s: "
                f"it must be below {limit_hz:g} Hz.",
                "Choose another profile or a lower f_min_hz.",
            )
        if self.f_max_hz < limit_hz:
            corners, kind = (self.f_min_hz, self.f_max_hz), "bandpass"
        else:
            corners, kind = self.f_min_hz, "highpass"
        return butter(self.order, corners, kind, fs=sampling_rate_hz, output="sos")

    def settle_s(self, level: float) -> float:
        """Return the time after which the impulse response has fallen below a level.

        The slowest pole of the analogue high-pass decays as exp(-2 pi f_min sin(pi/2n) t).
        """
        slowest = 2 * np.pi * self.f_min_hz * np.sin(np.pi / (2 * self.order))
        return float(-np.log(level) / slowest)


SETTLED = 1e-3
"""Level of the impulse response below which filtered samples count."""
FORGOTTEN = 1e-16
"""Level below which it does not matter where a filter was started."""


def causal_filter(parts: Iterable[Segment], band: Band) -> Iterator[Segment]:
    """Filter segments causally, carrying the state from each segment to its continuation.

    Parameters
    ----------
    parts : iterable of Segment
        From `segments`; several channels may be interleaved.
    band : Band

    Yields
    ------
    Segment
        float32; where a new segment starts, the time in which the filter settles (impulse
        response above 1e-3) is left out, so no transient of a gap is taken for an event.
    """
    states: dict[tuple[str, ...], np.ndarray] = {}
    unsettled: dict[tuple[str, ...], int] = {}
    designs: dict[float, np.ndarray] = {}
    for part in parts:
        rate_hz = snap_rate(part.sampling_rate_hz)
        if rate_hz not in designs:
            designs[rate_hz] = band.sections(rate_hz)
        sos = designs[rate_hz]
        x = part.data.astype(np.float64)
        if not part.continues or part.channels not in states:
            # Start as if the first value had been there for ever: no step from zero.
            states[part.channels] = sosfilt_zi(sos)[:, np.newaxis, :] * x[:, :1]
            unsettled[part.channels] = int(np.ceil(band.settle_s(SETTLED) * rate_hz))
        y, states[part.channels] = sosfilt(sos, x, axis=1, zi=states[part.channels])
        skip = min(unsettled[part.channels], part.n_samples)
        unsettled[part.channels] -= skip
        if skip < part.n_samples:
            yield dataclasses.replace(
                part,
                start_ns=part.start_ns + samples_to_ns(skip, part.sampling_rate_hz),
                data=y[:, skip:].astype(np.float32),
                continues=part.continues and not skip,
            )


def align(parts: Iterable[Segment]) -> Segment | None:
    """Put single-channel segments on their common span as one Segment of several channels.

    Parameters
    ----------
    parts : iterable of Segment
        One station, one sampling rate, one segment a channel.

    Returns
    -------
    Segment or None
        Channels in the order given, cut to the common span at whole samples of the first; None
        where there is no common span. Sub-sample offsets (below half a sample) stay.

    Raises
    ------
    ConfigError
        If sampling rates differ.
    """
    parts = list(parts)
    rates = {snap_rate(part.sampling_rate_hz) for part in parts}
    if len(rates) > 1:
        raise ConfigError(f"Channels of different sampling rates cannot be aligned: {rates}.")
    if not parts:
        return None
    start_ns = max(part.start_ns for part in parts)
    end_ns = min(part.end_ns for part in parts)
    rate_hz = parts[0].sampling_rate_hz
    firsts = [round((start_ns - part.start_ns) * rate_hz / NS_PER_S) for part in parts]
    n = (
        min(
            round((end_ns - start_ns) * rate_hz / NS_PER_S),
            *(part.n_samples - first for part, first in zip(parts, firsts, strict=True)),
        )
        if len(parts) > 1
        else parts[0].n_samples
    )
    if n <= 0:
        return None
    data = np.concatenate(
        [part.data[:, first : first + n] for part, first in zip(parts, firsts, strict=True)]
    )
    return dataclasses.replace(
        parts[0],
        channels=tuple(channel for part in parts for channel in part.channels),
        start_ns=parts[0].start_ns + samples_to_ns(firsts[0], rate_hz),
        data=data,
        continues=False,
    )
