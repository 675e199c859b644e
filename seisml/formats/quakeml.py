"""QuakeML 1.2 read through ObsPy; `seisml.formats.quakeml_write` writes it.

What QuakeML has no place for - label, score, quality, station, end of the signal, columns of
one's own - stands in ``seisml:`` elements (namespace `NAMESPACE`) where seisml wrote the file,
and is restored.
"""

import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.times import NAT, to_ns

NAMESPACE = "urn:seisml:quakeml:1"
"""Namespace of seisml's own elements."""

_ROOT = re.compile(r"<(?:[\w.-]+:)?quakeml\b[^>]*>")
_MARS = re.compile(r"quakeml\.org/xmlns/(?:bed/1\.2/mars|marsquake/|singlestation/)")
_VERSIONLESS = re.compile(rb"(=[\"']http://quakeml\.org/xmlns/quakeml)([\"'])")


def is_mars(head: str) -> bool:
    """Tell whether a text begins as QuakeML with the Marsquake Service's namespaces."""
    root = _ROOT.search(head)
    return root is not None and _MARS.search(root.group()) is not None


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text begins as QuakeML without Mars namespaces."""
    root = _ROOT.search(head)
    return root is not None and "quakeml.org/xmlns/quakeml" in root.group() and not is_mars(head)


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read QuakeML: preferred origins and magnitudes, event types, all picks.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: QuakeML states both.
    body : str, optional
        earth, mars or moon; what seisml wrote into the file without it, else earth.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Times are origin times if all events have one. If not, the basis is the one (origin or
        first_pick) that keeps more events, and the events that lack it are counted as dropped.
        A file that seisml wrote has the basis it was written with.

    Raises
    ------
    CatalogError
        If the file is no XML, holds a document type declaration, or is not QuakeML 1.2.
    """
    path = Path(path)
    elements, native_types = _read_elements(path)
    ids = _event_ids([getattr(element.resource_id, "id", "") for element in elements])
    rows, picks, dropped = [], [], Counter()
    for element, native_type, event_id in zip(elements, native_types, ids, strict=True):
        row = _read_event(element, native_type, event_id)
        rows.append(row)
        for pick in element.picks:
            if pick.time is None:
                dropped["pick without time"] += 1
            elif "role" not in own_texts(pick):
                picks.append(_read_pick(pick, row["event_id"]))
    bodies = {row.pop("body") for row in rows} - {""}
    rows, basis, lost = _choose_times(rows, picks)
    kept = {row["event_id"] for row in rows}
    return make_catalog(
        _table(rows),
        _table([pick for pick in picks if pick["event_id"] in kept]),
        name=name,
        body=body or (bodies.pop() if len(bodies) == 1 else "earth"),
        source=str(path),
        time_basis=basis,
        dropped=dropped + lost,
    )


def parse_xml(path: Path):
    """Parse an XML file without entities, network or document type declaration.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    lxml.etree._Element
        The root; a QuakeML root without version is given 1.2.

    Raises
    ------
    CatalogError
        If the file is not well-formed or declares a document type.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    content = _VERSIONLESS.sub(rb"\1/1.2\2", Path(path).read_bytes(), count=1)
    try:
        tree = etree.parse(io.BytesIO(content), parser, base_url=str(path))
    except etree.XMLSyntaxError as error:
        raise CatalogError(
            f"{path}: the XML cannot be read: {error}.", "Fetch or export the file again."
        ) from error
    if tree.docinfo.doctype:
        raise CatalogError(
            f"{path}: the XML declares a document type, which catalogues never need.",
            "Remove the <!DOCTYPE ...> if the file can be trusted.",
        )
    return tree.getroot()


def _read_elements(path: Path) -> tuple[list, list[str]]:
    """Return ObsPy's events and, for those of a type foreign to QuakeML, that type."""
    from lxml import etree
    from obspy import read_events
    from obspy.core.event.header import EventType

    root = parse_xml(path)
    native_types = []
    if not root.xpath("*[local-name()='eventParameters']"):
        raise CatalogError(
            f"{path}: the QuakeML has no eventParameters, so no events.",
            "Export the catalogue again, with its events.",
        )
    for event in root.xpath("*[local-name()='eventParameters']/*[local-name()='event']"):
        native_types.append("")
        for kind in event.xpath("*[local-name()='type']"):
            text = (kind.text or "").strip()
            if etree.QName(kind).namespace != etree.QName(event).namespace:
                continue
            if text and text != "null" and text.replace("_", " ") not in EventType:
                native_types[-1] = text
                kind.text = "other event"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            elements = list(read_events(io.BytesIO(etree.tostring(root)), format="QUAKEML"))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise CatalogError(
                f"{path}: ObsPy cannot read it as QuakeML 1.2: {error}.",
                "Check the file with the QuakeML schema, or convert it.",
            ) from error
    return elements, native_types


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
        "stated": (own["time_basis"], to_ns(own["time"])) if "time" in own else None,
        "origin_ns": NAT,
    }
    if origin is not None:
        row |= {
            "origin_ns": NAT if origin.time is None else origin.time.ns,
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
    return row | json.loads(own.get("columns", "{}"))


def _read_pick(pick, event_id: str) -> dict:
    own = own_texts(pick)
    stream = pick.waveform_id
    codes = [] if stream is None else [stream.network_code, stream.station_code]
    row = {
        "event_id": event_id,
        "station": own.get("station", ".".join(code for code in codes if code)),
        "phase": pick.phase_hint or "",
        "time_ns": pick.time.ns,
        "uncertainty_s": _spread(pick.time_errors),
        "method": own.get("method", pick.evaluation_mode or ""),
    }
    return row | json.loads(own.get("columns", "{}"))


def _float(value) -> float:
    return np.nan if value is None else float(value)


def _spread(errors) -> float:
    """Return an uncertainty, from its lower and upper bound where they are all there is."""
    if errors.uncertainty is not None:
        return float(errors.uncertainty)
    bounds = [each for each in (errors.lower_uncertainty, errors.upper_uncertainty) if each]
    return float(np.mean(bounds)) if bounds else np.nan


def _choose_times(rows: list[dict], picks: list[dict]) -> tuple[list[dict], str, Counter]:
    """Give every event the time of one common basis; return the events that have it."""
    stated = [row.pop("stated") for row in rows]
    if rows and all(stated) and len({basis for basis, _ in stated}) == 1:
        timed = [row | {"time_ns": time} for row, (_, time) in zip(rows, stated, strict=True)]
        return _without_copies(timed), stated[0][0], Counter()
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
    lost = {
        "event without any time": len(rows) - len(some),
        f"event without {'origin time' if by_origin else 'pick'}": len(some) - len(chosen),
    }
    return _without_copies(chosen), "origin" if by_origin else "first_pick", +Counter(lost)


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
