"""Scores of submissions against the answer key, with intervals, and the leaderboard."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.classroom.exercise import AnswerKey
from seisml.classroom.submissions import Submission, read_submission
from seisml.compare import compare
from seisml.comparison import Comparison
from seisml.errors import CatalogError
from seisml.matching import count_pairs
from seisml.metrics import metrics
from seisml.resampling import Blocks
from seisml.times import NS_PER_S

BLOCK_S = 2 * 3600.0
MEASURES = ("score", "recall", "precision", "f1", "class_score")
_LONG_S = 600.0
_QUARTER_H_NS = 900 * NS_PER_S


@dataclasses.dataclass(frozen=True)
class Result:
    """How one team did.

    Attributes
    ----------
    team : str
    measures : dict of str to float
        `MEASURES`, ``onset_error_s`` (median of the pairs, s) and ``chance_recall`` (of the same
        detections moved in time).
    intervals : dict of str to (float, float)
        95 %, from blocks of two hours resampled.
    counts : dict of str to int
        n_events, n_detections, n_matched, n_right_class, n_outside.
    notes : tuple of str
    refused : str
        Why nothing could be scored; "" where it could.
    """

    team: str
    measures: dict
    intervals: dict
    counts: dict
    notes: tuple[str, ...] = ()
    refused: str = ""


def score(submission: Submission, key: AnswerKey, *, n_boot: int = 1000) -> Result:
    """Score one submission.

    Parameters
    ----------
    submission : Submission
    key : AnswerKey
    n_boot : int
        Resamples for the intervals.

    Returns
    -------
    Result
        Precision and F1 of a submission without detections are NaN and 0.

    Notes
    -----
    Pairs are one-to-one (`seisml.matching.match`), most first, so no detection serves two events
    and no event two detections. The class score is the mean over classes c of
    F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c); TP_c are pairs in which both labels are c, FP_c other
    detections labelled c, FN_c other events of class c. A flood of detections therefore pays in
    FP whatever its labels are.
    """
    comparison = compare(
        submission.catalog,
        key.catalog,
        tolerance_s=key.tolerance_s,
        coverage={"": [[key.start_ns, key.end_ns]]},
        by_station=False,
        labels=key.classes,
    )
    numbers = metrics(comparison, n_shifts=20, n_boot=0)
    table = _block_counts(comparison, key)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(table), size=(n_boot, len(table)))
    resampled = _rates(table[rows].sum(axis=1))
    values = {name: float(value) for name, value in _rates(table.sum(axis=0)).items()}
    values["onset_error_s"], onset = _onset_error(comparison, rng, n_boot)
    values["chance_recall"] = numbers["chance_recall"]
    intervals = {name: _interval(resampled[name]) for name in MEASURES} | {"onset_error_s": onset}
    matched = comparison.matched
    counts = {
        "n_events": numbers["n_expert"],
        "n_detections": len(submission.catalog),
        "n_matched": numbers["n_matched"],
        "n_right_class": int((matched["expert_label"] == matched["machine_label"]).sum()),
        "n_outside": comparison.outside["machine"],
    }
    notes = (*submission.notes, *_remarks(submission, key, comparison, numbers))
    return Result(submission.team, values, intervals, counts, notes)


def _block_counts(c: Comparison, key: AnswerKey) -> np.ndarray:
    """Return, for each block of the exam, what `_rates` needs; shape (n_blocks, 3 + 3 n_classes).

    Matched, missed, unmatched; then TP, FP, FN of each class.
    """
    blocks = Blocks.of(c, BLOCK_S)
    first, last = blocks.number([key.start_ns, key.end_ns - 1])

    def count(table, column, keep=None):
        table = table if keep is None else table[keep]
        numbers = np.clip(blocks.number(table[column]), first, last) - first
        return np.bincount(numbers, minlength=last - first + 1)

    m, missed, alone = c.matched, c.missed, c.unmatched
    columns = [count(m, "expert_ns"), count(missed, "time_ns"), count(alone, "time_ns")]
    for name in key.classes:
        is_true, is_said = m["expert_label"] == name, m["machine_label"] == name
        columns += [
            count(m, "expert_ns", is_true & is_said),
            count(m, "expert_ns", is_said & ~is_true)
            + count(alone, "time_ns", alone["label"] == name),
            count(m, "expert_ns", is_true & ~is_said)
            + count(missed, "time_ns", missed["label"] == name),
        ]
    return np.column_stack(columns).astype(np.float64)


def _rates(sums: np.ndarray) -> dict:
    """Return the measures of sums over blocks, shape (..., 3 + 3 n_classes)."""
    matched, missed, unmatched = np.moveaxis(sums[..., :3], -1, 0)
    classes = sums[..., 3:].reshape(*sums.shape[:-1], -1, 3)
    tp, fp, fn = np.moveaxis(classes, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = 2 * matched / (2 * matched + missed + unmatched)
        each = 2 * tp / (2 * tp + fp + fn)  # NaN: a class that is neither there nor claimed
        known = np.isfinite(each)
        class_score = np.where(known, each, 0.0).sum(axis=-1) / known.sum(axis=-1)
        return {
            "score": (f1 + class_score) / 2,
            "recall": matched / (matched + missed),
            "precision": matched / (matched + unmatched),
            "f1": f1,
            "class_score": class_score,
        }


def _interval(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _onset_error(c: Comparison, rng, n_boot: int) -> tuple[float, tuple[float, float]]:
    error = np.abs(c.matched["residual_s"].to_numpy())
    if not len(error):
        return math.nan, (math.nan, math.nan)
    draws = error[rng.integers(len(error), size=(n_boot, len(error)))]
    return float(np.median(error)), _interval(np.median(draws, axis=1))


def _remarks(submission: Submission, key: AnswerKey, c: Comparison, numbers: dict) -> list[str]:
    """Return what a teacher, or the team, should know about a submission."""
    events, notes = submission.catalog.events, []
    if not len(events):
        return ["no detections"]
    if c.outside["machine"]:
        notes.append(f"{c.outside['machine']} detections outside the exam: not scored")
    shift_h, n_shifted = _shift(events["time_ns"].to_numpy(), key)
    if shift_h and n_shifted > max(5, 1.5 * numbers["n_matched"]):
        notes.append(
            f"{n_shifted} events would match if times were {shift_h:+g} h: local time instead of "
            "UTC? Not applied"
        )
    length_s = (events["end_ns"] - events["time_ns"])[events["end_ns"] > events["time_ns"]]
    n_long = int((length_s > _LONG_S * NS_PER_S).sum())
    if n_long:
        notes.append(f"{n_long} detections last more than {_LONG_S:g} s; each counts once")
    chance = numbers["chance_recall"]
    if math.isfinite(chance) and chance > 0.5:
        notes.append(
            f"recall {numbers['recall']:.2f}, but detections moved in time have {chance:.2f}: "
            "so many detections that chance finds the events"
        )
    if (
        len(events) > 20
        and (events["label"] == events["label"].iloc[0]).all()
        and len(key.classes) > 1
    ):
        notes.append(f"every label is {events['label'].iloc[0]!r}")
    return notes


def _shift(times_ns: np.ndarray, key: AnswerKey) -> tuple[float, int]:
    """Return the whole shift (quarters of an hour up to 14 h) that gives most pairs."""
    truth = key.scored["time_ns"].to_numpy()
    tolerance = round(key.tolerance_s * NS_PER_S)
    if len(times_ns) > 20 * len(truth):
        return 0.0, 0  # a flood matches everywhere
    times = np.sort(times_ns)
    tried = {k: count_pairs(truth, times + k * _QUARTER_H_NS, tolerance) for k in range(-56, 57)}
    best = max(tried, key=lambda k: (tried[k], -abs(k)))
    return best / 4, tried[best]


def score_files(
    paths: Iterable, key: AnswerKey, *, zone: str | None = None, n_boot: int = 1000
) -> list[Result]:
    """Score files of submissions; one that cannot be read is refused and stops no other.

    Parameters
    ----------
    paths : iterable of path-like
    key : AnswerKey
    zone : str, optional
        Of times that state none.
    n_boot : int

    Returns
    -------
    list of Result
        In the order of the leaderboard (`ranked`).
    """
    paths = [Path(path) for path in paths]
    results = []
    for path in paths:
        alone = sum(other.stem == path.stem for other in paths) == 1
        team = path.stem if alone else str(path)
        try:
            submission = read_submission(path, classes=key.classes, zone=zone, team=team)
        except CatalogError as error:
            results.append(Result(team, {}, {}, {}, refused=str(error)))
            continue
        except OSError as error:
            told = f"{path} cannot be read: {error.strerror}."
            results.append(Result(team, {}, {}, {}, refused=told))
            continue
        results.append(score(submission, key, n_boot=n_boot))
    return ranked(results)


def ranked(results: Sequence[Result]) -> list[Result]:
    """Return results by score, then by onset error; refused ones last."""

    def place(result: Result):
        value, onset = (result.measures.get(k, math.nan) for k in ("score", "onset_error_s"))
        return (
            bool(result.refused),
            -value if math.isfinite(value) else 0.0,
            onset if math.isfinite(onset) else math.inf,
            result.team,
        )

    return sorted(results, key=place)


def leaderboard(results: Sequence[Result]) -> pd.DataFrame:
    """Return the leaderboard as a table of numbers, with ``_low`` and ``_high`` of each measure."""
    rows = []
    for place, result in enumerate(results, 1):
        row = {"place": place, "team": result.team}
        for name in (*MEASURES, "onset_error_s"):
            low, high = result.intervals.get(name, (math.nan, math.nan))
            value = result.measures.get(name, math.nan)
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        row["chance_recall"] = result.measures.get("chance_recall", math.nan)
        names = ("n_events", "n_detections", "n_matched", "n_right_class", "n_outside")
        row |= {name: result.counts.get(name, 0) for name in names}
        told = f"refused: {result.refused}" if result.refused else "; ".join(result.notes)
        rows.append({**row, "notes": " ".join(told.split())})
    return pd.DataFrame(rows)
