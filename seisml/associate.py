"""Association, first cut: detections that coincide at several stations are network events."""

import numpy as np

from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError
from seisml.times import NS_PER_S


def coincidences(catalog: Catalog, *, window_s: float, min_stations: int = 3) -> Catalog:
    """Group station detections that begin within a window into network events.

    Starting at the earliest detection, all detections within the window, the first of each
    station, are one event if there are enough; then the next detection that is left is taken.
    The result does not depend on the order of the rows.

    Parameters
    ----------
    catalog : Catalog
        Detections with a station each.
    window_s : float, s
        Longest moveout over the network: its diameter over the slowest speed.
    min_stations : int
        Stations that must take part.

    Returns
    -------
    Catalog
        Time of the first onset (time basis first_pick), the largest score, ``n_stations``, and
        one pick a station.

    Raises
    ------
    ConfigError
        If the window is not positive or fewer than two stations are asked for.

    Examples
    --------
    >>> rows = [{"station": f"X.{s}", "time_ns": t * 10**9} for s, t in
    ...         (("A", 10), ("B", 11), ("C", 12), ("A", 50))]
    >>> network = coincidences(make_catalog(rows), window_s=3, min_stations=3)
    >>> network.events["n_stations"].tolist()
    [3]
    """
    if window_s <= 0 or min_stations < 2:
        raise ConfigError(
            f"window_s = {window_s:g} must be positive and min_stations = {min_stations} at "
            "least 2."
        )
    events = catalog.events.sort_values(["time_ns", "station", "event_id"], ignore_index=True)
    time_ns = events["time_ns"].to_numpy()
    last = np.searchsorted(time_ns, time_ns + round(window_s * NS_PER_S), "right")
    free = np.ones(len(events), dtype=bool)
    rows, picks = [], []
    for first in range(len(events)):
        if not free[first]:
            continue
        near = events.iloc[first : last[first]][free[first : last[first]]]
        group = near.drop_duplicates("station")
        if len(group) >= min_stations:
            free[group.index] = False
            event = {
                "event_id": f"n{len(rows) + 1:06d}",
                "time_ns": int(group["time_ns"].iloc[0]),
                "end_ns": int(group["end_ns"].max()),
                "label": group["label"].mode().iloc[0],
                "score": group["score"].max(),
                "n_stations": len(group),
            }
            rows.append(event)
            columns = ["station", "time_ns", "score", "uncertainty_s"]
            picks.extend(
                {"event_id": event["event_id"], "phase": "P", "method": "automatic", **pick}
                for pick in group[columns].to_dict("records")
            )
    return make_catalog(
        rows or None,
        picks or None,
        name=catalog.name,
        body=catalog.body,
        source=catalog.source,
        time_basis="first_pick",
    )
