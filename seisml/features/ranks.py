"""Ranks: values in order, and quantiles of the past."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.ndimage import rank_filter

from seisml.features import fast
from seisml.features.series import moving_sum

ROOM = 2**17
"""Values that are sorted at once: they fit the cache."""


def sorted_columns(x: np.ndarray) -> np.ndarray:
    """Sort the few values of many columns, NaN last (merge network of Batcher 1968).

    Examples
    --------
    >>> sorted_columns(np.array([[3.0, np.nan], [1.0, 5.0], [2.0, 4.0]]))
    array([[ 1.,  4.],
           [ 2.,  5.],
           [ 3., nan]])
    """
    out, pairs = x.copy(), list(_pairs(len(x)))
    width = max(1, ROOM // max(1, len(x)))
    for first in range(0, x.shape[1], width):
        rows = list(out[:, first : first + width])
        room = np.empty_like(rows[0])
        for low, high in pairs:
            np.fmin(rows[low], rows[high], out=room)
            np.maximum(rows[low], rows[high], out=rows[high])
            rows[low][:] = room
    return out


def _pairs(n: int) -> Iterator[tuple[int, int]]:
    """Yield the places to be compared, one after the other, so that n values are sorted."""
    merged = 1
    while merged < n:
        apart = merged
        while apart:
            for first in range(apart % merged, n - apart, 2 * apart):
                for low in range(first, min(first + apart, n - apart)):
                    if low // (2 * merged) == (low + apart) // (2 * merged):
                        yield low, low + apart
            apart //= 2
        merged *= 2


def trailing_quantile(values: np.ndarray, n: int, q: float) -> np.ndarray:
    """Quantile of what is known of the n values up to each one, NaN where fewer than two are.

    Linear between neighbours in order, as `numpy.quantile`.

    Examples
    --------
    >>> trailing_quantile(np.array([4.0, 2.0, 8.0, np.nan]), 3, 0.5)
    array([nan,  3.,  4.,  5.])
    """
    found = np.full(len(values), np.nan)
    loops = fast.compiled("pastloops")
    if loops:
        known = np.flatnonzero(np.isfinite(values))
        order = known[np.argsort(values[known])]  # ten times as fast without NaN
        ranks = np.full(len(values), -1)
        ranks[order] = np.arange(len(order))
        loops.trailing_quantiles(values[order], ranks, n, q, np.zeros(len(order), bool), found)
        return found
    # Where all are known order statistics are enough; most of a day is one such stretch.
    whole = moving_sum(np.isfinite(values).astype(np.int32), n) == n
    edges = np.flatnonzero(np.diff(whole, prepend=False, append=False)).reshape(-1, 2)
    first, last = max(edges.tolist(), key=lambda edge: edge[1] - edge[0], default=(0, 0))
    if first < last:
        part, place = values[first - n + 1 : last], q * (n - 1)
        ranks = int(place), min(int(place) + 1, n - 1)
        at = slice(n // 2, n // 2 + last - first)
        lower, upper = (rank_filter(part, rank, size=n)[at] for rank in ranks)
        found[first:last] = lower + (upper - lower) * (place - ranks[0])
    for a, b in ((0, first), (last, len(values))):
        start = max(0, a - n + 1)
        rolling = pd.Series(values[start:b]).rolling(n, min_periods=2)
        found[a:b] = rolling.quantile(q).to_numpy()[a - start :]
    return found
