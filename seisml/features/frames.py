"""Windows: the quantities that feature functions share, combined from hop blocks on demand."""

import dataclasses
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features.blocks import BlockTable
from seisml.features.kernels import SUMS
from seisml.features.known import ratio
from seisml.features.ranks import trailing_quantile
from seisml.features.series import extreme_of_rows, merged, sum_of_rows
from seisml.features.settings import Settings
from seisml.features.welch import PsdLot, psd_lots
from seisml.windows import WindowGrid


@dataclasses.dataclass(frozen=True)
class Past:
    """Series of a whole day that look back over more than a window; see `seisml.features.ratios`.

    The series stand on sub-blocks, shape (n_blocks * n_sub,), or on blocks.
    """

    table: BlockTable

    @cached_property
    def _memo(self) -> dict:
        return {}

    def cached(self, function, *options):
        """Return ``function(self, *options)``, computed once for the whole table."""
        key = (function, *options)
        if key not in self._memo:
            self._memo[key] = function(self, *options)
        return self._memo[key]

    @property
    def energy(self) -> np.ndarray:
        """Mean square of the sub-blocks, shape (n_sub, n_blocks), NaN in gaps."""
        return self.table.energy.T

    @cached_property
    def shape_energy(self) -> np.ndarray:
        """Mean square of the shape blocks, shape (n_shape, n_blocks), NaN in gaps."""
        n_shape, n_blocks = self.table.settings.n_shape, len(self.table.blocks)
        return self.energy.reshape(n_shape, -1, n_blocks).mean(axis=1)

    def at_resolution(self, duration_s: float) -> tuple[np.ndarray, float]:
        """Return the coarsest energies that resolve a twentieth of a duration, and their step in s.

        Coarser steps lose events: the phase of an onset against the steps changes its ratio.
        """
        settings = self.table.settings
        if duration_s >= 20 * settings.shape_s * (1 - 1e-9):
            return self.shape_energy, settings.shape_s
        return self.energy, settings.sub_s

    def background(self, energy: np.ndarray, *, span_hops: int = 1) -> np.ndarray:
        """Return the causal background of block energies: a quantile of the past.

        Parameters
        ----------
        energy : numpy.ndarray, shape (n_blocks,)
            Energy of each block (of the `span_hops` blocks from it on).
        span_hops : int
            Blocks that one energy spans; nothing that reaches into the window is used.

        Returns
        -------
        numpy.ndarray, shape (n_blocks,)
            At each block, the quantile over the groups of blocks that ended before it; NaN where
            fewer than two groups are known.
        """
        settings: Settings = self.table.settings
        g = settings.background_hops
        n_groups = max(2, round(settings.background_s / (g * settings.grid.hop_s)))
        group = self.cached(_groups, g, 0)
        valid = np.isfinite(energy)
        total = np.bincount(group, np.where(valid, energy, 0.0))
        count = np.bincount(group, valid)
        means = np.where(count >= 0.5 * g, total / np.maximum(count, 1), np.nan)
        # At each group the quantile of those before it; none is known before the first.
        known = trailing_quantile(means, n_groups, settings.background_quantile)
        level = np.concatenate([[np.nan], known, [np.nan]])
        return level[self.cached(_groups, g, span_hops - 1)]


@dataclasses.dataclass(frozen=True)
class Windows:
    """A batch of windows of one channel and what can be known of them.

    Attributes
    ----------
    table : BlockTable
    past : Past
        Series over the whole table.
    first, n : int
        Row of the first window's first block, and number of windows (one a block).
    grid : WindowGrid, optional
        Length of these windows, where it is not that of the settings.
    """

    table: BlockTable
    past: Past
    first: int
    n: int
    grid: WindowGrid | None = None

    @cached_property
    def _memo(self) -> dict:
        return {}

    def cached(self, function):
        """Return ``function(self)``, computed once for this batch of windows."""
        if function not in self._memo:
            self._memo[function] = function(self)
        return self._memo[function]

    @property
    def settings(self) -> Settings:
        """Settings of the features."""
        return self.table.settings

    @property
    def length_ns(self) -> int:
        """Length of these windows, ns."""
        return (self.grid or self.settings.grid).length_ns

    @property
    def k(self) -> int:
        """Blocks in a window."""
        return self.length_ns // self.settings.grid.hop_ns

    @property
    def n_spectra(self) -> int:
        """Spectra that lie inside a window."""
        return self.k - self.settings.spectrum_hops + 1

    @property
    def rows(self) -> slice:
        """Rows of the first block of each window."""
        return slice(self.first, self.first + self.n)

    def part(self, name: str) -> "Windows | None":
        """Return the same windows of the record in one band; None where there is no such band."""
        table = self.table.parts.get(name)
        if table is None:
            return None
        past = self.past.cached(_past_of_part, name)
        return Windows(table, past, self.first, self.n, self.grid)

    def over_blocks(self, values: np.ndarray) -> np.ndarray:
        """View per-block values as windows: shape (n_windows, ..., k) with the blocks last."""
        return sliding_window_view(values[self.first : self.first + self.n + self.k - 1], self.k, 0)

    def over_spectra(self, values: np.ndarray) -> np.ndarray:
        """View values of the spectra as windows: shape (n_windows, ..., n_spectra)."""
        rows = slice(self.first, self.first + self.n + self.n_spectra - 1)
        return sliding_window_view(values[rows], self.n_spectra, 0)

    def blocks_of(self, values: np.ndarray) -> np.ndarray:
        """Return the per-block values that the windows have: those of k - 1 blocks more."""
        return values[self.first : self.first + self.n + self.k - 1]

    def max(self, values: np.ndarray) -> np.ndarray:
        """Return the largest per-block value of each window that is known, shape (n_windows,)."""
        return extreme_of_rows(self.blocks_of(values), self.k, np.fmax)

    def min(self, values: np.ndarray) -> np.ndarray:
        """Return the smallest per-block value of each window that is known, shape (n_windows,)."""
        return extreme_of_rows(self.blocks_of(values), self.k, np.fmin)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of the per-block values of each window that are known."""
        values = self.blocks_of(values)
        known = np.isfinite(values)
        if known.all():
            return sum_of_rows(values, self.k) / self.k
        total = sum_of_rows(np.where(known, values, 0.0), self.k)
        return ratio(total, sum_of_rows(known.astype(float), self.k))

    @cached_property
    def coverage(self) -> np.ndarray:
        """Share of valid samples of each window, 0 to 1."""
        covered_ns = sum_of_rows(self.blocks_of(self.table.covered_ns), self.k)
        return np.minimum(covered_ns / self.length_ns, 1.0)

    @cached_property
    def usable(self) -> np.ndarray:
        """Whether a window has enough samples and at least one complete block."""
        known = np.isfinite(self.blocks_of(self.table.sums[:, 0]))
        complete = extreme_of_rows(known, self.k, np.logical_or)
        return (self.coverage >= self.settings.min_coverage - 1e-9) & complete

    def column(self, name: str) -> np.ndarray:
        """Return one of SUMS of all blocks, shape (n_blocks,), NaN where incomplete."""
        return self.table.sums[:, SUMS.index(name)]

    def sums(self, name: str) -> np.ndarray:
        """Return one of SUMS of the blocks, shape (n_windows, k), NaN where incomplete."""
        return self.over_blocks(self.table.sums[:, SUMS.index(name)])

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Mean and central moments m2, m3, m4, combined exactly from those of the blocks.

        Two neighbours at a time (Pébay 2008, doi:10.2172/1028931).
        """
        sums = self.blocks_of(self.table.sums[:, :4])
        known = np.isfinite(sums[:, 0])
        if known.all():
            weight = np.ones(1)
        else:
            sums, weight = np.where(known[:, np.newaxis], sums, 0.0), known.astype(float)
        parts = merged((np.broadcast_to(weight, known.shape), *sums.T), self.k, _merged_moments)
        return tuple(np.where(parts[0] > 0, one, np.nan) for one in parts[1:])

    @cached_property
    def energy(self) -> np.ndarray:
        """Mean square of the shape blocks in time order, shape (n_windows, k * n_shape)."""
        n_shape = self.settings.n_shape
        flat = self.blocks_of(self.past.shape_energy.T).ravel()
        return sliding_window_view(flat, self.k * n_shape)[::n_shape]

    @cached_property
    def linear(self) -> dict[str, np.ndarray]:
        """What is linear in the spectrum, mean over the window's spectra: see `BlockTable`."""
        mean = self.mean_of_spectra(self.table.linear)
        return dict(zip(self.table.linear_names, mean.T, strict=True))

    def mean_of_spectra(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of values over the spectra of each window that are known."""
        rows, n = slice(self.first, self.first + self.n + self.n_spectra - 1), self.n_spectra
        known, mean = self.table.known[rows], np.empty((values.shape[1], self.n))
        whole = known.all()
        count = n if whole else sum_of_rows(known.astype(float), n)
        for column, out in zip(values.T, mean, strict=True):  # one fits the cache
            total = sum_of_rows(column[rows] if whole else np.where(known, column[rows], 0.0), n)
            out[:] = total / n if whole else ratio(total, count)
        return mean.T

    @cached_property
    def frequencies_hz(self) -> np.ndarray:
        """Frequencies of `psd`, Hz."""
        return self.table.frequencies_hz

    def psd_lots(self) -> Iterator[PsdLot]:
        """Yield `psd` in lots that fit the cache; the lot before is overwritten."""
        return psd_lots(self.table, self.first, self.n, self.n_spectra)

    @cached_property
    def _psd(self) -> tuple[np.ndarray, np.ndarray]:
        psd = np.empty((self.n, self.table.spectra.shape[1]), np.float32)
        unit = np.ones(self.n)
        for lot in self.psd_lots() if psd.size else ():
            psd[lot.rows], unit[lot.rows] = lot.psd, lot.unit
        return psd, unit

    @property
    def psd(self) -> np.ndarray:
        """Power spectral density in the analysis band, mean over the window's spectra (Welch).

        float32, shape (n_windows, n_frequencies), in units of `psd_unit`; NaN where unknown.
        """
        return self._psd[0]

    @property
    def psd_unit(self) -> np.ndarray:
        """Unit of `psd` in each window, unit²/Hz, shape (n_windows,)."""
        return self._psd[1]


def _groups(past: Past, n: int, back: int) -> np.ndarray:
    """Return in which group of n blocks the one so many before each lies; -1 before the first."""
    blocks = past.table.blocks
    place = np.arange(blocks.start - back, blocks.stop - back) // n - blocks.start // n
    return np.maximum(place, -1)


def _past_of_part(past: Past, name: str) -> Past:
    return Past(past.table.parts[name])


def _merged_moments(left: tuple, right: tuple, *_) -> tuple:
    """Return weight, mean and central moments 2 to 4 of two sets of samples together."""
    n1, a1, a2, a3, a4 = left
    n2, b1, b2, b3, b4 = right
    n = n1 + n2
    p = n1 / np.maximum(n, 1)
    q = 1 - p
    pq, d = p * q, b1 - a1
    d2 = d * d
    m2 = p * a2 + q * b2 + pq * d2
    m3 = p * a3 + q * b3 + pq * d * ((p - q) * d2 + 3 * (b2 - a2))
    inside = (1 - 3 * pq) * d2 + 6 * (p * b2 + q * a2)
    m4 = p * a4 + q * b4 + pq * (d2 * inside + 4 * d * (b3 - a3))
    return n, a1 + q * d, m2, m3, m4
