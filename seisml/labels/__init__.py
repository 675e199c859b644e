"""Labels: from an expert catalogue to event, noise or ignore for each window."""

from seisml.labels.rules import LabelRule, event_weights
from seisml.labels.spans import SIGNAL_COLUMNS, signal_catalog, signals, unplaced
from seisml.labels.windows import (
    EVENT,
    IGNORE,
    LOW_COVERAGE,
    NO_FEATURES,
    NOISE,
    OUTSIDE,
    REASONS,
    UNKNOWN_TO_EXPERT,
    UNPLACED,
    UNSURE,
    cut,
    label_windows,
    window_events,
)

__all__ = [
    "EVENT",
    "IGNORE",
    "LOW_COVERAGE",
    "NOISE",
    "NO_FEATURES",
    "OUTSIDE",
    "REASONS",
    "SIGNAL_COLUMNS",
    "UNKNOWN_TO_EXPERT",
    "UNPLACED",
    "UNSURE",
    "LabelRule",
    "cut",
    "event_weights",
    "label_windows",
    "signal_catalog",
    "signals",
    "unplaced",
    "window_events",
]
