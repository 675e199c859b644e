"""Tables read through a `seisml.formats.layouts.Layout`: known programmes and ``catalog.toml``.

Events become events as in `seisml.formats.table`; rows that are picks become picks of no event
(numbers of events of another file are kept as they are, in ``source_event_id`` or ``event_index``).
Station codes are cut to NET.STA; what stood there is kept in a column of its own.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import PICK_COLUMNS, Catalog, make_catalog
from seisml.codes import station_name
from seisml.errors import CatalogError, did_you_mean
from seisml.formats import associators, phasenet
from seisml.formats.columns import (
    ALIASES,
    delimiter,
    extra_columns,
    find_phases,
    looks_dated,
    numbers,
    read_rows,
)
from seisml.formats.layouts import KNOWN, Layout, known_layout, layout_of
from seisml.formats.registry import Format
from seisml.formats.rows import Rejected, counted
from seisml.formats.table import TIME_ROLES, constant, events_of, picks_of_columns, understand
from seisml.times import NAT, NS_PER_S, parse_times

PICK_ROLES = ("time", "phase", "station", "network", "score", "uncertainty_s", "method")
"""What columns of picks may mean."""


_FORCED = "Leave format= away to let the content decide, or give columns={'time': ...}."


def sniff(head: str, path: Path, *, format_name: str) -> bool:
    """Tell whether the first line of a text is the header of a known layout."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    header = [word.strip().strip('"') for word in first.split(delimiter(first))]
    return known_layout(header) == format_name


def read(
    path: Path,
    *,
    format_name: str,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a table of a known programme.

    Parameters
    ----------
    path : path-like
    format_name : str
        Key of `seisml.formats.layouts.KNOWN`.
    zone : str, optional
        Time zone of times that state none; UTC without it, as the programmes write them.
    body : str, optional
        earth, mars or moon; earth without it.
    columns
        Not used: the programme states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog

    Raises
    ------
    CatalogError
        As `read_mapped`, or if columns of the programme are missing.
    """
    table, lines = read_rows(path)
    header = table.columns
    missing = set(KNOWN[format_name].needs.split()) - set(header)
    if missing:
        raise CatalogError(
            f"{path}: as {format_name} it lacks the columns {', '.join(sorted(missing))}.",
            _FORCED,
        )
    allowed = KNOWN[format_name].may_have
    foreign = set(header) - set(KNOWN[format_name].needs.split()) - set((allowed or "").split())
    if allowed is not None and foreign:
        raise CatalogError(
            f"{path}: as {format_name} it has other columns: {', '.join(sorted(foreign))}.",
            _FORCED,
        )
    layout = layout_of(format_name, header)
    zone = zone or layout.zone
    return catalog_of_rows(table, lines, layout, path, zone=zone, body=body, name=name)


def read_mapped(
    path: Path,
    layout: Layout,
    *,
    zone: str | None = None,
    body: str | None = None,
    name: str = "",
) -> Catalog:
    """Read a table through a layout.

    Parameters
    ----------
    path : path-like
        UTF-8 text, separated by comma, semicolon or tab.
    layout : Layout
    zone : str, optional
        Time zone of times that state none, before that of the layout; without both they are an
        error.
    body : str, optional
        earth, mars or moon; earth without it.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Empty rows and rows without a time are counted as dropped.

    Raises
    ------
    CatalogError
        If a column is not there, a time or number is unreadable, or a time has no zone.
    """
    table, lines = read_rows(path, header=layout.header)
    zone = zone or layout.zone
    return catalog_of_rows(table, lines, layout, path, zone=zone, body=body, name=name)


def catalog_of_rows(
    table: pd.DataFrame,
    lines: np.ndarray,
    layout: Layout,
    path,
    *,
    zone: str | None,
    body: str | None,
    name: str,
) -> Catalog:
    """Return what a table of texts holds by a layout; messages name `path` and `lines`."""
    table, columns = _prepared(table, layout, path)
    if layout.rows == "picks":
        picks, rejected = _picks(table, lines, columns, zone, layout, path)
        events, basis, stated_body = None, "first_pick", layout.constants.get("body", "")
    else:
        duration = columns.pop("duration_s", None)
        roles, phases = _roles(table, columns, layout, path)
        times = {
            column: _instants(table[column], lines, zone, layout, f"{path}, column {column}")
            for column in [*(roles[role] for role in TIME_ROLES if role in roles), *phases]
        }
        taken = {*layout.scores.values(), duration} & {*table.columns}
        events, basis, rejected = events_of(
            table.drop(columns=[*taken]), lines, roles, phases, times, path, own=False
        )
        if duration is not None:
            length_s = numbers(table[duration], duration, path, lines)[events.index]
            events = events.assign(end_ns=_ends(events, length_s))
        picks = picks_of_columns(events, table, times, phases)
        if picks is not None and layout.scores:
            picks["score"] = _pick_scores(events, table, lines, times, phases, layout, path)
        events = _with_constants(events, layout)
        stated_body = constant(table, roles, "body", path)
        basis = constant(table, roles, "time_basis", path) or basis
    dropped, dropped_lines = counted(rejected)
    return make_catalog(
        events,
        picks,
        name=name,
        body=body or stated_body or "earth",
        source=str(path),
        time_basis=layout.time_basis or basis,
        dropped=dropped,
        dropped_lines=dropped_lines,
    )


def _prepared(table: pd.DataFrame, layout: Layout, path):
    """Return the table with joined columns and without texts that mean nothing, and its map."""
    table = table.apply(lambda column: column.str.strip())
    columns = {}
    for meaning, parts in layout.columns.items():
        parts = (parts,) if isinstance(parts, str) else tuple(parts)
        for part in parts:
            if part not in table:
                hint = did_you_mean(part, table.columns)
                raise CatalogError(f"{path}: there is no column {part!r} ({meaning}).", hint)
        columns[meaning] = " ".join(parts)
        if len(parts) > 1:
            joined = table[parts[0]].str.cat([table[part] for part in parts[1:]], sep=" ")
            table = table.drop(columns=[*parts]).assign(**{columns[meaning]: joined.str.strip()})
    for column, texts in layout.missing.items():
        if column in table:
            table[column] = table[column].where(~table[column].isin(texts), "")
    return _with_short_stations(table, columns), columns


def _with_short_stations(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Cut NET.STA.LOC.CHA to NET.STA, keeping the whole in a column of its own."""
    column = columns.get("station")
    if column is None:
        return table
    cut = {code: station_name(code) for code in table[column].unique()}
    short = table[column].map(cut)
    if (short == table[column]).all():
        return table
    label = "seed_id" if "seed_id" not in table else f"source_{column}"
    return table.assign(**{label: table[column], column: short})


def _roles(table, columns, layout: Layout, path: Path) -> tuple[dict, dict]:
    if not layout.strict:
        return understand(table, columns, path)
    roles = {key: column for key, column in columns.items() if key in ALIASES}
    phases = {column: key for key, column in columns.items() if key in find_phases([key])}
    return roles, phases


def _instants(texts: pd.Series, lines, zone, layout: Layout, where: str) -> np.ndarray:
    time_format = layout.time_format
    if time_format == "unix" and looks_dated(texts):
        time_format = ""  # PyOcto's users often convert the times before they write them
    return parse_times(texts, zone=zone, where=where, lines=lines, time_format=time_format)


def _ends(events: pd.DataFrame, length_s: pd.Series) -> pd.Series:
    length_ns = (length_s.fillna(0) * NS_PER_S).round().astype(np.int64)
    ends = (events["time_ns"] + length_ns).where(length_s.notna(), NAT)
    return events["end_ns"].where(events["end_ns"] != NAT, ends) if "end_ns" in events else ends


def _pick_scores(events, table, lines, times, phases, layout: Layout, path) -> np.ndarray:
    """Return the scores of the picks, in the order of `picks_of_columns`."""
    scores = []
    for column in phases:
        rows = events.index[times[column][events.index] != NAT]
        score = layout.scores.get(column)
        scores.append(
            numbers(table[score], score, path, lines)[rows].to_numpy()
            if score in table
            else np.full(len(rows), np.nan)
        )
    return np.concatenate(scores)


def _with_constants(events: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    out = events
    for column, value in layout.constants.items():
        if column == "magnitude_type":
            sized = events["magnitude"].notna() if "magnitude" in events else False
            value = np.where(sized, value, "")
        out = out.assign(**{column: value})
    return out


def _picks(table, lines, columns, zone, layout: Layout, path) -> tuple[pd.DataFrame, Rejected]:
    """Return the rows of a table of picks, and what was rejected."""
    for meaning in columns:
        if meaning not in PICK_ROLES:
            raise CatalogError(
                f"{path}: columns of picks have the key {meaning!r}.",
                did_you_mean(meaning, PICK_ROLES),
            )
    for meaning in ("time", "phase", "station"):
        if meaning not in columns:
            raise CatalogError(
                f"{path}: no column is said to be the {meaning} of the picks.",
                f"Name it, for example columns = {{{meaning} = '...'}}.",
            )
    picks = pd.DataFrame(index=table.index)
    picks["time_ns"] = _instants(table[columns["time"]], lines, zone, layout, f"{path}, picks")
    for meaning in ("station", "phase", "method"):
        if meaning in columns:
            picks[meaning] = table[columns[meaning]]
    if "network" in columns:
        network = table[columns["network"]]
        whole = (network == "") | picks["station"].str.contains(".", regex=False)
        picks["station"] = picks["station"].where(whole, network + "." + picks["station"])
    for meaning in ("score", "uncertainty_s"):
        if meaning in columns:
            picks[meaning] = numbers(table[columns[meaning]], columns[meaning], path, lines)
    picks = picks.join(extra_columns(table, {*columns.values()}, PICK_COLUMNS))
    empty = (table == "").all(axis=1).to_numpy()
    untimed = (picks["time_ns"] == NAT).to_numpy() & ~empty
    wrong = {"empty row": empty, "pick without time": untimed}
    rejected = {reason: lines[mask] for reason, mask in wrong.items() if mask.any()}
    return picks[~(empty | untimed)], rejected


WRITERS = {
    "phasenet": phasenet.write,
    "gamma-picks": associators.write_gamma,
    "pyocto-input": associators.write_pyocto,
}
FORMATS = tuple(
    Format(
        format_name,
        partial(sniff, format_name=format_name),
        partial(read, format_name=format_name),
        WRITERS.get(format_name),
        (),
        known.description,
    )
    for format_name, known in KNOWN.items()
)
"""The known layouts as rows of the registry."""
