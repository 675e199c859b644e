"""Figures of trials: recall of injected events, stations trained against stations tested."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from seisml.codes import station_name
from seisml.plots.curves import LOOKS
from seisml.plots.style import BLACK, GREY, LIGHT, legend_above, new_axes, plain, say, styled


@styled
def plot_snr(table: pd.DataFrame, *, what: str = "", ax: Axes | None = None):
    """Draw the recall of detectors over the signal-to-noise ratio of events, with 95 % bands.

    Parameters
    ----------
    table : pandas.DataFrame
        From `seisml.injection.injection_recovery`, or `seisml.summaries.recall_over`: those have
        numbers of events, ``n_expert``, that are written above the axis.
    what : str
        Which events, as "of injected events".
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.4)
    ax.set_xlabel(" ".join(filter(None, ["signal-to-noise ratio", what, "(dB)"])))
    ax.set_ylabel("recall (share found)")
    ax.set_ylim(-0.02, 1.04)
    table = table[table["snr_db"].notna()]
    if table.empty:
        say(ax, "no event with a ratio")
        return figure or ax
    handles = []
    for k, (name, mine) in enumerate(table.groupby("detector", sort=False)):
        colour, dashes = LOOKS[k % len(LOOKS)]
        ax.fill_between(mine["snr_db"], mine["low"], mine["high"], color=colour, alpha=0.14, lw=0)
        ax.plot(mine["snr_db"], mine["recall"], color=colour, ls=dashes, lw=1.8, marker="o", ms=4)
        label = name
        if "per_day" in mine:
            label += f" ({mine['per_day'].iloc[0]:.1f} false a day)"
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.8, label=plain(label)))
    if "n_expert" in table:
        ax.set_ylim(-0.02, 1.14)
        ax.set_yticks(np.arange(0, 1.01, 0.2))
        first = table[table["detector"] == table["detector"].iloc[0]]
        for at, n in zip(first["snr_db"], first["n_expert"], strict=True):
            ax.text(at, 1.06, str(n), ha="center", va="bottom", fontsize=9, color=GREY)
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
    names = [plain(station_name(name)) for name in table.columns]
    look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(names) > 5 else {}
    ax.set_xticks(np.arange(len(names)), names, **look)
    rows = [plain(station_name(name)) for name in table.index]
    ax.set_yticks(np.arange(len(table)), rows)
    ax.set_xlabel("tested at")
    ax.set_ylabel("trained at")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure or ax
