"""Instants are int64 nanoseconds since 1970-01-01 UTC; this module converts.

Leap seconds are not counted (a day has 86 400 s), as in ObsPy and POSIX time.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from seisml.errors import CatalogError

NS_PER_S = 1_000_000_000
DAY_NS = 86_400 * NS_PER_S

_SECONDS = re.compile(r"[+-]?\d{1,10}(?:\.\d*)?(?:[eE][+-]?\d\d?)?")
_ZONE = re.compile(r"(?:[zZ]|[+-]\d{2}:?\d{2}|[tT ][\d:.,]+[+-]\d{2})$")


def to_ns(time) -> int:
    """Convert one instant to int64 nanoseconds since 1970 UTC.

    Parameters
    ----------
    time : int, str, datetime.datetime, numpy.datetime64, pandas.Timestamp or obspy.UTCDateTime
        An integer is taken as nanoseconds. A string is ISO 8601; without a zone it is UTC.

    Returns
    -------
    int
        Nanoseconds since 1970-01-01T00:00:00 UTC.

    Raises
    ------
    ValueError
        If the text is no ISO 8601 time.

    Examples
    --------
    >>> to_ns("1970-01-01T00:00:01.5Z")
    1500000000
    """
    if isinstance(time, (int, np.integer)):
        return int(time)
    if hasattr(time, "ns"):  # obspy.UTCDateTime, without importing ObsPy here
        return int(time.ns)
    stamp = pd.Timestamp(time)
    if stamp is pd.NaT:
        raise ValueError(f"not a time: {time!r}")
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return int(stamp.as_unit("ns").value)


def parse_times(
    texts, *, zone: str | None = None, where: str = "times", time_format: str = ""
) -> np.ndarray:
    """Convert texts of times to nanoseconds, refusing texts without a time zone.

    Parameters
    ----------
    texts : sequence of str
        ISO 8601 times; empty texts and NaN become the smallest int64 (see `NAT`).
    zone : str, optional
        Zone of texts that carry none, for example "UTC" or "Asia/Shanghai". Without it such
        texts are an error: nobody can know what they mean.
    where : str
        Name of the thing that is read, for the message.
    time_format : str
        ISO 8601 without it; "unix" for seconds since 1970 UTC; else as `time.strptime` has it, for
        example "%d/%m/%Y %H:%M:%S.%f".

    Returns
    -------
    numpy.ndarray of int64, shape (n_texts,)

    Raises
    ------
    CatalogError
        If a text is no time, or has no zone and none was given.

    Examples
    --------
    >>> parse_times(["2020-01-01T08:00:00+08:00"]).tolist()
    [1577836800000000000]
    >>> parse_times(["1.25"], time_format="unix").tolist()
    [1250000000]
    """
    series = pd.Series(list(texts), dtype=object)
    filled = series.notna() & (series.astype(str).str.strip() != "")
    out = np.full(len(series), NAT, dtype=np.int64)
    text = series[filled].astype(str).str.strip()
    if text.empty:
        return out
    if time_format == "unix":
        out[text.index] = _unix(text, where)
        return out
    zoned = text.str.contains(_ZONE) if not time_format else text.notna() & ("%z" in time_format)
    if zone is None and not zoned.all():
        row = text.index[~zoned][0]
        raise CatalogError(
            f"{where}: the time {text[row]!r} (row {row + 1}) has no time zone.",
            "Add Z or an offset to the times, or state the zone, for example zone='UTC'.",
        )
    for part, is_zoned in ((text[zoned], True), (text[~zoned], False)):
        if len(part):
            out[part.index] = _parse(part, None if is_zoned else zone, where, time_format)
    return out


def _unix(text: pd.Series, where: str) -> np.ndarray:
    """Convert seconds since 1970 exactly, which floats would not."""
    wrong = ~text.str.fullmatch(_SECONDS)
    wrong |= pd.to_numeric(text, errors="coerce").abs() > np.iinfo(np.int64).max // NS_PER_S
    if wrong.any():
        row = text.index[wrong][0]
        raise CatalogError(
            f"{where}: the time {text[row]!r} (row {row + 1}) is no number of seconds since 1970.",
            "Correct it, or leave it empty where the time is unknown.",
        )
    return text.map(lambda seconds: round(Decimal(seconds) * NS_PER_S)).to_numpy(np.int64)


def _parse(text: pd.Series, zone: str | None, where: str, time_format: str) -> np.ndarray:
    written = text
    if time_format.endswith("%S.%f"):  # programs leave out a fraction that is 0
        written = text.where(text.str.contains(r"\.\d+$"), text.str.rstrip(".") + ".0")
    try:
        times = pd.to_datetime(
            written, format=time_format or "ISO8601", utc=zone is None, errors="coerce"
        )
    except ValueError as error:
        raise CatalogError(
            f"{where}: the time format {time_format!r} cannot be: {error}.",
            'Write it as strptime has it, for example "%d/%m/%Y %H:%M:%S", or "unix".',
        ) from error
    kind = f"time of the calendar in the form {time_format}"
    kind = kind if time_format else "ISO 8601 time of the calendar"
    _check_times(times, text, where, f"is no {kind}")
    if zone is not None:
        try:
            times = times.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
        except (LookupError, ValueError, TypeError) as error:
            raise CatalogError(
                f"zone is {zone!r}, which is no time zone.", "Give a name such as 'Asia/Shanghai'."
            ) from error
        _check_times(times, text, where, f"does not stand for one instant in {zone}")
        times = times.dt.tz_convert("UTC")
    times = times.dt.tz_localize(None)
    outside = ~times.isna() & ((times < pd.Timestamp.min) | (times > pd.Timestamp.max))
    _check_times(times.mask(outside), text, where, "lies outside the years 1678 to 2261")
    return times.to_numpy().astype("datetime64[ns]").astype(np.int64)


def _check_times(times: pd.Series, text: pd.Series, where: str, problem: str) -> None:
    wrong = times.isna() & (text.str.lower() != "nat")
    if wrong.any():
        row = text.index[wrong][0]
        raise CatalogError(
            f"{where}: the time {text[row]!r} (row {row + 1}) {problem}.",
            "Correct it, or leave it empty where the time is unknown.",
        )


NAT = np.iinfo(np.int64).min
"""The missing instant, as in NumPy and pandas."""


def iso(time_ns: int) -> str:
    """Write an instant as ISO 8601 UTC with microseconds and Z.

    Examples
    --------
    >>> iso(1_500_000_000)
    '1970-01-01T00:00:01.500000Z'
    """
    if time_ns == NAT:
        return ""
    micro = (int(time_ns) + 500) // 1000
    seconds, micro = divmod(micro, 1_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{micro:06d}Z"


def day_of(time_ns: int) -> int:
    """Return the number of the UTC day (days since 1970) that holds an instant.

    Examples
    --------
    >>> day_of(-1), day_of(0)
    (-1, 0)
    """
    return int(time_ns) // DAY_NS


def day_name(day: int) -> str:
    """Return a UTC day as ``YYYY-MM-DD``.

    Examples
    --------
    >>> day_name(16_167)
    '2014-04-07'
    """
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


def datetime64(time_ns) -> np.ndarray:
    """View nanoseconds as ``datetime64[ns]`` (for plots and pandas)."""
    return np.asarray(time_ns, dtype=np.int64).astype("datetime64[ns]")
