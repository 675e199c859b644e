"""Figures: an event at a station, comparisons of catalogues, statistics of a catalogue.

Every function returns a Figure (or the Axes that it was given) and leaves pyplot, the backend and
the user's own style alone. Colours are those of Okabe and Ito, which colour-blind readers can
tell apart; expert and machine also differ in line style and in place.
"""

from seisml.plots.catalogs import plot_hours, plot_magnitudes, plot_rates, plot_waiting
from seisml.plots.comparisons import plot_residuals
from seisml.plots.curves import plot_curves, plot_precision, plot_tolerance
from seisml.plots.days import plot_day
from seisml.plots.events import plot_event
from seisml.plots.features import plot_feature
from seisml.plots.groups import plot_groups, plot_groups_in_time
from seisml.plots.probabilities import plot_reliability
from seisml.plots.recall import plot_completeness, plot_confusion, plot_recall
from seisml.plots.repeats import plot_repeats
from seisml.plots.scores import plot_differences, plot_importance, plot_scores
from seisml.plots.spectra import plot_before_after, plot_spectra
from seisml.plots.style import png
from seisml.plots.timeline import plot_coverage
from seisml.plots.trials import plot_matrix, plot_snr

__all__ = [
    "plot_before_after",
    "plot_completeness",
    "plot_confusion",
    "plot_coverage",
    "plot_curves",
    "plot_day",
    "plot_differences",
    "plot_event",
    "plot_feature",
    "plot_groups",
    "plot_groups_in_time",
    "plot_hours",
    "plot_importance",
    "plot_magnitudes",
    "plot_matrix",
    "plot_precision",
    "plot_rates",
    "plot_recall",
    "plot_reliability",
    "plot_repeats",
    "plot_residuals",
    "plot_scores",
    "plot_snr",
    "plot_spectra",
    "plot_tolerance",
    "plot_waiting",
    "png",
]
