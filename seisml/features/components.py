"""Components: three channels of one station, turned to Z, N, E, and what they have in common.

Second moments and cross-spectra are computed once for each hop block, from the samples that the
tables keep, and combined into windows of any length and overlap. Blocks of the three channels
stand on one absolute grid; their samples are paired by number in the block, and where the clocks
of the channels differ by a part of a sample, interpolated to the instants of the first channel.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from scipy.signal import fftconvolve

from seisml.errors import FeatureError
from seisml.features.blocks import BlockTable
from seisml.features.frames import Windows
from seisml.features.series import sum_of_rows
from seisml.features.settings import Settings
from seisml.segments import OFF_GRID, TAPS, later_kernel
from seisml.windows import WindowGrid

ORIENTED = ("Z", "N", "E")
"""Letters of channels that are taken as vertical, north and east without metadata."""
SETS = (ORIENTED, ("Z", "1", "2"), ("1", "2", "3"), ("U", "V", "W"))
"""Letters of three channels that make up one sensor (SEED), the first complete set counts."""
STATION = "3C"
"""Stands for the component in the columns of features of three components."""
LOT = 128
"""Blocks that are computed together."""
MIN_SPECTRA = 3
"""Spectra in the mean of a 3 x 3 matrix: fewer could not have rank three."""


def three_components(channels: Iterable[str]) -> tuple[str, ...]:
    """Return the three channels of a sensor in the order of `SETS`, () if they are not all there.

    Parameters
    ----------
    channels : iterable of str
        Channel codes of one sensor; the last letter is the component.

    Examples
    --------
    >>> three_components(["BHE", "BHN", "BHZ"])
    ('BHZ', 'BHN', 'BHE')
    >>> three_components(["BHZ"])
    ()
    """
    by_letter = {code[-1:]: code for code in channels}
    for letters in SETS:
        if all(letter in by_letter for letter in letters):
            return tuple(by_letter[letter] for letter in letters)
    return ()


@dataclasses.dataclass(frozen=True)
class StationBlocks:
    """Second moments and cross-spectra of the hop blocks of three channels, as recorded.

    Attributes
    ----------
    tables : tuple of three BlockTable
        Of the same settings, blocks, sampling rate and samples a block.

    Raises
    ------
    FeatureError
        If the tables keep no samples or are not of the same blocks.
    """

    tables: tuple[BlockTable, ...]

    def __post_init__(self):
        if any(table.samples is None for table in self.tables):
            raise FeatureError(
                "The tables of the components keep no samples.",
                "Make them with empty_table(..., needs={'samples'}).",
            )
        first = self.tables[0]
        if any((t.settings, t.blocks) != (first.settings, first.blocks) for t in self.tables):
            raise FeatureError("The tables of the components are not of the same blocks.")

    @property
    def settings(self) -> Settings:
        """Settings of the features."""
        return self.tables[0].settings

    @cached_property
    def known(self) -> np.ndarray:
        """Whether a block is complete in all three channels, bool, shape (n_blocks,)."""
        known = np.ones(len(self.tables[0].blocks), dtype=bool)
        for table in self.tables:
            # A row is filled from its start, and left NaN at other sampling rates.
            known &= np.isfinite(table.samples[:, 0]) & np.isfinite(table.samples[:, -1])
        return known

    @cached_property
    def covered_ns(self) -> np.ndarray:
        """Time of each block that all channels cover, int64, shape (n_blocks,)."""
        return np.minimum.reduce([table.covered_ns for table in self.tables])

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (n_blocks, 3) and central second moments (n_blocks, 3, 3), 0 where not known."""
        n = len(self.known)
        mean, covariance = np.zeros((n, 3)), np.zeros((n, 3, 3))
        for rows in _lots(np.flatnonzero(self.known)):
            x = self._frames(rows, 1)
            mean[rows] = x.mean(axis=2)
            x -= mean[rows, :, np.newaxis]
            covariance[rows] = x @ x.transpose(0, 2, 1) / x.shape[2]
        return mean, covariance

    @cached_property
    def whole(self) -> np.ndarray:
        """Whether all blocks of the spectrum that begins in a block are known, (n_blocks,)."""
        hops, n = self.settings.spectrum_hops, len(self.known)
        whole = np.zeros(n, dtype=bool)
        if n >= hops:
            whole[: n - hops + 1] = sum_of_rows(self.known.astype(float), hops) == hops
        return whole

    @cached_property
    def bands(self) -> list[slice]:
        """Bins of each band of the settings that is available, in the spectra of `cross`."""
        table = self.tables[0]
        n = self.settings.spectrum_hops * table.samples.shape[1]
        f = np.arange(n // 2 + 1) * (table.sampling_rate_hz / n)
        found = []
        for low_hz, high_hz in self.settings.bands_hz:
            first, last = np.searchsorted(f, [low_hz - 1e-9, high_hz - 1e-9])
            if table.bins(low_hz, high_hz) is not None and first < last:
                found.append(slice(int(first), int(last)))
        return found

    @cached_property
    def cross(self) -> np.ndarray:
        """Cross-spectra summed over the bins of each band, in no unit, 0 where not known.

        complex128, shape (n_blocks, n_bands, 3, 3): of the samples of the `spectrum_hops` blocks
        from each block on, without their mean, under a Hann taper.
        """
        hops, bands = self.settings.spectrum_hops, self.bands
        cross = np.zeros((len(self.known), len(bands), 3, 3), dtype=np.complex128)
        taper = np.hanning(hops * self.tables[0].samples.shape[1] + 1)[:-1]
        for rows in _lots(np.flatnonzero(self.whole)) if bands else ():
            x = self._frames(rows, hops)
            x -= x.mean(axis=2, keepdims=True)
            x *= taper
            z = np.fft.rfft(x, axis=2)
            for b, bins in enumerate(bands):
                part = np.ascontiguousarray(z[:, :, bins])
                cross[rows, b] = part @ part.conj().transpose(0, 2, 1)
        return cross

    def _frames(self, rows: np.ndarray, n_blocks: int) -> np.ndarray:
        """Return the samples of some blocks from each row on, float64 (n_rows, 3, n_samples)."""
        n = self.tables[0].samples.shape[1]
        x = np.empty((len(rows), 3, n_blocks * n))
        for c, table in enumerate(self.tables):
            for block in range(n_blocks):
                x[:, c, block * n : (block + 1) * n] = table.samples[rows + block]
            self._align(x[:, c], c, rows)
        return x

    def _align(self, x: np.ndarray, c: int, rows: np.ndarray) -> None:
        """Interpolate frames of a channel to the instants of the first one, in place."""
        first, table = self.tables[0], self.tables[c]
        by = np.round(first.late[rows] - table.late[rows], 3)
        for one in np.unique(by[np.abs(by) >= OFF_GRID]):
            mine = np.flatnonzero(by == one)
            around = _with_context(x[mine], table.samples, rows[mine])
            x[mine] = fftconvolve(around, later_kernel(one)[np.newaxis], "valid", axes=1)


def _with_context(x: np.ndarray, samples: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return frames with `TAPS` samples more on both sides: their own first and last in gaps."""
    flat, n = samples.reshape(-1), x.shape[1]
    at = rows[:, np.newaxis] * samples.shape[1] + np.r_[-TAPS:0, n : n + TAPS]
    context = np.where((at >= 0) & (at < len(flat)), flat[at.clip(0, len(flat) - 1)], np.nan)
    edges = np.repeat(x[:, [0, -1]], TAPS, axis=1)
    context = np.where(np.isfinite(context), context, edges)
    return np.concatenate([context[:, :TAPS], x, context[:, TAPS:]], axis=1)


def _lots(rows: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(rows), LOT):
        yield rows[first : first + LOT]


@dataclasses.dataclass(frozen=True)
class Components:
    """A batch of windows of three channels, and what can be known of them together.

    Attributes
    ----------
    blocks : StationBlocks
        Over the whole table.
    windows : tuple of three Windows
        The same windows of each channel, as recorded.
    rotation : numpy.ndarray, shape (3, 3), or None
        Matrix that turns the channels to Z, N, E; None where they are Z, N, E.
    """

    blocks: StationBlocks
    windows: tuple[Windows, ...]
    rotation: np.ndarray | None = None

    @cached_property
    def _memo(self) -> dict:
        return {}

    def cached(self, function):
        """Return ``function(self)``, computed once for this batch of windows."""
        if function not in self._memo:
            self._memo[function] = function(self)
        return self._memo[function]

    @property
    def table(self) -> BlockTable:
        """Blocks of the first channel: settings, blocks and sampling rate are those of all."""
        return self.blocks.tables[0]

    @property
    def settings(self) -> Settings:
        """Settings of the features."""
        return self.table.settings

    @property
    def n(self) -> int:
        """Number of windows."""
        return self.windows[0].n

    @cached_property
    def coverage(self) -> np.ndarray:
        """Share of each window that all three channels cover, 0 to 1.

        Exact where channels lack the same time or whole blocks.
        """
        w = self.windows[0]
        return np.minimum(w.over_blocks(self.blocks.covered_ns).sum(axis=1) / w.length_ns, 1.0)

    @cached_property
    def usable(self) -> np.ndarray:
        """Whether all channels have enough samples, and a block that is complete in all."""
        complete = self.windows[0].over_blocks(self.blocks.known).any(axis=1)
        return (self.coverage >= self.settings.min_coverage - 1e-9) & complete

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of Z, N, E over each window, shape (n, 3, 3), NaN where nothing is known.

        Of the blocks that are complete in all channels. With d = mean of a block - mean:
        C = <C_block + d dᵀ>, which no offset of a channel changes; turned as R C Rᵀ.
        """
        w = self.windows[0]
        means, within = self.blocks.moments
        known = w.over_blocks(self.blocks.known)
        count = known.sum(axis=1)
        total = np.maximum(count, 1)[:, np.newaxis]
        b1 = w.over_blocks(means)
        d = np.where(known[:, np.newaxis], b1 - (b1.sum(axis=2) / total)[..., np.newaxis], 0.0)
        inside = sum_of_rows(within[w.first : w.first + w.n + w.k - 1], w.k)
        covariance = (inside + d @ d.transpose(0, 2, 1)) / total[..., np.newaxis]
        covariance[count == 0] = np.nan
        return self._turned(covariance)

    @cached_property
    def eigen(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues of the covariance in rising order, (n, 3), and unit vectors in columns."""
        known = np.isfinite(self.covariance).all(axis=(1, 2))
        values, vectors = np.linalg.eigh(
            np.where(known[:, np.newaxis, np.newaxis], self.covariance, 0.0)
        )
        values[~known], vectors[~known] = np.nan, np.nan
        return values, vectors

    @cached_property
    def cross(self) -> np.ndarray:
        """Spectral matrices of Z, N, E in each available band, shape (n, n_bands, 3, 3).

        Mean over the window's spectra; NaN where fewer than `MIN_SPECTRA` (spectra times
        frequencies) are known.
        """
        w = self.windows[0]
        rows = slice(w.first, w.first + w.n + w.n_spectra - 1)
        count = sum_of_rows(self.blocks.whole[rows].astype(float), w.n_spectra)
        total = sum_of_rows(self.blocks.cross[rows], w.n_spectra)
        mean = total / np.maximum(count, 1)[:, np.newaxis, np.newaxis, np.newaxis]
        n_bins = np.array([bins.stop - bins.start for bins in self.blocks.bands], dtype=float)
        mean[count[:, np.newaxis] * n_bins < MIN_SPECTRA] = np.nan
        return self._turned(mean)

    def shifted(self, first: int, n: int, grid: WindowGrid | None) -> "Components":
        """Return other windows of the same table, see `Windows`."""
        windows = (dataclasses.replace(w, first=first, n=n, grid=grid) for w in self.windows)
        return dataclasses.replace(self, windows=tuple(windows))

    def _turned(self, matrices: np.ndarray) -> np.ndarray:
        """Return R M Rᵀ, the matrices in Z, N, E."""
        if self.rotation is None:
            return matrices
        return self.rotation @ matrices @ self.rotation.T
