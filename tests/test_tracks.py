"""Features of whole windows: distribution, lines, tracks, autocorrelation, cepstrum.

Each is compared with plain NumPy and SciPy, window by window, and with closed forms; what they
declare is tested over the registry.
"""

import subprocess
import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy import fft, signal, stats

from seisml.features import (
    Past,
    Settings,
    Windows,
    compute,
    empty_table,
    evaluate,
    fill,
    load_features,
    resolve,
)
from seisml.features.cepstrum import filters
from seisml.segments import Segment
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

MODULES = {"distribution", "lines", "tracks", "correlation", "cepstrum"}
ALSO = {"env_max_median", "env_decay_rms", "f_rms"}
FEATURES = [
    one
    for one in load_features().values()
    if one.function.__module__.rpartition(".")[2] in MODULES or one.name in ALSO
]
NAMES = [one.name for one in FEATURES]
every_feature = pytest.mark.parametrize("one", FEATURES, ids=NAMES)
IN_BAND = {"f_rms", "spec_n_peaks", "harmonicity", "lfcc"}
BANDS_HZ = ((1, 2), (2, 4), (4, 8))


def gaussian(n, seed=0):
    return np.random.default_rng(seed).standard_normal(n)


def with_bursts(x, rate_hz, every_s=97.0, size=6.0, width_s=3.0):
    """Make a record uneven: Gaussian bursts at irregular phases of the windows."""
    t = np.arange(len(x)) / rate_hz
    return x * (1 + size * np.exp(-0.5 * (((t + 20) % every_s - every_s / 2) / width_s) ** 2))


def band_limited(duration_s, rate_hz, low_hz=0.9, high_hz=8.0, seed=0):
    """Return the same noise between two frequencies at any rate, with bursts."""
    f = np.fft.rfftfreq(int(duration_s * 400), 1 / 400)
    inside = np.flatnonzero((f >= low_hz) & (f <= high_hz))
    rng = np.random.default_rng(seed)
    z = np.zeros(int(duration_s * rate_hz) // 2 + 1, complex)
    z[inside] = rng.standard_normal((len(inside), 2)) @ [1, 1j]
    x = np.fft.irfft(z, int(duration_s * rate_hz)) * rate_hz
    return with_bursts(x / 40, rate_hz)


def make_settings(rate_hz, **more):
    details = {"grid": WindowGrid(12.0, 4.0), "band_hz": (0.5, 0.4 * rate_hz)} | more
    return Settings(bands_hz=BANDS_HZ, sub_s=0.5, **details)


def one_segment(x, rate_hz, start_ns=0, **more):
    return Segment("", ("HHZ",), start_ns, rate_hz, np.asarray(x, np.float32)[np.newaxis], **more)


def table_of(parts, rate_hz, n_blocks, config=None):
    config = config or make_settings(rate_hz)
    return fill(empty_table(config, range(n_blocks), rate_hz, needs={"samples"}), parts)


def table_of_record(x, rate_hz, config=None):
    config = config or make_settings(rate_hz)
    n_blocks = int(len(x) / rate_hz / config.grid.hop_s + 1e-9)
    return table_of([one_segment(x, rate_hz)], rate_hz, n_blocks, config)


def all_windows(table):
    return range(table.blocks.start, table.blocks.stop - table.settings.grid.n_hops + 1)


def test_the_order_does_not_depend_on_imports():
    """Columns are in one order, whichever module of features was imported first."""
    code = "import sys, seisml.features as f; print(*[one.name for one in f.resolve()])"
    first = "import seisml.features.cepstrum, seisml.features.bands;"
    runs = [
        subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
        for text in (code, first + code)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout.split()) > 70


def test_all_are_registered():
    """The catalogue's names of these groups are there, with what they need and cost."""
    tracks = (
        "max_mean max_median kurt_max kurt_median npeaks_max npeaks_centroid npeaks_fmax "
        "max_minus_mean iqr_f fc_std fc_slope"
    )
    wanted = {"mad_ratio", "entropy_amp", "entropy_amp_renyi2", "spec_n_peaks", "harmonicity"}
    wanted |= {"acf_npeaks", "acf_energy_ratio", "acf_tau", "lfcc"} | ALSO
    wanted |= {f"trk_{name}" for name in tracks.split()}
    assert set(NAMES) == wanted
    for one in FEATURES:
        assert one.formula
        assert one.summary.endswith(".")
        assert one.reference == "-" or "doi:10." in one.reference
        of_samples = one.name not in IN_BAND | {"env_decay_rms"}
        assert one.needs == (("samples",) if of_samples else ())
    columns = [column for one in FEATURES for column in one.columns(make_settings(20.0))]
    assert len(columns) == len(set(columns)) == len(FEATURES) + 11
    assert columns[-12:] == [f"lfcc[{i}]" for i in range(1, 13)]


# Slow references: one window at a time, in float64


def slow_distribution(x):
    d = x - np.median(x)
    sigma = 1.4826 * np.median(np.abs(d))
    counts, _ = np.histogram(np.clip(d / sigma, -4.999, 4.999), bins=30, range=(-5, 5))
    q = counts[counts > 0] / len(x)
    return {
        "mad_ratio": sigma / x.std(),
        "entropy_amp": -np.sum(q * np.log2(q)) / np.log2(30),
        "entropy_amp_renyi2": -np.log2(np.sum(q**2)) / np.log2(30),
    }


def slow_envelope(x, energy, hops, n_block):
    n = hops * n_block
    taper = signal.get_window("hann", n)
    middle = slice(n // 4, n - n // 4)
    pieces = []
    for start in range(0, len(x) - n + 1, n_block):
        frame = x[start : start + n] - x[start : start + n].mean()
        pieces.append(np.abs(signal.hilbert(frame * taper))[middle] / taper[middle])
    e = np.concatenate(pieces)
    half = np.sqrt(energy) / np.sqrt(energy.max())
    at = half.argmax()
    place = np.arange(at + 1, len(half)) + 0.5
    line = 1 - (place - at - 0.5) / (len(half) - at - 0.5)
    square = [(half[at + i] - line_i) ** 2 for i, line_i in enumerate(line, start=1)]
    if len(square) < 1:
        return {"env_max_median": e.max() / np.median(e), "env_decay_rms": np.nan}
    rms = np.sqrt(np.sum(square) / (len(square) + 1))
    return {"env_max_median": e.max() / np.median(e), "env_decay_rms": rms}


def slow_columns(x, n_block, rate_hz, band_hz):
    """Spectra (n_columns, n_bins) of the columns that lie inside a window."""
    n = n_block // 3
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    inside = (f > 0) & (f >= band_hz[0] - 1e-9) & (f <= min(band_hz[1], 0.4 * rate_hz) + 1e-9)
    found = []
    for block in range(len(x) // n_block):
        for j in range(6):
            start = block * n_block + j * n_block // 6
            if start + n <= len(x):
                part = x[start : start + n]
                _, psd = signal.periodogram(part, rate_hz, window="hann", detrend="constant")
                found.append(psd[inside])
    return f[inside], np.array(found)


def slow_tracks(x, n_block, rate_hz, band_hz, hop_s):
    f, s = slow_columns(x, n_block, rate_hz, band_hz)
    minutes = len(x) // n_block * hop_s / 60
    t = np.arange(len(s)) * hop_s / 6
    centroid = np.array([np.sum(f * row) / np.sum(row) for row in s])
    peak = f[s.argmax(axis=1)]
    level = 10 * np.log10(s)
    quartiles = []
    for row in s:
        edges = np.concatenate([[0], np.cumsum(row)]) / row.sum()
        quartiles.append(np.interp([0.25, 0.75], edges, np.arange(len(edges))) * (f[1] - f[0]))
    share = 0.1 * (f[-1] - f[0])
    peaks = {
        "max": len(signal.find_peaks(level.max(axis=1), prominence=3)[0]),
        "centroid": len(signal.find_peaks(centroid, prominence=share)[0]),
    }
    return {
        "trk_max_mean": np.mean(s.max(axis=0) / s.mean(axis=0)),
        "trk_max_median": np.mean(s.max(axis=0) / np.median(s, axis=0)),
        "trk_kurt_max": stats.kurtosis(s.max(axis=1), fisher=False),
        "trk_kurt_median": stats.kurtosis(np.median(s, axis=1), fisher=False),
        "trk_npeaks_max": peaks["max"] / minutes,
        "trk_npeaks_centroid": peaks["centroid"] / minutes,
        "trk_npeaks_fmax": zigzag(peak, share) / minutes,
        "trk_max_minus_mean": np.mean(level.max(axis=1) - level.mean(axis=1)),
        "trk_iqr_f": np.mean(np.diff(quartiles, axis=1)),
        "trk_fc_std": np.std(centroid),
        "trk_fc_slope": np.polyfit(t, centroid, 1, w=np.sqrt(s.sum(axis=1)))[0],
    }


def zigzag(curve, prominence):
    """Count rises and falls of a curve with equal values, where SciPy counts each of them."""
    count, low, high = 0, curve[0], None
    for value in curve[1:]:
        if high is None:
            low = min(low, value)
            high = value if value - low >= prominence else None
        else:
            high = max(high, value)
            if high - value >= prominence:
                count, low, high = count + 1, value, None
    return count


def slow_correlation(x, rate_hz, duration_s):
    n, n_lags = len(x), len(x) // 2
    d = x - x.mean()
    r = np.correlate(d, d, "full")[n - 1 : n + n_lags] / np.sum(d**2)
    n_fft = fft.next_fast_len(n + n_lags + 1)
    wrapped = np.fft.irfft(np.abs(np.fft.rfft(d, n_fft)) ** 2, n_fft) / np.sum(d**2)
    envelope = np.abs(signal.hilbert(wrapped))[: n_lags + 1]
    below = np.flatnonzero(envelope < np.exp(-1))
    tau = duration_s
    if len(below):
        i = below[0]
        part = (envelope[i - 1] - np.exp(-1)) / (envelope[i - 1] - envelope[i])
        tau = (i - 1 + part) / rate_hz
    third = n_lags // 3
    return {
        "acf_npeaks": len(signal.find_peaks(r, height=0.1, prominence=0.1)[0]),
        "acf_energy_ratio": np.abs(r[1 : third + 1]).sum() / np.abs(r[third + 1 :]).sum(),
        "acf_tau": tau,
    }


def slow_spectrum(x, hops, n_block, rate_hz, band_hz):
    n = hops * n_block
    f, psd = signal.welch(x, rate_hz, nperseg=n, noverlap=n - n_block, detrend="constant")
    inside = (f > 0) & (f >= band_hz[0] - 1e-9) & (f <= min(band_hz[1], 0.4 * rate_hz) + 1e-9)
    return f[inside], psd[inside]


def slow_lines(f, psd, f_peak_hz):
    smooth = np.convolve(psd, np.ones(3) / 3, "valid")
    level = 10 * np.log10(smooth)
    height = level.max() + 10 * np.log10(0.75)
    found = {
        "f_rms": np.sqrt(np.sum(f**2 * psd) / psd.sum()),
        "spec_n_peaks": len(signal.find_peaks(level, height=height, prominence=3)[0]),
        "harmonicity": np.nan,
    }
    df, heights = f[1] - f[0], []
    for d in (1, 2, 3, 4):
        f1_hz = f_peak_hz / d
        places = {k: round((k * f1_hz - f[1]) / df) for k in (1, 1.5, 2, 2.5, 3, 3.5, 4)}
        n_lines = sum(0 <= places[k] < len(level) for k in (1, 2, 3, 4))
        if f1_hz >= 6 * df and places[1] >= 0 and n_lines > 1:
            lines = [level[places[k]] for k in range(1, n_lines + 1)]
            between = [level[places[k + 0.5]] for k in range(1, n_lines)]
            heights.append(np.mean(lines) - np.mean(between))
    return found | ({"harmonicity": max(heights)} if heights else {})


def slow_cepstrum(f, psd):
    edges = np.geomspace(f[0], f[-1], 26)
    levels = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        g = np.linspace(low, high, 4001)
        triangle = np.interp(g, [low, middle, high], [0, 1, 0])
        levels.append(np.log10(np.sum(triangle * np.interp(g, f, psd)) / triangle.sum()))
    return fft.dct(np.array(levels), norm="ortho")[1:13]


SLOW_CASES = {
    "20 Hz": (20.0, (12.0, 4.0), None),
    "50 Hz, one spectrum": (50.0, (6.0, 3.0), None),
    "6.625 Hz": (6.625, (60.0, 15.0), None),
    "short spectra": (20.0, (16.0, 4.0), 4.0),
    "long spectra": (20.0, (16.0, 4.0), 12.0),
}


@cache
def slow_case(name):
    rate_hz, grid, spectrum_s = SLOW_CASES[name]
    grid = WindowGrid(*grid)
    config = make_settings(rate_hz, grid=grid, spectrum_s=spectrum_s, band_hz=(0.3, 0.4 * rate_hz))
    n = int(40 * grid.hop_s * rate_hz)
    coloured = signal.lfilter([1.0], [1.0, -0.9, 0.5], gaussian(n, seed=21))
    x = with_bursts(coloured, rate_hz, every_s=3.3 * grid.length_s, width_s=0.2 * grid.length_s)
    table = table_of_record(x, rate_hz, config)
    chosen = resolve([*NAMES, "f_peak"])
    X, _ = evaluate(table, all_windows(table), chosen)
    names = [column for one in chosen for column in one.columns(config)]
    return table, dict(zip(names, X.T.astype(float), strict=True))


@pytest.mark.parametrize("name", SLOW_CASES)
class TestSlow:
    """Every feature of every window is what plain NumPy and SciPy make of its samples."""

    def windows(self, name):
        table, found = slow_case(name)
        k = table.settings.grid.n_hops
        for i in all_windows(table):
            yield i, table.samples[i : i + k].ravel().astype(float), table, found

    def compare(self, i, found, wanted, rtol=1e-4):
        for feature_name, value in wanted.items():
            np.testing.assert_allclose(
                found[feature_name][i], value, rtol, atol=1e-5, err_msg=f"{feature_name} {i}"
            )

    def test_distribution(self, name):
        """A sample within rounding of the edge of a bin may be counted on either side."""
        for i, x, _, found in self.windows(name):
            self.compare(i, found, slow_distribution(x), rtol=2e-3)

    def test_envelope(self, name):
        for i, x, table, found in self.windows(name):
            energy = Windows(table, Past(table), i, 1).energy[0]
            hops = table.settings.spectrum_hops
            wanted = slow_envelope(x, energy, hops, table.samples.shape[1])
            self.compare(i, found, wanted)

    def test_tracks(self, name):
        for i, x, table, found in self.windows(name):
            band_hz, hop_s = table.settings.band_hz, table.settings.grid.hop_s
            n_block, rate_hz = table.samples.shape[1], table.sampling_rate_hz
            self.compare(i, found, slow_tracks(x, n_block, rate_hz, band_hz, hop_s), rtol=2e-4)

    def test_correlation(self, name):
        for i, x, table, found in self.windows(name):
            duration_s = table.settings.grid.length_s
            wanted = slow_correlation(x, table.sampling_rate_hz, duration_s)
            self.compare(i, found, wanted)

    def test_spectrum(self, name):
        for i, x, table, found in self.windows(name):
            hops, n_block = table.settings.spectrum_hops, table.samples.shape[1]
            rate_hz, band_hz = table.sampling_rate_hz, table.settings.band_hz
            f, psd = slow_spectrum(x, hops, n_block, rate_hz, band_hz)
            if rate_hz == 6.625:  # spectra there have one sample more than two blocks
                continue
            self.compare(i, found, slow_lines(f, psd, found["f_peak"][i]))
            lfcc = {f"lfcc[{j}]": value for j, value in enumerate(slow_cepstrum(f, psd), start=1)}
            self.compare(i, found, lfcc if len(f) >= 24 else dict.fromkeys(lfcc, np.nan), 1e-3)


# Closed forms


def features(x, rate_hz, names=NAMES, *, length_s=30.0, hop_s=10.0, **more):
    more = {"band_hz": (0.5, 0.4 * rate_hz), "bands_hz": BANDS_HZ} | more
    return compute(x, rate_hz, length_s=length_s, hop_s=hop_s, names=names, **more)


@cache
def white(rate_hz):
    """Features of unit white noise in windows that do not overlap."""
    x = gaussian(int(rate_hz * 30 * 150), seed=4)
    return features(x, rate_hz).iloc[::3]


def expected_of_white(rate_hz):
    edges = np.r_[-np.inf, np.arange(-14, 15) / 3, np.inf]
    q = np.diff(stats.norm.cdf(edges))
    n = 30 * rate_hz
    f_max, df = 0.4 * rate_hz, 3 / 10
    n_bins = np.floor(f_max / df + 1e-9) - np.ceil(0.5 / df) + 1
    low_hz, high_hz = 0.5 - 0.025, f_max + 0.025
    lag = [1.0, 5 / 6, 1 / 2]  # |r| falls as sqrt(1 - lag/T)
    return {
        "mad_ratio": 1.0,
        "entropy_amp": -np.sum(q * np.log2(q)) / np.log2(30) - 15 / (n * np.log(2) * np.log2(30)),
        "entropy_amp_renyi2": -np.log2(np.sum(q**2) + (1 - np.sum(q**2)) / n) / np.log2(30),
        "f_rms": np.sqrt((low_hz**2 + low_hz * high_hz + high_hz**2) / 3),
        "trk_iqr_f": (n_bins - 1) / 2 * df,
        "trk_fc_slope": 0.0,
        "acf_energy_ratio": -np.diff(np.power(lag, 1.5))[0] / -np.diff(np.power(lag, 1.5))[1],
    }


@pytest.mark.parametrize("rate_hz", [20.0, 100.0])
@pytest.mark.parametrize("name", expected_of_white(20.0))
def test_white_noise(name, rate_hz):
    """The mean over 150 windows is the closed form within 3 standard errors (and its rounding)."""
    found, wanted = white(rate_hz)[name], expected_of_white(rate_hz)[name]
    assert len(found) == 150
    assert found.notna().all()
    error = 3 * found.std() / np.sqrt(len(found))
    bias = {"trk_iqr_f": 0.1}.get(name, 0.0)
    assert found.mean() == pytest.approx(wanted, abs=error + bias + 2e-3 * abs(wanted))


def test_noise_does_not_repeat_itself():
    """In 3000 samples r has a spread of 0.02: no peak is above 0.1."""
    assert (white(100.0)["acf_npeaks"] == 0).all()


@pytest.mark.parametrize("rate_hz", [20.0, 100.0])
def test_a_pulse_over_the_median_of_a_rayleigh_envelope(rate_hz):
    """The envelope of noise has the median sqrt(ln 4): a pulse of 1000 is 849 times as large."""
    t = np.arange(int(rate_hz * 900)) / rate_hz
    pulse = 1000 * np.exp(-0.5 * ((t % 30 - 15) / 0.1) ** 2) * np.sin(2 * np.pi * 5 * t)
    x = gaussian(len(t), seed=2) + pulse
    found = features(x, rate_hz, ["env_max_median"])["env_max_median"]
    assert found.iloc[::3].mean() == pytest.approx(1000 / np.sqrt(np.log(4)), rel=0.05)


def test_the_cepstrum_of_noise_is_flat():
    """Many spectra of white noise: all coefficients vanish; P ~ f^a gives that of a ramp."""
    more = {"length_s": 1200.0, "hop_s": 10.0, "band_hz": (1.0, 32.0)}
    n = 100 * 1800
    noise = gaussian(n, seed=3)
    flat = features(noise, 100.0, ["lfcc"], **more)
    assert np.abs(flat.mean()).max() < 0.06
    f = np.fft.rfftfreq(n, 0.01)
    for power in (-2.0, 1.0):
        x = np.fft.irfft(np.fft.rfft(noise) * np.maximum(f, 0.5) ** (power / 2), n)
        ramp = power * np.log10(32.0) * np.arange(1, 25) / 25
        wanted = fft.dct(ramp, norm="ortho")[1:13]
        found = features(x, 100.0, ["lfcc"], **more).mean() - flat.mean()
        np.testing.assert_allclose(found, wanted, atol=0.03)


@pytest.mark.parametrize("f0_hz", [1.7071, 2.4142, 5.0307])  # no rate is a multiple
@pytest.mark.parametrize("rate_hz", [20.0, 50.0, 100.0])
def test_sine(rate_hz, f0_hz):
    """A sine has the values of the arcsine law, no peaks in time, and never forgets itself."""
    x = 30 * np.sin(2 * np.pi * f0_hz * np.arange(int(200 * rate_hz)) / rate_hz + 0.4)
    frame = features(x, rate_hz)
    edges = np.clip(np.arange(-15, 16) / 3 * 1.4826 * np.sqrt(0.5), -1, 1)
    q = np.diff(0.5 + np.arcsin(edges) / np.pi)
    q = q[q > 0]
    u = np.array([1.0, 5 / 6, 1 / 2]) ** 2  # |r| falls as 1 - lag/T
    expected = {
        "mad_ratio": (1.4826, 0.03),
        "entropy_amp": (-np.sum(q * np.log2(q)) / np.log2(30), 0.02),
        "entropy_amp_renyi2": (-np.log2(np.sum(q**2)) / np.log2(30), 0.02),
        "env_max_median": (1.0, 0.01),
        "f_rms": (f0_hz, 0.01),
        "spec_n_peaks": (1.0, 0.0),
        "trk_npeaks_max": (0.0, 0.0),
        "trk_npeaks_centroid": (0.0, 0.0),
        "trk_npeaks_fmax": (0.0, 0.0),
        "trk_iqr_f": (0.0, 0.4),
        "trk_fc_std": (0.0, 0.01),
        "trk_fc_slope": (0.0, 1e-3),
        "acf_npeaks": (f0_hz * 15, 1.0),
        "acf_energy_ratio": ((u[0] - u[1]) / (u[1] - u[2]), 0.01),
        "acf_tau": (30.0, 0.0),
    }
    for name, (wanted, error) in expected.items():
        np.testing.assert_allclose(frame[name], wanted, rtol=0, atol=error + 1e-6, err_msg=name)
    assert frame["trk_kurt_max"].isna().all()  # steady


def test_a_record_that_repeats_itself_is_steady():
    """Noise again and again every two seconds: all columns are the same, whatever they are."""
    x = np.tile(gaussian(100, seed=6), 100)
    frame = features(x, 50.0, length_s=36.0, hop_s=12.0)
    for name in ("trk_max_mean", "trk_max_median"):
        np.testing.assert_allclose(frame[name], 1.0, rtol=1e-4)
    for name in ("trk_fc_std", "trk_fc_slope", "trk_npeaks_max", "trk_npeaks_fmax"):
        np.testing.assert_allclose(frame[name], 0.0, atol=1e-5)
    assert frame[["trk_kurt_max", "trk_kurt_median"]].isna().all().all()
    assert (frame["trk_iqr_f"] > 5).all()
    assert (frame["acf_npeaks"] >= 8).all()


def test_the_steady_decay():
    """An amplitude that stays is a line's length away from it: 1/√3."""
    x = (-1.0) ** np.arange(20_000)
    found = features(x, 100.0, ["env_decay_rms"])["env_decay_rms"]
    np.testing.assert_allclose(found, 1 / np.sqrt(3), rtol=0.02)


@pytest.mark.parametrize("rate_hz", [20.0, 100.0])
def test_a_line_decays_along_a_line(rate_hz):
    """An amplitude that falls from its largest value to 0 at the end of the window gives 0."""
    t = np.arange(int(300 * rate_hz)) / rate_hz
    x = (1 - t % 30 / 30) * np.sqrt(2) * np.sin(2 * np.pi * rate_hz / 4 * t + np.pi / 4)
    found = features(x, rate_hz, ["env_decay_rms"])["env_decay_rms"]
    np.testing.assert_allclose(found[::3], 0.0, atol=0.01)
    fast = features(x * np.exp(-(t % 30) / 3), rate_hz, ["env_decay_rms"])["env_decay_rms"]
    assert (fast[::3] > 0.2).all()


@pytest.mark.parametrize("rate_hz", [50.0, 100.0])
@pytest.mark.parametrize("slope", [0.01, -0.01, 0.1])
def test_a_chirp_has_its_rate(rate_hz, slope):
    """The centroid of a linear chirp drifts by its rate, whatever its amplitude does."""
    t = np.arange(int(100 * rate_hz)) / rate_hz
    phase = 2 * np.pi * (5.0 * t + slope * t**2 / 2)
    for size in (1.0, 1 + 0.9 * np.sin(t / 3)):
        frame = features(size * np.sin(phase), rate_hz)
        np.testing.assert_allclose(frame["trk_fc_slope"], slope, rtol=0.02, atol=2e-4)
        np.testing.assert_allclose(frame["trk_fc_std"], abs(slope) * 27 / 3.4, rtol=0.05)


def test_harmonic_tremor_is_harmonic():
    """Four overtones 30 dB over noise give that; noise and one line alone do not come near."""
    t = np.arange(60_000) / 100
    noise = gaussian(60_000, seed=7)
    more = {"names": ["harmonicity"], "spectrum_s": 20.0, "band_hz": (0.5, 20.0)}

    def median_of(weights, f1_hz=1.65):
        lines = [a * np.sin(2 * np.pi * k * f1_hz * t + k) for k, a in weights.items()]
        return features(sum(lines, noise), 100.0, **more)["harmonicity"].median()

    # The three frequencies of a line share its power: a²/2 over 3 Δf; P of the noise is 2/100.
    smooth_db = 10 * np.log10(1 / 2 * 20 / 3 / (2 / 100))
    assert median_of(dict.fromkeys((1, 2, 3, 4), 1.0)) == pytest.approx(smooth_db, abs=1.5)
    assert median_of({1: 0.5, 2: 2.0, 3: 1.0, 4: 1.0}) == pytest.approx(smooth_db, abs=1.5)
    assert median_of({}) < 7
    assert median_of({1: 1.0}) < smooth_db - 8


def test_high_peaks_of_the_spectrum_are_counted():
    """Lines of more than 3/4 of the largest power count, lower and closer ones do not."""
    t = np.arange(30_000) / 100

    def count(*lines):
        x = sum(np.sqrt(power) * np.sin(2 * np.pi * f0_hz * t) for f0_hz, power in lines)
        return features(x, 100.0, ["spec_n_peaks"])["spec_n_peaks"].tolist()

    n = len(count((3, 1)))
    assert count((3, 1)) == [1] * n
    assert count((3, 1), (6, 0.8), (9, 0.85)) == [3] * n
    assert count((3, 1), (6, 0.7), (9, 0.85)) == [2] * n


def test_peaks_in_time_a_minute():
    """Bursts every 15 s and two tones in turn are as many peaks a minute as there are."""
    rate_hz, t = 50.0, np.arange(50 * 600) / 50
    more = {"length_s": 120.0, "hop_s": 10.0}
    bursts = gaussian(len(t)) * (0.01 + np.exp(-0.5 * ((t % 15 - 7.5) / 1.5) ** 2))
    found = features(bursts, rate_hz, ["trk_npeaks_max"], **more)["trk_npeaks_max"]
    assert set(found.round(6)) <= {3.5, 4.0}
    tone = np.where(t % 20 < 10, 4.0, 12.0)
    x = np.sin(2 * np.pi * tone * t)
    names = ["trk_npeaks_centroid", "trk_npeaks_fmax"]
    frame = features(x, rate_hz, names, **more)
    for name in names:
        assert set(frame[name].round(6)) <= {2.5, 3.0}
        assert frame[name].mean() > 2.4


@pytest.mark.parametrize("tau_s", [0.5, 2.0])
def test_the_memory_of_a_resonator(tau_s):
    """The autocorrelation of a damped oscillation falls to 1/e in the time of its damping."""
    rate_hz = 50.0
    pole = np.exp(-1 / (tau_s * rate_hz)) * np.exp(2j * np.pi * 5.0 / rate_hz)
    x = signal.lfilter([1.0], np.poly([pole, pole.conj()]).real, gaussian(200_000, seed=5))
    found = features(x, rate_hz, ["acf_tau"], length_s=120.0)["acf_tau"]
    assert found.median() == pytest.approx(tau_s, rel=0.12)


def test_the_filters_cover_the_band():
    """Each sums to 1, rises to its own centre, and passes on a constant and a line."""
    for f in (np.arange(1.0, 40.0, 0.25), np.arange(0.05, 8.0, 0.05), np.arange(0.1, 2.4, 0.1)):
        weights = filters(f)
        edges = np.geomspace(f[0], f[-1], 26)
        assert (weights >= -1e-12).all()
        np.testing.assert_allclose(weights.sum(axis=0), 1.0)
        middle = (edges[:-2] + edges[1:-1] + edges[2:]) / 3
        np.testing.assert_allclose(f @ weights, middle, rtol=1e-9)


# What is declared

CLOSE = {"rtol": 2e-4, "atol": 2e-5}


def values(one, x, rate_hz, *, length_s=10.0, band_hz=None, **more):
    """Compute one feature of a record as an array of float64."""
    band_hz = band_hz or (0.5, 0.4 * rate_hz)
    more = {"length_s": length_s, "hop_s": 5.0, "band_hz": band_hz, "sub_s": 0.1} | more
    return features(x, rate_hz, [one.name], **more).to_numpy(float)


@cache
def uneven():
    return with_bursts(gaussian(100_000, seed=1), 100.0)


def check_scaled(one, others):
    """Counts and medians may turn over where two samples are equal but for rounding."""
    base = values(one, uneven(), 100.0)
    assert np.isfinite(base).any(axis=0).all()
    for other in others:
        found = values(one, other, 100.0)
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(base))
        same = np.isclose(found, base, **CLOSE) | np.isnan(base)
        assert same.mean() > 0.98
        assert np.nanmax(np.abs(found - base)) < 0.1 * np.nanmax(np.abs(base))


def check_gain(one):
    check_scaled(one, (gain * uneven() for gain in (1e6, 1e-9, -3.0)))


def check_offset(one):
    check_scaled(one, (uneven() + offset * uneven().std() for offset in (1e4, -1e4)))


def check_length(one):
    """The mean over many windows moves by less than 0.3 of the spread between windows."""
    x = gaussian(300_000, seed=3)
    short, long = (values(one, x, 100.0, length_s=length_s) for length_s in (10.0, 20.0))
    assert np.isfinite(short).mean() > 0.8
    change = np.nanmean(long, axis=0) - np.nanmean(short, axis=0)
    assert (np.abs(change) < 0.3 * np.nanstd(short, axis=0)).all()


def check_rate(one):
    """Window by window the values differ by less than 0.1 of the spread between windows."""
    slow, fast = (
        values(one, band_limited(1600, rate_hz), rate_hz, band_hz=(0.5, 10.0))
        for rate_hz in (100.0, 200.0)
    )
    np.testing.assert_array_equal(np.isfinite(slow), np.isfinite(fast))
    spread = np.nanstd(slow, axis=0)
    assert (spread > 0).all()
    assert (np.sqrt(np.nanmean((slow - fast) ** 2, axis=0)) < 0.1 * spread).all()


CHECKS = {"G": check_gain, "O": check_offset, "L": check_length, "R": check_rate}
PROMISES = [(one, letter) for one in FEATURES for letter in one.invariances]


@pytest.mark.parametrize(
    ("one", "letter"), PROMISES, ids=[f"{one.name}-{letter}" for one, letter in PROMISES]
)
def test_declared_invariances_hold(one, letter):
    """Each letter of each feature is a promise that is kept."""
    CHECKS[letter](one)


@pytest.mark.parametrize("level", [0.0, -3.3e-9, 1e9], ids="{:g}".format)
@every_feature
def test_a_constant_has_no_features(one, level):
    """No value, no warning, no infinity, no sentinel."""
    assert np.isnan(values(one, np.full(10_000, level), 100.0)).all()


@every_feature
def test_windows_of_few_samples(one):
    """Down to two samples there is a value or NaN, and no error; two samples have no thirds."""
    for n in (2, 5, 6, 13):
        grid = {"length_s": n / 10, "hop_s": n / 10, "band_hz": (0.5, 4.0), "sub_s": n / 10}
        found = values(one, gaussian(60 * n), 10.0, **grid)
        assert not np.isinf(found).any()
        if one.name.startswith("acf"):
            assert np.isfinite(found).all() == (n >= 6)


@every_feature
def test_too_few_frequencies(one):
    """Bands without three frequencies are NaN where the band matters; others do not care."""
    x = with_bursts(gaussian(2_000, seed=2), 20.0)
    of_band = one.name in IN_BAND or one.group == "F"
    for band_hz in ((7.95, 40.0), (9.0, 40.0)):
        assert np.isnan(values(one, x, 20.0, band_hz=band_hz)).all() == of_band
    # 20 frequencies are less than 24 filters, and no overtone lies within an octave.
    narrow = np.isnan(values(one, x, 20.0, band_hz=(2.0, 3.9)))
    assert narrow.all() == (one.name in ("lfcc", "harmonicity"))


SHAPES = {
    "one sample": np.eye(1, 8_000, 4_000).ravel(),
    "bursts": with_bursts(gaussian(8_000, seed=9), 20.0),
    "step": np.sign(np.arange(8_000) - 3_950.5),
    "alternating": (-1.0) ** np.arange(8_000),
    "line": np.linspace(-1, 1, 8_000),
    "burst in silence": np.sin(np.arange(8_000)) * (abs(np.arange(8_000) - 4e3) < 300),
    "least float32": np.where(np.arange(8_000) % 7, 1e-45, -6e-45),
    "largest": np.where(gaussian(8_000) > 0, 1e37, -1e37),
    "great event": gaussian(8_000) * np.where(abs(np.arange(8_000) - 4e3) < 300, 1e12, 1.0),
}


@pytest.mark.parametrize("name", SHAPES)
def test_odd_signals_give_no_infinity(name):
    """Whatever comes, values are finite or NaN, and nothing is warned of."""
    table = table_of_record(SHAPES[name], 20.0)
    X, coverage = evaluate(table, all_windows(table), FEATURES)
    assert not np.isinf(X).any()
    np.testing.assert_array_equal(coverage, 1.0)
    if name in ("bursts", "great event"):
        assert np.isfinite(X).mean() > 0.9


def test_digital_silence_has_no_tracks():
    """Windows that are silent, wholly or for a column, have no tracks; the others keep theirs."""
    x = gaussian(8_000)
    silent = x.copy()
    silent[4_000:4_400] = 0.0
    chosen = [one for one in FEATURES if one.group == "F"]
    one, two = (table_of_record(y, 20.0) for y in (x, silent))
    (found, _), (wanted, _) = (evaluate(t, all_windows(t), chosen) for t in (two, one))
    touched = np.array([48 <= i <= 54 for i in all_windows(one)])
    assert np.isnan(found[touched]).all()
    np.testing.assert_array_equal(found[~touched], wanted[~touched])


@every_feature
def test_gaps_take_whole_windows(one):
    """A window with an incomplete block is NaN where all of it is needed; others keep all bits."""
    x = with_bursts(gaussian(8_000, seed=5), 20.0)
    config = make_settings(20.0, grid=WindowGrid(24.0, 4.0), min_coverage=0.5)
    whole = table_of_record(x, 20.0, config)
    parts = [one_segment(x[:4_010], 20.0), one_segment(x[4_050:], 20.0, round(202.5 * NS_PER_S))]
    gappy = table_of(parts, 20.0, 100, config)
    (wanted, _), (found, coverage) = (evaluate(t, all_windows(t), [one]) for t in (whole, gappy))
    touched = coverage < 1 - 1e-6
    assert touched.sum() == 6
    needs_all = one.name not in IN_BAND | {"env_decay_rms"}
    assert np.isnan(found[touched]).all() == needs_all
    if needs_all:
        np.testing.assert_array_equal(found[~touched], wanted[~touched])
    assert np.isfinite(found[~touched]).any(axis=0).all()


def test_blocks_of_another_rate_are_no_samples():
    """Records of twice or half the rate of the table are not taken for its samples."""
    n = 4_000
    for other_hz in (10.0, 40.0):
        parts = [
            one_segment(gaussian(n), 20.0),
            one_segment(gaussian(n), other_hz, 200 * NS_PER_S),
        ]
        table = table_of(parts, 20.0, 75)
        known = np.isfinite(table.samples)
        assert known[:50].all()
        assert not known[50:].any()
        X, _ = evaluate(table, range(52, 72), resolve(["mad_ratio", "acf_tau", "trk_fc_std"]))
        assert np.isnan(X).all()


# Bits


@cache
def reference():
    """An uneven record of half an hour, its table and all features."""
    x = with_bursts(gaussian(36_000, seed=11), 20.0)
    table = table_of_record(x, 20.0)
    return x, table, evaluate(table, all_windows(table), FEATURES)[0]


@pytest.mark.parametrize("rows", [1, 7, 64, 100])
def test_batches_leave_no_trace(rows, monkeypatch):
    """Windows evaluated a few at a time have the bits of those evaluated all at once."""
    _, table, wanted = reference()
    monkeypatch.setattr(sys.modules["seisml.features.compute"], "ROWS", rows)
    monkeypatch.setattr(sys.modules["seisml.features.compute"], "MORE", 1)
    windows = range(0, 90)
    found, _ = evaluate(table, windows, FEATURES)
    np.testing.assert_array_equal(found, wanted[: len(windows)])


@pytest.mark.parametrize("first", [1, 17, 333])
def test_tables_leave_no_trace(first):
    """Tables that begin elsewhere, filled from pieces, give the same bits."""
    x, table, wanted = reference()
    edges = sorted({max(edge, first * 80) for edge in (0, 9_999, 27_001, 27_013, len(x))})
    parts = [
        one_segment(x[a:b], 20.0, a * NS_PER_S // 20, continues=a > edges[0])
        for a, b in pairwise(edges)
    ]
    empty = empty_table(table.settings, range(first, table.blocks.stop), 20.0, needs={"samples"})
    part = fill(empty, parts)
    found, _ = evaluate(part, all_windows(part), FEATURES)
    np.testing.assert_array_equal(found[1:], wanted[first + 1 :])


def test_an_event_outside_a_window_changes_no_bit():
    """Windows before and after 10⁷ counts over 1 keep every bit."""
    x, table, wanted = reference()
    config = table.settings
    event = x.copy()
    event[18_003:18_700] *= 1e7
    found, _ = evaluate(table_of_record(event, 20.0), all_windows(table), FEATURES)
    hit = np.array([i * 80 < 18_700 and (i + 3) * 80 > 18_003 for i in all_windows(table)])
    np.testing.assert_array_equal(found[~hit], wanted[~hit])
    counts = [one.unit in ("count", "1/min") for one in FEATURES for _ in one.columns(config)]
    assert ((found[hit] != wanted[hit]).any(axis=0) | counts).all()


def test_windows_of_other_lengths():
    """A further length has the values that windows of that length alone have."""
    x, _, _ = reference()
    config = make_settings(20.0, lengths_s=(28.0,))
    alone = make_settings(20.0, grid=WindowGrid(28.0, 4.0))
    both = evaluate(table_of_record(x, 20.0, config), range(50, 90), FEATURES)[0]
    wanted, _ = evaluate(table_of_record(x, 20.0, alone), range(48, 88), FEATURES)
    np.testing.assert_array_equal(both[:, wanted.shape[1] :], wanted)
