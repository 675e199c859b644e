"""Occurrence of events: rates by day and local hour in live time, waiting times, duplicates."""

import math

import numpy as np
import pandas as pd
from scipy.stats import chi2

from seisml.catalog import Catalog
from seisml.intervals import elapsed_ns, union
from seisml.planets import ahead_ns, get_body
from seisml.times import NS_PER_S

_HOUR_NS = 3600 * NS_PER_S


def rates_by_day(catalog: Catalog, live) -> pd.DataFrame:
    """Return the number of events and the live time of each day (sol) that has any.

    Parameters
    ----------
    catalog : Catalog
    live : array_like of int, shape (n, 2)
        When events could be seen, ns.

    Returns
    -------
    pandas.DataFrame
        Columns start_ns, n_events, live_h, per_day (of live time).

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> one = make_catalog([{"time_ns": 5}])
    >>> rates_by_day(one, [[0, 43_200 * 10**9]])["per_day"].tolist()
    [2.0]
    """
    body = get_body(catalog.body)
    live = union(live)
    columns = {"start_ns": np.int64, "n_events": np.int64, "live_h": float, "per_day": float}
    if not len(live):
        return pd.DataFrame({name: np.empty(0, dtype) for name, dtype in columns.items()})
    first = (live[0, 0] - body.day_zero_ns) // body.day_ns
    last = (live[-1, 1] - 1 - body.day_zero_ns) // body.day_ns
    edges = np.arange(first, last + 2) * body.day_ns + body.day_zero_ns
    live_h = np.diff(elapsed_ns(live, edges)) / _HOUR_NS
    n = np.diff(np.searchsorted(np.sort(catalog.events["time_ns"].to_numpy()), edges))
    there = live_h > 0
    per_day = n[there] / live_h[there] * (body.day_ns / _HOUR_NS)
    values = (edges[:-1][there], n[there], live_h[there], per_day)
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def rates_by_hour(catalog: Catalog, live, *, offset_h: float = 0.0) -> pd.DataFrame:
    """Return the rate in each hour of the local day: events by the live time in that hour.

    Parameters
    ----------
    catalog : Catalog
    live : array_like of int, shape (n, 2)
        When events could be seen, ns.
    offset_h : float
        Hours that local time is ahead of UTC; on Mars of InSight's local mean solar time.

    Returns
    -------
    pandas.DataFrame
        Columns hour (0 to 23), n_events, live_h, per_hour (NaN without live time), low, high
        (95 %, as if events were independent [1]_). An hour on Mars is a 24th of a sol, live_h are
        hours of 3600 s.

    Raises
    ------
    ConfigError
        If the offset is not from -24 to 24 hours.

    References
    ----------
    .. [1] Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28,
       https://doi.org/10.1093/biomet/28.3-4.437

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> one = make_catalog([{"time_ns": 5}])
    >>> rates_by_hour(one, [[0, 2 * 86_400 * 10**9]])["per_hour"].tolist()[:2]
    [0.5, 0.0]
    """
    body = get_body(catalog.body)
    live = union(live)
    hour_ns = body.day_ns // 24
    zero = body.day_zero_ns - ahead_ns(catalog.body, offset_h)
    n, live_ns = np.zeros(24, dtype=np.int64), np.zeros(24, dtype=np.int64)
    times = catalog.events["time_ns"].to_numpy()
    np.add.at(n, np.minimum((times - zero) % body.day_ns // hour_ns, 23), 1)
    if len(live):
        first = (live[0, 0] - zero) // body.day_ns
        days = np.arange(first, (live[-1, 1] - zero) // body.day_ns + 1) * body.day_ns + zero
        edges = days[:, None] + np.append(np.arange(24) * hour_ns, body.day_ns)[None, :]
        live_ns = np.diff(elapsed_ns(live, edges.ravel()).reshape(edges.shape), axis=1).sum(axis=0)
    live_h = live_ns / _HOUR_NS
    low, high = chi2.ppf(0.025, 2 * n) / 2, chi2.ppf(0.975, 2 * n + 2) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = [
            np.where(live_h > 0, count / live_h, np.nan) for count in (n, np.nan_to_num(low), high)
        ]
    names = ("per_hour", "low", "high")
    table = {"hour": np.arange(24), "n_events": n, "live_h": live_h}
    return pd.DataFrame(table | dict(zip(names, rates, strict=True)))


def waiting_times_s(catalog: Catalog, live) -> np.ndarray:
    """Return the live time between consecutive events, s: gaps do not count.

    Parameters
    ----------
    catalog : Catalog
    live : array_like of int, shape (n, 2)
        When events could be seen, ns.

    Returns
    -------
    numpy.ndarray of float64, shape (n_events - 1,)

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> two = make_catalog([{"time_ns": 1 * 10**9}, {"time_ns": 9 * 10**9}])
    >>> waiting_times_s(two, [[0, 3 * 10**9], [8 * 10**9, 10 * 10**9]]).tolist()
    [3.0]
    """
    elapsed = elapsed_ns(live, np.sort(catalog.events["time_ns"].to_numpy()))
    return np.diff(elapsed) / NS_PER_S


def duplicates(catalog: Catalog, *, within_s: float = 2.0) -> pd.DataFrame:
    """Return events that seem to stand twice: at the same station within a short time.

    Parameters
    ----------
    catalog : Catalog
    within_s : float
        Largest time between an event and its duplicate, s; shorter than the tolerance of a
        comparison.

    Returns
    -------
    pandas.DataFrame
        Columns event_id (to be kept: of the higher score, else the earlier), duplicate_id,
        station, time_ns (of the event), difference_s (duplicate minus event); one row a
        duplicate, by time. Events with higher scores choose their duplicates first.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> rows = [{"time_ns": 0, "score": 0.5}, {"time_ns": 10**9, "score": 0.9}]
    >>> duplicates(make_catalog(rows))[["event_id", "duplicate_id"]].to_numpy().tolist()
    [['e000002', 'e000001']]
    """
    events = catalog.events
    reach = round(within_s * NS_PER_S)
    rows = []
    for station, mine in events.groupby("station", sort=True):
        times = mine["time_ns"].to_numpy()
        score = mine["score"].fillna(-math.inf).to_numpy()
        ids = mine["event_id"].to_numpy()
        partner = _partners(times, score, reach)
        for k in np.flatnonzero(partner >= 0).tolist():
            one = partner[k]
            rows.append((ids[one], ids[k], station, times[one], (times[k] - times[one]) / NS_PER_S))
    columns = ["event_id", "duplicate_id", "station", "time_ns", "difference_s"]
    table = pd.DataFrame(rows, columns=columns).astype({"time_ns": np.int64})
    return table.sort_values(["time_ns", "duplicate_id"], kind="stable", ignore_index=True)


def _partners(times: np.ndarray, score: np.ndarray, reach: int) -> np.ndarray:
    """Return for each of the sorted instants the one that it repeats, or -1 where it is kept."""
    partner = np.full(len(times), -1)
    decided = np.zeros(len(times), dtype=bool)
    close = np.zeros(len(times), dtype=bool)
    near = np.diff(times) <= reach
    close[1:] |= near
    close[:-1] |= near
    candidates = np.flatnonzero(close)
    for k in candidates[np.lexsort((times[candidates], -score[candidates]))].tolist():
        if decided[k]:
            continue
        low, high = np.searchsorted(times, [times[k] - reach, times[k] + reach + 1])
        rivals = [j for j in range(low, high) if j != k and not decided[j]]
        partner[rivals] = k
        decided[[k, *rivals]] = True
    return partner
