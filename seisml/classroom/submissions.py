"""What students hand in: a CSV ``time,end_time,label``, read with messages that help."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError, did_you_mean
from seisml.times import NAT, find_times

COLUMNS = ("time", "end_time", "label")
_EXAMPLE = "The first lines should look like:\ntime,end_time,label\n2024-03-06T00:12:41.20Z,"
_EXAMPLE += "2024-03-06T00:13:05.00Z,earthquake"
_MEANT = {
    "time": ("start", "start_time", "starttime", "onset", "p", "p_time", "datetime", "t", "times"),
    "end_time": ("end", "endtime", "stop", "stop_time", "t_end", "end_times", "ending"),
    "label": ("class", "type", "kind", "event_type", "labels", "category", "prediction"),
}
_SHOWN = 3  # problems that are told before "and so many more"


@dataclasses.dataclass(frozen=True)
class Submission:
    """Detections of one team, and what was odd about their file.

    Attributes
    ----------
    team : str
    catalog : Catalog
    notes : tuple of str
    """

    team: str
    catalog: Catalog
    notes: tuple[str, ...] = ()


def read_submission(
    path, *, classes: Sequence[str], zone: str | None = None, team: str = ""
) -> Submission:
    r"""Read one submission.

    Columns may be in any order and case, with any others beside them; commas, semicolons or
    tabs divide them. Rows that are there twice count once. Labels in another case are understood;
    unknown ones are kept, and are never right.

    Parameters
    ----------
    path : path-like
    classes : sequence of str
        The right labels.
    zone : str, optional
        Zone of times that state none; without it they are an error.
    team : str
        By default the name of the file.

    Returns
    -------
    Submission

    Raises
    ------
    CatalogError
        If a column is missing, or times cannot be understood: all the problems at once.

    Examples
    --------
    >>> import tempfile
    >>> name = Path(tempfile.mkdtemp()) / "team.csv"
    >>> _ = name.write_text("Time;label;end_time\n2024-03-06T01:00:00+01:00;Blast;\n")
    >>> read_submission(name, classes=["blast"]).catalog.events["label"].tolist()
    ['blast']
    """
    path, notes = Path(path), []
    table = _table(path, notes)
    lines = np.arange(2, len(table) + 2)
    empty = (table[list(COLUMNS)] == "").all(axis=1).to_numpy()
    table, lines = table[~empty].reset_index(drop=True), lines[~empty]
    times = {name: _times(table[name], zone) for name in COLUMNS[:2]}
    problems = _problems(table, times, lines)
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        hint = _EXAMPLE
        if any("no time zone" in problem for problem in problems):
            hint = "Write UTC with a Z at the end (or score with --zone UTC if you are sure)."
        raise CatalogError(f"{path.name}: {'; '.join(problems[:_SHOWN])}{more}.", hint)
    events = pd.DataFrame(
        {
            "time_ns": times["time"][0],
            "end_ns": times["end_time"][0],
            "label": _labels(table["label"], classes, notes),
        }
    )
    return Submission(team or path.stem, _catalog(events, team or path.stem, notes), tuple(notes))


def _table(path: Path, notes: list[str]) -> pd.DataFrame:
    """Read the wanted columns as text."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CatalogError(
            f"{path.name} is no text in UTF-8: {error.reason} at byte {error.start}.",
            "Save it as CSV (UTF-8), not as a spreadsheet.",
        ) from error
    lines = text.strip("\n\r").splitlines()
    header = lines[0] if lines else ""
    if not header.strip():
        raise CatalogError(f"{path.name} is empty.", f"No detections? {_EXAMPLE}")
    divider = max(",;\t", key=header.count)
    if divider != ",":
        notes.append(f"columns are divided by {'semicolons' if divider == ';' else 'tabs'}")
    try:
        table = pd.read_csv(
            io.StringIO(text), sep=divider, dtype=str, keep_default_na=False, index_col=False
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise CatalogError(f"{path.name} is no CSV: {error}.", _EXAMPLE) from error
    table.columns = [str(name).strip().lower().strip('"') for name in table.columns]
    found = list(table.columns)
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise CatalogError(
            f"{path.name}: column {', '.join(repr(name) for name in missing)} is missing; the "
            f"file has {', '.join(repr(name) for name in found)}.",
            _advice(missing, found),
        )
    twice = [name for name in COLUMNS if found.count(name) > 1]
    if twice:
        raise CatalogError(f"{path.name}: the column {twice[0]!r} stands twice.", "Remove one.")
    others = [name for name in found if name not in COLUMNS and not name.startswith("unnamed")]
    if others:
        notes.append(f"columns not used: {', '.join(others)}")
    return table[list(COLUMNS)].apply(lambda column: column.str.strip())


def _advice(missing: list[str], found: list[str]) -> str:
    """Say which column is probably meant."""
    renamed = []
    for name in missing:
        meant = [word for word in found if word.replace(" ", "_") in _MEANT[name]]
        if meant:
            renamed.append(f"rename {meant[0]!r} to {name!r}")
    if renamed:
        return f"Perhaps {' and '.join(renamed)}."
    return f"The first line must be: {','.join(COLUMNS)}"


def _times(texts: pd.Series, zone: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return times and what is wrong with them; what is no time at all lacks no zone."""
    times, problems = find_times(texts, zone=zone)
    no_time = find_times(texts, zone=zone or "UTC")[1]
    return times, np.where(no_time != "", no_time, problems)


def _problems(table: pd.DataFrame, times, lines) -> list[str]:
    """Return what is wrong with the times, in the order of lines."""
    found = []
    for name, (_, problems) in times.items():
        rows = np.flatnonzero(problems != "")
        found += [(lines[r], f"{name} {table[name][r]!r} {problems[r]}") for r in rows]
    start, end = times["time"][0], times["end_time"][0]
    no_time = (start == NAT) & (times["time"][1] == "")
    found += [(lines[r], "time is missing") for r in np.flatnonzero(no_time)]
    early = (end != NAT) & (start != NAT) & (end < start)
    found += [(lines[r], "end_time is before time") for r in np.flatnonzero(early)]
    return [f"line {line}: {text}" for line, text in sorted(found)]


def _labels(labels: pd.Series, classes: Sequence[str], notes: list[str]) -> np.ndarray:
    """Return labels in the spelling of the classes; those that are none as they are."""
    known = {name.lower(): name for name in classes}
    lower = labels.str.lower()
    out = lower.map(known).where(lower.isin(list(known)), labels)
    unknown = out[~out.isin(list(classes))]
    for label, number in unknown.value_counts().sort_index().items():
        if label == "":
            notes.append(f"{number} rows have no label: never the right class")
        else:
            hint = did_you_mean(str(label).lower(), classes)
            notes.append(f"label {label!r} ({number} rows) is no class. {hint}")
    return out.to_numpy(dtype=object)


def _catalog(events: pd.DataFrame, team: str, notes: list[str]) -> Catalog:
    """Return the detections in the order of time, each row once."""
    twice = events.duplicated()
    if twice.any():
        notes.append(f"{int(twice.sum())} rows are there twice: counted once")
    no_end = int((events["end_ns"] == NAT).sum())
    if no_end:
        notes.append(f"{no_end} rows have no end_time")
    return make_catalog(events[~twice], name=team, time_basis="first_pick")
