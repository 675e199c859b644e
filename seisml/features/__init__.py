"""Features of windows, on plain NumPy arrays (no ObsPy).

>>> import numpy as np
>>> from seisml.features import compute
>>> x = np.sin(2 * np.pi * 5.0 * np.arange(6000) / 100.0)
>>> table = compute(x, 100.0, length_s=10.0, hop_s=5.0, names=["f_centroid", "kurtosis"])
>>> round(float(table["f_centroid"].iloc[2]), 2), round(float(table["kurtosis"].iloc[2]), 2)
(5.0, 1.5)
"""

from seisml.features.blocks import BlockTable, empty_table, part_bands
from seisml.features.components import ORIENTED, STATION, Components, three_components
from seisml.features.compute import (
    columns_of,
    compute,
    evaluate,
    evaluate_station,
    features_per,
    needs_of,
)
from seisml.features.filler import Filler, fill
from seisml.features.frames import Past, Windows
from seisml.features.registry import (
    INVARIANCES,
    REGISTRY,
    Feature,
    feature,
    get_feature,
    load_features,
    resolve,
)
from seisml.features.series import moving_sum
from seisml.features.sets import SETS, FeatureSet
from seisml.features.settings import Settings

__all__ = [
    "INVARIANCES",
    "ORIENTED",
    "REGISTRY",
    "SETS",
    "STATION",
    "BlockTable",
    "Components",
    "Feature",
    "FeatureSet",
    "Filler",
    "Past",
    "Settings",
    "Windows",
    "columns_of",
    "compute",
    "empty_table",
    "evaluate",
    "evaluate_station",
    "feature",
    "features_per",
    "fill",
    "get_feature",
    "load_features",
    "moving_sum",
    "needs_of",
    "part_bands",
    "resolve",
    "three_components",
]
