"""Compiled loops have the values of NumPy, and the same bits in whatever chunk a block comes."""

from itertools import pairwise

import numpy as np
import pytest

from seisml.features import Settings, columns_of, compute, empty_table, evaluate, fast, fill
from seisml.features.ranks import trailing_quantile
from seisml.features.registry import resolve
from seisml.features.series import Series
from seisml.segments import Segment
from seisml.stationday import versions
from seisml.windows import WindowGrid

pytest.importorskip("numba")
BANDS_HZ = ((1, 2), (2, 4), (4, 8))


@pytest.fixture
def both(monkeypatch):
    """Return what a function returns without and with compiled loops."""

    def run(function) -> list:
        found = []
        for switch in ("0", "1"):
            monkeypatch.setenv(fast.SWITCH, switch)
            assert (fast.compiled("blockloops") is None) == (switch == "0")
            found.append(function())
        return found

    return run


def record(n: int, *, seed: int = 0) -> np.ndarray:
    """Return red noise with a signal that is larger and larger, and a spike."""
    rng = np.random.default_rng(seed)
    x = np.convolve(rng.standard_normal(n), np.ones(5) / 5, "same")
    t = np.arange(n)
    x += 20 * np.exp(-((t / n - 0.6) ** 2) / 1e-4) * np.sin(0.4 * t)
    x[n // 3] += 100
    return x


def assert_same(plain, compiled, names):
    """Columns are the same to 1e-5, or 2e-5 of their median size, and NaN is where it was."""
    for name, a, b in zip(names, plain.T, compiled.T, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=name)
        if np.isfinite(a).any():
            size = np.nanmedian(np.abs(a))
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=2e-5 * size, err_msg=name)


@pytest.mark.parametrize(
    ("rate_hz", "gain", "offset"), [(100.0, 1.0, 0.0), (20.0, 1e7, 1e8), (6.625, 1e-9, 0.0)]
)
def test_values_of_all_features(both, rate_hz, gain, offset):
    """Every feature of a channel, at rates whose blocks have uneven parts too, and in any unit."""
    x = gain * record(round(900 * rate_hz)) + offset
    plain, compiled = both(lambda: compute(x, rate_hz, length_s=30.0, hop_s=3.0, bands_hz=BANDS_HZ))
    assert list(plain) == list(compiled)
    assert_same(plain.to_numpy(), compiled.to_numpy(), plain.columns)


def pieces() -> list[Segment]:
    """Return a record with gaps, with a piece that is silent and one that is shorter than a hop."""
    x, edges = record(120_000).astype(np.float32), [0, 31_111, 36_000, 36_130, 52_000, 120_000]
    x[36_000:36_130] = 0.0
    found = []
    for first, last in pairwise(edges):
        part = x[np.newaxis, first : last - 777 if last - first > 1000 else last]
        found.append(Segment("XX.A.00.HH", ("Z",), first * 10**7, 100.0, part))
    return found


def cut(parts: list[Segment], n: int) -> list[Segment]:
    """Return the same segments in chunks of n samples."""
    out = []
    for part in parts:
        for first in range(0, part.data.shape[1], n):
            some = part.data[:, first : first + n]
            start_ns = part.start_ns + first * 10**7
            out.append(Segment(part.station, ("Z",), start_ns, 100.0, some, continues=first > 0))
    return out


def table_of(parts: list[Segment]):
    settings = Settings(WindowGrid(30.0, 3.0), (1.0, 40.0), BANDS_HZ)
    return fill(empty_table(settings, range(400), 100.0, needs={"envelope"}), parts)


def test_values_across_gaps(both):
    """Windows with gaps, before and after them."""
    chosen = resolve("detect-fast")

    def run():
        table = table_of(pieces())
        return table, evaluate(table, range(390), chosen)[0]

    (table, plain), (other, compiled) = both(run)
    names = [name for name, _ in columns_of(chosen, table.settings)]
    assert_same(plain, compiled, names)
    np.testing.assert_allclose(other.sums, table.sums, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(other.sums[:, 4:6], table.sums[:, 4:6])
    assert np.isfinite(compiled).any(axis=0).sum() > 50


def test_bits_do_not_depend_on_chunks(monkeypatch):
    """A compiled block is the same, bit for bit, however the record comes."""
    monkeypatch.setenv(fast.SWITCH, "1")
    whole, chosen = table_of(pieces()), resolve("detect-fast")
    parts = table_of(cut(pieces(), 4_567))
    for name in ("sums", "energy", "fourth", "spectra", "linear", "envelope"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)
    X, _ = evaluate(whole, range(390), chosen)
    later, _ = evaluate(whole, range(100, 390), chosen)
    np.testing.assert_array_equal(later, X[100:])


@pytest.mark.parametrize("n", [32, 40, 120, 250, 600, 1200])
@pytest.mark.parametrize("n_bins", [7, 16])
def test_transforms(n, n_bins):
    """Power is that of a transform in float64, in every lane, and so are sums of it."""
    from seisml.features import transformloops as loops

    x = np.random.default_rng(n).standard_normal((2 * loops.WIDTH, n)).astype(np.float32)
    taper, top, skip = np.hanning(n + 1)[:-1].astype(np.float32), n_bins, 0
    turns = (-0.5j * np.exp(-2j * np.pi * np.arange(top) / n)).astype(np.complex64)
    psd, linear = np.empty((len(x), n_bins), np.float32), np.empty((len(x), 6))
    weights, ends = np.random.default_rng(1).random((6, n_bins)), np.array([0] * 5 + [2])
    columns = weights, ends, np.full(6, n_bins) - ends
    none = np.zeros(0, np.float32), psd, linear, np.empty((len(x), 6), np.float32)
    loops.spectra(x.ravel(), n, taper, (*loops.plan(n // 2), turns), skip, columns, *none)
    tapered = (x - x.mean(axis=1, keepdims=True, dtype=float)) * taper
    power = np.abs(np.fft.rfft(tapered))[:, :n_bins] ** 2
    np.testing.assert_allclose(psd, power, rtol=1e-5, atol=1e-6 * power.max())
    np.testing.assert_allclose(linear[:, :5], psd @ weights[:5].T, rtol=1e-12)
    np.testing.assert_allclose(linear[:, 5], psd[:, 2:-2] @ weights[5, 2:-2], rtol=1e-12)


@pytest.mark.parametrize(("n", "there"), [(1, True), (360, True), (7, False), (22, False)])
def test_lengths_of_transforms(n, there):
    """Only lengths of the factors 2, 3 and 5 have compiled transforms."""
    from seisml.features import transformloops as loops

    assert (loops.plan(n) is not None) == there


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 13, 60, 500])
def test_moving_sums(both, n):
    """Sums of any length, with what is not known left out, are those of a plain loop."""
    x = np.random.default_rng(n).exponential(size=(6, 300))
    x[2:, 40] = x[:, 41:44] = np.nan
    flat = np.nan_to_num(x).T.ravel()
    wanted = [flat[max(0, i - n + 1) : i + 1].sum() for i in range(len(flat))]
    for found in both(lambda: Series(x).sum(n)):
        np.testing.assert_allclose(found.T.ravel(), wanted, rtol=1e-12)


def test_switch(monkeypatch):
    """Without Numba, or with the switch off, there are no compiled loops."""
    monkeypatch.setenv(fast.SWITCH, "1")
    assert fast.compiled("pastloops") is not None
    monkeypatch.setattr(fast, "_installed", lambda: False)
    assert fast.compiled("pastloops") is None


@pytest.mark.parametrize(("n", "share"), [(2, 0.0), (7, 0.3), (40, 0.0), (40, 0.9), (400, 0.1)])
def test_trailing_quantiles(both, n, share):
    """Quantiles of the past of whole numbers, often the same, some of them not known."""
    rng = np.random.default_rng(n)
    x = rng.integers(0, 50, 300).astype(float)
    x[rng.random(len(x)) < share] = np.nan
    plain, compiled = both(lambda: trailing_quantile(x, n, 0.3))
    np.testing.assert_allclose(compiled, plain, rtol=1e-13)
    for i in range(n, len(x)):
        known = x[i - n + 1 : i + 1]
        known = known[np.isfinite(known)]
        wanted = np.quantile(known, 0.3) if len(known) > 1 else np.nan
        np.testing.assert_allclose(compiled[i], wanted, rtol=1e-13)


def test_products_say_so(both):
    """What is written names the Numba that its values come from, and none where it was not used."""
    plain, compiled = both(versions)
    assert set(compiled) - set(plain) == {"numba"}
