"""Welch spectra of windows, summed from those of the hop blocks in lots that fit the cache."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from seisml.features import fast
from seisml.features.blocks import BlockTable
from seisml.features.series import sum_of_rows

LOT = 512
"""Windows whose spectra are worked on together: they fit the cache."""
GROUP = 8
"""Frequencies that a row of room is a multiple of."""
FEW = 16
"""Spectra of a window up to which they are summed one by one where loops are compiled."""
STEP = 128
"""Spectra are scaled by powers of 2^128: hardly any has to be."""


@dataclasses.dataclass(frozen=True)
class PsdLot:
    """Spectra of some windows. The arrays of spectra are used again for the next lot.

    Attributes
    ----------
    rows : slice
        Which of the windows these are.
    psd : numpy.ndarray of float32, shape (n, n_frequencies)
        Mean over the spectra of each window, in units of `unit`; NaN where unknown.
    unit : numpy.ndarray, shape (n,)
        Unit of each window, unit²/Hz.
    peak : numpy.ndarray of int, shape (n,)
        Place of the largest value of `psd`.
    largest : numpy.ndarray of float32, shape (n,)
        That value, NaN where unknown.
    room : numpy.ndarray of float32, shape (LOT, whole groups of `GROUP` frequencies)
        Holds `psd`, and zeros beside and (where unknown windows are) below it.
    """

    rows: slice
    psd: np.ndarray
    unit: np.ndarray
    peak: np.ndarray
    largest: np.ndarray
    room: np.ndarray


def lots(n: int) -> Iterator[slice]:
    """Yield slices of `LOT` of n windows, the last one shorter."""
    for first in range(0, n, LOT):
        yield slice(first, min(first + LOT, n))


def psd_lots(table: BlockTable, first: int, n: int, n_spectra: int) -> Iterator[PsdLot]:
    """Yield the spectra of windows, lot after lot.

    Parameters
    ----------
    table : BlockTable
        With at least one frequency.
    first, n : int
        Row of the first block of the first window, and number of windows (one a block).
    n_spectra : int
        Spectra in a window.
    """
    rows = slice(first, first + n + n_spectra - 1)
    power, known = table.spectra[rows], table.known[rows]
    scale = np.where(known, table.scale[rows], 0.0)
    unit = float(scale.max(initial=0.0)) or 1.0
    mixed = bool((known & (scale != unit)).any())
    count = sum_of_rows(known.astype(np.float64), n_spectra)
    units, unknown = unit / np.maximum(count, 1), count == 0
    any_unknown = bool(unknown.any())
    n_f = power.shape[1]
    summed = _compiled_sums if fast.compiled("windowloops") and n_spectra <= FEW else _sums
    room = np.zeros((LOT, -(-n_f // GROUP) * GROUP), np.float32)
    for lot in lots(n):
        some = slice(lot.start, lot.stop + n_spectra - 1)
        part = power[some]
        if mixed:
            part = part * (scale[some] / unit).astype(np.float32)[:, np.newaxis]
        room[lot.stop - lot.start :] = 0.0
        total = room[: lot.stop - lot.start, :n_f]
        peak, largest = summed(part, n_spectra, total)
        moved = _moved(total, largest)
        if any_unknown:
            total[unknown[lot]] = largest[unknown[lot]] = np.nan
        now = units[lot] if moved is None else np.ldexp(units[lot], moved)
        yield PsdLot(lot, total, now, peak, largest, room)


def _sums(spectra: np.ndarray, n: int, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write the sums of n spectra from each on; return where they are largest, and that value."""
    sum_of_rows(spectra, n, out=total)
    peak = total.argmax(axis=1)
    return peak, total[np.arange(len(total)), peak]


def _compiled_sums(spectra: np.ndarray, n: int, total: np.ndarray) -> tuple:
    """Return the same as `_sums`, compiled."""
    peak, largest = np.empty(len(total), np.int64), np.empty(len(total), np.float32)
    fast.compiled("windowloops").sums_of_rows(spectra, n, total.base, peak, largest)
    return peak, largest


def _moved(total: np.ndarray, largest: np.ndarray) -> np.ndarray | None:
    """Scale the rows in place where they are far from 1; return by which power of two each was.

    No bit depends on the other windows. There are few of these powers: neighbours have the same.
    """
    half = STEP // 2 - 1
    if 2.0**-half < largest.min() and largest.max() < 2.0**half:
        return None
    exponent = np.frexp(np.where(largest > 0, largest, 1.0).astype(float))[1]
    exponent = STEP * np.round(exponent / STEP).astype(int)
    moved = np.flatnonzero(exponent)
    # Not by a factor: float32 has no 2^128.
    total[moved] = np.ldexp(total[moved], -exponent[moved, np.newaxis])
    largest[moved] = np.ldexp(largest[moved], -exponent[moved])
    return exponent
