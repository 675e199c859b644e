"""Group B: the envelope |x + iH{x}|, from the same transforms as the spectra.

Its median needs all samples of a window at once: NaN where one of its blocks is not complete. The
decay is that of half seconds, which need no transform and no neighbours.
"""

from functools import partial

import numpy as np
import scipy.fft

from seisml.features.frames import Windows
from seisml.features.known import ratio
from seisml.features.registry import feature
from seisml.features.series import extreme_of_rows
from seisml.features.transforms import ENVELOPE, MIN_ENVELOPE
from seisml.features.whole import batch_rows, batches, common_scale, complete_blocks, row_median

feature_b = partial(feature, group="B", cost="B", needs=("envelope",))
_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
STEADY = 0.02
"""Spread over mean below which an envelope is constant: what is left is leakage and rounding."""


def _column(w: Windows, name: str) -> np.ndarray:
    return w.over_spectra(w.table.envelope[:, ENVELOPE.index(name)])


def _powers(w: Windows) -> tuple[np.ndarray, ...]:
    """Mean powers 1 to 4 of the envelope over the window."""
    return tuple(w.mean_of_spectra(w.table.envelope[:, :4]).T)


def _central(w: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Central moments 2 to 4 of the envelope, NaN where it is constant."""
    r1, r2, r3, r4 = w.cached(_powers)
    m2 = r2 - r1**2
    m2 = np.where(m2 > (STEADY * r1) ** 2, m2, np.nan)
    square = r1 * r1
    m3 = r3 - r1 * (3 * r2 - 2 * square)
    return m2, m3, r4 - r1 * (4 * r3 - r1 * (6 * r2 - 3 * square))


@feature_b("", formula="max e/mean e", invariances="GO", reference=_HIBERT)
def env_max_mean(w: Windows) -> np.ndarray:
    """Largest over mean envelope: 1 for a sine."""
    largest = w.table.envelope[:, ENVELOPE.index("max")]
    rows = slice(w.first, w.first + w.n + w.n_spectra - 1)
    return ratio(extreme_of_rows(largest[rows], w.n_spectra), w.cached(_powers)[0])


@feature_b("", formula="m3/m2^1.5 of e", invariances="GLRO", reference=_HIBERT)
def env_skewness(w: Windows) -> np.ndarray:
    """Skewness of the envelope: 0.631 for Gaussian noise."""
    m2, m3, _ = w.cached(_central)
    return ratio(m3, m2**1.5)


@feature_b("", formula="m4/m2² of e", invariances="GLRO", reference=_HIBERT)
def env_kurtosis(w: Windows) -> np.ndarray:
    """Pearson kurtosis of the envelope: 3.245 for Gaussian noise."""
    m2, _, m4 = w.cached(_central)
    return ratio(m4, m2**2)


@feature_b("", formula="(t of max e − t0)/T", invariances="GO", reference=_HIBERT)
def env_rise_fraction(w: Windows) -> np.ndarray:
    """Place of the largest envelope in the window, as a share of its length."""
    largest = _column(w, "max")
    known = largest > 0
    frame = np.where(known, largest, -1.0).argmax(axis=1)
    at = _column(w, "at")[np.arange(w.n), frame]
    # The middle half of a spectrum's samples: from a quarter of its length on.
    hops = w.settings.spectrum_hops
    place = (frame + hops * (0.25 + 0.5 * at)) / w.k
    return np.where(known.any(axis=1), place, np.nan)


def _trace(w: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Envelope in the middle half of each spectrum's samples.

    Float32 (n_spectra_of_all_windows, n_middle), with the exponents of the rows, and whether
    their samples are complete. Hann taper, divided out again, as in `seisml.features.transforms`.
    """
    samples, hops = w.table.samples, w.settings.spectrum_hops
    n_rows, n = w.n + w.n_spectra - 1, hops * samples.shape[1]
    complete = w.past.cached(complete_blocks)[w.first : w.first + n_rows + hops - 1]
    known = np.lib.stride_tricks.sliding_window_view(complete, hops).all(axis=1)
    middle = slice(n // 4, max(n // 4 + 1, n - n // 4))
    taper = np.hanning(n + 1)[:-1].astype(np.float32)
    trace = np.zeros((n_rows, middle.stop - middle.start), np.float32)
    power = np.zeros(n_rows, int)
    if n < MIN_ENVELOPE:
        known[:] = False
    at = np.flatnonzero(known)
    for lot, x, exponent in batches(samples, (w.first + at) * samples.shape[1], n):
        z = scipy.fft.rfft(x * taper, axis=1)
        z *= np.complex64(-1j)
        hilbert = scipy.fft.irfft(z, n, axis=1, overwrite_x=True)[:, middle] / taper[middle]
        envelope = np.sqrt(x[:, middle] ** 2 + hilbert**2)
        trace[at[lot]], power[at[lot]] = envelope[: len(exponent)], exponent
    return trace, power, known


@feature_b(
    "", formula="max e/median e", invariances="GO", reference=_HIBERT, cost="C", needs=("samples",)
)
def env_max_median(w: Windows) -> np.ndarray:
    """Largest over median envelope: 1 for a sine."""
    trace, power, known = w.cached(_trace)
    n = w.n_spectra
    windows = np.arange(w.n)[:, np.newaxis] + np.arange(n)
    good = np.flatnonzero(known[windows].all(axis=1))
    out = np.full(w.n, np.nan)
    step = batch_rows(n * trace.shape[1])
    for first in range(0, len(good), step):
        at = good[first : first + step]
        e = trace[windows[at]] * common_scale(power[windows[at]])[:, :, np.newaxis]
        e = e.reshape(len(at), -1)
        out[at] = ratio(e.max(axis=1), row_median(e))
    return out


@feature_b(
    "",
    formula="RMS of e/max e − line from 1 at its maximum to 0 at the end, e 0.5 s RMS",
    invariances="GO",
    reference=_HIBERT,
    cost="V",
    needs=(),
)
def env_decay_rms(w: Windows) -> np.ndarray:
    """Distance of the decay after the largest amplitude from a line: 0 for an exact line."""
    known = np.isfinite(w.energy)
    e = np.sqrt(np.where(known, w.energy, 0.0))
    n, at = e.shape[1], e.argmax(axis=1)[:, np.newaxis]
    place = np.arange(n) + 0.5
    line = (n - place) / (n - 0.5 - at)
    after = known & (place > at)
    square = np.where(after, (ratio(e, e.max(axis=1, keepdims=True)) - line) ** 2, 0.0)
    count = after.sum(axis=1)
    # The maximum itself is on the line: one more is needed.
    return np.where(count > 1, np.sqrt(ratio(square.sum(axis=1), count)), np.nan)
