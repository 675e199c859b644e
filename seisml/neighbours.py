"""Neighbours: which stations are one network, by where they are.

A network code says who runs a station, not what it stands on: one code may cover two volcanoes, and
one volcano may have stations of two codes. Where coordinates are known they decide.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from seisml.codes import network_of, station_name
from seisml.moveout import EARTH_KM, distances_km

REACH_KM = 40.0
"""Stations of a group are no further apart: a volcano, a field, a swarm and what is around it."""


def groups_of(
    stations: Iterable[str],
    coordinates: pd.DataFrame | None = None,
    *,
    reach_km: float = REACH_KM,
    radius_km: float = EARTH_KM,
) -> dict[str, str]:
    """Return the group of each station.

    Parameters
    ----------
    stations : iterable of str
        "NET.STA", or longer ids.
    coordinates : pandas.DataFrame, optional
        Columns station ("NET.STA"), latitude, longitude (degrees).
    reach_km : float, km
    radius_km : float, km
        Of the body.

    Returns
    -------
    dict of str to str
        By "NET.STA". With coordinates groups are those of complete linkage: no two stations of one
        are further apart than `reach_km`, and each is named after its first station. A station
        without coordinates is in the group of its network code.

    Examples
    --------
    >>> places = pd.DataFrame({"station": ["X.A", "X.B", "X.C"], "latitude": [0, 0.1, 1.0],
    ...                        "longitude": 0.0})
    >>> groups_of(["X.A", "X.B", "X.C", "Y.D"], places)
    {'X.A': 'X.A', 'X.B': 'X.A', 'X.C': 'X.C', 'Y.D': 'Y'}
    """
    names = sorted({station_name(name) for name in stations})
    groups = {name: network_of(name) for name in names}
    if coordinates is None:
        return groups
    known = coordinates.drop_duplicates("station").set_index("station")
    there = [name for name in names if name in known.index]
    if not there:
        return groups
    places = known.loc[there, ["latitude", "longitude"]].to_numpy(float)
    number = np.zeros(len(there), dtype=int)
    if len(there) > 1:
        apart = squareform(distances_km(places, radius_km), checks=False)
        number = fcluster(linkage(apart, "complete"), reach_km, "distance")
    first: dict[int, str] = {}
    for name, k in zip(there, number, strict=True):
        groups[name] = first.setdefault(int(k), name)
    return groups
