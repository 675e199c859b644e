"""Scores of windows and of events for models beside each other, on the same resampled blocks.

Windows are scored over all thresholds: scores are counted in ranked bins, one histogram a block,
so that a million windows are resampled as fast as a thousand.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.comparison import Comparison
from seisml.labels import EVENT, NOISE
from seisml.model import make_blocks
from seisml.resampling import Blocks, paired_tables, rates
from seisml.scores import draws, interval

N_BINS = 1000
RATES = ("recall", "precision", "f1", "unmatched_per_day")


def window_scores(
    windows: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    n_boot: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how well scores tell event windows from noise windows, whatever the threshold.

    Parameters
    ----------
    windows : pandas.DataFrame
        ``time_ns``, ``state`` (`seisml.labels`) and the scores, for example
        ``Training.windows``; what is neither event nor noise, or has no score, does not count.
    columns : mapping of str to str
        Name of a model to the column of its score.
    n_boot, seed : int

    Returns
    -------
    pandas.DataFrame
        One row a model: model, n_event, n_noise, prevalence, average_precision (guessing reaches
        the prevalence) and roc_auc (guessing reaches 0.5), each with ``_low`` and ``_high``; then
        one row a pair, named "a − b", with the differences on the same blocks.
    """
    state = windows["state"].to_numpy()
    values = {name: windows[column].to_numpy(np.float64) for name, column in columns.items()}
    use = np.isin(state, (EVENT, NOISE))
    for one in values.values():
        use &= np.isfinite(one)
    event, time_ns = state[use] == EVENT, windows["time_ns"].to_numpy()[use]
    counts = {"n_event": int(event.sum()), "n_noise": int((~event).sum())}
    counts["prevalence"] = counts["n_event"] / max(1, len(event))
    block = make_blocks(time_ns, block_s=block_length_s(time_ns), min_blocks=10)
    n_blocks = int(block.max()) + 1 if len(block) else 0
    taken = draws(max(1, n_blocks), n_boot=n_boot, seed=seed)
    whole, again = {}, {}
    for name, one in values.items():
        histogram = histograms(one[use], event, block, n_blocks)
        whole[name] = areas(histogram.sum(axis=0))
        flat = (taken @ histogram.reshape(n_blocks, -1)).reshape(len(taken), *histogram.shape[1:])
        again[name] = areas(flat)
    rows = [_row(name, whole[name], again[name], counts) for name in values]
    names = list(values)
    for k, name in enumerate(names):
        for other in names[k + 1 :]:
            change = {key: whole[name][key] - whole[other][key] for key in whole[name]}
            moved = {key: again[name][key] - again[other][key] for key in again[name]}
            rows.append(_row(f"{name} − {other}", change, moved, counts))
    return pd.DataFrame(rows)


def block_length_s(time_ns: np.ndarray) -> float:
    """Return days, or parts of the record where it has few of them."""
    span_s = float(np.ptp(time_ns)) / 1e9 if len(time_ns) else 0.0
    return 86_400.0 if span_s > 10 * 86_400 else max(60.0, span_s / 30)


def histograms(score, event, block, n_blocks: int) -> np.ndarray:
    """Return (n_blocks, 2, n_bins): noise and event windows in bins of falling score.

    Scores of events have bins of their own, all where there are few of them: of a million windows
    with a hundred events, the highest of a thousand bins of equal size holds all events, and nine
    hundred windows of noise.
    """
    share = np.linspace(0, 1, N_BINS // 2 + 1)
    own = score[np.asarray(event, bool)]
    if len(own) > len(share):
        own = np.quantile(own, share, method="nearest")
    even = np.quantile(score, share[1:-1]) if len(score) else own
    edges = np.unique(np.concatenate([even, own, np.nextafter(own, np.inf)]))
    bins = len(edges) - np.searchsorted(edges, score, "right")
    out = np.zeros((n_blocks, 2, len(edges) + 1), dtype=np.int64)
    np.add.at(out, (block, event.astype(int), bins), 1)
    return out


def areas(histogram: np.ndarray) -> dict:
    """Return the areas under the curves of precision over recall, and of the ROC."""
    noise, event = histogram[..., 0, :], histogram[..., 1, :]
    fp, tp = np.cumsum(noise, axis=-1), np.cumsum(event, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
        average = (precision * event).sum(axis=-1) / tp[..., -1]
        # A tie counts half.
        auc = ((tp - event / 2) * noise).sum(axis=-1) / (tp[..., -1] * fp[..., -1])
    return {"average_precision": average, "roc_auc": auc}


def _row(name: str, whole: Mapping, again: Mapping, counts: Mapping) -> dict:
    row = {"model": name, **counts}
    for key, value in whole.items():
        low, high = interval(again[key])
        row |= {key: float(value), f"{key}_low": low, f"{key}_high": high}
    return row


def event_differences(
    first: Comparison,
    second: Comparison,
    *,
    block_s: float | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much better one detector's events are than another's on the same blocks of time.

    Parameters
    ----------
    first, second : Comparison
        With the same expert and coverage.
    block_s : float, s, optional
        By default days (sols), or parts of the coverage where it has fewer than ten of them.
    n_boot, seed : int

    Returns
    -------
    pandas.DataFrame
        One row a rate: rate, first, second, difference, low, high, share_better (share of
        resamples; fewer unmatched are better) and n_blocks.
    """
    blocks = Blocks.of(first, block_s or _event_block_s(first))
    tables = paired_tables(first, second, blocks)
    taken = draws(max(1, len(tables[0])), n_boot=n_boot, seed=seed)
    whole = [rates(*table.sum(axis=0)) for table in tables]
    known = len(tables[0]) >= 3
    again = [rates(*(taken @ table).T) for table in tables] if known else [{}, {}]
    rows = []
    for name in RATES:
        row = {"rate": name, "first": float(whole[0][name]), "second": float(whole[1][name])}
        row["difference"] = row["first"] - row["second"]
        row |= {"low": math.nan, "high": math.nan, "share_better": math.nan}
        if known:
            change = again[0][name] - again[1][name]
            change = change[np.isfinite(change)]
            row["low"], row["high"] = interval(change)
            sign = -1 if name == "unmatched_per_day" else 1
            better = np.mean((sign * change > 0) + 0.5 * (change == 0)) if len(change) else math.nan
            row["share_better"] = float(better)
        rows.append({**row, "n_blocks": len(tables[0])})
    return pd.DataFrame(rows)


def _event_block_s(c: Comparison) -> float | None:
    """Return None for days, or a shorter block where the coverage has few days."""
    if c.coverage is None:
        return None
    spans = [cover for cover in c.coverage.values() if len(cover)]
    if not spans:
        return None
    span_s = (max(s[-1, 1] for s in spans) - min(s[0, 0] for s in spans)) / 1e9
    return None if span_s > 10 * 86_400 else max(60.0, span_s / 30)
