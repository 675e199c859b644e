"""Signal-to-noise ratios of an expert's events, found or missed, on the records of stations."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.comparison import Comparison
from seisml.cuts import cuts, sensors_of
from seisml.measures import measure
from seisml.picker import pad_s
from seisml.segments import Band
from seisml.times import NAT, NS_PER_S

LEAST_S, MOST_S = 1.0, 3600.0
"""Signal that is measured at least, as where an event has no end, and at most, as of tremor."""


def event_snr(
    archive: Archive,
    events: pd.DataFrame,
    *,
    band: Band,
    noise_s: float,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Measure the signal-to-noise ratio of events on the archive.

    Parameters
    ----------
    archive : Archive
    events : pandas.DataFrame
        Columns station, time_ns, end_ns, and uncertainty_s (else 0).
    band : Band
    noise_s : float, s
        How long before an event the noise is measured.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    numpy.ndarray of float64, shape (n_events,), dB
        As ``snr_db`` of detections (`seisml.measures.measure`): mean square from onset to end over
        that before, of the vertical, in the band where that is largest. Noise alone is therefore
        some dB above 0. An event whose onset may be wrong by its uncertainty is taken to begin so
        much earlier, at most by the time of the noise: noise is free of it. Of long events the
        first hour counts. NaN where there is no record of the event or of the noise before it.
    """
    time_ns = events["time_ns"].to_numpy(np.int64)
    ends_ns = events["end_ns"].to_numpy(np.int64)
    ends_ns = np.clip(ends_ns, *(time_ns + round(s * NS_PER_S) for s in (LEAST_S, MOST_S)))
    doubt = np.zeros(len(events))
    if "uncertainty_s" in events:
        doubt = np.nan_to_num(events["uncertainty_s"].to_numpy(np.float64)).clip(0, noise_s)
    starts_ns = time_ns - np.round(doubt * NS_PER_S).astype(np.int64)
    before_ns = round((noise_s + pad_s(band, np.inf)) * NS_PER_S)
    out, done = np.full(len(events), np.nan), 0
    sensors = sensors_of(archive, events)
    for sensor in sorted(set(sensors) - {""}):
        rows = np.flatnonzero((sensors == sensor) & (time_ns != NAT))
        spans = [(int(starts_ns[row]) - before_ns, int(ends_ns[row])) for row in rows]
        for number, parts in cuts(archive, sensor, spans):
            start_ns, end_ns = (int(times[rows[number]]) for times in (starts_ns, ends_ns))
            found = measure(parts, start_ns, end_ns, band=band, noise_s=noise_s)
            out[rows[number]] = found.snr_db
            done += 1
            if on_progress is not None:
                on_progress(done, len(events))
    return out


def with_snr(comparison: Comparison, archive: Archive, *, band: Band, noise_s: float) -> Comparison:
    """Return a comparison whose expert's events, and so the missed ones, have a ``snr_db``.

    Parameters
    ----------
    comparison : Comparison
        By station.
    archive, band, noise_s
        See `event_snr`.
    """
    expert = comparison.expert
    snr_db = event_snr(archive, expert, band=band, noise_s=noise_s)
    return with_values(comparison, "snr_db", snr_db)


def measured(training, archive: Archive, band: Band):
    """Return a training (or anything with ``detector``, ``test``, ``baseline``) with ratios."""
    noise_s = float(training.detector.detection.get("onset_search_s", 1.0))
    test = with_snr(training.test, archive, band=band, noise_s=noise_s)
    baseline = training.baseline
    if baseline is not None:
        of_event = dict(zip(test.expert["event_id"], test.expert["snr_db"], strict=True))
        baseline = with_values(baseline, "snr_db", baseline.expert["event_id"].map(of_event))
    return dataclasses.replace(training, test=test, baseline=baseline)


def with_values(comparison: Comparison, column: str, values) -> Comparison:
    """Return a comparison whose expert's events have one more column."""
    expert = comparison.expert.assign(**{column: values})
    of_event = dict(zip(expert["event_id"], expert[column], strict=True))
    missed = comparison.missed.assign(**{column: comparison.missed["event_id"].map(of_event)})
    return dataclasses.replace(comparison, expert=expert, missed=missed)
