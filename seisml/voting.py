"""Voting: a window is scored by what the stations of a network see together at the time.

For whole events, which last longer than they travel: tremor, avalanches, LP of one volcano are in
the same windows at all its stations. Onsets are seconds apart from station to station: there it is
detections that support each other, `seisml.support`.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from seisml.codes import network_of, station_name
from seisml.neighbours import groups_of


def voted(network, time_ns, score) -> np.ndarray:
    """Replace scores by their mean over the stations of the network at the time.

    Parameters
    ----------
    network : sequence of shape (n_windows,)
        Whose windows vote together.
    time_ns : numpy.ndarray of int64, shape (n_windows,)
        Starts of windows, all on one grid.
    score : numpy.ndarray of float, shape (n_windows,)
        NaN where a station has no data: it has no vote, and stays without a score.

    Returns
    -------
    numpy.ndarray of float64, shape (n_windows,)
        What one station alone sees is no event, and an event that hides in the noise of one station
        is seen there, too; a station that is alone keeps its scores.

    Examples
    --------
    >>> voted(["A", "A", "B"], [0, 0, 0], [0.75, 0.25, 0.4]).tolist()
    [0.5, 0.5, 0.4]
    """
    score = np.asarray(score, dtype=np.float64)
    who = pd.MultiIndex.from_arrays([np.asarray(network), np.asarray(time_ns)])
    code, known = who.factorize()[0], np.isfinite(score)
    total = np.bincount(code, np.where(known, score, 0.0))
    count = np.bincount(code, known)
    return np.where(known, (total / np.maximum(count, 1))[code], np.nan)


def voted_windows(windows: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """Replace scores of the windows of training sets by those of the vote of each set and network.

    Parameters
    ----------
    windows : pandas.DataFrame
        Columns set, station ("NET.STA.LOC.BI") and time_ns.
    scores : numpy.ndarray of float, shape (n_windows, ...)
    """
    whose = windows["set"].astype(str) + ":" + windows["station"].astype(str).map(network_of)
    time_ns = windows["time_ns"].to_numpy()
    columns = scores.reshape(len(scores), -1).T
    return np.stack([voted(whose, time_ns, one) for one in columns], -1).reshape(scores.shape)


def voted_frames(
    frames: Iterable[pd.DataFrame], coordinates: pd.DataFrame | None = None
) -> Iterator[pd.DataFrame]:
    """Replace the scores of frames of windows by those of the vote.

    Parameters
    ----------
    frames : iterable of pandas.DataFrame
        Indexed by (station, time), with columns of scores; each of one station. All are held: some
        twenty bytes a window.
    coordinates : pandas.DataFrame, optional
        Who votes together, see `seisml.neighbours.groups_of`.
    """
    held = list(frames)
    if not held:
        return
    stations = [station_name(one.index.get_level_values("station")[0]) for one in held]
    groups = groups_of(stations, coordinates)
    times = [one.index.get_level_values("time").to_numpy() for one in held]
    time_ns = np.concatenate(times).astype("datetime64[ns]").astype(np.int64)
    network = np.repeat([groups[name] for name in stations], [len(one) for one in held])
    scores = {
        name: voted(network, time_ns, np.concatenate([one[name] for one in held]))
        for name in held[0]
    }
    start = 0
    for one in held:
        rows = slice(start, start + len(one))
        yield one.assign(**{name: score[rows] for name, score in scores.items()})
        start += len(one)
