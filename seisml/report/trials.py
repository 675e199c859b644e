"""Blocks of a training's report that need more than its test: windows, pairs, stations, trials."""

from collections.abc import Iterator

import pandas as pd

from seisml.page import Block, Cell, Table, fixed, picture
from seisml.windowscores import event_differences, window_scores


def trial_blocks(
    training,
    *,
    matrix: pd.DataFrame | None = None,
    importance: pd.DataFrame | None = None,
    injection: pd.DataFrame | None = None,
) -> Iterator[Block]:
    """Yield what is known of a trained detector beside its comparison with the expert.

    Parameters
    ----------
    training : Training
    matrix : pandas.DataFrame, optional
        From `seisml.transfer.station_matrix`.
    importance : pandas.DataFrame, optional
        From `seisml.transfer.group_importance`.
    injection : pandas.DataFrame, optional
        From `seisml.injection.injection_recovery`.
    """
    yield _windows_block(training)
    if training.baseline is not None:
        yield _pairs_block(training)
    if injection is not None and len(injection):
        text = (
            "Events of the catalogue, scaled and added to noise of the archive at the same places "
            "for every ratio. STA/LTA has the best threshold with no more false alarms than seisml "
            "on the same record before anything is added. Recall has Wilson's 95 %."
        )
        caption = "Recall of injected events over their signal-to-noise ratio."
        yield Block(
            "Injection and recovery",
            [text],
            [],
            [picture(caption, "plot_snr", injection, what="of injected events")],
        )
    if matrix is not None and len(matrix):
        text = (
            "Area under the ROC curve of windows (0.5 is guessing), always on blocks of time that "
            "the model has not seen at any station. The last row was trained at all stations but "
            "the tested one: what to expect of a new station."
        )
        caption = "Models trained at one station (rows), tested at another (columns)."
        yield Block("Stations left out", [text], [], [picture(caption, "plot_matrix", matrix)])
    if importance is not None and len(importance):
        which = "these" if training.validation else "held-out"
        text = (
            f"How much the balanced accuracy of {which} windows falls when all features of a group "
            "are permuted together. Groups that say the same as others fall little."
        )
        caption = "Groups of features by what is lost without them, with 95 % intervals."
        figure = picture(caption, "plot_importance", importance)
        yield Block("Importance of feature groups", [text], [], [figure])


def _windows_block(training) -> Block:
    columns = {"seisml": "probability"}
    if training.baseline is not None:
        columns["STA/LTA"] = "baseline"
    table = window_scores(training.windows, columns)
    rows = [
        [
            Cell(row["model"]),
            *(
                Cell(
                    f"{row[key]:{sign}.3f}",
                    f"{row[f'{key}_low']:{sign}.3f} to {row[f'{key}_high']:{sign}.3f}",
                )
                for key in ("average_precision", "roc_auc")
                for sign in ["+" if "−" in row["model"] else ""]
            ),
        ]
        for row in table.to_dict("records")
    ]
    first = table.iloc[0]
    text = (
        f"{int(first['n_event'])} event windows and {int(first['n_noise'])} noise windows: a "
        f"prevalence of {first['prevalence']:.4f}, which is the average precision of guessing. "
        "Scores of windows do not say how many events are found: they stand beside those of "
        "events, not for them."
    )
    head = ["model", "average precision", "area under ROC"]
    caption = "In small print: 95 % intervals, blocks of time resampled; pairs on the same blocks."
    return Block("Windows", [text], [Table(head, rows, [False, True, True], caption)])


def _pairs_block(training) -> Block:
    table = event_differences(training.test, training.baseline)
    names = {"f1": "F1", "unmatched_per_day": "unmatched per day"}
    rows = [
        [
            Cell(names.get(row["rate"], row["rate"])),
            fixed(row["first"]),
            fixed(row["second"]),
            Cell(
                f"{row['difference']:+.3f}",
                "" if pd.isna(row["low"]) else f"{row['low']:+.3f} to {row['high']:+.3f}",
            ),
            fixed(row["share_better"]),
        ]
        for row in table.to_dict("records")
    ]
    text = (
        f"seisml and STA/LTA on the same {int(table['n_blocks'].iloc[0])} blocks of time, "
        "resampled together: what makes a block hard for both cancels."
    )
    head = ["events", "seisml", "STA/LTA", "difference", "better in (share of resamples)"]
    return Block("Events in pairs", [text], [Table(head, rows, [False, *[True] * 4])])
