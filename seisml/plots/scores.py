"""Figures of an evaluation: scores of models, importance, reliability."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

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


def _dots(ax: Axes, names, value, low, high, colour: str) -> None:
    """Draw values with intervals as dots in rows, the first on top."""
    y = np.arange(len(names))[::-1]
    ax.hlines(y, low, high, color=colour, lw=2)
    ax.plot(value, y, "o", color=colour, ms=6)
    ax.set_yticks(y, [plain(str(name)) for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.grid(axis="x", color=LIGHT, lw=0.5)


@styled
def plot_scores(
    table: pd.DataFrame,
    *,
    score: str = "balanced_accuracy",
    chance: float | None = None,
    ax: Axes | None = None,
):
    """Draw a score of several models with 95 % intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.scores.score_table`.
    score : str
    chance : float, optional
        What guessing reaches: a line.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 1.3 + 0.34 * len(table))
    low, high = table[f"{score}_low"], table[f"{score}_high"]
    _dots(ax, table["model"], table[score], low, high, EXPERT)
    ax.set_xlabel(score.replace("_", " "))
    handles = [Line2D([], [], color=EXPERT, marker="o", ms=6, lw=2, label="held-out rows, 95 %")]
    if chance is not None:
        look = {"color": BLACK, "lw": 1.1, "ls": (0, (4, 2))}
        ax.axvline(chance, **look)
        handles.append(Line2D([], [], label="chance", **look))
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_importance(table: pd.DataFrame, *, n: int = 20, ax: Axes | None = None):
    """Draw how much a score falls without each feature or group, with 95 % intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.importance.permutation_importance`.
    n : int
        Rows that are drawn.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    shown = table.head(n)
    figure, ax = new_axes(ax, 1.1 + 0.24 * max(1, len(shown)))
    ax.set_xlabel("fall of the score when permuted")
    if shown.empty:
        say(ax, "no features")
        return figure or ax
    _dots(ax, shown["name"], shown["importance"], shown["low"], shown["high"], MACHINE)
    ax.axvline(0, color=GREY, lw=1)
    handles = [Line2D([], [], color=MACHINE, marker="o", ms=6, lw=2, label="fall, 95 %")]
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_differences(table: pd.DataFrame, *, ax: Axes | None = None):
    """Draw how much better models are than others on the same blocks, with 95 % intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.scores.paired_differences`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 1.3 + 0.3 * max(1, len(table)))
    ax.set_xlabel("difference of the score")
    if table.empty:
        say(ax, "one model only")
        return figure or ax
    names = table["model"] + " − " + table["other"]
    _dots(ax, names, table["difference"], table["low"], table["high"], EXPERT)
    ax.axvline(0, color=BLACK, lw=1.1, ls=(0, (4, 2)))
    return figure or ax
