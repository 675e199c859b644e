"""Adapting: a detector that scales by station learns the level of stations that it never saw.

Nothing but medians and spreads of unlabelled windows is learnt: no label, no threshold. What is
found then depends on which windows are looked at together, so it is done only where it is asked
for, and over all windows of a station at once.
"""

import dataclasses
from collections.abc import Iterable
from itertools import groupby

import numpy as np
import pandas as pd

from seisml.errors import ModelError
from seisml.model.classifiers import finite, scales_by_station
from seisml.model.detector import Detector
from seisml.pooling import like
from seisml.store import FeatureTable

MOST_WINDOWS = 20_000
"""Of a station: medians and quartiles of more are the same."""
FEWEST_WINDOWS = 100
"""A station with fewer is scaled as before: their medians may be those of an event."""


def check_adaptable(detector: Detector) -> None:
    """Refuse a detector that does not scale by station.

    Raises
    ------
    ModelError
    """
    if not scales_by_station(detector.estimator):
        raise ModelError(
            "The model does not scale by station: there is nothing to adapt.",
            'Train with [training] scale = "station", or leave --adapt out.',
        )


def adapted(detector: Detector, tables: Iterable[FeatureTable]) -> tuple[Detector, dict[str, int]]:
    """Return a detector whose scaling knows the stations of feature tables.

    Parameters
    ----------
    detector : Detector
        Trained with the scale "station".
    tables : iterable of FeatureTable
        One station after the other; one is in memory at a time, and of each station at most 20 000
        windows, evenly over its time.

    Returns
    -------
    detector : Detector
        Another one; model and thresholds are the same. Its card says in ``adapted_to`` what is
        returned here, and so do its detections (``adapted_windows``).
    windows : dict of str to int
        How many windows of each station were learnt from; 0 where there were fewer than 100.

    Raises
    ------
    ModelError
        If the detector does not scale by station.
    FeatureMismatchError
        If a table was made with other settings than the model's.
    """
    check_adaptable(detector)
    scaler, counts = detector.estimator[0], {}
    for station, some in groupby((t for t in tables if len(t)), lambda t: str(t.stations[0])):
        frames, step = [], 1
        for table in some:
            detector.check(table)
            frame = finite(like(table.frame, detector.columns))
            frames.append(frame[np.isfinite(frame.to_numpy(np.float32)).any(axis=1)][::step])
            while sum(map(len, frames)) > MOST_WINDOWS:
                frames, step = [one[::2] for one in frames], 2 * step
        known = pd.concat(frames)
        counts[station] = len(known) if len(known) >= FEWEST_WINDOWS else 0
        if counts[station]:
            scaler = scaler.adapted(known)
    steps = [(detector.estimator.steps[0][0], scaler), *detector.estimator.steps[1:]]
    estimator = type(detector.estimator)(steps)
    card = {**detector.card, "adapted_to": counts}
    return dataclasses.replace(detector, estimator=estimator, card=card), counts
