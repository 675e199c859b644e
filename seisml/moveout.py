"""Moveout: how far apart in time one event's onsets at two stations can be."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from seisml.errors import CatalogError, ConfigError

EARTH_KM = 6371.0
WADATI = 0.73
"""Vp/Vs - 1 of a Poisson solid, 0.732: S - P over the travel time of P."""
S_MINUS_P_KM_S = 8.0
"""Distance over S - P in the crust, km/s: Vp Vs/(Vp - Vs)."""


@dataclasses.dataclass(frozen=True)
class Moveout:
    """Largest time between onsets at each pair of stations.

    Attributes
    ----------
    stations : tuple of str
        "NET.STA", sorted.
    limit_s : numpy.ndarray, shape (n_stations, n_stations), s
    s_minus_p_s : float, s
        Largest S - P of an event that is no farther from a station than the network is wide.
    """

    stations: tuple[str, ...]
    limit_s: np.ndarray
    s_minus_p_s: float


def moveout_from_window(stations: Sequence[str], window_s: float) -> Moveout:
    """Return one limit for all pairs.

    Parameters
    ----------
    stations : sequence of str
    window_s : float, s

    Raises
    ------
    ConfigError
        If the window is not positive.
    """
    if not window_s > 0:
        raise ConfigError(
            f"window_s = {window_s:g} must be positive.",
            "It is the longest time between onsets of one event: the diameter of the network over "
            "the slowest speed.",
        )
    names = tuple(sorted(set(stations)))
    limits = np.full((len(names), len(names)), float(window_s))
    return Moveout(names, limits, 3.0 / S_MINUS_P_KM_S * window_s)


def moveout_from_distances(
    stations: Sequence[str],
    coordinates: pd.DataFrame,
    *,
    slowest_km_s: float = 3.0,
    tolerance_s: float = 0.5,
    radius_km: float = EARTH_KM,
) -> Moveout:
    """Return the limits |t_i - t_j| <= d_ij / v + tolerance (triangle inequality).

    Parameters
    ----------
    stations : sequence of str
        "NET.STA" of those that have detections.
    coordinates : pandas.DataFrame
        Columns station, latitude, longitude (degrees); others than `stations` do not matter.
    slowest_km_s : float, km/s
        Slowest apparent speed: the velocity of P, or of S where detections may begin at S.
    tolerance_s : float, s
        Twice what an onset may be wrong.
    radius_km : float, km
        Of the body.

    Raises
    ------
    CatalogError
        If a station has no coordinates.
    ConfigError
        If the speed is not positive or the tolerance negative.

    Examples
    --------
    >>> table = {"station": ["X.A", "X.B"], "latitude": [0, 0], "longitude": [0, 0.27]}
    >>> table = pd.DataFrame(table)
    >>> moveout_from_distances(["X.A", "X.B"], table).limit_s.round(1).tolist()
    [[0.5, 10.5], [10.5, 0.5]]
    """
    if not slowest_km_s > 0 or not tolerance_s >= 0:
        raise ConfigError(
            f"slowest_km_s = {slowest_km_s:g} must be positive and tolerance_s = {tolerance_s:g} "
            "not negative."
        )
    names = tuple(sorted(set(stations)))
    known = coordinates.drop_duplicates("station").set_index("station")
    lost = [name for name in names if name not in known.index]
    if lost:
        bare = lost[0].split(".")[-1]
        named = f"The table has {bare!r}: stations are NET.STA there, too. " * (bare in known.index)
        raise CatalogError(
            f"The station {lost[0]!r} has detections but no coordinates ({len(lost)} such).",
            f"{named}Complete the coordinates, or give the longest moveout: --window S.",
        )
    places = known.loc[list(names), ["latitude", "longitude"]].to_numpy(float)
    distance_km = distances_km(places, radius_km)
    limits = distance_km / slowest_km_s + tolerance_s
    s_minus_p_s = float(distance_km.max(initial=0.0)) / S_MINUS_P_KM_S + tolerance_s
    return Moveout(names, limits, s_minus_p_s)


def distances_km(places: np.ndarray, radius_km: float = EARTH_KM) -> np.ndarray:
    """Return the great-circle distances between places (latitude, longitude in degrees), km."""
    latitude, longitude = np.radians(places).T
    half = np.sin((latitude[:, None] - latitude) / 2) ** 2
    half += (
        np.cos(latitude[:, None])
        * np.cos(latitude)
        * (np.sin((longitude[:, None] - longitude) / 2) ** 2)
    )
    return 2 * radius_km * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
