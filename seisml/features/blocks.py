"""Hop blocks: what is summed once and then combined into windows of any overlap.

Every quantity that windows need (moments, extrema, crossings, energies of short sub-blocks,
spectra) is computed once for each hop block; `seisml.features.frames.Windows` combines blocks.
Nothing depends on where the samples were cut into chunks: blocks stand on the absolute grid, and
transforms always run in batches of one size, so that the same block gives the same bits.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from seisml.errors import FeatureError
from seisml.segments import Segment, samples_to_ns, snap_rate
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

BATCH = 32
"""Rows of one batch of Fourier transforms (float32, fits the cache)."""
LOT = 8 * BATCH
"""Blocks that are computed together."""
ON_GRID = 0.010037
"""Slack in samples when the first sample of a block is looked up (clock rounding).

Not a round number: miniSEED starts are whole multiples of 0.1 ms, 0.01 samples at 100 Hz, and a
sample exactly on the limit would fall on either side by rounding.
"""


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that the values of features depend on, besides the samples.

    Attributes
    ----------
    grid : WindowGrid
        Window length and hop.
    band_hz : (float, float), Hz
        Band of the spectral features; always cut at 0.8 of Nyquist.
    bands_hz : tuple of (float, float), Hz
        Bands b = 1 ... of the band features.
    sub_s : float, s
        Sub-blocks of energy, the resolution of STA/LTA and of shape in time.
    spectrum_s : float, s
        Length of one spectrum (a multiple of the hop, at most the window): 1/resolution.
    sta_lta_s : dict of str to (float, float), s
        STA and LTA lengths by name (short, mid, long).
    background_s : float, s
        How far back the causal background looks.
    background_quantile : float
        Which quantile of the past energies is the background.
    min_coverage : float
        Windows with a smaller share of valid samples have NaN features.
    """

    grid: WindowGrid
    band_hz: tuple[float, float]
    bands_hz: tuple[tuple[float, float], ...]
    sub_s: float = 0.1
    spectrum_s: float | None = None
    sta_lta_s: tuple[tuple[str, float, float], ...] = (
        ("short", 0.5, 10.0),
        ("mid", 2.0, 60.0),
        ("long", 100.0, 1000.0),
    )
    background_s: float = 3600.0
    background_quantile: float = 0.3
    min_coverage: float = 0.8

    def __post_init__(self):
        spectrum_ns = self.spectrum_hops * self.grid.hop_ns
        wanted_ns = spectrum_ns if self.spectrum_s is None else round(self.spectrum_s * NS_PER_S)
        for name, good in (
            ("spectrum_s", wanted_ns == spectrum_ns <= self.grid.length_ns),
            ("sub_s", abs(self.n_sub * self.sub_s / self.grid.hop_s - 1) < 1e-9),
        ):
            if not good:
                raise FeatureError(
                    f"{name} = {getattr(self, name):g} s does not fit hop_s = "
                    f"{self.grid.hop_s:g} s and length_s = {self.grid.length_s:g} s.",
                    "spectrum_s must be a multiple of the hop, sub_s must divide it.",
                )

    @property
    def n_sub(self) -> int:
        """Sub-blocks in a hop block."""
        return max(1, round(self.grid.hop_s / self.sub_s))

    @property
    def spectrum_hops(self) -> int:
        """Hop blocks in one spectrum (two, or one where the window is one hop)."""
        if self.spectrum_s is None:
            return min(2, self.grid.n_hops)
        return max(1, round(self.spectrum_s / self.grid.hop_s))

    @property
    def background_hops(self) -> int:
        """Hop blocks in one background energy: the memory has about 120 of them."""
        return max(1, round(self.background_s / 120 / self.grid.hop_s))

    @property
    def history_s(self) -> float:
        """Time before a window that its features look back to, s."""
        # Twice the STA: the score of an STA looks at the STAs that ended in the LTA before it.
        slow_s = max((2 * sta_s + lta_s for _, sta_s, lta_s in self.sta_lta_s), default=0.0)
        back_s = (
            self.background_s + (2 * self.background_hops + self.spectrum_hops) * self.grid.hop_s
        )
        return max(slow_s, back_s, self.grid.length_s) + self.grid.hop_s


@dataclasses.dataclass(frozen=True)
class BlockTable:
    """Sums of the hop blocks of one channel; NaN where a block is not complete.

    Attributes
    ----------
    settings : Settings
    blocks : range
        Numbers of the blocks (block k starts at k hops since 1970).
    sampling_rate_hz : float
        Nominal rate; it fixes the frequencies of the spectra.
    covered_ns : numpy.ndarray of int64, shape (n_blocks,)
        Time with valid samples (partly covered blocks count here only).
    sums : numpy.ndarray, shape (n_blocks, 9)
        mean, central m2, m3, m4, min, max, crossings a second, mean (dx/dt)², mean (d²x/dt²)².
    energy : numpy.ndarray, shape (n_blocks, n_sub)
        Mean square of each sub-block.
    spectra : numpy.ndarray of float32, shape (n_blocks, n_frequencies)
        One-sided power spectral density of the samples from this block on, in units of `scale`.
    scale : numpy.ndarray, shape (n_blocks,)
        Unit of each spectrum, unit²/Hz: neither m/s nor counts leave the range of float32.
    """

    settings: Settings
    blocks: range
    sampling_rate_hz: float
    covered_ns: np.ndarray
    sums: np.ndarray
    energy: np.ndarray
    spectra: np.ndarray
    scale: np.ndarray

    @property
    def frequencies_hz(self) -> np.ndarray:
        """Frequencies of the spectra, Hz."""
        n = _samples(self.settings.spectrum_hops * self.settings.grid.hop_s, self.sampling_rate_hz)
        return np.arange(self.spectra.shape[1]) * (self.sampling_rate_hz / n)


SUMS = ("mean", "m2", "m3", "m4", "min", "max", "crossings", "d2", "dd2")


def _samples(duration_s: float, sampling_rate_hz: float) -> int:
    return int(np.floor(duration_s * sampling_rate_hz + 1e-6))


def _block_samples(settings: Settings, rate_hz: float) -> int:
    """Return the samples of a block, at least one a sub-block."""
    n = _samples(settings.grid.hop_s, rate_hz)
    if n < settings.n_sub:
        raise FeatureError(
            f"sub_s = {settings.sub_s:g} s is shorter than a sample at {rate_hz:g} Hz.",
            "Choose a profile for this sampling rate or a longer sub_s.",
        )
    return n


def empty_table(settings: Settings, blocks: range, sampling_rate_hz: float) -> BlockTable:
    """Return a table of blocks without any sample.

    Raises
    ------
    FeatureError
        If a sub-block would hold less than one sample at this rate.
    """
    n = len(blocks)
    _block_samples(settings, sampling_rate_hz)
    top_hz = min(settings.band_hz[1], 0.4 * sampling_rate_hz)
    n_window = _samples(settings.spectrum_hops * settings.grid.hop_s, sampling_rate_hz)
    return BlockTable(
        settings=settings,
        blocks=blocks,
        sampling_rate_hz=sampling_rate_hz,
        covered_ns=np.zeros(n, dtype=np.int64),
        sums=np.full((n, len(SUMS)), np.nan),
        energy=np.full((n, settings.n_sub), np.nan),
        spectra=np.full((n, _bins(top_hz, n_window, sampling_rate_hz)), np.nan, dtype=np.float32),
        scale=np.full(n, np.nan),
    )


def _bins(top_hz: float, n_window: int, rate_hz: float) -> int:
    """Return how many frequencies of a spectrum lie at or below one."""
    return int(np.floor(top_hz * n_window / rate_hz + 1e-9)) + 1


@dataclasses.dataclass
class _Run:
    """A stretch of record without a break: its time base, and the samples still needed.

    All positions are counted from the first sample of the run, in whole nanoseconds or samples:
    they do not depend on how the run was cut.
    """

    start_ns: int
    rate_hz: float
    next_block: int
    data: np.ndarray
    first: int = 0

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
        return self.first + len(self.data)


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
        self._lot = _Lot(table)

    def add(self, part: Segment) -> None:
        """Add the next segment (one channel, in time order, zero mean)."""
        data = np.asarray(part.data[0], dtype=np.float32)
        if self._run is None or not part.continues:
            self._end_run()
            block = self.table.settings.grid.block_of(part.start_ns)
            self._run = _Run(part.start_ns, part.sampling_rate_hz, block, data[:0])
        run = self._run
        _add_coverage(self.table, run.time_ns(run.stop), run.time_ns(run.stop + len(data)))
        run.data = np.concatenate([run.data, data])
        if len(run.data) > LOT * self.table.settings.grid.hop_s * run.rate_hz:
            _add_blocks(self._lot, run, last=False)

    def _end_run(self) -> None:
        if self._run is not None:
            _add_blocks(self._lot, self._run, last=True)
        self._run = None

    def close(self) -> None:
        """Add the blocks that were waiting for samples that will not come."""
        self._end_run()
        self._lot.flush()


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


def _add_blocks(lot: "_Lot", run: _Run, *, last: bool) -> None:
    """Add complete blocks (unless last, only those whose spectrum is complete too).

    Then forget the samples that no later block needs.
    """
    settings, blocks, rate_hz = lot.table.settings, lot.table.blocks, snap_rate(run.rate_hz)
    grid, n_block = settings.grid, _block_samples(settings, rate_hz)
    n_window = _samples(settings.spectrum_hops * grid.hop_s, rate_hz)
    k = np.arange(run.next_block, grid.block_of(run.time_ns(run.stop)) + 1)
    at = run.at(k, grid) - run.first
    fits = (at >= 0) & (at + (n_block if last else n_window) <= len(run.data))
    k, at = k[fits], at[fits]
    if not len(k):
        return
    inside = (k >= blocks.start) & (k < blocks.stop)
    lot.add(run.data, k[inside] - blocks.start, at[inside], n_block, n_window, rate_hz)
    run.next_block = int(k[-1]) + 1
    # The sample before the next block is kept too: its first difference needs it.
    rest = max(0, int(run.at(run.next_block, grid)) - run.first - 1)
    run.data, run.first = run.data[rest:].copy(), run.first + min(rest, len(run.data))


class _Lot:
    """Blocks, of one long or many short segments, that are computed together."""

    def __init__(self, table: BlockTable):
        self.table = table
        self.rate_hz = 0.0
        self.n_rows = 0
        self.blocks: list[tuple[np.ndarray, ...]] = []
        self.spectra: list[tuple[np.ndarray, ...]] = []

    def add(self, x, rows, starts, n_block: int, n_window: int, rate_hz: float) -> None:
        """Take the blocks that begin at some samples; and their spectra where they are whole."""
        if rate_hz != self.rate_hz:
            self.flush()
            self.rate_hz = rate_hz
        frames = sliding_window_view(x, n_block)
        spectra = sliding_window_view(x, min(n_window, len(x)))
        for first in range(0, len(rows), LOT):
            r, at = rows[first : first + LOT], starts[first : first + LOT]
            self.blocks.append((r, frames[at], x[np.maximum(at - 1, 0)], at == 0))
            whole = at + n_window <= len(x)
            if whole.any():
                self.spectra.append((r[whole], spectra[at[whole]]))
            self.n_rows += len(r)
            if self.n_rows >= LOT:
                self.flush()

    def flush(self) -> None:
        """Compute what was taken and write it to the table."""
        if self.blocks:
            _add_sums(self.table, *_together(self.blocks), self.rate_hz)
        if self.spectra:
            _add_spectra(self.table, *_together(self.spectra), self.rate_hz)
        self.blocks, self.spectra, self.n_rows = [], [], 0


def _together(parts: list[tuple[np.ndarray, ...]]) -> Iterable[np.ndarray]:
    return parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))


def _add_sums(table, rows, frames, before, alone, rate_hz: float) -> None:
    n_sub, n_block = table.settings.n_sub, frames.shape[1]
    edges = (np.arange(n_sub) * n_block) // n_sub
    widths = np.diff(np.append(edges, n_block))
    f = frames.astype(np.float64)
    table.energy[rows] = np.add.reduceat(f * f, edges, axis=1) / widths
    table.sums[rows] = _block_sums(f, before, alone, rate_hz)


def _block_sums(f, before, alone, rate_hz: float) -> np.ndarray:
    """Return the columns of SUMS.

    One sample before the block belongs to it for crossings and differences; a block at the start
    of a record is alone: there is none, and it has one pair less.
    """
    mean = f.mean(axis=1)
    d = f - mean[:, np.newaxis]
    d2 = d * d
    m2 = d2.mean(axis=1)
    m3 = np.einsum("ij,ij->i", d2, d) / f.shape[1]
    m4 = np.einsum("ij,ij->i", d2, d2) / f.shape[1]
    whole = np.concatenate([before[:, np.newaxis], f], axis=1)
    positive = whole >= 0
    pairs = np.maximum(f.shape[1] - alone, 1)
    crossings = np.count_nonzero(positive[:, 1:] != positive[:, :-1], axis=1) * rate_hz / pairs
    slope = np.diff(whole, axis=1)
    bend = np.diff(slope, axis=1)
    bend[alone, :1] = 0.0
    slope2 = np.einsum("ij,ij->i", slope, slope) * rate_hz**2 / pairs
    bend2 = np.einsum("ij,ij->i", bend, bend) * rate_hz**4 / np.maximum(pairs - 1, 1)
    return np.column_stack([mean, m2, m3, m4, f.min(1), f.max(1), crossings, slope2, bend2])


def _add_spectra(table, rows, frames, rate_hz: float) -> None:
    n_window = frames.shape[1]
    taper = np.hanning(n_window + 1)[:-1].astype(np.float32)
    unit = 2.0 / (rate_hz * np.sum(taper.astype(np.float64) ** 2))
    n = min(table.spectra.shape[1], _bins(0.4 * rate_hz, n_window, rate_hz))
    batch = np.zeros((BATCH, n_window), dtype=np.float32)
    for first in range(0, len(rows), BATCH):
        r, f = rows[first : first + BATCH], frames[first : first + BATCH]
        f = f - f.mean(axis=1, keepdims=True)
        # A power of two, so no bit of the mantissa depends on it.
        power = np.clip(np.frexp(np.maximum(f.max(axis=1), -f.min(axis=1)))[1], -100, 100)
        f *= np.ldexp(np.float32(1), -power)[:, np.newaxis]
        np.multiply(f, taper, out=batch[: len(r)])
        batch[len(r) :] = 0.0
        z = scipy.fft.rfft(batch, axis=1)[: len(r), :n]
        table.spectra[r, :n] = z.real**2 + z.imag**2
        table.spectra[r, n:] = np.nan
        table.scale[r] = np.ldexp(unit, 2 * power)
