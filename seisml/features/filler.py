"""Filler: gathers the segments of a channel, as they come, into its table of blocks."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features import kernels, transforms
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

    def time_ns(self, sample: int) -> int:
        """Return the instant of a sample."""
        return self.start_ns + samples_to_ns(sample, self.rate_hz)

    @property
    def stop(self) -> int:
        """Number of the sample after the last one."""
        return self.first + self.n

    def join(self) -> np.ndarray:
        """Return the samples that are held."""
        if len(self.held) > 1:
            self.held = [np.concatenate(self.held)]
        return self.held[0]


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
        self._ended: dict[float, list[_Run]] = {}
        self._n_ended = 0
        self._spans: list[tuple[int, int]] = []
        self._lots: dict[float, list[_Gathering]] = {}
        self._parts = [
            (_part_filter(name, band), Filler(table.parts[name]))
            for name, band in part_bands(table.settings).items()
            if name in table.parts
        ]

    def add(self, part: Segment) -> None:
        """Add the next segment (one channel, in time order, zero mean)."""
        data = np.asarray(part.data[0], dtype=np.float32)
        grid = self.table.settings.grid
        if self._run is None or not part.continues:
            self._end_run()
            block = grid.block_of(part.start_ns)
            self._run = _Run(part.start_ns, part.sampling_rate_hz, block, [])
        run = self._run
        self._spans.append((run.time_ns(run.stop), run.time_ns(run.stop + len(data))))
        run.held.append(data)
        run.n += len(data)
        if run.n > HELD * grid.hop_s * run.rate_hz:
            self._add_blocks([run], last=False)
        if run.held[-1] is data and np.may_share_memory(data, part.data):
            run.held[-1] = data.copy()  # what is held for later blocks must not be the caller's
        for stream, filler in self._parts:
            filtered = stream.add(part) if len(data) else None
            if filtered is not None:
                filler.add(filtered)

    def _end_run(self) -> None:
        """Let the run wait for others: short ones are computed together."""
        run, self._run = self._run, None
        if run is None or not run.n:
            return
        rate_hz = snap_rate(run.rate_hz)
        if rate_hz not in self._ended and len(self._ended) == MOST_RATES:
            self._add_ended()
        self._ended.setdefault(rate_hz, []).append(run)
        self._n_ended += run.n
        if self._n_ended > HELD * self.table.settings.grid.hop_s * run.rate_hz:
            self._add_ended()

    def _add_ended(self) -> None:
        for runs in self._ended.values():
            self._add_blocks(runs, last=True)
        self._ended, self._n_ended = {}, 0

    def close(self) -> None:
        """Add the blocks that were waiting for samples that will not come."""
        self._end_run()
        self._add_ended()
        self._flush()
        _add_coverage(self.table, self._spans)
        self._spans = []
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

    def _add_blocks(self, runs: list[_Run], *, last: bool) -> None:
        """Add complete blocks (unless last, only those whose spectrum is complete too).

        Then forget the samples that no later block of the one run needs.
        """
        grid, blocks = self.table.settings.grid, self.table.blocks
        lots = self._lots_of(snap_rate(runs[0].rate_hz))
        n_block, n_most = lots[0].kernel.n_samples, max(lot.kernel.n_samples for lot in lots)
        data = runs[0].join() if len(runs) == 1 else np.concatenate([run.join() for run in runs])
        n = np.array([run.n for run in runs])
        offsets = np.cumsum(n) - n
        stops = [grid.block_of(run.time_ns(run.stop)) + 1 for run in runs]
        k, of = _counted([run.next_block for run in runs], stops)
        at, late = _sample_at(runs, k, of, grid)
        fits = (at >= 0) & (at + (n_block if last else n_most) <= n[of])
        k, at, of = k[fits], at[fits], of[fits]
        if not len(k):
            return
        inside = np.flatnonzero((k >= blocks.start) & (k < blocks.stop))
        if self.table.late is not None:
            self.table.late[k[inside] - blocks.start] = late[fits][inside]
        powers = kernels.powers_of(data, offsets)
        scaled = kernels.scaled(data, powers, n)
        starts = offsets[of[inside]]
        spans = starts, starts + n[of[inside]]
        for lot in lots:
            lot.add(
                scaled, k[inside] - blocks.start, starts + at[inside], spans, powers[of[inside]]
            )
        if last:
            return
        [run] = runs
        run.next_block = int(k[-1]) + 1
        # The sample before the next block is kept too: its first difference needs it.
        [next_at], _ = _sample_at(runs, np.array([run.next_block]), np.zeros(1, int), grid)
        rest = min(max(0, int(next_at) - 1), len(data))
        run.held, run.first, run.n = [data[rest:].copy()], run.first + rest, len(data) - rest


def _counted(first: list[int], stop: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of several ranges one after the other, and of which range each is."""
    count = np.subtract(stop, first)
    of = np.repeat(np.arange(len(count)), count)
    return np.arange(len(of)) + (np.array(first) - np.cumsum(count) + count)[of], of


def _sample_at(
    runs: list[_Run], k: np.ndarray, of: np.ndarray, grid: WindowGrid
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the first sample at or after the start of blocks, of those held.

    Second, by how much of a sample it is after. ``of`` is the run of each block.
    """
    start_ns, rate_hz, first = (
        np.array(one)[of]
        for one in zip(*((run.start_ns, run.rate_hz, run.first) for run in runs), strict=True)
    )
    ahead = (k * grid.hop_ns - start_ns) * (rate_hz / NS_PER_S)
    at = np.ceil(ahead - ON_GRID)
    return at.astype(np.int64) - first, at - ahead


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
        found.append(transforms.spectra_kernel(table, n_window, rate_hz))
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


def _add_coverage(table: BlockTable, spans: list[tuple[int, int]]) -> None:
    """Add the part of each block that lies in some spans of time, ns."""
    hop_ns, blocks = table.settings.grid.hop_ns, table.blocks
    start, end = np.clip(np.array(spans, np.int64).reshape(-1, 2).T, *_limits_ns(table))
    first, last = start // hop_ns - blocks.start, end // hop_ns - blocks.start
    # What lies before the start in its block is taken off, that before the end in its block added.
    whole = np.zeros(len(blocks) + 1, np.int64)
    np.add.at(whole, first, 1)
    np.add.at(whole, last, -1)
    part = np.zeros(len(blocks) + 1, np.int64)
    np.subtract.at(part, first, start % hop_ns)
    np.add.at(part, last, end % hop_ns)
    table.covered_ns[:] += (np.cumsum(whole) * hop_ns + part)[:-1]


def _limits_ns(table: BlockTable) -> tuple[int, int]:
    hop_ns, blocks = table.settings.grid.hop_ns, table.blocks
    return blocks.start * hop_ns, blocks.stop * hop_ns


class _Gathering:
    """Frames, of one long or many short segments, that one kernel computes together."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.frames = np.zeros((kernels.LOT, kernel.n_samples), np.float32)
        self.before = np.zeros(kernels.LOT, np.float32)
        self.rows, self.powers = np.zeros((2, kernels.LOT), np.int64)
        self.alone = np.zeros(kernels.LOT, bool)
        self.n = 0

    def add(
        self,
        x: np.ndarray,
        rows: np.ndarray,
        starts: np.ndarray,
        spans: tuple[np.ndarray, np.ndarray],
        powers: np.ndarray,
    ) -> None:
        """Take the blocks that begin at some samples, where the frame lies in its run's span."""
        n_samples = self.frames.shape[1]
        whole = np.flatnonzero(starts + n_samples <= spans[1])
        if not len(whole):
            return
        rows, starts, powers = rows[whole], starts[whole], powers[whole]
        views, alone = sliding_window_view(x, n_samples), starts == spans[0][whole]
        before = x[starts - ~alone]  # the first sample stands before itself
        first, every = 0, _step(starts)
        while first < len(rows):
            n = min(len(self.frames) - self.n, len(rows) - first)
            some, here = slice(first, first + n), slice(self.n, self.n + n)
            step = every or _step(starts[some])
            if n == len(self.frames) and step:
                found = x[starts[first] : starts[first + n - 1] + n_samples]
                rest = before[some], alone[some], powers[some]
                self._run(_as_slice(rows[some]), n, found, step, *rest)
            else:
                evenly = slice(starts[first], starts[first + n - 1] + 1, step)
                self.frames[here] = views[evenly] if step else views[starts[some]]
                self.before[here], self.alone[here] = before[some], alone[some]
                self.rows[here], self.powers[here] = rows[some], powers[some]
                self.n += n
            first += n
            if self.n == len(self.frames):
                self.flush()

    def flush(self) -> None:
        """Compute what was taken and write it to the table."""
        n = self.n
        if n:
            self.frames[n:], self.before[n:], self.alone[n:] = 0.0, 0.0, False
            rows, powers = _as_slice(self.rows[:n]), self.powers[:n]
            x, step = self.frames.ravel(), self.frames.shape[1]
            self._run(rows, n, x, step, self.before, self.alone, powers)
        self.n = 0

    def _run(self, rows, n: int, x, step: int, before, alone, powers: np.ndarray) -> None:
        n_samples, powers = self.frames.shape[1], powers[:, np.newaxis]
        self.kernel.run(Lot(rows, n, x, step, n_samples, before, alone, powers, bool(powers.any())))

    def finish(self) -> None:
        """Compute what was taken and bring the table to its final form."""
        self.flush()
        self.kernel.finish()


def _as_slice(rows: np.ndarray) -> slice | np.ndarray:
    """Return rows that follow one another as a slice."""
    if (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows.copy()


def _step(starts: np.ndarray) -> int:
    """Return by how much each start is after the one before; 0 where they are not evenly spaced."""
    step = int(starts[1] - starts[0]) if len(starts) > 1 else 0
    return step if step > 0 and (np.diff(starts) == step).all() else 0
