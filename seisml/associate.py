"""Association: detections at stations that one event can have made are a network event."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError, did_you_mean
from seisml.grouping import SHORTEST_MOVEOUT_S, by_limits, by_sources, can_locate
from seisml.intervals import contains
from seisml.moveout import Moveout, moveout_from_distances, moveout_from_window
from seisml.networkevents import network_event, s_picks_of
from seisml.planets import get_body
from seisml.times import NS_PER_S

ARTEFACTS = ("flag", "drop")
OFF = 1.6
"""Times the tolerance of a moveout: what an onset may be off the wave of its event."""


@dataclasses.dataclass(frozen=True)
class NetworkRule:
    """When detections at stations are an event of the network.

    Attributes
    ----------
    min_stations : int
        Stations that must take part, at least 2.
    min_share : float
        Share of the stations with data at the time that must take part, 0 to 1.
    simultaneous_s : float, s
        Onsets at all stations with data (four or more) within this are no wave: an artefact.
    artefacts : str
        ``flag`` keeps them with a true ``artefact``; ``drop`` counts them in ``dropped``.
    """

    min_stations: int = 3
    min_share: float = 0.0
    simultaneous_s: float = 0.02
    artefacts: str = "flag"

    def __post_init__(self):
        if self.min_stations < 2:
            raise ConfigError(f"min_stations = {self.min_stations} must be at least 2.")
        if not 0 <= self.min_share <= 1:
            raise ConfigError(f"min_share = {self.min_share:g} must be between 0 and 1.")
        if self.artefacts not in ARTEFACTS:
            raise ConfigError(
                f"There is no way {self.artefacts!r} to treat artefacts.",
                did_you_mean(self.artefacts, ARTEFACTS),
            )


def coincidences(
    catalog: Catalog,
    *,
    window_s: float | None = None,
    min_stations: int = 3,
    stations: pd.DataFrame | None = None,
    slowest_km_s: float = 3.0,
    tolerance_s: float = 0.5,
    min_share: float = 0.0,
    coverage: Mapping[str, np.ndarray] | None = None,
    simultaneous_s: float = 0.02,
    artefacts: str = "flag",
) -> Catalog:
    """Join detections at stations into events of the network.

    Parameters
    ----------
    catalog : Catalog
        Detections with a station each; of a catalogue of picks only, its P picks.
    window_s : float, s
        Longest moveout between any two stations; not needed with coordinates.
    min_stations, min_share, simultaneous_s, artefacts
        See `NetworkRule`.
    stations : pandas.DataFrame
        Columns station, latitude, longitude: each pair of stations has its own limit, its distance
        over the slowest speed. Together with `window_s` the smaller limit counts.
    slowest_km_s, tolerance_s
        See `seisml.moveout.moveout_from_distances`.
    coverage : mapping of str to numpy.ndarray, shape (n, 2)
        When each station ("NET.STA") has data, for `min_share` and artefacts; default all
        stations of the catalogue, always.

    Returns
    -------
    Catalog
        Time of the first onset (time basis first_pick; detections without an uncertainty have the
        time of a window, and count where no other has one), largest score, most frequent label (the
        first in the alphabet of several), one P pick a station and the S picks of the detections,
        and columns ``n_stations``, ``n_live``, ``nearest_station`` (first onset), ``origin_ns``,
        ``origin_method`` (``wadati`` from S - P at two or more stations, else ``first_pick``: an
        upper limit), ``moveout_s`` and ``artefact``. ``dropped`` counts what is in no event:
        ``not_associated`` detections, ``s_of_an_event``, ``artefact``.

    Raises
    ------
    ConfigError
        If there is neither a window nor coordinates, or an option is out of its range.

    Notes
    -----
    With coordinates of three stations or more, no further apart than straight rays go, the
    detections of an event are those that P and S of one source explain, see `seisml.wavefront`; a
    station where only S was detected counts half. Otherwise a set of detections, one a station, is
    possible where each pair keeps its limit. From each detection on, the set is grown in order of
    time by what is possible with all in it. The largest set is the first event (of equal ones the
    earliest, as S follows P); its detections are taken out, and so on: an early false alarm does
    not tear an event apart. Nothing depends on the order of the rows. An event whose detections
    lie after those of an earlier one by a possible S - P that grows with the time of P, at half of
    its stations or more, is the S wave of that event and is merged into it.

    Examples
    --------
    >>> rows = [{"station": f"X.{s}", "time_ns": t * 10**9} for s, t in
    ...         (("A", 10), ("B", 11), ("C", 12), ("A", 50))]
    >>> network = coincidences(make_catalog(rows), window_s=3, min_stations=3)
    >>> network.events["n_stations"].tolist(), network.dropped
    ([3], {'not_associated': 1})
    """
    rule = NetworkRule(min_stations, min_share, simultaneous_s, artefacts)
    catalog = detections_of(catalog)
    events = catalog.events.sort_values(["time_ns", "station", "event_id"], ignore_index=True)
    events = events[events["station"] != ""].reset_index(drop=True)
    moveout = limits_of(
        catalog,
        window_s=window_s,
        stations=stations,
        slowest_km_s=slowest_km_s,
        tolerance_s=tolerance_s,
    )
    live = _live(events, moveout, coverage)
    least = np.maximum(rule.min_stations, np.ceil(rule.min_share * live - 1e-9).astype(int))
    if stations is not None and can_locate(events, stations):
        at_once = np.maximum(live, 4), rule.simultaneous_s
        options = {"least": least, "off_s": OFF * tolerance_s, "at_once": at_once}
        groups, s_rows = by_sources(events, stations, moveout, **options)
    else:
        groups, s_rows = by_limits(events, moveout, least)
    n_events, n_s = sum(map(len, groups)), len(s_rows)
    dropped = {"not_associated": len(events) - n_events - n_s, "s_of_an_event": n_s}
    s_picks = s_picks_of(catalog)
    rows, picks = [], []
    for group in groups:
        event, its_picks = network_event(events.iloc[group], s_picks)
        event |= _simultaneous(event, int(live[group[0]]), moveout, rule)
        if event["artefact"] and rule.artefacts == "drop":
            dropped["artefact"] = dropped.get("artefact", 0) + 1
            continue
        event["event_id"] = f"n{len(rows) + 1:06d}"
        rows.append(event)
        picks += [{"event_id": event["event_id"], **pick} for pick in its_picks]
    return make_catalog(
        rows or None,
        picks or None,
        name=catalog.name,
        body=catalog.body,
        source=catalog.source,
        time_basis="first_pick",
        dropped={name: n for name, n in dropped.items() if n},
    )


def detections_of(catalog: Catalog) -> Catalog:
    """Return a catalogue of picks alone as detections: each P, with the S that follows it there."""
    if len(catalog) or catalog.picks.empty:
        return catalog
    first = catalog.picks["phase"].str[:1].str.upper()
    order = ["station", "time_ns"]
    p = catalog.picks[first == "P"].sort_values(order, ignore_index=True)
    p["event_id"] = np.char.mod("p%06d", np.arange(1, len(p) + 1))
    s = catalog.picks[first == "S"].sort_values(order, ignore_index=True)
    both = pd.merge_asof(
        s.drop(columns="event_id").sort_values("time_ns"),
        p[["event_id", "station", "time_ns"]].sort_values("time_ns"),
        on="time_ns",
        by="station",
        tolerance=60 * NS_PER_S,
    ).dropna(subset="event_id")
    picks = pd.concat([p.assign(phase="P"), both.assign(phase="S")], ignore_index=True)
    columns = ["event_id", "station", "time_ns", "score", "uncertainty_s"]
    found = make_catalog(p[columns], picks, name=catalog.name, body=catalog.body)
    return dataclasses.replace(found, source=catalog.source)


def limits_of(
    detections: Catalog,
    *,
    window_s: float | None = None,
    stations: pd.DataFrame | None = None,
    slowest_km_s: float = 3.0,
    tolerance_s: float = 0.5,
) -> Moveout:
    """Return the limits of the stations of detections from coordinates, a window, or both.

    Parameters
    ----------
    detections : Catalog
    window_s, stations, slowest_km_s, tolerance_s
        See `coincidences`.

    Raises
    ------
    ConfigError
        If there is neither a window nor coordinates.
    """
    names = detections.events.loc[detections.events["station"] != "", "station"].unique()
    if stations is None and window_s is None:
        raise ConfigError(
            "Without coordinates the longest moveout is not known.",
            "Give coordinates (stations) or the longest time between onsets (window_s): the "
            "diameter of the network over the slowest speed.",
        )
    if stations is None:
        return moveout_from_window(names, window_s)
    options = {"slowest_km_s": slowest_km_s, "tolerance_s": tolerance_s}
    options["radius_km"] = get_body(detections.body).radius_km
    limits = moveout_from_distances(names, stations, **options)
    if window_s is None:
        return limits
    least = np.minimum(limits.limit_s, moveout_from_window(names, window_s).limit_s)
    return dataclasses.replace(limits, limit_s=least)


def _live(events, moveout: Moveout, coverage) -> np.ndarray:
    """Return how many stations have data at the time of each detection."""
    if coverage is None:
        return np.full(len(events), len(moveout.stations))
    times = events["time_ns"].to_numpy()
    alive = [contains(spans, times) for name, spans in sorted(coverage.items()) if len(spans)]
    return np.sum(alive, axis=0).astype(int) if alive else np.zeros(len(events), int)


def _simultaneous(event: dict, n_live: int, moveout: Moveout, rule: NetworkRule) -> dict:
    """Return how many stations had data, and whether all of them woke at once."""
    n = event["n_stations"]
    n_live = max(n_live, n)
    can_tell = n >= 4 and moveout.limit_s.max(initial=0.0) >= SHORTEST_MOVEOUT_S
    at_once = n == n_live and event["moveout_s"] <= rule.simultaneous_s
    return {"n_live": n_live, "artefact": bool(can_tell and at_once)}
