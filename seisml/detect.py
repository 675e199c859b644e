"""Detection: probabilities of windows become events with onsets.

From windows to events there is one state machine, `seisml.states`: it goes on where a chunk
ended, so days, shards and restarts do not cut events. Onsets and amplitudes are read off the
waveforms (`seisml.detections`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import obspy
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.classprobabilities import column_of, named
from seisml.classrules import OTHERS, class_rules, events_by_class, scores_by_class
from seisml.codes import station_name
from seisml.detections import ADAPTED, Calibrate, to_catalog
from seisml.ends import with_ends
from seisml.model import Detector, event_probability, over_threshold
from seisml.neighbours import groups_of
from seisml.pooling import like
from seisml.preparation import preparation_of
from seisml.repeats import with_repeats
from seisml.segments import Band
from seisml.states import RAW_COLUMNS, EventRule, event_rule, events_from_windows
from seisml.store import FeatureTable, joined_windows
from seisml.support import CANDIDATE, REACH_KM, supported
from seisml.verification import verified
from seisml.voting import voted_frames
from seisml.windows import WindowGrid

__all__ = [
    "RAW_COLUMNS",
    "EventRule",
    "detect",
    "event_rule",
    "events_from_windows",
    "plan_band",
    "probability_traces",
    "to_catalog",
]


def _pairs(breaks: np.ndarray, n: int) -> list[tuple[int, int]]:
    return list(zip(np.r_[0, breaks + 1], np.r_[breaks + 1, n], strict=True))


def probability_traces(probabilities: pd.DataFrame, grid: WindowGrid) -> obspy.Stream:
    """Return the probabilities as ObsPy traces, one a class and gap-free piece.

    Parameters
    ----------
    probabilities : pandas.DataFrame
        From `seisml.model.predict`, indexed by (station, time).
    grid : WindowGrid

    Returns
    -------
    obspy.Stream
        One sample a hop; the time of a sample is the *centre* of its window. The station is that
        of the records, the channel the class (its first letters), in full in ``stats.seisml``.
    """
    traces = []
    stations = probabilities.index.get_level_values("station").astype(str)
    for station in dict.fromkeys(stations):
        frame = probabilities[stations == station]
        time = frame.index.get_level_values("time").to_numpy()
        time_ns = time.astype("datetime64[ns]").astype(np.int64)
        order = np.argsort(time_ns)
        time_ns, values = time_ns[order], frame.to_numpy(np.float32)[order]
        known = np.isfinite(values).all(axis=1)
        time_ns, values = time_ns[known], values[known]
        breaks = np.flatnonzero(np.diff(time_ns) != grid.hop_ns)
        network, name, location = station.split(".")[:3]
        for a, b in _pairs(breaks, len(time_ns)) if len(time_ns) else []:
            for c, label in enumerate(frame.columns):
                header = {
                    "network": network,
                    "station": name,
                    "location": location,
                    "channel": label[:3].upper(),
                    "starttime": obspy.UTCDateTime(ns=int(time_ns[a] + grid.length_ns // 2)),
                    "sampling_rate": 1.0 / grid.hop_s,
                    "seisml": {"label": label, "station": station, "time": "window centre"},
                }
                traces.append(obspy.Trace(values[a:b, c].copy(), header=header))
    return obspy.Stream(traces)


def detect(
    tables: Iterable[FeatureTable],
    detector: Detector,
    *,
    archive: Archive | None = None,
    name: str = "seisml",
    body: str | None = None,
    calibrate: Calibrate | None = None,
    reach_s: float = 0.0,
    coordinates: pd.DataFrame | None = None,
    jobs: int = 1,
) -> Catalog:
    """Find events in feature tables.

    Parameters
    ----------
    tables : iterable of FeatureTable
        One station after the other and in order of time, for example from
        `seisml.store.iter_tables`; one is in memory at a time. Where stations vote
        (``network_vote`` of the detector), the scores of all are.
    detector : Detector
    archive : Archive, optional
        Waveforms on which onsets are refined, and on which a detector that has a second look
        (`seisml.verification`) takes it; without it onsets are as coarse as the hop, and the
        first look decides.
    name, body : str
        Of the catalogue.
    calibrate, reach_s
        For the unit of the amplitudes, see `seisml.detections.to_catalog`.
    coordinates : pandas.DataFrame, optional
        Columns station, latitude, longitude: which stations vote together, or support each other,
        see `seisml.neighbours.groups_of` (no further apart than its `REACH_KM`, or than that of
        `seisml.support`). Without it those of a network code vote together, and all support each
        other.
    jobs : int
        Processes that look for repeats (``repeats`` of the detector, see `seisml.repeats`), which
        takes an archive; they are looked for in the time of the tables.

    Returns
    -------
    Catalog
        One event a detection at a station, with automatic picks; ``score`` is the largest event
        probability of its windows, calibrated; ``label`` the class that its windows vote for, or
        whose own rule found it (`seisml.classrules`). A detector of
        several classes gives each event their probabilities, see `seisml.classprobabilities`; one
        that was adapted to its stations says so in `seisml.detections.ADAPTED`.

    Raises
    ------
    ConfigError
        If a class with a rule of its own is none of the detector's.
    FeatureMismatchError
        If a table was made with other settings than the model's.
    """
    grid, known = detector.grid, detector.classes
    limits = class_rules(detector.on, detector.detection, known=known)
    window_s = detector.detection.get("support_window_s", 0.0)
    verifier = None if archive is None else detector.verifier
    share = CANDIDATE if window_s > 0 else 1.0
    low = detector.on * (share if verifier is None else verifier.share)
    rules = class_rules(low, detector.detection, known=known)
    scored = _scored(tables, detector, low)
    if detector.detection.get("network_vote", False):
        scored = voted_frames(scored, coordinates)
    found: list[pd.DataFrame] = []
    live: dict[str, list[np.ndarray]] = defaultdict(list)
    for station, group in _by_station(scored):
        held: list[pd.DataFrame] = []
        chunks = _scores(group, held, live[station_name(station)], grid, rules)
        events = events_by_class(chunks, grid, rules)
        raw = pd.DataFrame(events, columns=["label", *RAW_COLUMNS])
        on = raw["label"].map({name: rule.on for name, rule in limits.items()})
        found.append(_named(raw, held, detector, rules).assign(station=station, on=on))
    columns = ["station", "label", *RAW_COLUMNS, "on"]
    found = [some for some in found if len(some)]
    raw = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    spans = {name: np.concatenate(some) for name, some in live.items() if some}
    groups = None
    if window_s > 0 and coordinates is not None:
        groups = groups_of(spans, coordinates, reach_km=REACH_KM)
    support = {"window_s": window_s, "groups": groups}
    if verifier is not None:
        raw["peak"] = over_threshold(raw["peak"], raw["on"])
    else:
        if window_s > 0:
            raw = supported(raw, raw["on"].to_numpy(), spans, **support)
        raw["peak"] = detector.calibration(raw["peak"])
    if "adapted_to" in detector.card:
        raw[ADAPTED] = raw["station"].map(detector.card["adapted_to"]).fillna(0).astype(int)
    body = body or detector.card.get("body", "earth")
    options = {"name": name, "body": body, "calibrate": calibrate, "reach_s": reach_s, "grid": grid}
    options["preparation"] = preparation_of(detector.plan)
    band, preparation = plan_band(detector.plan), options["preparation"]
    catalog = to_catalog(raw, archive, band, detector.detection, **options)
    if verifier is not None:
        options = {"preparation": preparation, "live": spans, **support}
        catalog = verified(catalog, archive, verifier, **options)
    options = {"calibrate": calibrate, "reach_s": reach_s, "preparation": preparation}
    catalog = with_ends(catalog, archive, band, detector.detection, **options)
    settings = detector.detection.get("repeats", {})
    if archive is None or not settings or not len(catalog):
        return catalog
    known = np.concatenate([spans for some in live.values() for spans in some])
    span = {"start_ns": int(known.min()), "end_ns": int(known.max())}
    return with_repeats(
        catalog, archive, band, settings, preparation=preparation, jobs=jobs, **span
    )


def _scored(tables, detector: Detector, low: float) -> Iterator[pd.DataFrame]:
    """Yield the probability of an event and of each class, and whether a window is novel."""
    names = {name: column_of(name) for name in detector.classes}
    for table in tables:
        if not len(table):
            continue
        detector.check(table)
        probabilities = detector.predict(table)
        score = event_probability(probabilities)
        frame = probabilities[list(names)].rename(columns=names).assign(score=score)
        frame["novel"] = np.where(np.isfinite(score), 0.0, np.nan)
        high = score >= low
        if detector.novelty is not None and high.any():
            X = like(table.rows(high).frame, detector.columns).to_numpy(np.float32)
            frame.loc[high, "novel"] = detector.novelty.is_novel(X).astype(float)
        stations = table.stations
        for station in dict.fromkeys(stations):
            yield frame[stations == station].sort_index(level="time")


def _by_station(frames: Iterable[pd.DataFrame]):
    """Group neighbouring frames by station without holding more than one."""
    from itertools import groupby

    return groupby(frames, key=lambda f: str(f.index.get_level_values("station")[0]))


def _scores(group, held: list, live: list, grid: WindowGrid, rules: Mapping[str, EventRule]):
    """Yield (time_ns, scores by class); hold candidate windows, and what time is known."""
    for frame in group:
        time_ns = frame.index.get_level_values("time").to_numpy()
        time_ns = time_ns.astype("datetime64[ns]").astype(np.int64)
        score = frame["score"].to_numpy()
        by_class = {name: frame[column_of(name)] for name in rules if name != OTHERS}
        scores = scores_by_class(score, by_class, rules)
        reached = np.any([scores[name] >= rule.on for name, rule in rules.items()], axis=0)
        held.append(frame.assign(time_ns=time_ns)[reached])
        live.append(joined_windows(time_ns[np.isfinite(score)], grid))
        yield time_ns, scores


def _named(raw: pd.DataFrame, held: list, detector: Detector, rules) -> pd.DataFrame:
    """Return the events of a station with their class, by its candidate windows."""
    windows = pd.concat(held)
    p = windows[[column_of(name) for name in detector.classes]].set_axis(detector.classes, axis=1)
    own = [name for name in rules if name != OTHERS]
    time_ns, novel = (windows[name].to_numpy() for name in ("time_ns", "novel"))
    options = {"own": own, "priors": detector.priors}
    return named(raw, time_ns, p, novel, detector.grid, **options)


def plan_band(plan: Mapping) -> Band:
    """Return the filter that the features were made with."""
    return Band(**plan["band"])
