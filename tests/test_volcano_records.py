"""Generated records of volcanoes: what they hold, and what they say of themselves."""

import numpy as np
import obspy
import pandas as pd
import pytest
from test_real import score

from seisml.archive import open_archive
from seisml.detect import detect
from seisml.extract import extract
from seisml.model import load_detector
from seisml.pretraining import generated_signals
from seisml.recipes import RECIPES, config_of
from seisml.settings import plan_from, plan_of
from seisml.store import iter_tables
from seisml.synthetics.records import make_records, sighting_table
from seisml.synthetics.volcano_records import (
    RATES_HZ,
    STATIONS,
    draw_scene,
    scene_samples,
    volcano_record,
)
from seisml.synthetics.volcano_waves import (
    LABELS,
    OCTAVES_HZ,
    draw_event,
    event_wave,
    levels,
    standing_out,
)
from seisml.times import NS_PER_S


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("rate_hz", [min(RATES_HZ), 100.0])
def test_events_of_all_classes_begin_at_their_onset_at_every_rate(label, rate_hz):
    event = draw_event(label, 20.0, 10.0, np.random.default_rng(4))
    wave = event_wave(event, int(60 * rate_hz), rate_hz, 1.5, np.random.default_rng(5))
    assert wave.shape == (int(60 * rate_hz),)
    assert np.isfinite(wave).all()
    at = int(21.5 * rate_hz)
    assert not wave[:at].any()
    assert np.abs(wave[at : at + int(10 * rate_hz)]).max() > 0


@pytest.mark.parametrize("label", LABELS)
def test_an_event_that_began_before_the_record_goes_on_in_it(label):
    """What began 2 s before is the later part of the same event, not a new one."""
    rng = np.random.default_rng(6)
    event = draw_event(label, -2.0, 10.0, rng)
    wave = event_wave(event, 6000, 100.0, 0.0, np.random.default_rng(7))
    assert len(wave) == 6000
    assert wave[:300].any()


def test_level_over_noise_is_that_of_the_best_octave():
    """A sine of 3 Hz in noise that is ten times as loud at 0.6 Hz: seen in 2 to 4 Hz only."""
    t = np.arange(6000) / 100.0
    wave = np.where((t > 20) & (t < 40), np.sin(2 * np.pi * 3.0 * t), 0.0)
    rest = 0.1 * np.sin(2 * np.pi * 2.9 * t) + 1.0 * np.sin(2 * np.pi * 0.6 * t)
    seen = standing_out(levels(wave, 100.0), levels(rest, 100.0))
    assert len(seen) == 60
    assert seen[25:35] == pytest.approx(10.0, rel=0.15)
    assert seen[:15].max() < 0.5
    assert levels(wave, 100.0).shape == (len(OCTAVES_HZ), 60)


def test_sightings_are_of_all_stations_and_inside_the_record(tmp_path):
    options = {"make": volcano_record, "seed": 2, "n_records": 6, "start_ns": 0}
    table = make_records(tmp_path / "a", **options)
    again = make_records(tmp_path / "b", **options)
    pd.testing.assert_frame_equal(table, again)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        stream = obspy.read(path)
        assert len(stream) in STATIONS
        mine = table[table["record"] == int(path.stem.split(".")[1])]
        start_ns, end_ns = (stream[0].stats[k].ns for k in ("starttime", "endtime"))
        times = mine[["onset_ns", "start_ns", "end_ns", "last_ns"]].to_numpy(np.int64)
        assert (np.diff(times, axis=1) >= 0).all()
        assert (times >= start_ns).all()
        assert (times <= end_ns + 2 * NS_PER_S).all()
        if len(mine):
            assert mine["station"].nunique() == len(stream)


def test_the_nearest_station_sees_most():
    """A station that loses 18 dB sees an event 18 dB smaller, give or take its own scatter."""
    rng, gaps = np.random.default_rng(8), []
    for _ in range(12):
        scene = draw_scene(rng)
        if len(scene.gain) < 3 or not scene.events:
            continue
        _, found = scene_samples(scene, rng)
        db = [20 * np.log10(max(its[0][1].max(), 1e-6)) for its in found]
        gaps.append(np.corrcoef(db, scene.loss_db)[0, 1])
    assert np.median(gaps) < -0.6


def test_long_events_weigh_as_much_as_short_ones():
    """Tremor of five minutes weighs a tenth; its station is that of the sighting."""
    rows = [("VT", 0, 0, 10, 12, 9.0, "SY.V2"), ("TR", 0, 0, 300, 300, 9.0, "SY.V3")]
    columns = ["label", "onset_ns", "start_ns", "end_ns", "last_ns", "snr", "station"]
    table = pd.DataFrame(rows, columns=columns)
    table[columns[1:5]] *= NS_PER_S
    signals, _ = generated_signals(table, RECIPES["volcano"])
    by_label = signals.set_index("label")
    assert by_label["weight"].to_dict() == {"VT": 1.0, "TR": pytest.approx(0.1)}
    assert by_label["station"].to_dict() == {"VT": "SY.V2", "TR": "SY.V3"}


def test_features_of_the_profile_do_not_depend_on_the_gain():
    features = plan_of(config_of(RECIPES["volcano"])).features
    assert len(features) > 30
    assert all("G" in one.invariances for one in features)
    assert sighting_table([]).columns[-1] == "station"


def test_the_shipped_model_finds_clear_events_of_records_it_has_not_seen(tmp_path):
    """Of events 12 dB above the noise nearly all, at all stations; few detections of nothing."""
    detector = load_detector("volcano")
    options = {"make": volcano_record, "seed": 77, "n_records": 16, "start_ns": 0}
    table = make_records(tmp_path / "records", **options)
    archive = open_archive(str(tmp_path / "records"), index=False)
    extract(archive, tmp_path / "features", plan_from(detector.plan))
    found = detect(iter_tables(tmp_path / "features"), detector, archive=archive).events
    clear = table[(table["snr"] > 4.0) & (table["label"] != "TR")]
    long_ns = (clear["end_ns"] - clear["start_ns"]) > 3 * NS_PER_S
    hits = [
        bool(
            (
                (found["station"] == one.station)
                & (found["time_ns"] < one.end_ns)
                & (found["end_ns"] > one.start_ns)
            ).any()
        )
        for one in clear[long_ns].itertuples()
    ]
    assert len(hits) > 20
    assert np.mean(hits) > 0.8
    touched = [
        bool(
            (
                (table["station"] == one.station)
                & (table["onset_ns"] < one.end_ns)
                & (table["last_ns"] > one.time_ns)
            ).any()
        )
        for one in found.itertuples()
    ]
    assert np.mean(touched) > 0.8
    assert "generated" in detector.card["trained_on"]


@pytest.mark.real
def test_whole_events_of_real_volcanoes(shared_data, tmp_path):
    """All kinds of events but tremor are found as a whole, with hardly any other detection."""
    detector = load_detector("volcano")
    archive = open_archive(str(shared_data / "earth_chile_volcano" / "waveforms"), index=False)
    extract(archive, tmp_path / "features", plan_from(detector.plan))
    found = detect(iter_tables(tmp_path / "features"), detector, archive=archive)
    result = score(shared_data, "earth_chile_volcano", found, tmp_path)
    assert result["f1"] >= 0.85
    assert result["counts"]["false"] <= 3
