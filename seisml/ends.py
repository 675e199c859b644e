"""Ends: how long events last on their records, where a model only learnt how they begin; and S.

The span that is searched about an onset ends before the S of all but the nearest events: S, the end
and what is measured until there are looked for when it is known where the next event begins.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.codes import sensor_of
from seisml.cuts import cuts
from seisml.measures import filtered, measure, part_of
from seisml.onset import find_s
from seisml.picker import pad_s, pick_bands
from seisml.preparation import NOTHING, Preparation
from seisml.segments import Band, Segment, snap_rate
from seisml.times import NS_PER_S

QUIET = 2.0
"""An event is over when the power is down to so many times that of the noise before it."""
NOISE, SMOOTH = 4.0, 2 / 3
"""How long before the onset the noise is measured, and over how long power is averaged, in search
times."""
S_LONGEST = 8.0
"""How long after P the S onset is looked for, in search times: 12 s for local earthquakes."""


def with_ends(
    catalog: Catalog,
    archive: Archive | None,
    band: Band,
    detection: Mapping,
    *,
    calibrate: Callable[[list[Segment]], Iterable[Segment]] | None = None,
    reach_s: float = 0.0,
    preparation: Preparation = NOTHING,
) -> Catalog:
    """Return detections with the ends that their records show, and amplitudes until there.

    A model of onsets (``begin`` = ``peak``) says nothing of how long an event lasts: its windows
    end a second after P. Those of other models are left as they are, and so are all without
    waveforms.

    Parameters
    ----------
    catalog : Catalog
        From `seisml.detections.to_catalog`, after all that leaves detections out.
    archive : Archive or None
    band : Band
    detection : mapping
        ``begin``, ``onset_search_s`` and ``max_duration_s``: the longest event.
    calibrate, reach_s, preparation
        See `seisml.detections.to_catalog`.

    Returns
    -------
    Catalog
        With other end_ns, duration_s, amplitude_peak, amplitude_rms and dominant_hz, and other S
        picks where P was picked; an event ends at the latest where the next one at its station
        begins, and so does the search for S. ``snr_db`` stays that of the windows that were
        detected.

    Notes
    -----
    As the coda duration of Lee, Bennett and Meagher (1972): from P to where the motion is at the
    level of the noise again. Here that is where the mean power, in the band in which the event is
    clearest, is down to twice its median before the onset.
    """
    looked = archive is not None and detection.get("refine_onset", True)
    if not looked or detection.get("begin") != "peak" or not len(catalog):
        return catalog
    events, found = catalog.events.reset_index(drop=True), {}
    for sensor, rows in events.groupby(events["event_id"].map(sensor_of)).indices.items():
        some = events.iloc[rows[np.argsort(events["time_ns"].to_numpy()[rows], kind="stable")]]
        options = {"calibrate": calibrate, "reach_s": reach_s, "preparation": preparation}
        found |= _looked_at(archive, sensor, some, band, detection, **options)
    for name in ("end_ns", *_MEASURED):
        new = {row: getattr(one, name) for row, one in found.items()}
        events[name] = [new.get(row, old) for row, old in enumerate(events[name].tolist())]
    events["duration_s"] = (events["end_ns"] - events["time_ns"]) / NS_PER_S
    sought = {events["event_id"][row]: one for row, one in found.items() if one.sought_s}
    return dataclasses.replace(catalog, events=events, picks=_with_s(catalog.picks, sought))


@dataclasses.dataclass(frozen=True)
class _Look:
    """What the records of one event show."""

    end_ns: int
    amplitude_peak: float
    amplitude_rms: float
    dominant_hz: float
    sought_s: bool
    s_ns: int | None
    s_uncertainty_s: float


def _looked_at(
    archive, sensor: str, events, band: Band, detection: Mapping, *, calibrate, reach_s, preparation
) -> dict[int, _Look]:
    """Return what the records show of each event of a sensor, in order of time."""
    search_s = detection["onset_search_s"]
    longest_ns = round(min(detection.get("max_duration_s", np.inf), 3600.0) * NS_PER_S)
    before_ns = round((pad_s(band, np.inf) + NOISE * search_s + reach_s) * NS_PER_S)
    onsets, ends = (events[name].to_numpy(np.int64) for name in ("time_ns", "end_ns"))
    last = np.minimum(np.append(onsets[1:], 2**62), onsets + longest_ns)
    last = np.maximum(last, ends)
    until = np.minimum(last, onsets + round(S_LONGEST * search_s * NS_PER_S))
    after_ns = round(reach_s * NS_PER_S)
    spans = list(zip((onsets - before_ns).tolist(), (last + after_ns).tolist(), strict=True))
    found = {}
    for k, parts in cuts(archive, sensor, spans, preparation=preparation):
        row, onset_ns, end_ns = events.index[k], int(onsets[k]), int(ends[k])
        sought = bool(np.isfinite(events["uncertainty_s"][row]))
        s_ns, s_uncertainty_s = None, np.nan
        if sought:
            options = {"band": band, "search_s": search_s, "until_ns": int(until[k])}
            s_ns, s_uncertainty_s = find_s(parts, onset_ns, **options)
        least_ns = min(max(end_ns, s_ns or end_ns), int(last[k]))
        motion = parts if calibrate is None else list(calibrate(parts))
        options = {"band": band, "noise_s": search_s, "channel": events["channel"][row]}
        part = part_of(motion, onset_ns, band, options["channel"])
        end_ns = _end_ns(part, onset_ns, least_ns, int(last[k]), band, search_s)
        measured = measure(motion, onset_ns, end_ns, **options)
        if measured.channel:
            values = (getattr(measured, name) for name in _MEASURED)
            found[row] = _Look(end_ns, *values, sought, s_ns, s_uncertainty_s)
    return found


def _with_s(picks: pd.DataFrame, found: Mapping[str, _Look]) -> pd.DataFrame:
    """Return picks with the S onsets of these events instead of those that they had."""
    kept = picks[~((picks["phase"] == "S") & picks["event_id"].isin(list(found)))]
    p = kept[(kept["phase"] == "P") & kept["event_id"].isin([k for k in found if found[k].s_ns])]
    s = p.assign(
        phase="S",
        time_ns=np.array([found[name].s_ns for name in p["event_id"]], np.int64),
        uncertainty_s=[found[name].s_uncertainty_s for name in p["event_id"]],
    )
    out = pd.concat([kept, s]).sort_index(kind="stable")  # S after its P
    return out.reset_index(drop=True)


_MEASURED = ("amplitude_peak", "amplitude_rms", "dominant_hz")


def _end_ns(
    part: Segment | None, onset_ns: int, least_ns: int, last_ns: int, band: Band, search_s: float
) -> int:
    """Return when the power is at the level of the noise again, from `least_ns` to `last_ns`."""
    if part is None:
        return least_ns
    rate_hz = snap_rate(part.sampling_rate_hz)
    instants = (onset_ns, least_ns, last_ns)
    at, least, last = (round((t - part.start_ns) * rate_hz / NS_PER_S) for t in instants)
    last, n = min(last, part.n_samples), max(1, round(SMOOTH * search_s * rate_hz))
    first, x = max(0, at - round(NOISE * search_s * rate_hz)), np.asarray(part.data[0], np.float64)
    if at - n - first < n or least >= last:
        return least_ns
    clearest, quiet, power = 0.0, np.inf, np.zeros(0)
    for one in pick_bands(band, rate_hz):
        sums = np.concatenate([[0.0], np.cumsum(filtered(x[:last], one, rate_hz) ** 2)])
        mean = (sums[n:] - sums[:-n]) / n  # of the n samples from each on
        noise = float(np.median(mean[first : at - n]))
        ratio = (sums[least] - sums[at]) / max(least - at, 1) / max(noise, 1e-300)
        if ratio > clearest:
            clearest, quiet, power = ratio, QUIET * noise, mean[least:]
    over = np.flatnonzero(power <= quiet)
    end = least + int(over[0]) if len(over) else last
    return min(max(least_ns, part.start_ns + round(end * NS_PER_S / rate_hz)), last_ns)
