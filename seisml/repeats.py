"""Repeats: weak events that have the waveform of one that was found (matched filter).

Sources that stay where they are - swarms, moonquake nests, icequakes - write the same waveform
again and again, also where no measure of energy shows it (Gibbons & Ringdal 2006,
doi:10.1111/j.1365-246X.2006.02865.x; Shelly, Beroza & Ide 2007, doi:10.1038/nature05666; on the
Moon Nakamura 2003, Bulow, Johnson & Shearer 2005).
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog, make_catalog
from seisml.codes import station_name
from seisml.correlating import searched, tasks_of
from seisml.cuts import cuts
from seisml.errors import NoDataError
from seisml.matched import (
    Null,
    chance_per_day,
    limit,
    tail_width,
)
from seisml.measures import measure
from seisml.preparation import NOTHING, Preparation
from seisml.rates import nominal_rates
from seisml.segments import FORGOTTEN, Band
from seisml.templates import (
    Records,
    RepeatRule,
    Template,
    instant,
    repeat_rule,
    sensors_with_events,
    templates_of,
)
from seisml.times import NS_PER_S, iso

NEW, KNOWN = "new", "known"
COLUMNS = ("repeat", "template", "correlation", "significance")


@dataclasses.dataclass(frozen=True, eq=False)
class Repeats:
    """What a search for repeats found.

    Attributes
    ----------
    catalog : Catalog
        Of the detections that were given and the new ones, with the columns ``repeat`` (new,
        known, or "" for an event that repeats none), ``template`` (event id), ``correlation``
        (negative where the waveform is upside down) and ``significance`` (in standard deviations
        of chance).
    templates : list of Template
    records : list of Records
        Of the sensors of the templates.
    limits : dict of str to float
        Significance that a template needs, by event id.
    peaks : dict of str to (numpy.ndarray of int64, numpy.ndarray of float)
        Where each template fits best, the instants at which its onset would lie, and how well: in
        standard deviations of chance, with the sign of the correlation.
    rule : RepeatRule
    about : dict
        templates, without_template (reasons), asked_per_day (false alarms), days (of records
        without known events, from which the limits are), reversed (peaks of reversed templates
        above the limits).
    """

    catalog: Catalog
    templates: list[Template]
    records: list[Records]
    limits: dict[str, float]
    peaks: dict[str, tuple[np.ndarray, np.ndarray]]
    rule: RepeatRule
    about: dict

    @property
    def text(self) -> str:
        """What is told of the search in one line."""
        n = (self.catalog.events["repeat"] == NEW).sum()
        known = (self.catalog.events["repeat"] == KNOWN).sum()
        a = self.about
        return (
            f"{n} new repeats, {known} detections repeat another ({a['templates']} templates; by "
            f"chance at most {a['asked_per_day']:g} a day at a station, as learnt from "
            f"{a['days']:.2f} days without known events, where templates reversed in time exceed "
            f"their limits {a['reversed']} times)"
        )


def find_repeats(
    detections: Catalog,
    archive: Archive,
    band: Band,
    *,
    rule: RepeatRule | None = None,
    preparation: Preparation = NOTHING,
    stations: Collection[str] | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
    chunk_s: float | None = None,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Repeats:
    """Look for repeats of detected events in the records of their stations.

    Parameters
    ----------
    detections : Catalog
        At stations. Each clear one is a template.
    archive : Archive
        May be longer than what the detections are of.
    band : Band
        Causal filter of templates and records.
    rule : RepeatRule, optional
    preparation : Preparation
        Steps that the records go through before the filter.
    stations : collection of str, optional
        "NET.STA.LOC.BI" in which is looked; default all of the detections.
    start_ns, end_ns : int, optional
        Instants between which repeats are looked for; default all records.
    chunk_s : float, optional
        Length of what is searched at once; makes no difference to what is found.
    jobs : int
        Processes.
    on_progress : callable, optional
        Called with (chunks done, chunks in all).

    Returns
    -------
    Repeats

    Raises
    ------
    NoDataError
        If no detection is of a station of the archive, or none is clear enough for a template.

    Notes
    -----
    The limit comes from the records themselves: each template is also looked for reversed in time,
    which has its spectrum and its length, but is no event. From the largest correlations of these
    follows what chance reaches as often as the rule allows (`seisml.matched.limit`), all templates
    of a station together; nor do more of these exceed it than the rule allows. Known events are
    left out of that: one event is a little like another. A template's own event is no repeat of
    it; of templates that find the same event the one with the largest significance counts. An
    onset is the template's, later by the lag.
    """
    rule = rule or RepeatRule()
    if rule.band_hz:
        band = Band(*rule.band_hz, band.order)
    templates, skipped, parts = [], defaultdict(int), []
    for station, events in sensors_with_events(archive, detections.events).items():
        if not station:
            skipped["without records"] += len(events)
            continue
        if stations is not None and station not in stations:
            continue
        for records in _records_of(archive, station, band, preparation):
            made, missing = templates_of(events, records, rule)
            templates += made
            for reason, n in missing.items():
                skipped[reason] += n
            if made:
                parts.append((records, made, _spans(events)))
    if not templates:
        reasons = ", ".join(f"{n} {reason}" for reason, n in skipped.items()) or "none is given"
        raise NoDataError(
            f"No detection can be a template ({reasons}).",
            "Are these the records that the detections are of? See seisml scan.",
        )
    span = (start_ns, end_ns)
    tasks = [task for part in parts for task in tasks_of(*part, rule, span, chunk_s)]
    fits = searched(tasks, jobs, on_progress)
    return _told(detections, archive, parts, fits, rule, dict(skipped), band, preparation)


def _spans(events: pd.DataFrame) -> np.ndarray:
    """Return onsets and ends of events, ns."""
    onset_ns = events["time_ns"].to_numpy(np.int64)
    return np.column_stack([onset_ns, np.maximum(events["end_ns"].to_numpy(np.int64), onset_ns)])


def with_repeats(
    detections: Catalog, archive: Archive, band: Band, settings: Mapping, **options
) -> Catalog:
    """Return detections with their repeats, if any can be a template.

    Parameters
    ----------
    detections, archive, band, **options
        See `find_repeats`.
    settings : mapping
        ``[detection.repeats]``.
    """
    try:
        return find_repeats(
            detections, archive, band, rule=repeat_rule(settings), **options
        ).catalog
    except NoDataError:  # none is clear enough: then there is nothing to look for
        return detections


def _records_of(archive: Archive, station: str, band: Band, preparation) -> Iterator[Records]:
    """Yield the records of a sensor, those of each sampling rate on their own."""
    by_rate = defaultdict(list)
    for channel, rates in nominal_rates(archive.pieces, station).items():
        for rate_hz in rates:
            if band.f_min_hz < 0.4 * rate_hz:
                by_rate[rate_hz].append(channel)
    for rate_hz, channels in sorted(by_rate.items()):
        yield Records(archive, station, tuple(channels), rate_hz, band, preparation)


def _told(detections, archive, parts, searched, rule, skipped, band, preparation) -> Repeats:
    limits, fits, rows, n_reversed, days = {}, {}, [], 0, 0.0
    for records, templates, _ in parts:
        keys = [(records.station, records.rate_hz, one.event_id) for one in templates]
        nulls = [searched[key][2] for key in keys if key in searched]
        if not any(len(null.largest) for null in nulls):
            continue
        width = tail_width([null for null in nulls if len(null.largest)])
        least = _least([null for null in nulls if len(null.largest)], rule)
        share = rule.false_alarms_per_day / len(templates)
        days += max(null.days for null in nulls)
        for one, key in zip(templates, keys, strict=True):
            at, c, null = searched[key]
            if not len(null.largest):
                continue
            limits[one.event_id] = max(limit(null, width, share), least)
            z = np.abs(c) / null.spread
            onsets = np.rint(at * (NS_PER_S / one.rate_hz)).astype(np.int64) + one.onset_after_ns
            fits[one.event_id] = onsets, np.copysign(z, c)
            n_reversed += int((null.largest / null.spread > limits[one.event_id]).sum())
            for k in np.flatnonzero(z >= limits[one.event_id]):
                chance = chance_per_day(null, width, z[k]) * len(templates)
                rows.append((one, int(at[k]), float(c[k]), float(z[k]), chance))
    events = _events(detections.events, rows, round(rule.apart_s * NS_PER_S))
    events = _measured(events, archive, band, preparation, rule)
    about = {
        "templates": sum(len(templates) for _, templates, _ in parts),
        "without_template": skipped,
        "days": days,
        "asked_per_day": rule.false_alarms_per_day,
        "reversed": n_reversed,
    }
    picks = pd.concat([detections.picks, _picks(events[events["repeat"] == NEW])])
    catalog = make_catalog(
        events.drop(columns="sensor"),
        picks,
        name=detections.name,
        body=detections.body,
        source=detections.source,
        time_basis=detections.time_basis,
    )
    templates = [one for _, some, _ in parts for one in some]
    records = [one for one, *_ in parts]
    return Repeats(catalog, templates, records, limits, fits, rule, about)


def _least(nulls: list[Null], rule: RepeatRule) -> float:
    """Return the size that no more reversed templates exceed than the rule allows in this time."""
    sizes = np.sort(np.concatenate([null.largest / null.spread for null in nulls]))[::-1]
    allowed = int(rule.false_alarms_per_day * max(null.days for null in nulls))
    return float(sizes[allowed]) if allowed < len(sizes) else 0.0


def _events(events: pd.DataFrame, rows: list[tuple], apart_ns: int) -> pd.DataFrame:
    """Return detections with what they repeat, and new ones."""
    events = events.reset_index(drop=True)
    events = events.assign(repeat="", template="", correlation=np.nan, significance=np.nan)
    events["sensor"] = ""
    by_id = {name: k for k, name in enumerate(events["event_id"].astype(str))}
    onsets = defaultdict(list)  # of each station: (onset_ns, row of events, or -1 for a new one)
    for k, (station, time_ns) in enumerate(zip(events["station"], events["time_ns"], strict=True)):
        onsets[station_name(str(station))].append((int(time_ns), k))
    fresh = []
    for one, at, c, z, chance in sorted(rows, key=lambda row: (-row[3], row[1], row[0].event_id)):
        onset_ns = instant(at, one.rate_hz) + one.onset_after_ns
        mine = onsets[station_name(one.station)]
        near = min(mine, key=lambda known: abs(known[0] - onset_ns), default=(2**62, -1))
        about = {"template": one.event_id, "correlation": c, "significance": z}
        if abs(near[0] - onset_ns) <= apart_ns:
            k = near[1]
            if k >= 0 and k != by_id[one.event_id] and not events.loc[k, "template"]:
                for name, value in {**about, "repeat": KNOWN}.items():
                    events.loc[k, name] = value
            continue
        mine.append((onset_ns, -1))
        fresh.append(_fresh(events.loc[by_id[one.event_id]], one, onset_ns, chance) | about)
    if not fresh:
        return events
    return pd.concat([events, pd.DataFrame(fresh)], ignore_index=True)


def _fresh(model: pd.Series, one: Template, onset_ns: int, chance: float) -> dict:
    """Return the row of a new event: named as that which it repeats."""
    end_ns = onset_ns + one.length_ns - one.onset_after_ns
    named = {k: v for k, v in model.items() if k.startswith("P(")}
    return named | {
        "event_id": f"{one.station}.{iso(onset_ns)[:-5].replace(':', '')}.repeat",
        "time_ns": onset_ns,
        "end_ns": end_ns,
        "station": model["station"],
        "label": model["label"],
        "score": float(np.exp(-chance)),
        "uncertainty_s": model["uncertainty_s"],
        "duration_s": (end_ns - onset_ns) / NS_PER_S,
        "repeat": NEW,
        "sensor": one.station,
    }


def _picks(fresh: pd.DataFrame) -> pd.DataFrame:
    columns = ["event_id", "station", "time_ns", "uncertainty_s", "score"]
    return fresh[columns].assign(phase="P", method="automatic")


def _measured(events: pd.DataFrame, archive, band, preparation, rule) -> pd.DataFrame:
    """Return events with the amplitudes of the new ones."""
    events = events.copy()
    noise_s = rule.length_s[1]
    pad_ns = round((band.settle_s(FORGOTTEN) + noise_s) * NS_PER_S)
    for station, some in events[events["sensor"] != ""].groupby("sensor"):
        limits = list(zip(some["time_ns"].tolist(), some["end_ns"].tolist(), strict=True))
        spans = [(a - pad_ns, b) for a, b in limits]
        for k, parts in cuts(archive, station, spans, preparation=preparation):
            about = measure(parts, *limits[k], band=band, noise_s=noise_s)
            for name, value in dataclasses.asdict(about).items():
                events.loc[some.index[k], name] = value
    return events
