"""Runs of QuakeMigrate: a folder with one ``.event`` and one ``.picks`` file an event.

The single files are rows of `seisml.formats.layouts`; a file of picks does not say which event it
is of, its name does.
"""

import dataclasses
from pathlib import Path

import pandas as pd

from seisml.catalog import Catalog, join_picks, merge
from seisml.errors import CatalogError
from seisml.formats import mapped


def is_run(path: Path) -> bool:
    """Tell whether a path is a folder with ``.event`` files, in it or below."""
    return path.is_dir() and next(path.rglob("*.event"), None) is not None


def read(path: Path, *, zone: str | None, body: str | None, name: str) -> Catalog:
    """Read all events of a run, with their picks where these are in the folder.

    Parameters
    ----------
    path : path-like
        The folder, for example ``locate`` of a run.
    zone, body, name
        As of `seisml.formats.read_catalog`.

    Returns
    -------
    Catalog
        Phases that were not picked, and picks of events that are not there, are counted.

    Raises
    ------
    CatalogError
        If a file cannot be read, or an event stands there twice.
    """
    options = {"zone": zone, "body": body}

    def each(suffix: str) -> list[Catalog]:
        kind = {"event": "quakemigrate", "picks": "quakemigrate-picks"}[suffix]
        files = sorted(path.rglob(f"*.{suffix}"))
        return [mapped.read(f, format_name=kind, name=f.stem, **options) for f in files]

    events = each("event")
    ids = pd.concat([one.events["event_id"] for one in events])
    if not ids.is_unique:
        raise CatalogError(
            f"{path}: the event {ids[ids.duplicated()].iloc[0]!r} stands there twice.",
            "Name the folder of one run.",
        )
    found = dataclasses.replace(merge(events, name=name), source=str(path))
    lists = each("picks")
    if not lists:
        return found
    named = [dataclasses.replace(one, picks=one.picks.assign(event_id=one.name)) for one in lists]
    return dataclasses.replace(join_picks(found, merge(named)), source=str(path))
