"""Report of an evaluation on a table as one self-contained HTML page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from seisml.audit import disagreements
from seisml.evaluation import Evaluation
from seisml.page import (
    MAX_ROWS,
    Block,
    Cell,
    Table,
    chapter_of,
    columns_table,
    fixed,
    pairs_table,
    picture,
    write_page,
)

SHOWN = 20


def evaluation_report(
    path, result: Evaluation, *, title: str = "", more: Sequence[Block] = ()
) -> Path:
    """Write a report of models on a table.

    Parameters
    ----------
    path : path
    result : Evaluation
    title : str
    more : sequence of Block
        Are shown before the scores.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SeismlError
        If the file cannot be written.
    """
    samples = result.samples
    lead = [
        f"{len(samples)} rows of {len(result.classes)} classes, {samples.X.shape[1]} features. "
        f"Each row is classified by models that were trained without its block: "
        f"{samples.blocks_are}; {int(result.fold.max()) + 1} folds.",
        *(f"Note: {note}." for note in result.notes),
    ]
    blocks = [*more, *_score_blocks(result), *_importance_blocks(result), _audit_block(result)]
    return write_page(
        path,
        title=title or f"Evaluation of {samples.name}",
        lead=lead,
        chapters=[chapter_of("Models on held-out blocks", 0, [], blocks)],
        folds=[_table_block(result), _rule_block(result)],
    )


def _score_blocks(result: Evaluation) -> Iterator[Block]:
    scores = result.scores
    heads = {
        "balanced_accuracy": "balanced accuracy",
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
    }
    rows = [
        [
            Cell(row["model"]),
            *(range_of(row, name) for name in heads),
            fixed(row["brier"]),
        ]
        for row in scores.to_dict("records")
    ]
    caption = "In small print: 95 % intervals, whole blocks resampled. Brier score: 0 is best."
    head = ["model", *heads.values(), "Brier score"]
    chance = 1 / len(result.classes)
    text = (
        "Balanced accuracy is the mean recall of the classes: what is common does not count more "
        f"than what is rare, and guessing reaches {chance:.3f}."
    )
    if (scores["balanced_accuracy"] < chance - 0.05).any():
        text += (
            " With few blocks a model can fall below that: it learns what is common in its own "
            "blocks, and that is what the tested ones lack."
        )
    yield Block(
        "Scores",
        [text],
        [Table(head, rows, [False, *[True] * 4], caption)],
        [picture("Balanced accuracy of the models.", "plot_scores", scores, chance=chance)],
    )
    differences = result.differences
    rows = [
        [
            Cell(f"{row['model']} − {row['other']}"),
            Cell(f"{row['difference']:+.3f}", f"{row['low']:+.3f} to {row['high']:+.3f}"),
            fixed(row["share_better"]),
        ]
        for row in differences.to_dict("records")
    ]
    text = (
        "Both models of a pair are scored on the same resampled blocks. Where the interval holds "
        "0, these rows do not say which is better. It says nothing of other training data."
    )
    head = ["models", "difference", "better in (share of resamples)"]
    yield Block(
        "Paired differences of the balanced accuracy",
        [text],
        [Table(head, rows, [False, True, True])] if rows else [],
        [picture("Differences with 95 % intervals.", "plot_differences", differences)],
    )
    yield _classes_block(result)


def range_of(row, name: str) -> Cell:
    """Return a score of a row with its interval as a cell."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    small = "" if pd.isna(low) else f"{low:.3f} to {high:.3f}"
    return Cell(fixed(row[name]).text, small)


def _classes_block(result: Evaluation) -> Block:
    rows = [
        [
            Cell(name),
            Cell(row["class"]),
            Cell(str(row["n_rows"])),
            fixed(row["prevalence"]),
            *(range_of(row, score) for score in ("recall", "precision", "f1")),
        ]
        for name, table in result.by_class.items()
        for row in table.to_dict("records")
    ]
    head = ["model", "class", "rows", "prevalence", "recall", "precision", "F1"]
    pictures = []
    for name, counts in result.counts.items():
        index = pd.Index(result.classes)
        table = pd.DataFrame(counts.sum(axis=0), index=index, columns=index)
        if name != "dummy" and len(index) <= 14:
            caption = f"{name}: classes of the table (rows) and of the model."
            pictures.append(picture(caption, "plot_confusion", table))
    text = "Precision holds for the prevalence of this table. Where a class is rarer, it is lower."
    table = Table(head, rows, [False, False, *[True] * 5], sortable=True)
    return Block("Classes", [text], [table], pictures)


def _importance_blocks(result: Evaluation) -> Iterator[Block]:
    if result.importance.empty:
        return
    text = (
        f"How much the balanced accuracy of {result.best} on held-out rows falls when a feature is "
        f"permuted ({result.rule.n_repeats} times). Features that say the same share what they "
        "say: no one of them seems important. Groups are permuted together: by default features "
        "whose ranks correlate by 0.8 or more."
    )
    tables, pictures = [], []
    for name, table in (("group", result.group_importance), ("feature", result.importance)):
        caption = f"The {min(SHOWN, len(table))} most important {name}s of {len(table)}."
        pictures.append(picture(caption, "plot_importance", table, n=SHOWN))
        rows = []
        for row in table.head(MAX_ROWS).to_dict("records"):
            cells = [
                Cell(str(row["name"])),
                Cell(f"{row['importance']:+.4f}", f"{row['low']:+.4f} to {row['high']:+.4f}"),
            ]
            if name == "feature":
                cells.append(fixed(result.alone[row["name"]]))
            else:
                cells.append(Cell(", ".join(map(str, result.groups[row["name"]]))))
            rows.append(cells)
        last = "balanced accuracy alone" if name == "feature" else "features"
        head = [name, "fall", last]
        numeric = [False, True, name == "feature"]
        tables.append(Table(head, rows, numeric, sortable=True, filterable=True))
    yield Block("Importance", [text], tables, pictures)


def _audit_block(result: Evaluation) -> Block:
    table = disagreements(result)
    columns = {"row": (".0f", table["row"])}
    if "time" in table:
        columns["time (UTC)"] = ("iso", table["time"])
    columns |= {
        "label": ("", table["label"]),
        "suggested": ("", table["suggested"]),
        "probability of the label": (".3f", table["p_label"]),
        "of the suggestion": (".3f", table["p_suggested"]),
    }
    text = (
        f"{len(table)} rows get another class from models that did not see them (mean of all but "
        "the dummy), the least likely labels first: look at them before you trust either. The "
        "same list is in review.csv; what is written into its column decision is read with "
        "--review."
    )
    return Block("Label audit", [text], [columns_table(columns)] if len(table) else [])


def _table_block(result: Evaluation) -> Block:
    samples = result.samples
    rows = [(f"column {name}", f"left out: {why}") for name, why in samples.left_out]
    rows += [("rows", f"{n} left out: {why}") for why, n in samples.dropped.items()]
    rows += [(f"class {name}", f"{(samples.y == name).sum()} rows") for name in result.classes]
    return Block("The table: what was left out", tables=[pairs_table(rows)], fold=True)


def _rule_block(result: Evaluation) -> Block:
    rule = result.rule
    rows = [(name, getattr(rule, name)) for name in rule.__dataclass_fields__]
    return Block("Settings", tables=[pairs_table(rows)], fold=True)


def levels_block(levels: pd.DataFrame, best: str) -> Block:
    """Return the scores of an event classifier at its levels, see `ClassTraining`."""
    heads = {"balanced_accuracy": "balanced accuracy", "accuracy": "accuracy"}
    rows = [
        [Cell(row["level"]), *(range_of(row, name) for name in heads)]
        for row in levels.to_dict("records")
    ]
    text = (
        f"{best} on events that it had not seen, at any station. Of an event: the mean "
        "probability over its stations. Families are the roots of the taxonomy."
    )
    caption = "In small print: 95 % intervals, whole events resampled."
    return Block(
        "Types and families",
        [text],
        [Table(["level", *heads.values()], rows, [False, True, True], caption)],
    )
