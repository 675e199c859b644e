"""Figures of an event at a station: waveform, spectrogram, score."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from scipy.signal import spectrogram

from seisml import archive as archives
from seisml.archive import Archive
from seisml.errors import ConfigError
from seisml.plots.style import (
    BLACK,
    EXPERT,
    MACHINE,
    OTHER,
    WIDTH_IN,
    days,
    plain,
    say,
    styled,
    time_axis,
)
from seisml.segments import FORGOTTEN, GUARD_NS, Band, Segment, causal_filter, segments
from seisml.times import NAT, NS_PER_S, iso
from seisml.windows import WindowGrid

MOST_DB = 60.0
"""Largest range of the colours of a spectrogram, dB."""


@styled
def plot_event(
    archive: Archive,
    station: str,
    time_ns: int,
    *,
    band: Band,
    grid: WindowGrid | None = None,
    score: tuple[np.ndarray, np.ndarray] | None = None,
    expert: Iterable[Sequence[int]] = (),
    machine: Iterable[Sequence[int]] = (),
    before_s: float = 30.0,
    after_s: float = 60.0,
    what: str = "",
    called: tuple[str, str] = ("expert: onset, end", "machine: onset, end"),
) -> Figure:
    """Draw the waveform, the spectrogram and the score around an instant at a station.

    Parameters
    ----------
    archive : Archive
    station : str
        "NET.STA.LOC.BI"; the vertical is drawn, without one the first channel.
    time_ns : int
        The instant, ns.
    band : Band
        Causal filter of the waveform; the spectrogram is of the unfiltered record.
    grid : WindowGrid, optional
        Of the score.
    score : (time_ns, values), optional
        Starts of windows and scores over their threshold: 1 is a detection. Needs `grid`.
    expert, machine : iterable of (start_ns, end_ns)
        When the expert and the machine have an event; an end may be `seisml.times.NAT`.
    before_s, after_s : float, s
        What is shown before and after the instant.
    what : str
        What it is, for the title.
    called : (str, str)
        What the legend calls the marks of expert and machine.

    Returns
    -------
    matplotlib.figure.Figure
        Two or three panels with one time axis. Gaps stay gaps; a panel without data says so.

    Raises
    ------
    ConfigError
        If `before_s` and `after_s` leave nothing to show.
    """
    if not (before_s >= 0 and after_s >= 0 and before_s + after_s > 0):
        raise ConfigError(f"before_s is {before_s:g} and after_s {after_s:g}: nothing to show.")
    time_ns = int(time_ns)
    limits = time_ns - round(before_s * NS_PER_S), time_ns + round(after_s * NS_PER_S)
    window_s = _spectrum_length_s(band, before_s + after_s)
    raw = _records(archive, station, limits, band, window_s)
    with_score = score is not None and grid is not None
    figure = Figure(figsize=(WIDTH_IN, 5.6 if with_score else 4.3), layout="constrained")
    heights = [2.0, 2.0, 1.4] if with_score else [1, 1]
    cells = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=[40, 1])
    axes = [figure.add_subplot(cells[0, 0])]
    axes += [figure.add_subplot(cells[k, 0], sharex=axes[0]) for k in range(1, len(heights))]
    bar = figure.add_subplot(cells[1, 1])
    _draw_waveform(axes[0], raw, limits, band)
    _draw_spectrogram(axes[1], bar, raw, limits, window_s, band)
    handles = _draw_events(axes, expert, machine, limits, called)
    if with_score:
        _draw_score(axes[2], *score, grid, limits)
        handles.append(Line2D([], [], color=BLACK, ls=":", lw=1.4, label="threshold"))
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    time_axis(axes[-1], limits)
    channel = raw[0].channels[0][-1:] if raw else ""
    title = f"{station}{channel}   {iso(time_ns)[:19].replace('T', ' ')} UTC   {what}"
    figure.suptitle(plain(title.strip()), fontsize=10.5, fontweight="bold")
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _spectrum_length_s(band: Band, span_s: float) -> float:
    """Return the length of one spectrum: two periods of the lower corner, in reason."""
    return float(np.clip(2.0 / band.f_min_hz, span_s / 150, span_s / 8))


def _records(archive, station, limits, band: Band, window_s: float) -> list[Segment]:
    """Return the raw segments of the preferred channel, with what filter and spectrum need."""
    lead_ns = round(max(band.settle_s(FORGOTTEN), window_s) * NS_PER_S)
    whole = limits[0] - lead_ns, limits[1] + round(window_s * NS_PER_S)
    stream = archives.read(archive, station, whole[0] - GUARD_NS, whole[1] + GUARD_NS)
    found = [
        part
        for part in segments([(*whole, stream)], station=station)
        if 0.4 * part.sampling_rate_hz > band.f_min_hz
    ]
    inside = [part for part in found if part.start_ns < limits[1] and part.end_ns > limits[0]]
    names = {part.channels[0] for part in inside}
    if not names:
        return []
    channel = min(names, key=lambda name: (not name.endswith("Z"), name))
    return [part for part in found if part.channels == (channel,)]


def _draw_waveform(ax: Axes, raw: list[Segment], limits, band: Band) -> None:
    parts = [
        (_sample_times(part), part.data[0])
        for part in causal_filter(raw, band)
        if part.start_ns < limits[1] and part.end_ns > limits[0]
    ]
    corners = f"{band.f_min_hz:g}–{band.f_max_hz:g} Hz"
    if not parts:
        ax.set_ylabel(corners)
        return say(ax, "no samples in the archive at this time")
    shown = np.concatenate([y[(t >= limits[0]) & (t <= limits[1])] for t, y in parts])
    largest = float(np.abs(shown).max(initial=0)) or 1.0
    exponent = 3 * int(np.floor(np.log10(largest) / 3))
    exponent = 0 if -1 < np.log10(largest) < 4 else exponent
    for t, y in parts:
        ax.plot(days(t), y / 10.0**exponent, color=BLACK, lw=0.7)
    reach = 1.08 * largest / 10.0**exponent
    ax.set_ylim(-reach, reach)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    unit = f"{_power_of_ten(exponent)}{raw[0].units}"
    ax.set_ylabel(plain(f"{raw[0].channels[0]}, {corners}\n({unit})"))
    return None


def _draw_spectrogram(ax: Axes, bar: Axes, raw, limits, window_s: float, band: Band) -> None:
    ax.set_ylabel("frequency (Hz)")
    found = [image for part in raw if (image := _spectrum(part, limits, window_s)) is not None]
    if not found:
        bar.set_axis_off()
        return say(ax, "no samples in the archive at this time")
    # Colours serve the band of the detector: microseism below it may be as bright as it likes.
    level = np.concatenate([power[f[1:] > band.f_min_hz].ravel() for _, f, power in found])
    level = level[np.isfinite(level)]
    low, high = np.percentile(level, [5, 99.5]) if len(level) else (0.0, 1.0)
    low, high = max(low, high - MOST_DB), max(high, low + 1.0)
    for times, frequencies, power in found:
        x = days(times)
        mesh = ax.pcolormesh(x, frequencies, power, vmin=low, vmax=high, cmap="viridis")
    _frequency_axis(ax, found, band)
    colours = ax.figure.colorbar(mesh, cax=bar)
    colours.set_label(plain(f"dB re 1 {raw[0].units}²/Hz"))
    colours.ax.yaxis.set_major_locator(MaxNLocator(4))
    colours.outline.set_visible(False)
    return None


def _frequency_axis(ax: Axes, found, band: Band) -> None:
    """Show up to 0.8 Nyquist or well over the band; a wide range on a logarithmic axis."""
    top = min(max(f[-1] for _, f, _ in found), 2.5 * band.f_max_hz)
    if top > 50 * band.f_min_hz:
        ax.set_yscale("log")
        ax.set_ylim(0.7 * band.f_min_hz, top)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_ylim(min(f[0] for _, f, _ in found), top)
        ax.yaxis.set_major_locator(MaxNLocator(5))


def _spectrum(part: Segment, limits, window_s: float):
    """Return the edges in time and frequency and the power (dB) of one segment."""
    rate_hz = part.sampling_rate_hz
    n = max(8, round(window_s * rate_hz))
    shown = (limits[1] - limits[0]) / NS_PER_S * rate_hz
    step = max(1, n // 8, round(shown / 500))
    if part.n_samples < n:
        return None
    x = part.data[0].astype(np.float64)
    f, t, power = spectrogram(
        x - x.mean(), rate_hz, window="hann", nperseg=n, noverlap=max(0, n - step)
    )
    first = round(0.5 * (n - step) * NS_PER_S / rate_hz)
    edges = part.start_ns + first + np.arange(len(t) + 1) * round(step * NS_PER_S / rate_hz)
    inside = (edges[:-1] < limits[1]) & (edges[1:] > limits[0])
    keep = (f > 0) & (f <= 0.4 * rate_hz)  # the mean is no signal, and filters end at 0.8 Nyquist
    if not inside.any() or not keep.any():
        return None
    columns = np.flatnonzero(inside)
    edges = edges[columns[0] : columns[-1] + 2]
    with np.errstate(divide="ignore"):
        power = 10 * np.log10(power[keep][:, inside])
    power = np.where(np.isfinite(power), power, np.nan)
    half = 0.5 * rate_hz / n
    return edges, np.append(f[keep] - half, f[keep][-1] + half), power


def _draw_score(ax: Axes, time_ns, values, grid: WindowGrid, limits) -> None:
    centre = np.asarray(time_ns, dtype=np.int64) + grid.length_ns // 2
    values = np.asarray(values, dtype=np.float64)
    ax.set_ylabel("score /\nthreshold")
    ax.axhline(1.0, color=BLACK, ls=":", lw=1.4)
    inside = (centre >= limits[0]) & (centre <= limits[1])
    if not np.isfinite(values[inside]).any():
        ax.set_ylim(0, 1.2)
        return say(ax, "no scored windows at this time", y=0.4)
    order = np.flatnonzero(inside)[np.argsort(centre[inside], kind="stable")]
    centre, values = centre[order], values[order]
    # A window that is not there is a gap in the line.
    breaks = np.flatnonzero(np.diff(centre) > 1.5 * grid.hop_ns) + 1
    x, y = np.insert(days(centre), breaks, np.nan), np.insert(values, breaks, np.nan)
    ax.plot(x, y, color=OTHER, lw=1.3, marker="o" if len(x) < 150 else "", ms=2.5)
    low, high = min(1.0, np.nanmin(values)), max(1.0, np.nanmax(values))
    positive = values[values > 0]
    if len(positive) and high > 30 * positive.min():
        low = max(min(1.0, positive.min()), 1e-4)  # far below the threshold is far below
        ax.set_yscale("log")
        ax.set_ylim(low * 0.5, high * 2.5)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_ylim(min(0.0, low), 1.15 * high)
        ax.yaxis.set_major_locator(MaxNLocator(4))
    return None


def _draw_events(axes: Sequence[Axes], expert, machine, limits, called) -> list[Line2D]:
    """Draw onsets and ends in all panels; return what the legend has to say."""
    handles = []
    for label, spans, colour, dashes in (
        (called[0], expert, EXPERT, "-"),
        (called[1], machine, MACHINE, (0, (4, 2))),
    ):
        shown = [
            span for span in map(_span, spans) if span[0] <= limits[1] and span[1] >= limits[0]
        ]
        for start, end in shown:
            _draw_span(axes, start, end, colour, dashes, limits)
        if shown:
            handles.append(Line2D([], [], color=colour, ls=dashes, lw=2, label=label))
    return handles


def _span(span: Sequence[int]) -> tuple[int, int]:
    start, end = (int(time_ns) for time_ns in span)
    return start, (start if end == NAT else max(start, end))


def _draw_span(axes: Sequence[Axes], start: int, end: int, colour: str, dashes, limits) -> None:
    halo = [patheffects.withStroke(linewidth=3.0, foreground="white", alpha=0.7)]
    for ax in axes:
        for at, width in {end: 1.0, start: 1.8}.items():
            if limits[0] <= at <= limits[1]:
                ax.axvline(days(at), color=colour, ls=dashes, lw=width, path_effects=halo)
    if end > start:
        axes[0].axvspan(days(start), days(end), color=colour, alpha=0.08, lw=0)


def _sample_times(part: Segment) -> np.ndarray:
    steps = np.rint(np.arange(part.n_samples) * (NS_PER_S / part.sampling_rate_hz))
    return part.start_ns + steps.astype(np.int64)


def _power_of_ten(exponent: int) -> str:
    """Return for example "10⁶ "."""
    digits = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{digits} " if exponent else ""
