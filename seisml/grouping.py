"""Grouping: which detections at stations are one event, by limits of pairs or by sources."""

import heapq

import numpy as np
import pandas as pd

from seisml.moveout import WADATI, Moveout
from seisml.times import NS_PER_S
from seisml.wavefront import Onsets, Wave, narrow, waves

SHORTEST_MOVEOUT_S = 0.2
"""Networks whose largest limit is below this cannot tell an artefact from an event."""


def by_limits(
    events: pd.DataFrame, moveout: Moveout, least: np.ndarray
) -> tuple[list[list[int]], list[int]]:
    """Group detections that keep the limits of all pairs; see `by_sources`."""
    return _without_s(_grown(events, moveout, least), events, moveout)


def _places(stations: pd.DataFrame, names) -> np.ndarray:
    """Return latitude and longitude of stations, shape (n, 2)."""
    known = stations.drop_duplicates("station").set_index("station")
    return known.loc[list(names), ["latitude", "longitude"]].to_numpy(float)


def can_locate(events: pd.DataFrame, stations: pd.DataFrame) -> bool:
    """Whether sources can be looked for: three stations that are not too far apart."""
    names = sorted(events["station"].unique())
    return len(names) > 2 and narrow(_places(stations, names))


def by_sources(
    events: pd.DataFrame,
    stations: pd.DataFrame,
    moveout: Moveout,
    *,
    least: np.ndarray,
    off_s: float,
    at_once: tuple[np.ndarray, float],
) -> tuple[list[list[int]], list[int]]:
    """Group detections that one source explains.

    Parameters
    ----------
    events : pandas.DataFrame
        Detections in order of time.
    stations : pandas.DataFrame
        Columns station, latitude, longitude (degrees).
    moveout : Moveout
    least : numpy.ndarray of int, shape (n_events,)
        Stations that must take part, by the time of the first onset.
    off_s : float, s
        What an onset may be off the arrival, see `seisml.wavefront.waves`.
    at_once : tuple of numpy.ndarray of int, shape (n_events,), and float, s
        Onsets at so many stations within this are taken out before: no source explains them.

    Returns
    -------
    groups : list of list of int
        Rows of the P of each event, in order of time.
    s_rows : list of int
        Rows that are S of one of them.
    """
    number = {name: i for i, name in enumerate(moveout.stations)}
    station = np.array([number[name] for name in events["station"]], dtype=int)
    time_ns = events["time_ns"].to_numpy()
    time_s = (time_ns - time_ns[0]) / NS_PER_S
    spikes = _at_once(station, time_ns, *at_once, moveout)
    rest = np.setdiff1d(np.arange(len(events)), np.concatenate([[], *spikes]).astype(int))
    error_s = events["uncertainty_s"].to_numpy(float)
    onsets = Onsets(station[rest], time_s[rest], error_s[rest])

    def enough(wave: Wave, owed: np.ndarray) -> bool:
        by_s_only = len(set(onsets.station[wave.s]) - set(onsets.station[wave.p]))
        new = int((owed[wave.p] == 0).sum())  # the others are S of an earlier event
        return len(wave.p) + by_s_only / 2 >= least[rest[wave.p[0]]] and new >= max(
            2, len(wave.p) / 2
        )

    options = {"limit_s": moveout.limit_s, "off_s": off_s, "enough": enough}
    found = waves(_places(stations, moveout.stations), onsets, **options)
    groups = [*spikes, *(rest[wave.p].tolist() for wave in found)]
    taken = {i for group in groups for i in group}
    s_rows = {int(i) for wave in found for i in rest[wave.s]} - taken
    return sorted(groups), sorted(s_rows)


def _at_once(station, time_ns, n_live, within_s: float, moveout: Moveout) -> list[list[int]]:
    """Return the onsets that all stations with data have at once: no wave explains them."""
    groups: list[list[int]] = []
    if moveout.limit_s.max(initial=0.0) < SHORTEST_MOVEOUT_S:
        return groups
    last = np.searchsorted(time_ns, time_ns + round(within_s * NS_PER_S), "right")
    free = 0
    for i in np.flatnonzero(last - np.arange(len(last)) >= n_live):
        first = dict(zip(station[i : last[i]][::-1], range(last[i] - 1, i - 1, -1), strict=True))
        if i >= free and len(first) >= n_live[i]:
            groups.append(sorted(first.values()))
            free = last[i]
    return groups


def _grown(events, moveout: Moveout, least: np.ndarray) -> list[list[int]]:
    """Return sets of detections that keep all limits, in order of time."""
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
        if len(group) < least[known[1]]:
            continue
        if rank(group) != known:  # others have taken some of it since
            heapq.heappush(queue, rank(group))
            continue
        free[group] = False
        found.append(group)
    return sorted(found, key=lambda group: (time_ns[group[0]], group[0]))


def _without_s(groups, events, moveout: Moveout) -> tuple[list[list[int]], list[int]]:
    """Return the events that are no S wave of an earlier one, and the rows of those that are."""
    time_s = events["time_ns"].to_numpy() / NS_PER_S
    station = events["station"].to_numpy()
    kept: list[list[int]] = []
    s_rows: list[int] = []
    for group in groups:
        start_s = time_s[group[0]]
        near = [one for one in kept if start_s - time_s[one[0]] <= 2 * moveout.s_minus_p_s]
        if any(_is_s(group, one, time_s, station, moveout.s_minus_p_s) for one in near):
            s_rows += group
        else:
            kept.append(group)
    return kept, s_rows


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
