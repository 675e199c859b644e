"""Chance: how many network events stations would make that have nothing to do with each other."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.associate import coincidences, detections_of
from seisml.catalog import Catalog
from seisml.errors import NoDataError
from seisml.intervals import at_elapsed, elapsed_ns, total_s, union
from seisml.times import NS_PER_S

SHORTEST_S = 60.0
"""Records must be longer than this, or shifted stations still see what they saw."""


def by_chance(
    catalog: Catalog,
    *,
    n_shifts: int = 20,
    seed: int = 0,
    coverage: Mapping[str, np.ndarray] | None = None,
    **options,
) -> tuple[float, float]:
    """Return the mean numbers of network events when the stations are shifted in time.

    Parameters
    ----------
    catalog : Catalog
        Detections, or picks, as for `seisml.associate.coincidences`.
    n_shifts : int
        How often all stations are shifted, each by a time of its own.
    seed : int
    coverage : mapping of str to numpy.ndarray, shape (n, 2)
        When each station has data, ns: time without data is left out, so that the rates stay what
        they are. Without it, the time from the first to the last detection.
    **options
        Of `seisml.associate.coincidences`.

    Returns
    -------
    least, most : float
        False events to expect among those of `coincidences` with the same options; no truth is
        needed. `least`: of the detections that are in no event; `most`: of all of them, which is
        too many where events are dense, as theirs are shifted, too.

    Raises
    ------
    NoDataError
        If the records are shorter than a minute.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> rows = [{"station": f"X.{s}", "time_ns": t * 10**9} for s, t in
    ...         (("A", 10), ("B", 11), ("C", 12), ("A", 3600))]
    >>> by_chance(make_catalog(rows), window_s=3)
    (0.0, 0.0)
    """
    catalog = detections_of(catalog)
    events = catalog.events[catalog.events["station"] != ""]
    if events.empty:
        return 0.0, 0.0
    time_ns = events["time_ns"].to_numpy(np.int64)
    spans = np.array([[time_ns.min(), time_ns.max() + 1]])
    if coverage is not None and any(map(len, coverage.values())):
        spans = union(*(one for one in coverage.values() if len(one)))
    if total_s(spans) < SHORTEST_S:
        raise NoDataError(
            f"{total_s(spans):.3g} s of records are too short to shift stations by chance.",
            f"Take {SHORTEST_S:g} s or more.",
        )
    total_ns = int(np.diff(spans).sum())
    at_ns = elapsed_ns(spans, time_ns)
    station, rng = pd.factorize(events["station"], sort=True)[0], np.random.default_rng(seed)
    found = coincidences(catalog, coverage=coverage, **options)
    taken = pd.MultiIndex.from_frame(found.picks[["station", "time_ns"]])
    rest = ~pd.MultiIndex.from_frame(events[["station", "time_ns"]]).isin(taken)
    counts = []
    for _ in range(n_shifts):
        off_ns = rng.integers(0, total_ns, station.max() + 1)[station]
        moved_ns = at_elapsed(spans, (at_ns + off_ns) % total_ns)
        shifted = events.assign(time_ns=moved_ns, end_ns=moved_ns + NS_PER_S)
        both = (shifted[rest], shifted)
        parts = [dataclasses.replace(catalog, events=e, picks=catalog.picks[:0]) for e in both]
        counts.append([len(coincidences(e, coverage=coverage, **options)) for e in parts])
    least, most = np.mean(counts, axis=0)
    return float(least), float(most)
