"""Label audit: where held-out models and labels disagree, for a person to look at and decide.

The list is a CSV with an empty column ``corrected``. What is written into it is read back: a
class, or ``?`` for what should not count.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from seisml.atomic import write_atomic
from seisml.catalog import Catalog, make_catalog
from seisml.codes import station_name
from seisml.comparison import Comparison
from seisml.errors import TableError
from seisml.evaluation import Evaluation
from seisml.tabular import UNSURE
from seisml.times import NAT, iso, to_ns

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


EVENT_COLUMNS = ("kind", "event_id", "station", "time", "end_time", "label", "score", "decision")


def event_review(test: Comparison) -> pd.DataFrame:
    """Return the events on which expert and detector disagree, for a person to decide on.

    Parameters
    ----------
    test : Comparison
        Of held-out detections, for example ``Training.test``.

    Returns
    -------
    pandas.DataFrame
        Columns `EVENT_COLUMNS`: first the detections that the expert does not have ("unmatched"),
        the surest first, then the events that were not detected ("missed"), the smallest first;
        ``decision`` is empty.
    """
    alone = test.unmatched.sort_values(["score", "time_ns"], ascending=[False, True])
    missed = test.missed.sort_values(["magnitude", "time_ns"], ascending=[True, True])
    rows = []
    for kind, table in (("unmatched", alone), ("missed", missed)):
        for row in table.itertuples(index=False):
            times = [iso(int(t)) if t != NAT else "" for t in (row.time_ns, row.end_ns)]
            label = row.label if kind == "missed" else ""
            rows.append((kind, row.event_id, row.station, *times, label, row.score, ""))
    return pd.DataFrame(rows, columns=list(EVENT_COLUMNS))


def apply_review(catalog: Catalog, path) -> tuple[Catalog, dict[str, int]]:
    """Return an expert catalogue with the decisions of a reviewer.

    Parameters
    ----------
    catalog : Catalog
    path : path
        A list of `event_review` with some of the column ``decision`` filled in. For a missed
        event: ``noise`` takes it out (at all stations), a class renames it. For an unmatched
        detection: a class adds it as an event of its station. ``?`` and an empty cell change
        nothing.

    Returns
    -------
    catalog : Catalog
    counts : dict of str to int
        Of removed, renamed and added events.

    Raises
    ------
    TableError
        If the file is no such list, or names an event that the catalogue does not have.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    missing = set(EVENT_COLUMNS) - {"score"} - set(table.columns)
    if missing:
        raise TableError(
            f"{path} has no column {', '.join(sorted(missing))}.",
            "The list is review.csv of 'seisml evaluate STORE --catalog FILE'.",
        )
    table = table[~table["decision"].str.strip().isin(["", UNSURE])]
    counts = {"removed": 0, "renamed": 0, "added": 0}
    events, added = catalog.events, []
    for row in table.itertuples(index=False):
        decision = row.decision.strip()
        if row.kind == "unmatched":
            if decision != "noise":
                end = row.end_time or row.time
                added.append(
                    {
                        "event_id": f"review:{row.event_id}",
                        "station": station_name(row.station),
                        "time_ns": to_ns(row.time),
                        "end_ns": to_ns(end),
                        "label": decision,
                    }
                )
            continue
        own = row.event_id if (events["event_id"] == row.event_id).any() else ""
        own = own or row.event_id.rpartition("@")[0]
        mine = events["event_id"] == own
        if not mine.any():
            raise TableError(f"{path}: the catalogue has no event {row.event_id!r}.")
        if decision == "noise":
            events = events[~mine]
            counts["removed"] += 1
        else:
            events = events.assign(label=events["label"].mask(mine, decision))
            counts["renamed"] += 1
    counts["added"] = len(added)
    picks = catalog.picks[catalog.picks["event_id"].isin(events["event_id"])]
    if added:
        new = pd.DataFrame(added)
        first = new[["event_id", "time_ns", "station"]].assign(phase="P", method="manual")
        events = pd.concat([events, new], ignore_index=True)
        picks = pd.concat([picks, first], ignore_index=True)
    about = {name: getattr(catalog, name) for name in ("name", "body", "source", "time_basis")}
    return make_catalog(events, picks, **about), counts
