"""Figures of trials: recall of injected events, stations trained against stations tested."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seisml.plots.curves import LOOKS
from seisml.plots.style import BLACK, LIGHT, legend_above, new_axes, plain, say, styled


@styled
def plot_injection(table: pd.DataFrame, *, ax: Axes | None = None):
    """Draw the recall of injected events over their signal-to-noise ratio, with 95 % bands.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.injection.injection_recovery`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.4)
    ax.set_xlabel("signal-to-noise ratio of injected events (dB)")
    ax.set_ylabel("recall (share found)")
    ax.set_ylim(-0.02, 1.04)
    if table.empty:
        say(ax, "nothing was injected")
        return figure or ax
    handles = []
    for k, (name, mine) in enumerate(table.groupby("detector", sort=False)):
        colour, dashes = LOOKS[k % len(LOOKS)]
        ax.fill_between(mine["snr_db"], mine["low"], mine["high"], color=colour, alpha=0.14, lw=0)
        ax.plot(mine["snr_db"], mine["recall"], color=colour, ls=dashes, lw=1.8, marker="o", ms=4)
        label = f"{name} ({mine['per_day'].iloc[0]:.1f} false a day)"
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.8, label=plain(label)))
    ax.grid(color=LIGHT, lw=0.5)
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_matrix(table: pd.DataFrame, *, ax: Axes | None = None):
    """Draw how well models of stations (rows) work at stations (columns).

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.transfer.station_matrix`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    values = table.to_numpy(float)
    figure, ax = new_axes(ax, 1.7 + 0.42 * len(table))
    ax.imshow(values, vmin=0.5, vmax=1.15, cmap="Blues", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.3f}"
        colour = "white" if value > 0.9 else BLACK
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    names = [plain(".".join(str(name).split(".")[:2])) for name in table.columns]
    look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(names) > 5 else {}
    ax.set_xticks(np.arange(len(names)), names, **look)
    rows = [plain(".".join(str(name).split(".")[:2])) for name in table.index]
    ax.set_yticks(np.arange(len(table)), rows)
    ax.set_xlabel("tested at")
    ax.set_ylabel("trained at")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure or ax
