"""Columns of text tables: rows without loss, names with aliases, texts to numbers.

Shared by the readers of tables. Everything that cannot be used is a CatalogError that names file,
line and value.
"""

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.errors import CatalogError
from seisml.formats.reading import read_text
from seisml.formats.rows import MISSING
from seisml.times import parse_times

ALIASES = {
    "time": ("time", "time_utc", "utc_time", "datetime", "date_time", "time_abs", "utc"),
    "origin_time": ("origin_time", "origintime", "origin_time_utc", "event_time", "ot"),
    "start": ("start", "start_time", "starttime", "time_on", "event_start", "begin", "on"),
    "onset_time": ("onset_time", "pick_time"),
    "end_time": ("end_time", "end", "endtime", "time_off", "event_end", "stop", "off"),
    "event_id": ("event_id", "id", "evid", "eventid", "event", "template"),
    "station": ("station", "sta", "station_code"),
    "network": ("network", "net", "network_code"),
    "label": ("label", "type", "class", "event_type", "event_class", "category"),
    "quality": ("quality",),
    "score": ("score", "probability", "prob", "confidence", "cc"),
    "uncertainty_s": ("uncertainty_s", "time_uncertainty_s", "time_error_s"),
    "latitude": ("latitude", "lat", "event_latitude"),
    "longitude": ("longitude", "lon", "lng", "long", "event_longitude"),
    "depth_km": ("depth_km", "depth", "event_depth_km", "depth_m"),
    "magnitude": ("magnitude", "mag"),
    "magnitude_type": ("magnitude_type", "magtype", "mag_type"),
    "time_basis": ("time_basis",),
    "body": ("body",),
}
"""Column names that are understood, best first, by what they mean."""

_NINES = (-99, -99.9, -99.99, -999, -999.9, -999.99, -9999, -99999, 9999, 99999)
UNKNOWN = {
    "magnitude": (-9, -9.9, -9.99, 99, 99.9, 99.99, 999, 999.9, 999.99, *_NINES),
    "latitude": (99, 99.9, 999, 999.9, *_NINES),
    "longitude": (999, 999.9, -999, -999.9, -9999, -99999, 9999, 99999),
    "depth_km": _NINES,
}
"""Numbers that lists write where they do not know one, by what they mean."""

_PICK_NAME = re.compile(r"([PpSs][gn]?)_(?:time|arrival|arrival_time|pick)(?:_utc)?$|([PS][gn]?)$")
_HEAD = 65_536
_SEPARATOR = re.compile(r"\s*sep=.\s*$", flags=re.IGNORECASE)
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+(?:,\d*)?\s*")
_LIMITS = {"latitude": 90.0, "longitude": 360.0}
_METRES = re.compile(r"[_/ ]m$|[(\[]\s*m(?:et(?:er|re)s?)?\s*[)\]]", flags=re.IGNORECASE)
_DATED = r"\s*(?:\d{4}[-/]\d\d?[-/]\d\d?|\d{8}T)"
_INSTANT = r"\d{4}-?\d\d-?\d\d[T ]\d\d.*(?:[zZ]|[+-]\d\d(?::?\d\d)?)"
_INTEGER = r"-?(?:0|[1-9]\d{0,17})"
_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?|-?inf"


def read_rows(path: Path, *, header: Sequence[str] = ()) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a table of texts separated by comma, semicolon or tab.

    With `header`, also one whose columns stand between blanks. What may stand before the header
    says `header_line`. Decimal commas become points where the separator is no comma.

    Parameters
    ----------
    path : path-like
        UTF-8, with or without byte-order mark.
    header : sequence of str
        Names of the columns of a file whose first line does not name them.

    Returns
    -------
    table : pandas.DataFrame of str
        Columns as in the header; blank lines are no rows.
    lines : numpy.ndarray of int64, shape (n_rows,)
        Where the rows begin in the file, from 1.

    Raises
    ------
    CatalogError
        If the file is too large or not UTF-8, a quotation does not end, a name in the header
        stands twice, or a row has more or fewer fields than the header.
    """
    path = Path(path)
    text = read_text(path)
    before, first = header_line(text)
    split = delimiter(first)
    if header and split not in first:
        return _words(text, list(header), path)
    if before:
        text = "".join(text.splitlines(keepends=True)[before:])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=split, strict=True)
    header = list(header)
    rows, lines, line = [], [], before + 1
    try:
        for fields in reader:
            line, end = before + reader.line_num + 1, line
            if not header:
                header = _names(fields, path) if fields else []
            elif len(fields) == len(header):
                rows.append(fields)
                lines.append(end)
            elif fields:
                raise _wrong_count(path, line - 1, len(rows) + 1, fields, header)
    except csv.Error as error:
        raise CatalogError(
            f"{path}, line {before + reader.line_num}: {error}.", "Check the quotation marks."
        ) from error
    table = pd.DataFrame(rows, columns=header, dtype=object)
    return _with_points(table) if split != "," else table, np.array(lines, dtype=np.int64)


def _words(text: str, header: list[str], path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a table whose columns stand between blanks; lines that begin with # are comments."""
    rows, lines = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if words and not words[0].startswith("#"):
            if len(words) != len(header):
                raise _wrong_count(path, number, len(rows) + 1, words, header)
            rows.append(words)
            lines.append(number)
    return pd.DataFrame(rows, columns=header, dtype=object), np.array(lines, dtype=np.int64)


def _wrong_count(path: Path, line: int, row: int, fields, header) -> CatalogError:
    return CatalogError(
        f"{path}, line {line}: row {row} has {len(fields)} fields, the header {len(header)}.",
        "Quote fields that contain the separator, or complete the row.",
    )


def _with_points(table: pd.DataFrame) -> pd.DataFrame:
    """Write decimal commas as points, in columns that hold nothing but such numbers."""

    def pointed(texts: pd.Series) -> pd.Series:
        filled = texts[~_missing(texts)]
        commas = filled.str.contains(",").any() and filled.str.fullmatch(_COMMA_NUMBER).all()
        return texts.str.replace(",", ".") if commas else texts

    return table.apply(pointed)


def header_line(text: str) -> tuple[int, str]:
    r"""Return how many lines of a text come before its header, and the header.

    Before it may stand blank lines, ``sep=;`` of spreadsheets, and comments that begin with ``#``;
    the last comment is the header where the line below it begins with a digit.

    Examples
    --------
    >>> header_line("# by hand\ntime,label\n2020-01-01T00:00:00Z,VT")
    (1, 'time,label')
    """
    numbered = enumerate(text[:_HEAD].splitlines())
    lines = [(n, line) for n, line in numbered if line.strip() and not _SEPARATOR.match(line)]
    comments = list(itertools.takewhile(lambda each: each[1].lstrip().startswith("#"), lines))
    below = lines[len(comments) : len(comments) + 1]
    if comments and not (below and re.match(r'[\s"]*[^\s\d"]', below[0][1])):
        return comments[-1]
    return below[0] if below else (0, "")


def _names(fields: list[str], path: Path) -> list[str]:
    names = [name.strip().lstrip("#").strip() for name in fields]
    names = [name or f"column_{number}" for number, name in enumerate(names, start=1)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise CatalogError(
            f"{path}: the column {twice[0]!r} stands twice in the header.", "Rename one of them."
        )
    return names


def delimiter(line: str) -> str:
    """Return the separator of a header line: comma, semicolon or tab.

    Examples
    --------
    >>> delimiter("time;label")
    ';'
    """
    return max(",;\t", key=line.count)


def plain(name: str) -> str:
    """Return a column name as aliases are compared: small, without units and blanks.

    Examples
    --------
    >>> plain("Depth (km)"), plain("Event-ID")
    ('depth', 'event_id')
    """
    bare = re.sub(r"\(.*\)|\[.*\]", "", name).strip().strip("#").casefold()
    return re.sub(r"[\s/.-]+", "_", bare.strip())


def find_roles(header: Iterable[str]) -> dict[str, str]:
    """Return what columns mean: from keys of `ALIASES` to names in the header.

    Where a header tells of samples (npts, sampling_rate), start and end are those of a record
    and not of an event.

    Examples
    --------
    >>> find_roles(["Time", "Lat", "remark"])
    {'time': 'Time', 'latitude': 'Lat'}
    """
    by_name = {plain(name): name for name in reversed(list(header))}
    roles = {}
    for role, aliases in ALIASES.items():
        for alias in aliases:
            if alias in by_name:
                roles[role] = by_name[alias]
                break
    if {"npts", "sampling_rate"} & set(by_name):
        roles = {role: name for role, name in roles.items() if role not in ("start", "end_time")}
    return roles


def find_phases(header: Iterable[str]) -> dict[str, str]:
    """Return the columns of arrival times: from names in the header to phases.

    Examples
    --------
    >>> find_phases(["P", "s_time", "sg_arrival", "p"])
    {'P': 'P', 's_time': 'S', 'sg_arrival': 'Sg'}
    """
    found = {name: _PICK_NAME.match(name.strip()) for name in header}
    return {name: (match[1] or match[2]).capitalize() for name, match in found.items() if match}


def looks_dated(texts: pd.Series) -> bool:
    """Tell whether at least half of the texts that are filled begin with a date."""
    filled = texts[~_missing(texts)]
    return bool(filled.empty or filled.str.match(_DATED).mean() >= 0.5)


def numbers(texts: pd.Series, column: str, path: Path, lines: np.ndarray) -> pd.Series:
    """Convert texts to float64, missing ones and what stands for them (`UNKNOWN`) to NaN.

    Raises
    ------
    CatalogError
        If a text is no number, or no latitude or longitude where it should be one.
    """
    values = pd.to_numeric(texts.where(~_missing(texts)), errors="coerce").astype(np.float64)
    unknown = values.isin(UNKNOWN.get(column, ()))
    values, texts = values.where(~unknown), texts.where(~unknown, "")
    wrong = (values.isna() & ~_missing(texts)) | (values.abs() > _LIMITS.get(column, np.inf))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise CatalogError(
            f"{path}: {column} is {texts.iloc[row]!r} (line {lines[row]}), which cannot be.",
            "Correct it, or leave it empty where it is unknown.",
        )
    return values


def in_metres(name: str) -> bool:
    """Tell whether the name of a column of depths says that they are metres.

    Examples
    --------
    >>> in_metres("depth(m)"), in_metres("Depth/km")
    (True, False)
    """
    return _METRES.search(name.strip()) is not None


def _missing(texts: pd.Series) -> pd.Series:
    return texts.str.strip().str.casefold().isin(MISSING)


def extra_columns(
    table: pd.DataFrame,
    taken: Collection[str],
    reserved: Collection[str],
    *,
    own: bool = False,
) -> pd.DataFrame:
    """Return the columns that no one has taken, with the types that their texts show.

    Parameters
    ----------
    table : pandas.DataFrame of str
    taken : collection of str
        Names of columns to leave out.
    reserved : collection of str
        Names that the columns must not have; they get ``source_`` in front.
    own : bool
        seisml wrote the table, with a point in every float: integers with gaps are ids.

    Returns
    -------
    pandas.DataFrame
        bool, int64, float64 or str. A column ``x_time`` of ISO times with zone becomes ``x_ns``.
    """
    extras = {}
    for name in table.columns:
        if name in taken:
            continue
        values = _typed(table[name], own=own)
        label = name
        if name.endswith("_time") and are_instants(table[name]):
            label = f"{name.removesuffix('_time')}_ns"
            values = parse_times(table[name], where=name)
        while label in reserved or label in extras:
            label = f"source_{label}"
        extras[label] = values
    return pd.DataFrame(extras, index=table.index)


def are_instants(texts: pd.Series) -> bool:
    """Tell whether all texts that are filled are ISO 8601 times with a zone."""
    filled = texts[texts != ""]
    return bool(len(filled) and filled.str.fullmatch(_INSTANT).all())


def _typed(texts: pd.Series, *, own: bool) -> pd.Series:
    """Return numbers and truth values as such, but leave ids such as 007 or of 20 digits."""
    filled = texts[~texts.isin(["", "NaN", "nan"])]

    def all_match(pattern: str) -> bool:
        # the first text decides most columns
        first = len(filled) and re.fullmatch(pattern, filled.iloc[0])
        return bool(first and filled.str.fullmatch(pattern).all())

    if all_match("True|False") and len(filled) == len(texts):
        return texts == "True"
    if all_match(_INTEGER) and len(filled) == len(texts):
        return texts.astype(np.int64)
    if own and all_match(_INTEGER):
        return texts
    if all_match(_NUMBER) and (filled[~filled.str.contains("[.eEi]")].str.len() < 16).all():
        return pd.to_numeric(filled).astype(np.float64).reindex(texts.index)
    return texts
