"""Kernels: what is computed of the samples of hop blocks, a lot of rows at once.

Rows never influence one another, lots always have the same shape and are scaled by powers of two
only, so a block gives the same bits in whatever lot, chunk or run it is computed. Samples are
float32; what is summed over a block is kept in float64.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.fft

LOT = 128
"""Blocks that are computed together (their samples fit the cache)."""
BATCH = 32
"""Rows of one batch of Fourier transforms."""
TOP = 20
"""The largest sample of a lot is scaled to about 2^20: its fourth power and that of samples 1e14
times smaller are float32 numbers."""

MIN_ENVELOPE = 16
"""Samples of a spectrum below which its taper is no taper for an envelope."""

SUMS = ("mean", "m2", "m3", "m4", "min", "max", "crossings", "d2", "dd2")
ENVELOPE = ("r1", "r2", "r3", "r4", "max", "at")


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One computation on frames that begin where hop blocks begin.

    Attributes
    ----------
    n_samples : int
        Samples of a frame.
    before : int
        Samples before the block that the frame has too (0 or 1).
    run : callable
        ``run(rows, frames, alone)`` writes to the table what it finds. ``frames`` has shape
        (LOT, before + n_samples) and may be overwritten; only the first ``len(rows)`` count;
        ``alone`` tells which of them have no sample before.
    """

    n_samples: int
    before: int
    run: Callable


def count_samples(duration_s: float, rate_hz: float) -> int:
    """Return the whole samples of a duration."""
    return int(np.floor(duration_s * rate_hz + 1e-6))


def count_bins(top_hz: float, n_window: int, rate_hz: float) -> int:
    """Return how many frequencies of a spectrum lie at or below one."""
    return int(np.floor(top_hz * n_window / rate_hz + 1e-9)) + 1


def scale_lot(frames: np.ndarray) -> int:
    """Scale a lot in place by a power of two and return the exponent that was added."""
    largest = max(float(frames.max()), -float(frames.min()))
    power = TOP - int(np.frexp(largest)[1]) if largest > 0 else 0
    if power:
        np.ldexp(frames, power, out=frames)
    return power


def sums_kernel(table, n_block: int, rate_hz: float) -> Kernel:
    """Return the kernel of moments, extrema, crossings, differences and sub-block energies."""
    n_sub, n_shape = table.settings.n_sub, table.settings.n_shape
    to_sub, to_shape = shares(n_block, n_sub), shares(n_block, n_shape)
    # Exponent of each column of SUMS when samples are scaled.
    order = np.array([1, 2, 3, 4, 1, 1, 0, 2, 2])
    d = np.empty((LOT, n_block), np.float32)
    d2, slope = np.empty_like(d), np.empty_like(d)

    def run(rows, frames, alone) -> None:
        n, power = len(rows), scale_lot(frames)
        f = frames[:, 1:]
        if table.absolute is not None:
            mean = np.abs(f, out=d).mean(axis=1)[:n].astype(np.float64)
            table.absolute[rows] = np.ldexp(mean, -power)
        np.multiply(f, f, out=d2)
        table.energy[rows] = np.ldexp((d2 @ to_sub)[:n].astype(np.float64), -2 * power)
        np.multiply(d2, d2, out=d)
        table.fourth[rows] = np.ldexp((d @ to_shape)[:n].astype(np.float64), -4 * power)
        sums = np.empty((LOT, len(SUMS)))
        mean = f.mean(axis=1)
        np.subtract(f, mean[:, np.newaxis], out=d)
        np.multiply(d, d, out=d2)
        sums[:, 0], sums[:, 1] = mean, d2.mean(axis=1)
        sums[:, 2] = np.einsum("ij,ij->i", d2, d) / n_block
        sums[:, 3] = np.einsum("ij,ij->i", d2, d2) / n_block
        sums[:, 4], sums[:, 5] = f.min(axis=1), f.max(axis=1)
        sums[:n, 6:] = _differences(frames, alone, slope, rate_hz)[:n]
        table.sums[rows] = np.ldexp(sums[:n], -power * order)

    return Kernel(n_block, 1, run)


def _differences(frames, alone, slope, rate_hz: float) -> np.ndarray:
    """Return crossings a second, mean (dx/dt)² and mean (d²x/dt²)²; overwrites the frames.

    One sample before the block belongs to it; a block at the start of a record is alone: there is
    none (its first sample stands there twice), and it has one pair less.
    """
    n = slope.shape[1]
    alone = np.pad(alone, (0, LOT - len(alone)))
    pairs = np.maximum(n - alone, 1)
    np.subtract(frames[:, 1:], frames[:, :-1], out=slope)
    slope2 = np.einsum("ij,ij->i", slope, slope) * (rate_hz**2 / pairs)
    bend = np.subtract(slope[:, 1:], slope[:, :-1], out=slope[:, :-1])
    bend[alone, :1] = 0.0
    bend2 = np.einsum("ij,ij->i", bend, bend) * (rate_hz**4 / np.maximum(pairs - 1, 1))
    sign = np.copysign(np.float32(1), frames, out=frames)
    same = np.einsum("ij,ij->i", sign[:, 1:], sign[:, :-1])
    crossings = np.round((n - same) / 2) * (rate_hz / pairs)
    return np.column_stack([crossings, slope2, bend2])


def shares(n_samples: int, n_parts: int) -> np.ndarray:
    """Return the matrix that averages samples over parts, float32 (n_samples, n_parts)."""
    edges = np.arange(1, n_parts) * n_samples // n_parts
    part = np.searchsorted(edges, np.arange(n_samples), side="right")
    matrix = np.zeros((n_samples, n_parts), np.float32)
    matrix[np.arange(n_samples), part] = 1.0 / np.bincount(part, minlength=n_parts)[part]
    return matrix


def spectra_kernel(table, n_window: int, rate_hz: float) -> Kernel:
    """Return the kernel of spectra, their linear sums and (if needed) the envelope."""
    taper = np.hanning(n_window + 1)[:-1]
    unit = 2.0 / (rate_hz * np.sum(taper**2))
    n_bins = table.spectra.shape[1]
    n = min(n_bins, count_bins(0.4 * rate_hz, n_window, rate_hz))
    taper32 = taper.astype(np.float32)
    weights = table.weights(0.4 * rate_hz)[:n]
    middle = _middle(n_window)
    flat = (1.0 / np.maximum(taper[middle], 1e-3)).astype(np.float32)
    with_envelope = "envelope" in table.needs and n_window >= MIN_ENVELOPE
    batch = np.empty((BATCH, n_window), np.float32)
    psd = np.empty((LOT, n), np.float32)
    hilbert = np.empty((LOT, middle.stop - middle.start), np.float32)

    def run(rows, frames, alone) -> None:
        m, power = len(rows), scale_lot(frames)
        frames -= frames.mean(axis=1, keepdims=True)
        for first in range(0, LOT, BATCH):
            lot = slice(first, first + BATCH)
            z = scipy.fft.rfft(np.multiply(frames[lot], taper32, out=batch), axis=1)
            parts = z.view(np.float32)[:, : 2 * n]
            square = parts * parts
            np.add(square[:, ::2], square[:, 1::2], out=psd[lot])
            if with_envelope:
                z *= np.complex64(-1j)
                hilbert[lot] = scipy.fft.irfft(z, n_window, axis=1, overwrite_x=True)[:, middle]
        table.spectra[rows, :n] = psd[:m]
        table.spectra[rows, n:] = np.nan
        table.known[rows] = True
        table.scale[rows] = np.ldexp(unit, -2 * power)
        linear = (psd.astype(np.float64) @ weights)[:m]
        table.linear[rows] = linear * np.ldexp(unit, -2 * power)
        if with_envelope:
            table.envelope[rows] = _envelope(frames[:, middle], hilbert, flat, power)[:m]

    return Kernel(n_window, 0, run)


def _middle(n_window: int) -> slice:
    """Return the middle half of a frame, where its taper is at least one half."""
    return slice(n_window // 4, max(n_window // 4 + 1, n_window - n_window // 4))


def _envelope(x, hilbert, flat, power: int) -> np.ndarray:
    """Return the columns of ENVELOPE of the middle of each frame.

    The Hilbert transform of a tapered record is the taper times that of the record, where the
    record has no lower frequencies than the taper (Bedrosian 1963); so it is divided out.
    """
    hilbert *= flat
    hilbert *= hilbert
    square = np.multiply(x, x)
    square += hilbert
    e = np.sqrt(square)
    n = e.shape[1]
    at = square.argmax(axis=1)
    return np.column_stack(
        [
            np.ldexp(e.mean(axis=1).astype(np.float64), -power),
            np.ldexp(square.mean(axis=1).astype(np.float64), -2 * power),
            np.ldexp(np.einsum("ij,ij->i", e, square).astype(np.float64) / n, -3 * power),
            np.ldexp(np.einsum("ij,ij->i", square, square).astype(np.float64) / n, -4 * power),
            np.ldexp(e[np.arange(len(e)), at].astype(np.float64), -power),
            (at + 0.5) / n,
        ]
    )


def samples_kernel(table, n_block: int) -> Kernel:
    """Return the kernel that keeps the samples themselves."""

    def run(rows, frames, alone) -> None:
        n = min(n_block, table.samples.shape[1])
        table.samples[rows, :n] = frames[: len(rows), :n]

    return Kernel(n_block, 0, run)
