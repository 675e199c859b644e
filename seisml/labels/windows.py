"""From signals to event, noise or ignore for each window.

Unlabelled is not noise: windows near an event's edges (in proportion to the uncertainty of its
times), in its coda, and outside the time that the expert looked at are ignored, never learned.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from seisml.codes import station_name
from seisml.intervals import union
from seisml.labels.rules import LabelRule
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

EVENT, NOISE, IGNORE = 1, 0, -1
REASONS = (
    *("", "margin", "coda", "outside", "unplaced", "no features", "low coverage", "unsure class"),
)
"""Why a window is ignored: by their number in the column ``reason``."""
MARGIN, CODA, OUTSIDE, UNPLACED, NO_FEATURES, LOW_COVERAGE, UNSURE = range(1, 8)
UNKNOWN_TO_EXPERT = (OUTSIDE, UNPLACED, UNSURE)
"""Where the expert does not say what there is: what is found is neither right nor wrong."""


def label_windows(
    time_ns: np.ndarray,
    stations: np.ndarray,
    grid: WindowGrid,
    table: pd.DataFrame,
    rule: LabelRule,
    *,
    coverage: Mapping[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Label windows as event, noise or ignore.

    Parameters
    ----------
    time_ns : numpy.ndarray of int64, shape (n_windows,)
        Start of each window.
    stations : numpy.ndarray of str, shape (n_windows,)
    grid : WindowGrid
    table : pandas.DataFrame
        From `signals`.
    rule : LabelRule
    coverage : mapping of str to numpy.ndarray of int64, shape (n, 2), optional
        The times that the expert looked at, ns, by station NET.STA ("" is every station); windows
        that reach outside are ignored, and so are those of stations without an entry.

    Returns
    -------
    pandas.DataFrame, shape (n_windows, 8)
        ``state`` (1 event, 0 noise, -1 ignore), ``reason`` (why ignored, a number of `REASONS`),
        ``share`` (of the window that its event covers, 0 to 1), ``cover`` (overlap over the
        shorter of window and event: what ``event_share`` is compared with), ``n_events`` (that
        touch the window), and ``event_id``, ``label`` and ``weight`` of the event that covers
        most of it; where only onsets are events, of the one that begins in it, and coda that is
        noise has no label and weighs 1. Windows of ``noise_labels`` are noise and have a label;
        those that touch one of ``unsure_labels`` are ignored as *unsure class*.

    Notes
    -----
    With u the uncertainty of an onset, a window that touches [start - 2u, end + 2u +
    ignore_after_s] without being an event is ignored: because of the *margin* up to end + 2u, of
    the *coda* after that. The cut can be chosen later, see `cut`; all events of a window are in
    `window_events`.
    """
    out = _empty(len(time_ns))
    noise, unsure = rule.is_noise(table["label"]), rule.is_unsure(table["label"])
    names = {str(s): station_name(s) for s in np.unique(stations)}
    for station, name in names.items():
        rows = np.flatnonzero(stations == station)
        rows = rows[np.argsort(time_ns[rows], kind="stable")]
        at = (table["station"] == name) & _reaching(table, time_ns[rows], grid, rule)
        _label_station(out, rows, time_ns[rows], grid, table[at & ~noise & ~unsure], rule)
        _ignore_unsure(out, rows, time_ns[rows], grid, table[at & unsure])
        _label_noise(out, rows, time_ns[rows], grid, table[at & noise], rule)
        if coverage is not None:
            spans = union(coverage.get("", ()), coverage.get(name, ()))
            outside = rows[~_inside(spans, time_ns[rows], grid)]
            out["state"][outside], out["reason"][outside] = IGNORE, OUTSIDE
    return pd.DataFrame(out)


def _inside(spans: np.ndarray, time_ns: np.ndarray, grid: WindowGrid) -> np.ndarray:
    """Return which windows lie wholly in one of the sorted spans."""
    if not len(spans):
        return np.zeros(len(time_ns), dtype=bool)
    at = np.searchsorted(spans[:, 0], time_ns, "right") - 1
    return (at >= 0) & (time_ns + grid.length_ns <= spans[np.maximum(at, 0), 1])


def _reaching(table: pd.DataFrame, time_ns: np.ndarray, grid: WindowGrid, rule: LabelRule):
    """Return which signals can say anything of windows in order of time."""
    if not len(time_ns):
        return np.zeros(len(table), dtype=bool)
    margin_ns = (2 * table["uncertainty_s"].to_numpy() + rule.onset_s) * NS_PER_S + grid.length_ns
    late = table["end_ns"] + margin_ns + rule.ignore_after_s * NS_PER_S >= time_ns[0]
    return late & (table["start_ns"] - margin_ns <= time_ns[-1])


def _empty(n: int) -> dict[str, np.ndarray]:
    return {
        "state": np.full(n, NOISE, dtype=np.int8),
        "reason": np.zeros(n, dtype=np.int8),
        "share": np.zeros(n, dtype=np.float32),
        "cover": np.zeros(n, dtype=np.float32),
        "n_events": np.zeros(n, dtype=np.int16),
        "weight": np.ones(n, dtype=np.float32),
        "event_id": np.full(n, "", dtype=object),
        "label": np.full(n, "", dtype=object),
    }


def _overlaps(time_ns, grid: WindowGrid, events) -> Iterator[tuple[slice, np.ndarray, float]]:
    """Yield (windows, their overlap in ns, length of the shorter in ns) of each event."""
    starts, ends = events["start_ns"].to_numpy(), events["end_ns"].to_numpy()
    for start, end in zip(starts, ends, strict=True):
        near = slice(
            np.searchsorted(time_ns, start - grid.length_ns, "right"),
            np.searchsorted(time_ns, end, "left"),
        )
        window = time_ns[near]
        overlap = np.minimum(window + grid.length_ns, end) - np.maximum(window, start)
        yield near, np.maximum(overlap, 0), min(grid.length_ns, end - start)


def _label_station(out, rows, time_ns, grid: WindowGrid, events, rule: LabelRule) -> None:
    """Label the windows of one station (rows in order of time); loops over events only."""
    share, cover = np.zeros(len(rows)), np.zeros(len(rows))
    best, count = np.full(len(rows), -1), np.zeros(len(rows), dtype=np.int16)
    reason = np.zeros(len(rows), dtype=np.int8)
    onset, nearest, onset_share = best.copy(), np.full(len(rows), np.inf), share.copy()
    starts, ends = events["start_ns"].to_numpy(), events["end_ns"].to_numpy()
    if rule.onset_s > 0:  # what follows an onset is no other onset
        ends = np.minimum(ends, starts + round(rule.onset_s * NS_PER_S))
    unsure = np.round(2 * events["uncertainty_s"].to_numpy() * NS_PER_S).astype(np.int64)
    after_ns = round(rule.ignore_after_s * NS_PER_S)
    for i, (near, overlap, shorter) in enumerate(_overlaps(time_ns, grid, events)):
        first = np.searchsorted(time_ns, starts[i] - unsure[i] - grid.length_ns, "right")
        edge = np.searchsorted(time_ns, ends[i] + unsure[i], "left")
        last = np.searchsorted(time_ns, ends[i] + unsure[i] + after_ns, "left")
        reason[first:edge] = MARGIN
        tail = slice(max(edge, first), last)
        reason[tail] = np.where(reason[tail] == 0, CODA, reason[tail])
        more = overlap / grid.length_ns > share[near]
        share[near] = np.where(more, overlap / grid.length_ns, share[near])
        best[near] = np.where(more, i, best[near])
        covered = overlap / max(shorter, 1)
        if rule.onset_s > 0:
            away = np.abs(time_ns[near] + grid.length_ns // 2 - starts[i])
            covered = 1.0 * (away <= rule.onset_s * NS_PER_S)
            mine = np.flatnonzero((covered > 0) & (away < nearest[near])) + near.start
            nearest[mine], onset[mine] = away[mine - near.start], i
            onset_share[mine] = overlap[mine - near.start] / grid.length_ns
        cover[near] = np.maximum(cover[near], covered)
        count[near] += overlap > 0
    inside = _is_event(cover, rule.event_share)
    # The window of an onset is of the event that begins, not of the one in whose coda it does.
    begins = inside & (onset >= 0)
    best, share = np.where(begins, onset, best), np.where(begins, onset_share, share)
    out["state"][rows] = np.where(inside, EVENT, np.where(reason > 0, IGNORE, NOISE))
    out["reason"][rows] = np.where(inside, 0, reason)
    out["share"][rows], out["cover"][rows], out["n_events"][rows] = share, cover, count
    _name(out, rows, best, events)
    plain = rows[out["state"][rows] == NOISE]  # coda, where only onsets are learnt
    out["label"][plain], out["weight"][plain] = "", 1.0


def _ignore_unsure(out, rows, time_ns, grid: WindowGrid, spans) -> None:
    """Ignore noise windows that touch what may be anything."""
    for near, overlap, _ in _overlaps(time_ns, grid, spans):
        at = rows[near][overlap > 0]
        at = at[out["state"][at] == NOISE]
        out["state"][at], out["reason"][at] = IGNORE, UNSURE


def _label_noise(out, rows, time_ns, grid: WindowGrid, events, rule: LabelRule) -> None:
    """Give noise windows the name of the expert's non-seismic class that covers them."""
    best, most = np.full(len(rows), -1), np.zeros(len(rows))
    free = out["state"][rows] == NOISE
    for i, (near, overlap, shorter) in enumerate(_overlaps(time_ns, grid, events)):
        cover = overlap / max(shorter, 1)
        good = free[near] & _is_event(cover, rule.event_share) & (cover > most[near])
        best[near] = np.where(good, i, best[near])
        most[near] = np.where(good, cover, most[near])
    _name(out, rows, best, events)


def _name(out, rows, best, events) -> None:
    known = best >= 0
    for column in ("event_id", "label", "weight"):
        if column in events:
            out[column][rows[known]] = events[column].to_numpy()[best[known]]


def _is_event(cover, event_share: float) -> np.ndarray:
    # A float32 share of a half must stay a half.
    return (np.asarray(cover) >= event_share - 1e-6) & (np.asarray(cover) > 0)


def cut(labels: pd.DataFrame, event_share: float) -> pd.DataFrame:
    """Return labels with another cut between event and ignored margin.

    Parameters
    ----------
    labels : pandas.DataFrame
        From `label_windows`.
    event_share : float
        See `LabelRule`.

    Returns
    -------
    pandas.DataFrame
        With new state and reason, as if labelled with that share.
    """
    fixed = labels["reason"].isin([*UNKNOWN_TO_EXPERT, NO_FEATURES, LOW_COVERAGE]).to_numpy()
    touched = labels["cover"].to_numpy() > 0
    event = _is_event(labels["cover"], event_share) & ~fixed
    margin = touched & ~event & ~fixed
    state = np.where(event, EVENT, np.where(margin, IGNORE, labels["state"]))
    reason = np.where(event, 0, np.where(margin, MARGIN, labels["reason"]))
    return labels.assign(state=state.astype(np.int8), reason=reason.astype(np.int8))


def window_events(
    time_ns: np.ndarray, stations: np.ndarray, grid: WindowGrid, table: pd.DataFrame
) -> pd.DataFrame:
    """Return every event of every window: several can share one.

    Parameters
    ----------
    time_ns, stations, grid, table
        As in `label_windows`.

    Returns
    -------
    pandas.DataFrame
        Columns row (of the window), event_id, label, share (of the window that the event covers),
        one row a window and event, sorted by row and share, the largest first.
    """
    parts = []
    for station in np.unique(stations):
        rows = np.flatnonzero(stations == station)
        rows = rows[np.argsort(time_ns[rows], kind="stable")]
        events = table[table["station"] == station_name(station)]
        found = _overlaps(time_ns[rows], grid, events)
        for (near, overlap, _), event in zip(found, events.itertuples(), strict=True):
            hit = overlap > 0
            part = {"row": rows[near][hit], "share": overlap[hit] / grid.length_ns}
            parts.append(pd.DataFrame(part).assign(event_id=event.event_id, label=event.label))
    columns = ["row", "event_id", "label", "share"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts, ignore_index=True)[columns]
    order = np.lexsort((found["event_id"], -found["share"], found["row"]))
    return found.iloc[order].reset_index(drop=True)
