"""Group E: shape of the window's power spectrum, in Hz, inside the analysis band.

P is the one-sided Welch spectrum of the window (Hann, sub-windows of `Settings.spectrum_s`),
restricted to the band of the profile and to 0.8 of Nyquist; p = P/ΣP.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np

from seisml.features.frames import Windows, crossing, log10, ratio
from seisml.features.registry import feature

MIN_BINS = 3
"""A band of fewer frequencies has no shape."""
FLOOR = 1e-12
"""Share of the largest power below which a bin is leakage and rounding (float32), not signal."""


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
    # Raw moments of u in [-1, 1] in float64: nothing is lost when they are centred.
    middle, half = (f[0] + f[-1]) / 2, (f[-1] - f[0]) / 2
    u = (f - middle) / half
    raw = w.psd @ np.stack([u**0, u, u**2, u**3, u**4], axis=1)
    r1, r2, r3, r4 = ratio(raw[:, 1:], raw[:, :1]).T
    m2 = np.maximum(r2 - r1**2, 0.0)
    m3 = r3 - 3 * r1 * r2 + 2 * r1**3
    m4 = r4 - 4 * r1 * r3 + 6 * r1**2 * r2 - 3 * r1**4
    return middle + half * r1, m2 * half**2, m3 * half**3, m4 * half**4


def _log_psd(w: Windows) -> np.ndarray:
    """Logarithm to base 10 of P, at least `FLOOR` of its maximum; NaN where there is no power."""
    largest = w.psd.max(axis=1, keepdims=True)
    return log10(np.maximum(w.psd, FLOOR * largest))


def _cumulative(w: Windows) -> np.ndarray:
    """Cumulative P over frequency."""
    return np.cumsum(w.psd, axis=1)


@feature_e("Hz", formula="argmax P (parabola through log P)", invariances="GO", reference=_HIBERT)
def f_peak(w: Windows) -> np.ndarray:
    """Frequency of the largest power."""
    p, f = w.psd, w.frequencies_hz
    known = np.isfinite(p).all(axis=1) & (p.max(axis=1) > 0)
    at = np.argmax(np.where(known[:, np.newaxis], p, 0), axis=1)
    inner = np.clip(at, 1, len(f) - 2)
    rows = np.arange(len(p))
    a, b, c = (log10(p[rows, inner + i]) for i in (-1, 0, 1))
    bend = a - 2 * b + c
    shift = np.divide(0.5 * (a - c), bend, out=np.zeros_like(a), where=bend < 0)
    shift = np.where((at == inner) & (np.abs(shift) <= 1), shift, 0.0)
    return np.where(known, f[at] + shift * (f[1] - f[0]), np.nan)


@feature_e("Hz", formula="f_c = Σ f p", invariances="GLO", reference=_HIBERT)
def f_centroid(w: Windows) -> np.ndarray:
    """Centroid of the power spectrum."""
    return w.cached(_moments)[0]


@feature_e("Hz", formula="sqrt(Σ (f−f_c)² p)", invariances="GLO", reference=_HIBERT)
def f_bandwidth(w: Windows) -> np.ndarray:
    """Bandwidth: standard deviation of the power spectrum about its centroid."""
    return np.sqrt(w.cached(_moments)[1])


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


def _quantile(w: Windows, q: float) -> np.ndarray:
    """Frequency below which the share q of the power lies, linear inside a bin."""
    f = w.frequencies_hz
    return f[0] + (crossing(w.cached(_cumulative), q) - 0.5) * (f[1] - f[0])


def _register_quantiles() -> None:
    for q, name in ((0.05, "f05"), (0.25, "f25"), (0.5, "f50"), (0.75, "f75"), (0.95, "f95")):

        def function(w: Windows, q: float = q) -> np.ndarray:
            return _quantile(w, q)

        function.__doc__ = f"Frequency below which {100 * q:g} % of the power lies."
        formula = f"cumulative p = {q:g}"
        feature_e("Hz", name=name, formula=formula, invariances="GLO", reference=_HIBERT)(function)


_register_quantiles()


@feature_e("", formula="exp(mean ln P)/mean P", invariances="GO", reference=_GRAY)
def spec_flatness(w: Windows) -> np.ndarray:
    """Spectral flatness: 1 for an even spectrum, 0 for a line."""
    return ratio(10.0 ** w.cached(_log_psd).mean(axis=1), w.psd.mean(axis=1))


@feature_e("", formula="−Σ p ln p / ln N_f", invariances="GO", reference=_INOUYE)
def spec_entropy(w: Windows) -> np.ndarray:
    """Spectral entropy: 1 for an even spectrum, 0 for a line."""
    # −Σ p ln p = ln ΣP − Σ P ln P / ΣP
    total = w.psd.sum(axis=1)
    weighted = np.einsum("ij,ij->i", w.psd, np.nan_to_num(w.cached(_log_psd)))
    nats = np.log(10.0) * (log10(total) - ratio(weighted, total))
    return nats / np.log(w.psd.shape[1])


@feature_e("", formula="slope of log10 P over log10 f (least squares)", invariances="GL")
def spec_slope(w: Windows) -> np.ndarray:
    """Slope of the spectrum in logarithmic axes: 0 for white noise."""
    x = np.log10(w.frequencies_hz)
    x = x - x.mean()
    return (w.cached(_log_psd) @ x) / (x @ x)


@feature_e("", formula="max P/mean P", invariances="GO", reference=_HIBERT)
def spec_crest(w: Windows) -> np.ndarray:
    """Largest power over mean power."""
    return ratio(w.psd.max(axis=1), w.psd.mean(axis=1))


@feature_e("dB", formula="RMS of 10 log10(P_k/P_(k−1)) over f", invariances="GO")
def spec_flux(w: Windows) -> np.ndarray:
    """Change of the spectrum against the window that ends where this one begins."""
    now = w.cached(_log_psd)
    # All but the first k of the windows before are windows of this batch.
    early = min(w.k, w.n)
    skip = min(max(0, w.k - w.first), early)
    before = [np.full((skip, now.shape[1]), np.nan), now[: w.n - early]]
    if skip < early:
        head = Windows(w.table, w.past, w.first - w.k + skip, early - skip)
        before.insert(1, _log_psd(head))
    change = 10 * (now - np.concatenate(before))
    return np.sqrt(np.einsum("ij,ij->i", change, change) / now.shape[1])
