"""Features of windows, on plain NumPy arrays (no ObsPy).

>>> import numpy as np
>>> from seisml.features import compute
>>> x = np.sin(2 * np.pi * 5.0 * np.arange(6000) / 100.0)
>>> table = compute(x, 100.0, length_s=10.0, hop_s=5.0, names=["f_centroid", "kurtosis"])
>>> round(float(table["f_centroid"].iloc[2]), 2), round(float(table["kurtosis"].iloc[2]), 2)
(5.0, 1.5)
"""

from seisml.features.blocks import BlockTable, Filler, Settings, empty_table, fill
from seisml.features.compute import compute, evaluate
from seisml.features.frames import Past, Windows, moving_sum
from seisml.features.registry import (
    INVARIANCES,
    REGISTRY,
    Feature,
    feature,
    get_feature,
    load_features,
    resolve,
)

__all__ = [
    "INVARIANCES",
    "REGISTRY",
    "BlockTable",
    "Feature",
    "Filler",
    "Past",
    "Settings",
    "Windows",
    "compute",
    "empty_table",
    "evaluate",
    "feature",
    "fill",
    "get_feature",
    "load_features",
    "moving_sum",
    "resolve",
]
