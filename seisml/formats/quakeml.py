"""QuakeML 1.2 read through ObsPy; `seisml.formats.quakeml_write` writes it.

What its events become, and what seisml itself writes into QuakeML, says
`seisml.formats.obspy_events`.
"""

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.obspy_events import events_catalog
from seisml.formats.reading import check_size

_NO_NUMBER = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_UNREAD = re.compile(r"Could not convert (.*) to type")
MAX_XML_BYTES = 100_000_000
"""Largest XML that is read; ObsPy needs a second and 20 MB of memory for each MB."""

_ROOT = re.compile(r"<(?:[\w.-]+:)?quakeml\b[^>]*>")
MARS_NAMESPACE = re.compile(r"quakeml\.org/xmlns/(?:bed/1\.2/mars|marsquake/|singlestation/)")
_VERSIONLESS = re.compile(rb"(=[\"']http://quakeml\.org/xmlns/quakeml)([\"'])")


def is_mars(head: str) -> bool:
    """Tell whether a text begins as QuakeML with the Marsquake Service's namespaces."""
    root = _ROOT.search(head)
    return root is not None and MARS_NAMESPACE.search(root.group()) is not None


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
    root = parse_xml(path)
    events = root.xpath("*[local-name()='eventParameters']/*[local-name()='event']")
    if not root.xpath("*[local-name()='eventParameters']"):
        raise CatalogError(
            f"{path}: the QuakeML has no eventParameters, so no events.",
            "Export the catalogue again, with its events.",
        )
    native_types, lines = take_types(events), [event.sourceline for event in events]
    elements, rejected = _read_elements(root, path)
    return events_catalog(
        elements, native_types, lines, path=path, body=body, name=name, rejected=rejected
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
        If the file is too large, not well-formed, or declares a document type.
    """
    from lxml import etree

    check_size(path, limit=MAX_XML_BYTES)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    content = _VERSIONLESS.sub(rb"\1/1.2\2", Path(path).read_bytes(), count=1)
    try:
        tree = etree.parse(io.BytesIO(content), parser, base_url=str(path))
    except etree.XMLSyntaxError as error:
        raise CatalogError(
            f"{path}, line {error.lineno}: the XML cannot be read: {error.msg}.",
            "Fetch or export the file again.",
        ) from error
    if tree.docinfo.doctype:
        raise CatalogError(
            f"{path}: the XML declares a document type, which catalogues never need.",
            "Remove the <!DOCTYPE ...> if the file can be trusted.",
        )
    return tree.getroot()


def take_types(events) -> list[str]:
    """Return the types of event elements that are foreign to QuakeML, "" for all others.

    At the foreign types ObsPy would drop the event: they are replaced in the tree.
    """
    from lxml import etree
    from obspy.core.event.header import EventType

    native_types = []
    for event in events:
        native_types.append("")
        for kind in event.xpath("*[local-name()='type']"):
            text = (kind.text or "").strip()
            if etree.QName(kind).namespace != etree.QName(event).namespace:
                continue
            if text and text != "null" and text.replace("_", " ") not in EventType:
                native_types[-1] = text
                kind.text = "other event"
    return native_types


def _read_elements(root, path: Path) -> tuple[list, dict[str, np.ndarray]]:
    """Return ObsPy's events, and the lines of the values that it passes over with a warning."""
    from lxml import etree
    from obspy import read_events

    lines = _empty_infinite(root)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            elements = list(read_events(io.BytesIO(etree.tostring(root)), format="QUAKEML"))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise CatalogError(
                f"{path}: ObsPy cannot read it as QuakeML 1.2: {error}.",
                "Check the file with the QuakeML schema, or convert it.",
            ) from error
    found = [_UNREAD.match(str(warning.message)) for warning in caught]
    texts = {match[1] for match in found if match}
    lines += [e.sourceline for e in root.iter("{*}*") if texts and (e.text or "").strip() in texts]
    return elements, {"value that cannot be read": np.array(lines)} if lines else {}


def _empty_infinite(root) -> list[int]:
    """Empty the elements whose value is NaN or infinite, at which ObsPy gives up; their lines."""
    lines = []
    for element in root.iter("{*}value", "{*}uncertainty"):
        if _NO_NUMBER.fullmatch((element.text or "").strip()):
            element.text = None
            lines.append(element.sourceline)
    return lines
