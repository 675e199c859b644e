"""Segment: gap-free ground motion; from a stream of traces to segments to filtered segments.

Nothing here imports ObsPy: a trace is anything with ``data`` and ``stats`` (channel, starttime,
sampling_rate). Gaps are never filled: where there is no sample there is no segment.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from seisml.errors import ConfigError
from seisml.joining import (
    GUARD_NS,
    Line,
    Record,
    as_record,
    pieces_in_line,
    samples_to_ns,
    snap_rate,
)
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
    "samples_to_ns",
    "segments",
    "snap_rate",
]


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


def segments(
    chunks: Iterable[tuple[int, int, Iterable]], *, station: str, counts: Counter | None = None
) -> Iterator[Segment]:
    """Turn chunks of traces into gap-free segments that do not depend on the chunks.

    Parameters
    ----------
    chunks : iterable of (start_ns, end_ns, traces)
        In time order, adjoining; the traces (`seisml.joining.Record`, or anything with ``data``
        and ``stats``) reach `seisml.joining.guard_ns` over both ends where there are data, in
        order of preference (where two hold the same time, the first wins).
    station : str
        "NET.STA.LOC.BI", written into the segments.
    counts : collections.Counter, optional
        Is increased by the samples of which something was seen: ``fill_samples``,
        ``rate_snapped``, ``start_snapped``, ``overlap_identical``, ``overlap_conflicting``,
        ``bad_sampling_rate``, ``not_numeric``.

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
            piece = piece.part(n, len(piece.data))
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

        The slowest pole decides: that of the analogue band-pass, which rings the longer the
        narrower the band is, or that of the high-pass that is left where the upper corner is
        near Nyquist.
        """
        corners = 2 * np.pi * np.array([self.f_min_hz, self.f_max_hz])
        _, band, _ = butter(self.order, corners, "bandpass", analog=True, output="zpk")
        high = 2 * np.pi * self.f_min_hz * np.sin(np.pi / (2 * self.order))
        return float(-np.log(level) / min(high, -band.real.max()))


SETTLED = 1e-3
"""Level of the impulse response below which filtered samples count."""
FORGOTTEN = 1e-16
"""Level below which it does not matter where a filter was started."""


class CausalFilter:
    """A causal filter that carries its state from each segment to its continuation.

    Parameters
    ----------
    band : Band
    sections : callable, optional
        ``sections(sampling_rate_hz)`` to use instead of those of the band.

    Notes
    -----
    Where a new segment starts, the time in which the filter settles (impulse response above 1e-3)
    is left out, so no transient of a gap is taken for an event.
    """

    def __init__(self, band: Band, *, sections=None):
        self._sections = sections or band.sections
        self._settle_s = band.settle_s(SETTLED)
        self._states: dict[tuple[str, ...], np.ndarray] = {}
        self._runs: dict[tuple[str, ...], tuple[int, int]] = {}
        self._designs: dict[float, tuple[np.ndarray, np.ndarray, int]] = {}

    def add(self, part: Segment) -> Segment | None:
        """Return the filtered segment, float32; None where nothing of it is settled."""
        rate_hz = snap_rate(part.sampling_rate_hz)
        if rate_hz not in self._designs:
            sos = self._sections(rate_hz)
            at_rest = sosfilt_zi(sos)[:, np.newaxis, :]
            self._designs[rate_hz] = sos, at_rest, int(np.ceil(self._settle_s * rate_hz))
        sos, at_rest, n_unsettled = self._designs[rate_hz]
        x = part.data.astype(np.float64)
        if not part.continues or part.channels not in self._states:
            # Start as if the first value had been there for ever: no step from zero.
            self._states[part.channels] = at_rest * x[:, :1]
            self._runs[part.channels] = part.start_ns, 0
        y, self._states[part.channels] = sosfilt(sos, x, axis=1, zi=self._states[part.channels])
        start_ns, n_before = self._runs[part.channels]
        self._runs[part.channels] = start_ns, n_before + part.n_samples
        skip = max(0, n_unsettled - n_before)
        if skip >= part.n_samples:
            return None
        return dataclasses.replace(
            part,
            start_ns=start_ns + samples_to_ns(n_before + skip, part.sampling_rate_hz),
            data=y[:, skip:].astype(np.float32),
            continues=n_before > n_unsettled,
        )


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
        float32, without the time in which the filter settles; see `CausalFilter`.
    """
    stream = CausalFilter(band)
    for part in parts:
        filtered = stream.add(part)
        if filtered is not None:
            yield filtered


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
