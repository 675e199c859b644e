"""The expert's side: catalogues and stations of an archive, files against files."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import Archive, open_archive
from seisml.catalog import Catalog, select
from seisml.compare import compare
from seisml.comparison import Comparison
from seisml.coverage import archive_coverage, read_coverage
from seisml.errors import CatalogError, ConfigError, NoDataError
from seisml.formats import read_catalog
from seisml.intervals import union
from seisml.labels import LabelRule, signal_catalog, signals
from seisml.store import covered, iter_tables, shard_paths
from seisml.taxonomy import Taxonomy, below, classify, lineage
from seisml.times import DAY_NS, iso


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


def compare_files(
    machine,
    expert,
    *,
    tolerance_s: float,
    mode: str = "onset",
    min_overlap: float | None = None,
    coverage: Mapping | None = None,
    rule: str | None = None,
    delay_s: float = 0.0,
    stations=None,
    labels=None,
    taxonomy: Taxonomy | None = None,
    level: int | None = None,
    zone: str | None = None,
    start=None,
    end=None,
    on_message: Callable[[str], None] | None = None,
) -> Comparison:
    """Compare two catalogue files, inside coverage if it is given.

    Parameters
    ----------
    machine, expert : path
    tolerance_s, mode, min_overlap
        See `seisml.compare.compare`.
    coverage : mapping, optional
        From `coverage_of`.
    rule : str, optional
        Label rule by which the expert's events are brought to the stations first; by default
        ``picks`` where the machine's events are at stations and the expert's are not.
    delay_s, stations
        For the rules ``delay`` and ``origins``.
    labels : iterable of str, optional
        Expert classes that count; with a taxonomy, a class counts with those below it, and with
        all of its root where `level` is 1.
    taxonomy, level
        Bring the labels of both to one set of classes (`seisml.taxonomy.classify`).
    zone : str, optional
        Time zone of times without one.
    start, end : time, optional
        Only events in this time.
    on_message : callable, optional
        Called with what should be known: labels that the taxonomy does not have.

    Returns
    -------
    Comparison
    """
    sides = [
        select(read_catalog(path, zone=zone), start=start, end=end) for path in (machine, expert)
    ]
    if taxonomy is not None:
        if labels is not None:
            every = {name for label in labels for name in below(taxonomy, label)}
            labels = {lineage(taxonomy, name)[:level][-1] for name in every}
        sides = [_classified(side, taxonomy, level, on_message) for side in sides]
    found, truth = sides
    if rule is None and _at_stations(found) and not _at_stations(truth) and len(truth.picks):
        rule = "picks"  # detections at stations are held against the picks there
    _check_common_time(found, truth)
    if rule is not None:
        names = sorted(set(found.events["station"]) | set(coverage or ()))
        label_rule = LabelRule(rule=rule, delay_s=delay_s)
        table = signals_of(truth, names, label_rule, read_stations(stations))
        truth = signal_catalog(table, truth)
    if found.body != truth.body:
        found = dataclasses.replace(found, body=truth.body)  # a CSV does not say its body
    options = {"mode": mode, "min_overlap": min_overlap, "coverage": coverage, "labels": labels}
    return compare(found, truth, tolerance_s=tolerance_s, **options)


def _classified(catalog: Catalog, taxonomy: Taxonomy, level, on_message) -> Catalog:
    found, unknown = classify(catalog, taxonomy, level=level)
    if unknown and on_message is not None:
        counts = ", ".join(f"{label!r} ({n})" for label, n in sorted(unknown.items())[:10])
        name = catalog.name or catalog.source
        on_message(f"{name}: not in the taxonomy {taxonomy.name}, kept as they are: {counts}")
    return found


def coverage_of(path, *, zone: str | None = None, start=None, end=None) -> dict[str, np.ndarray]:
    """Return when stations have usable data, from whatever can say so.

    Parameters
    ----------
    path : path
        A feature store (its usable windows), a CSV (start, end, perhaps station), or an archive
        of waveforms.
    zone : str, optional
        Zone of times without one in a CSV.
    start, end : time, optional
        Only this time of a store.

    Returns
    -------
    dict of str to numpy.ndarray of int64, shape (n, 2)

    Raises
    ------
    SeismlError
        If there is nothing that can be read.
    """
    path = Path(path)
    if path.suffix.lower() in (".csv", ".txt"):
        return read_coverage(path, zone=zone)
    if not is_store(path):
        return archive_coverage(open_archive(str(path)))
    found: dict[str, np.ndarray] = {}
    for table in iter_tables(path, start=start, end=end):
        least = float(table.settings["settings"]["min_coverage"])
        for name, spans in covered(table, min_coverage=least).items():
            name = ".".join(name.split(".")[:2])
            found[name] = union(found.get(name, union()), spans)
    return found


def is_store(path) -> bool:
    """Say whether a folder holds feature tables."""
    try:
        return bool(shard_paths(path))
    except NoDataError:
        return False


def _at_stations(catalog: Catalog) -> bool:
    return bool(len(catalog)) and bool((catalog.events["station"] != "").all())


def _check_common_time(found: Catalog, truth: Catalog) -> None:
    """Refuse two catalogues that lie more than a day apart, or an empty expert."""
    if not len(truth):
        raise CatalogError(
            f"The expert catalogue {truth.name or truth.source} has no event in this time.",
            "Check --start and --end, and the file.",
        )
    if not len(found):
        return
    a, b = found.events["time_ns"], truth.events["time_ns"]
    if a.min() - b.max() > DAY_NS or b.min() - a.max() > DAY_NS:
        raise CatalogError(
            f"The catalogues have no time in common: {iso(int(a.min()))} to {iso(int(a.max()))} "
            f"and {iso(int(b.min()))} to {iso(int(b.max()))}.",
            "Check that they belong together, and their time zones.",
        )


def describe_catalog(catalog: Catalog) -> list[tuple[str, str]]:
    """Return a summary of a catalogue as (name, text) rows."""
    events, picks = catalog.events, catalog.picks

    def counted(column: str, table=events) -> str:
        counts = table[column][table[column] != ""].value_counts()
        return ", ".join(f"{n} {name}" for name, n in counts.items()) or "-"

    span = "-"
    if len(events):
        span = f"{iso(int(events['time_ns'].min()))} to {iso(int(events['time_ns'].max()))}"
    magnitude = events["magnitude"].dropna()
    size = f"{magnitude.min():g} to {magnitude.max():g}" if len(magnitude) else "-"
    dropped = ", ".join(
        f"{n} x {reason}{_where(catalog.dropped_lines.get(reason, ()), n)}"
        for reason, n in catalog.dropped.items()
    )
    return [
        ("events", str(len(events))),
        ("picks", str(len(picks))),
        ("time", span),
        ("time basis", catalog.time_basis),
        ("body", catalog.body),
        ("classes", counted("label")),
        ("qualities", counted("quality")),
        ("magnitudes", size),
        ("phases", counted("phase", picks)),
        ("stations", str(picks["station"].replace("", np.nan).nunique())),
        ("rows dropped", dropped or "none"),
    ]


def _where(lines: tuple[int, ...], count: int) -> str:
    """Return in which lines of the file the dropped rows stand."""
    if not lines:
        return ""
    more = ", ..." if count > len(lines) else ""
    return f" (line{'s' if count > 1 else ''} {', '.join(map(str, lines))}{more})"
