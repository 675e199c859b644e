"""seisml finds and names seismic events in continuous records and says how well it did.

Public names are loaded when they are first used: ``import seisml`` loads neither scikit-learn nor
matplotlib nor ObsPy.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Archive": "archive",
    "Band": "segments",
    "Catalog": "catalog",
    "Comparison": "comparison",
    "Detector": "model",
    "FeatureTable": "store",
    "LabelRule": "labels",
    "Metadata": "metadata",
    "Plan": "extract",
    "Segment": "segments",
    "SeismlError": "errors",
    "Settings": "features",
    "WindowGrid": "windows",
    "catalog_from_frame": "formats",
    "compute": "features",
    "PurgedGroupTimeSplit": "model",
    "EvenOddSplit": "model",
    "LeaveOneStationOut": "model",
    "TrainingRule": "trainingrule",
    "TrainingSet": "trainingset",
    "event_scorer": "scorer",
    "feature": "features",
    "label_windows": "labels",
    "load_detector": "model",
    "make_catalog": "catalog",
    "make_classifier": "model",
    "open_archive": "archive",
    "open_project": "project",
    "probability_traces": "detect",
    "read_catalog": "formats",
    "read_metadata": "metadata",
    "read_table": "store",
    "save_detector": "model",
    "signals": "labels",
    "train": "training",
    "write_catalog": "formats",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'seisml' has no attribute {name!r}")
    return getattr(importlib.import_module(f"seisml.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
