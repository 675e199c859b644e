"""Cuts: the records about many instants of a station, each stretch of the archive read once."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from seisml import archive as archives
from seisml.archive import Archive
from seisml.joining import samples_to_ns
from seisml.preparation import NOTHING, PIECE_S, Preparation, prepared, whole_pieces
from seisml.segments import Segment, joined, segments
from seisml.times import NS_PER_S

APART_NS = 60 * NS_PER_S
"""Cuts that are further apart than this are read each on its own."""
LONGEST_NS = 3600 * NS_PER_S
"""Cuts are read together up to this length, which bounds the memory."""


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
