"""Report of two catalogues as one self-contained HTML page."""

from pathlib import Path

from seisml.archive import Archive
from seisml.comparison import Comparison
from seisml.metrics import metrics
from seisml.page import Block, chapter_of, pairs_table, write_page
from seisml.report.blocks import (
    UNVERIFIED,
    confusion_blocks,
    coverage_picture,
    curve_pictures,
    group_blocks,
    missed_block,
    residual_picture,
    result_block,
    tolerance_pictures,
    unmatched_block,
)
from seisml.report.figures import Scene, with_pictures
from seisml.report.probabilities import class_blocks
from seisml.report.snr import snr_blocks
from seisml.segments import Band
from seisml.summaries import summary_table


def comparison_report(
    path,
    comparison: Comparison,
    *,
    title: str,
    numbers: dict | None = None,
    archive: Archive | None = None,
    band: Band | None = None,
    before_s: float = 30.0,
    after_s: float = 60.0,
    n_errors: int = 6,
    offset_h: float = 0.0,
) -> Path:
    """Write a report of two catalogues.

    Parameters
    ----------
    path : path
    comparison : Comparison
    title : str
    numbers : dict, optional
        What `metrics` returned, to spare its second computation.
    archive : Archive, optional
        Waveforms: with them and `band` there is a figure of each of the worst errors, the missed
        events of the largest magnitude and the unmatched detections of the highest score.
    band : Band, optional
        Filter of the waveforms in figures.
    before_s, after_s : float, s
        What figures show before and after an onset.
    n_errors : int
        Figures of missed events, and as many of unmatched detections.
    offset_h : float
        Hours that local time is ahead of UTC, for the recall by hour.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SeismlError
        If the file cannot be written.
    """
    c = comparison
    names = c.machine_name or "machine", c.expert_name or "expert"
    numbers = metrics(c) if numbers is None else numbers
    named = {names[0]: numbers}
    missed = c.missed.sort_values(["magnitude", "time_ns"], ascending=[False, True])
    alone = c.unmatched.sort_values(["score", "time_ns"], ascending=[False, True])
    errors = [missed_block(missed), unmatched_block(alone)]
    if archive is not None and band is not None:
        scene = Scene(archive, band, c.expert, c.machine, before_s, after_s)
        for k, (events, what) in enumerate(((missed, "missed"), (alone, "unmatched"))):
            errors[k] = with_pictures(scene, errors[k], events.head(n_errors), what)
    curves = [*curve_pictures([c], named), *tolerance_pictures(c)]
    if len(c.matched):
        curves.insert(0, residual_picture(c))
    shown = len(c.expert) + len(c.machine) + bool(c.coverage)
    nothing = [] if len(c.matched) else ["Nothing matched: there are no onsets to compare."]
    blocks = [
        result_block(named, [c]),
        *([Block("Timeline", pictures=[coverage_picture(c)])] if shown else []),
        Block("Onsets and curves", nothing, pictures=curves),
        *group_blocks(c, offset_h=offset_h),
        *snr_blocks({names[0]: c}),
        *confusion_blocks(c),
        *class_blocks(c),
        *errors,
        Block("All numbers", tables=[pairs_table(summary_table(c, numbers=numbers))], fold=True),
    ]
    chapter = chapter_of(f"{names[0]} compared with {names[1]}", 0, [], blocks)
    return write_page(path, title=title, lead=[UNVERIFIED], chapters=[chapter], folds=[])
