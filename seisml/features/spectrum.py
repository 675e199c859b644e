"""Group E: shape of the window's power spectrum, in Hz, inside the analysis band.

P is the one-sided Welch spectrum of the window (Hann, sub-windows of `Settings.spectrum_s`),
restricted to the band of the profile and to 0.8 of Nyquist; p = P/ΣP.
"""

import dataclasses
from collections.abc import Callable
from functools import wraps
from itertools import pairwise

import numpy as np

from seisml.features.blocks import BlockTable
from seisml.features.frames import LOT, Past, Windows, log10, lots, ratio, rows_times
from seisml.features.registry import feature
from seisml.features.series import count_set, sorted_columns

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
    square = r1 * r1
    m3 = r3 - r1 * (3 * r2 - 2 * square)
    m4 = r4 - r1 * (4 * r3 - r1 * (6 * r2 - 3 * square))
    return middle + half * r1, m2 * half**2, m3 * half**3, m4 * half**4


def _peak(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Bin and value of the largest power (NaN where unknown)."""
    return w.psd_peak, w.psd[np.arange(w.n), w.psd_peak]


def _log_psd(w: Windows) -> np.ndarray:
    """Natural logarithm of P, at least `FLOOR` of its maximum; NaN where there is no power."""
    _, largest = w.cached(_peak)
    floor = np.where(largest > 0, largest * np.float32(FLOOR), np.float32(np.nan))
    out = np.empty_like(w.psd)
    for lot in lots(w.n):
        part = np.maximum(w.psd[lot], floor[lot, np.newaxis], out=out[lot])
        np.log(part, out=part)
    return out


def _mean(w: Windows) -> np.ndarray:
    """Mean of P over the band."""
    return _weighted(w.psd, np.full(w.psd.shape[1], 1 / w.psd.shape[1], np.float32))


def _weighted(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum of each row with some weights, shape (n_rows,)."""
    return np.vecdot(rows, weights)


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
GROUP = 8
"""Bins that are passed over together when a quantile is looked up."""


def _quantiles(w: Windows) -> np.ndarray:
    """Frequencies below which the shares `QUANTILES` of the power lie, linear inside a bin.

    First the group of bins in which a share is reached, then the bin: (n_windows, n_quantiles).
    """
    f = w.frequencies_hz
    n_groups, ones = -(-len(f) // GROUP), np.ones(GROUP, np.float32)
    # What the last group lacks has no power. Products have one shape: see `rows_times`.
    padded = np.zeros((-(-w.n // LOT) * LOT, n_groups * GROUP), np.float32)
    total = np.empty((n_groups, len(padded)))
    for lot in lots(w.n):
        padded[lot, : len(f)] = w.psd[lot]
    groups = padded.reshape(-1, GROUP)
    for lot in lots(len(padded)):
        part = groups[lot.start * n_groups : lot.stop * n_groups] @ ones
        total[:, lot] = part.reshape(LOT, n_groups).T
    for i in range(1, n_groups):
        total[i] += total[i - 1]
    columns, out = np.arange(len(padded)), np.empty((w.n, len(QUANTILES)))
    inside = np.triu(np.ones((GROUP, GROUP), np.float32))
    for i, q in enumerate(QUANTILES):
        wanted = q * total[-1]
        group = count_set(total[:-1] < wanted)
        rest = wanted - np.where(group > 0, total[group - 1, columns], 0.0)
        fine = groups[columns * n_groups + group]
        running = rows_times(fine, inside)
        below = (running < rest[:, np.newaxis]).view(np.uint64)  # eight flags a number
        at = np.minimum(np.bitwise_count(below).sum(axis=1, dtype=np.int64), GROUP - 1)
        step = fine[columns, at]
        part = (rest - (running[columns, at] - step)) / np.where(step > 0, step, 1)
        out[:, i] = (GROUP * group + at + np.clip(part, 0.0, 1.0))[: w.n]
    out[~(total[-1, : w.n] > 0)] = np.nan
    return f[0] + (out - 0.5) * (f[1] - f[0])


def _register_quantiles() -> None:
    for i, q in enumerate(QUANTILES):

        def function(w: Windows, i: int = i) -> np.ndarray:
            return w.cached(_quantiles)[:, i]

        name = f"f{100 * q:02.0f}"

        function.__doc__ = f"Frequency below which {100 * q:g} % of the power lies."
        formula = f"cumulative p = {q:g}"
        feature_e("Hz", name=name, formula=formula, invariances="GLO", reference=_HIBERT)(function)


_register_quantiles()


def _mean_log(w: Windows) -> np.ndarray:
    """Mean of ln P over the band."""
    n_f = w.psd.shape[1]
    return _weighted(w.cached(_log_psd), np.full(n_f, 1 / n_f, np.float32))


@feature_e("", formula="exp(mean ln P)/mean P", invariances="GO", reference=_GRAY)
def spec_flatness(w: Windows) -> np.ndarray:
    """Spectral flatness: 1 for an even spectrum, 0 for a line."""
    return ratio(np.exp(w.cached(_mean_log)), w.cached(_mean))


@feature_e("", formula="−Σ p ln p / ln N_f", invariances="GO", reference=_INOUYE)
def spec_entropy(w: Windows) -> np.ndarray:
    """Spectral entropy: 1 for an even spectrum, 0 for a line."""
    # −Σ p ln p = ln ΣP − Σ P ln P / ΣP
    n_f = w.psd.shape[1]
    total = w.cached(_mean) * n_f
    weighted = np.vecdot(w.psd, w.cached(_log_psd))
    return (np.log(10.0) * log10(total) - ratio(weighted, total)) / np.log(n_f)


@feature_e("", formula="slope of log10 P over log10 f (least squares)", invariances="GL")
def spec_slope(w: Windows) -> np.ndarray:
    """Slope of the spectrum in logarithmic axes: 0 for white noise."""
    x = np.log(w.frequencies_hz)
    x = x - x.mean()
    return _weighted(w.cached(_log_psd), (x / (x @ x)).astype(np.float32))


@feature_e("", formula="max P/mean P", invariances="GO", reference=_HIBERT)
def spec_crest(w: Windows) -> np.ndarray:
    """Largest power over mean power."""
    return ratio(w.cached(_peak)[1], w.cached(_mean))


DB = 10.0 / np.log(10.0)


def _rms_difference_db(now: np.ndarray, other: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """RMS of ``now - other + shift``; one shift a row, 0 for most."""
    out, room = np.empty(len(now), np.float32), np.empty((LOT, now.shape[1]), np.float32)
    shift = shift.astype(np.float32)
    for lot in lots(len(now)):
        there = other[lot] if other.ndim == 2 else other
        change = np.subtract(now[lot], there, out=room[: lot.stop - lot.start])
        if shift[lot].any():
            change += shift[lot, np.newaxis]
        np.vecdot(change, change, out=out[lot])
    return DB * np.sqrt(out / now.shape[1])


@feature_e(
    "dB",
    formula="RMS of 10 log10(P/P_b), P_b median of mean P of 5 min each over the past hour",
    invariances="GO",
)
def spec_distance(w: Windows) -> np.ndarray:
    """Distance of the spectrum from that of the past hour (log-spectral distance)."""
    level, group_of = w.past.cached(_background_log_psd)
    group, log_psd = group_of[w.rows], w.cached(_log_psd)
    unit = np.log(w.psd_unit)
    out = np.full(w.n, np.nan)
    # One stretch after the other that has the same background.
    edges = np.flatnonzero(np.diff(group, prepend=group[0] - 1, append=group[-1] + 1))
    for rows in (slice(a, b) for a, b in pairwise(edges.tolist())):
        if group[rows.start] >= 0:
            background = level[group[rows.start]] - np.float32(unit[rows.start])
            shift = unit[rows] - unit[rows.start]
            out[rows] = _rms_difference_db(log_psd[rows], background, shift)
    return out


def _background_log_psd(past: Past) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the median spectrum of the hour before each group of hops; group by block.

    The hour has twelve groups; none of them reaches into the window.
    """
    table, settings = past.table, past.table.settings
    g, start = settings.background_spectrum_hops, table.blocks.start
    n_past = max(2, round(settings.background_s / (g * settings.grid.hop_s)))
    means = _log_means(table, g)
    # Row i + j of the padded means is group j of the hour before group i + 1.
    n_groups = len(means)
    padded = np.concatenate([np.full((n_past - 1, means.shape[1]), np.nan, np.float32), means])
    hours = np.stack([padded[i : i + n_groups].ravel() for i in range(n_past)])
    medians = _median(sorted_columns(hours)).reshape(means.shape)
    medians = np.concatenate([np.full((1, means.shape[1]), np.nan, np.float32), medians])
    span = settings.spectrum_hops - 1
    now = (start + np.arange(len(table.blocks)) - span) // g - start // g
    return medians, now


def _log_means(table: BlockTable, g: int) -> np.ndarray:
    """Logarithm of the mean spectrum of each group of g blocks, float32, NaN if half is unknown."""
    start = table.blocks.start
    group = (start + np.arange(len(table.blocks))) // g - start // g
    edges = np.searchsorted(group, np.arange(group[-1] + 2))
    total = np.zeros((len(edges) - 1, len(table.frequencies_hz)), np.float32)
    count, unit = np.zeros(len(total)), np.ones(len(total))
    for i, (a, b) in enumerate(pairwise(edges.tolist())):
        known, scale = table.known[a:b], table.scale[a:b]
        count[i] = np.count_nonzero(known)
        if count[i] >= 0.5 * g:
            unit[i], power = scale[known].max(), table.spectra[a:b]
            if (scale[known] != unit[i]).any():
                factor = np.where(known, scale / unit[i], 0.0)
                power = power * factor[:, np.newaxis].astype(np.float32)
            np.add.reduce(power, axis=0, out=total[i])
    largest = total.max(axis=1, initial=0.0, keepdims=True)
    # Split at a power of two, so that no bit depends on the unit.
    fraction, exponent = np.frexp(largest)
    total = np.maximum(np.ldexp(total, -exponent), np.float32(FLOOR) * fraction)
    level = np.log(np.ldexp(unit, exponent[:, 0]) / np.maximum(count, 1))
    known = largest > 0
    logarithm = np.log(total, where=known, out=np.full(total.shape, np.nan, np.float32))
    return (logarithm + level[:, np.newaxis]).astype(np.float32)


def _median(rows: np.ndarray) -> np.ndarray:
    """Median of what is known of sorted columns, NaN where fewer than two values are."""
    n = count_set(np.isfinite(rows))
    high, columns = n // 2, np.arange(rows.shape[1])
    middle = (
        rows[np.maximum(n - 1, 0) // 2, columns] + rows[np.minimum(high, len(rows) - 1), columns]
    ) / 2
    return np.where(n >= 2, middle, np.float32(np.nan))


@feature_e("dB", formula="RMS of 10 log10(P_k/P_(k−1)) over f", invariances="GO")
def spec_flux(w: Windows) -> np.ndarray:
    """Change of the spectrum against the window that ends where this one begins."""
    now, k = w.cached(_log_psd), min(w.k, w.n)
    out = np.full(w.n, np.nan)
    # All but the first k of the windows before are windows of this batch.
    shift = np.log(w.psd_unit[k:] / w.psd_unit[: w.n - k])
    out[k:] = _rms_difference_db(now[k:], now[: w.n - k], shift)
    skip = min(max(0, w.k - w.first), k)
    if skip < k:
        head = dataclasses.replace(w, first=w.first - w.k + skip, n=k - skip)
        shift = np.log(w.psd_unit[skip:k] / head.psd_unit)
        out[skip:k] = _rms_difference_db(now[skip:k], head.cached(_log_psd), shift)
    return out
