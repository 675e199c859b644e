"""Summaries of a comparison: by class, quality, station or hour, confusion, curves, JSON."""

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.compare import Comparison, compare, with_outcome
from seisml.errors import CatalogError, did_you_mean
from seisml.metrics import RATES, metrics, rates
from seisml.times import DAY_NS, NAT, NS_PER_S

_Z95 = 1.959963984540054


def by(comparison: Comparison, column: str) -> pd.DataFrame:
    """Return the recall for each value of an expert column, with Wilson 95 % intervals.

    Parameters
    ----------
    comparison : Comparison
    column : str
        label, quality, station, another column of the expert's events, or hour (0 to 23 UTC).

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
    The interval [1]_ takes events as independent; where they cluster it is too narrow.

    References
    ----------
    .. [1] Wilson (1927), Probable inference, the law of succession, and statistical inference,
       JASA 22, https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> expert = make_catalog([{"time_ns": 0, "label": "LF"}, {"time_ns": 1, "label": "HF"}])
    >>> table = by(compare(make_catalog([{"time_ns": 0}]), expert, tolerance_s=0), "label")
    >>> table[["label", "n_expert", "n_matched"]].to_numpy().tolist()
    [['HF', 1, 0], ['LF', 1, 1]]
    """
    events = comparison.expert
    if column == "hour":
        values = events["time_ns"] % DAY_NS // (3600 * NS_PER_S)
    elif column in events:
        values = events[column]
    else:
        raise CatalogError(
            f"the expert catalogue has no column {column!r}.",
            did_you_mean(column, [*map(str, events.columns), "hour"]),
        )
    hit = events["event_id"].isin(comparison.matched["expert_id"]).astype(np.int64)
    table = hit.groupby(values.rename("value"), dropna=False).agg(["size", "sum"]).reset_index()
    table.columns = [column, "n_expert", "n_matched"]
    n, k = table["n_expert"].to_numpy(), table["n_matched"].to_numpy()
    table["recall"] = k / np.maximum(n, 1)
    centre = (k + _Z95**2 / 2) / (n + _Z95**2)
    half = _Z95 * np.sqrt(k * (n - k) / np.maximum(n, 1) + _Z95**2 / 4) / (n + _Z95**2)
    table["low"], table["high"] = np.maximum(centre - half, 0), np.minimum(centre + half, 1)
    return table


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


def tolerance_curve(
    machine: Catalog,
    expert: Catalog,
    tolerances_s: Iterable[float],
    *,
    n_shifts: int = 100,
    seed: int = 0,
    **options,
) -> pd.DataFrame:
    """Return the agreement of two catalogues for several tolerances.

    Parameters
    ----------
    machine, expert : Catalog
    tolerances_s : iterable of float
        Largest onset differences, s.
    n_shifts, seed : int
        Of the chance rate (see `metrics`).
    **options
        The other options of `compare`.

    Returns
    -------
    pandas.DataFrame
        Columns tolerance_s, n_matched, recall, precision, f1, chance_recall,
        residual_sigma_s; one row a tolerance.

    Raises
    ------
    CatalogError, ConfigError
        As `compare`.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> one, two = make_catalog([{"time_ns": 0}]), make_catalog([{"time_ns": 3_000_000_000}])
    >>> tolerance_curve(one, two, [1, 5])["recall"].tolist()
    [0.0, 1.0]
    """
    columns = ["n_matched", "recall", "precision", "f1", "chance_recall", "residual_sigma_s"]
    rows = []
    for tolerance_s in tolerances_s:
        comparison = compare(machine, expert, tolerance_s=float(tolerance_s), **options)
        numbers = metrics(comparison, n_shifts=n_shifts, n_boot=0, seed=seed)
        rows.append([float(tolerance_s), *(numbers[column] for column in columns)])
    return pd.DataFrame(rows, columns=["tolerance_s", *columns])


def score_curve(comparison: Comparison, *, thresholds=None, n_max: int = 50) -> pd.DataFrame:
    """Return the agreement for several thresholds of the machine's score, each matched anew.

    Parameters
    ----------
    comparison : Comparison
        Of all detections, with scores.
    thresholds : array_like of float, optional
        Detections with a score of at least the threshold are kept. By default the scores that
        occur, thinned to `n_max` quantiles.
    n_max : int
        Largest number of thresholds, where none are given.

    Returns
    -------
    pandas.DataFrame
        Columns threshold, n_matched, n_unmatched, recall, precision, f1, false_alarms_per_day;
        thresholds grow.

    Raises
    ------
    CatalogError
        If a detection has no score.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> expert = make_catalog([{"time_ns": 0}])
    >>> machine = make_catalog([{"time_ns": 0, "score": 0.9}, {"time_ns": 5, "score": 0.4}])
    >>> score_curve(compare(machine, expert, tolerance_s=0))["precision"].tolist()
    [0.5, 1.0]
    """
    scores = comparison.machine["score"].to_numpy()
    if np.isnan(scores).any():
        raise CatalogError(
            f"{comparison.machine_name or 'machine'}: {int(np.isnan(scores).sum())} of "
            f"{len(scores)} detections have no score.",
            "A curve over the score needs one for each detection.",
        )
    if thresholds is None:
        thresholds = np.unique(scores)
        if len(thresholds) > n_max:
            shares = np.linspace(0, 1, n_max)
            thresholds = np.unique(np.quantile(scores, shares, method="inverted_cdf"))
    rows = []
    for threshold in np.sort(np.asarray(thresholds, dtype=np.float64)):
        kept = comparison.machine[scores >= threshold].reset_index(drop=True)
        c = with_outcome(dataclasses.replace(comparison, machine=kept))
        counts = [len(c.matched), len(c.missed), len(c.unmatched), c.usable_s / 86_400]
        found = rates(*np.array(counts, dtype=np.float64))
        del found["jaccard"]
        rows.append([threshold, counts[0], counts[2], *found.values()])
    names = ["recall", "precision", "f1", "false_alarms_per_day"]
    table = pd.DataFrame(rows, columns=["threshold", "n_matched", "n_unmatched", *names])
    return table.astype({"n_matched": np.int64, "n_unmatched": np.int64})


def to_json(comparison: Comparison, *, numbers: dict | None = None, tables: bool = False) -> dict:
    """Return a comparison as plain values that JSON can hold, in a fixed order.

    Parameters
    ----------
    comparison : Comparison
    numbers : dict, optional
        What `metrics` returned, to spare its second computation.
    tables : bool
        Whether to add the tables matched, missed, unmatched, split and merged, row by row.

    Returns
    -------
    dict
        NaN and infinity are None, times integers (ns).

    Examples
    --------
    >>> from seisml.catalog import make_catalog
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
        "min_iou": c.min_iou,
        "by_station": c.by_station,
        "stations": sorted(c.coverage) if c.coverage is not None else None,
        "usable_s": c.usable_s,
        "outside": c.outside,
        "metrics": numbers if numbers is not None else metrics(c),
    }
    if tables:
        for name in ("matched", "missed", "unmatched", "split", "merged"):
            out[name] = getattr(c, name).to_dict("records")
    return _plain(out)


def _plain(value):
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
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
    >>> catalog = make_catalog([{"time_ns": 0}], name="MQS")
    >>> dict(summary_table(compare(catalog, catalog)))["matched"]
    '1 of 1 expert events'
    """
    c = comparison
    n = numbers if numbers is not None else metrics(c)
    rows = [
        ("machine", f"{c.machine_name or '(no name)'}, {n['n_machine']} events"),
        ("expert", f"{c.expert_name or '(no name)'}, {n['n_expert']} events"),
        ("matching", _rule_text(c)),
        ("usable data", "not known" if math.isnan(c.usable_s) else f"{n['usable_days']:.3f} days"),
        ("matched", f"{n['n_matched']} of {n['n_expert']} expert events"),
        ("missed", str(n["n_missed"])),
        ("unmatched", str(n["n_unmatched"])),
    ]
    if c.mode == "interval":
        rows.append(("split, merged", f"{n['n_split']} events, {n['n_merged']} detections"))
    if any(c.outside.values()):
        words = [f"{name.replace('_', ' ')} {k}" for name, k in c.outside.items() if k]
        rows.append(("not scored", ", ".join(words)))
    for name in RATES:
        rows.append((name.replace("_", " "), _value_text(n[name], n["intervals"][name])))
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


def _rule_text(c: Comparison) -> str:
    low, high = np.min(c.tolerance_s, initial=np.inf), np.max(c.tolerance_s, initial=0)
    tolerance = f"{high:g} s" if low >= high else f"{low:g} to {high:g} s"
    overlap = f", or overlap of at least {c.min_iou:g} of the union" if c.mode == "interval" else ""
    where = "at one station" if c.by_station else "stations ignored"
    return f"one-to-one by {c.mode} within {tolerance}{overlap}, {where}"


def _value_text(value: float, interval: tuple[float, float] = (math.nan, math.nan)) -> str:
    if math.isnan(value):
        return "not defined"
    if math.isnan(interval[0]):
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
