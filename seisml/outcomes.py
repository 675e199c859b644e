"""Outcomes: which events are pairs, which are missed, unmatched, split or merged."""

import dataclasses

import numpy as np
import pandas as pd

from seisml.comparison import Comparison, rows_by_key, tolerances_ns
from seisml.intervals import contains, union
from seisml.matching import interval_pairs, match, match_intervals, spans_of
from seisml.times import NS_PER_S


def with_outcome(frame: Comparison) -> Comparison:
    """Pair `frame.expert` with `frame.machine` and fill in the tables."""
    expert, machine = frame.expert, frame.machine
    e, m = _pair(frame)
    missed, alone = _without(len(expert), e), _without(len(machine), m)
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


def _without(n: int, rows: np.ndarray) -> np.ndarray:
    """Return the numbers of n rows but for some."""
    rest = np.ones(n, dtype=bool)
    rest[rows] = False
    return np.flatnonzero(rest)


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
            rule = {"mode": frame.mode, "min_overlap": frame.min_overlap}
            i, j = match_intervals(*spans, tolerance_ns=tolerance, **rule)
        e_all.append(e_rows[i])
        m_all.append(m_rows[j])
    e, m = np.concatenate(e_all), np.concatenate(m_all)
    order = np.argsort(e)
    return e[order], m[order]


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
    if frame.mode == "onset" or not len(e):
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
        near = tolerance[rows][order_a]
        i, j = interval_pairs(a, b, near, frame.mode, frame.min_overlap)
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
