"""Group C: ratios to the past (causal, of finite memory).

STA and LTA are means of x² over whole sub-blocks; the LTA ends where the STA begins, so an event
does not raise its own reference. Memory is finite and sums never subtract: a huge event leaves no
trace in the ratio once it has left the LTA, and after a gap there is NaN, not nlta/nsta.
"""

from functools import partial

import numpy as np

from seisml.features.frames import (
    Past,
    Windows,
    log10,
    moving_mean,
    nanmax,
    nanmean,
    ratio,
)
from seisml.features.registry import feature

feature_c = partial(feature, group="C", cost="H")
_ALLEN = "Allen 1978, doi:10.1785/BSSA0680051521"
_WITHERS = "Withers et al. 1998, doi:10.1785/BSSA0880010095"
_SWINDELL = "Swindell & Snell 1977, Texas Instruments report ALEX(01)-FR-77-01"
_STOTT = "Stott et al. 2023, doi:10.1093/gji/ggac464 (idea)"
ON_RATIO = 2.0


def _max_of_block(past: Past, name: str) -> np.ndarray:
    return nanmax(past.cached(Past.sta_lta, name))


def _max_ratio(w: Windows, name: str) -> np.ndarray:
    return nanmax(w.over_blocks(w.past.cached(_max_of_block, name)))


@feature_c("", formula="max STA/LTA of x², 0.5/10 s", invariances="GRO", reference=_ALLEN)
def stalta_short_max(w: Windows) -> np.ndarray:
    """Largest short STA/LTA in the window: 1 on steady noise."""
    return _max_ratio(w, "short")


@feature_c("", formula="max STA/LTA of x², 2/60 s", invariances="GRO", reference=_WITHERS)
def stalta_mid_max(w: Windows) -> np.ndarray:
    """Largest middle STA/LTA in the window."""
    return _max_ratio(w, "mid")


@feature_c("", formula="max STA/LTA of x², 100/1000 s", invariances="GRO", reference=_WITHERS)
def stalta_long_max(w: Windows) -> np.ndarray:
    """Largest long STA/LTA in the window (marsquakes, tremor)."""
    return _max_ratio(w, "long")


def _mean_of_block(past: Past) -> np.ndarray:
    return nanmean(past.cached(Past.sta_lta, "mid"))


@feature_c("", formula="mean STA/LTA of x², 2/60 s", invariances="GRO", reference=_WITHERS)
def stalta_mid_mean(w: Windows) -> np.ndarray:
    """Mean of the middle STA/LTA in the window."""
    return nanmean(w.over_blocks(w.past.cached(_mean_of_block)))


def _on_share_of_block(past: Past) -> np.ndarray:
    values = past.cached(Past.sta_lta, "mid")
    known = np.isfinite(values)
    return ratio((known & (values > ON_RATIO)).sum(axis=1).astype(float), known.sum(axis=1))


@feature_c("", formula="share of time with STA/LTA > 2, 2/60 s", invariances="GRO")
def stalta_on_fraction(w: Windows) -> np.ndarray:
    """Share of the window in which the middle STA/LTA exceeds 2."""
    return nanmean(w.over_blocks(w.past.cached(_on_share_of_block)))


def _max_score_of_block(past: Past) -> np.ndarray:
    settings = past.table.settings
    sta_s, lta_s = {name: (sta, lta) for name, sta, lta in settings.sta_lta_s}["mid"]
    energy, step_s = past.at_resolution(sta_s)
    n_sta, n_lta = (max(1, round(t / step_s)) for t in (sta_s, lta_s))
    log_sta = log10(moving_mean(energy, n_sta, min_share=1.0))
    mean = moving_mean(log_sta, n_lta, min_share=0.5)
    variance = moving_mean(log_sta**2, n_lta, min_share=0.5) - mean**2
    sd = np.sqrt(np.where(variance > 1e-12, variance, np.nan))
    score = np.full_like(log_sta, np.nan)
    score[n_sta:] = (log_sta[n_sta:] - mean[:-n_sta]) / sd[:-n_sta]
    return nanmax(score.reshape(len(past.table.blocks), -1))


@feature_c(
    "",
    formula="max (log STA − μ)/σ, μ and σ of log STA over the LTA before it, 2/60 s",
    invariances="GRO",
    reference=_SWINDELL,
)
def zscore_max(w: Windows) -> np.ndarray:
    """Largest deviation of the log STA from its own trailing mean, in standard deviations."""
    return nanmax(w.over_blocks(w.past.cached(_max_score_of_block)))


def _block_energy(past: Past) -> np.ndarray:
    return nanmean(past.table.energy)


def _background(past: Past) -> np.ndarray:
    return past.background(past.cached(_block_energy))


@feature_c(
    "log10",
    formula="log10 E − log10 (30 % quantile of E over the past hour)",
    invariances="GLRO",
    reference=_STOTT,
)
def rel_energy(w: Windows) -> np.ndarray:
    """Energy over the causal background: removes the daily course of wind and traffic."""
    return log10(w.moments[1]) - log10(w.past.cached(_background)[w.rows])


@feature_c("log10", formula="log10 E_k − log10 E_(k−1)", invariances="GLRO")
def dlog_energy(w: Windows) -> np.ndarray:
    """Change of the log energy against the window that ends where this one begins."""
    energy = w.past.cached(_block_energy)
    now = log10(nanmean(w.over_blocks(energy)))
    before = np.full(w.n, np.nan)
    first = w.first - w.k
    skip = max(0, -first)
    if skip < w.n:
        view = np.lib.stride_tricks.sliding_window_view(energy, w.k)
        before[skip:] = nanmean(view[first + skip : first + w.n])
    return now - log10(before)


@feature_c(
    "log10",
    formula="log10(mean x² of the second half / mean x² of the first half)",
    invariances="GO",
)
def energy_step(w: Windows) -> np.ndarray:
    """Growth of the energy from the first half of the window to the second."""
    half = w.energy.shape[1] // 2
    if half == 0:
        return np.full(w.n, np.nan)
    return log10(nanmean(w.energy[:, -half:])) - log10(nanmean(w.energy[:, :half]))


KURTOSIS_S = 3.0
"""Length of the running kurtosis."""


def _max_kurtosis_rate(past: Past) -> np.ndarray:
    """Largest growth a second of the kurtosis of the past `KURTOSIS_S`, in each block."""
    step_s = past.table.settings.shape_s
    n = max(1, round(KURTOSIS_S / step_s))
    second = moving_mean(past.shape_energy, n, min_share=1.0)
    fourth = moving_mean(past.table.fourth.ravel(), n, min_share=1.0)
    rate = np.full_like(second, np.nan)
    rate[1:] = np.diff(ratio(fourth, second**2)) / step_s
    return nanmax(rate.reshape(len(past.table.blocks), -1))


@feature_c(
    "1/s",
    formula="max d/dt of <x⁴>/<x²>² over the past 3 s, in steps of 0.5 s",
    invariances="GO",
    reference="Langet et al. 2014, doi:10.1785/0120130107; "
    "Baillard et al. 2014, doi:10.1785/0120120347",
    cost="S",
)
def kurtosis_cf_max(w: Windows) -> np.ndarray:
    """Steepest growth of the running kurtosis: high at impulsive onsets."""
    return nanmax(w.over_blocks(w.past.cached(_max_kurtosis_rate)))
