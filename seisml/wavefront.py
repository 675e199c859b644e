"""Wavefront: detections that the P and S waves of one source explain belong together.

Sources are tried on a grid in and around the network: place, depth and speed. Each of them says
when P and S pass every station, so a false alarm, the S wave of an event or the one after it in a
swarm, seconds away, is not taken for its P. What counts is how much a source explains:

    prior + sum of P (P_GAIN - owed - ln(1 + (r/e)^2)) + sum of S (S_GAIN - ln(1 + (r/e)^2))

with at most one P and one S a station, r the onset less the arrival and e the error of the onset.
A detection that is explained as S already owes that much, and says little as a P. The prior is
learnt from the detections: earthquakes come where others were (and waves run as fast there).
"""

import dataclasses
import heapq
from collections.abc import Callable

import numpy as np

from seisml.moveout import EARTH_KM, WADATI

SPEEDS_KM_S = (4.5, 5.2, 6.0, 6.8)
DEPTHS_KM = (1.0, 4.0, 8.0, 12.0)
NODES = 15
"""Along each side of the grid of sources, which is twice as wide as the network; then finer."""
FINER = (4, 16)
BEST = 4
"""Sources about which the grid is made finer."""
P_GAIN, S_GAIN = 3.0, 2.0
ERROR_S, UNPICKED_S = 0.15, 0.5
"""Of the arrivals, beside what an onset is uncertain by; of onsets that were not picked."""
S_ERROR, S_LEAST_S = 0.08, 0.5
"""Of S - P, as a share of it; nearer to P no S is told."""
FLOOR, KERNEL_KM, KERNEL_SPEED = 5.0, 3.0, 0.2
"""Of the prior: what the least likely place costs, how far an event speaks for others."""
TRUSTED = 7
"""Stations of an event that is sure enough to speak for others, or all but one."""
WIDEST_KM = 150.0
"""Straight rays from the crust are no longer true of wider networks."""


@dataclasses.dataclass(frozen=True)
class Wave:
    """Detections of one source.

    Attributes
    ----------
    p, s : numpy.ndarray of int
        Rows of the onsets that are its P, and those that are its S.
    origin_s : float, s
    source : numpy.ndarray, shape (4,)
        East and north of the middle of the stations and depth, km; speed of P, km/s.
    gain : float
        How much it explains.
    """

    p: np.ndarray
    s: np.ndarray
    origin_s: float
    source: np.ndarray
    gain: float


@dataclasses.dataclass(frozen=True)
class Onsets:
    """Onsets at stations, in order of time.

    Attributes
    ----------
    station : numpy.ndarray of int, shape (n_onsets,)
        Row of the station.
    time_s : numpy.ndarray, shape (n_onsets,), s
    error_s : numpy.ndarray, shape (n_onsets,), s
        NaN where an onset was not picked.
    """

    station: np.ndarray
    time_s: np.ndarray
    error_s: np.ndarray


def waves(
    places: np.ndarray,
    onsets: Onsets,
    *,
    limit_s: np.ndarray,
    off_s: float,
    enough: Callable[[Wave, np.ndarray], bool],
) -> list[Wave]:
    """Group the onsets of events.

    Parameters
    ----------
    places : numpy.ndarray, shape (n_stations, 2)
        Latitude and longitude, degrees.
    onsets : Onsets
    limit_s : numpy.ndarray, shape (n_stations, n_stations), s
        Largest time between the P of two stations.
    off_s : float, s
        An onset that is further from an arrival is none of it.
    enough : callable
        Whether a wave is an event, from the wave and how much each onset owes.

    Returns
    -------
    list of Wave
        In order of time; no onset is P of two.

    Notes
    -----
    From each onset on, the source that explains most is looked for with its arrival at that onset.
    What explains most of all is the first event; its P are taken out, its S owe, and so on. Then
    all is done once more, with the prior that the events of the first time make.
    """
    known, found = np.zeros((0, 4)), []
    for _ in range(2):
        search = _Search(_kilometres(places), onsets, limit_s, off_s, known)
        found = search.all(enough)
        sure = min(TRUSTED, max(3, len(places) - 1))
        known = np.array([one.source for one in found if len(one.p) >= sure]).reshape(-1, 4)
        if len(known) < 2:
            break
    return sorted(found, key=lambda one: one.p[0])


def narrow(places: np.ndarray) -> bool:
    """Whether the rays of a network are straight enough."""
    return bool(np.ptp(_kilometres(places), axis=0).max(initial=0.0) <= WIDEST_KM)


class _Search:
    """What is left to be explained, and the sources that may do so."""

    def __init__(self, km, onsets: Onsets, limit_s, off_s: float, known: np.ndarray):
        self.km, self.onsets, self.off_s, self.known = km, onsets, off_s, known
        half_km = max(float(np.ptp(km, axis=0).max()), 2.0)
        line = np.linspace(-half_km, half_km, NODES)
        middle = (km.max(axis=0) + km.min(axis=0)) / 2
        self.step_km = float(line[1] - line[0])
        self.travel_s, self.nodes = self._table(_pairs(line) + middle)
        self.prior = self._prior(self.nodes)
        self.limit_s = limit_s
        picked = np.hypot(np.minimum(onsets.error_s, UNPICKED_S), ERROR_S)
        self.error_s = np.where(np.isnan(onsets.error_s), UNPICKED_S, picked)
        n, time_s = len(onsets.time_s), onsets.time_s
        self.free, self.owed = np.ones(n, bool), np.zeros(n)
        self.before_s = float(limit_s.max())
        self.after_s = self.before_s + WADATI * float(self.travel_s.max())
        self.first = np.searchsorted(time_s, time_s - self.before_s - 1e-9)
        self.last = np.searchsorted(time_s, time_s + self.after_s + 1e-9)

    def _table(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return travel times of P (n_nodes, n_stations) and sources (n_nodes, 4) of places."""
        far = np.hypot(*(xy[:, None] - self.km).transpose(2, 0, 1))
        depth, speed = (one.ravel() for one in np.meshgrid(DEPTHS_KM, SPEEDS_KM_S, indexing="ij"))
        travel = np.hypot(far[:, None], depth[:, None]) / speed[:, None]
        under = np.tile(np.stack([depth, speed], 1), (len(xy), 1))
        nodes = np.concatenate([np.repeat(xy, len(depth), axis=0), under], axis=1)
        return travel.reshape(len(nodes), -1), nodes

    def _prior(self, nodes: np.ndarray) -> np.ndarray:
        """Return ln of the share of the known events that are there; one alone says nothing."""
        if len(self.known) < 2:
            return np.zeros(len(nodes))
        off = ((nodes[:, None, :2] - self.known[:, :2]) ** 2).sum(axis=2) / KERNEL_KM**2
        off += (np.log(nodes[:, None, 3] / self.known[:, 3]) / KERNEL_SPEED) ** 2
        share = np.maximum(np.exp(-off / 2).sum(axis=1) - 1, 0) / len(self.known)
        return np.maximum(np.log(share + 1e-9), -FLOOR)

    def all(self, enough) -> list[Wave]:
        """Return the events, those that explain most first."""
        queue = [(-self._most(i), i) for i in range(len(self.free))]
        heapq.heapify(queue)
        fits: dict[int, Wave] = {}
        found = []
        while queue:
            _, i = heapq.heappop(queue)
            if not self.free[i]:
                continue
            if i not in fits:  # never looked at, or others have taken some of it since
                wave = self._best(i)
                if len(wave.p) > 1:
                    fits[i] = wave
                    heapq.heappush(queue, (-wave.gain, i))
                continue
            if enough(fits[i], self.owed):
                found.append(fits[i])
                self._take(fits[i], fits)
        return found

    def _take(self, wave: Wave, fits: dict[int, Wave]) -> None:
        """Take out the P of a wave, let its S owe, and forget what was found with any of them."""
        time_s = self.onsets.time_s
        self.free[wave.p], self.owed[wave.s] = False, S_GAIN
        rows = np.concatenate([wave.p, wave.s])
        reach_s = self.after_s + self.before_s
        first_s, last_s = time_s[rows].min() - reach_s, time_s[rows].max() + reach_s
        for i in range(*np.searchsorted(time_s, [first_s, last_s])):
            if i in fits and np.isin(np.concatenate([fits[i].p, fits[i].s]), rows).any():
                del fits[i]

    def _near(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the onsets that may be P of the event of an onset, and those that may be S."""
        station, time_s = self.onsets.station, self.onsets.time_s
        near = np.arange(self.first[i], self.last[i])
        near = near[self.free[near] & (near != i)]
        near = near[np.argsort(station[near], kind="stable")]
        later, limit = time_s[near] - time_s[i], self.limit_s[station[near], station[i]]
        return near[(np.abs(later) <= limit) & (station[near] != station[i])], near[later > -limit]

    def _most(self, i: int) -> float:
        """Return what an onset and those near it can explain at most."""
        p, s = self._near(i)
        station = self.onsets.station
        return P_GAIN * (1 + len(set(station[p]))) + S_GAIN * len(set(station[s]))

    def _best(self, i: int) -> Wave:
        """Return the wave of the source that explains most with its P at an onset."""
        p, s = self._near(i)
        if not len(p):
            return Wave(np.array([i]), s[:0], self.onsets.time_s[i], np.zeros(4), P_GAIN)
        steps = np.arange(-2, 3)
        travel_s, nodes, prior = self.travel_s, self.nodes, self.prior
        grid_s = 0.6 * self.step_km / np.mean(SPEEDS_KM_S)
        for finer in (*FINER, None):
            gain, of_p, of_s = self._gains(i, p, s, travel_s, 0.0 if finer is None else grid_s)
            gain = gain + prior
            if finer is None:
                break
            best = np.argsort(-gain, kind="stable")[:BEST]
            near = nodes[best, None, :2] + _pairs(steps * self.step_km / finer)
            travel_s, nodes = self._table(np.unique(near.reshape(-1, 2).round(6), axis=0))
            prior, grid_s = self._prior(nodes), grid_s * (FINER[0] / finer / 4)
        k = int(np.argmax(gain))
        members = np.sort(np.r_[i, _largest(p, of_p[k], self.onsets.station)])
        later = np.setdiff1d(_largest(s, of_s[k], self.onsets.station), members)
        origin_s = self.onsets.time_s[i] - travel_s[k, self.onsets.station[i]]
        return Wave(members, later, float(origin_s), nodes[k], float(gain[k]))

    def _gains(self, i: int, p, s, travel_s, grid_s: float):
        """Return what each source explains, and what of it each P and S is (n_nodes, n)."""
        station, time_s = self.onsets.station, self.onsets.time_s
        origin_s = (time_s[i] - travel_s[:, station[i]])[:, None]
        off_s = time_s[p] - origin_s - travel_s[:, station[p]]
        of_p = P_GAIN - self.owed[p] - np.log1p(off_s**2 / (self.error_s[p] ** 2 + grid_s**2))
        of_p = np.where(np.abs(off_s) <= self.off_s, np.maximum(of_p, 0.0), 0.0)
        s_minus_p_s = WADATI * travel_s[:, station[s]]
        off_s = time_s[s] - origin_s - travel_s[:, station[s]] - s_minus_p_s
        error_2 = self.error_s[s] ** 2 + grid_s**2 + ERROR_S**2 + (S_ERROR * s_minus_p_s) ** 2
        told = (off_s <= self.off_s + S_ERROR * s_minus_p_s) & (s_minus_p_s > S_LEAST_S)
        of_s = np.where(told, np.maximum(S_GAIN - np.log1p(off_s**2 / error_2), 0.0), 0.0)
        gain = P_GAIN - self.owed[i] + _one_a_station(of_p, station[p])
        return gain + _one_a_station(of_s, station[s]), of_p, of_s


def _one_a_station(gains: np.ndarray, station: np.ndarray) -> np.ndarray:
    """Return the sum over stations, which are in order, of the largest gain of each."""
    if not len(station):
        return np.zeros(len(gains))
    first = np.flatnonzero(np.r_[True, np.diff(station) > 0])
    return np.maximum.reduceat(gains, first, axis=1).sum(axis=1)


def _largest(rows: np.ndarray, gain: np.ndarray, station: np.ndarray) -> np.ndarray:
    """Return the row of each station with the largest gain, where there is any."""
    order = np.lexsort((rows, -gain, station[rows]))
    first = np.unique(station[rows][order], return_index=True)[1]
    best = order[first]
    return rows[best[gain[best] > 0]]


def _pairs(line: np.ndarray) -> np.ndarray:
    """Return all pairs of values, shape (n^2, 2)."""
    return np.stack([one.ravel() for one in np.meshgrid(line, line, indexing="ij")], axis=1)


def _kilometres(places: np.ndarray) -> np.ndarray:
    """Return kilometres east and north of the middle, shape (n, 2)."""
    middle = places.mean(axis=0)
    north, east = (places - middle).T * np.pi / 180 * EARTH_KM
    return np.stack([east * np.cos(np.radians(middle[0])), north], axis=1)
