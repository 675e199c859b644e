"""Changes: the sample at which noise turns into a signal, by AIC, kurtosis and prediction."""

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

ORDER, FLOOR = 12, 1e-3
"""Of the linear prediction; what of the noise's power counts as white from the start: bands that
hold less than that are not raised out of the filter's edge."""


def whitened(x: np.ndarray, quiet: slice) -> np.ndarray | None:
    """Return what a linear prediction that was fitted to the noise does not foresee of a record.

    The noise becomes white: a signal is seen in the band where it is largest over the noise,
    whatever the noise's colour.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_samples,)
    quiet : slice
        Where there is noise only.

    Returns
    -------
    numpy.ndarray, shape (n_samples,), or None
        None where there are too few samples of noise, or they are constant.

    References
    ----------
    Sleeman & van Eck 1999, doi:10.1016/S0031-9201(99)00007-2 (prediction errors and AIC).

    Examples
    --------
    >>> x = np.sin(np.arange(1000.0)) + 1e-3 * np.random.default_rng(0).standard_normal(1000)
    >>> bool(np.std(whitened(x, slice(0, 800))[100:]) < 0.2 * np.std(x))
    True
    """
    noise = x[quiet]
    if len(noise) < 6 * ORDER:
        return None
    n = len(noise)
    lags = [np.dot(noise[: n - k], noise[k:]) for k in range(ORDER + 1)]
    if not lags[0] > 0:
        return None
    lags[0] *= 1 + FLOOR
    return lfilter(np.r_[1.0, -solve_toeplitz(lags[:-1], lags[1:])], 1.0, x)


def aic_onset(x: np.ndarray, *, first: int = 0) -> tuple[int | None, float]:
    """Find the sample that best divides a record into noise and signal.

    AIC(k) = k log var(x[:k]) + (n - k - 1) log var(x[k:]); its minimum is the onset. The spread
    is the standard deviation of k under the Akaike weights exp(-(AIC - min)/2).

    Parameters
    ----------
    x : numpy.ndarray, shape (n_samples,)
        Noise, then the first part of the signal up to its maximum.
    first : int
        The onset is not looked for before this sample.

    Returns
    -------
    at : int or None
        First sample of the signal; None where the record is too short or constant.
    spread : float
        In samples.

    References
    ----------
    Maeda 1985, doi:10.4294/zisin1948.38.3_365.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(400)
    >>> x[300:] *= 20
    >>> abs(aic_onset(x)[0] - 300) <= 1
    True
    """
    n, guard = len(x), max(4, len(x) // 50)
    if n < 4 * guard:
        return None, np.nan
    x = x - x.mean()
    k = np.arange(max(guard, min(first, n - 2 * guard)), n - guard)
    left, left2 = np.cumsum(x), np.cumsum(x * x)
    var_left = left2[k - 1] / k - (left[k - 1] / k) ** 2
    var_right = (left2[-1] - left2[k - 1]) / (n - k) - ((left[-1] - left[k - 1]) / (n - k)) ** 2
    good = (var_left > 0) & (var_right > 0)
    if not good.any():
        return None, np.nan
    k, var_left, var_right = k[good], var_left[good], var_right[good]
    aic = k * np.log(var_left) + (n - k - 1) * np.log(var_right)
    best = int(np.argmin(aic))
    weight = np.exp(-0.5 * (aic - aic[best]))
    weight /= weight.sum()
    spread = float(np.sqrt(np.sum(weight * (k - k[best]) ** 2)))
    return int(k[best]), spread


def kurtosis_onset(x: np.ndarray, length: int, *, first: int = 0) -> int | None:
    """Find the foot of the steepest rise of the kurtosis in a trailing window.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_samples,)
        Noise, then the first part of the signal.
    length : int
        Samples of the window.
    first : int
        The onset is not looked for before this sample.

    Returns
    -------
    int or None
        None where the record is too short or constant.

    References
    ----------
    Saragiotis et al. 2002, doi:10.1109/TGRS.2002.800438; Baillard et al. 2014,
    doi:10.1785/0120120347.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(800)
    >>> x[600:] *= 20
    >>> abs(kurtosis_onset(x, 100) - 600) <= 5
    True
    """
    step, n = max(2, length // 20), len(x)
    length = max(8, length)
    if n < length + step or not np.any(x):
        return None
    x = x / np.abs(x).max()
    square = x * x
    sums = [np.concatenate([[0.0], np.cumsum(part)]) for part in (square, square * square)]
    end = np.arange(1, n + 1)
    begin = np.maximum(0, end - length)
    mean2, mean4 = ((part[end] - part[begin]) / (end - begin) for part in sums)
    kurtosis = mean4 / np.maximum(mean2 * mean2, 1e-30)
    rise = kurtosis[step:] - kurtosis[:-step]
    # In a window that is still filling up the kurtosis means little.
    rise[: max(first, length // 2)] = -np.inf
    steepest = int(np.argmax(rise))
    if not rise[steepest] > 0:
        return None
    below = np.flatnonzero(rise[:steepest] <= 0.2 * rise[steepest])
    return (int(below[-1]) + 1 if len(below) else steepest) + step - 1
