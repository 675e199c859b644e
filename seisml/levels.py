"""Levels: which thresholds are tried, before the best of them is chosen."""

import itertools

import numpy as np

from seisml.errors import ModelError
from seisml.labels import EVENT, NOISE
from seisml.windows import WindowGrid

N_THRESHOLDS = 60
STEP = 1.2
"""Largest one between thresholds that are tried, in ln odds."""


def levels_to_try(
    state: np.ndarray, scores: np.ndarray, grid: WindowGrid, *, alarms_per_day: float = 0.0
) -> np.ndarray:
    """Return thresholds at quantiles of the events' and of the noise's largest scores, rising.

    Parameters
    ----------
    state, scores : numpy.ndarray, shape (n_windows,)
        Labels, see `seisml.labels`, and scores, NaN where there is none.
    grid : WindowGrid
    alarms_per_day : float
        See `seisml.thresholds.choose_thresholds`.

    Raises
    ------
    ModelError
        If no window with a score is an event, or none is noise.
    """
    known = np.isfinite(scores)
    event = scores[known & (state == EVENT)]
    noise = scores[known & (state == NOISE)]
    if not len(event) or not len(noise):
        raise ModelError(
            "No window with features is an event, or none is noise.",
            "'seisml labels' counts them, and says what was ignored and why.",
        )
    # Where noise windows outnumber event windows by ten, precision is hopeless: no need to look.
    wanted = 10 * len(event) + 10 * alarms_per_day * len(noise) * grid.hop_s / 86_400
    share = min(0.5, wanted / len(noise))
    top = np.quantile(noise, 1 - np.geomspace(1 / len(noise), share, N_THRESHOLDS // 2))
    levels = np.quantile(event, np.linspace(0, 0.98, N_THRESHOLDS // 2))
    if alarms_per_day > 0:  # rare false alarms need thresholds above all noise
        high = np.r_[np.quantile(event, np.linspace(0.98, 1, 9)), np.nextafter(noise.max(), 2.0)]
        levels = np.r_[levels, high[high <= event.max()]]
    found = np.unique(np.concatenate([top, levels[levels >= top[-1]]]))
    return without_holes(found[found > 0]) if (found > 0).any() else found


def without_holes(levels: np.ndarray) -> np.ndarray:
    """Return rising levels with others between those that are further apart than `STEP`.

    Between noise and clear events there may be no score at all: the middle of that is as far from
    both as can be. Of probabilities the steps are in ln odds, of ratios in logarithms.

    Examples
    --------
    >>> without_holes(np.array([0.1, 0.9])).round(2).tolist()
    [0.1, 0.25, 0.5, 0.75, 0.9]
    """
    odds = levels / (1 - levels) if levels[-1] < 1 else levels
    ln = np.log(odds)
    pairs = itertools.pairwise(ln)
    more = [np.linspace(a, b, int((b - a) / STEP) + 1, endpoint=False)[1:] for a, b in pairs]
    odds = np.exp(np.concatenate([*more, []]))
    return np.unique(np.concatenate([levels, odds / (1 + odds) if levels[-1] < 1 else odds]))
