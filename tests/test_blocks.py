"""Hop blocks are what numpy says of their samples, however the record was cut."""

import dataclasses
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from seisml.errors import ConfigError, FeatureError
from seisml.features import Filler, Past, Settings, Windows, compute, empty_table, fill, filler
from seisml.features.blocks import NEEDS
from seisml.features.filler import HELD, ON_GRID
from seisml.features.kernels import LOT, SUMS
from seisml.segments import Segment, samples_to_ns, snap_rate
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

RATES_HZ = (20.0, 50.0, 100.0, 200.0, 6.625)
EPOCH_NS = 1_700_000_000 * NS_PER_S
OFFSETS_NS = (0, 1, -1, 100_000, -100_000, 1_234_567, 777_777_777)
ORDERS = np.array([1, 2, 3, 4, 1, 1, 0, 2, 2])
ARRAYS = ("covered_ns", "sums", "energy", "fourth", "linear", "envelope", "samples")


def make_settings(rate_hz, *, length_s=6.0, hop_s=2.0, sub_s=0.5, band_hz=None, **more):
    band_hz = band_hz or (0.0, 0.4 * rate_hz)
    return Settings(WindowGrid(length_s, hop_s), band_hz, ((1, 2),), sub_s=sub_s, **more)


def make_parts(x, rate_hz, *, start_ns=EPOCH_NS, cuts=()):
    """Cut one gap-free record into segments that continue one another."""
    edges = [0, *sorted(cuts), len(x)]
    return [
        Segment(
            "XX.STA..HH",
            ("HHZ",),
            start_ns + samples_to_ns(a, rate_hz),
            rate_hz,
            x[np.newaxis, a:b],
            continues=a > 0,
        )
        for a, b in pairwise(edges)
    ]


def power(table):
    """Return the spectra in unit²/Hz; NaN where there is none."""
    scale = np.where(table.known, table.scale, np.nan)
    return table.spectra.astype(float) * scale[:, np.newaxis]


def make_table(parts, *, n_blocks=None, config=None):
    """Fill a table that begins two blocks before the record."""
    rate_hz = snap_rate(parts[0].sampling_rate_hz)
    config = config or make_settings(rate_hz)
    first = config.grid.block_of(parts[0].start_ns) - 2
    end = config.grid.block_of(parts[-1].end_ns) + 3
    blocks = range(first, end if n_blocks is None else first + n_blocks)
    return fill(empty_table(config, blocks, rate_hz, needs=NEEDS), parts)


def assert_same(one, two):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    np.testing.assert_array_equal(power(one), power(two))
    assert one.parts.keys() == two.parts.keys()
    for name, part in one.parts.items():
        assert_same_sums(part, two.parts[name])


def assert_same_sums(one, two):
    for name in ("covered_ns", "sums", "energy", "fourth"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def assert_same_rows(one, two, one_rows, two_rows):
    for name in ARRAYS[1:]:
        found, wanted = getattr(one, name)[one_rows], getattr(two, name)[two_rows]
        np.testing.assert_array_equal(found, wanted, err_msg=name)
    np.testing.assert_array_equal(power(one)[one_rows], power(two)[two_rows])


def complete(table):
    return np.flatnonzero(np.isfinite(table.sums[:, 0]))


def first_sample(block, hop_s, start_ns, rate_hz):
    """Slow exact oracle: the first sample at or after the start of a block."""
    offset = Fraction(block * round(hop_s * NS_PER_S) - start_ns) * Fraction(rate_hz) / NS_PER_S
    return math.ceil(offset - Fraction(ON_GRID))


def noise(n, seed=0, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def drifting(rate_hz, duration_s=60.0, seed=0):
    """Skewed noise whose mean and size change from block to block."""
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    x = np.random.default_rng(seed).gamma(2.0, 1.0 + 0.5 * np.sin(t / 7), len(t))
    return (x + 3 * np.sin(t / 5) - 2).astype(np.float32)


@pytest.mark.parametrize("offset_ns", OFFSETS_NS)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_sums_of_a_block_are_those_of_its_samples(rate_hz, offset_ns):
    """Every column of SUMS equals numpy on the samples from the block's start on."""
    x, start_ns = drifting(rate_hz), EPOCH_NS + offset_ns
    table = make_table(make_parts(x, rate_hz, start_ns=start_ns))
    n = int(2 * rate_hz + 1e-6)
    ats = [first_sample(block, 2.0, start_ns, rate_hz) for block in table.blocks]
    rows = [row for row, at in enumerate(ats) if 0 <= at <= len(x) - n]
    assert len(rows) in (29, 30)
    np.testing.assert_array_equal(complete(table), rows)
    for row in rows:
        at = ats[row]
        f = x[at : at + n].astype(float)
        d = f - f.mean()
        whole = x[max(0, at - 1) : at + n].astype(float)
        slope = np.diff(whole) * rate_hz
        expected = {
            "mean": f.mean(),
            "m2": np.mean(d**2),
            "m3": np.mean(d**3),
            "m4": np.mean(d**4),
            "min": f.min(),
            "max": f.max(),
            "crossings": np.mean((whole[1:] >= 0) != (whole[:-1] >= 0)) * rate_hz,
            "d2": np.mean(slope**2),
            "dd2": np.mean((np.diff(slope) * rate_hz) ** 2),
        }
        wanted = [expected[name] for name in SUMS]
        close = 1e-5 * np.array([1, 1, 1, 1, 0, 0, 1e-5, 1, 1]) * d.std() ** ORDERS
        assert (np.abs(table.sums[row] - wanted) <= close + 1e-5 * np.abs(wanted)).all()
        subs = [np.mean(f[i * n // 4 : (i + 1) * n // 4] ** 2) for i in range(4)]
        np.testing.assert_allclose(table.energy[row], subs, rtol=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_moments_of_windows_are_those_of_their_samples(rate_hz):
    """Moments combined from blocks equal numpy on all samples of the window."""
    x = drifting(rate_hz)
    table = make_table(make_parts(x, rate_hz))
    n = int(2 * rate_hz + 1e-6)
    w = Windows(table, Past(table), 2, 27)
    combined = np.column_stack(w.moments)
    for window in range(27):
        ats = [first_sample(window + i, 2.0, 0, rate_hz) for i in range(3)]
        f = np.concatenate([x[at : at + n] for at in ats]).astype(float)
        d = f - f.mean()
        wanted = [f.mean(), np.mean(d**2), np.mean(d**3), np.mean(d**4)]
        close = 1e-5 * d.std() ** np.arange(1, 5)
        assert (np.abs(combined[window] - wanted) <= close).all()
    np.testing.assert_array_equal(w.coverage, 1.0)
    assert w.usable.all()


@st.composite
def cut_records(draw):
    """Draw a record, its clock and any cut of it."""
    rate_hz = draw(st.sampled_from([*RATES_HZ, 99.9995, 20.001]))
    n = draw(st.integers(1, int(25 * rate_hz)))
    tenths_ms = st.integers(-20_000, 20_000).map(lambda tenths: 100_000 * tenths)
    hundredths = st.integers(-5, 5).map(lambda part: round(part * 0.01 / rate_hz * NS_PER_S))
    offset_ns = draw(st.one_of(tenths_ms, hundredths, st.integers(-(10**9), 10**9)))
    cuts = draw(st.lists(st.integers(0, n), max_size=12))
    return rate_hz, noise(n, seed=n), EPOCH_NS + offset_ns, cuts


@given(
    cut_records(),
    st.sampled_from([(6.0, 2.0), (4.0, 1.0), (3.0, 3.0), (4.0, 4.0)]),
    st.sampled_from([1, 2, 5, LOT]),
)
@settings(max_examples=200, deadline=None)
def test_any_cut_of_a_record_gives_the_same_bits(record, grid, held):
    """Chunks, down to empty and one-sample ones, leave no trace in the table."""
    rate_hz, x, start_ns, cuts = record
    config = make_settings(snap_rate(rate_hz), length_s=grid[0], hop_s=grid[1])
    whole = make_table(make_parts(x, rate_hz, start_ns=start_ns), config=config)
    pieces = make_parts(x, rate_hz, start_ns=start_ns, cuts=cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filler, "HELD", held)
        assert_same(make_table(pieces, n_blocks=len(whole.blocks), config=config), whole)


@given(cut_records(), st.integers(1, 400))
@settings(max_examples=150, deadline=None)
def test_it_does_not_matter_where_a_record_begins(record, skip):
    """Blocks after its first have the same bits, also for clocks of whole tenths of ms."""
    rate_hz, x, start_ns, _ = record
    skip = min(skip, len(x) - 1)
    whole = make_table(make_parts(x, rate_hz, start_ns=start_ns))
    rest_ns = start_ns + samples_to_ns(skip, rate_hz)
    part = fill(
        empty_table(whole.settings, whole.blocks, whole.sampling_rate_hz, needs=NEEDS),
        make_parts(x[skip:], rate_hz, start_ns=rest_ns),
    )
    late = complete(part)[1:]
    assert set(complete(whole)) >= set(late) | set(complete(part))
    assert set(complete(whole)) - set(complete(part)) <= set(range(0, late[0] if len(late) else 99))
    assert_same_rows(part, whole, late, late)


@pytest.mark.parametrize("offset_ns", [-500_000, -100_000, -12_345])
def test_days_of_one_record_agree(offset_ns):
    """Read from midnight or from noon, with a clock half a ms off the grid: the same blocks."""
    rate_hz, noon = 20.0, 20 * 43_200
    x = noise(20 * 50_000)
    whole = make_table(make_parts(x, rate_hz, start_ns=EPOCH_NS + offset_ns))
    parts = make_parts(x[noon:], rate_hz, start_ns=EPOCH_NS + offset_ns + 43_200 * NS_PER_S)
    part = fill(empty_table(whole.settings, whole.blocks, rate_hz, needs=NEEDS), parts)
    late = complete(part)[1:]
    assert len(late) == 3399
    assert_same_rows(part, whole, late, late)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_sample_by_sample_gives_the_same_bits(rate_hz, monkeypatch):
    """The finest cut there is, one sample a segment, gives the table of the whole."""
    monkeypatch.setattr(filler, "HELD", 1)
    x = noise(int(9 * rate_hz))
    whole = make_table(make_parts(x, rate_hz, start_ns=EPOCH_NS + 123_456_789))
    cuts = range(1, len(x))
    pieces = make_parts(x, rate_hz, start_ns=EPOCH_NS + 123_456_789, cuts=cuts)
    assert_same(make_table(pieces, n_blocks=len(whole.blocks)), whole)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_at_the_ends_are_counted_to_the_sample(rate_hz, extra):
    """One sample less than n hops has n - 1 blocks; n hops have n, and no tail is lost."""
    n_hops = 8  # a whole number of samples at 6.625 Hz too
    n = round(2 * n_hops * rate_hz) + extra
    table = make_table(make_parts(noise(n), rate_hz))
    found = n_hops - (extra < 0)
    assert len(complete(table)) == found
    assert table.known.sum() == found - 1
    assert np.isfinite(table.energy).all(axis=1).sum() == found
    assert table.covered_ns.sum() == samples_to_ns(n, rate_hz)
    frame = compute(noise(n), rate_hz, length_s=6.0, hop_s=2.0, names=["rms"], sub_s=0.5)
    assert len(frame) == found - 2


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_record_that_starts_inside_a_block_begins_with_the_next(rate_hz):
    """A block of which the first samples are missing is not complete, but is covered in part."""
    table = make_table(make_parts(noise(int(21 * rate_hz)), rate_hz, start_ns=EPOCH_NS + 10**9))
    np.testing.assert_array_equal(complete(table), np.arange(3, 13))
    assert table.covered_ns[2] == NS_PER_S
    np.testing.assert_array_equal(table.covered_ns[3:12], 2 * NS_PER_S)


@given(
    st.lists(st.integers(0, 1200), min_size=2, max_size=12, unique=True).filter(
        lambda edges: len(edges) % 2 == 0
    ),
    st.integers(-(10**9), 10**9),
)
@settings(max_examples=60, deadline=None)
def test_gaps_leave_nan_and_the_true_share(edges, offset_ns):
    """Blocks that a gap touches are NaN, all others untouched; coverage is the share of samples."""
    rate_hz, x = 20.0, noise(1200)
    start_ns = EPOCH_NS + offset_ns
    whole = make_parts(x, rate_hz, start_ns=start_ns)[0]
    keep = np.sort(edges).reshape(-1, 2)
    parts = [
        dataclasses.replace(
            whole, start_ns=start_ns + samples_to_ns(a, rate_hz), data=whole.data[:, a:b]
        )
        for a, b in keep
    ]
    full = make_table([whole])
    table = fill(empty_table(full.settings, full.blocks, rate_hz, needs=NEEDS), parts)
    valid = np.zeros(len(x), bool)
    for a, b in keep:
        valid[a:b] = True
    for row, block in enumerate(full.blocks):
        at = first_sample(block, 2.0, start_ns, rate_hz)
        touched = at < 0 or valid[at : at + 40].sum() != 40
        assert np.isnan(table.sums[row, 0]) == touched
        assert np.isnan(table.energy[row]).all() == touched
        alone = not touched and (at == 0 or not valid[at - 1])
        if not touched and not alone:
            np.testing.assert_array_equal(table.sums[row], full.sums[row])
        spectrum_touched = at < 0 or valid[at : at + 80].sum() != 80
        assert table.known[row] != spectrum_touched
        assert np.isnan(table.envelope[row]).all() == spectrum_touched
        if not spectrum_touched:
            np.testing.assert_array_equal(power(table)[row], power(full)[row])
    step_ns = round(NS_PER_S / rate_hz)
    begins = start_ns + step_ns * np.flatnonzero(valid)
    for row, block in enumerate(full.blocks):
        low = np.clip(begins, block * 2 * NS_PER_S, (block + 1) * 2 * NS_PER_S)
        high = np.clip(begins + step_ns, block * 2 * NS_PER_S, (block + 1) * 2 * NS_PER_S)
        assert table.covered_ns[row] == (high - low).sum()


def test_windows_with_a_gap_use_what_is_left():
    """A window above the least coverage has the moments of its complete blocks, else NaN."""
    rate_hz, x = 100.0, drifting(100.0)
    whole = make_parts(x, rate_hz)[0]
    cut = [(0, 1950), (2010, 3000), (3250, 6000)]  # 0.6 s inside blocks 9 and 10, 2.5 s in 15, 16
    parts = [
        dataclasses.replace(
            whole, start_ns=EPOCH_NS + samples_to_ns(a, rate_hz), data=whole.data[:, a:b]
        )
        for a, b in cut
    ]
    table = make_table(parts)
    w = Windows(table, Past(table), 2, 28)
    assert w.coverage[8] == pytest.approx(0.9)  # 16-22 s: 0.6 of 6 s are missing
    assert w.usable[8]
    assert w.moments[0][8] == pytest.approx(x[1600:1800].mean(dtype=float), rel=1e-5)
    np.testing.assert_allclose(w.coverage[12:18], [1, 4 / 6, 3.5 / 6, 3.5 / 6, 5.5 / 6, 1])
    np.testing.assert_array_equal(np.flatnonzero(~w.usable), [13, 14, 15])
    assert w.moments[0][16] == pytest.approx(x[3400:3800].mean(dtype=float), rel=1e-5)


def test_a_window_without_a_complete_block_is_not_usable():
    """Many short gaps can leave coverage and yet no block to compute from."""
    x = noise(1200)
    whole = make_parts(x, 100.0)[0]
    parts = [
        dataclasses.replace(
            whole, start_ns=EPOCH_NS + samples_to_ns(a, 100.0), data=whole.data[:, a : a + 195]
        )
        for a in range(-98, 1200, 200)
        if a >= 0
    ]
    table = make_table(parts)
    w = Windows(table, Past(table), 2, 3)
    assert w.coverage[1] > 0.9
    assert not w.usable.any()


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_spectra_are_those_of_scipy(rate_hz):
    """Each spectrum equals SciPy's Hann periodogram of the samples from the block on."""
    x = drifting(rate_hz)
    table = make_table(make_parts(x, rate_hz))
    n = int(4 * rate_hz + 1e-6)
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    wanted = table.frequencies_hz
    np.testing.assert_allclose(wanted, f[1 : len(wanted) + 1])
    assert wanted[-1] <= 0.4 * rate_hz < wanted[-1] + f[1]
    for row in complete(table)[:-1]:
        at = first_sample(table.blocks[row], 2.0, EPOCH_NS, rate_hz)
        _, p = signal.periodogram(x[at : at + n].astype(float), rate_hz, "hann", detrend="constant")
        found = power(table)[row]
        wanted = p[1 : len(found) + 1]
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6 * p.max())


def test_a_spectrum_does_not_depend_on_its_batch():
    """Rows are transformed in batches, padded with zeros: position in a batch changes no bit."""
    n_rows = LOT + 37
    x = noise(200 * (n_rows + 1))
    whole = make_table(make_parts(x, 100.0))
    assert whole.known[2 : 2 + n_rows].all()
    for skip in (1, 3, 31, 32, LOT - 1, LOT + 36):
        start_ns = EPOCH_NS + 2 * skip * NS_PER_S
        part = make_table(make_parts(x[200 * skip :], 100.0, start_ns=start_ns))
        rows = slice(3, 2 + n_rows - skip)  # the first has no sample before it
        assert_same_rows(part, whole, rows, slice(3 + skip, 2 + n_rows))


@given(st.integers(1, 10**6), st.sampled_from(RATES_HZ))
@settings(max_examples=30, deadline=None)
def test_values_move_with_the_record(n_hops, rate_hz):
    """The same samples some whole hops later give the same bits in later blocks."""
    n_hops *= 4  # a whole number of samples at 6.625 Hz too
    x = noise(int(15 * rate_hz))
    early = make_table(make_parts(x, rate_hz))
    late = make_table(make_parts(x, rate_hz, start_ns=EPOCH_NS + 2 * n_hops * NS_PER_S))
    assert late.blocks.start - early.blocks.start == n_hops
    assert_same(early, late)


@pytest.mark.parametrize("octaves", [-100, -80, -60, -40, -20, 20, 40, 60, 80, 100])
def test_values_keep_all_their_bits_at_any_size(octaves):
    """From 1e-30 m/s to counts of a wild gain, powers of two change nothing but the exponent."""
    x = noise(2000) + np.sin(np.arange(2000) / 3).astype(np.float32) * 1e4
    unit = make_table(make_parts(x, 100.0))
    table = make_table(make_parts(np.ldexp(x, octaves), 100.0))
    wanted = power(unit)
    np.testing.assert_array_equal(power(table), np.ldexp(wanted, 2 * octaves))
    np.testing.assert_array_equal(table.energy, np.ldexp(unit.energy, 2 * octaves))
    exponents = octaves * ORDERS
    np.testing.assert_array_equal(table.sums, np.ldexp(unit.sums, exponents))
    known = wanted[np.isfinite(wanted).all(axis=1)]
    assert known.max() / known.min() > 1e9


def test_parts_of_a_table_are_parts_of_the_record():
    """Blocks outside the table are passed over; those inside do not notice."""
    x = noise(6000)
    parts = make_parts(x, 100.0, cuts=[700, 2500])
    whole = make_table(parts)
    inner = range(whole.blocks.start + 7, whole.blocks.start + 19)
    table = fill(empty_table(whole.settings, inner, 100.0, needs=NEEDS), parts)
    assert_same_rows(table, whole, slice(0, 12), slice(7, 19))
    np.testing.assert_array_equal(table.covered_ns, whole.covered_ns[7:19])


def test_a_break_is_a_break_even_without_a_gap():
    """A segment that does not continue the one before starts new blocks."""
    parts = make_parts(noise(2400), 100.0, cuts=[1100])
    table = make_table([parts[0], dataclasses.replace(parts[1], continues=False)])
    assert np.isnan(table.sums[2 + 5, 0])
    np.testing.assert_array_equal(table.covered_ns[2:14], 2 * NS_PER_S)


def test_a_slower_piece_fills_the_low_frequencies_only():
    """Where a channel was slower for a time, its spectrum is NaN above 0.8 of its Nyquist."""
    config = make_settings(100.0, band_hz=(0.0, 40.0))
    table = empty_table(config, range(0, 20), 100.0)
    slow = Segment("", ("HHZ",), 20 * NS_PER_S, 50.0, noise(1000)[np.newaxis])
    fill(table, [Segment("", ("HHZ",), 0, 100.0, noise(2000)[np.newaxis]), slow])
    known = np.isfinite(table.spectra[12])
    np.testing.assert_array_equal(known, table.frequencies_hz <= 20.0)
    assert np.isfinite(table.sums[10:20]).all()
    with pytest.raises(FeatureError, match="shorter than a sample at 1 Hz"):
        fill(table, [dataclasses.replace(slow, sampling_rate_hz=1.0)])


def test_a_measured_rate_is_counted_as_it_is():
    """A clock that is 50 ppm slow moves the samples against the blocks, never the blocks."""
    rate_hz = 99.995
    x = noise(90_000)
    table = make_table(make_parts(x, rate_hz))
    rows = complete(table)
    assert len(rows) == int(len(x) / rate_hz / 2)
    last = rows[-1]
    at = first_sample(table.blocks[last], 2.0, EPOCH_NS, rate_hz)
    assert at == 200 * (last - 2) - 4  # 4.49 samples of drift in 898 s
    assert table.sums[last, 0] == pytest.approx(x[at : at + 200].mean(dtype=float), rel=1e-5)


def test_the_callers_samples_are_neither_changed_nor_kept():
    """What is held for later blocks is a copy."""
    x = noise(1100)
    before = x.copy()
    parts = make_parts(x, 100.0, cuts=[550])
    wanted = make_table(make_parts(before, 100.0), n_blocks=12)
    filler = Filler(empty_table(wanted.settings, wanted.blocks, 100.0, needs=NEEDS))
    filler.add(parts[0])
    np.testing.assert_array_equal(x, before)
    later = dataclasses.replace(parts[1], data=parts[1].data.copy())
    x[:] = 1e9
    filler.add(later)
    filler.close()
    assert_same(filler.table, wanted)


def test_integers_are_taken_as_they_are():
    """Counts in 32-bit integers give what the same numbers in floating point give."""
    x = np.random.default_rng(1).integers(-(2**20), 2**20, 2000, dtype=np.int32)
    assert_same(make_table(make_parts(x, 50.0)), make_table(make_parts(x.astype(float), 50.0)))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"spectrum_s": 3.0}, "spectrum_s = 3 s does not fit"),
        ({"spectrum_s": 8.0}, "spectrum_s = 8 s does not fit"),
        ({"sub_s": 0.3}, "sub_s = 0.3 s does not fit"),
        ({"sub_s": 4.0}, "sub_s = 4 s does not fit"),
        ({"length_s": 5.0}, "not a multiple of hop_s"),
    ],
)
def test_settings_that_do_not_fit_are_refused(bad, words):
    """Spectra are whole hops inside the window, sub-blocks divide the hop."""
    with pytest.raises((ConfigError, FeatureError), match=words):
        make_settings(100.0, **bad)


def test_memory_is_that_of_a_lot():
    """A long record in chunks is computed on the way: what is held does not grow with it."""
    x = noise(1000)
    wanted = make_settings(100.0)
    filler = Filler(empty_table(wanted, range(0, 3000), 100.0))
    for i in range(600):
        filler.add(Segment("", ("HHZ",), 10 * i * NS_PER_S, 100.0, x[np.newaxis], continues=i > 0))
    done = np.isfinite(filler.table.sums[:, 0]).sum()
    assert 3000 - HELD - 2 * LOT < done < 3000
    filler.close()
    assert np.isfinite(filler.table.sums[:, 0]).all()


def test_too_low_rates_are_refused():
    """A sub-block holds at least one sample."""
    with pytest.raises(FeatureError, match=r"sub_s = 0.5 s is shorter than a sample at 1 Hz"):
        empty_table(make_settings(1.0), range(3), 1.0)
