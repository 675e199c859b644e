"""Repeats: planted copies of an event are found where they are, and chance is as rare as asked."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest
from command_line import seisml
from hypothesis import given
from hypothesis import strategies as st

from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.config import load_profile
from seisml.errors import ConfigError, NoDataError
from seisml.formats import read_catalog, write_catalog
from seisml.matched import coefficients, peaks, running_level
from seisml.plots import plot_repeats
from seisml.repeats import KNOWN, NEW, find_repeats, with_repeats
from seisml.segments import Band
from seisml.synthetics.moon import end_ns, plan_moon
from seisml.synthetics.moon_waves import moonquake_wave
from seisml.templates import RepeatRule, repeat_rule
from seisml.times import to_ns

RATE_HZ = 50.0
START_NS = 1_600_000_000 * 10**9
HOUR_S = 3600.0
BAND = Band(2.0, 15.0, 3)
RULE = RepeatRule(length_s=(2.0, 6.0), lead_s=0.5)
CHANNELS = ("HHE", "HHN", "HHZ")
TEMPLATE_S, REPEATS = 300.0, ((900.0, 0.3, 1), (1500.02, 0.2, -1), (2400.0, 1.0, 1))
"""Onsets, sizes and signs: the first is found by the detector, 10 to 1 of the noise."""


def event_wave(seed=1):
    """Return an event of 5 s on three components with a peak of about 1."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(5 * RATE_HZ)) / RATE_HZ
    return rng.standard_normal((3, len(t))) * np.exp(-t / 1.5) * np.minimum(1, t / 0.05)


def samples(*, planted=REPEATS, seconds=HOUR_S, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    data = noise * rng.standard_normal((3, int(seconds * RATE_HZ)))
    wave = event_wave()
    for at_s, size, sign in ((TEMPLATE_S, 1.0, 1), *planted):
        first = round(at_s * RATE_HZ)
        data[:, first : first + wave.shape[1]] += sign * size * wave
    return data


def write(folder, data, *, gaps=(), gain=1.0, channels=CHANNELS, split_s=None):
    """Write channels as miniSEED, without the samples of gaps (start_s, end_s)."""
    for channel, row in zip(channels, gain * data, strict=True):
        there = np.ones(len(row), bool)
        for a, b in gaps:
            there[round(a * RATE_HZ) : round(b * RATE_HZ)] = False
        edges = np.flatnonzero(np.diff(np.r_[False, there, False].astype(int)))
        traces = []
        for a, b in edges.reshape(-1, 2).tolist():
            header = {"network": "XX", "station": "A", "channel": channel}
            time = obspy.UTCDateTime(ns=START_NS + round(a * 1e9 / RATE_HZ))
            header |= {"sampling_rate": RATE_HZ, "starttime": time}
            traces.append(obspy.Trace(row[a:b].astype(np.float32), header))
        folder.mkdir(parents=True, exist_ok=True)
        obspy.Stream(traces).write(str(folder / f"{channel}.mseed"), format="MSEED")
    return open_archive(str(folder), index=False)


def detections(*onsets_s):
    rows = [
        {"event_id": f"d{k}", "time_ns": START_NS + round(s * 1e9), "station": "XX.A"}
        | {"end_ns": START_NS + round((s + 5) * 1e9), "label": "event", "score": 0.9}
        for k, s in enumerate(onsets_s)
    ]
    return make_catalog(rows, time_basis="first_pick")


def rows_of(found, word=NEW):
    events = found.catalog.events
    return events[events["repeat"] == word].reset_index(drop=True)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    archive = write(tmp_path_factory.mktemp("planted") / "a", samples())
    return archive, find_repeats(detections(TEMPLATE_S), archive, BAND, rule=RULE)


def test_planted_repeats_are_found_at_their_sample_with_their_sign(planted):
    """The weak ones, 4 to 10 dB below the noise of their later half, too; and nothing else."""
    found = rows_of(planted[1])
    onsets_s = (found["time_ns"] - START_NS) / 1e9
    np.testing.assert_allclose(onsets_s, [one[0] for one in REPEATS], atol=0.5 / RATE_HZ)
    assert np.sign(found["correlation"]).tolist() == [one[2] for one in REPEATS]
    assert (found["template"] == "d0").all()
    assert (found["significance"] > planted[1].limits["d0"]).all()
    assert found["significance"].idxmax() == 2
    assert (found["label"] == "event").all()
    picks = planted[1].catalog.picks.set_index("event_id")
    assert (picks.loc[found["event_id"], "time_ns"].to_numpy() == found["time_ns"]).all()


def test_a_detection_stays_and_does_not_repeat_itself(planted):
    events = planted[1].catalog.events
    own = events[events["event_id"] == "d0"].iloc[0]
    assert own["repeat"] == ""
    assert own["time_ns"] == START_NS + round(TEMPLATE_S * 1e9)
    assert len(events) == 1 + len(REPEATS)


def test_detections_that_repeat_each_other_are_known_not_new(planted):
    """The onset of a known one may be off by a second: it keeps its own."""
    known = detections(TEMPLATE_S, REPEATS[2][0] + 1.0)
    found = find_repeats(known, planted[0], BAND, rule=RULE)
    assert len(rows_of(found)) == 2
    other = rows_of(found, KNOWN).set_index("event_id")
    assert other.loc["d1", "template"] == "d0"
    assert other.loc["d1", "time_ns"] == known.events["time_ns"][1]


@pytest.mark.parametrize("chunk_s", [40.0, 333.3, 10_000.0])
def test_chunks_make_no_difference(planted, chunk_s):
    again = find_repeats(detections(TEMPLATE_S), planted[0], BAND, rule=RULE, chunk_s=chunk_s)
    pd.testing.assert_frame_equal(again.catalog.events, planted[1].catalog.events, rtol=1e-5)
    assert again.limits["d0"] == pytest.approx(planted[1].limits["d0"], rel=1e-4)


def test_processes_make_no_difference(planted):
    again = find_repeats(
        detections(TEMPLATE_S), planted[0], BAND, rule=RULE, chunk_s=1800.0, jobs=2
    )
    pd.testing.assert_frame_equal(again.catalog.events, planted[1].catalog.events, rtol=1e-5)


@pytest.mark.parametrize("even", [False, True])
def test_the_gain_makes_no_difference(tmp_path, even):
    rule = dataclasses.replace(RULE, even=even)
    one, other = (
        find_repeats(
            detections(TEMPLATE_S),
            write(tmp_path / f"{gain:g}", samples(), gain=gain),
            BAND,
            rule=rule,
        ).catalog.events
        for gain in (1.0, 4096.0)
    )
    assert (one["repeat"] == NEW).sum() == 3
    np.testing.assert_allclose(one["correlation"], other["correlation"], rtol=1e-4)
    assert (one["time_ns"] == other["time_ns"]).all()


def test_a_gap_hides_no_more_than_it_covers(tmp_path):
    """A repeat with a gap in it is found; a gap itself is like no template, whatever its edges."""
    gaps = [(901.0, 901.6), (1200.0, 1260.0), (1500.4, 1506.0)]
    archive = write(tmp_path / "a", samples(), gaps=gaps)
    found = find_repeats(detections(TEMPLATE_S), archive, BAND, rule=RULE)
    onsets_s = (rows_of(found)["time_ns"] - START_NS) / 1e9
    np.testing.assert_allclose(onsets_s, [900.0, 2400.0], atol=0.5 / RATE_HZ)
    instants, z = found.peaks["d0"]
    inside = (instants > START_NS + 1200 * 10**9) & (instants < START_NS + 1259 * 10**9)
    assert not inside.any()
    assert np.isfinite(z).all()


def test_a_component_may_be_missing(tmp_path):
    """Of the template, or of the record: the others are enough."""
    data = samples()
    archive = write(tmp_path / "a", data[:2], channels=CHANNELS[:2])
    assert len(rows_of(find_repeats(detections(TEMPLATE_S), archive, BAND, rule=RULE))) == 3
    write(tmp_path / "b", data[:2], channels=CHANNELS[:2])
    archive = write(tmp_path / "b", data[2:], channels=CHANNELS[2:], gaps=[(600.0, 3600.0)])
    assert len(rows_of(find_repeats(detections(TEMPLATE_S), archive, BAND, rule=RULE))) == 3


def test_events_that_repeat_none_have_no_repeats_at_the_rate_that_is_asked(tmp_path):
    """Eight different events in an hour: at 24 a day one or so is chance, at 0.1 none."""
    onsets_s = np.arange(310.0, 3500.0, 400.0)
    data = samples(planted=(), seed=3)[:1]
    for k, at_s in enumerate(onsets_s):
        first, wave = round(at_s * RATE_HZ), event_wave(10 + k)[:1]
        data[:, first : first + wave.shape[1]] += wave
    archive = write(tmp_path / "a", data, channels="Z")
    known = detections(*onsets_s)
    many, few = (
        find_repeats(
            known, archive, BAND, rule=dataclasses.replace(RULE, false_alarms_per_day=rate)
        )
        for rate in (24.0, 0.1)
    )
    assert len(many.templates) == len(onsets_s)
    assert len(rows_of(many)) + len(rows_of(many, KNOWN)) <= 5
    assert not len(rows_of(few))
    assert not len(rows_of(few, KNOWN))
    assert min(few.limits.values()) > max(many.limits.values())


def test_limits_follow_from_normal_noise():
    """Independent normal coefficients reach the limit as often as was asked: 100 a day."""
    from seisml.matched import Null, limit, tail_width

    rng = np.random.default_rng(0)
    n, days = 400_000, 2.0
    c = rng.standard_normal((2, n)) * 0.05
    null = Null.of(c[0], peaks(c[0], 1), days)
    assert null.spread == pytest.approx(0.05, rel=0.01)
    width = tail_width([null])
    assert width == pytest.approx(1.0, abs=0.06)
    above = np.abs(c[1][peaks(c[1], 1)]) / null.spread >= limit(null, width, 100.0)
    assert 140 <= above.sum() <= 260  # 200 expected


@given(st.integers(0, 60), st.integers(1, 500), st.integers(6, 60))
def test_the_running_level_does_not_depend_on_the_start(skip, first, length):
    x = np.random.default_rng(1).standard_normal((1, 400))
    whole, later = running_level(x, first, length), running_level(x[:, skip:], first + skip, length)
    inside = slice(2 * length + skip, 400)
    np.testing.assert_allclose(later[:, 2 * length :], whole[:, inside], rtol=1e-12)


@given(st.integers(0, 150), st.floats(-5, 5).filter(lambda a: abs(a) > 1e-3))
def test_a_copy_has_coefficient_one(at, factor):
    rng = np.random.default_rng(2)
    template = rng.standard_normal((1, 2, 50))
    x = rng.standard_normal((2, 200))
    x[:, at : at + 50] = factor * template[0]
    c = coefficients(x, template)[0]
    assert c[at] == pytest.approx(np.sign(factor))
    assert np.abs(c).argmax() == at


def test_missing_samples_take_part_in_no_coefficient():
    """What stands in for them makes no difference, and half a template is none."""
    rng = np.random.default_rng(2)
    template, x = rng.standard_normal((1, 1, 50)), rng.standard_normal((1, 200))
    x[:, 100:150] = template[0]
    x[:, 100:110] = np.nan
    c = coefficients(x, template)[0]
    share = (template[0, 0, 10:] ** 2).sum() / (template**2).sum()
    assert c[100] == pytest.approx(np.sqrt(share))
    x[:, 100:130] = np.nan
    assert np.isnan(coefficients(x, template)[0][100])


def test_repeats_of_a_nest_of_moonquakes_have_its_waveform():
    plan = plan_moon(seed=4, n_days=3, events_per_day=4.0, n_nests=1)
    nest = [quake for quake in plan.quakes if quake.key[1] >= 1_000_000]
    assert len(nest) > 3
    assert {quake.polarity for quake in nest} == {1, -1}
    n = int(nest[0].length_s * 6.625)
    waves = [moonquake_wave(quake, 0.0, n) * quake.polarity for quake in nest[:3]]
    np.testing.assert_allclose(waves[1], waves[0])
    np.testing.assert_allclose(waves[2], waves[0])
    assert set(plan.catalog.events["nest"].dropna()) == {"N01"}
    assert all(end_ns(quake) > quake.first_ns for quake in nest)


def test_without_nests_the_generator_is_what_it_was():
    """The same events as before there were nests: nothing is drawn in between."""
    plan = plan_moon(seed=4, n_days=3)
    assert "nest" not in plan.catalog.events
    assert [quake.first_ns for quake in plan.quakes[:2]] == [36639702033000000, 36713391750000000]
    assert [quake.snr for quake in plan.quakes[:2]] == pytest.approx(
        [2.463638, 11.377857], abs=1e-6
    )


def test_settings_of_a_detector_look_between_two_instants(planted):
    """As `detect` does: the same events as by the rule, those of the time that was looked at."""
    settings = {"length_s": [2.0, 6.0]}
    span = {"start_ns": START_NS + 1000 * 10**9, "end_ns": START_NS + 2000 * 10**9}
    some = with_repeats(detections(TEMPLATE_S), planted[0], BAND, settings, **span).events
    assert (some["time_ns"][some["repeat"] == NEW] - START_NS).tolist() == [1500_020_000_000]


def test_what_cannot_be_a_template_is_said(planted, tmp_path):
    elsewhere = detections(TEMPLATE_S)
    elsewhere.events["station"] = "XX.B"
    with pytest.raises(NoDataError, match="1 without records"):
        find_repeats(elsewhere, planted[0], BAND, rule=RULE)
    assert with_repeats(elsewhere, planted[0], BAND, {"lead_s": 0.1}) is elsewhere
    assert with_repeats(elsewhere, planted[0], BAND, {}) is elsewhere
    with pytest.raises(ConfigError, match="false_alarms"):
        repeat_rule({"false_alarm_per_day": 1.0})
    with pytest.raises(ConfigError, match="length_s"):
        repeat_rule({"length_s": [3.0, 1.0]})


def test_the_command_writes_events_and_figure(planted, tmp_path):
    write_catalog(detections(TEMPLATE_S), tmp_path / "known.csv")
    out = tmp_path / "all.csv"
    done = seisml(
        *("repeats", planted[0].root, tmp_path / "known.csv", "-o", out),
        *("--plot", tmp_path / "family.png", "--station", "XX.A"),
    )
    assert "new repeats" in done.stderr
    events = read_catalog(out).events
    assert (events["repeat"] == NEW).sum() == 3
    assert (tmp_path / "family.png").read_bytes()[:4] == b"\x89PNG"


def test_the_figure_has_a_line_for_each_repeat_and_the_stack(planted):
    figure = plot_repeats(planted[1])
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert len(words) == 2 + len(REPEATS)
    assert words[-1] == "stack of 4"
    with pytest.raises(NoDataError, match="no template"):
        plot_repeats(planted[1], "nothing")


@pytest.mark.real
def test_real_moonquakes_of_one_nest_repeat_each_other(shared_data):
    """Seven events of A01 in as many records: each is that of another at 10 spreads and more."""
    picks = pd.read_csv(shared_data.parent / "scoring" / "truth" / "lunar_deep_a01_truth.csv")
    rows = [
        {"time_ns": to_ns(row.time), "end_ns": to_ns(row.end_time), "station": "XA.S12"}
        for row in picks.itertuples()
    ]
    archive = open_archive(f"{shared_data}/lunar_deep_a01/waveforms", index=False)
    config = load_profile("moon-apollo")
    band = Band(config.preparation.f_min_hz, config.preparation.f_max_hz, config.preparation.order)
    known = make_catalog(rows, body="moon", time_basis="first_pick")
    found = find_repeats(known, archive, band, rule=repeat_rule(config.detection.repeats))
    assert len(rows_of(found)) == 0
    assert len(rows_of(found, KNOWN)) == 7
    assert (rows_of(found, KNOWN)["significance"] > 10).all()
