"""Training sets: feature stores with an expert's signals; several are learnt from at once.

Each set has its own catalogue, label rule and stations: what one expert did not see at his
network says nothing about another's.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog, merge
from seisml.codes import station_name
from seisml.errors import ModelError
from seisml.intervals import intersect
from seisml.labels import (
    IGNORE,
    LOW_COVERAGE,
    NO_FEATURES,
    NOISE,
    UNPLACED,
    LabelRule,
    label_windows,
    signal_catalog,
    unplaced,
)
from seisml.model import NOISE_CLASS
from seisml.store import FeatureTable, iter_tables
from seisml.times import to_ns


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which windows of feature stores are used.

    Attributes
    ----------
    stations : sequence of str, optional
        "NET.STA.LOC.BI"; default all.
    start, end : time, optional
        Windows with ``start <= window start < end``.
    """

    stations: Sequence[str] | None = None
    start: object = None
    end: object = None

    def tables(self, stores: Sequence) -> Iterator[tuple[int, FeatureTable]]:
        """Yield (number of the store, table) of each shard that has such windows."""
        for number, store in enumerate(stores):
            for table in iter_tables(store, stations=self.stations, start=self.start, end=self.end):
                if len(table):
                    yield number, table


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TrainingSet:
    """Feature stores, and what an expert says of the records that they were made from.

    Attributes
    ----------
    stores : tuple of path
        Feature stores; all sets are of one plan, whatever the sampling rates and components.
    signals : pandas.DataFrame
        When each event is seen at each station, from `seisml.labels.signals`.
    expert : Catalog
        Where the signals come from.
    label_rule : LabelRule
    selection : Selection
        Which windows are used for training and test; default all.
    archive : Archive, optional
        Waveforms on which the onsets of tested detections are refined.
    weight : float
        Of each window in training, and of the set in the choice of the threshold.
    name : str
        For the model's card.
    looked_at : mapping of str to numpy.ndarray of int64, shape (n, 2), optional
        When the expert looked at each station, see `seisml.coverage.read_coverage`; windows
        outside are neither event nor noise. Default all the time from ``label_rule.start`` to
        ``label_rule.end``.
    judged : bool
        Whether held-out figures are of this set, too; one that is not only helps to learn.
    """

    stores: tuple
    signals: pd.DataFrame
    expert: Catalog
    label_rule: LabelRule
    selection: Selection = Selection()
    archive: Archive | None = None
    weight: float = 1.0
    name: str = ""
    looked_at: Mapping[str, np.ndarray] | None = None
    judged: bool = True

    def __post_init__(self):
        object.__setattr__(self, "stores", tuple(self.stores))
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise ModelError(
                f"The weight of the training set {self.name!r} is {self.weight}.",
                "Give a positive number; leave the set out rather than give it none.",
            )

    @property
    def events(self) -> pd.DataFrame:
        """Signals that are to be detected: not of ``noise_labels`` or ``unsure_labels``."""
        return self.signals[self.label_rule.is_event(self.signals["label"])]

    def __repr__(self) -> str:
        named = self.name or self.expert.name or self.expert.source
        return f"TrainingSet({named!r}, {len(self.stores)} stores, {len(self.signals)} signals)"


def tables(sets: Sequence[TrainingSet]) -> Iterator[tuple[int, int, FeatureTable]]:
    """Yield (number of the set, number of the store among all, table) of each shard in turn."""
    before = 0
    for number, one in enumerate(sets):
        for store, table in one.selection.tables(one.stores):
            yield number, before + store, table
        before += len(one.stores)


def label_sets(sets: Sequence[TrainingSet]) -> tuple[pd.DataFrame, FeatureTable]:
    """Label all windows of training sets, each by its own signals.

    Parameters
    ----------
    sets : sequence of TrainingSet

    Returns
    -------
    windows : pandas.DataFrame
        One row a window in the order of `tables`: set, line (store and station), station,
        time_ns, y (class), and what `seisml.labels.label_windows` says: state, reason, share,
        n_events, event_id, weight (times that of the set).
    about : FeatureTable
        Without rows: grid, fingerprint and settings of them all.

    Raises
    ------
    ModelError
        If bodies, units or settings of the sets differ, or no window is in the chosen time.
    """
    if not sets:
        raise ModelError("There is no training set.", "Give at least one store and catalogue.")
    _check_bodies(sets)
    parts, about, spans = [], None, [{} for _ in sets]
    for number, store, table in tables(sets):
        about = same_settings(about, table)
        labels = _labels(table, sets[number], spans[number])
        labels.insert(0, "set", np.int16(number))
        labels["line"] = [f"{store}:{station}" for station in table.stations]
        if len(sets) > 1:
            named = labels["event_id"] != ""
            labels.loc[named, "event_id"] = f"{number}:" + labels.loc[named, "event_id"]
        parts.append(labels)
    if not parts:
        raise ModelError("There are no windows in the chosen time.", "Check --start and --end.")
    windows = pd.concat(parts, ignore_index=True)
    _check_stations(windows)
    return windows, about


def _labels(table: FeatureTable, one: TrainingSet, spans: dict) -> pd.DataFrame:
    """Label one table; `spans` keeps what is the same for all tables of a station."""
    labels = label_windows(
        table.time_ns,
        table.stations,
        table.grid,
        one.signals,
        one.label_rule,
        coverage=_coverage(one),
    )
    empty = ~np.isfinite(table.frame.to_numpy()).any(axis=1)
    unsure = _touched(table, one, spans) & (labels["state"] == NOISE).to_numpy()
    least = float(table.settings.get("settings", {}).get("min_coverage", 0.0))
    gaps = empty & (table.coverage < least - 1e-6)
    reasons = ((unsure, UNPLACED), (empty, NO_FEATURES), (gaps, LOW_COVERAGE))
    for rows, reason in reasons:
        labels.loc[rows, ["state", "reason"]] = np.array([IGNORE, reason], dtype=np.int8)
    label = labels["label"].to_numpy()
    unnamed = np.isin(label, ["", NOISE_CLASS])
    # Noise after an onset knows its event: only the expert's non-seismic classes are classes.
    other = unnamed | ~one.label_rule.is_noise(labels["label"]).to_numpy()
    noise = np.where(other, NOISE_CLASS, f"{NOISE_CLASS}: " + label)
    event = np.where(unnamed, "event", label)
    labels["y"] = np.where(labels["state"] == NOISE, noise, event)
    labels["weight"] *= np.float32(one.weight)
    labels["station"], labels["time_ns"] = table.stations, table.time_ns
    return labels.drop(columns=["label", "cover"])


def _check_bodies(sets: Sequence[TrainingSet]) -> None:
    bodies = {one.expert.body: one for one in sets}
    if len(bodies) > 1:
        named = ", ".join(f"{one.expert.name or one.name} of {b}" for b, one in bodies.items())
        raise ModelError(
            f"The training sets are of different bodies: {named}.",
            "Train one model for each body.",
        )


def _check_stations(windows: pd.DataFrame) -> None:
    """Refuse a station that stands in two sets at one time: it would have two labels."""
    if len(windows["set"].unique()) == 1:
        return
    name = windows["station"].map(station_name)
    for station, its in windows.groupby(name)[["set", "time_ns"]]:
        spans = its.groupby("set")["time_ns"].agg(["min", "max"]).sort_values("min")
        if (spans["min"].to_numpy()[1:] <= spans["max"].cummax().to_numpy()[:-1]).any():
            raise ModelError(
                f"The station {station} is in several training sets at the same time: its "
                "windows would be learnt and tested under two sets of labels.",
                "Leave it out of all sets but one, or choose times that do not overlap.",
            )


def _coverage(one: TrainingSet) -> Mapping[str, np.ndarray] | None:
    """Return the times that the expert looked at, None where they are not limited."""
    start, end = one.label_rule.start, one.label_rule.end
    if not start and not end:
        return one.looked_at
    far = 2**62
    span = np.array([[to_ns(start) if start else -far, to_ns(end) if end else far]])
    if one.looked_at is None:
        return {"": span}
    return {name: intersect(spans, span) for name, spans in one.looked_at.items()}


def _touched(table: FeatureTable, one: TrainingSet, known: dict) -> np.ndarray:
    """Return which windows overlap a span in which nobody knows."""
    out = np.zeros(len(table), dtype=bool)
    names = np.array([station_name(station) for station in table.stations])
    new = sorted(set(names) - set(known))
    if new:
        seismic = ~one.label_rule.is_noise(one.expert.events["label"])
        expert = dataclasses.replace(one.expert, events=one.expert.events[seismic])
        known.update(unplaced(expert, one.events, new, one.label_rule))
    for name in sorted(set(names)):
        rows = np.flatnonzero(names == name)
        time_ns, length_ns = table.time_ns[rows], table.grid.length_ns
        spans = known[name]
        near = (spans[:, 0] < time_ns.max() + length_ns) & (spans[:, 1] > time_ns.min())
        for start_ns, end_ns in spans[near]:
            out[rows[(time_ns < end_ns) & (time_ns + length_ns > start_ns)]] = True
    return out


def same_settings(about: FeatureTable | None, table: FeatureTable) -> FeatureTable:
    """Return what all tables have in common, without rows; refuse one that differs.

    Raises
    ------
    ModelError
        If settings or units differ.
    """
    if about is not None and about.fingerprint != table.fingerprint:
        raise ModelError(
            f"The feature stores were made with different settings ({about.fingerprint} and "
            f"{table.fingerprint}).",
            "Run 'seisml extract' with the same profile on all of them.",
        )
    if about is None or _unit(about) == "unknown":
        return table.rows(np.zeros(0, dtype=int))
    if len(table) and _unit(table) != _unit(about):
        raise ModelError(
            f"Some records are in {_unit(about)}, others in {_unit(table)}: their amplitudes "
            "cannot be learnt together.",
            "Train on stations of one unit, or extract with the units 'motion'.",
        )
    return about


def _unit(table: FeatureTable) -> str:
    """Return the unit of the samples that a table was made from."""
    return str(table.settings.get("unit", "counts"))


def seen_by_experts(sets: Sequence[TrainingSet], stations) -> Catalog:
    """Return the experts' events as seen at stations, of all sets together.

    Parameters
    ----------
    sets : sequence of TrainingSet
    stations : sequence of set of str
        "NET.STA" of the stations of each set.

    Returns
    -------
    Catalog
        See `seisml.labels.signal_catalog`; with several sets, ids begin with "number:".
    """
    catalogs = []
    for number, (one, names) in enumerate(zip(sets, stations, strict=True)):
        seen = signal_catalog(one.events[one.events["station"].isin(names)], one.expert)
        if len(sets) > 1:
            ids = {c: f"{number}:" + seen.events[c] for c in ("event_id", "source_id")}
            picks = seen.picks.assign(event_id=f"{number}:" + seen.picks["event_id"])
            seen = dataclasses.replace(seen, events=seen.events.assign(**ids), picks=picks)
        catalogs.append(seen)
    if len(catalogs) == 1:
        return catalogs[0]
    basis = catalogs[0].time_basis
    alike = [dataclasses.replace(one, time_basis=basis) for one in catalogs]
    return merge(alike, name=" + ".join(name_of(one) for one in sets))


def name_of(one: TrainingSet) -> str:
    """Return what a set is called: its name, else that of its catalogue."""
    return one.name or one.expert.name or one.expert.source
