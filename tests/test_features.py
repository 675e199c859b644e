"""Features keep what they declare: units, closed forms, invariances, NaN, causality.

Tests run over the registry: a new feature is tested without a new line here.
"""

import dataclasses
import math
import subprocess
import sys
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import special, stats

from seisml.errors import FeatureError
from seisml.features import (
    INVARIANCES,
    REGISTRY,
    Feature,
    Past,
    Settings,
    Windows,
    compute,
    empty_table,
    evaluate,
    feature,
    fill,
    get_feature,
    load_features,
    moving_sum,
    resolve,
)
from seisml.features.blocks import NEEDS
from seisml.features.ratios import sta_lta_of
from seisml.segments import Band, Segment, causal_filter, segments
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

FEATURES = [one for one in load_features().values() if one.group != "user" and one.per == "channel"]
every_feature = pytest.mark.parametrize("one", FEATURES, ids=[one.name for one in FEATURES])
SLOW = [one for one in FEATURES if one.min_rate_hz <= 20]
every_feature_at_20_hz = pytest.mark.parametrize("one", SLOW, ids=[one.name for one in SLOW])
every_rate = pytest.mark.parametrize("rate_hz", [20.0, 50.0, 100.0, 200.0])
SPECTRAL = "DEF"
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


def small_settings(rate_hz, **more):
    """Return settings of short memory, so that tests need short records."""
    details = {
        "sub_s": 0.5,
        "sta_lta_s": (("short", 1.0, 10.0), ("mid", 2.0, 20.0), ("long", 10.0, 40.0)),
        "background_s": 60.0,
    } | more
    grid = details.pop("grid", WindowGrid(6.0, 2.0))
    return Settings(grid, (0.5, 0.4 * rate_hz), BANDS_HZ, **details)


def one_segment(x, rate_hz, start_ns=0):
    return Segment("", ("HHZ",), start_ns, rate_hz, np.asarray(x, np.float32)[np.newaxis])


def table_of(x, rate_hz, config=None, blocks=None):
    """Fill a table with a record that starts in 1970."""
    config = config or small_settings(rate_hz)
    blocks = blocks or range(round(len(x) / rate_hz / config.grid.hop_s))
    return fill(empty_table(config, blocks, rate_hz, needs=NEEDS), [one_segment(x, rate_hz)])


def all_windows(table):
    return range(table.blocks.start, table.blocks.stop - table.settings.grid.n_hops + 1)


# The registry


def test_names_and_columns_are_unique():
    """No two features share a name or a column, with any number of bands."""
    assert list(REGISTRY) == [one.name for one in REGISTRY.values()]
    columns = [column for one in FEATURES for column in one.columns(small_settings(20.0))]
    assert len(set(columns)) == len(columns)
    assert len(FEATURES) >= 36


@every_feature
def test_a_feature_says_what_it_is(one):
    """Unit, formula, reference, docstring, version and invariances are stated."""
    assert one.name.isidentifier()
    assert one.name == one.name.lower()
    assert one.formula
    assert one.reference == "-" or any(digit in one.reference for digit in "0123456789")
    assert one.summary.endswith(".")
    units = {
        "input",
        "input²",
        "log10",
        "dB",
        "dB/s",
        "Hz",
        "Hz/s",
        "s",
        "1/s",
        "1/min",
        "°",
        "count",
    }
    assert set(one.unit.split()) <= units
    assert set(one.invariances) <= set(INVARIANCES) == set("GLRO")
    assert len(set(one.invariances)) == len(one.invariances)
    assert isinstance(one.version, int)
    assert one.version >= 1
    assert one.min_rate_hz >= 0
    assert get_feature(one.name) is one


@every_feature
def test_the_gain_is_in_the_unit_or_nowhere(one):
    """A feature whose unit is not that of the samples must declare that no gain changes it."""
    assert ("input" in one.unit) != ("G" in one.invariances)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("f_centriod", "f_centroid"), ("kurtosys", "kurtosis"), ("stalta_mid", "stalta_mid_max")],
)
def test_a_misspelt_name_gets_a_suggestion(wrong, right):
    """The error names the nearest feature."""
    with pytest.raises(FeatureError, match=f"no feature '{wrong}'.*\n.*'{right}'"):
        resolve([right, wrong])


def test_columns_do_not_depend_on_what_was_imported_first():
    """A process that imported one module of features before the others has the same order."""
    code = "from seisml.features import resolve; print(*(one.name for one in resolve()))"
    found = [
        subprocess.run(
            [sys.executable, "-c", first + code], capture_output=True, text=True, check=True
        ).stdout
        for first in ("", "import seisml.features.spectrum, seisml.features.bands; ")
    ]
    assert found[0] == found[1]


def test_resolve_keeps_the_order_of_the_registry():
    """Columns do not depend on the order in which names are given, nor on repetition."""
    names = [one.name for one in resolve(["kurtosis", "rms", "kurtosis"])]
    assert names == ["rms", "kurtosis"] == [one.name for one in resolve(iter(["kurtosis", "rms"]))]
    assert [one.name for one in resolve("rms")] == ["rms"]
    assert resolve() == list(load_features().values())
    with pytest.raises(FeatureError, match="empty"):
        resolve([])


def test_the_features_need_no_obspy():
    """Students use seisml.features with NumPy, SciPy and pandas alone."""
    code = "import sys, seisml.features as f; f.load_features(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert not loaded & {"obspy", "sklearn", "matplotlib", "h5py", "dask"}
    assert "seisml" in loaded


def test_a_users_feature_joins_the_registry(monkeypatch):
    """A decorated function is computed, resolved and explained like a built-in one."""
    monkeypatch.setattr("seisml.features.registry.REGISTRY", dict(REGISTRY))

    @feature("input", group="user", formula="max − min", invariances="O")
    def peak_to_peak(w):
        """Return the range."""
        return w.sums("max").max(axis=1) - w.sums("min").min(axis=1)

    x = gaussian(4000).astype(np.float32)
    frame = compute(x, 100.0, length_s=10.0, hop_s=5.0, names="peak_to_peak")
    assert frame["peak_to_peak"].iloc[0] == pytest.approx(np.ptp(x[:1000]), rel=1e-5)
    assert get_feature("peak_to_peak").summary == "Return the range."
    with pytest.raises(FeatureError, match="unknown invariance"):
        feature("", group="user", formula="-", invariances="GX")(lambda w: w)
    with pytest.raises(FeatureError, match="'rms' already"):
        feature("", group="user", formula="-", name="rms")(lambda w: w)


# Closed forms: sines

SINES_HZ = (0.3, 2.4, 5.0, 8.0)
SINE_BANDS_HZ = ((0.1, 1), (1, 4), (4, 6.5), (6.5, 8), (8, 9))
AMPLITUDE = 30.0


@cache
def sine(rate_hz, f0_hz):
    """Features of a sine; four samples a period are met at an eighth of it, so none is special."""
    phase = 2 * np.pi * f0_hz * np.arange(int(800 * rate_hz)) / rate_hz + np.pi / 8
    x = AMPLITUDE * np.cos(phase)
    frame = compute(x, rate_hz, length_s=40, hop_s=10, bands_hz=SINE_BANDS_HZ, spectrum_s=20)
    return x, frame


@every_rate
@pytest.mark.parametrize("f0_hz", SINES_HZ)
class TestSine:
    """A sine of any frequency at any rate has the values that its formula gives."""

    def test_amplitude_and_shape(self, rate_hz, f0_hz):
        """RMS A/√2, Pearson kurtosis 1.5, crest √2 (at the samples), no skewness."""
        x, frame = sine(rate_hz, f0_hz)
        np.testing.assert_allclose(frame["rms"], AMPLITUDE / np.sqrt(2), rtol=1e-5)
        np.testing.assert_allclose(frame["log_energy"], np.log10(AMPLITUDE**2 / 2), atol=1e-5)
        np.testing.assert_allclose(frame["kurtosis"], 1.5, rtol=1e-5)
        np.testing.assert_allclose(frame["skewness"], 0.0, atol=1e-5)
        np.testing.assert_allclose(frame["peak_abs"], np.abs(x).max(), rtol=1e-5)
        np.testing.assert_allclose(frame["crest"], np.sqrt(2) * np.abs(x).max() / AMPLITUDE, 1e-5)
        assert frame["crest"].iloc[0] == pytest.approx(np.sqrt(2), rel=0.5 * (f0_hz / rate_hz))

    def test_rates(self, rate_hz, f0_hz):
        """2 f0 crossings a second; mobility (fs/π) sin(π f0/fs); complexity 1."""
        _, frame = sine(rate_hz, f0_hz)
        np.testing.assert_allclose(frame["zero_crossing_rate"], 2 * f0_hz, atol=1 / 40)
        mobility = rate_hz / np.pi * np.sin(np.pi * f0_hz / rate_hz)
        np.testing.assert_allclose(frame["hjorth_mobility"], mobility, rtol=2e-3)
        np.testing.assert_allclose(frame["hjorth_complexity"], 1.0, rtol=5e-3)

    def test_steady_in_time(self, rate_hz, f0_hz):
        """Energy is even in time: centroid 1/2, spread 1/√12, duration 0.9, ratios 1."""
        _, frame = sine(rate_hz, f0_hz)
        np.testing.assert_allclose(frame["time_centroid"], 0.5, atol=0.01)
        np.testing.assert_allclose(frame["time_spread"], 1 / np.sqrt(12), atol=0.01)
        np.testing.assert_allclose(frame["duration_5_95"], 0.9, atol=0.02)
        np.testing.assert_allclose(frame["silence_ratio"], 0.0, atol=0.15 * (f0_hz < 1))
        np.testing.assert_allclose(frame["stalta_long_max"].dropna(), 1.0, rtol=0.01)
        np.testing.assert_allclose(frame["stalta_mid_mean"].dropna(), 1.0, rtol=0.01)
        np.testing.assert_allclose(frame["stalta_on_fraction"].dropna(), 0.0)
        np.testing.assert_allclose(frame["rel_energy"].dropna(), 0.0, atol=1e-3)
        np.testing.assert_allclose(frame["dlog_energy"].dropna(), 0.0, atol=1e-5)
        for name in ("stalta_long_max", "stalta_mid_mean", "rel_energy", "dlog_energy"):
            assert frame[name].notna().any()

    def test_frequencies(self, rate_hz, f0_hz):
        """Peak, centroid and quartiles are f0 within one bin of 0.05 Hz."""
        _, frame = sine(rate_hz, f0_hz)
        for name in ("f_peak", "f_centroid", "f25", "f50", "f75"):
            np.testing.assert_allclose(frame[name], f0_hz, atol=0.05, err_msg=name)
        for name in ("f05", "f95"):  # the Hann line is four bins wide
            np.testing.assert_allclose(frame[name], f0_hz, atol=0.1, err_msg=name)
        assert (np.diff(frame[["f05", "f25", "f50", "f75", "f95"]], axis=1) > 0).all()

    def test_shape_of_the_line(self, rate_hz, f0_hz):
        """A Hann line has shares 1/6, 2/3, 1/6 of three bins: all shapes in closed form."""
        _, frame = sine(rate_hz, f0_hz)
        n_bins = np.floor(0.4 * rate_hz * 20 + 1e-9)
        if 0.4 * rate_hz > f0_hz:
            np.testing.assert_allclose(frame["f_bandwidth"], 0.05 / np.sqrt(3), rtol=1e-3)
            np.testing.assert_allclose(frame["spec_skewness"], 0.0, atol=0.1)
            # Rounding of float32 far from the line, 1e-14 of its power, weighs with distance⁴.
            np.testing.assert_allclose(frame["spec_kurtosis"], 3.0, atol=0.15)
            np.testing.assert_allclose(frame["spec_crest"], n_bins * 2 / 3, rtol=1e-4)
            p = np.array([1 / 6, 2 / 3, 1 / 6])
            entropy = -(p * np.log(p)).sum() / np.log(n_bins)
            np.testing.assert_allclose(frame["spec_entropy"], entropy, rtol=1e-3)
        assert (frame["spec_flatness"] < 1e-6).all()

    def test_band_energy(self, rate_hz, f0_hz):
        """The band that holds f0 has log10(A²/2), the others next to nothing, or are NaN."""
        _, frame = sine(rate_hz, f0_hz)
        for low_hz, high_hz in SINE_BANDS_HZ:
            found = frame[f"band_log_energy[{low_hz:g}-{high_hz:g}Hz]"]
            if high_hz > 0.4 * rate_hz:
                assert found.isna().all()
            elif f0_hz == 8.0 and 8 in (low_hz, high_hz):  # on the edge: 1/6 is below it
                share = 1 / 6 if high_hz == 8 else 5 / 6
                wanted = np.log10(share * AMPLITUDE**2 / 2)
                np.testing.assert_allclose(found, wanted, atol=1e-3)
            elif low_hz < f0_hz < high_hz:
                np.testing.assert_allclose(found, np.log10(AMPLITUDE**2 / 2), atol=1e-4)
            else:
                assert (found < -5).all()


# Closed forms: white noise

NOISE_LENGTH_S, NOISE_SPECTRUM_S = 60.0, 20.0
N_NOISE = 240


def welch_averages(n_spectra):
    """Return how many independent spectra the mean of overlapping Hann spectra is worth.

    Neighbours that share half of their samples have correlated powers: (1/6)² = 1/36.
    """
    return n_spectra / (1 + 2 * (n_spectra - 1) / n_spectra / 36)


def flatness_of(k):
    """Return E exp(mean ln P)/mean P of averages of k spectra: e^−γ for one, 1 for many."""
    return np.exp(special.digamma(k)) / k


@cache
def white(rate_hz):
    """Features of unit white noise; the two lowest bins, which lost the mean, are left out."""
    n = int(N_NOISE * NOISE_LENGTH_S * rate_hz)
    return compute(
        gaussian(n, seed=4),
        rate_hz,
        length_s=NOISE_LENGTH_S,
        hop_s=10.0,
        spectrum_s=NOISE_SPECTRUM_S,
        band_hz=(0.1, 0.4 * rate_hz),
        bands_hz=((1, 2.5), (2.5, 4), (4, 5.5), (5.5, 7)),
    ).iloc[:: int(NOISE_LENGTH_S / 10)]


def expected_of_white(rate_hz):
    """Return the expectations of section 9 of the feature catalogue for unit white noise."""
    df = 1 / NOISE_SPECTRUM_S
    n_bins = round((0.4 * rate_hz - 0.1) / df) + 1
    low_hz, high_hz = 0.1 - df / 2, 0.4 * rate_hz + df / 2
    k = welch_averages(5)
    n_block = 10 * rate_hz  # the background is a quantile of energies of 10 s
    quantile = stats.chi2.ppf(0.3, n_block) / n_block
    expected = {
        "rms": 1.0,
        "log_energy": 0.0,
        "kurtosis": 3.0,
        "skewness": 0.0,
        "zero_crossing_rate": rate_hz / 2,
        "hjorth_mobility": rate_hz / (np.sqrt(2) * np.pi),
        "hjorth_complexity": np.sqrt(1.5),
        "time_centroid": 0.5,
        "time_spread": 1 / np.sqrt(12),
        "duration_5_95": 0.9,
        "stalta_mid_mean": 1 + 2 / (60 * rate_hz),
        "stalta_on_fraction": stats.f.sf(2, 2 * rate_hz, 60 * rate_hz),
        "rel_energy": -np.log10(quantile),
        "dlog_energy": 0.0,
        "frequency_index": 0.0,
        "f_centroid": (low_hz + high_hz) / 2,
        "f_bandwidth": (high_hz - low_hz) / np.sqrt(12),
        "spec_skewness": 0.0,
        "spec_kurtosis": 1.8,
        "spec_slope": 0.0,
        "spec_flatness": flatness_of(k),
        "spec_entropy": 1 - (special.digamma(k + 1) - np.log(k)) / np.log(n_bins),
        "spec_flux": 10 / np.log(10) * np.sqrt(2 * special.polygamma(1, k)),
        "band_entropy": 1.0,
    }
    for name, q in (("f05", 0.05), ("f25", 0.25), ("f50", 0.5), ("f75", 0.75), ("f95", 0.95)):
        expected[name] = low_hz + q * (high_hz - low_hz)
    for band in ("1-2.5", "2.5-4", "4-5.5", "5.5-7"):
        expected[f"band_log_energy[{band}Hz]"] = np.log10(1.5 / (rate_hz / 2))
    return expected


@pytest.mark.parametrize("rate_hz", [20.0, 100.0])
@pytest.mark.parametrize("name", expected_of_white(20.0))
def test_white_noise(name, rate_hz):
    """The mean over 240 windows is the closed form within 3.5 standard errors (+ bias 1/dof)."""
    found = white(rate_hz)[name].dropna()
    wanted = expected_of_white(rate_hz)[name]
    assert len(found) > 200
    error = 3.5 * found.std() / np.sqrt(len(found))
    bias = {"band_entropy": 0.01, "spec_flux": 0.02}.get(name, 0.0)
    bias = 0.005 if name.startswith("band_log") else bias
    assert found.mean() == pytest.approx(wanted, abs=error + bias + 2e-3 * abs(wanted) + 1e-6)


@pytest.mark.parametrize("n_spectra", [1, 2, 4, 8])
def test_flatness_and_entropy_state_their_averages(n_spectra):
    """One spectrum gives e^−γ and 1 − 0.4228/ln N; averages of K approach 1 as they should."""
    n_hops = max(1, n_spectra + (n_spectra > 1))
    hop_s = 60.0
    spectrum_s = hop_s if n_spectra == 1 else 2 * hop_s
    frame = compute(
        gaussian(20 * 60 * 2100, seed=n_spectra),
        20.0,
        length_s=n_hops * hop_s,
        hop_s=hop_s,
        spectrum_s=spectrum_s,
        band_hz=(0.1, 8.0),
        names=["spec_flatness", "spec_entropy", "spec_flux"],
    ).iloc[::n_hops]
    k = welch_averages(n_spectra)
    n_bins = round(7.9 * spectrum_s) + 1
    found = frame.mean()
    entropy = 1 - (special.digamma(k + 1) - np.log(k)) / np.log(n_bins)
    flux = 10 / np.log(10) * np.sqrt(2 * special.polygamma(1, k))
    assert found["spec_flatness"] == pytest.approx(flatness_of(k), rel=0.005)
    assert found["spec_entropy"] == pytest.approx(entropy, rel=0.001)
    assert found["spec_flux"] == pytest.approx(flux, rel=0.015)
    if n_spectra == 1:
        assert flatness_of(k) == pytest.approx(0.5615, abs=1e-4)
        assert entropy == pytest.approx(1 - 0.4228 / np.log(n_bins), abs=1e-4)


# Closed forms: other planted signals


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_moments_of_pulses(share):
    """A 0-1 signal with share p of ones has the moments of the Bernoulli distribution."""
    x = (np.arange(20_000) % 100 < 100 * share).astype(float)
    frame = compute(x, 100.0, length_s=20, hop_s=10, names=["skewness", "kurtosis", "peak_abs"])
    variance = share * (1 - share)
    np.testing.assert_allclose(frame["skewness"], (1 - 2 * share) / np.sqrt(variance), atol=1e-5)
    np.testing.assert_allclose(frame["kurtosis"], 1 / variance - 3, rtol=1e-5)
    np.testing.assert_allclose(frame["peak_abs"], 1 - share, rtol=1e-5)


@cache
def step(ratio=5.0, at_s=1203.0, duration_s=1500):
    """Features of ±1 in turn that become ±ratio at an instant; windows of 10 s."""
    x = (-1.0) ** np.arange(int(duration_s * 100))
    x[round(at_s * 100) :] *= ratio
    return compute(x, 100.0, length_s=10, hop_s=5)


@pytest.mark.parametrize("name", ["stalta_short_max", "stalta_mid_max", "stalta_long_max"])
def test_a_step_reaches_the_square_of_its_ratio(name):
    """The LTA ends where the STA begins: a step of 5 gives 25, never more, and 1 before."""
    found = step()[name]
    assert found.max() == pytest.approx(25.0, rel=1e-4)
    np.testing.assert_allclose(found.loc[:1190].dropna(), 1.0, rtol=1e-5)
    assert found.loc[:1190].notna().sum() > 100


def test_a_step_inside_a_window():
    """Shape in time of a step 3 s into a window of 10 s, in closed form."""
    row = step().loc[1200.0]
    quiet, loud = 0.3, 0.7 * 25
    total = quiet + loud
    centroid = (0.3**2 / 2 + 25 * (1 - 0.3**2) / 2) / total
    square = (0.3**3 + 25 * (1 - 0.3**3)) / 3 / total
    assert row["time_centroid"] == pytest.approx(centroid, abs=1e-4)
    assert row["time_spread"] == pytest.approx(np.sqrt(square - centroid**2), abs=1e-4)
    starts = 0.3 + (0.05 * total - quiet) / 25
    assert row["duration_5_95"] == pytest.approx(1 - 0.05 * total / 25 - starts, abs=2e-3)
    assert row["rate_of_attack"] == pytest.approx(20 * np.log10(5) / 0.5, rel=1e-4)
    assert row["rate_of_decay"] == pytest.approx(0.0, abs=1e-4)
    assert row["silence_ratio"] == pytest.approx(6 / 20, abs=1e-6)  # 3 s of half seconds
    change = np.log10(25 / (0.8 + 0.2 * 25))  # the window before had 2 s of the step
    assert step().loc[1205.0, "dlog_energy"] == pytest.approx(change, abs=1e-5)
    assert step().loc[1205.0, "rel_energy"] == pytest.approx(np.log10(25), abs=1e-5)
    assert step().loc[1180.0, "rel_energy"] == pytest.approx(0, abs=1e-5)


def test_the_share_of_time_above_two():
    """A step of 5 lifts the 2 s STA over twice the LTA after 1/24 of the STA, until LTA > 25/2."""
    ratio = np.array([step_ratio(t) for t in np.arange(0.1, 300, 0.1)])
    on_s = 0.1 * (ratio > 2).sum()
    found = step()["stalta_on_fraction"]
    assert found.sum() * 5 == pytest.approx(on_s, abs=0.2)  # every instant is in two windows


def step_ratio(t_s, ratio=25.0, sta_s=2.0, lta_s=60.0):
    """Return STA/LTA some time after a step, from its definition."""
    share = np.clip([t_s / sta_s, (t_s - sta_s) / lta_s], 0, 1)
    sta, lta = 1 + (ratio - 1) * share
    return sta / lta


def test_two_tones_between_bands():
    """Frequency index is the log ratio of mean powers; two equal bands have entropy ln 2/ln B."""
    t = np.arange(20_000) / 100
    x = np.sin(2 * np.pi * 1.5 * t) + 3 * np.sin(2 * np.pi * 6.5 * t)
    grid = {"length_s": 20, "hop_s": 10, "bands_hz": ((1, 2), (2, 4), (4, 6), (6, 8))}
    frame = compute(x, 100.0, names=["frequency_index", "band_entropy"], **grid)
    wanted = np.log10(9 / 4 / (1 / 3))  # four hertz above the edge of 4 Hz, three below
    np.testing.assert_allclose(frame["frequency_index"], wanted, atol=1e-3)
    x = np.sin(2 * np.pi * 1.5 * t) + np.sin(2 * np.pi * 6.5 * t)
    frame = compute(x, 100.0, names=["band_entropy"], **grid)
    np.testing.assert_allclose(frame["band_entropy"], np.log(2) / np.log(4), atol=1e-3)


@pytest.mark.parametrize("power", [-2.0, -1.0, 1.0])
def test_slope_of_coloured_noise(power):
    """Noise with P proportional to f^a has the slope a."""
    n = 400_000
    f = np.fft.rfftfreq(n, 1 / 100)
    z = np.random.default_rng(1).standard_normal((len(f), 2)) @ [1, 1j]
    x = np.fft.irfft(z * np.maximum(f, 0.05) ** (power / 2), n)
    frame = compute(x, 100.0, length_s=40, hop_s=10, band_hz=(1, 30), names=["spec_slope"])
    assert frame["spec_slope"].mean() == pytest.approx(power, abs=0.02)


def test_flux_and_background_of_a_louder_copy():
    """The same samples again, 4 times as large: 20 log10 4 dB in all bins, 2 log10 4 in bands."""
    x = np.tile(gaussian(1000), 200)
    x[150_000:] *= 4
    frame = compute(x, 100.0, length_s=10, hop_s=10, bands_hz=BANDS_HZ, spectrum_s=10)
    flux = frame["spec_flux"]
    assert flux.loc[1500.0] == pytest.approx(20 * np.log10(4), rel=1e-4)
    np.testing.assert_allclose(flux.drop([0.0, 1500.0]), 0.0, atol=1e-3)
    for column in ("band_rel_energy[1-2Hz]", "band_rel_energy[4-8Hz]"):
        np.testing.assert_allclose(frame.loc[1500:1600, column], 2 * np.log10(4), atol=1e-4)
        np.testing.assert_allclose(frame.loc[200:1490, column], 0.0, atol=1e-4)


# Invariances

CLOSE = {"rtol": 2e-4, "atol": 2e-5}


def columns_of(one, x, rate_hz, *, length_s=10.0, band_hz=None):
    """Compute one feature of a record as an array of float64."""
    frame = compute(
        x,
        rate_hz,
        length_s=length_s,
        hop_s=5.0,
        names=[one.name],
        band_hz=band_hz,
        bands_hz=BANDS_HZ,
        sub_s=0.1,
    )
    return frame.to_numpy(float)


@cache
def uneven():
    return with_bursts(gaussian(150_000, seed=1), 100.0)


@cache
def stationary():
    return gaussian(600_000, seed=3)


def check_gain(one):
    base = columns_of(one, uneven(), 100.0)
    assert np.isfinite(base).any(axis=0).all()
    for gain in (1e6, 1e-9):
        np.testing.assert_allclose(columns_of(one, gain * uneven(), 100.0), base, **CLOSE)


def check_offset(one):
    base = columns_of(one, uneven(), 100.0)
    assert np.isfinite(base).any(axis=0).all()
    for offset in (1e4, -1e4):
        x = uneven() + offset * uneven().std()
        np.testing.assert_allclose(columns_of(one, x, 100.0), base, **CLOSE)


def check_length(one):
    """The mean over many windows moves by less than 0.3 of the spread between windows."""
    short = columns_of(one, stationary(), 100.0)
    long = columns_of(one, stationary(), 100.0, length_s=20.0)
    assert np.isfinite(short).mean() > 0.8
    change = np.nanmean(long, axis=0) - np.nanmean(short, axis=0)
    spread = np.nanstd(short, axis=0)
    assert (np.abs(change) < 0.3 * spread).all()


def check_rate(one):
    """Window by window the values differ by less than 0.1 of the spread between windows."""
    slow = columns_of(one, band_limited(1600, 100.0), 100.0, band_hz=(0.5, 10.0))
    fast = columns_of(one, band_limited(1600, 200.0), 200.0, band_hz=(0.5, 10.0))
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


@pytest.mark.parametrize(
    ("letter", "function"),
    [
        ("G", lambda w: w.sums("max").max(axis=1)),
        ("G", lambda w: np.log10(w.moments[1] + 1e-12)),
        ("L", lambda w: w.moments[1] * w.k),
        ("L", lambda w: w.sums("max").max(axis=1)),
        ("R", lambda w: w.sums("crossings").mean(axis=1) / w.table.sampling_rate_hz),
        ("R", lambda w: w.psd[:, w.frequencies_hz > w.table.sampling_rate_hz / 40].sum(axis=1)),
    ],
)
def test_the_checks_find_what_is_not_invariant(letter, function, monkeypatch):
    """Faults seen elsewhere: peaks in counts, sums over the window, quarters of Nyquist."""
    faulty = Feature("faulty", function, "", "user", "-", letter)
    monkeypatch.setitem(REGISTRY, "faulty", faulty)
    with pytest.raises(AssertionError):
        CHECKS[letter](faulty)


@pytest.mark.parametrize("gain", [1e-12, 1e-9, 1e9 * 1e6])
def test_features_in_input_units_scale_with_the_gain(gain):
    """Records in m/s or of wild gains: amplitudes scale, their logarithms shift, all is finite."""
    x = uneven()[:20_000]
    chosen = {one.name: one.unit for one in FEATURES if "input" in one.unit}
    one, two = (
        compute(y, 100.0, length_s=10, hop_s=5, names=chosen, bands_hz=BANDS_HZ)
        for y in (x, gain * x)
    )
    for column in one:
        unit = chosen[column.partition("[")[0]]
        assert unit in ("input", "log10 input²")
        wanted = one[column] * gain if unit == "input" else one[column] + 2 * np.log10(gain)
        np.testing.assert_allclose(two[column], wanted, rtol=1e-5, err_msg=column)


# NaN rules


@pytest.mark.parametrize("level", [0.0, 0.1, -3.3e-9, 1e9], ids="{:g}".format)
@every_feature
def test_a_constant_has_no_features(one, level):
    """Amplitudes are 0, everything else is NaN: no warning, no infinity, no sentinel."""
    found = columns_of(one, np.full(150_000, level), 100.0)
    if one.unit == "input":
        np.testing.assert_array_equal(found, 0.0)
    else:
        assert np.isnan(found).all()


@every_feature
def test_bands_that_are_not_available_are_nan(one):
    """Bands above 0.8 of Nyquist are NaN, not 0 and not the part that is left of them."""
    x = with_bursts(gaussian(24_000, seed=2), 20.0)
    frame = compute(
        x,
        20.0,
        length_s=20,
        hop_s=10,
        names=[one.name],
        band_hz=(9.0, 40.0),
        bands_hz=((7, 9), (9, 18), (20, 30)),
    )
    assert frame.isna().to_numpy().all() == (one.group in SPECTRAL or one.name == "lfcc")


@every_feature
def test_bands_are_nan_alone(one):
    """A band that is not available leaves the other bands and features as they are."""
    x = with_bursts(gaussian(24_000, seed=2), 20.0)
    grid = {"length_s": 20, "hop_s": 10, "names": [one.name]}
    known = compute(x, 20.0, bands_hz=BANDS_HZ, **grid)
    more = compute(x, 20.0, bands_hz=(*BANDS_HZ, (7, 8.02), (8, 16)), **grid)
    np.testing.assert_array_equal(more[list(known)], known)
    assert more.drop(columns=list(known)).isna().to_numpy().all()


@every_feature
def test_bands_outside_the_analysis_band_are_nan(one):
    """A band of which the filter left a part is not given the energy of that part."""
    x = gaussian(60_000)
    grid = {"length_s": 20, "hop_s": 10, "names": [one.name], "band_hz": (1.5, 12.0)}
    frame = compute(x, 50.0, bands_hz=((1, 2), (2, 4), (8, 12), (8, 16)), **grid)
    for column in frame:
        cut = "[1-2Hz]" in column or "[8-16Hz]" in column or column == "dsar"  # needs 4.5-16 Hz
        assert frame[column].isna().all() == cut


SHAPES = {
    "one sample": np.eye(1, 30_000, 15_000).ravel(),
    "two samples far apart": np.eye(1, 30_000, 40).ravel() - np.eye(1, 30_000, 29_000).ravel(),
    "bursts": with_bursts(gaussian(30_000, seed=9), 20.0),
    "step": np.sign(np.arange(30_000) - 14_950.5),
    "alternating": (-1.0) ** np.arange(30_000),
    "line": np.linspace(-1, 1, 30_000),
    "burst in silence": np.sin(np.arange(30_000)) * (abs(np.arange(30_000) - 15e3) < 500),
    "least float32": np.where(np.arange(30_000) % 7, 1e-45, -6e-45),
    "largest": np.where(gaussian(30_000) > 0, 1e37, -1e37),
    "dying away": gaussian(30_000) * 10 ** np.linspace(0, -40, 30_000),
    "growing": gaussian(30_000) * 10 ** np.linspace(-40, 0, 30_000),
    "constant stretch": gaussian(30_000) * (abs(np.arange(30_000) - 15e3) > 5e3) + 7,
    "offset": gaussian(30_000) + 1e7,
}


@cache
def odd_table(name):
    return table_of(SHAPES[name], 20.0)


@pytest.mark.parametrize("name", SHAPES)
@every_feature
def test_odd_signals_give_no_infinity(one, name):
    """Whatever comes, values are finite or NaN, and nothing is warned of."""
    table = odd_table(name)
    X, coverage = evaluate(table, all_windows(table), [one])
    assert not np.isinf(X).any()
    np.testing.assert_array_equal(coverage, 1.0)


@pytest.mark.parametrize("gain", [2.0**-42, 2.0**-36, 2.0**36, 2.0**42])
def test_windows_beside_far_louder_ones(gain):
    """A gain in the middle of a record does not change the shapes of the spectra after it.

    Powers of two of the spectra lay outside float32, and the features were NaN.
    """
    x = gaussian(12_000, seed=3)
    chosen = [one for one in FEATURES if one.group == "E" and "G" in one.invariances]
    table = table_of(np.concatenate([x, gain * x]), 20.0)
    X, _ = evaluate(table, all_windows(table), chosen)
    # Past the memory of two minutes, and whole windows of either half.
    one, two = X[90:297], X[390:597]
    np.testing.assert_allclose(two, one, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("octaves", [-60, 0, 5, 11, 12, 20, 29, 40])
def test_the_shape_of_samples_far_smaller_than_the_largest(octaves):
    """Skewness and kurtosis are right 2^34 below the largest sample of the same stretch."""
    quiet = gaussian(20 * 240, seed=21) ** 3
    quiet *= 2.0**-34 / np.abs(quiet).max()
    x = np.ldexp(quiet.astype(np.float32), octaves)
    x[:20] = np.ldexp(np.float32(1), octaves) * np.sin(np.arange(20.0))
    table = table_of(x, 20.0)
    found, _ = evaluate(table, all_windows(table), resolve(["skewness", "kurtosis"]))
    part = quiet[20 * 120 : 20 * 120 + 20 * round(table.settings.grid.length_s)]
    row = list(all_windows(table)).index(round(120 / table.settings.grid.hop_s))
    np.testing.assert_allclose(found[row], [stats.skew(part), stats.kurtosis(part) + 3], rtol=1e-4)


def test_short_pieces_between_gaps():
    """Pieces of less than a spectrum, a block or a sub-block give NaN, and no warning."""
    x, parts, at = gaussian(12_000, seed=6), [], 0
    for n in (2000, 3, 45, 90, 119, 150, 1, 700, 2, 130, 4000):
        parts.append(one_segment(x[at : at + n], 20.0, at * NS_PER_S // 20))
        at += n + 7
    table = fill(empty_table(small_settings(20.0), range(at // 40), 20.0, needs=NEEDS), parts)
    X, coverage = evaluate(table, all_windows(table), SLOW)
    assert np.isnan(X[coverage < 0.8 - 1e-6]).all()
    assert np.isfinite(X).any(axis=0).all()
    assert not np.isinf(X).any()


def test_a_window_of_one_sub_block():
    """The shortest window that there is has what is defined, and no error."""
    frame = compute(gaussian(4000), 10.0, length_s=0.2, hop_s=0.2)
    assert frame["rms"].notna().all()
    for name in ("rate_of_attack", "f_peak", "spec_flux"):
        assert frame[name].isna().all()


@cache
def table_with_gap():
    """Ten minutes of which ten seconds are missing."""
    x = with_bursts(gaussian(12_000, seed=5), 20.0)
    parts = [one_segment(x[:6000], 20.0), one_segment(x[6200:], 20.0, 310 * NS_PER_S)]
    return fill(empty_table(small_settings(20.0), range(300), 20.0, needs=NEEDS), parts)


@every_feature_at_20_hz
def test_a_gap_masks_the_windows_that_lack_samples(one):
    """Below the least coverage there is NaN, whatever the feature."""
    X, coverage = evaluate(table_with_gap(), range(298), [one])
    assert np.isnan(X[coverage < 0.8 - 1e-6]).all()
    np.testing.assert_allclose(coverage[147:156], [1, 2 / 3, 1 / 3, 0, 0, 0, 1 / 3, 2 / 3, 1], 1e-6)
    assert np.isfinite(X[:148]).any(axis=0).all()
    assert np.isfinite(X[200:]).any(axis=0).all()


def test_a_least_sampling_rate_is_respected():
    """Below its min_rate_hz a feature is NaN."""
    one = dataclasses.replace(get_feature("rms"), min_rate_hz=50.0)
    for rate_hz, defined in ((20.0, False), (50.0, True)):
        table = table_of(gaussian(2000), rate_hz)
        X, _ = evaluate(table, all_windows(table), [one])
        assert np.isfinite(X).all() == defined


# Causality and memory


@cache
def calm_and_event():
    """Two records of ten minutes that differ between 200.1 and 240 s."""
    calm = gaussian(20 * 600, seed=6)
    event = calm.copy()
    event[4002:4800] = 1e7 * gaussian(798, seed=7)
    return table_of(calm, 20.0), table_of(event, 20.0)


@every_feature_at_20_hz
def test_an_event_changes_nothing_before_it_and_nothing_after_the_memory(one):
    """Windows that end before 10⁷ counts over 1, or begin `history_s` after, keep every bit."""
    tables = calm_and_event()
    (one_X, _), (two_X, _) = (evaluate(table, range(298), [one]) for table in tables)
    before = 4002 // 40 - 3
    after = math.ceil((240 + tables[0].settings.history_s) / 2)
    np.testing.assert_array_equal(two_X[: before + 1], one_X[: before + 1])
    np.testing.assert_array_equal(two_X[after:], one_X[after:])
    assert np.isfinite(one_X[after:]).any(axis=0).all()
    assert (two_X[before + 1 : after] != one_X[before + 1 : after]).any(axis=0).all()


MEMORIES = {
    "score": {"sta_lta_s": (("short", 1, 10), ("mid", 20, 60), ("long", 10, 70))},
    "lta": {"sta_lta_s": (("short", 1, 10), ("mid", 2, 20), ("long", 10, 120))},
    "background": {"background_s": 200.0},
    "coarse background": {"background_s": 480.0},
    "window": {
        "grid": WindowGrid(80.0, 8.0),
        "spectrum_s": 80.0,
        "sta_lta_s": (("short", 1, 10), ("mid", 2, 20), ("long", 10, 30)),
        "background_s": 16.0,
    },
}


@cache
def whole_and_part(memory, first_s):
    """The blocks of a record, and those that a window needs that begins at an instant."""
    config = small_settings(20.0, **MEMORIES[memory])
    x = with_bursts(gaussian(20 * 900, seed=8), 20.0, every_s=37.0)
    whole = table_of(x, 20.0, config)
    first = round(first_s / config.grid.hop_s)
    history = math.ceil(config.history_s / config.grid.hop_s)
    return first, whole, table_of(x, 20.0, config, range(first - history, whole.blocks.stop))


@pytest.mark.parametrize("memory", MEMORIES)
@every_feature_at_20_hz
def test_the_stated_history_is_enough(one, memory):
    """A table that begins `history_s` before a window gives what the whole past gives."""
    for first_s in (704, 728):
        first, whole, part = whole_and_part(memory, first_s)
        windows = range(first, min(first + 40, all_windows(whole).stop))
        (wanted, _), (found, _) = (evaluate(table, windows, [one]) for table in (whole, part))
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        assert np.isfinite(wanted).any(axis=0).all()


@every_feature
def test_batches_of_windows_leave_no_trace(one, monkeypatch):
    """Windows evaluated 700 at a time, or 2, are those evaluated all at once."""
    table = odd_table("bursts")
    wanted, _ = evaluate(table, all_windows(table), [one])
    for rows in (700, 2):
        monkeypatch.setattr(sys.modules["seisml.features.compute"], "ROWS", rows)
        monkeypatch.setattr(sys.modules["seisml.features.compute"], "MORE", 1)
        found, _ = evaluate(table, all_windows(table), [one])
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


# Ratios to the past against slow oracles


def slow_sub_energies(x, width):
    """Mean squares of sub-blocks in plain Python."""
    x = [float(value) for value in np.asarray(x, np.float32)]
    starts = range(0, len(x) - width + 1, width)
    return [math.fsum(value * value for value in x[i : i + width]) / width for i in starts]


def slow_sta_lta(energy, at, n_sta, n_lta):
    """STA/LTA at one sub-block from its definition, with exactly rounded sums."""
    sta = math.fsum(energy[at - n_sta + 1 : at + 1]) / n_sta
    past = energy[max(0, at - n_sta - n_lta + 1) : at - n_sta + 1]
    return sta / (math.fsum(past) / len(past))


def slow_score(energy, at, n_sta, n_lta):
    """Score of the log STA among those that ended in the LTA before it."""
    stas = [
        math.log10(math.fsum(energy[i - n_sta + 1 : i + 1]) / n_sta)
        for i in range(at - n_sta - n_lta + 1, at - n_sta + 1)
    ]
    mean = math.fsum(stas) / n_lta
    variance = math.fsum((value - mean) ** 2 for value in stas) / n_lta
    now = math.log10(math.fsum(energy[at - n_sta + 1 : at + 1]) / n_sta)
    return (now - mean) / math.sqrt(variance)


@cache
def after_the_great_event():
    """10 s of 10⁷ counts in an hour and a half of 1 count noise at 20 Hz, and its slow energies."""
    x = gaussian(20 * 5400, seed=10)
    x[20 * 1500 : 20 * 1510] *= 1e7
    config = Settings(WindowGrid(6.0, 2.0), (0.0, 8.0), BANDS_HZ)
    table = table_of(x, 20.0, config)
    return table, {0.1: slow_sub_energies(x, 2), 0.5: slow_sub_energies(x, 10)}


@pytest.mark.parametrize("name", ["short", "mid", "long"])
def test_sta_lta_after_a_great_event(name):
    """The ratio equals the slow exact oracle to 1e-6 for the whole hour after 10⁷ counts."""
    table, energies = after_the_great_event()
    sta_s, lta_s = {n: (s, lt) for n, s, lt in table.settings.sta_lta_s}[name]
    found = sta_lta_of(Past(table), name).ravel()
    step_s = 0.5 if name == "long" else 0.1
    energy = energies[step_s]
    assert len(found) == len(energy) == round(5400 / step_s)
    n_sta, n_lta = round(sta_s / step_s), round(lta_s / step_s)
    rng = np.random.default_rng(11)
    event = round(1500 / step_s)
    near = np.unique(rng.integers(event, event + 200, 40))
    hour = np.unique(rng.integers(event, len(energy) - 1, 300))
    for at in [n_sta + n_lta, event - 1, *near, *hour, len(energy) - 1]:
        assert found[at] == pytest.approx(slow_sta_lta(energy, at, n_sta, n_lta), rel=1e-6)
    assert found[event:].max() > 1e11 / n_sta
    quiet = found[event + round(10 / step_s) + n_sta + n_lta :]
    assert 0 < quiet.min() <= quiet.max() < 6


def test_the_score_after_a_great_event():
    """The score equals the slow oracle; an event of 10⁷ is far above, steady noise is not."""
    table, energies = after_the_great_event()
    w = Windows(table, Past(table), 0, len(all_windows(table)))
    found = get_feature("zscore_max").function(w)
    for window in (200, 748, 751, 760, 790, 1200, 2600):
        at = range(window * 20, window * 20 + 60)
        wanted = max(slow_score(energies[0.1], i, 20, 600) for i in at)
        assert found[window] == pytest.approx(wanted, rel=1e-5)
    assert found[750] > 100
    assert found[1000:].max() < 8


def test_ratios_begin_when_there_is_enough_past():
    """Before the STA is whole and half of the LTA is known there is NaN, not nlta/nsta."""
    table = table_of(gaussian(20 * 200), 20.0)
    for name, sta_s, lta_s in table.settings.sta_lta_s:
        known = np.isfinite(sta_lta_of(Past(table), name).ravel())
        first = round((sta_s + lta_s / 2) / 0.5) - 1
        np.testing.assert_array_equal(known, np.arange(len(known)) >= first)


@given(
    st.lists(st.floats(0, 1e30, allow_subnormal=False), max_size=60),
    st.integers(1, 70),
)
@hypothesis_settings(max_examples=200, deadline=None)
def test_moving_sums_are_exact(values, n):
    """Sums of energies of any size equal math.fsum, also after a value 10³⁰ times as large."""
    found = moving_sum(np.array(values, float), n)
    for i, one in enumerate(found):
        assert one == pytest.approx(math.fsum(values[max(0, i - n + 1) : i + 1]), rel=1e-14)


@given(
    st.lists(st.floats(-1e9, 1e9), max_size=40),
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40),
    st.integers(1, 40),
)
@hypothesis_settings(max_examples=200, deadline=None)
def test_moving_sums_do_not_depend_on_their_place(before, values, n):
    """A sum of n values has the same bits wherever the array began."""
    alone = moving_sum(np.array(values), n)
    later = moving_sum(np.array(before + values), n)[len(before) :]
    np.testing.assert_array_equal(later[n - 1 :], alone[n - 1 :])
    if not before:
        np.testing.assert_array_equal(later, alone)


@pytest.mark.parametrize("spectrum_s", [2.0, 4.0, 6.0])
@pytest.mark.parametrize("background_s", [4.0, 60.0])
def test_the_background_does_not_know_the_window(background_s, spectrum_s):
    """An event that begins with a window raises its energy and not what it is compared with."""
    calm = gaussian(4000, seed=16)
    event = calm * np.where(np.arange(4000) < 2000, 1, 100)
    config = small_settings(20.0, background_s=background_s, spectrum_s=spectrum_s)
    chosen = resolve(["log_energy", "rel_energy", "band_log_energy", "band_rel_energy"])
    for x in (calm, event):
        row = evaluate(table_of(x, 20.0, config), range(50, 51), chosen)[0][0]
        energy, rel, bands, band_rel = row[0], row[1], row[2:5], row[5:8]
        if x is calm:
            before = energy - rel, bands - band_rel
    np.testing.assert_allclose(energy - rel, before[0], atol=1e-5)
    np.testing.assert_allclose(bands - band_rel, before[1], atol=1e-5)
    assert rel > 3


@pytest.mark.parametrize("background_s", [10.0, 60.0, 480.0, 1200.0])
@pytest.mark.parametrize("span_hops", [1, 3])
def test_the_background_is_a_quantile_of_the_past(background_s, span_hops):
    """Groups of blocks that ended before the window, their 30 % quantile, in slow Python."""
    config = small_settings(20.0, background_s=background_s)
    rng = np.random.default_rng(12)
    energy = rng.gamma(1.0, size=700)
    energy[rng.random(700) < 0.2] = np.nan
    energy[300:420] = np.nan
    past = Past(empty_table(config, range(1003, 1703), 20.0))
    found = past.background(energy, span_hops=span_hops)
    g = config.background_hops
    n_groups = max(2, round(background_s / (g * 2.0)))
    for row in range(700):
        now = (1003 + row - (span_hops - 1)) // g
        means = []
        for group in range(now - n_groups, now):
            rows = [k - 1003 for k in range(group * g, (group + 1) * g) if k >= 1003]
            known = [energy[r] for r in rows if np.isfinite(energy[r])]
            means += [np.mean(known)] if len(known) >= g / 2 else []
        wanted = np.quantile(means, 0.3) if len(means) > 1 else np.nan
        np.testing.assert_allclose(found[row], wanted, rtol=1e-12)


# From traces to features


def make_trace(data, rate_hz, start_ns=0, channel="HHZ"):
    stats = SimpleNamespace(
        channel=channel, starttime=SimpleNamespace(ns=start_ns), sampling_rate=rate_hz
    )
    return SimpleNamespace(data=data, stats=stats)


def in_chunks(traces, edges_s):
    """Offer all traces for each chunk: more than the guard that `segments` asks for."""
    edges = [round(edge * NS_PER_S) for edge in edges_s]
    return [(a, b, traces) for a, b in pairwise(edges)]


@given(
    st.sampled_from([20.0, 50.0, 100.0, 6.625]),
    st.lists(st.integers(1, 199), max_size=5, unique=True),
    st.lists(st.floats(1, 199), max_size=5, unique=True),
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_an_array_and_its_traces_have_the_same_features(rate_hz, file_cuts, chunk_cuts):
    """Files and chunks cut anywhere: every bit of every feature is that of the whole array."""
    n = int(200 * rate_hz)
    x = np.random.default_rng(13).integers(-999, 999, n)
    x[-1] -= x.sum()  # its mean is exactly 0, so that nothing is subtracted
    grid = {"length_s": 6.0, "hop_s": 2.0}
    frame = compute(x, rate_hz, bands_hz=BANDS_HZ, sub_s=0.5, **grid)
    cuts = [0, *(int(cut * rate_hz) for cut in sorted(file_cuts)), n]
    traces = [
        make_trace(x[a:b].astype(np.int32), rate_hz, round(a * NS_PER_S / rate_hz))
        for a, b in pairwise(cuts)
    ]
    found = segments(in_chunks(traces, [-1, *sorted(chunk_cuts), 201]), station="XX.STA..HH")
    config = Settings(WindowGrid(**grid), (0.0, 0.4 * rate_hz), BANDS_HZ, sub_s=0.5)
    table = fill(empty_table(config, range(len(frame) + 2), rate_hz, needs=NEEDS), found)
    X, coverage = evaluate(table, range(len(frame)), resolve("all"))
    np.testing.assert_array_equal(X, frame.to_numpy())
    np.testing.assert_array_equal(coverage, 1.0)


FILLS = {"masked": None, "zero": 0, "minus one": -1, "least integer": -(2**31), "absent": "absent"}
GAP_START_S, RATE_HZ = 900, 20.0


@cache
def counts_record():
    """Half an hour of noise on an offset, in counts."""
    return (300 + 100 * gaussian(20 * 1800, seed=14)).astype(np.int32)


def gappy_traces(fill_value, gap_s):
    """Return the record with a gap, marked in one of the ways that archives know."""
    x = counts_record().copy()
    a, b = 20 * GAP_START_S, round(20 * (GAP_START_S + gap_s))
    if fill_value == "absent":
        return [make_trace(x[:a], RATE_HZ), make_trace(x[b:], RATE_HZ, b * 50_000_000)]
    x[a:b] = 0 if fill_value is None else fill_value
    if fill_value is None:
        return [
            make_trace(
                np.ma.masked_array(x, (np.arange(len(x)) // 1 >= a) & (np.arange(len(x)) < b)),
                RATE_HZ,
            )
        ]
    return [make_trace(x, RATE_HZ)]


@cache
def gappy_table(kind, gap_s):
    traces = gappy_traces(FILLS[kind], gap_s) if kind else [make_trace(counts_record(), RATE_HZ)]
    found = segments(in_chunks(traces, [-1, 700.3, 901.2, 1801]), station="XX.STA..HH")
    filtered = causal_filter(found, Band(1.0, 8.0))
    config = small_settings(RATE_HZ, background_s=600.0)
    return fill(empty_table(config, range(900), RATE_HZ, needs=NEEDS), filtered)


@pytest.mark.parametrize("gap_s", [2.0, 30.0, 120.0])
@pytest.mark.parametrize("kind", FILLS)
class TestGap:
    """A gap of any kind, any length: nothing is filled, nothing triggers."""

    def test_all_kinds_of_gap_are_one(self, kind, gap_s):
        """Masked, 0, −1 and −2³¹ filled and absent samples give the same bits."""
        one, two = gappy_table(kind, gap_s), gappy_table("absent", gap_s)
        for name in ("covered_ns", "sums", "energy", "spectra"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))

    def test_no_trigger_after_a_gap(self, kind, gap_s):
        """No ratio is larger than in the same noise without a gap by more than chance."""
        calm, table = gappy_table("", 0.0), gappy_table(kind, gap_s)
        for name, _, _ in table.settings.sta_lta_s:
            usual, found = (np.nanmax(sta_lta_of(Past(t), name)) for t in (calm, table))
            assert found < 1.3 * usual < 6

    def test_ratios_are_mute_while_they_settle(self, kind, gap_s):
        """After a gap longer than the LTA there is NaN until the STA and half an LTA are known."""
        table = gappy_table(kind, gap_s)
        settle_s = Band(1.0, 8.0).settle_s(1e-3)
        for name, sta_s, lta_s in table.settings.sta_lta_s:
            known = np.isfinite(sta_lta_of(Past(table), name).ravel())
            mute_s = sta_s + (max(0, lta_s / 2 - 1) if gap_s > lta_s + sta_s else 0)
            end = GAP_START_S + gap_s + settle_s + mute_s
            assert not known[round(GAP_START_S / 0.5) : int(end / 0.5) - 1].any()
            assert known[round(end / 0.5) + round(lta_s / 0.5) :].all()

    def test_values_elsewhere_are_untouched(self, kind, gap_s):
        """Windows before the gap have the features of the whole record."""
        calm, table = gappy_table("", 0.0), gappy_table(kind, gap_s)
        windows = range(0, GAP_START_S // 2 - 3)
        (wanted, _), (found, _) = (evaluate(t, windows, resolve("all")) for t in (calm, table))
        np.testing.assert_array_equal(found, wanted)


# compute


def test_compute_takes_what_numpy_takes():
    """Lists, integers and float32 give the same table; the input is not changed."""
    x = np.random.default_rng(15).integers(-99, 99, 3000)
    before = x.copy()
    grid = {"length_s": 10, "hop_s": 5, "names": ["rms", "f_peak"]}
    frames = [compute(y, 100.0, **grid) for y in (x, list(x), x.astype(np.float32))]
    np.testing.assert_array_equal(x, before)
    for frame in frames[1:]:
        np.testing.assert_array_equal(frame, frames[0])
    assert frames[0].index.tolist() == [0, 5, 10, 15, 20]
    assert frames[0].index.name == "time_s"


def test_a_measured_rate_is_that_of_its_spectrum():
    """At 99.9999 Hz frequencies and bins are those of 100 Hz, as in an archive."""
    x = np.sin(2 * np.pi * 5 * np.arange(6000) / 100)
    frame = compute(x, 99.9999, length_s=10, hop_s=5, names=["f_peak", "f_bandwidth"])
    nominal = compute(x, 100.0, length_s=10, hop_s=5, names=["f_peak", "f_bandwidth"])
    np.testing.assert_allclose(frame, nominal[: len(frame)], rtol=1e-4)


@pytest.mark.parametrize(
    ("x", "rate_hz", "words"),
    [
        (np.r_[gaussian(999), np.nan], 100.0, "1 values that are not finite"),
        (gaussian(2000).reshape(2, 1000), 100.0, r"not \(2, 1000\)"),
        (gaussian(599), 100.0, "less than one window of 6 s"),
        (gaussian(39), 6.625, "less than one window of 6 s"),
    ],
)
def test_impossible_records_are_refused(x, rate_hz, words):
    """Gaps, several channels and records shorter than a window are told."""
    with pytest.raises(FeatureError, match=words):
        compute(x, rate_hz, length_s=6, hop_s=2)
