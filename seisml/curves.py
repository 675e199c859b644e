"""Curves of a comparison: over the tolerance and over the score, with 95 % intervals."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.compare import compare
from seisml.comparison import Comparison
from seisml.errors import CatalogError
from seisml.metrics import metrics
from seisml.outcomes import with_outcome
from seisml.resampling import Blocks, bootstrap, rates

_BANDS = ("recall", "precision")  # have limits in the tables


def tolerance_curve(
    machine: Catalog,
    expert: Catalog,
    tolerances_s: Iterable[float],
    *,
    n_shifts: int = 100,
    n_boot: int = 1000,
    seed: int = 0,
    **options,
) -> pd.DataFrame:
    """Return the agreement of two catalogues for several tolerances.

    Parameters
    ----------
    machine, expert : Catalog
    tolerances_s : iterable of float
        Largest onset differences, s.
    n_shifts, n_boot, seed : int
        Of the chance rate and of the intervals (see `metrics`).
    **options
        The other options of `compare`.

    Returns
    -------
    pandas.DataFrame
        Columns tolerance_s, n_matched, recall, precision, f1, chance_recall,
        residual_sigma_s, recall_low, recall_high, precision_low, precision_high; one row a
        tolerance.

    Raises
    ------
    CatalogError, ConfigError
        As `compare`.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> one, two = make_catalog([{"time_ns": 0}]), make_catalog([{"time_ns": 3_000_000_000}])
    >>> tolerance_curve(one, two, [1, 5])["recall"].tolist()
    [0.0, 1.0]
    """
    rows = []
    for tolerance_s in tolerances_s:
        comparison = compare(machine, expert, tolerance_s=float(tolerance_s), **options)
        rows.append(_tolerance_row(comparison, n_shifts, n_boot, seed))
    return _tolerance_table(rows)


def around_tolerance(
    comparison: Comparison, *, n_shifts: int = 100, n_boot: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the curve of `tolerance_curve` from a tenth to four times the tolerance used.

    Parameters
    ----------
    comparison : Comparison
        Its mode is onset or interval. Where tolerances differ they are stretched together, and
        the table has the largest.
    n_shifts, n_boot, seed : int
        Of the chance rate and of the intervals (see `metrics`).

    Returns
    -------
    pandas.DataFrame
        Empty in other modes, and where the tolerance is 0.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> one, two = make_catalog([{"time_ns": 0}]), make_catalog([{"time_ns": 3_000_000_000}])
    >>> around_tolerance(compare(one, two, tolerance_s=2))["recall"].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    rows = []
    if comparison.mode in ("onset", "interval") and np.max(comparison.tolerance_s, initial=0) > 0:
        for factor in (0.1, 0.2, 0.35, 0.6, 1.0, 1.5, 2.5, 4.0):
            tolerance_s = comparison.tolerance_s * factor
            stretched = with_outcome(dataclasses.replace(comparison, tolerance_s=tolerance_s))
            rows.append(_tolerance_row(stretched, n_shifts, n_boot, seed))
    return _tolerance_table(rows)


ENOUGH_TRIALS = 1_000_000
"""Events times shifts of a point of the curve of chance rates."""
_NUMBERS = ("n_matched", "recall", "precision", "f1", "chance_recall", "residual_sigma_s")


def _tolerance_row(comparison: Comparison, n_shifts: int, n_boot: int, seed: int) -> list:
    # Of many events a few shifts say what is met by chance: to a part in a thousand of a share.
    enough = int(np.clip(ENOUGH_TRIALS // max(len(comparison.expert), 1), 10, None))
    numbers = metrics(comparison, n_shifts=min(n_shifts, enough), n_boot=n_boot, seed=seed)
    limits = [limit for name in _BANDS for limit in numbers["intervals"][name]]
    largest = float(np.max(comparison.tolerance_s, initial=0.0))
    return [largest, *(numbers[name] for name in _NUMBERS), *limits]


def _tolerance_table(rows: list) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["tolerance_s", *_NUMBERS, *_limit_names()])


def _limit_names() -> list[str]:
    return [f"{name}_{side}" for name in _BANDS for side in ("low", "high")]


def score_curve(
    comparison: Comparison,
    *,
    thresholds=None,
    n_max: int = 50,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the agreement for several thresholds of the machine's score, each matched anew.

    Parameters
    ----------
    comparison : Comparison
        Of all detections, with scores.
    thresholds : array_like of float, optional
        Detections with a score of at least the threshold are kept. By default the scores that
        occur, thinned to `n_max` quantiles.
    n_max : int
        Largest number of thresholds, where none are given.
    n_boot, seed : int
        Of the intervals (see `metrics`).

    Returns
    -------
    pandas.DataFrame
        Columns threshold, n_matched, n_unmatched, recall, precision, f1, unmatched_per_day,
        recall_low, recall_high, precision_low, precision_high; thresholds grow.

    Raises
    ------
    CatalogError
        If a detection has no score.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> expert = make_catalog([{"time_ns": 0}])
    >>> machine = make_catalog([{"time_ns": 0, "score": 0.9}, {"time_ns": 5, "score": 0.4}])
    >>> score_curve(compare(machine, expert, tolerance_s=0))["precision"].tolist()
    [0.5, 1.0]
    """
    scores = comparison.machine["score"].to_numpy()
    if np.isnan(scores).any():
        raise CatalogError(
            f"{comparison.machine_name or 'machine'}: {int(np.isnan(scores).sum())} of "
            f"{len(scores)} detections have no score.",
            "A curve over the score needs one for each detection.",
        )
    if thresholds is None:
        thresholds = np.unique(scores)
        if len(thresholds) > n_max:
            shares = np.linspace(0, 1, n_max)
            thresholds = np.unique(np.quantile(scores, shares, method="inverted_cdf"))
    rows, blocks = [], Blocks.of(comparison)
    for threshold in np.sort(np.asarray(thresholds, dtype=np.float64)):
        kept = comparison.machine[scores >= threshold].reset_index(drop=True)
        c = with_outcome(dataclasses.replace(comparison, machine=kept))
        counts = [len(c.matched), len(c.missed), len(c.unmatched), c.usable_s / 86_400]
        found = rates(*np.array(counts, dtype=np.float64))
        del found["jaccard"]
        intervals = bootstrap(c, blocks, n_boot=n_boot, seed=seed)[0]
        limits = [limit for name in _BANDS for limit in intervals[name]]
        rows.append([threshold, counts[0], counts[2], *found.values(), *limits])
    names = ["recall", "precision", "f1", "unmatched_per_day", *_limit_names()]
    table = pd.DataFrame(rows, columns=["threshold", "n_matched", "n_unmatched", *names])
    return table.astype({"n_matched": np.int64, "n_unmatched": np.int64})
