"""Figures of a comparison: onset residuals."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seisml.comparison import Comparison
from seisml.plots.style import (
    BLACK,
    EXPERT,
    MACHINE,
    legend_above,
    new_axes,
    say,
    styled,
)


@styled
def plot_residuals(comparison: Comparison, *, ax: Axes | None = None):
    """Draw the histogram of onset residuals, machine minus expert.

    Parameters
    ----------
    comparison : Comparison
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The Axes where one was given. The spread in the title is 1.4826 MAD.
    """
    figure, ax = new_axes(ax, 3.0)
    ax.set_xlabel("onset, machine − expert (s)")
    ax.set_ylabel("matched events")
    residual = comparison.matched["residual_s"].to_numpy(dtype=np.float64)
    tolerance = float(np.max(comparison.tolerance_s, initial=0.0))
    if not len(residual):
        ax.set_yticks([])
        ax.set_xlim(-1.15 * (tolerance or 1.0), 1.15 * (tolerance or 1.0))
        say(ax, "no matches")
        return figure or ax
    median = float(np.median(residual))
    spread = 1.4826 * float(np.median(np.abs(residual - median)))
    reach = max(tolerance, float(np.abs(residual).max()), 1e-3)
    edges = np.linspace(-reach, reach, 82)
    ax.hist(residual, bins=edges, color=EXPERT, label="matched events")
    ax.axvline(median, color=BLACK, lw=1.2, label="median")
    if tolerance:
        several = np.ndim(comparison.tolerance_s) and np.ptp(comparison.tolerance_s) > 0
        name = f"{'largest tolerance' if several else 'tolerance'} ±{tolerance:g} s"
        for k, at in enumerate((-tolerance, tolerance)):
            ax.axvline(at, color=MACHINE, ls="--", lw=1.4, label=name if k == 0 else None)
    ax.set_xlim(-1.08 * reach, 1.08 * reach)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_title(
        f"median {median:+.3f} s, 1.4826 MAD {spread:.3f} s, n = {len(residual)}",
        pad=26,
    )
    legend_above(ax, ax.get_legend_handles_labels()[0][1:])
    return figure or ax
