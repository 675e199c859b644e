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
        With ``label``: the class with the largest sum of probabilities over the windows of the
        event, "unknown" where windows that are novel have more, "event" where no window is known.
        Where there are several classes, with their columns: the sums at the priors of the records,
        divided by their total; NaN where no window is known.
    """
    first_ns = raw["start_ns"].to_numpy(np.int64) - grid.length_ns + grid.hop_ns
    a = np.searchsorted(time_ns, first_ns)
    b = np.searchsorted(time_ns, raw["end_ns"].to_numpy(np.int64))
    names, values = list(p), np.nan_to_num(p.to_numpy(np.float64))
    is_novel = np.asarray(novel, np.float64)[:, None] >= 0.5
    sure = _sums(np.where(is_novel, 0.0, values), a, b)
    unknown = _sums(np.where(is_novel, values.sum(axis=1, keepdims=True), 0.0), a, b)[:, 0]
    sure[:, np.isin(names, list(own))] = -1.0  # what is left is none of these
    best = sure.argmax(axis=1) if names else np.zeros(len(raw), int)
    most = sure.max(axis=1, initial=0.0)
    label = np.array([*names, "event"], dtype=object)[np.where(most > 0, best, len(names))]
    label = np.where(unknown > most, UNKNOWN, label)
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


def _sums(values: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sums of rows a to b, each pair by itself: the same whatever else there is."""
    out = np.zeros((len(a), values.shape[1]))
    some = b > a
    if some.any():
        at = np.column_stack([a[some], b[some]]).ravel()
        padded = np.vstack([values, np.zeros((1, values.shape[1]))])
        out[some] = np.add.reduceat(padded, at, axis=0)[::2]
    return out
