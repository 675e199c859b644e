"""Output of REAL (Rapid Earthquake Association and Location): phase_sel.txt, catalog_sel.txt.

A line of an event: number, year, month, day, hh:mm:ss.sss, origin time in seconds after ZERO (a
midnight), residual, latitude, longitude, depth in km, and from later versions magnitude, its
spread, numbers of P, S and all picks, of stations with both, and the azimuthal gap. Lines of its
picks follow in phase_sel.txt: network, station, phase, time in seconds after ZERO, travel time,
amplitude, residual, and from later versions weight and azimuth.

Times are those of the records that were picked, UTC without ``zone``.

References
----------
.. [1] Zhang, Ellsworth and Beroza (2019), Rapid earthquake association and location, SRL 90,
   https://doi.org/10.1785/0220190052
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_text
from seisml.formats.registry import Format
from seisml.times import DAY_NS, NS_PER_S, parse_times

_EVENT_NAMES = ("residual_s", "latitude", "longitude", "depth_km")
_MORE_NAMES = {
    10: (),
    15: ("magnitude", "magnitude_spread", "n_p", "n_s", "n_picks"),
    16: ("magnitude", "magnitude_spread", "n_p", "n_s", "n_picks", "gap_deg"),
    17: ("magnitude", "magnitude_spread", "n_p", "n_s", "n_picks", "n_both", "gap_deg"),
}
_PICK_NAMES = ("travel_time_s", "amplitude", "residual_s", "weight", "azimuth_deg")
_EVENT = re.compile(r"\s*\d+ +\d{4} +\d\d? +\d\d? +\d\d?:\d\d?:\d\d?(?:\.\d*)? +-?\d")
_CLOCK_AGREES_S = 0.01  # both times of a line are the same instant, rounded differently


def sniff(head: str, path: Path) -> bool:
    """Tell whether a text begins with a line of an event."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    return _EVENT.match(first) is not None and len(first.split()) in _MORE_NAMES


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read events, and where they are there the picks.

    Parameters
    ----------
    path : path-like
    zone : str, optional
        Time zone of the times; UTC without it.
    body : str, optional
        earth, mars or moon; earth without it.
    columns
        Not used: the layout is REAL's.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Event ids are the date and REAL's number (20161014.1).

    Raises
    ------
    CatalogError
        If a line is neither an event nor a pick, or its times contradict each other.
    """
    path = Path(path)
    events: list[dict] = []
    picks: list[dict] = []
    zero_ns = 0
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {number}"
        words = line.split()
        if _EVENT.match(line):
            event, zero_ns = _read_event(words, zone or "UTC", where)
            events.append(event)
        elif words:
            if not events:
                raise CatalogError(f"{where}: a pick stands before all events.")
            picks.append(_read_pick(words, zero_ns, where) | {"event_id": events[-1]["event_id"]})
    return make_catalog(
        pd.DataFrame(events),
        pd.DataFrame(picks),
        name=name,
        body=body or "earth",
        source=str(path),
        time_basis="origin",
    )


def _numbers(words: list[str], where: str, *, n_times: int = 1) -> list[float]:
    """Return numbers, of which the first are times: they are known, and none is infinite."""
    hint = "Correct the line or remove it."
    try:
        found = [float(word) for word in words]
    except ValueError as error:
        raise CatalogError(f"{where}: {error}.", hint) from error
    for i, (value, word) in enumerate(zip(found, words, strict=True)):
        if math.isinf(value) or (i < n_times and math.isnan(value)):
            raise CatalogError(f"{where}: {word!r} is no number that can be used.", hint)
    return found


def _read_event(words: list[str], zone: str, where: str) -> tuple[dict, int]:
    """Return an event and the instant ZERO."""
    names = _MORE_NAMES.get(len(words))
    if names is None:
        raise CatalogError(
            f"{where}: the event has {len(words)} fields.", "REAL writes 10, 15, 16 or 17."
        )
    year, month, day = (int(word) for word in words[1:4])
    hour, minute, second = _numbers(words[4].split(":"), where, n_times=3)
    date = f"{year:04d}-{month:02d}-{day:02d}"
    midnight = int(parse_times([f"{date}T00:00:00"], zone=zone, where=where)[0])
    time_ns = midnight + round((hour * 3600 + minute * 60 + second) * 1000) * NS_PER_S // 1000
    after_s, *values = _numbers(words[5:], where)
    exact_ns = time_ns - round(after_s * NS_PER_S)
    zero_ns = midnight + round((exact_ns - midnight) / DAY_NS) * DAY_NS
    if abs(exact_ns - zero_ns) > _CLOCK_AGREES_S * NS_PER_S:
        raise CatalogError(
            f"{where}: {words[4]} and {words[5]} s after midnight are not the same time.",
            "Correct the line or remove it.",
        )
    row = {"event_id": f"{year:04d}{month:02d}{day:02d}.{words[0]}", "time_ns": time_ns}
    return row | dict(zip(_EVENT_NAMES + names, values, strict=True)), zero_ns


def _read_pick(words: list[str], zero_ns: int, where: str) -> dict:
    if not 5 <= len(words) <= 4 + len(_PICK_NAMES) or not words[2][0].isalpha():
        raise CatalogError(
            f"{where}: this is neither an event nor a pick ({' '.join(words)[:40]!r}).",
            "A pick has network, station, phase, time, travel time, ...",
        )
    network, station, phase = words[:3]
    after_s, *values = _numbers(words[3:], where)
    return {
        "station": f"{network}.{station}",
        "phase": phase,
        "time_ns": zero_ns + round(after_s * NS_PER_S),
        "method": "automatic",
        **dict(zip(_PICK_NAMES, values, strict=False)),
    }


FORMATS = (Format("real", sniff, read, None, (), "REAL, phase_sel.txt and catalog_sel.txt"),)
