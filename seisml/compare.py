"""Compare a machine's catalogue with an expert's: one-to-one and inside coverage.

`compare` keeps every outcome in a `Comparison`; `seisml.metrics` turns it into numbers and
`seisml.summaries` into tables. Residuals are machine minus expert. "Unmatched" is not "false":
expert catalogues are incomplete, and an unmatched detection is an unverified one.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.codes import station_name
from seisml.comparison import (
    EVERYWHERE,
    Comparison,
    cover_of,
    rows_by_key,
    scored_covers,
    station_keys,
)
from seisml.errors import CatalogError, ConfigError, did_you_mean
from seisml.intervals import contains, total_s, union
from seisml.matching import LEAST_OVERLAP
from seisml.outcomes import with_outcome
from seisml.times import NS_PER_S

MODES = ("onset", *LEAST_OVERLAP)


def compare(
    machine: Catalog,
    expert: Catalog,
    *,
    tolerance_s=5.0,
    mode: str = "onset",
    min_overlap: float | None = None,
    coverage: Mapping | None = None,
    ignored: Mapping | None = None,
    by_station: bool | None = None,
    labels: Iterable[str] | None = None,
) -> Comparison:
    """Compare a machine's catalogue with an expert's, one-to-one and inside coverage.

    Parameters
    ----------
    machine, expert : Catalog
        Of one body.
    tolerance_s : float, mapping of str to float, or array_like of shape (n_expert,)
        Largest onset difference, s: one for all, one for each expert label ("" is every label
        without one of its own), or one for each row of ``expert.events``.
    mode : {"onset", "interval", "overlap", "iou"}
        What makes a pair: onsets within the tolerance (onset); the machine's onset in the
        expert's interval +- the tolerance, or enough intersection over union (interval); the
        machine covers enough of the expert's interval (overlap), or enough intersection over
        union (iou). An event without an end is an instant: it cannot have an iou.
    min_overlap : float, optional
        Smallest intersection over union (interval, iou; by default 0.1), or share of the expert's
        interval (overlap; by default 0.25).
    coverage : mapping of str to array_like of int, shape (n, 2), optional
        Usable intervals in ns of each station (NET.STA; what follows is cut; "" is every
        station). Events outside are neither hit nor miss. Without it there is no rate of unmatched
        detections.
    ignored : mapping of str to array_like of int, shape (n, 2), optional
        Intervals in ns, by station as those of the coverage, in which the expert does not say what
        there is: detections that match no event there are not counted. At network level those of
        "" are meant.
    by_station : bool, optional
        Whether pairs must be at one station. By default so if every event of both catalogues
        names its station; else stations are ignored (network level).
    labels : iterable of str, optional
        Expert labels that count. Detections on other expert events are ignored.

    Returns
    -------
    Comparison

    Raises
    ------
    CatalogError
        If bodies differ, or stations are missing or cannot be the same names.
    ConfigError
        If a setting is out of range.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> expert = make_catalog([{"time_ns": 0}, {"time_ns": 60_000_000_000}])
    >>> machine = make_catalog([{"time_ns": 1_500_000_000}, {"time_ns": 30_000_000_000}])
    >>> compare(machine, expert, tolerance_s=5)
    Comparison('' with '': 1 matched, 1 missed, 1 unmatched)
    """
    min_overlap = LEAST_OVERLAP.get(mode, 0.1) if min_overlap is None else min_overlap
    _check(machine, expert, mode, min_overlap)
    if by_station is None:
        by_station = all((c.events["station"] != "").all() for c in (machine, expert))
    names = {name for c in (machine, expert) for name in station_keys(c.events, by_station)}
    cover = _normal_coverage(coverage, names if by_station else ())
    _check_stations(machine.events, expert.events, cover, by_station)
    tolerance = _event_tolerance(tolerance_s, expert.events)
    wanted = np.ones(len(expert), dtype=bool)
    if labels is not None:
        wanted = expert.events["label"].isin(list(labels)).to_numpy()
    covered = _covered(expert.events, cover, by_station)
    heard = _covered(machine.events, cover, by_station)
    keep = wanted & covered
    spans = _ignored_spans(expert.events, wanted, covered, tolerance, by_station)
    ignored = _with_ignored(spans, ignored, names, by_station)
    usable_s = math.nan
    if cover is not None:
        usable_s = float(sum(map(total_s, scored_covers(cover, ignored, by_station))))
    frame = Comparison(
        **dict.fromkeys(("matched", "missed", "unmatched", "split", "merged")),
        outside={
            "expert": int((wanted & ~covered).sum()),
            "machine": int((~heard).sum()),
            "expert_other_label": int((~wanted).sum()),
        },
        coverage=cover,
        usable_s=usable_s,
        tolerance_s=float(tolerance_s) if np.isscalar(tolerance_s) else tolerance[keep],
        mode=mode,
        min_overlap=float(min_overlap),
        by_station=bool(by_station),
        expert=expert.events[keep].reset_index(drop=True),
        machine=machine.events[heard].reset_index(drop=True),
        ignored_spans=ignored,
        expert_name=expert.name,
        machine_name=machine.name,
        expert_basis=expert.time_basis,
        machine_basis=machine.time_basis,
        body=expert.body,
    )
    return with_outcome(frame)


def _check(machine: Catalog, expert: Catalog, mode: str, least: float) -> None:
    if machine.body != expert.body:
        raise CatalogError(
            f"{machine.name or 'machine'} is of {machine.body}, {expert.name or 'expert'} of "
            f"{expert.body}.",
            "Only catalogues of one body can be compared.",
        )
    if mode not in MODES:
        raise ConfigError(f"mode is {mode!r}.", did_you_mean(str(mode), MODES))
    if not 0 < least <= 1:
        raise ConfigError(f"min_overlap must be more than 0 and at most 1; got {least}.")
    sides = {"overlap": (machine,), "iou": (machine, expert)}.get(mode, ())
    for catalog in sides:
        events = catalog.events
        if len(events) and not (events["end_ns"] > events["time_ns"]).any():
            raise CatalogError(
                f"{catalog.name or catalog.source or 'a catalogue'}: no event has an end, so that "
                f"nothing can overlap (mode {mode}).",
                "Use the mode onset.",
            )


def _check_stations(machine, expert, cover, by_station: bool) -> None:
    if not by_station:
        return
    names = [set(station_keys(events, by_station)) for events in (machine, expert)]
    if any("" in group for group in names):
        raise CatalogError(
            "by_station is true but an event names no station.",
            "Give every event a station, or compare with by_station=False.",
        )
    if all(names) and not names[0] & names[1]:
        codes = [{name.rpartition(".")[2] for name in group} for group in names]
        if codes[0] & codes[1]:
            raise CatalogError(
                f"the catalogues write stations differently: {min(names[0])!r} (machine), "
                f"{min(names[1])!r} (expert).",
                "Write NET.STA in both, or compare with by_station=False.",
            )
    if cover and (names[0] | names[1]) and not (names[0] | names[1]) & set(cover):
        raise CatalogError(
            f"coverage is of {', '.join(sorted(cover))}, events are at "
            f"{', '.join(sorted(names[0] | names[1]))}: no station in common.",
            "Write NET.STA in both, or compare with by_station=False.",
        )


def _normal_coverage(coverage: Mapping | None, stations: Iterable[str]) -> dict | None:
    """Return the coverage by NET.STA; what is for every station is given to each of `stations`."""
    if coverage is None:
        return None
    out: dict[str, np.ndarray] = {}
    for station in sorted(coverage):
        name = station_name(station)
        for key in sorted(stations) or [name] if name == "" else [name]:
            out[key] = union(out.get(key, []), coverage[station])
    return out


def _covered(events: pd.DataFrame, cover: dict | None, by_station: bool) -> np.ndarray:
    if cover is None:
        return np.ones(len(events), dtype=bool)
    inside = np.zeros(len(events), dtype=bool)
    times = events["time_ns"].to_numpy()
    for key, rows in rows_by_key(events, by_station).items():
        inside[rows] = contains(cover_of(cover, key), times[rows])
    return inside


def _event_tolerance(tolerance_s, events: pd.DataFrame) -> np.ndarray:
    """Return the tolerance of each expert event, s."""
    if isinstance(tolerance_s, Mapping):
        known = set(events["label"])
        without = sorted(known - set(tolerance_s))
        if without and "" not in tolerance_s:
            raise ConfigError(
                f"tolerance_s has no entry for the expert label {without[0]!r}.",
                f"It has: {', '.join(sorted(tolerance_s))}.",
            )
        by_label = {label: tolerance_s.get(label, tolerance_s.get("")) for label in known}
        tolerance_s = events["label"].map(by_label).to_numpy(dtype=np.float64)
    tolerance = np.asarray(tolerance_s, dtype=np.float64)
    if tolerance.ndim and tolerance.shape != (len(events),):
        raise ConfigError(
            f"tolerance_s has shape {tolerance.shape}; the expert has {len(events)} events."
        )
    if not ((tolerance >= 0) & (tolerance <= 1e9)).all():
        raise ConfigError(f"tolerance_s must be from 0 to 1e9 seconds; got {tolerance_s}.")
    return np.broadcast_to(tolerance, len(events))


def _ignored_spans(events, wanted, covered, tolerance, by_station: bool) -> dict:
    """Spans of expert events that are not scored: cut by the coverage, or of another label."""
    start = events["time_ns"].to_numpy()
    end = np.maximum(events["end_ns"].to_numpy(), start)
    pad = np.where(wanted, 0, np.rint(tolerance * NS_PER_S).astype(np.int64))
    spans = np.column_stack([start - pad, end + pad + 1])
    cut = ~covered & (end > start)
    by_key = rows_by_key(events, by_station)
    use = ~wanted | cut
    return {key: union(spans[rows[use[rows]]]) for key, rows in by_key.items()}


def _with_ignored(spans: dict, more: Mapping | None, names: set, by_station: bool) -> dict:
    """Return spans in which detections are not counted, with those that are stated."""
    stated = _normal_coverage(more or {}, names if by_station else ())
    if not by_station:
        stated = {EVERYWHERE: stated[""]} if "" in stated else {}
    return {key: union(spans.get(key, ()), stated.get(key, ())) for key in {**spans, **stated}}
