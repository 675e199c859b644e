"""The house style of figures, and the parts that several of them have."""

import functools
import io
import warnings
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seisml.times import DAY_NS

BLACK, GREY, LIGHT = "#222222", "#767676", "#c9ced3"
EXPERT, MACHINE, BASELINE, OTHER = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
WIDTH_IN = 5.4
ZERO_FORMATS = ["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]
"""How the first month, day, hour, ... of a larger unit is written on a time axis."""
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 10.5,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    "text.usetex": False,
    "text.color": BLACK,
    "axes.labelcolor": BLACK,
    "axes.edgecolor": GREY,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
    "timezone": "UTC",
}


def styled(function: Callable) -> Callable:
    """Draw in the house style, and give the user's style back afterwards."""

    @functools.wraps(function)
    def drawn(*args, **kwargs):
        with mpl.rc_context(STYLE):
            return function(*args, **kwargs)

    return drawn


@styled
def png(figure: Figure, *, dpi: int = 110) -> bytes:
    """Return a figure as PNG without dates and versions: the same input gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    dpi : int
        Pixels an inch.

    Returns
    -------
    bytes
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Names of stations and classes may be in any script; our font has not all of them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def new_axes(ax: Axes | None, height_in: float) -> tuple[Figure | None, Axes]:
    """Return a new figure and its axes, or None and the axes that are there."""
    if ax is not None:
        return None, ax
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    return figure, figure.add_subplot()


def legend_above(ax: Axes, handles: list) -> None:
    """Put the legend over the axes, where it hides nothing."""
    if handles:
        widths_in = [0.6 + 0.085 * len(handle.get_label()) for handle in handles]
        room_in = 0.95 * ax.figure.get_figwidth()
        fit = len(handles) if sum(widths_in) < room_in else int(room_in / max(widths_in))
        ax.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=max(fit, 1),
            columnspacing=1.4,
            borderaxespad=0.2,
        )


_WHOLE = {dates.MONTHLY: 12, dates.DAILY: 28, dates.HOURLY: 24, dates.MINUTELY: 60}
_WHOLE |= {dates.SECONDLY: 60}
"""Steps that narrow axes need besides Matplotlib's own: of 40 minutes at most one is marked."""


def time_axis(ax: Axes, limits, *, maxticks: int = 8) -> None:
    """Show instants from the first limit to the second, in UTC."""
    # Few ticks over two hours are neither whole hours nor half ones: then fewer will do.
    minticks = min(3, max(1, (maxticks - 2) // 2))
    locator = dates.AutoDateLocator(tz="UTC", minticks=minticks, maxticks=maxticks)
    for unit, longest in _WHOLE.items():
        locator.intervald[unit] = [*locator.intervald[unit], longest]
    formatter = dates.ConciseDateFormatter(locator, tz="UTC", zero_formats=ZERO_FORMATS)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(formatter)
    ax.set_xlim(*days(np.array(limits)))
    ax.set_xlabel("time (UTC)")


def say(ax: Axes, text: str, *, y: float = 0.5) -> None:
    """Write a text where there is nothing to draw."""
    ax.text(0.5, y, text, transform=ax.transAxes, ha="center", va="center", color=GREY)
    if not ax.get_lines():
        ax.set_yticks([])


def days(time_ns):
    """Return instants as Matplotlib's days since 1970 (exact to 0.3 microseconds)."""
    return np.asarray(time_ns) / DAY_NS


def plain(text: str) -> str:
    """Return a text that Matplotlib shows as it is: no formulas between dollars."""
    return str(text).replace("$", r"\$")
