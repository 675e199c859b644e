"""Figures of repeats: their waveforms under that of the template, and how well it fits when."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seisml.errors import NoDataError
from seisml.matched import NEAR
from seisml.plots.style import (
    BLACK,
    EXPERT,
    GREY,
    LIGHT,
    MACHINE,
    WIDTH_IN,
    days,
    plain,
    styled,
    time_axis,
)
from seisml.repeats import NEW, Repeats
from seisml.templates import Template, instant, levelled, number
from seisml.times import NS_PER_S, iso

SHOWN = 4.0
"""Peaks are drawn from so many standard deviations on."""
CYCLES = 15
"""Of the middle frequency that are shown from close by."""


@styled
def plot_repeats(found: Repeats, event_id: str | None = None, *, most: int = 7) -> Figure:
    """Draw a template, what repeats it, their stack, and how well the template fits through time.

    Parameters
    ----------
    found : Repeats
    event_id : str, optional
        Of the template; default the one with the most repeats.
    most : int
        Repeats whose waveforms are drawn: the most significant ones.

    Returns
    -------
    matplotlib.figure.Figure
        Waveforms as they are correlated, the right way up, of one channel: the whole
        template, and a few cycles where it is strongest. The stack is the mean of template and
        repeats.

    Raises
    ------
    NoDataError
        If there is no such template.
    """
    by_id = {one.event_id: one for one in found.templates if one.event_id in found.peaks}
    events = found.catalog.events
    if event_id is None:
        counts = events["template"][events["template"] != ""].value_counts(sort=True)
        event_id = next(iter(sorted(counts.index, key=lambda k: (-counts[k], k))), None)
        event_id = event_id or next(iter(by_id), None)
    if event_id not in by_id:
        raise NoDataError(
            f"There is no template {event_id!r}.", "Templates are: " + ", ".join(list(by_id)[:5])
        )
    one = by_id[event_id]
    rows, waves = aligned(found, event_id, most=most)
    channel = int(np.argmax((one.data != 0).any(axis=1)))
    lines = [(f"template {_when(one.onset_ns)}", one.data[channel], BLACK)]
    for row, wave in zip(rows.itertuples(index=False), waves, strict=True):
        name = f"{_when(row.time_ns)}  {row.correlation:+.2f}, {row.significance:.1f} sd"
        lines.append((name, wave[channel], MACHINE if row.repeat == NEW else EXPERT))
    unit = [_unit(wave) for _, wave, _ in lines]
    known = np.isfinite(unit)
    stack = np.where(known, unit, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    if len(lines) > 1:
        lines.append((f"stack of {len(lines)}", stack, BLACK))
    figure = Figure(figsize=(1.6 * WIDTH_IN, 2.4 + 0.55 * len(lines)), layout="constrained")
    heights = [0.55 * len(lines), 1.6]
    cells = figure.add_gridspec(2, 2, height_ratios=heights, width_ratios=[3, 2])
    whole, close = figure.add_subplot(cells[0, 0]), figure.add_subplot(cells[0, 1])
    _waves(whole, lines, one, (0, one.data.shape[1]))
    _waves(close, lines, one, _strongest(one, found), names=False)
    _through_time(figure.add_subplot(cells[1, :]), found, one)
    title = f"{one.station.rsplit('.', 1)[0]}.{one.channels[channel]}: repeats of {event_id}"
    figure.suptitle(plain(title), fontsize=10.5, fontweight="bold")
    return figure


def _when(time_ns: int) -> str:
    return iso(int(time_ns))[:19].replace("T", " ")


def _unit(wave: np.ndarray) -> np.ndarray:
    rms = np.sqrt(np.nanmean(wave**2)) if np.isfinite(wave).any() else 0.0
    return wave / rms if rms > 0 else wave


def _strongest(one: Template, found: Repeats) -> tuple[int, int]:
    """Return the samples about the largest value, some cycles."""
    band = next(r.band for r in found.records if r.station == one.station)
    middle_hz = np.sqrt(band.f_min_hz * min(band.f_max_hz, 0.4 * one.rate_hz))
    n = min(round(CYCLES / middle_hz * one.rate_hz), one.data.shape[1])
    size = np.convolve(np.abs(one.data).max(axis=0), np.ones(n), "valid")
    first = int(np.argmax(size))
    return first, first + n


def _waves(ax: Axes, lines: list, one: Template, span: tuple[int, int], *, names=True) -> None:
    """Draw waveforms under each other, the template behind each."""
    part = slice(*span)
    t = np.arange(*span) / one.rate_hz - one.onset_after_ns / 1e9
    first = _unit(lines[0][1])[part]
    size = 0.34 / max(np.nanmax(np.abs(first)), 1e-30)
    for k, (name, wave, colour) in enumerate(lines):
        if not names and k:
            ax.plot(t, size * first - k, color=LIGHT, lw=1.8)
        drawn = np.clip(size * _unit(wave)[part], -0.38, 0.38)
        ax.plot(t, drawn - k, color=colour, lw=0.5 if names else 0.9)
        if names:
            ax.text(
                0.0,
                0.39 - k,
                plain(name),
                transform=ax.get_yaxis_transform(),
                fontsize=8.5,
                va="bottom",
                color=colour,
            )
    ax.set_ylim(0.4 - len(lines), 0.95)
    ax.set_yticks([])
    ax.set_xlim(t[0], t[-1])
    ax.set_xlabel("time after the onset (s)" if names else "close by (s), template grey")
    ax.spines["left"].set_visible(False)


def _through_time(ax: Axes, found: Repeats, one: Template) -> None:
    """Draw how well the template fits at its peaks, the limit, and the events that were taken."""
    time_ns, z = found.peaks[one.event_id]
    events = found.catalog.events
    own = np.abs(time_ns - one.onset_ns) <= found.rule.apart_s * NS_PER_S
    shown = (np.abs(z) >= SHOWN) & ~own
    limit = found.limits[one.event_id]
    ax.vlines(days(time_ns[shown]), 0, np.abs(z[shown]), color=GREY, lw=0.8)
    for word, colour in ((NEW, MACHINE), ("known", EXPERT)):
        rows = events[(events["template"] == one.event_id) & (events["repeat"] == word)]
        ax.plot(
            days(rows["time_ns"].to_numpy()),
            rows["significance"],
            "o",
            color=colour,
            ms=4.5,
            label=f"{word} ({len(rows)})",
            clip_on=False,
        )
    ax.plot(days(one.onset_ns), limit, "v", color=BLACK, ms=6, label="template")
    ax.axhline(limit, color=BLACK, ls=":", lw=1.2, label=f"limit {limit:.1f}")
    ax.set_ylim(SHOWN - 0.5, 1.12 * max([limit, *np.abs(z[shown])]))
    ax.set_ylabel("correlation (sd)")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    span = time_ns.min(), max(time_ns.max(), time_ns.min() + 10**9)
    time_axis(ax, span)


def aligned(
    found: Repeats, event_id: str, *, most: int = 8
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Return the repeats of one template with their waveforms, as they were correlated.

    Parameters
    ----------
    found : Repeats
    event_id : str
        Of the template.
    most : int
        The most significant ones, at most so many.

    Returns
    -------
    pandas.DataFrame
        Rows of the catalogue, in order of time.
    list of numpy.ndarray, shape (n_channels, n_samples)
        Waveforms that begin as the template does, the right way up; NaN where nothing is recorded.
    """
    one = next(each for each in found.templates if each.event_id == event_id)
    records = next(r for r in found.records if (r.station, r.rate_hz) == (one.station, one.rate_hz))
    events = found.catalog.events
    rows = events[events["template"] == event_id].nlargest(most, "significance")
    rows = rows.sort_values("time_ns", kind="stable", ignore_index=True)
    waves, reach = [], round((NEAR + 2) * found.rule.level_s * one.rate_hz)
    at, (instants, _) = [], found.peaks[event_id]
    for onset_ns in rows["time_ns"]:  # that of a known event is its own: the peak is near it
        fit_ns = instants[np.argmin(np.abs(instants - onset_ns))]
        at.append(number(int(fit_ns) - one.onset_after_ns, one.rate_hz))
    length = one.data.shape[1]
    spans = [[instant(k + n, one.rate_hz) for n in (-reach, length + reach)] for k in at]
    read = {k: (first, x) for k, first, x in records.between(spans)}
    for k, (start, c) in enumerate(zip(at, rows["correlation"], strict=True)):
        first, x = read[k]
        x = levelled(x, first, one.rate_hz, found.rule)[:, start - first :][:, :length]
        waves.append(np.copysign(1.0, c) * x)
    return rows, waves
