"""Training on files: several stores and catalogues on the command line and in a TOML."""

import json
import sys

import numpy as np
import obspy
import pandas as pd
import pytest
from training_data import DAY0, catalog_of, event_times, make_store

from seisml import cli
from seisml.config import load_profile
from seisml.errors import CatalogError, ConfigError
from seisml.formats import write_catalog
from seisml.setfiles import SetFiles, read_sets, training_set
from seisml.times import DAY_NS

PROFILE = """\
profile = "earth-local"
[labels]
rule = "intervals"
[training]
model = "logistic"
[comparison]
tolerance_s = 6.0
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two stores and their catalogues, and a profile."""
    folder = tmp_path_factory.mktemp("files")
    for name, station, seed in (("a", "XX.A.00.HH", 1), ("b", "YY.B.00.HH", 2)):
        events = event_times(3, 8, seed)
        make_store(folder / name, events, stations=(station,), n_days=3, seed=seed)
        write_catalog(catalog_of(events), folder / f"{name}.csv")
    (folder / "seisml.toml").write_text(PROFILE)
    return folder


def seisml(monkeypatch, capsys, *words) -> tuple[int, str, str]:
    """Run the command line in this process; return its exit status and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["seisml", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, " ".join(said.err.split())


def test_train_on_two_networks(files, tmp_path, monkeypatch, capsys):
    """--also adds a network with its own catalogue; 'models' prints what the card says."""
    model = tmp_path / "m.skops"
    words = ("train", files / "a", "-c", files / "a.csv", "-p", files / "seisml.toml", "-o", model)
    also = ("--also", f"{files / 'b'}={files / 'b.csv'}")
    code, out, err = seisml(monkeypatch, capsys, *words, *also)
    assert code == 0, err
    assert out.splitlines()[-1] == str(model)
    code, out, err = seisml(monkeypatch, capsys, "models", model, "--json")
    card = json.loads(out)
    assert card["stations"] == ["XX.A.00.HH", "YY.B.00.HH"]
    assert [one["n_events"] for one in card["sets"]] == [24, 24]
    code, out, err = seisml(monkeypatch, capsys, "models", model)
    assert "sets: 2: stations" in out


def test_sets_in_a_toml(files, tmp_path, monkeypatch, capsys):
    """A file of networks: paths relative to it, labels and weights of each."""
    (files / "sets.toml").write_text(
        '[[set]]\nname = "one"\nstores = "a"\ncatalog = "a.csv"\nweight = 2.0\n'
        '[[set]]\nstores = ["b"]\ncatalog = "b.csv"\n[set.labels]\nignore_after_s = 3.0\n'
    )
    config = load_profile("earth-local")
    one, two = read_sets(files / "sets.toml", config)
    assert (one.stores, one.catalog) == ((str(files / "a"),), str(files / "a.csv"))
    assert (one.weight, one.labels) == (2.0, config.labels)
    assert two.labels.ignore_after_s == 3.0
    model = tmp_path / "m.skops"
    words = ("--sets", files / "sets.toml", "-p", files / "seisml.toml", "-o", model)
    code, _, err = seisml(monkeypatch, capsys, "train", *words, "--split", "set")
    assert code == 0, err
    code, out, err = seisml(monkeypatch, capsys, "models", model, "--json")
    assert json.loads(out)["split"]["by"] == "set"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must hold"),
        ("[set]\nstores = 'a'\n", "must hold"),
        ("[[set]]\nstores = 'a'\n", "set 1 has no catalog"),
        ("[[set]]\ncatalog = 'a'\n", "set 1 has no stores"),
        ("[[set]]\nstore = 'a'\n", "Did you mean 'stores'"),
        ("[[set]]\nstores = 1\n", "wrong type"),
        ("[[set]\n", "no readable TOML"),
    ],
)
def test_bad_set_files(tmp_path, text, problem):
    """Each says what is wrong with which set."""
    (tmp_path / "sets.toml").write_text(text)
    with pytest.raises(ConfigError, match=problem.replace("'", ".")):
        read_sets(tmp_path / "sets.toml", load_profile("earth-local"))


def test_bad_words(files, monkeypatch, capsys):
    """Nothing to train on, half of a pair, and an --also without a catalogue."""
    for words, problem in (
        ((), "nothing to train on"),
        ((files / "a",), "belong together"),
        (("--also", "b"), "no STORE=CATALOG"),
        ((files / "a", "-c", files / "a.csv", "--split", "sets"), "Did you mean 'set'"),
    ):
        code, _, err = seisml(monkeypatch, capsys, "train", *words, "-o", "m.skops")
        assert code == 2
        assert problem in err


def test_catalogue_of_another_planet(files, tmp_path):
    """A catalogue that says Mars is refused by a profile of Earth."""
    write_catalog(catalog_of(event_times(1, 8, 1), body="mars"), tmp_path / "mars.xml")
    one = SetFiles((str(files / "a"),), str(tmp_path / "mars.xml"))
    with pytest.raises(CatalogError, match=r"is a catalogue of mars, the records are of earth"):
        training_set(one, load_profile("earth-local"))


def test_an_archive_of_other_stations(files, tmp_path):
    """Onsets cannot be refined on it: it is refused, not left aside without a word."""
    trace = obspy.Trace(np.zeros(2000, "int32"), {"network": "ZZ", "station": "Q"})
    trace.stats.channel, trace.stats.sampling_rate = "HHZ", 100.0
    trace.write(str(tmp_path / "other.mseed"), format="MSEED")
    one = SetFiles((str(files / "a"),), str(files / "a.csv"), archive=str(tmp_path))
    with pytest.raises(ConfigError, match=r"none of the stations of the features \(XX.A.00.HH\)"):
        training_set(one, load_profile("earth-local"))


def test_labels_on_the_command_line(files, tmp_path, monkeypatch, capsys):
    """Counts by state and class, what is ignored and why, and all windows as a table."""
    words = ("labels", files / "a", "-c", files / "a.csv", "-p", files / "seisml.toml")
    code, out, err = seisml(monkeypatch, capsys, *words, "--json")
    assert code == 0, err
    counts = json.loads(out)
    states = {row["state"]: row["windows"] for row in counts["states"]}
    ignored = {row["reason"]: row["windows"] for row in counts["ignored"]}
    assert counts["signals"] == [{"fate": "event windows", "n": 24}]
    assert sum(ignored.values()) == states["ignore"]
    table = tmp_path / "labels.csv"
    code, out, _ = seisml(monkeypatch, capsys, *words, "-o", table)
    assert "coda" in out
    written = pd.read_csv(table, keep_default_na=False)
    assert written["state"].value_counts().to_dict() == states
    assert (written["reason"] == "margin").sum() == ignored["margin"]
    assert written["time"][0].endswith("Z")


def test_when_the_expert_looked_on_the_command_line(files, tmp_path, monkeypatch, capsys):
    """Of three days the second: nothing else is event or noise; a wrong file is told."""
    looked, table = tmp_path / "looked.csv", tmp_path / "labels.csv"
    first = pd.Timestamp((DAY0 + 1) * DAY_NS, tz="UTC")
    spans = {"start": [first.isoformat()], "end": [(first + pd.Timedelta("1D")).isoformat()]}
    pd.DataFrame(spans).to_csv(looked, index=False)
    words = ("labels", files / "a", "-c", files / "a.csv", "-p", files / "seisml.toml")
    code, out, err = seisml(monkeypatch, capsys, *words, "--coverage", looked, "-o", table)
    assert code == 0, err
    written = pd.read_csv(table, keep_default_na=False)
    inside = pd.to_datetime(written["time"]).dt.floor("D") == first
    assert set(written["state"][inside]) == {"event", "noise", "ignore"}
    assert set(written["reason"][~inside]) == {"outside"}
    assert set(written["class"][~inside]) == {""}
    assert "outside the expert's time\t16" in out
    for station, problem in (("QQ.Q", "of QQ.Q, the records are of XX.A"), ("XX.A.00.HH", "")):
        pd.DataFrame({**spans, "station": station}).to_csv(looked, index=False)
        code, out, err = seisml(monkeypatch, capsys, *words, "--coverage", looked)
        assert (code > 0) == bool(problem)
        assert problem in err
    assert "outside the expert's time\t16" in out


def test_false_alarms_and_classifier_on_the_command_line(files, tmp_path, monkeypatch, capsys):
    """A requested rate, a classifier by import path and its settings reach the card."""
    model, toml = tmp_path / "m.skops", tmp_path / "p.toml"
    text = PROFILE.replace("[comparison]", "settings = {max_iter = 5}\n[comparison]")
    toml.write_text(text)
    words = ("train", files / "a", "-c", files / "a.csv", "-p", toml, "-o", model)
    options = ("--false-alarms", 30, "--model", "sklearn.ensemble:HistGradientBoostingClassifier")
    code, _, err = seisml(monkeypatch, capsys, *words, *options, "--calibration", "sigmoid")
    assert code == 0, err
    code, out, _ = seisml(monkeypatch, capsys, "models", model, "--json")
    card = json.loads(out)
    assert card["threshold"]["chosen_for"] == "at most 30 unmatched in a station-day"
    assert card["settings"] == {"max_iter": 5}
    assert card["calibration"]["method"] == "sigmoid"
    for wrong, problem in (
        (("--model", "os:system"), "no scikit-learn classifier"),
        (("--calibration", "isotonc"), "Did you mean 'isotonic'"),
        (("--false-alarms", -1), "no rate"),
    ):
        code, _, err = seisml(monkeypatch, capsys, *words, *wrong)
        assert code > 0
        assert problem in err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("train", "a", "-c", "a.csv", "-p", "seisml.toml", "-o", "a"), "it is a folder"),
        (("train", "a", "-c", "a.csv", "-p", "seisml.toml", "-o", "a.csv/m.skops"), "is a file"),
        (("pretrain", "earth-local", "-o", "a"), "it is a folder"),
        (("detect", "nowhere", "-m", "earth-local", "-o", "d.cvs"), "'.cvs' names no format"),
        (("detect", "nowhere", "-m", "earth-local", "-o", "a.csv/d.csv"), "is a file"),
        (("associate", "a.csv", "-o", "n.cvs"), "'.cvs' names no format"),
        (("classify", "a.csv", "-m", "m", "--archive", "x", "-o", "n.cvs"), "names no format"),
        (("audit", "r.csv", "-c", "a.csv", "-o", "n.cvs"), "names no format"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(files, monkeypatch, capsys, words, problem):
    """A folder, a file as folder, a suffix without format: not after hours of work."""
    monkeypatch.chdir(files)
    before = sorted(files.iterdir())
    code, out, err = seisml(monkeypatch, capsys, *words)
    assert (code > 0, out) == (True, "")
    assert problem in err
    assert "training without" not in err
    assert sorted(files.iterdir()) == before
