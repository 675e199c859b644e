"""Arithmetic of what is known: means, extremes, logarithms and quotients, NaN where not defined."""

import numpy as np


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
    values = np.asarray(values)
    if values.size and values.min() > 0:
        return np.log10(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log10(values)  # of all, faster than where a mask says
    out[~(values > 0)] = np.nan
    return out


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quotient, NaN where the denominator is not positive."""
    if np.size(b) and np.min(b) > 0:
        return a / b
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.asarray(np.divide(a, b), dtype=float)  # of all, faster than by a mask
    np.copyto(out, np.nan, where=~(b > 0))
    return out


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


def count_set(flags: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """Count the flags along an axis that are set.

    Examples
    --------
    >>> count_set(np.array([[True, False], [True, True]])).tolist()
    [2, 1]
    """
    room = np.uint8 if flags.shape[axis] < 256 else np.int64
    return np.add.reduce(flags.view(np.uint8), axis=axis, dtype=room).astype(np.intp)


def count_known(x: np.ndarray) -> np.ndarray:
    """Count the values of each column that are known, shape (n_columns,)."""
    if np.isfinite(np.add.reduce(x, axis=0)).all():
        return np.full(x.shape[1], len(x))
    return count_set(np.isfinite(x))


def mean_of_steps(x: np.ndarray) -> np.ndarray:
    """Mean of what is known of each column, NaN where nothing is.

    Examples
    --------
    >>> mean_of_steps(np.array([[1.0, np.nan], [2.0, 5.0]]))
    array([1.5, 5. ])
    """
    mean = np.add.reduce(x, axis=0) / len(x)
    lacking = np.flatnonzero(~np.isfinite(mean))
    if len(lacking):
        mean[lacking] = nanmean(x[:, lacking].T)
    return mean
