"""Feature tables: what the shards of a store hold, of one or several stations, in memory."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.errors import NoDataError, StaleTableError
from seisml.shards import Shard, day_of, features_fingerprint, read_shard, shard_paths
from seisml.times import DAY_NS, to_ns
from seisml.windows import WindowGrid


@dataclasses.dataclass(frozen=True)
class FeatureTable:
    """Features of windows of one or several stations, one row a window.

    Attributes
    ----------
    frame : pandas.DataFrame of float32, shape (n_windows, n_columns)
        Indexed by (station, time): "NET.STA.LOC.BI" and the start of the window, UTC.
    coverage : numpy.ndarray of float32, shape (n_windows,)
    flags : numpy.ndarray of uint8, shape (n_windows,)
    units : dict of str to str
        Unit of each column.
    grid : WindowGrid
    fingerprint : str
        Of the settings that the features depend on; what stands beside them is none of them.
    settings : dict
    covariates : pandas.DataFrame of float32
        What stands beside the features (`seisml.covariates`), with the same index; no columns
        where nothing was asked for. ``covariates.attrs["units"]`` are their units.
    """

    frame: pd.DataFrame
    coverage: np.ndarray
    flags: np.ndarray
    units: Mapping[str, str]
    grid: WindowGrid
    fingerprint: str
    settings: Mapping
    covariates: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)

    @property
    def time_ns(self) -> np.ndarray:
        """Start of each window, int64 ns since 1970 UTC."""
        times = self.frame.index.get_level_values("time")
        return times.to_numpy().astype("datetime64[ns]").astype(np.int64)

    @property
    def stations(self) -> np.ndarray:
        """Station of each window."""
        return self.frame.index.get_level_values("station").to_numpy().astype(str)

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, keep: np.ndarray) -> "FeatureTable":
        """Return the rows where `keep` is true (or that it numbers)."""
        rows = np.flatnonzero(keep) if keep.dtype == bool else keep
        beside = self.covariates
        return dataclasses.replace(
            self,
            frame=self.frame.iloc[rows],
            coverage=self.coverage[keep],
            flags=self.flags[keep],
            covariates=beside.iloc[rows] if len(beside.columns) else beside,
        )


def read_table(store, *, stations=None, start=None, end=None, columns=None) -> FeatureTable:
    """Read feature tables into memory.

    Parameters
    ----------
    store : path
        Folder of shards, or one shard.
    stations : iterable of str, optional
        "NET.STA.LOC.BI"; default all.
    start, end : time, optional
        Windows with ``start <= window start < end``.
    columns : sequence of str, optional
        Default the union of the columns; a column that a station does not have is NaN.

    Returns
    -------
    FeatureTable

    Raises
    ------
    NoDataError
        If there are no shards or no windows.
    StaleTableError
        If shards were made with different settings.
    """
    paths = [Path(store)] if Path(store).is_file() else shard_paths(store, stations=stations)
    bounds = (None if start is None else to_ns(start), None if end is None else to_ns(end))
    shards = [read_shard(path) for path in paths if _in_days(path, bounds)]
    tables = [_as_table(shard, bounds) for shard in shards]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise NoDataError(f"The store {store} has no windows in this time.", "See 'seisml status'.")
    return concat(tables, columns=columns)


def iter_tables(store, *, stations=None, start=None, end=None) -> Iterator[FeatureTable]:
    """Yield the table of each shard in order of station and day: one in memory at a time.

    Parameters
    ----------
    store, stations, start, end
        As in `read_table`.
    """
    bounds = (None if start is None else to_ns(start), None if end is None else to_ns(end))
    for path in shard_paths(store, stations=stations):
        if _in_days(path, bounds):
            yield _as_table(read_shard(path), bounds)


def concat(tables: Sequence[FeatureTable], *, columns=None) -> FeatureTable:
    """Put tables of the same settings together.

    Raises
    ------
    StaleTableError
        If they were made with different settings, or of records in different units.
    """
    prints = {table.fingerprint for table in tables}
    if len(prints) > 1:
        raise StaleTableError(
            f"The tables were made with {len(prints)} different settings: "
            f"{', '.join(sorted(prints))}.",
            "Run 'seisml extract' again with one setting, or use one store for each.",
        )
    units: dict[str, str] = {}
    for table in tables:
        for name, unit in table.units.items():
            if units.setdefault(name, unit) != unit:
                raise StaleTableError(
                    f"The column {name} is in {units[name]} for some stations and in {unit} for "
                    "others.",
                    "Read the stations of one unit, or extract with the units 'motion'.",
                )
    wanted = list(units) if columns is None else list(columns)
    frame = pd.concat([table.frame.reindex(columns=wanted) for table in tables])
    return dataclasses.replace(
        tables[0],
        frame=frame.astype(np.float32),
        coverage=np.concatenate([table.coverage for table in tables]),
        flags=np.concatenate([table.flags for table in tables]),
        units={name: units.get(name, "") for name in wanted},
        covariates=_covariates(tables),
    )


def _covariates(tables: Sequence[FeatureTable]) -> pd.DataFrame:
    """Put the covariates of tables together, NaN where a table does not have one."""
    units: dict[str, str] = {}
    for table in tables:
        units |= table.covariates.attrs.get("units", {})
    if not units:
        return tables[0].covariates
    parts = [
        table.covariates if len(table.covariates.columns) else pd.DataFrame(index=table.frame.index)
        for table in tables
    ]
    found = pd.concat(parts)[list(units)].astype(np.float32)
    found.attrs["units"] = units
    return found


def _in_days(path: Path, bounds: tuple[int | None, int | None]) -> bool:
    day, (start_ns, end_ns) = day_of(path), bounds
    return day is None or (
        (start_ns is None or (day + 1) * DAY_NS > start_ns)
        and (end_ns is None or day * DAY_NS < end_ns)
    )


def _as_table(shard: Shard, bounds: tuple[int | None, int | None]) -> FeatureTable:
    start_ns, end_ns = bounds
    keep = np.ones(len(shard.time_ns), dtype=bool)
    if start_ns is not None:
        keep &= shard.time_ns >= start_ns
    if end_ns is not None:
        keep &= shard.time_ns < end_ns
    time = pd.DatetimeIndex(shard.time_ns[keep].astype("datetime64[ns]"))
    station = pd.Categorical.from_codes(np.zeros(len(time), dtype=np.int8), [shard.station])
    index = pd.MultiIndex.from_arrays([station, time], names=["station", "time"])
    return FeatureTable(
        frame=pd.DataFrame(shard.X[keep], index=index, columns=list(shard.columns)),
        coverage=shard.coverage[keep],
        flags=shard.flags[keep],
        units=dict(zip(shard.columns, shard.units, strict=True)),
        grid=shard.grid,
        fingerprint=features_fingerprint(shard.fingerprint, shard.settings),
        settings=shard.settings,
        covariates=_beside(shard, keep, index),
    )


def _beside(shard: Shard, keep: np.ndarray, index: pd.MultiIndex) -> pd.DataFrame:
    if not shard.covariates:
        return pd.DataFrame()
    values = {name: one[keep] for name, one in shard.covariates.items()}
    found = pd.DataFrame(values, index=index)
    found.attrs["units"] = dict(shard.covariate_units)
    return found


def covered(table: FeatureTable, *, min_coverage: float) -> dict[str, np.ndarray]:
    """Return the usable time of each station as intervals of windows with enough samples.

    Parameters
    ----------
    table : FeatureTable
    min_coverage : float

    Returns
    -------
    dict of str to numpy.ndarray of int64, shape (n_intervals, 2)
        Half-open [start_ns, end_ns); overlapping windows are joined.
    """
    usable = table.coverage >= min_coverage - 1e-6
    return {
        str(station): joined_windows(
            table.time_ns[usable & (table.stations == station)], table.grid
        )
        for station in dict.fromkeys(table.stations)
    }


def joined_windows(time_ns: np.ndarray, grid: WindowGrid) -> np.ndarray:
    """Return the time that windows cover as intervals, int64 ns, shape (n_intervals, 2).

    Examples
    --------
    >>> joined_windows(np.array([0, 1, 5]) * 10**9, WindowGrid(2.0, 1.0)).tolist()
    [[0, 3000000000], [5000000000, 7000000000]]
    """
    start = np.sort(time_ns).astype(np.int64)
    new = np.flatnonzero(np.diff(start, prepend=-(2**62)) > grid.length_ns)
    last = np.append(new[1:], len(start))[: len(new)] - 1
    return np.column_stack([start[new], start[last] + grid.length_ns])
