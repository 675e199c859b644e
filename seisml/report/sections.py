"""Report of trainings: one self-contained HTML page that says how detectors did, and shows it.

The page needs no network and holds no dates of its own making: the same input gives the same
bytes. Everything that comes from records and catalogues is escaped.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.codes import station_name
from seisml.comparison import Comparison
from seisml.errors import NoDataError
from seisml.metrics import metrics
from seisml.page import (
    Block,
    Cell,
    Table,
    chapter_of,
    rate_cell,
    write_page,
)
from seisml.report.about import archive_block, card_blocks
from seisml.report.blocks import (
    UNVERIFIED,
    confusion_blocks,
    coverage_picture,
    curve_pictures,
    group_blocks,
    missed_block,
    number_rows,
    residual_picture,
    result_block,
    tolerance_pictures,
    unmatched_block,
)
from seisml.report.days import day_blocks
from seisml.report.figures import Scene, with_pictures
from seisml.report.probabilities import class_blocks, probability_blocks
from seisml.report.snr import snr_blocks
from seisml.segments import Band
from seisml.times import NS_PER_S
from seisml.training import Training


@dataclasses.dataclass(frozen=True)
class Section:
    """One training and test, for example of one archive, as a chapter of a report.

    Attributes
    ----------
    title : str
    archive : Archive or None
        Waveforms of the figures; without it there are no figures of events.
    training : Training
        A training whose ``baseline`` is None has no column for it.
    band : Band
        Filter of the waveforms in figures.
    text : str
        What the reader should know first.
    scan : pandas.DataFrame, optional
        Table of what the archive holds; by default one is made from its headers.
    counts : mapping of str to int
        Rejections and oddities of the extraction by reason.
    before_s, after_s : float, s
        What figures show before and after an onset.
    n_examples : int
        Figures of the detections with the highest score; half as many follow from the middle.
    n_errors : int
        Figures of missed events, and as many of unmatched detections.
    extra : sequence of (str, str)
        Further rows of the headline table.
    more : sequence of Block
        Further blocks, see `seisml.report.trials`.
    """

    title: str
    archive: Archive | None
    training: Training
    band: Band
    text: str = ""
    scan: pd.DataFrame | None = None
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    before_s: float = 30.0
    after_s: float = 60.0
    n_examples: int = 4
    n_errors: int = 6
    extra: Sequence[tuple[str, str]] = ()
    more: Sequence[Block] = ()


def write_report(
    path,
    sections: Sequence[Section],
    *,
    title: str,
    settings: str = "",
    on_progress: Callable[[str], None] | None = None,
) -> Path:
    """Write a report of one or several trainings as one HTML file.

    Parameters
    ----------
    path : path
    sections : sequence of Section
    title : str
    settings : str
        Text of the settings (TOML), shown in a fold.
    on_progress : callable, optional
        Called with what is being done.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    NoDataError
        If there is no section.
    SeismlError
        If the file cannot be written.
    """
    if not sections:
        raise NoDataError("There is nothing to report.", "Train a detector first.")
    say = on_progress or (lambda text: None)
    chapters, rows = [], []
    for k, section in enumerate(sections):
        say(f"report: {section.title}")
        numbers = _numbers(section.training)
        rows += [_overview_row(section, name, one) for name, one in numbers.items()]
        texts = [section.text] if section.text else []
        chapters.append(chapter_of(section.title, k, texts, _section_blocks(section, numbers, say)))
    head = [
        "section",
        "detector",
        "expert events",
        "recall",
        "precision",
        "F1",
        "unmatched per day",
    ]
    overview = Table(head, rows, [False, False, *[True] * 5], "All sections")
    return write_page(
        path,
        title=title,
        lead=[f"seisml and a tuned STA/LTA against the expert's catalogue. {UNVERIFIED}"],
        chapters=chapters,
        folds=[Block("Settings", code=settings)] if settings else [],
        overview=overview if len(sections) > 1 else None,
    )


def _section_blocks(section: Section, numbers: Mapping[str, dict], say) -> Iterator[Block]:
    training, test = section.training, section.training.test
    tests = _tests(training)
    block = result_block(numbers, tests, section.extra)
    yield dataclasses.replace(block, texts=[_validation_text(training), *block.texts])
    yield Block("Coverage", pictures=[coverage_picture(test)])
    pictures = [*curve_pictures(tests, numbers), *tolerance_pictures(test)]
    yield Block("Trade-off and onsets", pictures=[*pictures, residual_picture(test)])
    yield from probability_blocks(training)
    yield from group_blocks(test)
    yield from snr_blocks(dict(zip(numbers, tests, strict=True)))
    yield from confusion_blocks(test)
    yield from class_blocks(test)
    yield from section.more
    say("report: example detections")
    yield _examples_block(section)
    yield from day_blocks(section.archive, training, section.band)
    say("report: missed events")
    missed = test.missed.sort_values(["magnitude", "time_ns"], ascending=[False, True])
    block = missed_block(missed, _best_near(training, missed))
    yield with_pictures(_scene(section), block, missed.head(section.n_errors), "missed")
    say("report: unmatched detections")
    alone = test.unmatched.sort_values(["score", "time_ns"], ascending=[False, True])
    block = unmatched_block(alone)
    yield with_pictures(_scene(section), block, alone.head(section.n_errors), "unmatched")
    yield archive_block(section.archive, section.scan, section.counts)
    yield from card_blocks(training)


def _validation_text(training: Training) -> str:
    if training.validation:
        return training.validation
    split = training.detector.card["split"]
    days = split["block_s"] / 86_400
    blocks = f"of {days:.4g} day{'s' * (days != 1)}, shorter where the record is short"
    purged = (
        f"each block was scored by a model that was trained without it and without any window "
        f"within {split['purge_s']:g} s of it, with a threshold chosen on the other blocks"
    )
    unseen = "each was scored by a model, and with a threshold, of the others alone"
    held_out = {
        "blocks": f"held-out blocks of time ({blocks}; {split['n_folds']} folds): {purged}",
        "even_odd": f"even and odd blocks of time ({blocks}): {purged}",
        "even-odd-sols": f"sols with an even and with an odd number: {purged}",
        "set": f"{split['n_folds']} networks: {unseen}",
        "station": f"{split['n_folds']} stations: {unseen}",
    }
    return (
        f"Validated on {held_out[split['by']]}. STA/LTA had its threshold chosen in the same way "
        "and is matched by the same rules."
    )


def headline(training: Training) -> tuple[list[str], list[list[str]]]:
    """Return the main numbers of a training, for a table that is printed.

    Parameters
    ----------
    training : Training

    Returns
    -------
    header : list of str
        An empty corner and the detectors.
    rows : list of list of str
        Name and values, with 95 % intervals in brackets.
    """
    numbers = _numbers(training)
    rows = [
        [name.text, *(f"{c.text} ({c.small})" if c.small else c.text for c in cells)]
        for name, *cells in number_rows(numbers, _tests(training))
    ]
    return ["", *numbers], rows


def _tests(training: Training) -> list[Comparison]:
    return [test for test in (training.test, training.baseline) if test is not None]


def _numbers(training: Training) -> dict[str, dict]:
    return dict(zip(("seisml", "STA/LTA"), map(metrics, _tests(training)), strict=False))


def _overview_row(section: Section, name: str, numbers: dict) -> list[Cell]:
    rates = ("recall", "precision", "f1", "unmatched_per_day")
    cells = [rate_cell(numbers, rate) for rate in rates]
    return [Cell(section.title), Cell(name), Cell(str(numbers["n_expert"])), *cells]


def _examples_block(section: Section) -> Block:
    """Return figures of the surest detections and of some from the middle."""
    test = section.training.test
    ranked = test.machine.sort_values(["score", "time_ns"], ascending=[False, True])
    first = min(section.n_examples, len(ranked))
    n_middle = min(section.n_examples // 2, len(ranked) - first)
    middle = first + (np.arange(n_middle) + 1) * (len(ranked) - first) // (n_middle + 1)
    text = f"The {first} detections with the highest score, and {n_middle} from the middle."
    if section.archive is None:
        text = "They are drawn where the waveforms are named (--archive)."
    block = Block("Example detections", [text if len(ranked) else "There are no detections."])
    outcomes = dict.fromkeys(test.matched["machine_id"], "found")
    outcomes.update(dict.fromkeys(test.unmatched["event_id"], "unmatched"))
    chosen = ranked.iloc[[*range(first), *middle.tolist()]]
    what = [outcomes.get(name, "not scored") for name in chosen["event_id"]]
    return with_pictures(_scene(section), block, chosen, what)


def _best_near(training: Training, events: pd.DataFrame) -> pd.DataFrame:
    """Return the largest score and baseline of the windows within the tolerance of each event."""
    windows, grid = training.windows, training.detector.grid
    reach_ns = round(float(np.max(training.test.tolerance_s, initial=0.0)) * NS_PER_S)
    names = windows["station"].map(station_name)
    out = {column: np.full(len(events), np.nan) for column in ("score", "baseline")}
    onset = events["time_ns"].to_numpy()
    for station, rows in events.reset_index(drop=True).groupby("station").indices.items():
        mine = windows[names == station_name(station)].sort_values("time_ns")
        time_ns = mine["time_ns"].to_numpy()
        low = np.searchsorted(time_ns, onset[rows] - reach_ns - grid.length_ns, "right")
        high = np.searchsorted(time_ns, onset[rows] + reach_ns, "right")
        for column, values in out.items():
            scores = mine[column].to_numpy(dtype=np.float64)
            for row, a, b in zip(rows, low, high, strict=True):
                values[row] = np.fmax.reduce(scores[a:b], initial=np.nan)
    return pd.DataFrame(out)


def _scene(section: Section) -> Scene:
    training = section.training
    return Scene(
        archive=section.archive,
        band=section.band,
        expert=training.test.expert,
        machine=training.machine.events,
        before_s=section.before_s,
        after_s=section.after_s,
        grid=training.detector.grid,
        windows=training.windows,
    )
