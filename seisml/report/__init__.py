"""Reports: self-contained HTML pages of trainings, of comparisons, of a catalogue."""

from seisml.page import MAX_ROWS
from seisml.report.catalog import catalog_report
from seisml.report.comparison import comparison_report
from seisml.report.discovery import discovery_report
from seisml.report.evaluation import evaluation_report, levels_block
from seisml.report.sections import Section, headline, write_report
from seisml.report.trials import trial_blocks

__all__ = [
    "MAX_ROWS",
    "Section",
    "catalog_report",
    "comparison_report",
    "discovery_report",
    "evaluation_report",
    "headline",
    "levels_block",
    "trial_blocks",
    "write_report",
]
