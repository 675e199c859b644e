"""Statistics of one catalogue: rates in live time, waiting times, duplicates, magnitudes."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.intervals import contains, total_s, union
from seisml.magnitudes import (
    MIN_EVENTS,
    BValue,
    b_value,
    frequency_magnitude,
    mc_b_stability,
    mc_gft,
    mc_maxc,
)
from seisml.occurrence import duplicates, rates_by_day, rates_by_hour, waiting_times_s
from seisml.planets import hour_name
from seisml.times import iso

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
    why = {"GFT": "no magnitude explains 90 %", "b-stability": "b is stable from no magnitude on"}
    for name, text in why.items():
        if math.isnan(mcs[name]):
            notes[name] = f"undefined: {text}"
    return {name: b_value(magnitudes, mc, dm=dm) for name, mc in mcs.items() if not math.isnan(mc)}


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
