"""The block of a report on what is found of events of which signal-to-noise ratio."""

from collections.abc import Mapping

from seisml.comparison import Comparison
from seisml.completeness import completeness
from seisml.page import Block, Cell, Table, picture
from seisml.summaries import recall_over


def snr_blocks(tests: Mapping[str, Comparison]) -> list[Block]:
    """Return the recall of detectors over the ratio of the expert's events.

    Parameters
    ----------
    tests : mapping of str to Comparison
        By the name of the detector; empty is returned where the expert's events have no
        ``snr_db`` (see `seisml.eventsnr.with_snr`).
    """
    first = next(iter(tests.values()))
    if "snr_db" not in first.expert or not first.expert["snr_db"].notna().any():
        return []
    table = recall_over(tests, "snr_db")
    names = list(tests)
    parts = {name: table[table["detector"] == name].set_index("bin") for name in names}
    rows = []
    for label, row in parts[names[0]].iterrows():
        found = [parts[name].loc[label] for name in names]
        rates = [Cell(f"{r['recall']:.3f}", f"{r['low']:.3f} to {r['high']:.3f}") for r in found]
        rows.append([Cell(str(label)), Cell(str(int(row["n_expert"]))), *rates])
    head = ["SNR (dB)", "events", *(f"recall of {name}" for name in names)]
    text = (
        "Ratio of each event of the expert, found or missed, on the records: mean square from its "
        "onset to its end over that before it, on the vertical, in the band where that is largest. "
        "Noise alone is a few dB above 0. Events without a record before them are unknown."
    )
    curves = {name: completeness(test, column="snr_db") for name, test in tests.items()}
    for name, curve in curves.items():
        if curve is None:
            continue
        if curve.scale < 0:
            text += f" {name}: recall does not rise with the ratio, no ratio says what is found."
        else:
            text += f" {name}: half are found at {curve.where(curve.half)} dB, 90 % at "
            text += f"{curve.where(curve.full)} dB (logistic curve)."
    caption = "Recall over the ratio of real events, 95 % shaded; above: numbers of events."
    return [
        Block(
            "Recall by signal-to-noise ratio",
            [text],
            [Table(head, rows, [False, *[True] * (1 + len(names))])],
            [picture(caption, "plot_snr", table, what="of the expert's events")],
        )
    ]
