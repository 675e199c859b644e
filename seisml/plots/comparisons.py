"""Figures of a comparison: coverage with events, onset residuals."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from seisml.comparison import Comparison
from seisml.intervals import union
from seisml.plots.style import (
    BLACK,
    EXPERT,
    LIGHT,
    MACHINE,
    days,
    legend_above,
    new_axes,
    plain,
    say,
    styled,
    time_axis,
)
from seisml.times import DAY_NS, NS_PER_S


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
    figure, ax = new_axes(ax, 1.15 + 0.42 * max(1, len(rows)))
    handles = [Patch(color=LIGHT, label="data")] if coverage else []
    for name, spans in coverage.items():
        bars = np.column_stack([days(spans[:, 0]), np.diff(spans, axis=1) / DAY_NS])
        ax.broken_barh(bars, (where[name] - 0.22, 0.44), facecolors=LIGHT, lw=0)
    for table, colour, (low, high), name in events:
        y = np.array([where[key] for key in keys[id(table)]], dtype=float)
        ax.vlines(days(table["time_ns"].to_numpy()), y + low, y + high, color=colour, lw=0.9)
        handles.append(Line2D([], [], color=colour, lw=2, label=name))
    instants = [spans.ravel() for spans in coverage.values()]
    instants = np.concatenate([*instants, *(t["time_ns"].to_numpy() for t, *_ in events), []])
    if not len(instants):
        ax.set_yticks([])
        say(ax, "no data and no events")
        return figure or ax
    ax.set_yticks([where[name] for name in rows], [plain(name) for name in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_ylabel("station")
    margin = max(0.01 * (instants.max() - instants.min()), 30 * NS_PER_S)
    time_axis(ax, (instants.min() - margin, instants.max() + margin))
    legend_above(ax, handles)
    return figure or ax


def _row_names(table: pd.DataFrame, coverage: Mapping) -> list[str]:
    """Return the row of each event: its station as the coverage writes it."""
    known = {".".join(name.split(".")[:2]): name for name in coverage}
    short = table["station"].map(lambda name: ".".join(str(name).split(".")[:2]))
    return [known.get(name, name) or "(any)" for name in short]


@styled
def plot_residuals(comparison: Comparison, *, ax: Axes | None = None):
    """Draw the histogram of onset residuals, machine minus expert.

    Parameters
    ----------
    comparison : Comparison
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given. The spread in the title is 1.4826 MAD.
    """
    figure, ax = new_axes(ax, 3.0)
    ax.set_xlabel("onset, machine − expert (s)")
    ax.set_ylabel("matched events")
    residual = comparison.matched["residual_s"].to_numpy(dtype=np.float64)
    tolerance = float(np.max(comparison.tolerance_s, initial=0.0))
    if not len(residual):
        ax.set_yticks([])
        ax.set_xlim(-1.15 * (tolerance or 1.0), 1.15 * (tolerance or 1.0))
        say(ax, "no matches")
        return figure or ax
    median = float(np.median(residual))
    spread = 1.4826 * float(np.median(np.abs(residual - median)))
    reach = max(tolerance, float(np.abs(residual).max()), 1e-3)
    edges = np.linspace(-reach, reach, 82)
    ax.hist(residual, bins=edges, color=EXPERT, label="matched events")
    ax.axvline(median, color=BLACK, lw=1.2, label="median")
    if tolerance:
        several = np.ndim(comparison.tolerance_s) and np.ptp(comparison.tolerance_s) > 0
        name = f"{'largest tolerance' if several else 'tolerance'} ±{tolerance:g} s"
        for k, at in enumerate((-tolerance, tolerance)):
            ax.axvline(at, color=MACHINE, ls="--", lw=1.4, label=name if k == 0 else None)
    ax.set_xlim(-1.08 * reach, 1.08 * reach)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_title(
        f"median {median:+.3f} s, 1.4826 MAD {spread:.3f} s, n = {len(residual)}",
        pad=26,
    )
    legend_above(ax, ax.get_legend_handles_labels()[0][1:])
    return figure or ax
