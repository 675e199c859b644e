"""Timelines: when stations have data, with the events of both catalogues; long gaps are cut out."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from seisml.codes import station_name
from seisml.intervals import union
from seisml.plots.style import (
    EXPERT,
    GREY,
    LIGHT,
    MACHINE,
    WIDTH_IN,
    days,
    legend_above,
    plain,
    say,
    styled,
    time_axis,
)
from seisml.times import DAY_NS, NS_PER_S

MOST_LINES = 4000
"""In a row: more than there are pixels."""
_CUT = 0.2
"""Share of the whole time from which on a gap is cut out."""


@styled
def plot_coverage(
    coverage: Mapping[str, np.ndarray] | None,
    *,
    expert: pd.DataFrame | None = None,
    machine: pd.DataFrame | None = None,
    ax: Axes | None = None,
):
    """Draw when each station has data, with the expert's and the machine's events.

    Parameters
    ----------
    coverage : mapping of str to array_like of int, shape (n, 2), or None
        Intervals in ns of each station.
    expert, machine : pandas.DataFrame, optional
        Events with station and time_ns; the expert's are above the bar, the machine's below.
    ax : matplotlib.axes.Axes, optional
        Without it, time without data and events is cut out where it is long.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    coverage = {name: union(spans) for name, spans in (coverage or {}).items()}
    events = [
        (table, colour, side, name)
        for table, colour, side, name in (
            (expert, EXPERT, (0.24, 0.46), "expert events (above)"),
            (machine, MACHINE, (-0.46, -0.24), "detections (below)"),
        )
        if table is not None and len(table)
    ]
    keys = {id(table): _row_names(table, coverage) for table, *_ in events}
    rows = sorted(set(coverage).union(*keys.values()))
    where = {name: len(rows) - 1 - k for k, name in enumerate(rows)}
    busy = [*coverage.values(), *(_spans(table) for table, *_ in events)]
    sections = _sections(union(*busy), cut=_CUT if ax is None else 1.0)
    figure, axes = _axes(ax, sections, len(rows))
    if not sections:
        axes[0].set_yticks([])
        say(axes[0], "no data and no events")
        return figure or ax
    shares = _widths(sections) / _widths(sections).sum()
    for each, limits, share in zip(axes, sections, shares, strict=True):
        for name, spans in coverage.items():
            bars = np.column_stack([days(spans[:, 0]), np.diff(spans, axis=1) / DAY_NS])
            each.broken_barh(bars, (where[name] - 0.22, 0.44), facecolors=LIGHT, lw=0)
        for table, colour, (low, high), _ in events:
            y = np.array([where[key] for key in keys[id(table)]], dtype=float)
            seen = _distinct(table["time_ns"].to_numpy(), y, limits)
            times = days(table["time_ns"].to_numpy()[seen])
            each.vlines(times, y[seen] + low, y[seen] + high, color=colour, lw=0.9)
        time_axis(each, limits, maxticks=max(2, round(7 * share)))
    _finish(axes, [plain(name) for name in rows])
    handles = [Patch(color=LIGHT, label="data")] if coverage else []
    handles += [Line2D([], [], color=colour, lw=2, label=name) for _, colour, _, name in events]
    if len(axes) == 1:
        legend_above(axes[0], handles)
    else:
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure or ax


def _distinct(time_ns: np.ndarray, y: np.ndarray, limits) -> np.ndarray:
    """Return which events to draw: of those in one row that no eye tells apart the first."""
    inside = np.flatnonzero((time_ns >= limits[0]) & (time_ns <= limits[1]))
    step = max((limits[1] - limits[0]) // MOST_LINES, 1)
    place = pd.DataFrame({"y": y[inside], "at": (time_ns[inside] - limits[0]) // step})
    return inside[~place.duplicated().to_numpy()]


def _row_names(table: pd.DataFrame, coverage: Mapping) -> list[str]:
    """Return the row of each event: its station as the coverage writes it."""
    known = {station_name(name): name for name in coverage}
    code, stations = pd.factorize(table["station"])
    short = [station_name(name) for name in stations]
    rows = np.array([known.get(name, name) or "(any)" for name in short], dtype=object)
    return rows[code].tolist()


def _spans(table: pd.DataFrame) -> np.ndarray:
    """Return events as spans of a nanosecond."""
    times = table["time_ns"].to_numpy(dtype=np.int64)
    return np.column_stack([times, times + 1])


def _sections(busy: np.ndarray, *, cut: float) -> list[tuple[int, int]]:
    """Return the times to show: from first to last, without the (at most three) longest gaps."""
    if not len(busy):
        return []
    whole = int(busy[-1, 1] - busy[0, 0])
    gaps = busy[1:, 0] - busy[:-1, 1]
    long = [k for k in np.argsort(-gaps, kind="stable")[:3] if gaps[k] > cut * whole]
    starts = [busy[0, 0], *(busy[k + 1, 0] for k in sorted(long))]
    stops = [*(busy[k, 1] for k in sorted(long)), busy[-1, 1]]
    margin = max(0.01 * sum(b - a for a, b in zip(starts, stops, strict=True)), 30 * NS_PER_S)
    return [(int(a - margin), int(b + margin)) for a, b in zip(starts, stops, strict=True)]


def _axes(ax: Axes | None, sections, n_rows: int) -> tuple[Figure | None, list[Axes]]:
    """Return axes for the sections, as wide as these are long but none too narrow to read."""
    if ax is not None:
        return None, [ax]
    height_in = 1.15 + 0.42 * max(1, n_rows)
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    widths = _widths(sections)
    axes = figure.subplots(1, len(widths), sharey=True, squeeze=False, width_ratios=widths)[0]
    return figure, list(axes)


def _widths(sections) -> np.ndarray:
    lengths = np.array([stop - start for start, stop in sections] or [1], dtype=float)
    return np.maximum(lengths, 0.4 * lengths.max())


def _finish(axes: list[Axes], names: list[str]) -> None:
    """Name the rows and the axes, and mark where time is cut out."""
    axes[0].set_yticks(np.arange(len(names))[::-1], names)
    axes[0].set_ylim(-0.6, len(names) - 0.4)
    axes[0].set_ylabel("station")
    for each in axes:
        each.tick_params(axis="y", length=0)
    if len(axes) > 1:
        for each in axes:
            each.set_xlabel("")
        axes[0].figure.supxlabel("time (UTC), with gaps", fontsize=10.5)
    slash = {"marker": [(-0.5, -1), (0.5, 1)], "ms": 8, "ls": "", "color": GREY, "clip_on": False}
    for left, right in itertools.pairwise(axes):
        right.spines["left"].set_visible(False)
        left.plot([1], [0], transform=left.transAxes, **slash)
        right.plot([0], [0], transform=right.transAxes, **slash)
