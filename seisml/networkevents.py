"""Network events: the detections of a group as one event with its picks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.moveout import WADATI
from seisml.times import NS_PER_S

RATIO_ERROR = 0.1
"""Of S - P over the travel time of P, as a share: Vp/Vs is 1.65 to 1.8, and S is picked late."""


def s_picks_of(catalog: Catalog) -> dict[tuple[str, str], dict]:
    """Return the S pick of each detection, by its id and station."""
    picks = catalog.picks[catalog.picks["phase"] == "S"]
    return {
        (pick["event_id"], pick["station"]): pick
        for pick in picks[["event_id", "station", "time_ns", "uncertainty_s", "score"]]
        .sort_values("time_ns", ascending=False)
        .to_dict("records")
    }


def network_event(
    group: pd.DataFrame, s_picks: Mapping, s_group: pd.DataFrame
) -> tuple[dict, list[dict]]:
    """Return the row of an event and its picks.

    Parameters
    ----------
    group : pandas.DataFrame
        Detections, one a station, in order of time.
    s_picks : mapping
        See `s_picks_of`.
    s_group : pandas.DataFrame
        Detections that are S waves of the event: their onset is the S pick of their station.
    """
    times = group["time_ns"].to_numpy()
    columns = ["station", "time_ns", "score", "uncertainty_s"]
    picks = [{"phase": "P", **pick} for pick in group[columns].to_dict("records")]
    keys = zip(group["event_id"], group["station"], strict=True)
    s = {key[1]: {name: s_picks[key][name] for name in columns} for key in keys if key in s_picks}
    s |= {row["station"]: row for row in s_group[columns].to_dict("records")[::-1]}
    picks += [{"phase": "S", **s[name]} for name in s]
    origin_ns, uncertainty_s, method = _origin(picks)
    first = _first_onset(group)
    event = {
        "time_ns": int(first["time_ns"]),
        "end_ns": int(group["end_ns"].max()),
        "label": sorted(group["label"].mode())[0],
        "score": group["score"].max(),
        "uncertainty_s": first["uncertainty_s"],
        "n_stations": len(group),
        "nearest_station": first["station"],
        "origin_ns": origin_ns,
        "origin_uncertainty_s": uncertainty_s,
        "origin_method": method,
        "moveout_s": float((times.max() - times.min()) / NS_PER_S),
    }
    return event, [{**pick, "method": "automatic"} for pick in picks]


def _first_onset(group: pd.DataFrame) -> pd.Series:
    """Return the first onset; where no onset was picked, a time is only that of a window."""
    picked = group[group["uncertainty_s"].notna()]
    return (group if picked.empty else picked).iloc[0]


def _origin(picks: list[dict]) -> tuple[int, float, str]:
    """Estimate origin time, its standard error in s and how: by S - P (Wadati), or first onset."""
    p = {pick["station"]: pick for pick in picks if pick["phase"] == "P"}
    s = {pick["station"]: pick for pick in picks if pick["phase"] == "S"}
    first_ns = min(pick["time_ns"] for pick in p.values())
    both = [name for name in sorted(s) if name in p and s[name]["time_ns"] > p[name]["time_ns"]]
    if len(both) < 2:
        return first_ns, np.nan, "first_pick"
    p_ns, s_ns = (np.array([one[name]["time_ns"] for name in both]) for one in (p, s))
    back_s = (s_ns - p_ns) / NS_PER_S / WADATI
    origin_s = (p_ns - first_ns) / NS_PER_S - back_s
    middle_s = float(np.median(origin_s))
    # A few origins may agree by chance: what the S - P itself is uncertain by remains.
    spread_s = 1.4826 * float(np.median(np.abs(origin_s - middle_s)))
    least_s = RATIO_ERROR * float(np.median(back_s))
    error_s = np.hypot(1.2533 * spread_s / np.sqrt(len(both)), least_s)
    return first_ns + min(0, round(middle_s * NS_PER_S)), float(error_s), "wadati"
