"""Catalogues written as seisml's own CSV; `seisml.formats.table` reads it and says how it looks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import EVENT_COLUMNS, PICK_COLUMNS, Catalog
from seisml.errors import CatalogError
from seisml.formats.columns import read_rows
from seisml.times import NAT

_INSTANTS = {"time": "time_ns", "end_time": "end_ns"}
OWN_EVENTS = ("time", "end_time", "label", "score", "station", "event_id")
"""The first columns of seisml's events, by which its file is known."""

OWN_PICKS = ("event_id", "station", "phase", "time", "uncertainty_s", "score", "method")
"""The first columns of seisml's picks; the first four make the file known."""


def write(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return a catalogue as seisml's own CSV, picks in a file beside it.

    Parameters
    ----------
    catalog : Catalog
    path : path-like
        Where the events are to be written.

    Returns
    -------
    dict of Path to bytes
        ``<stem>.picks.csv`` (if there are picks, or picks of an earlier catalogue to be
        replaced) and the file itself.

    Raises
    ------
    CatalogError
        If a file that is not seisml's stands where the picks belong.
    """
    path = Path(path)
    events = _as_written(catalog.events, EVENT_COLUMNS, OWN_EVENTS)
    events["time_basis"] = catalog.time_basis
    if catalog.body != "earth":
        events["body"] = catalog.body
    files = {}
    beside = picks_path(path)
    if len(catalog.picks) or beside.exists():
        if beside.exists() and not is_own_picks(beside):
            raise CatalogError(
                f"{beside}: the picks belong here, but this file is not seisml's.",
                "Move it away or write the catalogue under another name.",
            )
        files[beside] = _bytes(_as_written(catalog.picks, PICK_COLUMNS, OWN_PICKS))
    return files | {path: _bytes(events)}


def picks_path(path: Path) -> Path:
    """Return where the picks of a CSV of events stand."""
    return path.with_name(f"{path.stem}.picks.csv")


def is_own_picks(path: Path) -> bool:
    """Tell whether a file begins as seisml's picks."""
    return tuple(read_rows(path)[0].columns[:4]) == OWN_PICKS[:4]


def _as_written(table: pd.DataFrame, defaults: Mapping, first: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns of a CSV: the first ones, known ones with content, and all others."""
    out = {name: table[_INSTANTS.get(name, name)] for name in first}
    for name, default in defaults.items():
        values = table[name]
        empty = values.isna().all() if isinstance(default, float) else (values == default).all()
        if name not in out and name not in ("time_ns", "end_ns") and not empty:
            out[name] = values
    for name in table.columns:
        label = f"{name.removesuffix('_ns')}_time" if name.endswith("_ns") else name
        while label in out or label in ("time_basis", "body"):
            label = f"source_{label}"
        if name not in defaults:
            out[label] = table[name]
    return pd.DataFrame(
        {
            name: _iso(values) if values.name.endswith("_ns") else values
            for name, values in out.items()
        }
    )


def _iso(instants: pd.Series) -> np.ndarray:
    """Write instants as `seisml.times.iso` does, all at once."""
    values = instants.to_numpy(dtype=np.int64)
    micro = values // 1000 + (values % 1000 >= 500)
    texts = np.char.add(np.datetime_as_string(micro.astype("datetime64[us]")), "Z")
    return np.where(values == NAT, "", texts)


def _bytes(table: pd.DataFrame) -> bytes:
    # a bare carriage return in a text would end the line for other readers
    table = table.replace("\r\n?", "\n", regex=True)
    return table.to_csv(index=False, lineterminator="\n").encode()
