"""The pass over the spectra of windows: each is measured while it is in the cache, and forgotten.

All that group E needs of spectrum, logarithm, past and background is taken in one go.
"""

import dataclasses
import functools
from itertools import pairwise

import numpy as np

from seisml.features import fast
from seisml.features.blocks import BlockTable
from seisml.features.frames import Past, Windows
from seisml.features.known import count_set
from seisml.features.ranks import sorted_columns
from seisml.features.welch import GROUP, LOT, PsdLot, psd_lots

FLOOR = 1e-12
"""Share of the largest power below which a bin is leakage and rounding (float32), not signal."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DB = 10.0 / np.log(10.0)


@dataclasses.dataclass(frozen=True)
class Shapes:
    """What is measured of the spectrum P of each window, NaN where it is unknown.

    Attributes
    ----------
    peak : numpy.ndarray of int, shape (n_windows,)
        Place of the largest value.
    around : numpy.ndarray, shape (3, n_windows)
        P at the frequency below the peak, at it, and at that above (any value at the edges).
    mean, largest : numpy.ndarray, shape (n_windows,)
        Of P.
    mean_log, weighted_log, slope : numpy.ndarray, shape (n_windows,)
        Of L = ln P, at least `FLOOR` of the largest: mean, sum of P L, slope over ln f.
    distance, flux : numpy.ndarray, shape (n_windows,)
        RMS of L less that of the background, and of the window that ends where this begins, dB.
    quantiles : numpy.ndarray, shape (5, n_windows)
        Places, in frequencies, up to which the shares `QUANTILES` of the power lie.
    """

    peak: np.ndarray
    around: np.ndarray
    mean: np.ndarray
    largest: np.ndarray
    mean_log: np.ndarray
    weighted_log: np.ndarray
    slope: np.ndarray
    distance: np.ndarray
    flux: np.ndarray
    quantiles: np.ndarray


def shapes(w: Windows) -> Shapes:
    """Measure the spectra of a batch of windows."""
    n, n_f = w.n, len(w.frequencies_hz)
    found = Shapes(
        np.zeros(n, int),
        np.full((3, n), np.nan),
        *np.full((7, n), np.nan),
        np.full((len(QUANTILES), n), np.nan),
    )
    # Rows before `k`: logarithms of the windows before those of a lot, and of their units.
    k, head = w.k, min(w.k, w.first)
    logs, unit = np.zeros((k + LOT, n_f), np.float32), np.full(k + LOT, np.nan)
    measure = (_CompiledMeasure if fast.compiled("windowloops") else _Measure)(w)
    for first, some in ((w.first - head, head), (w.first, n)):
        for lot in psd_lots(w.table, first, some, w.n_spectra):
            n_lot = len(lot.psd)
            now = slice(k, k + n_lot)
            measure.logarithm(lot, logs[now])
            unit[now] = np.log(lot.unit)
            if first == w.first:
                measure(lot, logs, unit, found)
            logs[:k], unit[:k] = logs[n_lot : n_lot + k], unit[n_lot : n_lot + k]
    return found


def _floor(lot: PsdLot) -> np.ndarray:
    """Return the least power of each window that is no leakage; NaN without power."""
    return np.where(lot.largest > 0, lot.largest * np.float32(FLOOR), np.float32(np.nan))


class _Measure:
    """Measures lots of spectra of windows one after the other."""

    def __init__(self, w: Windows):
        n_f = len(w.frequencies_hz)
        x = np.log(w.frequencies_hz)
        x = x - x.mean()
        self.k = w.k
        self.share = np.full(n_f, 1 / n_f, np.float32)
        self.slope = (x / (x @ x)).astype(np.float32)
        self.background, groups = w.past.cached(background_log_psd)
        self.group = groups[w.rows]
        self.room = np.empty((LOT, n_f), np.float32)
        # Where the frequencies below a peak, at it and above it lie in the room of a lot.
        width = -(-n_f // GROUP) * GROUP
        self.around = np.arange(LOT) * width + np.array([[-1], [0], [1]])

    @staticmethod
    def logarithm(lot: PsdLot, out: np.ndarray) -> None:
        """Write the logarithm of spectra, at least `FLOOR` of the largest; NaN without power."""
        floor = _floor(lot)
        if np.minimum.reduce(lot.psd, axis=0).min() >= floor.max():
            out[:] = lot.psd
        else:
            np.maximum(lot.psd, floor[:, np.newaxis], out=out)
        # Of one array, in place: the bits of a logarithm depend on how the values lie in memory.
        np.log(out, out=out)

    def __call__(self, lot: PsdLot, logs: np.ndarray, unit: np.ndarray, out: Shapes) -> None:
        """Write what is found of a lot."""
        rows, n = lot.rows, len(lot.psd)
        out.peak[rows], out.largest[rows] = lot.peak, lot.largest
        out.around[:, rows] = lot.room.ravel().take(self.around[:, :n] + lot.peak, mode="clip")
        self.sums(lot, logs, unit, out)

    def sums(self, lot: PsdLot, logs: np.ndarray, unit: np.ndarray, out: Shapes) -> None:
        """Write what is summed over the frequencies."""
        rows, psd, k, n = lot.rows, lot.psd, self.k, len(lot.psd)
        now = logs[k : k + n]
        out.mean[rows] = np.vecdot(psd, self.share)
        out.mean_log[rows] = np.vecdot(now, self.share)
        out.weighted_log[rows] = np.vecdot(psd, now)
        out.slope[rows] = np.vecdot(now, self.slope)
        change = np.subtract(now, logs[:n], out=self.room[:n])
        out.flux[rows] = _rms_db(change, unit[k : k + n] - unit[:n])
        out.distance[rows] = self._distance(rows, now, unit[k : k + n])
        out.quantiles[:, rows] = _quantiles(lot)

    def _distance(self, rows: slice, logs: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Distance from the background, stretch after stretch of windows that have the same."""
        group, change = self.group[rows], self.room[: len(logs)]
        edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
        for a, b in pairwise(edges):
            background = self.background[max(group[a], 0)] - np.float32(unit[0])
            np.subtract(logs[a:b], background, out=change[a:b])
        found = _rms_db(change, unit - unit[0])
        found[group < 0] = np.nan
        return found


class _CompiledMeasure(_Measure):
    """The same, compiled."""

    def __init__(self, w: Windows):
        super().__init__(w)
        self.loops = fast.compiled("windowloops")
        self.shares, self.total = np.array(QUANTILES), np.empty(self.room.shape[1] // GROUP + 2)

    def logarithm(self, lot: PsdLot, out: np.ndarray) -> None:
        """Write the logarithm of spectra."""
        self.loops.floored(lot.room, lot.largest, FLOOR, out)
        np.log(out, out=out)

    def sums(self, lot: PsdLot, logs: np.ndarray, unit: np.ndarray, out: Shapes) -> None:
        """Write what is summed over the frequencies."""
        rows, n = lot.rows, len(lot.psd)
        found, places = np.empty((6, n)), np.empty((len(QUANTILES), n))
        past = self.background, self.group[rows], self.slope
        self.loops.measure(lot.room, logs, unit, self.k, *past, found)
        (out.mean[rows], out.mean_log[rows], out.weighted_log[rows]) = found[:3]
        (out.slope[rows], out.flux[rows], out.distance[rows]) = found[3:]
        self.loops.quantiles(lot.room, self.shares, self.total, places)
        out.quantiles[:, rows] = places


def _rms_db(change: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """RMS of each row in dB, after a shift of all of a row that is 0 for most."""
    if shift.any():
        change += shift.astype(np.float32)[:, np.newaxis]
    return DB * np.sqrt(np.vecdot(change, change) / np.float32(change.shape[1]))


_INSIDE = np.triu(np.ones((GROUP, GROUP), np.float32))
_SHARES = np.array(QUANTILES)[:, np.newaxis]


@functools.cache
def _lower(n: int) -> np.ndarray:
    """Return the matrix that sums the first 1, 2 ... of n values."""
    return np.tri(n)


def _quantiles(lot: PsdLot) -> np.ndarray:
    """Places up to which the shares of the power lie, linear inside a bin, shape (5, n).

    First the group of bins in which a share is reached, then the bin. Products have one shape
    whatever the lot, so that no bit depends on the place of a window in it.
    """
    groups = lot.room.reshape(-1, GROUP)
    n, n_groups = len(lot.psd), len(groups) // LOT
    of_group = (groups @ _INSIDE[:, -1]).reshape(LOT, n_groups).astype(float)
    total = np.zeros((n_groups + 1, LOT))
    np.matmul(_lower(n_groups), of_group.T, out=total[1:])
    wanted = _SHARES * total[-1]
    less = total[1:-1] < wanted[:, np.newaxis]
    group = count_set(less, axis=1)
    rest = wanted - total.ravel().take(group * LOT + np.arange(LOT))
    fine = groups.take(np.arange(LOT) * n_groups + group, axis=0).reshape(-1, GROUP)
    running = fine @ _INSIDE
    below = (running < rest.reshape(-1, 1)).view(np.uint64)[:, 0]  # eight flags a number
    at = np.minimum(np.bitwise_count(below), GROUP - 1)
    place = np.arange(len(fine)) * GROUP + at
    step = fine.ravel().take(place)
    part = rest.ravel() - (running.ravel().take(place) - step)
    part /= np.where(step > 0, step, 1)
    found = GROUP * group + at.reshape(group.shape) + np.clip(part, 0.0, 1.0).reshape(group.shape)
    found[:, ~(total[-1] > 0)] = np.nan
    return found[:, :n]


def background_log_psd(past: Past) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the median spectrum of the hour before each group of hops; group by block.

    The hour has twelve groups; none of them reaches into the window.
    """
    table, settings = past.table, past.table.settings
    g, start = settings.background_spectrum_hops, table.blocks.start
    n_past = max(2, round(settings.background_s / (g * settings.grid.hop_s)))
    means = _log_means(table, g)
    # Row i + j of the padded means is group j of the hour before group i + 1.
    n_groups = len(means)
    padded = np.concatenate([np.full((n_past - 1, means.shape[1]), np.nan, np.float32), means])
    hours = np.stack([padded[i : i + n_groups].ravel() for i in range(n_past)])
    medians = _median(sorted_columns(hours)).reshape(means.shape)
    medians = np.concatenate([np.full((1, means.shape[1]), np.nan, np.float32), medians])
    span = settings.spectrum_hops - 1
    now = (start + np.arange(len(table.blocks)) - span) // g - start // g
    return medians, now


def _log_means(table: BlockTable, g: int) -> np.ndarray:
    """Logarithm of the mean spectrum of each group of g blocks, float32, NaN if half is unknown."""
    start = table.blocks.start
    group = (start + np.arange(len(table.blocks))) // g - start // g
    edges = np.searchsorted(group, np.arange(group[-1] + 2))
    scale = np.where(table.known, table.scale, 0.0)
    count = np.add.reduceat(table.known, edges[:-1], dtype=float)
    unit = np.maximum.reduceat(scale, edges[:-1])
    least = np.minimum.reduceat(np.where(table.known, scale, np.inf), edges[:-1])
    total = np.zeros((len(count), len(table.frequencies_hz)), np.float32)
    enough = count >= 0.5 * g
    unit[~enough] = 1.0
    for i in np.flatnonzero(enough):
        some = slice(edges[i], edges[i + 1])
        power = table.spectra[some]
        if least[i] != unit[i]:
            power = power * (scale[some] / unit[i]).astype(np.float32)[:, np.newaxis]
        np.add.reduce(power, axis=0, out=total[i])
    largest = total.max(axis=1, initial=0.0, keepdims=True)
    # Split at a power of two, so that no bit depends on the unit.
    fraction, exponent = np.frexp(largest)
    total = np.maximum(np.ldexp(total, -exponent), np.float32(FLOOR) * fraction)
    level = np.log(np.ldexp(unit, exponent[:, 0]) / np.maximum(count, 1))
    known = largest > 0
    logarithm = np.log(total, where=known, out=np.full(total.shape, np.nan, np.float32))
    return (logarithm + level[:, np.newaxis]).astype(np.float32)


def _median(rows: np.ndarray) -> np.ndarray:
    """Median of what is known of sorted columns, NaN where fewer than two values are."""
    middle = (rows[(len(rows) - 1) // 2] + rows[len(rows) // 2]) / 2
    lacking = np.flatnonzero(~np.isfinite(rows[-1]))
    some = rows[:, lacking]
    n = count_set(np.isfinite(some))
    low, high = (np.clip(at, 0, len(rows) - 1) for at in ((n - 1) // 2, n // 2))
    columns = np.arange(len(lacking))
    of_some = (some[low, columns] + some[high, columns]) / 2
    middle[lacking] = np.where(n >= 2, of_some, np.float32(np.nan))
    return middle
