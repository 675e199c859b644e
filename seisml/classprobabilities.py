"""Class probabilities of events: which class an event is of, and how sure that is.

An event has one column ``P(CLASS)`` for each class of its detector or classifier. They sum to one:
that it is an event at all is what its score says.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.classrules import OTHERS
from seisml.model import UNKNOWN, with_priors
from seisml.windows import WindowGrid


def column_of(name: str) -> str:
    """Return the column of the probability of a class.

    Examples
    --------
    >>> column_of("LF family")
    'P(LF family)'
    """
    return f"P({name})"


def class_columns(columns: Iterable) -> dict[str, str]:
    """Return the classes of which columns are the probabilities, and these.

    Examples
    --------
    >>> class_columns(["score", "P(LF)", "P(HF)"])
    {'LF': 'P(LF)', 'HF': 'P(HF)'}
    """
    names = [str(name) for name in columns]
    return {name[2:-1]: name for name in names if name.startswith("P(") and name.endswith(")")}


def named(
    raw: pd.DataFrame,
    time_ns: np.ndarray,
    p: pd.DataFrame,
    novel: np.ndarray,
    grid: WindowGrid,
    *,
    own: Sequence[str] = (),
    priors: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Name the events of one station by the candidate windows in them.

    Parameters
    ----------
    raw : pandas.DataFrame
        Columns ``label`` (a class whose own rule found the event, else `OTHERS`), start_ns, end_ns.
    time_ns : numpy.ndarray of int64, shape (n_windows,)
        Starts of candidate windows in order of time: those that reach a threshold.
    p : pandas.DataFrame, shape (n_windows, n_classes)
        Their probability of each class of events, by its name.
    novel : numpy.ndarray of float, shape (n_windows,)
        1 where a window is unlike all that was learnt; with voting stations their mean.
    grid : WindowGrid
    own : sequence of str
        Classes with a rule of their own: what is left is none of them.
    priors : mapping of str to (float, float), optional
        Share of each class in training and in the records, see `seisml.model.Detector`.

    Returns
    -------
    pandas.DataFrame
        With ``label``: the class that the windows of the event vote for, each for its most probable
        one (or "unknown", if it is novel) with its event probability; "event" where none can. Where
        there are several classes, with their columns: the sums of the windows' probabilities at the
        priors of the records, divided by their total; NaN where no window is known. Where few
        windows are sure and many are not, the most probable class may be another than the label.
    """
    first_ns = raw["start_ns"].to_numpy(np.int64) - grid.length_ns + grid.hop_ns
    a = np.searchsorted(time_ns, first_ns)
    b = np.searchsorted(time_ns, raw["end_ns"].to_numpy(np.int64))
    names, values = list(p), np.nan_to_num(p.to_numpy(np.float64))
    votes = _votes(values, novel, np.isin(names, list(own)))
    total = _sums(votes, a, b)  # the last column is "unknown"
    most, best = total.max(axis=1, initial=0.0), total.argmax(axis=1)
    label = np.array([*names, UNKNOWN, "event"], dtype=object)[np.where(most > 0, best, -1)]
    stated = raw["label"].to_numpy(dtype=object)
    out = raw.assign(label=np.where(stated == OTHERS, label, stated))
    if len(names) < 2:
        return out
    share = _sums(values, a, b)
    known = share.sum(axis=1) > 0
    share[~known] = np.nan
    share[known] /= share[known].sum(axis=1, keepdims=True)
    if priors:
        share = with_priors(share, *np.array([priors[name] for name in names]).T)
    return out.assign(**{column_of(n): share[:, k] for k, n in enumerate(names)})


def _votes(values: np.ndarray, novel: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the vote of each window for each class, and last for none of them."""
    n, n_classes = values.shape
    votes = np.zeros((n, n_classes + 1))
    if n and n_classes:
        best = np.where(np.asarray(novel, np.float64) >= 0.5, n_classes, values.argmax(axis=1))
        votes[np.arange(n), best] = values.sum(axis=1)
        votes[:, :-1][:, own] = 0.0  # what is left is none of these
    return votes


def _sums(values: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sums of rows a to b, each pair by itself: the same whatever else there is."""
    out = np.zeros((len(a), values.shape[1]))
    some = b > a
    if some.any():
        at = np.column_stack([a[some], b[some]]).ravel()
        padded = np.vstack([values, np.zeros((1, values.shape[1]))])
        out[some] = np.add.reduceat(padded, at, axis=0)[::2]
    return out
