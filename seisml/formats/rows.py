"""Lists with one event a line: what could be read of each line, what not, why and where.

A reader cuts its lines into texts, then `with_numbers`, `with_times` and `reject` turn them into
values or put the line among the rejected, and `to_catalog` counts these. Every line is kept,
rejected with a reason, or skipped by a rule that the reader states.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.times import NAT, STATE_ZONE, find_times, from_parts

MISSING = ("", "nan", "none", "null", "na", "n/a", "-")
"""Texts of unknown numbers, small letters."""

_LIMITS = {"latitude": 90.0, "longitude": 360.0}
_OVERFLOW = re.compile(r"\*+$")  # what Fortran prints for a number that is too long
_N_LINES = 5

Rejected = Mapping[str, np.ndarray]
"""Numbers of the lines that cannot be used, by reason."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """The usable lines of a list and the numbers of the others.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a line; the index is the number of the line in the file, from 1.
    rejected : mapping of str to numpy.ndarray
        Numbers of the lines that cannot be used, by reason.
    """

    table: pd.DataFrame
    rejected: Rejected = dataclasses.field(default_factory=dict)


def cut(lines: pd.Series, pattern: str, reason: str) -> Rows:
    r"""Cut lines into the named groups of a pattern.

    Parameters
    ----------
    lines : pandas.Series of str
    pattern : str
        Regular expression with named groups that matches a whole line of the list.
    reason : str
        Why a line that does not match is rejected.

    Returns
    -------
    Rows
        A column of stripped texts for each group.

    Examples
    --------
    >>> rows = cut(pd.Series(["a 1", "?"], index=[1, 2]), r"(?P<name>\w) (?P<size>\d)", "no size")
    >>> rows.table.to_dict("index"), rows.rejected["no size"].tolist()
    ({1: {'name': 'a', 'size': '1'}}, [2])
    """
    expression = re.compile(pattern)
    found = [expression.fullmatch(line) for line in lines]
    good = np.array([match is not None for match in found], dtype=bool)
    texts = [
        {name: (text or "").strip() for name, text in match.groupdict().items()}
        for match in found
        if match
    ]
    table = pd.DataFrame(
        texts, index=lines.index[good], columns=list(expression.groupindex), dtype=object
    )
    return Rows(table, _add({}, reason, lines.index[~good]))


def split_rows(
    cells: Sequence[Sequence[str]],
    lines: Sequence[int],
    names: Sequence[str],
    rejected: Rejected | None = None,
) -> Rows:
    """Put lines that are split into fields together, rejecting those with more or fewer.

    Parameters
    ----------
    cells : sequence of sequence of str
        The fields of each line.
    lines : sequence of int
        The numbers of the lines.
    names : sequence of str
        What the fields are called.
    rejected : mapping, optional
        Lines that were rejected before.

    Returns
    -------
    Rows

    Examples
    --------
    >>> split_rows([["1", "2"], ["3"]], [7, 8], ["a", "b"]).rejected
    {'number of fields is not 2': array([8])}
    """
    right = np.fromiter((len(fields) == len(names) for fields in cells), dtype=bool)
    lines = np.asarray(lines, dtype=np.int64)
    table = pd.DataFrame(
        [fields for fields in cells if len(fields) == len(names)] or None,
        index=lines[right],
        columns=list(names),
        dtype=object,
    )
    reason = f"number of fields is not {len(names)}"
    return Rows(table, _add(rejected or {}, reason, lines[~right]))


def join_rows(pieces: Iterable[Rows]) -> Rows:
    """Put the pieces of a list together."""
    pieces = list(pieces)
    rejected: Rejected = {}
    for piece in pieces:
        for reason, lines in piece.rejected.items():
            rejected = _add(rejected, reason, lines)
    tables = [piece.table for piece in pieces]
    return Rows(pd.concat(tables), rejected)


def reject(rows: Rows, wrong, reason: str) -> Rows:
    """Return the rows without those that are wrong, whose lines are noted under the reason."""
    wrong = np.asarray(wrong, dtype=bool)
    lines = rows.table.index.to_numpy()[wrong]
    return Rows(rows.table[~wrong], _add(rows.rejected, reason, lines))


def _add(rejected: Rejected, reason: str, lines) -> Rejected:
    lines = np.asarray(lines, dtype=np.int64)
    if not lines.size:
        return rejected
    return {**rejected, reason: np.concatenate([rejected.get(reason, lines[:0]), lines])}


def with_numbers(rows: Rows, columns: Iterable[str]) -> Rows:
    """Turn columns of texts into float64, missing texts into NaN.

    A text that is no finite number, or no latitude or longitude where it should be one, rejects
    its line. Numbers too long for their Fortran field (asterisks) are missing.
    """
    for column in columns:
        values, wrong = to_floats(rows.table[column])
        limit = _LIMITS.get(column, np.inf)
        outside = np.abs(values) > limit
        kept = rows.table.assign(**{column: values})
        rows = Rows(kept, rows.rejected)
        if (wrong | outside).any():
            rows = reject(rows, wrong, f"{column} is no number")
            outside = outside[~wrong]
            rows = reject(rows, outside, f"{column} outside -{limit:g} to {limit:g}")
    return rows


def to_floats(texts: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as float64 (NaN where missing), and where they are no finite numbers."""
    values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    odd = np.flatnonzero(~np.isfinite(values))
    rest = texts.iloc[odd].str.strip()
    missing = rest.str.casefold().isin(MISSING) | rest.str.match(_OVERFLOW)
    wrong = np.zeros(len(values), dtype=bool)
    wrong[odd] = ~missing.to_numpy(dtype=bool)
    values[odd] = np.nan
    return values, wrong


def with_times(rows: Rows, column: str, target: str, *, zone: str | None, needed: bool) -> Rows:
    """Turn a column of ISO 8601 texts into instants.

    Parameters
    ----------
    rows : Rows
    column, target : str
        The column of texts, and that of nanoseconds which takes its place.
    zone : str or None
        Of texts that state none.
    needed : bool
        Reject also lines without a time.

    Returns
    -------
    Rows
    """
    texts = rows.table[column]
    times, problems = find_times(texts, zone=zone)
    if needed:
        problems = np.where((times == NAT) & (problems == ""), "is missing", problems)
    rows = Rows(rows.table.drop(columns=column).assign(**{target: times}), rows.rejected)
    for problem in sorted(set(problems) - {""}):
        rows = reject(rows, problems == problem, f"{column} {problem}")
        problems = problems[problems != problem]
    return rows


def with_clock(rows: Rows, parts: Sequence[str], *, zone: str, hundred_years: bool = False) -> Rows:
    """Turn the columns of year, month, day, hour, minute and second into ``time_ns``.

    Parameters
    ----------
    rows : Rows
    parts : sequence of str
        The six columns, of texts or numbers; empty hours, minutes and seconds are 0.
    zone : str
        Zone of the clock.
    hundred_years : bool
        Years have two digits: 69 to 99 are of the 20th century, 00 to 68 of the 21st (POSIX).

    Returns
    -------
    Rows
        Lines whose numbers are no time of the calendar are rejected.
    """
    texts = rows.table[list(parts)]
    values = [to_floats(texts[part].astype(str)) for part in parts]
    wrong = np.logical_or.reduce([bad for _, bad in values])
    year, month, day, *clock = (value for value, _ in values)
    if hundred_years:
        year = year + np.where(year < 69, 2000, 1900)
    for part, value in zip(parts[3:], clock, strict=True):
        wrong |= np.isnan(value) & (texts[part].astype(str).str.strip() != "").to_numpy()
    clock = [np.nan_to_num(part) for part in clock]
    times = from_parts(year, month, day, *clock, zone=zone)
    rows = Rows(rows.table.drop(columns=list(parts)).assign(time_ns=times), rows.rejected)
    return reject(rows, wrong | (times == NAT), "date and clock are no time of the calendar")


def stated_zone(zone: str | None, path: Path, kind: str) -> str:
    """Return the zone of a format that states none.

    Raises
    ------
    CatalogError
        If nobody states it.
    """
    if zone is None:
        raise CatalogError(
            f"{path}: the times of a {kind} have no time zone.",
            f"State the zone: {STATE_ZONE}; observatories also use local time.",
        )
    return zone


def to_catalog(
    rows: Rows,
    *,
    path: Path,
    name: str,
    body: str,
    time_basis: str,
    picks: pd.DataFrame | None = None,
) -> Catalog:
    """Return the rows as a catalogue that says what was left out and where.

    Events that stand there a second time (same id and time) are left out and counted.

    Raises
    ------
    CatalogError
        If no line at all could be used, or one id has two times.
    """
    if "event_id" in rows.table:
        again = rows.table.duplicated(["event_id", "time_ns"]) & (rows.table["event_id"] != "")
        rows = reject(rows, again, "same event again")
        check_ids(rows.table, path)
    counts, lines = counted(rows.rejected)
    if rows.table.empty and counts:
        reasons = "; ".join(f"{n} x {why} (line {lines[why][0]})" for why, n in counts.items())
        zoneless = any("no time zone" in why for why in counts)
        raise CatalogError(
            f"{path}: not one line can be used: {reasons}.",
            f"State the zone: {STATE_ZONE}."
            if zoneless
            else "Check that the file is whole and of this format.",
        )
    return make_catalog(
        rows.table.reset_index(drop=True),
        picks,
        name=name,
        body=body,
        source=str(path),
        time_basis=time_basis,
        dropped=counts,
        dropped_lines=lines,
    )


def counted(rejected: Rejected) -> tuple[dict[str, int], dict[str, tuple[int, ...]]]:
    """Return how many lines were rejected, and the numbers of the first, by reason.

    Examples
    --------
    >>> counted({"no time": np.array([3, 9])})
    ({'no time': 2}, {'no time': (3, 9)})
    """
    counts = {reason: len(lines) for reason, lines in rejected.items()}
    first = {reason: np.sort(lines)[:_N_LINES] for reason, lines in rejected.items()}
    return counts, {reason: tuple(lines.tolist()) for reason, lines in first.items()}


def check_ids(table: pd.DataFrame, path: Path) -> None:
    """Refuse an event id that stands in two lines; the index of the table are lines.

    Raises
    ------
    CatalogError
    """
    twice = table["event_id"].duplicated(keep=False) & (table["event_id"] != "")
    if twice.any():
        event_id = table["event_id"][twice].iloc[0]
        first, second, *_ = table.index[table["event_id"] == event_id]
        raise CatalogError(
            f"{path}: the event id {event_id!r} stands in lines {first} and {second}, "
            "with different times.",
            "Event ids must be unique: rename or remove one; or, where the column is no id, leave "
            "it out of a catalog.toml.",
        )
