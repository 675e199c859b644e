"""Transforms of the tapered samples of hop blocks: power spectra, their sums, and the envelope."""

from collections.abc import Callable

import numpy as np
import scipy.fft

from seisml.features import fast
from seisml.features.kernels import LOT, Kernel, Lot, count_bins

BATCH = 128
"""Rows of one batch of Fourier transforms."""
MIN_ENVELOPE = 16
"""Samples of a spectrum below which its taper is no taper for an envelope."""
ENVELOPE = ("r1", "r2", "r3", "r4", "max", "at")
EXPONENTS = np.array([1, 2, 3, 4, 1, 0])
"""Powers of the unit of the samples in ENVELOPE."""


def spectra_kernel(table, n_window: int, rate_hz: float) -> Kernel:
    """Return the kernel of spectra, their linear sums and (if needed) the envelope."""
    taper = np.hanning(n_window + 1)[:-1]
    unit = 2.0 / (rate_hz * np.sum(taper**2))
    skip = table.first_bin
    top = count_bins(0.4 * rate_hz, n_window, rate_hz)
    n = max(0, min(table.spectra.shape[1], top - skip))
    weights = unit * table.weights(0.4 * rate_hz)[:n]
    with_envelope = "envelope" in table.needs and n_window >= MIN_ENVELOPE
    bins = taper.astype(np.float32), skip, top
    transform = _compiled(*bins, weights, with_envelope) or _plain(*bins, weights, with_envelope)
    room, linear = np.empty((LOT, n), np.float32), np.empty((LOT, weights.shape[1]))

    def run(lot: Lot) -> None:
        straight = lot.n == LOT and n == table.spectra.shape[1] and isinstance(lot.rows, slice)
        psd = table.spectra[lot.rows] if straight else room
        envelope = transform(lot, psd, linear)
        if not straight:
            table.spectra[lot.rows, :n] = psd[: lot.n]
            table.spectra[lot.rows, n:] = np.nan
        table.known[lot.rows] = True
        table.scale[lot.rows] = np.ldexp(unit, -2 * lot.powers[:, 0]) if lot.scaled else unit
        table.linear[lot.rows] = lot.unscaled(linear, 2)
        if with_envelope:
            table.envelope[lot.rows] = lot.unscaled(envelope, EXPONENTS)

    return Kernel(n_window, run)


def _plain(
    taper: np.ndarray, skip: int, top: int, weights: np.ndarray, with_envelope: bool
) -> Callable:
    """Return a function of a lot that writes power spectra and sums of them, without loops.

    It returns the columns of ENVELOPE, None without.
    """
    # A constant is seen in the bins 0 and 1 alone.
    tapered, power = _tapered(taper, skip < 2), _power(skip, weights)
    envelope = Envelope(len(taper), top) if with_envelope else None

    def run(lot: Lot, psd: np.ndarray, linear: np.ndarray) -> np.ndarray | None:
        for first in range(0, LOT, BATCH):
            some = slice(first, first + BATCH)
            z = scipy.fft.rfft(tapered(lot, some), axis=1)
            power(z, psd[some], linear[some])
            if envelope is not None:
                envelope.add(some, z)
        return envelope and envelope.columns()

    return run


def _compiled(
    taper: np.ndarray, skip: int, top: int, weights: np.ndarray, with_envelope: bool
) -> Callable | None:
    """Return the same function, compiled; None where it cannot be: see `transformloops.plan`."""
    loops, n = fast.compiled("transformloops"), len(taper)
    plan = loops and n % 2 == 0 and n >= loops.WIDTH and loops.plan(n // 2)
    if not plan:
        return None
    used, n_bins = weights.T != 0, len(weights)
    some = used.any(axis=1)
    first = np.where(some, used.argmax(axis=1), 0) if n_bins else np.zeros(len(some), int)
    last = np.where(some, n_bins - used[:, ::-1].argmax(axis=1), 0) if n_bins else first
    columns = np.ascontiguousarray(weights.T), first, last
    flat = _taper_of_envelope(n, top)[2] if with_envelope else np.zeros(0, np.float32)
    turns = (-0.5j * np.exp(-2j * np.pi * np.arange(top) / n)).astype(np.complex64)
    envelope = np.empty((LOT, len(ENVELOPE)), np.float32)

    def run(lot: Lot, psd: np.ndarray, linear: np.ndarray) -> np.ndarray:
        some = lot.x, lot.step, taper, (*plan, turns)
        loops.spectra(*some, skip, columns, flat, psd, linear, envelope)
        return envelope

    return run


def _tapered(taper: np.ndarray, centred: bool) -> Callable:
    """Return a function of a batch of a lot: its frames with a taper.

    They lose their mean before if ``centred``.
    """
    batch = np.empty((BATCH, len(taper)), np.float32)

    def run(lot: Lot, some: slice) -> np.ndarray:
        frames = lot.frames[some]
        if centred:
            frames = frames - frames.mean(axis=1, keepdims=True)
        return np.multiply(frames, taper, out=batch)

    return run


def _power(skip: int, weights: np.ndarray) -> Callable:
    """Return a function of transforms that writes their power from a bin on, and sums of it."""
    n = len(weights)
    wide = np.empty((BATCH, n))

    def run(z: np.ndarray, psd: np.ndarray, linear: np.ndarray) -> None:
        size = np.abs(z[:, skip : skip + n], out=psd)
        size *= size
        wide[:] = size
        np.matmul(wide, weights, out=linear)

    return run


class Envelope:
    """The envelope in the middle half of each frame of a lot, up to 0.8 of Nyquist.

    The analytic signal of a tapered record is the taper times that of the record, where the
    record has no frequencies as low as those of the taper (Bedrosian 1963,
    doi:10.1109/PROC.1963.2308); so the taper is divided out where it is at least one half. Only
    half as many samples are needed as of the record.
    """

    def __init__(self, n_window: int, n_bins: int):
        self.n = n_window // 2
        self.n_bins, self.middle, self.flat = _taper_of_envelope(n_window, n_bins)
        self.out = np.empty((len(ENVELOPE), LOT), np.float32)
        self.e = np.empty((LOT, len(self.flat)), np.float32)
        self.square = np.empty_like(self.e)
        self.share = np.full(len(self.flat), 1 / len(self.flat), np.float32)
        self.rows = np.arange(LOT) * len(self.flat)

    def add(self, some: slice, z: np.ndarray) -> None:
        """Take a batch of transforms of tapered frames, and overwrite it."""
        # Without the mean: the taper has spread it over two bins.
        z[:, 1] += z[:, 0] / 2
        z[:, 0] = z[:, self.n_bins : self.n] = 0.0
        signal = scipy.fft.ifft(z[:, : self.n], axis=1, norm="forward")  # flat has 1/n
        np.abs(signal[:, self.middle], out=self.e[some])

    def columns(self) -> np.ndarray:
        """Return the columns of ENVELOPE, float32."""
        e = np.multiply(self.e, self.flat, out=self.e)
        square, out = np.multiply(e, e, out=self.square), self.out
        n = e.shape[1]
        at = e.argmax(axis=1)
        np.matmul(e, self.share, out=out[0])
        np.matmul(square, self.share, out=out[1])
        np.vecdot(e, square, out=out[2])
        np.vecdot(square, square, out=out[3])
        out[2:4] /= n
        e.ravel().take(self.rows + at, out=out[4], mode="clip")
        out[5] = (at + 0.5) / n
        return out.T


def _taper_of_envelope(n_window: int, n_bins: int) -> tuple[int, slice, np.ndarray]:
    """Return the bins of an envelope, which of its samples count, and a factor of each of these."""
    n = n_window // 2
    middle = slice(n // 4, n - n // 4)
    taper = np.hanning(n + 1)[:-1][middle]
    return min(n_bins, n), middle, (2.0 / n_window / taper).astype(np.float32)
