"""Sums, means and extremes of neighbouring values: moving ones, without subtraction.

Nothing here subtracts, so a small value after a huge one is exact; and each result depends on the
values that it is of, not on where the array begins. Series in time have the shape
(n_steps, n_blocks): values run down the columns, the steps of one hop block after those of another.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.ndimage import rank_filter

CACHE = 2**17
"""Values of a series that are worked on at once: some megabytes altogether."""


def merged(values: tuple, n: int, merge: Callable) -> tuple:
    """Combine n neighbours from each place on, by doubling.

    Parameters
    ----------
    values : tuple of numpy.ndarray, each of shape (n_values, ...)
        What is known of each place.
    n : int
        Neighbours to combine.
    merge : callable
        ``merge(left, right, n_left, n_right)`` combines what is known of n_left neighbours with
        what is known of the n_right after them.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (n_values - n + 1, ...)

    Examples
    --------
    >>> one, = merged((np.arange(5.0),), 3, lambda a, b, *_: (a[0] + b[0],))
    >>> one
    array([3., 6., 9.])
    """
    n_rows = len(values[0]) - n + 1
    total, have, width = None, 0, 1
    while True:
        if n & width:
            part = tuple(one[have : have + n_rows] for one in values)
            total = part if total is None else merge(total, part, have, width)
            have += width
        if have == n:
            return total
        left, right = (tuple(one[a:b] for one in values) for a, b in ((0, -width), (width, None)))
        values = merge(left, right, width, width)
        width *= 2


def sum_of_rows(values: np.ndarray, n: int) -> np.ndarray:
    """Sum the n rows from each row on."""
    return merged((values,), n, lambda a, b, *_: (a[0] + b[0],))[0]


def extreme_of_rows(values: np.ndarray, n: int, function: np.ufunc = np.fmax) -> np.ndarray:
    """Return the largest of the n rows from each row on that is known (or what a ufunc picks)."""
    width = 1
    while 2 * width <= n:
        values = function(values[:-width], values[width:])
        width *= 2
    rest = n - width
    return function(values[: len(values) - rest], values[rest:]) if rest else values


def moving_sum(x: np.ndarray, n: int) -> np.ndarray:
    """Sum the n values up to and including each one.

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
    if n < 1:
        return np.zeros_like(x)
    return sum_of_rows(np.concatenate([np.zeros(n - 1, x.dtype), x]), n)


def trailing_sum(x: np.ndarray, n: int) -> np.ndarray:
    """Sum the n values of a series up to and including each one.

    What lies in the block of the value and in the first block is summed step by step, the whole
    blocks between them by doubling.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_steps, n_blocks)
    n : int
        Length of the sum.

    Returns
    -------
    numpy.ndarray, shape (n_steps, n_blocks)
        The first n - 1 values are sums of fewer.

    Examples
    --------
    >>> trailing_sum(np.arange(6.0).reshape(3, 2).T, 3)
    array([[ 0.,  3.,  9.],
           [ 1.,  6., 12.]])
    """
    steps, blocks = x.shape
    if n <= steps:
        history = np.zeros((n - 1, blocks), x.dtype)
        history[:, 1:] = x[steps - n + 1 :, :-1]
        return sum_of_rows(np.concatenate([history, x]), n)
    total, rest = _cumulative(x), _cumulative(x[::-1])[::-1]
    # Value j has n - 1 - j before its block: `whole` blocks and j - last steps of one more; from
    # j > last on one whole block less.
    whole, last = divmod(n - 1, steps)
    fewer = moving_sum(total[-1], whole - 1)
    more = total[-1].copy()
    more[1:] += fewer[:-1]
    for rows, n_whole, between, part in (
        (slice(0, last + 1), whole, more, rest[steps - last :]),
        (slice(last + 1, steps), whole - 1, fewer, rest[1 : steps - last]),
    ):
        if n_whole:
            total[rows, 1:] += between[:-1]
        first = rows.start
        total[first : first + len(part), n_whole + 1 :] += part[:, : max(0, blocks - n_whole - 1)]
    return total


def _cumulative(x: np.ndarray) -> np.ndarray:
    """Sum each column from its first step on: row by row, twice as fast as `numpy.cumsum`."""
    out = np.empty(x.shape, x.dtype)
    out[0] = x[0]
    for i in range(1, len(x)):
        np.add(out[i - 1], x[i], out=out[i])
    return out


def trailing_mean(x: np.ndarray, n: int, *, min_share: float) -> np.ndarray:
    """Mean of what is known of the n values up to each one, NaN where too few are.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_steps, n_blocks)
    n : int
        Length of the mean.
    min_share : float
        Least share of the n values that has to be known.

    Returns
    -------
    numpy.ndarray, shape (n_steps, n_blocks)
    """
    known = np.isfinite(x)
    least, early = max(1.0, min_share * n), -(-n // len(x))
    if known.all():
        mean = trailing_sum(x, n)
        steps = np.arange(len(x))[:, np.newaxis] + len(x) * np.arange(early) + 1
        mean[:, :early] = _share(mean[:, :early], np.minimum(steps, n)[:, : x.shape[1]], least)
        mean[:, early:] /= n
        return mean
    total = trailing_sum(np.where(known, x, 0.0), n)
    return _share(total, trailing_sum(known.astype(_room(n)), n), least)


def _room(n: int) -> type:
    """Return the smallest type that holds counts up to n."""
    return np.int16 if n < 2**15 else np.int64


def _share(total: np.ndarray, count: np.ndarray, least: float) -> np.ndarray:
    """Return total over count, NaN where the count is less than needed."""
    mean = total / np.maximum(count, 1)
    mean[count < least] = np.nan
    return mean


def delayed(x: np.ndarray, n: int) -> np.ndarray:
    """Return what a series was n values before, NaN before its start.

    Examples
    --------
    >>> delayed(np.arange(6.0).reshape(3, 2).T, 1)
    array([[nan,  1.,  3.],
           [ 0.,  2.,  4.]])
    """
    steps, blocks = x.shape
    back, rest = divmod(n, steps)
    out = np.full(x.shape, np.nan)
    for rows, source, far in (
        (slice(rest, steps), slice(0, steps - rest), back),
        (slice(0, rest), slice(steps - rest, steps), back + 1),
    ):
        out[rows, far:] = x[source, : max(0, blocks - far)]
    return out


def in_pieces(function: Callable, x: np.ndarray, n: int) -> list:
    """Return the results of a function of a series, stretch by stretch.

    Parameters
    ----------
    function : callable
        ``function(part)`` returns arrays whose last axis is that of the blocks.
    x : numpy.ndarray, shape (n_steps, n_blocks)
    n : int
        How many values it looks back.

    Returns
    -------
    list of numpy.ndarray
        Results of all blocks, one array for each that the function returns; NaN before the first
        known value and after the last.
    """
    steps, blocks = x.shape
    history = -(-n // steps)
    width = max(CACHE // steps, history)
    some = np.flatnonzero(np.isfinite(x).any(axis=0))
    begin, end = (some[0], some[-1] + 1) if len(some) else (0, min(blocks, 1))
    found = []
    for first in range(begin, end, width):
        start, stop = max(begin, first - history), min(first + width, end)
        found.append([one[..., first - start :] for one in function(x[:, start:stop])])
    out = []
    for ones in zip(*found, strict=True):
        out.append(np.full((*ones[0].shape[:-1], blocks), np.nan))
        out[-1][..., begin:end] = np.concatenate(ones, axis=-1)
    return out


def count_set(flags: np.ndarray) -> np.ndarray:
    """Count the flags of each column that are set, shape (n_columns,).

    Examples
    --------
    >>> count_set(np.array([[True, False], [True, True]])).tolist()
    [2, 1]
    """
    room = np.uint8 if len(flags) < 256 else np.int64
    return flags.view(np.uint8).sum(axis=0, dtype=room).astype(np.intp)


def sorted_columns(x: np.ndarray) -> np.ndarray:
    """Sort the few values of many columns, NaN last (odd-even transposition).

    Examples
    --------
    >>> sorted_columns(np.array([[3.0, np.nan], [1.0, 5.0], [2.0, 4.0]]))
    array([[ 1.,  4.],
           [ 2.,  5.],
           [ 3., nan]])
    """
    x = x.copy()
    for i in range(len(x)):
        pairs = (len(x) - i % 2) // 2
        rows = x[i % 2 : i % 2 + 2 * pairs]
        low, high = rows[::2], rows[1::2]
        smaller = np.fmin(low, high)
        np.maximum(low, high, out=high)
        low[:] = smaller
    return x


def trailing_quantile(values: np.ndarray, n: int, q: float) -> np.ndarray:
    """Quantile of what is known of the n values up to each one, NaN where fewer than two are.

    Linear between neighbours in order, as `numpy.quantile`.

    Examples
    --------
    >>> trailing_quantile(np.array([4.0, 2.0, 8.0, np.nan]), 3, 0.5)
    array([nan,  3.,  4.,  5.])
    """
    found = np.full(len(values), np.nan)
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
