"""Group C: ratios to the past (causal, of finite memory).

STA and LTA are means of x² over whole sub-blocks; the LTA ends where the STA begins, so an event
does not raise its own reference. Memory is finite and sums never subtract: a huge event leaves no
trace in the ratio once it has left the LTA, and after a gap there is NaN, not nlta/nsta.
"""

import dataclasses
from functools import partial

import numpy as np

from seisml.features.frames import Past, Windows, log10, nanmean, ratio
from seisml.features.registry import feature
from seisml.features.series import count_set, delayed, in_pieces, trailing_mean

feature_c = partial(feature, group="C", cost="H")
_ALLEN = "Allen 1978, doi:10.1785/BSSA0680051521"
_WITHERS = "Withers et al. 1998, doi:10.1785/BSSA0880010095"
_SWINDELL = "Swindell & Snell 1977, Texas Instruments report ALEX(01)-FR-77-01"
_STOTT = "Stott et al. 2023, doi:10.1093/gji/ggac464 (idea)"
ON_RATIO = 2.0


def _energy(past: Past, name: str) -> tuple[np.ndarray, int, int]:
    """Return the energies that resolve an STA, and STA and LTA in their steps."""
    sta_s, lta_s = {one: (sta, lta) for one, sta, lta in past.table.settings.sta_lta_s}[name]
    energy, step_s = past.at_resolution(sta_s)
    return energy, max(1, round(sta_s / step_s)), max(1, round(lta_s / step_s))


def sta_lta(energy: np.ndarray, n_sta: int, n_lta: int) -> np.ndarray:
    """Return STA/LTA of a series (n_steps, n_blocks): the past STA over the LTA before it.

    NaN where the STA is not complete or half of the LTA is missing (settling after a gap).
    """
    sta = trailing_mean(energy, n_sta, min_share=1.0)
    return ratio(sta, delayed(trailing_mean(energy, n_lta, min_share=0.5), n_sta))


def _ratio_of_block(past: Past, name: str) -> list[np.ndarray]:
    """Return the largest STA/LTA of each block, its mean and the share of steps above the limit."""
    energy, n_sta, n_lta = _energy(past, name)

    def reduced(part: np.ndarray) -> tuple[np.ndarray, ...]:
        found = sta_lta(part, n_sta, n_lta)
        count, on = count_set(np.isfinite(found)), count_set(found > ON_RATIO)
        return np.fmax.reduce(found, axis=0), nanmean(found.T), ratio(on.astype(float), count)

    return in_pieces(reduced, energy, n_sta + n_lta)


def sta_lta_of(past: Past, name: str) -> np.ndarray:
    """Return the STA/LTA of that name at every step, shape (n_blocks, n_steps)."""
    energy, n_sta, n_lta = _energy(past, name)
    return in_pieces(lambda part: (sta_lta(part, n_sta, n_lta),), energy, n_sta + n_lta)[0].T


def _max_ratio(w: Windows, name: str) -> np.ndarray:
    return w.max(w.past.cached(_ratio_of_block, name)[0])


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


@feature_c("", formula="mean STA/LTA of x², 2/60 s", invariances="GRO", reference=_WITHERS)
def stalta_mid_mean(w: Windows) -> np.ndarray:
    """Mean of the middle STA/LTA in the window."""
    return w.mean(w.past.cached(_ratio_of_block, "mid")[1])


@feature_c("", formula="share of time with STA/LTA > 2, 2/60 s", invariances="GRO")
def stalta_on_fraction(w: Windows) -> np.ndarray:
    """Share of the window in which the middle STA/LTA exceeds 2."""
    return w.mean(w.past.cached(_ratio_of_block, "mid")[2])


def _max_score_of_block(past: Past) -> np.ndarray:
    energy, n_sta, n_lta = _energy(past, "mid")

    def reduced(part: np.ndarray) -> tuple[np.ndarray]:
        log_sta = log10(trailing_mean(part, n_sta, min_share=1.0))
        mean = trailing_mean(log_sta, n_lta, min_share=0.5)
        variance = trailing_mean(log_sta * log_sta, n_lta, min_share=0.5) - mean * mean
        variance[variance <= 1e-12] = np.nan
        sd = np.sqrt(variance, out=variance)
        score = (log_sta - delayed(mean, n_sta)) / delayed(sd, n_sta)
        return (np.fmax.reduce(score, axis=0),)

    return in_pieces(reduced, energy, 2 * n_sta + n_lta)[0]


@feature_c(
    "",
    formula="max (log STA − μ)/σ, μ and σ of log STA over the LTA before it, 2/60 s",
    invariances="GRO",
    reference=_SWINDELL,
)
def zscore_max(w: Windows) -> np.ndarray:
    """Largest deviation of the log STA from its own trailing mean, in standard deviations."""
    return w.max(w.past.cached(_max_score_of_block))


def _block_energy(past: Past) -> np.ndarray:
    return nanmean(past.table.energy)


def _background(past: Past) -> np.ndarray:
    return past.background(past.cached(_block_energy))


@feature_c(
    "log10",
    formula="log10 E − log10 (30 % quantile of E of 10 s each over the past hour)",
    invariances="GLRO",
    reference=_STOTT,
)
def rel_energy(w: Windows) -> np.ndarray:
    """Energy over the causal background: removes the daily course of wind and traffic.

    The background is a quantile of mean energies of 1/360 of its memory each (10 s of an hour).
    """
    return log10(w.moments[1]) - log10(w.past.cached(_background)[w.rows])


@feature_c("log10", formula="log10 E_k − log10 E_(k−1)", invariances="GLRO")
def dlog_energy(w: Windows) -> np.ndarray:
    """Change of the log energy against the window that ends where this one begins."""
    energy = w.past.cached(_block_energy)
    before, skip = np.full(w.n, np.nan), min(max(0, w.k - w.first), w.n)
    if skip < w.n:
        earlier = dataclasses.replace(w, first=w.first - w.k + skip, n=w.n - skip)
        before[skip:] = earlier.mean(energy)
    return log10(w.mean(energy)) - log10(before)


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
    second = trailing_mean(past.shape_energy, n, min_share=1.0)
    fourth = trailing_mean(past.table.fourth.T, n, min_share=1.0)
    now = ratio(fourth, second * second)
    return np.fmax.reduce((now - delayed(now, 1)) / step_s, axis=0)


@feature_c(
    "1/s",
    formula="max d/dt of <x⁴>/<x²>² over the past 3 s, in steps of 0.5 s",
    invariances="GO",
    reference="Langet et al. 2014, doi:10.1785/0120130107; "
    "Baillard et al. 2014, doi:10.1785/0120120347",
    cost="S",
)
def kurtosis_cf_max(w: Windows) -> np.ndarray:
    """Steepest growth of the running kurtosis: high at impulsive onsets.

    Of <x²> and <x⁴> of half seconds (`Settings.shape_s`), and not of every sample.
    """
    return w.max(w.past.cached(_max_kurtosis_rate))
