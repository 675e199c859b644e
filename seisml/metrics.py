"""Numbers of a comparison: rates, residuals, chance, a constant offset, and their intervals."""

import math

import numpy as np
from scipy.special import pdtrc

from seisml.comparison import Comparison, cover_of, rows_by_key, station_keys, tolerances_ns
from seisml.intervals import at_elapsed, elapsed_ns, index_pairs, total_s
from seisml.matching import count_pairs, match, match_intervals
from seisml.resampling import MIN_BLOCKS, Blocks, bootstrap, rates
from seisml.times import NAT, NS_PER_S

_OFFSET_REACH_NS = 3600 * NS_PER_S
_MOST_AT_ONCE = 20_000  # expert events that are matched anew for each shift


def metrics(
    comparison: Comparison,
    *,
    n_shifts: int = 100,
    n_boot: int = 1000,
    block_s: float | None = None,
    seed: int = 0,
) -> dict:
    """Return all numbers of a comparison; undefined ones are NaN, and ``notes`` says why.

    Parameters
    ----------
    comparison : Comparison
    n_shifts : int
        Time shifts for the chance rate; 0 leaves it out.
    n_boot : int
        Resamples of the block bootstrap; 0 leaves the intervals out.
    block_s : float, optional
        Block of the bootstrap, s; by default a day of the body (on Mars a sol, that begins at
        midnight of InSight's local mean solar time), or a part of it where days are few.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict
        Counts ``n_expert, n_machine, n_matched, n_missed, n_unmatched, n_split`` (events with
        more than one detection), ``n_merged`` (detections over more than one event);
        ``recall, precision, f1, jaccard`` = TP / (TP + FP + FN), ``unmatched_per_day`` and
        ``unmatched_per_hour`` (of usable data: at most so many false alarms, because an unmatched
        detection is an unverified one); ``residual_median_s, residual_sigma_s`` (1.4826 MAD),
        ``residual_p05_s, residual_p25_s, residual_p75_s, residual_p95_s, residual_edge_share``
        (beyond 0.8 tolerance);
        ``chance_recall, chance_recall_sd`` (mean and standard deviation over shifts);
        ``offset_s, offset_pairs, offset_expected``; ``intervals`` (name to (low, high), 95 %),
        ``n_blocks``, ``block_s`` and ``notes`` (name to reason).

    Raises
    ------
    ConfigError
        If `block_s` is not from 1 to 1e9 s, or there are more than 10 million such blocks.

    Notes
    -----
    The chance rate is the recall of the machine's events shifted circularly inside each
    station's coverage (without coverage: inside the time between the first and the last event of
    all stations).
    For sparse expert events it is 1 - exp(-2 tolerance rate). The constant offset is the mode of
    all machine minus expert differences within an hour, given only if a Poisson background
    explains it with less than 0.001; it is reported and never applied. The intervals resample
    whole blocks of time, because events come in clusters (`seisml.resampling.bootstrap`).

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> catalog = make_catalog([{"time_ns": 0}, {"time_ns": 60_000_000_000}])
    >>> metrics(compare(catalog, catalog))["f1"]
    1.0
    """
    blocks = Blocks.of(comparison, block_s)
    n_matched, n_missed, n_unmatched = (
        len(t) for t in (comparison.matched, comparison.missed, comparison.unmatched)
    )
    days = comparison.usable_s / 86_400
    shares = rates(*np.array([n_matched, n_missed, n_unmatched, days], dtype=np.float64))
    notes = _notes(comparison)
    chance = _chance(comparison, n_shifts, seed, notes)
    intervals, n_blocks = bootstrap(comparison, blocks, n_boot=n_boot, seed=seed)
    if n_boot and n_blocks < MIN_BLOCKS:
        notes["intervals"] = (
            f"undefined: {n_blocks} blocks with expert events; {MIN_BLOCKS} are needed"
        )
    elif n_boot and block_s is None and blocks.length_ns < Blocks.days(comparison).length_ns:
        hours = blocks.length_ns / NS_PER_S / 3600
        notes["intervals"] = (
            f"from blocks of {hours:.3g} hours: fewer than {MIN_BLOCKS} days have events"
        )
    return {
        "n_expert": n_matched + n_missed,
        "n_machine": n_matched + n_unmatched,
        "n_matched": n_matched,
        "n_missed": n_missed,
        "n_unmatched": n_unmatched,
        "n_split": int(comparison.split["expert_id"].nunique()),
        "n_merged": int(comparison.merged["machine_id"].nunique()),
        "usable_days": days,
        **{name: float(value) for name, value in shares.items()},
        "unmatched_per_hour": float(shares["unmatched_per_day"]) / 24,
        **_residuals(comparison),
        **chance,
        **_offset(comparison),
        "intervals": intervals,
        "n_blocks": n_blocks,
        "block_s": blocks.length_ns / NS_PER_S,
        "notes": notes,
    }


def _notes(c: Comparison) -> dict[str, str]:
    notes = {}
    if c.coverage is None:
        notes["unmatched_per_day"] = "undefined: no coverage was given"
    elif not c.usable_s:
        notes["unmatched_per_day"] = "undefined: the coverage is empty"
    if not len(c.expert):
        notes["recall"] = "undefined: no expert event inside coverage"
    if not len(c.matched) + len(c.unmatched):
        notes["precision"] = "undefined: no machine event inside coverage"
    if c.expert_basis != c.machine_basis:
        notes["time_basis"] = (
            f"expert times are {c.expert_basis}, machine times {c.machine_basis}: "
            "residuals hold the difference"
        )
    if not c.by_station and len(set(c.machine["station"])) > 1:
        notes["stations"] = (
            "stations are ignored: detections of one event at several stations count as "
            "unmatched but one; associate them first"
        )
    here, there = (set(station_keys(one, c.by_station)) for one in (c.machine, c.expert))
    if c.by_station and here and there and not here & there:
        notes["stations"] = (
            f"none in common: {_some(here)} (machine), {_some(there)} (expert): nothing can match. "
            "Do the catalogues belong together?"
        )
    return notes


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")


def _residuals(c: Comparison) -> dict[str, float]:
    names = ("median_s", "sigma_s", "p05_s", "p25_s", "p75_s", "p95_s", "edge_share")
    residual = c.matched["residual_s"].to_numpy()
    if not len(residual):
        return {f"residual_{name}": math.nan for name in names}
    median = np.median(residual)
    percentiles = np.percentile(residual, [5, 25, 75, 95])
    edge = math.nan  # the tolerance bounds onset differences in onset mode only
    if c.mode == "onset":
        hit = c.expert["event_id"].isin(c.matched["expert_id"]).to_numpy()
        tolerance = np.broadcast_to(np.asarray(c.tolerance_s), len(hit))[hit]
        edge = np.mean(np.abs(residual) > 0.8 * tolerance)
    values = (median, 1.4826 * np.median(np.abs(residual - median)), *percentiles, edge)
    return {f"residual_{name}": float(v) for name, v in zip(names, values, strict=True)}


def _groups(c: Comparison):
    """Yield (expert rows, machine rows, coverage) of each station with expert events.

    Ignored detections are left out. Without coverage it is the time from the first to the last
    event of all stations: a station with one event was not there for an instant only.
    """
    counted = c.machine["event_id"].isin(
        set(c.matched["machine_id"]) | set(c.unmatched["event_id"])
    )
    machine = c.machine[counted].reset_index(drop=True)
    machine_rows = rows_by_key(machine, c.by_station)
    every = np.concatenate([c.expert["time_ns"], machine["time_ns"]])
    for key, e_rows in rows_by_key(c.expert, c.by_station).items():
        m = machine.iloc[machine_rows.get(key, np.empty(0, dtype=np.int64))]
        e = c.expert.iloc[e_rows]
        if c.coverage is not None:
            cover = cover_of(c.coverage, key)
        else:
            cover = np.array([[every.min(), every.max() + 1]])
        yield e, m, cover, tolerances_ns(c, e_rows)


def _chance(c: Comparison, n_shifts: int, seed: int, notes: dict) -> dict[str, float]:
    undefined = {"chance_recall": math.nan, "chance_recall_sd": math.nan}
    if not len(c.expert) or n_shifts < 1:
        return undefined
    groups = list(_groups(c))
    longest = max(total_s(cover) for _, _, cover, _ in groups)
    if longest < 40 * np.max(c.tolerance_s):
        notes["chance_recall"] = "undefined: less than 40 tolerances of data to shift within"
        return undefined
    rng = np.random.default_rng(seed)
    fractions = (np.arange(n_shifts) + rng.uniform(size=n_shifts)) / n_shifts
    hits = np.zeros(n_shifts)
    for e, m, cover, tolerance in groups:
        whole = int((cover[:, 1] - cover[:, 0]).sum())
        edge = min(whole // 4, 10 * int(np.max(tolerance)))  # leave the true matches
        shifts = edge + (fractions * (whole - 2 * edge)).astype(np.int64)
        elapsed = elapsed_ns(cover, m["time_ns"].to_numpy())
        for k, shift in enumerate(shifts.tolist()):
            times = at_elapsed(cover, (elapsed + shift) % whole)
            hits[k] += _count_hits(c, (e, m, tolerance), times, fractions[k])
    recall = hits / len(c.expert)
    return {"chance_recall": float(recall.mean()), "chance_recall_sd": float(recall.std())}


def _count_hits(c: Comparison, group, times, fraction: float) -> float:
    """Count pairs with the machine's events moved to other times.

    Of very many expert events only a run that begins at `fraction` is matched, for every shift
    another one.
    """
    e, m, tolerance = group
    length = np.where(m["end_ns"] == NAT, 0, m["end_ns"] - m["time_ns"]).clip(0)
    if c.mode == "onset":
        length = np.zeros_like(length)
    n = min(len(e), _MOST_AT_ONCE)
    first = int(fraction * (len(e) - n + 1))
    run = slice(first, first + n)
    e_time, e_end = (e[name].to_numpy()[run] for name in ("time_ns", "end_ns"))
    e_end = np.maximum(e_end, e_time)
    tolerance = tolerance[run] if tolerance.ndim else tolerance
    low = e_time.min() - np.max(tolerance) - length.max(initial=0)
    near = (times >= low) & (times <= e_end.max() + np.max(tolerance))
    times, length = times[near], length[near]
    if c.mode != "onset":
        rule = {"mode": c.mode, "min_overlap": c.min_overlap, "tolerance_ns": tolerance}
        n_pairs = len(match_intervals(e_time, e_end, times, times + length, **rule)[0])
    elif tolerance.ndim and np.ptp(tolerance):
        n_pairs = len(match(e_time, times, tolerance_ns=tolerance)[0])
    else:
        n_pairs = count_pairs(e_time, np.sort(times), int(np.max(tolerance)))
    return n_pairs * len(e) / n


def _offset(c: Comparison) -> dict[str, float]:
    """Find the mode of machine minus expert differences within an hour."""
    undefined = {"offset_s": math.nan, "offset_pairs": 0, "offset_expected": math.nan}
    tolerance_s = float(np.median(c.tolerance_s)) if len(c.expert) else 1.0
    width = int(min(max(tolerance_s / 2, 0.01), 60.0) * NS_PER_S)
    differences = [np.empty(0, dtype=np.int64)]
    for e, m, _, _ in _groups(c):
        e_time, m_time = e["time_ns"].to_numpy(), m["time_ns"].to_numpy()
        low = np.searchsorted(m_time, e_time - _OFFSET_REACH_NS, side="left")
        high = np.searchsorted(m_time, e_time + _OFFSET_REACH_NS, side="right")
        every = 1 + int((high - low).sum()) // 2_000_000  # a share of the events is enough
        i, j = index_pairs(low[::every], high[::every])
        differences.append(m_time[j] - e_time[::every][i])
    difference = np.concatenate(differences)
    n_bins = 2 * (_OFFSET_REACH_NS // width) + 2
    bins = np.minimum((difference + _OFFSET_REACH_NS) // width, n_bins - 1)
    histogram = np.bincount(bins, minlength=n_bins)
    pairs = histogram[:-1] + histogram[1:]  # two bins: the mode does not fall between bins
    middle = np.arange(1, n_bins) * width - _OFFSET_REACH_NS
    peak = int(np.lexsort((np.abs(middle), -pairs))[0])
    expected = (len(difference) - pairs[peak]) * 2 / n_bins
    if pairs[peak] < 5 or n_bins * pdtrc(pairs[peak] - 1, expected) > 1e-3:
        return undefined
    near = difference[(bins == peak) | (bins == peak + 1)]
    return {
        "offset_s": float(np.median(near)) / NS_PER_S,
        "offset_pairs": int(pairs[peak]),
        "offset_expected": float(expected),
    }
