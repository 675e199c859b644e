"""Times that a table holds in several columns: date and clock, or year, month, day and so on."""

import pandas as pd

from seisml.formats.columns import looks_dated, plain

_PARTS = (
    ("year", "yr"),
    ("month", "mon", "mo"),
    ("day", "dy"),
    ("hour", "hr", "hh"),
    ("minute", "min", "mi"),
    ("second", "sec", "seconds", "sc"),
)
_DATES = ("date", "date_utc", "origin_date", "day")
_CLOCKS = ("time", "time_utc", "origin_time", "clock")
_CLOCK = r"\s*\d\d?:\d\d(?::\d\d(?:[.,]\d*)?)?\s*(?:[zZ]|[+-]\d\d:?\d\d)?\s*"


def has_parts(names) -> bool:
    """Tell whether column names hold a time in parts, at least to the hour.

    Examples
    --------
    >>> has_parts(["Year", "Mo", "Day", "hr", "lat"]), has_parts(["year", "n"])
    (True, False)
    """
    return len(_parts(names)) >= 4


def _parts(names) -> list[str]:
    """Return the columns of year, month, day ... as far as they go without a gap."""
    by_name = {plain(name): name for name in reversed(list(names))}
    found = []
    for aliases in _PARTS:
        here = [by_name[alias] for alias in aliases if alias in by_name]
        if not here:
            break
        found.append(here[0])
    return found


def join_clock(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of texts in which one column holds date and clock.

    Parameters
    ----------
    table : pandas.DataFrame of str

    Returns
    -------
    pandas.DataFrame
        As it is where a column holds whole times already.

    Examples
    --------
    >>> join_clock(pd.DataFrame({"date": ["2020-01-02"], "time": ["03:04:05"]})).to_dict("list")
    {'time': ['2020-01-02T03:04:05']}
    """
    by_name = {plain(name): name for name in reversed(list(table))}
    days = [by_name[name] for name in _DATES if name in by_name]
    clocks = [by_name[name] for name in _CLOCKS if name in by_name]
    if days and clocks and _is_clock(table[clocks[0]]) and looks_dated(table[days[0]]):
        whole = table[days[0]] + "T" + table[clocks[0]]
        empty = (table[days[0]] == "") & (table[clocks[0]] == "")
        return table.drop(columns=days[:1]).assign(**{clocks[0]: whole.mask(empty, "")})
    parts = _parts(table)
    if len(parts) < 4 or (clocks and clocks[0] not in parts):
        return table
    whole = _joined(table, parts)
    name = "time" if "time" not in table else "joined_time"
    rest = table.drop(columns=parts)
    return pd.concat([whole.rename(name), rest], axis=1)


def _is_clock(texts: pd.Series) -> bool:
    filled = texts[texts != ""]
    return bool(len(filled) and filled.str.fullmatch(_CLOCK).all())


def _joined(table: pd.DataFrame, parts: list[str]) -> pd.Series:
    """Return ISO 8601 texts; a missing minute or second is 0."""
    year, *others = (table[part] for part in parts)
    zeros = pd.Series("00", index=table.index)
    others += [zeros] * (5 - len(others))
    month, day, hour, minute, second = (_two_digits(each) for each in others)
    whole = year + "-" + month + "-" + day + "T" + hour + ":" + minute + ":" + second
    empty = (table[parts] == "").all(axis=1)
    return whole.mask(empty, "")


def _two_digits(texts: pd.Series) -> pd.Series:
    return texts.where(texts != "", "0").str.replace(r"^(\d)(?=\D|$)", r"0\1", regex=True)
