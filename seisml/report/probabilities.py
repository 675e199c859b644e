"""Blocks of a report on how far a model's probabilities can be taken at their word."""

import numpy as np

from seisml.classscores import class_scores
from seisml.comparison import Comparison
from seisml.labels import EVENT, IGNORE
from seisml.model import brier, reliability
from seisml.page import Block, Cell, Table, fixed, picture
from seisml.training import Training


def probability_blocks(training: Training) -> list[Block]:
    """Return the reliability of held-out probabilities, as trained and calibrated."""
    windows, about = training.windows, training.detector.card.get("calibration")
    if about is None or "calibrated" not in windows:
        return []
    sure = windows[windows["state"] != IGNORE]
    event = (sure["state"] == EVENT).to_numpy()
    if not len(event):
        return []
    names = {"as trained": "probability", f"calibrated ({about['method']})": "calibrated"}
    curves = {name: reliability(sure[c].to_numpy(), event) for name, c in names.items()}
    off = [brier(sure[column].to_numpy(), event) for column in names.values()]
    known = event[np.isfinite(sure["probability"].to_numpy())]
    seen = "" if training.validation else " without having seen them"
    where = "the model's training" if training.validation else "other blocks"
    text = (
        f"Share of windows that are events, by the probability that a model gave them{seen}. "
        "A model learns from all event windows and a part of the noise, so that "
        f"its own probabilities are too high; the calibration is fitted to windows of {where}. "
        f"Brier score (0 is best): {off[0]:.4g} as trained, {off[1]:.4g} calibrated, "
        f"{brier(np.full(len(known), known.mean()), known):.4g} by always stating the share of "
        "events."
    )
    kind = "" if training.validation else "held-out "
    caption = f"Reliability of {kind}event probabilities."
    return [Block("Probabilities", [text], pictures=[picture(caption, "plot_reliability", curves)])]


def class_blocks(c: Comparison) -> list[Block]:
    """Return how good the class probabilities of matched detections are, where they have any."""
    found = class_scores(c)
    if found is None:
        return []
    text = (
        "Of events that were found: how often the expert's class is the most probable"
        f"{', and one of the two most probable' if len(found.shown) > 1 else ''}. "
        f"Brier score of the probabilities (0 is best): {found.brier:.3f}; "
        f"{found.brier_of_shares:.3f} by always stating the shares of the classes among these "
        "events."
    )
    left = {"have an expert's label that is no class of the machine": found.n_other}
    left["have no class probabilities"] = found.n_unknown
    text += "".join(f" {n} more pairs {why}." for why, n in left.items() if n)
    rows = [
        [
            Cell(row["class"]),
            Cell(str(row["n"]), key=row["n"]),
            fixed(row["probability"]),
            *(_share_cell(row, key) for key in found.shown),
        ]
        for row in found.table.to_dict("records")
    ]
    names = {"first": "most probable", "second": "among the first two"}
    head = ["class", "events", "mean probability of it", *(names[key] for key in found.shown)]
    table = Table(head, rows, [False, *[True] * (len(head) - 1)])
    curves = {"most probable class": found.reliability}
    words = {
        "of": "events",
        "x": "probability of the most probable class",
        "y": "share for which it is right",
    }
    caption = "Reliability of class probabilities."
    pictures = [picture(caption, "plot_reliability", curves, **words)]
    return [Block("Class probabilities", [text], tables=[table], pictures=pictures)]


def _share_cell(row: dict, key: str) -> Cell:
    return Cell(f"{row[key]:.3f}", f"{row[f'{key}_low']:.3f} to {row[f'{key}_high']:.3f}")
