"""Catalogues of the NASA Space Apps challenge of 2024, Moon and Mars.

CSV with the columns ``filename``, ``time_abs(...)`` (or ``time``), ``time_rel(sec)``, ``evid`` and
for the Moon ``mq_type``. Only the absolute time is trusted: the relative one counts from midnight
even where the file begins later. Times are UTC; those of the Moon are Nakamura's to the minute.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.columns import plain
from seisml.formats.reading import read_csv
from seisml.formats.registry import Format
from seisml.formats.rows import (
    Rows,
    join_rows,
    to_catalog,
    with_numbers,
    with_times,
)

_ROLES = {"time_abs": "time", "time": "time", "evid": "event_id", "mq_type": "label"}
_ROLES |= {"filename": "filename", "time_rel": "time_rel_s"}
_BODIES = {"XA": "moon", "XB": "mars"}  # network codes of Apollo and InSight
_LUNAR_S = 60 / np.sqrt(12)


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line holds the column names of the challenge."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    names = [plain(name) for name in first.split(",")]
    return names[:2] in (["filename", "time_abs"], ["filename", "time"]) and "evid" in names


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a catalogue of the challenge.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the format states both.
    body : str, optional
        What the network code in the file names says without it.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of signal starts, with the station from the file names. Extra columns are filename and
        time_rel_s. On the Moon the uncertainty is 17 s, that of a time rounded to the minute.

    Raises
    ------
    CatalogError
        If the text is not UTF-8, no line can be used, or the events are on several bodies.
    """
    path = Path(path)
    rows = join_rows(read_csv(path))
    rows = Rows(rows.table.rename(columns=lambda c: _ROLES.get(plain(c), c)), rows.rejected)
    if "time" not in rows.table or "filename" not in rows.table:
        raise CatalogError(
            f"{path}: the header names no filename and time_abs.",
            "Catalogues of the challenge begin filename,time_abs(...).",
        )
    rows = with_times(rows, "time", "time_ns", zone="UTC", needed=True)
    rows = with_numbers(rows, ["time_rel_s"] if "time_rel_s" in rows.table else [])
    codes = rows.table["filename"].str.upper().str.extract(r"^(\w+)\.(\w+)\.")
    table = rows.table.assign(station=(codes[0] + "." + codes[1]).fillna(""))
    bodies = sorted(set(codes[0].map(_BODIES).dropna()))
    if body is None and len(bodies) > 1:
        raise CatalogError(
            f"{path}: the files are of several bodies: {', '.join(bodies)}.", "Split the catalogue."
        )
    body = body or next(iter(bodies), "earth")
    if body == "moon":
        table = table.assign(uncertainty_s=_LUNAR_S)
    return to_catalog(
        Rows(table, rows.rejected), path=path, name=name, body=body, time_basis="label_start"
    )


FORMATS = (
    Format("spaceapps", sniff, read, None, (), "catalogue of the NASA Space Apps challenge 2024"),
)
