"""What an archive holds: spans, rates, coverage, gaps and overlaps of each channel."""

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.intervals import total_s, union
from seisml.segments import snap_rate
from seisml.times import NS_PER_S, iso

SUMMARY_COLUMNS = (
    "station",
    "channel",
    "start",
    "end",
    "rate_hz",
    "pieces",
    "days",
    "coverage_%",
    "gaps",
    "longest_gap_s",
    "overlap_s",
)


def summary(archive: Archive) -> pd.DataFrame:
    """Summarise each channel of an archive from its headers.

    Parameters
    ----------
    archive : Archive

    Returns
    -------
    pandas.DataFrame
        Columns `SUMMARY_COLUMNS`: first and last instant, sampling rates (several are joined by
        "+"), continuous pieces, days of data, share of the span that is covered, number of gaps
        longer than half a sample, the longest of them, and time that is there twice.
    """
    rows = []
    for (station, channel), pieces in archive.pieces.groupby(["station", "channel"], sort=True):
        spans = pieces[["start_ns", "end_ns"]].to_numpy(np.int64)
        rates = sorted({snap_rate(rate) for rate in pieces["rate_hz"]})
        half_ns = round(0.5 * NS_PER_S / rates[-1])
        joined = union(spans + np.array([0, half_ns]))
        gap_s = (joined[1:, 0] - joined[:-1, 1] + half_ns) / NS_PER_S
        start, end = int(spans[:, 0].min()), int(spans[:, 1].max())
        there_s = total_s(union(spans))
        rows.append(
            (
                station,
                channel,
                iso(start),
                iso(end),
                "+".join(f"{rate:g}" for rate in rates),
                len(pieces),
                round(there_s / 86_400, 4),
                round(100 * there_s / ((end - start) / NS_PER_S), 3),
                len(gap_s),
                round(float(gap_s.max(initial=0.0)), 3),
                round(max(0.0, float((spans[:, 1] - spans[:, 0]).sum()) / NS_PER_S - there_s), 3),
            )
        )
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
