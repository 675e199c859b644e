"""Ranked items of a discovery: what is unlike the rest, and what is most like one.

Similar are neighbours by features, then by correlation of waveforms.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.signal import correlate

from seisml import archive as archives
from seisml.archive import Archive
from seisml.cuts import sensors_of
from seisml.discovery import Discovery
from seisml.errors import NoDataError
from seisml.segments import FORGOTTEN, Band, Segment, causal_filter, segments
from seisml.times import NS_PER_S, iso

SLACK_S = 2.0
"""How much earlier or later than its own limits a candidate may lie."""


def item_at(found: Discovery, station: str, time_ns: int) -> int:
    """Return the row of the item at a station that holds an instant, nearest to its middle.

    Raises
    ------
    NoDataError
        If there is none.
    """
    items = found.items
    at_station = items["station"].str.startswith(station)
    here = at_station & (items["time_ns"] <= time_ns) & (time_ns < items["end_ns"])
    if not here.any():
        raise NoDataError(
            f"No item of {station} holds {iso(time_ns)}.", _what_there_is(found, station, time_ns)
        )
    rows = np.flatnonzero(here)
    middle = (items["time_ns"].to_numpy()[rows] + items["end_ns"].to_numpy()[rows]) // 2
    return int(rows[np.argmin(np.abs(middle - time_ns))])


def _what_there_is(found: Discovery, station: str, time_ns: int) -> str:
    """Say which items are nearest to what was asked for."""
    items = found.items
    mine = items[items["station"].str.startswith(station)]
    if not len(mine):
        names = sorted(items["station"].unique())
        return f"Stations: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}."
    near = mine.iloc[int(np.argmin(np.abs(mine["time_ns"].to_numpy() - time_ns)))]
    return f"The nearest is {near['station']},{iso(int(near['time_ns']))}."


def more_like(
    found: Discovery,
    row: int,
    *,
    archive: Archive | None = None,
    band: Band | None = None,
    n: int = 50,
    n_candidates: int = 300,
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return the items most like one: nearest in features, then ranked by their waveforms.

    Parameters
    ----------
    found : Discovery
    row : int
        Of the item.
    archive : Archive, optional
        With it (and `band`) the nearest items of the same station are ranked by the largest
        correlation coefficient of their vertical with that of the item; others follow by features.
    band : Band, optional
        Causal filter of the waveforms.
    n : int
        Length of the list.
    n_candidates : int
        Neighbours in features that are looked at.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    pandas.DataFrame
        Rows of ``found.items`` with row, feature_distance, correlation (NaN where it was not
        computed) and lag_s (how much later than its limits the item fits).
    """
    one = found.items.iloc[row]
    distance = np.sqrt(((found.Z - found.Z[row]) ** 2).sum(axis=1))
    order = np.argsort(distance, kind="stable")[: 20 * n_candidates]
    ranked = found.items.iloc[order].assign(row=order, feature_distance=distance[order])
    span = (one["station"], int(one["time_ns"]), int(one["end_ns"]))
    near = without_overlaps(ranked, n_candidates, [span])
    near["correlation"], near["lag_s"] = np.nan, np.nan
    if archive is not None and band is not None:
        sensor = sensors_of(archive, found.items.iloc[[row]])[0]
        template = _wave(archive, sensor, *span[1:], band) if sensor else None
        sensors = sensors_of(archive, near)
        for k, item in enumerate(near.itertuples(index=False)):
            if sensors[k] == sensor and template is not None:
                value, lag_s = _correlation(archive, item._replace(station=sensor), template, band)
                near.loc[k, ["correlation", "lag_s"]] = value, lag_s
            if on_progress is not None:
                on_progress(k + 1, len(near))
    best = near.sort_values(
        ["correlation", "feature_distance"], ascending=[False, True], kind="stable"
    )
    return best.head(n).reset_index(drop=True)


def _wave(archive: Archive, station: str, start_ns: int, end_ns: int, band: Band) -> Segment | None:
    """Return the filtered vertical (or first channel) between two instants, the longest piece."""
    pad_ns = round(min(band.settle_s(FORGOTTEN), 120.0) * NS_PER_S)
    whole = start_ns - pad_ns, end_ns
    guard_ns = archives.guard(archive, station)
    channels = archives.channels_of(archive, station)
    chosen = [c for c in channels if c.endswith("Z")] or channels
    span = whole[0] - guard_ns, whole[1] + guard_ns
    raw = archives.records(archive, station, *span, channels=chosen[:1])
    parts = segments([(*whole, raw)], station=station)
    usable = (part for part in parts if 0.4 * part.sampling_rate_hz > band.f_min_hz)
    cut = [_cut(part, start_ns) for part in causal_filter(usable, band)]
    return max(cut, key=lambda part: part.n_samples, default=None)


def _cut(part: Segment, start_ns: int) -> Segment:
    first = max(0, round((start_ns - part.start_ns) * part.sampling_rate_hz / NS_PER_S))
    moved = part.start_ns + round(first * NS_PER_S / part.sampling_rate_hz)
    return dataclasses.replace(part, start_ns=moved, data=part.data[:, first:])


def _correlation(archive, item, template: Segment, band: Band) -> tuple[float, float]:
    """Return the largest correlation of a template within an item's limits, and where."""
    slack_ns = round(SLACK_S * NS_PER_S)
    length_ns = template.end_ns - template.start_ns
    end_ns = max(item.end_ns, item.time_ns + length_ns) + slack_ns
    other = _wave(archive, item.station, item.time_ns - slack_ns, end_ns, band)
    a = template.data[0].astype(np.float64)
    if other is None or other.sampling_rate_hz != template.sampling_rate_hz:
        return np.nan, np.nan
    b = other.data[0].astype(np.float64)
    if len(b) < len(a) or len(a) < 8 or not a.any():
        return np.nan, np.nan
    value = correlation(a, b)
    best = int(np.argmax(value))
    start_ns = other.start_ns + round(best * NS_PER_S / other.sampling_rate_hz)
    return float(value[best]), (start_ns - item.time_ns) / NS_PER_S


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation coefficient of a with each stretch of b of its length.

    Parameters
    ----------
    a : numpy.ndarray, shape (n,)
    b : numpy.ndarray, shape (m,), m >= n

    Returns
    -------
    numpy.ndarray, shape (m - n + 1,)
        0 where b is constant.

    Examples
    --------
    >>> b = np.random.default_rng(0).standard_normal(100)
    >>> found = correlation(3 * b[20:60] + 5, b)
    >>> int(np.argmax(found)), round(float(found.max()), 6)
    (20, 1.0)
    """
    n = len(a)
    a = a - a.mean()
    b = b - b.mean()
    product = correlate(b, a, mode="valid")
    sums, squares = (np.concatenate([[0.0], np.cumsum(x)]) for x in (b, b * b))
    variance = (squares[n:] - squares[:-n]) - (sums[n:] - sums[:-n]) ** 2 / n
    scale = np.sqrt(np.maximum(variance, 0) * (a * a).sum())
    enough = variance > 1e-12 * max(squares[-1], 1e-300)
    return np.where(enough, product / np.where(enough, scale, 1.0), 0.0)


def novelties(found: Discovery, *, n: int = 100) -> pd.DataFrame:
    """Return the items that are most unlike the rest, one of those that are near in time.

    An event lies in several windows: none is listed that overlaps or follows one that is.

    Parameters
    ----------
    found : Discovery
    n : int

    Returns
    -------
    pandas.DataFrame
        Rows of ``found.items`` with ``row``, the most novel first.
    """
    ranked = found.items.assign(row=np.arange(len(found.items)))
    ranked = ranked.sort_values(["novelty", "row"], ascending=[False, True], kind="stable")
    return without_overlaps(ranked, n, apart=1.0)


def without_overlaps(ranked: pd.DataFrame, n: int, taken=(), *, apart: float = 0.0) -> pd.DataFrame:
    """Return the first rows that overlap none before them at their station.

    Parameters
    ----------
    ranked : pandas.DataFrame
        station, time_ns, end_ns; best first.
    n : int
    taken : iterable of (station, start_ns, end_ns)
        Spans that no row may overlap.
    apart : float
        What has to lie between rows, as a share of their length.
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    for station, start_ns, end_ns in taken:
        spans.setdefault(station, []).append((start_ns, end_ns))
    kept = []
    columns = zip(ranked["station"], ranked["time_ns"], ranked["end_ns"], strict=True)
    for k, (station, start_ns, end_ns) in enumerate(columns):
        mine, gap_ns = spans.setdefault(station, []), apart * (end_ns - start_ns)
        if all(start_ns >= b + gap_ns or end_ns + gap_ns <= a for a, b in mine):
            mine.append((start_ns, end_ns))
            kept.append(k)
        if len(kept) == n:
            break
    return ranked.iloc[kept].reset_index(drop=True)
