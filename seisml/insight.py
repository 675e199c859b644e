"""What InSight's records hold besides ground motion and glitches: the 1 Hz tick, wind.

Functions take samples and return numbers; `seisml.preparation` applies them to records of any
length.
"""

import numpy as np

from seisml.errors import ConfigError

WIND_HZ, GROUND_HZ = (3.7, 4.3), (2.2, 2.8)


def mean_second(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return what repeats every second: the 1 Hz tick with its harmonics.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Gap-free, two seconds or more; minutes, to see the tick in the noise.
    rate_hz : float
        Whole number of samples a second, more than 2: there the tick is at Nyquist.

    Returns
    -------
    numpy.ndarray of float64, shape (rate_hz,)
        From the first sample on, mean zero.

    Raises
    ------
    ConfigError
        If a second is no whole number of samples, or there are not two of them.

    Notes
    -----
    The median of the seconds after a running mean of a second was taken off, so that events and
    glitches do not leak into it.

    Examples
    --------
    >>> x = np.tile([1.0, 0.0, -1.0, 0.0], 9) + 100.0
    >>> mean_second(x, 4.0)
    array([ 1.,  0., -1.,  0.])
    """
    per_s = whole_seconds(rate_hz)
    if per_s <= 2 or len(samples) < 2 * per_s:
        raise ConfigError(
            f"{len(samples)} samples at {rate_hz:g} Hz show nothing that repeats every second.",
            "The tick needs a whole number of samples a second, more than 2, and minutes of them.",
        )
    x = np.asarray(samples, dtype=np.float64)
    # Over a second, symmetric: zero at 1 Hz and all its harmonics.
    ends = [0.5, 0.5] if per_s % 2 == 0 else [1.0]
    smooth = np.convolve(x, np.convolve(np.full(per_s, 1.0 / per_s), ends), "valid")
    first = (len(x) - len(smooth)) // 2
    rest = x[first : first + len(smooth)] - smooth
    n = len(rest) // per_s
    mean = np.median(rest[: n * per_s].reshape(n, per_s), axis=0)
    return np.roll(mean - mean.mean(), first)


def whole_seconds(rate_hz: float) -> int:
    """Return the samples of a second, 0 where they are no whole number.

    Examples
    --------
    >>> whole_seconds(20.0), whole_seconds(6.625)
    (20, 0)
    """
    per_s = round(rate_hz)
    return per_s if abs(per_s - rate_hz) <= 1e-6 else 0
