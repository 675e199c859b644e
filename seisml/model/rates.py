"""What columns of features say of the rate of records: bands are empty above Nyquist."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seisml.pooling import like

BAND = re.compile(r"(?P<feature>[^\[]+)\[(?P<low>[\d.]+)-(?P<high>[\d.]+)Hz\](?P<rest>.*)")
"""Columns of bands, as band_step[8-16Hz]@6s.vertical."""


def never_learnt(columns, without_values, frame: pd.DataFrame) -> list[str]:
    """Return columns of bands above all that the training had, which have values here.

    They say that the records are sampled faster than those of the training were.

    Parameters
    ----------
    columns : iterable of str
        That the model knows.
    without_values : iterable of str
        Those that had no value in the training.
    frame : pandas.DataFrame
        Features of other records, columns as in a FeatureTable.

    Examples
    --------
    >>> columns = ["band_step[1-2Hz].Z", "band_step[8-16Hz].Z", "kurtosis.Z"]
    >>> frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=columns)
    >>> never_learnt(columns, ["band_step[8-16Hz].Z"], frame)
    ['band_step[8-16Hz].Z']
    >>> never_learnt(columns, ["kurtosis.Z"], frame)
    []
    """
    columns, without = list(columns), set(without_values)
    bands = {name: BAND.match(name) for name in columns}
    bands = {name: found for name, found in bands.items() if found}
    learnt: dict[tuple, float] = {}
    for name, found in bands.items():
        if name not in without:
            key = found["feature"], found["rest"]
            learnt[key] = max(learnt.get(key, 0.0), float(found["high"]))
    above = [
        name
        for name, found in bands.items()
        if name in without
        and float(found["low"]) >= learnt.get((found["feature"], found["rest"]), np.inf)
    ]
    here = like(frame, columns)
    return [name for name in above if np.isfinite(here[name].to_numpy()).any()]


def unlike_training(X: pd.DataFrame, columns: Sequence[str]) -> Iterator[str]:
    """Yield how events' records differ from those of the training: in rate, or in components.

    Parameters
    ----------
    X : pandas.DataFrame, shape (n_events, n_features)
        All features of the events.
    columns : sequence of str
        Those that had values in the training.
    """
    mine = list(columns)
    lacking = [name for name in mine if name not in X or not np.isfinite(X[name]).any()]
    if 0 < len(lacking) < len(mine):
        yield (
            f"{len(lacking)} of {len(mine)} features have no value for any of these events, as "
            f"{lacking[0]}: records of a lower rate, or of fewer components, than those of the "
            "training; the classes rest on what is left"
        )
    above = never_learnt(X.columns, set(X.columns) - set(mine), X)
    if above:
        yield (
            f"these records are sampled faster than those of the training: of {above[0]} nothing "
            "was learnt, and spectra look other than they did; train on records of this rate too"
        )
