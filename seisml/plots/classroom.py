"""Figures of the classroom: large letters and colours that everybody tells apart."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from seisml.plots.style import (
    BASELINE,
    BLACK,
    EXPERT,
    GREY,
    LIGHT,
    MACHINE,
    OTHER,
    STYLE,
    new_axes,
    plain,
    styled,
)

COLOURS = (EXPERT, MACHINE, BASELINE, OTHER, "#e69f00", "#56b4e9", BLACK)
"""The palette of Okabe and Ito, the house colours first: safe for the colour-blind."""
PROJECTOR = {
    **STYLE,
    "font.size": 14,
    "axes.titlesize": 15,
    "axes.labelsize": 14,
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
    "legend.fontsize": 13,
    "figure.figsize": (9.5, 4.2),
    "figure.dpi": 80,
    "figure.constrained_layout.use": True,
    "lines.linewidth": 1.8,
    "axes.titlelocation": "left",
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "image.cmap": "viridis",
    "legend.frameon": False,
}


def use_style() -> None:
    """Draw from here on as the course does: readable from the last row, colour-blind safe.

    Examples
    --------
    >>> use_style()
    >>> mpl.rcParams["font.size"]
    14.0
    """
    mpl.rcParams.update(PROJECTOR)


@styled
def plot_leaderboard(board: pd.DataFrame, *, ax: Axes | None = None):
    """Draw scores with their 95 % intervals, the best team above.

    Parameters
    ----------
    board : pandas.DataFrame
        From `seisml.classroom.scoring.leaderboard`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or the axes that were given.
    """
    board = board[board["score"].notna()].reset_index(drop=True)
    figure, ax = new_axes(ax, 1.3 + 0.42 * max(len(board), 1))
    y = np.arange(len(board))
    shown = [("score", "score", MACHINE, "o"), ("f1", "F1", EXPERT, "s")]
    shown.append(("class_score", "class score", BASELINE, "^"))
    for shift, (name, label, colour, marker) in zip((-0.2, 0.0, 0.2), shown, strict=True):
        low, high = board[f"{name}_low"], board[f"{name}_high"]
        ax.hlines(y + shift, low, high, color=colour, lw=2, alpha=0.6)
        ax.plot(board[name], y + shift, marker, color=colour, label=label, ms=6)
    ax.set_yticks(y, [plain(f"{place}. {team}") for place, team in enumerate(board["team"], 1)])
    ax.set_ylim(len(board) - 0.4, -0.6)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("score, with 95 % intervals")
    ax.hlines(y[:-1] + 0.5, 0, 1, color=LIGHT, lw=0.7)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(GREY)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure or ax
