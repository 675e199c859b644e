"""Label audit: where held-out models and labels disagree, for a person to look at and decide.

The list is a CSV with an empty column ``corrected``. What is written into it is read back: a
class, or ``?`` for what should not count.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from seisml.atomic import write_atomic
from seisml.errors import TableError
from seisml.evaluation import Evaluation
from seisml.times import iso

COLUMNS = ("row", "label", "suggested", "p_label", "p_suggested", "corrected")


def disagreements(result: Evaluation, *, n: int | None = None) -> pd.DataFrame:
    """Return the rows whose label the models of other blocks find least likely.

    Parameters
    ----------
    result : Evaluation
    n : int, optional
        Length of the list; default all rows that the best model gives another class.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS` and, where it is known, time; the least likely label first. ``p_label``
        is the mean probability, over all models but the dummy, of the label; ``suggested`` the
        class with the largest.
    """
    names = [name for name in result.probability if name != "dummy"] or list(result.probability)
    p = np.mean([result.probability[name] for name in names], axis=0)
    truth = result.truth
    at = np.arange(len(truth))
    suggested = p.argmax(axis=1)
    table = pd.DataFrame(
        {
            "row": result.samples.row,
            "label": result.samples.y,
            "suggested": np.asarray(result.classes)[suggested],
            "p_label": p[at, truth].round(6),
            "p_suggested": p[at, suggested].round(6),
            "corrected": "",
        }
    )
    if result.samples.time_ns is not None:
        table["time"] = [iso(int(t)) for t in result.samples.time_ns]
    table = table[suggested != truth] if n is None else table
    table = table.sort_values(["p_label", "row"], kind="stable", ignore_index=True)
    return table if n is None else table.head(n)


def write_review(path, table: pd.DataFrame) -> Path:
    """Write a list for review as CSV."""
    write_atomic(path, table.to_csv(index=False, lineterminator="\n"))
    return Path(path)


def read_review(path) -> dict[int, str]:
    """Return the corrected label of each row that a reviewer decided on.

    Parameters
    ----------
    path : path
        A list of `write_review` with some of the column ``corrected`` filled in.

    Returns
    -------
    dict of int to str
        By row; "?" for a row that should not count.

    Raises
    ------
    TableError
        If the file has no such columns, or decides twice on one row.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    missing = {"row", "corrected"} - set(table.columns)
    if missing:
        raise TableError(
            f"{path} has no column {', '.join(sorted(missing))}.",
            "Write the list with 'seisml evaluate' and fill in the column corrected.",
        )
    decided = table[table["corrected"].str.strip() != ""]
    found: dict[int, str] = {}
    for row, label in zip(decided["row"], decided["corrected"].str.strip(), strict=True):
        if not row.isdigit():
            raise TableError(f"{path}: {row!r} is no row.", "Leave the column row as it is.")
        if found.setdefault(int(row), label) != label:
            raise TableError(
                f"{path} decides twice on row {row}: {found[int(row)]!r} and {label!r}."
            )
    return found
