"""Group E: shape of the window's power spectrum, in Hz, inside the analysis band.

P is the one-sided Welch spectrum of the window (Hann, sub-windows of `Settings.spectrum_s`),
restricted to the band of the profile and to 0.8 of Nyquist; p = P/ΣP.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np

from seisml.features.frames import Windows
from seisml.features.known import log10, ratio
from seisml.features.registry import feature
from seisml.features.shapes import QUANTILES, shapes

MIN_BINS = 3
"""A band of fewer frequencies has no shape."""


def feature_e(unit: str, **details) -> Callable:
    """Register a feature of group E: NaN where the analysis band is not available."""

    def register(function: Callable) -> Callable:
        @wraps(function)
        def shape(w: Windows) -> np.ndarray:
            enough = len(w.frequencies_hz) >= MIN_BINS
            return function(w) if enough else np.full(w.n, np.nan)

        return feature(unit, group="E", **details)(shape)

    return register


_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
_AAA = "Malfante et al. 2018, doi:10.1109/MSP.2017.2779166"
_GRAY = "Gray & Markel 1974, doi:10.1109/TASSP.1974.1162572"
_INOUYE = "Inouye et al. 1991, doi:10.1016/0013-4694(91)90138-T"


def _moments(w: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Centroid and central moments 2, 3, 4 of p over f."""
    f = w.frequencies_hz
    middle, half = (f[0] + f[-1]) / 2, (f[-1] - f[0]) / 2
    raw = np.stack([w.linear[f"u{i}"] for i in range(5)])
    r1, r2, r3, r4 = ratio(raw[1:], raw[0])
    m2 = np.maximum(r2 - r1**2, 0.0)
    square = r1 * r1
    m3 = r3 - r1 * (3 * r2 - 2 * square)
    m4 = r4 - r1 * (4 * r3 - r1 * (6 * r2 - 3 * square))
    return middle + half * r1, m2 * half**2, m3 * half**3, m4 * half**4


@feature_e("Hz", formula="argmax P (parabola through log P)", invariances="GO", reference=_HIBERT)
def f_peak(w: Windows) -> np.ndarray:
    """Frequency of the largest power."""
    f, found = w.frequencies_hz, w.cached(shapes)
    a, b, c = log10(found.around)
    bend = a - 2 * b + c
    shift = np.divide(0.5 * (a - c), bend, out=np.zeros_like(a), where=bend < 0)
    inner = (found.peak >= 1) & (found.peak <= len(f) - 2)
    shift = np.where(inner & (np.abs(shift) <= 1), shift, 0.0)
    return np.where(found.largest > 0, f[found.peak] + shift * (f[1] - f[0]), np.nan)


@feature_e("Hz", formula="f_c = Σ f p", invariances="GLO", reference=_HIBERT)
def f_centroid(w: Windows) -> np.ndarray:
    """Centroid of the power spectrum."""
    return w.cached(_moments)[0]


@feature_e("Hz", formula="sqrt(Σ (f−f_c)² p)", invariances="GLO", reference=_HIBERT)
def f_bandwidth(w: Windows) -> np.ndarray:
    """Bandwidth: standard deviation of the power spectrum about its centroid."""
    return np.sqrt(w.cached(_moments)[1])


@feature_e("Hz", formula="sqrt(Σ f² p)", invariances="GLO", reference=_HIBERT)
def f_rms(w: Windows) -> np.ndarray:
    """RMS frequency of the power spectrum: that of centroid and bandwidth together."""
    centroid, m2, _, _ = w.cached(_moments)
    return np.sqrt(centroid**2 + m2)


@feature_e("", formula="Σ (f−f_c)³ p / bandwidth³", invariances="GL", reference=_AAA)
def spec_skewness(w: Windows) -> np.ndarray:
    """Skewness of the power spectrum over frequency."""
    _, m2, m3, _ = w.cached(_moments)
    return ratio(m3, m2**1.5)


@feature_e("", formula="Σ (f−f_c)⁴ p / bandwidth⁴", invariances="GL", reference=_AAA)
def spec_kurtosis(w: Windows) -> np.ndarray:
    """Kurtosis of the power spectrum over frequency: 1.8 where it is flat."""
    _, m2, _, m4 = w.cached(_moments)
    return ratio(m4, m2**2)


def _register_quantiles() -> None:
    for i, q in enumerate(QUANTILES):

        def function(w: Windows, i: int = i) -> np.ndarray:
            f = w.frequencies_hz
            return f[0] + (w.cached(shapes).quantiles[i] - 0.5) * (f[1] - f[0])

        name = f"f{100 * q:02.0f}"

        function.__doc__ = f"Frequency below which {100 * q:g} % of the power lies."
        formula = f"cumulative p = {q:g}"
        feature_e("Hz", name=name, formula=formula, invariances="GLO", reference=_HIBERT)(function)


_register_quantiles()


@feature_e("", formula="exp(mean ln P)/mean P", invariances="GO", reference=_GRAY)
def spec_flatness(w: Windows) -> np.ndarray:
    """Spectral flatness: 1 for an even spectrum, 0 for a line."""
    found = w.cached(shapes)
    return ratio(np.exp(found.mean_log), found.mean)


@feature_e("", formula="−Σ p ln p / ln N_f", invariances="GO", reference=_INOUYE)
def spec_entropy(w: Windows) -> np.ndarray:
    """Spectral entropy: 1 for an even spectrum, 0 for a line."""
    # −Σ p ln p = ln ΣP − Σ P ln P / ΣP
    n_f, found = len(w.frequencies_hz), w.cached(shapes)
    total = found.mean * n_f
    return (np.log(10.0) * log10(total) - ratio(found.weighted_log, total)) / np.log(n_f)


@feature_e("", formula="slope of log10 P over log10 f (least squares)", invariances="GL")
def spec_slope(w: Windows) -> np.ndarray:
    """Slope of the spectrum in logarithmic axes: 0 for white noise."""
    return w.cached(shapes).slope


@feature_e("", formula="max P/mean P", invariances="GO", reference=_HIBERT)
def spec_crest(w: Windows) -> np.ndarray:
    """Largest power over mean power."""
    found = w.cached(shapes)
    return ratio(found.largest, found.mean)


@feature_e(
    "dB",
    formula="RMS of 10 log10(P/P_b), P_b median of mean P of 5 min each over the past hour",
    invariances="GO",
)
def spec_distance(w: Windows) -> np.ndarray:
    """Distance of the spectrum from that of the past hour (log-spectral distance)."""
    return w.cached(shapes).distance


@feature_e("dB", formula="RMS of 10 log10(P_k/P_(k−1)) over f", invariances="GO")
def spec_flux(w: Windows) -> np.ndarray:
    """Change of the spectrum against the window that ends where this one begins."""
    return w.cached(shapes).flux
