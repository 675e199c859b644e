"""The block of a report on how far a model's probabilities can be taken at their word."""

from seisml.labels import EVENT, IGNORE
from seisml.model import reliability
from seisml.page import Block, picture
from seisml.training import Training


def probability_blocks(training: Training) -> list[Block]:
    """Return the reliability of held-out probabilities, as trained and calibrated."""
    windows, about = training.windows, training.detector.card.get("calibration")
    if about is None or "calibrated" not in windows:
        return []
    sure = windows[windows["state"] != IGNORE]
    event = (sure["state"] == EVENT).to_numpy()
    names = {"as trained": "probability", f"calibrated ({about['method']})": "calibrated"}
    curves = {name: reliability(sure[c].to_numpy(), event) for name, c in names.items()}
    brier = about["brier"]
    text = (
        "Share of windows that are events, by the probability that a model gave them without "
        "having seen them. A model learns from all event windows and a part of the noise, so that "
        "its own probabilities are too high; the calibration is fitted to the windows of other "
        f"blocks. Brier score (0 is best): {brier['as trained']:.4g} as trained, "
        f"{brier['calibrated']:.4g} calibrated, {brier['share of events']:.4g} by always stating "
        "the share of events."
    )
    caption = "Reliability of held-out event probabilities."
    return [Block("Probabilities", [text], pictures=[picture(caption, "plot_reliability", curves)])]
