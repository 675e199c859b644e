"""Generated records of Earth, what they say of themselves, and how onsets are learnt from them."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy import signal

from seisml.features import compute
from seisml.labels import EVENT, IGNORE, NOISE, SIGNAL_COLUMNS, LabelRule, label_windows
from seisml.model import load_detector
from seisml.pooling import like, vertical
from seisml.pretraining import generated_signals
from seisml.recipes import RECIPES
from seisml.states import EventRule, events_from_windows
from seisml.synthetics.earth_records import RATES_HZ, draw_scene, earth_record, scene_samples
from seisml.synthetics.earth_scenes import (
    REFERENCE_HZ,
    TRANSIENTS,
    SceneEvent,
    prominence_db,
    reference_rms,
    scene_event,
    scene_noise,
    scene_transient,
)
from seisml.synthetics.records import make_records, sighting_table
from seisml.windows import WindowGrid

EVENT_AT_20 = SceneEvent(20.0, 4.0, 0.0, 3.0, 15.0, 30.0, 0.0, 2.0, False)


def test_event_begins_at_p_and_has_the_stated_size():
    wave = scene_event(EVENT_AT_20, 6000, 100.0, np.random.default_rng(0))
    assert not wave[:, :2000].any()
    assert wave[:, 2000:2010].any()
    band = signal.butter(4, REFERENCE_HZ, "band", fs=100.0, output="sos")
    p = signal.sosfilt(band, wave[0])[2000:2200]
    assert np.sqrt(np.mean(p**2)) == pytest.approx(1.0, rel=0.05)
    s = signal.sosfilt(band, wave[1:])[:, 2400:2600]
    assert np.sqrt(np.mean(s**2)) == pytest.approx(3.0, rel=0.25)


def test_prominence_follows_the_amplitude():
    """Ten times the event is 20 dB more; the best octave is at least as good as the whole band."""
    rng = np.random.default_rng(1)
    noise, wave = rng.standard_normal(6000), scene_event(EVENT_AT_20, 6000, 100.0, rng)[0]
    once, ten = (prominence_db(a * wave, noise, EVENT_AT_20, 100.0) for a in (1.0, 10.0))
    assert ten - once == pytest.approx(20.0, abs=1e-6)
    assert once > -20 * np.log10(reference_rms(noise, 100.0)) - 1


@pytest.mark.parametrize("rate_hz", sorted(RATES_HZ))
def test_noise_and_transients_at_every_rate(rate_hz):
    rng = np.random.default_rng(2)
    noise = scene_noise(int(20 * rate_hz), rate_hz, rng)
    assert noise.shape == (3, int(20 * rate_hz))
    assert np.sqrt(np.mean(noise[0] ** 2)) == pytest.approx(1.0)
    for kind in TRANSIENTS:
        wave = scene_transient(kind, rate_hz, rng)
        assert np.abs(wave).max() == pytest.approx(1.0)


def test_records_say_what_is_in_them(tmp_path):
    """Same seed, same bytes and table; P, rate and components are those that were drawn."""
    options = {"make": earth_record, "seed": 3, "n_records": 4, "start_ns": 0}
    tables = [make_records(tmp_path / name, **options) for name in ("a", "b")]
    pd.testing.assert_frame_equal(*tables)
    for one in sorted((tmp_path / "a").iterdir()):
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()
        stream = obspy.read(one)
        assert stream[0].stats.sampling_rate in RATES_HZ
        assert len(stream) in (1, 3)


def test_scenes_are_various():
    scenes = [draw_scene(np.random.default_rng(seed)) for seed in range(60)]
    events = [event for scene in scenes for event in scene.events]
    assert {scene.components for scene in scenes} == {"Z", "ZNE"}
    assert len({scene.rate_hz for scene in scenes}) >= 5
    assert min(e.sp_s for e in events) < 1 < 10 < max(e.sp_s for e in events)
    assert min(e.snr_db for e in events) < 0 < 40 < max(e.snr_db for e in events)
    counts, seen_db = scene_samples(scenes[0], np.random.default_rng(0))
    assert counts.dtype == np.int32
    assert len(seen_db) == len(scenes[0].events)


def test_faint_events_are_neither_event_nor_noise():
    rows = [("earthquake", 10, 10, 10**9, 10**9, 9.0), ("earthquake", 20, 20, 10**9, 10**9, 1.1)]
    columns = ["label", "onset_ns", "start_ns", "end_ns", "last_ns", "snr"]
    table = pd.DataFrame(rows, columns=columns)
    assert list(sighting_table([]).columns) == [*columns, "station"]
    seen, expert = generated_signals(table, RECIPES["earth-local"])
    assert list(seen.columns) == list(SIGNAL_COLUMNS)
    assert len(seen) == 1
    assert len(expert.events) == 2


def test_only_windows_about_the_onset_are_events():
    """P at 100 s, known to 0.1 s: what follows, S and coda until 110 s, is no other onset."""
    grid, s = WindowGrid(2.0, 0.5), 10**9
    time_ns = np.arange(int(90 * s), int(125 * s), grid.hop_ns)
    event = ("e", "X.A", 100 * s, 110 * s, 0.1, "", 1.0, "picks")
    rule = LabelRule(onset_s=1.0, ignore_after_s=0.0)
    table = pd.DataFrame([event], columns=list(SIGNAL_COLUMNS))
    stations = np.full(len(time_ns), "X.A..HH")
    state = label_windows(time_ns, stations, grid, table, rule)["state"].to_numpy()
    middle_s = (time_ns + s) / s
    assert set(middle_s[state == EVENT]) == {99.5, 100.0, 100.5, 101.0}
    assert (state[(middle_s > 101) & (middle_s < 102)] == IGNORE).all()
    assert (state[(middle_s < 98.5) | (middle_s > 102.5)] == NOISE).all()
    rule = dataclasses.replace(rule, ignore_after_s=5.0)
    state = label_windows(time_ns, stations, grid, table, rule)["state"].to_numpy()
    assert (state[(middle_s > 101) & (middle_s < 107)] == IGNORE).all()
    assert (state[middle_s > 107.5] == NOISE).all()


def test_event_begins_where_the_score_peaks():
    """Scores that are symmetric about a window put the event at its middle; any chunks do."""
    grid = WindowGrid(2.0, 0.5)
    score = np.zeros(60)
    score[28:33] = [0.3, 0.6, 0.9, 0.6, 0.3]
    time_ns = np.arange(60) * grid.hop_ns
    rule = EventRule(0.5, 0.25, begin="peak")
    [event] = events_from_windows([(time_ns, score)], grid, rule)
    assert event[0] == time_ns[30] + 10**9
    parts = [(time_ns[a : a + 7], score[a : a + 7]) for a in range(0, 60, 7)]
    assert list(events_from_windows(parts, grid, rule)) == [event]


def test_event_begins_at_p_where_s_scores_higher():
    """P at 15 s and S 3 s later in one run: the event begins at P, whatever S scores."""
    grid = WindowGrid(2.0, 0.5)
    time_ns = np.arange(60) * grid.hop_ns
    score = np.zeros(60)
    score[26:31] = [0.4, 0.6, 0.8, 0.6, 0.4]
    score[31:37] = [0.4, 0.6, 0.9, 1.0, 0.9, 0.6]
    [event] = events_from_windows([(time_ns, score)], grid, EventRule(0.5, 0.25, begin="peak"))
    assert abs(event[0] - 15 * 10**9) < 0.2e9
    assert event[2] == 1.0


def test_vertical_serves_stations_of_any_components():
    three = pd.DataFrame({"a.E": [1.0], "a.N": [2.0], "a.Z": [3.0], "b.3C": [4.0]})
    one = pd.DataFrame({"a.Z": [3.0]})
    columns = list(vertical(three).columns)
    assert vertical(three).to_numpy().tolist() == [[3.0, 4.0]]
    assert like(one, columns)["a.vertical"].tolist() == [3.0]
    assert like(one, columns)["b.3C"].isna().all()
    assert vertical(pd.DataFrame({"a.2": [5.0], "a.1": [6.0]}))["a.vertical"].tolist() == [6.0]


def test_steps_are_the_ratio_of_the_halves():
    """Noise that grows tenfold in the middle of a window: two decades; gain is nothing."""
    x = np.random.default_rng(4).standard_normal(6000)
    x[3000:] *= 10
    options = {"length_s": 4.0, "hop_s": 0.5, "spectrum_s": 1.0}
    names = ["energy_step", "band_step"]
    found = compute(x, 100.0, names=names, **options)
    # A band of 1 Hz has few degrees of freedom in two seconds.
    for start_s, wanted in ((28.0, 2.0), (10.0, 0.0)):
        assert found.loc[start_s, "energy_step"] == pytest.approx(wanted, abs=0.15)
        assert found.loc[start_s].to_numpy() == pytest.approx(wanted, abs=0.9)
    again = compute(1000 * x, 100.0, names=names, **options)
    np.testing.assert_allclose(again, found, rtol=1e-4, atol=1e-5)


def test_card_says_where_the_threshold_comes_from():
    """0.5 was not measured on held-out records, and the card of the shipped model says so."""
    card = load_detector("earth-local").card["threshold"]
    assert card["value"] == RECIPES["earth-local"].training["threshold"] == 0.5
    assert card["chosen_for"] == "stated before training"
