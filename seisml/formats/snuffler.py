"""Marker files of Pyrocko's Snuffler, version 0.2, as its documentation describes them.

::

    event: DATE TIME KIND HASH LAT LON DEPTH_M MAGNITUDE CATALOG NAME REGION
    phase: DATE TIME [DATE TIME DURATION] KIND NSLC HASH DATE TIME PHASE POLARITY AUTOMATIC
    DATE TIME [DATE TIME DURATION] KIND NSLC

Times are UTC. Phase markers become picks, of the event with their hash; one that spans a time is
picked in its middle, uncertain by half its length. In a file with event markers these are the
events, and a plain marker that starts at the time of one gives it station and end. In a file
without, plain markers are the events: their label is "kind 1" and so on.

The writer puts the label into the region ("class VT") and the time basis into the catalog, and is
read back with both; other columns have no place here.
"""

import hashlib
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import TIME_BASES, Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_text
from seisml.formats.registry import Format
from seisml.times import NAT, NS_PER_S, iso, parse_times

_MAGIC = "# Snuffler Markers File Version"
_CLASS = "class "


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text begins as a marker file."""
    return head.lstrip().startswith(_MAGIC)


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a marker file.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: marker files are in UTC and have one layout.
    body : str, optional
        earth, mars or moon; earth without it.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Plain markers that belong to no event are counted as dropped.

    Raises
    ------
    CatalogError
        If a line is no marker, or its times or numbers are unreadable.
    """
    path = Path(path)
    rows: dict[str, list[dict]] = {"event:": [], "phase:": [], "": []}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            kind, row = _read_line(line, f"{path}, line {number}")
            rows[kind].append(row)
    marks, events, dropped = rows[""], rows["event:"], Counter()
    hashes = {event["hash"]: event["event_id"] for event in events}
    picks = [pick | {"event_id": hashes.get(pick.pop("hash"), "")} for pick in rows["phase:"]]
    basis = _basis(events)
    if events:
        events, alone = _with_spans(events, marks)
        dropped["marker that is neither event nor phase"] = alone
    elif marks:
        events, basis = [{**m, "label": f"kind {m['kind']}"} for m in marks], "label_start"
    elif picks:
        basis = "first_pick"
    return make_catalog(
        pd.DataFrame(events, dtype=object).drop(columns=["hash"], errors="ignore"),
        pd.DataFrame(picks, dtype=object).drop(columns=["end_ns"], errors="ignore"),
        name=name,
        body=body or "earth",
        source=str(path),
        time_basis=basis,
        dropped=+dropped,
    )


def _words(line: str, where: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.commenters = True, '"', ""
    try:
        return [word if word != "None" else "" for word in lexer]
    except ValueError as error:
        raise CatalogError(f"{where}: {error}.", "Check the quotation marks.") from error


def _read_line(line: str, where: str) -> tuple[str, dict]:
    """Return the kind of a marker and what it says."""
    words = _words(line, where)
    kind = words.pop(0) if words[0] in ("event:", "phase:") else ""
    span = len(words) > 4 and words[2][:1].isdigit() and words[2].count("-") == 2
    texts = [" ".join(words[i : i + 2]) for i in ((0, 2) if span else (0,))]
    start, *end = parse_times(texts, zone="UTC", where=where).tolist()
    rest = words[5:] if span else words[2:]
    lengths = {"event:": (9,), "phase:": (8, 10), "": (2,)}
    if len(rest) not in lengths[kind] or start == NAT:
        raise CatalogError(
            f"{where}: {line.strip()[:50]!r} is no marker.", "Save it again from Snuffler."
        )
    row = {"time_ns": start, "end_ns": end[0] if end else NAT, "kind": int(_number(rest[0], where))}
    if kind == "event:":
        return kind, row | _event_fields(rest, where)
    row |= {"station": ".".join(rest[1].split(",")[0].split(".")[:2]), "seed_id": rest[1]}
    return kind, row | (_phase_fields(rest, row, where) if kind else {})


def _number(word: str, where: str) -> float:
    try:
        return float(word or "nan")
    except ValueError as error:
        raise CatalogError(f"{where}: {error}.", "Correct the line or remove it.") from error


def _event_fields(rest: list[str], where: str) -> dict:
    latitude, longitude, depth_m, magnitude = (_number(word, where) for word in rest[2:6])
    catalog, event_name, region = rest[6:]
    fields = {
        "hash": rest[1],
        "event_id": event_name or rest[1],
        "latitude": latitude,
        "longitude": longitude,
        "depth_km": depth_m / 1000,
        "magnitude": magnitude,
        "catalog": catalog,
    }
    if region.startswith(_CLASS):
        return fields | {"label": region.removeprefix(_CLASS)}
    return fields | {"region": region}


def _phase_fields(rest: list[str], row: dict, where: str) -> dict:
    method = {"True": "automatic", "False": "manual"}.get(rest[7], "")
    polarity = _number(rest[6], where)
    fields = {"hash": rest[2], "phase": rest[5], "polarity": polarity, "method": method}
    if row["end_ns"] != NAT:
        half_ns = (row["end_ns"] - row["time_ns"]) // 2
        fields |= {"time_ns": row["time_ns"] + half_ns, "uncertainty_s": half_ns / NS_PER_S}
    return fields


def _basis(events: list[dict]) -> str:
    """Return the time basis that the writer put into the catalog's name; take it from there."""
    stated = {event["catalog"] for event in events}
    if len(stated) == 1 and stated <= set(TIME_BASES):
        for event in events:
            del event["catalog"]
        return stated.pop()
    return "origin"


def _with_spans(events: list[dict], marks: list[dict]) -> tuple[list[dict], int]:
    """Give events station and end of the plain markers at their times; count other markers."""
    waiting: dict[int, list[dict]] = {}
    for mark in marks:
        waiting.setdefault(mark["time_ns"], []).append(mark)
    out = []
    for event in events:
        mine = waiting.get(event["time_ns"])
        mark = mine.pop(0) if mine else {}
        out.append(event | {key: mark[key] for key in ("end_ns", "station") if key in mark})
    return out, sum(map(len, waiting.values()))


def write(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return a catalogue as a marker file.

    Parameters
    ----------
    catalog : Catalog
    path : path-like
        Where it is to be written.

    Returns
    -------
    dict of Path to bytes
        One file: an event marker for each event, a plain marker where the event has a station
        or an end, a phase marker for each pick. Labels are numbered as kinds (colours) 0 to 9.
    """
    labels = sorted(set(catalog.events["label"]))
    lines, times = [f"{_MAGIC} 0.2"], {}
    for event in catalog.events.to_dict("records"):
        kind = labels.index(event["label"]) % 10
        times[event["event_id"]] = event["time_ns"]
        lines.append(_event_line(event, kind, catalog.time_basis))
        if event["station"] or event["end_ns"] != NAT:
            station = f"{_station(event['station'])}.*.*" if event["station"] else "None"
            lines.append(f"{_span(event['time_ns'], event['end_ns'])} {kind} {station}")
    lines.extend(_phase_line(pick, times) for pick in catalog.picks.to_dict("records"))
    return {Path(path): ("\n".join(lines) + "\n").encode()}


def _stamp(time_ns: int) -> str:
    return iso(time_ns).removesuffix("Z").replace("T", " ")


def _span(start_ns: int, end_ns: int) -> str:
    if end_ns in (NAT, start_ns):
        return _stamp(start_ns)
    return f"{_stamp(start_ns)} {_stamp(end_ns)} {(end_ns - start_ns) / NS_PER_S}"


def _station(station: str) -> str:
    return station if "." in station else f".{station}"


def _hash(event_id: str) -> str:
    return hashlib.sha256(event_id.encode()).hexdigest()[:14] if event_id else "None"


def _quoted(text: str) -> str:
    """Return a text as one word of a line."""
    text = " ".join(text.split())
    if text and not set(text) & {" ", '"', "\\"}:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if text else "None"


def _event_line(event: Mapping, kind: int, time_basis: str) -> str:
    numbers = [event["latitude"], event["longitude"], event["depth_km"] * 1000, event["magnitude"]]
    words = ["None" if np.isnan(number) else f"{number:.10g}" for number in numbers]
    region = _quoted(f"{_CLASS}{event['label']}") if event["label"] else "None"
    words += [time_basis, _quoted(event["event_id"]), region]
    return f"event: {_stamp(event['time_ns'])} {kind} {_hash(event['event_id'])} {' '.join(words)}"


def _phase_line(pick: Mapping, times: Mapping[str, int]) -> str:
    half_ns = 0 if np.isnan(pick["uncertainty_s"]) else round(pick["uncertainty_s"] * NS_PER_S)
    span = _span(pick["time_ns"] - half_ns, pick["time_ns"] + half_ns)
    automatic = {"automatic": "True", "manual": "False"}.get(pick["method"], "None")
    known = pick["event_id"] in times
    event = f"{_hash(pick['event_id'])} {_stamp(times[pick['event_id']])}" if known else None
    return (
        f"phase: {span} 0 {_station(pick['station'])}.*.* {event or 'None None None'} "
        f"{_quoted(pick['phase'])} None {automatic}"
    )


FORMATS = (Format("snuffler", sniff, read, write, (".markers",), "markers of Pyrocko's Snuffler"),)
