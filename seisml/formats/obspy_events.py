"""Events of ObsPy as a catalogue, whatever format ObsPy read them from.

What QuakeML has no place for - label, score, quality, station, end of the signal, columns of
one's own - stands in ``seisml:`` elements (namespace `NAMESPACE`) where seisml wrote the file,
and is restored. Elements of other namespaces become columns of their name.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import EVENT_COLUMNS, PICK_COLUMNS, Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.rows import Rejected, counted
from seisml.times import NAT, to_ns

_STATED = {"time_basis", "time"}
_DEFAULTS = EVENT_COLUMNS | PICK_COLUMNS
NAMESPACE = "urn:seisml:quakeml:1"
"""Namespace of seisml's own elements."""


def events_catalog(
    elements: Sequence,
    native_types: Sequence[str],
    lines: Sequence[int],
    *,
    path: Path,
    body: str | None,
    name: str,
    ids: Sequence[str] | None = None,
    rejected: Rejected | None = None,
) -> Catalog:
    """Make a catalogue of ObsPy events: preferred origins and magnitudes, types, all picks.

    Parameters
    ----------
    elements : sequence of obspy.core.event.Event
    native_types : sequence of str
        Types in the words of the source, where they are not those of ObsPy.
    lines : sequence of int
        Where the events begin in the file.
    path : path-like
        What was read.
    body : str or None
        What seisml wrote into the file without it, else earth.
    name : str
        Name of the catalogue.
    ids : sequence of str, optional
        Event ids; without them the resource ids, shortened where that is unique.
    rejected : mapping, optional
        Lines of the file that could not be read.

    Returns
    -------
    Catalog
        Times are origin times if all events have one. If not, the basis is the one (origin or
        first_pick) that keeps more events, and the events that lack it are counted as dropped.
        A file that seisml wrote has the basis it was written with. Extra columns, where there is
        anything in them: region, comment, agency, type_certainty, depth_type, evaluation_mode,
        evaluation_status, and elements of other namespaces.
    """
    if ids is None:
        ids = _event_ids([getattr(element.resource_id, "id", "") for element in elements])
    rows, picks, lost = [], [], dict(rejected or {})
    for element, native_type, line, event_id in zip(
        elements, native_types, lines, ids, strict=True
    ):
        try:
            row = _read_event(element, native_type, event_id)
            found = [_read_pick(pick, row["event_id"]) for pick in element.picks]
        except (ValueError, TypeError) as error:
            raise CatalogError(
                f"{path}, line {line}: the seisml: elements cannot be read: {error}.",
                "Write the catalogue again, or remove these elements.",
            ) from error
        rows.append(row | {"line": line})
        timed = [pick for pick in found if pick["time_ns"] != NAT]
        _note(lost, "pick without time", [line] * (len(found) - len(timed)))
        picks.extend(pick for pick in timed if not pick.pop("stands_for_event"))
    bodies = {row.pop("body") for row in rows} - {""}
    _note(lost, "coordinates outside the globe", [r["line"] for r in rows if not _on_globe(r)])
    rows, basis = _choose_times([row for row in rows if _on_globe(row)], picks, lost)
    kept = {row["event_id"] for row in rows}
    counts, first_lines = counted(lost)
    return make_catalog(
        _table([{key: value for key, value in row.items() if key != "line"} for row in rows]),
        _table([pick for pick in picks if pick["event_id"] in kept]),
        name=name,
        body=body or (bodies.pop() if len(bodies) == 1 else "earth"),
        source=str(path),
        time_basis=basis,
        dropped=counts,
        dropped_lines=first_lines,
    )


def _note(lost: dict, reason: str, lines: Sequence[int]) -> None:
    """Put lines under a reason."""
    if lines:
        lost[reason] = np.concatenate([lost.get(reason, np.array([], dtype=np.int64)), lines])


def _on_globe(row: dict) -> bool:
    return not (abs(row.get("latitude", 0)) > 90 or abs(row.get("longitude", 0)) > 360)


def _event_ids(resources: list[str]) -> list[str]:
    """Shorten resource ids to their last word where that is unique."""
    short = [resource.rpartition("eventid=")[2].split("&")[0] for resource in resources]
    short = [word.rpartition("/")[2] or word for word in short]
    count = Counter(short)
    return [word if count[word] == 1 else full for word, full in zip(short, resources, strict=True)]


def own_texts(element) -> dict[str, str]:
    """Return the texts of seisml's own elements at an ObsPy object."""
    extra = element.get("extra", {})
    return {key: item["value"] for key, item in extra.items() if item["namespace"] == NAMESPACE}


def _read_event(element, native_type: str, event_id: str) -> dict:
    own = own_texts(element)
    origin = element.preferred_origin() or next(iter(element.origins), None)
    magnitude = element.preferred_magnitude() or next(iter(element.magnitudes), None)
    row = {
        "event_id": own.get("event_id", event_id),
        "label": own.get("label", native_type or element.event_type or ""),
        "quality": own.get("quality", ""),
        "station": own.get("station", ""),
        "score": float(own.get("score", "nan")),
        "end_ns": to_ns(own["end_ns"]) if "end_ns" in own else NAT,
        "body": own.get("body", ""),
        "stated": (own["time_basis"], to_ns(own["time"])) if own.keys() >= _STATED else None,
        "origin_ns": NAT,
    }
    if origin is not None:
        row |= {
            "origin_ns": _instant(origin.time),
            "uncertainty_s": _spread(origin.time_errors),
            "latitude": _float(origin.latitude),
            "longitude": _float(origin.longitude),
            "depth_km": _float(origin.depth) / 1000,
        }
    if magnitude is not None:
        row |= {
            "magnitude": _float(magnitude.mag),
            "magnitude_type": magnitude.magnitude_type or "",
        }
    return _more(element, origin) | row | _own_columns(own)


def _more(element, origin) -> dict[str, str]:
    """Return what else an event says, and what elements of other namespaces say."""
    said = [comment.text for comment in element.comments if comment.text]
    regions = [d.text for d in element.event_descriptions if d.type == "region name" and d.text]
    more = {
        "region": "; ".join(regions),
        "comment": "; ".join(text for text in said if not text.startswith("seisml: ")),
        "type_certainty": element.event_type_certainty,
    }
    if origin is not None:
        info = origin.creation_info
        more |= {
            "agency": info and (info.agency_id or info.author),
            "depth_type": origin.depth_type if origin.depth is not None else "",
            "evaluation_mode": origin.evaluation_mode,
            "evaluation_status": origin.evaluation_status,
        }
    extra = element.get("extra", {})
    foreign = {k: v["value"] for k, v in extra.items() if v["namespace"] != NAMESPACE}
    texts = {k: v for k, v in foreign.items() if isinstance(v, str)}
    reserved = {*EVENT_COLUMNS, *more, "body", "stated"}
    for key, text in texts.items():
        column = key.removesuffix("_ns")  # only seisml's own columns of that name hold instants
        more["source_" * (column in reserved or column != key) + column] = text
    return {key: str(value) for key, value in more.items() if value}


def _read_pick(pick, event_id: str) -> dict:
    own = own_texts(pick)
    stream = pick.waveform_id
    codes = [] if stream is None else [stream.network_code, stream.station_code]
    row = {
        "event_id": event_id,
        "station": own.get("station", ".".join(code for code in codes if code)),
        "phase": pick.phase_hint or "",
        "time_ns": _instant(pick.time),
        "uncertainty_s": _spread(pick.time_errors),
        "method": own.get("method", pick.evaluation_mode or ""),
    }
    return row | _own_columns(own) | {"stands_for_event": "role" in own}


def _instant(time) -> int:
    """Return nanoseconds, or NAT where there is no time or none that int64 can hold."""
    known = time is not None and abs(time.ns) < np.iinfo(np.int64).max
    return time.ns if known else NAT


def _own_columns(own: Mapping[str, str]) -> dict:
    """Return the columns that seisml wrote, checked against what they must be.

    Raises
    ------
    ValueError
        If this is no mapping of names to values, or a number or an instant is none.
    """
    columns = json.loads(own.get("columns", "{}"))
    if not isinstance(columns, dict):
        raise ValueError("columns is no mapping")
    for name, value in columns.items():
        is_number = isinstance(value, (int, float)) and abs(value) < np.iinfo(np.int64).max
        if name.endswith("_ns") and not (is_number and isinstance(value, int)):
            raise ValueError(f"{name} is {value!r}")
        if isinstance(_DEFAULTS.get(name), float) and not is_number:
            raise ValueError(f"{name} is {value!r}")
        if isinstance(value, (dict, list)):
            raise ValueError(f"{name} is no single value")
    return columns


def _float(value) -> float:
    return np.nan if value is None else float(value)


def _spread(errors) -> float:
    """Return an uncertainty, from its lower and upper bound where they are all there is."""
    if errors is None:
        return np.nan
    if errors.uncertainty is not None:
        return float(errors.uncertainty)
    bounds = [each for each in (errors.lower_uncertainty, errors.upper_uncertainty) if each]
    return float(np.mean(bounds)) if bounds else np.nan


def _choose_times(rows: list[dict], picks: list[dict], lost: dict) -> tuple[list[dict], str]:
    """Give every event the time of one common basis; return the events that have it."""
    stated = [row.pop("stated") for row in rows]
    if rows and all(stated) and len({basis for basis, _ in stated}) == 1:
        timed = [row | {"time_ns": time} for row, (_, time) in zip(rows, stated, strict=True)]
        return _without_copies(timed), stated[0][0]
    first: dict[str, int] = {}
    for pick in picks:
        if pick["phase"] != "end":
            key = pick["event_id"]
            first[key] = min(pick["time_ns"], first.get(key, pick["time_ns"]))
    some = [row for row in rows if row["origin_ns"] != NAT or row["event_id"] in first]
    with_origin = [row | {"time_ns": row["origin_ns"]} for row in some if row["origin_ns"] != NAT]
    with_pick = [
        row | {"time_ns": first[row["event_id"]], "uncertainty_s": np.nan}
        for row in some
        if row["event_id"] in first
    ]
    by_origin = len(with_origin) >= len(with_pick)
    chosen = with_origin if by_origin else with_pick
    _note(lost, "event without any time", _lines_but(rows, some))
    without = f"event without {'origin time' if by_origin else 'pick'}"
    _note(lost, without, _lines_but(some, chosen))
    return _without_copies(chosen), "origin" if by_origin else "first_pick"


def _lines_but(rows: list[dict], others: list[dict]) -> list[int]:
    """Return the lines of the events that are not among the others."""
    known = {row["event_id"] for row in others}
    return [row["line"] for row in rows if row["event_id"] not in known]


def _without_copies(rows: list[dict]) -> list[dict]:
    """Leave out the origin times where they say nothing beside the event times."""
    if any(row["origin_ns"] not in (NAT, row["time_ns"]) for row in rows):
        return rows
    return [{key: value for key, value in row.items() if key != "origin_ns"} for row in rows]


def _table(rows: list[dict]) -> pd.DataFrame:
    """Return a table in which instants stay integers and texts texts where rows lack them."""
    instants = {key: NAT for row in rows for key in row if key.endswith("_ns")}
    texts = {key: "" for row in rows for key, value in row.items() if isinstance(value, str)}
    return pd.DataFrame([instants | texts | row for row in rows])
