"""Label audit: where held-out models and labels disagree, for a person to look at and decide.

The list is a CSV with an empty column ``decision``. What is written into it is read back: a
class, or ``?`` for what should not count.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.atomic import write_atomic
from seisml.catalog import Catalog, make_catalog, stack
from seisml.codes import station_name
from seisml.comparison import Comparison
from seisml.errors import TableError
from seisml.evaluation import Evaluation
from seisml.tabular import UNSURE
from seisml.times import NAT, iso, to_ns

COLUMNS = ("row", "label", "suggested", "p_label", "p_suggested", "decision")


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
            "decision": "",
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
    """Return the label of each row that a reviewer decided on.

    Parameters
    ----------
    path : path
        A list of `write_review` with some of the column ``decision`` filled in.

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
    missing = {"row", "decision"} - set(table.columns)
    if missing:
        raise TableError(
            f"{path} has no column {', '.join(sorted(missing))}.",
            "Write the list with 'seisml evaluate' and fill in the column decision.",
        )
    decided = table[table["decision"].str.strip() != ""]
    found: dict[int, str] = {}
    for row, label in zip(decided["row"], decided["decision"].str.strip(), strict=True):
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


ITEM_COLUMNS = ("time", "end_time", "station", "decision")
"""What a list of `seisml discover` has: novelty.csv, similar.csv."""


def apply_review(catalog: Catalog, path) -> tuple[Catalog, dict[str, int]]:
    """Return an expert catalogue with the decisions of a reviewer.

    Parameters
    ----------
    catalog : Catalog
        Empty where there are no labels yet.
    path : path
        A list with some of the column ``decision`` filled in. Of `event_review`: for a missed
        event ``noise`` takes it out (at all stations), a class renames it; for an unmatched
        detection a class adds it as an event of its station. Of `seisml discover`: a class adds
        the item as an event of its station, or renames it where the items were events of this
        very catalogue, and ``noise`` takes such an event out. ``?`` and an empty cell change
        nothing; what was added before is not added again.

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
    table = _decided(path)
    counts = {"removed": 0, "renamed": 0, "added": 0}
    events, added = catalog.events, []
    for row in table.to_dict("records"):
        decision, own = row["decision"], _event_of(row, events, path)
        mine = events["event_id"] == own
        if not own:
            if decision != "noise":
                added.append(_new_event(row))
        elif decision == "noise":
            events = events[~mine]
            counts["removed"] += 1
        elif (events.loc[mine, "label"] != decision).any():
            events = events.assign(label=events["label"].mask(mine, decision))
            counts["renamed"] += 1
    counts["added"] = len(added)
    picks = catalog.picks[catalog.picks["event_id"].isin(events["event_id"])]
    if added:
        new = pd.DataFrame(added)
        first = new[["event_id", "time_ns", "station"]].assign(phase="P", method="manual")
        events = stack([events, new])
        picks = stack([picks, first])
    about = {name: getattr(catalog, name) for name in ("name", "body", "source", "time_basis")}
    return make_catalog(events, picks, **about), counts


def _decided(path) -> pd.DataFrame:
    """Return the rows of a list on which a reviewer decided."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    wanted = set(EVENT_COLUMNS) - {"score"} if "kind" in table else set(ITEM_COLUMNS)
    missing = wanted - set(table.columns)
    if missing:
        raise TableError(
            f"{path} has no column {', '.join(sorted(missing))}.",
            "The list is review.csv of 'seisml evaluate STORE --catalog FILE', or novelty.csv or "
            "similar.csv of 'seisml discover'.",
        )
    table["decision"] = table["decision"].str.strip()
    return table[~table["decision"].isin(["", UNSURE])]


def _event_of(row: Mapping, events: pd.DataFrame, path) -> str:
    """Return the id of the event that a row of a list is about, "" for one to be added."""
    stated = row.get("event_id", "")
    known = set(events["event_id"])
    if row.get("kind") == "missed":
        own = next((name for name in (stated, stated.rpartition("@")[0]) if name in known), "")
        if not own:
            raise TableError(f"{path}: the catalogue has no event {stated!r}.")
        return own
    new = _new_id(row)
    return new if new in known else stated if stated in known and "kind" not in row else ""


def _new_id(row: Mapping) -> str:
    return f"review:{row.get('event_id') or row['station'] + '.' + row['time']}"


def _new_event(row: Mapping) -> dict:
    return {
        "event_id": _new_id(row),
        "station": station_name(row["station"]),
        "time_ns": to_ns(row["time"]),
        "end_ns": to_ns(row["end_time"] or row["time"]),
        "label": row["decision"],
    }
