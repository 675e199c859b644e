"""Magnitudes: frequency, magnitude of completeness, b-value of Gutenberg and Richter.

Magnitudes are counted in bins of width `dm` around whole multiples of it. Formulas are those of
the papers that the functions name.
"""

import dataclasses
import math

import numpy as np
import pandas as pd

from seisml.errors import ConfigError

MIN_EVENTS = 50
"""Fewest events above the magnitude of completeness for a b-value."""
MIN_BINS = 3
"""Fewest bins with events."""


@dataclasses.dataclass(frozen=True)
class BValue:
    """Slope of log10 N(>= M) = a - b M, fitted to the events from `mc` on.

    Attributes
    ----------
    b, sigma : float
        The slope and its standard error; NaN where too few events or bins are left.
    a : float
        Of the catalogue's events (not of a rate).
    mc : float
        Centre of the lowest bin used.
    n : int
        Events used.
    """

    b: float
    sigma: float
    a: float
    mc: float
    n: int


def frequency_magnitude(magnitudes, *, dm: float = 0.1) -> pd.DataFrame:
    """Count the events of each magnitude bin, empty bins between them too.

    Parameters
    ----------
    magnitudes : array_like of float, shape (n_events,)
        NaN is left out.
    dm : float
        Width of the bins.

    Returns
    -------
    pandas.DataFrame
        Columns magnitude (centre of the bin), n, n_at_least (this bin and above).

    Raises
    ------
    ConfigError
        If `dm` is not positive.

    Examples
    --------
    >>> frequency_magnitude([1.0, 1.04, 1.2])["n_at_least"].tolist()
    [3, 1, 1]
    """
    bins = _bins(magnitudes, dm)
    if not len(bins):
        return pd.DataFrame({"magnitude": [], "n": [], "n_at_least": []})
    n = np.bincount(bins - bins.min())
    centre = np.round((bins.min() + np.arange(len(n))) * dm, 10)
    return pd.DataFrame({"magnitude": centre, "n": n, "n_at_least": n[::-1].cumsum()[::-1]})


def b_value(magnitudes, mc: float, *, dm: float = 0.1) -> BValue:
    """Return the maximum-likelihood b-value of the events of magnitude `mc` and above.

    Parameters
    ----------
    magnitudes : array_like of float, shape (n_events,)
    mc : float
        Magnitude of completeness: the bin that it falls into is used.
    dm : float
        Width of the bins.

    Returns
    -------
    BValue

    Raises
    ------
    ConfigError
        If `dm` is not positive.

    Notes
    -----
    b = log10(e) / (mean(M) - (mc - dm/2)) [1]_; without dm/2, which the binning asks for [2]_, b
    is 15 % too large for dm = 0.1. Standard error [3]_:
    2.30 b^2 sqrt(sum((M - mean)^2) / (n (n - 1))).

    References
    ----------
    .. [1] Aki (1965), Maximum likelihood estimate of b in the formula log N = a - bM and its
       confidence limits, Bull. Earthq. Res. Inst. 43, http://hdl.handle.net/2261/12198
    .. [2] Utsu (1966), A statistical significance test of the difference in b-value between two
       earthquake groups, J. Phys. Earth 14, https://doi.org/10.4294/jpe1952.14.37
    .. [3] Shi and Bolt (1982), The standard error of the magnitude-frequency b value, BSSA 72,
       https://doi.org/10.1785/BSSA0720051677

    Examples
    --------
    >>> sizes = 1.95 + np.random.default_rng(1).exponential(1 / np.log(10), 10_000)  # b = 1
    >>> found = b_value(sizes, 2.0)
    >>> round(found.b, 2), round(found.sigma, 2), found.n
    (0.99, 0.01, 10000)
    """
    bins = _bins(magnitudes, dm)
    lowest = _bin_of(mc, dm)
    used = bins[bins >= lowest]
    mc = round(lowest * dm, 10)
    n = len(used)
    if n < MIN_EVENTS or len(np.unique(used)) < MIN_BINS:
        return BValue(math.nan, math.nan, math.nan, mc, n)
    m = used * dm
    b = math.log10(math.e) / (m.mean() - (mc - dm / 2))
    sigma = math.log(10) * b**2 * math.sqrt(((m - m.mean()) ** 2).sum() / (n * (n - 1)))
    return BValue(float(b), float(sigma), math.log10(n) + b * (mc - dm / 2), mc, n)


def mc_maxc(magnitudes, *, dm: float = 0.1, correction: float = 0.2) -> float:
    """Return the magnitude of completeness as the bin with most events, plus a correction.

    Parameters
    ----------
    magnitudes : array_like of float, shape (n_events,)
    dm : float
        Width of the bins.
    correction : float
        Maximum curvature is too low where detection fades out slowly; 0.2 is usual [2]_.

    Returns
    -------
    float
        NaN without events. Of several bins with most events, the largest magnitude.

    References
    ----------
    .. [1] Wiemer and Wyss (2000), Minimum magnitude of completeness in earthquake catalogs, BSSA
       90, https://doi.org/10.1785/0119990114
    .. [2] Woessner and Wiemer (2005), Assessing the quality of earthquake catalogues, BSSA 95,
       https://doi.org/10.1785/0120040007

    Examples
    --------
    >>> mc_maxc([1.0, 1.1, 1.1, 1.5])
    1.3
    """
    table = frequency_magnitude(magnitudes, dm=dm)
    if table.empty:
        return math.nan
    best = np.flatnonzero(table["n"] == table["n"].max())[-1]
    return round(float(table["magnitude"][best]) + correction, 10)


def goodness_of_fit(magnitudes, *, dm: float = 0.1) -> pd.DataFrame:
    """Return how well Gutenberg and Richter's law fits the events above each magnitude.

    Parameters
    ----------
    magnitudes : array_like of float, shape (n_events,)
    dm : float
        Width of the bins.

    Returns
    -------
    pandas.DataFrame
        Columns mc, r_percent, b, sigma, n; rows that have a b-value.

    Notes
    -----
    R = 100 - 100 sum|B - S| / sum(B), where B is the number of events of each magnitude and above
    and S what a and b predict, over the bins from mc on (reference of `mc_maxc`).

    Examples
    --------
    >>> goodness_of_fit([1.0])["r_percent"].tolist()
    []
    """
    table = frequency_magnitude(magnitudes, dm=dm)
    rows = []
    for mc in table["magnitude"]:
        fit = b_value(magnitudes, mc, dm=dm)
        if math.isnan(fit.b):
            continue
        above = table[table["magnitude"] >= fit.mc - dm / 4]
        expected = 10 ** (fit.a - fit.b * (above["magnitude"] - dm / 2))
        missing = (above["n_at_least"] - expected).abs().sum() / above["n_at_least"].sum()
        rows.append((fit.mc, 100.0 - 100.0 * missing, fit.b, fit.sigma, fit.n))
    return pd.DataFrame(rows, columns=["mc", "r_percent", "b", "sigma", "n"])


def mc_gft(magnitudes, *, dm: float = 0.1) -> tuple[float, float]:
    """Return the smallest magnitude from which 95 % (else 90 %) of the numbers are explained.

    Parameters
    ----------
    magnitudes : array_like of float, shape (n_events,)
    dm : float
        Width of the bins.

    Returns
    -------
    mc : float
        NaN where not even 90 % is reached.
    level_percent : float
        95, 90 or NaN.

    References
    ----------
    .. [1] Wiemer and Wyss (2000), https://doi.org/10.1785/0119990114

    Examples
    --------
    >>> mc_gft([1.0, 2.0])
    (nan, nan)
    """
    table = goodness_of_fit(magnitudes, dm=dm)
    for level in (95.0, 90.0):
        good = table[table["r_percent"] >= level]
        if len(good):
            return float(good["mc"].iloc[0]), level
    return math.nan, math.nan


def mc_b_stability(magnitudes, *, dm: float = 0.1, width: float = 0.5) -> float:
    """Return the smallest magnitude from which b no longer changes with the lower limit.

    Parameters
    ----------
    magnitudes : array_like of float, shape (n_events,)
    dm : float
        Width of the bins.
    width : float
        Range of limits over which b is averaged.

    Returns
    -------
    float
        NaN where b never is stable.

    Notes
    -----
    The smallest mc [1]_ at which the mean b for the limits from mc to mc + width is within the
    error of b(mc) after Shi and Bolt [2]_.

    References
    ----------
    .. [1] Cao and Gao (2002), Temporal variation of seismic b-values beneath northeastern Japan
       island arc, GRL 29, https://doi.org/10.1029/2001GL013775
    .. [2] Woessner and Wiemer (2005), https://doi.org/10.1785/0120040007

    Examples
    --------
    >>> mc_b_stability([1.0, 2.0])
    nan
    """
    table = goodness_of_fit(magnitudes, dm=dm)
    steps = max(1, round(width / dm))
    mc, b, sigma = (table[name].to_numpy() for name in ("mc", "b", "sigma"))
    for k in range(len(table) - steps + 1):
        whole = mc[k + steps - 1] - mc[k] < width  # no limit is left out for want of events
        if whole and abs(b[k : k + steps].mean() - b[k]) <= sigma[k]:
            return float(mc[k])
    return math.nan


def _bin_of(magnitude, dm: float):
    return math.floor(magnitude / dm + 0.5 + 1e-9)


def _bins(magnitudes, dm: float) -> np.ndarray:
    """Return whole numbers of bins, which rounded decimals cannot fall between."""
    if not dm > 0:
        raise ConfigError(f"dm must be positive; got {dm}.", "0.1 is usual.")
    magnitudes = np.asarray(magnitudes, dtype=np.float64)
    known = magnitudes[np.isfinite(magnitudes)]
    return np.floor(known / dm + 0.5 + 1e-9).astype(np.int64)
