"""Windows: the quantities that feature functions share, combined from hop blocks on demand."""

import dataclasses
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features.blocks import BlockTable
from seisml.features.kernels import SUMS
from seisml.features.settings import Settings
from seisml.windows import WindowGrid


def moving_sum(x: np.ndarray, n: int) -> np.ndarray:
    """Sum the n values up to and including each one, without cancellation.

    Doubling adds n values in log2(n) passes and never subtracts, so a small value after a huge
    one is exact, and the result depends only on the n values, not on where the array starts.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_values,)
    n : int
        Length of the sum.

    Returns
    -------
    numpy.ndarray, shape (n_values,)
        The first n - 1 values are sums of fewer.

    Examples
    --------
    >>> moving_sum(np.array([1.0, 2.0, 3.0, 4.0]), 3)
    array([1., 3., 6., 9.])
    """
    total, offset = np.zeros_like(x), 0
    power, width = x, 1
    while n:
        if n & 1:
            total[offset:] += power[: len(x) - offset]
            offset += width
        n >>= 1
        if n:
            longer = power.copy()
            longer[width:] += power[:-width] if width < len(x) else 0.0
            power, width = longer, 2 * width
        if offset >= len(x):
            break
    return total


def moving_count(known: np.ndarray, n: int) -> np.ndarray:
    """Count how many of the n flags up to and including each one are set, int64."""
    count = np.cumsum(known, dtype=np.int64)
    return count - np.concatenate([np.zeros(min(n, len(count)), np.int64), count[:-n]])


def moving_mean(values: np.ndarray, n: int, *, min_share: float) -> np.ndarray:
    """Mean of what is known of the n values up to each one, NaN where too few are."""
    known = np.isfinite(values)
    if known.all():
        mean = moving_sum(values, n)
        mean[:n] /= np.arange(1, n + 1)[: len(mean)]
        mean[n:] /= n
        mean[: int(np.ceil(max(1.0, min_share * n))) - 1] = np.nan
        return mean
    count = moving_count(known, n)
    total = moving_sum(np.where(known, values, 0.0), n)
    good = count >= max(1.0, min_share * n)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=good)


def shape_energy(table: BlockTable) -> np.ndarray:
    """Mean square of the shape blocks, shape (n_blocks, n_shape)."""
    settings = table.settings
    width = settings.n_sub // settings.n_shape
    return table.energy.reshape(len(table.blocks), settings.n_shape, width).mean(axis=2)


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

    @cached_property
    def energy(self) -> np.ndarray:
        """Mean square of every sub-block in time order, NaN in gaps."""
        return self.table.energy.ravel()

    @cached_property
    def shape_energy(self) -> np.ndarray:
        """Mean square of every shape block in time order, NaN in gaps."""
        return shape_energy(self.table).ravel()

    def at_resolution(self, duration_s: float) -> tuple[np.ndarray, float]:
        """Return the coarsest energies that resolve a twentieth of a duration, and their step in s.

        Coarser steps lose events: the phase of an onset against the steps changes its ratio.
        """
        settings = self.table.settings
        if duration_s >= 20 * settings.shape_s * (1 - 1e-9):
            return self.shape_energy, settings.shape_s
        return self.energy, settings.sub_s

    def sta_lta(self, name: str) -> np.ndarray:
        """Return STA/LTA, shape (n_blocks, steps): energy of the past STA over the LTA before it.

        NaN where the STA is not complete or half of the LTA is missing (settling after a gap).
        """
        sta_s, lta_s = {n: (s, lt) for n, s, lt in self.table.settings.sta_lta_s}[name]
        energy, step_s = self.at_resolution(sta_s)
        n_sta, n_lta = (max(1, round(t / step_s)) for t in (sta_s, lta_s))
        sta = moving_mean(energy, n_sta, min_share=1.0)
        lta = np.full_like(sta, np.nan)
        lta[n_sta:] = moving_mean(energy, n_lta, min_share=0.5)[:-n_sta]
        return ratio(sta, lta).reshape(len(self.table.blocks), -1)

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
        g, start = settings.background_hops, self.table.blocks.start
        n_groups = max(2, round(settings.background_s / (g * settings.grid.hop_s)))
        group = (start + np.arange(len(energy))) // g
        first = group[0]
        valid = np.isfinite(energy)
        total = np.bincount(group - first, np.where(valid, energy, 0.0))
        count = np.bincount(group - first, valid)
        means = np.where(count >= 0.5 * g, total / np.maximum(count, 1), np.nan)
        # At each group the quantile of those before it; a rolling one, as there may be many.
        rolling = pd.Series(means).rolling(n_groups, min_periods=2)
        known = rolling.quantile(settings.background_quantile).to_numpy()
        level = np.concatenate([[np.nan], known])
        now = (start + np.arange(len(energy)) - (span_hops - 1)) // g - first
        return np.where(now >= 0, level[np.maximum(now, 0)], np.nan)


def row_quantile(rows: np.ndarray, q: float) -> np.ndarray:
    """Return the quantile of each sorted row, NaN where fewer than two values are known."""
    n = np.count_nonzero(np.isfinite(rows), axis=1)
    position = q * np.maximum(n - 1, 0)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    i = np.arange(len(rows))
    value = rows[i, low] + (position - low) * (rows[i, high] - rows[i, low])
    return np.where(n >= 2, value, np.nan)


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

    @cached_property
    def coverage(self) -> np.ndarray:
        """Share of valid samples of each window, 0 to 1."""
        covered_ns = self.over_blocks(self.table.covered_ns).sum(axis=1)
        return np.minimum(covered_ns / self.length_ns, 1.0)

    @cached_property
    def usable(self) -> np.ndarray:
        """Whether a window has enough samples and at least one complete block."""
        complete = np.isfinite(self.over_blocks(self.table.sums[:, 0])).any(axis=1)
        return (self.coverage >= self.settings.min_coverage - 1e-9) & complete

    def sums(self, name: str) -> np.ndarray:
        """Return one of SUMS of the blocks, shape (n_windows, k), NaN where incomplete."""
        return self.over_blocks(self.table.sums[:, SUMS.index(name)])

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Mean and central moments m2, m3, m4, combined exactly from those of the blocks.

        With d = mean of a block - mean: m2 = <m2 + d²>, m3 = <m3 + 3 d m2 + d³>,
        m4 = <m4 + 4 d m3 + 6 d² m2 + d⁴> (Pébay 2008, doi:10.2172/1028931).
        """
        b1, b2, b3, b4 = (self.sums(name) for name in ("mean", "m2", "m3", "m4"))
        mean = nanmean(b1)
        d = b1 - mean[:, np.newaxis]
        d2 = d * d
        m2 = nanmean(b2 + d2)
        m3 = nanmean(b3 + (3 * b2 + d2) * d)
        m4 = nanmean(b4 + 4 * d * b3 + (6 * b2 + d2) * d2)
        return mean, m2, m3, m4

    @cached_property
    def energy(self) -> np.ndarray:
        """Mean square of the shape blocks in time order, shape (n_windows, k * n_shape)."""
        n_shape = self.settings.n_shape
        last = self.first + self.n + self.k - 1
        flat = self.past.shape_energy[self.first * n_shape : last * n_shape]
        return sliding_window_view(flat, self.k * n_shape)[::n_shape]

    @cached_property
    def linear(self) -> dict[str, np.ndarray]:
        """What is linear in the spectrum, mean over the window's spectra: see `BlockTable`."""
        mean = self.mean_of_spectra(self.table.linear)
        return dict(zip(self.table.linear_names, mean.T, strict=True))

    def mean_of_spectra(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of values over the spectra of each window that are known."""
        rows = slice(self.first, self.first + self.n + self.n_spectra - 1)
        known = self.table.known[rows, np.newaxis]
        total = sum_of_rows(np.where(known, values[rows], 0.0), self.n_spectra)
        return ratio(total, sum_of_rows(known.astype(float), self.n_spectra))

    @cached_property
    def frequencies_hz(self) -> np.ndarray:
        """Frequencies of `psd`, Hz."""
        return self.table.frequencies_hz

    @cached_property
    def _scaled_psd(self) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(self.first, self.first + self.n + self.n_spectra - 1)
        power, known = self.table.spectra[rows], self.table.known[rows]
        scale = np.where(known, self.table.scale[rows], 0.0)
        unit = float(scale.max()) or 1.0
        factor = (scale / unit).astype(np.float32)
        if not (factor == 1).all():
            power = power * factor[:, np.newaxis]
        count = sum_of_rows(known.astype(np.float64), self.n_spectra)
        total = sum_of_rows(power, self.n_spectra)
        largest = total.max(axis=1).astype(float)
        # Powers of two: no bit depends on the other windows.
        exponent = np.where(largest > 0, np.frexp(largest)[1], 0)
        share = ratio(np.ldexp(1.0, -exponent), count).astype(np.float32)
        return total * share[:, np.newaxis], np.ldexp(unit, exponent)

    @property
    def psd(self) -> np.ndarray:
        """Power spectral density in the analysis band, mean over the window's spectra (Welch).

        float32, shape (n_windows, n_frequencies), in units of `psd_unit`; NaN where unknown.
        """
        return self._scaled_psd[0]

    @property
    def psd_unit(self) -> np.ndarray:
        """Unit of `psd` in each window, unit²/Hz, shape (n_windows,)."""
        return self._scaled_psd[1]


def _past_of_part(past: Past, name: str) -> Past:
    return Past(past.table.parts[name])


def rows_times(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``rows @ matrix`` in lots of one size, so that no bit depends on a row's place."""
    lot, n_rows = 256, len(rows)
    n = -(-n_rows // lot) * lot
    if n > n_rows:
        rows = np.concatenate([rows, np.zeros((n - n_rows, rows.shape[1]), rows.dtype)])
    return (rows.reshape(-1, lot, rows.shape[1]) @ matrix).reshape(n, -1)[:n_rows]


def sum_of_rows(values: np.ndarray, n: int) -> np.ndarray:
    """Sum the n rows from each row on, by doubling."""
    rows = len(values) - n + 1
    total, offset, width = None, 0, 1
    while n:
        if n & 1:
            part = values[offset : offset + rows]
            total = part if total is None else total + part
            offset += width
        n >>= 1
        if n:
            values = values[:-width] + values[width:]
            width *= 2
    return total


def nanmean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the values that are known, NaN where none is."""
    known = np.isfinite(values)
    if known.all():
        return values.mean(axis=-1)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def nanmax(values: np.ndarray) -> np.ndarray:
    """Maximum over the last axis of the values that are known, NaN where none is."""
    return np.fmax.reduce(values, axis=-1, initial=np.nan)


def nanmin(values: np.ndarray) -> np.ndarray:
    """Minimum over the last axis of the values that are known, NaN where none is."""
    return np.fmin.reduce(values, axis=-1, initial=np.nan)


def log10(values: np.ndarray) -> np.ndarray:
    """Logarithm to base 10, NaN where the value is not positive."""
    positive = values > 0
    if np.all(positive):
        return np.log10(values)
    return np.log10(values, out=np.full(np.shape(values), np.nan), where=positive)


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quotient, NaN where the denominator is not positive."""
    good = b > 0
    if good.all():
        return a / b
    good = np.broadcast_to(good, np.shape(a))
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=good)


def crossing(total: np.ndarray, level) -> np.ndarray:
    """Return where each row of rising sums reaches a share of its last value, in columns.

    Linear inside a column, 0 to n; NaN where the last value is not positive. The share is one
    number or one a row.
    """
    rows, last = np.arange(len(total)), total[:, -1]
    wanted = level * last
    at = np.argmax(total >= wanted[:, np.newaxis], axis=1)
    before = np.where(at > 0, total[rows, at - 1], 0.0)
    step = total[rows, at] - before
    part = np.divide(wanted - before, step, out=np.zeros(len(total)), where=step > 0)
    return np.where(last > 0, at + part, np.nan)
