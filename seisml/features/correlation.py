"""Group G: the autocorrelation of a window.

r is the autocorrelation of all samples of the window at the lags 0 to T/2, over its value at 0
(the biased estimate: that of a sine falls as 1 - lag/T). Windows with an incomplete block, and
constant ones, are NaN; so are windows of less than six samples.
"""

from functools import partial

import numpy as np
import scipy.fft

from seisml.features.frames import Windows
from seisml.features.known import ratio
from seisml.features.peaks import count_peaks
from seisml.features.registry import feature
from seisml.features.whole import batch_rows, window_batches
from seisml.times import NS_PER_S

feature_g = partial(feature, group="G", cost="C", needs=("samples",), invariances="GO")
_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
PEAK = 0.1
"""Least value of a peak of r, and least prominence."""

MIN_LAGS = 3
"""Fewer positive lags have no thirds."""


def _autocorrelation(w: Windows) -> np.ndarray:
    """Peaks, ratio of |r|, and lag of the envelope, shape (n_windows, 3)."""
    n = w.k * w.table.samples.shape[1]
    n_lags = n // 2 + 1
    # Zeros up to the largest lag: what wraps around does not reach the lags that are used.
    n_fft = scipy.fft.next_fast_len(n + n_lags)
    r = np.zeros((n_lags, w.n), np.float32)
    out = np.full((w.n, 3), np.nan)
    if n_lags <= MIN_LAGS:
        return out
    spectrum = np.zeros((batch_rows(n), n_fft), np.complex64)
    for at, x in window_batches(w):
        z = scipy.fft.rfft(x, n_fft, axis=1)
        # Positive frequencies only: the transform is r + iH{r}, its modulus the envelope of r.
        spectrum[:, : z.shape[1]] = z.real**2 + z.imag**2
        if n_fft % 2 == 0:
            spectrum[:, n_fft // 2] /= 2  # half of it is the negative frequency
        analytic = scipy.fft.ifft(spectrum, axis=1)[: len(at), :n_lags]
        scaled = analytic / analytic[:, :1].real
        r[:, at] = scaled.real.T
        out[at, 1] = _energy_ratio(scaled.real)
        out[at, 2] = _decay(np.abs(scaled)) / w.table.sampling_rate_hz
    out[:, 0] = np.where(np.isnan(out[:, 1]), np.nan, count_peaks(r, prominence=PEAK, height=PEAK))
    never = np.isinf(out[:, 2])
    out[never, 2] = w.length_ns / NS_PER_S
    return out


def _energy_ratio(r: np.ndarray) -> np.ndarray:
    """Sum of |r| over the first third of the positive lags, over that of the rest."""
    size = np.abs(r[:, 1:]).astype(float)
    third = size.shape[1] // 3
    return ratio(size[:, :third].sum(axis=1), size[:, third:].sum(axis=1))


def _decay(envelope: np.ndarray) -> np.ndarray:
    """Lag in samples, linear between them, where each row falls below 1/e; inf where never."""
    level = np.exp(-1.0)
    below = envelope < level
    at = np.maximum(below.argmax(axis=1), 1)
    rows = np.arange(len(at))
    before, after = envelope[rows, at - 1].astype(float), envelope[rows, at].astype(float)
    lag = at - 1 + ratio(before - level, before - after)
    return np.where(below.any(axis=1), lag, np.inf)


@feature_g("count", formula="peaks of r, r > 0.1, prominence 0.1, lag ≤ T/2", reference=_HIBERT)
def acf_npeaks(w: Windows) -> np.ndarray:
    """Peaks of the autocorrelation: as many as periods in T/2 for a sine."""
    return w.cached(_autocorrelation)[:, 0]


@feature_g("", formula="Σ|r| over 0 < lag ≤ T/6 over Σ|r| over T/6 < lag ≤ T/2", reference=_HIBERT)
def acf_energy_ratio(w: Windows) -> np.ndarray:
    """Autocorrelation at the first third of the lags over that at the rest."""
    return w.cached(_autocorrelation)[:, 1]


@feature_g("s", formula="lag where |r + iH{r}| < 1/e, T where never up to T/2")
def acf_tau(w: Windows) -> np.ndarray:
    """Time over which the record stays like itself: T for a sine."""
    return w.cached(_autocorrelation)[:, 2]
