"""Catalogues of the Marsquake Service: QuakeML with Mars extensions.

The operational export has a root element without version, at which ObsPy fails, and most of its
origins are placeholders at the lander. Times are therefore those of the pick ``start`` (else of
the first arrival); the origin time, where there is one, is kept in the column ``origin_ns``.

Namespaces: ``mars`` (bed/1.2/mars) holds event type and location quality, ``mq`` and ``sst``
repeat them beside the events and add distance and back azimuth of single-station locations.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.quakeml import MARS_NAMESPACE, is_mars, parse_xml
from seisml.formats.rows import counted
from seisml.times import parse_times

LANDER = (4.5024, 135.6234)
"""Latitude and longitude of InSight, degrees."""

_PLACEHOLDER_DEG = 1e-3
_WINDOW = re.compile(r"(?:start|end|noise_start|noise_end|Peak_.*|.*_spectral_(?:start|end))$")


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text begins as QuakeML with Mars namespaces."""
    return is_mars(head)


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a catalogue of the Marsquake Service.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: QuakeML states both.
    body : str, optional
        mars, or nothing.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        ``event_id`` is the public name (S0173a) where there is one, ``label`` the type in the
        service's words (LOW_FREQUENCY), ``quality`` the location quality A to D. Coordinates of
        placeholder origins are NaN. Extra columns are origin_ns, distance_deg, back_azimuth_deg,
        snr, type_certainty, region and public_id. Picks keep their phase names, among them the
        windows start, end, noise_start, noise_end, Peak_* and *_spectral_*, which are no arrivals.

    Raises
    ------
    CatalogError
        If the file is no XML, holds a document type declaration, or a time is unreadable.
    """
    path = Path(path)
    if body not in (None, "mars"):
        raise CatalogError(f"{path}: body is {body!r}.", "This is a catalogue of Mars.")
    root = parse_xml(path)
    if not any(MARS_NAMESPACE.search(uri) for uri in root.nsmap.values()):
        raise CatalogError(
            f"{path}: the root element declares no namespace of the Marsquake Service.",
            "Read it with format='quakeml'.",
        )
    beside = _Beside.of(root)
    events, picks, lines, pick_lines, timeless = [], [], [], [], []
    for element in _all(root, "event"):
        event, own_picks = _read_event(element, beside)
        if event["time"]:
            events.append(event)
            lines.append(element.sourceline)
            picks.extend(own_picks)
            pick_lines.extend(pick.sourceline for pick in _children(element, "pick"))
        else:
            timeless.append(element.sourceline)
    reason = "event without start or arrival"
    dropped, dropped_lines = counted({reason: np.array(timeless)} if timeless else {})
    return make_catalog(
        _with_ns(pd.DataFrame(events), ("time", "end", "origin"), str(path), lines),
        _with_ns(pd.DataFrame(picks), ("time",), str(path), pick_lines),
        name=name,
        body="mars",
        source=str(path),
        time_basis="label_start",
        dropped=dropped,
        dropped_lines=dropped_lines,
    )


def _all(element, path: str) -> list:
    """Return elements by local names: a descendant, then children along the path."""
    steps = "/".join(f"*[local-name()='{step}']" for step in path.split("/"))
    return element.xpath(f"descendant::{steps}")


def _children(element, path: str) -> list:
    steps = "/".join(f"*[local-name()='{step}']" for step in path.split("/"))
    return element.xpath(steps)


def _text(element, path: str) -> str:
    """Return the text of the first child along the path, or the empty string."""
    for child in _children(element, path):
        if child.text and child.text.strip():
            return child.text.strip()
    return ""


def _number(element, path: str) -> float:
    text = _text(element, path)
    try:
        return float(text) if text else np.nan
    except ValueError as error:
        raise CatalogError(
            f"{element.base}, line {element.sourceline}: {path} is {text!r}, which is no number.",
            "Correct the number or remove the element.",
        ) from error


def _class_name(uri: str) -> str:
    """Return what stands behind the # of a vocabulary term."""
    return uri.rpartition("#")[2]


def _preferred(element, kind: str, preferred: str):
    """Return the preferred origin or magnitude, the first without a preference, or None."""
    candidates = _children(element, kind)
    wanted = _text(element, preferred)
    chosen = [each for each in candidates if each.get("publicID") == wanted]
    return (chosen or candidates or [None])[0]


@dataclasses.dataclass(frozen=True)
class _Beside:
    """What stands beside the events: classes by event id, grades and locations by origin id."""

    classes: dict[str, str]
    grades: dict[str, str]
    locations: dict

    @classmethod
    def of(cls, root) -> "_Beside":
        single = {_text(s, "bedOriginReference"): s for s in _all(root, "singleStationOrigin")}
        return cls(
            {_text(e, "eventReference"): _text(e, "type/class") for e in _all(root, "marsEvent")},
            {origin: _text(s, "locationQuality/class") for origin, s in single.items()},
            single,
        )


def _read_event(element, beside: _Beside) -> tuple[dict, list[dict]]:
    public_id = element.get("publicID", "")
    names = {_text(d, "type"): _text(d, "text") for d in _children(element, "description")}
    event_id = names.get("earthquake name") or public_id.rpartition("/")[2]
    origin = _preferred(element, "origin", "preferredOriginID")
    picks = [_read_pick(each, event_id) for each in _children(element, "pick")]
    mars_type = [each.text or "" for each in _children(element, "type") if "/mars}" in each.tag]
    native = _class_name(mars_type[0] if mars_type else beside.classes.get(public_id, ""))
    event = {
        "event_id": event_id,
        "label": native or _text(element, "type"),
        "public_id": public_id,
        "region": names.get("region name", ""),
        "type_certainty": _class_name(_text(element, "typeCertainty")),
        **_read_magnitude(_preferred(element, "magnitude", "preferredMagnitudeID")),
        **_read_origin(origin, beside),
    }
    arrivals = [] if origin is None else _children(origin, "arrival")
    used = {_text(arrival, "pickID") for arrival in arrivals}
    of_origin = [pick for pick in picks if pick["public_id"] in used]
    return event | _signal_times(of_origin or picks), picks


def _read_origin(origin, beside: _Beside) -> dict:
    if origin is None:
        unknown = ("distance_deg", "back_azimuth_deg", "snr")
        return {"origin": "", "quality": "", **dict.fromkeys(unknown, np.nan)}
    public_id = origin.get("publicID", "")
    single = beside.locations.get(public_id, origin)
    place = np.array([_number(origin, "latitude/value"), _number(origin, "longitude/value")])
    depth_km = _number(origin, "depth/value") / 1000
    if (np.abs(place - LANDER) < _PLACEHOLDER_DEG).all():
        place[:] = depth_km = np.nan
    return {
        "origin": _text(origin, "time/value"),
        "quality": _class_name(
            _text(origin, "locationQuality") or beside.grades.get(public_id, "")
        ),
        "latitude": place[0],
        "longitude": place[1],
        "depth_km": depth_km,
        "distance_deg": _first_number(
            (origin, "distance/value"), (single, "distance/distance/value")
        ),
        "back_azimuth_deg": _first_number((origin, "BAZ/value"), (single, "azimuth/azimuth/value")),
        "snr": _snr(origin),
    }


def _snr(origin) -> float:
    """Return the signal-to-noise ratio that releases state in an attribute."""
    texts = [each.get("snrMQS") for each in _children(origin, "snr") if each.get("snrMQS")]
    values = pd.to_numeric(pd.Series(texts[:1], dtype=object), errors="coerce")
    return float(values.iloc[0]) if len(values) else np.nan


def _first_number(*places) -> float:
    numbers = [_number(element, path) for element, path in places]
    return next((number for number in numbers if not np.isnan(number)), np.nan)


def _read_magnitude(magnitude) -> dict:
    if magnitude is None:
        return {"magnitude": np.nan, "magnitude_type": ""}
    return {
        "magnitude": _number(magnitude, "mag/value"),
        "magnitude_type": _text(magnitude, "type"),
    }


def _read_pick(pick, event_id: str) -> dict:
    stream = (_children(pick, "waveformID") or [{}])[0]
    codes = [stream.get("networkCode", ""), stream.get("stationCode", "")]
    bounds = [_number(pick, f"time/{each}Uncertainty") for each in ("lower", "upper")]
    spread = [
        bound for bound in [_number(pick, "time/uncertainty"), *bounds] if not np.isnan(bound)
    ]
    return {
        "event_id": event_id,
        "station": ".".join(code for code in codes if code),
        "phase": _text(pick, "phaseHint"),
        "time": _text(pick, "time/value"),
        "uncertainty_s": float(np.mean(spread)) if spread else np.nan,
        "method": _text(pick, "evaluationMode"),
        "public_id": pick.get("publicID", ""),
    }


def _signal_times(picks: list[dict]) -> dict:
    """Return begin, end and station of the signal: the picks start and end, else arrivals."""
    timed = sorted((pick for pick in picks if pick["time"]), key=_time_order)
    starts = [pick for pick in timed if pick["phase"] == "start"]
    arrivals = [pick for pick in timed if pick["phase"] and not _WINDOW.match(pick["phase"])]
    ends = [pick["time"] for pick in timed if pick["phase"] == "end"]
    first = (starts or arrivals or [{"time": "", "uncertainty_s": np.nan, "station": ""}])[0]
    return {
        "time": first["time"],
        "end": ends[-1] if ends else "",
        "uncertainty_s": first["uncertainty_s"],
        "station": first["station"],
    }


def _time_order(pick: dict) -> str:
    return pick["time"].rstrip("Z")  # so that a full second sorts before its fractions


def _with_ns(rows: pd.DataFrame, columns: tuple[str, ...], where: str, lines) -> pd.DataFrame:
    """Replace columns of texts by columns of nanoseconds; QuakeML times are UTC."""
    for column in columns:
        times = parse_times(rows.get(column, []), zone="UTC", where=where, lines=lines)
        rows = rows.assign(**{f"{column}_ns": times})
    return rows.drop(columns=[column for column in columns if column in rows])
