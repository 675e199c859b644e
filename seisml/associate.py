"""Association: detections at stations that one event can have made are a network event."""

import dataclasses
import heapq
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError, did_you_mean
from seisml.intervals import contains
from seisml.moveout import WADATI, Moveout, moveout_from_distances, moveout_from_window
from seisml.networkevents import network_event, s_picks_of
from seisml.planets import get_body
from seisml.times import NS_PER_S
from seisml.wavefront import of_one_source

ARTEFACTS = ("flag", "drop")
OFF = 1.4
"""Times the tolerance of a moveout: what a picked onset may be off the wave of its event."""
SHORTEST_MOVEOUT_S = 0.2
"""Networks whose largest limit is below this cannot tell an artefact from an event."""


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
        ``not_associated`` detections, ``s_of_an_event``, ``no_wave``, ``artefact``.

    Raises
    ------
    ConfigError
        If there is neither a window nor coordinates, or an option is out of its range.

    Notes
    -----
    A set of detections, one a station, is possible where each pair keeps its limit. From each
    detection on, the set is grown in order of time by what is possible with all in it. The largest
    set is the first event (of equal ones the earliest, as S follows P); its detections are taken
    out, and so on: an early false alarm does not tear an event apart. Nothing
    depends on the order of the rows. An event whose detections lie after those of an earlier one by
    a possible S - P that grows with the time of P, at half of its stations or more, is the S wave
    of that event and is merged into it. With coordinates, of eight onsets or more those that no
    source explains together with the others are left out (`seisml.wavefront`): the event must not
    begin with the S wave of the one before.

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
    groups, strays = _groups(events, moveout, rule, live), 0
    if stations is not None:
        n_grouped = sum(map(len, groups))
        groups = _of_one_source(groups, events, stations, rule, tolerance_s)
        strays = n_grouped - sum(map(len, groups))
    groups, s_waves = _without_s(groups, events, moveout)
    n_events, n_s = sum(map(len, groups)), sum(map(len, s_waves))
    dropped = {"not_associated": len(events) - n_events - n_s - strays}
    dropped |= {"s_of_an_event": n_s, "no_wave": strays}
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


def _groups(events, moveout: Moveout, rule: NetworkRule, live: np.ndarray) -> list[list[int]]:
    """Return the rows of each event, the events in order of time."""
    number = {name: i for i, name in enumerate(moveout.stations)}
    station = np.array([number[name] for name in events["station"]], dtype=int)
    time_ns = events["time_ns"].to_numpy()
    limit_ns = np.round(moveout.limit_s * NS_PER_S).astype(np.int64)
    widest_ns = int(limit_ns.max(initial=0))
    last = np.searchsorted(time_ns, time_ns + widest_ns, "right")
    free = np.ones(len(events), dtype=bool)

    def grown(first: int) -> list[int]:
        group = [first]
        for i in range(first + 1, last[first]):
            if free[i] and all(
                station[i] != station[j]
                and time_ns[i] - time_ns[j] <= limit_ns[station[i], station[j]]
                for j in group
            ):
                group.append(i)
        return group

    def rank(group: list[int]) -> tuple[int, int]:
        return -len(group), group[0]

    queue = [rank(grown(first)) for first in range(len(events))]
    heapq.heapify(queue)
    found = []
    while queue:
        known = heapq.heappop(queue)
        if not free[known[1]]:
            continue
        group = grown(known[1])
        if len(group) < max(rule.min_stations, math.ceil(rule.min_share * live[known[1]] - 1e-9)):
            continue
        if rank(group) != known:  # others have taken some of it since
            heapq.heappush(queue, rank(group))
            continue
        free[group] = False
        found.append(group)
    return sorted(found, key=lambda group: (time_ns[group[0]], group[0]))


def _of_one_source(groups, events, stations, rule: NetworkRule, tolerance_s: float):
    """Return the groups without the onsets that no source explains together with the others."""
    known = stations.drop_duplicates("station").set_index("station")
    places = known.loc[events["station"], ["latitude", "longitude"]].to_numpy(float)
    time_ns, picked = events["time_ns"].to_numpy(), events["uncertainty_s"].notna().to_numpy()
    found = []
    for group in map(np.array, groups):
        time_s = (time_ns[group] - time_ns[group[0]]) / NS_PER_S
        # A time that is only that of a window may be off, and does not set that of the event.
        off_s = np.where(picked[group], OFF * tolerance_s, np.inf)
        kept = of_one_source(places[group], time_s, np.maximum(off_s, 1e-3))
        if kept.sum() >= rule.min_stations:
            found.append(group[kept].tolist())
    return sorted(found, key=lambda group: (time_ns[group[0]], group[0]))


def _without_s(groups, events, moveout: Moveout) -> tuple[list[list[int]], list[list[int]]]:
    """Return the events that are no S wave of an earlier one, and those that are."""
    time_s = events["time_ns"].to_numpy() / NS_PER_S
    station = events["station"].to_numpy()
    kept: list[list[int]] = []
    s_waves = []
    for group in groups:
        start_s = time_s[group[0]]
        near = [one for one in kept if start_s - time_s[one[0]] <= 2 * moveout.s_minus_p_s]
        if any(_is_s(group, one, time_s, station, moveout.s_minus_p_s) for one in near):
            s_waves.append(group)
        else:
            kept.append(group)
    return kept, s_waves


def _is_s(group, earlier, time_s, station, longest_s: float) -> bool:
    """Whether the detections of a group are the S waves of an earlier event."""
    p_s = {station[i]: time_s[i] for i in earlier}
    shared = [i for i in group if station[i] in p_s]
    if 2 * len(shared) < len(group) or len(shared) < 2:
        return False
    p = np.array([p_s[station[i]] for i in shared])
    lag = time_s[shared] - p
    if not (np.all(lag > 0) and np.median(lag) <= longest_s):
        return False
    # S - P = 0.73 (P - origin): the lag grows with P; of a second event it stays the same.
    grown = np.std(lag - WADATI * (p - p.min()))
    return bool(grown < np.std(lag))


def _simultaneous(event: dict, n_live: int, moveout: Moveout, rule: NetworkRule) -> dict:
    """Return how many stations had data, and whether all of them woke at once."""
    n = event["n_stations"]
    n_live = max(n_live, n)
    can_tell = n >= 4 and moveout.limit_s.max(initial=0.0) >= SHORTEST_MOVEOUT_S
    at_once = n == n_live and event["moveout_s"] <= rule.simultaneous_s
    return {"n_live": n_live, "artefact": bool(can_tell and at_once)}
