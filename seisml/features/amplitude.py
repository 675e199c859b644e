"""Group A: amplitude and shape in time."""

from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seisml.features.frames import Past, Windows, crossing, log10, nanmax, nanmean, nanmin, ratio
from seisml.features.registry import feature

feature_a = partial(feature, group="A", cost="H")
_AAA = "Malfante et al. 2018, doi:10.1109/MSP.2017.2779166"
_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
_HJORTH = "Hjorth 1970, doi:10.1016/0013-4694(70)90143-4"
_TRIFUNAC = "Trifunac & Brady 1975, doi:10.1785/BSSA0650030581"


@feature_a("input", formula="sqrt(mean x²)", invariances="LRO")
def rms(w: Windows) -> np.ndarray:
    """Root mean square amplitude about the mean."""
    return np.sqrt(w.moments[1])


@feature_a("log10 input²", formula="log10(mean x²)", invariances="LRO", reference=_AAA)
def log_energy(w: Windows) -> np.ndarray:
    """Logarithm of the mean square: energy per second, independent of the length."""
    return log10(w.moments[1])


@feature_a("input", formula="max|x|", invariances="RO")
def peak_abs(w: Windows) -> np.ndarray:
    """Largest distance of a sample from the mean."""
    mean = w.moments[0]
    return np.maximum(nanmax(w.sums("max")) - mean, mean - nanmin(w.sums("min")))


@feature_a("", formula="max|x|/rms", invariances="GO")
def crest(w: Windows) -> np.ndarray:
    """Crest factor: peak over RMS amplitude."""
    return ratio(peak_abs(w), rms(w))


@feature_a("", formula="m3/m2^1.5", invariances="GLRO", reference=_HIBERT)
def skewness(w: Windows) -> np.ndarray:
    """Skewness of the samples (signed)."""
    _, m2, m3, _ = w.moments
    return ratio(m3, m2**1.5)


@feature_a("", formula="m4/m2²", invariances="GLRO", reference=_HIBERT)
def kurtosis(w: Windows) -> np.ndarray:
    """Pearson kurtosis of the samples: 3 for Gaussian noise."""
    _, m2, _, m4 = w.moments
    return ratio(m4, m2**2)


@feature_a("Hz", formula="sign changes/T", invariances="GLO")
def zero_crossing_rate(w: Windows) -> np.ndarray:
    """Zero crossings per second: twice the frequency of a sine."""
    return np.where(w.moments[1] > 0, nanmean(w.sums("crossings")), np.nan)


@feature_a("Hz", formula="σ(dx/dt)/(2π σ(x))", invariances="GLO", reference=_HJORTH)
def hjorth_mobility(w: Windows) -> np.ndarray:
    """Hjorth mobility from first differences, as a frequency."""
    return np.sqrt(ratio(nanmean(w.sums("d2")), w.moments[1])) / (2 * np.pi)


@feature_a("", formula="mobility(dx/dt)/mobility(x)", invariances="GLRO", reference=_HJORTH)
def hjorth_complexity(w: Windows) -> np.ndarray:
    """Hjorth complexity: 1 for a sine, growing with the number of frequencies."""
    d2, dd2 = nanmean(w.sums("d2")), nanmean(w.sums("dd2"))
    return np.sqrt(ratio(ratio(dd2, d2), ratio(d2, w.moments[1])))


def _powers_of_time(past: Past) -> np.ndarray:
    """Energy of each block, and its first two moments over the time in the block (0 to 1)."""
    settings = past.table.settings
    t = (np.arange(settings.n_shape) + 0.5) / settings.n_shape
    energy = past.shape_energy.reshape(-1, settings.n_shape)
    energy = np.where(np.isfinite(energy), energy, 0.0) / settings.n_shape
    # Energy is taken as even inside a shape block: that adds the variance of a box.
    box = 1 / (12 * settings.n_shape**2)
    return np.column_stack([energy.sum(axis=1), energy @ t, energy @ (t**2 + box)])


def _energy_and_time(w: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy of the window, and its first two moments over time as a share of the window."""
    powers = w.past.cached(_powers_of_time)
    e0, e1, e2 = (w.over_blocks(powers[:, i]) for i in range(3))
    at = np.arange(w.k)
    total = e0.sum(axis=1)
    first = (e1 + at * e0).sum(axis=1) / w.k
    second = (e2 + 2 * at * e1 + at**2 * e0).sum(axis=1) / w.k**2
    return total, ratio(first, total), ratio(second, total)


@feature_a("", formula="Σ t x²/(T Σ x²)", invariances="GLRO", reference=_AAA)
def time_centroid(w: Windows) -> np.ndarray:
    """Centroid of the energy in time, as a share of the window."""
    return w.cached(_energy_and_time)[1]


@feature_a("", formula="sqrt(Σ (t−t_c)² x²/Σ x²)/T", invariances="GLRO", reference=_AAA)
def time_spread(w: Windows) -> np.ndarray:
    """Spread of the energy about its centroid, as a share of the window."""
    _, mean, square = w.cached(_energy_and_time)
    return np.sqrt(np.maximum(square - mean**2, 0.0))


@feature_a("", formula="(t95−t05 of ∫x²)/T", invariances="GLRO", reference=_TRIFUNAC)
def duration_5_95(w: Windows) -> np.ndarray:
    """Significant duration: the time between 5 and 95 % of the energy, as a share of T."""
    total = np.cumsum(w.over_blocks(w.past.cached(_powers_of_time)[:, 0]), axis=1)
    start, end = (_time_of_share(w, total, share) for share in (0.05, 0.95))
    return (end - start) / w.k


def _time_of_share(w: Windows, total: np.ndarray, share: float) -> np.ndarray:
    """Return when a share of the energy has come, in blocks after the start of the window."""
    rows, wanted = np.arange(w.n), share * total[:, -1]
    block = np.argmax(total >= wanted[:, np.newaxis], axis=1)
    energy = w.past.shape_energy.reshape(-1, w.settings.n_shape)[w.first + rows + block]
    inside = np.cumsum(np.where(np.isfinite(energy), energy, 0.0), axis=1)
    before = np.where(block > 0, total[rows, block - 1], 0.0)
    step = total[rows, block] - before
    part = np.clip(ratio(wanted - before, step), 0.0, 1.0)
    return block + crossing(inside, part) / w.settings.n_shape


@feature_a("dB/s", formula="max d(20 log10 e)/dt, e 0.5 s RMS", invariances="GO", reference=_AAA)
def rate_of_attack(w: Windows) -> np.ndarray:
    """Steepest rise of the level between neighbouring half seconds."""
    return nanmax(w.cached(_slope))


@feature_a("dB/s", formula="max −d(20 log10 e)/dt, e 0.5 s RMS", invariances="GO", reference=_AAA)
def rate_of_decay(w: Windows) -> np.ndarray:
    """Steepest fall of the level between neighbouring half seconds."""
    return -nanmin(w.cached(_slope))


def _slope(w: Windows) -> np.ndarray:
    """Change of the level between shape blocks, where there are two in a window."""
    changes = w.past.cached(_level_changes)
    n_shape = w.settings.n_shape
    last = w.first + w.n + w.k - 1
    flat = changes[w.first * n_shape : last * n_shape - 1]
    n = w.k * n_shape - 1
    return sliding_window_view(flat, n)[::n_shape] if n else np.full((w.n, 1), np.nan)


def _level_changes(past: Past) -> np.ndarray:
    return np.diff(10 * log10(past.shape_energy)) / past.table.settings.shape_s


@feature_a("", formula="share of e < 0.25 max e, e 0.5 s RMS", invariances="GO", reference=_AAA)
def silence_ratio(w: Windows) -> np.ndarray:
    """Share of the window in which the amplitude is below a quarter of its maximum."""
    largest = nanmax(w.energy)
    quiet = (w.energy < 0.25**2 * largest[:, np.newaxis]).sum(axis=1)
    known = np.isfinite(w.energy).sum(axis=1)
    return ratio(quiet.astype(float), np.where(largest > 0, known, 0))
