"""Lists of signals at InSight on Mars: annotated epochs of the service, glitches of seisglitch.

Epochs (dust devils, glitches, donks, ...) are CSV without header behind a line that begins with
``#``: start, end, author, class, comment, annotation, all quoted. Several classes are joined by
``;``, ends may be missing or wrong, quoted texts hold line breaks and sometimes quotes.

Glitches are 23 fields between blanks; headers and a summary stand in lines that begin with ``#``.
"""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    reject,
    split_rows,
    to_catalog,
    with_numbers,
    with_times,
)
from seisml.times import NAT

STATION = "XB.ELYSE"
_EPOCH = ("start", "end", "author", "label", "comment", "annotation")
_EPOCH_START = re.compile(r'"\d{4}-\d\d-\d\dT')
_FIRST_EPOCH = re.compile(r'(?:#[^\n]*\n\s*)*"\d{4}-\d\d-\d\dT[^"\n]*","[^"\n]*","[^"\n]*","')
_GLITCH_HEADER = re.compile(r"^#\s*NUM\s+GLITCH-UTC-S\s.*$", re.MULTILINE)
_TEXTS = {"event_id", "start", "end", "GLITCH-LMST-S", "GLITCH-LMST-E"}


def sniff_epochs(head: str, path: Path) -> bool:
    """Tell whether a text begins as annotated epochs, behind comments."""
    return _FIRST_EPOCH.match(head) is not None


def sniff_glitches(head: str, path: Path) -> bool:
    """Tell whether a text has the header of a seisglitch list."""
    return head.lstrip().startswith("#") and _GLITCH_HEADER.search(head) is not None


def read_epochs(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read annotated epochs of the Marsquake Service.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the format states both.
    body : str, optional
        mars, or nothing.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        One event an epoch; ``label`` the class, several joined by ``;``, without the vocabulary's
        address. Extra columns are author, comment and annotation. Rows whose end is before the
        start or whose number of fields is not six are counted as dropped.

    Raises
    ------
    CatalogError
        If the text is not UTF-8, no row can be used, or `body` is not Mars.
    """
    rows = _cut_epochs(read_lines(path, keep_blank=True))
    rows = with_times(rows, "start", "time_ns", zone=None, needed=True)
    rows = with_times(rows, "end", "end_ns", zone=None, needed=False)
    table = rows.table
    early = (table["end_ns"] < table["time_ns"]) & (table["end_ns"] != NAT)
    rows = reject(rows, early, "end before start")
    terms = rows.table["label"].str.split(";")
    labels = [";".join(term.rpartition("#")[2] for term in each) for each in terms]
    return _of_mars(Rows(rows.table.assign(label=labels), rows.rejected), path, body, name)


def _cut_epochs(lines: pd.Series) -> Rows:
    """Cut rows that begin with a date, each on its own: one broken quotation spoils one row."""
    begins = lines.str.match(_EPOCH_START).to_numpy(dtype=bool)
    comment = lines.str.startswith("#").to_numpy(dtype=bool) | (lines.str.strip() == "").to_numpy()
    first = np.flatnonzero(begins)
    texts = lines.to_numpy()
    numbers = lines.index.to_numpy()
    cells = []
    for start, stop in zip(first, [*first[1:], len(lines)], strict=False):
        cells.append(_cut_epoch("\n".join(texts[start:stop])))
    before = ~comment[: first[0]] if len(first) else ~comment
    rows = Rows(pd.DataFrame(index=numbers[: len(before)]))
    rows = reject(rows, before, "no epoch begins here")
    return split_rows(cells, numbers[first], _EPOCH, rows.rejected)


def _cut_epoch(text: str) -> list[str]:
    """Return the fields of one row; none if its quotation is broken."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:
        return []
    return [field.strip() for field in rows[0]] if len(rows) == 1 else []


def read_glitches(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a list of glitches that seisglitch found.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the format states both.
    body : str, optional
        mars, or nothing.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        One event a glitch, label ``glitch``; the other columns keep their names.

    Raises
    ------
    CatalogError
        If the text is not UTF-8, there is no header or no usable line, or `body` is not Mars.
    """
    lines = read_lines(path)
    headers = lines[lines.str.match(_GLITCH_HEADER)]
    if headers.empty:
        raise CatalogError(
            f"{path}: no line begins '# NUM GLITCH-UTC-S'.", "Lists of seisglitch have this header."
        )
    names = headers.iloc[0].lstrip("#").split()
    known = {"NUM": "event_id", "GLITCH-UTC-S": "start", "GLITCH-UTC-E": "end"}
    names = [known.get(each, each) for each in names]
    if len(set(names) & set(known.values())) < len(known) or len(set(names)) < len(names):
        raise CatalogError(
            f"{path}, line {headers.index[0]}: the header lacks a column or has one twice.",
            f"Lists of seisglitch have {', '.join(known)}.",
        )
    lines = lines[~lines.str.startswith("#")]
    rows = split_rows([line.split() for line in lines], lines.index, names)
    rows = with_numbers(rows, [column for column in rows.table if column not in _TEXTS])
    rows = with_times(rows, "start", "time_ns", zone="UTC", needed=True)
    rows = with_times(rows, "end", "end_ns", zone="UTC", needed=False)
    return _of_mars(Rows(rows.table.assign(label="glitch"), rows.rejected), path, body, name)


def _of_mars(rows: Rows, path: Path, body: str | None, name: str) -> Catalog:
    if body not in (None, "mars"):
        raise CatalogError(f"{path}: body is {body!r}.", "This is a list of Mars.")
    return to_catalog(
        Rows(rows.table.assign(station=STATION), rows.rejected),
        path=Path(path),
        name=name,
        body="mars",
        time_basis="label_start",
    )


FORMATS = (
    Format("mqs-epochs", sniff_epochs, read_epochs, None, (), "annotated epochs of the MQS"),
    Format("seisglitch", sniff_glitches, read_glitches, None, (), "glitch list of seisglitch"),
)
