"""Detectors from generated records: recipes, what is learnt, and the models that are shipped."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest

from seisml.errors import ConfigError
from seisml.features.registry import get_feature
from seisml.model import load_detector, shipped_models
from seisml.pretraining import generated_signals, kept_set, pretrain
from seisml.recipes import RECIPES, config_of, get_recipe
from seisml.settings import plan_of
from seisml.synthetics.mars_records import mars_record
from seisml.synthetics.moon_records import moon_record
from seisml.synthetics.records import band_levels, make_records, resampled, sighting
from seisml.times import DAY_NS, NS_PER_S, to_ns


@pytest.mark.parametrize("name", ["mars-insight", "moon-apollo"])
def test_features_do_not_depend_on_the_gain(name):
    features = plan_of(config_of(RECIPES[name])).features
    assert len(features) > 15
    assert all("G" in one.invariances for one in features)
    assert "G" not in get_feature("log_energy").invariances


@pytest.mark.parametrize("name", sorted(set(RECIPES) & set(shipped_models())))
def test_shipped_models_fit_the_present_features(name):
    detector = load_detector(name)
    recipe = RECIPES[name]
    assert detector.fingerprint == plan_of(config_of(recipe)).fingerprint, (
        f"make it anew: seisml pretrain {name} -o seisml/models/{name}.skops"
    )
    assert detector.card["body"] == recipe.body
    assert detector.card["command"].startswith(f"seisml pretrain {name}")
    held_out = detector.card["measured_on_held_out_records"]
    assert held_out["recall"] > held_out["sta_lta_recall"]
    kinds = {column.rsplit(".", 1)[-1] for column in detector.columns}
    assert kinds in ([{"median", "max"}] if recipe.pool else [{"vertical", "3C"}, {"vertical"}])
    stated = recipe.training.get("threshold", 0.0)
    assert detector.on == detector.card["threshold"]["value"]
    assert not stated or detector.on == stated


def test_earth_local_detects_as_its_profile_says():
    """What was learnt, and how scores become events, comes out of one run of the command."""
    detector = load_detector("earth-local")
    wanted = dataclasses.asdict(config_of(RECIPES["earth-local"]).detection)
    assert {name: wanted[name] for name in detector.detection} == dict(detector.detection)
    assert not any(wanted[name] for name in set(wanted) - set(detector.detection))
    assert detector.card["threshold"]["chosen_for"] == "stated before training"


def test_the_lunar_model_is_what_its_command_makes():
    """Threshold by held-out records, rule of events of the profile: nothing was set after."""
    detector, recipe = load_detector("moon-apollo"), RECIPES["moon-apollo"]
    config = config_of(recipe)
    wanted = dataclasses.asdict(config.detection)
    assert {name: wanted[name] for name in detector.detection} == dict(detector.detection)
    threshold = detector.card["threshold"]
    assert threshold["value"] == pytest.approx(detector.on, abs=1e-6)
    assert f"{recipe.training['false_alarms_per_day']:g} unmatched" in threshold["chosen_for"]
    assert detector.off == pytest.approx(detector.on * config.detection.off_ratio)
    assert detector.card["trained_on"].endswith(recipe.about)
    command = f"seisml pretrain moon-apollo -o MODEL --seed 0 --records {recipe.n_records}"
    assert detector.card["command"] == command


def test_unknown_recipe_gets_a_suggestion():
    with pytest.raises(ConfigError, match="no recipe") as caught:
        get_recipe("mars-insigt")
    assert "mars-insight" in caught.value.hint


@pytest.mark.parametrize(("make", "start"), [(mars_record, "2019-03-01"), (moon_record, "1971")])
def test_records_depend_on_the_seed_and_their_number_only(tmp_path, make, start):
    options = {"make": make, "start_ns": to_ns(f"{start}-01-01" if len(start) == 4 else start)}
    three = make_records(tmp_path / "a", seed=5, n_records=3, **options)
    two = make_records(tmp_path / "b", seed=5, n_records=2, **options)
    pd.testing.assert_frame_equal(three[three["record"] < 2].reset_index(drop=True), two)
    files = sorted(path.name for path in (tmp_path / "b").iterdir())
    assert len(files) == 2
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    starts = [obspy.read(tmp_path / "a" / f)[0].stats.starttime.ns for f in sorted(files)]
    assert np.diff(starts)[0] > DAY_NS


def test_sighting_is_where_the_signal_stands_out():
    noise, level = np.ones(100), np.zeros(100)
    level[40:60] = 3.0
    found = sighting("x", level, noise, 700.0, 1500.0, 0)
    assert abs(found.start_ns - 800 * NS_PER_S) <= 20 * NS_PER_S
    assert abs(found.end_ns - 1200 * NS_PER_S) <= 20 * NS_PER_S
    assert found.snr == pytest.approx(3.0)
    hidden = sighting("x", 0.1 * level, noise, 700.0, 1500.0, 0)
    assert hidden.start_ns == hidden.end_ns
    assert hidden.snr == pytest.approx(0.3)


def test_band_levels_are_rms_of_the_components():
    t = np.arange(12_000) / 20.0
    wave = np.stack([np.sin(2 * np.pi * 0.5 * t), np.zeros_like(t)])
    level = band_levels(wave, (0.25, 0.8), 20.0)
    assert level[3:] == pytest.approx(0.5, rel=0.02)
    slow = resampled(wave[0], 20.0, 2.0)
    assert np.sqrt(np.mean(slow[100:-100] ** 2)) == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_faint_and_hidden_parts_have_no_signal():
    columns = ["label", "onset_ns", "start_ns", "end_ns", "last_ns", "snr"]
    rows = [("A", 0, 100, 400, 900, 9.0), ("A", 2000, 2100, 2400, 2900, 1.2)]
    table = pd.DataFrame(rows, columns=columns)
    table[columns[1:5]] *= NS_PER_S
    signals, expert = generated_signals(table, RECIPES["mars-insight"])
    assert signals[["start_ns", "end_ns"]].to_numpy().tolist() == [[100 * NS_PER_S, 400 * NS_PER_S]]
    assert set(expert.events["event_id"]) == {"0", "0-before", "0-after", "1-faint"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def small(kept):
    return pretrain("mars-insight", n_records=36, seed=3, folder=kept)


def test_kept_records_are_learnt_with_networks_and_not_judged(small, kept):
    one = kept_set(kept, "mars-insight")
    assert not one.judged
    assert len(one.signals) == len(small.test.expert) > 20
    with pytest.raises(ConfigError, match="holds no generated records"):
        kept_set(kept / "records", "mars-insight")
    with pytest.raises(ConfigError, match=r"for the profile 'earth-local'\.\nProfiles .*volcano"):
        kept_set(kept, "earth-local")


def test_a_small_model_finds_generated_events_and_says_how_it_was_made(small):
    card = small.detector.card
    assert card["recipe"] == "mars-insight"
    assert card["command"] == "seisml pretrain mars-insight -o MODEL --seed 3 --records 36"
    held_out = card["measured_on_held_out_records"]
    assert held_out["recall"] > 0.5
    assert held_out["unmatched_per_day"] < held_out["sta_lta_unmatched_per_day"]
    assert set(small.detector.classes) == {"HF family", "LF family"}
