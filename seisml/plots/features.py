"""A feature on four records whose nature is known: what it does, seen beside the samples."""

import numpy as np
from matplotlib.figure import Figure

from seisml.errors import FeatureError
from seisml.features import Feature, compute
from seisml.features.explain import LENGTH_S, RATE_HZ, example_signals
from seisml.plots.style import BASELINE, EXPERT, GREY, MACHINE, OTHER, styled

SHOWN_S = 80.0
"""How much of the end of each record is drawn."""
HOP_S = 2.0
MOST = 6
"""Columns of a feature that are drawn."""
COLOURS = (MACHINE, EXPERT, BASELINE, OTHER, "#e69f00", "#56b4e9")


@styled
def plot_feature(feature: Feature) -> Figure:
    """Draw a feature of windows of 20 s above the records that they are of.

    Parameters
    ----------
    feature : Feature
        Of one channel; of several columns the first six are drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FeatureError
        If the feature needs three components.

    Examples
    --------
    >>> from seisml.features import get_feature
    >>> len(plot_feature(get_feature("kurtosis")).axes)
    8
    """
    if feature.per != "channel":
        raise FeatureError(
            f"{feature.name} needs three components, the example records have one.",
            "Its formula: seisml features " + feature.name,
        )
    signals = example_signals()
    figure = Figure(figsize=(7.6, 6.4), layout="constrained")
    axes = figure.subplots(4, 2, sharex="col", sharey=False, width_ratios=(1, 1))
    for (name, x), (record, values) in zip(signals.items(), axes, strict=True):
        frame = compute(x, RATE_HZ, length_s=LENGTH_S, hop_s=HOP_S, names=feature.name)
        end_s = len(x) / RATE_HZ
        shown = x[-round(SHOWN_S * RATE_HZ) :]
        record.plot(np.arange(-len(shown), 0) / RATE_HZ, shown, color=GREY, lw=0.5)
        record.set_title(name, loc="left")
        record.set_yticks([0])
        lines = []
        for column, colour in zip(list(frame)[:MOST], COLOURS, strict=False):
            # A window's value stands at its end, where it is known.
            at = frame.index.to_numpy() + LENGTH_S - end_s
            kept = at >= -SHOWN_S
            label = column.partition("[")[2].rstrip("]") or column
            shown = frame[column].to_numpy()[kept]
            lines += values.plot(at[kept], shown, ".-", color=colour, label=label)
        values.margins(y=0.15)
        low, high = values.get_ylim()
        if high - low < 0.01 * max(1.0, abs(low)):  # what differs is rounding
            values.set_ylim((low + high) / 2 - 0.1, (low + high) / 2 + 0.1)
        values.ticklabel_format(axis="y", useOffset=False)
    unit = feature.unit.replace("input", "counts")
    axes[0, 1].set_title(f"{feature.name}{f', {unit}' if unit else ''}", loc="left")
    if len(lines) > 1:
        figure.legend(handles=lines, loc="outside upper center", ncols=MOST)
    for column, label in enumerate(("time, s", "end of the window of 20 s, s")):
        axes[-1, column].set_xlabel(label)
        axes[-1, column].set_xlim(-SHOWN_S, 0)
    return figure
