"""Whole windows: batches of their samples, for what cannot be combined from hop blocks.

Medians, histograms, autocorrelations and spectrograms need the samples themselves. They are taken
in batches of one fixed shape, each row scaled by its own power of two, so a value has the same
bits whatever else is computed with it, and neither counts nor m/s leave the range of float32.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features.frames import Past, Windows
from seisml.features.known import nanmax, nanmin

VECTOR = 32
"""Rows of a batch are a multiple of this, which is one of the width of any vector unit."""
CACHE = 2**17
"""Samples of a batch: they fit the cache."""


def batch_rows(n_samples: int) -> int:
    """Return how many rows of some samples make a batch: 32 to 512, by their length alone."""
    return VECTOR * min(max(1, CACHE // (VECTOR * n_samples)), 16)


def complete_blocks(past: Past) -> np.ndarray:
    """Return which blocks have all their samples, bool (n_blocks,)."""
    return np.isfinite(past.table.samples[:, -1])


def whole(w: Windows) -> np.ndarray:
    """Return which windows have all their samples and are not constant, bool (n_windows,)."""
    complete = w.over_blocks(w.past.cached(complete_blocks)).all(axis=1)
    return complete & (nanmax(w.sums("max")) > nanmin(w.sums("min")))


def window_batches(w: Windows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield numbers of whole windows and their samples, float32 (n_rows, n_samples).

    Rows have no mean and a largest value of about 1; only as many rows count as there are numbers.
    The array is used again for the next batch and may be overwritten.
    """
    n_block = w.table.samples.shape[1]
    at = np.flatnonzero(w.cached(whole))
    for lot, x, _ in batches(w.table.samples, (w.first + at) * n_block, w.k * n_block):
        yield at[lot], x


def batches(
    samples: np.ndarray, starts: np.ndarray, n_samples: int
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield stretches of a record that begin at some samples, in batches.

    Parameters
    ----------
    samples : numpy.ndarray of float32, C-contiguous
        Samples of adjoining blocks; no stretch may hold a NaN.
    starts : numpy.ndarray of int, shape (n_stretches,)
        Number of the first sample of each stretch.
    n_samples : int
        Length of all stretches.

    Yields
    ------
    lot : slice
        Which of the stretches these are.
    x : numpy.ndarray of float32, shape (n_rows, n_samples)
        Without mean, largest value about 1; rows after the last stretch are 0.
    power : numpy.ndarray of int, shape (len(lot),)
        Exponents: the samples were 2**power times as large.
    """
    if not len(starts):
        return
    views = sliding_window_view(samples.reshape(-1), n_samples)
    x = np.empty((batch_rows(n_samples), n_samples), np.float32)
    for first in range(0, len(starts), len(x)):
        at = starts[first : first + len(x)]
        x[: len(at)] = views[at]
        x[len(at) :] = 0.0
        power = _scale_rows(x)
        x -= x.mean(axis=1, keepdims=True)
        yield slice(first, first + len(at)), x, power[: len(at)]


def _scale_rows(x: np.ndarray) -> np.ndarray:
    """Scale each row in place by the power of two that makes it about 1; return the exponents."""
    largest = np.maximum(x.max(axis=1), -x.min(axis=1))
    power = np.frexp(largest)[1]
    # In two steps: the inverse of the smallest float32 is not a float32.
    half = -power // 2
    x *= np.ldexp(np.float32(1), half)[:, np.newaxis]
    x *= np.ldexp(np.float32(1), -power - half)[:, np.newaxis]
    return power


def common_scale(power: np.ndarray) -> np.ndarray:
    """Return factors, float32, that bring the parts of each row to the scale of its largest.

    Parameters
    ----------
    power : numpy.ndarray of int, shape (n_rows, n_parts)
        Exponents of the parts.

    Examples
    --------
    >>> common_scale(np.array([[3, 1]]))
    array([[1.  , 0.25]], dtype=float32)
    """
    return np.ldexp(np.float32(1), power - power.max(axis=1, keepdims=True))


def row_median(rows: np.ndarray) -> np.ndarray:
    """Return the median of each row, shape (n_rows,).

    Examples
    --------
    >>> row_median(np.array([[3.0, 1.0, 2.0, 10.0]]))
    array([2.5])
    """
    middle = rows.shape[1] // 2
    parted = np.partition(rows, middle, axis=1)
    upper = parted[:, middle]
    if rows.shape[1] % 2:
        return upper
    return (parted[:, :middle].max(axis=1) + upper) / 2
