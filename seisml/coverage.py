"""What an archive holds: spans, rates, coverage, gaps and overlaps; coverage from a file."""

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.codes import station_name
from seisml.errors import CatalogError
from seisml.intervals import total_s, union
from seisml.segments import snap_rate
from seisml.times import NAT, NS_PER_S, iso, parse_times

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


def archive_coverage(archive: Archive) -> dict[str, np.ndarray]:
    """Return when each station of an archive has data of at least one channel.

    Parameters
    ----------
    archive : Archive

    Returns
    -------
    dict of str to numpy.ndarray of int64, shape (n, 2)
        By NET.STA, ns.
    """
    pieces = archive.pieces
    names = pieces["station"].map(station_name)
    return {
        name: union(mine[["start_ns", "end_ns"]].to_numpy(np.int64))
        for name, mine in pieces.groupby(names, sort=True)
    }


def read_coverage(path, *, zone: str | None = None) -> dict[str, np.ndarray]:
    """Read when stations have data: a CSV with the columns start and end, perhaps station.

    Parameters
    ----------
    path : path
        Times are ISO 8601; without the column station all stations are meant (the name "").
    zone : str, optional
        Zone of times that carry none.

    Returns
    -------
    dict of str to numpy.ndarray of int64, shape (n, 2)
        By station, ns.

    Raises
    ------
    CatalogError
        If the file cannot be read, lacks a column or a time, or an end is before its start.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise CatalogError(f"The coverage {path} cannot be read: {error}.") from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    missing = [name for name in ("start", "end") if name not in table]
    if missing:
        raise CatalogError(
            f"The coverage {path} has no column {missing[0]!r}.",
            "It needs start and end (ISO 8601), and station where stations differ.",
        )
    spans = np.column_stack(
        [parse_times(table[name], zone=zone, where=str(path)) for name in ("start", "end")]
    )
    wrong = np.flatnonzero((spans == NAT).any(axis=1) | (spans[:, 1] < spans[:, 0]))
    if len(wrong):
        row = int(wrong[0])
        raise CatalogError(
            f"The coverage {path} has no interval in row {row + 1}: "
            f"{table['start'][row]!r} to {table['end'][row]!r}.",
            "Give both times; the end must not be before the start.",
        )
    names = table["station"].str.strip() if "station" in table else pd.Series("", table.index)
    return {str(name): union(spans[names == name]) for name in sorted(names.unique())}
