"""Filler: gathers the segments of a channel, as they come, into its table of blocks."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features import kernels
from seisml.features.blocks import BlockTable, block_samples, part_bands, spectrum_s
from seisml.features.kernels import Kernel, Lot, count_samples
from seisml.segments import Band, CausalFilter, Segment, samples_to_ns, snap_rate
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

ON_GRID = 0.010037
"""Slack in samples when the first sample of a block is looked up (clock rounding).

Not a round number: miniSEED starts are whole multiples of 0.1 ms, 0.01 samples at 100 Hz, and a
sample exactly on the limit would fall on either side by rounding.
"""
HELD = 256
"""Hops of record that are gathered before their blocks are computed."""
MOST_RATES = 4
"""Sampling rates of one channel whose room for frames is kept."""


@dataclasses.dataclass
class _Run:
    """A stretch of record without a break: its time base, and the samples still needed.

    All positions are counted from the first sample of the run, in whole nanoseconds or samples:
    they do not depend on how the run was cut.
    """

    start_ns: int
    rate_hz: float
    next_block: int
    held: list[np.ndarray]
    first: int = 0
    n: int = 0

    def at(self, block, grid: WindowGrid):
        """Return the number of the first sample at or after the start of a block."""
        offset_ns = block * grid.hop_ns - self.start_ns
        return np.ceil(offset_ns * (self.rate_hz / NS_PER_S) - ON_GRID).astype(np.int64)

    def time_ns(self, sample: int) -> int:
        """Return the instant of a sample."""
        return self.start_ns + samples_to_ns(sample, self.rate_hz)

    @property
    def stop(self) -> int:
        """Number of the sample after the last one."""
        return self.first + self.n


class Filler:
    """Gathers the segments of one channel, as they come, into its table of blocks.

    Parameters
    ----------
    table : BlockTable
        Its arrays are filled in place, and complete after `close`.

    Notes
    -----
    The samples that later blocks still need are held until `close`, so blocks and spectra that
    lie over the end of a segment and its continuation are the same as in the uncut record. Blocks
    of many short segments are computed together: ten thousand gaps a day cost little.
    """

    def __init__(self, table: BlockTable):
        self.table = table
        self._run: _Run | None = None
        self._lots: dict[float, list[_Gathering]] = {}
        self._parts = [
            (_part_filter(name, band), Filler(table.parts[name]))
            for name, band in part_bands(table.settings).items()
            if name in table.parts
        ]

    def add(self, part: Segment) -> None:
        """Add the next segment (one channel, in time order, zero mean)."""
        # A copy: what is held for later blocks must not be the caller's.
        data = np.array(part.data[0], dtype=np.float32)
        grid = self.table.settings.grid
        if self._run is None or not part.continues:
            self._end_run()
            block = grid.block_of(part.start_ns)
            self._run = _Run(part.start_ns, part.sampling_rate_hz, block, [])
        run = self._run
        _add_coverage(self.table, run.time_ns(run.stop), run.time_ns(run.stop + len(data)))
        run.held.append(data)
        run.n += len(data)
        if run.n > HELD * grid.hop_s * run.rate_hz:
            self._add_blocks(run, last=False)
        for stream, filler in self._parts:
            filtered = stream.add(part) if len(data) else None
            if filtered is not None:
                filler.add(filtered)

    def _end_run(self) -> None:
        if self._run is not None:
            self._add_blocks(self._run, last=True)
        self._run = None

    def close(self) -> None:
        """Add the blocks that were waiting for samples that will not come."""
        self._end_run()
        self._flush()
        for _, filler in self._parts:
            filler.close()

    def _flush(self) -> None:
        for lots in self._lots.values():
            for lot in lots:
                lot.finish()

    def _lots_of(self, rate_hz: float) -> list["_Gathering"]:
        """Return what gathers the frames of a sampling rate; that of a few rates is kept."""
        if rate_hz not in self._lots:
            if len(self._lots) == MOST_RATES:
                self._flush()
                self._lots.clear()
            self._lots[rate_hz] = [_Gathering(kernel) for kernel in _kernels(self.table, rate_hz)]
        return self._lots[rate_hz]

    def _add_blocks(self, run: _Run, *, last: bool) -> None:
        """Add complete blocks (unless last, only those whose spectrum is complete too).

        Then forget the samples that no later block needs.
        """
        settings, blocks = self.table.settings, self.table.blocks
        lots = self._lots_of(snap_rate(run.rate_hz))
        grid, data = settings.grid, run.held[0] if len(run.held) == 1 else np.concatenate(run.held)
        n_block, n_most = lots[0].kernel.n_samples, max(lot.kernel.n_samples for lot in lots)
        k = np.arange(run.next_block, grid.block_of(run.time_ns(run.stop)) + 1)
        at = run.at(k, grid) - run.first
        fits = (at >= 0) & (at + (n_block if last else n_most) <= len(data))
        k, at = k[fits], at[fits]
        run.held = [data]
        if not len(k):
            return
        inside = (k >= blocks.start) & (k < blocks.stop)
        power = kernels.power_of(data)
        scaled = np.ldexp(data, power) if power else data
        for lot in lots:
            lot.add(scaled, k[inside] - blocks.start, at[inside], power)
        run.next_block = int(k[-1]) + 1
        # The sample before the next block is kept too: its first difference needs it.
        rest = min(max(0, int(run.at(run.next_block, grid)) - run.first - 1), len(data))
        run.held, run.first, run.n = [data[rest:].copy()], run.first + rest, len(data) - rest


def _part_filter(name: str, band_hz: tuple[float, float]) -> CausalFilter:
    """Return the filter of one band; that of displacement integrates before."""
    band = Band(*band_hz)
    if not name.startswith("displacement"):
        return CausalFilter(band)

    def sections(rate_hz: float) -> np.ndarray:
        # One pole a decade below the band stands for the integral of velocity.
        pole = np.exp(-2 * np.pi * band_hz[0] / 10 / rate_hz)
        integral = np.array([[1 / rate_hz, 0.0, 0.0, 1.0, -pole, 0.0]])
        return np.concatenate([integral, band.sections(rate_hz)])

    return CausalFilter(band, sections=sections)


def _kernels(table: BlockTable, rate_hz: float) -> list[Kernel]:
    """Return what has to be computed at a sampling rate, the blocks' own sums first."""
    n_block = block_samples(table.settings, rate_hz)
    n_window = count_samples(spectrum_s(table.settings), rate_hz)
    found = [kernels.sums_kernel(table, n_block, rate_hz)]
    if table.spectra.shape[1] or table.envelope is not None:
        found.append(kernels.spectra_kernel(table, n_window, rate_hz))
    if table.samples is not None:
        found.append(kernels.samples_kernel(table, n_block))
    return found


def fill(table: BlockTable, parts: Iterable[Segment]) -> BlockTable:
    """Add all segments of one channel to its table and return it."""
    filler = Filler(table)
    for part in parts:
        filler.add(part)
    filler.close()
    return table


def _add_coverage(table: BlockTable, start_ns: int, end_ns: int) -> None:
    """Add the part of each block that lies in a span of time."""
    hop_ns, blocks = table.settings.grid.hop_ns, table.blocks
    low = max(blocks.start, start_ns // hop_ns)
    high = min(blocks.stop, -(-end_ns // hop_ns))
    if low < high:
        edges = np.arange(low, high + 1, dtype=np.int64) * hop_ns
        spans = np.minimum(edges[1:], end_ns) - np.maximum(edges[:-1], start_ns)
        table.covered_ns[low - blocks.start : high - blocks.start] += spans


class _Gathering:
    """Frames, of one long or many short segments, that one kernel computes together."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.frames = np.zeros((kernels.LOT, kernel.n_samples), np.float32)
        self.before = np.zeros(kernels.LOT, np.float32)
        self.rows, self.powers = np.zeros((2, kernels.LOT), np.int64)
        self.alone = np.zeros(kernels.LOT, bool)
        self.n = 0

    def add(self, x: np.ndarray, rows: np.ndarray, starts: np.ndarray, power: int) -> None:
        """Take the blocks that begin at some samples, where the frame is whole."""
        n_samples = self.frames.shape[1]
        whole = starts + n_samples <= len(x)
        if not whole.any():
            return
        rows, starts = rows[whole], starts[whole]
        views = sliding_window_view(x, n_samples)
        first = 0
        while first < len(rows):
            n = min(len(self.frames) - self.n, len(rows) - first)
            here, at = slice(self.n, self.n + n), starts[first : first + n]
            if n == len(self.frames) and (found := _evenly(views, at)) is not None:
                powers, rest = np.full((n, 1), power), slice(first, first + n)
                before = x[np.maximum(at - 1, 0)]
                self.kernel.run(Lot(_as_slice(rows[rest]), n, found, before, at == 0, powers))
                first += n
                continue
            self.frames[here] = views[at]
            # The first sample stands before itself where there is none before it.
            self.before[here] = x[np.maximum(at - 1, 0)]
            self.rows[here] = rows[first : first + n]
            self.alone[here], self.powers[here] = at == 0, power
            self.n, first = self.n + n, first + n
            if self.n == len(self.frames):
                self.flush()

    def flush(self) -> None:
        """Compute what was taken and write it to the table."""
        n = self.n
        if n:
            self.frames[n:], self.before[n:], self.alone[n:] = 0.0, 0.0, False
            rows, powers = _as_slice(self.rows[:n]), self.powers[:n, np.newaxis]
            self.kernel.run(Lot(rows, n, self.frames, self.before, self.alone, powers))
        self.n = 0

    def finish(self) -> None:
        """Compute what was taken and bring the table to its final form."""
        self.flush()
        self.kernel.finish()


def _as_slice(rows: np.ndarray) -> slice | np.ndarray:
    """Return rows that follow one another as a slice."""
    if (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows.copy()


def _evenly(views: np.ndarray, starts: np.ndarray) -> np.ndarray | None:
    """Return some rows as a view; None where they are not evenly spaced."""
    step = int(starts[1] - starts[0])
    if step <= 0 or (np.diff(starts) != step).any():
        return None
    return views[starts[0] : starts[-1] + 1 : step]
