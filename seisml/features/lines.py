"""Group E, lines of the window's power spectrum: how many, and whether they are harmonics.

P is smoothed by a running mean over three frequencies, centred: 3/`Settings.spectrum_s` in Hz,
whatever the sampling rate. It is held above `FLOOR` of its largest value.
"""

import numpy as np

from seisml.features.frames import Windows
from seisml.features.known import log10, nanmax, nanmean, ratio
from seisml.features.peaks import count_peaks
from seisml.features.shapes import FLOOR
from seisml.features.spectrum import f_peak, feature_e

_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
_ROMAN = "Roman 2017, doi:10.1002/2017GL073715 (idea)"
PEAK_SHARE = 0.75
"""Least power of a peak as a share of the largest."""
PEAK_DB = 3.0
"""Least prominence of a peak."""
HARMONICS = 4
APART = 6
"""Least fundamental, in frequencies of the spectrum: below, lines fill the room between them."""


def _level(w: Windows) -> np.ndarray:
    """Smoothed P under its maximum, dB, shape (n_windows, n_frequencies - 2)."""
    p = w.psd
    smooth = (p[:, :-2] + p[:, 1:-1] + p[:, 2:]).astype(float)
    share = ratio(smooth, smooth.max(axis=1, keepdims=True))
    return 10 * log10(np.maximum(share, FLOOR))


@feature_e(
    "count",
    formula="peaks of smoothed P, P > 0.75 max P, prominence 3 dB",
    invariances="GO",
    reference=_HIBERT,
    cost="C",
)
def spec_n_peaks(w: Windows) -> np.ndarray:
    """Peaks of the spectrum that are nearly as high as the largest."""
    level = w.cached(_level)
    height = 10 * np.log10(PEAK_SHARE)
    count = count_peaks(np.ascontiguousarray(level.T), prominence=PEAK_DB, height=height)
    return np.where(np.isfinite(level).all(axis=1), count, np.nan)


@feature_e(
    "dB",
    formula="mean_k of 10 log10 P(k f1), k ≤ 4, − mean_k of 10 log10 P((k + 1/2) f1), k ≤ 3; "
    "f1 = f_peak/d, the largest over d ≤ 4",
    invariances="GO",
    reference=_ROMAN,
    cost="C",
)
def harmonicity(w: Windows) -> np.ndarray:
    """Height of a fundamental and its overtones over what lies between them.

    Means of levels, not of powers: one line alone is no harmonic tremor. The largest peak may be
    any of the four harmonics. Harmonics above the band are left out; at least two are needed,
    and a fundamental of at least `APART` frequencies of the spectrum, else NaN.
    """
    f, level = w.frequencies_hz, w.cached(_level)
    df = f[1] - f[0]
    fundamental = w.cached(f_peak)[:, np.newaxis] / df / np.arange(1, HARMONICS + 1)
    k = np.arange(1, HARMONICS + 1)
    lines = _at(level, fundamental, k, f[1] / df)
    between = _at(level, fundamental, k[:-1] + 0.5, f[1] / df)
    # What lies above the highest harmonic that is known lies between nothing.
    between = np.where(np.isfinite(lines[:, :, 1:]), between, np.nan)
    height = nanmean(lines) - nanmean(between)
    resolved = (fundamental >= APART) & np.isfinite(lines[:, :, 0])
    return nanmax(np.where(resolved, height, np.nan))


def _at(level: np.ndarray, fundamental: np.ndarray, multiples, first: float) -> np.ndarray:
    """Levels at multiples of fundamentals (in frequencies from 0 Hz), NaN outside the band."""
    place = np.round(fundamental[:, :, np.newaxis] * multiples - first)
    inside = (place >= 0) & (place < level.shape[1])
    index = np.where(inside, place, 0).astype(int)
    found = np.take_along_axis(level, index.reshape(len(level), -1), axis=1)
    return np.where(inside, found.reshape(index.shape), np.nan)
