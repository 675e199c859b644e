"""The catalogue of the Apollo seismometers: ``levent.1008.dat`` of Nakamura and others.

Cards of 80 to 85 columns, described in ``EvCatEntries.1008.txt`` of the University of Texas
(Nakamura et al. 1981, UTIG Technical Report 118; revised 2008). Times are UTC to the minute, those
of the signal at the network. Rules that the cards need:

- A stop of 9999 says that the signal goes on into the next event: it ends where that begins.
  A blank stop is unknown; one before the start lies on the next day.
- Amplitudes are mm on the compressed plot (157 digital units a cm), Z at Apollo 11 and 12, Y at
  14, 15 and 16; -1 only tells that the station saw the event. The first field is Apollo 11's
  before day 239 of 1969, when that station ended.
- The class of 2004 in column 82 (A deep, T thermal) stands above the one in column 77.
- Cards have no id: it is made of year, day of year and start (``1971-107-0704``), a second event
  of the same minute has a ``b`` behind it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.reading import read_lines
from seisml.formats.registry import Format
from seisml.formats.rows import Rows, cut, reject, to_catalog, with_numbers
from seisml.times import DAY_NS, NAT, NS_PER_S, from_parts

CLASSES = {
    "A": "deep moonquake",
    "M": "unclassified deep moonquake",
    "C": "meteoroid impact",
    "H": "shallow moonquake",
    "Z": "short-period event",
    "L": "LM impact",
    "S": "S-IVB impact",
    "X": "special type",
    "T": "thermal moonquake",
}
"""Classes by the letters of columns 77 and 82, in the words of the catalogue."""

_STATIONS = ("s12", "s14", "s15", "s16")
_CARD = (
    r"..(?P<year>[67]\d) (?P<day>[ \d]{2}\d) (?P<start>[ \d]{2}\d\d) (?P<stop>[ \d]{4}) "
    r"(?P<s12>.{4})(?P<s14>.{4})(?P<s15>.{4})(?P<s16>.{4}) "
    r"(?P<available>.{4}) (?P<grades>.{4}) (?P<comment>.{30})(?P<code>.)(?P<old_class>.{3}) "
    r"(?P<new>.)(?P<number>.{3}).*"
)
_STARTS = re.compile(r"  (?:69|7[0-7]) [ \d]{2}\d [ \d]{2}\d\d (?:\d{4}|    )(?: .*)?")
_S11_ENDS_NS = int(from_parts([1969], 8, 27, 0, 0, 0)[0])
_MINUTE_NS = 60 * NS_PER_S


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first lines are cards of the Apollo catalogue."""
    lines = [line for line in head.split("\n") if line.strip()][:5]
    return bool(lines) and all(_STARTS.fullmatch(line.rstrip()) for line in lines)


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read cards of the Apollo catalogue.

    Parameters
    ----------
    path : path-like
    zone, columns
        Not used: the catalogue states both.
    body : str, optional
        moon, or nothing.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        ``label`` in words (`CLASSES`), uncertainty 17 s (that of a time rounded to the minute).
        Extra columns: class_code (77), old_class (78-80), nest (82-85, for example A1 or T504),
        seen_by, amplitude_s11_mm to amplitude_s16_mm, plots (37-40) and data_quality (42-45)
        as ``S12:2,S15:4``, comment, continues (the stop was 9999).

    Raises
    ------
    CatalogError
        If the text is not UTF-8, no card can be read, or `body` is not the Moon.
    """
    path = Path(path)
    if body not in (None, "moon"):
        raise CatalogError(f"{path}: body is {body!r}.", "This is a catalogue of the Moon.")
    lines = read_lines(path)
    again = lines.duplicated()
    rows = cut(lines.str.rstrip().str.ljust(85), _CARD, "no card of this catalogue")
    rows = reject(rows, again[rows.table.index], "same card again")
    rows = with_numbers(rows, ("year", "day", *_STATIONS))
    rows = _with_times(rows)
    table = rows.table.sort_values("time_ns", kind="stable")
    table = table.assign(event_id=_ids(table), end_ns=_ends(table))
    described = pd.DataFrame(
        {
            "event_id": table["event_id"],
            "time_ns": table["time_ns"],
            "end_ns": table["end_ns"],
            "label": _labels(table),
            "uncertainty_s": 60 / np.sqrt(12),
            "class_code": table["code"],
            "old_class": table["old_class"],
            "nest": table["new"] + table["number"],
            **_amplitudes(table),
            "plots": _by_station(table, "available"),
            "data_quality": _by_station(table, "grades"),
            "comment": table["comment"],
            "continues": table["stop"] == "9999",
        },
        index=table.index,
    )
    return to_catalog(
        Rows(described, rows.rejected), path=path, name=name, body="moon", time_basis="label_start"
    )


def _with_times(rows: Rows) -> Rows:
    """Return the cards with ``time_ns`` and ``stop_minute`` (of the day; NaN where not known)."""
    table = rows.table
    day = table["day"].to_numpy(dtype=float)
    clock = pd.to_numeric(table["start"], errors="coerce").to_numpy(dtype=float)
    new_year = from_parts(1900 + table["year"].to_numpy(dtype=float), 1, 1, 0, 0, 0)
    date = from_parts(
        1900 + table["year"].to_numpy(dtype=float), 1, 1, clock // 100, clock % 100, 0
    )
    leap = table["year"].to_numpy(dtype=float) % 4 == 0
    wrong = (date == NAT) | (new_year == NAT) | ~((day >= 1) & (day <= np.where(leap, 366, 365)))
    days = np.where(wrong, 1, day).astype(np.int64) - 1
    stop = pd.to_numeric(table["stop"], errors="coerce").to_numpy(dtype=float)
    minute = np.where(stop == 9999, np.nan, stop // 100 * 60 + stop % 100)
    odd_stop = (minute > 1440) | (~np.isnan(minute) & (stop % 100 > 59))
    table = table.assign(time_ns=date + days * DAY_NS, stop_minute=minute)
    rows = reject(Rows(table, rows.rejected), wrong, "start is no time of the calendar")
    return reject(rows, odd_stop[~wrong], "stop is no time of the day")


def _ends(table: pd.DataFrame) -> np.ndarray:
    """Return the ends of signals: the stop, that of the next day, or the next event's start."""
    start = table["time_ns"].to_numpy()
    minute = table["stop_minute"].to_numpy()
    known = ~np.isnan(minute)
    end = start // DAY_NS * DAY_NS + np.where(known, minute, 0).astype(np.int64) * _MINUTE_NS
    end = end + np.where(end < start, DAY_NS, 0)
    following = np.append(start[1:], NAT)
    continues = (table["stop"] == "9999").to_numpy()
    return np.where(known, end, np.where(continues, following, NAT))


def _ids(table: pd.DataFrame) -> pd.Series:
    numbers = [f"19{y:02.0f}-{d:03.0f}" for y, d in zip(table["year"], table["day"], strict=True)]
    ids = pd.Series(numbers, index=table.index, dtype=object)
    ids = ids + "-" + table["start"].str.replace(" ", "0").str.rjust(4, "0")
    place = ids.groupby(ids).cumcount()
    return ids + place.map(lambda n: "" if n == 0 else chr(ord("a") + min(n, 25)))


def _labels(table: pd.DataFrame) -> pd.Series:
    newer = table["new"].isin(["A", "T"])
    return table["new"].where(newer, table["code"]).map(CLASSES).fillna("")


def _amplitudes(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return who saw the events, and the amplitudes at each station (NaN for -1)."""
    early = (table["time_ns"] < _S11_ENDS_NS).to_numpy()
    first = table["s12"].to_numpy()
    values = {"s11": np.where(early, first, np.nan), "s12": np.where(early, np.nan, first)}
    values |= {station: table[station].to_numpy() for station in _STATIONS[1:]}
    seen = {station: ~np.isnan(value) for station, value in values.items()}
    flags = zip(*seen.values(), strict=True)
    names = [name.upper() for name in values]
    seen_by = [
        ",".join(name for name, flag in zip(names, row, strict=True) if flag) for row in flags
    ]
    columns = {
        f"amplitude_{station}_mm": np.where(value < 0, np.nan, value)
        for station, value in values.items()
    }
    return {"seen_by": np.array(seen_by, dtype=object), **columns}


def _by_station(table: pd.DataFrame, column: str) -> list[str]:
    """Return the codes of a field with one column a station as text, such as S12:2,S15:4."""
    early = table["time_ns"] < _S11_ENDS_NS
    return [
        ",".join(
            f"{'S11' if is_early and station == 's12' else station.upper()}:{code}"
            for station, code in zip(_STATIONS, codes, strict=False)
            if code != " "
        )
        for codes, is_early in zip(table[column], early, strict=True)
    ]


FORMATS = (Format("levent", sniff, read, None, (), "cards of the Apollo catalogue (levent.1008)"),)
