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
ON_GRID = 0.01
"""Slack in samples when the first sample of a block is looked up (clock rounding)."""


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
        for name, of, value in (
            ("spectrum_s", "hop_s", self.spectrum_hops * self.grid.hop_ns),
            ("sub_s", "hop_s", None),
        ):
            wanted = getattr(self, name)
            if name == "spectrum_s" and wanted is not None:
                good = round(wanted * NS_PER_S) == value and value <= self.grid.length_ns
            else:
                good = abs(self.n_sub * self.sub_s / self.grid.hop_s - 1) < 1e-9
            if not good and wanted is not None:
                raise FeatureError(
                    f"{name} = {wanted:g} s does not fit {of} = {self.grid.hop_s:g} s and "
                    f"length_s = {self.grid.length_s:g} s.",
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
        slow_s = max((sta_s + lta_s for _, sta_s, lta_s in self.sta_lta_s), default=0.0)
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
    count : numpy.ndarray, shape (n_blocks,)
        Share of valid samples, 0 to 1 (partly covered blocks count here only).
    sums : numpy.ndarray, shape (n_blocks, 9)
        mean, central m2, m3, m4, min, max, crossings, mean dx², mean ddx² (per second units).
    energy : numpy.ndarray, shape (n_blocks, n_sub)
        Mean square of each sub-block.
    spectra : numpy.ndarray, shape (n_blocks, n_frequencies)
        One-sided power spectral density of the samples from this block on, unit²/Hz.
    """

    settings: Settings
    blocks: range
    sampling_rate_hz: float
    count: np.ndarray
    sums: np.ndarray
    energy: np.ndarray
    spectra: np.ndarray

    @property
    def frequencies_hz(self) -> np.ndarray:
        """Frequencies of the spectra, Hz."""
        n = _samples(self.settings.spectrum_hops * self.settings.grid.hop_s, self.sampling_rate_hz)
        return np.arange(self.spectra.shape[1]) * (self.sampling_rate_hz / n)


SUMS = ("mean", "m2", "m3", "m4", "min", "max", "crossings", "d2", "dd2")


def _samples(duration_s: float, sampling_rate_hz: float) -> int:
    return int(np.floor(duration_s * sampling_rate_hz + 1e-6))


def empty_table(settings: Settings, blocks: range, sampling_rate_hz: float) -> BlockTable:
    """Return a table of blocks without any sample.

    Raises
    ------
    FeatureError
        If a sub-block would hold less than one sample at this rate.
    """
    n, hop_s = len(blocks), settings.grid.hop_s
    if _samples(hop_s, sampling_rate_hz) < settings.n_sub:
        raise FeatureError(
            f"sub_s = {settings.sub_s:g} s is shorter than a sample at {sampling_rate_hz:g} Hz.",
            "Choose a profile for this sampling rate or a longer sub_s.",
        )
    top_hz = min(settings.band_hz[1], 0.4 * sampling_rate_hz)
    n_window = _samples(settings.spectrum_hops * hop_s, sampling_rate_hz)
    n_frequencies = int(np.floor(top_hz * n_window / sampling_rate_hz + 1e-9)) + 1
    return BlockTable(
        settings=settings,
        blocks=blocks,
        sampling_rate_hz=sampling_rate_hz,
        count=np.zeros(n),
        sums=np.full((n, len(SUMS)), np.nan),
        energy=np.full((n, settings.n_sub), np.nan),
        spectra=np.full((n, n_frequencies), np.nan, dtype=np.float32),
    )


class Filler:
    """Gathers the segments of one channel, as they come, into its table of blocks.

    Parameters
    ----------
    table : BlockTable
        Its arrays are filled in place: the table is where a stream is gathered.

    Notes
    -----
    The samples that later blocks still need are held until `close`, so blocks and spectra that
    lie over the end of a segment and its continuation are the same as in the uncut record.
    """

    def __init__(self, table: BlockTable):
        self.table = table
        self._tail: Segment | None = None

    def add(self, part: Segment) -> None:
        """Add the next segment (one channel, in time order, zero mean)."""
        whole = part
        if self._tail is not None:
            if part.continues:
                data = np.concatenate([self._tail.data, part.data], axis=1)
                whole = dataclasses.replace(part, start_ns=self._tail.start_ns, data=data)
            else:
                self.close()
        self._tail = _add(self.table, whole, last=False)
        _add_coverage(self.table, part)

    def close(self) -> None:
        """Add the blocks that were waiting for samples that will not come."""
        if self._tail is not None:
            _add(self.table, self._tail, last=True)
        self._tail = None


def fill(table: BlockTable, parts: Iterable[Segment]) -> BlockTable:
    """Add all segments of one channel to its table and return it."""
    filler = Filler(table)
    for part in parts:
        filler.add(part)
    filler.close()
    return table


def _add_coverage(table: BlockTable, part: Segment) -> None:
    """Add the share of each block that the samples of a segment cover."""
    hop_ns, first = table.settings.grid.hop_ns, table.blocks.start
    a = (part.start_ns - first * hop_ns) / hop_ns
    b = (part.end_ns - first * hop_ns) / hop_ns
    low, high = max(0, int(np.floor(a))), min(len(table.blocks), int(np.ceil(b)))
    if low < high:
        k = np.arange(low, high)
        table.count[low:high] += np.minimum(b, k + 1) - np.maximum(a, k)


def _add(table: BlockTable, part: Segment, *, last: bool) -> Segment | None:
    """Add complete blocks (and, unless last, only those whose spectrum is complete too).

    Returns the samples that later blocks still need.
    """
    grid, rate_hz = table.settings.grid, part.sampling_rate_hz
    nominal_hz = snap_rate(rate_hz)
    n_block = _samples(grid.hop_s, nominal_hz)
    n_window = _samples(table.settings.spectrum_hops * grid.hop_s, nominal_hz)
    k0 = -(-part.start_ns // grid.hop_ns) - 1
    k0 += int(_first_sample(part, k0, grid) < 0)
    k = np.arange(k0, part.end_ns // grid.hop_ns + 1)
    at = _first_sample(part, k, grid)
    fits = (at >= 0) & (at + (n_block if last else n_window) <= part.n_samples)
    k, at = k[fits], at[fits]
    if len(k):
        inside = (k >= table.blocks.start) & (k < table.blocks.stop)
        rows, starts = k[inside] - table.blocks.start, at[inside]
        x = np.ascontiguousarray(part.data[0], dtype=np.float32)
        _add_sums(table, x, rows, starts, n_block, nominal_hz)
        whole = starts + n_window <= part.n_samples
        _add_spectra(table, x, rows[whole], starts[whole], n_window, nominal_hz)
        # The sample before the next block is kept too: its first difference needs it.
        rest = max(0, int(_first_sample(part, int(k[-1]) + 1, grid)) - 1)
    else:
        rest = 0
    if last:
        return None
    start_ns = part.start_ns + samples_to_ns(rest, rate_hz)
    return dataclasses.replace(part, start_ns=start_ns, data=part.data[:, rest:])


def _first_sample(part: Segment, k, grid: WindowGrid):
    """Return the index of the first sample at or after the start of block k."""
    offset_ns = k * grid.hop_ns - part.start_ns
    return np.ceil(offset_ns * (part.sampling_rate_hz / NS_PER_S) - ON_GRID).astype(np.int64)


def _add_sums(table, x, rows, starts, n_block: int, rate_hz: float) -> None:
    n_sub = table.settings.n_sub
    edges = (np.arange(n_sub) * n_block) // n_sub
    widths = np.diff(np.append(edges, n_block))
    frames = sliding_window_view(x, n_block)
    for first in range(0, len(rows), 8 * BATCH):
        r, at = rows[first : first + 8 * BATCH], starts[first : first + 8 * BATCH]
        f = frames[at]
        # One sample before the block belongs to it for crossings and differences.
        before = x[np.maximum(at - 1, 0)]
        table.energy[r] = np.add.reduceat(f.astype(np.float64) ** 2, edges, axis=1) / widths
        table.sums[r] = _block_sums(f, before, rate_hz)


def _block_sums(f: np.ndarray, before: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the columns of SUMS; shape in and moments in float32 relative to the block's RMS."""
    mean = f.mean(axis=1, dtype=np.float64)
    d = f - mean[:, np.newaxis].astype(np.float32)
    m2 = np.mean(d.astype(np.float64) ** 2, axis=1)
    scale = np.sqrt(m2)
    z = d / np.where(scale > 0, scale, 1.0)[:, np.newaxis].astype(np.float32)
    z2 = z * z
    m3 = np.mean(z2 * z, axis=1, dtype=np.float64) * scale**3
    m4 = np.mean(z2 * z2, axis=1, dtype=np.float64) * scale**4
    whole = np.concatenate([before[:, np.newaxis], f], axis=1)
    crossings = np.count_nonzero((whole[:, 1:] >= 0) != (whole[:, :-1] >= 0), axis=1)
    slope = np.diff(whole.astype(np.float64), axis=1)
    d2 = np.mean(slope**2, axis=1) * rate_hz**2
    dd2 = np.mean(np.diff(slope, axis=1) ** 2, axis=1) * rate_hz**4
    return np.column_stack([mean, m2, m3, m4, f.min(1), f.max(1), crossings, d2, dd2])


def _add_spectra(table, x, rows, starts, n_window: int, rate_hz: float) -> None:
    if not len(rows):
        return
    taper = np.hanning(n_window + 1)[:-1].astype(np.float32)
    scale = np.float32(2.0 / (rate_hz * np.sum(taper.astype(np.float64) ** 2)))
    frames = sliding_window_view(x, n_window)
    n = min(table.spectra.shape[1], n_window // 2 + 1)
    batch = np.zeros((BATCH, n_window), dtype=np.float32)
    for first in range(0, len(rows), BATCH):
        at = starts[first : first + BATCH]
        f = frames[at]
        np.subtract(f, f.mean(axis=1, keepdims=True), out=batch[: len(at)])
        batch[: len(at)] *= taper
        batch[len(at) :] = 0.0
        z = scipy.fft.rfft(batch, axis=1)[: len(at), :n]
        power = (z.real**2 + z.imag**2) * scale
        table.spectra[rows[first : first + BATCH], :n] = power
        table.spectra[rows[first : first + BATCH], n:] = np.nan
