"""Three components: planted motions, invariances, gaps, rotations, and through the extraction."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy.signal import hilbert
from waveform_data import DAY0, trace, write

from seisml.archive import open_archive
from seisml.errors import FeatureError
from seisml.extract import Plan, extract, extract_day, tasks
from seisml.features import (
    Settings,
    columns_of,
    compute,
    empty_table,
    evaluate_station,
    features_per,
    fill,
    load_features,
    resolve,
    three_components,
)
from seisml.features.explain import explain
from seisml.segments import Band, Segment, causal_filter
from seisml.shards import read_shard
from seisml.store import read_table
from seisml.windows import WindowGrid

RATE_HZ = 20.0
FEATURES = features_per("station", load_features().values())
NAMES = [one.name for one in FEATURES]
SETTINGS = Settings(WindowGrid(20.0, 5.0), (0.5, 8.0), ((1, 2), (2, 4), (4, 8)), sub_s=0.5)
INSIGHT = np.radians([[135.1, 15.0, 255.0], [-29.4, -29.2, -29.7]])
A_UVW = np.column_stack(
    [
        -np.sin(INSIGHT[1]),
        np.cos(INSIGHT[1]) * np.cos(INSIGHT[0]),
        np.cos(INSIGHT[1]) * np.sin(INSIGHT[0]),
    ]
)
"""What U, V, W of InSight record of Z, N, E."""


def gaussian(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def along(x, azimuth_deg, incidence_deg):
    """Return Z, N, E of a linear motion."""
    a, i = np.radians([azimuth_deg, incidence_deg])
    return np.outer([np.cos(i), np.sin(i) * np.cos(a), np.sin(i) * np.sin(a)], x)


def motion(n, seed=0):
    """Return Z, N, E of a mixture: a linear wave, an elliptical one, and noise."""
    x, y = gaussian(2, n, seed=seed)
    turning = hilbert(y)
    ellipse = np.outer([1.0, 0.5, 0.0], turning.real) + np.outer([0.0, 0.3, 0.6], turning.imag)
    return along(x, 70.0, 35.0) + ellipse + 0.3 * gaussian(3, n, seed=seed + 1)


def tables_of(zne, *, settings=SETTINGS, rate_hz=RATE_HZ, letters="ZNE", gaps=None):
    """Return a table for each component; of `gaps` (first, stop) samples are left out."""
    blocks = range(int(zne.shape[1] / rate_hz / settings.grid.hop_s))
    out = {}
    for letter, x in zip(letters, zne, strict=True):
        a, b = (gaps or {}).get(letter, (0, 0))
        spans = [(0, a), (b, len(x))] if b else [(0, len(x))]
        parts = [
            Segment("", (letter,), round(first / rate_hz * 1e9), rate_hz, x[np.newaxis, first:stop])
            for first, stop in spans
        ]
        out[letter] = fill(empty_table(settings, blocks, rate_hz, needs={"samples"}), parts)
    return out


def frame_of(tables, names=NAMES, **options) -> pd.DataFrame:
    """Return the features of all windows."""
    table = next(iter(tables.values()))
    windows = range(len(table.blocks) - table.settings.grid.n_hops + 1)
    chosen = resolve(names)
    X = evaluate_station(tables, windows, chosen, **options)
    columns = [name for name, _ in columns_of(chosen, table.settings, per="station")]
    return pd.DataFrame(X, columns=columns, index=windows)


def test_the_group_is_in_the_registry():
    """Features 76 to 82, said to be of three components; none is computed of one channel."""
    assert NAMES == [
        "rectilinearity",
        "planarity",
        "incidence",
        "azimuth_sin2",
        "azimuth_cos2",
        "hv_log",
        "dop",
    ]
    assert "three components together" in dict(explain(FEATURES[0]))["columns"]
    assert columns_of(FEATURES, SETTINGS) == []
    assert not set(NAMES) & set(compute(gaussian(4000), RATE_HZ, length_s=20, hop_s=5).columns)
    with pytest.raises(FeatureError, match="dop needs three components"):
        compute(gaussian(4000), RATE_HZ, length_s=20, hop_s=5, names=["rms", "dop"])


# Planted motions


def test_linear_wave():
    """Azimuth 30° and incidence 20° come back, with rectilinearity, planarity and dop 1."""
    found = frame_of(tables_of(along(gaussian(4000), 30.0, 20.0)))
    wanted = {
        "rectilinearity": 1.0,
        "planarity": 1.0,
        "incidence": 20.0,
        "azimuth_sin2": np.sin(np.radians(60.0)),
        "azimuth_cos2": 0.5,
        "hv_log": np.log10(np.tan(np.radians(20.0)) ** 2 / 2),
        "dop": 1.0,
    }
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-6, atol=2e-6, err_msg=name)
    # The other end of the line: the same azimuth, no jump.
    other = frame_of(tables_of(along(gaussian(4000), 210.0, 20.0)))
    np.testing.assert_allclose(other["azimuth_sin2"], np.sin(np.radians(60.0)), rtol=2e-6)


def test_vertical_motion_has_no_azimuth():
    """Motion along Z only: incidence 0, no azimuth, no ratio of nothing."""
    found = frame_of(tables_of(along(gaussian(4000), 0.0, 0.0)))
    np.testing.assert_array_equal(found["incidence"], 0.0)
    assert found[["azimuth_sin2", "azimuth_cos2", "hv_log"]].isna().all(axis=None)
    assert frame_of(tables_of(np.zeros((3, 4000)))).isna().all(axis=None)


def test_circular_and_elliptical_motion():
    """Plane motion: planarity 1, rectilinearity 1 − b²/2a²; a circle has no direction."""
    phase = 2 * np.pi * 2.0 * np.arange(4000) / RATE_HZ
    circle = np.array([0 * phase, np.cos(phase), np.sin(phase)])
    found = frame_of(tables_of(circle))
    np.testing.assert_allclose(found["planarity"], 1.0, atol=1e-6)
    np.testing.assert_allclose(found["rectilinearity"], 0.5, atol=1e-6)
    np.testing.assert_allclose(found["dop"], 1.0, atol=1e-6)
    assert found[["incidence", "azimuth_sin2", "azimuth_cos2"]].isna().all(axis=None)
    ellipse = np.array([2 * np.cos(phase), np.sin(phase), 0 * phase])
    found = frame_of(tables_of(ellipse))
    np.testing.assert_allclose(found["rectilinearity"], 1 - 1 / 8, atol=1e-6)
    np.testing.assert_allclose(found["hv_log"], np.log10(1 / 8), atol=1e-6)
    np.testing.assert_allclose(found["incidence"], 0.0, atol=1e-3)


def test_isotropic_noise_of_100_000_samples():
    """No direction is preferred: all measures near 0, and nearer the longer the window."""
    settings = dataclasses.replace(SETTINGS, grid=WindowGrid(5000.0, 5.0))
    found = frame_of(tables_of(gaussian(3, 100_000), settings=settings)).iloc[0]
    assert 0 < found["rectilinearity"] < 0.02
    assert 0 < found["planarity"] < 0.02
    assert abs(found["hv_log"]) < 0.01
    assert found["dop"] < 0.05
    short = frame_of(tables_of(gaussian(3, 100_000)))
    assert short["rectilinearity"].mean() > 5 * found["rectilinearity"]


def test_covariance_is_that_of_the_samples():
    """Eigenvalues and vector of NumPy's covariance of each window's samples."""
    zne = motion(4000).astype(np.float32)
    found = frame_of(tables_of(zne))
    for k, row in found.iterrows():
        x = zne[:, k * 100 : k * 100 + 400].astype(float)
        values, vectors = np.linalg.eigh(np.cov(x, bias=True))
        v = vectors[:, 2]
        assert row["rectilinearity"] == pytest.approx(1 - values[:2].sum() / (2 * values[2]), 1e-5)
        assert row["planarity"] == pytest.approx(1 - 2 * values[0] / values[1:].sum(), 1e-5)
        assert row["incidence"] == pytest.approx(np.degrees(np.arccos(abs(v[0]))), 1e-5)
        assert row["azimuth_sin2"] == pytest.approx(np.sin(2 * np.arctan2(v[2], v[1])), abs=1e-5)


# Degree of polarization


def one_band(band_hz, *, spectrum_s=5.0, length_s=40.0):
    return dataclasses.replace(
        SETTINGS, grid=WindowGrid(length_s, 5.0), bands_hz=(band_hz,), spectrum_s=spectrum_s
    )


@pytest.mark.parametrize(("band_hz", "n_bins"), [((2, 2.4), 2), ((2, 4), 10), ((1, 7), 30)])
def test_dop_of_noise(band_hz, n_bins):
    """P² of isotropic noise is 4/(3m + 1) of m independent spectra (Wishart moments).

    Spectra of neighbouring blocks are independent; those of neighbouring frequencies have
    coherences 4/9 and 1/36 under a Hann taper.
    """
    n_spectra = 8
    found = frame_of(tables_of(gaussian(3, 200_000), settings=one_band(band_hz)))
    pairs = n_bins + 2 * (n_bins - 1) * 4 / 9 + 2 * max(0, n_bins - 2) / 36
    m = n_spectra * n_bins**2 / pairs
    apart = found["dop"].to_numpy()[::n_spectra] ** 2
    error = apart.std() / np.sqrt(len(apart))
    assert apart.mean() == pytest.approx(4 / (3 * m + 1), abs=4 * error, rel=0.02)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_dop_is_the_share_of_polarized_power(share):
    """P of a wave of power s in isotropic noise of power n each component is s/(s + 3n)."""
    n = 400_000
    zne = np.sqrt(share) * along(gaussian(n), 40.0, 60.0)
    zne += np.sqrt((1 - share) / 3) * gaussian(3, n, seed=1)
    settings = one_band((1, 7), length_s=1000.0)
    found = frame_of(tables_of(zne, settings=settings), ["dop"])["dop"]
    assert found.mean() == pytest.approx(share, abs=0.01)


def test_bands_weigh_by_their_power():
    """A wave in one band and noise in another: dop is the wave's share of the power."""
    n, settings = 200_000, dataclasses.replace(one_band((1, 2)), grid=WindowGrid(500.0, 5.0))
    settings = dataclasses.replace(settings, bands_hz=((1, 2), (4, 8)))
    f = np.fft.rfftfreq(n, 1 / RATE_HZ)

    def within(x, low_hz, high_hz):
        y = np.fft.irfft(np.fft.rfft(x) * ((f > low_hz) & (f < high_hz)), n)
        return y / np.sqrt(np.mean(y**2))

    wave = along(within(gaussian(n), 1.2, 1.8), 40.0, 60.0)
    noise = np.array([within(x, 4.5, 7.5) for x in gaussian(3, n, seed=1)])
    for share in (0.2, 0.5, 0.8):
        zne = np.sqrt(share) * wave + np.sqrt((1 - share) / 3) * noise
        found = frame_of(tables_of(zne, settings=settings), ["dop"])["dop"]
        assert found.mean() == pytest.approx(share, abs=0.05 * (1 - share) + 0.01)


def test_too_few_spectra_say_nothing_of_polarization():
    """One or two spectra are polarized by themselves: NaN, not 1; so without an available band."""
    noise = gaussian(3, 4000)
    few = dataclasses.replace(one_band((2, 2.2), length_s=10.0), spectrum_s=5.0)
    assert frame_of(tables_of(noise, settings=few), ["dop"]).isna().all(axis=None)
    none = one_band((7, 9))
    found = frame_of(tables_of(noise, settings=none))
    assert found["dop"].isna().all()
    assert found["rectilinearity"].notna().all()


# Invariances


def periodic(rate_hz, duration_s=200.0, hop_s=5.0):
    """Return motion that repeats every hop, without frequencies above 8 Hz, at any rate."""
    t, rng = np.arange(round(duration_s * rate_hz)) / rate_hz, np.random.default_rng(3)
    zne = np.zeros((3, len(t)))
    for k in range(1, 40):
        size, phase = rng.standard_normal(3), rng.uniform(0, 2 * np.pi, 3)
        angle = 2 * np.pi * k / hop_s * t + phase[:, np.newaxis]
        zne += size[:, np.newaxis] * np.cos(angle)
    return zne + along(2 * np.cos(2 * np.pi * 2 * t), 100.0, 60.0)


CHANGES = {
    "G": [{"gain": 1e6}, {"gain": 1e-10}, {"gain": -3.0}],
    "L": [{"length_s": 40.0}, {"length_s": 10.0}],
    "R": [{"rate_hz": 50.0}, {"rate_hz": 100.0}],
    "O": [{"offset": np.array([[3.0], [-7.0], [0.5]])}],
}


@pytest.mark.parametrize("one", FEATURES, ids=NAMES)
def test_declared_invariances(one):
    """Gain, window length, sampling rate and offsets of the channels change nothing."""

    def value(gain=1.0, length_s=20.0, rate_hz=RATE_HZ, offset=0.0):
        settings = dataclasses.replace(SETTINGS, grid=WindowGrid(length_s, 5.0))
        zne = gain * periodic(rate_hz) + offset
        return frame_of(tables_of(zne, settings=settings, rate_hz=rate_hz), [one.name])[one.name]

    plain = value()
    assert plain.notna().all()
    for letter in one.invariances:
        for change in CHANGES[letter]:
            np.testing.assert_allclose(value(**change).mean(), plain.mean(), rtol=1e-4, atol=1e-5)


def test_an_offset_does_not_leak_into_the_lowest_band():
    """The mean of each spectrum's samples is removed before the taper spreads it."""
    settings = dataclasses.replace(one_band((0.2, 1)), band_hz=(0.1, 8.0))
    noise = gaussian(3, 8000)
    plain, moved = (
        frame_of(tables_of(noise + offset, settings=settings), ["dop"]) for offset in (0.0, 100.0)
    )
    assert plain.max(axis=None) < 0.9
    np.testing.assert_allclose(moved, plain, atol=1e-4)


# Channels, orientation, gaps


def test_three_components_of_a_sensor():
    """Z, N, E come before Z, 1, 2; two, or a mixture, are none."""
    assert three_components(["HH1", "HHE", "HHN", "HH2", "HHZ"]) == ("HHZ", "HHN", "HHE")
    assert three_components(["BH2", "BHZ", "BH1"]) == ("BHZ", "BH1", "BH2")
    assert three_components(["BHW", "BHV", "BHU", "BDO"]) == ("BHU", "BHV", "BHW")
    for few in (["HHZ", "HHN"], ["HHZ", "HHN", "HH2"], ["HHZ"], []):
        assert three_components(few) == ()


def test_rotated_channels_are_as_z_n_e():
    """U, V, W with their matrix give what Z, N, E give, in whatever order they come."""
    zne = motion(8000)
    wanted = frame_of(tables_of(zne))
    uvw = tables_of(A_UVW @ zne, letters="UVW")
    found = frame_of(uvw, rotation=np.linalg.inv(A_UVW))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    order = [2, 0, 1]
    wuv = {letter: uvw[letter] for letter in "WUV"}
    found = frame_of(wuv, rotation=np.linalg.inv(A_UVW[order]))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    tables = tables_of(zne)
    other = frame_of({letter: tables[letter] for letter in "ENZ"})
    np.testing.assert_array_equal(other, wanted)


def test_what_is_not_known_is_nan():
    """Two components, no orientation, or rates that differ: the columns are there, as NaN."""
    zne = motion(4000)
    tables = tables_of(zne)
    faster = tables_of(np.repeat(zne, 2, axis=1), rate_hz=2 * RATE_HZ)
    cases = [
        {"Z": tables["Z"], "N": tables["N"]},
        {"Z": tables["Z"], "1": tables["N"], "2": tables["E"]},
        {**tables, "E": faster["E"]},
    ]
    for case in cases:
        found = frame_of(case)
        assert list(found.columns) == NAMES
        assert found.isna().all(axis=None)


def test_tables_that_do_not_fit_are_refused():
    """Without samples, or of other blocks, the error says what to do."""
    tables, longer = tables_of(motion(4000)), tables_of(motion(6000))
    with pytest.raises(FeatureError, match="not of the same blocks"):
        frame_of({**tables, "E": longer["E"]})
    without = {key: dataclasses.replace(table, samples=None) for key, table in tables.items()}
    with pytest.raises(FeatureError, match="keep no samples"):
        frame_of(without)


def test_samples_of_another_rate_are_left_out():
    """A stretch at another sampling rate leaves blocks unknown, not half a block of it."""
    table = empty_table(SETTINGS, range(8), RATE_HZ, needs={"samples"})
    x = gaussian(1, 400)
    parts = [
        Segment("", ("Z",), 0, RATE_HZ, x),
        Segment("", ("Z",), 20 * 10**9, 2 * RATE_HZ, gaussian(1, 800)),
    ]
    fill(table, parts)
    assert np.isfinite(table.samples[:4]).all()
    assert np.isnan(table.samples[4:]).all()


@pytest.mark.parametrize("gap", [(1000, 1100), (1030, 1070), (1030, 1220)])
def test_a_gap_on_one_component(gap):
    """Windows without it keep their bits; those with it use what all three have."""
    zne = motion(4000)
    settings = dataclasses.replace(SETTINGS, grid=WindowGrid(60.0, 5.0))
    whole = frame_of(tables_of(zne, settings=settings))
    one = frame_of(tables_of(zne, settings=settings, gaps={"N": gap}))
    every = frame_of(tables_of(zne, settings=settings, gaps=dict.fromkeys("ZNE", gap)))
    blocks = np.arange(len(whole))[:, np.newaxis] * 100
    hit = ((blocks < gap[1]) & (blocks + 1200 > gap[0])).ravel()
    np.testing.assert_array_equal(one[~hit], whole[~hit])
    np.testing.assert_array_equal(one, every)
    assert one[hit].notna().all(axis=None)
    assert (one[hit] != whole[hit]).all(axis=None)


def test_gaps_of_all_components_add_up():
    """Each channel has 85 % of the window, all three together 55 %: that is too little."""
    zne = motion(2000)
    settings = dataclasses.replace(SETTINGS, grid=WindowGrid(100.0, 5.0))
    gaps = {"Z": (0, 300), "N": (600, 900), "E": (1500, 1800)}
    assert frame_of(tables_of(zne, settings=settings)).notna().all(axis=None)
    found = frame_of(tables_of(zne, settings=settings, gaps=gaps))
    assert found.isna().all(axis=None)
    found = frame_of(tables_of(zne, settings=settings, gaps={"Z": (0, 300), "E": (0, 280)}))
    assert found.notna().all(axis=None)


def test_windows_of_other_lengths():
    """Columns of further lengths are those of windows of that length about the same middle."""
    zne = motion(8000)
    both = frame_of(tables_of(zne, settings=dataclasses.replace(SETTINGS, lengths_s=(10.0,))))
    plain = frame_of(tables_of(zne))
    settings = dataclasses.replace(SETTINGS, grid=WindowGrid(10.0, 5.0))
    other = frame_of(tables_of(zne, settings=settings))
    np.testing.assert_array_equal(both[NAMES], plain)
    further = both[[f"{name}@10s" for name in NAMES]]
    np.testing.assert_array_equal(further, other.iloc[1 : 1 + len(further)])


# Through the extraction

PLAN = Plan(
    Band(1.0, 8.0),
    dataclasses.replace(SETTINGS, sta_lta_s=(("short", 0.5, 10.0),), background_s=60.0),
    ("rms", *NAMES),
)


def archive_of(folder, zne, letters="ZNE", gap=None):
    """Write components as miniSEED counts and return the archive."""
    counts = np.round(1000 * zne).astype(np.int32)
    for letter, x in zip(letters, counts, strict=True):
        code = f"XX.ABC.00.HH{letter}"
        pieces = [trace(x, code=code)]
        if gap and letter == letters[1]:
            later = DAY0 + round(gap[1] / RATE_HZ * 1e9)
            pieces = [trace(x[: gap[0]], code=code), trace(x[gap[1] :], later, code=code)]
        write(folder / f"{code}.mseed", *pieces)
    return open_archive(folder)


def shard_of(archive, store, plan=PLAN):
    (outcome,) = extract(archive, store, plan)
    assert not outcome.error
    (path,) = store.rglob("*.h5")
    return read_shard(path), outcome


def test_extraction_does_not_depend_on_chunks(tmp_path):
    """Same bits whether read at once or in pieces of ten minutes and a bit, with a gap."""
    archive = archive_of(tmp_path / "data", motion(60_000), gap=(20_010, 20_950))
    whole, _ = shard_of(archive, tmp_path / "whole")
    pieces, _ = shard_of(archive, tmp_path / "pieces", dataclasses.replace(PLAN, chunk_s=617.0))
    np.testing.assert_array_equal(pieces.X, whole.X)
    assert whole.columns == ("rms.E", "rms.N", "rms.Z", *(f"{name}.3C" for name in NAMES))
    assert whole.units[3:] == tuple(one.unit for one in FEATURES)
    known = np.isfinite(whole.X)
    assert 0.9 < known[:, 3:].mean() < known[:, 0].mean() <= 1
    assert known[:, 3:].any(axis=1).sum() == known[:, 3:].all(axis=1).sum()
    assert not {name for name in whole.counts if name.startswith("days_")}


def test_a_missing_component_loses_nothing_else(tmp_path):
    """Without E the columns of three are NaN and counted; those of Z and N keep their bits."""
    zne = motion(30_000)
    full, _ = shard_of(archive_of(tmp_path / "3", zne), tmp_path / "store3")
    part, outcome = shard_of(archive_of(tmp_path / "2", zne[:2], "ZN"), tmp_path / "store2")
    assert outcome.counts["days_without_three_components"] == 1
    assert part.columns == full.columns[1:]
    np.testing.assert_array_equal(part.X[:, :2], full.X[:, 1:3])
    assert np.isnan(part.X[:, 2:]).all()
    assert np.isfinite(full.X[1:-4]).all()
    assert read_table(tmp_path / "store2").units["incidence.3C"] == "°"
    few, outcome = shard_of(
        archive_of(tmp_path / "4", zne[:2], "ZN"),
        tmp_path / "store4",
        dataclasses.replace(PLAN, names=("rms",)),
    )
    assert few.columns == ("rms.N", "rms.Z")
    assert "days_without_three_components" not in outcome.counts


def test_orientation_comes_from_metadata_only(tmp_path):
    """U, V, W are NaN and counted without a matrix; with it they are as Z, N, E."""
    zne = motion(30_000)
    full, _ = shard_of(archive_of(tmp_path / "zne", zne), tmp_path / "store")
    archive = archive_of(tmp_path / "uvw", A_UVW @ zne, "UVW")
    (task,) = tasks(archive, tmp_path / "none", PLAN)
    shard, outcome = extract_day(task.archive, task.station, task.day, PLAN)
    assert outcome.counts["days_without_orientation"] == 1
    assert np.isnan(shard.X[:, 3:]).all()
    asked = []

    def rotation(*what):
        asked.append(what)
        return np.linalg.inv(A_UVW), ""

    turned, outcome = extract_day(task.archive, task.station, task.day, PLAN, rotation=rotation)
    assert asked == [("XX.ABC.00.HH", ("HHU", "HHV", "HHW"), DAY0)]
    assert "days_without_orientation" not in outcome.counts
    assert turned.columns == shard.columns
    np.testing.assert_array_equal(turned.X[:, :3], shard.X[:, :3])
    # Counts are whole numbers: the two records differ by rounding.
    np.testing.assert_allclose(turned.X[:, 3:], full.X[:, 3:], rtol=0.01, atol=0.01)


# Clocks that differ by a part of a sample


def plane_wave(start_s, n, azimuth_deg=60.0, incidence_deg=25.0, seed=4):
    """Return U, V, W of a linear wave of 1.2 to 7 Hz, each sampled from its own instant on."""
    rng = np.random.default_rng(seed)
    f_hz, phase = rng.uniform(1.2, 7.0, 60), rng.uniform(0, 2 * np.pi, 60)
    rows = A_UVW @ along(np.ones(1), azimuth_deg, incidence_deg)
    t = np.asarray(start_s)[:, np.newaxis] + np.arange(n) / RATE_HZ
    waves = [np.cos(2 * np.pi * np.outer(one, f_hz) + phase).sum(axis=1) for one in t]
    return rows * np.array(waves)


def uvw_shard(folder, start_s, n=16_000, plan=PLAN):
    """Return the shard of a linear wave whose U, V, W are sampled from some instants on."""
    counts = np.round(1000 * plane_wave(start_s, n)).astype(np.int32)
    for letter, x, first_s in zip("UVW", counts, start_s, strict=True):
        code = f"XX.ABC.00.HH{letter}"
        write(folder / f"{code}.mseed", trace(x, DAY0 + round(first_s * 1e9), code=code))
    (task,) = tasks(open_archive(folder), folder / "none", plan)
    matrix = np.linalg.inv(A_UVW)
    shard, _ = extract_day(
        task.archive, task.station, task.day, plan, rotation=lambda *_: (matrix, "")
    )
    return shard


@pytest.mark.parametrize(
    "start_s",
    [
        (0.0, 0.0, 0.0),
        (0.013, 0.0, 0.038),
        (0.0499, 0.0001, 0.025),  # neighbours in time, a sample apart in the block
        (18.013, 3.029, 0.0),
    ],
)
def test_direction_of_a_wave_on_clocks_that_differ(tmp_path, start_s):
    """Azimuth 60° and incidence 25° come back, and rectilinearity 1, also at 7 Hz.

    Without interpolation 25 ms turn a wave of 7 Hz by 63°.
    """
    shard = uvw_shard(tmp_path, start_s)
    found = pd.DataFrame(shard.X, columns=shard.columns)
    inside = (shard.time_ns > DAY0 + 40e9) & (shard.time_ns < DAY0 + 770e9)
    assert inside.sum() > 140
    wanted = {"incidence": (25.0, 0.2), "rectilinearity": (1.0, 2e-3), "dop": (1.0, 2e-3)}
    wanted |= {"azimuth_sin2": (np.sin(np.radians(120.0)), 5e-3), "azimuth_cos2": (-0.5, 5e-3)}
    for name, (value, slack) in wanted.items():
        np.testing.assert_allclose(found[f"{name}.3C"][inside], value, atol=slack, err_msg=name)


def test_interpolation_does_not_depend_on_chunks(tmp_path):
    """Bit for bit, with clocks that differ and a plan that reads a minute at once."""
    start_s = (0.013, 0.0, 0.038)
    whole = uvw_shard(tmp_path / "a", start_s)
    cut = uvw_shard(tmp_path / "b", start_s, plan=dataclasses.replace(PLAN, chunk_s=61.0))
    np.testing.assert_array_equal(cut.X, whole.X)


# Real records


def real_frame(stream, letters, band, settings, rotation=None) -> pd.DataFrame:
    """Return the features of all windows of a stream, indexed by their start."""
    grid, tables = settings.grid, {}
    ends_ns = [int(t.ns) for one in stream for t in (one.stats.starttime, one.stats.endtime)]
    blocks = range(grid.block_of(min(ends_ns)) - 1, grid.block_of(max(ends_ns)) + 2)
    for letter in letters:
        traces = stream.select(component=letter).traces
        rate_hz = traces[0].stats.sampling_rate
        parts = (
            Segment("", (letter,), int(t.stats.starttime.ns), rate_hz, t.data[np.newaxis] * 1.0)
            for t in traces
        )
        table = empty_table(settings, blocks, rate_hz, needs={"samples"})
        tables[letter] = fill(table, causal_filter(parts, band))
    windows = range(blocks.start, blocks.stop - grid.n_hops + 1)
    X = evaluate_station(tables, windows, FEATURES, rotation=rotation)
    return pd.DataFrame(X, columns=NAMES, index=pd.to_datetime(grid.times(windows)))


@pytest.mark.real
def test_p_and_s_of_californian_earthquakes(shared_data):
    """After the analysts' P the motion is more linear than before it, and S is more horizontal.

    Measured over 72 records, 2-16 Hz, windows of 1 s: rectilinearity 0.75 (noise 0.61), higher in
    69 %; incidence of S above that of P in 88 %, H/V in 90 %.
    """
    folder = shared_data / "earth_nc_windows"
    settings = Settings(WindowGrid(1.0, 0.5), (1.0, 40.0), ((2, 4), (4, 8), (8, 16)))
    rows = []
    for pick in pd.read_csv(folder / "picks.csv").itertuples():
        stream = obspy.read(folder / pick.file)
        three = sorted(t.stats.component for t in stream) == ["E", "N", "Z"]
        if not three or isinstance(pick.zero_components, str):
            continue
        found = real_frame(stream, "ZNE", Band(2.0, 16.0), settings)
        p, s = (pd.Timestamp(time).tz_localize(None) for time in (pick.p_time, pick.s_time))
        at_p, at_s = (
            found.iloc[found.index.searchsorted(t - pd.Timedelta("0.25s"))] for t in (p, s)
        )
        noise = found[found.index < p - pd.Timedelta("2s")].median()
        rows.append(
            [
                at_p["rectilinearity"] > noise["rectilinearity"],
                at_s["incidence"] > at_p["incidence"],
                at_s["hv_log"] > at_p["hv_log"],
            ]
        )
    assert len(rows) == 72
    linear, flat, horizontal = np.mean(rows, axis=0)
    assert linear > 0.6
    assert flat > 0.8
    assert horizontal > 0.8


@pytest.mark.real
def test_marsquake_s0173a_comes_from_the_east(shared_data):
    """P of S0173a, from U, V, W: back azimuth 91° (Marsquake Service), linear above the noise.

    Other marsquakes of the set do not stand out: their noise is as linear as their P.
    """
    folder = shared_data / "mars_deglitched"
    (path,) = folder.glob("S0173a/*MPS_v1.mseed")
    labels = pd.read_csv(folder / "labels_deglitched.csv").set_index("event")
    p = pd.Timestamp(labels["P"]["S0173a"]).tz_localize(None)
    settings = Settings(WindowGrid(10.0, 2.0), (0.1, 8.0), ((0.3, 0.6), (0.6, 1.0)), sub_s=1.0)
    found = real_frame(
        obspy.read(path), "UVW", Band(0.3, 1.0), settings, rotation=np.linalg.inv(A_UVW)
    )
    first = found[(found.index >= p - pd.Timedelta("1s"))].iloc[0]
    azimuth_deg = np.degrees(np.arctan2(first["azimuth_sin2"], first["azimuth_cos2"])) / 2 % 180
    assert azimuth_deg == pytest.approx(91.0, abs=8.0)
    noise = found[found.index < p - pd.Timedelta("60s")]
    assert first["rectilinearity"] > noise["rectilinearity"].quantile(0.95)
    assert first["dop"] > noise["dop"].quantile(0.95)
