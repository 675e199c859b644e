"""Network events: the detections of a group as one event with its picks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.moveout import WADATI
from seisml.times import NS_PER_S


def s_picks_of(catalog: Catalog) -> dict[tuple[str, str], dict]:
    """Return the S pick of each detection, by its id and station."""
    picks = catalog.picks[catalog.picks["phase"] == "S"]
    return {
        (pick["event_id"], pick["station"]): pick
        for pick in picks[["event_id", "station", "time_ns", "uncertainty_s", "score"]]
        .sort_values("time_ns", ascending=False)
        .to_dict("records")
    }


def network_event(group: pd.DataFrame, s_picks: Mapping) -> tuple[dict, list[dict]]:
    """Return the row of an event and its picks.

    Parameters
    ----------
    group : pandas.DataFrame
        Detections, one a station, in order of time.
    s_picks : mapping
        See `s_picks_of`.
    """
    times = group["time_ns"].to_numpy()
    columns = ["station", "time_ns", "score", "uncertainty_s"]
    picks = [{"phase": "P", **pick} for pick in group[columns].to_dict("records")]
    keys = zip(group["event_id"], group["station"], strict=True)
    for found in (s_picks[key] for key in keys if key in s_picks):
        picks.append({"phase": "S", **{name: found[name] for name in columns}})
    origin_ns, method = _origin(picks)
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
        "origin_method": method,
        "moveout_s": float((times.max() - times.min()) / NS_PER_S),
    }
    return event, [{**pick, "method": "automatic"} for pick in picks]


def _first_onset(group: pd.DataFrame) -> pd.Series:
    """Return the first onset; where no onset was picked, a time is only that of a window."""
    picked = group[group["uncertainty_s"].notna()]
    return (group if picked.empty else picked).iloc[0]


def _origin(picks: list[dict]) -> tuple[int, str]:
    """Estimate the origin time without a location: by S - P (Wadati), else the first onset."""
    p = {pick["station"]: pick["time_ns"] for pick in picks if pick["phase"] == "P"}
    s = {pick["station"]: pick["time_ns"] for pick in picks if pick["phase"] == "S"}
    first_ns = min(p.values())
    origins = [p[name] - (s[name] - p[name]) / WADATI for name in sorted(s) if s[name] > p[name]]
    if len(origins) < 2:
        return first_ns, "first_pick"
    return min(first_ns, round(float(np.median(origins)))), "wadati"
