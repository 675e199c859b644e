"""Group A: amplitude and shape in time."""

from functools import partial

import numpy as np

from seisml.features.frames import Past, Windows
from seisml.features.known import count_set, log10, ratio
from seisml.features.registry import feature
from seisml.features.series import extreme_of_rows, merged, sum_of_rows

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
    return np.maximum(w.max(w.column("max")) - mean, mean - w.min(w.column("min")))


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
    return np.where(w.moments[1] > 0, w.mean(w.column("crossings")), np.nan)


def _slope2(w: Windows) -> np.ndarray:
    return w.mean(w.column("d2"))


@feature_a("Hz", formula="σ(dx/dt)/(2π σ(x))", invariances="GLO", reference=_HJORTH)
def hjorth_mobility(w: Windows) -> np.ndarray:
    """Hjorth mobility from first differences, as a frequency."""
    return np.sqrt(ratio(w.cached(_slope2), w.moments[1])) / (2 * np.pi)


@feature_a("", formula="mobility(dx/dt)/mobility(x)", invariances="GLRO", reference=_HJORTH)
def hjorth_complexity(w: Windows) -> np.ndarray:
    """Hjorth complexity: 1 for a sine, growing with the number of frequencies."""
    d2, dd2 = w.cached(_slope2), w.mean(w.column("dd2"))
    return np.sqrt(ratio(ratio(dd2, d2), ratio(d2, w.moments[1])))


def _powers_of_time(past: Past) -> np.ndarray:
    """Energy of each block, and its first two moments over the time in the block (0 to 1)."""
    n_shape = past.table.settings.n_shape
    energy = past.shape_energy / n_shape
    energy[~np.isfinite(energy)] = 0.0
    # Energy is taken as even inside a shape block: that adds the variance of a box.
    box = 1 / (12 * n_shape**2)
    powers = np.zeros((3, energy.shape[1]))
    for i, one in enumerate(energy):
        t = (i + 0.5) / n_shape
        powers += np.multiply.outer([1.0, t, t * t + box], one)
    return powers.T


def _later(left: tuple, right: tuple, n_left: int, _) -> tuple:
    """Return energy and its moments over time, in blocks, of two stretches together."""
    (a0, a1, a2), (b0, b1, b2) = left, right
    return a0 + b0, a1 + b1 + n_left * b0, a2 + b2 + n_left * (2 * b1 + n_left * b0)


def _energy_and_time(w: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy of the window, and its first two moments over time as a share of the window."""
    powers = tuple(w.blocks_of(w.past.cached(_powers_of_time)).T)
    total, first, second = merged(powers, w.k, _later)
    return total, ratio(first, total) / w.k, ratio(second, total) / w.k**2


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
    energy = w.blocks_of(w.past.cached(_powers_of_time)[:, 0])
    total = np.empty((w.k, w.n))
    total[0] = energy[: w.n]
    for i in range(1, w.k):
        np.add(total[i - 1], energy[i : i + w.n], out=total[i])
    start, end = (_time_of_share(w, total, share) for share in (0.05, 0.95))
    return (end - start) / w.k


def _time_of_share(w: Windows, total: np.ndarray, share: float) -> np.ndarray:
    """Return when a share of the energy has come, in blocks after the start of the window."""
    n_shape, wanted = w.settings.n_shape, share * total[-1]
    block, part = _reached(total, wanted)
    rows = w.first + np.arange(w.n) + block
    inside = w.past.cached(_energy_inside).take(rows, axis=1)
    step, part = _reached(inside, part * inside[-1])
    return np.where(total[-1] > 0, block + (step + part) / n_shape, np.nan)


def _reached(total: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return in which row sums reach what is wanted of each column, and after which part of it."""
    n = total.shape[1]
    # Not beyond the last row: by rounding the share of all may lie above all.
    at = np.minimum(count_set(total < wanted), len(total) - 1)
    place, flat = at * n + np.arange(n), total.ravel()
    before = np.where(at > 0, flat.take(place - n, mode="wrap"), 0.0)
    step = flat.take(place) - before
    return at, np.clip((wanted - before) / np.where(step > 0, step, 1.0), 0.0, 1.0)


def _energy_inside(past: Past) -> np.ndarray:
    """Return sums of the energies of each block up to each shape block, (n_shape, n_blocks)."""
    energy = past.shape_energy
    return np.cumsum(np.where(np.isfinite(energy), energy, 0.0), axis=0)


@feature_a("dB/s", formula="max d(20 log10 e)/dt, e 0.5 s RMS", invariances="GO", reference=_AAA)
def rate_of_attack(w: Windows) -> np.ndarray:
    """Steepest rise of the level between neighbouring half seconds."""
    return w.cached(_slope)[0]


@feature_a("dB/s", formula="max −d(20 log10 e)/dt, e 0.5 s RMS", invariances="GO", reference=_AAA)
def rate_of_decay(w: Windows) -> np.ndarray:
    """Steepest fall of the level between neighbouring half seconds."""
    return -w.cached(_slope)[1]


def _slope(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest change of the level between the shape blocks of a window."""
    found = []
    for inside, across, function in zip(*w.past.cached(_changes), (np.fmax, np.fmin), strict=True):
        extreme = extreme_of_rows(w.blocks_of(inside), w.k, function)
        if w.k > 1:
            between = extreme_of_rows(w.blocks_of(across)[:-1], w.k - 1, function)
            extreme = function(extreme, between)
        found.append(extreme)
    return tuple(found)


def _changes(past: Past) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Largest and smallest change of the level inside each block, and that to the next block."""
    level, step_s = 10 * log10(past.shape_energy), past.table.settings.shape_s
    changes = np.diff(level, axis=0) / step_s
    across = np.full(level.shape[1], np.nan)
    across[:-1] = (level[0, 1:] - level[-1, :-1]) / step_s
    inside = [one.reduce(changes, axis=0, initial=np.nan) for one in (np.fmax, np.fmin)]
    return inside, [across, across]


@feature_a("", formula="share of e < 0.25 max e, e 0.5 s RMS", invariances="GO", reference=_AAA)
def silence_ratio(w: Windows) -> np.ndarray:
    """Share of the window in which the amplitude is below a quarter of its maximum."""
    energy = w.blocks_of(w.past.shape_energy.T).T
    largest = w.max(w.past.cached(_max_energy))
    limit, quiet, known = 0.25**2 * largest, np.zeros(w.n), np.isfinite(energy)
    for i in range(w.k):
        quiet += count_set(energy[:, i : i + w.n] < limit)
    count = sum_of_rows(count_set(known).astype(float), w.k)
    return ratio(quiet, np.where(largest > 0, count, 0.0))


def _max_energy(past: Past) -> np.ndarray:
    return np.fmax.reduce(past.shape_energy, axis=0)
