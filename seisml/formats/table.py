"""Catalogues as tables: seisml's own CSV and any other with a header that names its columns.

Columns are found by the names in `seisml.formats.columns.ALIASES` (case, blanks and units in
brackets do not count) or by an explicit map ``columns={"time": "their name"}``. All others are
kept as they are.

What the times mean (`seisml.catalog.TIME_BASES`) is what the file says in a column
``time_basis``; else it follows from the column that holds them, the first there is of:

========================  ==========================================================
``time``                  origin where there are coordinates, else detection_on where
                          there is a score, else label_start
``start`` + ``end_time``  label_start
``origin_time``           origin
``P``, ``S``, ``p_time``  first_pick: the earliest of them
``pick_time``             first_pick, of no phase that is known
``start`` alone           label_start
========================  ==========================================================

An origin time or start beside the chosen time is kept as ``origin_ns`` or ``start_ns``; columns
of arrival times become picks. A column of templates is the event id only where none repeats.

seisml's own file begins ``time,end_time,label,score,station,event_id``, leaves out empty columns,
states ``time_basis`` (and ``body`` if not earth) in every row, has times to the microsecond, and
its picks beside it in ``<stem>.picks.csv``. Its columns are taken literally, without aliases; a
column ``x_ns`` is written as ``x_time``.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import EVENT_COLUMNS, PICK_COLUMNS, Catalog, make_catalog
from seisml.errors import CatalogError, did_you_mean
from seisml.formats.clock_columns import has_parts, join_clock
from seisml.formats.columns import (
    ALIASES,
    delimiter,
    extra_columns,
    find_phases,
    find_roles,
    header_line,
    in_metres,
    looks_dated,
    numbers,
    plain,
    read_rows,
)
from seisml.formats.rows import Rejected, check_ids, counted
from seisml.formats.table_write import OWN_EVENTS, OWN_PICKS, is_own_picks, picks_path
from seisml.times import NAT, parse_times

TIME_ROLES = {
    "time": "time_ns",
    "origin_time": "origin_ns",
    "start": "start_ns",
    "onset_time": "onset_ns",
    "end_time": "end_ns",
}
"""The columns of events that hold instants, by what they mean."""

_OWN_ROLES = tuple(
    role for role in ALIASES if role not in ("origin_time", "start", "onset_time", "network")
)
_NOT_EVENTS = {"phase", "velocity", "rel_time", "displacement", "acceleration"}
_NOT_EVENTS |= {"p_amp", "s_amp"}  # amplitudes of one event at its stations (QuakeMigrate .amps)


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line of a text names columns of events, a time among them."""
    first = header_line(head)[1]
    header = [word.strip().strip('"') for word in first.lstrip("#").split(delimiter(first))]
    if first.lstrip().startswith(("<", "{", "[")) or _NOT_EVENTS & {plain(w) for w in header}:
        return False
    timed = {"time", "origin_time", "start", "onset_time"} & set(find_roles(header)) or find_phases(
        header
    )
    return bool(timed or has_parts(header)) and len(header) > 1


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a table of events, and seisml's picks beside it.

    Parameters
    ----------
    path : path-like
        UTF-8 text, separated by comma, semicolon or tab.
    zone : str, optional
        Time zone of times that state none; without it they are an error.
    body : str, optional
        earth, mars or moon; what a column ``body`` says without it, else earth.
    columns : mapping of str to str, optional
        From keys of `seisml.formats.columns.ALIASES`, or phases, to names in the header.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Empty rows, rows without a time and events that stand there a second time (same id, time
        and station) are counted as dropped. Rows of one event at several stations are events of
        their own with the id ``id@station``; ``source_id`` keeps the id.

    Raises
    ------
    CatalogError
        If a row has more or fewer fields than the header, a time or number is unreadable, there
        is no column of times, or `columns` names what is not there.
    """
    path = Path(path)
    table, lines = read_rows(path)
    own = tuple(table.columns[: len(OWN_EVENTS)]) == OWN_EVENTS and not columns
    if own:
        roles, phases = {role: role for role in _OWN_ROLES if role in table}, {}
    else:
        table = join_clock(table.apply(lambda column: column.str.strip()))
        roles, phases = understand(table, columns or {}, path)
    times = _parse_columns(table, lines, roles, phases, zone, path)
    events, basis, rejected = events_of(table, lines, roles, phases, times, path, own=own)
    dropped, dropped_lines = counted(rejected)
    if own:
        picks, unknown = _picks_beside(path, set(events["event_id"]))
        dropped = dropped | unknown
    else:
        picks = picks_of_columns(events, table, times, phases)
    return make_catalog(
        events,
        picks,
        name=name,
        body=body or constant(table, roles, "body", path) or "earth",
        source=str(path),
        time_basis=constant(table, roles, "time_basis", path) or basis,
        dropped=dropped,
        dropped_lines=dropped_lines,
    )


def understand(table: pd.DataFrame, columns: Mapping[str, str], path: Path):
    """Return the roles and phases of a foreign table's columns."""
    roles, phases = find_roles(table.columns), find_phases(table.columns)
    for key, column in columns.items():
        if column not in table:
            hint = did_you_mean(column, table.columns)
            raise CatalogError(f"{path}: there is no column {column!r} (columns[{key!r}]).", hint)
        roles = {role: other for role, other in roles.items() if other != column}
        phases.pop(column, None)
        if key in ALIASES:
            roles[key] = column
        elif key in find_phases([key]):
            phases[column] = key
        else:
            raise CatalogError(f"columns has the key {key!r}.", did_you_mean(key, ALIASES))
    stated = set(columns.values())
    undated = {c for c in table if c not in stated and not looks_dated(table[c])}
    dated = {r: c for r, c in roles.items() if r not in TIME_ROLES or c not in undated}
    dated_phases = {column: phase for column, phase in phases.items() if column not in undated}
    if {"time", "origin_time", "start", "onset_time"} & set(dated) or dated_phases:
        roles, phases = dated, dated_phases
    template = roles.get("event_id", "")
    if (
        plain(template) == "template"
        and "event_id" not in columns
        and not table[template].is_unique
    ):
        del roles["event_id"]
    return roles, phases


def _parse_columns(table, lines, roles, phases, zone, path) -> dict[str, np.ndarray]:
    timed = [*(roles[role] for role in TIME_ROLES if role in roles), *phases]
    return {
        column: parse_times(table[column], zone=zone, where=f"{path}, column {column}", lines=lines)
        for column in timed
    }


def events_of(
    table, lines, roles, phases, times, path, *, own: bool
) -> tuple[pd.DataFrame, str, Rejected]:
    """Return the rows that are events, the basis of their times, and what was dropped."""
    events, basis = _times_of_events(times, roles, phases, path)
    events = events.join(_known_columns(table, lines, roles, path))
    reserved = {*EVENT_COLUMNS, *OWN_EVENTS, *events.columns}
    events = events.join(extra_columns(table, {*roles.values(), *phases}, reserved, own=own))
    wrong = _unusable(table, events)
    keep = ~np.logical_or.reduce(list(wrong.values()))
    if not own:
        events, wrong["end before start, only the end"] = _without_early_ends(events)
    rejected = {reason: lines[mask] for reason, mask in wrong.items() if mask.any()}
    events = events[keep]
    if "event_id" in events:
        events = _at_stations(events)
        check_ids(events.set_index(lines[keep]), path)
    return _with_ids(events), _refine(basis, roles), rejected


def _at_stations(events: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of one event at several stations ids of their own: id@station."""
    ids = events["event_id"]
    several = "station" in events and ids[ids != ""].duplicated().any()
    if not several or events[ids != ""].duplicated(["event_id", "station"]).any():
        return events
    own = (ids + "@" + events["station"]).where((ids != "") & (events["station"] != ""), ids)
    return events.assign(event_id=own, source_id=ids)


def _without_early_ends(events: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return events without the ends that are before the start, and where these were."""
    if "end_ns" not in events:
        return events, np.zeros(len(events), dtype=bool)
    early = (events["end_ns"] < events["time_ns"]) & (events["end_ns"] != NAT)
    return events.assign(end_ns=events["end_ns"].mask(early, NAT)), early.to_numpy()


def _times_of_events(times, roles, phases, path) -> tuple[pd.DataFrame, str]:
    """Return the columns of instants and the basis of the events' times."""
    own = {role: times[roles[role]] for role in TIME_ROLES if role in roles}
    first = np.full(len(next(iter(times.values()), ())), NAT)
    for column in phases:
        earlier = (times[column] != NAT) & ((first == NAT) | (times[column] < first))
        first = np.where(earlier, times[column], first)
    choices = (
        ("time", "time" in own, "time"),
        ("label_start", "start" in own and "end_time" in own, "start"),
        ("origin", "origin_time" in own, "origin_time"),
        ("first_pick", bool(phases), ""),
        ("first_pick", "onset_time" in own, "onset_time"),
        ("label_start", "start" in own, "start"),
    )
    for basis, possible, role in choices:
        if possible:
            instants = own.pop(role, first)
            return pd.DataFrame(
                {"time_ns": instants, **{TIME_ROLES[each]: own[each] for each in own}}
            ), basis
    raise CatalogError(
        f"{path}: no column holds times of events.",
        "Name it, for example columns={'time': '...'}.",
    )


def _refine(basis: str, roles: Mapping[str, str]) -> str:
    """Return what times in a column that is called just "time" are."""
    if basis != "time":
        return basis
    if "latitude" in roles and "longitude" in roles:
        return "origin"
    return "detection_on" if "score" in roles else "label_start"


def _known_columns(table: pd.DataFrame, lines, roles: Mapping[str, str], path) -> pd.DataFrame:
    known = {}
    for role, default in EVENT_COLUMNS.items():
        if role in roles:
            texts = table[roles[role]]
            known[role] = texts if isinstance(default, str) else numbers(texts, role, path, lines)
    if "depth_km" in known and in_metres(roles["depth_km"]):
        known["depth_km"] = known["depth_km"] / 1000
    if "network" in roles and "station" in roles:
        network, station = table[roles["network"]], known["station"]
        whole = (network == "") | station.str.contains(".", regex=False)
        known["station"] = station.where(whole, network + "." + station)
    elif "network" in roles:
        known[roles["network"]] = table[roles["network"]]
    return pd.DataFrame(known, index=table.index)


def _unusable(table: pd.DataFrame, events: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return which rows are no events, by the reason."""
    empty = (table == "").all(axis=1).to_numpy(dtype=bool)
    untimed = (events["time_ns"] == NAT).to_numpy() & ~empty
    again = np.zeros(len(events), dtype=bool)
    if "event_id" in events:
        same = [name for name in ("event_id", "time_ns", "station") if name in events]
        again = events.duplicated(same).to_numpy() & (events["event_id"] != "")
        again = np.asarray(again & ~untimed & ~empty)
    return {"empty row": empty, "row without time": untimed, "same event again": again}


def _with_ids(events: pd.DataFrame) -> pd.DataFrame:
    """Give events without an id the number that `seisml.catalog.make_catalog` would."""
    order = np.argsort(events["time_ns"].to_numpy(), kind="stable")
    numbered = np.empty(len(events), dtype=object)
    numbered[order] = [f"e{number:06d}" for number in range(1, len(events) + 1)]
    ids = events.get("event_id", pd.Series("", index=events.index))
    return events.assign(event_id=ids.where(ids != "", numbered))


def picks_of_columns(events, table, times, phases) -> pd.DataFrame | None:
    """Return the arrival times of a foreign table as picks."""
    picks = []
    for column, phase in phases.items():
        instants = times[column][events.index]
        rows = events[instants != NAT]
        own_phase = table.get(f"{column}_phase", pd.Series("", index=table.index))[rows.index]
        picks.append(
            pd.DataFrame(
                {
                    "event_id": rows["event_id"],
                    "station": rows.get("station", ""),
                    "phase": own_phase.where(own_phase != "", phase),
                    "time_ns": instants[instants != NAT],
                }
            )
        )
    return pd.concat(picks) if picks else None


def constant(table: pd.DataFrame, roles, role: str, path: Path) -> str:
    """Return the one value of a column that says the same in all rows, or nothing."""
    values = sorted(set(table[roles[role]]) - {""}) if role in roles else []
    if len(values) > 1:
        raise CatalogError(
            f"{path}: {role} is {values[0]!r} and {values[1]!r} in one file.",
            "A catalogue has one: split the file.",
        )
    return values[0] if values else ""


def _picks_beside(path: Path, event_ids: set[str]) -> tuple[pd.DataFrame | None, dict]:
    """Read seisml's picks of the events that are there."""
    path = picks_path(path)
    if not path.exists() or not is_own_picks(path):
        return None, {}
    table, lines = read_rows(path)
    picks = table.loc[:, [c for c in ("event_id", "station", "phase", "method") if c in table]]
    picks = picks.assign(
        time_ns=parse_times(table["time"], where=f"{path}, column time", lines=lines)
    )
    for column in ("uncertainty_s", "score"):
        if column in table:
            picks[column] = numbers(table[column], column, path, lines)
    picks = picks.join(extra_columns(table, OWN_PICKS, PICK_COLUMNS, own=True))
    untimed = (picks["time_ns"] == NAT).to_numpy()
    unknown = ~picks["event_id"].isin(event_ids | {""}).to_numpy() & ~untimed
    counts = {"pick without time": int(untimed.sum()), "pick of no event": int(unknown.sum())}
    return picks[~(untimed | unknown)], {why: count for why, count in counts.items() if count}
