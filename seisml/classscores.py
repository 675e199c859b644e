"""Scores of classes: how far the class probabilities of matched events can be taken at their word.

Only pairs count whose expert label is one of the machine's classes: whether an event was found at
all is said elsewhere.
"""

import dataclasses
import math

import numpy as np
import pandas as pd

from seisml.classprobabilities import class_columns
from seisml.comparison import Comparison
from seisml.model import reliability
from seisml.resampling import Blocks, design_effect, share_interval

ALL = "(all)"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ClassScores:
    """How good the class probabilities of matched events are.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a class of the expert, and `ALL`: class, n, probability (mean of that of the true
        class), first (share of events whose most probable class is right) and second (right among
        the two most probable), each with ``_low`` and ``_high`` (95 %).
    brier : float
        Mean of the squared differences of probabilities and outcomes, summed over the classes; 0
        is best, 2 worst (Brier, 1950).
    brier_of_shares : float
        The same where each event is given the shares of the classes among these very events.
    reliability : pandas.DataFrame
        Of the most probable class, see `seisml.model.reliability`.
    n_other : int
        Pairs that do not count: the expert's label is no class of the machine.
    n_unknown : int
        Pairs that do not count: the detection has no class probabilities.
    classes : tuple of str
        Of the machine.
    """

    table: pd.DataFrame
    brier: float
    brier_of_shares: float
    reliability: pd.DataFrame
    n_other: int
    n_unknown: int
    classes: tuple[str, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """Which of first and second say anything: of two classes each is among two."""
        return ("first", "second") if len(self.classes) > 2 else ("first",)


def class_scores(comparison: Comparison) -> ClassScores | None:
    """Judge the class probabilities of matched detections.

    Parameters
    ----------
    comparison : Comparison
        Of detections with columns ``P(CLASS)``, as a detector of several classes and `seisml
        classify` write them.

    Returns
    -------
    ClassScores or None
        None where there are no such columns, or no pair has an expert's label among them.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> expert = make_catalog([{"time_ns": 0, "label": "LF"}, {"time_ns": 9, "label": "HF"}])
    >>> p = [{"time_ns": 0, "P(LF)": 0.8, "P(HF)": 0.2}, {"time_ns": 9, "P(LF)": 0.6, "P(HF)": 0.4}]
    >>> found = class_scores(compare(make_catalog(p), expert, tolerance_s=0))
    >>> found.table[["class", "n", "first", "second"]].values.tolist()
    [['HF', 1, 0.0, 1.0], ['LF', 1, 1.0, 1.0], ['(all)', 2, 0.5, 1.0]]
    """
    c = comparison
    columns = class_columns(c.machine)
    pairs = c.matched[c.matched["expert_label"].isin(columns)]
    if len(columns) < 2 or not len(pairs):
        return None
    machine = c.machine.set_index("event_id")[list(columns.values())]
    p = machine.loc[pairs["machine_id"]].to_numpy(np.float64)
    known = np.isfinite(p).all(axis=1)
    n_other, n_unknown = len(c.matched) - len(pairs), int((~known).sum())
    p, pairs = p[known], pairs[known]
    if not len(pairs):
        return None
    truth = pd.Index(columns).get_indexer(pairs["expert_label"])
    of_truth = p[np.arange(len(p)), truth]
    rank = (p > of_truth[:, None]).sum(axis=1)  # a tie is in favour: that is for the Brier score
    block = Blocks.of(c).number(pairs["expert_ns"])
    hits = {"first": rank < 1, "second": rank < 2}
    labels = pairs["expert_label"].to_numpy(dtype=object)
    groups = [*((name, labels == name) for name in sorted(set(labels)))]
    groups.append((ALL, np.ones(len(p), bool)))
    rows = [_row(name, mine, of_truth, hits, block) for name, mine in groups]
    outcome = np.eye(len(columns))[truth]
    shares = outcome.mean(axis=0)
    return ClassScores(
        table=pd.DataFrame(rows),
        brier=float(((p - outcome) ** 2).sum(axis=1).mean()),
        brier_of_shares=float(((shares - outcome) ** 2).sum(axis=1).mean()),
        reliability=reliability(p.max(axis=1), hits["first"]),
        n_other=n_other,
        n_unknown=n_unknown,
        classes=tuple(columns),
    )


def _row(name: str, mine: np.ndarray, p: np.ndarray, hits, block: np.ndarray) -> dict:
    row = {"class": name, "n": int(mine.sum()), "probability": float(p[mine].mean())}
    for key, hit in hits.items():
        effect = design_effect(hit[mine], block[mine])
        effect = 1.0 if math.isnan(effect) else effect
        low, high = share_interval(row["n"], int(hit[mine].sum()), effect)
        row |= {key: float(hit[mine].mean()), f"{key}_low": float(low), f"{key}_high": float(high)}
    return row


def class_numbers(scores: ClassScores | None) -> dict | None:
    """Return scores as plain values for JSON."""
    if scores is None:
        return None
    values = {field.name: getattr(scores, field.name) for field in dataclasses.fields(scores)}
    return {k: v.to_dict("records") if hasattr(v, "to_dict") else v for k, v in values.items()}
