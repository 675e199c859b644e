"""Peaks of many curves at once."""

import numpy as np


def count_peaks(curves: np.ndarray, *, prominence: float, height=-np.inf) -> np.ndarray:
    """Count the peaks of many curves.

    A peak is a largest value before which the curve rises and after which it falls by at least
    the prominence; ends are no peaks. So of several peaks between which no valley is that deep
    only the highest counts. Where no two peaks are equally high that is the number that
    `scipy.signal.find_peaks` finds with the same height and prominence.

    Parameters
    ----------
    curves : numpy.ndarray, shape (n_points, n_curves)
        One column a curve; a column with NaN has no meaning.
    prominence : float
        Least rise and fall, in the unit of the curves.
    height : float or numpy.ndarray of shape (n_curves,), optional
        Least value of a peak.

    Returns
    -------
    numpy.ndarray of int64, shape (n_curves,)

    Notes
    -----
    One pass along the curves: the largest value since the last valley, or the smallest since the
    last peak, is held until the curve has turned back by the prominence.

    Examples
    --------
    >>> count_peaks(np.array([[0.0], [3.0], [2.5], [4.0], [0.0], [2.0], [1.0]]), prominence=1.0)
    array([2])
    """
    n_curves = curves.shape[1]
    count = np.zeros(n_curves, np.int64)
    height = np.broadcast_to(height, n_curves)
    sign = np.full(n_curves, -1, curves.dtype)  # 1 while it rises to a peak, -1 to a valley
    extreme = -curves[0]
    for point in curves[1:]:
        now = sign * point
        np.maximum(extreme, now, out=extreme)
        turned = np.flatnonzero(extreme - now >= prominence)
        if len(turned):
            count[turned] += (sign[turned] > 0) & (extreme[turned] >= height[turned])
            sign[turned] *= -1
            extreme[turned] = -now[turned]
    return count
