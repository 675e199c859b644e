"""Segment: gap-free ground motion; from a stream of traces to segments (and filtered ones).

Nothing here imports ObsPy: a trace is anything with ``data`` and ``stats`` (channel, starttime,
sampling_rate). Gaps are never filled: where there is no sample there is no segment.
"""

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from seisml.errors import ConfigError
from seisml.filters import FORGOTTEN, SETTLED, Band, CausalFilter, causal_filter
from seisml.joining import HALF_SAMPLE, Record, as_record, pieces_in_line
from seisml.rates import GUARD_NS, samples_to_ns, snap_rate
from seisml.times import NS_PER_S

__all__ = [
    "FORGOTTEN",
    "GUARD_NS",
    "SETTLED",
    "Band",
    "CausalFilter",
    "Segment",
    "align",
    "causal_filter",
    "joined",
    "samples_to_ns",
    "segments",
    "snap_rate",
]

ON_TIME = 0.01
"""Distance, in samples, from which on a sample counts as off."""


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


@dataclasses.dataclass
class Line:
    """Where the running segment of a channel began, its rate, and how far it has come."""

    start_ns: int
    rate_hz: float
    n_samples: int = 0

    def takes(self, piece: Record) -> tuple[int, int]:
        """Return how many samples of the piece are, within half a sample, the next ones.

        Where the true rates differ, the two clocks drift apart within the piece. Second, how many
        of these are off by more than `ON_TIME`.
        """
        if snap_rate(piece.rate_hz) != snap_rate(self.rate_hz):
            return 0, 0
        n = len(piece.data)
        if piece.rate_hz == self.rate_hz:  # counted from origins: the same however cut
            ahead = (piece.origin_ns - self.start_ns) * self.rate_hz / NS_PER_S
            off = abs(ahead + (piece.first - self.n_samples))
            return (n, n if off > ON_TIME else 0) if off <= HALF_SAMPLE else (0, 0)
        own, other = Fraction(self.rate_hz), Fraction(piece.rate_hz)
        seconds = Fraction(piece.origin_ns - self.start_ns, NS_PER_S) + piece.first / other
        off, drift = seconds * own - self.n_samples, own / other - 1
        n = _n_between(off, drift, HALF_SAMPLE, n) if abs(off) <= HALF_SAMPLE else 0
        return n, n - _n_between(off, drift, ON_TIME, n)


def _n_between(off: Fraction, drift: Fraction, limit: float, n: int) -> int:
    """Return for how many of i = 0 ... n - 1 the value of off + i drift is within a limit."""
    a, b = sorted(((-Fraction(limit) - off) / drift, (Fraction(limit) - off) / drift))
    return max(0, min(n - 1, math.floor(b)) - max(0, math.ceil(a)) + 1)


def segments(
    chunks: Iterable[tuple[int, int, Iterable]], *, station: str, counts: Counter | None = None
) -> Iterator[Segment]:
    """Turn chunks of traces into gap-free segments that do not depend on the chunks.

    Parameters
    ----------
    chunks : iterable of (start_ns, end_ns, traces)
        In time order, adjoining; the traces (`seisml.joining.Record`, or anything with ``data``
        and ``stats``) reach `seisml.rates.guard_ns` over both ends where there are data, in
        order of preference (where two hold the same time, the first wins).
    station : str
        "NET.STA.LOC.BI", written into the segments.
    counts : collections.Counter, optional
        Is increased by the samples of which something was seen: ``fill_samples``,
        ``lost_samples`` (bridged, see `seisml.fills.bridged`), ``rate_snapped``,
        ``start_snapped``, ``overlap_identical``, ``overlap_conflicting``, ``bad_sampling_rate``,
        ``not_numeric``.

    Yields
    ------
    Segment
        One channel each, chunk by chunk, sorted by channel and time within a chunk;
        ``continues`` is set where it goes on from the segment before of that channel. A joint is
        accepted within half a sample of the running time base, else a new segment starts; so it
        does where the clock of a piece has drifted from the running time base by as much.
    """
    counts = Counter() if counts is None else counts
    lines: dict[str, Line] = {}
    for start_ns, end_ns, traces in chunks:
        by_channel = defaultdict(list)
        for record in map(as_record, traces):
            by_channel[record.channel].append(record)
        for channel in sorted(by_channel):
            pieces = pieces_in_line(by_channel[channel], (start_ns, end_ns), counts)
            for line, data, continues in _joined(pieces, lines.get(channel), counts):
                lines[channel] = line
                n_before = line.n_samples - data.shape[1]
                yield Segment(
                    station=station,
                    channels=(channel,),
                    start_ns=line.start_ns + samples_to_ns(n_before, line.rate_hz),
                    sampling_rate_hz=line.rate_hz,
                    data=data,
                    continues=continues,
                )


def _joined(pieces: list[Record], line: Line | None, counts: Counter):
    """Yield (line, data, continues) for each run of pieces that follow one another."""
    run: list[np.ndarray] = []
    continues = line is not None
    for whole in pieces:
        piece = whole
        while len(piece.data):
            n, n_off = (0, 0) if line is None else line.takes(piece)
            if not n:
                if run:
                    yield line, _stack(run), continues
                line, run, continues = Line(piece.start_ns, piece.rate_hz), [], False
                n, n_off = line.takes(piece)
            if n_off:
                counts["start_snapped"] += n_off
            line.n_samples += n
            run.append(piece.data[:n])
            if n == len(piece.data):
                break
            piece = piece.part(n, len(piece.data))
    if run:
        yield line, _stack(run), continues


def _stack(run: list[np.ndarray]) -> np.ndarray:
    return (run[0] if len(run) == 1 else np.concatenate(run))[np.newaxis]


def joined(parts: Iterable[Segment]) -> list[Segment]:
    """Put segments together that go on from one another, each channel's in order of time."""
    runs: dict[tuple[str, ...], list[list[Segment]]] = {}
    for part in parts:
        mine = runs.setdefault(part.channels, [])
        if part.continues and mine:
            mine[-1].append(part)
        else:
            mine.append([part])
    return [
        run[0]
        if len(run) == 1
        else dataclasses.replace(run[0], data=np.concatenate([one.data for one in run], axis=1))
        for mine in runs.values()
        for run in mine
    ]


OFF_GRID = 0.02
"""Samples: clocks that differ by less count as one; a phase of 2 degrees at half of Nyquist."""
TAPS = 32
"""Samples on both sides that an interpolated one is made of."""


def later_kernel(by: float) -> np.ndarray:
    """Return the windowed sinc that, convolved with samples, gives those a part of one later.

    Parameters
    ----------
    by : float, samples
        -1 to 1.

    Returns
    -------
    numpy.ndarray, shape (2 TAPS + 1,)
        Its gain for an offset is exactly one.

    Notes
    -----
    A sinc under a Kaiser window (beta 8): wrong by less than 0.1 % up to 0.9 of Nyquist.

    Examples
    --------
    >>> x = np.sin(0.3 * np.arange(200))
    >>> later = np.convolve(x, later_kernel(0.25), "valid")
    >>> float(np.abs(later - np.sin(0.3 * (np.arange(TAPS, 200 - TAPS) + 0.25))).max()) < 1e-3
    True
    """
    k = np.arange(-TAPS, TAPS + 1)
    kernel = np.sinc(k + by) * np.kaiser(2 * TAPS + 1, 8.0)
    return kernel / kernel.sum()


def _between(data: np.ndarray, by: float) -> np.ndarray:
    """Return the samples that lie a part of a sample later."""
    if abs(by) < OFF_GRID:
        return data
    kernel = later_kernel(by)
    padded = np.pad(data, ((0, 0), (TAPS, TAPS)), mode="edge")
    return np.stack([np.convolve(one, kernel, "valid") for one in padded]).astype(
        np.result_type(data, np.float32), copy=False
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
        where there is no common span. What is left between the clocks of the channels, at most
        half a sample or so, is taken off by interpolation from `OFF_GRID` of a sample on.

    Raises
    ------
    ConfigError
        If sampling rates differ.
    """
    parts = list(parts)
    rates = {snap_rate(part.sampling_rate_hz) for part in parts}
    if len(rates) > 1:
        raise ConfigError(
            f"Channels of different sampling rates cannot be aligned: {sorted(rates)} Hz.",
            "Align the channels of each sampling rate.",
        )
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
    start_ns = parts[0].start_ns + samples_to_ns(firsts[0], rate_hz)
    late = [
        (start_ns - part.start_ns) * rate_hz / NS_PER_S - first
        for part, first in zip(parts, firsts, strict=True)
    ]
    data = np.concatenate(
        [
            _between(part.data, by)[:, first : first + n]
            for part, first, by in zip(parts, firsts, late, strict=True)
        ]
    )
    return dataclasses.replace(
        parts[0],
        channels=tuple(channel for part in parts for channel in part.channels),
        start_ns=start_ns,
        data=data,
        continues=False,
    )
