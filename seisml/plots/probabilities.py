"""Figures of probabilities: how often windows of a probability are events."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seisml.plots.curves import LOOKS
from seisml.plots.style import BLACK, GREY, LIGHT, legend_above, new_axes, plain, say, styled

MARKERS = ("o", "s", "^", "D")
FEW = 20
"""Fewer windows in a bin say little: their marker is empty."""


@styled
def plot_reliability(
    curves: Mapping[str, pd.DataFrame],
    *,
    x: str = "event probability of windows",
    y: str = "share of them that are events",
    of: str = "windows",
    ax: Axes | None = None,
):
    """Draw how often windows are events against the probability that a model gave them.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        Name to what `seisml.model.reliability` returned.
    x, y : str
        Labels of the axes.
    of : str
        What the probabilities are of.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given. Points on the diagonal are calibrated, below it the model
        is too sure; open markers stand for less than twenty windows.
    """
    figure, ax = new_axes(ax, 4.4)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    ax.set_aspect("equal")
    if not any(len(curve) for curve in curves.values()):
        say(ax, f"no {of} with probabilities")
        return figure or ax
    ax.grid(color=LIGHT, lw=0.5)
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, zorder=1)
    handles = []
    for k, (name, curve) in enumerate(curves.items()):
        colour, dashes = LOOKS[k % len(LOOKS)]
        look = {"color": colour, "marker": MARKERS[k % len(MARKERS)], "ms": 6}
        x, y = curve["probability"].to_numpy(), curve["frequency"].to_numpy()
        few = curve["n"].to_numpy() < FEW
        ax.plot(x, y, color=colour, ls=dashes, lw=1.6)
        ax.plot(x[~few], y[~few], ls="", **look)
        ax.plot(x[few], y[few], ls="", mfc="white", **look)
        handles.append(Line2D([], [], ls=dashes, lw=1.6, label=plain(name), **look))
    handles.append(Line2D([], [], color=GREY, lw=1, label="as stated"))
    if any((curve["n"] < FEW).any() for curve in curves.values()):
        empty = {"ls": "", "marker": "o", "mfc": "white", "mec": BLACK}
        handles.append(Line2D([], [], label=f"under {FEW} {of}", **empty))
    legend_above(ax, handles)
    return figure or ax
