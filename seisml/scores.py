"""Scores of classifiers: counts of blocks, rates with intervals, paired differences.

All scores come from one array, the confusion of each block of rows. Rows of a block are alike
(one swarm, one day, one station), so whole blocks are drawn again, never rows.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

SCORES = ("balanced_accuracy", "accuracy", "macro_f1")
FEW_BLOCKS = 10
"""With fewer blocks the intervals of a bootstrap are too narrow."""


def block_counts(truth, predicted, block, n_classes: int) -> np.ndarray:
    """Return the confusion of each block of rows.

    Parameters
    ----------
    truth, predicted : array_like of int, shape (n_rows,)
        Numbers of classes, 0 to ``n_classes - 1``.
    block : array_like of int, shape (n_rows,)
    n_classes : int

    Returns
    -------
    numpy.ndarray of int64, shape (n_blocks, n_classes, n_classes)
        Of each block, how many rows of a class (first) were given a class (second).

    Examples
    --------
    >>> block_counts([0, 1, 1], [0, 0, 1], [5, 5, 9], 2).tolist()
    [[[1, 0], [1, 0]], [[0, 0], [0, 1]]]
    """
    _, number = np.unique(block, return_inverse=True)
    n_blocks = int(number.max()) + 1 if len(number) else 0
    flat = (number * n_classes + np.asarray(truth)) * n_classes + np.asarray(predicted)
    counts = np.bincount(flat, minlength=n_blocks * n_classes**2)
    return counts.reshape(n_blocks, n_classes, n_classes)


def rates_of(confusion) -> dict[str, np.ndarray]:
    """Return scores of confusions, shape (..., n_classes, n_classes): `SCORES` and of each class.

    Returns
    -------
    dict of str to numpy.ndarray
        ``balanced_accuracy``, the mean recall of the classes; ``accuracy``; ``macro_f1``, the
        mean F1; shape (...). ``recall``, ``precision``, ``f1`` of each class, shape
        (..., n_classes). NaN for 0 / 0: a class without rows has no recall, and there is then no
        balanced accuracy.

    Examples
    --------
    >>> rates = rates_of(np.array([[8, 2], [0, 10]]))
    >>> round(float(rates["balanced_accuracy"]), 3), rates["precision"].round(3).tolist()
    (0.9, [1.0, 0.833])
    """
    confusion = np.asarray(confusion, dtype=np.float64)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, given = confusion.sum(-1), confusion.sum(-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, precision = right / true, right / given
        f1 = np.where(true > 0, 2 * right / (true + given), np.nan)
        accuracy = right.sum(-1) / true.sum(-1)
    return {
        "balanced_accuracy": recall.mean(-1),
        "accuracy": accuracy,
        "macro_f1": f1.mean(-1),
        "recall": recall,
        "precision": precision,
        "f1": f1,
    }


def draws(n_blocks: int, *, n_boot: int = 1000, seed: int = 0) -> np.ndarray:
    """Return how often each block is taken in each resample, int (n_boot, n_blocks).

    References
    ----------
    .. [1] Kuensch (1989), The jackknife and the bootstrap for general stationary observations,
       Annals of Statistics 17, https://doi.org/10.1214/aos/1176347265
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_blocks, np.full(n_blocks, 1 / max(1, n_blocks)), size=n_boot)


def interval(values) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % quantiles of resampled values, NaN where there are none."""
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def resampled(counts: np.ndarray, taken: np.ndarray) -> dict[str, np.ndarray]:
    """Return `rates_of` each resample of blocks.

    Parameters
    ----------
    counts : numpy.ndarray, shape (n_blocks, n_classes, n_classes)
    taken : numpy.ndarray of int, shape (n_boot, n_blocks)
        From `draws`.
    """
    n_classes = counts.shape[-1]
    sums = taken @ counts.reshape(len(counts), -1)
    return rates_of(sums.reshape(-1, n_classes, n_classes))


def score_table(
    counts: Mapping[str, np.ndarray], *, n_boot: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the scores of several models of the same rows, with 95 % intervals.

    Parameters
    ----------
    counts : mapping of str to numpy.ndarray, shape (n_blocks, n_classes, n_classes)
        From `block_counts`.
    n_boot, seed : int

    Returns
    -------
    pandas.DataFrame
        One row a model: model, and for each of `SCORES` the value, ``_low`` and ``_high``; NaN
        where there are fewer than three blocks.
    """
    rows = []
    for name, one in counts.items():
        taken = draws(len(one), n_boot=n_boot, seed=seed)
        whole, again = rates_of(one.sum(axis=0)), resampled(one, taken)
        row = {"model": name}
        for score in SCORES:
            low, high = interval(again[score]) if len(one) >= 3 else (math.nan, math.nan)
            row |= {score: float(whole[score]), f"{score}_low": low, f"{score}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def class_table(counts: np.ndarray, classes, *, n_boot: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return recall and precision of each class, with 95 % intervals and its share of the rows.

    Returns
    -------
    pandas.DataFrame
        One row a class: class, n_rows, prevalence, and recall, precision, f1 with ``_low`` and
        ``_high``.
    """
    taken = draws(len(counts), n_boot=n_boot, seed=seed)
    total = counts.sum(axis=0)
    whole, again = rates_of(total), resampled(counts, taken)
    rows = []
    for k, name in enumerate(classes):
        n = int(total[k].sum())
        row = {"class": str(name), "n_rows": n, "prevalence": n / max(1, int(total.sum()))}
        for score in ("recall", "precision", "f1"):
            known = len(counts) >= 3
            low, high = interval(again[score][:, k]) if known else (math.nan, math.nan)
            row |= {score: float(whole[score][k]), f"{score}_low": low, f"{score}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def paired_differences(
    counts: Mapping[str, np.ndarray],
    *,
    score: str = "balanced_accuracy",
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much better one model is than another on the same blocks.

    Both are scored on the same resampled blocks, so what makes a block hard for both cancels.

    Parameters
    ----------
    counts : mapping of str to numpy.ndarray
        From `block_counts`, of the same rows.
    score : str
        One of `SCORES`.
    n_boot, seed : int

    Returns
    -------
    pandas.DataFrame
        One row a pair: model, other, difference, low, high and ``share_better``, the share of
        resamples in which the first is better (ties count half).

    Notes
    -----
    The interval holds what other blocks would change in the test, not what other training data
    would change in the models.
    """
    names, rows = list(counts), []
    for k, name in enumerate(names):
        for other in names[:k]:
            taken = draws(len(counts[name]), n_boot=n_boot, seed=seed)
            first, second = (resampled(counts[one], taken)[score] for one in (name, other))
            whole = [float(rates_of(counts[one].sum(axis=0))[score]) for one in (name, other)]
            change = (first - second)[np.isfinite(first - second)]
            known = len(counts[name]) >= 3 and len(change)
            low, high = interval(change) if known else (math.nan, math.nan)
            better = np.mean((change > 0) + 0.5 * (change == 0)) if known else math.nan
            rows.append((name, other, whole[0] - whole[1], low, high, float(better)))
    columns = ["model", "other", "difference", "low", "high", "share_better"]
    return pd.DataFrame(rows, columns=columns)
