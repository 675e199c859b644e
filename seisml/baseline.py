"""STA/LTA as the baseline: its ratios of windows, and how they become events."""

from collections.abc import Mapping

import numpy as np

from seisml.model.estimators import largest_ratio
from seisml.store import FeatureTable

BASELINE = ("stalta_short_max", "stalta_mid_max", "stalta_long_max")
"""Kinds of STA/LTA; the best of them on other blocks stands beside a model."""


def sta_lta(table: FeatureTable) -> np.ndarray:
    """Return the columns of `BASELINE`, the largest of the components; NaN for one not there."""
    out = np.full((len(table), len(BASELINE)), np.nan)
    held = {column.split(".")[0] for column in table.frame}
    for c, name in enumerate(BASELINE):
        if name in held:
            out[:, c] = largest_ratio(table.frame, list(table.frame), name)
    return out


def baseline_rule(detection: Mapping) -> dict:
    """Return how the ratio of STA/LTA becomes events: from its rise on, and not smoothed.

    A model that learnt onsets peaks at them; STA/LTA peaks later, and would be matched with less.
    It knows no classes that could have rules of their own, and stations that do not support each
    other.
    """
    alone = {"classes": {}, "support_window_s": 0.0}
    return {**detection, "begin": "rise", "smooth_windows": 1, **alone}
