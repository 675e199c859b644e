"""Fill: samples that are no ground motion, because they are masked, not finite or of one value."""

import numpy as np

FILL_VALUES = (0, -1, -(2**31), -99999)
FILL_RUN_S = 1.0
"""A run of one of the FILL_VALUES of this length is a gap."""
DEAD_RUN_S = 10.0
"""A run of any one value of this length is a gap."""
MIN_RUN = 20
"""A run shorter than this number of samples is never a gap."""


def gap_mask(data: np.ndarray, sampling_rate_hz: float) -> np.ndarray | None:
    """Mark the samples that are no ground motion: masked, not finite, or runs of one value.

    Parameters
    ----------
    data : numpy.ndarray or numpy.ma.MaskedArray, shape (n_samples,)
    sampling_rate_hz : float

    Returns
    -------
    numpy.ndarray of bool, shape (n_samples,), or None
        True where there is no signal; None where all samples are good.

    Examples
    --------
    >>> gap_mask(np.r_[1:5, np.zeros(200), 1:5], 100.0).sum()
    np.int64(200)
    """
    bad = absent(data)
    runs = runs_of(np.ma.getdata(data), sampling_rate_hz)
    if bad is None and runs is None:
        return None
    return bad if runs is None else runs if bad is None else bad | runs


def absent(data: np.ndarray) -> np.ndarray | None:
    """Mark masked samples and those that are not finite."""
    values = np.ma.getdata(data)
    bad = np.ma.getmaskarray(data) if np.ma.isMaskedArray(data) else None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = ~np.isfinite(values) if bad is None else bad | ~np.isfinite(values)
    return bad if bad is not None and bad.any() else None


def runs_of(values: np.ndarray, sampling_rate_hz: float) -> np.ndarray | None:
    """Mark the long runs of one value."""
    same = values[1:] == values[:-1]
    shortest = max(MIN_RUN, int(np.ceil(FILL_RUN_S * sampling_rate_hz)))
    longest = max(MIN_RUN, int(np.ceil(DEAD_RUN_S * sampling_rate_hz)))
    # A run of n equal samples has n - 1 equal neighbours; look only where runs can be long.
    if not same[:: shortest - 1].any():
        return None
    edges = np.flatnonzero(np.diff(np.r_[False, same, False])).reshape(-1, 2)
    length = edges[:, 1] - edges[:, 0] + 1
    dead = (length >= longest) | np.isin(values[edges[:, 0]].astype(np.float64), FILL_VALUES)
    bad = np.zeros(len(values), dtype=bool)
    for first, last in edges[dead & (length >= shortest)]:
        bad[first : last + 1] = True
    return bad if bad.any() else None
