"""Records in pieces: half an hour each, that end where the absolute grid says.

No value that is computed in a piece depends on how the record was cut into chunks.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from seisml.rates import samples_to_ns, snap_rate
from seisml.segments import Segment
from seisml.times import NS_PER_S

PIECE_S = 1800.0
"""Pieces end at whole multiples of this since 1970."""
CONTEXT_S = 60.0
"""Seen on both sides of a piece."""


def whole_pieces(start_ns: int, end_ns: int) -> tuple[int, int]:
    """Return the span of the whole pieces that hold a span of time.

    Examples
    --------
    >>> whole_pieces(1, 1_800_000_000_001)
    (0, 3600000000000)
    """
    step_ns = round(PIECE_S * NS_PER_S)
    return start_ns // step_ns * step_ns, -(-end_ns // step_ns) * step_ns


def staged(parts: Iterable[Segment], stage: Callable[[Segment], "Run"]) -> Iterator[Segment]:
    """Yield what a stage makes of each channel's runs: gap-free segments that follow on."""
    runs: dict[tuple[str, ...], Run] = {}
    for part in parts:
        run = runs.get(part.channels)
        if run is None or not part.continues:
            if run is not None:
                yield from run.close()
            run = runs[part.channels] = stage(part)
        yield from run.add(part.data[0])
    for run in runs.values():
        yield from run.close()


class Run:
    """Gap-free samples of a channel, worked on in pieces of the absolute grid.

    Samples are counted from the start of the run: the same wherever segments end.
    """

    least_s = context_s = CONTEXT_S

    def __init__(self, part: Segment, span: tuple[int, int], counts: Counter):
        self._about = dataclasses.replace(part, data=part.data[:, :0])
        self.rate_hz = snap_rate(part.sampling_rate_hz)
        self.span, self.counts = span, counts
        self.x = np.zeros(0)  # the samples that are held
        self.first = 0  # number of the first of them
        self.given = 0  # number of the first that was not yet given

    @property
    def end(self) -> int:
        """Number of the sample after the last that is held."""
        return self.first + len(self.x)

    def work(self, stop: int) -> np.ndarray:
        """Return the samples from `given` to a number, worked on."""
        raise NotImplementedError

    def add(self, data: np.ndarray) -> Iterator[Segment]:
        """Yield the pieces that can be told with some more samples."""
        self.hold(np.asarray(data, dtype=np.float64))
        ahead = self.samples(max(self.least_s, self.context_s))
        while self.end >= (stop := self._stop()) + ahead:
            yield self._piece(stop)

    def close(self) -> Iterator[Segment]:
        """Yield what is held; a short rest joins the last piece."""
        while self.given < self.end:
            stop = self._stop()
            yield self._piece(stop if self.end - stop >= self.samples(self.least_s) else self.end)

    def hold(self, data: np.ndarray) -> None:
        """Take some more samples."""
        self.x = np.concatenate([self.x, data])

    def forget(self, n: int) -> None:
        """Let go of the first samples that are held."""
        self.x, self.first = self.x[n:], self.first + n

    def time_ns(self, number: float) -> int:
        """Return the instant of a sample, or between two."""
        about = self._about
        return about.start_ns + round(number * NS_PER_S / about.sampling_rate_hz)

    def n_counted(self, stop: int) -> int:
        """Return how many samples from `given` to a number lie in the span that is counted."""
        low, high = (self._number(limit) for limit in self.span)
        return max(0, min(stop, high) - max(self.given, low))

    def samples(self, seconds: float) -> int:
        """Return the samples of a duration, rounded up."""
        return int(np.ceil(seconds * self.rate_hz))

    def _number(self, time_ns: int) -> int:
        """Return the number of the first sample at or after an instant."""
        ahead = (time_ns - self._about.start_ns) * self._about.sampling_rate_hz / NS_PER_S
        return int(np.ceil(ahead - 1e-6))

    def _stop(self) -> int:
        """Return the first end of a piece that leaves enough samples before it."""
        step_ns = round(PIECE_S * NS_PER_S)
        block = self.time_ns(self.given + self.samples(self.least_s)) // step_ns
        while (stop := self._number(block * step_ns)) < self.given + self.samples(self.least_s):
            block += 1
        return stop

    def _piece(self, stop: int) -> Segment:
        data = self.work(stop)
        start_ns = self._about.start_ns + samples_to_ns(self.given, self._about.sampling_rate_hz)
        continues, self.given = self.given > 0, stop
        self.forget(max(0, stop - self.samples(self.context_s) - self.first))
        return dataclasses.replace(
            self._about, start_ns=start_ns, data=data[np.newaxis], continues=continues
        )
