"""Settings: profiles, files, and what is refused."""

import dataclasses
import tomllib

import numpy as np
import obspy
import pandas as pd
import pytest

from seisml import steps
from seisml.archive import open_archive
from seisml.config import Config, load_config, load_profile, profile_names, profile_text
from seisml.errors import ConfigError
from seisml.extract import extract
from seisml.model import make_classifier
from seisml.settings import label_rule_of, plan_from, plan_of, template, training_rule_of
from seisml.store import iter_tables


@pytest.mark.parametrize("name", profile_names())
def test_profile_gives_a_plan(name):
    """Every profile is complete: its settings fit each other and name their body."""
    config = load_profile(name)
    plan = plan_of(config)
    assert plan.settings.grid.n_hops >= 1
    assert config.profile == name
    assert config.body in ("earth", "mars", "moon")
    label_rule_of(config)
    training_rule_of(config)


def test_profiles():
    """The agreed presets are there."""
    wanted = {"earth-local", "earth-onsets", "earth-regional", "volcano"}
    wanted |= {"mars-insight", "moon-apollo", "moon-apollo-sp"}
    assert set(profile_names()) == wanted


def test_file_overrides_profile(tmp_path):
    """What the file says wins, the rest is the profile's."""
    path = tmp_path / "seisml.toml"
    path.write_text('profile = "volcano"\n[windows]\nhop_s = 5\n')
    config = load_config(path)
    assert config.windows.hop_s == 5.0
    assert config.windows.length_s == load_profile("volcano").windows.length_s


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[windows]\nlenght_s = 3", "unknown key 'lenght_s'.*\n.*length_s"),
        ("[window]\nlength_s = 3", "unknown key 'window'.*\n.*windows"),
        ("[training]\none_class = false", r"unknown key 'one_class'.*\n.*stands in \[labels\]"),
        ("[windows]\nlength_s = 'long'", "length_s = 'long' has the wrong type"),
        ("[windows]\nlength_s = true", "wrong type"),
        ("windows = 3", r"must be a table, \[windows\]"),
        ("[features]\nbands_hz = [1, 2]", "wrong type"),
        ('profile = "vulcano"', "no profile 'vulcano'.*\n.*volcano"),
        ("profile = 3", "profile must be a text"),
        ("[windows", "no readable TOML"),
    ],
)
def test_bad_file_is_refused(tmp_path, text, message):
    """A wrong key, type or syntax is an error that names the thing and suggests."""
    path = tmp_path / "seisml.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        load_config(path)


def test_missing_file(tmp_path):
    """A missing file says how to write one."""
    with pytest.raises(ConfigError, match="seisml init"):
        load_config(tmp_path / "nothing.toml")


@pytest.mark.parametrize("name", profile_names())
def test_template_is_a_valid_project(tmp_path, name):
    """The commented template loads, and repeats every line of the profile as a comment."""
    path = tmp_path / "seisml.toml"
    path.write_text(template(name))
    config = load_config(path)
    assert config.profile == name
    assert all(f"# {line}" in path.read_text() for line in profile_text(name).splitlines() if line)


def test_every_profile_key_is_known():
    """Profiles hold only keys that a configuration has (they go through the same gate)."""
    fields = {field.name for field in dataclasses.fields(Config)}
    for name in profile_names():
        assert set(tomllib.loads(profile_text(name))) <= fields


def test_plan_survives_a_detector():
    """The plan that is rebuilt from a detector's record has the same fingerprint."""
    for name in profile_names():
        plan = plan_of(load_profile(name))
        again = plan_from(plan.as_dict())
        assert again.fingerprint == plan.fingerprint


def test_profile_of_onsets_learns_onsets():
    """Lists of numbers whose default is empty are read; what belongs together is set together."""
    config = load_profile("earth-onsets")
    assert config.features.lengths_s == (6.0,)
    assert config.labels.onset_s > 0
    assert config.detection.begin == "peak"


START = pd.Timestamp("1972-05-13T08:00:00")


def test_short_period_records_of_apollo_have_features(tmp_path):
    """An hour of 53 Hz: a planted emergent event stands out in windows of two minutes."""
    t = np.arange(3600 * 53) / 53.0
    after = np.maximum(t - 1800.0, 0.0)
    x = np.random.default_rng(0).standard_normal(len(t))
    x *= 1.0 + 20.0 * (1 - np.exp(-after / 20.0)) * np.exp(-after / 200.0)
    header = {"network": "XA", "station": "S14", "channel": "SHZ", "sampling_rate": 53.0}
    header["starttime"] = obspy.UTCDateTime(START.isoformat())
    obspy.Trace(np.round(x * 50).astype(np.int32), header).write(str(tmp_path / "a.mseed"), "MSEED")
    plan = plan_of(load_profile("moon-apollo-sp"))
    extract(open_archive(tmp_path / "a.mseed", index=False), tmp_path / "f", plan)
    table = pd.concat([one.frame for one in iter_tables(tmp_path / "f")])
    energy = table.filter(like="rel_energy").iloc[:, 0].to_numpy()
    assert np.isfinite(energy).sum() > 80
    since_s = table.index.get_level_values("time")[np.nanargmax(energy)] - START
    assert -90 < since_s.total_seconds() - 1800 < 120


@pytest.mark.parametrize("name", ["logistic", "sta_lta", "random_forest", "dummy"])
def test_another_classifier_has_no_settings_of_the_presets(name):
    """The settings of a preset are of its own classifier: another one takes its defaults."""
    for profile in profile_names():
        training = steps.settings_of(profile, model=name).training
        make_classifier(training.model, settings=training.settings, columns=["stalta_short_max"])
    assert steps.settings_of("earth-onsets").training.settings
    kept = steps.settings_of("earth-onsets", model="hist_gradient_boosting").training
    assert kept == load_profile("earth-onsets").training


def test_another_classifier_in_a_file_has_no_settings_of_the_presets(tmp_path):
    """What the profile sets for its classifier is not meant for another; what a file sets is."""
    path = tmp_path / "seisml.toml"
    path.write_text('profile = "earth-onsets"\n[training]\nmodel = "extra_trees"\n')
    assert load_config(path).training.settings == {}
    path.write_text('profile = "earth-onsets"\n[training]\nseed = 3\n')
    assert load_config(path).training.settings == load_profile("earth-onsets").training.settings
    assert steps.settings_of(str(path), model="logistic").training.settings == {}
    path.write_text('profile = "earth-onsets"\n[training]\nsettings = { n_neighbors = 3 }\n')
    neighbours = steps.settings_of(str(path), model="sklearn.neighbors:KNeighborsClassifier")
    assert neighbours.training.settings == {"n_neighbors": 3}


def test_files_of_labels_are_near_the_file_that_names_them(tmp_path):
    """Of a seisml.toml relative to it, of the command line to where one is."""
    path = tmp_path / "seisml.toml"
    path.write_text('[labels]\nepochs = "e.csv"\ncoverage = "looked.csv"\n')
    labels = steps.settings_of(str(path)).labels
    assert labels.epochs == str(tmp_path / "e.csv")
    assert labels.coverage == str(tmp_path / "looked.csv")
    assert steps.settings_of(str(path), coverage="here.csv").labels.coverage == "here.csv"
