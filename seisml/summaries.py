"""Summaries of a comparison: by class, quality, station or hour, confusion, JSON."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.comparison import OUTSIDE_WORDS, Comparison
from seisml.errors import CatalogError, did_you_mean
from seisml.metrics import metrics
from seisml.planets import local_hours
from seisml.resampling import RATES, Blocks, design_effect, share_interval
from seisml.times import NAT

STEPS = {"magnitude": (0.5, 1.0, 1), "snr_db": (3.0, 6.0, 5)}
"""Widths of the bins of columns of numbers and fewest events of the outermost, see `bins_of`."""


def by(comparison: Comparison, column: str, *, offset_h: float = 0.0) -> pd.DataFrame:
    """Return the recall for each value of an expert column, with 95 % intervals.

    Parameters
    ----------
    comparison : Comparison
    column : str
        class (or label), quality, station, magnitude (in steps of 0.5, or of 1 where there are
        many), snr_db (in steps of 3 dB, or of 6), another column of the expert's events, or hour
        (of the local day, 0 to 23; see `seisml.planets.local_hours`).
    offset_h : float
        Hours that local time is ahead of UTC.

    Returns
    -------
    pandas.DataFrame
        Columns `column`, n_expert, n_matched, recall, low, high; one row a value.

    Raises
    ------
    CatalogError
        If there is no such column.

    Notes
    -----
    Wilson's interval of a number of events that is divided by their design effect between days
    (sols): clusters of events count as what they are. Where a value has too few days, the effect
    of all events is taken (`seisml.resampling.share_interval`).

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> expert = make_catalog([{"time_ns": 0, "label": "LF"}, {"time_ns": 1, "label": "HF"}])
    >>> table = by(compare(make_catalog([{"time_ns": 0}]), expert, tolerance_s=0), "class")
    >>> table[["class", "n_expert", "n_matched"]].to_numpy().tolist()
    [['HF', 1, 0], ['LF', 1, 1]]
    """
    events = comparison.expert
    values = _values_of(comparison, column, offset_h)
    hit = events["event_id"].isin(comparison.matched["expert_id"]).to_numpy()
    block = Blocks.of(comparison).number(events["time_ns"])
    overall = design_effect(hit, block)
    overall = 1.0 if math.isnan(overall) else overall
    names = ["n_expert", "n_matched", "recall", "low", "high"]
    rows = []
    rows_of = pd.Series(np.arange(len(events)))
    groups = rows_of.groupby(values.reset_index(drop=True), dropna=False, observed=True)
    for value, index in groups:
        mine = index.to_numpy()
        n, k = len(mine), int(hit[mine].sum())
        effect = design_effect(hit[mine], block[mine])
        low, high = share_interval(n, k, overall if math.isnan(effect) else effect)
        rows.append([value, n, k, k / n, float(low), float(high)])
    table = pd.DataFrame(rows, columns=[column, *names])
    return table.astype({"n_expert": np.int64, "n_matched": np.int64})


def recall_over(comparisons: Mapping[str, Comparison], column: str) -> pd.DataFrame:
    """Return the recall of several detectors in the bins of a column of numbers.

    Parameters
    ----------
    comparisons : mapping of str to Comparison
        By the name of the detector, with the same expert.
    column : str
        One of `STEPS`.

    Returns
    -------
    pandas.DataFrame
        Columns detector, bin, `column` (mean of the bin's events, NaN for those of unknown value)
        and those of `by`.
    """
    rows = []
    for name, one in comparisons.items():
        values = one.expert[column].to_numpy(dtype=np.float64)
        means = pd.Series(values).groupby(bins_of(values, STEPS[column]), observed=True).mean()
        table = by(one, column).rename(columns={column: "bin"}).astype({"bin": str})
        table.insert(0, "detector", name)
        table.insert(2, column, table["bin"].map(means.rename(index=str)).astype(np.float64))
        rows.append(table)
    return pd.concat(rows, ignore_index=True)


def _values_of(comparison: Comparison, column: str, offset_h: float) -> pd.Series:
    """Return what the expert's events are grouped by."""
    events = comparison.expert
    if column == "hour":
        hours = local_hours(events["time_ns"], comparison.body, offset_h=offset_h)
        return pd.Series(hours.astype(np.int64))
    if column in STEPS and column in events:
        return pd.Series(bins_of(events[column].to_numpy(dtype=np.float64), STEPS[column]))
    check_column(events, column)
    return events["label" if column == "class" else column]


def check_column(events: pd.DataFrame, column: str) -> None:
    """Refuse what the expert's events cannot be grouped by, see `by`.

    Raises
    ------
    CatalogError
        With a suggestion.
    """
    names = [*map(str, events.columns), "class", "hour"]
    if column not in names:
        raise CatalogError(
            f"the expert catalogue has no column {column!r}.", did_you_mean(column, names)
        )


def bins_of(values: np.ndarray, steps: tuple[float, float, int]) -> pd.Categorical:
    """Return the bin of each value as text, in the order of size.

    Parameters
    ----------
    values : numpy.ndarray of float
    steps : (float, float, int)
        Width of the bins where the values span up to six of them, and where they span more; and
        how many values the first and the last have at least: they are wider where those are few.

    Examples
    --------
    >>> list(bins_of(np.array([1.2, np.nan, -0.3]), STEPS["magnitude"]))
    ['1.0 to 1.5', 'unknown', '-0.5 to 0.0']
    """
    is_known = np.isfinite(values)
    known = np.sort(values[is_known])
    if not len(known):
        return pd.Categorical(["unknown"] * len(values), ordered=True)
    step = steps[1] if np.ptp(known) > 6 * steps[0] else steps[0]
    first, last = (int(np.floor(known[k] / step)) for k in (0, -1))
    fewest = min(steps[2], len(known))
    low, high = (int(np.floor(known[k] / step)) for k in (fewest - 1, -fewest))
    starts = np.r_[first, low + 1 : high, high] if low < high else np.array([first])
    ends = np.r_[starts[1:], last + 1]
    digits = 0 if steps[0] == round(steps[0]) else 1
    names = [
        f"{a * step + 0.0:.{digits}f} to {b * step + 0.0:.{digits}f}"
        for a, b in zip(starts, ends, strict=True)
    ]
    at = np.searchsorted(starts, np.floor(np.where(is_known, values, 0) / step), "right") - 1
    at = np.where(is_known, at, len(names))
    used = np.unique(at)
    names = np.array([*names, "unknown"], dtype=object)[used]
    return pd.Categorical.from_codes(np.searchsorted(used, at), names, ordered=True)


def confusion(comparison: Comparison) -> pd.DataFrame:
    """Return how often each expert label met each machine label.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    pandas.DataFrame of int64
        Expert labels and ``(unmatched)`` down, machine labels and ``(missed)`` across; events
        without a label are ``(none)``.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> expert = make_catalog([{"time_ns": 0, "label": "LF"}, {"time_ns": 9, "label": "HF"}])
    >>> machine = make_catalog([{"time_ns": 0, "label": "HF"}])
    >>> confusion(compare(machine, expert, tolerance_s=0)).loc["HF"].to_dict()
    {'HF': 0, '(missed)': 1}
    """
    c = comparison
    expert = [*c.matched["expert_label"], *c.missed["label"], *["(unmatched)"] * len(c.unmatched)]
    machine = [*c.matched["machine_label"], *["(missed)"] * len(c.missed), *c.unmatched["label"]]
    expert, machine = ([label or "(none)" for label in labels] for labels in (expert, machine))
    rows = [*sorted(set(expert) - {"(unmatched)"}), "(unmatched)"]
    columns = [*sorted(set(machine) - {"(missed)"}), "(missed)"]
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    i = pd.Index(rows).get_indexer(expert) if expert else []
    j = pd.Index(columns).get_indexer(machine) if machine else []
    np.add.at(table, (np.asarray(i, dtype=int), np.asarray(j, dtype=int)), 1)
    return pd.DataFrame(
        table, index=pd.Index(rows, name="expert"), columns=pd.Index(columns, name="machine")
    )


def to_json(
    comparison: Comparison,
    *,
    numbers: dict | None = None,
    groups: Mapping[str, pd.DataFrame] | None = None,
    tables: bool = False,
) -> dict:
    """Return a comparison as plain values that JSON can hold, in a fixed order.

    Parameters
    ----------
    comparison : Comparison
    numbers : dict, optional
        What `metrics` returned, to spare its second computation.
    groups : mapping of str to pandas.DataFrame, optional
        What `by` returned, by column.
    tables : bool
        Whether to add the confusion and, row by row, the tables matched, missed, unmatched, split
        and merged.

    Returns
    -------
    dict
        NaN and infinity are None, times integers (ns).

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> out = to_json(compare(make_catalog(), make_catalog()))
    >>> out["metrics"]["n_expert"], out["metrics"]["recall"]
    (0, None)
    """
    c = comparison
    out = {
        "machine": {"name": c.machine_name, "time_basis": c.machine_basis},
        "expert": {"name": c.expert_name, "time_basis": c.expert_basis},
        "body": c.body,
        "mode": c.mode,
        "tolerance_s": c.tolerance_s,
        "min_overlap": c.min_overlap,
        "by_station": c.by_station,
        "stations": sorted(c.coverage) if c.coverage is not None else None,
        "usable_s": c.usable_s,
        "outside": c.outside,
        "metrics": numbers if numbers is not None else metrics(c),
    }
    if groups:
        out["by"] = {name: table.to_dict("records") for name, table in groups.items()}
    if tables:
        out["confusion"] = confusion(c).to_dict("index")
        for name in ("matched", "missed", "unmatched", "split", "merged"):
            out[name] = getattr(c, name).to_dict("records")
    return plain(out)


def plain(value):
    """Return a value as JSON can hold it: NaN, infinity and missing instants are None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if value is pd.NaT or value is pd.NA or value == NAT else value


def summary_table(comparison: Comparison, *, numbers: dict | None = None) -> list[tuple[str, str]]:
    """Return names and values to print, with 95 % intervals and the reasons of what is missing.

    Parameters
    ----------
    comparison : Comparison
    numbers : dict, optional
        What `metrics` returned, to spare its second computation.

    Returns
    -------
    list of (str, str)

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> catalog = make_catalog([{"time_ns": 0}], name="MQS")
    >>> dict(summary_table(compare(catalog, catalog)))["matched"]
    '1 of 1 expert events'
    """
    c = comparison
    n = numbers if numbers is not None else metrics(c)
    rows = [
        ("machine", f"{c.machine_name or '(no name)'}, {n['n_machine']} events"),
        ("expert", f"{c.expert_name or '(no name)'}, {n['n_expert']} events"),
        ("matching", rule_text(c)),
        ("usable data", "not known" if math.isnan(c.usable_s) else f"{n['usable_days']:.3f} days"),
        ("matched", f"{n['n_matched']} of {n['n_expert']} expert events"),
        ("missed", str(n["n_missed"])),
        ("unmatched", str(n["n_unmatched"])),
    ]
    if c.mode != "onset":
        rows.append(("split, merged", f"{n['n_split']} events, {n['n_merged']} detections"))
    if any(c.outside.values()):
        words = [f"{k} {OUTSIDE_WORDS[name]}" for name, k in c.outside.items() if k]
        rows.append(("not scored", ", ".join(words)))
    for name in RATES:
        rows.append((name.replace("_", " "), _value_text(n[name], n["intervals"][name])))
    if math.isfinite(n["unmatched_per_hour"]):
        rows.append(("unmatched per hour", _value_text(n["unmatched_per_hour"])))
    rows.append(("chance recall", _value_text(n["chance_recall"])))
    if n["n_matched"]:
        text = f"{n['residual_median_s']:+.3f} s, sigma {n['residual_sigma_s']:.3f} s, 5-95 % "
        text += f"{n['residual_p05_s']:+.3f} to {n['residual_p95_s']:+.3f} s"
        rows.append(("residual, machine - expert", text))
    if c.mode == "onset" and n["n_matched"]:
        rows.append(("beyond 0.8 tolerance", f"{100 * n['residual_edge_share']:.1f} %"))
    if not math.isnan(n["offset_s"]) and abs(n["offset_s"]) > np.max(c.tolerance_s):
        text = f"{n['offset_s']:+.3f} s fits {n['offset_pairs']} pairs; not applied"
        rows.append(("constant offset", text))
    rows.extend((f"note: {name.replace('_', ' ')}", text) for name, text in n["notes"].items())
    return rows


def rule_text(c: Comparison) -> str:
    """Return in words what makes a pair."""
    low, high = np.min(c.tolerance_s, initial=np.inf), np.max(c.tolerance_s, initial=0)
    tolerance = f"within {high:g} s" if low >= high else f"within {low:g} to {high:g} s"
    rule = {
        "onset": tolerance,
        "interval": f"{tolerance} or overlap of at least {c.min_overlap:g} of the union",
        "overlap": f"of at least {c.min_overlap:g} of the expert's event",
        "iou": f"of at least {c.min_overlap:g} of the union",
    }[c.mode]
    kind = "overlap" if c.mode == "iou" else c.mode
    where = "at one station" if c.by_station else "stations ignored"
    return f"one-to-one by {kind} {rule}, {where}"


def _value_text(value: float, interval: tuple[float, float] = (math.nan, math.nan)) -> str:
    if math.isnan(value):
        return "not defined"
    if math.isnan(interval[0]):
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
