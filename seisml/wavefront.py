"""Wavefront: onsets of a group that no source in or around the network can have sent together.

A few unknowns (where, how deep, how fast, when) explain all onsets of one event; a false alarm or
the S wave of the event before, seconds too early, fits no source that explains the others. No place
is reported: what is asked is only which onsets belong together.
"""

import numpy as np

from seisml.moveout import EARTH_KM

SPEEDS_KM_S = (4.5, 5.5, 6.5)
DEPTHS_KM = (2.0, 8.0)
NODES = 21
"""Along each side of the grid of sources, which is twice as wide as the group; then once finer."""
ENOUGH = 8
"""Onsets that can outvote one: with fewer, five unknowns explain almost anything."""
CAP_S = 2.0
"""Residuals count no more than this: one that is far off does not pull the source to itself."""
WIDEST_KM = 150.0
"""Straight rays from the crust are no longer true of wider groups: they are left as they are."""


def of_one_source(places: np.ndarray, time_s: np.ndarray, off_s) -> np.ndarray:
    """Return which onsets of a group one source explains.

    Parameters
    ----------
    places : numpy.ndarray, shape (n_onsets, 2)
        Latitude and longitude, degrees.
    time_s : numpy.ndarray, shape (n_onsets,), s
    off_s : float or numpy.ndarray, shape (n_onsets,), s
        An onset that is further from where the wave was is none of it.

    Returns
    -------
    numpy.ndarray of bool, shape (n_onsets,)
        The onset that is furthest off, in units of `off_s`, is left out and the source is looked
        for anew, as long as there are `ENOUGH`; so at least that many less one are true, or all.

    Examples
    --------
    >>> places = np.array([[i, j] for i in range(3) for j in range(3)]) * 0.1
    >>> distance = np.hypot(*(places - 0.1).T) * 111.2
    >>> time_s = np.hypot(distance, 5.0) / 5.5
    >>> time_s[0] -= 3.0
    >>> of_one_source(places, time_s, 0.7).tolist()
    [False, True, True, True, True, True, True, True, True]
    """
    kept, km = np.ones(len(time_s), dtype=bool), _kilometres(places)
    if len(km) < ENOUGH or np.ptp(km, axis=0).max() > WIDEST_KM:
        return kept
    off_s = np.broadcast_to(off_s, kept.shape)
    while kept.sum() >= ENOUGH:
        at = np.flatnonzero(kept)
        off = np.abs(_residuals(km[at], time_s[at])) / off_s[at]
        if off.max() <= 1.0:
            break
        kept[at[np.argmax(off)]] = False
    return kept


def _residuals(km: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Return onset minus arrival from the best source: least absolute residuals, on a grid."""
    middle = (km.max(axis=0) + km.min(axis=0)) / 2
    half_km = max(float((km.max(axis=0) - km.min(axis=0)).max()), 2.0)
    for _ in range(2):
        line = np.linspace(-half_km, half_km, NODES)
        nodes = np.meshgrid(line, line, DEPTHS_KM, SPEEDS_KM_S, indexing="ij")
        east, north, depth, speed = (one.reshape(-1, 1) for one in nodes)
        far = np.hypot(km[:, 0] - middle[0] - east, km[:, 1] - middle[1] - north)
        late_s = time_s - np.hypot(far, depth) / speed
        residual_s = late_s - np.median(late_s, axis=1, keepdims=True)
        best = int(np.argmin(np.minimum(np.abs(residual_s), CAP_S).sum(axis=1)))
        middle = middle + np.array([east[best, 0], north[best, 0]])
        half_km *= 3.0 / (NODES - 1)
    return residual_s[best]


def _kilometres(places: np.ndarray) -> np.ndarray:
    """Return kilometres east and north of the middle, shape (n, 2)."""
    middle = places.mean(axis=0)
    north, east = (places - middle).T * np.pi / 180 * EARTH_KM
    return np.stack([east * np.cos(np.radians(middle[0])), north], axis=1)
