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
    moving_count,
    moving_sum,
    nanmax,
    nanmean,
    ratio,
)
from seisml.features.registry import feature

feature_c = partial(feature, group="C")
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
    log_sta = log10(past.mean_energy(sta_s, min_share=1.0))
    known = np.isfinite(log_sta)
    n, delay = round(lta_s / settings.sub_s), max(1, round(sta_s / settings.sub_s))
    value = np.where(known, log_sta, 0.0)
    count = moving_count(known, n)
    mean = ratio(moving_sum(value, n), count)
    variance = ratio(moving_sum(value**2, n), count) - mean**2
    enough = (count >= 0.5 * n) & (variance > 1e-12)
    mean, sd = np.where(enough, mean, np.nan), np.sqrt(np.where(enough, variance, np.nan))
    score = np.full_like(value, np.nan)
    score[delay:] = (log_sta[delay:] - mean[:-delay]) / sd[:-delay]
    return nanmax(score.reshape(past.table.energy.shape))


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
