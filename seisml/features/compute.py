"""From a table of blocks, or a plain array, to a matrix of features."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.errors import FeatureError
from seisml.features import fast
from seisml.features.blocks import BlockTable, empty_table
from seisml.features.components import ORIENTED, Components, StationBlocks
from seisml.features.filler import fill
from seisml.features.frames import Past, Windows
from seisml.features.registry import Feature, resolve
from seisml.features.settings import Settings
from seisml.features.welch import lots
from seisml.segments import Segment, snap_rate
from seisml.windows import WindowGrid

ROWS = 4096
"""Windows that are evaluated at once: whole lots of `seisml.features.welch.LOT`."""
MORE = 4
"""Times as many where no feature needs many numbers of each window at once."""
LINE = 16
"""float32 numbers in a line of the cache."""
NUMBERS = 2**20
"""Half seconds of all those windows together, at most."""


def needs_of(chosen: Iterable[Feature]) -> set[str]:
    """Return what features need of the blocks, see `seisml.features.blocks.NEEDS`."""
    return {need for one in chosen for need in one.needs}


def features_per(what: str, chosen: Iterable[Feature]) -> list[Feature]:
    """Return the features that are computed of each "channel", or of a whole "station"."""
    return [one for one in chosen if one.per == what]


def columns_of(
    chosen: Iterable[Feature], settings: Settings, *, per: str = "channel"
) -> list[tuple[str, Feature]]:
    """Return the columns of `evaluate` with their features, those of further lengths last.

    Parameters
    ----------
    chosen : iterable of Feature
    settings : Settings
    per : str
        "channel", or "station" for the columns of `evaluate_station`.
    """
    some = features_per(per, chosen)
    suffixes = ["", *(f"@{length_s:g}s" for length_s in settings.lengths_s)]
    return [
        (name + suffix, one)
        for suffix in suffixes
        for one in some
        for name in one.columns(settings)
    ]


def evaluate(
    table: BlockTable, windows: range, chosen: Sequence[Feature]
) -> tuple[np.ndarray, np.ndarray]:
    """Compute features of windows from the blocks of one channel.

    Parameters
    ----------
    table : BlockTable
        Has the blocks of the windows and, before them, `Settings.history_s` of the past.
    windows : range
        Numbers of the windows (of their first block).
    chosen : sequence of Feature
        Those of three components are left to `evaluate_station`.

    Returns
    -------
    X : numpy.ndarray of float32, shape (n_windows, n_columns)
        NaN where the coverage is too small or a feature is not defined; columns as `columns_of`.
    coverage : numpy.ndarray of float32, shape (n_windows,)
    """
    past, settings = Past(table), table.settings
    some = features_per("channel", chosen)
    X = np.full((len(windows), len(columns_of(some, settings))), np.nan, dtype=np.float32)
    coverage = np.zeros(len(windows), dtype=np.float32)
    for rows, first in _batches(windows, table, _rows_at_once(some, settings)):
        w = Windows(table, past, first, rows.stop - rows.start)
        coverage[rows] = w.coverage
        column = 0
        for grid, shift in _lengths(settings):
            other = dataclasses.replace(w, first=first + shift, grid=grid)
            column = _evaluate_batch(other, some, X[rows], column)
    return X, coverage


def evaluate_station(
    tables: Mapping[str, BlockTable],
    windows: range,
    chosen: Sequence[Feature],
    *,
    rotation: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the features of three components from the blocks of a station's channels.

    Parameters
    ----------
    tables : mapping of str to BlockTable
        By letter of the component; with samples, see `seisml.features.blocks.NEEDS`.
    windows : range
        As in `evaluate`.
    chosen : sequence of Feature
        Those of a channel are left to `evaluate`.
    rotation : numpy.ndarray, shape (3, 3), optional
        Matrix that turns the channels, in the order of `tables`, to Z, N, E. Without it, channels
        Z, N, E are taken as oriented so.

    Returns
    -------
    numpy.ndarray of float32, shape (n_windows, n_columns)
        NaN where the channels do not cover the window together, and everywhere if there are not
        three, their orientation is not known, or their sampling rates differ.

    Raises
    ------
    FeatureError
        If the tables keep no samples or are not of the same blocks.
    """
    settings = next(iter(tables.values())).settings
    some = features_per("station", chosen)
    width = len(columns_of(some, settings, per="station"))
    X = np.full((len(windows), width), np.nan, dtype=np.float32)
    if rotation is None and set(tables) == set(ORIENTED):
        tables = {letter: tables[letter] for letter in ORIENTED}
    elif rotation is None or len(tables) != 3:
        return X
    three = tuple(tables.values())
    if len({table.sampling_rate_hz for table in three}) > 1:
        return X
    first_windows = tuple(Windows(table, Past(table), 0, 0) for table in three)
    whole = Components(StationBlocks(three), first_windows, rotation)
    for rows, first in _batches(windows, three[0], ROWS):
        column = 0
        for grid, shift in _lengths(settings):
            c = whole.shifted(first + shift, rows.stop - rows.start, grid)
            column = _evaluate_batch(c, some, X[rows], column)
    return X


def _rows_at_once(chosen: Sequence[Feature], settings: Settings) -> int:
    """Return how many windows to evaluate at once: more of them take less time, and memory."""
    if any(one.cost not in "SHB" or one.group == "user" for one in chosen):
        return ROWS
    return max(ROWS, min(MORE * ROWS, int(NUMBERS * settings.shape_s / settings.longest_s)))


def _batches(windows: range, table: BlockTable, n_rows: int) -> Iterator[tuple[slice, int]]:
    """Yield the rows of the result that are computed at once, and the first one's first block."""
    offset = windows.start - table.blocks.start
    for first in range(0, len(windows), n_rows):
        yield slice(first, min(first + n_rows, len(windows))), offset + first


def _lengths(settings: Settings) -> Iterator[tuple[WindowGrid | None, int]]:
    """Yield the lengths of windows, and how many blocks later than the first they begin."""
    yield None, 0
    for grid in settings.grids:
        # Windows of another length stand about the middle of the window.
        yield grid, (settings.grid.n_hops - grid.n_hops) // 2


def _evaluate_batch(w: Windows | Components, chosen, out: np.ndarray, column: int) -> int:
    """Write the features of a batch to columns (NaN before) from one on; return the next column."""
    widths = [len(one.columns(w.settings)) for one in chosen]
    if not w.usable.any():
        return column + sum(widths)
    # Rows not a power of two apart, which would share a few lines of the cache.
    room = np.full((sum(widths), w.n + LINE), np.nan, np.float32)
    found = room[:, : w.n]
    row = 0
    with np.errstate(over="ignore"):
        for one, width in zip(chosen, widths, strict=True):
            if w.table.sampling_rate_hz >= one.min_rate_hz:
                found[row : row + width] = np.asarray(one.function(w)).reshape(w.n, width).T
            row += width
    loops = fast.compiled("windowloops")
    if loops:
        loops.turned(room, w.usable, column, out)
        return column + row
    for lot in lots(w.n):
        part = found[:, lot]
        # Ratios beyond float32 are divisions by rounding, as in silence.
        np.copyto(part, np.nan, where=np.isinf(part) | ~w.usable[lot])
        out[lot, column : column + row] = part.T
    return column + row


def compute(
    x,
    sampling_rate_hz: float,
    *,
    length_s: float,
    hop_s: float,
    names: Iterable[str] | str = "all",
    band_hz: tuple[float, float] | None = None,
    bands_hz: Sequence[tuple[float, float]] = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32)),
    sub_s: float | None = None,
    spectrum_s: float | None = None,
) -> pd.DataFrame:
    """Compute features of all windows of one array.

    Parameters
    ----------
    x : array_like, shape (n_samples,)
        Gap-free samples; their mean is removed. There is no default sampling rate.
    sampling_rate_hz : float, Hz
    length_s, hop_s : float, s
        Window length, a multiple of the hop.
    names : "all" or iterable of str
        Names of features of one channel, see ``seisml features``.
    band_hz : (float, float), optional, Hz
        Band of the spectral features; default 0 to 0.8 of Nyquist.
    bands_hz : sequence of (float, float), Hz
        Bands of the band features.
    sub_s : float, optional, s
        Resolution of energy in time; default about 0.1 s, at least two samples.
    spectrum_s : float, optional, s
        Length of one spectrum, a multiple of the hop; default two hops.

    Returns
    -------
    pandas.DataFrame, shape (n_windows, n_columns)
        Indexed by the start of each window in s after the first sample. Ratios to the past are
        NaN until there is enough past.

    Raises
    ------
    FeatureError
        If the array is shorter than a window, is not one-dimensional or holds NaN, or a feature
        needs three components.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(10_000)
    >>> compute(noise, 100.0, length_s=50.0, hop_s=25.0, names=["rms"]).shape
    (3, 1)
    """
    x = _one_channel(x)
    every_s = sub_s or hop_s / max(1, int(hop_s / max(0.1, 2 / sampling_rate_hz) + 1e-9))
    top_hz, grid = 0.4 * sampling_rate_hz, WindowGrid(length_s, hop_s)
    settings = Settings(grid, band_hz or (0.0, top_hz), tuple(bands_hz), every_s, spectrum_s)
    chosen = _of_one_channel(resolve(names), names)
    table = _filled(x, sampling_rate_hz, settings, needs_of(chosen))
    windows = range(len(table.blocks) - settings.grid.n_hops + 1)
    X, _ = evaluate(table, windows, chosen)
    time_s = pd.Index(np.array(windows) * hop_s, name="time_s")
    return pd.DataFrame(X, time_s, [name for name, _ in columns_of(chosen, settings)])


def _filled(x: np.ndarray, sampling_rate_hz: float, settings: Settings, needs) -> BlockTable:
    """Return the blocks of one channel of at least a window."""
    grid = settings.grid
    n_blocks = int(np.floor(len(x) / sampling_rate_hz / grid.hop_s + 1e-9))
    if n_blocks < grid.n_hops:
        raise FeatureError(
            f"x has {len(x) / sampling_rate_hz:g} s, less than one window of {grid.length_s:g} s."
        )
    table = empty_table(settings, range(n_blocks), snap_rate(sampling_rate_hz), needs=needs)
    return fill(table, [Segment("", ("",), 0, float(sampling_rate_hz), x[np.newaxis])])


def _one_channel(x) -> np.ndarray:
    """Return samples as float32 without mean; those must be one gap-free channel."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise FeatureError(
            f"x must be one gap-free channel, shape (n_samples,), not {x.shape} with "
            f"{int((~np.isfinite(x)).sum())} values that are not finite.",
            "Cut the record at its gaps and compute each part.",
        )
    if not len(x):
        return x.astype(np.float32)
    # From the first sample, so that what is constant becomes exactly zero.
    x = x - x[0]
    return (x - x.mean()).astype(np.float32)


def _of_one_channel(chosen: list[Feature], names) -> list[Feature]:
    """Return the features without those of three components, which must not be asked for."""
    more = features_per("station", chosen)
    if more and names != "all":
        raise FeatureError(
            f"{more[0].name} needs three components, x is one channel.",
            "Fill a table of each component and take evaluate_station, or extract an archive.",
        )
    return features_per("channel", chosen)
