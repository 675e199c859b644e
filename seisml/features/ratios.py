"""Group C: ratios to the past (causal, of finite memory).

STA and LTA are means of x² over whole sub-blocks; the LTA ends where the STA begins, so an event
does not raise its own reference. Memory is finite and sums never subtract: a huge event leaves no
trace in the ratio once it has left the LTA, and after a gap there is NaN, not nlta/nsta.
"""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np

from seisml.features import fast
from seisml.features.frames import Past, Windows
from seisml.features.known import count_known, count_set, log10, mean_of_steps, nanmean, ratio
from seisml.features.registry import feature
from seisml.features.series import Series, against_past

feature_c = partial(feature, group="C", cost="H")
_ALLEN = "Allen 1978, doi:10.1785/BSSA0680051521"
_WITHERS = "Withers et al. 1998, doi:10.1785/BSSA0880010095"
_SWINDELL = "Swindell & Snell 1977, Texas Instruments report ALEX(01)-FR-77-01"
_STOTT = "Stott et al. 2023, doi:10.1093/gji/ggac464 (idea)"
ON_RATIO = 2.0
CACHE = 2**17
"""Values of a series that are worked on at once: some megabytes altogether."""


def _spans(past: Past, name: str) -> tuple[np.ndarray, int, int]:
    """Return the energies that resolve an STA, and STA and LTA in their steps."""
    sta_s, lta_s = {one: (sta, lta) for one, sta, lta in past.table.settings.sta_lta_s}[name]
    energy, step_s = past.at_resolution(sta_s)
    return energy, max(1, round(sta_s / step_s)), max(1, round(lta_s / step_s))


def _quotient(a: np.ndarray, b: np.ndarray, *, out: np.ndarray) -> None:
    """Write `ratio` of two arrays to a third one."""
    if b.size and b.min() > 0:
        np.divide(a, b, out=out)
    else:
        out[:] = ratio(a, b)


def _sta_lta(series: Series, n_sta: int, n_lta: int) -> tuple[np.ndarray, np.ndarray]:
    """Return STA/LTA of a series, the past STA over the LTA before it, and the STA.

    NaN where the STA is not complete or half of the LTA is missing (settling after a gap).
    """
    sta = series.mean(n_sta, min_share=1.0)
    return against_past(_quotient, sta, series.mean(n_lta, min_share=0.5), n=n_sta), sta


def _score(sta: np.ndarray, n_sta: int, n_lta: int) -> np.ndarray:
    """Return log STA over its mean in the LTA before it, in standard deviations."""
    log_sta = log10(sta)
    mean = Series(log_sta).mean(n_lta, min_share=0.5)
    variance = Series(log_sta * log_sta).mean(n_lta, min_share=0.5)
    variance -= mean * mean
    variance[variance <= 1e-12] = np.nan
    sd = np.sqrt(variance, out=variance)

    def score(now, mean, sd, *, out):
        np.divide(np.subtract(now, mean, out=out), sd, out=out)

    return against_past(score, log_sta, mean, sd, n=n_sta)


COLUMNS = (
    *(("short", "max"), ("mid", "max"), ("long", "max")),
    *(("mid", "mean"), ("mid", "on"), ("mid", "score")),
)
"""What windows need of the ratios in each block: the largest, the mean, the share of steps above
`ON_RATIO`, and the largest score."""


def _ratios(series: Series, n_sta: int, n_lta: int, wanted: set[str]) -> dict[str, np.ndarray]:
    """Return what is wanted of `COLUMNS` of one name."""
    now, sta = _sta_lta(series, n_sta, n_lta)
    found = {"max": np.fmax.reduce(now, axis=0)}
    if "mean" in wanted:
        found["mean"] = mean_of_steps(now)
    if "on" in wanted:
        found["on"] = ratio(count_set(now > ON_RATIO).astype(float), count_known(now))
    if "score" in wanted:
        found["score"] = np.fmax.reduce(_score(sta, n_sta, n_lta), axis=0)
    return found


def _compiled_ratios(series: Series, n_sta: int, n_lta: int, wanted: set[str]) -> dict:
    """Return the same, compiled, where all of the series is known."""
    if not series.complete:
        return _ratios(series, n_sta, n_lta, wanted)
    loops, x = fast.compiled("pastloops"), np.ascontiguousarray(series.x)
    sta, found = np.empty_like(x), np.empty((4, x.shape[1]))
    between = series.between(n_sta), series.between(n_lta)
    loops.ratios(x, n_sta, n_lta, *between, ON_RATIO, sta, found)
    largest, total, known, on = found
    out = {"max": largest, "mean": ratio(total, known), "on": ratio(on, known)}
    if "score" in wanted and not (sta <= 0).any():
        out["score"] = np.empty(x.shape[1])
        log_sta, head = np.log10(sta, out=sta), slice(0, -(-n_sta // len(sta)))
        log_sta[:, head] = np.nan_to_num(log_sta[:, head])  # nothing else is not known
        powers = log_sta, log_sta * log_sta
        between = (Series(one).between(n_lta) for one in powers)
        loops.scores(*powers, n_sta - 1, n_sta, n_lta, *between, out["score"])
    elif "score" in wanted:
        out["score"] = np.fmax.reduce(_score(sta, n_sta, n_lta), axis=0)
    return out


def _in_blocks(past: Past, columns: tuple[tuple[str, str], ...]) -> dict:
    """Return some of `COLUMNS`, whose STA all have one resolution, shape (n_blocks,) each."""
    spans = {name: _spans(past, name) for name, _ in columns}

    reduce = _compiled_ratios if fast.compiled("pastloops") else _ratios

    def reduced(part: np.ndarray) -> list[np.ndarray]:
        series, found = Series(part), {}
        for name, (_, *span) in spans.items():
            wanted = {what for one, what in columns if one == name}
            of_name = reduce(series, *span, wanted)
            found |= {(name, what): one for what, one in of_name.items()}
        return [found[column] for column in columns]

    energy = spans[columns[0][0]][0]
    history = max(2 * n_sta + n_lta for _, n_sta, n_lta in spans.values())
    return dict(zip(columns, in_pieces(reduced, energy, history), strict=True))


def _column(w: Windows, name: str, what: str) -> np.ndarray:
    """Return one of `COLUMNS`; all of one resolution are computed together."""
    steps = {one: len(_spans(w.past, one)[0]) for one, _, _ in w.settings.sta_lta_s}
    together = tuple(column for column in COLUMNS if steps[column[0]] == steps[name])
    return w.past.cached(_in_blocks, together)[name, what]


def in_pieces(function: Callable, x: np.ndarray, n: int) -> list:
    """Return the results of a function of a series, stretch by stretch.

    Parameters
    ----------
    function : callable
        ``function(part)`` returns arrays whose last axis is that of the blocks.
    x : numpy.ndarray, shape (n_steps, n_blocks)
    n : int
        How many values it looks back.

    Returns
    -------
    list of numpy.ndarray
        Results of all blocks, one array for each that the function returns; NaN before the first
        known value and after the last.
    """
    steps, blocks = x.shape
    history = -(-n // steps)
    width = max(CACHE // steps, history)
    some = np.flatnonzero(np.isfinite(x).any(axis=0))
    begin, end = (some[0], some[-1] + 1) if len(some) else (0, min(blocks, 1))
    found = []
    for first in range(begin, end, width):
        start, stop = max(begin, first - history), min(first + width, end)
        found.append([one[..., first - start :] for one in function(x[:, start:stop])])
    out = []
    for ones in zip(*found, strict=True):
        out.append(np.full((*ones[0].shape[:-1], blocks), np.nan))
        out[-1][..., begin:end] = np.concatenate(ones, axis=-1)
    return out


def sta_lta_of(past: Past, name: str) -> np.ndarray:
    """Return the STA/LTA of that name at every step, shape (n_blocks, n_steps)."""
    energy, n_sta, n_lta = _spans(past, name)
    return in_pieces(lambda part: _sta_lta(Series(part), n_sta, n_lta)[:1], energy, n_sta + n_lta)[
        0
    ].T


def max_ratio_alone(w: Windows, name: str) -> np.ndarray:
    """Return the largest STA/LTA of one name without computing the others."""
    return w.max(w.past.cached(_in_blocks, ((name, "max"),))[name, "max"])


@feature_c("", formula="max STA/LTA of x², 0.5/10 s", invariances="GRO", reference=_ALLEN)
def stalta_short_max(w: Windows) -> np.ndarray:
    """Largest short STA/LTA in the window: 1 on steady noise."""
    return w.max(_column(w, "short", "max"))


@feature_c("", formula="max STA/LTA of x², 2/60 s", invariances="GRO", reference=_WITHERS)
def stalta_mid_max(w: Windows) -> np.ndarray:
    """Largest middle STA/LTA in the window."""
    return w.max(_column(w, "mid", "max"))


@feature_c("", formula="max STA/LTA of x², 100/1000 s", invariances="GRO", reference=_WITHERS)
def stalta_long_max(w: Windows) -> np.ndarray:
    """Largest long STA/LTA in the window (marsquakes, tremor)."""
    return w.max(_column(w, "long", "max"))


@feature_c("", formula="mean STA/LTA of x², 2/60 s", invariances="GRO", reference=_WITHERS)
def stalta_mid_mean(w: Windows) -> np.ndarray:
    """Mean of the middle STA/LTA in the window."""
    return w.mean(_column(w, "mid", "mean"))


@feature_c("", formula="share of time with STA/LTA > 2, 2/60 s", invariances="GRO")
def stalta_on_fraction(w: Windows) -> np.ndarray:
    """Share of the window in which the middle STA/LTA exceeds 2."""
    return w.mean(_column(w, "mid", "on"))


@feature_c(
    "",
    formula="max (log STA − μ)/σ, μ and σ of log STA over the LTA before it, 2/60 s",
    invariances="GRO",
    reference=_SWINDELL,
)
def zscore_max(w: Windows) -> np.ndarray:
    """Largest deviation of the log STA from its own trailing mean, in standard deviations."""
    return w.max(_column(w, "mid", "score"))


def _block_energy(past: Past) -> np.ndarray:
    return mean_of_steps(past.table.energy.T)


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
    second = Series(past.shape_energy).mean(n, min_share=1.0)
    fourth = Series(past.table.fourth.T).mean(n, min_share=1.0)
    now = ratio(fourth, second * second)
    return np.fmax.reduce(against_past(np.subtract, now, now, n=1), axis=0) / step_s


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
