"""Figures of curves: recall against unmatched, precision against recall, over the tolerance."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seisml.plots.style import (
    BASELINE,
    BLACK,
    EXPERT,
    GREY,
    LIGHT,
    MACHINE,
    OTHER,
    legend_above,
    new_axes,
    plain,
    say,
    styled,
)

LOOKS = ((MACHINE, "-"), (BASELINE, "--"), (EXPERT, "-."), (OTHER, ":"))


@styled
def plot_curves(
    curves: Mapping[str, pd.DataFrame],
    *,
    points: Mapping[str, tuple[float, float]] | None = None,
    ax: Axes | None = None,
):
    """Draw recall against unmatched detections for several detectors.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        Name to what `seisml.summaries.score_curve` returned.
    points : mapping of str to (float, float), optional
        Working points by name of the curve: unmatched per day, recall.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given. Where the usable time is not known, the axis is the number
        of unmatched detections.
    """
    figure, ax = new_axes(ax, 3.4)
    points = points or {}
    daily = any(curve["unmatched_per_day"].notna().any() for curve in curves.values())
    column = "unmatched_per_day" if daily or not curves else "n_unmatched"
    ax.set_xlabel(f"unmatched detections{' per day' if column != 'n_unmatched' else ''}")
    ax.set_ylabel("recall (share found)")
    ax.set_ylim(0, 1.04)
    handles, largest = [], 0.0
    for k, (name, curve) in enumerate(curves.items()):
        colour, dashes = LOOKS[k % len(LOOKS)]
        x, y = curve[column].to_numpy(float), curve["recall"].to_numpy(float)
        known = np.isfinite(x) & np.isfinite(y)
        point = points.get(name, (np.nan, np.nan))
        if not known.any() and not np.isfinite(point).all():
            continue
        ax.plot(x[known], y[known], color=colour, ls=dashes, lw=1.8, marker=".", ms=4)
        if np.isfinite(point).all():
            ax.plot(*point, "o", ms=9, mfc="white", mec=colour, mew=2.2, zorder=5)
        _band(ax, x[known], curve.loc[known], "recall", colour)
        largest = max([largest, *x[known], point[0] if np.isfinite(point).all() else 0.0])
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.8, label=plain(name)))
    ax.set_xlim(-0.02 * (largest or 1.0), 1.06 * (largest or 1.0))
    if not handles:
        say(ax, "no scored detections")
        return figure or ax
    ax.grid(color=LIGHT, lw=0.5)
    if points:
        look = {"ls": "", "marker": "o", "ms": 8, "mfc": "white", "mec": BLACK, "mew": 2}
        handles.append(Line2D([], [], label="working point", **look))
    legend_above(ax, handles)
    return figure or ax


def _band(ax: Axes, x: np.ndarray, table: pd.DataFrame, name: str, colour: str) -> None:
    """Shade the 95 % interval of a column, where the table has it."""
    if f"{name}_low" not in table or len(x) < 2:
        return
    order = np.argsort(x, kind="stable")
    low, high = (table[f"{name}_{side}"].to_numpy(float)[order] for side in ("low", "high"))
    ax.fill_between(x[order], low, high, color=colour, alpha=0.14, lw=0)


@styled
def plot_precision(
    curves: Mapping[str, pd.DataFrame],
    *,
    points: Mapping[str, tuple[float, float]] | None = None,
    ax: Axes | None = None,
):
    """Draw precision against recall for several detectors, with 95 % intervals of both.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        Name to what `seisml.curves.score_curve` returned.
    points : mapping of str to (float, float), optional
        Working points by name of the curve: recall, precision.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.4)
    ax.set_xlabel("recall (share of the expert's events found)")
    ax.set_ylabel("precision (matched share)")
    ax.set_xlim(-0.02, 1.04)
    ax.set_ylim(0, 1.04)
    handles = []
    for k, (name, curve) in enumerate(curves.items()):
        colour, dashes = LOOKS[k % len(LOOKS)]
        known = curve[curve["precision"].notna() & curve["recall"].notna()]
        point = (points or {}).get(name, (np.nan, np.nan))
        if known.empty and not np.isfinite(point).all():
            continue
        _crosses(ax, known.iloc[:: max(1, len(known) // 12)], colour)
        ax.plot(known["recall"], known["precision"], color=colour, ls=dashes, lw=1.8)
        if np.isfinite(point).all():
            ax.plot(*point, "o", ms=9, mfc="white", mec=colour, mew=2.2, zorder=5)
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.8, label=plain(name)))
    if not handles:
        say(ax, "no scored detections")
        return figure or ax
    ax.grid(color=LIGHT, lw=0.5)
    handles.append(Line2D([], [], color=GREY, lw=1, alpha=0.6, marker="+", label="95 %"))
    legend_above(ax, handles)
    return figure or ax


def _crosses(ax: Axes, table: pd.DataFrame, colour: str) -> None:
    """Draw the 95 % intervals of recall and precision as crosses."""
    if "recall_low" not in table or table["recall_low"].isna().all():
        return
    look = {"color": colour, "alpha": 0.35, "lw": 1.1}
    ax.hlines(table["precision"], table["recall_low"], table["recall_high"], **look)
    ax.vlines(table["recall"], table["precision_low"], table["precision_high"], **look)


@styled
def plot_tolerance(curve: pd.DataFrame, *, used_s: float | None = None, ax: Axes | None = None):
    """Draw recall, precision and chance recall over the tolerance, with 95 % intervals.

    Parameters
    ----------
    curve : pandas.DataFrame
        From `seisml.curves.tolerance_curve`.
    used_s : float, optional
        The tolerance of the comparison, s: a line.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.4)
    ax.set_xlabel("tolerance (s)")
    ax.set_ylabel("share")
    ax.set_ylim(0, 1.04)
    names = {"recall": "recall", "precision": "precision", "chance_recall": "chance recall"}
    looks = ((EXPERT, "-", "o"), (MACHINE, "--", "s"), (GREY, ":", ""))
    x = curve["tolerance_s"].to_numpy(float)
    handles = []
    for (column, name), (colour, dashes, marker) in zip(names.items(), looks, strict=True):
        if not len(curve) or curve[column].isna().all():
            continue
        _band(ax, x, curve, column, colour)
        look = {"color": colour, "ls": dashes, "marker": marker, "ms": 4, "lw": 1.8}
        ax.plot(x, curve[column].to_numpy(float), **look)
        handles.append(Line2D([], [], label=name, **look))
    if not handles:
        say(ax, "no curve over the tolerance")
        return figure or ax
    ax.set_xscale("log")
    ax.set_xticks(x, [f"{value:.3g}" for value in x])
    ax.minorticks_off()
    ax.grid(color=LIGHT, lw=0.5)
    if used_s is not None:
        ax.axvline(used_s, color=BLACK, lw=1.1, ls=(0, (4, 2)))
        handles.append(Line2D([], [], color=BLACK, lw=1.1, ls=(0, (4, 2)), label="used"))
    legend_above(ax, handles)
    return figure or ax
