"""Suspicions: what makes the numbers of an evaluation on a table doubtful."""

import numpy as np
import pandas as pd

from seisml.scores import FEW_BLOCKS, block_counts, rates_of
from seisml.tabular import Samples

N_BINS = 24
GIVES_AWAY = 0.97
"""Balanced accuracy of one column alone from which it is suspected to hold the label."""


def alone_scores(X: pd.DataFrame, truth, fold, n_classes: int) -> pd.Series:
    """Return the out-of-fold balanced accuracy of each column alone, as a histogram of ranks."""
    found = {}
    n_folds = int(fold.max()) + 1
    for name in X.columns:
        values = X[name].to_numpy()
        known = np.isfinite(values)
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, N_BINS + 1)[1:-1]))
        bins = np.where(known, np.searchsorted(edges, values, "right"), len(edges) + 1)
        counts = np.zeros((n_folds, len(edges) + 2, n_classes))
        np.add.at(counts, (fold, bins, truth), 1)
        others = counts.sum(axis=0) - counts  # of the folds that a fold is tested against
        share = others / np.maximum(others.sum(axis=1, keepdims=True), 1)
        guess = share.argmax(axis=-1)[fold, bins]
        confusion = block_counts(truth, guess, np.zeros(len(truth)), n_classes)[0]
        found[name] = float(rates_of(confusion)["balanced_accuracy"])
    return pd.Series(found).sort_values(ascending=False, kind="stable")


def doubts(samples: Samples, counts, alone: pd.Series) -> list[str]:
    """Return what makes the numbers doubtful."""
    notes = []
    for name, value in alone[alone >= GIVES_AWAY].items():
        notes.append(
            f"{name} alone reaches a balanced accuracy of {value:.3f}: does it hold the label? "
            "If so, leave it out with --drop"
        )
    for name in samples.X.columns:
        values = samples.X[name].dropna()
        if len(values) > 50 and (values % 1 == 0).all() and values.nunique() == len(values):
            notes.append(f"{name} holds whole numbers that are all different: is it an identifier?")
    telling = []
    missing = samples.X.isna().to_numpy()
    for k in np.flatnonzero(missing.any(axis=0)):
        shares = [missing[samples.y == name, k].mean() for name in samples.classes]
        if max(shares) - min(shares) > 0.5:
            telling.append(str(samples.X.columns[k]))
    if telling:
        more = f" and {len(telling) - 3} more" if len(telling) > 3 else ""
        notes.append(
            f"{', '.join(telling[:3])}{more}: missing in many rows of one class and few of "
            "another. That a value is missing may give the label away"
        )
    n_blocks = len(next(iter(counts.values())))
    if n_blocks < FEW_BLOCKS:
        notes.append(f"there are {n_blocks} blocks only: the intervals are too narrow")
    return notes
