"""Features of network events: group I, from detections, coordinates and the stations' records."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.codes import station_name
from seisml.cuts import cuts, sensors_of
from seisml.features import features_per, resolve
from seisml.features.network import NetworkSpan
from seisml.measures import filtered
from seisml.moveout import EARTH_KM, Moveout
from seisml.picker import pad_s
from seisml.segments import Band, Segment, snap_rate
from seisml.times import NAT, NS_PER_S

LOT = 200
"""Events whose records are in memory at once."""
SHORTEST_S, LONGEST_S = 2.0, 120.0
"""Of what is looked at after the first onset."""


def network_features(
    network: Catalog,
    detections: Catalog,
    moveout: Moveout,
    *,
    stations: pd.DataFrame | None = None,
    slowest_km_s: float = 3.0,
    radius_km: float = EARTH_KM,
    archive: Archive | None = None,
    band: Band | None = None,
    names: tuple[str, ...] = ("network",),
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Compute the features of group I of a network's events.

    Parameters
    ----------
    network : Catalog
        From `seisml.associate.coincidences`, with a P pick a station.
    detections : Catalog
        At the stations, that it was made from.
    moveout : Moveout
        Limits of all stations of the detections.
    stations : pandas.DataFrame, optional
        Columns station, latitude, longitude; without it there is no ``moveout_residual``.
    slowest_km_s : float, km/s
    radius_km : float, km
        Of the body.
    archive : Archive, optional
        Without it there are no ``xcorr_max`` and ``spectral_width``.
    band : Band, optional
        Filter of the records; needed with an archive.
    names : tuple of str
        Features or sets.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    pandas.DataFrame of float64, shape (n_events, n_features)
        A column a feature, NaN where it cannot be told; the index of ``network.events``.

    Notes
    -----
    Of each station the vertical is read, else its first channel, filtered causally. Envelopes are
    RMS amplitudes in bins of a tenth of the longest period that the filter lets through. The
    covariance is of twice as many parts of the event as there are stations, half overlapping, at
    each station from its own onset on.
    """
    chosen = features_per("network", resolve(names))
    places = _places(moveout.stations, stations, radius_km)
    known = _onsets(detections, moveout.stations)
    rows: list[dict[str, float]] = []
    for first in range(0, len(network), LOT):
        events = network.events.iloc[first : first + LOT]
        seen = [_Seen.of(event, network, known, moveout) for event in events.itertuples()]
        records = [{} for _ in seen]
        if archive is not None:
            for number, station, record in _records(archive, seen, moveout, band):
                records[number][station] = record
        for one, record in zip(seen, records, strict=True):
            span = _span(one, record, moveout, places, slowest_km_s, band)
            rows.append({f.name: float(f.function(span)) for f in chosen})
            if on_progress is not None:
                on_progress(len(rows), len(network))
    columns = [one.name for one in chosen]
    return pd.DataFrame(rows, columns=columns, index=network.events.index, dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class _Seen:
    """When the stations saw an event: onset of each after the first, NaN where it has none."""

    first_ns: int
    end_ns: int
    onset_s: np.ndarray
    in_event: np.ndarray
    reach_s: np.ndarray

    @classmethod
    def of(cls, event, network: Catalog, known: list[np.ndarray], moveout: Moveout) -> "_Seen":
        picks = network.picks
        mine = picks[(picks["event_id"] == event.event_id) & (picks["phase"] == "P")]
        number = {name: i for i, name in enumerate(moveout.stations)}
        own = {
            number[station_name(s)]: int(t) for s, t in zip(mine.station, mine.time_ns, strict=True)
        }
        first = min(own, key=lambda i: (own[i], i))
        first_ns = own[first]
        onset_s = np.full(len(number), np.nan)
        for i, times_ns in enumerate(known):
            if i in own:
                onset_s[i] = (own[i] - first_ns) / NS_PER_S
            elif len(times_ns):
                onset_s[i] = (times_ns - first_ns)[np.argmin(np.abs(times_ns - first_ns))] / 1e9
        end_ns = first_ns if event.end_ns == NAT else int(event.end_ns)
        length_s = np.clip((end_ns - first_ns) / NS_PER_S, SHORTEST_S, LONGEST_S)
        in_event = np.isin(np.arange(len(number)), list(own))
        end_ns = first_ns + round(length_s * NS_PER_S)
        return cls(first_ns, end_ns, onset_s, in_event, moveout.limit_s[first])


def _onsets(detections: Catalog, names) -> list[np.ndarray]:
    """Return the sorted onsets of each station."""
    events = detections.events
    short = events["station"].map(station_name).to_numpy()
    times_ns = events["time_ns"].to_numpy(np.int64)
    return [np.sort(times_ns[short == name]) for name in names]


def _places(names, stations: pd.DataFrame | None, radius_km: float) -> np.ndarray:
    """Return where stations are, km east and north of their middle; NaN where it is not known."""
    out = np.full((len(names), 2), np.nan)
    if stations is None:
        return out
    table = stations.drop_duplicates("station").set_index("station")
    degrees = table.reindex(list(names))[["latitude", "longitude"]].to_numpy(np.float64)
    known = np.isfinite(degrees).all(axis=1)
    if known.any():
        latitude, longitude = np.radians(degrees[known]).T
        east = np.angle(np.exp(1j * (longitude - longitude[0])))  # no jump at 180 degrees
        middle = latitude.mean()
        out[known] = radius_km * np.column_stack(
            [np.cos(middle) * (east - east.mean()), latitude - middle]
        )
    return out


def _records(
    archive: Archive, seen: list[_Seen], moveout: Moveout, band: Band
) -> Iterator[tuple[int, int, tuple[Segment, np.ndarray]]]:
    """Yield (event, station, (segment, filtered samples)) where one segment has all of an event."""
    reach_s = float(moveout.limit_s.max(initial=0.0))
    before_ns = round((reach_s + SHORTEST_S) * NS_PER_S)
    pad_ns = round(pad_s(band, np.inf) * NS_PER_S)
    wanted = [
        (one.first_ns - before_ns, one.end_ns + round((reach_s + 1.0) * NS_PER_S)) for one in seen
    ]
    for station, name in enumerate(moveout.stations):
        table = pd.DataFrame(wanted, columns=["time_ns", "end_ns"]).assign(station=name)
        sensors = sensors_of(archive, table)
        for sensor in sorted(set(sensors) - {""}):
            rows = np.flatnonzero(sensors == sensor)
            spans = [(wanted[row][0] - pad_ns, wanted[row][1]) for row in rows]
            for number, parts in cuts(archive, sensor, spans):
                start_ns, end_ns = wanted[rows[number]]
                whole = [
                    p
                    for p in parts
                    if p.start_ns <= start_ns
                    and p.end_ns >= end_ns - NS_PER_S // 2
                    and 0.4 * p.sampling_rate_hz > band.f_min_hz
                ]
                if whole:
                    part = min(whole, key=lambda p: (p.channels[0][-1:] != "Z", p.channels))
                    x = part.data[0].astype(np.float64)
                    y = filtered(x, band, snap_rate(part.sampling_rate_hz))
                    yield int(rows[number]), station, (part, y)


def _span(one: _Seen, records, moveout: Moveout, places, slowest_km_s: float, band) -> NetworkSpan:
    """Put together what the features look at."""
    reach_s = float(moveout.limit_s.max(initial=0.0))
    bin_s = 1.0 if band is None else 0.1 / band.f_min_hz
    length_s = (one.end_ns - one.first_ns) / NS_PER_S + 2 * reach_s + SHORTEST_S
    n_bins = max(2, int(length_s / bin_s))
    start_ns = one.first_ns - round((reach_s + SHORTEST_S) * NS_PER_S)
    envelope = np.full((len(moveout.stations), n_bins), np.nan)
    for station, (part, y) in records.items():
        envelope[station] = _envelope(part, y, start_ns, bin_s, n_bins)
    return NetworkSpan(
        onset_s=one.onset_s,
        reach_s=one.reach_s,
        in_event=one.in_event,
        place_km=places,
        slowest_km_s=slowest_km_s,
        envelope=envelope,
        envelope_s=bin_s,
        limit_s=moveout.limit_s,
        spectra=_spectra(one, records, band),
    )


def _envelope(part: Segment, y: np.ndarray, start_ns: int, bin_s: float, n_bins: int) -> np.ndarray:
    """Return the RMS of samples in bins of time."""
    rate = snap_rate(part.sampling_rate_hz)
    first = (start_ns - part.start_ns) / NS_PER_S
    edges = np.round((first + bin_s * np.arange(n_bins + 1)) * rate).astype(int)
    if edges[0] < 0 or edges[-1] > len(y) or (np.diff(edges) < 1).any():
        return np.full(n_bins, np.nan)
    return np.sqrt(np.add.reduceat(y**2, edges[:-1])[:n_bins] / np.diff(edges))


def _spectra(one: _Seen, records, band: Band | None) -> np.ndarray:
    """Return spectra of parts of the event at the stations that have an onset and a record."""
    used = [station for station in sorted(records) if one.in_event[station]]
    if len(used) < 2:
        return np.zeros((len(used), 0, 0), dtype=np.complex128)
    n_parts = 2 * len(used)
    length_s = 2 * (one.end_ns - one.first_ns) / NS_PER_S / (n_parts + 1)
    slowest_hz = min(snap_rate(records[station][0].sampling_rate_hz) for station in used)
    top_hz = min(band.f_max_hz, 0.4 * slowest_hz)
    bins = np.arange(max(1, int(np.ceil(band.f_min_hz * length_s))), int(top_hz * length_s) + 1)
    out = np.zeros((len(used), n_parts, len(bins)), dtype=np.complex128)
    for row, station in enumerate(used):
        part, y = records[station]
        rate = snap_rate(part.sampling_rate_hz)
        n = round(length_s * rate)
        onset_s = (one.first_ns - part.start_ns) / NS_PER_S + one.onset_s[station]
        starts = np.round((onset_s + 0.5 * length_s * np.arange(n_parts)) * rate).astype(int)
        if n < 8 or starts[0] < 0 or starts[-1] + n > len(y):
            return np.zeros((len(used), 0, 0), dtype=np.complex128)
        pieces = y[starts[:, None] + np.arange(n)] * np.hanning(n)
        out[row] = np.fft.rfft(pieces, axis=1)[:, bins]
    return out
