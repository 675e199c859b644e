"""Comparison: how two catalogues agree, and the groups of events that may be pairs."""

import dataclasses

import numpy as np
import pandas as pd

from seisml.codes import station_name
from seisml.intervals import subtract, union
from seisml.times import NS_PER_S

EVERYWHERE = "*"
OUTSIDE_WORDS = {
    "expert": "expert events outside the coverage",
    "machine": "detections outside the coverage",
    "expert_other_label": "expert events of other labels",
    "machine_ignored": "detections where the expert does not say what there is",
}
"""What is neither hit nor miss, see `Comparison`."""
"""The one group of a comparison that ignores stations."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """How a machine's catalogue and an expert's agree, event by event.

    Attributes
    ----------
    matched : pandas.DataFrame
        One row a pair: expert_id, machine_id, station, expert_ns, machine_ns, residual_s
        (machine minus expert), expert_label, machine_label, score; sorted by expert_ns.
    missed, unmatched : pandas.DataFrame
        Rows of `expert` and of `machine` without a partner.
    split : pandas.DataFrame
        One row an unmatched detection on an event that already has a partner: expert_id,
        machine_id (the partner), extra_id, station, onset_difference_s. Empty in the mode onset.
    merged : pandas.DataFrame
        One row a missed event under a detection that has another partner: machine_id, expert_id
        (the partner), extra_id, station, onset_difference_s. Empty in the mode onset.
    outside : dict of str to int
        What is neither hit nor miss: ``expert`` and ``machine`` events outside coverage,
        ``expert_other_label`` events, ``machine_ignored`` detections without a partner on
        events that are not scored (another label, or begun outside coverage), or where the expert
        does not say what there is.
    coverage : dict of str to numpy.ndarray of int64, shape (n, 2), or None
        Usable intervals of each station, ns; None where nobody said.
    usable_s : float
        Station-seconds of coverage without `ignored_spans` (network level: seconds with any
        station); NaN if unknown.
    tolerance_s : float or numpy.ndarray of float, shape (n_expert,)
        Largest onset difference, s; where it is an array, one for each row of `expert`.
    mode : str
        onset, interval, overlap or iou (see `seisml.compare.compare`).
    min_overlap : float
        Smallest share that must overlap, of the union (interval, iou) or of the expert's event
        (overlap).
    by_station : bool
        Whether pairs had to be at the same station.
    expert, machine : pandas.DataFrame
        The events inside coverage that were compared.
    ignored_spans : dict of str to numpy.ndarray
        Where a detection without a partner is ignored, by station ("*": any).
    expert_name, machine_name, expert_basis, machine_basis, body : str
        Names and time bases of the catalogues, and where they are.
    """

    matched: pd.DataFrame
    missed: pd.DataFrame
    unmatched: pd.DataFrame
    split: pd.DataFrame
    merged: pd.DataFrame
    outside: dict
    coverage: dict | None
    usable_s: float
    tolerance_s: float | np.ndarray
    mode: str
    min_overlap: float
    by_station: bool
    expert: pd.DataFrame
    machine: pd.DataFrame
    ignored_spans: dict
    expert_name: str
    machine_name: str
    expert_basis: str
    machine_basis: str
    body: str

    def __repr__(self) -> str:
        return (
            f"Comparison({self.machine_name!r} with {self.expert_name!r}: {len(self.matched)} "
            f"matched, {len(self.missed)} missed, {len(self.unmatched)} unmatched)"
        )


def station_keys(events: pd.DataFrame, by_station: bool) -> np.ndarray:
    """Return the group of each event: its NET.STA, or one for all."""
    if not by_station:
        return np.full(len(events), EVERYWHERE, dtype=object)
    code, stations = pd.factorize(events["station"])  # a few names, repeated many times
    return np.array([station_name(name) for name in stations], dtype=object)[code]


def rows_by_key(events: pd.DataFrame, by_station: bool) -> dict[str, np.ndarray]:
    """Return the rows of each station, in order of time; one group where stations do not matter."""
    keys, names = pd.factorize(station_keys(events, by_station), sort=True)
    order = np.argsort(keys, kind="stable")
    bounds = np.searchsorted(keys[order], np.arange(len(names) + 1))
    return {name: order[bounds[k] : bounds[k + 1]] for k, name in enumerate(names)}


def cover_of(cover: dict, key: str) -> np.ndarray:
    """Return the coverage of a station, or of any station for the whole network."""
    return union(*cover.values()) if key == EVERYWHERE else cover.get(key, union())


def scored_covers(coverage: dict | None, ignored: dict, by_station: bool) -> list[np.ndarray]:
    """Return the coverage of each station without the spans in which detections are ignored.

    At network level there is one, that of any station. Empty ones are left out.
    """
    if coverage is None:
        return []
    keys = list(coverage) if by_station else [EVERYWHERE]
    covers = [subtract(cover_of(coverage, key), ignored.get(key, union())) for key in keys]
    return [cover for cover in covers if len(cover)]


def tolerances_ns(frame: Comparison, rows: np.ndarray):
    """Return the tolerance of some expert rows, ns: one number or one for each."""
    seconds = np.asarray(frame.tolerance_s)
    nanoseconds = np.rint((seconds[rows] if seconds.ndim else seconds) * NS_PER_S)
    return nanoseconds.astype(np.int64)
