"""Splits for scikit-learn that keep their distance: blocks of time, even and odd, stations.

All of them work unchanged in ``cross_val_score`` and ``GridSearchCV``: give ``groups=``, or a
DataFrame with the index (station, time) of a FeatureTable.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_consistent_length

from seisml.codes import station_name
from seisml.errors import EstimatorError
from seisml.planets import BODIES
from seisml.times import NS_PER_S

DAY_S = 86_400.0
SOL_S = BODIES["mars"].day_ns / NS_PER_S
SOL_ZERO_NS = BODIES["mars"].day_zero_ns
"""Blocks that are sols of InSight: ``block_s=SOL_S, zero_ns=SOL_ZERO_NS``."""


def make_blocks(
    time_ns: np.ndarray, *, block_s: float, zero_ns: int = 0, min_blocks: int = 3
) -> np.ndarray:
    """Give each window the number of its validation block: days, sols, or any length of time.

    Parameters
    ----------
    time_ns : numpy.ndarray of int64, shape (n_windows,)
    block_s : float, s
        Length of a block; `DAY_S` gives UTC days.
    zero_ns : int
        When one of the blocks begins, ns.
    min_blocks : int
        Where there are fewer such blocks, the records themselves (pieces between gaps of ten
        minutes) are the blocks, and where there are too few of these, equal parts of the time.

    Returns
    -------
    numpy.ndarray of int64, shape (n_windows,)
        0, 1, 2 ... in order of time.

    Examples
    --------
    >>> make_blocks(np.arange(4) * 86_400 * 10**9, block_s=86_400).tolist()
    [0, 1, 2, 3]
    """
    time_ns = np.asarray(time_ns, dtype=np.int64)
    blocks = _without_crumbs((time_ns - zero_ns) // round(block_s * NS_PER_S))
    if len(np.unique(blocks)) >= min_blocks:
        return blocks
    known = np.unique(time_ns)
    record = np.concatenate([[0], np.cumsum(np.diff(known) > 600 * NS_PER_S)])[: len(known)]
    record = _without_crumbs(record)
    if len(np.unique(record)) < min_blocks:
        record = np.arange(len(known)) * min_blocks // max(1, len(known))
    return record[np.searchsorted(known, time_ns)].astype(np.int64)


def _without_crumbs(blocks: np.ndarray) -> np.ndarray:
    """Join blocks with less than a twentieth of the largest to a neighbour; number from 0."""
    if not len(blocks):
        return blocks.astype(np.int64)
    blocks = np.unique(blocks, return_inverse=True)[1]
    size = np.bincount(blocks)
    kept = np.flatnonzero(size >= size.max() / 20)
    nearest = np.searchsorted((kept[1:] + kept[:-1]) / 2, np.arange(len(size)))
    return nearest[blocks].astype(np.int64)


def within(time_ns: np.ndarray, others: np.ndarray, before_ns: int, after_ns: int) -> np.ndarray:
    """Return which instants lie near one of the (sorted) others.

    Parameters
    ----------
    time_ns, others : numpy.ndarray of int64
    before_ns, after_ns : int
        Near is less than this before one of the others, or less than that after one.

    Examples
    --------
    >>> within(np.arange(6), np.array([3]), before_ns=2, after_ns=3).tolist()
    [False, False, True, True, True, True]
    """
    if not len(others):
        return np.zeros(len(time_ns), dtype=bool)
    at = np.searchsorted(others, time_ns)
    right = others[np.minimum(at, len(others) - 1)] - time_ns
    left = time_ns - others[np.maximum(at - 1, 0)]
    same = right == 0
    return same | ((right >= 0) & (right < before_ns)) | ((left >= 0) & (left < after_ns))


class PurgedGroupTimeSplit(BaseCrossValidator):
    """Split windows by blocks of time, with purge and embargo.

    Blocks are dealt to the folds in turn. Windows for training that start less than the purge
    before or after a window of the test fold are left out of both, so that neighbours, and
    windows of one event, never stand on both sides; so are windows that start less than the
    embargo after one. If the index has a level ``event_id``, windows of a tested event are left
    out wherever they are.

    Parameters
    ----------
    n_splits : int
        Folds; at most the number of blocks.
    block_s : float, s
        Length of a block, `DAY_S`, `SOL_S` or another, see `make_blocks`.
    zero_ns : int
        When one of the blocks begins, ns.
    purge_s : float, s
        Take at least a window plus the longest event.
    embargo_s : float, s
        Gap after a tested block. Features that compare with a causal background remember it for
        ``background_s``: with that as embargo no window for training knows the tested records.

    Notes
    -----
    ``groups`` are the starts of the windows in int64 ns; for a DataFrame of a FeatureTable they
    are taken from its index. Embargo after M. López de Prado, Advances in Financial Machine
    Learning (2018), chapter 7.

    Examples
    --------
    >>> time_ns = np.arange(6) * 43_200 * 10**9
    >>> splitter = PurgedGroupTimeSplit(3, purge_s=0)
    >>> [test.tolist() for _, test in splitter.split(np.zeros((6, 1)), groups=time_ns)]
    [[0, 1], [2, 3], [4, 5]]
    """

    __metadata_request__split: ClassVar[dict] = {"groups": True}

    def __init__(
        self,
        n_splits: int = 5,
        *,
        block_s: float = DAY_S,
        zero_ns: int = 0,
        purge_s: float = 60.0,
        embargo_s: float = 0.0,
    ):
        if isinstance(n_splits, bool) or n_splits != int(n_splits) or n_splits < 2:
            raise EstimatorError(
                f"n_splits = {n_splits} leaves nothing to train on.", "Take a whole number from 2."
            )
        self.n_splits = int(n_splits)
        self.block_s = block_s
        self.zero_ns = zero_ns
        self.purge_s = purge_s
        self.embargo_s = embargo_s

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X, y=None, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (train, test) row numbers.

        Raises
        ------
        EstimatorError
            If there are fewer blocks than folds, no times, nothing is left to train on, or a
            length is none.
        """
        for name, least in (("block_s", 1e-9), ("purge_s", 0.0), ("embargo_s", 0.0)):
            if not least <= getattr(self, name) < np.inf:
                raise EstimatorError(
                    f"{name} = {getattr(self, name)} is no length.", "Give seconds: 60."
                )
        time_ns = _times_of(X, groups)
        blocks = make_blocks(
            time_ns, block_s=self.block_s, zero_ns=self.zero_ns, min_blocks=self.n_splits
        )
        n_blocks = int(blocks.max()) + 1 if len(blocks) else 0
        if n_blocks < self.n_splits:
            raise EstimatorError(
                f"{n_blocks} blocks of {self.block_s:g} s are too few for {self.n_splits} folds.",
                "Take fewer folds, shorter blocks, or more data.",
            )
        events = _level(X, "event_id")
        if events is not None:  # windows of none have "", or nothing
            events = np.where(pd.isna(events), "", events.astype(str))
        for fold in range(self.n_splits):
            test = blocks % self.n_splits == fold
            keep = ~test & ~self.near(time_ns, test)
            if events is not None:
                keep &= ~np.isin(events, np.setdiff1d(events[test], [""]))
            if not keep.any():
                raise EstimatorError(
                    f"A purge of {self.purge_s:g} s and an embargo of {self.embargo_s:g} s leave "
                    "nothing to train on.",
                    "Take shorter ones, longer blocks, or more data.",
                )
            yield np.flatnonzero(keep), np.flatnonzero(test)

    def near(self, time_ns: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Return which windows start within the purge or embargo of a test window."""
        purge_ns, embargo_ns = (round(s * NS_PER_S) for s in (self.purge_s, self.embargo_s))
        return within(time_ns, np.unique(time_ns[test]), purge_ns, max(purge_ns, embargo_ns))


class EvenOddSplit(PurgedGroupTimeSplit):
    """Train on even blocks and test on odd ones, then the other way round.

    Every window is scored once, by a model that knows half of the time; the usual split for
    Mars, where sols are blocks.

    Parameters
    ----------
    block_s, zero_ns, purge_s, embargo_s
        As for `PurgedGroupTimeSplit`.

    Examples
    --------
    >>> time_ns = np.arange(4) * 86_400 * 10**9
    >>> [test.tolist() for _, test in EvenOddSplit().split(np.zeros((4, 1)), groups=time_ns)]
    [[0, 2], [1, 3]]
    """

    def __init__(
        self,
        *,
        block_s: float = DAY_S,
        zero_ns: int = 0,
        purge_s: float = 60.0,
        embargo_s: float = 0.0,
    ):
        distance = {"purge_s": purge_s, "embargo_s": embargo_s}
        super().__init__(2, block_s=block_s, zero_ns=zero_ns, **distance)


class LeaveOneStationOut(BaseCrossValidator):
    """Test each station by a model of all the others.

    It answers how a model does at a station that it never saw. The other stations may have seen
    the same events at the same time, as they will when a station is added to a network. Sensors
    of one station, "XX.A.00.HH" and "XX.A.10.BH", feel the same ground: they are one.

    Notes
    -----
    ``groups`` are the names of the stations, of which NET.STA counts; for a DataFrame of a
    FeatureTable they are taken from its index.

    Examples
    --------
    >>> split = LeaveOneStationOut().split(np.zeros((3, 1)), groups=["XX.A", "XX.B", "XX.A"])
    >>> [test.tolist() for _, test in split]
    [[0, 2], [1]]
    """

    __metadata_request__split: ClassVar[dict] = {"groups": True}

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """Return the number of stations."""
        return len(np.unique(_stations_of(X, groups)))

    def split(self, X, y=None, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (train, test) row numbers, stations in alphabetical order.

        Raises
        ------
        EstimatorError
            If the stations are not known, or there is only one.
        """
        stations = _stations_of(X, groups)
        names = np.unique(stations)
        if len(names) < 2:
            raise EstimatorError(
                f"{len(names)} station leaves nothing to train on.",
                "Take records of a second one, or PurgedGroupTimeSplit.",
            )
        for name in names:
            yield np.flatnonzero(stations != name), np.flatnonzero(stations == name)


def _times_of(X, groups) -> np.ndarray:
    times = _level(X, "time") if groups is None else groups
    if times is None:
        raise EstimatorError(
            "The starts of the windows are not known.", "Give groups=table.time_ns."
        )
    check_consistent_length(X, times)
    times = pd.Series(np.asarray(times))
    if times.dtype.kind in "iu":
        return times.to_numpy(np.int64)
    form = {"errors": "coerce", "utc": True, "format": "ISO8601"}
    parsed = None if times.dtype.kind == "f" else pd.to_datetime(times, **form)
    if parsed is None or parsed.isna().any():
        raise EstimatorError(
            f"groups are {times.dtype} ({times.iloc[0]!r}, ...), no starts of windows.",
            "Give int64 ns since 1970 or datetimes: groups=table.time_ns.",
        )
    return pd.DatetimeIndex(parsed).as_unit("ns").asi8


def _stations_of(X, groups) -> np.ndarray:
    stations = _level(X, "station") if groups is None else groups
    if stations is None:
        raise EstimatorError("The stations are not known.", "Give groups=table.stations.")
    if X is not None:
        check_consistent_length(X, stations)
    names, number = np.unique(np.asarray(stations).astype(str), return_inverse=True)
    return np.array([station_name(name) for name in names], dtype=str)[number]


def _level(X, name: str) -> np.ndarray | None:
    """Return a level of the index of a DataFrame, None where there is none."""
    if isinstance(X, pd.DataFrame) and name in X.index.names:
        return X.index.get_level_values(name).to_numpy()
    return None
