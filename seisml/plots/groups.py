"""Figures of discovery: items in the plane of the first components, and over time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seisml.plots.style import (
    BLACK,
    GREY,
    LIGHT,
    days,
    legend_above,
    new_axes,
    styled,
    time_axis,
)

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a800", "#222222")
MARKS = "osD^v<>P"


def _look(group: int) -> dict:
    """Return colour and marker of a group: no two of the first 64 look the same."""
    if group < 0:
        return {"color": LIGHT, "marker": "."}
    return {"color": COLOURS[group % 8], "marker": MARKS[(group // 8 + group) % 8]}


@styled
def plot_groups(
    Z: np.ndarray,
    group: np.ndarray,
    *,
    medoids: np.ndarray = (),
    explained: np.ndarray = (0.0, 0.0),
    max_points: int = 6000,
    seed: int = 0,
    ax: Axes | None = None,
):
    """Draw items in the plane of the first two principal components, by group.

    Parameters
    ----------
    Z : numpy.ndarray, shape (n_items, n_components)
    group : numpy.ndarray of int, shape (n_items,)
        -1: in no group.
    medoids : array_like of int
        Rows that are marked.
    explained : array_like of float
        Share of the variance of each component.
    max_points : int
        Of many items so many are drawn.
    seed : int
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 4.2)
    rows = np.arange(len(Z))
    if len(rows) > max_points:
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_points, replace=False))
    x = Z[:, 0]
    y = Z[:, 1] if Z.shape[1] > 1 else np.zeros(len(Z))
    handles = []
    for one in np.unique(group):
        mine = rows[group[rows] == one]
        look = _look(int(one))
        ax.scatter(x[mine], y[mine], s=14, alpha=0.7, lw=0, **look)
        name = "in no group" if one < 0 else str(one)
        handles.append(Line2D([], [], ls="", ms=6, label=name, **look))
    for row in medoids:
        ax.plot(x[row], y[row], "o", ms=11, mfc="none", mec=BLACK, mew=1.6)
    shares = [*explained, 0.0, 0.0]
    ax.set_xlabel(f"first component ({shares[0]:.0%} of the variance)")
    ax.set_ylabel(f"second ({shares[1]:.0%})")
    ax.grid(color=LIGHT, lw=0.5)
    legend_above(ax, handles[:12])
    return figure or ax


@styled
def plot_groups_in_time(items: pd.DataFrame, *, column: str = "hdbscan", ax: Axes | None = None):
    """Draw when the items of each group are.

    Parameters
    ----------
    items : pandas.DataFrame
        time_ns and the group, from `seisml.discovery.discover`.
    column : str
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    groups = np.unique(items[column])
    figure, ax = new_axes(ax, 1.2 + 0.28 * len(groups))
    time_ns = items["time_ns"].to_numpy()
    for k, one in enumerate(groups):
        mine = items[column].to_numpy() == one
        colour = GREY if one < 0 else COLOURS[int(one) % 8]
        ax.plot(days(time_ns[mine]), np.full(mine.sum(), k), "|", color=colour, ms=9, alpha=0.5)
    ax.set_yticks(np.arange(len(groups)), ["none" if g < 0 else str(g) for g in groups])
    ax.set_ylim(-0.7, len(groups) - 0.3)
    ax.set_ylabel("group")
    margin = max(1, (time_ns.max() - time_ns.min()) // 50)
    time_axis(ax, (time_ns.min() - margin, time_ns.max() + margin))
    return figure or ax
