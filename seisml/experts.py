"""The expert's side: catalogues and stations of an archive."""

import dataclasses

import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog, select
from seisml.config import Config
from seisml.crossfit import Selection
from seisml.errors import CatalogError, ConfigError
from seisml.formats import read_catalog
from seisml.labels import LabelRule, signals
from seisml.model import make_classifier, save_detector
from seisml.settings import label_rule_of, training_rule_of
from seisml.store import shard_paths
from seisml.thresholds import MatchRule
from seisml.times import iso
from seisml.training import Training, train


def read_stations(path) -> pd.DataFrame | None:
    """Read a table of stations: station ("NET.STA"), latitude, longitude.

    Raises
    ------
    ConfigError
        If the file is missing or lacks a column.
    """
    if not path:
        return None
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"The table of stations {path} cannot be read: {error}.") from error
    missing = {"station", "latitude", "longitude"} - set(table.columns)
    if missing:
        raise ConfigError(
            f"{path} lacks the columns {', '.join(sorted(missing))}.",
            "It needs station (NET.STA), latitude, longitude.",
        )
    return table


def signals_of(catalog: Catalog, archive_stations, rule: LabelRule, coordinates) -> pd.DataFrame:
    """Return the expert's signals at the stations of an archive.

    Raises
    ------
    CatalogError
        If there is none.
    """
    table = signals(catalog, archive_stations, rule, coordinates=coordinates)
    if table.empty:
        names = sorted({".".join(s.split(".")[:2]) for s in archive_stations})
        raise CatalogError(
            f"No event of {catalog.name or catalog.source} is at a station of the archive "
            f"({', '.join(names)}).",
            "Check the station names of its picks, or use another label rule.",
        )
    return table


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


def train_on(
    store,
    catalog_path,
    config: Config,
    output,
    *,
    archive: Archive | None = None,
    stations=None,
    start=None,
    end=None,
    on_progress=None,
) -> Training:
    """Train on feature stores and a catalogue file, and save the detector.

    Parameters
    ----------
    store : sequence of path
    catalog_path : path
    config : Config
        Labels, training, detection and comparison.
    output : path
        Of the model.
    archive : Archive, optional
    stations : path, optional
        Coordinates.
    start, end : time, optional
        Windows that are used.
    on_progress : callable, optional

    Returns
    -------
    Training
    """
    make_classifier(config.training.model)  # a misspelt name is told before any work
    catalog = read_catalog(catalog_path, body=config.body)
    names = sorted({path.parent.name for one in store for path in shard_paths(one)})
    coordinates = read_stations(stations)
    table = signals_of(catalog, names, label_rule_of(config), coordinates)
    training = train(
        list(store),
        table,
        catalog,
        label_rule=label_rule_of(config),
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(config.comparison.tolerance_s, config.comparison.mode),
        archive=archive,
        selection=Selection(start=start, end=end),
        on_progress=on_progress,
    )
    save_detector(training.detector, output)
    return training
