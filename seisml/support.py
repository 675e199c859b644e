"""Support: what other stations saw at the same time counts for and against a detection.

A wave that passes a network wakes its stations within seconds of each other; a truck wakes one. So
candidates are taken at a lower threshold than detections, and the odds of each are raised or
lowered by the share of the other stations that have a candidate near it in time:

    ln odds' = ln odds + GAIN (min(1, n / min(live, MOST)) - EVEN)

where n of the `live` other stations with data have one. Stations need no coordinates; with them,
only stations of one group support each other (`seisml.neighbours`). Where fewer than `FEWEST`
others have data, nothing changes. For onsets, which travel; for whole events windows vote,
`seisml.voting`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.codes import station_name
from seisml.intervals import contains
from seisml.times import NS_PER_S

CANDIDATE = 0.4
"""Candidates are events from this share of the threshold on."""
GAIN, EVEN = 6.0, 0.5
"""What all stations weigh, against none, in ln of the odds; the share that changes nothing."""
MOST = 8
"""Stations that are as good as all: not all of a large network see every event."""
FEWEST = 2
REACH_KM = 100.0
"""Stations that are further apart are two networks: what one sees says nothing of the other."""


def supported(
    raw: pd.DataFrame,
    on: np.ndarray | float,
    live: Mapping[str, np.ndarray],
    *,
    window_s: float,
    groups: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the candidates that are detections with the support of the other stations.

    Parameters
    ----------
    raw : pandas.DataFrame
        Columns station ("NET.STA.LOC.BI"), start_ns and peak (a probability) of the candidates:
        events from `CANDIDATE` of the threshold on.
    on : float or numpy.ndarray, shape (n_candidates,)
        Threshold of each.
    live : mapping of str to numpy.ndarray of int64, shape (n, 2)
        When each station of the network ("NET.STA") has data, ns.
    window_s : float, s
        Longest time between the onsets of an event at two stations.
    groups : mapping of str to str, optional
        Of each station, see `seisml.neighbours.groups_of`; by default all are one.

    Returns
    -------
    pandas.DataFrame
        Those whose probability then reaches the threshold, with that probability as ``peak``.

    Examples
    --------
    >>> always = np.array([[0, 10**12]])
    >>> live = {"X.A": always, "X.B": always, "X.C": always}
    >>> stations = ["X.A..HH", "X.B..HH", "X.C..HH", "X.A..HH"]
    >>> times_ns = [10**9, 2 * 10**9, 3 * 10**9, 60 * 10**9]
    >>> peaks = [0.3, 0.3, 0.9, 0.9]
    >>> raw = pd.DataFrame({"station": stations, "start_ns": times_ns, "peak": peaks})
    >>> supported(raw, 0.5, live, window_s=3.0)["start_ns"].tolist()
    [1000000000, 2000000000, 3000000000]
    """
    names = raw["station"].astype(str).map(station_name).to_numpy()
    time_ns, window_ns = raw["start_ns"].to_numpy(np.int64), round(window_s * NS_PER_S)
    n, others = np.zeros(len(raw)), np.zeros(len(raw))
    group = np.array([(groups or {}).get(name, "") for name in names], dtype=object)
    for name, spans in live.items():
        other = (names != name) & (group == (groups or {}).get(name, ""))
        others += other & contains(spans, time_ns)
        theirs = np.sort(time_ns[names == name])
        first = np.searchsorted(theirs, time_ns - window_ns, "left")
        n += other & (np.searchsorted(theirs, time_ns + window_ns, "right") > first)
    share = np.minimum(n / np.clip(others, 1, MOST), 1.0)
    gain = np.where(others >= FEWEST, np.exp(GAIN * (share - EVEN)), 1.0)
    p = raw["peak"].to_numpy(np.float64)
    after = p * gain / (p * gain + 1 - p)
    return raw.assign(peak=after)[after >= on * (1 - 1e-9)].reset_index(drop=True)
