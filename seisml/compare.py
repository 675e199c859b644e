"""Compare a machine's catalogue with an expert's: one-to-one and inside coverage.

`compare` keeps every outcome in a `Comparison`; `seisml.metrics` turns it into numbers and
`seisml.summaries` into tables. Residuals are machine minus expert. "Unmatched" is not "false":
expert catalogues are incomplete, and an unmatched detection is an unverified one.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError, ConfigError, did_you_mean
from seisml.intervals import contains, total_s, union
from seisml.matching import interval_pairs, match, match_intervals, spans_of
from seisml.times import NS_PER_S

MODES = ("onset", "interval")
_EVERYWHERE = "*"  # the one group of a comparison that ignores stations


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """How a machine's catalogue and an expert's agree, event by event.

    Attributes
    ----------
    matched : pandas.DataFrame
        One row a pair: expert_id, machine_id, station, expert_ns, machine_ns, residual_s
        (machine minus expert), expert_label, machine_label, score; sorted by expert_ns.
    missed, unmatched : pandas.DataFrame
        Rows of `expert` and of `machine` without a partner.
    split : pandas.DataFrame
        Interval mode: one row an unmatched detection on an event that already has a partner:
        expert_id, machine_id (the partner), extra_id, station, onset_difference_s.
    merged : pandas.DataFrame
        Interval mode: one row a missed event under a detection that has another partner (its
        onset in the detection +- tolerance, or enough overlap): machine_id, expert_id (the
        partner), extra_id, station, onset_difference_s.
    outside : dict of str to int
        What is neither hit nor miss: ``expert`` and ``machine`` events outside coverage,
        ``expert_other_label`` events, ``machine_ignored`` detections without a partner on
        events that are not scored (another label, or begun outside coverage).
    coverage : dict of str to numpy.ndarray of int64, shape (n, 2), or None
        Usable intervals of each station, ns; None where nobody said.
    usable_s : float
        Station-seconds of coverage (network level: seconds with any station); NaN if unknown.
    tolerance_s : float or numpy.ndarray of float, shape (n_expert,)
        Largest onset difference, s; where it is an array, one for each row of `expert`.
    mode : str
        onset or interval.
    min_iou : float
        Smallest intersection over union (interval mode).
    by_station : bool
        Whether pairs had to be at the same station.
    expert, machine : pandas.DataFrame
        The events inside coverage that were compared.
    ignored_spans : dict of str to numpy.ndarray
        Where a detection without a partner is ignored, by station ("*": any).
    expert_name, machine_name, expert_basis, machine_basis, body : str
        Names and time bases of the catalogues, and where they are.
    """

    matched: pd.DataFrame
    missed: pd.DataFrame
    unmatched: pd.DataFrame
    split: pd.DataFrame
    merged: pd.DataFrame
    outside: dict
    coverage: dict | None
    usable_s: float
    tolerance_s: float | np.ndarray
    mode: str
    min_iou: float
    by_station: bool
    expert: pd.DataFrame
    machine: pd.DataFrame
    ignored_spans: dict
    expert_name: str
    machine_name: str
    expert_basis: str
    machine_basis: str
    body: str

    def __repr__(self) -> str:
        return (
            f"Comparison({self.machine_name!r} with {self.expert_name!r}: {len(self.matched)} "
            f"matched, {len(self.missed)} missed, {len(self.unmatched)} unmatched)"
        )


def compare(
    machine: Catalog,
    expert: Catalog,
    *,
    tolerance_s=5.0,
    mode: str = "onset",
    min_iou: float = 0.1,
    coverage: Mapping | None = None,
    by_station: bool | None = None,
    labels: Iterable[str] | None = None,
) -> Comparison:
    """Compare a machine's catalogue with an expert's, one-to-one and inside coverage.

    Parameters
    ----------
    machine, expert : Catalog
        Of one body.
    tolerance_s : float, mapping of str to float, or array_like of shape (n_expert,)
        Largest onset difference, s: one for all, one for each expert label, or one for each
        row of ``expert.events``.
    mode : {"onset", "interval"}
        Pair by onsets alone (`match`), or by intervals (`match_intervals`).
    min_iou : float
        Interval mode: smallest intersection over union.
    coverage : mapping of str to array_like of int, shape (n, 2), optional
        Usable intervals in ns of each station (NET.STA; what follows is cut). Events outside
        are neither hit nor miss. Without it there are no false alarms per day.
    by_station : bool, optional
        Whether pairs must be at one station. By default so if every event of both catalogues
        names its station; else stations are ignored (network level).
    labels : iterable of str, optional
        Expert labels that count. Detections on other expert events are ignored.

    Returns
    -------
    Comparison

    Raises
    ------
    CatalogError
        If bodies differ, or stations are missing or cannot be the same names.
    ConfigError
        If a setting is out of range.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> expert = make_catalog([{"time_ns": 0}, {"time_ns": 60_000_000_000}])
    >>> machine = make_catalog([{"time_ns": 1_500_000_000}, {"time_ns": 30_000_000_000}])
    >>> compare(machine, expert, tolerance_s=5)
    Comparison('' with '': 1 matched, 1 missed, 1 unmatched)
    """
    _check(machine, expert, mode, min_iou)
    if by_station is None:
        by_station = all((c.events["station"] != "").all() for c in (machine, expert))
    cover = _normal_coverage(coverage)
    _check_stations(machine.events, expert.events, cover, by_station)
    tolerance = _event_tolerance(tolerance_s, expert.events)
    wanted = np.ones(len(expert), dtype=bool)
    if labels is not None:
        wanted = expert.events["label"].isin(list(labels)).to_numpy()
    covered = _covered(expert.events, cover, by_station)
    heard = _covered(machine.events, cover, by_station)
    keep = wanted & covered
    ignored = _ignored_spans(expert.events, wanted, covered, tolerance, by_station)
    frame = Comparison(
        **dict.fromkeys(("matched", "missed", "unmatched", "split", "merged")),
        outside={
            "expert": int((wanted & ~covered).sum()),
            "machine": int((~heard).sum()),
            "expert_other_label": int((~wanted).sum()),
        },
        coverage=cover,
        usable_s=_usable_s(cover, by_station),
        tolerance_s=float(tolerance_s) if np.isscalar(tolerance_s) else tolerance[keep],
        mode=mode,
        min_iou=float(min_iou),
        by_station=bool(by_station),
        expert=expert.events[keep].reset_index(drop=True),
        machine=machine.events[heard].reset_index(drop=True),
        ignored_spans=ignored,
        expert_name=expert.name,
        machine_name=machine.name,
        expert_basis=expert.time_basis,
        machine_basis=machine.time_basis,
        body=expert.body,
    )
    return with_outcome(frame)


def _check(machine: Catalog, expert: Catalog, mode: str, min_iou: float) -> None:
    if machine.body != expert.body:
        raise CatalogError(
            f"{machine.name or 'machine'} is of {machine.body}, {expert.name or 'expert'} of "
            f"{expert.body}.",
            "Only catalogues of one body can be compared.",
        )
    if mode not in MODES:
        raise ConfigError(f"mode is {mode!r}.", did_you_mean(str(mode), MODES))
    if not 0 < min_iou <= 1:
        raise ConfigError(f"min_iou must be more than 0 and at most 1; got {min_iou}.")


def _check_stations(machine, expert, cover, by_station: bool) -> None:
    if not by_station:
        return
    names = [set(_station_keys(events, by_station)) for events in (machine, expert)]
    if any("" in group for group in names):
        raise CatalogError(
            "by_station is true but an event names no station.",
            "Give every event a station, or compare with by_station=False.",
        )
    if all(names) and not names[0] & names[1]:
        codes = [{name.rpartition(".")[2] for name in group} for group in names]
        if codes[0] & codes[1]:
            raise CatalogError(
                f"the catalogues write stations differently: {min(names[0])!r} (machine), "
                f"{min(names[1])!r} (expert).",
                "Write NET.STA in both, or compare with by_station=False.",
            )
    if cover and (names[0] | names[1]) and not (names[0] | names[1]) & set(cover):
        raise CatalogError(
            f"coverage is of {', '.join(sorted(cover))}, events are at "
            f"{', '.join(sorted(names[0] | names[1]))}: no station in common.",
            "Write NET.STA in both, or compare with by_station=False.",
        )


def _normal_coverage(coverage: Mapping | None) -> dict | None:
    if coverage is None:
        return None
    out: dict[str, np.ndarray] = {}
    for station in sorted(coverage):
        key = _net_sta(station)
        out[key] = union(out.get(key, []), coverage[station])
    return out


def _net_sta(station: str) -> str:
    return ".".join(station.split(".")[:2])


def _station_keys(events: pd.DataFrame, by_station: bool) -> np.ndarray:
    if not by_station:
        return np.full(len(events), _EVERYWHERE, dtype=object)
    return events["station"].map(_net_sta).to_numpy(dtype=object)


def rows_by_key(events: pd.DataFrame, by_station: bool) -> dict[str, np.ndarray]:
    """Return the rows of each station, in order of time; one group where stations do not matter."""
    keys, names = pd.factorize(_station_keys(events, by_station), sort=True)
    order = np.argsort(keys, kind="stable")
    bounds = np.searchsorted(keys[order], np.arange(len(names) + 1))
    return {name: order[bounds[k] : bounds[k + 1]] for k, name in enumerate(names)}


def cover_of(cover: dict, key: str) -> np.ndarray:
    """Return the coverage of a station, or of any station for the whole network."""
    return union(*cover.values()) if key == _EVERYWHERE else cover.get(key, union())


def _usable_s(cover: dict | None, by_station: bool) -> float:
    if cover is None:
        return math.nan
    if not by_station:
        return total_s(cover_of(cover, _EVERYWHERE))
    return float(sum(total_s(intervals) for intervals in cover.values()))


def _covered(events: pd.DataFrame, cover: dict | None, by_station: bool) -> np.ndarray:
    if cover is None:
        return np.ones(len(events), dtype=bool)
    inside = np.zeros(len(events), dtype=bool)
    times = events["time_ns"].to_numpy()
    for key, rows in rows_by_key(events, by_station).items():
        inside[rows] = contains(cover_of(cover, key), times[rows])
    return inside


def _event_tolerance(tolerance_s, events: pd.DataFrame) -> np.ndarray:
    """Return the tolerance of each expert event, s."""
    if isinstance(tolerance_s, Mapping):
        without = sorted(set(events["label"]) - set(tolerance_s))
        if without:
            raise ConfigError(
                f"tolerance_s has no entry for the expert label {without[0]!r}.",
                f"It has: {', '.join(sorted(tolerance_s))}.",
            )
        tolerance_s = events["label"].map(dict(tolerance_s)).to_numpy(dtype=np.float64)
    tolerance = np.asarray(tolerance_s, dtype=np.float64)
    if tolerance.ndim and tolerance.shape != (len(events),):
        raise ConfigError(
            f"tolerance_s has shape {tolerance.shape}; the expert has {len(events)} events."
        )
    if not ((tolerance >= 0) & (tolerance <= 1e9)).all():
        raise ConfigError(f"tolerance_s must be from 0 to 1e9 seconds; got {tolerance_s}.")
    return np.broadcast_to(tolerance, len(events))


def _ignored_spans(events, wanted, covered, tolerance, by_station: bool) -> dict:
    """Spans of expert events that are not scored: cut by the coverage, or of another label."""
    start = events["time_ns"].to_numpy()
    end = np.maximum(events["end_ns"].to_numpy(), start)
    pad = np.where(wanted, 0, np.rint(tolerance * NS_PER_S).astype(np.int64))
    spans = np.column_stack([start - pad, end + pad + 1])
    cut = ~covered & (end > start)
    by_key = rows_by_key(events, by_station)
    use = ~wanted | cut
    return {key: union(spans[rows[use[rows]]]) for key, rows in by_key.items()}


def with_outcome(frame: Comparison) -> Comparison:
    """Pair `frame.expert` with `frame.machine` and fill in the tables."""
    expert, machine = frame.expert, frame.machine
    e, m = _pair(frame)
    missed = np.setdiff1d(np.arange(len(expert)), e)
    alone = np.setdiff1d(np.arange(len(machine)), m)
    ignored = np.zeros(len(machine), dtype=bool)
    for key, rows in rows_by_key(machine, frame.by_station).items():
        spans = frame.ignored_spans.get(key, union())
        ignored[rows] = contains(spans, machine["time_ns"].to_numpy()[rows])
    unmatched = alone[~ignored[alone]]
    split, merged = _split_and_merged(frame, e, m, missed, unmatched)
    return dataclasses.replace(
        frame,
        matched=_matched_table(expert.iloc[e], machine.iloc[m]),
        missed=expert.iloc[missed].reset_index(drop=True),
        unmatched=machine.iloc[unmatched].reset_index(drop=True),
        split=split,
        merged=merged,
        outside={**frame.outside, "machine_ignored": len(alone) - len(unmatched)},
    )


def _pair(frame: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Return row numbers of paired expert and machine events, sorted by expert row."""
    e_all, m_all = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    machine_rows = rows_by_key(frame.machine, frame.by_station)
    e_time, e_end = (frame.expert[c].to_numpy() for c in ("time_ns", "end_ns"))
    m_time, m_end = (frame.machine[c].to_numpy() for c in ("time_ns", "end_ns"))
    for key, e_rows in rows_by_key(frame.expert, frame.by_station).items():
        m_rows = machine_rows.get(key, np.empty(0, dtype=np.int64))
        tolerance = tolerances_ns(frame, e_rows)
        if frame.mode == "onset":
            i, j = match(e_time[e_rows], m_time[m_rows], tolerance_ns=tolerance)
        else:
            spans = e_time[e_rows], e_end[e_rows], m_time[m_rows], m_end[m_rows]
            i, j = match_intervals(*spans, tolerance_ns=tolerance, min_iou=frame.min_iou)
        e_all.append(e_rows[i])
        m_all.append(m_rows[j])
    e, m = np.concatenate(e_all), np.concatenate(m_all)
    order = np.argsort(e)
    return e[order], m[order]


def tolerances_ns(frame: Comparison, rows: np.ndarray):
    """Return the tolerance of some expert rows, ns: one number or one for each."""
    seconds = np.asarray(frame.tolerance_s)
    nanoseconds = np.rint((seconds[rows] if seconds.ndim else seconds) * NS_PER_S)
    return nanoseconds.astype(np.int64)


def _matched_table(expert: pd.DataFrame, machine: pd.DataFrame) -> pd.DataFrame:
    expert, machine = expert.reset_index(drop=True), machine.reset_index(drop=True)
    station = machine["station"].where(machine["station"] != "", expert["station"])
    return pd.DataFrame(
        {
            "expert_id": expert["event_id"],
            "machine_id": machine["event_id"],
            "station": station,
            "expert_ns": expert["time_ns"],
            "machine_ns": machine["time_ns"],
            "residual_s": (machine["time_ns"] - expert["time_ns"]) / NS_PER_S,
            "expert_label": expert["label"],
            "machine_label": machine["label"],
            "score": machine["score"],
        }
    )


def _split_and_merged(frame: Comparison, e, m, missed, unmatched):
    """Tables of detections beyond the first on an event, and of events under one detection."""
    columns = ["station", "onset_difference_s"]
    empty = (
        pd.DataFrame(columns=["expert_id", "machine_id", "extra_id", *columns]),
        pd.DataFrame(columns=["machine_id", "expert_id", "extra_id", *columns]),
    )
    if frame.mode != "interval" or not len(e):
        return empty
    expert, machine = frame.expert, frame.machine
    split = _extras(frame, machine.iloc[m], expert.iloc[e], machine.iloc[unmatched], e)
    merged = _extras(frame, expert.iloc[e], machine.iloc[m], expert.iloc[missed], e)
    split.columns = ["expert_id", "machine_id", "extra_id", *columns]
    merged.columns = ["machine_id", "expert_id", "extra_id", *columns]
    return split, merged


def _extras(frame: Comparison, partners, owners, extras, expert_rows) -> pd.DataFrame:
    """One row an extra event on an interval (`owners`) that has a partner: the nearest owner."""
    found = []
    tolerance = np.broadcast_to(tolerances_ns(frame, expert_rows), len(owners))
    extra_rows = rows_by_key(extras, frame.by_station)
    for key, rows in rows_by_key(owners, frame.by_station).items():
        others = extra_rows.get(key, np.empty(0, dtype=np.int64))
        spans = [table[c].to_numpy() for table in (owners, extras) for c in ("time_ns", "end_ns")]
        spans = spans_of(spans[0][rows], spans[1][rows], spans[2][others], spans[3][others])
        order_a, order_b = np.argsort(spans[0]), np.argsort(spans[2])
        a, b = (spans[0][order_a], spans[1][order_a]), (spans[2][order_b], spans[3][order_b])
        i, j = interval_pairs(a, b, tolerance[rows][order_a], frame.min_iou)
        found.append(np.column_stack([rows[order_a[i]], others[order_b[j]]]))
    owner, extra = np.concatenate(found).T
    owner_time, extra_time = owners["time_ns"].to_numpy(), extras["time_ns"].to_numpy()
    difference = extra_time[extra] - owner_time[owner]
    order = np.lexsort((owner, np.abs(difference), extra))
    order = order[np.unique(extra[order], return_index=True)[1]]
    owner, extra = owner[order], extra[order]
    return pd.DataFrame(
        {
            "owner_id": owners["event_id"].to_numpy()[owner],
            "partner_id": partners["event_id"].to_numpy()[owner],
            "extra_id": extras["event_id"].to_numpy()[extra],
            "station": extras["station"].to_numpy()[extra],
            "onset_difference_s": difference[order] / NS_PER_S,
        }
    )
