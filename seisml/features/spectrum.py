"""Group E: shape of the window's power spectrum, in Hz, inside the analysis band.

P is the one-sided Welch spectrum of the window (Hann, sub-windows of `Settings.spectrum_s`),
restricted to the band of the profile and to 0.8 of Nyquist; p = P/ΣP.
"""

from collections.abc import Callable
from functools import wraps
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features.frames import Past, Windows, log10, ratio, row_quantile, rows_times
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
    middle, half = (f[0] + f[-1]) / 2, (f[-1] - f[0]) / 2
    raw = np.stack([w.linear[f"u{i}"] for i in range(5)])
    r1, r2, r3, r4 = ratio(raw[1:], raw[0])
    m2 = np.maximum(r2 - r1**2, 0.0)
    m3 = r3 - 3 * r1 * r2 + 2 * r1**3
    m4 = r4 - 4 * r1 * r3 + 6 * r1**2 * r2 - 3 * r1**4
    return middle + half * r1, m2 * half**2, m3 * half**3, m4 * half**4


def _peak(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Bin and value of the largest power (NaN where unknown)."""
    at = np.argmax(w.psd, axis=1)
    return at, w.psd[np.arange(w.n), at]


def _log_psd(w: Windows) -> np.ndarray:
    """Natural logarithm of P, at least `FLOOR` of its maximum; NaN where there is no power."""
    _, largest = w.cached(_peak)
    floor = np.where(largest > 0, largest * np.float32(FLOOR), np.float32(np.nan))
    return np.log(np.maximum(w.psd, floor[:, np.newaxis]))


def _mean(w: Windows) -> np.ndarray:
    """Mean of P over the band."""
    return w.psd.mean(axis=1)


@feature_e("Hz", formula="argmax P (parabola through log P)", invariances="GO", reference=_HIBERT)
def f_peak(w: Windows) -> np.ndarray:
    """Frequency of the largest power."""
    f = w.frequencies_hz
    at, largest = w.cached(_peak)
    inner = np.clip(at, 1, len(f) - 2)
    rows = np.arange(w.n)
    a, b, c = (log10(w.psd[rows, inner + i].astype(float)) for i in (-1, 0, 1))
    bend = a - 2 * b + c
    shift = np.divide(0.5 * (a - c), bend, out=np.zeros_like(a), where=bend < 0)
    shift = np.where((at == inner) & (np.abs(shift) <= 1), shift, 0.0)
    return np.where(largest > 0, f[at] + shift * (f[1] - f[0]), np.nan)


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


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
GROUP = 16
"""Bins that are passed over together when a quantile is looked up."""


def _quantiles(w: Windows) -> np.ndarray:
    """Frequencies below which the shares `QUANTILES` of the power lie, linear inside a bin.

    First the group of bins in which a share is reached, then the bin: (n_windows, n_quantiles).
    """
    f, p = w.frequencies_hz, w.psd
    n_groups = -(-len(f) // GROUP)
    coarse = rows_times(p, _until(len(f), n_groups))
    wanted = coarse[:, -1:] * np.array(QUANTILES, np.float32)
    group = (coarse[:, np.newaxis, :-1] < wanted[:, :, np.newaxis]).sum(axis=2)
    rows = np.arange(w.n)[:, np.newaxis]
    rest = wanted - np.where(group > 0, coarse[rows, np.maximum(group - 1, 0)], 0)
    # The last group may be shorter: what is read beyond it has no power.
    padded = np.pad(p, ((0, 0), (0, n_groups * GROUP - len(f)))).reshape(-1, GROUP)
    fine = padded[(rows * n_groups + group).ravel()]
    total = rows_times(fine, _until(GROUP, GROUP, 1))
    at = np.minimum((total < rest.reshape(-1, 1)).sum(axis=1), GROUP - 1)
    flat = np.arange(len(at))
    step = fine[flat, at]
    before = total[flat, at] - step
    part = np.divide(rest.ravel() - before, step, out=np.zeros_like(before), where=step > 0)
    place = GROUP * group + (at + np.clip(part, 0.0, 1.0)).reshape(w.n, -1)
    return np.where(coarse[:, -1:] > 0, f[0] + (place - 0.5) * (f[1] - f[0]), np.nan)


def _until(n: int, n_groups: int, size: int = GROUP) -> np.ndarray:
    """Return the matrix that sums the bins up to the end of each group."""
    ends = size * np.arange(1, n_groups + 1)
    return (np.arange(n)[:, np.newaxis] < ends).astype(np.float32)


def _register_quantiles() -> None:
    for i, q in enumerate(QUANTILES):

        def function(w: Windows, i: int = i) -> np.ndarray:
            return w.cached(_quantiles)[:, i]

        name = f"f{100 * q:02.0f}"

        function.__doc__ = f"Frequency below which {100 * q:g} % of the power lies."
        formula = f"cumulative p = {q:g}"
        feature_e("Hz", name=name, formula=formula, invariances="GLO", reference=_HIBERT)(function)


_register_quantiles()


@feature_e("", formula="exp(mean ln P)/mean P", invariances="GO", reference=_GRAY)
def spec_flatness(w: Windows) -> np.ndarray:
    """Spectral flatness: 1 for an even spectrum, 0 for a line."""
    return ratio(np.exp(w.cached(_log_psd).mean(axis=1)), w.cached(_mean))


@feature_e("", formula="−Σ p ln p / ln N_f", invariances="GO", reference=_INOUYE)
def spec_entropy(w: Windows) -> np.ndarray:
    """Spectral entropy: 1 for an even spectrum, 0 for a line."""
    # −Σ p ln p = ln ΣP − Σ P ln P / ΣP
    n_f = w.psd.shape[1]
    total = w.cached(_mean) * n_f
    weighted = np.einsum("ij,ij->i", w.psd, w.cached(_log_psd))
    return (np.log(10.0) * log10(total) - ratio(weighted, total)) / np.log(n_f)


@feature_e("", formula="slope of log10 P over log10 f (least squares)", invariances="GL")
def spec_slope(w: Windows) -> np.ndarray:
    """Slope of the spectrum in logarithmic axes: 0 for white noise."""
    x = np.log(w.frequencies_hz)
    x = x - x.mean()
    return np.einsum("ij,j->i", w.cached(_log_psd), (x / (x @ x)).astype(np.float32))


@feature_e("", formula="max P/mean P", invariances="GO", reference=_HIBERT)
def spec_crest(w: Windows) -> np.ndarray:
    """Largest power over mean power."""
    return ratio(w.cached(_peak)[1], w.cached(_mean))


DB = 10.0 / np.log(10.0)


def _rms_difference_db(now: np.ndarray, other: np.ndarray) -> np.ndarray:
    change = now - other
    return DB * np.sqrt(np.einsum("ij,ij->i", change, change) / now.shape[1])


@feature_e(
    "dB", formula="RMS of 10 log10(P/P_background), median of the past hour", invariances="GO"
)
def spec_distance(w: Windows) -> np.ndarray:
    """Distance of the spectrum from that of the past hour (log-spectral distance)."""
    level, group_of = w.past.cached(_background_log_psd)
    group = group_of[w.rows]
    background = level[np.maximum(group, 0)] - np.log(w.psd_unit)[:, np.newaxis].astype(np.float32)
    background[group < 0] = np.nan
    return _rms_difference_db(w.cached(_log_psd), background)


def _background_log_psd(past: Past) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the median spectrum of the hour before each group of hops; group by block.

    The hour has twelve groups; none of them reaches into the window.
    """
    table, settings = past.table, past.table.settings
    g, start = settings.background_spectrum_hops, table.blocks.start
    n_past = max(2, round(settings.background_s / (g * settings.grid.hop_s)))
    group = (start + np.arange(len(table.blocks))) // g - start // g
    edges = np.searchsorted(group, np.arange(group[-1] + 2))
    means = np.full((group[-1] + 1, len(table.frequencies_hz)), np.nan)
    for i, (a, b) in enumerate(pairwise(edges)):
        known = table.known[a:b]
        if known.sum() >= 0.5 * g:
            unit = table.scale[a:b][known].max()
            factor = np.where(known, table.scale[a:b] / unit, 0.0).astype(np.float32)
            total = np.einsum("i,ij->j", factor, table.spectra[a:b])
            if total.max() > 0:
                # Split at a power of two, so that no bit depends on the unit.
                total = np.maximum(total, FLOOR * total.max())
                exponent = int(np.frexp(float(total.max()))[1])
                level = np.log(np.ldexp(unit, exponent) / known.sum())
                means[i] = np.log(np.ldexp(total, -exponent)) + level
    padded = np.concatenate([np.full((n_past, means.shape[1]), np.nan), means])
    rows = np.sort(sliding_window_view(padded, n_past, axis=0).reshape(-1, n_past), axis=1)
    medians = row_quantile(rows, 0.5).reshape(len(padded) - n_past + 1, -1)
    span = settings.spectrum_hops - 1
    now = (start + np.arange(len(table.blocks)) - span) // g - start // g
    return medians.astype(np.float32), now


@feature_e("dB", formula="RMS of 10 log10(P_k/P_(k−1)) over f", invariances="GO")
def spec_flux(w: Windows) -> np.ndarray:
    """Change of the spectrum against the window that ends where this one begins."""
    now = w.cached(_log_psd)
    # All but the first k of the windows before are windows of this batch.
    early = min(w.k, w.n)
    skip = min(max(0, w.k - w.first), early)
    before = [np.full((skip, now.shape[1]), np.nan, np.float32), now[: w.n - early]]
    if skip < early:
        head = Windows(w.table, w.past, w.first - w.k + skip, early - skip, w.grid)
        before.insert(1, _log_psd(head))
        unit = np.concatenate([w.psd_unit[:skip], head.psd_unit, w.psd_unit[: w.n - early]])
    else:
        unit = np.concatenate([w.psd_unit[:skip], w.psd_unit[: w.n - early]])
    louder = np.log(w.psd_unit / unit).astype(np.float32)
    return _rms_difference_db(now + louder[:, np.newaxis], np.concatenate(before))
