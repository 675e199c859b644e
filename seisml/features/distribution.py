"""Group A, the distribution of the samples: robust spread and entropies.

They need all samples of a window at once: windows with an incomplete block, and constant ones, are
NaN.
"""

from functools import partial

import numpy as np

from seisml.features.frames import Windows
from seisml.features.known import ratio
from seisml.features.registry import feature
from seisml.features.whole import row_median, window_batches

feature_a = partial(feature, group="A", cost="C", needs=("samples",))
_ROUSSEEUW = "Rousseeuw & Croux 1993, doi:10.1080/01621459.1993.10476408"
_AAA = "Malfante et al. 2018, doi:10.1109/MSP.2017.2779166"
_ESMAILI = f"Esmaili et al. 2004, doi:10.1109/ICASSP.2004.1327198; {_AAA}"
SIGMA = 1.4826
"""Standard deviation of Gaussian noise over its median absolute deviation."""
BINS = 30
"""Bins of the histogram."""
REACH = 5.0
"""The histogram reaches so many robust standard deviations to both sides of the median."""


def _robust(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """MAD sigma over standard deviation, and shares of the samples in the bins."""
    spread, shares = np.full(w.n, np.nan), np.full((w.n, BINS), np.nan)
    for at, x in window_batches(w):
        n = x.shape[1]
        deviation = np.sqrt(np.einsum("ij,ij->i", x, x) / n)
        x -= row_median(x)[:, np.newaxis]
        sigma = SIGMA * row_median(np.abs(x))
        spread[at] = ratio(sigma, deviation)[: len(at)]
        counts = _histogram(x, sigma)[: len(at)]
        shares[at] = np.where(sigma[: len(at), np.newaxis] > 0, counts / n, np.nan)
    return spread, shares


def _histogram(x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Count the values of each row in the bins; those outside lie in the outermost."""
    width = np.where(sigma > 0, sigma * np.float32(2 * REACH / BINS), np.float32(1))
    place = np.clip(x / width[:, np.newaxis] + np.float32(BINS / 2), 0, BINS - 1).astype(np.intp)
    place += BINS * np.arange(len(x))[:, np.newaxis]
    return np.bincount(place.ravel(), minlength=len(x) * BINS).reshape(len(x), BINS)


@feature_a("", formula="1.4826 median|x − median x|/σ", invariances="GLRO", reference=_ROUSSEEUW)
def mad_ratio(w: Windows) -> np.ndarray:
    """Robust over usual standard deviation: 1 for Gaussian noise, small with outliers."""
    return w.cached(_robust)[0]


@feature_a(
    "",
    formula="−Σ q log2 q/log2 30, q over 30 bins in median ± 5 MAD σ (beyond: outermost bins)",
    invariances="GO",
    reference=_ESMAILI,
)
def entropy_amp(w: Windows) -> np.ndarray:
    """Shannon entropy of the samples' histogram, as a share of that of 30 even bins."""
    q = w.cached(_robust)[1]
    bits = -(q * np.log2(np.where(q > 0, q, 1.0))).sum(axis=1)
    return np.abs(bits) / np.log2(BINS)


@feature_a("", formula="−log2 Σ q²/log2 30, q as in entropy_amp", invariances="GO", reference=_AAA)
def entropy_amp_renyi2(w: Windows) -> np.ndarray:
    """Rényi entropy of order 2 of the samples' histogram, as a share of that of 30 even bins."""
    q = w.cached(_robust)[1]
    return np.abs(np.log2((q * q).sum(axis=1))) / np.log2(BINS)
