"""Ends: how long events last on their records, where a model only learnt how they begin."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.codes import sensor_of
from seisml.cuts import cuts
from seisml.measures import filtered, measure, part_of
from seisml.picker import pad_s, pick_bands
from seisml.preparation import NOTHING, Preparation
from seisml.segments import Band, Segment, snap_rate
from seisml.times import NS_PER_S

QUIET = 2.0
"""An event is over when the power is down to so many times that of the noise before it."""
NOISE, SMOOTH = 4.0, 2 / 3
"""How long before the onset the noise is measured, and over how long power is averaged, in search
times."""


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
        With other end_ns, duration_s, amplitude_peak, amplitude_rms and dominant_hz; an event ends
        at the latest where the next one at its station begins. ``snr_db`` stays that of the
        windows that were detected.

    Notes
    -----
    As the coda duration of Lee, Bennett and Meagher (1972): from P to where the motion is at the
    level of the noise again. Here that is where the mean power, in the band in which the event is
    clearest, is down to twice its median before the onset.
    """
    looked = archive is not None and detection.get("refine_onset", True)
    if not looked or detection.get("begin") != "peak" or not len(catalog):
        return catalog
    events, search_s = catalog.events.reset_index(drop=True), detection["onset_search_s"]
    longest_ns = round(min(detection.get("max_duration_s", np.inf), 3600.0) * NS_PER_S)
    before_ns = round((pad_s(band, np.inf) + NOISE * search_s + reach_s) * NS_PER_S)
    after_ns = round(reach_s * NS_PER_S)
    s_ns = catalog.picks[catalog.picks["phase"] == "S"].groupby("event_id")["time_ns"].max()
    s_ns = events["event_id"].map(s_ns).fillna(0).to_numpy(np.int64)
    least_ns = np.maximum(events["end_ns"].to_numpy(np.int64), s_ns)
    columns = {name: events[name].tolist() for name in ("end_ns", *_MEASURED)}
    for sensor, rows in events.groupby(events["event_id"].map(sensor_of)).indices.items():
        rows = rows[np.argsort(events["time_ns"].to_numpy()[rows], kind="stable")]
        onsets = events["time_ns"].to_numpy(np.int64)[rows]
        last = np.minimum(np.append(onsets[1:], 2**62), onsets + longest_ns)
        last = np.maximum(last, events["end_ns"].to_numpy(np.int64)[rows])
        spans = list(zip((onsets - before_ns).tolist(), (last + after_ns).tolist(), strict=True))
        for number, parts in cuts(archive, sensor, spans, preparation=preparation):
            row, parts = rows[number], parts if calibrate is None else list(calibrate(parts))
            options = {"band": band, "noise_s": search_s, "channel": events["channel"][row]}
            span = int(onsets[number]), int(min(least_ns[row], last[number])), int(last[number])
            end_ns = _end_ns(
                part_of(parts, span[0], band, options["channel"]), *span, band, search_s
            )
            found = measure(parts, span[0], end_ns, **options)
            if found.channel:
                columns["end_ns"][row] = end_ns
                for name in _MEASURED:
                    columns[name][row] = getattr(found, name)
    events = events.assign(**columns)
    events["duration_s"] = (events["end_ns"] - events["time_ns"]) / NS_PER_S
    return dataclasses.replace(catalog, events=events)


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
