"""Fill: samples that are no ground motion, because they are masked, not finite or of one value."""

import numpy as np

FILL_VALUES = (0, -1, -(2**31), -99999)
FILL_RUN_S = 1.0
"""A run of one of the FILL_VALUES of this length is a gap."""
DEAD_RUN_S = 10.0
"""A run of any one value of this length is a gap."""
LOST = -1
"""What telemetry of the Apollo seismometers writes for a lost sample; a unit is 0 to 1023."""
LOST_RUN = 4
"""Longest run of lost samples that is bridged: three of 32 are lost in a usual day of 53 Hz."""
LOST_NEAR, LOST_KNOWN, LOST_ABOVE = 16, 12, 32
"""That many samples on both sides of a lost one must all lie so high where they are known, and so
many of them have to be: less may be above zero by chance."""
LOST_CLEAR_S = 8.0
"""And none so near may be below a lost one: units are never, ground motion in counts soon is. No
longer than `seisml.rates.guard_ns`, so that chunks see the same."""
LOST_RATE_HZ = 5.0
"""Below this rate so many samples are more than `seisml.rates.guard_ns`."""
MIN_RUN = 20
"""A run shorter than this number of samples is never a gap."""
PAD_REPEATS = 0.5
"""Share of neighbours of one value in the second beside a run: more, and the record idles."""
PAD_STEPS = 2.5
"""Jump out of a run, in smallest steps of that second: less, and a digitiser leaves its rest."""


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


def _samples(run_s: float, sampling_rate_hz: float) -> int:
    """Return how many samples a run of a length has at least."""
    return max(MIN_RUN, int(np.ceil(run_s * sampling_rate_hz)))


def runs_of(values: np.ndarray, sampling_rate_hz: float) -> np.ndarray | None:
    """Mark the long runs of one value."""
    shortest, longest = (_samples(s, sampling_rate_hz) for s in (FILL_RUN_S, DEAD_RUN_S))
    # A run of n equal samples has n - 1 equal neighbours, so two of those looked at here.
    step = (shortest - 1) // 2
    some = values[1::step] == values[:-1:step]
    if not (some[1:] & some[:-1]).any():
        return None
    same = values[1:] == values[:-1]
    edges = np.flatnonzero(np.diff(np.r_[False, same, False])).reshape(-1, 2)
    length = edges[:, 1] - edges[:, 0] + 1
    dead = (length >= longest) | np.isin(values[edges[:, 0]].astype(np.float64), FILL_VALUES)
    bad = np.zeros(len(values), dtype=bool)
    for first, last in edges[dead & (length >= shortest)]:
        bad[first : last + 1] = True
    return bad if bad.any() else None


def padded(values: np.ndarray, sampling_rate_hz: float) -> tuple[int, int]:
    """Count the samples that a record was filled up with at its two ends.

    One value for a second (`FILL_RUN_S`, `MIN_RUN`), out of which the record jumps into motion. A
    digitiser that stands still below its step is another thing: beside its runs values repeat, and
    what arrives there grows, by one step at first.

    Parameters
    ----------
    values : numpy.ndarray, shape (n_samples,)
        Of a record between two gaps.
    sampling_rate_hz : float

    Returns
    -------
    first, last : int
        Samples; 0 where there are none, or nothing else.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 9, 2000).round()
    >>> padded(np.r_[np.full(300, 17.0), noise], 100.0)
    (300, 0)
    """
    least = _samples(FILL_RUN_S, sampling_rate_hz)
    return _padded(values, least), _padded(values[::-1], least)


def _padded(values: np.ndarray, least: int) -> int:
    """Return how many samples at the beginning are filled up, at least so many."""
    if len(values) < 2 * least or (values[1:least] != values[0]).any():
        return 0
    other = np.flatnonzero(values != values[0])
    n = int(other[0]) if len(other) else len(values)
    if n + least > len(values):
        return 0
    movement = np.abs(np.diff(values[n - 1 : n + least].astype(np.float64)))
    moves = movement[movement > 0]
    idles = len(moves) <= PAD_REPEATS * least
    return n if not idles and movement[0] >= PAD_STEPS * moves.min() else 0


def bridged(values: np.ndarray, sampling_rate_hz: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Put straight lines where single samples were lost in telemetry.

    Samples of the value `LOST` are lost ones where all others near them are far above it: digital
    units of a record whose middle is no zero. In a record about zero a sample of -1 has others
    near it that are below `LOST_ABOVE`, or soon some below -1, and is left.

    Parameters
    ----------
    values : numpy.ndarray of int, shape (n_samples,)
        Others are never bridged.
    sampling_rate_hz : float
        At least `LOST_RATE_HZ`.

    Returns
    -------
    values, kind : numpy.ndarray, shape (n_samples,)
        Whole units; 1 where they were put in, 2 where more than `LOST_RUN` samples are lost, which
        is a gap and stays as it is, 0 elsewhere. None where no sample was lost.

    Examples
    --------
    >>> units = np.arange(500, 520, dtype=np.int32)
    >>> units[7] = -1
    >>> values, kind = bridged(units, 53.0)
    >>> int(values[7]), int(kind[7]), int(kind.sum())
    (507, 1, 1)
    """
    first, stop = lost_runs(values, sampling_rate_hz)
    if not len(first):
        return None
    kind = np.zeros(len(values) + 1, dtype=np.int8)
    rank = np.where(stop - first > LOST_RUN, 2, 1).astype(np.int8)
    kind[first], kind[stop] = rank, -rank
    kind = np.cumsum(kind[:-1], dtype=np.int8)
    known, few, out = np.flatnonzero(kind == 0), np.flatnonzero(kind == 1), values.copy()
    out[few] = np.rint(np.interp(few, known, values[known]))
    return out, kind


def lost_runs(values: np.ndarray, sampling_rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return first sample and end of the runs of `LOST` among samples far above it: `bridged`."""
    none = np.zeros(0, dtype=int)
    if values.dtype.kind != "i" or sampling_rate_hz < LOST_RATE_HZ:
        return none, none
    n, at = len(values), np.flatnonzero(values == LOST)
    if not len(at):
        return none, none
    breaks = np.flatnonzero(np.diff(at) > 1)
    first, stop = at[np.r_[0, breaks + 1]], at[np.r_[breaks, -1]] + 1
    fits, n_known = stop - first < n, np.zeros(len(first), dtype=int)
    for k in range(1, LOST_NEAR + 1):  # most records are about zero, and soon none is left
        for at in (first - k, stop + k - 1):
            near = values.take(at, mode="clip")
            is_known = (at >= 0) & (at < n) & (near != LOST)
            fits &= ~is_known | (near >= LOST_ABOVE)
            n_known += is_known
        first, stop, n_known, fits = first[fits], stop[fits], n_known[fits], fits[fits]
        if not len(first):
            return none, none
    below, far = np.flatnonzero(values < LOST), round(LOST_CLEAR_S * sampling_rate_hz)
    clear = np.searchsorted(below, first - far) == np.searchsorted(below, stop + far)
    good = clear & (n_known >= LOST_KNOWN)
    return first[good], stop[good]
