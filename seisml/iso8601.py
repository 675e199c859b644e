"""Forms of ISO 8601 that pandas does not read: day of the year, 24:00:00, second 60, commas."""

import calendar
import re
from datetime import date, timedelta

import numpy as np
import pandas as pd

_ORDINAL = re.compile(r"^(\d{4})-?(\d{3})(?=[tT ]|$)")
_DAY_END = re.compile(r"(?<=[tT ])24(?=:?00(?::?00(?:[.,]0*)?)?(?:[^\d:.,]|$))")
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d[tT ](?:[01]\d|2[0-3]):\d\d:[0-5]\d(?:\.\d*)?[zZ]?")
_COMMA = re.compile(r"(?<=:\d\d),(?=\d)")
_SIXTY = re.compile(r"(?<=[tT ]\d\d:\d\d:)60(?!\d)|(?<=[tT ]\d{4})60(?!\d)")


def as_pandas_reads(text: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return ISO 8601 texts in the forms that pandas has, and what must be added to their times.

    Examples
    --------
    >>> texts, shift = as_pandas_reads(pd.Series(["2020-045T24:00:00Z"]))
    >>> texts[0], int(shift[0].astype(int))
    ('2020-02-14T00:00:00Z', 86400)
    """
    shift = np.zeros(len(text), dtype="timedelta64[s]")
    odd = ~text.str.fullmatch(_PLAIN).to_numpy(dtype=bool)
    some = text[odd]
    if some.empty:
        return text, shift
    sixty, day_end = some.str.contains(_SIXTY), some.str.contains(_DAY_END)
    shift[odd] = np.where(sixty, 1, 0) + np.where(day_end, 86_400, 0)
    for pattern, new in (
        (_SIXTY, "59"),
        (_DAY_END, "00"),
        (_COMMA, "."),
        (_ORDINAL, _calendar_day),
    ):
        some = some.str.replace(pattern, new, regex=True)
    return text.where(~odd, some.reindex(text.index)), shift


def _calendar_day(found: re.Match) -> str:
    """Return the date of a day of the year; a day that the year does not have stays as it is."""
    year, day = map(int, found.groups())
    if not (0 < year < 9999 and 1 <= day <= 365 + calendar.isleap(year)):
        return found[0]
    return (date(year, 1, 1) + timedelta(days=day - 1)).isoformat()
