"""Group F: how the spectrum changes inside a window, from the columns of a spectrogram.

S(f, t) is the one-sided power spectral density (Hann taper, mean removed) in the analysis band.
Columns begin every sixth of a hop and are two sixths long, whatever the sampling rate; they
stand on the absolute grid of the hop blocks, so each is computed once for all windows that hold
it. A window has 6k - 1 columns that lie inside it. What leaks into a column and its rounding
are kept below by a floor of `FLOOR` of its largest power.

NaN where the analysis band has fewer than three frequencies, and for windows with a column that
is not complete or has no power at all (a gap, digital silence).
"""

import dataclasses
from collections.abc import Callable
from functools import wraps

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features.envelope import STEADY
from seisml.features.frames import Past, Windows
from seisml.features.known import crossing, log10, ratio
from seisml.features.peaks import count_peaks
from seisml.features.registry import feature
from seisml.features.shapes import FLOOR
from seisml.features.spectrum import MIN_BINS
from seisml.features.whole import batch_rows, batches, common_scale, complete_blocks, row_median
from seisml.times import NS_PER_S

STEPS = 6
"""Columns begin so many times in a hop; they are two steps long, so that neighbours share half."""
PEAK_DB = 3.0
"""Least prominence of a peak in power."""
PEAK_SHARE = 0.1
"""Least prominence of a peak in frequency, as a share of the width of the analysis band."""

_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"


@dataclasses.dataclass(frozen=True)
class Columns:
    """The spectrogram of a table and what windows need of each column.

    Attributes
    ----------
    frequencies_hz : numpy.ndarray, shape (n_frequencies,)
    power : numpy.ndarray of float32, shape (n_columns, n_frequencies)
        S in units of 4**exponent (a constant factor is left out); 0 where unknown.
    exponent : numpy.ndarray of int, shape (n_columns,)
    series : dict of str to numpy.ndarray, shape (n_columns,)
        Of each column, NaN where unknown: max, median (of S), total (sum of S), centroid, peak
        (frequency of the maximum), iqr (f75 - f25), all in Hz, and contrast (max - mean, dB).
    """

    frequencies_hz: np.ndarray
    power: np.ndarray
    exponent: np.ndarray
    series: dict[str, np.ndarray]


SERIES = ("max", "median", "total", "centroid", "peak", "iqr", "contrast")


def columns_of(past: Past) -> Columns | None:
    """Return the spectrogram of a table, None where the band has too few frequencies."""
    table = past.table
    n_block = table.samples.shape[1]
    n, step = 2 * n_block // STEPS, np.arange(STEPS) * n_block // STEPS
    low_hz, high_hz = table.settings.band_hz
    f = np.arange(n // 2 + 1) * (table.sampling_rate_hz / n) if n else np.empty(0)
    inside = (f > 0) & (f >= low_hz - 1e-9)
    inside &= f <= min(high_hz, 0.4 * table.sampling_rate_hz) + 1e-9
    if inside.sum() < MIN_BINS:
        return None
    bins = slice(int(inside.argmax()), int(inside.argmax() + inside.sum()))
    starts = np.arange(len(table.blocks))[:, np.newaxis] * n_block + step
    complete = past.cached(complete_blocks)
    # The last column of a block reaches into the next one.
    over = step + n > n_block
    known = complete[:, np.newaxis] & (~over | np.append(complete[1:], False)[:, np.newaxis])
    at = np.flatnonzero(known)
    power = np.zeros((known.size, bins.stop - bins.start), np.float32)
    exponent = np.zeros(known.size, int)
    series = np.full((known.size, len(SERIES)), np.nan)
    taper = np.hanning(n + 1)[:-1].astype(np.float32)
    for lot, x, two in batches(table.samples, starts.ravel()[at], n):
        z = scipy.fft.rfft(x * taper, axis=1)[:, bins]
        s = (z.real**2 + z.imag**2)[: len(two)]
        np.maximum(s, np.float32(FLOOR) * s.max(axis=1, keepdims=True), out=s)
        power[at[lot]], exponent[at[lot]] = s, two
        series[at[lot]] = _series_of(s, two, f[bins])
    return Columns(f[bins], power, exponent, dict(zip(SERIES, series.T.copy(), strict=True)))


def _series_of(s: np.ndarray, exponent: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Return the values of `SERIES` of some columns, shape (n_columns, 7)."""
    p = s.astype(float)
    largest, total = p.max(axis=1), p.sum(axis=1)
    running = np.cumsum(p, axis=1)
    iqr = (crossing(running, 0.75) - crossing(running, 0.25)) * (f[1] - f[0])
    level = log10(ratio(p, largest[:, np.newaxis]))
    values = [
        np.ldexp(largest, 2 * exponent),
        np.ldexp(row_median(p), 2 * exponent),
        np.ldexp(total, 2 * exponent),
        ratio((p * f).sum(axis=1), total),
        f[p.argmax(axis=1)],
        iqr,
        -10 * level.mean(axis=1),
    ]
    return np.where(largest > 0, values, np.nan).T


def feature_f(unit: str, **details) -> Callable:
    """Register a function of (windows, columns) as a feature of group F, NaN as stated above."""

    def register(function: Callable) -> Callable:
        @wraps(function)
        def track(w: Windows) -> np.ndarray:
            columns = w.past.cached(columns_of)
            if columns is None:
                return np.full(w.n, np.nan)
            return np.where(w.cached(_whole), function(w, columns), np.nan)

        details.setdefault("reference", _HIBERT)
        return feature(unit, group="F", cost="C", needs=("samples",), invariances="GO", **details)(
            track
        )

    return register


def _over_columns(w: Windows, values: np.ndarray) -> np.ndarray:
    """View values of the columns as windows: shape (n_windows, ..., 6k - 1)."""
    n = STEPS * w.k - 1
    rows = slice(STEPS * w.first, STEPS * (w.first + w.n - 1) + n)
    return sliding_window_view(values[rows], n, axis=0)[::STEPS]


def _series(w: Windows, name: str) -> np.ndarray:
    return _over_columns(w, w.past.cached(columns_of).series[name])


def _whole(w: Windows) -> np.ndarray:
    return np.isfinite(_series(w, "max")).all(axis=1)


def _ratios_in_time(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Mean over f of max_t S/mean_t S and of max_t S/median_t S."""
    columns = w.past.cached(columns_of)
    power, exponent = (_over_columns(w, a) for a in (columns.power, columns.exponent))
    to_mean, to_median = np.full((2, w.n), np.nan)
    at_all = np.flatnonzero(w.cached(_whole))
    step = batch_rows(power.shape[1] * power.shape[2])
    for first in range(0, len(at_all), step):
        at = at_all[first : first + step]
        s = np.moveaxis(power[at], 2, 1) * common_scale(2 * exponent[at])[:, :, np.newaxis]
        largest = s.max(axis=1)
        # 6k - 1 is odd.
        median = np.partition(s, s.shape[1] // 2, axis=1)[:, s.shape[1] // 2]
        for out, low in ((to_mean, s.mean(axis=1)), (to_median, median)):
            out[at] = ratio(largest, low).astype(float).mean(axis=1)
    return to_mean, to_median


@feature_f("", formula="mean_f (max_t S/mean_t S)")
def trk_max_mean(w: Windows, columns: Columns) -> np.ndarray:
    """Largest over mean power in time, mean over the frequencies: 1 where all is steady."""
    return w.cached(_ratios_in_time)[0]


@feature_f("", formula="mean_f (max_t S/median_t S)")
def trk_max_median(w: Windows, columns: Columns) -> np.ndarray:
    """Largest over median power in time, mean over the frequencies: 1 where all is steady."""
    return w.cached(_ratios_in_time)[1]


def _kurtosis(values: np.ndarray) -> np.ndarray:
    """Pearson kurtosis of each row of positive values, NaN where they are steady."""
    v = ratio(values, values.max(axis=1, keepdims=True))
    mean = v.mean(axis=1)
    square = (v - mean[:, np.newaxis]) ** 2
    m2 = square.mean(axis=1)
    m2 = np.where(m2 > (STEADY * mean) ** 2, m2, np.nan)
    return ratio((square**2).mean(axis=1), m2**2)


@feature_f("", formula="kurtosis of max_f S(t)")
def trk_kurt_max(w: Windows, columns: Columns) -> np.ndarray:
    """Pearson kurtosis in time of the largest power."""
    return _kurtosis(_series(w, "max"))


@feature_f("", formula="kurtosis of median_f S(t)")
def trk_kurt_median(w: Windows, columns: Columns) -> np.ndarray:
    """Pearson kurtosis in time of the median power."""
    return _kurtosis(_series(w, "median"))


def _peaks_a_minute(w: Windows, curves: np.ndarray, prominence: float) -> np.ndarray:
    count = count_peaks(np.ascontiguousarray(curves.T), prominence=prominence)
    return count / (w.length_ns / NS_PER_S / 60)


@feature_f("1/min", formula="peaks of 10 log10 max_f S(t), prominence 3 dB, per minute")
def trk_npeaks_max(w: Windows, columns: Columns) -> np.ndarray:
    """Peaks a minute of the largest power."""
    largest = _series(w, "max")
    level = 10 * log10(ratio(largest, largest.max(axis=1, keepdims=True)))
    return _peaks_a_minute(w, level, PEAK_DB)


@feature_f("1/min", formula="peaks of f_c(t), prominence 10 % of the band, per minute")
def trk_npeaks_centroid(w: Windows, columns: Columns) -> np.ndarray:
    """Peaks a minute of the centroid of the spectrum."""
    return _peaks_a_minute(w, _series(w, "centroid"), PEAK_SHARE * np.ptp(columns.frequencies_hz))


@feature_f("1/min", formula="peaks of argmax_f S(t), prominence 10 % of the band, per minute")
def trk_npeaks_fmax(w: Windows, columns: Columns) -> np.ndarray:
    """Peaks a minute of the frequency of the largest power."""
    return _peaks_a_minute(w, _series(w, "peak"), PEAK_SHARE * np.ptp(columns.frequencies_hz))


@feature_f("dB", formula="mean_t (max_f − mean_f) of 10 log10 S")
def trk_max_minus_mean(w: Windows, columns: Columns) -> np.ndarray:
    """Height of the largest power over the mean level, mean over time."""
    return _series(w, "contrast").mean(axis=1)


@feature_f("Hz", formula="mean_t (f75(t) − f25(t))")
def trk_iqr_f(w: Windows, columns: Columns) -> np.ndarray:
    """Width of the band that holds the middle half of the power, mean over time."""
    return _series(w, "iqr").mean(axis=1)


@feature_f("Hz", formula="std_t f_c(t)", reference="-")
def trk_fc_std(w: Windows, columns: Columns) -> np.ndarray:
    """Spread in time of the centroid of the spectrum: its standard deviation."""
    return _series(w, "centroid").std(axis=1)


@feature_f("Hz/s", formula="slope of f_c(t), least squares weighted by Σ_f S(t)", reference="-")
def trk_fc_slope(w: Windows, columns: Columns) -> np.ndarray:
    """Drift of the centroid of the spectrum: the rate of a linear chirp."""
    total, f = _series(w, "total"), _series(w, "centroid")
    weight = ratio(total, total.sum(axis=1, keepdims=True))
    t = np.arange(f.shape[1]) * (w.settings.grid.hop_s / STEPS)
    dt = t - (weight * t).sum(axis=1, keepdims=True)
    df = f - (weight * f).sum(axis=1, keepdims=True)
    return ratio((weight * dt * df).sum(axis=1), (weight * dt**2).sum(axis=1))
