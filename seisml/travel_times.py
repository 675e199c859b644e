"""Travel times: when waves of an event reach a station, on any body, from a table.

The first arrival of a family of phases is tabulated over depth and distance with ObsPy TauP, one
row a depth, only for the depths that are asked for, and interpolated linearly in the mean slowness
(travel time over the straight line between source and station), which is smooth near the source
where the travel time itself is not.
"""

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError, ConfigError, did_you_mean
from seisml.planets import get_body
from seisml.times import NAT, NS_PER_S

PHASE_FAMILIES = {
    "P": ("p", "P", "Pg", "Pn", "Pdiff", "PKP", "PKIKP"),
    "S": ("s", "S", "Sg", "Sn", "Sdiff", "SKS", "SKIKS"),
}
"""TauP phases of which the first to arrive counts. Beyond 83 degrees on Earth the first of the S
family is SKS, beyond 120 degrees the first of the P family is PKIKP."""

DIFFRACTION_LIMIT_DEG = 120.0
"""Diffracted phases count up to here. TauP carries them 40 degrees further, to where no record
shows them and the core phases, minutes later, are what is seen."""

_DISTANCES_DEG = np.unique(
    np.concatenate(
        [
            np.arange(0, 250) / 50,
            np.arange(50, 1801) / 10,
            [DIFFRACTION_LIMIT_DEG, np.nextafter(DIFFRACTION_LIMIT_DEG, 180.0)],
        ]
    )
)
_DEPTH_STEPS_KM = ((0, 40, 1.0), (40, 100, 2.5), (100, 300, 5.0), (300, 1000, 10.0))


def travel_times(
    distance_deg, depth_km, *, phase: str, body: str = "earth", model: str | None = None
) -> np.ndarray:
    """Return the travel time of the first arrival of a family of phases.

    Parameters
    ----------
    distance_deg : array-like
        Degrees on the sphere, 0 to 180.
    depth_km : array-like
        Depths of the sources, broadcast against the distances; negative ones count as 0.
    phase : str
        "P" or "S": a family of `PHASE_FAMILIES`.
    body : str
        earth, mars or moon.
    model : str, optional
        Name of a TauP model that ObsPy ships, "mars" or "moon", or the path of a model of your
        own (``.nd`` or ``.npz``); the body's own without it.

    Returns
    -------
    numpy.ndarray of float64
        Seconds after the origin time, in the broadcast shape; NaN where nothing arrives, where
        distance or depth is NaN, and below the mantle.

    Raises
    ------
    ConfigError
        If the phase is no family, a distance is impossible, or the body has no model.

    Notes
    -----
    On Earth (iasp91) the interpolation is within 0.05 s of TauP below 5 degrees and within 0.15 s
    beyond, except within 0.1 degree of the core's caustic near 144 degrees, where the first
    arrival jumps by 1.8 s. Bodies are spheres: ellipticity is up to 2 s for teleseisms on Earth.

    Examples
    --------
    >>> travel_times([1.0, 60.0], 10.0, phase="P").round(1).tolist()
    [19.2, 606.7]
    """
    if phase not in PHASE_FAMILIES:
        raise ConfigError(f"phase is {phase!r}.", did_you_mean(str(phase), PHASE_FAMILIES))
    name = _model_name(body, model)
    distance, depth = np.broadcast_arrays(
        np.asarray(distance_deg, dtype=np.float64), np.asarray(depth_km, dtype=np.float64)
    )
    wrong = (distance < 0) | (distance > 180)
    if wrong.any():
        raise ConfigError(
            f"distance_deg is {distance[wrong].flat[0]:g}.", "Distances go from 0 to 180 degrees."
        )
    out = np.full(distance.shape, np.nan)
    nodes, radius = _depth_nodes(name)
    usable = np.isfinite(distance) & (depth <= nodes[-1])
    if usable.any():
        depth = np.maximum(depth[usable], 0.0)
        out[usable] = _interpolate(distance[usable], depth, name, phase, nodes, radius)
    return out


def arrivals(
    catalog: Catalog,
    stations: pd.DataFrame,
    *,
    phases: Sequence[str] = ("P", "S"),
    model: str | None = None,
    missing_depth_km: float = 10.0,
) -> pd.DataFrame:
    """Return the arrival times of all located events at all stations.

    Parameters
    ----------
    catalog : Catalog
        Times must be origin times (time basis "origin"), or stand in a column ``origin_ns``.
    stations : pandas.DataFrame
        Columns ``station``, ``latitude`` and ``longitude`` (degrees).
    phases : sequence of str
        Families of `PHASE_FAMILIES`.
    model : str, optional
        See `travel_times`.
    missing_depth_km : float
        Depth of events that have none.

    Returns
    -------
    pandas.DataFrame
        Columns event_id, station, phase, time_ns (int64 ns UTC), ordered by event, station and
        phase. Events without coordinates or origin time, and phases that do not arrive, have no
        row.

    Raises
    ------
    CatalogError
        If the catalogue holds no origin times or the stations lack a column or a coordinate.
    ConfigError
        See `travel_times`.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> event = {"time_ns": 0, "latitude": 0, "longitude": 0, "depth_km": 10}
    >>> stations = pd.DataFrame({"station": ["XX.A"], "latitude": [0], "longitude": [1]})
    >>> arrivals(make_catalog([event]), stations)["phase"].tolist()
    ['P', 'S']
    """
    stations = _check_stations(stations)
    events = catalog.events.assign(origin_ns=_origin_ns(catalog))
    located = events[["latitude", "longitude"]].notna().all(axis=1) & (events["origin_ns"] != NAT)
    events = events[located]
    shape = (len(events), len(stations))
    if not all(shape):
        return _arrival_table(np.empty((*shape, len(phases))), events, stations, phases)
    distance = _distances_deg(events, stations)
    depth = events["depth_km"].fillna(missing_depth_km).to_numpy()[:, None]
    seconds = [
        travel_times(distance, depth, phase=phase, body=catalog.body, model=model)
        for phase in phases
    ]
    return _arrival_table(np.stack(seconds, axis=-1), events, stations, phases)


def _distances_deg(events: pd.DataFrame, stations: pd.DataFrame) -> np.ndarray:
    from obspy.geodetics import locations2degrees

    places = [
        *(events[column].to_numpy()[:, None] for column in ("latitude", "longitude")),
        *(stations[column].to_numpy()[None, :] for column in ("latitude", "longitude")),
    ]
    return locations2degrees(*np.broadcast_arrays(*places))


def _arrival_table(seconds: np.ndarray, events, stations, phases) -> pd.DataFrame:
    event, station, phase = np.nonzero(np.isfinite(seconds))
    travel_ns = np.rint(seconds[event, station, phase] * NS_PER_S).astype(np.int64)
    return pd.DataFrame(
        {
            "event_id": events["event_id"].to_numpy()[event],
            "station": stations["station"].to_numpy()[station],
            "phase": np.asarray(phases, dtype=object)[phase],
            "time_ns": events["origin_ns"].to_numpy()[event] + travel_ns,
        }
    )


def _origin_ns(catalog: Catalog) -> pd.Series:
    if catalog.time_basis == "origin":
        return catalog.events["time_ns"]
    if "origin_ns" in catalog.events:
        return catalog.events["origin_ns"]
    raise CatalogError(
        f"{catalog!r} has no origin times, so no arrivals can be computed.",
        "Use a catalogue with time basis 'origin' or with a column origin_ns.",
    )


def _check_stations(stations: pd.DataFrame) -> pd.DataFrame:
    for column in ("station", "latitude", "longitude"):
        if column not in stations:
            raise CatalogError(
                f"The stations have no column {column!r}.",
                "They need station, latitude and longitude in degrees.",
            )
    lost = stations[["latitude", "longitude"]].isna().any(axis=1).to_numpy()
    if lost.any():
        raise CatalogError(
            f"The station {stations['station'].to_numpy()[lost][0]!r} has no coordinates.",
            "Complete its latitude and longitude, or leave the station out.",
        )
    return stations.astype({"latitude": np.float64, "longitude": np.float64})


def _model_name(body: str, model: str | None) -> str:
    own = get_body(body).taup_model
    return str(model) if model is not None else own


def _interpolate(distance, depth, name, phase, nodes, radius) -> np.ndarray:
    """Interpolate mean slowness bilinearly between the table's depths and distances."""
    upper = np.clip(np.searchsorted(nodes, depth, side="left"), 1, len(nodes) - 1)
    needed, inverse = np.unique(np.concatenate([upper - 1, upper]), return_inverse=True)
    table = np.stack([_slowness_row(name, phase, nodes[i]) for i in needed])
    row_above, row_below = np.split(inverse, 2)
    right = np.clip(np.searchsorted(_DISTANCES_DEG, distance), 1, len(_DISTANCES_DEG) - 1)
    at = (distance - _DISTANCES_DEG[right - 1]) / np.diff(_DISTANCES_DEG)[right - 1]
    down = (depth - nodes[upper - 1]) / np.diff(nodes)[upper - 1]
    slowness = np.zeros(len(distance))
    for row, weight_row in ((row_above, 1 - down), (row_below, down)):
        for column, weight_column in ((right - 1, 1 - at), (right, at)):
            weight = weight_row * weight_column
            slowness += np.where(weight > 0, table[row, column], 0.0) * weight
    return slowness * _straight_km(distance, depth, radius)


def _straight_km(distance_deg, depth_km, radius_km) -> np.ndarray:
    """Return the length of the straight line from a source at depth to the surface."""
    deep = radius_km - depth_km
    half = np.sin(np.radians(distance_deg) / 2)
    return np.sqrt(depth_km**2 + 4 * radius_km * deep * half**2)


@functools.lru_cache(maxsize=4)
def _taup_model(name: str):
    from obspy.taup import TauPyModel

    shipped = resources.files("seisml").joinpath(f"models/{name}.nd")
    try:
        if name.endswith(".nd"):
            return _from_velocities(Path(name))
        if "/" not in name and shipped.is_file():
            with resources.as_file(shipped) as path:
                return _from_velocities(path)
        # ObsPy 1.5.1's own depth cache copies itself at every discontinuity: 24 GB after four.
        return TauPyModel(name, cache=False).model
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"There is no travel-time model {name!r} ({error}).",
            "Give a model that ObsPy ships (iasp91, ak135, prem), mars or moon, or the path of a "
            "file .nd (depth, P, S, density; mantle, outer-core, inner-core) or .npz.",
        ) from error


def _from_velocities(path: Path):
    """Return the TauP model of a file of velocities (half a second)."""
    from obspy.taup.slowness_model import SlownessModelError
    from obspy.taup.taup_create import TauPCreate

    create = TauPCreate(str(path), "")
    try:
        return create.create_tau_model(create.load_velocity_model())
    except (LookupError, TypeError, ArithmeticError, NameError, SlownessModelError) as error:
        raise ValueError(f"{path} is no model of velocities: {error}") from error


@functools.lru_cache(maxsize=4)
def _depth_nodes(name: str) -> tuple[np.ndarray, float]:
    """Return the tabulated depths of a model, its discontinuities among them, and its radius."""
    model = _taup_model(name)
    bottom = float(model.cmb_depth)
    steps = [np.arange(*step) for step in _DEPTH_STEPS_KM]
    steps.append(np.arange(_DEPTH_STEPS_KM[-1][1], model.radius_of_planet, 50.0))
    layers = np.asarray(model.s_mod.v_mod.get_discontinuity_depths(), dtype=np.float64)
    nodes = np.unique(np.concatenate([*steps, layers, [bottom]]))
    return nodes[nodes <= bottom], float(model.radius_of_planet)


@functools.lru_cache(maxsize=4096)
def _slowness_row(name: str, phase: str, depth_km: float) -> np.ndarray:
    """Tabulate first arrival over straight distance, in s/km, at one depth (not to be written)."""
    from obspy.taup.seismic_phase import SeismicPhase

    model = _taup_model(name)
    corrected = model.depth_correct(depth_km)
    first = np.full(len(_DISTANCES_DEG), np.inf)
    for member in PHASE_FAMILIES[phase]:
        curve = SeismicPhase(member, corrected)
        limit = DIFFRACTION_LIMIT_DEG if member.endswith("diff") else 180.0
        reached = limit >= _DISTANCES_DEG
        times = _curve_times(curve.dist, curve.time, curve.ray_param)
        first[reached] = np.minimum(first, times)[reached]
    straight = _straight_km(_DISTANCES_DEG, depth_km, float(model.radius_of_planet))
    with np.errstate(divide="ignore", invalid="ignore"):
        slowness = np.where(np.isfinite(first), first / straight, np.nan)
    if straight[0] == 0:
        slowness[0] = slowness[1]  # the source is the station: any slowness gives 0 s
    slowness.setflags(write=False)
    return slowness


def _curve_times(dist: np.ndarray, time: np.ndarray, ray_param: np.ndarray) -> np.ndarray:
    """Return the earliest time of a TauP curve (radians, s, s/rad) at the tabulated distances.

    Between two rays the curve is a cubic with the ray parameters as slopes, which they are.
    """
    earliest = np.full(len(_DISTANCES_DEG), np.inf)
    if len(dist) < 2:
        return earliest
    radians = np.radians(_DISTANCES_DEG)
    shadow = (ray_param[:-1] == ray_param[1:]) & (len(dist) > 2)
    for i in np.flatnonzero(~shadow & (dist[:-1] != dist[1:])):
        a, b = (i, i + 1) if dist[i] < dist[i + 1] else (i + 1, i)
        first, last = np.searchsorted(radians, [dist[a] - 1e-12, dist[b] + 1e-12])
        if first == last:
            continue
        length = dist[b] - dist[a]
        u = (radians[first:last] - dist[a]) / length
        cubic = (
            time[a] * (1 + 2 * u) * (1 - u) ** 2
            + time[b] * u**2 * (3 - 2 * u)
            + length * u * (1 - u) * (ray_param[a] * (1 - u) - ray_param[b] * u)
        )
        earliest[first:last] = np.minimum(earliest[first:last], cubic)
    return earliest
