"""Blocks of a report that every comparison has: numbers, figures, recall by group, errors."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.comparison import EVERYWHERE, Comparison, cover_of
from seisml.completeness import Completeness, completeness
from seisml.curves import around_tolerance, score_curve
from seisml.page import (
    MAX_ROWS,
    Block,
    Cell,
    Picture,
    Table,
    columns_table,
    fixed,
    median_cell,
    picture,
    range_cell,
    rate_cell,
)
from seisml.planets import hour_name
from seisml.summaries import by, confusion, summary_table
from seisml.times import NAT, NS_PER_S

UNVERIFIED = (
    "Unmatched means that the expert's catalogue has no such event: unverified, not false. "
    "Precision is therefore a lower bound, and unmatched detections per day an upper bound of the "
    "false alarms."
)
GROUPS = ("label", "quality", "magnitude", "hour", "station")


def number_rows(numbers: Mapping[str, dict], tests: Sequence[Comparison]) -> list[list[Cell]]:
    """Return the rows of the table of numbers, a column a detector."""
    table = [
        ("expert events", "in the time scored", lambda n: Cell(str(n["n_expert"]))),
        ("found", "matched one to one", lambda n: Cell(str(n["n_matched"]))),
        ("missed", "", lambda n: Cell(str(n["n_missed"]))),
        ("unmatched detections", "unverified", lambda n: Cell(str(n["n_unmatched"]))),
        ("recall", "found / expert events", lambda n: rate_cell(n, "recall")),
        ("precision", "found / detections", lambda n: rate_cell(n, "precision")),
        ("F1", "harmonic mean of both", lambda n: rate_cell(n, "f1")),
        ("Jaccard", "found / all events of both", lambda n: rate_cell(n, "jaccard")),
        ("unmatched per day", "false alarms at most", lambda n: rate_cell(n, "unmatched_per_day")),
        ("unmatched per hour", "of usable data", lambda n: fixed(n["unmatched_per_hour"])),
        ("chance recall", "detections moved in time", lambda n: fixed(n["chance_recall"])),
        ("onset residual, median (s)", "machine − expert", None),
        ("onset residual, spread (s)", "1.4826 MAD", lambda n: fixed(n["residual_sigma_s"])),
        ("onset residual, 5–95 % (s)", "nine in ten matches", range_cell),
        ("time scored (days)", "", lambda n: fixed(n["usable_days"])),
    ]
    if any(test.mode != "onset" for test in tests):
        table[4:4] = [
            ("split events", "more than one detection", lambda n: Cell(str(n["n_split"]))),
            ("merged detections", "over more than one event", lambda n: Cell(str(n["n_merged"]))),
        ]
    medians = [median_cell(test.matched["residual_s"].to_numpy()) for test in tests]
    return [
        [Cell(name, small), *(map(cell, numbers.values()) if cell else medians)]
        for name, small, cell in table
    ]


def result_block(numbers: Mapping[str, dict], tests: Sequence[Comparison], extra=()) -> Block:
    """Return the table of numbers, a column a detector, and what has to be known about it."""
    empty = [Cell("")] * (len(numbers) - 1)
    rows = number_rows(numbers, tests)
    rows += [[Cell(str(name)), Cell(str(value)), *empty] for name, value in extra]
    caption = "In small print: 95 % intervals (rates: whole blocks of time resampled)."
    about = dict(summary_table(tests[0], numbers=next(iter(numbers.values()))))
    texts = [f"Matching: {about['matching']}."]
    if len(tests) > 1:
        texts[0] += f" Baseline: {tests[1].machine_name}."
    for name in ("constant offset", "not scored"):
        if name in about:
            texts.append(f"{name.capitalize()}: {about[name]}.")
    notes = {key: text for one in numbers.values() for key, text in one["notes"].items()}
    texts += [f"Note on {key.replace('_', ' ')}: {notes[key]}." for key in sorted(notes)]
    shape = [False, *[True] * len(numbers)]
    return Block("Result", texts, [Table(["", *numbers], rows, shape, caption)])


def coverage_picture(c: Comparison) -> Picture:
    """Return the timeline of both catalogues with the gaps."""
    what = "Time that was scored, the" if c.coverage else "The"
    caption = f"{what} expert's events (above) and the detections (below). Time without data and "
    caption += "events is cut out where it is long."
    coverage, expert, machine = c.coverage, c.expert, c.machine
    if not c.by_station:  # one row: nobody asked at which station anything was
        coverage = coverage and {"any": cover_of(coverage, EVERYWHERE)}
        expert, machine = (table.assign(station="any") for table in (expert, machine))
    return picture(caption, "plot_coverage", coverage, expert=expert, machine=machine)


def residual_picture(c: Comparison) -> Picture:
    """Return the histogram of onset residuals."""
    text = "Onset of the machine minus onset of the expert, of the matched events."
    return picture(text, "plot_residuals", c)


def curve_pictures(tests: Sequence[Comparison], numbers: Mapping[str, dict]) -> list[Picture]:
    """Return the curves over the score, for detections that all have one."""
    scored = {
        name: test
        for name, test in zip(numbers, tests, strict=True)
        if len(test.machine) and test.machine["score"].notna().all()
    }
    if not scored:
        return []
    curves = {name: score_curve(test) for name, test in scored.items()}
    per_day = {n: (numbers[n]["unmatched_per_day"], numbers[n]["recall"]) for n in scored}
    precise = {n: (numbers[n]["recall"], numbers[n]["precision"]) for n in scored}
    caption = (
        "What is found against what has to be looked at. The circles are the working points; "
        "along each line, from right to left, detections with lower scores are left out. Shaded: "
        "95 % of the recall."
    )
    second = (
        "Precision against recall, over the score. Crosses: 95 % of both. Precision is a lower "
        "bound: an unmatched detection may be an event that the expert does not have."
    )
    return [
        picture(caption, "plot_curves", curves, points=per_day),
        picture(second, "plot_precision", curves, points=precise),
    ]


def tolerance_pictures(c: Comparison) -> list[Picture]:
    """Return the curve over the tolerance, where there is one."""
    curve = around_tolerance(c, n_boot=500)
    if curve.empty or not len(c.expert):
        return []
    caption = (
        "The same catalogues matched with other tolerances, with 95 % intervals. Where recall "
        "still grows at the tolerance used, and chance recall does not, it is too short."
    )
    used = float(np.max(c.tolerance_s, initial=0.0))
    return [picture(caption, "plot_tolerance", curve, used_s=used)]


def group_blocks(c: Comparison, *, offset_h: float = 0.0) -> list[Block]:
    """Return the recall by what the expert says of the events, where that differs."""
    tables, pictures = [], []
    for column in GROUPS:
        table = by(c, column, offset_h=offset_h)
        if len(table) < 2:
            continue
        name = {"label": "class", "hour": f"hour ({hour_name(c.body, offset_h)})"}.get(
            column, column
        )
        rows = [
            [
                Cell(str(row[column]) if row[column] != "" else "(none)"),
                Cell(str(row["n_expert"])),
                Cell(str(row["n_matched"])),
                Cell(f"{row['recall']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}"),
            ]
            for row in table.head(MAX_ROWS).to_dict("records")
        ]
        head = [name, "events", "found", "recall"]
        tables.append(Table(head, rows, [False, True, True, True], sortable=True))
        if len(table) <= 30:
            caption = f"Recall by {name}, with 95 % intervals and numbers of expert events."
            pictures.append(picture(caption, "plot_recall", table.rename(columns={column: name})))
    curve = completeness(c)
    if curve is not None:
        pictures.insert(0, _completeness_picture(c, curve))
    text = (
        "In small print: 95 % intervals (Wilson), wider where events come in clusters (design "
        "effect between days)."
    )
    return [Block("Recall by kind of event", [text], tables, pictures)] if tables else []


def _completeness_picture(c: Comparison, curve: Completeness) -> Picture:
    values = c.expert["magnitude"].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    hit = c.expert["event_id"].isin(c.matched["expert_id"]).to_numpy()
    ends = []
    for share, value, interval in (
        ("half", curve.half, curve.half_interval),
        ("90 %", curve.full, curve.full_interval),
    ):
        inside = curve.x[0] <= value <= curve.x[-1]
        at = "at " if inside else ""
        ends.append(f"{share} {at}{curve.where(value)}{_range(interval) if inside else ''}")
    caption = f"What is found over magnitude: {', '.join(ends)}"
    if curve.scale < 0:
        caption = "What is found over magnitude: it does not rise, no magnitude says what is found"
    caption += "; logistic curve with 95 % band."
    return picture(caption, "plot_completeness", curve, values[known], hit[known])


def _range(interval: tuple[float, float]) -> str:
    return "" if np.isnan(interval[0]) else f" ({interval[0]:.2f} to {interval[1]:.2f})"


def confusion_blocks(c: Comparison) -> list[Block]:
    """Return which class met which, where there is more than one."""
    if max(c.expert["label"].nunique(), c.machine["label"].nunique()) < 2:
        return []
    table = confusion(c)
    if max(table.shape) <= 14:
        caption = "Classes of the expert (rows) and of the machine; shaded by the share of a row."
        return [Block("Classes", pictures=[picture(caption, "plot_confusion", table)])]
    rows = [
        [Cell(str(name)), *(Cell(str(n), key=int(n)) for n in line)]
        for name, line in zip(table.index, table.to_numpy(), strict=True)
    ]
    head = ["expert \\ machine", *map(str, table.columns)]
    return [Block("Classes", tables=[Table(head, rows, [False, *[True] * table.shape[1]])])]


def missed_block(missed: pd.DataFrame, near: pd.DataFrame | None = None) -> Block:
    """Return the table of expert events without a detection."""
    columns = {
        "time (UTC)": ("time", missed["time_ns"]),
        "station": ("", missed["station"]),
        "label": ("", missed["label"]),
        "quality": ("", missed["quality"]),
        "magnitude": ("g", missed["magnitude"]),
    }
    if "snr_db" in missed:
        columns["SNR (dB)"] = (".1f", missed["snr_db"])
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


def unmatched_block(alone: pd.DataFrame) -> Block:
    """Return the table of detections without an expert event."""
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
