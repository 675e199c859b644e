"""Phase lists as SeisComP's autoloc prints them: one line of origin, arrivals below.

::

    2017 09 30 10 00 20.5 33.935 -99999.00 112.363 -99999.00 14.7 -99999.00 0.145
    #Phase Arrivals:
            #id   dist azi  phase                    time   res  wt
    XX.ABC.00.BHZ 0.21 152    Pg  2017-09-30 10:00:25.310  0.14 1.0

The numbers of the first line are date, clock, latitude, longitude and depth in km, each of these
three with its error, and the rms in s; -99999 is unknown. Observatories write local time.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    cut,
    stated_zone,
    to_catalog,
    with_clock,
    with_numbers,
    with_times,
)

_CLOCK = ("year", "month", "day", "hour", "minute", "second")
_NUMBER = r"-?\d+(?:\.\d*)?"
_ORIGIN = (
    r"\s*(?P<year>\d{4}) +(?P<month>\d\d?) +(?P<day>\d\d?) +(?P<hour>\d\d?) +(?P<minute>\d\d?) +"
    rf"(?P<second>\d\d?(?:\.\d*)?) +(?P<latitude>{_NUMBER}) +(?P<error_latitude>{_NUMBER}) +"
    rf"(?P<longitude>{_NUMBER}) +(?P<error_longitude>{_NUMBER}) +(?P<depth_km>{_NUMBER}) +"
    rf"(?P<error_depth_km>{_NUMBER}) +(?P<rms_s>{_NUMBER})"
)
_PLACE = ("latitude", "longitude", "depth_km", "rms_s")
_ERRORS = ("error_latitude", "error_longitude", "error_depth_km")
_PICK = (
    rf"\s*(?P<channel>\S+) +(?P<distance_deg>{_NUMBER}) +(?P<azimuth_deg>{_NUMBER}) +"
    r"(?P<phase>\S+) +(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d*)?) +"
    rf"(?P<residual_s>{_NUMBER})(?: +(?P<weight>{_NUMBER}))?"
)
_UNKNOWN = -99999


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text is a line of origin with a heading of arrivals below."""
    lines = [line.rstrip() for line in head.split("\n") if line.strip()][:2]
    if len(lines) < 2 or re.fullmatch(_ORIGIN, lines[0]) is None:
        return False
    return lines[1].strip().startswith("#Phase Arrivals")


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a phase list.

    Parameters
    ----------
    path : path-like
    zone : str
        Zone of the times, for example "Asia/Shanghai": the list states none.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times, with the arrivals as picks; picks keep channel, distance_deg,
        azimuth_deg, residual_s and weight. Lines of other sections (station magnitudes) are
        counted as dropped.

    Raises
    ------
    CatalogError
        If no zone is stated, the text is not UTF-8, or there is no origin.
    """
    path = Path(path)
    zone = stated_zone(zone, path, "phase list")
    lines = read_lines(path).str.rstrip()
    lines = lines[~lines.str.strip().str.startswith("#")]
    is_origin = lines.str.fullmatch(_ORIGIN).to_numpy(dtype=bool)
    of_event = pd.Series(np.cumsum(is_origin), index=lines.index)
    rows = with_clock(cut(lines[is_origin], _ORIGIN, ""), _CLOCK, zone=zone)
    rows = with_numbers(rows, _ERRORS)
    known = {c: rows.table[c].mask(rows.table[c] == _UNKNOWN) for c in _ERRORS}
    place = {c: rows.table[c].mask(rows.table[c].astype(float) == _UNKNOWN, "") for c in _PLACE}
    rows = with_numbers(Rows(rows.table.assign(**known, **place), rows.rejected), _PLACE)
    ids = of_event.map(lambda number: f"e{number:06d}")
    picks = cut(lines[~is_origin], _PICK, "neither origin nor arrival")
    picks = with_numbers(picks, ("distance_deg", "azimuth_deg", "residual_s", "weight"))
    picks = with_times(picks, "time", "time_ns", zone=zone, needed=True)
    table = picks.table.assign(event_id=ids[picks.table.index])
    station = table["channel"].str.extract(r"^([^.]*\.[^.]*)")[0].fillna(table["channel"])
    events = rows.table.assign(event_id=ids[rows.table.index])
    orphan = ~table["event_id"].isin(events["event_id"])
    rejected = {**picks.rejected, **rows.rejected}
    if orphan.any():
        rejected["arrival of no origin"] = table.index.to_numpy()[orphan]
    return to_catalog(
        Rows(events, rejected),
        path=path,
        name=name,
        body=body or "earth",
        time_basis="origin",
        picks=table.assign(station=station)[~orphan].reset_index(drop=True),
    )


FORMATS = (Format("phase-list", sniff, read, None, (), "origin and arrivals as of autoloc"),)
