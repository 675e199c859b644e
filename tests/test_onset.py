"""Onsets: the picker on planted onsets, P and S in archives, cuts that are read together."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt
from waveform_data import DAY0, STATION, trace, write

from seisml.archive import open_archive
from seisml.changes import aic_onset, kurtosis_onset, whitened
from seisml.cuts import cuts
from seisml.onset import (
    CLEAR_DB,
    EMERGENT_MAJORITY,
    MAJORITY,
    _is_onset,
    find_onset,
    refine_onset,
    refine_onsets,
    s_onset,
)
from seisml.picker import WHITE, Pick, _elected, _Vote, pick_bands, pick_onset
from seisml.segments import Band
from seisml.times import NS_PER_S

BAND = Band(1.0, 40.0)


def record(seed: int, *arrivals: tuple[float, float], rate_hz: float = 100.0, n_s: float = 40):
    """Noise of unit power with bursts (onset s, amplitude) that decay within two seconds."""
    rng = np.random.default_rng(seed)
    n = round(n_s * rate_hz)
    x, t = rng.standard_normal(n), np.arange(n) / rate_hz
    for onset_s, size in arrivals:
        since = t - onset_s
        x += size * rng.standard_normal(n) * np.where(since >= 0, np.exp(-since / 2.0), 0.0)
    return x


def picked(x, guess_s: float, *, rate_hz: float = 100.0, search_s: float = 6.0, band=BAND):
    """Onset in seconds, with the rest of the pick."""
    found = pick_onset(
        x, rate_hz, round(guess_s * rate_hz), band=band, search=round(search_s * rate_hz)
    )
    return None if found is None else (found.sample / rate_hz, found)


@pytest.mark.parametrize("snr", [5, 30])
@pytest.mark.parametrize("late_s", [-1.5, 0.0, 2.0])
def test_a_planted_onset_is_picked(snr, late_s):
    """Of 30 records nine in ten are picked to 0.05 s, wherever within the search the guess is."""
    found = [picked(record(seed, (25.0, snr)), 25.0 + late_s) for seed in range(30)]
    errors = np.abs([at - 25.0 for at, _ in found])
    assert np.percentile(errors, 90) <= 0.05
    assert np.mean(errors <= [pick.uncertainty / 100 for _, pick in found]) >= 0.6
    assert min(pick.agreement for _, pick in found) > 0.5


@pytest.mark.parametrize(("guess_s", "share"), [(23.0, 1.0), (24.3, 1.0), (26.5, 0.8)])
def test_p_not_s(guess_s, share):
    """A P wave before an S wave three times as strong is picked, mostly also from a guess at S."""
    found = [picked(record(seed, (24.0, 6.0), (26.5, 18.0)), guess_s)[0] for seed in range(20)]
    assert np.mean(np.abs(np.array(found) - 24.0) < 0.1) >= share


def test_in_the_coda_of_the_event_before():
    """Eight seconds after a stronger event, in its coda, the nearer event is the one."""
    errors = []
    for seed in range(20):
        x = record(seed, (17.0, 40.0), (25.0, 10.0))
        errors.append(picked(x, 25.5)[0] - 25.0)
    assert np.percentile(np.abs(errors), 90) < 0.1


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-9, 1e9), st.floats(-1e3, 1e3), st.integers(0, 50))
def test_gain_and_offset_do_not_matter(gain, offset, seed):
    """The pick does not depend on the unit of the record nor on a constant."""
    x = record(seed, (25.0, 10.0))
    found = picked(x, 25.5)[1]
    assert picked(gain * (x + offset), 25.5)[1].sample == found.sample


@pytest.mark.parametrize("rate_hz", [20.0, 50.0, 500.0])
def test_rates(rate_hz):
    """The same rules serve 20 to 500 samples a second."""
    x = record(3, (25.0, 15.0), rate_hz=rate_hz)
    assert abs(picked(x, 25.4, rate_hz=rate_hz)[0] - 25.0) <= max(0.05, 2 / rate_hz)


def test_without_an_onset():
    """Constant, short and empty records, a guess outside: no pick, no error."""
    assert picked(np.zeros(4000), 20.0) is None
    assert picked(record(0, (25.0, 10.0))[:60], 0.3) is None
    assert picked(np.zeros(0), 20.0) is None
    assert picked(record(0, (25.0, 10.0)), 45.0) is None
    assert pick_onset(record(0), 100.0, 2000, band=BAND, search=10) is None


def test_noise_is_seldom_an_onset():
    """In plain noise, where no event is, the votes seldom agree: two of three guesses stay."""
    parts = []
    for seed in range(60):
        found = picked(record(seed), 25.0)
        parts.append(found is not None and found[1].agreement >= 0.5 and found[1].snr_db >= 4.0)
    assert np.mean(parts) < 0.34


def vote(sample: int, snr_db: float, *, band: int = 0, kurtosis: bool = False, spread=2.0):
    """A vote of the whole band by AIC, if nothing else is said."""
    return _Vote(sample, spread, band, kurtosis, snr_db)


def test_votes_count_as_they_are_clear_near_and_early():
    """The rules of the election, each by itself; the guess is at 1000, a search is 600."""

    def elected(*votes):
        return _elected(list(votes), 1000, 600)

    # Clearness counts up to 12 dB: an S of 40 dB does not outvote a P.
    assert elected(vote(1000, 12.0), vote(1080, 40.0)).sample == 1000
    # Each search time beyond a sixth costs 6 dB: 12 dB at 0.9 searches are 7.6.
    assert elected(vote(1000, 5.5), vote(1540, 12.0)).sample == 1000
    assert elected(vote(1000, 3.5), vote(1540, 12.0)).sample == 1540
    # The earlier one needs half of the support of the later one.
    assert elected(vote(950, 6.1), vote(1050, 12.0)).sample == 950
    assert elected(vote(950, 5.9), vote(1050, 12.0)).sample == 1050
    # Kurtosis has a say of 0.6, parts of the band of one half: AIC of the widest is exact.
    assert elected(vote(950, 9.9, kurtosis=True), vote(1050, 12.0)).sample == 1050
    assert elected(vote(950, 11.9, band=2), vote(1050, 12.0)).sample == 1050
    assert elected(vote(950, 11.9, band=WHITE), vote(1050, 12.0)).sample == 950
    near = elected(*(vote(at, 10.0) for at in (1000, 1004, 1012)), vote(1008, 10.0, band=3))
    assert near.sample == 1004
    assert elected(vote(1000, 0.0)) is None


def test_uncertainty_is_of_votes_places_and_a_sample():
    """Their spread about the pick, that of the place under the Akaike weights, and one sample."""
    found = _elected([vote(1000, 9.0), vote(1006, 9.0), vote(997, 9.0)], 1000, 600)
    assert found.sample == 1000
    assert found.uncertainty == pytest.approx(np.sqrt((36 + 9) / 3 + 4.0 + 1.0))
    assert found.agreement == 1.0
    apart = _elected([vote(1000, 9.0), vote(1200, 3.0, band=1)], 1000, 600)
    far_db = 3.0 - 6.0 * (200 / 600 - 1 / 6)  # with half the weight of the whole band
    assert apart.agreement == pytest.approx(18.0 / (18.0 + far_db))


def test_votes_outside_of_the_rise_are_not_counted():
    """The clearest onset is no candidate where the score did not rise."""
    x = record(4, (25.0, 40.0))
    options = {"band": BAND, "search": 600}
    free = pick_onset(x, 100.0, 2450, **options)
    assert abs(free.sample - 2500) < 10
    assert pick_onset(x, 100.0, 2450, **options, within=(2400, 2600)).sample == free.sample
    earlier = pick_onset(x, 100.0, 2450, **options, within=(0, 2400))
    assert earlier is None or earlier.sample <= 2400
    assert pick_onset(x, 100.0, 2450, **options, within=(-900, -1)) is None


def test_what_is_an_onset():
    """Votes and power at the limit itself are enough, below it they are not."""
    clear = Pick(100, 1.0, CLEAR_DB, MAJORITY)
    assert _is_onset(clear, MAJORITY)
    for name, value in (("snr_db", CLEAR_DB - 0.01), ("agreement", MAJORITY - 0.01)):
        assert not _is_onset(dataclasses.replace(clear, **{name: value}), MAJORITY)


def test_a_record_that_begins_far_from_zero():
    """The filter begins at rest on the first sample: an offset is no arrival, however large."""
    for seed in range(5):
        x = record(seed, (6.0, 10.0), n_s=12)
        found = picked(x, 6.5, search_s=4.0)
        assert picked(x + 1e9, 6.5, search_s=4.0)[1].sample == found[1].sample


def test_no_s_where_the_horizontals_do_not_rise():
    """Of noise after P no sample is S; a rise of the horizontals is one."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3, 3000))
    assert s_onset(x, 100.0, 1000, band=BAND, search=600.0)[0] is None
    x[1:, 1800:] *= 8.0
    assert abs(s_onset(x[:, :2200], 100.0, 1000, band=BAND, search=600.0)[0] - 1800) < 15


def test_bands_at_a_low_rate():
    """The whole band comes first; parts are cut at the usable frequency."""
    found = [(band.f_min_hz, band.f_max_hz) for band in pick_bands(Band(1.0, 40.0), 20.0)]
    assert found == [(1.0, 8.0), (2.0, 4.0), (1.0, 6.0), (4.0, 8.0)]


def test_kurtosis_finds_a_planted_onset():
    """The foot of the rise is within a few samples of the onset, and nothing in a constant."""
    errors = []
    for seed in range(50):
        x = np.random.default_rng(seed).standard_normal(800)
        x[500:] *= 10
        errors.append(kurtosis_onset(x, 100) - 500)
    assert np.percentile(np.abs(errors), 90) <= 10
    assert kurtosis_onset(np.zeros(300), 50) is None


@pytest.mark.parametrize("snr", [3, 10, 100])
def test_aic_finds_a_planted_onset(snr):
    """On 50 records the onset is found within a few samples, better with more signal."""
    errors = []
    for seed in range(50):
        x = np.random.default_rng(seed).standard_normal(600)
        x[400:] *= snr
        errors.append(aic_onset(x)[0] - 400)
    assert np.percentile(np.abs(errors), 90) <= {3: 6, 10: 3, 100: 2}[snr]


def test_aic_spread_tells_how_sure():
    """The spread grows as the contrast falls."""
    spreads = []
    for snr in (1.3, 2.0, 20.0):
        x = np.random.default_rng(1).standard_normal(600)
        x[400:] *= snr
        spreads.append(aic_onset(x)[1])
    assert spreads[0] > spreads[1] > spreads[2]


def test_aic_without_an_answer():
    """Too short or constant records have no onset."""
    assert aic_onset(np.arange(5.0))[0] is None
    assert aic_onset(np.zeros(100))[0] is None


def test_onset_on_the_vertical_else_on_the_strongest(tmp_path):
    """The vertical is picked; where it has no samples, the channel with the clearer signal."""
    rng, rate_hz, onset_s = np.random.default_rng(1), 20.0, 130.0
    signal = np.zeros(4000)
    at = round(onset_s * rate_hz)
    signal[at : at + 400] = np.sin(2 * np.pi * 3 * np.arange(400) / rate_hz)
    traces = [
        trace(50 * rng.standard_normal(4000) + size * signal, code=f"XX.ABC.00.HH{c}")
        for c, size in (("Z", 2000), ("N", 4000), ("E", 1000))
    ]
    guess_ns = DAY0 + round((onset_s + 1.0) * 1e9)
    for there, wanted in ((traces, "HHZ"), (traces[1:], "HHN")):
        path = write(tmp_path / wanted / "a", *there)
        archive = open_archive(path.parent, index=False)
        found = refine_onset(archive, STATION, guess_ns, band=Band(1.0, 8.0), search_s=5.0)
        assert found.channel == wanted
        assert abs(found.time_ns - DAY0 - onset_s * 1e9) < 0.1e9


def three(rate_hz: float = 100.0, *, p_s: float, s_s: float):
    """Traces of Z, N, E: P mostly on the vertical, S on the horizontals; 90 s."""
    rng = np.random.default_rng(5)
    t = np.arange(round(90 * rate_hz)) / rate_hz

    def wave(onset_s, size):
        decay = np.where(t >= onset_s, np.exp(-(t - onset_s) / 2), 0.0)
        return size * rng.standard_normal(len(t)) * decay

    sizes = {"Z": (300, 200), "N": (60, 900), "E": (60, 900)}
    return [
        trace(
            10 * rng.standard_normal(len(t)) + wave(p_s, p) + wave(s_s, s),
            code=f"XX.ABC.00.HH{name}",
            rate_hz=rate_hz,
        )
        for name, (p, s) in sizes.items()
    ]


def test_s_on_three_components(tmp_path):
    """S is found where there are three components, and only there."""
    traces = three(p_s=50.0, s_s=53.0)
    whole = open_archive(write(tmp_path / "three" / "a", *traces).parent, index=False)
    guess_ns = DAY0 + round(50.8 * NS_PER_S)
    found = refine_onset(whole, STATION, guess_ns, band=BAND, search_s=6.0)
    assert abs(found.time_ns - DAY0 - 50.0 * NS_PER_S) < 0.05 * NS_PER_S
    assert abs(found.s_time_ns - DAY0 - 53.0 * NS_PER_S) < 0.15 * NS_PER_S
    assert 0 < found.s_uncertainty_s < 0.5
    alone = open_archive(write(tmp_path / "one" / "a", traces[0]).parent, index=False)
    assert refine_onset(alone, STATION, guess_ns, band=BAND, search_s=6.0).s_time_ns is None


@pytest.mark.parametrize("rise_s", [0.02, 0.1, 0.3])
def test_s_is_as_sure_as_it_says(rise_s):
    """Sudden or gradual, in the coda of P: 68 % within one, 95 % within two standard deviations."""
    rng, n, p_s, search_s = np.random.default_rng(7), 2600, 20.0, 1.5
    t, off = np.arange(n) / 100, []
    for _ in range(60):
        s_s, decay_s = p_s + rng.uniform(0.4, 2.2), rng.uniform(0.5, 3.0)
        size = 10 ** rng.uniform(0.7, 2.0)

        def wave(onset_s, size, rise_s, decay_s=decay_s):
            since = np.maximum(t - onset_s, 0)
            envelope = size * (1 - np.exp(-since / rise_s)) * np.exp(-since / decay_s)
            return envelope * rng.standard_normal(n)

        parts = [(1.0, 1.5), (0.4, 3.0), (0.4, 3.0)]
        x = [
            rng.standard_normal(n) + wave(p_s, p * size, 0.03) + wave(s_s, s * size, rise_s)
            for p, s in parts
        ]
        x = np.array(x)[:, : round(100 * (p_s + 2 * search_s))]
        found, spread = s_onset(x, 100.0, round(100 * p_s), band=BAND, search=100 * search_s)
        off.append(np.inf if found is None else abs(found / 100 - s_s) / (spread / 100))
    off = np.array(off)
    assert (off < 1).mean() >= 0.6
    assert (off < 2).mean() >= 0.9


def test_many_onsets_are_those_of_each(tmp_path):
    """Read together or each alone, in any order: the same onsets, bit for bit."""
    traces = three(p_s=30.0, s_s=33.0)
    archive = open_archive(write(tmp_path / "a", *traces).parent, index=False)
    guesses = [DAY0 + round(s * NS_PER_S) for s in (70.0, 30.5, 33.2, 29.0, 5.0)]
    options = {"band": BAND, "search_s": 6.0}
    together = refine_onsets(archive, STATION, guesses, **options)
    assert together == [refine_onset(archive, STATION, guess, **options) for guess in guesses]
    assert together[1] is not None


def test_late_by_more_than_the_search(tmp_path):
    """A guess in the coda, farther from P than the search reaches at once, is led back to P."""
    traces = three(p_s=40.0, s_s=41.0)
    archive = open_archive(write(tmp_path / "a", *traces).parent, index=False)
    found = refine_onset(archive, STATION, DAY0 + round(46.4 * NS_PER_S), band=BAND, search_s=6.0)
    assert abs(found.time_ns - DAY0 - 40.0 * NS_PER_S) < 0.1 * NS_PER_S


def test_cuts_do_not_depend_on_each_other(tmp_path):
    """Each span gets the samples that it gets alone; none where there is no record."""
    archive = open_archive(write(tmp_path / "a", *three(p_s=30.0, s_s=33.0)).parent, index=False)
    spans = [
        (DAY0 + round(a * NS_PER_S), DAY0 + round(b * NS_PER_S))
        for a, b in ((50.003, 60.5), (10.0, 20.0), (15.0, 80.0), (200.0, 230.0))
    ]
    found = dict(cuts(archive, STATION, spans))
    assert sorted(found) == [0, 1, 2, 3]
    assert found[3] == []
    for number, span in enumerate(spans):
        [(_, alone)] = cuts(archive, STATION, [span])
        assert [(p.channels, p.start_ns) for p in alone] == [
            (p.channels, p.start_ns) for p in found[number]
        ]
        for one, other in zip(alone, found[number], strict=True):
            np.testing.assert_array_equal(one.data, other.data)
            assert span[0] <= one.start_ns
            assert one.end_ns <= span[1] + NS_PER_S / one.sampling_rate_hz
    assert find_onset(found[3], spans[3][0], band=BAND, search_s=6.0) is None


def test_a_whitened_record_shows_what_hides_in_coloured_noise():
    """A weak P at 15 Hz in noise of 1-3 Hz that is four times as strong."""
    rng, errors = np.random.default_rng(5), []
    low = butter(2, (1.0, 3.0), "band", fs=100.0, output="sos")
    high = butter(2, (10.0, 20.0), "band", fs=100.0, output="sos")
    for _ in range(12):
        noise = sosfilt(low, rng.standard_normal(2600))
        x = 4.0 * noise / noise.std() + 0.05 * rng.standard_normal(2600)
        x[2000:] += sosfilt(high, rng.standard_normal(600)) / 0.4
        found = pick_onset(x[:2150], 100.0, 2030, band=Band(1, 40), search=150)
        errors.append(np.inf if found is None else abs(found.sample - 2000) / 100.0)
    assert np.median(errors) <= 0.05
    white = whitened(x, slice(0, 1900))
    before, after = slice(100, 1900), slice(2000, 2150)
    assert np.std(x[after]) < 1.5 * np.std(x[before])
    assert np.std(white[after]) > 3.0 * np.std(white[before])


def test_nothing_is_whitened_without_noise():
    """Too few samples, or constant ones."""
    assert whitened(np.ones(500), slice(0, 20)) is None
    assert whitened(np.zeros(500), slice(0, 400)) is None


def test_onsets_that_a_third_of_the_votes_mean_are_nearer_than_the_guess():
    """Weak events in noise: what half of the votes would not mean is still worth taking."""
    rng, picks, guesses = np.random.default_rng(11), [], []
    for seed in range(120):
        guess_s = 25.0 + rng.uniform(-1.0, 1.0)
        found = picked(record(seed, (25.0, rng.uniform(1.5, 3.0))), guess_s, search_s=1.5)
        if found is None or found[1].snr_db < CLEAR_DB:
            continue
        if MAJORITY <= found[1].agreement < EMERGENT_MAJORITY:
            picks.append(abs(found[0] - 25.0))
            guesses.append(abs(guess_s - 25.0))
    assert len(picks) >= 10
    assert np.median(picks) < 0.7 * np.median(guesses)
