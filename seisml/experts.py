"""The expert's side: catalogues and stations of an archive."""

import csv
import dataclasses

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog, merge, select
from seisml.codes import station_name
from seisml.config import LabelsConfig
from seisml.coverage import read_coverage
from seisml.errors import CatalogError, ConfigError
from seisml.formats import read_catalog
from seisml.intervals import union
from seisml.inventory import metadata_files, read_coordinates
from seisml.labels import LabelRule, signals
from seisml.taxonomy import below, classify, load_taxonomy
from seisml.times import iso

_CALLED = {"name": "station", "code": "station", "lat": "latitude"}
_CALLED |= {"lon": "longitude", "long": "longitude", "net": "network"}
"""What station lists call the columns of ours."""


def read_stations(path) -> pd.DataFrame | None:
    """Read where stations are: a CSV of station ("NET.STA"), latitude, longitude, or metadata.

    In a CSV the station may also be called name or code, with the network in a column of its own.

    Parameters
    ----------
    path : path or None
        CSV (.csv, .txt), with any separator, column names in any case (also lat, lon, name; a
        column network is put before the station); else StationXML, dataless SEED or a folder of
        them.

    Returns
    -------
    pandas.DataFrame or None
        Columns station, latitude, longitude; None without a path.

    Raises
    ------
    ConfigError
        If the file is missing, lacks a column, or has a station that is nowhere.
    """
    if not path:
        return None
    if not str(path).endswith((".csv", ".txt")):
        places = [place for file in metadata_files([path]) for place in read_coordinates(file)]
        columns = ["station", "latitude", "longitude"]
        return pd.DataFrame(places, columns=columns).drop_duplicates("station")
    try:
        options = {"encoding": "utf-8-sig", "skipinitialspace": True, "keep_default_na": False}
        table = pd.read_csv(path, sep=None, engine="python", dtype=str, **options)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"The table of stations {path} cannot be read: {error}.") from error
    names = [str(name).strip().lower() for name in table.columns]
    table.columns = names
    table = table.rename(columns={name: to for name, to in _CALLED.items() if to not in names})
    missing = {"station", "latitude", "longitude"} - set(table.columns)
    if missing:
        raise ConfigError(
            f"{path} lacks the columns {', '.join(sorted(missing))}.",
            f"It needs station (NET.STA), latitude, longitude; it has {', '.join(names)}.",
        )
    station = table["station"].str.strip()
    if "network" in table.columns:
        alone = ~station.str.contains(".", regex=False)
        station = station.where(~alone, table["network"].str.strip() + "." + station)
    return _checked(table.assign(station=station), path)


def _checked(table: pd.DataFrame, path) -> pd.DataFrame:
    """Return stations with latitude and longitude as numbers; refuse places that are none."""
    for name, most in (("latitude", 90.0), ("longitude", 360.0)):
        given, values = table[name], pd.to_numeric(table[name], errors="coerce")
        bad = np.flatnonzero(~(values.abs() <= most))
        if len(bad):
            raise ConfigError(
                f"{path}: the {name} of {table['station'].iloc[bad[0]]} is "
                f"{given.iloc[bad[0]] or 'missing'} ({len(bad)} such).",
                "Coordinates are decimal degrees, 64.5, north and east positive.",
            )
        table = table.assign(**{name: values})
    return table


def with_networks(places: pd.DataFrame, stations) -> pd.DataFrame:
    """Return a table of stations with the networks that it leaves out, as known stations have them.

    Examples
    --------
    >>> with_networks(pd.DataFrame({"station": ["A", "XX.B"]}), ["Z7.A..HH"])["station"].tolist()
    ['Z7.A', 'XX.B']
    """
    names = sorted({station_name(station) for station in stations})
    codes = [name.split(".")[-1] for name in names]
    whole = {code: name for code, name in zip(codes, names, strict=True) if codes.count(code) == 1}
    return places.assign(station=[whole.get(code, code) for code in places["station"]])


def read_expert(path, *, body: str) -> Catalog:
    """Read an expert catalogue for records of a body.

    Parameters
    ----------
    path : path
    body : str
        Taken where the file does not say one.

    Raises
    ------
    CatalogError
        If the file says that it is of another body.
    """
    catalog = read_catalog(path)
    if catalog.body not in ("earth", body):  # earth is also what files are that say nothing
        raise CatalogError(
            f"{path} is a catalogue of {catalog.body}, the records are of {body}.",
            f"Choose the catalogue of these records, or a profile for {catalog.body} (--profile).",
        )
    return dataclasses.replace(catalog, body=body)


def expert_of(
    labels: LabelsConfig, path, *, body: str, epochs=None
) -> tuple[Catalog, LabelsConfig]:
    """Read an expert catalogue with the classes that are to be learnt.

    Parameters
    ----------
    labels : LabelsConfig
        With a ``taxonomy``, labels become its classes: those of ``noise_labels`` and
        ``unsure_labels`` keep theirs, the others become their parent of ``level``, with the
        event's quality behind it where ``grades`` are wanted.
    path : path
    body : str
    epochs : path, optional
        A second catalogue, of what else the expert noted: its marsquakes are left out, as they
        stand in the first.

    Returns
    -------
    catalog : Catalog
    labels : LabelsConfig
        ``noise_labels`` and ``unsure_labels`` in the words of the catalogue.

    Raises
    ------
    CatalogError
        If a file is of another body.
    ConfigError
        If the taxonomy or one of its classes does not exist.
    """
    catalog = read_expert(path, body=body)
    noted = read_expert(epochs, body=body) if epochs else None
    if labels.taxonomy:
        tree = load_taxonomy(labels.taxonomy)
        aside = {
            name: tuple(c for label in getattr(labels, name) for c in below(tree, label))
            for name in ("noise_labels", "unsure_labels")
        }
        options = {"level": labels.level or None, "grades": labels.grades}
        options["whole"] = (*aside["noise_labels"], *aside["unsure_labels"])
        catalog = classify(catalog, tree, **options)[0]
        noted = classify(noted, tree, **options)[0] if noted is not None else None
        labels = dataclasses.replace(labels, **aside)
    if noted is not None:
        catalog = merge([catalog, _aside(noted, labels)], name=catalog.name)
    return catalog, labels


def _aside(noted: Catalog, labels: LabelsConfig) -> Catalog:
    """Return what is no event, and may be one, of an expert's notes; the rest is counted."""
    rule = LabelRule(noise_labels=labels.noise_labels, unsure_labels=labels.unsure_labels)
    label = noted.events["label"]
    kept = rule.is_noise(label) | rule.is_unsure(label)
    rest = {"epoch without a class": label == "", "event among the epochs": (label != "") & ~kept}
    dropped = dict(noted.dropped) | {why: int(rows.sum()) for why, rows in rest.items()}
    return dataclasses.replace(noted, events=noted.events[kept], dropped=dropped)


def signals_of(catalog: Catalog, archive_stations, rule: LabelRule, coordinates) -> pd.DataFrame:
    """Return the expert's signals at the stations of an archive.

    Raises
    ------
    CatalogError
        If there is none.
    """
    name = catalog.name or catalog.source or "The catalogue"
    if not len(catalog):
        raise CatalogError(f"{name} holds no events.", "'seisml catalog FILE' says what it holds.")
    if coordinates is not None:
        coordinates = with_networks(coordinates, archive_stations)
    table = signals(catalog, archive_stations, rule, coordinates=coordinates)
    if table.empty:
        there = [*catalog.picks["station"], *catalog.events["station"]]
        raise CatalogError(
            f"No event of {name} is at a station of the archive ({_listed(archive_stations)}); "
            f"its stations: {_listed(there) or 'none is named'}.",
            "Check the station names of its picks and events, or use another label rule.",
        )
    return table


def _listed(stations) -> str:
    """Return the first names of stations, without location and sensor."""
    names = sorted({station_name(s) for s in stations if s})
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def looked_at(path, stations) -> dict[str, np.ndarray] | None:
    """Read when the expert looked at each station, see `seisml.coverage.read_coverage`.

    Parameters
    ----------
    path : path
        "" for all the time: None is returned.
    stations : iterable of str
        Of the records.

    Returns
    -------
    dict of str to numpy.ndarray of int64, shape (n, 2)
        By NET.STA, ns; "" is every station.

    Raises
    ------
    CatalogError
        If the file cannot be read, or has none of the stations.
    """
    if not path:
        return None
    found: dict[str, np.ndarray] = {}
    for station, spans in read_coverage(path).items():
        name = station_name(station)
        found[name] = union(found.get(name, ()), spans)
    names = sorted({station_name(station) for station in stations})
    if names and "" not in found and not set(names) & set(found):
        raise CatalogError(
            f"The coverage {path} is of {_listed(found) or 'no station'}, the records are of "
            f"{_listed(names)}: no station in common.",
            "Write NET.STA in the column station, or leave it out where all were looked at.",
        )
    return found


def check_overlap(catalog: Catalog, archive: Archive) -> Catalog:
    """Return the events in the archive's time.

    Raises
    ------
    CatalogError
        If there is none.
    """
    start = int(archive.pieces["start_ns"].min())
    end = int(archive.pieces["end_ns"].max())
    inside = select(catalog, start=start - 3600 * 10**9, end=end)
    if not len(inside) and len(catalog):
        times = catalog.events["time_ns"]
        raise CatalogError(
            f"{catalog.name or catalog.source} ({iso(int(times.min()))} to "
            f"{iso(int(times.max()))}) has no event in the archive's time ({iso(start)} to "
            f"{iso(end)}).",
            "Check the time zone of the catalogue, and whether it belongs to this archive.",
        )
    return inside
