"""Features of events: the `classify` set on the true limits of each, not on windows of a grid.

The time base of a record is moved so that the onset falls on the limit of a block: one window is
then the event itself, and what looks back sees the record before it.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.signal import sosfilt

from seisml import archive as archives
from seisml.archive import Archive
from seisml.cuts import sensors_of
from seisml.deconvolution import corners_of
from seisml.errors import NoDataError
from seisml.features import (
    STATION,
    Feature,
    Settings,
    columns_of,
    empty_table,
    evaluate,
    evaluate_station,
    features_per,
    fill,
    needs_of,
    resolve,
    three_components,
)
from seisml.features.event import PRE_S, EventSpan
from seisml.pieces import whole_pieces
from seisml.plan import Plan
from seisml.preparation import prepared
from seisml.response import to_motion
from seisml.segments import FORGOTTEN, Segment, joined, segments, snap_rate
from seisml.times import NAT, NS_PER_S
from seisml.windows import WindowGrid

SHORTEST_S, LONGEST_S = 1.0, 1800.0
GUARD_S = 0.3
"""Time before an onset that may already hold the event: no noise."""
HISTORY_S = 70.0
"""Record before an event that STA/LTA and ratios to the past look at."""


@dataclasses.dataclass(frozen=True)
class _Limits:
    """Onset, end and block length of an event on the sampling grid of its record."""

    start_ns: int
    duration_s: float
    grid: WindowGrid
    n_before: int

    @classmethod
    def of(cls, start_ns: int, end_ns: int, rate_hz: float) -> "_Limits":
        length_s = min(max((end_ns - start_ns) / NS_PER_S, SHORTEST_S), LONGEST_S)
        n = int(min(max(length_s // 0.5, 4), 24))
        # Whole samples to a block: what needs the samples of a window has them all.
        hop_s = max(1, math.floor(length_s * rate_hz / n)) / rate_hz
        grid = WindowGrid(n * hop_s, hop_s)
        return cls(start_ns, (end_ns - start_ns) / NS_PER_S, grid, math.ceil(HISTORY_S / hop_s))


def _settings(limits: _Limits, plan: Plan, rate_hz: float) -> Settings:
    grid = limits.grid
    n_sub = max(1, int(grid.hop_s / max(0.1, 2 / rate_hz) + 1e-9))
    return dataclasses.replace(
        plan.settings,
        grid=grid,
        sub_s=grid.hop_s / n_sub,
        spectrum_s=max(2, grid.n_hops // 4) * grid.hop_s,
        background_s=HISTORY_S / 2,
        lengths_s=(),
    )


def event_features(
    archive: Archive,
    events: pd.DataFrame,
    plan: Plan,
    *,
    names: tuple[str, ...] = ("classify",),
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Compute features of events at stations on their true limits.

    Parameters
    ----------
    archive : Archive
    events : pandas.DataFrame
        One row an event at a station: station ("NET.STA" or longer), time_ns, end_ns, for
        example the events of a catalogue of detections.
    plan : Plan
        Its band, bands of features, units and metadata are used, not its windows.
    names : tuple of str
        Features or sets; those of group J are of the event.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    pandas.DataFrame of float32, shape (n_events, n_columns)
        Columns "name.component", "name.3C", "duration" and "snr_db" (the largest of the
        components); NaN where there is no record, or less than the plan's coverage. Same index as
        `events`.

    Raises
    ------
    NoDataError
        If no event has an end or none has a record.
    """
    chosen = resolve(names)
    rows: list[dict[str, float]] = []
    sensors = sensors_of(archive, events)
    for number, event in enumerate(events.itertuples(index=False)):
        sensor = sensors[number]
        known = sensor != "" and event.end_ns != NAT
        rows.append(_of_event(archive, sensor, event, plan, chosen) if known else {})
        if on_progress is not None:
            on_progress(number + 1, len(events))
    if len(events) and not any(rows):
        raise NoDataError(
            "No event has an end and a record in the archive.",
            "Check the stations and times of the events, and that they have ends.",
        )
    columns = dict.fromkeys(name for row in rows for name in row)
    table = pd.DataFrame(rows, columns=list(columns), index=events.index)
    return table.astype(np.float32)


def _of_event(
    archive: Archive, station: str, event, plan: Plan, chosen: list[Feature]
) -> dict[str, float]:
    """Return the features of one event, by column; empty where no channel covers it."""
    start_ns, end_ns = int(event.time_ns), int(event.end_ns)
    parts = list(_records(archive, station, (start_ns, end_ns), plan))
    by_channel: dict[str, list[Segment]] = {}
    for part in parts:
        by_channel.setdefault(part.channels[0], []).append(part)
    found: dict[str, float] = {}
    tables, snr = {}, np.nan
    three = three_components({name: some[0].sampling_rate_hz for name, some in by_channel.items()})
    for channel, some in sorted(by_channel.items()):
        rate_hz = snap_rate(some[0].sampling_rate_hz)
        limits = _Limits.of(start_ns, end_ns, rate_hz)
        settings = _settings(limits, plan, rate_hz)
        needs = needs_of(chosen if channel in three else features_per("channel", chosen))
        blocks = range(limits.n_before + limits.grid.n_hops)
        table = empty_table(settings, blocks, rate_hz, needs=needs)
        offset_ns = limits.n_before * limits.grid.hop_ns - start_ns
        moved = [dataclasses.replace(part, start_ns=part.start_ns + offset_ns) for part in some]
        fill(table, [part for part in moved if part.end_ns > 0])
        windows = range(limits.n_before, limits.n_before + 1)
        X, _ = evaluate(table, windows, chosen)
        if X.size and not np.isfinite(X).any():
            continue
        names = (f"{name}.{channel[-1:]}" for name, _ in columns_of(chosen, settings))
        found |= dict(zip(names, X[0], strict=True))
        tables[channel] = table
        snr = np.fmax(snr, _of_span(some, limits, plan, chosen).get("snr_db", np.nan))
    if not tables:
        return {}
    if len(three) == 3 and all(channel in tables for channel in three):
        found |= _of_three({c: tables[c] for c in three}, chosen, plan, station, start_ns)
    of_event = {one.name: np.nan for one in features_per("event", chosen)}
    values = {"duration": (end_ns - start_ns) / NS_PER_S, "snr_db": snr}
    return found | {name: values.get(name, np.nan) for name in of_event}


def _records(archive: Archive, station: str, span, plan: Plan) -> Iterator[Segment]:
    """Yield the causally filtered record around an event."""
    lead_s = HISTORY_S + min(plan.band.settle_s(FORGOTTEN), 600.0)
    whole = span[0] - round(lead_s * NS_PER_S), span[1] + NS_PER_S
    if plan.preparation.needs_pieces:
        whole = whole_pieces(*whole)
    guard_ns = archives.guard(archive, station)
    raw = archives.records(archive, station, whole[0] - guard_ns, whole[1] + guard_ns)
    counts: Counter = Counter()
    found = segments([(*whole, raw)], station=station, counts=counts)
    usable = (p for p in found if 0.4 * snap_rate(p.sampling_rate_hz) > plan.band.f_min_hz)
    motion = to_motion(
        joined(prepared(usable, plan.preparation, counts=counts)),
        plan.metadata,
        mode=plan.units,
        pre_filter=corners_of(plan.band),
        counts=counts,
    )
    for part in motion:
        # From the first sample on, as if the record had stood still before: what a detector
        # leaves out while its filter settles may be half of an event that begins a cut.
        x = part.data - part.data[:, :1]
        sections = plan.band.sections(part.sampling_rate_hz)
        data = sosfilt(sections, x.astype(np.float64), axis=1).astype(np.float32)
        yield dataclasses.replace(part, data=data)


def _of_span(parts: list[Segment], limits: _Limits, plan: Plan, chosen) -> dict[str, float]:
    """Return the features of the event level of one channel."""
    start_ns = limits.start_ns
    pre_s = min(PRE_S, max(5.0, limits.grid.length_s))
    spans = {
        "before": (start_ns - (pre_s + GUARD_S) * NS_PER_S, start_ns - GUARD_S * NS_PER_S),
        "during": (start_ns, start_ns + limits.grid.length_ns),
    }
    cut = {name: _cut(parts, *span) for name, span in spans.items()}
    span = EventSpan(
        cut["before"],
        cut["during"],
        parts[0].sampling_rate_hz,
        limits.duration_s,
        plan.settings.bands_hz,
    )
    return {one.name: float(one.function(span)) for one in features_per("event", chosen)}


def _cut(parts: list[Segment], start_ns: float, end_ns: float) -> np.ndarray:
    """Return the longest gap-free stretch of a record between two instants."""
    best = np.zeros(0)
    for part in parts:
        rate = part.sampling_rate_hz / NS_PER_S
        first = max(0, math.ceil((start_ns - part.start_ns) * rate))
        stop = min(part.n_samples, math.ceil((end_ns - part.start_ns) * rate))
        if stop - first > len(best):
            best = part.data[0, first:stop].astype(np.float64)
    return best


def _of_three(tables, chosen, plan: Plan, station: str, time_ns: int) -> dict[str, float]:
    """Return the features of three components, where their orientation is known."""
    channels = tuple(tables)
    rotation = None
    if {channel[-1:] for channel in channels} != set("ZNE"):
        if plan.metadata is None:
            return {}
        rotation, _ = plan.metadata.rotation(station, channels, time_ns)
        if rotation is None:
            return {}
    first = next(iter(tables.values()))
    if any(table.blocks != first.blocks for table in tables.values()):
        return {}
    by_letter = {channel[-1:]: table for channel, table in tables.items()}
    window = first.blocks.stop - first.settings.grid.n_hops
    X = evaluate_station(by_letter, range(window, window + 1), chosen, rotation=rotation)
    names = columns_of(chosen, first.settings, per="station")
    return {f"{name}.{STATION}": X[0, k] for k, (name, _) in enumerate(names)}
