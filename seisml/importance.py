"""Permutation importance: how much worse a model is when a feature tells it nothing any more.

Only held-out rows are permuted, so a feature counts for what it does on rows that the model has
not seen. Features that say the same share their importance: groups of them are permuted together.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from seisml.scores import block_counts, draws, interval, rates_of, resampled

Predict = Callable[[np.ndarray], np.ndarray]
"""Features of all rows to the class number of each, by the model that did not see the row."""


def permutation_importance(
    predict: Predict,
    X: np.ndarray,
    truth: np.ndarray,
    block: np.ndarray,
    groups: Mapping[str, Sequence[int]],
    *,
    n_classes: int,
    score: str = "balanced_accuracy",
    n_repeats: int = 5,
    n_boot: int = 1000,
    seed: int = 0,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return how much the score of held-out rows falls when columns are permuted.

    Parameters
    ----------
    predict : callable
        From X, shape (n_rows, n_features), to the class numbers of the rows, each by a model that
        was trained without the row.
    X : numpy.ndarray, shape (n_rows, n_features)
    truth : numpy.ndarray of int, shape (n_rows,)
        Numbers of the classes.
    block : numpy.ndarray of int, shape (n_rows,)
        Blocks of the bootstrap.
    groups : mapping of str to sequence of int
        Columns that are permuted together, by the same permutation, so that what they say of one
        another is kept.
    n_classes : int
    score : str
        One of `seisml.scores.SCORES`.
    n_repeats : int
        Permutations; the counts of all are taken together.
    n_boot, seed : int
    on_progress : callable, optional

    Returns
    -------
    pandas.DataFrame
        One row a group, the most important first: name, n_columns, importance (fall of the
        score), low, high (95 %, blocks resampled, with and without permutation on the same ones).

    References
    ----------
    .. [1] Breiman (2001), Random forests, Machine Learning 45,
       https://doi.org/10.1023/A:1010933404324

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((300, 2))
    >>> truth, block = (X[:, 0] > 0).astype(int), np.arange(300) // 30
    >>> found = permutation_importance(
    ...     lambda X: (X[:, 0] > 0).astype(int), X, truth, block, {"a": [0], "b": [1]}, n_classes=2
    ... )
    >>> found["name"].tolist(), bool(found["importance"][0] > 0.4), float(found["importance"][1])
    (['a', 'b'], True, 0.0)
    """
    say = on_progress or (lambda text: None)
    X, truth = np.asarray(X), np.asarray(truth)
    counts = block_counts(truth, predict(X), block, n_classes)
    taken = draws(len(counts), n_boot=n_boot, seed=seed)
    base, base_again = rates_of(counts.sum(axis=0))[score], resampled(counts, taken)[score]
    rows = []
    for number, (name, columns) in enumerate(groups.items()):
        say(f"importance {number + 1} of {len(groups)}: {name}")
        rng = np.random.default_rng([seed, number])
        permuted = np.zeros_like(counts)
        for _ in range(n_repeats):
            other = X.copy()
            other[:, columns] = X[np.ix_(rng.permutation(len(X)), columns)]
            permuted += block_counts(truth, predict(other), block, n_classes)
        fall = float(base - rates_of(permuted.sum(axis=0))[score])
        change = base_again - resampled(permuted, taken)[score]
        low, high = interval(change) if len(counts) >= 3 else (np.nan, np.nan)
        rows.append((name, len(columns), fall, low, high))
    table = pd.DataFrame(rows, columns=["name", "n_columns", "importance", "low", "high"])
    order = np.lexsort((table["name"], -table["importance"]))
    return table.iloc[order].reset_index(drop=True)


def kin_groups(X: pd.DataFrame, *, min_correlation: float = 0.8) -> dict[str, list[int]]:
    """Group features that say nearly the same, by their rank correlation.

    Parameters
    ----------
    X : pandas.DataFrame, shape (n_rows, n_features)
    min_correlation : float
        Of the ranks, without sign; groups are joined by the mean over their pairs.

    Returns
    -------
    dict of str to list of int
        Columns of each group, in order of their first; named after the first and the number of
        the others.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> kin_groups(pd.DataFrame({"a": x[:, 0], "b": -(x[:, 0] ** 3), "c": x[:, 1]}))
    {'a + 1': [0, 1], 'c': [2]}
    """
    if X.shape[1] < 2:
        return {str(name): [k] for k, name in enumerate(X.columns)}
    ranks = X.rank().to_numpy()
    middle = np.nanmean(ranks, axis=0)
    ranks = np.where(np.isnan(ranks), middle, ranks) - middle
    size = np.sqrt((ranks**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(np.abs(ranks.T @ ranks / np.outer(size, size)))
    distance = np.clip(1 - correlation, 0, 1)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    number = fcluster(tree, 1 - min_correlation, "distance")
    groups: dict[int, list[int]] = {}
    for column, group in enumerate(number):
        groups.setdefault(int(group), []).append(column)
    names = [str(name) for name in X.columns]
    return {
        names[columns[0]] + (f" + {len(columns) - 1}" if len(columns) > 1 else ""): columns
        for columns in groups.values()
    }
