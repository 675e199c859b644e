"""Figures of one catalogue: rates, hours, waiting times, magnitudes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from seisml.plots.style import (
    BLACK,
    EXPERT,
    GREY,
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
from seisml.statistics import Statistics
from seisml.times import NS_PER_S


def _day(found: Statistics) -> str:
    return "sol" if found.catalog.body == "mars" else "day"


@styled
def plot_rates(found: Statistics, *, ax: Axes | None = None):
    """Draw the events of each day (sol) and their cumulative number; gaps are shaded.

    Parameters
    ----------
    found : Statistics
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.2)
    table, times = found.by_day, np.sort(found.catalog.events["time_ns"].to_numpy())
    name = _day(found)
    ax.set_ylabel(f"events per {name} of live time")
    if not len(times):
        ax.set_xticks([])
        say(ax, "no events")
        return figure or ax
    start = days(table["start_ns"].to_numpy())
    width = np.diff(start).min() if len(start) > 1 else 1.0
    ax.bar(start, table["per_day"], width=width, align="edge", color=EXPERT, lw=0)
    ax.yaxis.set_major_locator(MaxNLocator(5))
    for first, last in zip(found.live[:-1, 1], found.live[1:, 0], strict=True):
        ax.axvspan(days(first), days(last), color=LIGHT, alpha=0.6, lw=0)
    other = ax.twinx()
    other.spines["right"].set_visible(True)
    other.step(days(times), np.arange(1, len(times) + 1), where="post", color=MACHINE, lw=1.6)
    other.set_ylim(0, None)
    other.set_ylabel("cumulative events")
    limits = int(found.live[0, 0]), int(found.live[-1, 1])
    margin = max((limits[1] - limits[0]) // 100, 30 * NS_PER_S)
    time_axis(ax, (limits[0] - margin, limits[1] + margin))
    handles = [
        Patch(color=EXPERT, label=f"per {name}"),
        Line2D([], [], color=MACHINE, lw=1.6, label="cumulative"),
    ]
    if len(found.live) > 1:
        handles.append(Patch(color=LIGHT, alpha=0.6, label="no data"))
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_hours(found: Statistics, *, ax: Axes | None = None):
    """Draw the rate in each hour of the local day, in live time, with 95 % intervals.

    Parameters
    ----------
    found : Statistics
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.0)
    table = found.by_hour
    ax.set_ylabel("events per hour of live time")
    ax.set_xlabel(f"hour of the {_day(found)} ({found.hour_name})")
    ax.set_xlim(-0.7, 23.7)
    ax.set_xticks(np.arange(0, 24, 3))
    known = table["live_h"] > 0
    if not known.any():
        say(ax, "no live time")
        return figure or ax
    hour = table["hour"]
    ax.bar(hour, table["per_hour"], width=0.8, color=LIGHT)
    ax.vlines(hour, table["low"], table["high"].where(known), color=EXPERT, lw=2)
    ax.plot(hour, table["per_hour"], "o", color=EXPERT, ms=5)
    whole = table["n_events"].sum() / table["live_h"].sum()
    ax.axhline(whole, color=BLACK, lw=1, ls=(0, (4, 2)))
    # The intervals of hours with hardly any live time would hide the others.
    reach = max(1.6 * table["per_hour"].max(), 2.5 * whole)
    ax.set_ylim(0, min(1.05 * table["high"].where(known).max(), reach) or 1.0)
    if (~known).any():
        ax.plot(hour[~known], np.zeros((~known).sum()), "x", color=GREY, ms=6, clip_on=False)
    handles = [
        Line2D([], [], color=EXPERT, marker="o", ms=5, lw=2, label="rate, 95 %"),
        Line2D([], [], color=BLACK, lw=1, ls=(0, (4, 2)), label=f"whole {_day(found)}"),
    ]
    if (~known).any():
        handles.append(Line2D([], [], ls="", marker="x", color=GREY, label="no live time"))
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_waiting(found: Statistics, *, ax: Axes | None = None):
    """Draw the times between consecutive events beside those of random events of that rate.

    Parameters
    ----------
    found : Statistics
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.0)
    ax.set_xlabel("live time to the next event (s)")
    ax.set_ylabel("events")
    waiting = found.waiting_s[found.waiting_s > 0]
    if len(waiting) < 2 or np.ptp(waiting) == 0:
        ax.set_xticks([])
        say(ax, "too few events")
        return figure or ax
    bins = min(40, max(8, len(waiting) // 5))
    edges = np.geomspace(waiting.min() * 0.999, waiting.max() * 1.001, bins + 1)
    ax.hist(waiting, bins=edges, color=EXPERT)
    expected = len(waiting) * -np.diff(np.exp(-edges / waiting.mean()))
    ax.plot(np.sqrt(edges[:-1] * edges[1:]), expected, color=MACHINE, lw=2)
    ax.set_xscale("log")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    handles = [
        Patch(color=EXPERT, label="events"),
        Line2D([], [], color=MACHINE, lw=2, label="random times of this rate"),
    ]
    legend_above(ax, handles)
    return figure or ax


@styled
def plot_magnitudes(found: Statistics, *, ax: Axes | None = None):
    """Draw the numbers of events over magnitude with the laws fitted above each completeness.

    Parameters
    ----------
    found : Statistics
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given.
    """
    figure, ax = new_axes(ax, 3.8)
    table = found.frequency
    kind = found.magnitude_type
    ax.set_xlabel(f"magnitude{f' ({plain(kind)})' if kind else ''}")
    ax.set_ylabel("events")
    if table.empty:
        ax.set_xticks([])
        say(ax, "no magnitudes")
        return figure or ax
    x = table["magnitude"].to_numpy(float)
    some = table["n"] > 0
    ax.plot(x[some], table["n"][some], "s", color=GREY, ms=4, mfc="none")
    ax.plot(x, table["n_at_least"], "o", color=EXPERT, ms=4)
    handles = [
        Line2D([], [], ls="", marker="o", color=EXPERT, ms=5, label="this or more"),
        Line2D([], [], ls="", marker="s", color=GREY, mfc="none", ms=5, label="in the bin"),
    ]
    step = x[1] - x[0] if len(x) > 1 else 0.1
    looks = ((MACHINE, "-"), (BLACK, (0, (4, 2))), ("#009e73", ":"))
    for (name, fit), (colour, dashes) in zip(found.fits.items(), looks, strict=False):
        if not np.isfinite(fit.b):
            continue
        above = np.array([fit.mc, max(x[-1], fit.mc + step)])
        ax.plot(above, 10 ** (fit.a - fit.b * (above - step / 2)), color=colour, ls=dashes, lw=1.8)
        ax.axvline(fit.mc, color=colour, ls=dashes, lw=0.8, alpha=0.6)
        label = f"{name} {fit.mc:.1f}: b {fit.b:.2f} ± {fit.sigma:.2f}"
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.8, label=label))
    ax.set_yscale("log")
    ax.set_ylim(0.7, 1.6 * table["n_at_least"].max())
    legend_above(ax, handles)
    return figure or ax
