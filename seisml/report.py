"""Reports: one self-contained HTML page that says how a detector did, and shows it.

The page needs no network and holds no dates of its own making: the same input gives the same
bytes. Everything that comes from records and catalogues is escaped.
"""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.comparison import Comparison
from seisml.coverage import summary
from seisml.curves import score_curve
from seisml.errors import NoDataError
from seisml.metrics import metrics
from seisml.page import (
    MAX_ROWS,
    Block,
    Cell,
    Picture,
    Table,
    cell_of,
    chapter_of,
    columns_table,
    fixed,
    median_cell,
    pairs_table,
    picture,
    range_cell,
    rate_cell,
    write_page,
)
from seisml.segments import Band
from seisml.summaries import by, summary_table
from seisml.times import NAT, NS_PER_S
from seisml.training import Training

UNVERIFIED = (
    "Unmatched means that the expert's catalogue has no such event: unverified, not false. "
    "Precision is therefore a lower bound, and unmatched detections a day an upper bound of the "
    "false alarms."
)


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


def comparison_report(path, comparison: Comparison, *, title: str) -> Path:
    """Write a report of two catalogues, without waveforms.

    Parameters
    ----------
    path : path
    comparison : Comparison
    title : str

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
    numbers = metrics(c)
    blocks = [
        _result_block({names[0]: numbers}, [c], ()),
        Block("Timeline", pictures=[_coverage_picture(c)]),
        Block("Onsets", pictures=[_residual_picture(c)]),
        *_group_blocks(c),
        _missed_block(c.missed, None),
        _unmatched_block(c.unmatched),
        Block("All numbers", tables=[pairs_table(summary_table(c, numbers=numbers))], fold=True),
    ]
    chapter = chapter_of(f"{names[0]} compared with {names[1]}", 0, [], blocks)
    return write_page(path, title=title, lead=[UNVERIFIED], chapters=[chapter], folds=[])


def _section_blocks(section: Section, numbers: Mapping[str, dict], say) -> Iterator[Block]:
    training, test = section.training, section.training.test
    tests = _tests(training)
    block = _result_block(numbers, tests, section.extra)
    yield dataclasses.replace(block, texts=[_validation_text(training), *block.texts])
    yield Block("Coverage", pictures=[_coverage_picture(test)])
    pictures = [_curve_picture(tests, numbers), _residual_picture(test)]
    yield Block("Trade-off and onsets", pictures=pictures)
    yield from _group_blocks(test)
    say("report: example detections")
    yield _examples_block(section)
    say("report: missed events")
    missed = test.missed.sort_values(["magnitude", "time_ns"], ascending=[False, True])
    block = _missed_block(missed, _best_near(training, missed))
    yield _with_pictures(section, block, missed.head(section.n_errors), "missed")
    say("report: unmatched detections")
    alone = test.unmatched.sort_values(["score", "time_ns"], ascending=[False, True])
    block = _unmatched_block(alone)
    yield _with_pictures(section, block, alone.head(section.n_errors), "unmatched")
    yield _archive_block(section)
    yield from _card_blocks(training)


def _validation_text(training: Training) -> str:
    split = training.detector.card["split"]
    days = split["block_s"] / 86_400
    return (
        f"Validated on held-out blocks of time (of {days:g} day{'s' * (days != 1)}, shorter where "
        f"the record is short; {split['n_folds']} folds): each block was scored by a model that "
        f"was trained without it and without any window within {split['purge_s']:g} s of it, with "
        "a threshold chosen on the other blocks. STA/LTA had its threshold chosen in the same way "
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
        for name, *cells in _number_rows(numbers, _tests(training))
    ]
    return ["", *numbers], rows


def _tests(training: Training) -> list[Comparison]:
    return [test for test in (training.test, training.baseline) if test is not None]


def _numbers(training: Training) -> dict[str, dict]:
    return dict(zip(("seisml", "STA/LTA"), map(metrics, _tests(training)), strict=False))


def _number_rows(numbers: Mapping[str, dict], tests: Sequence[Comparison]) -> list[list[Cell]]:
    table = [
        ("expert events", "in the time scored", lambda n: Cell(str(n["n_expert"]))),
        ("found", "matched one to one", lambda n: Cell(str(n["n_matched"]))),
        ("missed", "", lambda n: Cell(str(n["n_missed"]))),
        ("unmatched detections", "unverified", lambda n: Cell(str(n["n_unmatched"]))),
        ("recall", "found / expert events", lambda n: rate_cell(n, "recall")),
        ("precision", "found / detections", lambda n: rate_cell(n, "precision")),
        ("F1", "harmonic mean of both", lambda n: rate_cell(n, "f1")),
        ("unmatched per day", "false alarms at most", lambda n: rate_cell(n, "unmatched_per_day")),
        ("chance recall", "detections moved in time", lambda n: fixed(n["chance_recall"])),
        ("onset residual, median (s)", "machine − expert", None),
        ("onset residual, spread (s)", "1.4826 MAD", lambda n: fixed(n["residual_sigma_s"])),
        ("onset residual, 5–95 % (s)", "nine in ten matches", range_cell),
        ("time scored (days)", "", lambda n: fixed(n["usable_days"])),
    ]
    medians = [median_cell(test.matched["residual_s"].to_numpy()) for test in tests]
    return [
        [Cell(name, small), *(map(cell, numbers.values()) if cell else medians)]
        for name, small, cell in table
    ]


def _result_block(numbers: Mapping[str, dict], tests: Sequence[Comparison], extra) -> Block:
    """Return the table of numbers, a column a detector, and what has to be known about it."""
    empty = [Cell("")] * (len(numbers) - 1)
    rows = _number_rows(numbers, tests)
    rows += [[Cell(str(name)), Cell(str(value)), *empty] for name, value in extra]
    caption = "In small print: 95 % intervals (rates: whole blocks of time resampled)."
    about = summary_table(tests[0], numbers=next(iter(numbers.values())))
    texts = [f"Matching: {dict(about)['matching']}."]
    if len(tests) > 1:
        texts[0] += f" Baseline: {tests[1].machine_name}."
    texts += [f"Not scored: {text}." for name, text in about if name == "not scored"]
    notes = {key: text for one in numbers.values() for key, text in one["notes"].items()}
    texts += [f"Note on {key.replace('_', ' ')}: {notes[key]}." for key in sorted(notes)]
    shape = [False, *[True] * len(numbers)]
    return Block("Result", texts, [Table(["", *numbers], rows, shape, caption)])


def _overview_row(section: Section, name: str, numbers: dict) -> list[Cell]:
    rates = ("recall", "precision", "f1", "unmatched_per_day")
    cells = [rate_cell(numbers, rate) for rate in rates]
    return [Cell(section.title), Cell(name), Cell(str(numbers["n_expert"])), *cells]


def _coverage_picture(c: Comparison) -> Picture:
    what = "Time that was scored, the" if c.coverage else "The"
    caption = f"{what} expert's events (above) and the detections (below)."
    return picture(caption, "plot_coverage", c.coverage, expert=c.expert, machine=c.machine)


def _residual_picture(c: Comparison) -> Picture:
    text = "Onset of the machine minus onset of the expert, of the matched events."
    return picture(text, "plot_residuals", c)


def _curve_picture(tests: Sequence[Comparison], numbers: Mapping[str, dict]) -> Picture:
    curves = {name: score_curve(test) for name, test in zip(numbers, tests, strict=True)}
    points = {n: (one["unmatched_per_day"], one["recall"]) for n, one in numbers.items()}
    caption = (
        "What is found against what has to be looked at. The circles are the working points; "
        "along each line, from right to left, detections with lower scores are left out."
    )
    return picture(caption, "plot_curves", curves, points=points)


def _group_blocks(c: Comparison) -> list[Block]:
    """Return the recall by what the expert says of the events, where that differs."""
    bins = _magnitude_bins(c.expert["magnitude"].to_numpy(dtype=np.float64))
    c = dataclasses.replace(c, expert=c.expert.assign(magnitude=bins))
    tables = []
    for column in ("label", "quality", "magnitude", "station"):
        if c.expert[column].nunique() < 2:
            continue
        rows = [
            [
                Cell(str(row[column]) or "(none)"),
                Cell(str(row["n_expert"])),
                Cell(str(row["n_matched"])),
                Cell(f"{row['recall']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}"),
            ]
            for row in by(c, column).head(MAX_ROWS).to_dict("records")
        ]
        head = [column, "events", "found", "recall"]
        tables.append(Table(head, rows, [False, True, True, True], sortable=True))
    text = "In small print: Wilson 95 % intervals, as if events were independent."
    return [Block("Recall by kind of event", [text], tables)] if tables else []


def _magnitude_bins(magnitude: np.ndarray) -> list[str]:
    known = magnitude[np.isfinite(magnitude)]
    step = 1.0 if len(known) and np.ptp(known) > 3 else 0.5
    low = np.floor(magnitude / step) * step
    return [f"{m:.1f} to {m + step:.1f}" if np.isfinite(m) else "unknown" for m in low]


def _examples_block(section: Section) -> Block:
    """Return figures of the surest detections and of some from the middle."""
    test = section.training.test
    ranked = test.machine.sort_values(["score", "time_ns"], ascending=[False, True])
    first = min(section.n_examples, len(ranked))
    n_middle = min(section.n_examples // 2, len(ranked) - first)
    middle = first + (np.arange(n_middle) + 1) * (len(ranked) - first) // (n_middle + 1)
    text = f"The {first} detections with the highest score, and {n_middle} from the middle."
    block = Block("Example detections", [text if len(ranked) else "There are no detections."])
    outcomes = dict.fromkeys(test.matched["machine_id"], "found")
    outcomes.update(dict.fromkeys(test.unmatched["event_id"], "unmatched"))
    chosen = ranked.iloc[[*range(first), *middle.tolist()]]
    what = [outcomes.get(name, "not scored") for name in chosen["event_id"]]
    return _with_pictures(section, block, chosen, what)


def _missed_block(missed: pd.DataFrame, near: pd.DataFrame | None) -> Block:
    columns = {
        "time (UTC)": ("time", missed["time_ns"]),
        "station": ("", missed["station"]),
        "label": ("", missed["label"]),
        "quality": ("", missed["quality"]),
        "magnitude": ("g", missed["magnitude"]),
    }
    text = f"{len(missed)} expert events have no detection."
    if near is not None:
        columns["best score"] = (".5g", near["score"])
        columns["best STA/LTA"] = (".3g", near["baseline"])
        text += (
            " The best scores (1 is the threshold) are those of windows within the tolerance: from "
            "1 on something was detected, but too early, too late, or it is another event's match."
        )
    columns["event"] = ("", missed["event_id"])
    return _event_block("Missed events", text if len(missed) else "None was missed.", columns)


def _unmatched_block(alone: pd.DataFrame) -> Block:
    ends = alone["end_ns"].where(alone["end_ns"] != NAT, alone["time_ns"])
    length_s = (ends - alone["time_ns"]) / NS_PER_S
    columns = {
        "time (UTC)": ("time", alone["time_ns"]),
        "station": ("", alone["station"]),
        "label": ("", alone["label"]),
        "score": (".4g", alone["score"]),
        "duration (s)": (".1f", length_s.where(length_s > 0)),
    }
    if "snr_db" in alone:
        columns["SNR (dB)"] = (".1f", alone["snr_db"])
    columns["event"] = ("", alone["event_id"])
    text = f"{len(alone)} detections match no expert event: unverified until someone has looked."
    title = "Unmatched detections"
    return _event_block(title, text if len(alone) else "Every detection has a match.", columns)


def _event_block(title: str, text: str, columns: Mapping) -> Block:
    table = columns_table(columns)
    n = len(next(iter(columns.values()))[1])
    more = [f"The table has the first {MAX_ROWS}."] if n > MAX_ROWS else []
    return Block(title, [text, *more], [table] if table.rows else [])


def _best_near(training: Training, events: pd.DataFrame) -> pd.DataFrame:
    """Return the largest score and baseline of the windows within the tolerance of each event."""
    windows, grid = training.windows, training.detector.grid
    reach_ns = round(float(np.max(training.test.tolerance_s, initial=0.0)) * NS_PER_S)
    names = windows["station"].map(_net_sta)
    out = {column: np.full(len(events), np.nan) for column in ("score", "baseline")}
    onset = events["time_ns"].to_numpy()
    for station, rows in events.reset_index(drop=True).groupby("station").indices.items():
        mine = windows[names == _net_sta(station)].sort_values("time_ns")
        time_ns = mine["time_ns"].to_numpy()
        low = np.searchsorted(time_ns, onset[rows] - reach_ns - grid.length_ns, "right")
        high = np.searchsorted(time_ns, onset[rows] + reach_ns, "right")
        for column, values in out.items():
            scores = mine[column].to_numpy(dtype=np.float64)
            for row, a, b in zip(rows, low, high, strict=True):
                values[row] = np.fmax.reduce(scores[a:b], initial=np.nan)
    return pd.DataFrame(out)


def _net_sta(station: str) -> str:
    return ".".join(str(station).split(".")[:2])


def _with_pictures(section: Section, block: Block, events: pd.DataFrame, what) -> Block:
    """Return the block with a figure of each event, where the archive has its station."""
    words = [what] * len(events) if isinstance(what, str) else what
    pictures = [
        picture
        for row, word in zip(events.itertuples(index=False), words, strict=True)
        if (picture := _event_picture(section, row, word)) is not None
    ]
    return dataclasses.replace(block, pictures=pictures)


def _event_picture(section: Section, event, what: str) -> Picture | None:
    training, time_ns = section.training, int(event.time_ns)
    sensor = _sensor(section.archive, event)
    if sensor is None:
        return None
    windows = training.windows[training.windows["station"] == sensor]
    spans = {}
    for who, table in (("expert", training.test.expert), ("machine", training.machine.events)):
        here = table[table["station"].map(_net_sta) == _net_sta(sensor)]
        spans[who] = here[["time_ns", "end_ns"]].to_numpy()
    about = [event.label, f"at {event.station}, {cell_of('time', time_ns).text} UTC"]
    about += [f"score {event.score:.5g}"] * math.isfinite(event.score)
    about += [f"magnitude {event.magnitude:g}"] * math.isfinite(event.magnitude)
    return picture(
        f"{what.capitalize()}: {', '.join(text for text in about if text)}.",
        "plot_event",
        section.archive,
        sensor,
        time_ns,
        band=section.band,
        grid=training.detector.grid,
        score=(windows["time_ns"].to_numpy(), windows["score"].to_numpy()),
        before_s=section.before_s,
        after_s=section.after_s,
        what=what,
        **spans,
    )


def _sensor(archive: Archive | None, event) -> str | None:
    """Return the sensor of an event's station: its own, else the first that was recording."""
    if archive is None:
        return None
    pieces = archive.pieces[archive.pieces["station"].map(_net_sta) == _net_sta(event.station)]
    here = (pieces["start_ns"] <= event.time_ns) & (event.time_ns < pieces["end_ns"])
    names = [*pieces["station"][here].unique(), *pieces["station"].unique()]
    own = [name for name in names if event.event_id.startswith(f"{name}.")]
    return next(iter([*own, *names]), None)


def _archive_block(section: Section) -> Block:
    reasons = Counter({str(reason): int(n) for reason, n in section.counts.items() if n})
    scan = section.scan
    if section.archive is not None:
        scan = summary(section.archive) if scan is None else scan
        rejected = section.archive.files["reason"]
        reasons.update(f"file: {reason}" for reason in rejected[rejected != ""])
    tables = []
    if scan is not None and len(scan):
        columns = dict(_scan_column(str(name), scan[name]) for name in scan)
        tables.append(columns_table(columns, "What the archive holds"))
    if reasons:
        names = sorted(reasons)
        columns = {"reason": ("", names), "number": (".0f", [reasons[name] for name in names])}
        tables.append(columns_table(columns, "Rejections and oddities"))
    return Block("Archive", [] if reasons else ["Nothing was rejected."], tables)


def _scan_column(name: str, values: pd.Series) -> tuple[str, tuple[str, pd.Series]]:
    """Return the heading of a column of a scan, and how its values are written."""
    kind = ".6g" if pd.api.types.is_numeric_dtype(values) else ""
    kind = {"start": "iso", "end": "iso"}.get(name, kind)
    for ending, unit in (("_hz", " (Hz)"), ("_s", " (s)"), ("_%", " (%)")):
        if name.endswith(ending):
            name = name.removesuffix(ending) + unit
    return name.replace("_", " "), (kind, values)


def _card_blocks(training: Training) -> list[Block]:
    """Return the model's card and its settings, folded."""
    detector = training.detector
    card = [("features", f"{len(detector.columns)}, settings {detector.fingerprint}")]
    card += [("windows", f"{detector.grid.length_s:g} s every {detector.grid.hop_s:g} s")]
    card += [("thresholds", f"on {detector.on:.4g}, off {detector.off:.4g}")]
    card += _flat(detector.card)
    about = {"plan": dict(detector.plan), "detection": dict(detector.detection)}
    code = json.dumps({**about, "columns": list(detector.columns)}, indent=1, default=str)
    return [
        Block("Model card", tables=[pairs_table(card)], fold=True),
        Block("Settings and features of the model", code=code, fold=True),
    ]


def _flat(card: Mapping, name: str = "") -> list[tuple[str, object]]:
    rows = []
    for key, value in card.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}{key}: ")
        else:
            is_list = isinstance(value, (list, tuple))
            rows.append((f"{name}{key}", ", ".join(map(str, value)) if is_list else value))
    return rows
