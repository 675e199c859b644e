"""SeisComP's XML (SCML), through ObsPy: events with their preferred origins and the picks used.

SCML keeps picks and origins beside the events; a pick belongs to an event whose origins use it.
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
from seisml.formats.quakeml import parse_xml, take_types
from seisml.formats.registry import Format

_ROOT = re.compile(r"<(?:\w+:)?seiscomp\s[^>]*seiscomp3-schema/([\d.]+)")
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text begins as SCML."""
    return _ROOT.search(head) is not None


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read SCML.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: SCML states both.
    body : str, optional
        earth, unless said otherwise.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        As of `seisml.formats.quakeml.read`; picks that no origin of an event uses are counted.

    Raises
    ------
    CatalogError
        If the file is no XML, holds a document type declaration, or is no SCML that ObsPy reads.
    """
    from lxml import etree
    from obspy import read_events

    path = Path(path)
    root = parse_xml(path)
    parameters = root.xpath("*[local-name()='EventParameters']")
    if etree.QName(root).localname != "seiscomp" or not parameters:
        raise CatalogError(
            f"{path}: this is no SCML with EventParameters.", "Export it with scxmldump -EPAM."
        )
    events = parameters[0].xpath("*[local-name()='event']")
    native_types = take_types(events)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            elements = list(read_events(io.BytesIO(etree.tostring(root)), format="SCML"))
        except _UNREADABLE as error:
            version = root.get("version", "?")
            raise CatalogError(
                f"{path}: ObsPy cannot read it as SCML, version {version}: {error}.",
                "Export it as QuakeML: sccnv -i scml:FILE -o qml1.2:OUT.",
            ) from error
    if len(elements) != len(events):
        raise CatalogError(
            f"{path}: ObsPy reads {len(elements)} of {len(events)} events.",
            "Export it as QuakeML: sccnv -i scml:FILE -o qml1.2:OUT.",
        )
    used = {pick.resource_id.id for element in elements for pick in element.picks}
    lost = [
        pick.sourceline
        for pick in parameters[0].xpath("*[local-name()='pick']")
        if not any(pick.get("publicID", "").rpartition("/")[2] in each for each in used)
    ]
    lines = [event.sourceline for event in events]
    return events_catalog(
        elements,
        native_types,
        lines,
        path=path,
        body=body,
        name=name,
        rejected={"pick of no event": np.array(lost)} if lost else {},
    )


FORMATS = (Format("scml", sniff, read, None, (), "XML of SeisComP (SCML)"),)
