"""Instants are int64 nanoseconds since 1970-01-01 UTC; this module converts.

Leap seconds are not counted (a day has 86 400 s), as in ObsPy and POSIX time.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from seisml.errors import CatalogError
from seisml.iso8601 import as_pandas_reads

NS_PER_S = 1_000_000_000
DAY_NS = 86_400 * NS_PER_S

_SECONDS = re.compile(r"[+-]?\d{1,10}(?:\.\d*)?(?:[eE][+-]?\d\d?)?")
STATE_ZONE = "'seisml catalog FILE --zone UTC -o OUT.csv', in Python zone='UTC'"
"""How a time zone is stated, whatever verb reads the file."""
_NO_ZONE = "has no time zone"
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
    texts,
    *,
    zone: str | None = None,
    where: str = "times",
    lines=None,
    time_format: str = "",
) -> np.ndarray:
    """Convert texts of times to nanoseconds, refusing texts without a time zone.

    Parameters
    ----------
    texts : sequence of str
        ISO 8601 times, also with the day of the year (2020-045T...); empty texts and NaN become
        the smallest int64 (see `NAT`). A second 60 (a leap second, or a rounded one) is the first
        of the next minute, 24:00:00 that of the next day.
    zone : str, optional
        Zone of texts that carry none, for example "UTC" or "Asia/Shanghai". Without it such
        texts are an error: nobody can know what they mean.
    where : str
        Name of the thing that is read, for the message.
    lines : sequence of int, optional
        Lines of a file in which the texts stand; the message counts rows without it.
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
    texts = list(texts)
    times, problems = find_times(texts, zone=zone, time_format=time_format)
    wrong = np.flatnonzero(problems != "")
    if wrong.size:
        row, problem = wrong[0], problems[wrong[0]]
        missing_zone = problem == _NO_ZONE
        place = f"row {row + 1}" if lines is None else f"line {lines[row]}"
        raise CatalogError(
            f"{where}: the time {str(texts[row]).strip()!r} ({place}) {problem}.",
            f"Add Z or an offset to the times, or state the zone: {STATE_ZONE}."
            if missing_zone
            else "Correct it, or leave it empty where the time is unknown; how times are written "
            "otherwise says time_format in a catalog.toml (catalogs/README.md).",
        )
    return times


def find_times(
    texts, *, zone: str | None = None, time_format: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Convert texts of times to nanoseconds as far as they can be, saying what stands against it.

    Parameters
    ----------
    texts, zone, time_format
        See `parse_times`.

    Returns
    -------
    times : numpy.ndarray of int64, shape (n_texts,)
        `NAT` where the text is empty or no time.
    problems : numpy.ndarray of str, shape (n_texts,)
        What is wrong with the text, empty where nothing is.

    Raises
    ------
    CatalogError
        If `zone` is no time zone, or `time_format` no format.

    Examples
    --------
    >>> find_times(["2019-02-31T00:00:00Z"])[1].tolist()
    ['is no ISO 8601 time of the calendar']
    """
    series = pd.Series(list(texts), dtype=object)
    filled = series.notna() & (series.astype(str).str.strip() != "")
    out = np.full(len(series), NAT, dtype=np.int64)
    problems = np.full(len(series), "", dtype=object)
    text = series[filled].astype(str).str.strip()
    if text.empty:
        return out, problems
    if time_format == "unix":
        out[text.index], problems[text.index] = _unix(text)
        return out, problems
    zoned = text.str.contains(_ZONE) if not time_format else text.notna() & ("%z" in time_format)
    for part, is_zoned in ((text[zoned], True), (text[~zoned], False)):
        if len(part) and not is_zoned and zone is None:
            unreadable = _parse(part, "UTC", time_format)[1]
            problems[part.index] = np.where(unreadable == "", _NO_ZONE, unreadable)
        elif len(part):
            part_zone = None if is_zoned else zone
            out[part.index], problems[part.index] = _parse(part, part_zone, time_format)
    return out, problems


def _unix(text: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Convert seconds since 1970 exactly, which floats would not."""
    limit = np.iinfo(np.int64).max // NS_PER_S
    small = pd.to_numeric(text, errors="coerce").abs() < limit
    good = (text.str.fullmatch(_SECONDS) & small).to_numpy(dtype=bool)
    ns = [
        round(Decimal(seconds) * NS_PER_S) if fits else NAT
        for seconds, fits in zip(text, good, strict=True)
    ]
    problems = np.where(good, "", "is no number of seconds since 1970")
    return np.array(ns, dtype=np.int64), problems.astype(object)


def _dates(text: pd.Series, *, utc: bool, time_format: str) -> pd.Series:
    """Convert texts to times of the calendar, NaT where they are none."""
    if time_format.endswith("%S.%f"):  # programs leave out a fraction that is 0
        text = text.where(text.str.contains(r"\.\d+$"), text.str.rstrip(".") + ".0")
    try:
        return pd.to_datetime(text, format=time_format or "ISO8601", utc=utc, errors="coerce")
    except ValueError as error:
        raise CatalogError(
            f"The time format {time_format!r} cannot be: {error}.",
            'Write it as strptime has it, for example "%d/%m/%Y %H:%M:%S", or "unix".',
        ) from error


def _parse(text: pd.Series, zone: str | None, time_format: str) -> tuple[np.ndarray, np.ndarray]:
    known = (text.str.lower() != "nat").to_numpy()
    shift = np.zeros(len(text), dtype="timedelta64[s]")
    if not time_format:
        text, shift = as_pandas_reads(text)
    times = _dates(text, utc=zone is None, time_format=time_format)
    if shift.any():
        times = times + shift
    no_time = times.isna().to_numpy() & known
    if zone is not None:
        times = pd.Series(_localize(pd.DatetimeIndex(times), zone), index=text.index)
    unclear = times.isna().to_numpy() & known & ~no_time
    times = times.dt.tz_localize(None)
    outside = ((times < pd.Timestamp.min) | (times > pd.Timestamp.max)).to_numpy()
    problems = np.select(
        [no_time, unclear, outside],
        [
            f"is no time of the calendar in the form {time_format}"
            if time_format
            else "is no ISO 8601 time of the calendar",
            f"does not stand for one instant in {zone}",
            "lies outside the years 1678 to 2261",
        ],
        "",
    )
    ns = times.mask(outside).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return ns, problems.astype(object)


def _localize(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Turn times of a zone into UTC, those that are not one instant there into NaT."""
    try:
        return times.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_convert("UTC")
    except (LookupError, ValueError, TypeError) as error:
        raise CatalogError(
            f"zone is {zone!r}, which is no time zone.", "Give a name such as 'Asia/Shanghai'."
        ) from error


def from_parts(year, month, day, hour, minute, second, *, zone: str = "UTC") -> np.ndarray:
    """Put instants together from the numbers of calendar and clock.

    Parameters
    ----------
    year, month, day, hour, minute, second : array-like of float, shape (n_times,)
        A second below 61 counts on into the next minute, as Fortran rounds and leap seconds are.
    zone : str
        Zone of the numbers.

    Returns
    -------
    numpy.ndarray of int64, shape (n_times,)
        `NAT` where the numbers are no time of the calendar between 1678 and 2261.

    Raises
    ------
    CatalogError
        If `zone` is no time zone.

    Examples
    --------
    >>> [iso(time) for time in from_parts([2019, 2019], 2, [28, 31], 23, 59, 60.0)]
    ['2019-03-01T00:00:00.000000Z', '']
    """
    parts = np.broadcast_arrays(year, month, day, hour, minute, second)
    year, month, day, hour, minute, second = (np.asarray(part, dtype=float) for part in parts)
    valid = (year >= 1678) & (year <= 2261) & (month >= 1) & (month <= 12)
    valid &= (day >= 1) & (day <= 31) & (hour >= 0) & (hour < 24)
    valid &= (minute >= 0) & (minute < 60) & (second >= 0) & (second < 61)
    whole = (year, month, day, hour, minute)
    valid &= np.logical_and.reduce([part == np.floor(part) for part in whole])
    y, m, d, h, minutes = (np.where(valid, part, 1).astype(np.int64) for part in whole)
    y = np.where(valid, y, 1970)
    months = ((y - 1970) * 12 + m - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (d - 1)
    valid &= days.astype("datetime64[M]") == months
    clock_ns = ((h * 60 + minutes) * 60) * NS_PER_S
    clock_ns += np.rint(np.where(valid, second, 0) * NS_PER_S).astype(np.int64)
    ns = np.where(valid, days.astype(np.int64) * DAY_NS + clock_ns, NAT)
    return to_utc(ns, zone)


def to_utc(local_ns, zone: str) -> np.ndarray:
    """Convert nanoseconds that were counted on a clock of a zone.

    Parameters
    ----------
    local_ns : array-like of int64, shape (n_times,)
    zone : str

    Returns
    -------
    numpy.ndarray of int64, shape (n_times,)
        `NAT` where the clock showed the time twice or never.

    Raises
    ------
    CatalogError
        If `zone` is no time zone.

    Examples
    --------
    >>> iso(to_utc([0], "Asia/Shanghai")[0])
    '1969-12-31T16:00:00.000000Z'
    """
    ns = np.asarray(local_ns, dtype=np.int64)
    if zone == "UTC":
        return ns
    utc = _localize(pd.DatetimeIndex(ns.astype("datetime64[ns]")), zone).tz_localize(None)
    return utc.to_numpy().astype("datetime64[ns]").astype(np.int64)


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
