"""The block of a report on how far a model's probabilities can be taken at their word."""

import numpy as np

from seisml.labels import EVENT, IGNORE
from seisml.model import brier, reliability
from seisml.page import Block, picture
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
