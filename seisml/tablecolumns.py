"""Columns of a table that seisml did not make: which are features, and why the others are not."""

import dataclasses
import fnmatch
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

MIN_ROWS = 10
"""A class with fewer rows can be neither learnt nor scored."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """What the columns of a table mean.

    Attributes
    ----------
    label : str
        Class of each row; rows without one do not count.
    time : str
        Time of each row (ISO 8601), or numbers that give their order; "" for none.
    group : str
        Rows that belong together: event, station, swarm; "" for none.
    drop : tuple of str
        Columns (or patterns) that are no features.
    keep : tuple of str
        Columns (or patterns) that are features though they look as if they were none.
    rename : mapping of str to str
        Pattern of labels to the class that it means.
    rest : str
        Class of the rows without a label; "" leaves them out.
    """

    label: str
    time: str = ""
    group: str = ""
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    rename: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rest: str = ""


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def numbers_of(frame: pd.DataFrame, columns: Columns, label: np.ndarray, notes: list[str]):
    """Return the columns that hold numbers, and the others with the reason."""
    kept, left_out, tiny = {}, [], []
    roles = {columns.label: "the label", columns.time: "the time", columns.group: "the group"}
    for name in frame.columns:
        if name in roles:
            left_out.append((name, f"it is {roles[name]}"))
            continue
        if _matches(name, columns.drop):
            left_out.append((name, "named in drop"))
            continue
        values = pd.to_numeric(frame[name], errors="coerce").astype(np.float64).to_numpy(copy=True)
        given = frame[name].notna().to_numpy()
        n_text = int((given & np.isnan(values)).sum())
        if n_text > 0.1 * max(1, given.sum()):
            left_out.append((name, "text"))
            continue
        if n_text:
            notes.append(f"{name}: {n_text} values are no numbers and count as missing")
        small = (values != 0) & (np.abs(values) < np.finfo(np.float64).tiny)
        if small.any():
            tiny.append(name)
            values[small] = 0.0
        values[np.isinf(values)] = np.nan
        if _counts_rows(values, label) and not _matches(name, columns.keep):
            left_out.append((name, "runs with the rows, as a serial number"))
            notes.append(
                f"{name} grows or falls from row to row within each class, as a serial number: it "
                "may give the label away and is no feature (--keep takes it)"
            )
            continue
        kept[name] = values
    if tiny:
        notes.append(
            f"{', '.join(tiny)}: sub-normal numbers (below 2e-308: memory that was never set) "
            "count as 0"
        )
    return pd.DataFrame(kept, index=frame.index), left_out


def _counts_rows(values: np.ndarray, label: np.ndarray) -> bool:
    """Whether values run with the rows: nine of ten steps go one way in every class."""
    seen = False
    for name in np.unique(label.astype(str)):
        mine = values[label == name]
        mine = mine[np.isfinite(mine)]
        if len(mine) < 2 * MIN_ROWS:
            continue
        seen, step = True, np.diff(mine)
        if max((step > 0).mean(), (step < 0).mean()) < 0.9:
            return False
    return seen


def without_constants(X: pd.DataFrame, columns: Columns, left_out: list):
    """Leave out what has no value or only one, and columns that repeat another."""
    kept, seen = {}, {}
    for name in X.columns:
        values = X[name].to_numpy()
        known = values[np.isfinite(values)]
        key = values.tobytes()
        if not len(known):
            left_out.append((name, "no value"))
        elif known.min() == known.max() and len(known) == len(values):
            left_out.append((name, f"always {known[0]:.6g}"))
        elif key in seen:
            left_out.append((name, f"the same as {seen[key]}"))
        else:
            kept[name] = values
            seen[key] = name
    return pd.DataFrame(kept, index=X.index), left_out
