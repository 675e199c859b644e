"""Signals: when each catalogued event is seen at each station."""

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.codes import station_name
from seisml.errors import CatalogError
from seisml.labels.rules import LabelRule, event_weights
from seisml.times import NAT, NS_PER_S
from seisml.travel_times import arrivals as travel_time_arrivals

P_PHASES = ("P", "Pg", "Pn", "Pb", "p", "Pdiff", "PKP", "start")
S_PHASES = ("S", "Sg", "Sn", "Sb", "s", "Sdiff")
SIGNAL_COLUMNS = (
    *("event_id", "station", "start_ns", "end_ns", "uncertainty_s", "label", "weight", "rule"),
)


def signals(
    catalog: Catalog,
    stations,
    rule: LabelRule,
    *,
    coordinates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Say when each event's signal is seen at each station.

    Parameters
    ----------
    catalog : Catalog
    stations : iterable of str
        "NET.STA" or longer; what follows NET.STA does not matter.
    rule : LabelRule
    coordinates : pandas.DataFrame, optional
        Columns station ("NET.STA"), latitude, longitude; only the rule ``origins`` needs it.

    Returns
    -------
    pandas.DataFrame
        Columns `SIGNAL_COLUMNS`, one row an event and station, sorted by station and start;
        ``weight`` is that of the event's windows in training, ``rule`` says which rule was used.

    Raises
    ------
    CatalogError
        If the rule needs what the catalogue does not have.
    """
    names = sorted({station_name(station) for station in stations})
    chosen = _possible(catalog, coordinates)[0] if rule.rule == "auto" else rule.rule
    if chosen == "picks":
        table = _from_picks(catalog.picks, names, rule)
    elif chosen == "intervals":
        table = _from_intervals(catalog, names, rule)
    elif chosen == "origins":
        table = _from_origins(catalog, names, rule, coordinates)
    else:
        table = _from_delay(catalog, names, rule)
    events = catalog.events.set_index("event_id")
    weights = pd.Series(event_weights(events, rule), index=events.index)
    table["label"] = table["event_id"].map(events["label"]).fillna("")
    table["weight"] = table["event_id"].map(weights)
    table["uncertainty_s"] = table["uncertainty_s"].fillna(rule.uncertainty_s)
    table["rule"] = chosen
    table = table.astype({"start_ns": np.int64, "end_ns": np.int64})
    table = table.sort_values(["station", "start_ns", "event_id"], ignore_index=True)
    return table[list(SIGNAL_COLUMNS)]


def _possible(catalog: Catalog, coordinates) -> list[str]:
    """Rules that a catalogue allows, best first."""
    rules = []
    if catalog.picks["phase"].isin(P_PHASES[:-1]).any():
        rules.append("picks")
    if (catalog.events["end_ns"] != NAT).any():
        rules = (
            ["intervals", *rules] if catalog.time_basis == "label_start" else [*rules, "intervals"]
        )
    if coordinates is not None and catalog.events["latitude"].notna().any():
        rules.append("origins")
    if not rules:
        raise CatalogError(
            f"{catalog.name or catalog.source or 'The catalogue'} has no picks, no ends of events "
            "and no origins with station coordinates: nothing says when an event is at a station.",
            "Give a table of stations (station,latitude,longitude), or the rule 'delay'.",
        )
    return rules


def _from_picks(picks: pd.DataFrame, names: list[str], rule: LabelRule) -> pd.DataFrame:
    """Onset at the first P; end at S + coda_factor (S - P)."""
    stations = [name.split(".")[-1] for name in names]
    # A pick that names no network is at the one station of that code, if there is just one.
    alone = {s: n for s, n in zip(stations, names, strict=True) if stations.count(s) == 1}

    def place(text: str) -> str:
        name = station_name(text)
        return name if name in names else alone.get(name, "")

    station = picks["station"].map(place)
    picks = picks.assign(station=station)[station != ""]
    keys = ["event_id", "station"]
    first = picks[picks["phase"].isin(P_PHASES)].sort_values("time_ns")
    first = first.drop_duplicates(keys).set_index(keys)
    last = picks[picks["phase"].isin(S_PHASES)].sort_values("time_ns")
    last = last.drop_duplicates(keys).set_index(keys)
    table = first[["time_ns", "uncertainty_s"]].join(last["time_ns"].rename("s_ns"))
    s_minus_p = (table["s_ns"] - table["time_ns"]).clip(lower=0).fillna(0)
    lasts = ((1 + rule.coda_factor) * s_minus_p).clip(lower=rule.min_duration_s * NS_PER_S)
    return table.assign(
        start_ns=table["time_ns"], end_ns=(table["time_ns"] + lasts).round()
    ).reset_index()


def _from_intervals(catalog: Catalog, names: list[str], rule: LabelRule) -> pd.DataFrame:
    """Start and end as stated; an event without an end lasts the shortest duration."""
    events = catalog.events
    shortest = events["time_ns"] + round(rule.min_duration_s * NS_PER_S)
    stated = events["end_ns"].where(events["end_ns"] != NAT, shortest)
    events = events.assign(end_ns=np.maximum(stated, events["time_ns"] + 1))
    rows = []
    for name in names:
        at = events["station"].isin(["", name, name.split(".")[-1]])
        rows.append(events[at].assign(station=name, start_ns=events["time_ns"][at]))
    return pd.concat(rows)[["event_id", "station", "start_ns", "end_ns", "uncertainty_s"]]


def _from_origins(catalog: Catalog, names: list[str], rule: LabelRule, coordinates) -> pd.DataFrame:
    if coordinates is None:
        raise CatalogError(
            "The rule 'origins' needs the coordinates of the stations.",
            "Give a table with the columns station, latitude, longitude.",
        )
    missing = [name for name in names if name not in set(coordinates["station"])]
    if missing:
        raise CatalogError(
            f"The table of stations has no coordinates of {', '.join(missing)}.",
            "Add them, or leave these stations out.",
        )
    where = coordinates[coordinates["station"].isin(names)]
    times = travel_time_arrivals(catalog, where, phases=("P", "S"))
    picks = times.assign(uncertainty_s=np.nan).dropna(subset=["time_ns"])
    return _from_picks(picks, names, rule)


def _from_delay(catalog: Catalog, names: list[str], rule: LabelRule) -> pd.DataFrame:
    events = catalog.events
    start_ns = events["time_ns"] + round(rule.delay_s * NS_PER_S)
    end_ns = start_ns + round(rule.min_duration_s * NS_PER_S)
    rows = [events.assign(station=name, start_ns=start_ns, end_ns=end_ns) for name in names]
    return pd.concat(rows)[["event_id", "station", "start_ns", "end_ns", "uncertainty_s"]]


def signal_catalog(table: pd.DataFrame, catalog: Catalog) -> Catalog:
    """Return the expert catalogue as seen at the stations: one event a signal.

    Parameters
    ----------
    table : pandas.DataFrame
        From `signals`.
    catalog : Catalog
        Where they come from.

    Returns
    -------
    Catalog
        ``event_id`` is "id@NET.STA", ``source_id`` the expert's own; the time basis is
        label_start for the rule ``intervals``, else first_pick.
    """
    extra = catalog.events.drop(columns=["time_ns", "end_ns", "station", "uncertainty_s", "label"])
    events = table.merge(extra, on="event_id", how="left").rename(columns={"start_ns": "time_ns"})
    events = events.assign(
        source_id=events["event_id"], event_id=events["event_id"] + "@" + events["station"]
    )
    return make_catalog(
        events,
        name=catalog.name,
        body=catalog.body,
        source=catalog.source,
        time_basis="label_start" if (table["rule"] == "intervals").any() else "first_pick",
        dropped=catalog.dropped,
    )


def unplaced(
    catalog: Catalog, table: pd.DataFrame, stations, rule: LabelRule
) -> dict[str, np.ndarray]:
    """Return spans in which a catalogued event may be seen, though nothing says when.

    An event that has a signal at some stations but not at this one (no pick, say), or at none,
    makes windows there neither event nor noise: from its earliest time to the end of its last
    signal, to its stated end, or for ten shortest durations.

    Parameters
    ----------
    catalog : Catalog
    table : pandas.DataFrame
        From `signals`.
    stations : iterable of str
    rule : LabelRule

    Returns
    -------
    dict of str to numpy.ndarray of int64, shape (n_spans, 2)
        By station "NET.STA".
    """
    events = catalog.events.set_index("event_id")
    limits = table.groupby("event_id").agg(start_ns=("start_ns", "min"), end_ns=("end_ns", "max"))
    limits = limits.reindex(events.index)
    start = events["time_ns"].where(limits["start_ns"].isna(), limits["start_ns"])
    start = np.minimum(start, events["time_ns"])
    lasts_ns = round(10 * rule.min_duration_s * NS_PER_S)
    stated = events["end_ns"].where(events["end_ns"] != NAT, events["time_ns"] + lasts_ns)
    end = limits["end_ns"].where(limits["end_ns"].notna(), stated)
    spans = pd.DataFrame({"start_ns": start, "end_ns": end}).astype(np.int64)
    out = {}
    for name in sorted({station_name(station) for station in stations}):
        placed = table.loc[table["station"] == name, "event_id"]
        of_station = events["station"].isin(["", name, name.split(".")[-1]])
        out[name] = spans[of_station & ~spans.index.isin(placed)].to_numpy()
    return out
