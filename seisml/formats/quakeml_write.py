"""QuakeML 1.2 written through ObsPy; `seisml.formats.quakeml` reads it.

What QuakeML has no place for - label, score, quality, station, end of the signal, columns of
one's own - is written in ``seisml:`` elements (see `seisml.formats.obspy_events`); the score
stands in a comment, too, where people see it. Resource ids are made from the event ids and
nothing carries a creation time: the same catalogue gives the same bytes.
"""

import hashlib
import io
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.obspy_events import NAMESPACE, own_texts
from seisml.times import NAT, iso

_EVENT_WORDS = ("label", "score", "quality", "station", "end_ns")  # elements of their own
_EVENT_NATIVE = ("event_id", "time_ns", *_EVENT_WORDS)
_PLACE = ("latitude", "longitude", "depth_km")
_PICK_NATIVE = ("event_id", "time_ns", "station", "phase", "uncertainty_s", "method")


def write(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return a catalogue as QuakeML 1.2, valid against its schema.

    Parameters
    ----------
    catalog : Catalog
    path : path-like
        Where it is to be written.

    Returns
    -------
    dict of Path to bytes
        One file. Times have microseconds. An origin is written for events with coordinates and
        origin time; types that QuakeML does not know become "other event", the label stays.

    Raises
    ------
    CatalogError
        If there are picks of no event, for which QuakeML has no place.
    """
    from obspy.core.event import Catalog as ObspyCatalog

    alone = ~catalog.picks["event_id"].isin(catalog.events["event_id"])
    if alone.any():
        raise CatalogError(
            f"{path}: {alone.sum()} picks belong to no event, for which QuakeML has no place.",
            "Leave them out, or write the catalogue as .csv.",
        )
    picks: dict[str, list[dict]] = {}
    for pick in catalog.picks.to_dict("records"):
        picks.setdefault(pick["event_id"], []).append(pick)
    events = [
        _write_event(row, picks.get(row["event_id"], []), catalog)
        for row in catalog.events.to_dict("records")
    ]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        ObspyCatalog(events, resource_id="smi:local/seisml/catalog").write(
            buffer, format="QUAKEML", nsmap={"seisml": NAMESPACE}
        )
    return {Path(path): buffer.getvalue()}


def _elements(texts: Mapping[str, object]) -> dict:
    """Return ObsPy's form of seisml's own elements."""
    return {key: {"value": str(v), "namespace": NAMESPACE} for key, v in texts.items()}


def _resource(kind: str, event_id: str, *more) -> str:
    """Return a resource id that QuakeML allows, always the same for the same event."""
    safe = re.sub(r"[^\w\-.*()~']", "_", event_id, flags=re.ASCII)
    if safe != event_id:
        safe += f".{hashlib.sha256(event_id.encode()).hexdigest()[:8]}"
    return "/".join(["smi:local/seisml", kind, safe, *map(str, more)])


def _filled(row: Mapping, leave_out) -> dict:
    """Return what a row states in columns that have no element of their own."""
    return {
        key: value
        for key, value in row.items()
        if key not in leave_out and value != "" and not pd.isna(value) and value != NAT
    }


def _json(columns: Mapping) -> dict[str, str]:
    return {"columns": json.dumps(columns, sort_keys=True, default=str)} if columns else {}


def _write_event(row: dict, pick_rows: list[dict], catalog: Catalog):
    from obspy.core.event import Comment, Event, Magnitude
    from obspy.core.event.header import EventType

    event_id = row["event_id"]
    event = Event(resource_id=_resource("event", event_id), force_resource_id=False)
    if row["label"]:
        event.event_type = row["label"] if row["label"] in EventType else "other event"
    event.picks = [_write_pick(pick, number) for number, pick in enumerate(pick_rows, start=1)]
    if not pick_rows and catalog.time_basis != "origin":
        event.picks = [_time_pick(row)]
    leave_out = set(_EVENT_NATIVE)
    origin = _write_origin(row, event.picks, catalog.time_basis)
    if origin is not None:
        event.origins = [origin]
        event.preferred_origin_id = origin.resource_id
        leave_out |= set(_PLACE)
    if not np.isnan(row["magnitude"]):
        event.magnitudes = [
            Magnitude(
                resource_id=_resource("magnitude", event_id),
                mag=row["magnitude"],
                magnitude_type=row["magnitude_type"] or None,
            )
        ]
        event.preferred_magnitude_id = event.magnitudes[0].resource_id
        leave_out |= {"magnitude", "magnitude_type"}
    own = _filled({key: row[key] for key in _EVENT_WORDS}, ())
    if "end_ns" in own:
        own["end_ns"] = iso(own["end_ns"])
    own |= {"time": iso(row["time_ns"]), "time_basis": catalog.time_basis, "body": catalog.body}
    own |= {} if event.resource_id.id.endswith(f"/{event_id}") else {"event_id": event_id}
    said = [f"{key} {own[key]}" for key in ("label", "score", "quality") if key in own]
    text = ", ".join([f"{catalog.time_basis} time {own['time']}", *said])
    event.comments = [Comment(text=f"seisml: {text}", resource_id=_resource("comment", event_id))]
    event.extra = _elements(own | _json(_filled(row, leave_out)))
    return event


def _write_origin(row: dict, picks: list, time_basis: str):
    from obspy import UTCDateTime
    from obspy.core.event import Arrival, Origin

    origin_ns = row["time_ns"] if time_basis == "origin" else row.get("origin_ns", NAT)
    if origin_ns == NAT or np.isnan(row["latitude"]) or np.isnan(row["longitude"]):
        return None
    origin = Origin(
        resource_id=_resource("origin", row["event_id"]),
        time=UTCDateTime(ns=int(origin_ns)),
        latitude=row["latitude"],
        longitude=row["longitude"],
        depth=None if np.isnan(row["depth_km"]) else round(row["depth_km"] * 1000, 6),
    )
    if time_basis == "origin" and not np.isnan(row["uncertainty_s"]):
        origin.time_errors.uncertainty = row["uncertainty_s"]
    origin.arrivals = [
        Arrival(
            resource_id=_resource("arrival", row["event_id"], number),
            pick_id=pick.resource_id,
            phase=pick.phase_hint,
        )
        for number, pick in enumerate(picks, start=1)
        if pick.phase_hint and "role" not in own_texts(pick)
    ]
    return origin


def _write_pick(row: dict, number: int):
    from obspy import UTCDateTime
    from obspy.core.event import Pick, WaveformStreamID

    network, station = ["", *row["station"].split(".")[:2]][-2:]
    method = row["method"]
    pick = Pick(
        resource_id=_resource("pick", row["event_id"], number),
        time=UTCDateTime(ns=int(row["time_ns"])),
        phase_hint=row["phase"] or None,
        evaluation_mode=method if method in ("manual", "automatic") else None,
        waveform_id=WaveformStreamID(network_code=network[:8], station_code=station[:8]),
    )
    if not np.isnan(row["uncertainty_s"]):
        pick.time_errors.uncertainty = row["uncertainty_s"]
    own = _json(_filled(row, _PICK_NATIVE))
    written = (pick.waveform_id.network_code, pick.waveform_id.station_code)
    if ".".join(filter(None, written)) != row["station"]:  # QuakeML has codes of up to 8 letters
        own["station"] = row["station"]
    if method and pick.evaluation_mode is None:
        own["method"] = method
    pick.extra = _elements(own)
    return pick


def _time_pick(row: dict):
    """Return the pick that shows other programs the time of an event without picks."""
    pick = _write_pick({**row, "phase": "start", "method": ""}, 0)
    pick.extra = _elements({"role": "event time"})
    return pick
