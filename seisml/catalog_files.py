"""Catalogue files of a user: read, joined with picks, compared with each other."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from seisml.archive import open_archive
from seisml.catalog import LINKS, Catalog, join_picks, make_catalog, select
from seisml.codes import station_name
from seisml.compare import compare
from seisml.comparison import Comparison
from seisml.coverage import archive_coverage, read_coverage
from seisml.described import dropped_text
from seisml.errors import CatalogError, ConfigError, NoDataError, did_you_mean
from seisml.experts import read_stations, signals_of
from seisml.formats import read_catalog
from seisml.intervals import union
from seisml.labels import LabelRule, signal_catalog
from seisml.shards import shard_paths
from seisml.store import covered, iter_tables
from seisml.summaries import check_column
from seisml.taxonomy import Taxonomy, below, class_of, classify, lineage
from seisml.times import DAY_NS, iso

_NO_ARRIVAL = r"(?:start|end|noise_start|noise_end|Peak_.*|.*_spectral_(?:start|end))?"
"""Phases of picks that are windows or nothing."""


def read_joined(path, picks: Iterable = (), **options) -> Catalog:
    """Read a catalogue and the picks that other files have of its events.

    Parameters
    ----------
    path : path
        As of `seisml.formats.read_catalog`.
    picks : iterable of path
        Files of picks; where one does not say which event it is of, its name is the event's id.
    **options
        For `path`; zone and body also hold for the picks.

    Returns
    -------
    Catalog

    Raises
    ------
    CatalogError
        If a file cannot be read, or picks name no event that is there.
    """
    found = read_catalog(path, **options)
    both = {key: options[key] for key in ("zone", "body") if key in options}
    for file in picks:
        more = read_catalog(file, **both)
        found = join_picks(found, _named_by_file(more, Path(file).stem, found))
    return found


def _named_by_file(picks: Catalog, stem: str, events: Catalog) -> Catalog:
    linked = set(LINKS[1:]) & set(picks.picks) or (picks.picks["event_id"] != "").any()
    if linked or stem not in set(events.events["event_id"]):
        return picks
    return dataclasses.replace(picks, picks=picks.picks.assign(event_id=stem))


def compare_files(
    machine,
    expert,
    *,
    tolerance_s: float | Mapping[str, float],
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
    body: str | None = None,
    start=None,
    end=None,
    columns: Sequence[str] = (),
    on_message: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Compare two catalogue files, inside coverage if it is given.

    Parameters
    ----------
    machine, expert : path
    tolerance_s : float or mapping of str to float
        Largest onset difference, s, for all or by the expert's class; "" is every other class.
        With a taxonomy an entry holds for the classes below it, too.
    mode, min_overlap
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
    body : str, optional
        earth, mars or moon, where files do not say it; where only one of them does, the other is
        taken as of the same.
    start, end : time, optional
        Only events in this time.
    columns : sequence of str
        Columns that the expert's events must have: a misspelt one is told before the work.
    on_message : callable, optional
        Called with what should be known: labels that the taxonomy does not have, rows dropped.

    Returns
    -------
    Comparison
    """
    whole = [read_catalog(path, zone=zone, body=body) for path in (expert, machine)][::-1]
    for column in columns:
        check_column(whole[1].events, column)
    for side in whole:
        if side.dropped:
            on_message(f"{side.name}: rows dropped: {dropped_text(side)}")
    if len(whole[0].picks) and not len(whole[0]):
        whole = [_picks_as_events(side) for side in whole]
        on_message(
            f"{whole[0].name}: it has picks only; {len(whole[0])} picks are compared with "
            f"{len(whole[1])} of {whole[1].name}, phases are their classes"
        )
    whole = [_with_networks(one, other) for one, other in (whole, whole[::-1])]
    tolerance_s = _by_class(tolerance_s, whole[1], taxonomy, level)
    sides = _of_one_body(*(select(side, start=start, end=end) for side in whole))
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
    options = {"mode": mode, "min_overlap": min_overlap, "coverage": coverage, "labels": labels}
    return compare(found, truth, tolerance_s=tolerance_s, **options)


def _picks_as_events(catalog: Catalog) -> Catalog:
    """Return the picks of a catalogue as events at stations whose labels are the phases."""
    picks = catalog.picks[~catalog.picks["phase"].str.fullmatch(_NO_ARRIVAL)]
    if not len(picks):
        raise CatalogError(
            f"{catalog.source or catalog.name}: it has no picks to compare those of the other.",
            "Compare events with events: associate the picks first.",
        )
    events = picks.assign(pick_of=picks["event_id"]).drop(columns="event_id")
    events = events.rename(columns={"phase": "label"})
    return make_catalog(
        events,
        name=catalog.name,
        body=catalog.body,
        source=catalog.source,
        time_basis="first_pick",
        dropped=catalog.dropped,
        dropped_lines=catalog.dropped_lines,
    )


def _with_networks(catalog: Catalog, other: Catalog) -> Catalog:
    """Give stations without a network that of the other catalogue, where it has but one."""
    names = {*other.events["station"], *other.picks["station"]}
    known: dict[str, set[str]] = {}
    for name in names:
        if "." in name:
            known.setdefault(name.split(".")[1], set()).add(station_name(name))
    whole = {code: min(found) for code, found in known.items() if len(found) == 1}

    def named(table):
        return table.assign(station=table["station"].map(lambda code: whole.get(code, code)))

    return dataclasses.replace(catalog, events=named(catalog.events), picks=named(catalog.picks))


def _by_class(tolerance_s, expert: Catalog, taxonomy: Taxonomy | None, level: int | None):
    """Return tolerances by class with an entry for every class below one that has its own.

    Raises
    ------
    ConfigError
        If an entry is of a class that there is not, or not at this level.
    """
    if not isinstance(tolerance_s, Mapping):
        return tolerance_s
    if taxonomy is None:
        known = set(expert.events["label"])
        stated = dict(tolerance_s)
    else:
        known = {*taxonomy.parents, *expert.events["label"]}
        stated = {class_of(taxonomy, label) or label: t for label, t in tolerance_s.items()}
    for label in stated:
        if label and label not in known:
            raise ConfigError(
                f"A tolerance is of the class {label!r}, the expert has none of it.",
                did_you_mean(label, known - {""}) if known - {""} else "Its events have no class.",
            )
        if taxonomy is not None and label in taxonomy.parents and level is not None:
            ancestor = lineage(taxonomy, label)[:level][-1]
            if ancestor != label:
                raise ConfigError(
                    f"A tolerance is of the class {label!r}, at level {level} it is {ancestor!r}.",
                    f"Say {ancestor}={stated[label]:g}, or leave the level.",
                )
    inherited = {}
    for name in taxonomy.parents if taxonomy is not None else ():
        nearest = [each for each in lineage(taxonomy, name) if each in stated]
        if nearest:
            inherited[name] = stated[nearest[-1]]
    return stated | inherited


def _of_one_body(found: Catalog, truth: Catalog) -> list[Catalog]:
    """Return both as of the body that one of them states; a table may not say its own."""
    stated = {found.body, truth.body} - {"earth"}
    if len(stated) != 1:
        return [found, truth]
    return [dataclasses.replace(side, body=min(stated)) for side in (found, truth)]


def _classified(catalog: Catalog, taxonomy: Taxonomy, level, on_message) -> Catalog:
    found, unknown = classify(catalog, taxonomy, level=level)
    if unknown:
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
            name = station_name(name)
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
