"""Figure of a sol or a day at a station: waveform, spectrogram, probability, expert and machine."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seisml.archive import Archive
from seisml.errors import ConfigError
from seisml.planets import get_body
from seisml.plots.events import _draw_spectrogram, _records, _span
from seisml.plots.style import (
    BASELINE,
    BLACK,
    EXPERT,
    GREY,
    MACHINE,
    OTHER,
    days,
    plain,
    say,
    styled,
    time_axis,
)
from seisml.segments import Band, causal_filter
from seisml.times import NS_PER_S, iso, to_ns
from seisml.windows import WindowGrid

COLUMNS = 1500
"""Columns of pixels that the waveform is drawn in."""
CLASSES = (OTHER, BASELINE, "#e69f00", "#56b4e9", GREY)
NOISE = "noise"
SPECTRA = 240
"""Spectra that a day is cut into."""


@styled
def plot_day(
    archive: Archive,
    station: str,
    day: int | str,
    *,
    band: Band,
    body: str = "earth",
    start_ns: int | None = None,
    end_ns: int | None = None,
    probabilities: pd.DataFrame | None = None,
    grid: WindowGrid | None = None,
    threshold: float | None = None,
    expert: Iterable[Sequence[int]] = (),
    machine: Iterable[Sequence[int]] = (),
    width_in: float = 9.0,
) -> Figure:
    """Draw a day of a station, on Mars a sol in local mean solar time.

    Parameters
    ----------
    archive : Archive
    station : str
        "NET.STA.LOC.BI"; the vertical is drawn, without one the first channel.
    day : int or time
        Days since 1970, on Mars the sol of InSight; or an instant in it, as "2019-05-23".
    band : Band
        Causal filter of the waveform.
    body : str
        earth, mars or moon.
    start_ns, end_ns : int, optional
        Only this part of the day.
    probabilities : pandas.DataFrame, optional
        Of the classes, as `seisml.model.predict` returns them; noise is not drawn. Needs `grid`.
    grid : WindowGrid, optional
    threshold : float, optional
        Of the event probability.
    expert, machine : iterable of (start_ns, end_ns)
    width_in : float, inches

    Returns
    -------
    matplotlib.figure.Figure
        Waveform and spectrogram, then probabilities and events where there are any, over one
        time axis. Gaps stay gaps.

    Raises
    ------
    ConfigError
        If the part of the day is empty, or probabilities have no grid.
    """
    one = get_body(body)
    if not isinstance(day, (int, np.integer)):
        day = (to_ns(day) - one.day_zero_ns) // one.day_ns
    begin_ns = one.day_zero_ns + day * one.day_ns
    limits = (
        max(begin_ns, begin_ns if start_ns is None else int(start_ns)),
        min(begin_ns + one.day_ns, begin_ns + one.day_ns if end_ns is None else int(end_ns)),
    )
    if limits[0] >= limits[1]:
        raise ConfigError(f"Nothing of day {day} lies between {start_ns} and {end_ns}.")
    if probabilities is not None and grid is None:
        raise ConfigError("Probabilities have no window.", "Give the grid of the detector.")
    window_s = max(2.0 / band.f_min_hz, (limits[1] - limits[0]) / NS_PER_S / SPECTRA)
    raw = _records(archive, station, limits, band, window_s)
    events = {"expert": (list(expert), EXPERT), "machine": (list(machine), MACHINE)}
    some = any(spans for spans, _ in events.values())
    heights = [2.0, 2.4, *[1.4] * (probabilities is not None), *[0.8] * some]
    figure = Figure(figsize=(width_in, 1.3 * sum(heights)), layout="constrained")
    cells = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=[60, 1])
    axes = [figure.add_subplot(cells[0, 0])]
    axes += [figure.add_subplot(cells[k, 0], sharex=axes[0]) for k in range(1, len(heights))]
    _draw_envelope(axes[0], raw, limits, band)
    _draw_spectrogram(axes[1], figure.add_subplot(cells[1, 1]), raw, limits, window_s, band)
    if probabilities is not None:
        _draw_classes(axes[2], probabilities, grid, threshold, limits)
    if some:
        _draw_rows(axes[-1], events, limits)
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    name = _local_axis(axes[-1], limits, day, body)
    channel = raw[0].channels[0][-1:] if raw else ""
    figure.suptitle(plain(f"{station}{channel}   {name}"), fontsize=10.5, fontweight="bold")
    return figure


def _draw_envelope(ax: Axes, raw, limits, band: Band) -> None:
    """Draw the smallest and largest sample of each column of pixels."""
    ax.set_ylabel(plain(f"{band.f_min_hz:g}–{band.f_max_hz:g} Hz\n({raw[0].units if raw else ''})"))
    step_ns = max(1, (limits[1] - limits[0]) // COLUMNS)
    low, high = np.full(COLUMNS + 1, np.nan), np.full(COLUMNS + 1, np.nan)
    for part in causal_filter(raw, band):
        t = part.start_ns + np.arange(part.n_samples) * (NS_PER_S / part.sampling_rate_hz)
        inside = (t >= limits[0]) & (t < limits[1])
        at, x = ((t[inside] - limits[0]) // step_ns).astype(int), part.data[0][inside]
        if not len(x):
            continue
        first = np.flatnonzero(np.r_[True, np.diff(at) > 0])
        low[at[first]] = np.fmin(low[at[first]], np.minimum.reduceat(x, first))
        high[at[first]] = np.fmax(high[at[first]], np.maximum.reduceat(x, first))
    if not np.isfinite(high).any():
        return say(ax, "no samples in the archive at this time")
    centre = days(limits[0] + (np.arange(COLUMNS + 1) + 0.5) * step_ns)
    ax.fill_between(centre, low, high, color=BLACK, lw=0.4)
    # One glitch must not flatten a whole day.
    reach = 1.6 * float(np.nanpercentile(np.fmax(high, -low), 98.5))
    ax.set_ylim(-reach, reach)
    return None


def _draw_classes(ax: Axes, frame: pd.DataFrame, grid: WindowGrid, threshold, limits) -> None:
    time = frame.index.get_level_values("time").to_numpy()
    centre = time.astype("datetime64[ns]").astype(np.int64) + grid.length_ns // 2
    order = np.argsort(centre, kind="stable")
    order = order[(centre[order] >= limits[0]) & (centre[order] <= limits[1])]
    names = [name for name in frame.columns if str(name).split(":")[0] != NOISE]
    ax.set_ylim(0.0, 1.05)
    ax.set_ylabel("probability")
    if not len(order) or not np.isfinite(frame[names].to_numpy()[order]).any():
        return say(ax, "no windows with features at this time")
    breaks = np.flatnonzero(np.diff(centre[order]) > 1.5 * grid.hop_ns) + 1
    x = np.insert(days(centre[order]), breaks, np.nan)
    for name, colour in zip(names, CLASSES * len(names), strict=False):
        y = np.insert(frame[name].to_numpy(float)[order], breaks, np.nan)
        ax.plot(x, y, color=colour, lw=1.1, label=plain(name))
    if threshold is not None:
        ax.axhline(threshold, color=BLACK, ls=":", lw=1.2, label="threshold")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 0.98), ncols=5, borderaxespad=0.0)
    return None


def _draw_rows(ax: Axes, rows, limits) -> None:
    """Draw one row of bars for each catalogue."""
    for y, (spans, colour) in enumerate(rows.values()):
        for start, end in map(_span, spans):
            if end >= limits[0] and start <= limits[1]:
                a, b = days(max(start, limits[0])), days(min(max(end, start), limits[1]))
                ax.broken_barh([(a, b - a)], (-y - 0.36, 0.72), color=colour, alpha=0.55, lw=0)
                ax.add_line(Line2D([a, a], [-y - 0.4, -y + 0.4], color=colour, lw=1.8))
    ax.set_yticks([-y for y in range(len(rows))], list(rows))
    ax.set_ylim(-len(rows) + 0.4, 0.6)
    ax.tick_params(axis="y", length=0)


def _local_axis(ax: Axes, limits, day: int, body: str) -> str:
    """Label the time axis in hours of the local day; return the name of the day."""
    one = get_body(body)
    time_axis(ax, limits)
    if not one.day_zero_ns:
        return iso(limits[0])[:10]
    begin_ns, hour_ns = one.day_zero_ns + day * one.day_ns, one.day_ns / 24.0
    span_h = (limits[1] - limits[0]) / hour_ns
    # A label an inch: more would touch.
    most = ax.get_figure().get_figwidth()
    step_h = next((s for s in (1 / 6, 0.5, 1.0, 3.0) if span_h / s <= most), 6.0)
    hours = np.arange(0.0, 24.0 + 1e-9, step_h)
    at = begin_ns + hours * hour_ns
    shown = (at >= limits[0] - 1) & (at <= limits[1] + 1)
    texts = [f"{int(h)}:{round(h % 1 * 60):02d}" for h in hours[shown]]
    ax.set_xticks(days(at[shown]), texts)
    ax.set_xlabel("local mean solar time (h)")
    return f"sol {day}   from {iso(limits[0])[:16].replace('T', ' ')} UTC"
