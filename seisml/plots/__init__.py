"""Figures: an event at a station, comparisons of catalogues, statistics of a catalogue.

Every function returns a Figure (or the Axes that it was given) and leaves pyplot, the backend and
the user's own style alone. Colours are those of Okabe and Ito, which colour-blind readers can
tell apart; expert and machine also differ in line style and in place.
"""

from seisml.plots.comparisons import plot_coverage, plot_curves, plot_residuals
from seisml.plots.events import plot_event
from seisml.plots.style import png

__all__ = ["plot_coverage", "plot_curves", "plot_event", "plot_residuals", "png"]
