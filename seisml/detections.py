"""Detections: events of the state machine become a catalogue, with onsets and measures."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog, make_catalog
from seisml.classprobabilities import class_columns
from seisml.codes import station_name
from seisml.cuts import cuts
from seisml.emergent import BACKGROUND, emergent_onset
from seisml.errors import ConfigError, did_you_mean
from seisml.measures import Measures, measure
from seisml.onset import (
    ALWAYS_NS,
    EMERGENT_MAJORITY,
    MAJORITY,
    Onset,
    find_onset,
    onset_span,
)
from seisml.preparation import NOTHING, Preparation
from seisml.segments import Band, Segment
from seisml.times import NS_PER_S, iso
from seisml.windows import WindowGrid

Calibrate = Callable[[list[Segment]], Iterable[Segment]]
"""From counts to ground motion, for example `seisml.response.to_motion` with its settings."""
ONSETS = ("picker", "level")
FOLD = "fold"
"""Column: of the windows of a held-out candidate; it is no part of a catalogue that is written."""
ADAPTED = "adapted_windows"
"""Column: from how many windows the level of the station was learnt before, 0: as in training."""
MEASURED = ("amplitude_peak", "amplitude_rms", "amplitude_unit", "snr_db", "dominant_hz")


@dataclasses.dataclass(frozen=True)
class _Rising:
    """How onsets of emergent signals are looked for: see `to_catalog`."""

    grid: WindowGrid
    share: float = 0.5
    by: str = ONSETS[0]

    def span_ns(self, event: Mapping) -> tuple[int, int]:
        return rise_ns(event, self.grid, self.share)


def to_catalog(
    raw: pd.DataFrame,
    archive: Archive | None,
    band: Band,
    detection: Mapping,
    *,
    name: str = "seisml",
    body: str = "earth",
    calibrate: Calibrate | None = None,
    reach_s: float = 0.0,
    grid: WindowGrid | None = None,
    preparation: Preparation = NOTHING,
) -> Catalog:
    """Make a catalogue of raw events, with onsets and measures where there are waveforms.

    Parameters
    ----------
    raw : pandas.DataFrame
        Columns station ("NET.STA.LOC.BI"), label, `seisml.states.RAW_COLUMNS`, and where there are
        any those of class probabilities and `ADAPTED`.
    archive : Archive or None
    band : Band
    detection : mapping
        ``refine_onset``, ``onset_search_s``, ``onset_late_s`` (how late the score peaks where an
        event is so weak that no onset can be picked: its time is put forward by that),
        ``onset_uncertainty_s`` (what is to be added to the
        uncertainty of the picker, as emergent signals begin before they can be seen; where it
        is given the onset is looked for only where the score rose, see `rise_ns`, and where the
        picker finds none, by `seisml.emergent.emergent_onset`; with ``onset_by`` = ``level`` the
        other way round; ``onset_from`` is the share of `rise_ns`).
    name, body : str
    calibrate : callable, optional
        Turns counts into the unit in which amplitudes are wanted.
    reach_s : float, s
        How far it looks to both sides.
    grid : WindowGrid, optional
        Of the scores; without it onsets are looked for beyond the rise of the score, too.
    preparation : Preparation
        Steps that the records went through before the features.

    Returns
    -------
    Catalog
        One event a detection with columns amplitude_peak, amplitude_rms, amplitude_unit, snr_db,
        dominant_hz (see `seisml.measures.measure`), duration_s and channel; picks P, and S where
        it can be told. An onset that is no surer than the windows leaves their time.
    """
    onset_by = detection.get("onset_by", ONSETS[0])
    if onset_by not in ONSETS:
        raise ConfigError(f"There is no onset_by {onset_by!r}.", did_you_mean(onset_by, ONSETS))
    refine = archive is not None and detection.get("refine_onset", True)
    options = {"band": band, "search_s": detection.get("onset_search_s", 1.0)}
    late_ns = round(detection.get("onset_late_s", 0.0) * NS_PER_S) if refine else 0
    options["late_ns"] = late_ns
    options["preparation"] = preparation
    if detection.get("onset_uncertainty_s", 0.0) > 0:
        share = detection.get("onset_from", _Rising.share)
        options["rising"] = None if grid is None else _Rising(grid, share, onset_by)
    found: list[tuple[Onset | None, Measures]] = [(None, Measures())] * len(raw)
    if refine:
        for station, rows in raw.groupby("station", sort=True).indices.items():
            looked = _looked_at(archive, station, raw.iloc[rows], calibrate, reach_s, **options)
            for number, one in looked:
                found[rows[number]] = one
    emergent_s = detection.get("onset_uncertainty_s", 0.0)
    events, picks = [], []
    seen: Counter = Counter()
    kept = [*class_columns(raw).values(), *(name for name in (ADAPTED, FOLD) if name in raw)]
    rows = zip(raw.itertuples(index=False), found, raw[kept].to_dict("records"), strict=True)
    for row, (onset, measures), more in rows:
        name_of = f"{row.station}.{iso(row.start_ns)[:-5].replace(':', '')}"
        seen[name_of] += 1  # the same record may be in two stores
        event = _event(row, onset, measures, late_ns) | more
        event["uncertainty_s"] = np.hypot(event["uncertainty_s"], emergent_s)
        event["event_id"] = name_of if seen[name_of] == 1 else f"{name_of}#{seen[name_of]}"
        events.append(event)
        picks += _picks(event, onset)
    basis = "first_pick" if refine else "detection_on"
    return make_catalog(events, picks, name=name, body=body, source="seisml", time_basis=basis)


def rise_ns(event: Mapping, grid: WindowGrid, share: float = 0.5) -> tuple[int, int]:
    """Return the span in which the score of an event rose, and its onset therefore lies.

    Parameters
    ----------
    event : mapping
        ``start_ns``, ``end_ns`` and ``peak_ns``, see `seisml.states.RAW_COLUMNS`.
    grid : WindowGrid
    share : float
        Of the first window that reached the off threshold, in which no onset lies: a window is no
        event whose event covers less than half of it. Smaller where S outshines P.

    Returns
    -------
    start_ns, end_ns : int
        From this share of that window to the end of the window with the largest score or of the
        event, whichever is first.

    Examples
    --------
    >>> event = {"start_ns": 150 * 10**9, "end_ns": 400 * 10**9, "peak_ns": 50 * 10**9}
    >>> [ns // 10**9 for ns in rise_ns(event, WindowGrid(200.0, 50.0))]
    [100, 250]
    """
    last_ns = min(event["peak_ns"] + grid.length_ns, event["end_ns"])
    # An event begins at the last hop of its first window, see `seisml.states`.
    first_ns = event["start_ns"] + grid.hop_ns - grid.length_ns
    first_ns += round(share * grid.length_ns)
    return min(first_ns, event["start_ns"]), max(event["start_ns"], last_ns)


def _looked_at(
    archive, station, raw, calibrate, reach_s, *, band, search_s, late_ns, preparation, rising=None
):
    """Yield (number, (onset, measures)) of one station's events, each stretch read once."""
    starts_ns, ends_ns = raw["start_ns"].tolist(), raw["end_ns"].tolist()
    reach_ns = round(reach_s * NS_PER_S)
    spans = []
    records = raw.to_dict("records")
    rises = [ALWAYS_NS if rising is None else rising.span_ns(row) for row in records]
    for start_ns, end_ns, rise in zip(starts_ns, ends_ns, rises, strict=True):
        first_ns, last_ns = onset_span(start_ns, band=band, search_s=search_s)
        if rising is not None:
            first_ns = min(first_ns, rise[0] - BACKGROUND * rising.grid.length_ns)
        spans.append((first_ns - reach_ns, max(last_ns, end_ns) + reach_ns))
    for number, parts in cuts(archive, station, spans, preparation=preparation):
        start_ns, within_ns = starts_ns[number], rises[number]
        onset = _onset(parts, start_ns, within_ns, rising, band=band, search_s=search_s)
        time_ns = start_ns - late_ns if onset is None else onset.time_ns
        motion = parts if calibrate is None else list(calibrate(parts))
        channel = "" if onset is None else onset.channel
        end_ns = max(ends_ns[number], time_ns + NS_PER_S)
        options = {"band": band, "noise_s": search_s, "channel": channel}
        yield number, (onset, measure(motion, time_ns, end_ns, **options))


def _onset(parts, start_ns: int, within_ns, rising: _Rising | None, *, band, search_s):
    """Look for an onset in the way that comes first, then in the other."""

    def picked():
        options = {"band": band, "search_s": search_s, "within_ns": within_ns}
        options["majority"] = MAJORITY if rising is None else EMERGENT_MAJORITY
        return find_onset(parts, start_ns, **options)

    def risen():
        return emergent_onset(parts, within_ns, band=band, window_ns=rising.grid.length_ns)

    if rising is None:
        return picked()
    ways = (risen, picked) if rising.by == "level" else (picked, risen)
    return next((onset for way in ways if (onset := way()) is not None), None)


def _event(row, onset: Onset | None, measures: Measures, late_ns: int) -> dict:
    """Return the row of an event."""
    time_ns = row.start_ns - late_ns if onset is None else onset.time_ns
    end_ns = max(row.end_ns, time_ns + NS_PER_S)
    return {
        "time_ns": time_ns,
        "end_ns": end_ns,
        "station": station_name(row.station),
        "label": row.label,
        "score": row.peak,
        "uncertainty_s": np.nan if onset is None else onset.uncertainty_s,
        "duration_s": (end_ns - time_ns) / NS_PER_S,
        **{name: getattr(measures, name) for name in MEASURED},
        "channel": measures.channel if onset is None else onset.channel,
    }


def _picks(event: Mapping, onset: Onset | None) -> list[dict]:
    """Return the picks of an event: P, and S where there is one."""
    pick = {key: event[key] for key in ("event_id", "station", "score")} | {"method": "automatic"}
    times = [("P", event["time_ns"], event["uncertainty_s"])]
    if onset is not None and onset.s_time_ns is not None:
        times.append(("S", onset.s_time_ns, onset.s_uncertainty_s))
    return [{**pick, "phase": p, "time_ns": t, "uncertainty_s": u} for p, t, u in times]
