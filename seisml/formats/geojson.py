"""Events as GeoJSON (RFC 7946), for maps: one point an event, its columns as properties.

Coordinates are longitude, latitude and height in metres (the depth, negative). An event without
coordinates has the geometry null. Picks have no place here.

Points of other bodies are written with the same two coordinates, though RFC 7946 knows Earth only:
``seisml:body`` says which one it is.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import EVENT_COLUMNS, Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.columns import are_instants
from seisml.formats.reading import read_text
from seisml.formats.registry import Format
from seisml.times import NAT, iso, parse_times

_PLACE = ("longitude", "latitude", "depth_km")


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text begins as a GeoJSON collection of features that seisml wrote."""
    start = head.lstrip()
    return start.startswith("{") and '"seisml:time_basis"' in start[:400]


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read GeoJSON that seisml wrote.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the file states both.
    body : str, optional
        earth, mars or moon; what the file says without it.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog

    Raises
    ------
    CatalogError
        If the file is no JSON, or not as seisml writes it.
    """
    path = Path(path)
    try:
        content = json.loads(read_text(path))
        events = [_event(feature) for feature in content["features"]]
        stated = content["seisml:body"], content["seisml:time_basis"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogError(
            f"{path}: this is no GeoJSON of seisml ({type(error).__name__}: {error}).",
            "Write it again, or read the catalogue it was made from.",
        ) from error
    return make_catalog(
        _with_instants(pd.DataFrame(events, dtype=object), path),
        name=name,
        body=body or stated[0],
        source=str(path),
        time_basis=stated[1],
    )


def _with_instants(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the table with times as nanoseconds."""
    out = {}
    for column in table:
        texts = table[column].where(table[column].notna(), "").astype(str)
        is_time = column == "time" or (column.endswith("_time") and are_instants(texts))
        name = column if column == "time" else column.removesuffix("_time")
        label = f"{name}_ns" if is_time else column
        out[label] = parse_times(texts, where=f"{path}, {column}") if is_time else table[column]
    return pd.DataFrame(out)


def _event(feature: Mapping) -> dict:
    row = {"event_id": feature["id"], "time": None, **feature["properties"]}
    if feature["geometry"] is not None:
        longitude, latitude, *height_m = feature["geometry"]["coordinates"]
        row |= {"longitude": longitude, "latitude": latitude}
        row |= {"depth_km": -height_m[0] / 1000} if height_m else {}
    return row


def write(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return the events of a catalogue as GeoJSON.

    Parameters
    ----------
    catalog : Catalog
    path : path-like
        Where it is to be written.

    Returns
    -------
    dict of Path to bytes
        One file; times are ISO 8601 UTC with microseconds, columns without content are left out.
    """
    collection = {
        "type": "FeatureCollection",
        "seisml:time_basis": catalog.time_basis,
        "seisml:body": catalog.body,
    }
    features = [_feature(row) for row in catalog.events.to_dict("records")]
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, allow_nan=False) for each in features)
    head = json.dumps(collection, ensure_ascii=False).removesuffix("}")
    return {Path(path): f'{head}, "features": [\n{lines}\n]}}\n'.encode()}


def _feature(row: Mapping) -> dict:
    longitude, latitude, depth_km = (row[key] for key in _PLACE)
    placed = not (np.isnan(longitude) or np.isnan(latitude))
    point = [longitude, latitude]
    point += [] if np.isnan(depth_km) else [round(-depth_km * 1000, 6)]
    properties = {}
    for key, value in row.items():
        if key == "event_id" or (placed and key in _PLACE):
            continue
        if key.endswith("_ns"):
            if value != NAT:
                properties["time" if key == "time_ns" else f"{key[:-3]}_time"] = iso(value)
        elif not (value == EVENT_COLUMNS.get(key, np.nan) or _is_nothing(value)):
            properties[key] = _plain(value)
    return {
        "type": "Feature",
        "id": row["event_id"],
        "geometry": {"type": "Point", "coordinates": point} if placed else None,
        "properties": properties,
    }


def _is_nothing(value) -> bool:
    return value is None or (isinstance(value, float) and not np.isfinite(value))


def _plain(value):
    """Return a value as JSON knows it."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, (bool, int, float, str)) else str(value)


FORMATS = (
    Format("geojson", sniff, read, write, (".geojson",), "GeoJSON, events as points for maps"),
)
