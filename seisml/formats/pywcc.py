"""Lists of pywcc (waveform correlation): templates, and detections made with them.

A line of the list of templates: name, date, time, latitude, longitude, depth in km, magnitude,
number of phases, and what the network's own catalogue has behind it. The times come from that
catalogue, which states no zone.

A line of the detections: date, time, latitude, longitude, depth in km of the template, and at the
end the template with the correlation coefficient (det428:0.57). Its longitudes have lost their
sign: they are kept in the column longitude_unsigned, and the longitude is not known. Times are
those of the records, UTC without ``zone``.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_text
from seisml.formats.registry import Format
from seisml.times import parse_times

_TIME = r"(?P<date>\d{4}/\d\d/\d\d) +(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)"
_PLACE = r" +(?P<latitude>-?\d+\.\d+) +(?P<longitude>-?\d+\.\d+) +(?P<depth_km>-?\d+\.\d+)"
_TEMPLATE = re.compile(
    rf"\s*(?P<event_id>\S+) +{_TIME}{_PLACE} +(?P<magnitude>-?\d+\.\d+) +(?P<n_phases>\d+)\b"
    r"(?P<remark>.*)"
)
_DETECTION = re.compile(
    rf"\s*{_TIME}{_PLACE}\s.*?(?P<source_number>\d+) +(?P<template>[^\s:]+):(?P<score>[\d.]+)\s*$"
)
_NUMBERS = ("latitude", "longitude", "depth_km", "magnitude", "score")


def _first_line(head: str) -> str:
    return next((line for line in head.splitlines() if line.strip()), "")


def sniff_templates(head: str, path: Path) -> bool:
    """Tell whether a text begins with the line of a template."""
    return _TEMPLATE.match(_first_line(head)) is not None


def sniff_detections(head: str, path: Path) -> bool:
    """Tell whether a text begins with the line of a detection."""
    return _DETECTION.match(_first_line(head)) is not None


def read_templates(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a list of templates; ``zone`` must be given.

    Parameters
    ----------
    path : path-like
    zone : str, optional
        Time zone of the times; without it they are an error.
    body : str, optional
        earth, mars or moon; earth without it.
    columns
        Not used: the layout is pywcc's.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog

    Raises
    ------
    CatalogError
        If a line is no template, or `zone` is missing.
    """
    rows = _rows(path, _TEMPLATE, "a template")
    rows["remark"] = rows["remark"].str.strip()
    rows["n_phases"] = rows["n_phases"].astype(int)
    return _catalog(rows, path, zone, body, name, "origin")


def read_detections(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read detections made with templates.

    Parameters
    ----------
    path : path-like
    zone : str, optional
        Time zone of the times; UTC without it.
    body : str, optional
        earth, mars or moon; earth without it.
    columns
        Not used: the layout is pywcc's.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        The score is the correlation coefficient, the column template the template's name.

    Raises
    ------
    CatalogError
        If a line is no detection.
    """
    rows = _rows(path, _DETECTION, "a detection")
    rows = rows.rename(columns={"longitude": "longitude_unsigned"})
    rows["longitude_unsigned"] = rows["longitude_unsigned"].astype(float)
    rows["source_number"] = rows["source_number"].astype(int)
    return _catalog(rows, path, zone or "UTC", body, name, "detection_on")


def _rows(path: Path, pattern: re.Pattern, what: str) -> pd.DataFrame:
    rows, lines = [], []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        match = pattern.match(line)
        if match is not None:
            rows.append(match.groupdict())
            lines.append(number)
        elif line.strip():
            raise CatalogError(
                f"{path}, line {number}: {line.strip()[:40]!r} is not {what} of pywcc.",
                "Correct the line or remove it.",
            )
    return pd.DataFrame(rows, columns=[*pattern.groupindex], index=lines)


def _catalog(rows, path: Path, zone, body, name: str, time_basis: str) -> Catalog:
    texts = rows["date"].str.replace("/", "-") + "T" + rows["clock"]
    numbers = {column: rows[column].astype(float) for column in _NUMBERS if column in rows}
    events = rows.drop(columns=["date", "clock"]).assign(
        time_ns=parse_times(texts, zone=zone, where=str(path), lines=rows.index), **numbers
    )
    return make_catalog(
        events,
        name=name,
        body=body or "earth",
        source=str(path),
        time_basis=time_basis,
    )


FORMATS = (
    Format(
        "pywcc-templates", sniff_templates, read_templates, None, (), "pywcc, list of templates"
    ),
    Format("pywcc", sniff_detections, read_detections, None, (), "pywcc, detections"),
)
