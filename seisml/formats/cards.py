"""Event lists with one card an event: summaries of HYPO71 and lists of the SCEDC.

HYPO71 (Lee and Lahr 1975, USGS Open-File Report 75-311): date of six digits, degrees and minutes,
West positive unless a letter or the header says E; blanks stand for zeros. SCEDC: the list of the
Southern California Earthquake Data Center, UTC, magnitude type ``n`` where there is none.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seisml.catalog import Catalog
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    cut,
    reject,
    stated_zone,
    to_catalog,
    with_clock,
    with_numbers,
)

_CLOCK = ("year", "month", "day", "hour", "minute", "second")
_HYPO71 = (
    r"(?P<year>[ \d]\d)(?P<month>[ \d]\d)(?P<day>[ \d]\d) (?P<hour>[ \d]{2})(?P<minute>[ \d]{2})"
    r"(?P<second>[ \d]{3}[.][ \d]{2})(?P<latitude>[ \d]{3})(?P<north>[-NnSs ])"
    r"(?P<latitude_min>[ \d]{2}[.][ \d]{2})(?P<longitude>[ \d]{4})(?P<east>[-WwEe ])"
    r"(?P<longitude_min>[ \d]{2}[.][ \d]{2})(?P<depth_km>[-+ \d.*]{7})(?P<magnitude>[-+ \d.*]{0,7})"
    r"(?: +(?P<n_phases>\d+) +(?P<gap_deg>\d+) +(?P<dmin_km>[\d.]+) +(?P<rms_s>[\d.]+)"
    r" +(?P<erh_km>[\d.]+) +(?P<erz_km>[\d.]+) *(?P<quality>[A-D]\S?)?)?(?P<other>.*)"
)
_HYPO71_NUMBERS = ("depth_km", "magnitude", "n_phases", "gap_deg", "dmin_km", "rms_s")
_HYPO71_NUMBERS += ("erh_km", "erz_km")
_SCEDC = (
    r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d) +(?P<hour>\d\d):(?P<minute>\d\d):"
    r"(?P<second>\d\d(?:[.]\d*)?) +(?P<label>[a-z]{2})(?: +(?P<region_type>[lrt]))?"
    r"(?: +(?P<magnitude>-?\d*[.]\d+))?(?: +(?P<magnitude_type>[a-z]{1,2}))?"
    r" +(?P<latitude>-?\d+[.]\d+) +(?P<longitude>-?\d+[.]\d+) +(?P<depth_km>-?\d+[.]\d+)"
    r"(?: +(?P<quality>[A-Z]))? +(?P<event_id>\d+)(?: +(?P<n_phases>\d+) +(?P<n_records>\d+))?"
)


def sniff_hypo71(head: str, path: Path) -> bool:
    """Tell whether the first line, behind a header, is a summary card of HYPO71."""
    lines = [line.rstrip() for line in head.split("\n") if line.strip()][:2]
    if len(lines) > 1 and _is_header(lines[0]):
        lines = lines[1:]
    return bool(lines) and re.fullmatch(_HYPO71, lines[0]) is not None


def _is_header(line: str) -> bool:
    return "DATE" in line and "ORIGIN" in line


def sniff_scedc(head: str, path: Path) -> bool:
    """Tell whether the first line, behind comments, is an event of the SCEDC."""
    lines = (line.rstrip() for line in head.split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return re.fullmatch(_SCEDC, first) is not None


def read_hypo71(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read summary cards of HYPO71.

    Parameters
    ----------
    path : path-like
    zone : str
        Zone of the times: the cards state none.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times; years 69 to 99 are of the 20th century, 00 to 68 of the 21st. Extra
        columns n_phases, gap_deg, dmin_km, rms_s, erh_km, erz_km, and other: what stands behind.

    Raises
    ------
    CatalogError
        If no zone is stated, the text is not UTF-8, or no card can be read.
    """
    path = Path(path)
    lines = read_lines(path).str.rstrip()
    header = " ".join(lines[lines.map(_is_header)].head(1))
    rows = cut(lines[~lines.map(_is_header)], _HYPO71, "no summary card of HYPO71")
    rows = with_clock(
        rows, _CLOCK, zone=stated_zone(zone, path, "HYPO71 summary"), hundred_years=True
    )
    rows = with_numbers(rows, _HYPO71_NUMBERS)
    rows = with_degrees(rows, "latitude", "north", "S", minus="LAT S" in header)
    rows = with_degrees(rows, "longitude", "east", "W", minus="LONG E" not in header)
    if (rows.table["other"] == "").all():
        rows = Rows(rows.table.drop(columns="other"), rows.rejected)
    return to_catalog(rows, path=path, name=name, body=body or "earth", time_basis="origin")


def with_degrees(rows: Rows, column: str, side: str, negative: str, *, minus: bool) -> Rows:
    """Turn degrees, minutes and a letter into degrees; ``minus`` is the sign without a letter."""
    rows = with_numbers(rows, (f"{column}_min", column))
    minutes = rows.table[f"{column}_min"]
    degrees = rows.table[column] + minutes / 60
    letter = rows.table[side].str.upper()
    below = (letter == negative) | (letter.isin(["", "-"]) & minus)
    limit = 90 if column == "latitude" else 180
    wrong = degrees.isna() | (degrees > limit) | (minutes >= 60)
    table = rows.table.drop(columns=[f"{column}_min", side])
    signed = table.assign(**{column: np.where(below, -degrees, degrees)})
    return reject(Rows(signed, rows.rejected), wrong, f"{column} is no degrees and minutes")


def read_scedc(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read an event list of the Southern California Earthquake Data Center.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the format states both.
    body : str, optional
        earth, unless said otherwise.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times; ``label`` is the code of the list (eq, qb, sn, ...). Extra columns
        region_type (l local, r regional, t teleseism), n_phases and n_records. Lines that begin
        with ``#`` are comments.

    Raises
    ------
    CatalogError
        If the text is not UTF-8 or no line can be read.
    """
    lines = read_lines(path).str.strip()
    rows = cut(lines[~lines.str.startswith("#")], _SCEDC, "no event of an SCEDC list")
    rows = with_clock(rows, _CLOCK, zone="UTC")
    rows = with_numbers(
        rows, ("magnitude", "latitude", "longitude", "depth_km", "n_phases", "n_records")
    )
    none = rows.table["magnitude_type"] == "n"
    table = rows.table.assign(
        magnitude=rows.table["magnitude"].mask(none),
        magnitude_type=rows.table["magnitude_type"].mask(none, ""),
    )
    return to_catalog(
        Rows(table, rows.rejected),
        path=Path(path),
        name=name,
        body=body or "earth",
        time_basis="origin",
    )


FORMATS = (
    Format("hypo71", sniff_hypo71, read_hypo71, None, (), "summary cards of HYPO71"),
    Format("scedc", sniff_scedc, read_scedc, None, (), "event list of the SCEDC"),
)
