"""Cuts: the records about many instants of a station, each stretch of the archive read once."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from seisml import archive as archives
from seisml.archive import Archive
from seisml.codes import station_name
from seisml.intervals import union
from seisml.pieces import PIECE_S, whole_pieces
from seisml.preparation import NOTHING, Preparation, prepared
from seisml.rates import samples_to_ns
from seisml.segments import Segment, joined, segments
from seisml.times import NS_PER_S

APART_NS = 60 * NS_PER_S
"""Cuts that are further apart than this are read each on its own."""
LONGEST_NS = 3600 * NS_PER_S
"""Cuts are read together up to this length, which bounds the memory."""


def sensors_of(archive: Archive, events: pd.DataFrame) -> np.ndarray:
    """Return the sensor that recorded each event: the one it names, or the first of its station.

    Parameters
    ----------
    archive : Archive
    events : pandas.DataFrame
        Columns station ("NET.STA" or longer), time_ns, end_ns; an ``event_id`` that begins with
        the name of a sensor (those of detections do) prefers it.

    Returns
    -------
    numpy.ndarray of str, shape (n_events,)
        "NET.STA.LOC.BI", "" where nothing was recorded between onset and end.
    """
    found = np.full(len(events), "", dtype=object)
    start_ns = events["time_ns"].to_numpy(np.int64)
    end_ns = np.maximum(events["end_ns"].to_numpy(np.int64), start_ns + 1)
    asked = events["station"].astype(str).to_numpy()
    ids = events["event_id"].astype(str).to_numpy() if "event_id" in events else asked
    short = np.array([station_name(name) for name in asked], dtype=object)
    # Backwards: the first in the alphabet has the last word, but for what an event names.
    for sensor, pieces in sorted(archive.pieces.groupby("station"), reverse=True):
        rows = np.flatnonzero(short == station_name(sensor))
        if not len(rows):
            continue
        spans = union(pieces[["start_ns", "end_ns"]].to_numpy(np.int64))
        at = np.searchsorted(spans[:, 1], start_ns[rows], "right")
        there = (at < len(spans)) & (spans[np.minimum(at, len(spans) - 1), 0] < end_ns[rows])
        named = np.array([f"{sensor}.".startswith(f"{asked[row]}.") for row in rows])
        rows = rows[there & named]
        own = [found[row] != "" and ids[row].startswith(f"{found[row]}.") for row in rows]
        found[rows[~np.array(own, dtype=bool)]] = sensor
    return found


def cuts(
    archive: Archive,
    station: str,
    spans: Sequence[tuple[int, int]],
    *,
    preparation: Preparation = NOTHING,
) -> Iterator[tuple[int, list[Segment]]]:
    """Yield the segments within each span of time.

    Parameters
    ----------
    archive : Archive
    station : str
        "NET.STA.LOC.BI".
    spans : sequence of (start_ns, end_ns)
    preparation : Preparation
        Steps that are done before records are cut, as in extraction.

    Yields
    ------
    number : int
        Of the span; they come in order of time.
    parts : list of Segment
        Unfiltered, one channel each; empty where there are no samples. They do not depend on the
        other spans.
    """
    pad_ns = archives.guard(archive, station)
    for numbers in _stretches(spans):
        whole = min(spans[i][0] for i in numbers), max(spans[i][1] for i in numbers)
        if preparation.needs_pieces:
            # One piece more on both sides: a glitch before may reach into the first.
            piece_ns = round(PIECE_S * NS_PER_S)
            whole = whole_pieces(whole[0] - piece_ns, whole[1] + piece_ns)
        records = archives.records(archive, station, whole[0] - pad_ns, whole[1] + pad_ns)
        found = segments([(*whole, records)], station=station)
        parts = list(joined(prepared(found, preparation)))
        for number in numbers:
            yield number, list(_cut(parts, *spans[number]))


def _stretches(spans: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Yield the numbers of the spans that are read together."""
    order = sorted(range(len(spans)), key=lambda i: (*spans[i], i))
    lot: list[int] = []
    for i in order:
        if lot:
            latest_ns = max(spans[j][1] for j in lot)
            long = max(latest_ns, spans[i][1]) - spans[lot[0]][0] > LONGEST_NS
            if long or spans[i][0] - latest_ns > APART_NS:
                yield lot
                lot = []
        lot.append(i)
    if lot:
        yield lot


def _cut(parts: Iterable[Segment], start_ns: int, end_ns: int) -> Iterator[Segment]:
    for part in parts:
        rate_hz = part.sampling_rate_hz
        first = max(0, int(np.ceil((start_ns - part.start_ns) * rate_hz / NS_PER_S)))
        last = min(part.n_samples, int(np.ceil((end_ns - part.start_ns) * rate_hz / NS_PER_S)))
        if last > first:
            yield dataclasses.replace(
                part,
                start_ns=part.start_ns + samples_to_ns(first, rate_hz),
                data=part.data[:, first:last],
                continues=False,
            )
