import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.signal import sosfilt, sosfilt_zi
from waveform_data import (
    DAY0,
    RATE_HZ,
    STATION,
    assert_same_stretches,
    at,
    noise,
    read_stretches,
    stretches,
    trace,
    write,
)

from seisml import archive as archives
from seisml import joining
from seisml.errors import ConfigError
from seisml.fills import bridged, gap_mask
from seisml.rates import guard_ns, snap_rate
from seisml.segments import (
    FORGOTTEN,
    SETTLED,
    Band,
    CausalFilter,
    Segment,
    align,
    causal_filter,
    samples_to_ns,
    segments,
)
from seisml.times import DAY_NS, NS_PER_S

BAND = Band(1.0, 8.0)
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # shrinking takes minutes


def split(*traces, start_ns=DAY0, end_ns=DAY0 + DAY_NS):
    """Return (stretches, counts) of traces that are read at once."""
    counts = Counter()
    found = segments([(start_ns, end_ns, list(traces))], station=STATION, counts=counts)
    return stretches(found), counts


# --------------------------------------------------------------------------- fill and gaps


@pytest.mark.parametrize("value", [0, -1, -(2**31), -99999])
@pytest.mark.parametrize("rate_hz", [1.0, 6.625, 20.0, 100.0])
def test_runs_of_fill_values_are_gaps(value, rate_hz):
    """One second (20 samples at least) of a known fill value is a gap, one sample less is not."""
    shortest = max(20, int(np.ceil(rate_hz)))
    for n, bad in ((shortest, shortest), (shortest - 1, 0)):
        data = noise(400)
        data[100 : 100 + n] = value
        mask = gap_mask(data, rate_hz)
        assert (0 if mask is None else mask.sum()) == bad
        if bad:
            assert mask[100 : 100 + n].all()


@pytest.mark.parametrize("value", [7, -3, 123456])
@pytest.mark.parametrize("kind", [np.int32, np.float32, np.float64])
def test_ten_seconds_of_any_value_are_a_gap(value, kind):
    """A channel that stands still is dead after ten seconds, whatever its value."""
    for n, bad in ((200, 200), (199, 0)):
        data = noise(1000).astype(kind)
        data[300 : 300 + n] = value
        mask = gap_mask(data, RATE_HZ)
        assert (0 if mask is None else mask.sum()) == bad


def test_nan_inf_and_masked_samples_are_gaps():
    """What is not finite or masked is no sample, however short."""
    data = noise(1000).astype(np.float64)
    data[[3, 500]] = np.nan, np.inf
    assert np.flatnonzero(gap_mask(data, RATE_HZ)).tolist() == [3, 500]
    masked = np.ma.masked_array(noise(1000), mask=np.arange(1000) == 40)
    found, counts = split(trace(masked))
    assert [len(row[3]) for row in found] == [40, 959]
    assert counts == {"fill_samples": 1}
    assert gap_mask(np.ma.masked_array(noise(10)), RATE_HZ) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from([20.0, 100.0]))
@settings(max_examples=30, deadline=None)
def test_quiet_integer_data_are_no_gap(seed, rate_hz):
    """A quiet digitiser that toggles between few counts, with short runs, is a record."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 19, 3000)
    data = np.repeat(np.cumsum(rng.choice([-1, 1], 3000)), lengths).astype(np.int32)
    assert gap_mask(data, rate_hz) is None


def test_quiet_data_cost_no_loop_over_runs():
    """A day of quiet counts is judged in less time than it takes to loop over its runs."""
    import time

    data = np.repeat(np.arange(1_000_000) % 7, 2).astype(np.int32)
    data[1000:1200] = 0
    began = time.process_time()
    assert gap_mask(data, RATE_HZ).sum() >= 200
    assert time.process_time() - began < 0.5


def test_fill_is_a_gap_at_the_right_time():
    """Around a fill run the samples keep their instants."""
    data = noise(2000)
    data[700:760] = -1
    found, counts = split(trace(data))
    assert [(row[1], len(row[3])) for row in found] == [(DAY0, 700), (at(38.0), 1240)]
    np.testing.assert_array_equal(found[1][3], data[760:])
    assert counts == {"fill_samples": 60}


def units(n: int) -> np.ndarray:
    """Digital units of an Apollo seismometer, whose middle is 512."""
    return (512 + np.random.default_rng(3).normal(0, 4, n)).round().astype(np.int32)


@pytest.mark.parametrize("cut", [None, 1000, 1001, 1013])
def test_single_samples_that_telemetry_lost_are_bridged(cut):
    """Three of 32 samples are lost in a usual day of 53 Hz; nothing depends on the cuts."""
    whole = units(2000)
    data = whole.copy()
    lost = np.isin(np.arange(2000) % 32, (0, 11, 12))
    data[lost] = -1
    parts = [trace(data)]
    if cut:
        parts = [trace(data[:cut]), trace(data[cut:], at(cut / RATE_HZ))]
    found, counts = split(*parts)
    values = np.concatenate([row[3] for row in found])
    np.testing.assert_array_equal(values[~lost], whole[~lost])
    assert np.abs(values - 512).max() < 30
    assert values[32] == round((whole[31] + whole[33]) / 2)
    assert counts == {"lost_samples": lost.sum()}


def test_more_lost_samples_than_a_few_are_a_gap():
    data = units(2000)
    data[700:710] = -1
    found, counts = split(trace(data))
    assert [(row[1], len(row[3])) for row in found] == [(DAY0, 700), (at(35.5), 1290)]
    assert counts == {"fill_samples": 10}


@pytest.mark.parametrize("stop", [1400, 2000])
@pytest.mark.parametrize("cut", [None, 701, 300])
def test_a_long_loss_takes_no_good_sample_beside_it(cut, stop):
    """A line across the loss would be a run of the value of its neighbour, and take that along."""
    data = units(2000)
    data[699], data[1400] = 515, 515
    data[700:stop] = -1
    parts = [trace(data[:cut]), trace(data[cut:], at(cut / RATE_HZ))] if cut else [trace(data)]
    found, counts = split(*parts)
    values = np.concatenate([row[3] for row in found])
    np.testing.assert_array_equal(values, data[data != -1])
    assert counts == {"fill_samples": stop - 700}


@pytest.mark.parametrize("scale", [3, 300, 30_000])
def test_samples_of_minus_one_in_a_record_about_zero_are_kept(scale):
    data = np.random.default_rng(scale).normal(0, scale, 4000).round().astype(np.int32)
    data[::40] = -1
    found, counts = split(trace(data))
    np.testing.assert_array_equal(found[0][3], data)
    assert not counts


def test_fill_run_over_the_border_of_two_files_is_a_gap():
    """A run is seen whole, also where each of two files holds less than a second of it."""
    data = noise(2000)
    data[990:1010] = 0
    found, counts = split(trace(data[:1000]), trace(data[1000:], at(50.0)))
    assert [(row[1], len(row[3])) for row in found] == [(DAY0, 990), (at(50.5), 990)]
    assert counts == {"fill_samples": 20}


@pytest.mark.parametrize("n_files", [1, 30])
@pytest.mark.parametrize("rate_hz", [20.0, 100.0])
@pytest.mark.parametrize("value", [17.25, -400.0])
def test_records_that_are_filled_up_at_their_ends(value, rate_hz, n_files):
    """Some seconds of any value before and after noise are no ground motion."""
    n, first, last = round(60 * rate_hz), round(5.3 * rate_hz), round(1.2 * rate_hz)
    data = np.random.default_rng(1).normal(0, 9, n).round().astype(np.float32)
    data[:first], data[n - last :] = value, value
    cuts = np.linspace(0, n, n_files + 1).round().astype(int)
    step_ns = round(NS_PER_S / rate_hz)
    parts = [trace(data[a:b], DAY0 + int(a) * step_ns, rate_hz=rate_hz) for a, b in pairwise(cuts)]
    found, counts = split(*parts)
    assert [(row[1], len(row[3])) for row in found] == [(DAY0 + first * step_ns, n - first - last)]
    np.testing.assert_array_equal(found[0][3], data[first : n - last])
    assert counts == {"fill_samples": first + last}


def test_one_value_within_a_record_is_kept_below_ten_seconds():
    """A clipped second of a strong earthquake is a part of it, and no end of the record."""
    data = noise(2000).astype(np.float32) * 1000
    data[700:800] = data.max()
    found, counts = split(trace(data))
    np.testing.assert_array_equal(found[0][3], data)
    assert not counts


@pytest.mark.parametrize("peak", [30, 300, 1000])
def test_what_arrives_in_a_record_at_rest_is_kept(peak):
    """Below one step a digitiser stands still; the first arrival grows out of it."""
    t = np.arange(1500) / 100.0
    wave = np.sin(2 * np.pi * 6.0 * t) * np.clip(t / 0.5, 0, 1) ** 2 * np.exp(-t / 8)
    data = np.r_[np.zeros(500), np.round(peak * wave)].astype(np.int32) + 7
    found, counts = split(trace(data, rate_hz=100.0))
    np.testing.assert_array_equal(found[0][3], data)
    assert not counts


@given(seed=st.integers(0, 2**32 - 1), border=st.integers(200, 1700))
@settings(max_examples=25, deadline=None, phases=PHASES)
def test_filled_ends_are_the_same_in_chunks(seed, border):
    """Borders of chunks within the run, beside it and far from it change nothing."""
    rng = np.random.default_rng(seed)
    data = rng.normal(0, 9, 1800).round().astype(np.float32)
    n = int(rng.integers(15, 205))
    data[:n] = 3.5
    whole, counts = split(trace(data))
    middle, guard = at(border / RATE_HZ), guard_ns(RATE_HZ)
    parts, seen = [], Counter()
    for start_ns, end_ns in ((DAY0, middle), (middle, DAY0 + DAY_NS)):
        step_ns = round(NS_PER_S / RATE_HZ)
        a, b = (
            int(np.clip((t - DAY0) // step_ns, 0, len(data)))
            for t in (start_ns - guard, end_ns + guard)
        )
        part = trace(data[a:b], DAY0 + a * step_ns)
        found, more = split(part, start_ns=start_ns, end_ns=end_ns)
        parts += found
        seen += more
    assert seen == counts
    values = np.concatenate([row[3] for row in parts])
    np.testing.assert_array_equal(values, np.concatenate([row[3] for row in whole]))


def test_fill_does_not_hide_the_samples_of_another_record():
    """Where the first record is filled, the second is used."""
    data = noise(2000)
    filled = data.copy()
    filled[700:760] = 0
    found, counts = split(trace(filled), trace(data, DAY0))
    assert len(found) == 1
    np.testing.assert_array_equal(found[0][3], data)
    assert counts["overlap_identical"] == 1940


def test_a_record_that_is_all_fill_gives_nothing():
    """No segment, all samples counted."""
    found, counts = split(trace(np.zeros(500, np.int32)))
    assert not found
    assert counts == {"fill_samples": 500}


def test_text_and_impossible_rates_are_counted_rejections():
    """Log channels and records without a rate are left out, not raised."""
    text = trace(np.array([b"a", b"b"], dtype="S1"))
    found, counts = split(text, trace(noise(10), rate_hz=20.0, code="XX.ABC.00.HHE"))
    assert [row[0] for row in found] == ["HHE"]
    assert counts == {"not_numeric": 2}
    bad = trace(noise(10))
    bad.stats.sampling_rate = 0.0
    assert split(bad)[1] == {"bad_sampling_rate": 10}


# ------------------------------------------------------------------------------- overlaps


def test_identical_overlap_is_joined_and_counted():
    """Samples that are there twice are used once."""
    data = noise(2000)
    found, counts = split(trace(data[:1200]), trace(data[800:], at(40.0)))
    assert len(found) == 1
    np.testing.assert_array_equal(found[0][3], data)
    assert counts == {"overlap_identical": 400}


def test_conflicting_overlap_keeps_the_first():
    """Of two records that disagree the first is kept, and the samples are counted."""
    a, b = noise(1200), noise(1200, seed=1)
    found, counts = split(trace(a), trace(b, at(40.0)))
    np.testing.assert_array_equal(found[0][3], np.r_[a, b[400:]])
    assert counts == {"overlap_conflicting": 400}


def test_a_record_inside_another_adds_nothing():
    """Containment both ways round: the order of preference decides, not the length."""
    a, b = noise(1200), noise(300, seed=1)
    found, _ = split(trace(a), trace(b, at(10.0)))
    np.testing.assert_array_equal(found[0][3], a)
    found, _ = split(trace(b, at(10.0)), trace(a))
    np.testing.assert_array_equal(found[0][3], np.r_[a[:200], b, a[500:]])


def test_order_of_reading_does_not_decide(tmp_path):
    """Which file comes first makes no difference: the piece that starts first wins."""
    a, b = noise(1200), noise(1200, seed=1)
    expected = np.r_[a, b[400:]]
    for names in (("1", "2"), ("2", "1")):
        folder = tmp_path / "".join(names)
        write(folder / names[0], trace(a))
        write(folder / names[1], trace(b, at(40.0)))
        for chunk_s in (7.0, 33.0, 1000.0):
            found, counts = read_stretches(folder, DAY0, at(200.0), chunk_s)
            np.testing.assert_array_equal(found[0][3], expected)
            assert counts == {"overlap_conflicting": 400}


# ------------------------------------------------------------------- off-grid starts, rates


@pytest.mark.parametrize(("shift", "joined"), [(0.4, True), (-0.4, True), (0.6, False)])
def test_restart_off_the_grid(shift, joined):
    """Within half a sample a restart goes on (counted), beyond it a new segment starts."""
    data = noise(2000)
    start_ns = at(50.0) + round(shift / RATE_HZ * NS_PER_S)
    found, counts = split(trace(data[:1000]), trace(data[1000:], start_ns))
    if joined:
        assert [(row[1], len(row[3])) for row in found] == [(DAY0, 2000)]
        assert counts == {"start_snapped": 1000}
    else:
        assert [(row[1], len(row[3])) for row in found] == [(DAY0, 1000), (start_ns, 1000)]
        assert not counts


def test_many_small_shifts_do_not_add_up():
    """The running time base is that of the first sample: joints never push it along."""
    data = noise(20_000)
    starts = np.arange(100) * 10.0 + 0.3 / RATE_HZ * np.arange(100)
    parts = [trace(data[i * 200 : (i + 1) * 200], at(s)) for i, s in enumerate(starts)]
    found, _ = split(*parts)
    assert len(found) == 50
    for _, start_ns, rate_hz, x in found:
        first = int(np.flatnonzero(data == x[0])[0]) if len(found) == 1 else None
        assert first is None
        assert abs(start_ns - at(starts[round((start_ns - DAY0) / 1e10)])) < 1000
        assert rate_hz == RATE_HZ


@pytest.mark.parametrize("rate_hz", [99.9999, 100.0001, 6.62501, 19.9999])
def test_measured_rates_are_snapped_but_keep_their_time(rate_hz):
    """After a day the last sample is right within half a sample; the rate is counted."""
    n = int(86_000 * rate_hz)
    data = np.arange(n, dtype=np.int32)
    one = trace(data, rate_hz=rate_hz)
    counts, parts = Counter(), []
    pad_ns = 20 * NS_PER_S
    chunks = (
        (t, t + DAY_NS // 6, [one.slice(one.stats.starttime.__class__(ns=t - pad_ns))])
        for t in range(DAY0, DAY0 + DAY_NS, DAY_NS // 6)
    )
    for part in segments(chunks, station=STATION, counts=counts):
        parts.append((part.start_ns, part.data[0, 0], part.continues))
        assert snap_rate(part.sampling_rate_hz) == round(rate_hz * 8) / 8
        end_ns = DAY0 + samples_to_ns(int(part.data[0, -1]) + 1, rate_hz)
        assert abs(part.end_ns - end_ns) < 0.5 * NS_PER_S / rate_hz
    assert [continues for *_, continues in parts] == [False] + [True] * 5
    assert counts["rate_snapped"] == n


def test_another_rate_is_kept_apart_not_lost(tmp_path):
    """99.9 Hz is no misspelt 100 Hz: both are kept, each on its own time base."""
    a, b = noise(3000), noise(3000, seed=1)
    path = write(
        tmp_path / "two",
        trace(a, rate_hz=100.0),
        trace(b, at(30.0), rate_hz=99.9),
        encoding="INT32",
    )
    found, counts = read_stretches(path, DAY0, at(100.0), 11.0)
    assert [(row[1], round(row[2], 3), len(row[3])) for row in found] == [
        (DAY0, 100.0, 3000),
        (at(30.0), 99.9, 3000),
    ]
    assert not counts


def test_mixed_rates_in_one_file(tmp_path):
    """Records of several rates and channels in one file all come out, with their times."""
    parts = [
        trace(noise(4000), DAY0, 100.0),
        trace(noise(2000, 1), at(40.0), 50.0),
        trace(noise(4000, 2), at(80.0), 100.0),
        trace(noise(800, 3), at(0.0), 20.0, "XX.ABC.00.HHN"),
    ]
    path = write(tmp_path / "mixed", *parts)
    found, _ = read_stretches(path, DAY0, at(200.0), 13.0)
    expected = [(p.stats.channel, p.stats.starttime.ns, p.stats.sampling_rate) for p in parts]
    assert sorted(row[:3] for row in found) == sorted(expected)
    by_key = {row[:2]: row[3] for row in found}
    for part in parts:
        key = part.stats.channel, part.stats.starttime.ns
        np.testing.assert_array_equal(by_key[key], part.data)


def test_two_clocks_part_where_they_differ_by_half_a_sample():
    """A piece whose true rate differs goes on until its clock is half a sample off, then anew."""
    a, b = noise(1000), noise(400_000, seed=1)
    rate_hz = RATE_HZ * (1 + 5e-6)
    whole = trace(np.r_[a, b])
    found, _ = split(trace(a), trace(b, at(50.0), rate_hz), end_ns=DAY0 + 2 * DAY_NS)
    np.testing.assert_array_equal(np.concatenate([row[3] for row in found]), whole.data)
    assert [len(row[3]) for row in found] == [1000 + 100_021, 299_979]
    assert found[1][2] == rate_hz
    true_ns = at(50.0) + samples_to_ns(100_021, rate_hz)
    assert found[1][1] == true_ns


def test_slow_clock_in_one_file_keeps_its_time(tmp_path):
    """Records that drift against their nominal rate are never more than half a sample off."""
    n, seconds = 400, 400 / 19.99
    data = noise(300 * n)
    path = tmp_path / "slow"
    parts = [
        write(
            tmp_path / "one", trace(data[i * n : (i + 1) * n], at(i * seconds)), reclen=4096
        ).read_bytes()
        for i in range(300)
    ]
    (tmp_path / "one").unlink()
    path.write_bytes(b"".join(parts))
    results = [read_stretches(path, DAY0, at(300 * seconds), s) for s in (97.0, 1000.0, 1e6)]
    for found, _ in results:
        assert_same_stretches(found, results[0][0])
    at_sample = 0
    for _, start_ns, rate_hz, x in results[0][0]:
        np.testing.assert_array_equal(x, data[at_sample : at_sample + len(x)])
        for i in (0, len(x) - 1):
            true_ns = at((at_sample + i) / 19.99)
            assert abs(start_ns + samples_to_ns(i, rate_hz) - true_ns) < 1.01 * NS_PER_S / RATE_HZ
        at_sample += len(x)
    assert at_sample == len(data)


# ---------------------------------------------------------------------- chunk independence


@st.composite
def records(draw):
    """A record of some minutes: samples (None where there are none), and how it is cut."""
    n = draw(st.integers(200, 4000))
    data = noise(n, draw(st.integers(0, 99)))
    there = np.ones(n, dtype=bool)
    for _ in range(draw(st.integers(0, 4))):
        first, length = draw(st.integers(0, n - 1)), draw(st.integers(1, 60))
        there[first : first + length] = False
    for _ in range(draw(st.integers(0, 4))):
        value = draw(st.sampled_from([0, -1, -(2**31), -99999, 5]))
        length = draw(st.sampled_from([3, 18, 19, 20, 21, 40, 199, 200, 260]))
        first = draw(st.integers(0, n - 1))
        data[first : first + length] = value
    cuts = draw(st.lists(st.integers(0, n), max_size=8))
    doubled = draw(st.lists(st.tuples(st.integers(0, n), st.integers(1, 500)), max_size=3))
    n_files = draw(st.integers(1, 4))
    files = draw(st.lists(st.integers(0, n_files - 1), min_size=40, max_size=40))
    return data, there, cuts, doubled, files, draw(st.randoms(use_true_random=False))


def cut_up(data, there, cuts, doubled, start_ns, rate_hz):
    """Return the traces of a record: its pieces, and parts that are there twice."""
    edges = sorted({0, *cuts, len(data), *(np.flatnonzero(np.diff(there)) + 1).tolist()})
    spans = [(a, b) for a, b in pairwise(edges) if there[a]]
    for first, length in doubled:
        last = first
        while last < min(first + length, len(data)) and there[last]:
            last += 1
        if last > first:
            spans.append((first, last))
    return [
        trace(data[a:b], start_ns + samples_to_ns(a, rate_hz), rate_hz, "XX.ABC.00.HHZ")
        for a, b in spans
    ]


def filled_up(values, least: int) -> int:
    """Return how many samples a record is filled up with at its beginning, one by one."""
    n = 1
    while n < len(values) and values[n] == values[0]:
        n += 1
    if n < least or n + least > len(values):
        return 0
    steps = [abs(int(values[i + 1]) - int(values[i])) for i in range(n - 1, n + least - 1)]
    moves = [step for step in steps if step]
    return n if len(moves) > least / 2 and steps[0] >= 2.5 * min(moves) else 0


def oracle(data, there, rate_hz) -> list[tuple[int, np.ndarray]]:
    """Return (first sample, samples) of the stretches, by looking at each sample."""
    good, data = there.copy(), data.copy()
    edges = np.flatnonzero(np.diff(np.r_[False, there, False])).reshape(-1, 2)
    for a, b in edges:
        if (whole := bridged(data[a:b], rate_hz)) is not None:
            data[a:b], kind = whole
            good[a:b] &= kind < 2
        least = max(20, int(np.ceil(rate_hz)))
        good[a : a + filled_up(data[a:b], least)] = False
        good[b - filled_up(data[a:b][::-1], least) : b] = False
    first = 0
    while first < len(data):
        last = first
        while (
            last + 1 < len(data)
            and there[first]
            and there[last + 1]
            and (data[last + 1] == data[first])
        ):
            last += 1
        length = last - first + 1
        fill = data[first] in (0, -1, -(2**31), -99999)
        shortest = max(20, int(np.ceil((1 if fill else 10) * rate_hz)))
        if length >= shortest:
            good[first : last + 1] = False
        first = last + 1
    edges = np.flatnonzero(np.diff(np.r_[False, good, False])).reshape(-1, 2)
    return [(int(a), data[a:b]) for a, b in edges]


@given(records(), st.floats(3.0, 300.0), st.sampled_from([20.0, 6.625, 1.0]), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_segments_do_not_depend_on_files_or_chunks(record, chunk_s, rate_hz, phase_us):
    """Cut into files anywhere and read in chunks of any length, a record stays what it is."""
    data, there, cuts, doubled, files, random = record
    chunk_s *= 20.0 / rate_hz
    start_ns = DAY0 + 1000 * phase_us
    traces = cut_up(data, there, cuts, doubled, start_ns, rate_hz)
    if not traces:
        return
    random.shuffle(traces)
    with tempfile.TemporaryDirectory() as folder:
        by_file: dict[int, list] = {}
        for one, name in zip(traces, files, strict=False):
            by_file.setdefault(name, []).append(one)
        for name, some in by_file.items():
            write(Path(folder) / str(name), *some, encoding="INT32")
        archive = archives.open_archive(folder, index=False)
        end_ns = start_ns + samples_to_ns(len(data), rate_hz)
        found, counts = read_stretches(archive, start_ns, end_ns, chunk_s)
        whole, whole_counts = read_stretches(archive, start_ns, end_ns, 1e6)
    assert_same_stretches(found, whole)
    assert counts == whole_counts
    assert counts["overlap_conflicting"] == 0
    expected = oracle(data, there, rate_hz)
    assert len(found) == len(expected)
    for (_, t, _, x), (first, y) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)
        assert abs(t - start_ns - samples_to_ns(first, rate_hz)) <= 100_000  # tick of miniSEED


@given(st.data())
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_conflicts_and_shifts_do_not_depend_on_chunks(data):
    """Records that disagree, at odd times and rates, give the same whatever the chunks are."""
    traces = []
    for i in range(data.draw(st.integers(1, 6))):
        n = data.draw(st.integers(1, 1500))
        start_ns = DAY0 + 1000 * data.draw(st.integers(0, 150_000_000))
        rate_hz = data.draw(st.sampled_from([20.0, 20.0, 19.9999, 20.0005, 19.98, 6.625]))
        x = noise(n, i)
        if n > 100 and data.draw(st.booleans()):
            x[20 : 20 + data.draw(st.integers(15, 60))] = 0
        traces.append(trace(x, start_ns, rate_hz))
    chunk_s = data.draw(st.floats(5.0, 200.0))
    with tempfile.TemporaryDirectory() as folder:
        for i, one in enumerate(traces):
            write(Path(folder) / str(i), one, encoding="INT32")
        archive = archives.open_archive(folder, index=False)
        found, counts = read_stretches(archive, DAY0, at(400.0), chunk_s)
        whole, whole_counts = read_stretches(archive, DAY0, at(400.0), 1e6)
    assert_same_stretches(found, whole)
    assert counts == whole_counts


@given(
    st.lists(
        st.tuples(
            st.integers(1, 120),
            st.sampled_from([0.0, 0.0, 0.2, 0.5, 1.0, 3.0, -0.4, -1.0, -2.0, -60.0]),
            st.sampled_from(["i4"] * 12 + ["f4", "zeros", "nan", "tail", "masked"]),
            st.sampled_from([20.0] * 9 + [20.0004, 10.0]),
        ),
        min_size=1,
        max_size=24,
    ),
    st.tuples(st.integers(-2, 30), st.integers(1, 90)),
    st.booleans(),
)
@settings(max_examples=150, deadline=None, phases=PHASES)
def test_many_plain_records_are_joined_as_if_each_was_looked_at(pieces, span_s, in_order):
    """The short way for many good records gives the same pieces and counts as the long one."""
    records, at_ns = [], DAY0
    for i, (n, step, what, rate_hz) in enumerate(pieces):
        x = noise(n, i).astype("f4" if what in ("f4", "nan") else "i4")
        x[n // 2 :] = {"zeros": 0, "nan": np.nan, "tail": x[-1]}.get(what, x[n // 2 :])
        x = np.ma.masked_equal(x, x[0]) if what == "masked" else x
        at_ns += round(step / rate_hz * NS_PER_S)
        records.append(joining.Record("HHZ", at_ns, 0, rate_hz, x))
        at_ns = max(DAY0, records[-1].end_ns)
    if in_order:
        records.sort(key=lambda record: record.start_ns)
    start_ns = DAY0 + span_s[0] * NS_PER_S
    chunk = start_ns, start_ns + span_s[1] * NS_PER_S, records
    found = []
    for many in (1, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(joining, "MANY", many)
            counts = Counter()
            parts = stretches(segments([chunk], station=STATION, counts=counts))
            found.append((parts, counts))
    assert found[0][1] == found[1][1]
    assert_same_stretches(found[0][0], found[1][0])


def test_guard_is_long_enough_for_slow_channels():
    """At 1 Hz a run of 20 samples lasts longer than the guard of fast channels."""
    assert guard_ns(100.0) == 12 * NS_PER_S
    assert guard_ns(1.0) > 20 * NS_PER_S
    assert guard_ns(0.1) > 200 * NS_PER_S


# --------------------------------------------------------------------------------- filter


def filtered(parts, band=BAND):
    return stretches(causal_filter(parts, band))


def chopped(x, edges, rate_hz=RATE_HZ, start_ns=DAY0):
    """Return the segments of an array that is cut at some samples."""
    edges = sorted({0, *edges, len(x)})
    return [
        Segment(
            STATION,
            ("HHZ",),
            start_ns + samples_to_ns(a, rate_hz),
            rate_hz,
            x[np.newaxis, a:b],
            continues=a > 0,
        )
        for a, b in pairwise(edges)
    ]


@given(st.lists(st.integers(1, 2999), max_size=12), st.sampled_from([20.0, 6.625, 99.9999]))
@settings(max_examples=100, deadline=None)
def test_filter_does_not_depend_on_chunks(edges, rate_hz):
    """Cut anywhere, also inside the time in which it settles, the filter gives the same bits."""
    x = noise(3000).astype(np.float64) + 1e5
    band = Band(0.5, 2.0)
    whole = filtered(chopped(x, [], rate_hz), band)
    found = filtered(chopped(x, edges, rate_hz), band)
    assert_same_stretches(found, whole)
    skip = int(np.ceil(band.settle_s(SETTLED) * snap_rate(rate_hz)))
    assert whole[0][1] == DAY0 + samples_to_ns(skip, rate_hz)
    assert len(whole[0][3]) == len(x) - skip
    assert whole[0][3].dtype == np.float32


def test_filter_is_the_plain_causal_filter():
    """After settling, the samples are those of scipy's filter on the whole array."""
    x = noise(3000).astype(np.float64)
    sos = BAND.sections(RATE_HZ)
    y, _ = sosfilt(sos, x, zi=sosfilt_zi(sos) * x[0])
    found = filtered(chopped(x, [1000, 2000]))[0][3]
    np.testing.assert_array_equal(found, y[-len(found) :].astype(np.float32))


@pytest.mark.parametrize("band", [BAND, Band(2.3, 2.5), Band(0.5, 1.0), Band(0.1, 9.0)])
def test_no_transient_after_a_gap(band):
    """After a gap in a record with a large offset nothing is left of the step."""
    rng = np.random.default_rng(0)
    quiet = rng.standard_normal(60_000)
    before, after = quiet[:30_000] + 1e6, quiet[30_000:] + 1e6
    gap = trace(before), trace(after, at(1500.0 + 60.0))
    parts = segments([(DAY0, DAY0 + DAY_NS, gap)], station=STATION)
    found = filtered(parts, band)
    assert len(found) == 2
    level = np.std(found[0][3][len(found[0][3]) // 2 :])
    assert np.abs(found[1][3]).max() < 6 * level
    assert found[1][1] >= at(1560.0 + band.settle_s(SETTLED))


@pytest.mark.parametrize(
    "band", [BAND, Band(2.3, 2.5), Band(0.5, 1.0), Band(0.1, 9.0), Band(5.0, 9.0), Band(1, 4, 2)]
)
def test_settling_time_is_true(band):
    """After `settle_s` the rest of the impulse response is below the level, narrow band or not."""
    sos = band.sections(RATE_HZ)
    impulse = np.zeros(int(2.5 * band.settle_s(FORGOTTEN) * RATE_HZ))
    impulse[0] = 1.0
    response = np.abs(sosfilt(sos, impulse))
    for level in (SETTLED, 1e-6, FORGOTTEN):
        at_sample = int(np.ceil(band.settle_s(level) * RATE_HZ))
        assert response[at_sample:].sum() < 1.5 * level * response.sum()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["HHZ", "HHN"]),
            st.integers(1, 400),
            st.booleans(),
            st.sampled_from([20.0, 20.0, 6.625]),
            st.sampled_from(["i4", "i2", "f4", "f8"]),
        ),
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_pieces_filtered_together_are_as_each_by_itself(pieces):
    """Short pieces of any length, channel, rate and type give the same bits in one array."""
    parts, at_ns, rates_hz = [], DAY0, {}
    for i, (channel, n, goes_on, rate_hz, kind) in enumerate(pieces):
        goes_on = goes_on and rates_hz.get(channel) == rate_hz
        rates_hz[channel] = rate_hz
        x = (noise(n, i) + 1000).astype(kind)[np.newaxis]
        parts.append(Segment(STATION, (channel,), at_ns, rate_hz, x, continues=goes_on))
        at_ns += samples_to_ns(n, rate_hz)
    one_by_one = CausalFilter(BAND)
    wanted = [found for part in parts if (found := one_by_one.add(part)) is not None]
    found = list(causal_filter(parts, BAND))
    assert [(f.channels, f.start_ns, f.continues) for f in found] == [
        (w.channels, w.start_ns, w.continues) for w in wanted
    ]
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.data.dtype == np.float32
        np.testing.assert_array_equal(mine.data, theirs.data)


def test_short_segments_give_nothing():
    """A piece shorter than the settling time yields no sample, and no step in the next."""
    x = noise(40).astype(np.float64)
    assert not filtered(chopped(x, [10, 20]))


def test_channels_do_not_share_a_state():
    """Interleaved channels are filtered each on its own."""
    a, b = (noise(2000, i).astype(np.float64) for i in (0, 1))
    one, two = chopped(a, [500]), chopped(b, [500])
    two = [Segment(**{**vars(part), "channels": ("HHN",)}) for part in two]
    mixed = filtered([one[0], two[0], one[1], two[1]])
    assert_same_stretches(mixed[:1], filtered(one))
    assert_same_stretches(mixed[1:], filtered(two))


def test_impossible_bands_are_refused():
    """An empty band and one above Nyquist say what to do."""
    with pytest.raises(ConfigError, match="is empty") as error:
        Band(8.0, 1.0)
    assert error.value.hint
    with pytest.raises(ConfigError, match="too high") as error:
        Band(8.0, 9.0).sections(20.0)
    assert error.value.hint


def test_upper_corner_near_nyquist_is_left_out():
    """Above 0.8 of Nyquist the band-pass is a high-pass."""
    assert len(Band(1.0, 8.0).sections(20.0)) < len(Band(1.0, 7.9).sections(20.0))


# ---------------------------------------------------------------------------------- align


def segment(channel, start_ns, x, rate_hz=RATE_HZ):
    return Segment(STATION, (channel,), start_ns, rate_hz, np.asarray(x)[np.newaxis])


def test_align_puts_channels_on_their_common_span():
    """Three channels that start and end apart give one array of the span they share."""
    n = np.arange(1000)
    parts = [segment("HHZ", DAY0, n), segment("HHN", at(5.0), n), segment("HHE", at(-2.0), n)]
    both = align(parts)
    assert both.channels == ("HHZ", "HHN", "HHE")
    assert (both.start_ns, both.n_samples) == (at(5.0), 860)
    assert both.data[:, 0].tolist() == [100, 0, 140]
    assert both.end_ns == at(48.0)


def test_align_takes_off_offsets_below_half_a_sample():
    """A channel whose clock is 0.4 samples late: its samples are those of the first's instants."""
    n = np.arange(1000)
    both = align([segment("HHZ", DAY0, n), segment("HHN", DAY0 + 20_000_000, n)])
    assert both.start_ns == DAY0
    assert both.n_samples >= 999
    np.testing.assert_allclose(both.data[:, 500], [500, 499.6], atol=1e-3)


def test_align_of_nothing_or_of_what_never_meets_is_none():
    """No common span, no segment; one channel alone is itself."""
    n = np.arange(100)
    assert align([]) is None
    assert align([segment("HHZ", DAY0, n), segment("HHN", at(60.0), n)]) is None
    assert align([segment("HHZ", DAY0, n)]).n_samples == 100


def test_align_refuses_different_rates():
    """Channels of different rates are an error that names them."""
    n = np.arange(100)
    with pytest.raises(ConfigError, match="different sampling rates") as error:
        align([segment("HHZ", DAY0, n), segment("HHN", DAY0, n, 50.0)])
    assert error.value.hint


@pytest.mark.parametrize("by", [0.01, 0.25, 0.5, 0.8])
def test_components_are_aligned_to_a_part_of_a_sample(by):
    """Two clocks that differ by a part of a sample: the same wave becomes the same samples."""
    rate_hz, hz = 20.0, 3.0
    t = np.arange(4000) / rate_hz

    def one(channel: str, late_s: float) -> Segment:
        x = 5000.0 + np.sin(2 * np.pi * hz * (t + late_s))[np.newaxis]
        return Segment(STATION, (channel,), DAY0 + round(late_s * NS_PER_S), rate_hz, x)

    both = align([one("BHU", 0.0), one("BHV", 7.0 + by / rate_hz)])
    assert abs(both.start_ns - (DAY0 + 7 * NS_PER_S)) <= NS_PER_S / rate_hz
    middle = both.data[:, 100:-100]
    worst = 2e-4 if by > 0.02 else 2 * np.pi * hz * by / rate_hz
    assert np.abs(middle[0] - middle[1]).max() <= worst


def test_a_wave_that_passes_minus_one_is_no_lost_sample():
    """Ground motion in counts that stays above zero for a while: its samples are its own."""
    wave = np.array([705, 508, 630, 686, 566, 477, 450, 517, 602, 494, 259, 257, 414, 163, 38, 237])
    units = np.r_[wave, -1, wave[::-1]].astype(np.int32)
    assert np.flatnonzero(bridged(units, 53.0)[1]).tolist() == [16]
    swings = np.r_[units, np.full(300, 40), -2].astype(np.int32)
    assert bridged(swings, 100.0) is None
