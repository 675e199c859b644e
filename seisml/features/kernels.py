"""Kernels: what is computed of the samples of hop blocks, a lot of rows at once.

Rows never influence one another, lots always have the same shape and are scaled by powers of two
only, so a block gives the same bits in whatever lot, chunk or run it is computed. Samples are
float32; what is summed over a block is kept in float64.
"""

import dataclasses
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features import fast

LOT = 512
"""Blocks that are computed together (their samples fit the cache)."""
TOP = 20
"""Samples are scaled to at most about 2^20 where they would leave the range of float32: the fourth
power of the largest is a float32 number."""
QUIET = 2.0**-20
"""Frames of smaller samples are summed in float64: their fourth powers may be no float32 numbers,
though they are in a stretch with a far larger sample."""

FAR = 0.8
"""Share of the mean square that is the square of the mean, from which rows are centred first."""

SUMS = ("mean", "m2", "m3", "m4", "min", "max", "crossings", "d2", "dd2")
ORDERS = np.array([1, 2, 3, 4, 1, 1, 0, 2, 2])
"""Powers of the unit of the samples in SUMS."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One computation on frames that begin where hop blocks begin.

    Attributes
    ----------
    n_samples : int
        Samples of a frame.
    run : callable
        ``run(lot)`` writes to the table what it finds in a `Lot`.
    finish : callable, optional
        ``finish()`` turns what was written of all lots since the last call into its final form.
    """

    n_samples: int
    run: Callable
    finish: Callable = lambda: None


@dataclasses.dataclass(frozen=True)
class Lot:
    """Frames that are computed together.

    Attributes
    ----------
    rows : slice or numpy.ndarray of int, shape (n,)
        Where their results go in the table.
    n : int
        How many frames count.
    x : numpy.ndarray of float32, shape (n,)
        Samples that frames begin in, one every `step` samples. Often a view of the record: never
        written to.
    step : int
    n_samples : int
        Samples of a frame.
    before : numpy.ndarray of float32, shape (LOT,)
        The sample before each frame; its first sample where there is none.
    alone : numpy.ndarray of bool, shape (LOT,)
        Whether there is no sample before.
    powers : numpy.ndarray of int, shape (n, 1)
        Powers of two by which the frames were scaled.
    scaled : bool
        Whether any was.
    """

    rows: slice | np.ndarray
    n: int
    x: np.ndarray
    step: int
    n_samples: int
    before: np.ndarray
    alone: np.ndarray
    powers: np.ndarray
    scaled: bool

    @cached_property
    def frames(self) -> np.ndarray:
        """Frames, float32, shape (LOT, n_samples): a view of `x`."""
        return sliding_window_view(self.x, self.n_samples)[:: self.step]

    def some(self, first: int, n: int) -> np.ndarray:
        """Return the samples of n frames from one on, as in `x`."""
        return self.x[first * self.step : (first + n - 1) * self.step + self.n_samples]

    def unscaled(self, values: np.ndarray, orders) -> np.ndarray:
        """Return values of some powers of the unit, of the rows that count, without the scale."""
        values = values[: self.n]
        if self.scaled:
            values = values * 2.0 ** (-self.powers * orders)
        return values

    def exact(self, at: np.ndarray) -> np.ndarray:
        """Return the samples of some frames that count, float64, without the scale."""
        return np.ldexp(self.frames[at].astype(np.float64), -self.powers[at])

    def rows_at(self, at: np.ndarray) -> np.ndarray:
        """Return the rows in the table of some frames that count."""
        return self.rows.start + at if isinstance(self.rows, slice) else self.rows[at]


def powers_of(x: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the powers of two that bring stretches of samples into the range of these kernels.

    Stretches begin at the offsets and have at least one sample.
    """
    largest = np.maximum(np.maximum.reduceat(x, offsets), -np.minimum.reduceat(x, offsets))
    exponent = np.frexp(largest)[1].astype(int)
    good = (largest == 0) | (exponent >= 0) & (exponent <= TOP + 8)
    return np.where(good, 0, TOP - exponent)


def scaled(x: np.ndarray, powers: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return stretches of n samples each, every one times its power of two."""
    if not powers.any():
        return x
    half = np.where(abs(powers) > 100, powers // 2, 0)  # in two steps: float32 has no 2^128
    for part in (half, powers - half):
        if part.any():
            factor = np.ldexp(np.float32(1), part)
            x = x * (factor if len(n) == 1 else np.repeat(factor, n))
    return x


def count_samples(duration_s: float, rate_hz: float) -> int:
    """Return the whole samples of a duration."""
    return int(np.floor(duration_s * rate_hz + 1e-6))


def count_bins(top_hz: float, n_window: int, rate_hz: float) -> int:
    """Return how many frequencies of a spectrum lie at or below one."""
    return int(np.floor(top_hz * n_window / rate_hz + 1e-9)) + 1


def sums_kernel(table, n_block: int, rate_hz: float) -> Kernel:
    """Return the kernel of moments, extrema, crossings, differences and sub-block energies."""
    n_sub, n_shape = table.settings.n_sub, table.settings.n_shape
    share = np.full(n_block, 1 / n_block, np.float32)
    of_subs, of_shapes = (means_of(n_block, n_parts) for n_parts in (n_sub, n_shape))
    measure = _compiled_sums if fast.compiled("blockloops") else _sums
    measured = measure(of_subs, of_shapes, n_block, n_shape)
    raw = np.zeros(len(table.blocks), bool)

    def run(lot: Lot) -> None:
        if table.absolute is not None:
            mean = np.abs(lot.frames) @ share
            table.absolute[lot.rows] = lot.unscaled(mean[:, np.newaxis], 1)[:, 0]
        sums, energy, fourth = measured(lot)
        _per_second(lot, rate_hz, sums[6:])
        table.energy[lot.rows] = lot.unscaled(energy, 2)
        table.fourth[lot.rows] = lot.unscaled(fourth, 4)
        raw[lot.rows] = True
        # In float64: where squares are too small for float32 the mean is not.
        mean, square_mean = sums[:2, : lot.n].astype(np.float64)
        far = np.flatnonzero(mean * mean > FAR * square_mean)
        if len(far):
            sums[:4, far] = _central_of(lot.frames[far]).T
            raw[lot.rows_at(far)] = False
        table.sums[lot.rows] = lot.unscaled(sums.T, ORDERS)
        low, high = sums[4:6, : lot.n]
        quiet = np.flatnonzero((low > -QUIET) & (high < QUIET) & (low < high))
        if len(quiet):
            x, at = lot.exact(quiet), lot.rows_at(quiet)
            table.energy[at], table.fourth[at] = of_subs(x**2), of_shapes(x**4)
            table.sums[at, :4] = _central_of(x)
            raw[at] = False

    def finish() -> None:
        at = np.flatnonzero(raw)
        table.sums[at, :4] = _central(table.sums[at, :4].T)
        raw[at] = False

    return Kernel(n_block, run, finish)


def _sums(of_subs: Callable, of_shapes: Callable, n_block: int, n_shape: int) -> Callable:
    """Return a function of a lot: SUMS of each block, means of x² and of x⁴ of their parts.

    Of SUMS it has mean powers 1 to 4, not yet central moments, and what `_differences` writes.
    """
    square, other = np.empty((2, LOT, n_block), np.float32)
    share = np.full(n_block, 1 / n_block, np.float32)
    sums, rows = np.empty((len(SUMS), LOT), np.float32), np.arange(LOT) * n_block

    def run(lot: Lot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        f = lot.frames
        np.multiply(f, f, out=square)
        energy = of_subs(square)
        np.multiply(square, square, out=other)
        fourth = of_shapes(other)
        for out, powers in ((sums[0], f), (sums[1], square), (sums[3], other)):
            np.matmul(powers, share, out=out)
        np.vecdot(square, f, out=sums[2])
        sums[2] /= n_block
        # To look up where they are takes a third of the time of `min` and `max`.
        flat = f.ravel()
        for out, places in ((sums[4], f.argmin(axis=1)), (sums[5], f.argmax(axis=1))):
            places += rows
            flat.take(places, out=out, mode="clip")
        _differences(lot, other, square, sums[6:])
        return sums, energy, fourth

    return run


def _compiled_sums(of_subs: Callable, _, n_block: int, n_shape: int) -> Callable:
    """Return the same function as `_sums`, compiled."""
    square, fourth = (np.empty((LOT, n), np.float32) for n in (n_block, n_shape))
    sums, edges = (
        np.empty((len(SUMS), LOT), np.float32),
        np.arange(n_shape + 1) * n_block // n_shape,
    )
    width, bits = np.diff(edges).astype(np.float32), sums.view(np.int32)
    loop = fast.compiled("blockloops").sums

    def run(lot: Lot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, step = lot.x, lot.step
        loop(x, x.view(np.int32), step, lot.before, lot.alone, edges, square, fourth, sums, bits)
        sums[:4] /= n_block
        return sums, of_subs(square), np.divide(fourth, width, out=fourth)

    return run


def means_of(n: int, n_parts: int) -> Callable:
    """Return a function of frames of n samples: the means of their parts, float32."""
    if n % n_parts == 0:
        width = n // n_parts
        share = np.full(width, 1 / width, np.float32)
        return lambda frames: (frames.reshape(-1, width) @ share).reshape(-1, n_parts)
    edges = np.arange(1, n_parts) * n // n_parts
    part = np.searchsorted(edges, np.arange(n), side="right")
    matrix = np.zeros((n, n_parts), np.float32)
    matrix[np.arange(n), part] = 1.0 / np.bincount(part, minlength=n_parts)[part]
    return lambda frames: frames @ matrix


def _central(raw: np.ndarray) -> np.ndarray:
    """Return mean and central moments 2 to 4, shape (n, 4), from mean powers 1 to 4 as rows."""
    r1, r2, r3, r4 = raw
    square = r1 * r1
    m2 = r2 - square
    m3 = r3 - r1 * (3 * r2 - 2 * square)
    m4 = r4 - r1 * (4 * r3 - r1 * (6 * r2 - 3 * square))
    return np.stack([r1, m2, m3, m4], axis=1)


def _central_of(frames: np.ndarray) -> np.ndarray:
    """Return the same of frames whose mean is large against the spread: float32 would lose it."""
    mean = frames.mean(axis=1, dtype=np.float64)
    d = frames - mean[:, np.newaxis]
    return np.stack([mean, *((d**i).mean(axis=1) for i in (2, 3, 4))], axis=1)


def _differences(lot: Lot, slope: np.ndarray, sign: np.ndarray, out: np.ndarray) -> None:
    """Write the number of crossings, sum of (dx)² and sum of (d²x)² to the rows of ``out``.

    One sample before the block belongs to it; a block at the start of a record is alone: there is
    none, and it has one pair less. ``slope`` and ``sign`` are room for results.
    """
    f, n = lot.frames, lot.frames.shape[1]
    flat, slopes, signs = f.ravel(), slope.ravel(), sign.ravel()
    # Over the ends of the rows too, then the first column again: much faster than row by row.
    np.subtract(flat[1:], flat[:-1], out=slopes[1:])
    np.subtract(f[:, 0], lot.before, out=slope[:, 0])
    positive = flat >= 0
    signs[1:] = positive[1:] ^ positive[:-1]
    sign[:, 0] = positive[::n] ^ (lot.before >= 0)
    np.matmul(sign, np.ones(n, np.float32), out=out[0])
    np.vecdot(slope, slope, out=out[1])
    bend, bends = sign, signs
    np.subtract(slopes[1:], slopes[:-1], out=bends[1:])
    bend[:, 0] = 0.0
    bend[np.flatnonzero(lot.alone), 1:2] = 0.0
    np.vecdot(bend, bend, out=out[2])


def _per_second(lot: Lot, rate_hz: float, out: np.ndarray) -> None:
    """Turn what `_differences` writes to crossings a second, mean (dx/dt)² and mean (d²x/dt²)²."""
    n = lot.n_samples
    out[0] *= rate_hz / n
    out[1] *= rate_hz**2 / n
    out[2] *= rate_hz**4 / max(n - 1, 1)
    alone = np.flatnonzero(lot.alone)
    if len(alone):
        out[:2, alone] *= n / max(n - 1, 1)
        out[2, alone] *= max(n - 1, 1) / max(n - 2, 1)


def samples_kernel(table, n_block: int) -> Kernel:
    """Return the kernel that keeps the samples themselves, if they are as many as the table's."""

    def run(lot: Lot) -> None:
        # Blocks of another sampling rate cannot stand beside these: they stay NaN.
        if n_block == table.samples.shape[1]:
            table.samples[lot.rows] = lot.unscaled(lot.frames, 1)

    return Kernel(n_block, run)
