"""Bulletins that ObsPy reads well: ISC IMS1.0, GSE2.0, Nordic, hypoDD phases, NonLinLoc.

ObsPy gives up at the first event that it cannot read and passes over arrivals in silence. So the
file is cut into events, each is handed over on its own, and what ObsPy refuses or leaves out is
counted with its line. IMS1.0, GSE2.0 and Nordic are UTC by their definition; hypoDD's phase
file and NonLinLoc's hypocentres state no zone.

Of several origins that of ``#PRIME`` is preferred, else the ISC's, else the first. The class of
Nordic events is the source's letter: E explosion, V volcanic, and so on
(`seisml.formats.bulletins.NORDIC_CLASSES`).
"""

import dataclasses
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.bulletins import (
    GSE,
    HYPODD_CARD,
    IMS,
    NLLOC,
    NORDIC_CARD,
    NORDIC_CLASSES,
    PHASES,
    SEISAN,
    Bulletin,
)
from seisml.formats.obspy_events import events_catalog
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import stated_zone
from seisml.times import NAT, to_utc

_ENDS = re.compile(r"STOP|DATA_TYPE|BEGIN|\.\s*$")
_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)


def sniff_nlloc(head: str, path: Path) -> bool:
    """Tell whether a text begins as a hypocentre-phase file of NonLinLoc."""
    return re.match(r'\s*NLLOC\s+"', head) is not None


def sniff_ims(head: str, path: Path) -> bool:
    """Tell whether a text says that it is an IMS1.0 bulletin."""
    return re.search(r"^DATA_TYPE\s+BULLETIN\s+IMS1\.0", head, re.MULTILINE | re.I) is not None


def sniff_gse(head: str, path: Path) -> bool:
    """Tell whether a text begins as a GSE2.0 message with a bulletin."""
    begins = re.match(r"\s*BEGIN\s+GSE2\.0", head, re.IGNORECASE) is not None
    return begins and re.search(r"^DATA_TYPE\s+BULLETIN", head, re.MULTILINE) is not None


def sniff_nordic(head: str, path: Path) -> bool:
    """Tell whether the first line is a Nordic hypocentre: 80 columns, the last of them 1."""
    first = next((line for line in head.split("\n") if line.strip()), "")
    return NORDIC_CARD.fullmatch(first.rstrip()) is not None


def sniff_phases(head: str, path: Path) -> bool:
    """Tell whether the first line is an event of hypoDD's phase file."""
    first = next((line for line in head.split("\n") if line.strip()), "")
    return HYPODD_CARD.fullmatch(first.rstrip()) is not None


def read_ims(path, *, zone=None, body=None, columns=None, name="") -> Catalog:
    """Read an IMS1.0 bulletin, for example of the ISC; options as in `seisml.formats`."""
    return _read(path, IMS, zone="UTC", body=body, name=name)


def read_gse(path, *, zone=None, body=None, columns=None, name="") -> Catalog:
    """Read a GSE2.0 bulletin; options as in `seisml.formats`."""
    return _read(path, GSE, zone="UTC", body=body, name=name)


def read_nordic(path, *, zone=None, body=None, columns=None, name="") -> Catalog:
    """Read Nordic events of SEISAN: S-files, select and collect; options as in `seisml.formats`."""
    return _read(path, SEISAN, zone="UTC", body=body, name=name)


def read_phases(path, *, zone=None, body=None, columns=None, name="") -> Catalog:
    """Read hypoDD's phase file, whose zone must be stated; options as in `seisml.formats`."""
    zone = stated_zone(zone, Path(path), "hypoDD phase file")
    return _read(path, PHASES, zone=zone, body=body, name=name)


def read_nlloc(path, *, zone=None, body=None, columns=None, name="") -> Catalog:
    """Read NonLinLoc's hypocentres and phases, whose zone must be stated."""
    zone = stated_zone(zone, Path(path), "hypocentre file of NonLinLoc")
    return _read(path, NLLOC, zone=zone, body=body, name=name)


def _read(path, kind: Bulletin, *, zone: str, body: str | None, name: str) -> Catalog:
    """Read a bulletin event by event.

    Raises
    ------
    CatalogError
        If the text is not UTF-8, ObsPy can read no event of it, or two events have one id.
    """
    path = Path(path)
    lines = read_lines(path, keep_blank=True, encoding=kind.encoding)
    blocks, again = _distinct(_blocks(lines, kind), kind, path)
    elements, ids, labels, numbers = [], [], [], []
    lost = {"same event again": again}
    for number, block, event_id in blocks:
        event, reason = _parse(block, kind)
        if event is None:
            lost.setdefault(f"event that ObsPy cannot read ({reason})", []).append(number)
            continue
        elements.append(event)
        numbers.append(number)
        ids.append(event_id or f"e{len(elements):06d}")
        labels.append(_nordic_class(block[0]) if kind is SEISAN else "")
        n_lost = kind.count_arrivals(block) - len(event.picks)
        lost.setdefault("arrival that ObsPy cannot read", []).extend([number] * max(n_lost, 0))
    rejected = {reason: np.array(where) for reason, where in lost.items() if where}
    if not elements:
        why = "; ".join(f"{reason} (line {where[0]})" for reason, where in rejected.items())
        raise CatalogError(
            f"{path}: there is no event that can be read: {why or 'none begins here'}.",
            "Check that the file is whole and of this format.",
        )
    catalog = events_catalog(
        elements, labels, numbers, path=path, body=body, name=name, ids=ids, rejected=rejected
    )
    return _from_zone(catalog, zone)


def _blocks(lines: pd.Series, kind: Bulletin) -> list[tuple[int, list[str]]]:
    """Return the lines of each event, with the number of the first."""
    first = np.flatnonzero(kind.starts(lines))
    ends = lines.str.match(_ENDS).to_numpy(dtype=bool)
    texts = lines.to_list()
    blocks = []
    for start, stop in zip(first, [*first[1:], len(texts)], strict=False):
        end = next(iter(np.flatnonzero(ends[start:stop])), stop - start)
        blocks.append((int(lines.index[start]), texts[start : start + end]))
    return blocks


def _distinct(blocks: list[tuple[int, list[str]]], kind: Bulletin, path: Path):
    """Return (line, block, id) of the events without those that stand there twice, and these."""
    first: dict[str, tuple[int, list[str]]] = {}
    uses: dict[str, int] = {}
    kept, again = [], []
    for number, block in blocks:
        text = [line.rstrip() for line in block if line.strip()]
        event_id = kind.find_id("\n".join(text))
        before, same = first.setdefault(event_id, (number, text)) if event_id else (number, text)
        if before != number and text == same:
            again.append(number)
            continue
        if before != number and not kind.ids_repeat:
            raise CatalogError(
                f"{path}: the event id {event_id!r} stands in lines {before} and {number}, "
                "with different content.",
                "Event ids must be unique: rename or remove one of the events.",
            )
        uses[event_id] = uses.get(event_id, 0) + 1
        repeated = event_id and uses[event_id] > 1
        kept.append((number, block, f"{event_id}-{uses[event_id]}" if repeated else event_id))
    return kept, again


def _parse(block: list[str], kind: Bulletin):
    """Return ObsPy's event of a block, or None and why there is none."""
    from obspy import read_events
    from obspy.core.util.obspy_types import ObsPyException
    from obspy.io.gse2.bulletin import GSE2BulletinSyntaxError
    from obspy.io.nordic import NordicParsingError

    if kind is NLLOC and sum(line.startswith("END_NLLOC") for line in block) != 1:
        return None, "not one END_NLLOC"  # at which ObsPy raises a bare Exception
    refusals = (*_UNREADABLE, ObsPyException, GSE2BulletinSyntaxError, NordicParsingError)
    content = kind.wrap("\n".join(block)).encode(kind.encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read_events(io.BytesIO(content), format=kind.format, **kind.options)
        except refusals as error:
            return None, type(error).__name__
    if len(found) != 1:
        return None, f"{len(found)} events instead of one"
    event = found[0]
    if event.preferred_origin() is None and event.origins:
        of_isc = [o for o in event.origins if o.creation_info and o.creation_info.author == "ISC"]
        event.preferred_origin_id = (of_isc or event.origins)[0].resource_id
    if kind is SEISAN:
        event.extra = {"distance_class": {"value": block[0][21], "namespace": "SEISAN"}}
    return event, ""


def _nordic_class(line: str) -> str:
    return NORDIC_CLASSES.get(line[22:23], "")


def _from_zone(catalog: Catalog, zone: str) -> Catalog:
    """Return a catalogue whose times were read as if the clock of a zone were UTC."""
    if zone == "UTC":
        return catalog
    events = catalog.events.assign(time_ns=to_utc(catalog.events["time_ns"], zone))
    picks = catalog.picks.assign(time_ns=to_utc(catalog.picks["time_ns"], zone))
    unclear = events["time_ns"] == NAT
    lost = picks["event_id"].isin(events["event_id"][unclear]) | (picks["time_ns"] == NAT)
    more = {
        f"event at no one instant in {zone}": int(unclear.sum()),
        f"arrival at no one instant in {zone}": int(lost.sum()),
    }
    dropped = catalog.dropped | {reason: count for reason, count in more.items() if count}
    return dataclasses.replace(
        catalog,
        events=events[~unclear].reset_index(drop=True),
        picks=picks[~lost].reset_index(drop=True),
        dropped=dropped,
    )


FORMATS = (
    Format("ims", sniff_ims, read_ims, None, (), "bulletin IMS1.0, as of the ISC"),
    Format("gse2", sniff_gse, read_gse, None, (), "bulletin GSE2.0"),
    Format("nordic", sniff_nordic, read_nordic, None, (), "Nordic events of SEISAN"),
    Format("nlloc", sniff_nlloc, read_nlloc, None, (), "hypocentres and phases of NonLinLoc"),
    Format("hypodd-phases", sniff_phases, read_phases, None, (), "phase file of hypoDD (.pha)"),
)
