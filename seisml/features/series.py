"""Sums, means and extremes of neighbouring values: moving ones, without subtraction.

Nothing here subtracts, so a small value after a huge one is exact; and each result depends on the
values that it is of, not on where the array begins. Series in time have the shape
(n_steps, n_blocks): values run down the columns, the steps of one hop block after those of another.
"""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from seisml.features import fast


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


def sum_of_rows(values: np.ndarray, n: int, *, out: np.ndarray | None = None) -> np.ndarray:
    """Sum the n rows from each row on, by doubling; to ``out``, if given.

    Examples
    --------
    >>> sum_of_rows(np.arange(5.0), 3)
    array([3., 6., 9.])
    """
    n_rows = len(values) - n + 1
    total, have, part, width = None, 0, values, 1
    while True:
        if n & width:
            some, last = part[have : have + n_rows], have + width == n
            total = some if total is None else np.add(total, some, out=out if last else None)
            have += width
        if have == n:
            break
        part = part[:-width] + part[width:]
        width *= 2
    if out is None:
        return total
    if total is not out:
        out[:] = total
    return out


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


class Series:
    """A series in time whose running sums are shared by all that looks back over it.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_steps, n_blocks)

    Examples
    --------
    >>> Series(np.arange(6.0).reshape(3, 2).T).sum(3)
    array([[ 0.,  3.,  9.],
           [ 1.,  6., 12.]])
    """

    def __init__(self, x: np.ndarray):
        self._given = x

    @cached_property
    def _totals(self) -> np.ndarray:
        """Sum of each block, not finite where a value is not known."""
        return np.add.reduce(self._given, axis=0)

    @cached_property
    def _lacking(self) -> np.ndarray:
        """Blocks with values that are not known."""
        return np.flatnonzero(~np.isfinite(self._totals))

    @cached_property
    def x(self) -> np.ndarray:
        """Values, 0 where they are not known."""
        if not len(self._lacking):
            return self._given
        x, some = self._given.copy(), slice(self._lacking[0], self._lacking[-1] + 1)
        x[:, some][~np.isfinite(x[:, some])] = 0.0
        return x

    @cached_property
    def forward(self) -> np.ndarray:
        """Sum of each block from its first step to each one."""
        return _cumulative(self.x)

    @cached_property
    def backward(self) -> np.ndarray:
        """Sum of each block from each step to its last one."""
        return _cumulative(self.x[::-1])[::-1]

    def sum(self, n: int) -> np.ndarray:
        """Sum what is known of the n values up to and including each one.

        What lies in the block of the value and in the first block is summed step by step, the
        whole blocks between them by doubling. The first n - 1 values are sums of fewer.
        """
        if self._loops:
            return self._compiled_sum(n, 1.0)
        steps, blocks = self.x.shape
        if n <= steps:
            return self._sum_of_few(n)
        total = np.empty_like(self.x)
        # Value j has n - 1 - j before its block: `whole` blocks and j - last steps of one more;
        # from j > last on one whole block less.
        whole, last = divmod(n - 1, steps)
        more, fewer = _whole_blocks(self.forward[-1], whole)
        for rows, n_whole, between, part in (
            (slice(0, last + 1), whole, more, self.backward[steps - last :]),
            (slice(last + 1, steps), whole - 1, fewer, self.backward[1 : steps - last]),
        ):
            total[rows, :1] = self.forward[rows, :1]
            between = between[:-1] if n_whole else 0
            np.add(self.forward[rows, 1:], between, out=total[rows, 1:])
            some = slice(rows.start, rows.start + len(part))
            total[some, n_whole + 1 :] += part[:, : max(0, blocks - n_whole - 1)]
        return total

    @cached_property
    def _whole(self) -> tuple[np.ndarray, np.ndarray]:
        """Values as `x`, contiguous, and the sum of each block."""
        x = np.ascontiguousarray(self.x)
        return x, np.add.reduce(x, axis=0) if len(self._lacking) else self._totals

    @cached_property
    def _loops(self):
        """Compiled loops for numbers of this kind."""
        return fast.compiled("pastloops") if self._given.dtype == float else None

    @property
    def complete(self) -> bool:
        """Whether all values are known."""
        return not len(self._lacking)

    def between(self, n: int) -> np.ndarray:
        """Sum the whole blocks between n values: see `seisml.features.pastloops.sums`."""
        x, ends = self._whole
        between = np.zeros((2, len(ends)))
        if n > len(x):
            for row, before in zip(between, _whole_blocks(ends, (n - 1) // len(x)), strict=True):
                row[1:] = before[:-1]
        return between

    def _compiled_sum(self, n: int, unit: float) -> np.ndarray:
        x, _ = self._whole
        out = np.empty_like(x)
        self._loops.sums(x, n, unit, self.between(n), out)
        return out

    def _sum_of_few(self, n: int) -> np.ndarray:
        """Sum by doubling: 1, 2, 4 ... values before each one are added to those up to it."""
        total, have, part, width = None, 0, self.x, 1
        while True:
            if n & width:
                total = part if total is None else _plus_earlier(total, part, have)
                have += width
            if have == n:
                return total.copy() if total is self.x else total
            part = _plus_earlier(part, part, width)
            width *= 2

    def mean(self, n: int, *, min_share: float) -> np.ndarray:
        """Mean of what is known of the n values up to each one, NaN where too few are.

        ``min_share`` is the least share of the n values that has to be known.
        """
        steps, blocks = self.x.shape
        least, reach = max(1.0, min_share * n), -(-n // steps)
        mean, unit = (self._compiled_sum(n, n), n) if self._loops else (self.sum(n), 1)
        # Less than n may be known at the start, and from the first unknown value on.
        place = np.arange(steps)[:, np.newaxis] + steps * np.arange(min(reach, blocks)) + 1
        first = _share(mean[:, :reach] * unit, np.minimum(place, n), least)
        if len(self._lacking):
            some = slice(self._lacking[0], self._lacking[-1] + reach + 1)
            after_gaps = _share(mean[:, some] * unit, self._count(n, some, reach), least)
        if unit == 1:
            mean /= n
        mean[:, :reach] = first
        if len(self._lacking):
            mean[:, some] = after_gaps
        return mean

    def _count(self, n: int, some: slice, reach: int) -> np.ndarray:
        """Count what is known of the n values up to each one of some blocks: without sums."""
        known = np.isfinite(self._given[:, max(0, some.start - reach) : some.stop])
        upto = np.cumsum(known.T, dtype=np.int32)
        count = upto.copy()
        count[n:] -= upto[:-n]  # whole numbers may be subtracted
        return count.reshape(known.shape[::-1]).T[:, min(reach, some.start) :]


def _earlier(shape: tuple[int, int], n: int) -> Iterator[tuple]:
    """Yield where in a series of that shape n values earlier lie: rows, columns from, their rows.

    A row of a series stands in its own block or in one of those before.
    """
    steps, blocks = shape
    back, rest = divmod(n, steps)
    yield slice(rest, steps), min(back, blocks), slice(0, steps - rest)
    yield slice(0, rest), min(back + 1, blocks), slice(steps - rest, steps)


def _plus_earlier(x: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """Add to each value of a series what another one was n values before, if anything."""
    out = np.empty_like(x)
    for rows, far, source in _earlier(x.shape, n):
        out[rows, :far] = x[rows, :far]
        np.add(x[rows, far:], other[source, : x.shape[1] - far], out=out[rows, far:])
    return out


def _cumulative(x: np.ndarray) -> np.ndarray:
    """Sum each column from its first step on: row by row, twice as fast as `numpy.cumsum`."""
    out = np.empty(x.shape, x.dtype)
    out[0] = x[0]
    for i in range(1, len(x)):
        np.add(out[i - 1], x[i], out=out[i])
    return out


def _whole_blocks(ends: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum n blocks up to and including each one, and one block less."""
    fewer, more = moving_sum(ends, n - 1), ends.copy()
    more[1:] += fewer[:-1]
    return more, fewer


def _share(total: np.ndarray, count: np.ndarray, least: float) -> np.ndarray:
    """Return total over count, NaN where the count is less than needed."""
    mean = np.full(total.shape, np.nan)
    return np.divide(total, count, out=mean, where=count >= least)


def against_past(function: Callable, now: np.ndarray, *past: np.ndarray, n: int) -> np.ndarray:
    """Return a function of a series now and of others n values before.

    Parameters
    ----------
    function : callable
        ``function(now, *past, out=out)`` of arrays of one shape, as a ufunc.
    now, *past : numpy.ndarray, shape (n_steps, n_blocks)
    n : int

    Returns
    -------
    numpy.ndarray, shape (n_steps, n_blocks)
        NaN where there is nothing n values before.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(3, 2).T
    >>> against_past(np.add, x, x, n=1)
    array([[nan,  3.,  7.],
           [ 1.,  5.,  9.]])
    """
    out = np.empty(now.shape)
    for rows, far, source in _earlier(now.shape, n):
        out[rows, :far] = np.nan
        earlier = (one[source, : now.shape[1] - far] for one in past)
        function(now[rows, far:], *earlier, out=out[rows, far:])
    return out
