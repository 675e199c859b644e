"""Sets of half-open intervals [start, end) of int64 nanoseconds, as arrays of shape (n, 2).

Coverage, gaps and ignored spans are all such sets. Every function takes any order and any
overlap, and returns sorted, disjoint, non-touching intervals.
"""

import numpy as np

from seisml.errors import ConfigError
from seisml.times import NS_PER_S

_LIMITS = np.iinfo(np.int64)


def union(*sets) -> np.ndarray:
    """Return the instants that are in at least one set.

    Parameters
    ----------
    *sets : array_like of int, shape (n, 2)
        Starts and ends, ns; overlapping and unsorted intervals are welcome.

    Returns
    -------
    numpy.ndarray of int64, shape (m, 2)
        Sorted by start; touching intervals are joined and empty ones dropped.

    Raises
    ------
    ConfigError
        If an interval ends before it starts, or the values are no integers.

    Examples
    --------
    >>> union([[5, 9], [0, 2]], [[2, 3], [8, 11]]).tolist()
    [[0, 3], [5, 11]]
    """
    arrays = [_checked(intervals) for intervals in sets]
    merged = np.concatenate(arrays) if arrays else np.empty((0, 2), np.int64)
    merged = merged[merged[:, 1] > merged[:, 0]]
    merged = merged[np.argsort(merged[:, 0], kind="stable")]
    if not len(merged):
        return merged
    reach = np.maximum.accumulate(merged[:, 1])
    first = np.flatnonzero(np.concatenate([[True], merged[1:, 0] > reach[:-1]]))
    last = np.append(first[1:], len(merged)) - 1
    return np.column_stack([merged[first, 0], reach[last]])


def intersect(one, two) -> np.ndarray:
    """Return the instants that are in both sets.

    Parameters
    ----------
    one, two : array_like of int, shape (n, 2)
        Starts and ends, ns.

    Returns
    -------
    numpy.ndarray of int64, shape (m, 2)

    Raises
    ------
    ConfigError
        If an interval ends before it starts, or the values are no integers.

    Examples
    --------
    >>> intersect([[0, 10]], [[-5, 2], [8, 20]]).tolist()
    [[0, 2], [8, 10]]
    """
    one, two = union(one), union(two)
    low = np.searchsorted(two[:, 1], one[:, 0], side="right")
    high = np.searchsorted(two[:, 0], one[:, 1], side="left")
    i, j = index_pairs(low, high)
    return np.column_stack([np.maximum(one[i, 0], two[j, 0]), np.minimum(one[i, 1], two[j, 1])])


def subtract(one, two) -> np.ndarray:
    """Return the instants that are in the first set and not in the second.

    Parameters
    ----------
    one, two : array_like of int, shape (n, 2)
        Starts and ends, ns.

    Returns
    -------
    numpy.ndarray of int64, shape (m, 2)

    Raises
    ------
    ConfigError
        If an interval ends before it starts, or the values are no integers.

    Examples
    --------
    >>> subtract([[0, 10]], [[2, 3], [9, 12]]).tolist()
    [[0, 2], [3, 9]]
    """
    two = union(two)
    starts = np.append(_LIMITS.min, two[:, 1])
    ends = np.append(two[:, 0], _LIMITS.max)
    return intersect(one, np.column_stack([starts, ends]))


def total_s(intervals) -> float:
    """Return how long a set is, in seconds; overlaps count once.

    Parameters
    ----------
    intervals : array_like of int, shape (n, 2)
        Starts and ends, ns.

    Returns
    -------
    float

    Raises
    ------
    ConfigError
        If an interval ends before it starts, or the values are no integers.

    Examples
    --------
    >>> total_s([[0, 2_000_000_000], [1_000_000_000, 3_000_000_000]])
    3.0
    """
    merged = union(intervals)
    return int((merged[:, 1] - merged[:, 0]).sum()) / NS_PER_S


def contains(intervals, times) -> np.ndarray:
    """Say for each instant whether it is in the set (starts are, ends are not).

    Parameters
    ----------
    intervals : array_like of int, shape (n, 2)
        Starts and ends, ns.
    times : array_like of int, shape (n_times,)
        Instants, ns.

    Returns
    -------
    numpy.ndarray of bool, shape (n_times,)

    Raises
    ------
    ConfigError
        If an interval ends before it starts, or the values are no integers.

    Examples
    --------
    >>> contains([[0, 5], [7, 9]], [0, 5, 8]).tolist()
    [True, False, True]
    """
    merged, times = union(intervals), np.asarray(times, dtype=np.int64)
    inside = np.searchsorted(merged[:, 0], times, side="right")
    return inside > np.searchsorted(merged[:, 1], times, side="right")


def elapsed_ns(intervals, times) -> np.ndarray:
    """Return how much of the set lies before each instant: the clock of live time.

    Parameters
    ----------
    intervals : array_like of int, shape (n, 2)
        Starts and ends, ns.
    times : array_like of int, shape (n_times,)
        Instants, ns.

    Returns
    -------
    numpy.ndarray of int64, shape (n_times,)
        Nanoseconds of the set before the instant.

    Raises
    ------
    ConfigError
        If an interval ends before it starts, or the values are no integers.

    Examples
    --------
    >>> elapsed_ns([[0, 5], [7, 9]], [3, 6, 8, 20]).tolist()
    [3, 5, 6, 7]
    """
    merged, times = union(intervals), np.asarray(times, dtype=np.int64)
    if not len(merged):
        return np.zeros(times.shape, dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(merged[:, 1] - merged[:, 0])])
    index = np.searchsorted(merged[:, 0], times, side="right")
    last = merged[np.maximum(index - 1, 0)]
    missing = np.where(index > 0, np.maximum(last[:, 1], times) - times, 0)
    return before[index] - missing


def at_elapsed(intervals, elapsed) -> np.ndarray:
    """Return the instant at which the clock of live time shows a value.

    Parameters
    ----------
    intervals : array_like of int, shape (n, 2)
        Starts and ends, ns.
    elapsed : array_like of int, shape (n_times,)
        Nanoseconds of the set before the instant wanted; at least 0, less than the whole.

    Returns
    -------
    numpy.ndarray of int64, shape (n_times,)
        Instants in the set, ns: the inverse of `elapsed_ns` there.

    Raises
    ------
    ConfigError
        If a value is outside the set, or the intervals are invalid.

    Examples
    --------
    >>> at_elapsed([[0, 5], [7, 9]], [3, 5, 6]).tolist()
    [3, 7, 8]
    """
    merged, elapsed = union(intervals), np.asarray(elapsed, dtype=np.int64)
    until = np.cumsum(merged[:, 1] - merged[:, 0])
    whole = int(until[-1]) if len(until) else 0
    if elapsed.size and (elapsed.min() < 0 or elapsed.max() >= whole):
        raise ConfigError(
            f"elapsed must be from 0 to less than {whole} ns, the length of the set; "
            f"got {elapsed.min()} to {elapsed.max()}."
        )
    index = np.searchsorted(until, elapsed, side="right")
    return merged[index, 1] - (until[index] - elapsed)


def index_pairs(low, high) -> tuple[np.ndarray, np.ndarray]:
    """List every (i, j) with ``low[i] <= j < high[i]``, without a loop.

    Parameters
    ----------
    low, high : array_like of int, shape (n,)
        Half-open index ranges, as `numpy.searchsorted` gives them; empty where high <= low.

    Returns
    -------
    i, j : numpy.ndarray of int64, shape (n_pairs,)
        Sorted by i, then j.

    Examples
    --------
    >>> [index.tolist() for index in index_pairs([0, 5], [2, 6])]
    [[0, 0, 1], [0, 1, 5]]
    """
    low = np.asarray(low, dtype=np.int64)
    counts = np.maximum(np.asarray(high, dtype=np.int64) - low, 0)
    i = np.repeat(np.arange(len(low)), counts)
    return i, np.arange(len(i)) + np.repeat(low - (np.cumsum(counts) - counts), counts)


def _checked(intervals) -> np.ndarray:
    array = np.asarray(intervals)
    if array.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != 2:
        raise ConfigError(
            f"intervals must be integers (ns) of shape (n, 2); got {array.dtype} of shape "
            f"{array.shape}.",
            "Convert times with seisml.times.to_ns; floats cannot hold nanoseconds since 1970.",
        )
    array = array.astype(np.int64)
    if (backwards := np.flatnonzero(array[:, 1] < array[:, 0])).size:
        raise ConfigError(
            f"interval {backwards[0]} ends before it starts: {array[backwards[0]].tolist()}."
        )
    return array
