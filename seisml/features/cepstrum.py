"""Group G: cepstral coefficients of the window's power spectrum on a logarithmic axis.

24 triangular filters stand evenly in log f over the analysis band, each from the middle of the one
before to the middle of the next. Their energies are mean densities: P, linear between its
frequencies, weighted by the triangle of unit area, so filters narrower than the distance of two
frequencies have a value too. NaN where the band has fewer frequencies than filters.
"""

import numpy as np
import scipy.fft

from seisml.features.frames import Windows
from seisml.features.known import log10, ratio
from seisml.features.registry import feature
from seisml.features.settings import Settings
from seisml.features.shapes import FLOOR
from seisml.features.welch import LOT

FILTERS = 24
COEFFICIENTS = 12
_REFERENCE = (
    "Davis & Mermelstein 1980, doi:10.1109/TASSP.1980.1163420 (mel scale); "
    "Malfante et al. 2018, doi:10.1109/MSP.2017.2779166"
)


def filters(frequencies_hz: np.ndarray) -> np.ndarray:
    """Return the weights of the filters, shape (n_frequencies, 24); each sums to 1.

    Parameters
    ----------
    frequencies_hz : numpy.ndarray, shape (n_frequencies,)
        Evenly spaced, above 0 Hz.

    Examples
    --------
    >>> weights = filters(np.arange(1.0, 40.0, 0.25))
    >>> weights.shape, bool(np.allclose(weights.sum(axis=0), 1.0))
    ((156, 24), True)
    """
    f = np.asarray(frequencies_hz, float)
    edges = np.geomspace(f[0], f[-1], FILTERS + 2)
    knots = np.union1d(f, edges)
    middles = (knots[1:] + knots[:-1]) / 2
    # Triangle times linear interpolation is quadratic between knots: Simpson's rule is exact.
    width = np.diff(knots) / 6
    points = np.concatenate([knots, middles])
    share = np.concatenate([np.pad(width, (1, 0)) + np.pad(width, (0, 1)), 4 * width])
    left = np.clip(np.searchsorted(f, points, side="right") - 1, 0, len(f) - 2)
    part = (points - f[left]) / (f[left + 1] - f[left])
    weights = np.zeros((len(f), FILTERS))
    for i in range(FILTERS):
        triangle = share * np.interp(points, edges[i : i + 3], [0.0, 1.0, 0.0])
        weights[:, i] = np.bincount(left, triangle * (1 - part), minlength=len(f))
        weights[:, i] += np.bincount(left + 1, triangle * part, minlength=len(f))
    return weights / weights.sum(axis=0)


def _numbers(settings: Settings) -> list[str]:
    return [str(i) for i in range(1, COEFFICIENTS + 1)]


@feature(
    "",
    group="G",
    formula="DCT-II (orthonormal) of log10 of the energies of 24 log-spaced filters, c0 left out",
    invariances="GO",
    reference=_REFERENCE,
    parts=_numbers,
)
def lfcc(w: Windows) -> np.ndarray:
    """Cepstral coefficients: the shape of the spectrum over log f, from coarse to fine."""
    out = np.full((w.n, COEFFICIENTS), np.nan)
    f = w.frequencies_hz
    if len(f) < FILTERS:
        return out
    weights = filters(f)
    psd = np.zeros((LOT, len(f)))
    for lot in w.psd_lots():
        n = len(lot.psd)
        psd[:n] = lot.psd
        energy = (psd @ weights)[:n]
        # Over the largest: no unit is left whose logarithm would have to be rounded.
        share = ratio(energy, energy.max(axis=1, keepdims=True))
        level = log10(np.maximum(share, FLOOR))
        out[lot.rows] = scipy.fft.dct(level, norm="ortho", axis=1)[:, 1 : COEFFICIENTS + 1]
    return out
