"""Event lists of the FDSN web services (``format=text``), with ``|`` between the fields.

Thirteen fields, ``#EventID|Time|Latitude|...|EventLocationName``; newer services and the Mars
event service add ``EventType``. Times are UTC, with or without Z. Nothing is escaped: what is too
much in a line belongs to the location name, the only free text.

The Mars event service puts the public name (S1415a) into ContributorID; it becomes the event id,
as in `seisml.formats.mqs`.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    split_rows,
    to_catalog,
    with_numbers,
    with_times,
)
from seisml.times import NAT, iso

_FIELDS = (
    "EventID",
    "Time",
    "Latitude",
    "Longitude",
    "Depth/km",
    "Author",
    "Catalog",
    "Contributor",
    "ContributorID",
    "MagType",
    "Magnitude",
    "MagAuthor",
    "EventLocationName",
)
_ROLES = {
    "EventID": "event_id",
    "Latitude": "latitude",
    "Longitude": "longitude",
    "Depth/km": "depth_km",
    "MagType": "magnitude_type",
    "Magnitude": "magnitude",
    "EventType": "label",
}
_NUMBERS = ("latitude", "longitude", "depth_km", "magnitude")
_MARS_ID, _MARS_NAME = r"mqs\d{4}[a-z]{4}", r"[ST]\d{4}[a-z]+"


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line is the header of FDSN event text."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    return tuple(_header(first)[:3]) == _FIELDS[:3]


def _header(line: str) -> list[str]:
    names = [name.strip() for name in line.strip().lstrip("#").split("|")]
    known = {name.casefold(): name for name in (*_FIELDS, "EventType")}
    return [known.get(name.casefold(), name) for name in names]


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read FDSN event text.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the format states both.
    body : str, optional
        earth, mars or moon; mars without it where ids are those of the Marsquake Service.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times. Author, Catalog, Contributor, ContributorID, MagAuthor and
        EventLocationName are kept under these names. Lines with too few fields, without a time
        or with an unreadable time or number are counted as dropped.

    Raises
    ------
    CatalogError
        If the text is not UTF-8, has no header or no usable line, or an id has two times.
    """
    path = Path(path)
    lines = read_lines(path)
    header = _header(lines.iloc[0]) if len(lines) else []
    if tuple(header[:3]) != _FIELDS[:3] or len(set(header)) < len(header):
        raise CatalogError(
            f"{path}, line {lines.index[0] if len(lines) else 1}: this is no header of FDSN text.",
            "It begins #EventID|Time|Latitude.",
        )
    rows = _cut(lines.iloc[1:], header)
    rows = Rows(rows.table.rename(columns=_ROLES), rows.rejected)
    rows = with_numbers(rows, [column for column in _NUMBERS if column in rows.table])
    rows = with_times(rows, "Time", "time_ns", zone="UTC", needed=True)
    table, is_mars = _with_mars_names(rows.table)
    return to_catalog(
        Rows(table, rows.rejected),
        path=path,
        name=name,
        body=body or ("mars" if is_mars else "earth"),
        time_basis="origin",
    )


def _cut(lines: pd.Series, header: list[str]) -> Rows:
    """Cut lines at the bars; what is too much goes to the location name."""
    lines = lines[~lines.str.startswith("#")]  # services repeat the header between pages
    count = len(header)
    cells = [line.split("|") for line in lines]
    if "EventLocationName" in header:
        at = header.index("EventLocationName")
        cells = [
            [*c[:at], "|".join(c[at : at + 1 + len(c) - count]), *c[at + 1 + len(c) - count :]]
            if len(c) > count
            else c
            for c in cells
        ]
    return split_rows([[text.strip() for text in c] for c in cells], lines.index, header)


def _with_mars_names(table: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Return the table with public names as ids, and whether it is the Marsquake Service's."""
    is_mars = bool(len(table)) and bool(table["event_id"].str.fullmatch(_MARS_ID).all())
    if not is_mars or "ContributorID" not in table:
        return table, is_mars
    named = table["ContributorID"].str.fullmatch(_MARS_NAME)
    ids = table["ContributorID"].where(named, table["event_id"])
    return table.rename(columns={"event_id": "EventID"}).assign(event_id=ids), True


def write(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return a catalogue as FDSN event text with 14 fields.

    Parameters
    ----------
    catalog : Catalog
        Of origin times, in ``time_ns`` or a column ``origin_ns`` without gaps.
    path : path-like
        Where it is to be written.

    Returns
    -------
    dict of Path to bytes
        One file. The format has no place for picks, scores and other columns: they are not in it.

    Raises
    ------
    CatalogError
        If events have no origin time, or a text holds ``|`` or a line break.
    """
    events = catalog.events
    origin_ns = events["time_ns"] if catalog.time_basis == "origin" else events.get("origin_ns")
    if origin_ns is None or (origin_ns == NAT).any():
        raise CatalogError(
            f"{path}: FDSN text holds origin times, these are times of {catalog.time_basis}.",
            "Write the catalogue as .csv or .xml.",
        )
    known = {field: events[role] for field, role in _ROLES.items()}
    known["Time"] = [iso(time).removesuffix("Z") for time in origin_ns]
    fields = (*_FIELDS, "EventType")
    if "EventID" in events:
        known |= {"EventID": events["EventID"], "ContributorID": events["event_id"]}
    texts = pd.DataFrame(
        {field: _texts(known.get(field, events.get(field)), len(events)) for field in fields}
    )
    for field in fields:
        broken = texts[field].str.contains(r"[|\r\n]")
        if broken.any():
            raise CatalogError(
                f"{path}: {field} is {texts[field][broken].iloc[0]!r}, "
                "but FDSN text has no way to write | or a line break.",
                "Change the text, or write the catalogue as .csv or .xml.",
            )
    lines = ["#" + "|".join(fields), *("|".join(row) for row in texts.to_numpy())]
    return {Path(path): ("\n".join(lines) + "\n").encode()}


def _texts(values, count: int) -> list[str]:
    """Return values as texts, unknown ones empty."""
    if values is None:
        return [""] * count
    return ["" if pd.isna(value) else str(value) for value in values]


FORMATS = (Format("fdsn", sniff, read, write, (".txt",), "event text of FDSN web services"),)
