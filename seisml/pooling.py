"""Columns that no component's name is in: what holds of any component, of one or of three.

A model that knows ``kurtosis.U`` cannot be used where there is only Z. The median over the
components that are there (and their maximum, which tells what is on one component only) is the
same column for every sensor; where there is one component, both are its value.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

MEDIAN, MAXIMUM, VERTICAL, STATION = "median", "max", "vertical", "3C"
NO_COMPONENT = (MEDIAN, MAXIMUM, VERTICAL, STATION)


def is_pooled(columns: Sequence[str]) -> bool:
    """Return whether a model's columns are those of `pooled`."""
    return any(column.rsplit(".", 1)[-1] in (MEDIAN, MAXIMUM) for column in columns)


def of_vertical(columns: Sequence[str]) -> bool:
    """Return whether a model's columns are those of `vertical`."""
    return any(column.endswith(f".{VERTICAL}") for column in columns)


def like(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns of a table in the form that a model knows."""
    if is_pooled(columns):
        frame = pooled(frame)
    elif of_vertical(columns):
        frame = vertical(frame)
    return frame.reindex(columns=list(columns))


def vertical(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the features of the vertical alone, and those of three components together.

    P is on the vertical; a model that looks at nothing else serves stations of one component and
    of three.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (n_windows, n_columns)
        Columns FEATURE.COMPONENT, as in a FeatureTable.

    Returns
    -------
    pandas.DataFrame
        Columns FEATURE.vertical, of Z, and where the station has no Z of the first component in
        the order of the alphabet; then the columns FEATURE.3C.

    Examples
    --------
    >>> frame = pd.DataFrame({"rms.N": [1.0], "rms.Z": [5.0], "dop.3C": [0.5]})
    >>> vertical(frame).to_dict("records")
    [{'rms.vertical': 5.0, 'dop.3C': 0.5}]
    """
    groups: dict[str, dict[str, str]] = {}
    for column in frame.columns:
        name, component = column.rsplit(".", 1)
        if component not in NO_COMPONENT:
            groups.setdefault(name, {})[component] = column
    out = {}
    for name, columns in groups.items():
        chosen = columns["Z"] if "Z" in columns else columns[min(columns)]
        out[f"{name}.{VERTICAL}"] = frame[chosen]
    out |= {c: frame[c] for c in frame.columns if c.endswith(f".{STATION}")}
    return pd.DataFrame(out, index=frame.index)


def pooled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the median and the maximum of each feature over the components.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (n_windows, n_columns)
        Columns FEATURE.COMPONENT, as in a FeatureTable; those of "3C" are left out.

    Returns
    -------
    pandas.DataFrame of float32, shape (n_windows, 2 * n_features)
        Columns FEATURE.median and FEATURE.max, NaN where no component is known.

    Examples
    --------
    >>> frame = pd.DataFrame({"rms.U": [1.0], "rms.V": [5.0], "rms.W": [2.0]})
    >>> pooled(frame).to_dict("records")
    [{'rms.median': 2.0, 'rms.max': 5.0}]
    """
    groups: dict[str, list[str]] = {}
    for column in frame.columns:
        name, component = column.rsplit(".", 1)
        if component not in NO_COMPONENT:
            groups.setdefault(name, []).append(column)
    out = {}
    for name, columns in groups.items():
        # Known values first: NaN is sorted behind them.
        values = np.sort(frame[columns].to_numpy(np.float32), axis=1)
        n = np.isfinite(values).sum(axis=1)
        rows, last = np.arange(len(values)), np.maximum(n - 1, 0)
        low, high = values[rows, last // 2], values[rows, (last + 1) // 2]
        # In float64: a contrast with silence is near the largest float32.
        middle = (0.5 * (low.astype(np.float64) + high)).astype(np.float32)
        out[f"{name}.{MEDIAN}"] = middle
        out[f"{name}.{MAXIMUM}"] = values[rows, last]
    return pd.DataFrame(out, index=frame.index, dtype=np.float32)
