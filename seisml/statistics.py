"""Statistics of one catalogue: rates in live time, waiting times, duplicates, magnitudes."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import chi2

from seisml.catalog import Catalog
from seisml.intervals import contains, elapsed_ns, total_s, union
from seisml.magnitudes import (
    MIN_EVENTS,
    BValue,
    b_value,
    frequency_magnitude,
    mc_b_stability,
    mc_gft,
    mc_maxc,
)
from seisml.planets import get_body, hour_name
from seisml.times import NS_PER_S, iso

_HOUR_NS = 3600 * NS_PER_S
MISSING_MAGNITUDES = (-5.0, 10.5)
"""What lies outside is a code for a missing magnitude (-9, -999, 99, 999), not a size."""


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What the events of a catalogue are like.

    Attributes
    ----------
    catalog : Catalog
        Events inside the live time.
    live : numpy.ndarray of int64, shape (n, 2)
        When events could be seen, ns.
    live_known : bool
        Whether coverage was given; else `live` is the time from the first to the last event.
    n_outside : int
        Events outside the live time, which are left out.
    by_day, by_hour : pandas.DataFrame
        From `rates_by_day` and `rates_by_hour`.
    waiting_s : numpy.ndarray of float64
        From `waiting_times_s`.
    duplicates : pandas.DataFrame
        From `duplicates`.
    magnitudes : numpy.ndarray of float64
        Of the commonest type, without codes for missing ones.
    magnitude_type : str
    notes : dict of str to str
        What was left out, and why.
    frequency : pandas.DataFrame
        From `seisml.magnitudes.frequency_magnitude`.
    fits : dict of str to BValue
        b-value above the magnitude of completeness of each method: MAXC, GFT, b-stability.
    hour_name : str
        Local time of `by_hour`.
    """

    catalog: Catalog
    live: np.ndarray
    live_known: bool
    n_outside: int
    by_day: pd.DataFrame
    by_hour: pd.DataFrame
    waiting_s: np.ndarray
    duplicates: pd.DataFrame
    magnitudes: np.ndarray
    magnitude_type: str
    notes: dict
    frequency: pd.DataFrame
    fits: dict[str, BValue]
    hour_name: str


def statistics(
    catalog: Catalog,
    *,
    coverage: Mapping | None = None,
    offset_h: float = 0.0,
    dm: float = 0.1,
    duplicate_s: float = 2.0,
) -> Statistics:
    """Return the statistics of a catalogue.

    Parameters
    ----------
    catalog : Catalog
    coverage : mapping of str to array_like of int, shape (n, 2), optional
        When each station has data, ns; events could be seen while any has. Without it the time
        from the first to the last event counts as live.
    offset_h : float
        Hours that local time is ahead of UTC.
    dm : float
        Width of the magnitude bins.
    duplicate_s : float
        See `duplicates`.

    Returns
    -------
    Statistics

    Raises
    ------
    ConfigError
        If `dm` is not positive.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> days = [{"time_ns": day * 86_400 * 10**9} for day in range(4)]
    >>> found = statistics(make_catalog(days))
    >>> found.waiting_s.tolist()
    [86400.0, 86400.0, 86400.0]
    """
    times = catalog.events["time_ns"].to_numpy()
    if coverage is not None:
        live = union(*coverage.values())
    else:
        live = union([[times.min(), times.max() + 1]] if len(times) else [])
    inside = contains(live, times)
    kept = dataclasses.replace(catalog, events=catalog.events[inside].reset_index(drop=True))
    notes = {}
    magnitudes, kind = _magnitudes_of(kept, notes)
    if coverage is None:
        notes["live time"] = "not known: taken as all the time from the first to the last event"
    return Statistics(
        catalog=kept,
        live=live,
        live_known=coverage is not None,
        n_outside=int((~inside).sum()),
        by_day=rates_by_day(kept, live),
        by_hour=rates_by_hour(kept, live, offset_h=offset_h),
        waiting_s=waiting_times_s(kept, live),
        duplicates=duplicates(kept, within_s=duplicate_s),
        magnitudes=magnitudes,
        magnitude_type=kind,
        notes=notes,
        frequency=frequency_magnitude(magnitudes, dm=dm),
        fits=_fits(magnitudes, dm, notes),
        hour_name=hour_name(catalog.body, offset_h),
    )


def _magnitudes_of(catalog: Catalog, notes: dict) -> tuple[np.ndarray, str]:
    """Return the magnitudes of the commonest type; others and codes are counted in `notes`."""
    events = catalog.events[catalog.events["magnitude"].notna()]
    low, high = MISSING_MAGNITUDES
    real = events["magnitude"].between(low, high)
    if not real.all():
        notes["magnitudes that are codes"] = f"{int((~real).sum())} left out"
    events = events[real]
    if not len(events):
        return np.empty(0), ""
    counts = events["magnitude_type"].value_counts()
    kind = str(counts.index[0])
    if len(counts) > 1:
        others = ", ".join(f"{n} {name or 'without a type'}" for name, n in counts.items())
        notes["magnitude types"] = f"not mixed: {others}; only {kind or 'those without'} used"
    return events.loc[events["magnitude_type"] == kind, "magnitude"].to_numpy(np.float64), kind


def _fits(magnitudes: np.ndarray, dm: float, notes: dict) -> dict[str, BValue]:
    if len(magnitudes) < MIN_EVENTS:
        notes["b-value"] = f"undefined: {len(magnitudes)} magnitudes; {MIN_EVENTS} are needed"
        return {}
    gft, level = mc_gft(magnitudes, dm=dm)
    if not math.isnan(level):
        notes["GFT"] = f"explains {level:g} %"
    mcs = {
        "MAXC": mc_maxc(magnitudes, dm=dm),
        "GFT": gft,
        "b-stability": mc_b_stability(magnitudes, dm=dm),
    }
    return {name: b_value(magnitudes, mc, dm=dm) for name, mc in mcs.items() if not math.isnan(mc)}


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
    zero = body.day_zero_ns - round(offset_h * hour_ns)
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


def numbers(found: Statistics) -> dict:
    """Return the main numbers of statistics; undefined ones are NaN.

    Parameters
    ----------
    found : Statistics

    Returns
    -------
    dict
        ``n_events, n_outside, live_days, events_per_day, waiting_median_s, waiting_cv`` (standard
        deviation over mean: 1 for random times, more for clusters), ``n_duplicates,
        n_magnitudes, magnitude_type``, ``fits`` (method to mc, n, b, sigma, a) and ``notes``.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> numbers(statistics(make_catalog([{"time_ns": 0}])))["n_events"]
    1
    """
    n, days = len(found.catalog), total_s(found.live) / 86_400
    waiting = found.waiting_s
    mean = float(waiting.mean()) if len(waiting) else math.nan
    return {
        "n_events": n,
        "n_outside": found.n_outside,
        "live_days": days,
        "events_per_day": n / days if days > 1e-9 else math.nan,
        "waiting_median_s": float(np.median(waiting)) if len(waiting) else math.nan,
        "waiting_cv": float(waiting.std() / mean) if mean > 0 else math.nan,
        "n_duplicates": len(found.duplicates),
        "n_magnitudes": len(found.magnitudes),
        "magnitude_type": found.magnitude_type,
        "fits": {name: dataclasses.asdict(fit) for name, fit in found.fits.items()},
        "notes": dict(found.notes),
    }


def statistics_table(found: Statistics) -> list[tuple[str, str]]:
    """Return names and values to print, with the reasons of what is missing.

    Parameters
    ----------
    found : Statistics

    Returns
    -------
    list of (str, str)

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> dict(statistics_table(statistics(make_catalog([{"time_ns": 0}]))))["events"]
    '1'
    """
    n = numbers(found)
    day = "sol" if found.catalog.body == "mars" else "day"
    rows = [("events", str(n["n_events"]))]
    if n["n_outside"]:
        rows.append(("outside the coverage", f"{n['n_outside']}, left out"))
    rows.append(("live time", f"{n['live_days']:.3f} days"))
    rows.append(("events per day", _text(n["events_per_day"], ".3f")))
    if len(found.by_day):
        busiest = found.by_day.loc[found.by_day["n_events"].idxmax()]
        text = f"{int(busiest['n_events'])}, {iso(int(busiest['start_ns']))[:10]}"
        rows.append((f"most in a {day}", text))
    rows.append(("waiting time, median", f"{_text(n['waiting_median_s'], '.6g')} s of live time"))
    spread = _text(n["waiting_cv"], ".2f")
    rows.append(("waiting time, spread / mean", f"{spread} (random: 1, clusters: more)"))
    rows.append(("duplicates", f"{n['n_duplicates']} events"))
    kind = f" ({n['magnitude_type']})" if n["magnitude_type"] else ""
    rows.append(("magnitudes", f"{n['n_magnitudes']}{kind}"))
    for name, fit in found.fits.items():
        slope = f"b {fit.b:.3f} ± {fit.sigma:.3f}, a {fit.a:.2f}"
        if math.isnan(fit.b):
            slope = f"no b-value: fewer than {MIN_EVENTS} events or too few bins"
        rows.append((f"complete from ({name})", f"{fit.mc:.2f}: {fit.n} events, {slope}"))
    rows.extend((f"note: {name}", text) for name, text in found.notes.items())
    return rows


def _text(value: float, form: str) -> str:
    return "not defined" if math.isnan(value) else format(value, form)
