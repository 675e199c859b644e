"""Event lists of plain numbers: hypoDD.reloc and hypoDD.loc, ZMAP.

hypoDD (Waldhauser 2001, USGS Open-File Report 01-113) writes 24 numbers an event after relocation
and 18 before. ZMAP (Wiemer 2001, doi:10.1785/gssrl.72.3.373) has ten, in this order: longitude,
latitude, year, month, day, magnitude, depth, hour, minute, second; ObsPy adds three errors. Its
year may be decimal: where month and day are there, they count, and the fraction is only a copy.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    reject,
    split_rows,
    stated_zone,
    to_catalog,
    with_clock,
    with_numbers,
)
from seisml.times import NAT, from_parts

_CLOCK = ("year", "month", "day", "hour", "minute", "second")
_PLACE = ("event_id", "latitude", "longitude", "depth_km")
_OFFSETS = ("x_m", "y_m", "z_m", "error_x_m", "error_y_m", "error_z_m")
_LINKS = ("n_cc_p", "n_cc_s", "n_ct_p", "n_ct_s", "rms_cc_s", "rms_ct_s")
_LOC = (*_PLACE, *_OFFSETS, *_CLOCK, "magnitude", "cluster")
_RELOC = (*_LOC[:-1], *_LINKS, "cluster")
_ZMAP = ("longitude", "latitude", "year", "month", "day", "magnitude", "depth_km")
_ZMAP += ("hour", "minute", "second")
_ZMAP_ERRORS = ("error_horizontal_km", "error_depth_km", "error_magnitude")


def sniff_reloc(head: str, path: Path) -> bool:
    """Tell whether one of the first lines is an event of hypoDD.reloc or hypoDD.loc."""
    kinds = {len(_RELOC): _RELOC, len(_LOC): _LOC}
    return any(
        len(values) in kinds
        and values[0] == np.floor(values[0])
        and _is_event(dict(zip(kinds[len(values)], values, strict=True)))
        for values in _first_numbers(head)
    )


def sniff_zmap(head: str, path: Path) -> bool:
    """Tell whether one of the first lines is an event of ZMAP."""
    return any(
        len(_ZMAP) <= len(values) <= len(_ZMAP) + len(_ZMAP_ERRORS)
        and _is_event(dict(zip(_ZMAP, values, strict=False)))
        for values in _first_numbers(head)
    )


def _first_numbers(head: str) -> list[list[float]]:
    """Return the numbers of the first five lines, without those that hold anything else."""
    numbers = []
    for line in [line for line in head.split("\n") if line.strip()][:5]:
        try:
            numbers.append([float(word) for word in line.split()])
        except ValueError:
            continue
    return numbers


def _is_event(values: Mapping[str, float]) -> bool:
    """Tell whether numbers are a place and a time; where one is unknown (NaN) it may be any."""
    limits = {
        "latitude": (-90, 90),
        "longitude": (-180, 360),
        "year": (1000, 2262),
        "month": (1, 12),
        "day": (1, 31),
        "hour": (0, 23),
        "minute": (0, 59),
        "second": (0, 61),
    }
    return all(not (values[key] < low or values[key] > high) for key, (low, high) in limits.items())


def read_reloc(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read the event lists that hypoDD writes.

    Parameters
    ----------
    path : path-like
    zone : str
        Zone of the times: the list states none.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times. Extra columns: offsets from the cluster's centre and their errors in m,
        numbers of links, rms_cc_s and rms_ct_s (NaN where the list has -9), cluster. Lines with
        an overflown time (asterisks) are counted as dropped.

    Raises
    ------
    CatalogError
        If no zone is stated, the text is not UTF-8, no line can be read, or an id has two times.
    """
    path = Path(path)
    lines = read_lines(path)
    names = _RELOC if len(" ".join(lines.head(1)).split()) == len(_RELOC) else _LOC
    rows = split_rows([line.split() for line in lines], lines.index, names)
    rows = with_clock(rows, _CLOCK, zone=stated_zone(zone, path, "hypoDD list"))
    rows = with_numbers(rows, [column for column in names[1:] if column in rows.table])
    found = [column for column in ("rms_cc_s", "rms_ct_s") if column in names]
    table = rows.table.assign(**{c: rows.table[c].mask(rows.table[c] == -9) for c in found})
    return to_catalog(
        Rows(table, rows.rejected), path=path, name=name, body=body or "earth", time_basis="origin"
    )


def read_zmap(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a ZMAP table, also one with decimal years.

    Parameters
    ----------
    path : path-like
    zone : str
        Zone of the times: the table states none.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of origin times, those of lines without month and day from the decimal year.

    Raises
    ------
    CatalogError
        If no zone is stated, the text is not UTF-8, or no line can be read.
    """
    path = Path(path)
    zone = stated_zone(zone, path, "ZMAP table")
    lines = read_lines(path)
    cells = [line.split() for line in lines]
    names = (*_ZMAP, *_ZMAP_ERRORS)[: max(len(_ZMAP), len(cells[0]) if cells else 0)]
    rows = with_numbers(split_rows(cells, lines.index, names), names)
    dated = rows.table["month"].notna() & rows.table["day"].notna()
    by_calendar = Rows(rows.table[dated], rows.rejected)
    whole = by_calendar.table.assign(year=np.floor(by_calendar.table["year"]))
    by_calendar = with_clock(_without_gaps(Rows(whole, rows.rejected)), _CLOCK, zone=zone)
    by_year = _from_decimal_year(rows.table[~dated], zone)
    late = reject(by_year, by_year.table["time_ns"] == NAT, "date is missing")
    joined = pd.concat([by_calendar.table, late.table]).sort_index()
    return to_catalog(
        Rows(joined, {**by_calendar.rejected, **late.rejected}),
        path=path,
        name=name,
        body=body or "earth",
        time_basis="origin",
    )


def _without_gaps(rows: Rows) -> Rows:
    """Put zeros where hour, minute and second are not known."""
    clock = list(_CLOCK[3:])
    return Rows(rows.table.assign(**rows.table[clock].fillna(0)), rows.rejected)


def _from_decimal_year(table: pd.DataFrame, zone: str) -> Rows:
    """Return lines without calendar date with the time that the decimal year is."""
    year = np.floor(table["year"].to_numpy(dtype=float))
    fraction = table["year"].to_numpy(dtype=float) - year
    start, stop = (from_parts(y, 1, 1, 0, 0, 0, zone=zone) for y in (year, year + 1))
    known = (fraction > 0) & (start != NAT) & (stop != NAT)
    length = np.where(known, stop - start, 0)
    times = np.where(known, start + np.rint(np.nan_to_num(fraction) * length).astype(np.int64), NAT)
    return Rows(table.drop(columns=list(_CLOCK)).assign(time_ns=times))


FORMATS = (
    Format("hypodd", sniff_reloc, read_reloc, None, (), "event list of hypoDD (reloc, loc)"),
    Format("zmap", sniff_zmap, read_zmap, None, (), "ZMAP table"),
)
