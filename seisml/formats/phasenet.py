"""Picks written as PhaseNet and QuakeFlow write them; `seisml.formats.layouts` reads them."""

from pathlib import Path

import numpy as np

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.times import iso


def write(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return the picks of a catalogue as PhaseNet-style CSV, for associators such as GaMMA.

    Parameters
    ----------
    catalog : Catalog
    path : path-like
        Where they are to be written.

    Returns
    -------
    dict of Path to bytes
        One file with the columns station_id, phase_time (ISO 8601 with microseconds, UTC, no Z),
        phase_score, phase_type and, where picks belong to events, event_id; then what else the
        picks have. station_id is the column seed_id where there is one.

    Raises
    ------
    CatalogError
        If the catalogue has events but no picks.
    """
    picks = catalog.picks
    if picks.empty and len(catalog):
        raise CatalogError(
            f"{path}: the catalogue has {len(catalog)} events but no picks to write.",
            "Write the events as .csv, .xml or .geojson.",
        )
    table = picks.drop(columns=["time_ns"]).rename(
        columns={"station": "station_id", "phase": "phase_type", "score": "phase_score"}
    )
    if "seed_id" in table:
        table["station_id"] = table["seed_id"].where(table["seed_id"] != "", table["station_id"])
        table = table.drop(columns=["seed_id"])
    table["phase_time"] = [iso(time_ns).removesuffix("Z") for time_ns in picks["time_ns"]]
    empty = [column for column in table if table[column].isin(["", np.nan]).all()]
    first = ["station_id", "phase_time", "phase_score", "phase_type"]
    others = [column for column in table if column not in first and column not in empty]
    return {Path(path): table[first + others].to_csv(index=False, lineterminator="\n").encode()}
