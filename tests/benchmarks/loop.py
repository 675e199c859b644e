"""The features of seisml window by window in plain NumPy: the reference for values and speed.

Each feature is written down as its definition says, from the samples of one window. What lies
before the window (`Memory`) is handed over ready-made, as a program that has come along the record
would have it: time that the loop is not charged for.
"""

import dataclasses
from functools import cached_property

import numpy as np

from seisml.features import Settings


@dataclasses.dataclass(frozen=True)
class Memory:
    """What a program that comes along a record remembers, on the grid of hop blocks.

    Attributes
    ----------
    sub : numpy.ndarray, shape (n_blocks, n_sub)
        Mean square of the sub-blocks.
    shape : numpy.ndarray, shape (n_blocks * n_shape,)
        Mean square of the shape blocks.
    fourth : numpy.ndarray, shape (n_blocks * n_shape,)
        Mean fourth power of the shape blocks.
    spectra : numpy.ndarray, shape (n_blocks, n_frequencies)
        Power spectral density of the samples from each block on.
    energy, bands, log_spectra : numpy.ndarray
        Background of each group of blocks: mean square, energies in the bands, log of the PSD.
    """

    sub: np.ndarray
    shape: np.ndarray
    fourth: np.ndarray
    spectra: np.ndarray
    energy: np.ndarray
    bands: np.ndarray
    log_spectra: np.ndarray


def psd_of(frames: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the one-sided power spectral density of some frames (Hann)."""
    n = frames.shape[-1]
    taper = np.hanning(n + 1)[:-1]
    centred = frames - frames.mean(axis=-1, keepdims=True)
    z = np.fft.rfft(centred * taper, axis=-1)
    return np.abs(z) ** 2 * (2 / (rate_hz * np.sum(taper**2)))


def remember(x: np.ndarray, rate_hz: float, settings: Settings) -> Memory:
    """Return the memory of a whole record that begins with a whole group of blocks."""
    n, hops = round(settings.grid.hop_s * rate_hz), settings.background_hops
    n_blocks = len(x) // n
    blocks = x[: n_blocks * n].reshape(n_blocks, n)
    frames = np.lib.stride_tricks.sliding_window_view(x, settings.spectrum_hops * n)[::n]
    spectra = [psd_of(frames[i : i + 256], rate_hz) for i in range(0, len(frames), 256)]
    spectra = np.concatenate(spectra).astype(np.float32)
    parts = blocks.reshape(n_blocks * settings.n_shape, -1)
    f = np.arange(spectra.shape[1]) * rate_hz / frames.shape[1]
    inside = [(f >= a - 1e-9) & (f < b - 1e-9) for a, b in settings.bands_hz]
    bands = np.stack([f[1] * spectra[:, one].sum(axis=1) for one in inside], axis=1)
    q = settings.background_quantile
    return Memory(
        sub=(blocks.reshape(n_blocks, settings.n_sub, -1) ** 2).mean(axis=2),
        shape=(parts**2).mean(axis=1),
        fourth=(parts**4).mean(axis=1),
        spectra=spectra,
        energy=_backgrounds((blocks**2).mean(axis=1), hops, settings, q),
        bands=_backgrounds(bands, hops, settings, q),
        log_spectra=_backgrounds(
            spectra, settings.background_spectrum_hops, settings, 0.5, transform=np.log
        ),
    )


def _backgrounds(values, hops: int, settings: Settings, q: float, transform=np.asarray):
    """Return for each group of blocks the quantile over the hour of groups before it."""
    n = max(2, round(settings.background_s / (hops * settings.grid.hop_s)))
    n_groups = len(values) // hops
    means = values[: n_groups * hops].reshape(n_groups, hops, *values.shape[1:]).mean(axis=1)
    means = transform(means)
    out = np.full((n_groups + 1, *means.shape[1:]), np.nan)
    for group in range(2, n_groups + 1):
        out[group] = np.quantile(means[max(0, group - n) : group], q, axis=0)
    return out


@dataclasses.dataclass(frozen=True)
class Window:
    """One window of a record, and what is computed of it for several features.

    Attributes
    ----------
    samples : numpy.ndarray of float64, shape (1 + n_samples,)
        The window, after the one sample before it.
    rate_hz : float
    settings : Settings
    block : int
        Number of its first block in the memory.
    memory : Memory
    """

    samples: np.ndarray
    rate_hz: float
    settings: Settings
    block: int
    memory: Memory

    @cached_property
    def x(self):
        return self.samples[1:]

    @cached_property
    def d(self):
        return self.x - self.x.mean()

    @cached_property
    def m2(self):
        return np.mean(self.d**2)

    @property
    def k(self):
        return self.settings.grid.n_hops

    @cached_property
    def slope(self):
        return np.diff(self.samples) * self.rate_hz

    @cached_property
    def e(self):
        return (self.x.reshape(self.k * self.settings.n_shape, -1) ** 2).mean(axis=1)

    @cached_property
    def t(self):
        return (np.arange(len(self.e)) + 0.5) / len(self.e)

    @cached_property
    def level_changes(self):
        return np.diff(10 * np.log10(self.e)) / self.settings.shape_s

    @cached_property
    def envelope(self):
        n = len(self.x)
        z = np.fft.fft(self.d)
        z[1 : (n + 1) // 2] *= 2
        z[n // 2 + 1 :] = 0
        return np.abs(np.fft.ifft(z))

    @cached_property
    def f_all(self):
        n = round(self.settings.spectrum_hops * self.settings.grid.hop_s * self.rate_hz)
        return np.arange(n // 2 + 1) * self.rate_hz / n

    @cached_property
    def in_band(self):
        low_hz, high_hz = self.settings.band_hz
        top_hz = min(high_hz, 0.4 * self.rate_hz)
        f = self.f_all
        return (f > 0) & (f >= low_hz - 1e-9) & (f <= top_hz + 1e-9)

    @cached_property
    def f(self):
        return self.f_all[self.in_band]

    @cached_property
    def p(self):
        n = round(self.settings.grid.hop_s * self.rate_hz)
        frames = np.lib.stride_tricks.sliding_window_view(self.x, self.settings.spectrum_hops * n)
        return psd_of(frames[::n], self.rate_hz).mean(axis=0)[self.in_band]

    @cached_property
    def share(self):
        return self.p / self.p.sum()

    @cached_property
    def log_p(self):
        return np.log(np.maximum(self.p, 1e-12 * self.p.max()))

    @cached_property
    def f_c(self):
        return np.sum(self.f * self.share)

    @cached_property
    def width(self):
        return np.sqrt(np.sum((self.f - self.f_c) ** 2 * self.share))

    @cached_property
    def band_energy(self):
        bands, f = self.settings.bands_hz, self.f
        step = self.f_all[1]
        return np.array(
            [
                step * self.p[(f >= a - 1e-9) & (f < b - 1e-9)].sum()
                if b <= 0.4 * self.rate_hz
                else np.nan
                for a, b in bands
            ]
        )

    def sta_lta(self, name):
        """Return STA, LTA and their ratio at the steps of the window (and STAs before it)."""
        sta_s, lta_s = {n: (a, b) for n, a, b in self.settings.sta_lta_s}[name]
        coarse = sta_s >= 20 * self.settings.shape_s * (1 - 1e-9)
        step_s = self.settings.shape_s if coarse else self.settings.sub_s
        series = self.memory.shape if coarse else self.memory.sub.ravel()
        a_block = round(self.settings.grid.hop_s / step_s)
        n_sta, n_lta = round(sta_s / step_s), round(lta_s / step_s)
        stop = (self.block + self.k) * a_block
        first = self.block * a_block - n_lta - 2 * n_sta
        total = np.concatenate([[0.0], np.cumsum(series[max(first, 0) : stop])])
        at = np.arange(self.block * a_block, stop) - max(first, 0) + 1
        sta = (total[at] - total[at - n_sta]) / n_sta
        low = np.maximum(at - n_sta - n_lta, 0)
        lta = (total[at - n_sta] - total[low]) / (at - n_sta - low)
        return sta / lta

    @cached_property
    def mid(self):
        return self.sta_lta("mid")

    def background(self, values, hops, span=1):
        """Return the background of the groups that ended before the window."""
        return values[(self.block - span + 1) // hops]


def _cumulative_time(w, level):
    total = np.concatenate([[0.0], np.cumsum(w.e)])
    return np.interp(level * total[-1], total, np.arange(len(total))) / len(w.e)


def _quantile_frequency(w, q):
    total = np.concatenate([[0.0], np.cumsum(w.share)])
    place = np.interp(q, total, np.arange(len(total)))
    return w.f[0] + (place - 0.5) * (w.f[1] - w.f[0])


def _peak_frequency(w):
    i = min(max(int(np.argmax(w.p)), 1), len(w.p) - 2)
    a, b, c = np.log10(w.p[i - 1 : i + 2])
    bend = a - 2 * b + c
    shift = 0.5 * (a - c) / bend if bend < 0 else 0.0
    good = i == np.argmax(w.p) and abs(shift) <= 1
    return w.f[np.argmax(w.p)] + (shift if good else 0.0) * (w.f[1] - w.f[0])


def _zscore(w):
    sta_s, lta_s = {n: (a, b) for n, a, b in w.settings.sta_lta_s}["mid"]
    step_s = w.settings.sub_s
    n_sta, n_lta = round(sta_s / step_s), round(lta_s / step_s)
    first, stop = w.block * w.settings.n_sub, (w.block + w.k) * w.settings.n_sub
    low = first - n_lta - 2 * n_sta
    total = np.cumsum(w.memory.sub.ravel()[low:stop])
    log_sta = np.log10((total[n_sta:] - total[:-n_sta]) / n_sta)
    one, two = np.cumsum(log_sta), np.cumsum(log_sta**2)
    mean, square = ((c[n_lta:] - c[:-n_lta]) / n_lta for c in (one, two))
    mean, square = mean[:-n_sta], square[:-n_sta]
    score = (log_sta[n_lta + n_sta :] - mean) / np.sqrt(square - mean**2)
    return score[-(stop - first) :].max()


def _kurtosis_rate(w):
    n = max(1, round(3.0 / w.settings.shape_s))
    first, stop = w.block * w.settings.n_shape, (w.block + w.k) * w.settings.n_shape
    second, fourth = (np.cumsum(s[first - n - 1 : stop]) for s in (w.memory.shape, w.memory.fourth))
    second, fourth = ((c[n:] - c[:-n]) / n for c in (second, fourth))
    return (np.diff(fourth / second**2) / w.settings.shape_s).max()


def _band_background(w):
    hops, span = w.settings.background_hops, w.settings.spectrum_hops
    return w.background(w.memory.bands, hops, span)


def _frequency_index(w):
    bands = sorted(w.settings.bands_hz)
    middle_hz, f = bands[len(bands) // 2][0], w.f
    low = w.p[(f >= bands[0][0] - 1e-9) & (f < middle_hz - 1e-9)].mean()
    return np.log10(w.p[(f >= middle_hz - 1e-9) & (f < bands[-1][1] - 1e-9)].mean() / low)


def _entropy(share):
    return -np.sum(share * np.log(share)) / np.log(len(share))


def _rms_db(a, b):
    return np.sqrt(np.mean((10 / np.log(10) * (a - b)) ** 2))


def _flux(w):
    first = w.block - w.k
    before = w.memory.spectra[first : first + w.k - w.settings.spectrum_hops + 1].mean(axis=0)
    return _rms_db(w.log_p, np.log(before[w.in_band]))


def _distance(w):
    hops, span = w.settings.background_spectrum_hops, w.settings.spectrum_hops
    return _rms_db(w.log_p, w.background(w.memory.log_spectra, hops, span)[w.in_band])


def _moment(x, order):
    centred = x - x.mean()
    return np.mean(centred**order) / np.mean(centred**2) ** (order / 2)


def _spectral_moment(w, order):
    return np.sum((w.f - w.f_c) ** order * w.share) / w.width**order


def _spread(w):
    share = w.e / w.e.sum()
    inside = 1 / (12 * len(share) ** 2)  # the energy of half a second is even
    return np.sqrt(np.sum(((w.t - np.sum(w.t * share)) ** 2 + inside) * share))


def _band_entropy(w):
    energy = w.band_energy[np.isfinite(w.band_energy)]
    return _entropy(energy / energy.sum())


FEATURES = {
    "rms": lambda w: np.sqrt(w.m2),
    "log_energy": lambda w: np.log10(w.m2),
    "peak_abs": lambda w: np.abs(w.d).max(),
    "crest": lambda w: np.abs(w.d).max() / np.sqrt(w.m2),
    "skewness": lambda w: _moment(w.x, 3),
    "kurtosis": lambda w: _moment(w.x, 4),
    "zero_crossing_rate": lambda w: (
        np.count_nonzero(np.diff(np.signbit(w.samples))) * w.rate_hz / len(w.x)
    ),
    "hjorth_mobility": lambda w: np.sqrt(np.mean(w.slope**2) / w.m2) / (2 * np.pi),
    "hjorth_complexity": lambda w: (
        np.sqrt(np.mean((np.diff(w.slope) * w.rate_hz) ** 2) * w.m2) / np.mean(w.slope**2)
    ),
    "time_centroid": lambda w: np.sum(w.t * w.e) / w.e.sum(),
    "time_spread": _spread,
    "duration_5_95": lambda w: _cumulative_time(w, 0.95) - _cumulative_time(w, 0.05),
    "rate_of_attack": lambda w: w.level_changes.max(),
    "rate_of_decay": lambda w: -w.level_changes.min(),
    "silence_ratio": lambda w: np.mean(w.e < 0.0625 * w.e.max()),
    "env_max_mean": lambda w: w.envelope.max() / w.envelope.mean(),
    "env_skewness": lambda w: _moment(w.envelope, 3),
    "env_kurtosis": lambda w: _moment(w.envelope, 4),
    "env_rise_fraction": lambda w: (np.argmax(w.envelope) + 0.5) / len(w.envelope),
    "stalta_short_max": lambda w: w.sta_lta("short").max(),
    "stalta_mid_max": lambda w: w.mid.max(),
    "stalta_long_max": lambda w: w.sta_lta("long").max(),
    "stalta_mid_mean": lambda w: w.mid.mean(),
    "stalta_on_fraction": lambda w: np.mean(w.mid > 2.0),
    "zscore_max": _zscore,
    "rel_energy": lambda w: np.log10(
        w.m2 / w.background(w.memory.energy, w.settings.background_hops)
    ),
    "dlog_energy": lambda w: np.log10(w.e.mean() / w.memory.sub[w.block - w.k : w.block].mean()),
    "kurtosis_cf_max": _kurtosis_rate,
    "band_log_energy": lambda w: np.log10(w.band_energy),
    "band_rel_energy": lambda w: np.log10(w.band_energy / _band_background(w)),
    "frequency_index": _frequency_index,
    "band_entropy": _band_entropy,
    "f_peak": _peak_frequency,
    "f_centroid": lambda w: w.f_c,
    "f_bandwidth": lambda w: w.width,
    "spec_skewness": lambda w: _spectral_moment(w, 3),
    "spec_kurtosis": lambda w: _spectral_moment(w, 4),
    **{
        f"f{100 * q:02.0f}": lambda w, q=q: _quantile_frequency(w, q)
        for q in (0.05, 0.25, 0.5, 0.75, 0.95)
    },
    "spec_flatness": lambda w: np.exp(w.log_p.mean()) / w.p.mean(),
    "spec_entropy": lambda w: _entropy(w.share),
    "spec_slope": lambda w: np.polyfit(np.log(w.f), w.log_p, 1)[0],
    "spec_crest": lambda w: w.p.max() / w.p.mean(),
    "spec_distance": _distance,
    "spec_flux": _flux,
}
"""What the loop knows, by the names of seisml."""


def one_window(
    x: np.ndarray, block: int, rate_hz: float, settings: Settings, memory: Memory, names
) -> list[float]:
    """Return some features of the window that begins at a block of a record."""
    n = round(settings.grid.hop_s * rate_hz)
    first = block * n
    samples = x[first - 1 : first + settings.grid.n_hops * n].astype(np.float64)
    w = Window(samples, rate_hz, settings, block, memory)
    return [value for name in names for value in np.atleast_1d(FEATURES[name](w))]
