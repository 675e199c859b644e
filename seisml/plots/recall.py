"""Figures of what is found of which events: recall by group, completeness, confusion."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seisml.completeness import Completeness
from seisml.plots.style import (
    BLACK,
    EXPERT,
    GREY,
    LIGHT,
    MACHINE,
    legend_above,
    new_axes,
    plain,
    say,
    styled,
)


@styled
def plot_recall(table: pd.DataFrame, *, ax: Axes | None = None):
    """Draw the recall of each group with its 95 % interval and its number of events.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.summaries.by`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    column = str(table.columns[0])
    figure, ax = new_axes(ax, 3.1)
    ax.set_ylabel("recall (share found)")
    ax.set_xlabel(plain(column))
    ax.set_ylim(0, 1.14)
    ax.set_yticks(np.arange(0, 1.01, 0.2))
    if table.empty:
        say(ax, "no expert events")
        return figure or ax
    names = [plain(str(value) or "(none)") for value in table[column]]
    hours = column.startswith("hour")
    x = table[column].to_numpy(float) if hours else np.arange(len(table), dtype=float)
    recall = table["recall"].to_numpy(float)
    ax.bar(x, recall, width=0.7, color=LIGHT)
    ax.vlines(x, table["low"], table["high"], color=EXPERT, lw=2)
    ax.plot(x, recall, "o", color=EXPERT, ms=5)
    tops = np.maximum(recall, table["high"].to_numpy(float))
    if len(x) <= 24:
        for at, top, n in zip(x, tops, table["n_expert"], strict=True):
            ax.text(at, top + 0.02, str(n), ha="center", va="bottom", fontsize=9, color=GREY)
    if hours:
        ax.set_xlim(-0.7, 23.7)
        ax.set_xticks(np.arange(0, 24, 3))
    else:
        longest = max(map(len, names))
        turned = longest * len(names) > 50
        look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned else {}
        ax.set_xticks(x, names, **look)
        ax.set_xlim(-0.7, len(x) - 0.3)
    legend_above(ax, [Line2D([], [], color=EXPERT, marker="o", ms=5, lw=2, label="recall, 95 %")])
    return figure or ax


@styled
def plot_completeness(
    fit: Completeness, values: np.ndarray, hit: np.ndarray, *, ax: Axes | None = None
):
    """Draw the share found in bins of a value, and the fitted curve with its 95 % band.

    Parameters
    ----------
    fit : Completeness
    values : numpy.ndarray of float, shape (n_events,)
    hit : numpy.ndarray of bool, shape (n_events,)
        Whether each event was found.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.4)
    ax.set_xlabel(fit.column)
    ax.set_ylabel("share found")
    ax.set_ylim(-0.07, 1.07)
    edges = np.histogram_bin_edges(values, bins=min(15, max(4, len(values) // 8)))
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    n = np.bincount(index, minlength=len(edges) - 1)
    share = np.bincount(index, hit, minlength=len(edges) - 1) / np.maximum(n, 1)
    middle = (edges[:-1] + edges[1:]) / 2
    size = 18 + 90 * n[n > 0] / n.max()
    ax.scatter(middle[n > 0], share[n > 0], s=size, color=EXPERT, alpha=0.75, lw=0)
    for found, y in ((True, 1.045), (False, -0.045)):
        ax.plot(values[hit == found], np.full((hit == found).sum(), y), "|", color=GREY, ms=5)
    ax.fill_between(fit.x, fit.low, fit.high, color=MACHINE, alpha=0.16, lw=0)
    ax.plot(fit.x, fit.recall, color=MACHINE, lw=2)
    ax.plot([fit.half] * 2, [0, 0.5], color=BLACK, lw=1, ls=(0, (4, 2)))
    ax.plot([fit.full] * 2, [0, 0.9], color=BLACK, lw=1, ls=":")
    margin = 0.03 * np.ptp(fit.x)
    ax.set_xlim(fit.x[0] - margin, fit.x[-1] + margin)
    handles = [
        Line2D([], [], ls="", marker="o", color=EXPERT, label="bins"),
        Line2D([], [], color=MACHINE, lw=2, label="curve, 95 %"),
        Line2D([], [], color=BLACK, lw=1, ls=(0, (4, 2)), label=f"50 %: {fit.where(fit.half)}"),
        Line2D([], [], color=BLACK, lw=1, ls=":", label=f"90 %: {fit.where(fit.full)}"),
    ]
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_confusion(table: pd.DataFrame, *, ax: Axes | None = None):
    """Draw which expert label met which machine label: numbers, shaded by their share of a row.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.summaries.confusion`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    counts = table.to_numpy()
    figure, ax = new_axes(ax, 1.5 + 0.42 * len(table))
    ax.set_xlabel("machine")
    ax.set_ylabel("expert")
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, vmin=0, vmax=1.25, cmap="Blues", aspect="auto")
    for (row, column), n in np.ndenumerate(counts):
        if table.index[row] == "(unmatched)" and table.columns[column] == "(missed)":
            continue  # nobody knows how often nothing was rightly called nothing
        colour = "white" if share[row, column] > 0.6 else BLACK
        ax.text(column, row, str(n), ha="center", va="center", color=colour)
    names = [plain(name) for name in table.columns]
    turned = 0.09 * max(map(len, names)) > (ax.figure.get_figwidth() - 1.5) / len(names)
    look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    ax.set_xticks(np.arange(len(names)), names, **look)
    ax.set_yticks(np.arange(len(table)), [plain(name) for name in table.index])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure or ax
