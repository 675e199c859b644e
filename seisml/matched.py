"""Matched filtering on NumPy arrays: how much a record is like a template, at each lag.

Samples that are missing are NaN: they take part in no sum, nothing stands in for them.
"""

import dataclasses

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import oaconvolve

LEAST_SHARE = 0.7
"""Of a template's energy that has to lie on samples of the record."""
BLOCKS = 6
"""Blocks to a running level."""
SILENT, NEAR = 1e-6, 10
"""Share of the largest level within so many times its length, under which there is no signal."""
STEPS = 5000
"""Bins of the sizes of coefficients between 0 and 1."""
NORMAL = 0.6745
"""Median of the absolute value of a standard normal number."""


def running_level(x: np.ndarray, first: int, length: int) -> np.ndarray:
    """Return the RMS about each sample, of blocks whose limits no chunk moves.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_channels, n_samples)
        NaN where samples are missing.
    first : int
        Number of the first sample on the absolute grid.
    length : int
        Samples that the RMS is of.

    Returns
    -------
    numpy.ndarray, shape (n_channels, n_samples)
        NaN where there are none, or nothing but what a filter leaves of a dead stretch.

    Examples
    --------
    >>> level = running_level(np.full((1, 100), -3.0), 7, 12)
    >>> float(level.min()), float(level.max())
    (3.0, 3.0)
    """
    size = max(1, round(length / BLOCKS))
    before = first % size
    after = -(before + x.shape[1]) % size
    there = np.isfinite(x)
    power = np.pad(np.where(there, x, 0.0) ** 2, ((0, 0), (before, after)))
    count = np.pad(there.astype(float), ((0, 0), (before, after)))
    sums, counts = (one.reshape(len(x), -1, size).sum(axis=2) for one in (power, count))
    near = np.ones(BLOCKS + 1)
    at, centre = np.arange(x.shape[1]) + before, (np.arange(sums.shape[1]) + 0.5) * size - 0.5
    out = np.full(x.shape, np.nan)
    for row, one, n in zip(out, sums, counts, strict=True):
        total, samples = (np.convolve(values, near)[BLOCKS // 2 :] for values in (one, n))
        mean = total[: len(one)] / np.maximum(samples[: len(one)], 1.0)
        mean = np.maximum(mean, 0.0)
        silent = mean <= SILENT**2 * maximum_filter1d(mean, 2 * NEAR * BLOCKS + 1)
        row[:] = np.sqrt(np.interp(at, centre, mean))
        row[silent[np.minimum(at // size, len(mean) - 1)]] = np.nan
    return out


def coefficients(
    x: np.ndarray, templates: np.ndarray, *, least_share: float = LEAST_SHARE
) -> np.ndarray:
    """Return the correlation coefficient of templates with a record at each of its samples.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_channels, n_samples)
        Without a mean (band-passed); NaN where samples are missing.
    templates : numpy.ndarray, shape (n_templates, n_channels, n_length)
        0 where a template has no samples.
    least_share : float
        Of a template's energy in a channel that has to lie on samples: else the channel does not
        take part there.

    Returns
    -------
    numpy.ndarray, shape (n_templates, n_samples - n_length + 1)
        Mean over the channels, -1 to 1, NaN where none takes part. Where some do not, or samples
        are missing, it is lower by the root of the share that is there: noise has one spread
        everywhere.

    Notes
    -----
    c(t) = √s Σ a(i) x(t + i) / √(Σ a² m(t + i) · Σ x²(t + i)) with m = 1 where there is a sample
    and s = Σ a² m / Σ a² (Padfield 2012, masked normalised correlation; Gibbons & Ringdal 2006
    for the sum over channels).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((1, 200))
    >>> c = coefficients(x, -2.0 * x[np.newaxis, :, 50:90])[0]
    >>> int(np.argmin(c)), round(float(c.min()), 6)
    (50, -1.0)
    """
    n_templates, n_channels, length = templates.shape
    n = x.shape[1] - length + 1
    total, present = np.zeros((n_templates, max(n, 0))), np.zeros((n_templates, max(n, 0)))
    if n <= 0:
        return total
    used = (templates != 0).any(axis=2)
    for channel in range(n_channels):
        rows = np.flatnonzero(used[:, channel])
        there = np.isfinite(x[channel])
        if not len(rows) or not there.any():
            continue
        a, b = templates[rows, channel, ::-1], np.where(there, x[channel], 0.0)
        product = oaconvolve(b[np.newaxis], a, mode="valid", axes=1)
        energy = (a * a).sum(axis=1, keepdims=True)
        seen = _seen(there, a * a, energy)
        squares = np.concatenate([[0.0], np.cumsum(b * b)])
        power = squares[length:] - squares[:-length]
        enough = (seen >= least_share * energy) & (power > 1e-12 * squares[-1] / len(b) * length)
        # With fewer samples noise spreads more: by the root of the share, which is taken off.
        scale = np.sqrt(np.where(enough, energy * power, 1.0))
        total[rows] += np.where(enough, product / scale, 0.0)
        present[rows] += enough
    whole = np.maximum(used.sum(axis=1, keepdims=True), 1)
    scale = np.sqrt(np.maximum(present, 1) * whole)
    return np.where(present > 0, np.clip(total / scale, -1.0, 1.0), np.nan)


def _seen(there: np.ndarray, power: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Return the energy of (reversed) templates that lies on samples, at each lag.

    Summed up only where some are missing: on both sides of a gap.
    """
    length = power.shape[1]
    sums = np.concatenate([[0], np.cumsum(there)])
    count = sums[length:] - sums[:-length]
    out = np.where(count == length, energy, 0.0)
    partly = (count > 0) & (count < length)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], partly, [False]]).astype(np.int8)))
    mask = there[np.newaxis].astype(float)
    if partly.sum() + length * len(edges) // 2 > partly.size:
        return np.where(partly, oaconvolve(mask, power, mode="valid", axes=1), out)
    for first, last in edges.reshape(-1, 2).tolist():
        part = mask[:, first : last + length - 1]
        out[:, first:last] = oaconvolve(part, power, mode="valid", axes=1)
    return out


def peaks(c: np.ndarray, apart: int) -> np.ndarray:
    """Return where a coefficient of either sign is the largest within some samples on both sides.

    Examples
    --------
    >>> peaks(np.array([0.1, 0.5, 0.2, -0.9, np.nan, 0.3, 0.1]), 1).tolist()
    [1, 3, 5]
    """
    size = np.nan_to_num(np.abs(c), nan=-1.0)
    top = maximum_filter1d(size, 2 * apart + 1, mode="constant", cval=-1.0)
    return np.flatnonzero((size == top) & (size > 0))


@dataclasses.dataclass(frozen=True, eq=False)
class Null:
    """What a template that is no event's does on the same records: the level of chance.

    Attributes
    ----------
    sizes : numpy.ndarray of int, shape (STEPS,)
        Samples by the size of their coefficient, 0 to 1.
    largest : numpy.ndarray, shape (<= KEPT,)
        Sizes of the largest peaks, falling.
    n_peaks : int
    days : float
        Time that was looked at.
    """

    sizes: np.ndarray
    largest: np.ndarray
    n_peaks: int
    days: float

    KEPT = 400

    @classmethod
    def of(cls, c: np.ndarray, at: np.ndarray, days: float) -> "Null":
        """Return that of coefficients and of the samples that are peaks."""
        known = np.abs(c[np.isfinite(c)])
        bins = np.minimum((known * STEPS).astype(int), STEPS - 1)
        largest = np.sort(np.abs(c[at]))[::-1]
        return cls(np.bincount(bins, minlength=STEPS), largest[: cls.KEPT], len(at), days)

    def __add__(self, other: "Null") -> "Null":
        largest = np.sort(np.concatenate([self.largest, other.largest]))[::-1]
        return Null(
            self.sizes + other.sizes,
            largest[: self.KEPT],
            self.n_peaks + other.n_peaks,
            self.days + other.days,
        )

    @property
    def spread(self) -> float:
        """Standard deviation of the coefficient, from the median of its size."""
        if not self.sizes.sum():
            return np.nan
        share = np.concatenate([[0.0], np.cumsum(self.sizes)]) / self.sizes.sum()
        return float(np.interp(0.5, share, np.arange(STEPS + 1) / STEPS)) / NORMAL

    @property
    def tail(self) -> np.ndarray:
        """Sizes of the largest peaks in spreads: a tenth of all, at least 10, at most `KEPT`."""
        return self.largest[: max(10, self.n_peaks // 10)] / self.spread


def tail_width(nulls: list[Null]) -> float:
    """Return how wide the tail of chance is: 1 for normal numbers, never less.

    Notes
    -----
    The excess (z² - z_min²)/2 of peaks of a normal process is exponential with mean 1 (Rice
    1944); of one with wide tails it is κ², the mean over the largest peaks of all templates.
    """
    excess = [(z[:-1] ** 2 - z[-1] ** 2) / 2.0 for z in (null.tail for null in nulls) if len(z) > 1]
    return max(1.0, float(np.sqrt(np.mean(np.concatenate(excess))))) if excess else 1.0


def limit(null: Null, width: float, per_day: float) -> float:
    """Return the size in spreads that chance reaches so often a day, of one template.

    Parameters
    ----------
    null : Null
    width : float
        See `tail_width`.
    per_day : float

    Notes
    -----
    z² = z_min² + 2 κ² ln(λ/X), λ the rate of peaks above z_min, X the rate that is asked for.
    """
    z = null.tail
    rate = len(z) / null.days
    return float(np.sqrt(max(z[-1] ** 2 + 2 * width**2 * np.log(max(rate / per_day, 1.0)), 1.0)))


def chance_per_day(null: Null, width: float, size: float) -> float:
    """Return how often a day chance reaches a size in spreads: `limit` the other way round."""
    z = null.tail
    rate = len(z) / null.days
    return float(rate * np.exp(-max(size**2 - z[-1] ** 2, 0.0) / (2 * width**2)))
