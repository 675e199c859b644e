"""Summaries of Hypoinverse in the format of the year 2000 (Klein 2002, USGS OFR 02-171).

Fixed columns; numbers stand without their decimal point (5304 is 53.04 s). Latitudes are North
and longitudes West unless a letter says S or E.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from seisml.catalog import Catalog
from seisml.formats.cards import with_degrees
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import Rows, cut, stated_zone, to_catalog, with_clock, with_numbers

_CLOCK = ("year", "month", "day", "hour", "minute", "second")
_CARD = (
    r"(?P<year>[12]\d{3})(?P<month>[ \d]\d)(?P<day>[ \d]\d)(?P<hour>[ \d]\d)(?P<minute>[ \d]\d)"
    r"(?P<second>[ \d.]{4})(?P<latitude>[ \d]\d)(?P<north>[NS ])(?P<latitude_min>[ \d.]{4})"
    r"(?P<longitude>[ \d]{2}\d)(?P<east>[EW ])(?P<longitude_min>[ \d.]{4})"
    r"(?P<depth_km>[- \d.]{5})(?P<amplitude_magnitude>[- \d.]{3})(?P<n_phases>[ \d]{3})"
    r"(?P<gap_deg>[ \d]{3})(?P<dmin_km>[ \d]{3})(?P<rms_s>[ \d.]{4})"
    r"(?:.{84}(?P<event_id>[ \d]{10})(?P<magnitude_type>.)(?P<magnitude>[- \d.]{3}))?(?P<rest>.*)"
)
_HUNDREDTHS = ("second", "latitude_min", "longitude_min", "depth_km", "rms_s", "magnitude")
_HUNDREDTHS += ("amplitude_magnitude",)
_NUMBERS = ("depth_km", "magnitude", "n_phases", "gap_deg", "dmin_km", "rms_s")
_NUMBERS += ("amplitude_magnitude",)


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line is a summary of Hypoinverse."""
    first = next((line for line in head.split("\n") if line.strip()), "")
    return re.fullmatch(_CARD, first.rstrip("\r")) is not None


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read summaries of Hypoinverse.

    Parameters
    ----------
    path : path-like
    zone : str
        Zone of the times: the summaries state none.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times; the magnitude is the preferred one of columns 147 to 150. Extra columns
        amplitude_magnitude, n_phases, gap_deg, dmin_km and rms_s.

    Raises
    ------
    CatalogError
        If no zone is stated, the text is not UTF-8, or no summary can be read.
    """
    path = Path(path)
    zone = stated_zone(zone, path, "Hypoinverse summary")
    rows = cut(read_lines(path).str.rstrip("\r"), _CARD, "no summary of Hypoinverse")
    table = rows.table.drop(columns="rest")
    table = table.assign(**{column: _with_point(table[column]) for column in _HUNDREDTHS})
    rows = with_numbers(with_clock(Rows(table, rows.rejected), _CLOCK, zone=zone), _NUMBERS)
    rows = with_degrees(rows, "latitude", "north", "S", minus=False)
    rows = with_degrees(rows, "longitude", "east", "W", minus=True)
    return to_catalog(rows, path=path, name=name, body=body or "earth", time_basis="origin")


def _with_point(texts: pd.Series) -> pd.Series:
    """Return hundredths that stand without a point as numbers with one."""
    return texts.str.replace(r"^(-?)(\d+)$", _point, regex=True)


def _point(found: re.Match) -> str:
    digits = found[2].zfill(3)
    return f"{found[1]}{digits[:-2]}.{digits[-2:]}"


FORMATS = (Format("hypoinverse", sniff, read, None, (), "summaries of Hypoinverse (Y2000)"),)
