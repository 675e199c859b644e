"""Event lists of the USGS (ComCat, ANSS): CSV with 13, 15 or 22 columns.

``type`` is the class (earthquake, quarry blast, ice quake); the other columns keep their names:
gap and dmin in degrees, horizontalError and depthError in km, rms in s. The file is read in
pieces, so that a list of decades needs little more memory than its events.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_csv
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    join_rows,
    reject,
    to_catalog,
    with_numbers,
    with_times,
)

_FIRST = ("time", "latitude", "longitude", "depth", "mag", "magType")
_LATER = {"nst", "gap", "dmin", "rms", "net", "id", "updated"}
_ROLES = {
    "depth": "depth_km",
    "mag": "magnitude",
    "magType": "magnitude_type",
    "id": "event_id",
    "type": "label",
}
_NUMBERS = ("latitude", "longitude", "depth_km", "magnitude", "nst", "gap", "dmin", "rms")
_NUMBERS += ("horizontalError", "depthError", "magError", "magNst")


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line holds the column names of ComCat."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    names = [name.strip().strip('"') for name in first.split(",")]
    return tuple(names[: len(_FIRST)]) == _FIRST and set(names) >= _LATER


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read an event list of the USGS.

    Parameters
    ----------
    path : path-like
    zone : str, optional
        Zone of times that state none; those of the USGS state it.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times. Of an event that stands there in several versions the one that was
        updated last is kept; older ones and lines that cannot be read are counted as dropped.

    Raises
    ------
    CatalogError
        If the text is not UTF-8, a quotation does not end, or no line can be used.
    """
    rows = join_rows(_to_values(piece, zone, path) for piece in read_csv(path))
    if "updated_ns" in rows.table:
        newest = rows.table["updated_ns"].sort_values(kind="stable", ascending=False).index
        table = rows.table.loc[newest]
        older = table["event_id"].duplicated() & (table["event_id"] != "")
        rows = reject(Rows(table, rows.rejected), older, "older version of the same event")
    return to_catalog(rows, path=Path(path), name=name, body=body or "earth", time_basis="origin")


def _to_values(piece: Rows, zone: str | None, path: Path) -> Rows:
    """Turn the texts of a piece into numbers and instants; texts that repeat are held once."""
    missing = [column for column in (*_FIRST, "id") if column not in piece.table]
    if missing:
        raise CatalogError(
            f"{path}: the header has no column {missing[0]!r}.",
            f"Event lists of the USGS begin {','.join(_FIRST)}.",
        )
    table = piece.table.rename(columns=_ROLES)
    texts = [c for c in table if c not in (*_NUMBERS, "time", "updated")]
    table = table.assign(**{column: table[column].map(sys.intern) for column in texts})
    rows = with_numbers(Rows(table, piece.rejected), [c for c in _NUMBERS if c in table])
    rows = with_times(rows, "time", "time_ns", zone=zone, needed=True)
    if "updated" in table:
        rows = with_times(rows, "updated", "updated_ns", zone=zone, needed=False)
    return rows


FORMATS = (Format("comcat", sniff, read, None, (), "event list of the USGS (ComCat CSV)"),)
