"""Catalog: events and picks, of an expert or of a machine, in one type.

Instants are int64 nanoseconds UTC (`seisml.times`). A missing instant is `NAT`, a missing number
NaN, a missing text the empty string. Columns that a source has beyond the ones below are kept.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from seisml.errors import CatalogError, did_you_mean
from seisml.times import NAT, to_ns

EVENT_COLUMNS = {
    "event_id": "",  # unique in the catalogue
    "time_ns": NAT,  # the instant that `Catalog.time_basis` names
    "end_ns": NAT,  # end of the signal, where the source states one
    "station": "",  # NET.STA of a detection at one station; "" for a whole network
    "label": "",  # class, in the source's own words
    "quality": "",  # the source's own grade
    "score": np.nan,  # grows with confidence
    "uncertainty_s": np.nan,  # one standard deviation of time_ns
    "latitude": np.nan,  # degrees
    "longitude": np.nan,  # degrees east
    "depth_km": np.nan,  # positive downwards
    "magnitude": np.nan,
    "magnitude_type": "",
}
PICK_COLUMNS = {
    "event_id": "",
    "station": "",  # NET.STA, or STA where the source has no network
    "phase": "",  # P, S, Pg, ..., or the pseudo-phases start and end
    "time_ns": NAT,
    "uncertainty_s": np.nan,
    "score": np.nan,
    "method": "",  # manual or automatic, where the source says so
}
TIME_BASES = ("origin", "first_pick", "detection_on", "label_start", "label_centre")
BODIES = ("earth", "mars", "moon")


@dataclasses.dataclass(frozen=True)
class Catalog:
    """Events and picks with the statement of what their times mean.

    Attributes
    ----------
    events : pandas.DataFrame, shape (n_events, >= 13)
        One row an event, sorted by time; columns of `EVENT_COLUMNS` first.
    picks : pandas.DataFrame, shape (n_picks, >= 7)
        One row a pick, sorted by time; columns of `PICK_COLUMNS` first.
    name : str
        How the catalogue is called in tables and reports.
    body : str
        earth, mars or moon.
    source : str
        File or programme it comes from.
    time_basis : str
        What `events.time_ns` is: one of `TIME_BASES`.
    dropped : dict of str to int
        Rows of the source that are not here, counted by reason.
    dropped_lines : dict of str to tuple of int
        Where the first of them stand in the file, by reason, as far as the reader knows.
    """

    events: pd.DataFrame
    picks: pd.DataFrame
    name: str = ""
    body: str = "earth"
    source: str = ""
    time_basis: str = "origin"
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    dropped_lines: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        return (
            f"Catalog({self.name or self.source!r}, {len(self.events)} events, "
            f"{len(self.picks)} picks, {self.body}, time basis {self.time_basis})"
        )


def make_catalog(
    events=None,
    picks=None,
    *,
    name: str = "",
    body: str = "earth",
    source: str = "",
    time_basis: str = "origin",
    dropped: Mapping[str, int] | None = None,
    dropped_lines: Mapping[str, tuple[int, ...]] | None = None,
) -> Catalog:
    """Build a Catalog from tables that have at least times.

    Parameters
    ----------
    events : pandas.DataFrame, list of dict or None
        Columns of `EVENT_COLUMNS`, any subset that has ``time_ns``, and others to be kept; one
        whose name ends in ``_ns`` holds instants.
    picks : pandas.DataFrame, list of dict or None
        Columns of `PICK_COLUMNS`, any subset that has ``time_ns``.
    name, body, source, time_basis, dropped, dropped_lines
        See `Catalog`.

    Returns
    -------
    Catalog
        With all columns, sorted by time; events without an id are numbered ``e000001`` ...

    Raises
    ------
    CatalogError
        If ids repeat, a time is missing, or `body` or `time_basis` is unknown.

    Examples
    --------
    >>> make_catalog([{"time_ns": 5}, {"time_ns": 2}]).events["event_id"].tolist()
    ['e000001', 'e000002']
    """
    _check_option("body", body, BODIES)
    _check_option("time_basis", time_basis, TIME_BASES)
    events = _complete(events, EVENT_COLUMNS)
    picks = _complete(picks, PICK_COLUMNS)
    events = events.sort_values(["time_ns", "event_id"], kind="stable", ignore_index=True)
    picks = picks.sort_values(["time_ns", "station", "phase"], kind="stable", ignore_index=True)
    if (events["time_ns"] == NAT).any():
        row = events.index[events["time_ns"] == NAT][0]
        raise CatalogError(f"{source or name or 'catalogue'}: event in row {row + 1} has no time.")
    numbers = np.char.mod("e%06d", np.arange(1, len(events) + 1))
    events["event_id"] = np.where(events["event_id"] == "", numbers, events["event_id"])
    twice = events["event_id"][events["event_id"].duplicated()]
    if len(twice):
        raise CatalogError(
            f"{source or name or 'catalogue'}: the event id {twice.iloc[0]!r} stands twice.",
            "Event ids must be unique: rename or remove one of the rows.",
        )
    counts, lines = dict(dropped or {}), dict(dropped_lines or {})
    return Catalog(events, picks, name, body, source, time_basis, counts, lines)


def _check_option(parameter: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise CatalogError(f"{parameter} is {value!r}.", did_you_mean(str(value), allowed))


def _complete(table, columns: Mapping) -> pd.DataFrame:
    """Return a copy with every column of the noun, in order, with the right type."""
    if not isinstance(table, pd.DataFrame):  # as objects, instants stay exact beside gaps
        table = pd.DataFrame([] if table is None else table, dtype=object)
    out = {}
    for column, default in columns.items():
        values = table[column] if column in table else pd.Series(default, index=table.index)
        if isinstance(default, str):
            out[column] = values.astype(object).where(values.notna(), "").astype(str)
        elif isinstance(default, float):
            out[column] = pd.to_numeric(values).astype(np.float64)
        else:
            out[column] = _instants(values)
    for column in table.columns:
        if column not in columns:
            is_instant = str(column).endswith("_ns")
            values = table[column]
            out[column] = _instants(values) if is_instant else values.infer_objects()
    return pd.DataFrame(out, index=table.index)


def _instants(values: pd.Series) -> pd.Series:
    return values.where(values.notna(), NAT).astype(np.int64)


def stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack tables of events or of picks; instants that one of them lacks are `NAT` there."""
    instants = {column for table in tables for column in table if str(column).endswith("_ns")}
    return pd.concat(
        [table.assign(**dict.fromkeys(sorted(instants - {*table}), NAT)) for table in tables]
    )


def select(
    catalog: Catalog, *, start=None, end=None, stations=None, labels=None, qualities=None
) -> Catalog:
    """Return the events that fulfil all conditions, with their picks.

    Parameters
    ----------
    catalog : Catalog
    start, end : time, optional
        Keep events with ``start <= time < end``; anything `seisml.times.to_ns` takes.
    stations, labels, qualities : iterable of str, optional
        Keep events with one of these.

    Returns
    -------
    Catalog
        The same nouns, fewer rows; the argument is unchanged.

    Examples
    --------
    >>> len(select(make_catalog([{"time_ns": 5}, {"time_ns": 9}]), start=6))
    1
    """
    events = catalog.events
    keep = np.ones(len(events), dtype=bool)
    if start is not None:
        keep &= (events["time_ns"] >= to_ns(start)).to_numpy()
    if end is not None:
        keep &= (events["time_ns"] < to_ns(end)).to_numpy()
    for column, allowed in (("station", stations), ("label", labels), ("quality", qualities)):
        if allowed is not None:
            keep &= events[column].isin(list(allowed)).to_numpy()
    events = events[keep].reset_index(drop=True)
    picks = catalog.picks[catalog.picks["event_id"].isin(set(events["event_id"]))]
    return dataclasses.replace(catalog, events=events, picks=picks.reset_index(drop=True))


def merge(catalogs: Iterable[Catalog], *, name: str = "") -> Catalog:
    """Put several catalogues of one body and time basis into one, keeping every event.

    Parameters
    ----------
    catalogs : iterable of Catalog
    name : str
        Name of the result.

    Returns
    -------
    Catalog
        Ids that would stand twice get the catalogue's name in front.

    Raises
    ------
    CatalogError
        If there are no catalogues, or bodies or time bases differ.

    Examples
    --------
    >>> a = make_catalog([{"time_ns": 5}], name="a")
    >>> b = make_catalog([{"time_ns": 9}], name="b")
    >>> merge([a, b]).events["event_id"].tolist()
    ['a:e000001', 'b:e000001']
    """
    catalogs = list(catalogs)
    if not catalogs:
        raise CatalogError("There is no catalogue to merge.", "Give one or more.")
    for attribute in ("body", "time_basis"):
        values = sorted({getattr(catalog, attribute) for catalog in catalogs})
        if len(values) > 1:
            raise CatalogError(
                f"Catalogues with different {attribute} cannot be merged: {', '.join(values)}."
            )
    ids = pd.concat([catalog.events["event_id"] for catalog in catalogs])
    twice = set(ids[ids.duplicated()])

    def rename(table: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
        ids = table["event_id"]
        return table.assign(event_id=ids.where(~ids.isin(twice), f"{catalog.name}:" + ids))

    dropped: dict[str, int] = {}
    for catalog in catalogs:
        for reason, count in catalog.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return make_catalog(
        stack([rename(catalog.events, catalog) for catalog in catalogs]),
        stack([rename(catalog.picks, catalog) for catalog in catalogs]),
        name=name,
        body=catalogs[0].body,
        source=", ".join(catalog.source for catalog in catalogs),
        time_basis=catalogs[0].time_basis,
        dropped=dropped,
    )


LINKS = ("event_id", "source_event_id", "event_index", "event_idx", "event")
"""Columns of picks in which programmes say to which event of another file a pick belongs."""


def join_picks(catalog: Catalog, picks: Catalog) -> Catalog:
    """Give events the picks that another file has of them.

    Parameters
    ----------
    catalog : Catalog
        Events, perhaps with picks already.
    picks : Catalog
        Of picks whose column `LINKS` names the events, as GaMMA, PyOcto and QuakeMigrate write.

    Returns
    -------
    Catalog
        The events of `catalog`, the picks of both; those of no event here have no event id. What
        both dropped is added up.

    Raises
    ------
    CatalogError
        If no pick belongs to an event of `catalog`.

    Examples
    --------
    >>> events = make_catalog([{"time_ns": 5, "event_id": "7"}])
    >>> picks = make_catalog(picks=[{"time_ns": 6, "event_index": 7}, {"time_ns": 8}])
    >>> join_picks(events, picks).picks["event_id"].tolist()
    ['7', '']
    """
    known = set(catalog.events["event_id"])
    links = [_as_ids(picks.picks[column]) for column in LINKS if column in picks.picks]
    link = max(links, key=lambda ids: (ids.isin(known).sum(), (ids != "").sum()))
    if not link.isin(known).any():
        have = ", ".join(map(repr, sorted(set(link) - {""})[:3])) or "none"
        raise CatalogError(
            f"{picks.source or picks.name}: no pick names an event of "
            f"{catalog.source or catalog.name}; its event ids: {have}.",
            f"A column of {', '.join(LINKS)} must hold ids such as {min(known, default='')!r}.",
        )
    joined = picks.picks.assign(event_id=link.where(link.isin(known), ""))
    dropped = dict(catalog.dropped)
    for reason, count in picks.dropped.items():
        dropped[reason] = dropped.get(reason, 0) + count
    return make_catalog(
        catalog.events,
        stack([catalog.picks, joined]),
        name=catalog.name,
        body=catalog.body,
        source=", ".join(each.source for each in (catalog, picks) if each.source),
        time_basis=catalog.time_basis,
        dropped=dropped,
        dropped_lines={**picks.dropped_lines, **catalog.dropped_lines},
    )


def _as_ids(values: pd.Series) -> pd.Series:
    """Return ids as texts: numbers without a fraction that gaps gave them."""
    if values.dtype.kind == "f":
        values = values.map(lambda value: "" if np.isnan(value) else f"{value:g}")
    return values.astype(str)
